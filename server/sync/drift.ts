import type { Company } from '../core/company.ts';
import { driftOf, isDrift } from '../core/drift.ts';
import { isDrifted } from '../core/plan.ts';
import type { Actor, QuickBooksClass, StagedRecord, Tenant } from '../core/records.ts';
import { fact } from './import.ts';
import type { World } from './world.ts';

const IN_QUICKBOOKS: Actor = { kind: 'automatic', what: 'Change in QuickBooks' };
const CHUNK = 500;

type Judged = Pick<Company, 'id' | 'settings'>;

/**
 * Marks the records linked to these classes by what the mirror holds of them now, and unmarks those that are in order again. A
 * class the mirror has not counts as gone, so call it only once that is known.
 */
export async function judgeClasses(world: World, company: Judged, classIds: readonly string[]): Promise<void> {
  const linked = await world.costCodes.linkedTo(company.id, [...new Set(classIds)]);
  const ids = [...new Set([...linked.values()].flat())];
  for (let from = 0; from < ids.length; from += CHUNK) {
    await judge(world, company, await world.costCodes.byIds(company.id, ids.slice(from, from + CHUNK)));
  }
}

/** The same for every linked record, after the whole class list was read. */
export async function judgeAll(world: World, company: Judged): Promise<void> {
  for (const filter of [{}, { excluded: true }]) {
    const chunk: StagedRecord[] = [];
    for await (const record of world.costCodes.stream(company.id, { kind: 'matching', filter, except: [] })) {
      if (record.link !== null) chunk.push(record);
      if (chunk.length === CHUNK) await judge(world, company, chunk.splice(0));
    }
    await judge(world, company, chunk);
  }
}

/**
 * Links the records of classes that were merged away to the class they became, as they were last confirmed, so that what they are called now
 * shows as changed in QuickBooks. A class that another record has already is left to a person.
 */
export async function followMerges(world: World, company: Tenant, merged: ReadonlyMap<string, string>): Promise<void> {
  if (merged.size === 0) return;
  const linked = await world.costCodes.linkedTo(company, [...merged.keys(), ...merged.values()]);
  for (const [gone, into] of merged) {
    if ((linked.get(into) ?? []).length > 0) continue;
    for (const record of await world.costCodes.byIds(company, linked.get(gone) ?? [])) {
      if (record.link === null || record.run !== null) continue;
      // No token of this class was ever confirmed to us.
      await world.costCodes.change(company, record.id, record.version, { link: { ...record.link, id: into, syncToken: '' } });
    }
  }
}

async function judge(world: World, company: Judged, records: readonly StagedRecord[]): Promise<void> {
  const classes = await classesOf(world, company.id, records.flatMap(({ link }) => link?.id ?? []));
  // Most records are as they were; only the others are worth looking at closely.
  const suspects = records.filter((record) => {
    const current = classes.get(record.link?.id ?? '');
    return isDrift(record.problem) || current === undefined || isDrifted(record, current);
  });
  if (suspects.length === 0) return;
  const parentOf = await wantedParents(world, company.id, suspects);
  const former = await classesOf(world, company.id, suspects.flatMap(({ link }) => link?.parentId ?? []));
  for (const record of suspects) {
    const held = {
      current: classes.get(record.link?.id ?? ''),
      parentId: parentOf(record),
      formerParent: former.get(record.link?.parentId ?? '')?.fullyQualifiedName ?? null,
    };
    const drift = driftOf(record, held, company.settings.inactivate);
    const changed = drift && (await world.costCodes.change(company.id, record.id, record.version, drift.change));
    if (!drift || !changed) continue;
    const line = fact(world, record.id, IN_QUICKBOOKS, drift.kind, drift.changes);
    await world.history.add(company.id, [{ ...line, problem: drift.problem }]);
  }
}

async function classesOf(world: World, company: Tenant, ids: readonly string[]): Promise<ReadonlyMap<string, QuickBooksClass>> {
  return new Map((await world.classes.byIds(company, [...new Set(ids)])).map((found) => [found.id, found]));
}

/** The class each record's belongs under: null at the top, undefined while the parent is no class yet. */
async function wantedParents(
  world: World,
  company: Tenant,
  records: readonly StagedRecord[],
): Promise<(record: StagedRecord) => string | null | undefined> {
  const wanted = [...new Set(records.flatMap(({ wanted: { parent } }) => parent ?? []))];
  const staged = await world.costCodes.byLinarcIds(company, wanted);
  const parents = new Map(staged.map((parent) => [parent.linarcId, parent.link?.id]));
  return ({ wanted: { parent } }) => (parent === null ? null : parents.get(parent));
}
