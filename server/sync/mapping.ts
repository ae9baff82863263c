import { suggestions, type Suggestion } from '../core/likeness.ts';
import { shapeOf } from '../core/drift.ts';
import { fold } from '../core/names.ts';
import { isOfTheCode, plan, type PlannedChange, type Surroundings } from '../core/plan.ts';
import { ProblemError, problem, type Problem } from '../core/problems.ts';
import type { RecordChange } from '../core/ports.ts';
import type { Actor, ClassLink, FactKind, FieldChange, QuickBooksClass, RecordStatus, StagedRecord, Tenant } from '../core/records.ts';
import { isCollision, statusOf } from '../core/stage.ts';
import { fact, recheckCollisions } from './import.ts';
import { surroundingsOf } from './surroundings.ts';
import type { World } from './world.ts';

export interface Candidate {
  readonly class: QuickBooksClass;
  /** The cost codes linked to it already. */
  readonly usedBy: readonly string[];
}

/** Classes shown at once, of a search or below one class. */
const SHOWN = 50;
/** Classes looked at for each ground of a suggestion. */
const LOOKED_AT = 200;

/** Up to three classes the record may belong to, each with its evidence. */
export async function suggest(world: World, company: Tenant, record: StagedRecord): Promise<readonly (Candidate & Suggestion)[]> {
  const { code, name } = record.source;
  const numbers = [code, code.replace(/[\s.-]+/g, ''), code.replace(/[\s.]+/g, '-'), code.replace(/[\s-]+/g, '.')];
  // The longer a word, the fewer classes have it.
  const words = fold(name).split(' ').filter((word) => word.length > 3).sort((a, b) => b.length - a.length).slice(0, 4);
  const [numbered, alike] = await Promise.all([
    world.classes.holding(company, numbers, 'any', LOOKED_AT),
    world.classes.holding(company, words.slice(0, 2), 'all', LOOKED_AT),
  ]);
  const others = alike.length < 3 && words.length > 1 ? await world.classes.holding(company, words, 'any', LOOKED_AT) : [];
  const found = new Map([...numbered, ...alike, ...others].map((one) => [one.id, one]));
  for (const alias of await world.classes.withNames(company, record.aliases.map(fold))) found.set(alias.id, alias);
  const best = suggestions(record, [...found.values()]);
  const candidates = await withUsers(world, company, best.map((one) => one.class), record.id);
  return best.map((one, index) => ({ ...one, usedBy: candidates[index]?.usedBy ?? [] }));
}

/** A class in its place in the tree, with what is shown below it. */
export interface ClassBranch extends Candidate {
  /** Whether it is one of those looked for, or only leads to them. */
  readonly found: boolean;
  /** How many classes stand right below it. */
  readonly count: number;
  readonly below: readonly ClassBranch[];
}

/** Some classes of the tree, from the top. `more`: there are others, which the next page shows. */
export interface ClassTree {
  readonly branches: readonly ClassBranch[];
  readonly more: boolean;
}

/** The classes whose name holds the text, each below those it stands under. */
export async function searchTree(world: World, company: Tenant, text: string, skip: number, except: string): Promise<ClassTree> {
  const found = await world.classes.search(company, text, SHOWN + 1, skip);
  return { branches: await grown(world, company, found.slice(0, SHOWN), except), more: found.length > SHOWN };
}

/** The classes right below this one (null: those at the top), as a tree that starts there, or at the top with the way down to them. */
export async function treeBelow(world: World, company: Tenant, parentId: string | null, start: 'there' | 'top', skip: number, except: string): Promise<ClassTree> {
  const found = await world.classes.below(company, parentId, SHOWN + 1, skip);
  const page = found.slice(0, SHOWN);
  const branches = start === 'top' ? grown(world, company, page, except) : placed(world, company, page, new Set(page.map(({ id }) => id)), except);
  return { branches: await branches, more: found.length > SHOWN };
}

/** These classes and all they stand under, as a tree. */
async function grown(world: World, company: Tenant, found: readonly QuickBooksClass[], except: string): Promise<ClassBranch[]> {
  const all = new Map(found.map((one) => [one.id, one]));
  for (let open = found; open.length > 0;) {
    const missing = [...new Set(open.flatMap(({ parentId }) => (parentId === null || all.has(parentId) ? [] : [parentId])))];
    open = await world.classes.byIds(company, missing);
    for (const one of open) all.set(one.id, one);
  }
  return placed(world, company, [...all.values()], new Set(found.map(({ id }) => id)), except);
}

async function placed(world: World, company: Tenant, classes: readonly QuickBooksClass[], found: ReadonlySet<string>, except: string): Promise<ClassBranch[]> {
  const [candidates, counts] = await Promise.all([withUsers(world, company, classes, except), world.classes.countBelow(company, classes.map(({ id }) => id))]);
  const shown = new Set(classes.map(({ id }) => id));
  const branches = (parentId: string | null): ClassBranch[] => candidates
    .filter(({ class: { parentId: own } }) => (parentId === null ? own === null || !shown.has(own) : own === parentId))
    .map((one) => ({ ...one, found: found.has(one.class.id), count: counts.get(one.class.id) ?? 0, below: branches(one.class.id) }))
    .sort((a, b) => (fold(a.class.name) < fold(b.class.name) ? -1 : 1));
  return branches(null);
}

async function withUsers(world: World, company: Tenant, classes: readonly QuickBooksClass[], except: string): Promise<Candidate[]> {
  const users = await world.costCodes.linkedTo(company, classes.map((found) => found.id));
  const ids = [...new Set([...users.values()].flat())].filter((id) => id !== except);
  const codes = new Map((await world.costCodes.byIds(company, ids)).map((record) => [record.id, record.source.code]));
  return classes.map((found) => ({ class: found, usedBy: (users.get(found.id) ?? []).flatMap((id) => codes.get(id) ?? []) }));
}

/**
 * How a class that other codes use is taken: `share` leaves them their link, on purpose; `replace` unlinks them. Otherwise it is
 * refused.
 */
export type Taking = 'alone' | 'share' | 'replace';

/** What linking a record to a class leads to: how the record then stands, and what the next sync would do. */
export interface Effect {
  readonly status: RecordStatus;
  readonly change: PlannedChange;
  /** A shared class keeps what it is for the others. */
  readonly kept: boolean;
}

/** The effect of `map`, before it is done (linarc.md point 4). Null when there is no such class. */
export async function effectOf(world: World, company: Tenant, record: StagedRecord, classId: string, taking: Taking): Promise<(Candidate & { effect: Effect }) | null> {
  const [target] = await withUsers(world, company, await world.classes.byIds(company, [classId]), record.id);
  const settings = (await world.companies.get(company))?.settings;
  if (!target || !settings) return null;
  const change = changeTo(record, target.class, taking, settings.inactivate);
  const linked: StagedRecord = { ...record, ...change };
  const around = (await surroundingsOf(world, company, [linked], true))(linked);
  const status = statusOf(linked, settings.inactivate, parentIdOf(around));
  return { ...target, effect: { status, change: plan(linked, around, settings), kept: linked.accepted !== null } };
}

/** The record as linked to the class. A class shared on purpose keeps its name and place: the difference is accepted. */
function changeTo(record: StagedRecord, target: QuickBooksClass, taking: Taking, inactivate: boolean, parentId?: string | null) {
  const link: ClassLink = { id: target.id, syncToken: target.syncToken, ...shapeOf(target), how: 'manual' };
  const accepted = taking === 'share' && target.active ? { ...shapeOf(target), instead: record.wanted } : null;
  const problem = lasting(record);
  const status = statusOf({ wanted: record.wanted, link, accepted, problem }, inactivate, parentId);
  return { link, accepted, problem, status, overwrite: target.syncToken };
}

function parentIdOf({ parent }: Surroundings): string | null | undefined {
  return parent.kind === 'top' ? null : parent.kind === 'class' ? parent.id : undefined;
}

/**
 * Links the record to a class by hand. Writes nothing to QuickBooks: the record is then Synced when the class is as wanted, else ready
 * to be synced (linarc.md point 4). Throws ProblemError class_gone, or class_used when other codes have the class and `taking` says
 * nothing of them. Null when nothing was done since one of the records is in a run or changed just now.
 */
export async function map(world: World, company: Tenant, actor: Actor, recordId: string, classId: string, taking: Taking = 'alone'): Promise<StagedRecord | null> {
  const [target] = await world.classes.byIds(company, [classId]);
  if (!target) throw new ProblemError(problem('class_gone'));
  const users = ((await world.costCodes.linkedTo(company, [classId])).get(classId) ?? []).filter((id) => id !== recordId);
  if (users.length > 0 && taking === 'alone') throw new ProblemError(problem('class_used', { field: 'Class', value: target.fullyQualifiedName }));
  // Before another is unlinked for it, it must be free to take the class.
  const isFree = (await world.costCodes.get(company, recordId))?.run === null;
  if (!isFree) return null;
  if (taking === 'replace') for (const user of users) if ((await unmap(world, company, actor, user)) === null) return null;

  const record = await world.costCodes.get(company, recordId);
  if (!record) return null;
  const parentId = parentIdOf((await surroundingsOf(world, company, [record], true))(record));
  const mapped = await relink(world, company, record, actor, 'mapped', (inactivate) => {
    const change = changeTo(record, target, users.length === 0 ? 'alone' : taking, inactivate, parentId);
    return { ...change, ...(change.status === 'synced' ? { syncedAt: new Date(world.clock.now()) } : {}) };
  });
  if (mapped === null || taking === 'share') return mapped;
  // Somebody else, or a sync, may have taken the class at the same time. Whoever sees the other there lets go of it.
  const holders = (await world.costCodes.linkedTo(company, [classId])).get(classId) ?? [];
  if (holders.every((id) => id === recordId)) return mapped;
  const { link, accepted, overwrite, syncedAt, status, problem: found } = record;
  await relink(world, company, mapped, actor, 'unlinked', () => ({ link, accepted, overwrite, syncedAt, status, problem: found }));
  return null;
}

/** Unties the record from its class, which stays in QuickBooks as it is; one that has none is to be looked for again by the next sync. */
export async function unmap(world: World, company: Tenant, actor: Actor, recordId: string): Promise<StagedRecord | null> {
  const record = await world.costCodes.get(company, recordId);
  return record && relink(world, company, record, actor, 'unlinked', () => ({ link: null, overwrite: null, accepted: null, syncedAt: null, ...withoutClass(record) }));
}

function withoutClass(record: StagedRecord): Pick<StagedRecord, 'problem' | 'status'> {
  const found = lasting(record);
  return { problem: found, status: found === null ? 'needs_sync' : 'needs_action' };
}

/** What is wrong with the code itself stays wrong, whatever class it has. */
function lasting({ problem: found, goneAt }: StagedRecord): Problem | null {
  return found !== null && (goneAt !== null || isOfTheCode(found)) ? found : null;
}

/** Null when the record is in a run, or was changed since it was read. */
async function relink(
  world: World,
  company: Tenant,
  record: StagedRecord,
  actor: Actor,
  kind: FactKind,
  wish: (inactivate: boolean) => RecordChange,
): Promise<StagedRecord | null> {
  const settings = (await world.companies.get(company))?.settings;
  if (!settings || record.run !== null) return null;
  const stored = await world.costCodes.change(company, record.id, record.version, { intent: null, ...wish(settings.inactivate) });
  if (!stored) return null;
  const told = kind === 'unlinked' && record.link === null ? 'mapped' : kind;
  await world.history.add(company, [fact(world, record.id, actor, told, linkChange(record, stored))]);
  if (record.problem === null || !isCollision(record.problem)) return stored;
  // A class of its own may give it the better right to its code or name.
  await recheckCollisions(world, { id: company, settings }, [stored]);
  return world.costCodes.get(company, stored.id);
}

function linkChange(before: StagedRecord, after: StagedRecord): FieldChange[] {
  const [from, to] = [before.link?.name ?? null, after.link?.name ?? null];
  if (from === null && to === null) return [{ field: 'Class', from: null, to: 'by the naming rule' }];
  return from === to ? [] : [{ field: 'Class', from, to }];
}
