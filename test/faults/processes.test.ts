import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { Fleet, type FleetCompany } from '../support/fleet.ts';
import { agreement, randomKills, Victim, type CrashPoint } from '../support/havoc.ts';
import { until } from '../support/waiting.ts';

/** Faults that happen to real processes on one database and one sandbox. `npm run bench -- faults` does the same at length. */
describe('Real processes in trouble', function () {
  this.timeout(180_000);
  let fleet: Fleet;

  const open = async (codes: number, speed: number) => {
    fleet = await Fleet.open({ codes, speed });
  };
  const begun = async (name: string): Promise<FleetCompany> => {
    const company = await fleet.company(name);
    await fleet.import(company);
    await fleet.sync(company);
    await until('classes to appear', async () => (await fleet.classes(company)).length > 0);
    return company;
  };
  const settled = async (company: FleetCompany, codes: number) => {
    const run = await fleet.runEnded(company, 120_000);
    expect(run).to.deep.include({ state: 'finished', total: codes });
    expect(await agreement(fleet, company)).to.deep.equal({ codes, duplicates: 0, losses: 0, stuck: 0, misshown: 0 });
  };

  before(() => execFileSync('node', ['server/prepare.mjs', 'build'], { stdio: 'pipe' }));
  afterEach(() => fleet?.close());

  it('killed at a write to the database or to QuickBooks, before or after it was done, make each class once', async () => {
    await open(35, 60);
    const victim = await Victim.start(fleet);
    try {
      const points: CrashPoint[] = [
        { at: 'QuickBooks', n: 1, when: 'before' }, { at: 'QuickBooks', n: 2, when: 'after' },
        { at: 'database', n: 8, when: 'after' },
      ];
      for (const point of points) {
        const company = await fleet.company(JSON.stringify(point));
        await fleet.import(company);
        expect(await victim.crash(company, point), 'it was killed there').to.equal(true);
        expect(await agreement(fleet, company), JSON.stringify(point)).to.deep.equal({ codes: 35, duplicates: 0, losses: 0, stuck: 0, misshown: 0 });
      }
    } finally {
      await victim.close();
    }
  });

  it('killed at random moments leave one class per code, and nothing stuck', async () => {
    await open(300, 30);
    await fleet.quickbooks.patch('/sandbox/switches', { batchLatencyMs: 6_000 });
    const { agreement: found, kills } = await randomKills(fleet, { companies: 2, apps: 3, kills: 5, pause: 1_000, random: Math.random });
    expect(kills).to.equal(5);
    expect(found).to.include({ duplicates: 0, losses: 0, stuck: 0, misshown: 0 });
  });

  it('paused for three leases, write nothing when they wake up; another has done the work', async () => {
    await open(450, 20);
    await Promise.all([fleet.start(), fleet.start()]);
    await fleet.quickbooks.patch('/sandbox/switches', { batchLatencyMs: 20_000 });
    const company = await begun('Paused');
    const paused = await until('a holder', () => fleet.holder(company));
    paused.signal('SIGSTOP');
    await until('another process to take the run', async () => {
      const holder = await fleet.holder(company);
      return holder !== null && holder !== paused;
    }, 40_000);
    await fleet.quickbooks.patch('/sandbox/switches', { batchLatencyMs: 0 });
    await fleet.runEnded(company, 90_000);
    paused.signal('SIGCONT');
    await until('the paused process to answer again', async () => (await fetch(`${paused.url}/readyz`)).ok);
    // It may answer before it has asked for its lease.
    await until('the paused process to find its lease lost', async () => /run_leases_total\{event="lost"\} [1-9]/.test(await fleet.metrics(paused)));
    await settled(company, 450);
  });

  it('go on by themselves when database and QuickBooks were away, and the screen says what is true', async () => {
    await open(300, 60);
    await fleet.start();
    await fleet.quickbooks.patch('/sandbox/switches', { batchLatencyMs: 6_000 });
    const company = await begun('Without');
    await fleet.interruptDatabase(2_000);
    // Ten minutes of QuickBooks' clock.
    await fleet.quickbooks.post('/sandbox/faults', { match: { path: company.realmId }, fault: { kind: 'status', status: 503 }, times: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, (10 * 60_000) / 60));
    await fleet.quickbooks.delete('/sandbox/faults');
    await settled(company, 300);
    const screen = await fleet.visit(company);
    expect(screen.words).to.include('All 300').and.include('Synced 300').and.include('Failed 0');
  });
});
