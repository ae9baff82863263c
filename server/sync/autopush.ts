import type { Company } from '../core/company.ts';
import { plan, type PlannedChange, type Surroundings } from '../core/plan.ts';
import { problem, type Problem } from '../core/problems.ts';
import type { Actor, StagedRecord } from '../core/records.ts';
import { isMirrorStale, isOutside, refreshClasses } from './classes.ts';
import { fact } from './import.ts';
import { startPush } from './push.ts';
import { surroundingsOf } from './surroundings.ts';
import type { World } from './world.ts';

const BY_ITSELF: Actor = { kind: 'automatic', what: 'Automatic sync' };

interface Planned {
  readonly record: StagedRecord;
  readonly around: Surroundings;
  readonly change: PlannedChange;
}

/**
 * Pushes those of these codes that are plain creates or renames, and nothing else: a class that somebody else made waits as Needs
 * Action to be linked by a person, moves, inactivations and reactivations wait as they are (linarc.md points 3, 20 to 22).
 * Returns the codes to come back to later: while a run is under way or QuickBooks cannot be read nothing is begun.
 */
export async function pushItself(world: World, company: Company, linarcIds: readonly string[]): Promise<readonly string[]> {
  const ready = (await world.costCodes.byLinarcIds(company.id, linarcIds)).filter(isReady);
  if (ready.length === 0) return [];
  const later = ready.map(({ linarcId }) => linarcId);
  if (company.connection !== 'connected' || (await world.runs.active(company.id)) !== null) return later;
  if (!(await hasFreshMirror(world, company))) return later;

  const parents = await planOf(world, company, await parentsOf(world, company, ready));
  const planned = await planOf(world, company, ready);
  for (const one of [...parents, ...planned]) await holdBack(world, company, one);
  const ids = allowed(planned, parents).map(({ record }) => record.id);
  const { hindrance } = ids.length > 0 ? await startPush(world, company.id, BY_ITSELF, { kind: 'ids', ids }) : { hindrance: null };
  if (hindrance !== null) world.log.info({ company: company.id, why: hindrance.kind }, 'an automatic sync was not begun');
  return [];
}

function isReady(record: StagedRecord): boolean {
  return record.status === 'needs_sync' && record.run === null && record.excluded === null;
}

/** What is decided here without a person rests on what QuickBooks holds now, as a run would see it. */
async function hasFreshMirror(world: World, company: Company): Promise<boolean> {
  const { id } = company;
  if (!isMirrorStale(world, company)) return true;
  try {
    await refreshClasses(world, id);
    return true;
  } catch (error) {
    if (!isOutside(error)) throw error;
    world.log.warn({ company: id, error: error.name }, 'the classes could not be read before an automatic sync');
    return false;
  }
}

/** All that stands above these records and is to be pushed before them, if it can be. */
async function parentsOf(world: World, company: Company, records: readonly StagedRecord[]): Promise<StagedRecord[]> {
  const found = new Map<string, StagedRecord>();
  for (let open = records; open.length > 0;) {
    const wanted = [...new Set(open.flatMap(({ wanted: { parent } }) => (parent === null || found.has(parent) ? [] : [parent])))];
    open = (await world.costCodes.byLinarcIds(company.id, wanted)).filter(isReady);
    for (const parent of open) found.set(parent.linarcId, parent);
  }
  return [...found.values()];
}

async function planOf(world: World, company: Company, records: readonly StagedRecord[]): Promise<Planned[]> {
  const surroundings = await surroundingsOf(world, company.id, records, true);
  return records.map((record) => {
    const around = surroundings(record);
    return { record, around, change: plan(record, around, company.settings) };
  });
}

/**
 * Plain ones above which everything that is to be pushed too is plain itself; and that, but nothing above for its own sake.
 */
function allowed(planned: readonly Planned[], parents: readonly Planned[]): readonly Planned[] {
  const byId = new Map(parents.map((one) => [one.record.linarcId, one]));
  const above = ({ record }: Planned) => (record.wanted.parent === null ? undefined : byId.get(record.wanted.parent));
  const isClear = (one: Planned): boolean => {
    const parent = above(one);
    return isPlain(one.change) && (parent ? isClear(parent) : one.around.parent.kind !== 'planned');
  };
  const all = new Set<Planned>();
  for (const child of planned.filter(isClear)) {
    for (let one: Planned | undefined = child; one && !all.has(one); one = above(one)) all.add(one);
  }
  return [...all];
}

function isPlain({ action, changes }: PlannedChange): boolean {
  return action !== 'blocked' && changes.length > 0 && changes.every((aspect) => aspect === 'create' || aspect === 'rename');
}

/** Has a person decide where the plan would link a class nobody chose, or cannot go on by itself. */
async function holdBack(world: World, company: Company, { record, change }: Planned): Promise<void> {
  const why = reasonToWait(change);
  if (why === null) return;
  const changed = await world.costCodes.change(company.id, record.id, record.version, { status: 'needs_action', problem: why });
  if (changed) await world.history.add(company.id, [{ ...fact(world, record.id, BY_ITSELF, 'blocked', []), problem: why }]);
}

function reasonToWait({ action, target, problem: found }: PlannedChange): Problem | null {
  if (action === 'link' && target !== null) return problem('class_exists', { field: 'Class', value: target.fullyQualifiedName });
  return found !== null && found.code !== 'parent_not_synced' ? found : null;
}
