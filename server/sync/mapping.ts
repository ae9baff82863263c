import { suggestions, type Suggestion } from '../core/likeness.ts';
import { relinked, shapeOf } from '../core/drift.ts';
import { bareClassName, fold } from '../core/names.ts';
import { ProblemError, problem } from '../core/problems.ts';
import type { RecordChange } from '../core/ports.ts';
import type { Actor, ClassLink, FactKind, FieldChange, QuickBooksClass, StagedRecord, Tenant } from '../core/records.ts';
import { statusOf } from '../core/stage.ts';
import { fact } from './import.ts';
import type { World } from './world.ts';

export interface Candidate {
  readonly class: QuickBooksClass;
  /** The cost codes linked to it already. */
  readonly usedBy: readonly string[];
}

const FOUND = 50;

/** Up to three classes the record may belong to, each with its evidence. */
export async function suggest(world: World, company: Tenant, record: StagedRecord): Promise<readonly (Candidate & Suggestion)[]> {
  const words = [record.source.code, ...fold(record.source.name).split(' ').filter((word) => word.length > 3)].filter((word) => word !== '');
  const found = new Map<string, QuickBooksClass>();
  for (const word of words.slice(0, 6)) for (const candidate of await world.classes.search(company, word, FOUND)) found.set(candidate.id, candidate);
  for (const alias of await world.classes.withNames(company, record.aliases.map(fold))) found.set(alias.id, alias);
  const best = suggestions(record, [...found.values()]);
  const candidates = await withUsers(world, company, best.map((one) => one.class), record.id);
  return best.map((one, index) => ({ ...one, usedBy: candidates[index]?.usedBy ?? [] }));
}

/** Classes whose path holds the text, inactive ones too, with the codes that use them. */
export async function findClasses(world: World, company: Tenant, text: string, except?: string): Promise<readonly Candidate[]> {
  return withUsers(world, company, await world.classes.search(company, text, FOUND), except);
}

async function withUsers(world: World, company: Tenant, classes: readonly QuickBooksClass[], except?: string): Promise<Candidate[]> {
  const users = await world.costCodes.linkedTo(company, classes.map((found) => found.id));
  const ids = [...new Set([...users.values()].flat())].filter((id) => id !== except);
  const codes = new Map((await world.costCodes.byIds(company, ids)).map((record) => [record.id, record.source.code]));
  return classes.map((found) => ({ class: found, usedBy: (users.get(found.id) ?? []).flatMap((id) => codes.get(id) ?? []) }));
}

/**
 * Links the record to a class by hand. Writes nothing to QuickBooks: the record is then Synced when the class is as wanted, else ready
 * to be synced (linarc.md point 4). Throws ProblemError class_gone, or class_used unless `share` says that is meant.
 */
export async function map(world: World, company: Tenant, actor: Actor, recordId: string, classId: string, how: { share?: boolean } = {}): Promise<StagedRecord | null> {
  const [target] = await world.classes.byIds(company, [classId]);
  if (!target) throw new ProblemError(problem('class_gone'));
  const users = ((await world.costCodes.linkedTo(company, [classId])).get(classId) ?? []).filter((id) => id !== recordId);
  if (users.length > 0 && !how.share) throw new ProblemError(problem('class_used', { field: 'Class', value: target.fullyQualifiedName }));

  const link: ClassLink = { id: target.id, syncToken: target.syncToken, name: bareClassName(target), parentId: target.parentId, active: target.active, how: 'manual' };
  return relink(world, company, recordId, actor, 'mapped', (record, inactivate) => {
    const status = statusOf({ wanted: record.wanted, link, problem: null }, inactivate);
    return { link, overwrite: target.syncToken, accepted: null, problem: null, status, ...(status === 'synced' ? { syncedAt: new Date(world.clock.now()) } : {}) };
  });
}

/** Unties the record from its class, which stays in QuickBooks as it is. */
export function unmap(world: World, company: Tenant, actor: Actor, recordId: string): Promise<StagedRecord | null> {
  return relink(world, company, recordId, actor, 'unlinked', () => ({ link: null, overwrite: null, accepted: null, syncedAt: null, problem: null, status: 'needs_sync' }));
}

/** Decides that Linarc's value goes back over what somebody changed in QuickBooks; done with the next sync. */
export async function overwrite(world: World, company: Tenant, actor: Actor, recordId: string): Promise<StagedRecord | null> {
  const record = await world.costCodes.get(company, recordId);
  const [current] = record?.link ? await world.classes.byIds(company, [record.link.id]) : [];
  if (!current) throw new ProblemError(problem('class_gone'));
  return relink(world, company, recordId, actor, 'overwrite', () => ({ overwrite: current.syncToken, accepted: null, problem: null, status: 'needs_sync' }));
}

/**
 * Decides that QuickBooks' value stays, as an exception: the record counts as synced until Linarc changes the code or somebody changes the
 * class again (linarc.md point 10). Throws ProblemError class_gone when there is no class whose value could stay.
 */
export async function accept(world: World, company: Tenant, actor: Actor, recordId: string): Promise<StagedRecord | null> {
  const record = await world.costCodes.get(company, recordId);
  const [current] = record?.link ? await world.classes.byIds(company, [record.link.id]) : [];
  if (!record?.link || !current) throw new ProblemError(problem('class_gone'));
  const link = relinked(record.link, current);
  return relink(world, company, recordId, actor, 'accepted', ({ wanted, aliases, link: before }, inactivate) => {
    const accepted = { ...shapeOf(current), instead: wanted };
    const known = before === null || before.name === link.name ? aliases : [...new Set([...aliases, before.name])];
    const status = statusOf({ wanted, link, accepted, problem: null }, inactivate);
    return { link, accepted, aliases: known, overwrite: null, problem: null, status, syncedAt: new Date(world.clock.now()) };
  });
}

async function relink(
  world: World,
  company: Tenant,
  recordId: string,
  actor: Actor,
  kind: FactKind,
  wish: (record: StagedRecord, inactivate: boolean) => RecordChange,
): Promise<StagedRecord | null> {
  const settings = (await world.companies.get(company))?.settings;
  const record = await world.costCodes.get(company, recordId);
  if (!record || !settings || record.run !== null) return null;
  const stored = await world.costCodes.change(company, record.id, record.version, { intent: null, ...wish(record, settings.inactivate) });
  if (!stored) return null;
  await world.history.add(company, [fact(world, record.id, actor, kind, linkChange(record, stored))]);
  return stored;
}

function linkChange(before: StagedRecord, after: StagedRecord): FieldChange[] {
  const [from, to] = [before.link?.name ?? null, after.link?.name ?? null];
  return from === to ? [] : [{ field: 'Class', from, to }];
}
