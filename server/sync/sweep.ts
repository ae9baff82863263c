import type { Company } from '../core/company.ts';
import { backOff, OVERLAP, TELLABLE, type ToldChange } from '../core/fresh.ts';
import { verdictOf } from '../core/outcome.ts';
import { BooksError, type Books } from '../core/ports.ts';
import type { QuickBooksClass } from '../core/records.ts';
import type { RunState } from '../core/run.ts';
import { refreshFacts } from './capacity.ts';
import { booksOf, isOutside, refreshClasses } from './classes.ts';
import { followMerges, judgeClasses } from './drift.ts';
import type { World } from './world.ts';

/** Changes followed together. */
const CHUNK = 1_000;
const LEASE = 2 * 60_000;
/**
 * So many classes are read by their ids, in one call; more by asking what changed, which is one call as well (quickbooks.md
 * §5.4).
 */
const BY_ID = 100;
/** States in which a run is at work, so that most of what is told is the echo of its own writes. */
const AT_WORK: ReadonlySet<RunState> = new Set(['queued', 'running', 'waiting', 'cancelling']);

/**
 * Follows what QuickBooks told: reads those classes again into the mirror and judges the records linked to them. Waits for a run
 * at work, which reads for itself. What cannot be followed now comes up again later.
 */
export async function followQuickBooks(world: World, company: Company): Promise<void> {
  if (await mustWait(world, company)) return;
  for (;;) {
    const told = await world.fresh.changes.take(company.id, 'quickbooks', CHUNK, LEASE);
    if (told.length === 0) return;
    const ids = told.map(({ id }) => id);
    const isConnected = company.connection === 'connected';
    const followed = isConnected && (await reading(world, company, () => follow(world, company, told)));
    const isOver = followed || company.connection === 'disconnected';
    if (isOver) await world.fresh.changes.settle(company.id, 'quickbooks', ids, new Date(world.clock.now()));
    else await world.fresh.changes.putOff(company.id, 'quickbooks', ids, backOff(Math.min(...told.map(({ tries }) => tries))));
  }
}

/** Whether calls of no run must wait: one is at work, whose calls leave no room for others, or QuickBooks asked the last one to wait. */
export async function mustWait({ runs, clock, pace }: World, company: Company): Promise<boolean> {
  const [last] = await runs.recent(company.id, 1);
  if (!last) return false;
  return (last.active && AT_WORK.has(last.state)) || last.windows.closedUntil > clock.now() * pace.speed;
}

async function follow(world: World, company: Company, told: readonly ToldChange[]): Promise<void> {
  const ids = [...new Set(told.map(({ subject }) => subject))];
  if (ids.length > BY_ID) return catchUp(world, company);
  const merged = new Map(told.flatMap(({ subject, into }) => (into === undefined ? [] : [[subject, into] as const])));
  await readAgain(world, company, await booksOf(world, company.id), ids, [], merged);
}

/**
 * Reads everything that changed in QuickBooks since the last sweep, in one call; all classes where QuickBooks cannot tell that
 * any more. The plan and class tracking are read with it, so that people are told of a change within a day. Logs why it could not
 * (quickbooks.md §3.4).
 */
export async function sweepQuickBooks(world: World, company: Company): Promise<void> {
  await reading(world, company, async () => {
    await catchUp(world, company);
    await refreshFacts(world, company.id);
  });
}

async function catchUp(world: World, company: Company): Promise<void> {
  const begun = new Date(world.clock.now());
  const { sweptAt = null } = (await world.fresh.rounds.upkeep(company.id)) ?? {};
  const isTellable = sweptAt !== null && begun.getTime() - sweptAt.getTime() < TELLABLE;
  const books = await booksOf(world, company.id);
  const told = isTellable ? await books.changedSince(new Date(sweptAt.getTime() - OVERLAP)) : null;
  if (!told?.complete) return void (await refreshClasses(world, company.id));
  // An inactive class may be called deleted; only reading it tells (quickbooks.md §10.2).
  await readAgain(world, company, books, told.deleted, told.classes);
  await world.fresh.rounds.save(company.id, { sweptAt: begun });
  const found = { changed: told.classes.length, deleted: told.deleted.length };
  world.log.info({ company: company.id, ...found }, 'swept up changes in QuickBooks');
}

/**
 * Brings the mirror to these classes as QuickBooks has them, by id or already read, and judges what hangs on them. `merged`: classes that
 * were merged away, and into which.
 */
async function readAgain(
  world: World,
  company: Company,
  books: Books,
  ids: readonly string[],
  read: readonly QuickBooksClass[],
  merged: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const found = ids.length === 0 ? [] : await books.byIds(ids);
  const there = new Set(found.map(({ id }) => id));
  await world.classes.save(company.id, [...read, ...found]);
  const gone = ids.filter((id) => !there.has(id));
  await world.classes.drop(company.id, gone);
  await followMerges(world, company.id, new Map([...merged].filter(([id, into]) => gone.includes(id) && there.has(into))));
  await judgeClasses(world, company, [...ids, ...read.map(({ id }) => id)]);
}

/** Whether it was done; false, with a line in the log, when QuickBooks or the way to it failed. */
async function reading(world: World, company: Company, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!isOutside(error)) throw error;
    world.log.warn({ company: company.id, error: error.name }, 'QuickBooks could not be read for changes');
    if (error instanceof BooksError) await noteDeadGrant(world, company, error);
    return false;
  }
}

/** A refusal that only a person can mend shows on the connection at once, not with the next sync. */
async function noteDeadGrant(world: World, { id, connectedAt }: Company, { refusal }: BooksError): Promise<void> {
  const verdict = verdictOf(refusal, 0);
  if (verdict.kind !== 'halt' || verdict.problem.code !== 'reconnect_needed') return;
  await world.companies.setConnection(id, 'needs_reconnect', new Date(world.clock.now()), { connectedAt });
}
