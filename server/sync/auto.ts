import type { Company } from '../core/company.ts';
import { backOff, FULL_LOOK, isAutomatic, OVERLAP, stagesItself, type OpenChange, type ToldChange } from '../core/fresh.ts';
import { contentHash } from '../core/names.ts';
import { ProblemError, type Problem } from '../core/problems.ts';
import type { LibraryKey } from '../core/ports.ts';
import type { Actor, StagedRecord } from '../core/records.ts';
import { isFromSheet } from '../core/stage.ts';
import { pushItself } from './autopush.ts';
import { setGone, stageEntries, type Known } from './import.ts';
import { noteKey } from './refused.ts';
import { subscribe } from './told.ts';
import type { World } from './world.ts';

const IN_LINARC: Actor = { kind: 'automatic', what: 'Change in Linarc' };
/** Changes followed together: what Linarc reads in a few calls. */
const CHUNK = 300;
/** How long the changes taken stay with one process. */
const LEASE = 2 * 60_000;

/**
 * Follows what Linarc told: reads those codes again and stages what the company chose to have staged by itself, then pushes it,
 * if it chose that too. What cannot be followed now comes up again later.
 */
export async function followLinarc(world: World, company: Company): Promise<void> {
  for (;;) {
    const told = await world.fresh.changes.take(company.id, 'linarc', CHUNK, LEASE);
    if (told.length === 0) return;
    const left = await follow(world, company, told);
    const settled = told.filter(({ subject }) => !left.has(subject));
    await world.fresh.changes.settle(company.id, 'linarc', settled.map(({ id }) => id), new Date(world.clock.now()));
    for (const change of told.filter(({ subject }) => left.has(subject))) {
      await world.fresh.changes.putOff(company.id, 'linarc', [change.id], backOff(change.tries));
    }
  }
}

/** Returns the subjects that are not done with. */
async function follow(world: World, company: Company, told: readonly OpenChange[]): Promise<ReadonlySet<string>> {
  const key = isAutomatic(company.settings) ? await world.companies.libraryKey(company.id) : null;
  if (!key) return new Set();
  const subjects = [...new Set(told.map(({ subject }) => subject))];
  try {
    const inRun = await restage(world, company, key, subjects);
    await noteTrouble(world, company, null);
    const unpushed = company.settings.autoPush ? await pushItself(world, company, subjects) : [];
    return new Set([...inRun, ...unpushed]);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    await noteTrouble(world, company, error.problem);
    return new Set(subjects);
  }
}

/** Stages these codes as Linarc has them now. Returns those gone from Linarc that a run has in hand. Throws ProblemError. */
async function restage(world: World, company: Company, key: LibraryKey, subjects: readonly string[]): Promise<readonly string[]> {
  const before = await stagedBefore(world, company, subjects);
  const entries = (await world.library.entries(key, subjects)).filter((entry): entry is Known => entry.linarcId !== null);
  const wanted = entries.filter(({ linarcId }) => stagesItself(company.settings, before.has(linarcId)));
  if (wanted.length > 0) await stageEntries(world, company, wanted, { onlyNew: false, by: IN_LINARC });

  const there = new Set(entries.map(({ linarcId }) => linarcId));
  const gone = [...before.values()].filter((record) => !there.has(record.linarcId) && record.goneAt === null);
  const left: string[] = [];
  for (const record of stagesItself(company.settings, true) ? gone : []) {
    if (!(await setGone(world, company, record, IN_LINARC))) left.push(record.linarcId);
  }
  return left;
}

async function stagedBefore(
  world: World,
  company: Company,
  linarcIds: readonly string[],
): Promise<ReadonlyMap<string, StagedRecord>> {
  const records = await world.costCodes.byLinarcIds(company.id, linarcIds);
  return new Map(records.filter(({ kind }) => kind === 'cost_code').map((record) => [record.linarcId, record]));
}

/** Remembers since when Linarc cannot be read, for the people to be told in time (linarc.md point 22). */
async function noteTrouble(world: World, company: Company, found: Problem | null): Promise<void> {
  await noteKey(world, company.id, found);
  const known = (await world.fresh.rounds.upkeep(company.id))?.trouble ?? null;
  if (found === null && known === null) return;
  if (found !== null && known?.problem.code === found.code) return;
  const since = known?.since ?? new Date(world.clock.now());
  await world.fresh.rounds.save(company.id, { trouble: found && { problem: { ...found, raw: null }, since } });
}

/**
 * Looks for changes nobody told of: all since the last look, and once a day the whole library, which alone shows what is gone.
 * What it finds is kept like a change that was told, and followed in the same way. Logs why it could not look.
 */
export async function lookAtLinarc(world: World, company: Company): Promise<void> {
  const key = await world.companies.libraryKey(company.id);
  const upkeep = await world.fresh.rounds.upkeep(company.id);
  if (!key || !upkeep || !isAutomatic(company.settings)) return;
  const begun = new Date(world.clock.now());
  const { lookedAt, lookedFullyAt } = upkeep;
  const whole = lookedAt === null || lookedFullyAt === null || begun.getTime() - lookedFullyAt.getTime() > FULL_LOOK;
  try {
    await subscribe(world, company.id);
    const found = await findChanges(world, company, key, whole ? null : new Date(lookedAt.getTime() - OVERLAP));
    await noteTrouble(world, company, null);
    await world.fresh.rounds.save(company.id, { lookedAt: begun, ...(whole ? { lookedFullyAt: begun } : {}) });
    world.log.info({ company: company.id, whole, found }, 'looked for changes in Linarc');
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    world.log.warn({ company: company.id, problem: error.problem.code }, 'Linarc could not be looked at');
    await noteTrouble(world, company, error.problem);
  }
}

/**
 * Reads what changed since then, or everything, and keeps what differs from what is staged. Returns how many. Throws
 * ProblemError.
 */
async function findChanges(world: World, company: Company, key: LibraryKey, since: Date | null): Promise<number> {
  const seen = new Set<string>();
  let found = 0;
  const keep = async (subjects: readonly string[], kind: ToldChange['kind']) => {
    const round = world.random.hex(8);
    const told = subjects.map((subject): ToldChange => ({ id: `look.${round}.${subject}`, teller: 'linarc', subject, kind }));
    found += await world.fresh.changes.tell(company.id, told, new Date(world.clock.now()));
  };

  for await (const { entries } of world.library.pages(key, since === null ? {} : { updatedSince: since })) {
    const known = entries.filter((entry): entry is Known => entry.linarcId !== null);
    const before = await stagedBefore(world, company, known.map(({ linarcId }) => linarcId));
    for (const { linarcId } of known) seen.add(linarcId);
    const moved = known.filter((entry) => isNews(company, entry, before.get(entry.linarcId)));
    await keep(moved.map(({ linarcId }) => linarcId), 'updated');
  }
  if (since === null && company.settings.autoUpdate) await keep(await missing(world, company, seen), 'deleted');
  return found;
}

/**
 * Whether Linarc moved, and the company wants that staged. A changed naming rule is no news: applying it is a person's decision.
 */
function isNews({ settings }: Company, { raw }: Known, before: StagedRecord | undefined): boolean {
  if (!stagesItself(settings, before !== undefined)) return false;
  return before === undefined || before.goneAt !== null || before.sourceHash !== contentHash(raw);
}

/** What is staged and was not among all that Linarc has. */
async function missing(world: World, company: Company, seen: ReadonlySet<string>): Promise<string[]> {
  const absent: string[] = [];
  for await (const linarcId of world.costCodes.linarcIds(company.id)) {
    if (!seen.has(linarcId) && !isFromSheet(linarcId)) absent.push(linarcId);
  }
  const records = await world.costCodes.byLinarcIds(company.id, absent);
  return records.filter((record) => record.goneAt === null).map(({ linarcId }) => linarcId);
}
