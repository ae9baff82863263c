import { bareClassName, fold } from './names.ts';
import { isDrifted } from './plan.ts';
import type { RecordChange } from './ports.ts';
import { problem, type Problem } from './problems.ts';
import type { ClassLink, ClassShape, FactKind, FieldChange, Intent, QuickBooksClass, StagedRecord } from './records.ts';
import { differs, statusOf } from './stage.ts';

/** What becomes of a record because of what QuickBooks holds now, and the line of history. */
export interface Drift {
  readonly change: RecordChange;
  readonly kind: FactKind;
  readonly changes: readonly FieldChange[];
  readonly problem: Problem | null;
}

const NAMES = { field: 'Class', parent: 'Parent class', active: 'Class status' } as const;

/** What QuickBooks holds of one record. */
export interface Held {
  /** The linked class; undefined only when it is known to be gone. */
  readonly current: QuickBooksClass | undefined;
  /** The class under which the record's belongs; undefined when that is not known. */
  readonly parentId: string | null | undefined;
  /** The path of the class it stood under when it was last confirmed. */
  readonly formerParent: string | null;
}

/**
 * Judges one linked record by its class as QuickBooks has it now. Null when nothing is to be done: the class is as last
 * confirmed, we changed it ourselves, a person has decided about this very state, or the record waits for something else. A class
 * somebody brought to what Linarc wants is taken over; any other change waits for a person, and one that was undone in QuickBooks
 * waits no more (linarc.md point 10). A path that changed because a parent was renamed is no change (quickbooks.md §2.2).
 */
export function driftOf(record: StagedRecord, { current, parentId, formerParent }: Held, inactivate: boolean): Drift | null {
  const { link } = record;
  if (link === null || record.run !== null || record.goneAt !== null || waitsForOther(record)) return null;
  if (!current) return flagged(record, problem('class_gone', { field: NAMES.field, value: link.name }), []);
  if (isOlder(current, link)) return null;
  if (!isDrifted(record, current) || isOurs(record.intent, current)) return cleared(record, parentId, inactivate);
  if (record.overwrite === current.syncToken) return null;
  const changes = fieldChanges(link, current, formerParent);
  if (!differs(record.wanted, shapeOf(current), parentId, inactivate)) {
    return { ...cleaned(record, relinked(link, current), parentId, inactivate), changes };
  }
  const found = problem('changed_in_quickbooks', { field: NAMES.field, value: current.fullyQualifiedName });
  return flagged(record, found, changes);
}

/** What QuickBooks keeps of a class that we write. */
export function shapeOf(current: QuickBooksClass): ClassShape {
  return { name: bareClassName(current), parentId: current.parentId, active: current.active };
}

/** The link to a class as it stands, keeping how it came about. */
export function relinked(link: ClassLink, current: QuickBooksClass): ClassLink {
  return { ...link, ...shapeOf(current), syncToken: current.syncToken };
}

/** What differs between the class as last confirmed and as it is; parents by their paths. */
export function fieldChanges(link: ClassShape, current: QuickBooksClass, formerParent: string | null): FieldChange[] {
  const now = shapeOf(current);
  const changes: FieldChange[] = [];
  if (now.name !== link.name) changes.push({ field: NAMES.field, from: link.name, to: now.name });
  if (now.parentId !== link.parentId) changes.push({ field: NAMES.parent, from: formerParent, to: pathAbove(current) });
  if (now.active !== link.active) changes.push({ field: NAMES.active, from: activity(link.active), to: activity(now.active) });
  return changes;
}

/** Whether this problem is one that QuickBooks' present state raises and ends. */
export function isDrift(found: Problem | null): boolean {
  return found?.code === 'changed_in_quickbooks' || found?.code === 'class_gone';
}

/** A record that a person must look at for another reason keeps that reason; pushing it would find the drift. */
function waitsForOther(record: StagedRecord): boolean {
  return record.status === 'needs_action' && record.problem !== null && !isDrift(record.problem);
}

/** An answer that was long on its way may be older than what a write of ours has confirmed since. */
function isOlder(current: QuickBooksClass, link: ClassLink): boolean {
  const [now, confirmed] = [Number(current.syncToken), Number(link.syncToken)];
  return Number.isFinite(now) && Number.isFinite(confirmed) && now < confirmed;
}

/** A write of ours whose answer was lost; the next run looks and settles it. */
function isOurs(intent: Intent | null, current: QuickBooksClass): boolean {
  if (intent === null || intent.body.Id !== current.id) return false;
  const { Name, ParentRef, Active } = intent.body;
  const samePlace = (ParentRef?.value ?? null) === current.parentId && (Active ?? true) === current.active;
  return samePlace && fold(Name) === fold(bareClassName(current));
}

function flagged(record: StagedRecord, found: Problem, changes: readonly FieldChange[]): Drift | null {
  if (record.problem?.code === found.code && record.problem.value === found.value) return null;
  return { change: { status: 'needs_action', problem: found }, kind: 'drifted', changes, problem: found };
}

function cleared(record: StagedRecord, parentId: string | null | undefined, inactivate: boolean): Drift | null {
  if (!isDrift(record.problem) || record.status !== 'needs_action') return null;
  const status = statusOf({ ...record, problem: null }, inactivate, parentId);
  return { change: { status, problem: null }, kind: 'confirmed', changes: [], problem: null };
}

/** The record with what somebody brought to Linarc's own value as its link. */
function cleaned(record: StagedRecord, link: ClassLink, parentId: string | null | undefined, inactivate: boolean): Drift {
  const former = record.link?.name ?? link.name;
  const aliases = former === link.name ? record.aliases : [...new Set([...record.aliases, former])];
  const status = statusOf({ ...record, link, problem: null }, inactivate, parentId);
  return { change: { link, aliases, status, problem: null }, kind: 'confirmed', changes: [], problem: null };
}

/** What makes Linarc's value go back over this very state of the class, with the next sync. */
export function putBack(current: QuickBooksClass): RecordChange {
  return { overwrite: current.syncToken, accepted: null, problem: null, status: 'needs_sync' };
}

/** What lets QuickBooks' value stay as an exception: the record counts as synced while neither Linarc nor the class changes. */
export function kept(record: StagedRecord, current: QuickBooksClass, inactivate: boolean, at: Date): RecordChange {
  const link = record.link && relinked(record.link, current);
  const accepted = { ...shapeOf(current), instead: record.wanted };
  const aliases = record.link === null || record.link.name === link?.name ? record.aliases : [...new Set([...record.aliases, record.link.name])];
  const status = statusOf({ wanted: record.wanted, link, accepted, problem: null }, inactivate);
  return { link, accepted, aliases, overwrite: null, problem: null, status, syncedAt: at };
}

function pathAbove({ fullyQualifiedName, parentId }: QuickBooksClass): string | null {
  return parentId === null ? null : fullyQualifiedName.slice(0, Math.max(0, fullyQualifiedName.lastIndexOf(':')));
}

const activity = (active: boolean) => (active ? 'Active' : 'Inactive');
