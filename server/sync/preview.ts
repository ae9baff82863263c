import { estimate, type Estimate } from '../core/estimate.ts';
import { needsYes, plan, writeOf, PLAN_ACTIONS, type PlanAction, type PlannedChange } from '../core/plan.ts';
import { CONSENTS, type ClassShape, type Consent, type RecordStatus, type StagedRecord, type Tenant } from '../core/records.ts';
import type { Problem } from '../core/problems.ts';
import { PUSHABLE } from '../core/run.ts';
import type { Selection } from '../core/selection.ts';
import { isMirrorStale } from './classes.ts';
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
  /** For a move: the paths of the class above, null at the top. */
  readonly from: string | null;
  readonly to: string | null;
}

/** How many of the records would be made inactive or moved, each for want of a yes of its own. */
export type Needed = Readonly<Record<Consent, number>>;

export interface Preview {
  readonly counts: Readonly<Record<PlanAction, number>>;
  readonly needed: Needed;
  /** How many classes get another name, whatever else happens to them. */
  readonly renamed: number;
  /** The first of each action, in order of their codes. */
  readonly rows: readonly PreviewRow[];
  readonly skipped: Readonly<Partial<Record<RecordStatus | 'excluded', number>>>;
  readonly estimate: Estimate;
}

const ROWS_OF_EACH = 50;
const CHUNK = 300;

/** The plan a push of this selection would carry out, by what the mirror of QuickBooks says now. Writes nothing, calls nobody. */
export async function preview(world: World, company: Tenant, selection: Selection): Promise<Preview> {
  const found = await world.companies.get(company);
  const settings = found?.settings ?? { inactivate: false };
  const counts = Object.fromEntries(PLAN_ACTIONS.map((action) => [action, 0])) as Record<PlanAction, number>;
  const needed: Record<Consent, number> = { inactivate: 0, move: 0 };
  const writes = { parents: 0, others: 0 };
  const skipped: Partial<Record<RecordStatus | 'excluded', number>> = {};
  const rows: { row: PreviewRow; parent: string | null }[] = [];
  let renamed = 0;
  const planChunk = async (chunk: readonly StagedRecord[]) => {
    const around = await surroundingsOf(world, company, chunk, true);
    for (const record of chunk) {
      const change = plan(record, around(record), settings);
      counts[change.action] += 1;
      for (const consent of needsYes(record, change)) needed[consent] += 1;
      if (change.changes.includes('rename')) renamed += 1;
      if (writeOf(change) !== null) writes[record.kind === 'division' ? 'parents' : 'others'] += 1;
      if (counts[change.action] <= ROWS_OF_EACH) rows.push({ row: rowOf(record, change), parent: record.wanted.parent });
    }
  };

  const chunk: StagedRecord[] = [];
  for await (const record of world.costCodes.stream(company, selection)) {
    const out = record.excluded ? 'excluded' : PUSHABLE.includes(record.status) ? null : record.status;
    if (out) skipped[out] = (skipped[out] ?? 0) + 1;
    else chunk.push(record);
    if (chunk.length === CHUNK) await planChunk(chunk.splice(0));
  }
  if (chunk.length > 0) await planChunk(chunk);
  return { counts, needed, renamed, rows: await placed(), skipped, estimate: estimate({ ...writes, toRead: await toRead() }, world.pace.speed) };

  /** The rows with the names of the classes they would come under. */
  async function placed(): Promise<readonly PreviewRow[]> {
    const parents = await world.costCodes.byLinarcIds(company, [...new Set(rows.flatMap(({ row, parent }) => (row.changes.includes('move') && parent !== null ? [parent] : [])))]);
    const names = new Map(parents.map(({ linarcId, wanted }) => [linarcId, wanted.name]));
    return rows.map(({ row, parent }) => ({ ...row, to: parent === null ? null : names.get(parent) ?? null }));
  }

  async function toRead(): Promise<number | null> {
    if (found === null || !isMirrorStale(world, found)) return null;
    const { active, inactive } = await world.classes.count(company);
    return active + inactive;
  }
}

/**
 * Whether a push of this selection would make classes inactive or move them, and how many. Only what is linked and ready can, so the
 * rest is not looked at.
 */
export async function consentsNeeded(world: World, company: Tenant, selection: Selection): Promise<Needed> {
  const settings = (await world.companies.get(company))?.settings ?? { inactivate: false };
  const needed: Record<Consent, number> = { inactivate: 0, move: 0 };
  const parents = new Map<string, string | undefined>();
  for (const part of linkedAndReady(selection)) {
    const chunk: StagedRecord[] = [];
    for await (const record of world.costCodes.stream(company, part)) {
      if (record.link !== null && record.excluded === null && PUSHABLE.includes(record.status)) chunk.push(record);
      if (chunk.length === CHUNK) await add(chunk.splice(0));
    }
    await add(chunk);
  }
  return needed;

  async function add(chunk: readonly StagedRecord[]): Promise<void> {
    const unknown = [...new Set(chunk.flatMap(({ wanted: { parent } }) => (parent === null || parents.has(parent) ? [] : [parent])))];
    for (const parent of await world.costCodes.byLinarcIds(company, unknown)) parents.set(parent.linarcId, parent.link?.id);
    const suspects = chunk.filter(({ link, wanted }) => {
      // A parent that is no class yet will be another one than where the class stands now.
      const parentId = wanted.parent === null ? null : parents.get(wanted.parent);
      return link !== null && (link.parentId !== parentId || (settings.inactivate && !wanted.active));
    });
    if (suspects.length === 0) return;
    const around = await surroundingsOf(world, company, suspects, true);
    for (const record of suspects) for (const consent of needsYes(record, plan(record, around(record), settings))) needed[consent] += 1;
  }
}

function linkedAndReady(selection: Selection): readonly Selection[] {
  if (selection.kind === 'ids') return [selection];
  const { filter, except } = selection;
  const statuses = filter.status === undefined ? PUSHABLE : [filter.status];
  return statuses.map((status) => ({ kind: 'matching', except, filter: { ...filter, status, linked: true } }));
}

/** Whether any yes is wanted at all. */
export function isAnyNeeded(needed: Needed): boolean {
  return CONSENTS.some((consent) => needed[consent] > 0);
}

function rowOf(record: StagedRecord, { action, changes, before, after, reason, problem, target }: PlannedChange): PreviewRow {
  const above = target?.fullyQualifiedName.lastIndexOf(':') ?? -1;
  const from = target === null || above < 0 ? null : target.fullyQualifiedName.slice(0, above);
  return { id: record.id, code: record.source.code, name: record.source.name, action, changes, before, after, reason, problem, from, to: null };
}
