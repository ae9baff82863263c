import type { PlanAction } from '../../core/plan.ts';
import { describe, type Problem } from '../../core/problems.ts';
import type { ClassShape } from '../../core/records.ts';
import { count, counted, listed } from './format.ts';
import { STATUS_LABELS, type StatusKey } from './status.ts';

export interface PreviewFacts {
  readonly counts: Readonly<Record<PlanAction, number>>;
  readonly rows: readonly {
    readonly id: string;
    readonly code: string;
    readonly name: string;
    readonly action: PlanAction;
    readonly before: ClassShape | null;
    readonly after: ClassShape | null;
    readonly reason: string | null;
    readonly problem: Problem | null;
  }[];
  readonly skipped: Readonly<Record<string, number>>;
}

/** What Sync to QBO would do: numbers first, rows second (product.md pattern 7). */
export interface Preview {
  readonly numbers: readonly { readonly label: string; readonly count: string }[];
  readonly skipped: string | null;
  readonly rows: readonly PreviewRow[];
  readonly more: string | null;
  readonly nothing: boolean;
  /** The selection, to be sent again by Sync to QBO. */
  readonly hidden: readonly (readonly [string, string])[];
  readonly denied: string | null;
}

export interface PreviewRow {
  readonly code: string;
  readonly name: string;
  readonly action: PlanAction;
  readonly label: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly reason: string | null;
}

const LABELS: Readonly<Record<PlanAction, string>> = {
  create: 'Create', link: 'Link', rename: 'Rename', move: 'Move', reactivate: 'Reactivate', inactivate: 'Make inactive', none: 'No change', blocked: 'Cannot sync',
};

export function preview(facts: PreviewFacts, given: Pick<Preview, 'hidden' | 'denied'>): Preview {
  const actions = (Object.keys(LABELS) as PlanAction[]).filter((action) => facts.counts[action] > 0);
  const total = actions.reduce((sum, action) => sum + facts.counts[action], 0);
  const shown = facts.rows.filter(({ action }) => action !== 'none');
  const unshown = total - facts.counts.none - shown.length;
  return {
    ...given,
    numbers: actions.map((action) => ({ label: LABELS[action], count: count(facts.counts[action]) })),
    skipped: skippedWords(facts.skipped),
    rows: shown.map((row) => ({
      code: row.code, name: row.name, action: row.action, label: LABELS[row.action],
      before: shape(row.before), after: shape(row.after),
      reason: row.problem === null ? row.reason : describe(row.problem).sentence,
    })),
    more: unshown > 0 ? `and ${counted(unshown, 'more change')}` : null,
    nothing: total === 0,
  };
}

function shape(given: ClassShape | null): string | null {
  return given === null ? null : `${given.name}${given.active ? '' : ' (inactive)'}`;
}

/** "3 are left out: 2 Synced and 1 Excluded", by what keeps them out; null when nothing is. */
export function skippedWords(skipped: Readonly<Record<string, number>>): string | null {
  const kept = Object.entries(skipped).filter(([, n]) => n > 0);
  if (kept.length === 0) return null;
  const total = kept.reduce((sum, [, n]) => sum + n, 0);
  const label = (key: string) => (Object.hasOwn(STATUS_LABELS, key) ? STATUS_LABELS[key as StatusKey] : key);
  return `${count(total)} ${total === 1 ? 'is' : 'are'} left out: ${listed(kept.map(([key, n]) => `${count(n)} ${label(key)}`))}.`;
}
