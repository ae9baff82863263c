import type { Company } from '../core/company.ts';
import { isOfTheCode } from '../core/plan.ts';
import { ProblemError, problem } from '../core/problems.ts';
import type { LibraryEntry, LibraryKey } from '../core/ports.ts';
import type { Actor, StagedRecord } from '../core/records.ts';
import { isFromSheet, statusOf } from '../core/stage.ts';
import { noteKey } from './refused.ts';
import { setGone, stageEntries, type Known } from './import.ts';
import type { World } from './world.ts';

/**
 * Reads these records from Linarc again, stages what it finds, and makes ready what the plan is to judge anew. Records in a run are left
 * alone, and so are the values of what only a spreadsheet told of. Throws ProblemError when Linarc cannot be read; nothing is changed then.
 */
export async function readAgain(world: World, company: Company, actor: Actor, records: readonly StagedRecord[]): Promise<void> {
  const own = records.filter(({ kind, linarcId, run }) => kind === 'cost_code' && !isFromSheet(linarcId) && run === null);
  if (own.length > 0) await readFromLinarc(world, company, actor, own);
  const now = await world.costCodes.byIds(company.id, records.map(({ id }) => id));
  for (const record of now) await makeReady(world, company, record);
}

async function readFromLinarc(world: World, company: Company, actor: Actor, records: readonly StagedRecord[]): Promise<void> {
  const key = await world.companies.libraryKey(company.id);
  if (!key) throw new ProblemError(problem('not_linked'));
  const entries = (await read(world, company, key, records)).filter(isKnown);
  const found = new Set(entries.map(({ linarcId }) => linarcId));
  for (const record of records) if (!found.has(record.linarcId)) await setGone(world, company, record, actor);
  await stageEntries(world, company, entries, { onlyNew: false, by: actor });
}

async function read(world: World, { id }: Company, key: LibraryKey, records: readonly StagedRecord[]): Promise<readonly LibraryEntry[]> {
  try {
    return await world.library.entries(key, records.map(({ linarcId }) => linarcId));
  } catch (error) {
    if (error instanceof ProblemError) await noteKey(world, id, error.problem);
    throw error;
  }
}

function isKnown(entry: LibraryEntry): entry is Known {
  return entry.linarcId !== null;
}

/** What QuickBooks or a missing mapping caused may be over, so the plan judges it anew; what Linarc's data lack still stands. */
async function makeReady(world: World, company: Company, record: StagedRecord): Promise<void> {
  if (record.problem === null || isOfTheCode(record.problem) || record.status !== 'needs_action' || record.goneAt !== null) return;
  const status = statusOf({ ...record, problem: null }, company.settings.inactivate);
  await world.costCodes.change(company.id, record.id, record.version, { status, problem: null });
}
