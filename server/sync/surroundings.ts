import { grouped } from '../core/grouping.ts';
import { nameKey, type ParentStanding, type Surroundings } from '../core/plan.ts';
import { bareClassName, fold } from '../core/names.ts';
import type { QuickBooksClass, RecordStatus, StagedRecord, Tenant } from '../core/records.ts';
import { PUSHABLE } from '../core/run.ts';
import type { World } from './world.ts';

/**
 * Reads what planning these records needs, in a handful of queries however many they are.
 * `planned`: a parent that is not a class yet counts as coming, as in a preview; otherwise it is missing.
 */
export async function surroundingsOf(
  world: World,
  company: Tenant,
  records: readonly StagedRecord[],
  planned: boolean,
): Promise<(record: StagedRecord) => Surroundings> {
  const parents = await parentsOf(world, company, records, planned);
  const linked = byId(await world.classes.byIds(company, records.flatMap((record) => (record.link ? [record.link.id] : []))));

  const keyOf = (record: StagedRecord) => nameKey(parentIdOf(parents(record)), record.wanted.name);
  /** Whether it wants a name that the class it has, if any, does not have. */
  const isClaiming = (record: StagedRecord) => {
    if (record.link === null) return true;
    const own = linked.get(record.link.id);
    return own !== undefined && keyOfClass(own) !== keyOf(record);
  };
  const asked = records
    .filter((record) => record.wanted.name !== '')
    .map((record) => ({ parentId: parentIdOf(parents(record)), foldedName: fold(record.wanted.name) }));
  const named = await world.classes.byNames(company, asked);
  const users = await world.costCodes.linkedTo(company, named.map(({ id }) => id));
  const claimed = new Set(records.filter(isClaiming).map(keyOf));
  const contested = new Set(named.filter((found) => users.has(found.id) && claimed.has(keyOfClass(found))).map(({ id }) => id));
  const { holders, classes } = await readContested(world, company, [...contested], [...contested].flatMap((id) => users.get(id) ?? []));
  const sameName = grouped([...named.filter(({ id }) => !contested.has(id)), ...classes], keyOfClass);

  return (record) => {
    const parent = parents(record);
    const candidates = parent.kind === 'planned' ? [] : sameName.get(keyOf(record)) ?? [];
    const others = (id: string) => (users.get(id) ?? []).filter((user) => user !== record.id);
    const used = candidates.filter(({ id }) => others(id).length > 0);
    const isLeaving = (found: QuickBooksClass) => others(found.id).every((id) => givesUp(holders.get(id), found, planned ? null : record));
    return {
      parent,
      linked: record.link ? linked.get(record.link.id) : undefined,
      sameName: candidates,
      usedElsewhere: new Set(used.map(({ id }) => id)),
      leaving: new Set(used.filter(isLeaving).map(({ id }) => id)),
    };
  };
}

/** Classes whose name others want, read behind their holders: a name that one of them gave up meanwhile is seen to be free. */
async function readContested(world: World, company: Tenant, contested: readonly string[], holders: readonly string[]) {
  if (contested.length === 0) return { holders: new Map<string, StagedRecord>(), classes: [] };
  const found = await world.costCodes.byIds(company, [...new Set(holders)]);
  return { holders: new Map(found.map((record) => [record.id, record])), classes: await world.classes.byIds(company, contested) };
}

/**
 * Whether a record will give its class another name: before or beside the one that waits for the name, in the same run; if none is
 * named, in a run that is yet to come, as in a preview.
 */
function givesUp(holder: StagedRecord | undefined, held: QuickBooksClass, waiting: StagedRecord | null): boolean {
  if (holder === undefined || fold(holder.wanted.name) === fold(bareClassName(held))) return false;
  if (waiting === null) return holder.excluded === null && COMING.includes(holder.status);
  return holder.run !== null && holder.run.id === waiting.run?.id && holder.level <= waiting.level;
}

const COMING: readonly RecordStatus[] = [...PUSHABLE, 'syncing'];

const keyOfClass = (found: QuickBooksClass) => nameKey(found.parentId, bareClassName(found));

async function parentsOf(world: World, company: Tenant, records: readonly StagedRecord[], planned: boolean): Promise<(record: StagedRecord) => ParentStanding> {
  const wanted = [...new Set(records.flatMap((record) => (record.wanted.parent ? [record.wanted.parent] : [])))];
  const staged = await world.costCodes.byLinarcIds(company, wanted);
  const standing = new Map(staged.map((parent) => [parent.linarcId, standingOf(parent, planned)]));
  return ({ wanted: { parent } }) => (parent === null ? { kind: 'top' } : standing.get(parent) ?? { kind: 'missing', name: parent });
}

function standingOf(parent: StagedRecord, planned: boolean): ParentStanding {
  if (parent.link) return { kind: 'class', id: parent.link.id };
  return planned && parent.problem === null ? { kind: 'planned' } : { kind: 'missing', name: parent.wanted.name };
}

function parentIdOf(parent: ParentStanding): string | null {
  return parent.kind === 'class' ? parent.id : null;
}

function byId(classes: readonly QuickBooksClass[]): Map<string, QuickBooksClass> {
  return new Map(classes.map((found) => [found.id, found]));
}
