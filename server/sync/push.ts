import { IN_FLIGHT } from '../core/pace.ts';
import { GrantError, type UnderLease } from '../core/ports.ts';
import { ProblemError, problem } from '../core/problems.ts';
import type { Company } from '../core/company.ts';
import type { Actor, RecordStatus, StagedRecord, Tenant } from '../core/records.ts';
import { NO_RUN_COUNTS, PUSHABLE, settled, type Asked, type Run, type RunCounts } from '../core/run.ts';
import { hindranceOf, type Hindrance } from './capacity.ts';
import { booksOf, isMirrorStale, readClasses } from './classes.ts';
import { withFlights } from './flights.ts';
import { Interrupted, Lease } from './lease.ts';
import { passOver } from './pass.ts';
import { readAgain } from './reread.ts';
import { halt, untilAnswered, type Push } from './waiting.ts';
import type { World } from './world.ts';

/** Records read from Linarc again and claimed at a time. */
const REREAD = 200;
/** How long a stopping process waits for batches under way: most take no longer (quickbooks.md §5.2). */
const PARK = 6_500;
/** The longest a waiting run sleeps before it looks again whether it is still wanted. */
const WATCH = 1_000;

export interface StartedPush {
  /** Null when nothing selected can be pushed. */
  readonly run: Run | null;
  /** How many of the selected records can be pushed. */
  readonly pushable: number;
  /** True when the selection joined a run that was under way. */
  readonly joined: boolean;
  /** Selected records that stay out, by reason: a status, or `excluded`. */
  readonly skipped: Readonly<Record<string, number>>;
  /** What stands in the way of the whole, so that nothing was begun. */
  readonly hindrance: Hindrance | null;
}

/** What reading again may make ready, and so is worth a run. */
const RETRIABLE: readonly RecordStatus[] = [...PUSHABLE, 'needs_action'];

/**
 * Asks for the selected records to be synced: in the company's active run if there is one, else in a new one. Nothing waits for it. With
 * `reread`, records that wait for a person are read again too, and synced if that made them ready.
 */
export async function startPush(world: World, company: Tenant, actor: Actor, asked: Asked): Promise<StartedPush> {
  const taken = asked.reread ? RETRIABLE : PUSHABLE;
  const tally = Object.entries(await world.costCodes.tally(company, asked));
  const skipped = Object.fromEntries(tally.filter(([status, n]) => n > 0 && !taken.includes(status as RecordStatus)));
  const pushable = taken.reduce((sum, status) => sum + (tally.find(([of]) => of === status)?.[1] ?? 0), 0);
  if (pushable === 0) return { run: null, pushable, joined: false, skipped, hindrance: null };
  const hindrance = await hindranceOf(world, company, asked);
  if (hindrance !== null) return { run: null, pushable, joined: false, skipped, hindrance };

  const { run, joined } = await askFor(world, company, actor, asked);
  await world.dispatch.push(company, run.id);
  return { run, pushable, joined, skipped, hindrance: null };
}

async function askFor(world: World, company: Tenant, actor: Actor, asked: Asked): Promise<{ run: Run; joined: boolean }> {
  for (;;) {
    const active = await world.runs.active(company);
    const run = active
      ? await world.runs.ask(company, active.id, asked)
      : await world.runs.start(company, actor, asked, new Date(world.clock.now()));
    if (run) return { run, joined: active !== null };
  }
}

/** Sends off the runs nobody works on: new ones whose message was lost, and those a dead process left behind. */
export async function sweep(world: World): Promise<void> {
  for (const run of await world.runs.unheld(50)) await world.dispatch.push(run.company, run.id);
}

/**
 * Works on a run until it is settled, a person stops it, the lease is lost or the signal aborts. Safe to call for any run at any time
 * from any number of processes: only the holder of the lease does anything.
 */
export async function runPush(world: World, company: Tenant, runId: string, signal: AbortSignal): Promise<void> {
  const lease = await Lease.take(world, company, runId, signal);
  if (!lease) return;
  world.log.info({ company, run: runId, fence: lease.fence }, 'run taken');
  const over = new AbortController();
  try {
    await Promise.race([work(world, lease, signal), parked(world, signal, over.signal)]);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    world.log.info({ company, run: runId, why: error.why }, 'run left');
    if (error.why === 'wish') await heed(world, lease);
    if (error.why === 'stop') await world.runs.handOver(company, runId, lease.fence);
  } finally {
    over.abort();
    await lease.stop();
  }
}

/**
 * Throws Interrupted once a stop has waited for the batches under way as long as it may. Their outcome is unknown then, as after a
 * crash, and whoever takes the run over looks for it.
 */
async function parked(world: World, signal: AbortSignal, over: AbortSignal): Promise<never> {
  const either = AbortSignal.any([signal, over]);
  if (!either.aborted) await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }));
  if (!over.aborted) await world.clock.sleep(PARK, over);
  if (over.aborted) return new Promise(() => {});
  throw new Interrupted('stop');
}

async function work(world: World, lease: Lease, signal: AbortSignal): Promise<void> {
  const { company } = lease;
  const runId = lease.run.id;
  await begin(world, lease);
  if (lease.run.state === 'cancelling') throw new Interrupted('wish');
  const found = await world.companies.get(company);
  if (!found) throw new Error('the run belongs to no company');

  const first = await takeAsked(world, lease, found);
  const push: Push = { world, lease, settings: found.settings, connectedAt: found.connectedAt, books: await openBooks(world, lease, found.connectedAt), failures: 0, signal };
  const readAll = () => untilAnswered(push, () => readClasses(world, company, push.books, signal));
  if (isMirrorStale(world, found) || first.reread) await readAll();

  for (;;) {
    lease.check();
    const asked = await takeAsked(world, lease, found);
    if (asked.reread) await readAll();
    await world.costCodes.refence(company, runId, lease.fence);
    const level = await world.costCodes.openLevel(company, runId, lease.fence);
    if (level === null) {
      // A former holder may have put some in just now, which are gathered next.
      const open = await world.costCodes.openInRun(company, runId);
      if (open === 0 && (await finish(world, lease, 'finished', asked.taken))) return;
      continue;
    }
    const began = lease.time();
    if ((await passOver(push, level)) > 0) continue;
    const due = await world.costCodes.nextDue(company, runId);
    const isTriedAgain = due !== null && due > began;
    // Otherwise what is left wants names that others of it have, in a circle.
    if (isTriedAgain || (await passOver(push, level, true)) === 0) await rest(push, due);
  }
}

/**
 * Opens the run, or takes it over: what the former holder may have sent is noted on its records, its writes stop matching, and the counts
 * are taken from the records.
 */
async function begin(world: World, lease: Lease): Promise<void> {
  const { company, fence, run } = lease;
  await adoptSent(world, lease);
  await world.costCodes.refence(company, run.id, fence);
  const counts = await counted(world, run);
  const total = settled(counts) + (await world.costCodes.openInRun(company, run.id));
  const state = run.state === 'cancelling' ? run.state : 'running';
  const startedAt = run.startedAt ?? new Date(world.clock.now());
  const kept = await world.runs.write(company, run.id, fence, { state, startedAt, counts, total, waiting: null, problem: run.state === 'halted' ? null : run.problem });
  if (!kept) throw new Interrupted('lost');
}

/** Notes the batches whose answers nobody stored on their records. Before the records change hands: their token tells what is settled since. */
async function adoptSent(world: World, { company, fence, run }: Lease): Promise<void> {
  for (const batch of await world.intents.of(company, run.id)) {
    await world.costCodes.adopt(company, run.id, fence, batch);
    await world.intents.drop(company, batch);
  }
}

/** The counts as the records tell them: each counts once, however often the run settled it or lost count. */
async function counted(world: World, { company, id, counts: { released } }: Run): Promise<RunCounts> {
  return { ...NO_RUN_COUNTS, ...(await world.costCodes.settledIn(company, id)), released };
}

async function openBooks(world: World, lease: Lease, connectedAt: Date | null): Promise<Push['books']> {
  try {
    return withFlights(await booksOf(world, lease.company, (kind) => lease.reserve(kind)), IN_FLIGHT);
  } catch (error) {
    if (error instanceof GrantError) return halt({ world, lease, connectedAt }, problem('reconnect_needed'));
    throw error;
  }
}

/**
 * Claims the records of every selection asked for since the last look. Says how many selections have been taken in all, and whether one
 * of them asked to read again what stands outside.
 */
async function takeAsked(world: World, lease: Lease, company: Company): Promise<{ taken: number; reread: boolean }> {
  const run = await world.runs.get(lease.company, lease.run.id);
  if (!run) throw new Interrupted('lost');
  const asked = run.asked.slice(run.taken);
  if (asked.length === 0) return { taken: run.taken, reread: false };
  let total = run.total;
  for (const one of asked) {
    total += one.reread ? await claimAgain(world, lease, company, one) : await world.costCodes.claim(run.company, run.id, inTime(lease), one);
  }
  const kept = await world.runs.write(run.company, run.id, lease.fence, { taken: run.asked.length, total });
  if (!kept) throw new Interrupted('lost');
  return { taken: run.asked.length, reread: asked.some(({ reread }) => reread === true) };
}

/** Takes a step until it is certain that the lease had not run out meanwhile: what is asked too late is left alone, and nobody would claim it. */
function inTime(lease: Lease): UnderLease {
  return async (step) => {
    for (let sum = 0; ;) {
      const hold = lease.held;
      sum += await step(hold);
      if (await lease.lasted(hold)) return sum;
    }
  };
}

/**
 * Reads the selected records from Linarc again and claims what can be synced then, a part at a time: a worker that dies leaves no more
 * behind than the part it was at. When Linarc cannot be read the run says so and goes on without the rest, which stays as it is.
 */
async function claimAgain(world: World, lease: Lease, company: Company, asked: Asked): Promise<number> {
  const found: Pick<StagedRecord, 'id' | 'level'>[] = [];
  for await (const { id, level, status } of world.costCodes.stream(company.id, asked)) if (RETRIABLE.includes(status)) found.push({ id, level });
  // Parents first: one that a code of an earlier part draws in is neither read before nor asked for.
  const ids = found.sort((a, b) => a.level - b.level).map(({ id }) => id);
  const { fence, run } = lease;
  let claimed = 0;
  try {
    for (let from = 0; from < ids.length; from += REREAD) {
      lease.check();
      const part = ids.slice(from, from + REREAD);
      await readAgain(world, company, run.by, await world.costCodes.byIds(company.id, part));
      claimed += await world.costCodes.claim(company.id, run.id, inTime(lease), { kind: 'ids', ids: part, consent: asked.consent ?? [] });
    }
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    await world.runs.write(company.id, run.id, fence, { problem: error.problem });
  }
  return claimed;
}

/** Nothing could be worked on: waits until the first record is due, and says so, or until the windows open. */
async function rest(push: Push, nextDue: Date | null): Promise<void> {
  const due = nextDue === null ? 0 : nextDue.getTime() - push.lease.time().getTime();
  if (nextDue !== null && due > 0) await push.lease.say(problem('quickbooks_unreachable'), nextDue);
  await push.lease.pause(Math.min(WATCH, Math.max(50, due)));
}

/** A person paused or cancelled the run. Cancelling hands back what is open; what was sent is known or looked up by the next run. */
async function heed(world: World, lease: Lease): Promise<void> {
  const { company, fence } = lease;
  const run = await world.runs.get(company, lease.run.id);
  if (run?.state !== 'cancelling') return world.runs.handOver(company, lease.run.id, fence);
  await adoptSent(world, lease);
  const released = await world.costCodes.release(company, run.id, fence);
  await lease.count({ released });
  await finish(world, lease, 'cancelled', run.asked.length);
}

async function finish(world: World, lease: Lease, state: Run['state'], asked: number): Promise<boolean> {
  await lease.count({});
  const run = await world.runs.get(lease.company, lease.run.id);
  const counts = run && (await counted(world, run));
  if (counts) await world.runs.write(lease.company, lease.run.id, lease.fence, { counts, total: settled(counts) });
  const ended = await world.runs.end(lease.company, lease.run.id, lease.fence, { state, problem: run?.problem ?? null, at: new Date(world.clock.now()), asked });
  if (ended) world.log.info({ company: lease.company, run: lease.run.id, state }, 'run ended');
  return ended;
}
