import { plan, PLAN_ACTIONS, type PlanAction, type PlannedChange } from '../core/plan.ts';
import type { ClassShape, RecordStatus, StagedRecord, Tenant } from '../core/records.ts';
import type { Problem } from '../core/problems.ts';
import type { Selection } from '../core/selection.ts';
import { surroundingsOf } from './surroundings.ts';
import type { World } from './world.ts';

export interface PreviewRow {
  readonly id: string;
  readonly code: string;
  readonly name: string;
  readonly action: PlanAction;
  readonly changes: readonly string[];
  readonly before: ClassShape | null;
  readonly after: ClassShape | null;
  readonly reason: PlannedChange['reason'];
  readonly problem: Problem | null;
}

export interface Preview {
  readonly counts: Readonly<Record<PlanAction, number>>;
  /** The first 200, in order of their codes. */
  readonly rows: readonly PreviewRow[];
  readonly skipped: Readonly<Partial<Record<RecordStatus | 'excluded', number>>>;
}

const ROWS = 200;
const CHUNK = 300;

/** The plan a push of this selection would carry out, by what the mirror of QuickBooks says now. Writes nothing, calls nobody. */
export async function preview(world: World, company: Tenant, selection: Selection): Promise<Preview> {
  const settings = (await world.companies.get(company))?.settings ?? { inactivate: false };
  const counts = Object.fromEntries(PLAN_ACTIONS.map((action) => [action, 0])) as Record<PlanAction, number>;
  const skipped: Partial<Record<RecordStatus | 'excluded', number>> = {};
  const rows: PreviewRow[] = [];
  const planChunk = async (chunk: readonly StagedRecord[]) => {
    const around = await surroundingsOf(world, company, chunk, true);
    for (const record of chunk) {
      const change = plan(record, around(record), settings);
      counts[change.action] += 1;
      if (rows.length < ROWS) rows.push(rowOf(record, change));
    }
  };

  const chunk: StagedRecord[] = [];
  for await (const record of world.costCodes.stream(company, selection)) {
    const out = record.excluded ? 'excluded' : record.status === 'needs_sync' || record.status === 'failed' ? null : record.status;
    if (out) skipped[out] = (skipped[out] ?? 0) + 1;
    else chunk.push(record);
    if (chunk.length === CHUNK) await planChunk(chunk.splice(0));
  }
  if (chunk.length > 0) await planChunk(chunk);
  return { counts, rows, skipped };
}

function rowOf(record: StagedRecord, { action, changes, before, after, reason, problem }: PlannedChange): PreviewRow {
  return { id: record.id, code: record.source.code, name: record.source.name, action, changes, before, after, reason, problem };
}
