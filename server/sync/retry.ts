import { ProblemError, problem } from '../core/problems.ts';
import type { LibraryEntry } from '../core/ports.ts';
import type { Actor, StagedRecord, Tenant } from '../core/records.ts';
import type { Run } from '../core/run.ts';
import { statusOf } from '../core/stage.ts';
import { isOfTheCode } from '../core/plan.ts';
import { fact, stageEntries } from './import.ts';
import { startPush } from './push.ts';
import type { World } from './world.ts';

/**
 * Retries one record: reads it from Linarc again, stages what it finds, and has it synced (linarc.md point 19). `run` is null when what
 * Linarc holds still cannot be synced. Throws ProblemError when Linarc cannot be read; nothing is changed then.
 */
export async function retry(world: World, company: Tenant, actor: Actor, recordId: string): Promise<{ record: StagedRecord; run: Run | null; gone: boolean } | null> {
  const found = await world.companies.get(company);
  const record = await world.costCodes.get(company, recordId);
  if (!found || !record) return null;
  if (record.run !== null) return { record, run: await world.runs.active(company), gone: false };

  const key = await world.companies.libraryKey(company);
  if (!key) throw new ProblemError(problem('not_linked'));
  if (record.kind === 'cost_code') {
    const entry = (await world.library.entries(key, [record.linarcId])).find(isKnown);
    if (!entry) return { record: await markGone(world, company, actor, record), run: null, gone: true };
    await stageEntries(world, found, [entry], { onlyNew: false, by: actor });
  }
  const ready = await makeReady(world, company, recordId, found.settings.inactivate);
  if (!ready) return null;
  const started = await startPush(world, company, actor, { kind: 'ids', ids: [recordId] });
  return { record: ready, run: started.run, gone: false };
}

function isKnown(entry: LibraryEntry): entry is LibraryEntry & { linarcId: string } {
  return entry.linarcId !== null;
}

async function markGone(world: World, company: Tenant, actor: Actor, record: StagedRecord): Promise<StagedRecord> {
  const reason = problem('gone_from_linarc', { value: record.source.code });
  const at = new Date(world.clock.now());
  const changed = await world.costCodes.change(company, record.id, record.version, { goneAt: at, status: 'needs_action', problem: reason });
  if (changed) await world.history.add(company, [fact(world, record.id, actor, 'gone', [])]);
  return changed ?? record;
}

/** What QuickBooks or a missing mapping caused may be over, so the plan judges it anew; what Linarc's data lack still stands. */
async function makeReady(world: World, company: Tenant, recordId: string, inactivate: boolean): Promise<StagedRecord | null> {
  const record = await world.costCodes.get(company, recordId);
  if (!record || record.problem === null || isOfTheCode(record.problem) || record.status !== 'needs_action') return record;
  const status = statusOf({ ...record, problem: null }, inactivate);
  return (await world.costCodes.change(company, record.id, record.version, { status, problem: null })) ?? record;
}
