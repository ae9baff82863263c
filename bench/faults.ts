import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Fleet, type FleetCompany } from '../test/support/fleet.ts';
import { agreement, randomKills, together, Victim, type Agreement, type CrashPoint } from '../test/support/havoc.ts';
import { launch } from '../test/support/process.ts';
import { until } from '../test/support/waiting.ts';
import { PEERS, type ClassRow } from './peers/strategies.ts';
import { readLedger, type PeerJob } from './peers/ledger.ts';

const SPEED = 30;
/** Milliseconds of QuickBooks' clock (quickbooks.md §5.2). */
const LATENCY = { callLatencyMs: 400, batchLatencyMs: 6_000 };
const PEER_CODES = 200;

/**
 * Real processes in trouble: killed at random moments (`--kills`), at every write to database and QuickBooks (`--points`: every how
 * manyth), paused for three leases, told to stop, without their database, without QuickBooks for ten minutes of its clock; and the
 * other ways to make classes under the same kills (`--rounds random,writes,trouble,peers` names which). Afterwards what store and screen
 * say is compared with what QuickBooks holds.
 */
export async function run({ kills = '200', points = '1', rounds = 'random,writes,trouble,peers' }: Readonly<Record<string, string>>): Promise<void> {
  const asked = rounds.split(',');
  const all: Agreement[] = [];
  const report = (what: string, found: Agreement) => {
    all.push(found);
    process.stdout.write(`${what.padEnd(64)} ${String(found.codes).padStart(6)} codes  ${found.duplicates} duplicates  ${found.losses} losses  ${found.stuck} stuck  ${found.misshown} shown wrongly\n`);
  };
  if (asked.includes('random')) await atRandom(Number(kills), report);
  if (asked.includes('writes')) await atEveryWrite(Number(points), report);
  if (asked.includes('trouble')) await inOtherTrouble(report);
  const peers = asked.includes('peers') ? await peersKilled(Math.max(1, Math.round(Number(kills) / 20))) : [];
  const { codes, duplicates, losses, stuck, misshown } = together(all);
  const ours = codes === 0 ? [] : [`ours ${duplicates} duplicates, ${losses} losses, ${stuck} stuck, ${misshown} shown wrongly of ${codes} codes`];
  process.stdout.write(`faults: ${[...ours, ...peers].join('; ')}\n`);
}

type Report = (what: string, found: Agreement) => void;

async function withFleet(codes: number, work: (fleet: Fleet) => Promise<void>): Promise<void> {
  const fleet = await Fleet.open({ codes, speed: SPEED });
  try {
    await fleet.quickbooks.patch('/sandbox/switches', LATENCY);
    await work(fleet);
  } finally {
    await fleet.close();
  }
}

async function begun(fleet: Fleet, name: string): Promise<FleetCompany> {
  const company = await fleet.company(name);
  await fleet.set(company, { structure: 'division' });
  await fleet.import(company);
  await fleet.sync(company);
  await until('classes to appear', async () => (await fleet.classes(company)).length > 0, 60_000);
  return company;
}

const atRandom = (kills: number, report: Report) => withFleet(500, async (fleet) => {
  const round = await randomKills(fleet, { companies: 3, apps: 4, kills, pause: 700, random: Math.random });
  report(`kill -9 at ${round.kills} random moments, 4 processes`, round.agreement);
});

const atEveryWrite = (every: number, report: Report) => withFleet(40, async (fleet) => {
  const victim = await Victim.start(fleet);
  try {
    const added = async (name: string) => {
      const company = await fleet.company(name);
      await fleet.import(company);
      return company;
    };
    const writes = await victim.rehearse(await added('Rehearsal'));
    const found: Agreement[] = [];
    for (const at of ['QuickBooks', 'database'] as const) {
      for (let n = 1; n <= writes[at]; n += at === 'database' ? every : 1) {
        for (const when of ['before', 'after'] as const) {
          const point: CrashPoint = { at, n, when };
          const company = await added(JSON.stringify(point));
          if (await victim.crash(company, point)) found.push(await agreement(fleet, company));
        }
      }
    }
    report(`kill -9 at ${found.length} enumerated writes, before and after each`, together(found));
  } finally {
    await victim.close();
  }
});

const inOtherTrouble = (report: Report) => withFleet(600, async (fleet) => {
  await Promise.all([fleet.start(), fleet.start()]);
  const paused = await begun(fleet, 'Paused');
  const sleeper = await until('a holder', () => fleet.holder(paused));
  sleeper.signal('SIGSTOP');
  await pause(30_000);
  sleeper.signal('SIGCONT');
  await fleet.runEnded(paused);
  report('SIGSTOP for three leases', await agreement(fleet, paused));

  const stopped = await begun(fleet, 'Stopped');
  const leaver = await until('a holder', () => fleet.holder(stopped));
  const asked = performance.now();
  leaver.signal('SIGTERM');
  await leaver.ended;
  const exit = (performance.now() - asked) / 1_000;
  await until('another holder', async () => {
    const holder = await fleet.holder(stopped);
    return (holder !== null && holder !== leaver) || !(await fleet.world.runs.active(stopped.id));
  });
  const takeover = (performance.now() - asked) / 1_000 - exit;
  await fleet.kill(leaver);
  await fleet.start();
  await fleet.runEnded(stopped);
  report(`SIGTERM under load: exit after ${exit.toFixed(1)} s, taken over ${takeover.toFixed(1)} s later`, await agreement(fleet, stopped));

  const killed = await begun(fleet, 'Killed');
  const victim = await until('a holder', () => fleet.holder(killed));
  await fleet.kill(victim);
  const died = performance.now();
  await until('another holder', () => fleet.holder(killed), 60_000);
  const resumed = (performance.now() - died) / 1_000;
  await fleet.start();
  await fleet.runEnded(killed);
  report(`kill -9 under load: resumed after ${resumed.toFixed(1)} s`, await agreement(fleet, killed));

  const without = await begun(fleet, 'Without');
  await fleet.interruptDatabase(5_000);
  await fleet.runEnded(without);
  report('MongoDB stopped for 5 s and started again', await agreement(fleet, without));

  const down = await begun(fleet, 'Down');
  await fleet.quickbooks.post('/sandbox/faults', { match: { path: down.realmId }, fault: { kind: 'status', status: 503 }, times: 100_000 });
  await pause((10 * 60_000) / SPEED);
  await fleet.quickbooks.delete('/sandbox/faults');
  await fleet.runEnded(down);
  report('QuickBooks down for ten minutes of its clock', await agreement(fleet, down));
});

/** The other ways, each killed so often while at work and started again with what it remembers. */
async function peersKilled(kills: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'peers-'));
  const told: string[] = [];
  try {
    await withFleet(1, async (fleet) => {
      // The app makes itself known to QuickBooks, which then gives grants for it.
      await fleet.start();
      const rows: ClassRow[] = Array.from({ length: PEER_CODES }, (_, n) => ({ name: `${n + 1} Code`, parent: null }));
      for (const { name } of PEERS) {
        const realmId = await fleet.realm(name);
        const job: PeerJob = { peer: name, sandboxUrl: fleet.quickbooks.url, realmId, speed: SPEED, rows, ledger: join(folder, `${realmId}.jsonl`) };
        const file = join(folder, `${realmId}.json`);
        writeFileSync(file, JSON.stringify(job));
        const work = () => launch('node', ['dist/bench/peers/worker.js', file], {});
        for (let n = 0; n < kills; n += 1) {
          const made = readLedger(job.ledger).length;
          const program = work();
          await until('it to be at work', async () => readLedger(job.ledger).length > Math.min(made + 2, PEER_CODES - 1), 60_000);
          await pause(Math.random() * 100);
          await program.kill();
        }
        await work().ended;
        const ledger = new Map(readLedger(job.ledger).map((line) => [line.name, line.id]));
        const there = (await fleet.classes({ realmId })).map((one) => one.Name);
        const found = {
          duplicates: there.length - new Set(there).size,
          losses: rows.filter((row) => !there.includes(row.name)).length,
          stuck: rows.filter((row) => !ledger.get(row.name)).length,
        };
        told.push(`${name} ${found.duplicates} duplicates, ${found.losses} losses, ${found.stuck} stuck of ${PEER_CODES} after ${kills} kills`);
      }
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return told;
}
