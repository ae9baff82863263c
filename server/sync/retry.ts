import { isFromSheet } from '../core/stage.ts';
import type { Actor, StagedRecord, Tenant } from '../core/records.ts';
import type { Run } from '../core/run.ts';
import type { Hindrance } from './capacity.ts';
import { startPush } from './push.ts';
import { readAgain } from './reread.ts';
import type { World } from './world.ts';

export interface Retried {
  readonly record: StagedRecord;
  readonly run: Run | null;
  readonly gone: boolean;
  /** Where the values are from: read from Linarc just now, or those of the last imported file. */
  readonly source: 'linarc' | 'spreadsheet';
  /** Why it was not begun though it could be synced. */
  readonly hindrance: Hindrance | null;
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
  if (record.run !== null) return { record, run: await world.runs.active(company), gone: false, source, hindrance: null };

  await readAgain(world, found, actor, [record]);
  const ready = await world.costCodes.get(company, recordId);
  if (!ready) return null;
  if (ready.goneAt !== null) return { record: ready, run: null, gone: true, source, hindrance: null };
  const started = await startPush(world, company, actor, { kind: 'ids', ids: [recordId] });
  return { record: ready, run: started.run, gone: false, source, hindrance: started.hindrance };
}
