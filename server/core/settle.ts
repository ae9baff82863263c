import { bareClassName, fold } from './names.ts';
import { statusOf } from './stage.ts';
import type { PlannedChange } from './plan.ts';
import type { RecordChange } from './ports.ts';
import type { Problem } from './problems.ts';
import type { Actor, ClassLink, Exchange, Fact, FactKind, FieldChange, Intent, QuickBooksClass, StagedRecord } from './records.ts';
import type { RunOutcome } from './run.ts';

/** How often one record is sent within a run before it counts as failed. */
export const TRIES = 4;

/** While QuickBooks as a whole gives no answer, which is no fault of the record, sending it does not count as a try for so long. */
const PATIENCE = 30 * 60_000;
const SHORTEST = 1_000;
const LONGEST = 30_000;

/** Whether trouble of QuickBooks as a whole counts as a try of this record by now. */
export function countsAsTry(intent: Intent, now: Date): boolean {
  return now.getTime() - intent.sentAt.getTime() > PATIENCE;
}

/** When a record without a clear answer is taken up again: after half the time it has been tried for, within bounds. */
export function nextTry(intent: Intent, now: Date): Date {
  const triedFor = now.getTime() - intent.sentAt.getTime();
  return new Date(now.getTime() + Math.min(LONGEST, Math.max(SHORTEST, triedFor / 2)));
}

/** What is written when a run is done with a record: the change, the line of history, and what it counts as. */
export interface Settlement {
  readonly record: StagedRecord;
  readonly change: RecordChange;
  readonly fact: Fact;
  readonly outcome: RunOutcome;
}

/** The circumstances all settlements of a run share. */
export interface Occasion {
  readonly run: string;
  readonly by: Actor;
  readonly at: Date;
  readonly inactivate: boolean;
}

/** How much earlier than our own clock QuickBooks' may say a class was made that our lost request made. */
const CLOCK_SPREAD = 5 * 60_000;

/**
 * Settles a record QuickBooks has confirmed: written just now (`exchange` of the write), found as wanted, or found after an answer was
 * lost. The status is worked out from the record as it stands, so a change in Linarc during the run is not passed over.
 */
export function settleConfirmed(
  record: StagedRecord,
  planned: Pick<PlannedChange, 'changes' | 'before'>,
  confirmed: QuickBooksClass,
  exchange: Exchange | null,
  occasion: Occasion,
): Settlement {
  const isOurs = isWorkOf(record.intent, confirmed);
  const isCreated = planned.changes.includes('create') || (isOurs && record.intent?.operation === 'create');
  const link = linkTo(record, confirmed, isCreated);
  const aliases = aliasesOf(record, link);
  const facts = { wanted: record.wanted, link, problem: record.goneAt ? record.problem : null };
  const change: RecordChange = {
    link,
    aliases,
    status: statusOf(facts, occasion.inactivate),
    problem: facts.problem,
    syncedAt: occasion.at,
    overwrite: null,
    accepted: null,
    ...OVER,
  };
  const outcome = outcomeOf(planned, exchange !== null || isOurs, isCreated);
  const effect = exchange !== null || isOurs ? confirmed : null;
  return settlement(record, change, outcome, FACTS[outcome], changesOf(planned.before ?? record.link, link), exchange, null, occasion, effect);
}

const FACTS: Readonly<Record<RunOutcome, FactKind>> = {
  created: 'created', updated: 'updated', linked: 'linked', unchanged: 'confirmed', failed: 'failed', needsAction: 'blocked', held: 'held',
};

/**
 * Whether a class as QuickBooks holds it is what this write made of it: for a create, a class of that name and place no older than the
 * request; for an update, that class one SyncToken further and as the write wanted it.
 */
export function isWorkOf(intent: Intent | null, held: QuickBooksClass): boolean {
  if (intent === null) return false;
  const { Id, SyncToken, Name, ParentRef, Active } = intent.body;
  if (fold(Name) !== fold(bareClassName(held)) || (ParentRef?.value ?? null) !== held.parentId) return false;
  if (intent.operation === 'update') return Id === held.id && Number(held.syncToken) === Number(SyncToken) + 1 && (Active ?? true) === held.active;
  return held.createdAt !== null && held.createdAt.getTime() >= intent.sentAt.getTime() - CLOCK_SPREAD;
}

/** What a write did whose answer was lost: the tie to its class and the line of history. The record is not settled by it. */
export interface Recovery {
  readonly record: StagedRecord;
  readonly change: Pick<StagedRecord, 'link' | 'aliases'>;
  readonly fact: Fact;
}

/** Takes over what the record's last write did, found afterwards. Whatever is wanted by now is planned from there. */
export function recover(record: StagedRecord, held: QuickBooksClass, occasion: Occasion): Recovery {
  const isCreated = record.intent?.operation === 'create';
  const link = linkTo(record, held, isCreated);
  const kind = isCreated ? 'created' : record.link === null ? 'linked' : 'updated';
  const fact = factOf(record, kind, changesOf(record.link, link), null, null, occasion, held);
  return { record, change: { link, aliases: aliasesOf(record, link) }, fact };
}

function linkTo(record: StagedRecord, confirmed: QuickBooksClass, isCreated: boolean): ClassLink {
  const { id, syncToken, parentId, active } = confirmed;
  const shown = bareClassName(confirmed);
  const sent = record.intent?.body.Name;
  // QuickBooks may have trimmed what it was given; that is no difference worth writing again.
  const name = sent !== undefined && fold(sent) === fold(shown) ? sent : shown;
  const how = record.link?.id === id ? record.link.how : isCreated ? 'created' : 'matched';
  return { id, syncToken, parentId, active, name, how };
}

function aliasesOf(record: StagedRecord, link: ClassLink): readonly string[] {
  return record.link && record.link.name !== link.name ? [...new Set([...record.aliases, record.link.name])] : record.aliases;
}

function outcomeOf(planned: Pick<PlannedChange, 'changes'>, written: boolean, isCreated: boolean): RunOutcome {
  if (isCreated) return 'created';
  if (planned.changes.includes('link')) return 'linked';
  return written || planned.changes.length > 0 ? 'updated' : 'unchanged';
}

function changesOf(from: { name: string; active: boolean } | null, to: ClassLink): FieldChange[] {
  if (from === null) return [{ field: 'Class', from: null, to: to.name }];
  const changes: FieldChange[] = [];
  if (from.name !== to.name) changes.push({ field: 'Class', from: from.name, to: to.name });
  if (from.active !== to.active) changes.push({ field: 'Class status', from: activity(from.active), to: activity(to.active) });
  return changes;
}

const activity = (active: boolean) => (active ? 'Active' : 'Inactive');

/** Settles a record QuickBooks refused, or one whose tries are used up. */
export function settleFailed(record: StagedRecord, problem: Problem, exchange: Exchange | null, occasion: Occasion): Settlement {
  return settlement(record, { status: 'failed', problem, ...OVER }, 'failed', 'failed', [], exchange, problem, occasion);
}

/** Settles a record the plan holds back. A missing parent or room may come, so that one can be retried; the rest needs a person. */
export function settleBlocked(record: StagedRecord, problem: Problem, occasion: Occasion): Settlement {
  if (problem.code === 'parent_not_synced' || problem.code === 'plan_full') return settleFailed(record, problem, null, occasion);
  return settlement(record, { status: 'needs_action', problem, ...OVER }, 'needsAction', 'blocked', [], null, problem, occasion);
}

/** Settles a record nothing is to be done about and no class stands for: an inactive code that never was one. */
export function settleIdle(record: StagedRecord, occasion: Occasion): Settlement {
  return settlement(record, { status: record.run?.was ?? 'needs_sync', ...OVER }, 'unchanged', 'confirmed', [], null, null, occasion);
}

/** Settles a record whose change needs a yes nobody gave: it stays as it was. */
export function settleHeld(record: StagedRecord, occasion: Occasion): Settlement {
  const change = { status: record.run?.was ?? 'needs_sync', ...OVER };
  return settlement(record, change, 'held', 'held', [], null, null, occasion);
}

/** The exchange stands in the line of history from now on. */
const OVER = { run: null, intent: null, lastExchange: null } as const satisfies RecordChange;

function settlement(
  record: StagedRecord,
  change: RecordChange,
  outcome: RunOutcome,
  kind: FactKind,
  changes: readonly FieldChange[],
  exchange: Exchange | null,
  problem: Problem | null,
  occasion: Occasion,
  effect: QuickBooksClass | null = null,
): Settlement {
  const fact = factOf(record, kind, changes, exchange, problem, occasion, effect);
  return { record, outcome, change: { ...change, settledIn: { run: occasion.run, outcome } }, fact };
}

/** The SyncToken of a class just created (quickbooks.md §2.1). */
const FIRST_TOKEN = '0';
const EFFECTS: ReadonlySet<FactKind> = new Set(['created', 'updated', 'linked']);

/**
 * A line about what a write did is named by the class and the SyncToken it made, so that it is there once, however that became known and
 * to how many: a worker that was stopped for long may know no better than that some write of ours did it.
 */
function factOf(
  record: StagedRecord,
  kind: FactKind,
  changes: readonly FieldChange[],
  exchange: Exchange | null,
  problem: Problem | null,
  { run, by, at }: Occasion,
  effect: QuickBooksClass | null,
): Fact {
  const isEffect = effect !== null && EFFECTS.has(kind);
  // Found later, a class we created may have been changed by others since.
  const id = isEffect ? `${record.id}.${effect.id}.${kind === 'created' ? FIRST_TOKEN : effect.syncToken}` : `${run}.${record.id}.${kind}.${exchange?.requestid ?? ''}`;
  return { id, record: record.id, at, by, kind, changes, run, exchange, problem };
}
