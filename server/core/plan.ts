import { bareClassName, contentHash, fold } from './names.ts';
import { problem, type Problem } from './problems.ts';
import { CONSENTS, type ClassShape, type ClassWrite, type Consent, type QuickBooksClass, type StagedRecord } from './records.ts';
import type { Settings } from './company.ts';

export const PLAN_ACTIONS = ['create', 'link', 'rename', 'move', 'reactivate', 'inactivate', 'none', 'blocked'] as const;
export type PlanAction = (typeof PLAN_ACTIONS)[number];

/** Where a record's parent class stands. `planned`: it will be there before the record's own turn comes. */
export type ParentStanding =
  | { readonly kind: 'top' }
  | { readonly kind: 'class'; readonly id: string }
  | { readonly kind: 'planned' }
  | { readonly kind: 'missing'; readonly name: string };

/** What the mirror and the ledger say about one record's surroundings. */
export interface Surroundings {
  /** The class the record is linked to, as the mirror has it; undefined when the mirror has it not. */
  readonly linked: QuickBooksClass | undefined;
  /** Classes of the wanted name under the wanted parent, inactive ones too. */
  readonly sameName: readonly QuickBooksClass[];
  /** Which of those are linked to another record. */
  readonly usedElsewhere: ReadonlySet<string>;
  /** Which of those their records are about to rename, so that the name comes free. */
  readonly leaving: ReadonlySet<string>;
  readonly parent: ParentStanding;
}

/**
 * What will be done for one record. A write has `after`, and `classId` unless it creates; `changes` names every aspect of an update,
 * `action` the weightiest. `none` and `blocked` are said, never left out.
 */
export interface PlannedChange {
  readonly action: PlanAction;
  readonly changes: readonly Exclude<PlanAction, 'none' | 'blocked'>[];
  readonly target: QuickBooksClass | null;
  readonly before: ClassShape | null;
  readonly after: ClassShape | null;
  readonly problem: Problem | null;
  /** A name is wanted that another class has until the run renames that one: it is not to be sent before. */
  readonly waits: boolean;
  /** Why nothing is to be done. */
  readonly reason: 'as_wanted' | 'inactive_never_synced' | 'inactivation_not_chosen' | null;
}

const NONE = { changes: [], target: null, before: null, after: null, problem: null, waits: false, reason: null } as const;

/**
 * Plans one record: what it takes until QuickBooks holds the class that is wanted, and no more. Pure; the same plan feeds the preview
 * and the push. Never plans a second class of one name under one parent (linarc.md point 3), and never overwrites what somebody changed
 * in QuickBooks unless a person said so (point 10).
 */
export function plan(record: StagedRecord, around: Surroundings, settings: Pick<Settings, 'inactivate'>): PlannedChange {
  if (record.problem !== null && isOfTheCode(record.problem)) return blocked(record.problem);
  if (record.goneAt !== null) return blocked(problem('gone_from_linarc', { value: record.source.code }));
  if (around.parent.kind === 'missing') return blocked(problem('parent_not_synced', { field: 'Parent', value: around.parent.name }));
  return record.link === null ? planUnlinked(record, around, settings) : planLinked(record, around, settings);
}

/** Problems that Linarc's data has of itself; those QuickBooks caused are planned anew, since they may be over. */
export function isOfTheCode(found: Problem): boolean {
  return ['code_missing', 'name_missing', 'code_duplicate', 'code_too_long', 'name_collision', 'record_unreadable', 'perhaps_renamed'].includes(found.code);
}

function planUnlinked(record: StagedRecord, around: Surroundings, settings: Pick<Settings, 'inactivate'>): PlannedChange {
  const free = around.sameName.filter((candidate) => !around.usedElsewhere.has(candidate.id));
  const match = free.find((candidate) => candidate.active) ?? free[0];
  if (match) return planUpdate(record, match, around, settings.inactivate, true);
  const taken = around.sameName.find(({ id }) => !around.leaving.has(id));
  if (taken) return blocked(nameTaken(taken.name));
  if (!record.wanted.active) return { ...NONE, action: 'none', reason: 'inactive_never_synced' };
  const after = { name: record.wanted.name, parentId: parentIdOf(around.parent), active: true };
  return { ...NONE, action: 'create', changes: ['create'], after, waits: around.sameName.length > 0 };
}

function planLinked(record: StagedRecord, around: Surroundings, settings: Pick<Settings, 'inactivate'>): PlannedChange {
  const current = around.linked;
  if (!current) return blocked(problem('class_gone', { value: record.wanted.name }));
  // Whether an inactive class keeps its name is not known before QuickBooks was asked.
  const isNameRefused = record.problem?.code === 'name_refused_duplicate';
  const rivals = around.sameName.filter((candidate) => candidate.id !== current.id && (candidate.active || isNameRefused));
  const update = planUpdate(record, current, around, settings.inactivate, false);
  if (update.action === 'none') return update;
  if (isDrifted(record, current) && record.overwrite !== current.syncToken) {
    return blocked(problem('changed_in_quickbooks', { field: 'Class', value: current.fullyQualifiedName }));
  }
  if (rivals.length === 0 || !update.changes.some((change) => change === 'rename' || change === 'move' || change === 'reactivate')) return update;
  const rival = rivals.find(({ id }) => !around.leaving.has(id));
  return rival ? blocked(nameTaken(rival.name)) : { ...update, waits: true };
}

/** Whether somebody changed the linked class in QuickBooks since it was last confirmed to us. */
export function isDrifted(record: Pick<StagedRecord, 'link'>, current: QuickBooksClass): boolean {
  const { link } = record;
  if (link === null || link.syncToken === current.syncToken) return false;
  return bareClassName(current) !== link.name || current.parentId !== link.parentId || current.active !== link.active;
}

function planUpdate(record: StagedRecord, current: QuickBooksClass, around: Surroundings, inactivate: boolean, linking: boolean): PlannedChange {
  const before: ClassShape = { name: bareClassName(current), parentId: current.parentId, active: current.active };
  const keepsActive = !record.wanted.active && !inactivate;
  const after: ClassShape = {
    name: record.wanted.name,
    parentId: parentIdOf(around.parent),
    active: record.wanted.active || (keepsActive && current.active),
  };
  const changes: Exclude<PlanAction, 'none' | 'blocked'>[] = [];
  if (before.active && !after.active) changes.push('inactivate');
  if (!before.active && after.active) changes.push('reactivate');
  if (around.parent.kind === 'planned' || before.parentId !== after.parentId) changes.push('move');
  if (before.name !== after.name) changes.push('rename');
  // A class that is and stays inactive is left alone: its name carries QuickBooks' suffix anyway.
  if (!before.active && !after.active) changes.length = 0;
  if (linking) changes.push('link');
  const [first] = changes;
  if (first === undefined) return { ...NONE, action: 'none', target: current, before, after, reason: keepsActive && current.active ? 'inactivation_not_chosen' : 'as_wanted' };
  return { ...NONE, action: linking ? 'link' : first, changes, target: current, before, after };
}

export function blocked(found: Problem): PlannedChange {
  return { ...NONE, action: 'blocked', problem: found };
}

/** Another code has the class of the wanted name. */
export function nameTaken(name: string): Problem {
  return problem('class_used', { field: 'Class name', value: name });
}

function parentIdOf(parent: ParentStanding): string | null {
  return parent.kind === 'class' ? parent.id : null;
}

/**
 * What of a planned change needs a yes of its own (linarc.md point 21). A person who decided over this very state of the class, by
 * putting Linarc's value back or by mapping, has given it.
 */
export function needsYes(record: Pick<StagedRecord, 'overwrite'>, { changes, target }: Pick<PlannedChange, 'changes' | 'target'>): readonly Consent[] {
  if (target !== null && record.overwrite === target.syncToken) return [];
  return CONSENTS.filter((consent) => changes.includes(consent));
}

/** The write a planned change asks for; null when QuickBooks needs no write (none, blocked, or a link to a class already as wanted). */
export function writeOf(change: PlannedChange): { operation: 'create' | 'update'; body: ClassWrite; contentHash: string } | null {
  const { after, target } = change;
  if (after === null || change.changes.every((aspect) => aspect === 'link')) return null;
  const parent = after.parentId === null ? {} : { ParentRef: { value: after.parentId } };
  const body: ClassWrite = target
    ? { Id: target.id, SyncToken: target.syncToken, Name: after.name, ...parent, Active: after.active }
    : { Name: after.name, ...parent };
  return { operation: target ? 'update' : 'create', body, contentHash: contentHash(body) };
}

/** The key by which a record looks for classes of its wanted name in the mirror. */
export function nameKey(parentId: string | null, name: string): string {
  return `${parentId ?? ''}\u0001${fold(name)}`;
}
