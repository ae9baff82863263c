import { ProblemError, problem } from '../core/problems.ts';
import type { LibraryEntry } from '../core/ports.ts';
import type { Actor, StagedRecord, Tenant } from '../core/records.ts';
import type { Run } from '../core/run.ts';
import { isFromSheet, statusOf } from '../core/stage.ts';
import { isOfTheCode } from '../core/plan.ts';
import { setGone, stageEntries, type Known } from './import.ts';
import { startPush } from './push.ts';
import type { World } from './world.ts';

export interface Retried {
  readonly record: StagedRecord;
  readonly run: Run | null;
  readonly gone: boolean;
  /** Where the values are from: read from Linarc just now, or those of the last imported file. */
  readonly source: 'linarc' | 'spreadsheet';
}

/**
 * Retries one record: reads it from Linarc again, stages what it finds, and has it synced (linarc.md point 19). What only a spreadsheet
 * told of keeps the last file's values. `run` is null when what is staged still cannot be synced. Throws ProblemError when Linarc cannot
 * be read; nothing is changed then.
 */
export async function retry(world: World, company: Tenant, actor: Actor, recordId: string): Promise<Retried | null> {
  const found = await world.companies.get(company);
  const record = await world.costCodes.get(company, recordId);
  if (!found || !record) return null;
  const source = isFromSheet(record.linarcId) ? 'spreadsheet' : 'linarc';
  if (record.run !== null) return { record, run: await world.runs.active(company), gone: false, source };

  if (record.kind === 'cost_code' && source === 'linarc') {
    const entry = await readAgain(world, company, record);
    if (!entry) return { record: (await setGone(world, found, record, actor)) ?? record, run: null, gone: true, source };
    await stageEntries(world, found, [entry], { onlyNew: false, by: actor });
  }
  const ready = await makeReady(world, company, recordId, found.settings.inactivate);
  if (!ready) return null;
  const started = await startPush(world, company, actor, { kind: 'ids', ids: [recordId] });
  return { record: ready, run: started.run, gone: false, source };
}

async function readAgain(world: World, company: Tenant, record: StagedRecord): Promise<Known | undefined> {
  const key = await world.companies.libraryKey(company);
  if (!key) throw new ProblemError(problem('not_linked'));
  return (await world.library.entries(key, [record.linarcId])).find(isKnown);
}

function isKnown(entry: LibraryEntry): entry is Known {
  return entry.linarcId !== null;
}

/** What QuickBooks or a missing mapping caused may be over, so the plan judges it anew; what Linarc's data lack still stands. */
async function makeReady(world: World, company: Tenant, recordId: string, inactivate: boolean): Promise<StagedRecord | null> {
  const record = await world.costCodes.get(company, recordId);
  if (!record || record.problem === null || isOfTheCode(record.problem) || record.status !== 'needs_action') return record;
  const status = statusOf({ ...record, problem: null }, inactivate);
  return (await world.costCodes.change(company, record.id, record.version, { status, problem: null })) ?? record;
}
