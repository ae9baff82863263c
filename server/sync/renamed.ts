import type { Company } from '../core/company.ts';
import { fold } from '../core/names.ts';
import type { Actor, CostCode, StagedRecord, Tenant } from '../core/records.ts';
import { isFromSheet, sheetId, statusOf } from '../core/stage.ts';
import { fact, recheckCollisions, stageEntries } from './import.ts';
import type { World } from './world.ts';

/**
 * A person's answer to `perhaps_renamed` (linarc.md point 8). `new`: the record is a code of its own, ready to be synced.
 * `renamed`: the record of the former code goes on under the new code, its class with it, and this one is left out. Returns the
 * record that goes on; null when there is nothing to decide any more, or either of them is in a run.
 */
export async function settleRename(
  world: World,
  company: Tenant,
  actor: Actor,
  recordId: string,
  answer: 'renamed' | 'new',
): Promise<StagedRecord | null> {
  const found = await world.companies.get(company);
  const record = await world.costCodes.get(company, recordId);
  if (!found || record?.problem?.code !== 'perhaps_renamed' || record.run !== null) return null;
  if (answer === 'new') return takeAsNew(world, found, actor, record);

  const former = await formerOf(world, company, record);
  if (!former || !(await leaveOut(world, company, actor, record, former))) return null;
  const entry = { linarcId: former.linarcId, raw: record.raw, costCode: joined(record.source, former.source), unreadable: null };
  await stageEntries(world, found, [entry], { onlyNew: false, by: actor });
  const renamed = await world.costCodes.get(company, former.id);
  if (!renamed || !isFromSheet(former.linarcId)) return renamed;
  return world.costCodes.change(company, renamed.id, renamed.version, { linarcId: sheetId(record.source.code) });
}

async function takeAsNew(world: World, company: Company, actor: Actor, record: StagedRecord): Promise<StagedRecord | null> {
  const status = statusOf({ ...record, problem: null }, company.settings.inactivate);
  const changed = await world.costCodes.change(company.id, record.id, record.version, { problem: null, status });
  if (!changed) return null;
  const answer = { field: 'Perhaps renamed', from: record.problem?.value ?? null, to: 'A new code' };
  await world.history.add(company.id, [fact(world, record.id, actor, 'changed', [answer])]);
  await recheckCollisions(world, company, [changed]);
  return world.costCodes.get(company.id, record.id);
}

async function formerOf(world: World, company: Tenant, record: StagedRecord): Promise<StagedRecord | null> {
  const code = (record.problem?.value ?? '').slice(0, -` → ${record.source.code}`.length);
  const named = await world.costCodes.byKeys(company, { codeKeys: [fold(code)], wantedKeys: [] });
  const [former, ...more] = named.filter((one) => one.kind === 'cost_code' && one.id !== record.id);
  return former && more.length === 0 && former.run === null ? former : null;
}

/** The id is set free, since the former record will bear it: an id from a file tells the code. */
async function leaveOut(world: World, company: Tenant, actor: Actor, record: StagedRecord, former: StagedRecord): Promise<boolean> {
  const by = actor.kind === 'person' ? actor.name : actor.what;
  const reason = `Renamed: the record of ${former.source.code} goes on under this code`;
  const changed = await world.costCodes.change(company, record.id, record.version, {
    excluded: { by, byRule: false, reason, at: new Date(world.clock.now()) },
    status: 'needs_sync',
    problem: null,
    linarcId: `${record.linarcId}\u0001${record.id}`,
  });
  if (changed) await world.history.add(company, [fact(world, record.id, actor, 'excluded', [])]);
  return changed !== null;
}

/** What the file says nothing of stays as it was. */
function joined(told: CostCode, former: CostCode): CostCode {
  return {
    ...told,
    taskType: told.taskType || former.taskType,
    divisionCode: told.divisionCode || former.divisionCode,
    divisionName: told.divisionName || former.divisionName,
  };
}
