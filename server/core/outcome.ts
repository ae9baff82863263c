import { problem, type Problem, type ProblemCode, type RawFault } from './problems.ts';
import type { QuickBooksClass } from './records.ts';
import type { BatchAnswer, ItemAnswer, Refusal } from './ports.ts';

/** What an answer means for one record. */
export type Outcome =
  /** QuickBooks confirmed it. */
  | { readonly kind: 'applied'; readonly class: QuickBooksClass }
  /** A person must act. */
  | { readonly kind: 'rejected'; readonly problem: Problem }
  /** The plan no longer fits what QuickBooks holds, or nobody knows whether the write was done: read, then plan again. */
  | { readonly kind: 'look'; readonly problem: Problem; readonly sameRequest: boolean }
  /** Certainly not done, and likely to go through later with the same requestid. A wait that is no fault of the record does not count as a try. */
  | { readonly kind: 'again'; readonly problem: Problem; readonly counts: boolean };

/** What an answer means for the whole run. */
export type Verdict =
  | { readonly kind: 'go_on' }
  /** Nothing may be sent for `ms`. */
  | { readonly kind: 'wait'; readonly ms: number; readonly problem: Problem }
  /** The run cannot go on without a person. */
  | { readonly kind: 'halt'; readonly problem: Problem };

const GO_ON: Verdict = { kind: 'go_on' };
const MINUTE = 60_000;

type Reaction =
  | { readonly do: 'reject'; readonly as: ProblemCode }
  | { readonly do: 'look'; readonly as: ProblemCode }
  | { readonly do: 'again'; readonly as: ProblemCode; readonly wait?: number }
  | { readonly do: 'halt'; readonly as: ProblemCode };

/** QuickBooks' fault codes and what each asks for (quickbooks.md §6.3). */
const REACTIONS: Readonly<Record<string, Reaction>> = {
  // After one renewed token the client has tried what can be tried.
  '100': { do: 'halt', as: 'reconnect_needed' },
  '110': { do: 'halt', as: 'reconnect_needed' },
  '120': { do: 'halt', as: 'reconnect_needed' },
  '130': { do: 'halt', as: 'reconnect_needed' },
  '3100': { do: 'halt', as: 'reconnect_needed' },
  '3200': { do: 'halt', as: 'reconnect_needed' },
  '3202': { do: 'halt', as: 'reconnect_needed' },
  '6190': { do: 'halt', as: 'subscription_lapsed' },
  '007001': { do: 'halt', as: 'subscription_lapsed' },

  '3001': { do: 'again', as: 'quickbooks_throttled', wait: MINUTE },
  '140': { do: 'again', as: 'quickbooks_busy', wait: 5 * MINUTE },
  '150': { do: 'again', as: 'quickbooks_busy', wait: 5 * MINUTE },
  '1000': { do: 'again', as: 'gave_up' },
  '1010': { do: 'again', as: 'gave_up' },
  '1020': { do: 'again', as: 'gave_up' },
  '4002': { do: 'again', as: 'gave_up' },

  '10000': { do: 'look', as: 'gave_up' },
  '600': { do: 'look', as: 'gave_up' },
  '2130': { do: 'look', as: 'gave_up' },
  '5010': { do: 'look', as: 'keeps_changing' },
  '6240': { do: 'look', as: 'name_refused_duplicate' },
  '610': { do: 'look', as: 'parent_refused' },
  '2500': { do: 'look', as: 'parent_refused' },
  '700': { do: 'look', as: 'parent_refused' },

  '2040': { do: 'reject', as: 'name_refused_characters' },
  '2050': { do: 'reject', as: 'name_refused_length' },
  '2020': { do: 'reject', as: 'name_required' },
  '900': { do: 'reject', as: 'parent_refused' },
  '6150': { do: 'reject', as: 'parent_refused' },
  '6180': { do: 'reject', as: 'too_deep' },
  '5020': { do: 'reject', as: 'not_in_plan' },
  '6000': { do: 'reject', as: 'business_rule' },
  '800': { do: 'reject', as: 'in_use' },
  '500': { do: 'reject', as: 'our_fault' },
  '1050': { do: 'reject', as: 'our_fault' },
  '2000': { do: 'reject', as: 'our_fault' },
  '2010': { do: 'reject', as: 'our_fault' },
  '2030': { do: 'reject', as: 'our_fault' },
  '2170': { do: 'reject', as: 'our_fault' },
  '2230': { do: 'reject', as: 'our_fault' },
  '4000': { do: 'reject', as: 'our_fault' },
  '4001': { do: 'reject', as: 'our_fault' },
  '5000': { do: 'reject', as: 'our_fault' },
  '5030': { do: 'reject', as: 'our_fault' },
};

/** Reactions to refusals that carry no code of QuickBooks: by HTTP status, else the connection itself. */
function reactionTo(fault: RawFault): Reaction {
  const known = fault.code === null ? undefined : REACTIONS[fault.code];
  if (known) return known;
  if (fault.status === null) return { do: 'again', as: 'quickbooks_unreachable' };
  if (fault.status === 429) return { do: 'again', as: 'quickbooks_throttled', wait: MINUTE };
  if (fault.status === 401 || fault.status === 403) return { do: 'halt', as: 'reconnect_needed' };
  if (fault.status >= 500) return { do: 'look', as: 'quickbooks_unreachable' };
  return { do: 'reject', as: 'refused' };
}

/** What a write is refused for that was done before, where QuickBooks does not repeat its first answer (quickbooks.md §2.4). */
const DONE_BEFORE: ReadonlySet<string | null> = new Set(['6000', '600', '6240', '5010']);

/**
 * Reads the answer to one item of a batch; `undefined` when the batch came back without it. `value` is the name that was sent. `repeated`:
 * the same write was sent before, so that a refusal may mean it was done then.
 */
export function outcomeOf(answer: ItemAnswer | Refusal | undefined, value: string, repeated = false): Outcome {
  if (answer?.kind === 'done') return { kind: 'applied', class: answer.class };
  if (answer === undefined || answer.kind === 'unknown') return { kind: 'look', problem: problem('gave_up', { value }), sameRequest: true };

  const reaction = reactionTo(answer.fault);
  const found = problem(reaction.as, { field: answer.fault.element || 'Class', value, raw: answer.fault });
  if (repeated && DONE_BEFORE.has(answer.fault.code)) return { kind: 'look', problem: found, sameRequest: false };
  switch (reaction.do) {
    case 'reject':
      return { kind: 'rejected', problem: found };
    case 'look':
      return { kind: 'look', problem: found, sameRequest: answer.fault.code === '10000' };
    case 'again':
      return { kind: 'again', problem: found, counts: reaction.wait === undefined && found.code === 'gave_up' };
    case 'halt':
      return { kind: 'again', problem: found, counts: false };
  }
}

/** Whether QuickBooks as a whole gave no answer of sense: nothing in it is about one record. */
export function isOutage(answer: BatchAnswer): boolean {
  return answer.kind === 'unknown' || (answer.kind === 'refused' && (answer.fault.status ?? 500) >= 500);
}

/** Reads what an answer says about the run as a whole. `failures` counts the unanswered calls before it in a row. */
export function verdictOf(answer: BatchAnswer | Refusal, failures: number): Verdict {
  if (answer.kind === 'answered') {
    for (const item of answer.items.values()) {
      if (item.kind !== 'refused') continue;
      const verdict = verdictOfFault(item.fault, null, failures);
      if (verdict.kind !== 'go_on') return verdict;
    }
    return GO_ON;
  }
  if (answer.kind === 'refused') return verdictOfFault(answer.fault, answer.retryAfter, failures);
  return { kind: 'wait', ms: backOff(failures), problem: problem('quickbooks_unreachable', { raw: unknownAsFault(answer) }) };
}

function verdictOfFault(fault: RawFault, retryAfter: number | null, failures: number): Verdict {
  const reaction = reactionTo(fault);
  const found = problem(reaction.as, { raw: fault });
  if (reaction.do === 'halt') return { kind: 'halt', problem: found };
  if (reaction.do === 'again' && reaction.wait !== undefined) return { kind: 'wait', ms: retryAfter ?? reaction.wait, problem: found };
  if (found.code === 'quickbooks_unreachable') return { kind: 'wait', ms: retryAfter ?? backOff(failures), problem: found };
  return GO_ON;
}

function unknownAsFault(answer: Extract<Refusal, { kind: 'unknown' }>): RawFault {
  return { status: answer.status, code: null, message: answer.why, detail: null, element: null, intuitTid: answer.intuitTid };
}

/** 1, 2, 4 … 30 seconds: while QuickBooks is down, one probe per 30 s (engineering.md §3.5). */
function backOff(failures: number): number {
  return Math.min(30_000, 1_000 * 2 ** Math.min(failures, 5));
}
