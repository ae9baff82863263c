import { setTimeout as pause } from 'node:timers/promises';
import { refreshClasses } from '../server/sync/classes.ts';
import { BATCH } from '../server/core/pace.ts';
import { Fleet, type FleetCompany } from '../test/support/fleet.ts';
import { PEERS, type ClassRow } from './peers/strategies.ts';
import { nodeQuickBooks } from './peers/client.ts';

/** Milliseconds of QuickBooks' clock (quickbooks.md §5.2). */
const CALL = 400;
const BATCH_CALL = 6_000;
/** Milliseconds without a call after which nothing more is expected to be read by itself. */
const QUIET = 8_000;

interface Figures {
  readonly name: string;
  /** Seconds of QuickBooks' clock. */
  readonly took: number;
  readonly writes: number;
  readonly reads: number;
  readonly throttled: number;
}

interface Seen {
  readonly last: number;
  readonly calls: readonly { readonly realmId: string | null; readonly meter: 'Core' | 'CorePlus' | null; readonly operation: string; readonly status: number }[];
}

/**
 * How long a sync takes by QuickBooks' clock, beside other ways to make the same classes, all against the same sandbox with its limits on.
 * `--n`: sizes to compare at; `--alone`: sizes only ours is measured at; `--speed`: how many times faster the sandbox's clock runs;
 * `--parts 30`: QuickBooks counts the parts of a batch singly.
 */
export async function run({ n = '1000', alone = '10000', speed = '10', parts = '1' }: Readonly<Record<string, string>>): Promise<void> {
  const fleet = await Fleet.open({ speed: Number(speed) });
  try {
    await fleet.quickbooks.patch('/sandbox/switches', { callLatencyMs: CALL, batchLatencyMs: BATCH_CALL, batchItemsCount: parts });
    await fleet.start();
    const summary: string[] = [];
    for (const size of sizes(n)) summary.push(await compare(fleet, size, Number(speed)));
    for (const size of sizes(alone)) summary.push(await measureAlone(fleet, size, Number(speed)));
    process.stdout.write(`sync: ${summary.join('; ')}\n`);
  } finally {
    await fleet.close();
  }
}

const sizes = (list: string): number[] => list.split(',').map(Number).filter((size) => size > 0);

async function compare(fleet: Fleet, size: number, speed: number): Promise<string> {
  const { figures: ours, company, again } = await measureOurs(fleet, size, speed);
  const rows = await rowsOf(fleet, company);
  const peers = await Promise.all(PEERS.map(async ({ name, work }): Promise<Figures> => {
    const realm = await fleet.realm(name);
    const books = nodeQuickBooks(fleet.quickbooks, realm, speed);
    const began = performance.now();
    await work(rows, books);
    const took = ((performance.now() - began) * speed) / 1_000;
    return { name, took, ...(await seen(fleet, realm, 0)) };
  }));
  print(`${rows.length} classes, floor ${floorFor(rows.length)} s of QuickBooks' clock`, [ours, ...peers], floorFor(rows.length));
  process.stdout.write(`  again, unchanged: ${again}\n`);
  return `${rows.length} classes ${(ours.took / floorFor(rows.length)).toFixed(3)} x the floor, `
    + peers.map((peer) => `${(peer.took / ours.took).toFixed(1)} x faster than ${peer.name}`).join(', ');
}

async function measureAlone(fleet: Fleet, size: number, speed: number): Promise<string> {
  const { figures, company, again } = await measureOurs(fleet, size, speed);
  const { length } = await rowsOf(fleet, company);
  print(`${length} classes, floor ${floorFor(length)} s of QuickBooks' clock`, [figures], floorFor(length));
  process.stdout.write(`  again, unchanged: ${again}\n`);
  return `${length} classes ${(figures.took / floorFor(length)).toFixed(3)} x the floor, ${figures.throttled} throttled`;
}

/** Imports and syncs a library of so many codes with their divisions as parents, then reads all again and syncs again. */
async function measureOurs(fleet: Fleet, size: number, speed: number): Promise<{ figures: Figures; company: FleetCompany; again: string }> {
  await fleet.linarc.post('/sandbox/reset', { codes: size });
  const company = await fleet.company(`Ours ${size}`);
  await fleet.set(company, { structure: 'division' });
  await fleet.import(company);
  await fleet.sync(company);
  const { startedAt, endedAt, counts } = await fleet.runEnded(company);
  if (counts.failed + counts.needsAction + counts.released > 0) throw new Error(`Not every code was synced: ${JSON.stringify(counts)}`);
  const took = (((endedAt?.getTime() ?? 0) - (startedAt?.getTime() ?? 0)) * speed) / 1_000;
  const figures = { name: 'Linarc Class Sync', took, ...(await seen(fleet, company.realmId, 0)) };

  const last = await lastCall(fleet);
  await fleet.import(company);
  await refreshClasses(fleet.world, company.id);
  await fleet.sync(company);
  await fleet.runEnded(company);
  const { writes, reads } = await seen(fleet, company.realmId, last);
  return { figures, company, again: `${writes} writes, ${reads} reads` };
}

/** The number of the last call, once there are no more: after its first sync a company's whole list is read once, as every day. */
async function lastCall(fleet: Fleet): Promise<number> {
  for (let before = -1; ;) {
    const { last } = await fleet.quickbooks.get<Seen>(`/sandbox/calls?since=${Number.MAX_SAFE_INTEGER}`);
    if (last === before) return last;
    before = last;
    await pause(QUIET);
  }
}

/** What the company was asked since call `since`. A batch is one write. */
async function seen(fleet: Fleet, realmId: string, since: number): Promise<Pick<Figures, 'writes' | 'reads' | 'throttled'>> {
  const { calls } = await fleet.quickbooks.get<Seen>(`/sandbox/calls?since=${since}`);
  const own = calls.filter((call) => call.realmId === realmId);
  const isWrite = (call: Seen['calls'][number]) => call.meter === 'Core' || call.operation === 'batch';
  const taken = own.filter((call) => call.status === 200);
  return {
    writes: taken.filter(isWrite).length, reads: taken.filter((call) => call.meter === 'CorePlus').length,
    throttled: own.filter((call) => call.status === 429).length,
  };
}

/** The classes ours made, parents first: what the others are given to make. */
async function rowsOf(fleet: Fleet, company: FleetCompany): Promise<ClassRow[]> {
  const classes = await fleet.quickbooks.get<{ Id: string; Name: string; ParentRef?: { value: string } }[]>(`/sandbox/companies/${company.realmId}/classes`);
  const nameOf = new Map(classes.map(({ Id, Name }) => [Id, Name]));
  const rows = classes.map(({ Name, ParentRef }) => ({ name: Name, parent: ParentRef ? nameOf.get(ParentRef.value) ?? null : null }));
  return [...rows.filter(({ parent }) => parent === null), ...rows.filter(({ parent }) => parent !== null)];
}

/** quickbooks.md §5.2. */
function floorFor(classes: number): number {
  return 60 * Math.floor((Math.ceil(classes / BATCH) - 1) / 40) + BATCH_CALL / 1_000;
}

function print(title: string, figures: readonly Figures[], floor: number): void {
  process.stdout.write(`${title}\n`);
  for (const { name, took, writes, reads, throttled } of figures) {
    process.stdout.write(`  ${name.padEnd(38)} ${took.toFixed(0).padStart(7)} s  ${(took / floor).toFixed(3).padStart(8)} x floor  `
      + `${String(writes).padStart(6)} writes  ${String(reads).padStart(6)} reads  ${throttled} throttled\n`);
  }
}
