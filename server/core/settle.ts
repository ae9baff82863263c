import { bareClassName, fold } from './names.ts';
import { statusOf } from './stage.ts';
import type { PlannedChange } from './plan.ts';
import type { RecordChange } from './ports.ts';
import type { Problem } from './problems.ts';
import type { Actor, ClassLink, Exchange, Fact, FactKind, FieldChange, Intent, QuickBooksClass, StagedRecord } from './records.ts';
import type { RunOutcome } from './run.ts';

/** How often one record is sent within a run before it counts as failed. */
export const TRIES = 4;

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
  const ours = madeByUs(record.intent, confirmed, planned);
  const link = linkTo(record, confirmed, ours);
  const aliases = record.link && record.link.name !== link.name ? [...new Set([...record.aliases, record.link.name])] : record.aliases;
  const facts = { wanted: record.wanted, link, problem: record.goneAt ? record.problem : null };
  const change: RecordChange = {
    link,
    aliases,
    status: statusOf(facts, occasion.inactivate),
    problem: facts.problem,
    syncedAt: occasion.at,
    overwrite: null,
    accepted: null,
    ...over(record, exchange),
  };
  const outcome = outcomeOf(planned, exchange !== null, ours);
  return settlement(record, change, outcome, FACTS[outcome], changesOf(planned.before ?? record.link, link), exchange, null, occasion);
}

const FACTS: Readonly<Record<RunOutcome, FactKind>> = {
  created: 'created', updated: 'updated', linked: 'linked', unchanged: 'confirmed', failed: 'failed', needsAction: 'blocked',
};

/** A create whose answer was lost left a class that is no older than the request. */
function madeByUs(intent: Intent | null, confirmed: QuickBooksClass, planned: Pick<PlannedChange, 'changes'>): boolean {
  if (planned.changes.includes('create')) return true;
  if (intent === null || intent.operation !== 'create' || fold(intent.body.Name) !== fold(bareClassName(confirmed))) return false;
  return confirmed.createdAt !== null && confirmed.createdAt.getTime() >= intent.sentAt.getTime() - CLOCK_SPREAD;
}

function linkTo(record: StagedRecord, confirmed: QuickBooksClass, ours: boolean): ClassLink {
  const { id, syncToken, parentId, active } = confirmed;
  const shown = bareClassName(confirmed);
  const sent = record.intent?.body.Name;
  // QuickBooks may have trimmed what it was given; that is no difference worth writing again.
  const name = sent !== undefined && fold(sent) === fold(shown) ? sent : shown;
  const how = record.link?.id === id ? record.link.how : ours ? 'created' : 'matched';
  return { id, syncToken, parentId, active, name, how };
}

function outcomeOf(planned: Pick<PlannedChange, 'changes'>, written: boolean, ours: boolean): RunOutcome {
  if (ours) return 'created';
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
  return settlement(record, { status: 'failed', problem, ...over(record, exchange) }, 'failed', 'failed', [], exchange, problem, occasion);
}

/** Settles a record the plan holds back. A parent that is missing may come, so that one can be retried; the rest needs a person. */
export function settleBlocked(record: StagedRecord, problem: Problem, occasion: Occasion): Settlement {
  if (problem.code === 'parent_not_synced') return settleFailed(record, problem, null, occasion);
  return settlement(record, { status: 'needs_action', problem, ...over(record, null) }, 'needsAction', 'blocked', [], null, problem, occasion);
}

/** Settles a record nothing is to be done about and no class stands for: an inactive code that never was one. */
export function settleIdle(record: StagedRecord, occasion: Occasion): Settlement {
  return settlement(record, { status: record.run?.was ?? 'needs_sync', ...over(record, null) }, 'unchanged', 'confirmed', [], null, null, occasion);
}

function over(record: StagedRecord, exchange: Exchange | null): RecordChange {
  return { run: null, intent: null, lastExchange: exchange ?? record.lastExchange };
}

function settlement(
  record: StagedRecord,
  change: RecordChange,
  outcome: RunOutcome,
  kind: FactKind,
  changes: readonly FieldChange[],
  exchange: Exchange | null,
  problem: Problem | null,
  occasion: Occasion,
): Settlement {
  return {
    record,
    outcome,
    change: { ...change, settledIn: { run: occasion.run, outcome } },
    fact: { id: `${occasion.run}.${record.id}.${kind}`, record: record.id, at: occasion.at, by: occasion.by, kind, changes, run: occasion.run, exchange, problem },
  };
}
