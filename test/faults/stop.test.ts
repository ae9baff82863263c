import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { Fleet, type App, type FleetCompany } from '../support/fleet.ts';
import { until } from '../support/waiting.ts';

const CODES = 600;

describe('A process that is told to stop in the middle of a sync', function () {
  this.timeout(120_000);
  let fleet: Fleet;
  let company: FleetCompany;

  before(() => execFileSync('node', ['server/prepare.mjs', 'build'], { stdio: 'pipe' }));
  beforeEach(async () => {
    fleet = await Fleet.open({ codes: CODES, speed: 20 });
    await Promise.all([fleet.start(), fleet.start()]);
    company = await fleet.company('Stopped');
    await fleet.import(company);
  });
  afterEach(() => fleet?.close());

  /** The process that holds the run's lease, and the other one. */
  const holder = () => until('a process to take the run', async () => {
    const holding = await fleet.holder(company);
    const run = await fleet.world.runs.active(company.id);
    return holding && { holding, other: fleet.apps.find((app) => app !== holding) as App, fence: run?.lease?.fence ?? 0 };
  }, 30_000);

  const oneClassPerCode = async () => {
    const run = await fleet.runEnded(company, 90_000);
    expect(run).to.deep.include({ state: 'finished', total: CODES });
    expect(run.counts).to.include({ created: CODES, failed: 0, released: 0 });
    const names = (await fleet.classes(company)).map(({ Name }) => Name.toLowerCase());
    expect(names).to.have.length(CODES);
    expect(new Set(names)).to.have.property('size', CODES);
  };

  it('counts as not ready at once, ends with nothing unknown, and another process goes on', async () => {
    await fleet.quickbooks.patch('/sandbox/switches', { batchLatencyMs: 20_000 });
    await fleet.sync(company);
    const { holding, other, fence } = await holder();
    await until('batches under way', async () => (await fleet.world.intents.of(company.id, (await fleet.world.runs.active(company.id))?.id ?? '')).length > 0);
    holding.signal('SIGTERM');
    await until('it to be not ready, while it still answers', async () => (await fetch(`${holding.url}/readyz`)).status === 503);
    expect((await fetch(`${other.url}/readyz`)).status).to.equal(200);
    expect(await holding.ended).to.equal(0);
    const taken = await until('the other process to take over', async () => {
      const run = await fleet.world.runs.active(company.id);
      return run?.lease?.owner.includes(`-${other.pid}-`) && run;
    });
    expect(taken.lease?.fence).to.equal(fence + 1);
    await fleet.quickbooks.patch('/sandbox/switches', { batchLatencyMs: 0 });
    await oneClassPerCode();
    // Nothing had to be looked for: the batches under way were waited for.
    expect((await fleet.calls(company)).filter(({ query }) => /\b(?:Name|Id) in /i.test(query ?? ''))).to.deep.equal([]);
  });

  it('ends in time though QuickBooks has not answered, and the other process looks before it sends again', async () => {
    await fleet.quickbooks.patch('/sandbox/switches', { batchLatencyMs: 110_000 });
    await fleet.quickbooks.post('/sandbox/faults', { match: { operation: 'batch' }, fault: { kind: 'delay', ms: 20_000 }, times: 3 });
    await fleet.sync(company);
    const { holding } = await holder();
    await until('batches under way', async () => (await fleet.metrics(holding)).includes('quickbooks_window_fullness{window="batches_60s"} 0.25'));
    holding.signal('SIGTERM');
    const asked = Date.now();
    expect(await holding.ended).to.equal(0);
    expect(Date.now() - asked).to.be.below(10_000);
    await fleet.quickbooks.patch('/sandbox/switches', { batchLatencyMs: 0 });
    await oneClassPerCode();
  });
});
