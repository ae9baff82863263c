import type { Estimate } from '../../core/estimate.ts';
import type { PlanAction } from '../../core/plan.ts';
import { describe, type Problem } from '../../core/problems.ts';
import { CONSENTS, type ClassShape, type Consent } from '../../core/records.ts';
import { count, counted, lasting, listed } from './format.ts';
import { STATUS_LABELS, type StatusKey } from './status.ts';

export interface PreviewFacts {
  readonly counts: Readonly<Record<PlanAction, number>>;
  readonly needed: Readonly<Record<Consent, number>>;
  readonly renamed: number;
  readonly rows: readonly {
    readonly id: string;
    readonly code: string;
    readonly name: string;
    readonly action: PlanAction;
    readonly changes: readonly string[];
    readonly from: string | null;
    readonly to: string | null;
    readonly before: ClassShape | null;
    readonly after: ClassShape | null;
    readonly reason: string | null;
    readonly problem: Problem | null;
  }[];
  readonly skipped: Readonly<Record<string, number>>;
  readonly estimate: Estimate;
}

/** What Sync to QBO would do: numbers first, rows second (product.md pattern 7), and what needs its own yes (pattern 8). */
export interface Preview {
  readonly numbers: readonly { readonly label: string; readonly count: string; readonly action: PlanAction }[];
  /** "about 41 s, 28 calls to QuickBooks"; null when nothing is written. */
  readonly estimate: string | null;
  readonly skipped: string | null;
  /** What to tick before it is done; without the tick it is left out. */
  readonly consents: readonly { readonly consent: Consent; readonly label: string; readonly about: string }[];
  /** What a rename does to reports of the past; null when nothing is renamed. */
  readonly renames: string | null;
  /** Why it will not be begun as it is: the plan has too little room, or class tracking is off. */
  readonly hindered: string | null;
  readonly groups: readonly PreviewGroup[];
  readonly nothing: boolean;
  /** The person chose Sync to QBO, which goes no further without looking at this. */
  readonly stopped: boolean;
  /** The selection, to be sent again by Sync to QBO. */
  readonly hidden: readonly (readonly [string, string])[];
  readonly denied: string | null;
}

export interface PreviewGroup {
  readonly action: PlanAction;
  readonly label: string;
  readonly count: string;
  readonly rows: readonly PreviewRow[];
  readonly more: string | null;
  /** Shown at once; the rest opens on demand. */
  readonly open: boolean;
}

export interface PreviewRow {
  readonly code: string;
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly reason: string | null;
}

const LABELS: Readonly<Record<PlanAction, string>> = {
  create: 'Create', link: 'Link', rename: 'Rename', move: 'Move', reactivate: 'Reactivate', inactivate: 'Make inactive', none: 'No change', blocked: 'Cannot sync',
};

/** What a person should look at comes first. */
const BY_WEIGHT: readonly PlanAction[] = ['inactivate', 'move', 'blocked', 'rename', 'reactivate', 'link', 'create', 'none'];
const WRITES: readonly PlanAction[] = ['create', 'link', 'rename', 'move', 'reactivate', 'inactivate'];
/** A group of so few is shown at once, whatever it is. */
const FEW = 12;

const REASONS: Readonly<Record<string, string>> = {
  as_wanted: 'QuickBooks has it already',
  inactive_never_synced: 'Inactive in Linarc and never synced',
  inactivation_not_chosen: 'Inactive in Linarc; Settings leave its class active',
};

/** `room`: how many classes the plan still allows; Infinity where nothing limits them. */
export function preview(
  facts: PreviewFacts,
  { room = Infinity, tracking = true, ...given }: Pick<Preview, 'hidden' | 'denied' | 'stopped'> & { readonly room?: number; readonly tracking?: boolean },
): Preview {
  const actions = (Object.keys(LABELS) as PlanAction[]).filter((action) => facts.counts[action] > 0);
  const writes = WRITES.some((action) => facts.counts[action] > 0);
  return {
    ...given,
    numbers: actions.map((action) => ({ label: LABELS[action], count: count(facts.counts[action]), action })),
    estimate: writes ? `about ${lasting(facts.estimate.took)}, ${counted(facts.estimate.calls, 'call')} to QuickBooks` : null,
    skipped: skippedWords(facts.skipped),
    consents: CONSENTS.filter((consent) => facts.needed[consent] > 0).map((consent) => consentOf(consent, facts.needed[consent])),
    renames: facts.renamed === 0 ? null : `${counted(facts.renamed, 'class gets', 'classes get')} a new name: reports of past periods show the new name too.`,
    hindered: hinderedBy(facts, room, tracking),
    groups: BY_WEIGHT.filter((action) => facts.counts[action] > 0).map((action) => group(action, facts)),
    nothing: actions.length === 0,
  };
}

function hinderedBy({ counts }: PreviewFacts, room: number, tracking: boolean): string | null {
  const made = counts.create + counts.reactivate;
  if (!tracking) return 'Class tracking is off in QuickBooks: nothing is sent before it is turned on.';
  return made > room ? `The QuickBooks plan has room for ${count(room)}, and this needs ${counted(made, 'new class', 'new classes')}. Nothing beyond the room is sent; the next step offers ways to fit.` : null;
}

function consentOf(consent: Consent, n: number): Preview['consents'][number] {
  if (consent === 'inactivate') {
    const label = `Make ${counted(n, 'class', 'classes')} inactive`;
    return { consent, label, about: 'They can no longer be chosen in QuickBooks. What was booked on them stays, and they can be made active again.' };
  }
  return { consent, label: `Move ${counted(n, 'class', 'classes')} under another parent`, about: 'Reports by class, past ones too, show their amounts under the new parent.' };
}

function group(action: PlanAction, { counts, rows }: PreviewFacts): PreviewGroup {
  const shown = rows.filter((one) => one.action === action);
  const unshown = counts[action] - shown.length;
  return {
    action, label: LABELS[action], count: count(counts[action]),
    rows: shown.map((one) => ({
      code: one.code, name: one.name,
      before: shape(one.before, one.changes.includes('move') ? one.from : undefined), after: shape(one.after, one.changes.includes('move') ? one.to : undefined),
      reason: one.problem === null ? one.reason && (REASONS[one.reason] ?? null) : describe(one.problem).sentence,
    })),
    more: unshown > 0 ? `and ${count(unshown)} more` : null,
    open: action === 'inactivate' || action === 'move' || action === 'blocked' || (action !== 'none' && counts[action] <= FEW),
  };
}

/** With `above` given, also where it stands; null is the top of the list. */
function shape(given: ClassShape | null, above?: string | null): string | null {
  if (given === null) return null;
  const place = above === undefined ? '' : above === null ? 'top › ' : `${above.replaceAll(':', ' › ')} › `;
  return `${place}${given.name}${given.active ? '' : ' (inactive)'}`;
}

/** "3 are left out: 2 Synced and 1 Excluded", by what keeps them out; null when nothing is. */
export function skippedWords(skipped: Readonly<Record<string, number>>): string | null {
  const kept = Object.entries(skipped).filter(([, n]) => n > 0);
  if (kept.length === 0) return null;
  const total = kept.reduce((sum, [, n]) => sum + n, 0);
  const label = (key: string) => (Object.hasOwn(STATUS_LABELS, key) ? STATUS_LABELS[key as StatusKey] : key);
  return `${count(total)} ${total === 1 ? 'is' : 'are'} left out: ${listed(kept.map(([key, n]) => `${count(n)} ${label(key)}`))}.`;
}
