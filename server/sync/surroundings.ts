import { nameKey, type ParentStanding, type Surroundings } from '../core/plan.ts';
import { bareClassName, fold } from '../core/names.ts';
import type { QuickBooksClass, StagedRecord, Tenant } from '../core/records.ts';
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

  const asked = records
    .filter((record) => record.wanted.name !== '')
    .map((record) => ({ parentId: parentIdOf(parents(record)), foldedName: fold(record.wanted.name) }));
  const sameName = new Map<string, QuickBooksClass[]>();
  for (const found of await world.classes.byNames(company, asked)) {
    const key = nameKey(found.parentId, bareClassName(found));
    sameName.set(key, [...(sameName.get(key) ?? []), found]);
  }
  const users = await world.costCodes.linkedTo(company, [...sameName.values()].flat().map((found) => found.id));

  return (record) => {
    const parent = parents(record);
    const candidates = parent.kind === 'planned' ? [] : sameName.get(nameKey(parentIdOf(parent), record.wanted.name)) ?? [];
    const isUsedElsewhere = (id: string) => (users.get(id) ?? []).some((user) => user !== record.id);
    return {
      parent,
      linked: record.link ? linked.get(record.link.id) : undefined,
      sameName: candidates,
      usedElsewhere: new Set(candidates.map((found) => found.id).filter(isUsedElsewhere)),
    };
  };
}

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
