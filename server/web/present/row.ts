import { bareClassName } from '../../core/names.ts';
import type { QuickBooksClass, StagedRecord } from '../../core/records.ts';
import { pathTo } from '../paths.ts';
import { card, type Card, type Drift } from './card.ts';
import { momentOrNull, type Moment } from './format.ts';
import { STATUS_LABELS, canSync, statusKey, type StatusKey } from './status.ts';

/** Rows that changed while the page was open; each takes the place of the one there. */
export interface ChangedRows {
  readonly rows: readonly Row[];
}

/** One line of the table; the same file draws it in the page and in a live update. */
export interface Row {
  readonly id: string;
  /** What the browser says it shows, so that a live update sends only what changed. */
  readonly seen: string;
  readonly serial: string;
  readonly code: string;
  readonly name: string;
  readonly taskType: string;
  readonly taskCodeStatus: 'Active' | 'Inactive';
  readonly status: { readonly key: StatusKey; readonly label: string };
  readonly retryHref: string | null;
  readonly card: Card | null;
  /** Who took it out, when and why; that Linarc has it no more; or what QuickBooks has instead. */
  readonly remark: Remark | null;
  readonly synced: Moment | null;
  readonly selected: boolean;
  readonly syncs: boolean;
  readonly actions: readonly { readonly label: string; readonly icon: string; readonly href: string }[];
  readonly readOnly: boolean;
}

export interface Remark {
  readonly text: string;
  readonly at: Moment | null;
  readonly reason: string | null;
}

export interface RowContext {
  readonly serial: number;
  readonly selected: boolean;
  readonly readOnly: boolean;
  /** The linked class as QuickBooks has it, where somebody changed it. */
  readonly current?: QuickBooksClass | undefined;
}

export function row(record: StagedRecord, { serial, selected, readOnly, current }: RowContext): Row {
  const key = statusKey(record);
  const problem = key === 'failed' || key === 'needs_action' ? record.problem : null;
  return {
    id: record.id,
    seen: `${record.id}.${record.version}`,
    serial: String(serial),
    code: record.source.code || '—',
    name: record.source.name || '—',
    taskType: record.kind === 'division' ? 'Division' : record.source.taskType || '—',
    taskCodeStatus: record.source.active ? 'Active' : 'Inactive',
    status: { key, label: STATUS_LABELS[key] },
    retryHref: key === 'failed' ? pathTo('retry', record.id) : null,
    card: problem === null ? null : card(problem, record.id, driftOf(record, current)),
    remark: remarkOn(record),
    synced: momentOrNull(record.syncedAt),
    selected,
    syncs: canSync(record),
    actions: actionsOf(record.id),
    readOnly,
  };
}

function remarkOn({ excluded, goneAt, problem, accepted, link }: StagedRecord): Remark | null {
  if (excluded?.byRule) return { text: 'Excluded by rule', at: momentOrNull(excluded.at), reason: excluded.reason };
  if (excluded) return { text: `Excluded by ${excluded.by}`, at: momentOrNull(excluded.at), reason: excluded.reason || null };
  if (goneAt) return { text: 'Gone from Linarc', at: momentOrNull(goneAt), reason: null };
  if (problem?.code === 'changed_in_quickbooks') return { text: `QuickBooks has “${problem.value ?? ''}”`, at: null, reason: null };
  return accepted && link ? { text: `QuickBooks keeps “${link.name}”`, at: null, reason: null } : null;
}

/** Linarc's value and QuickBooks', where a person has to choose. */
function driftOf({ wanted, problem }: StagedRecord, current: QuickBooksClass | undefined): Drift | null {
  if (problem?.code !== 'changed_in_quickbooks') return null;
  const shown = (name: string, active: boolean) => `${name}${active ? '' : ' (inactive)'}`;
  const theirs = current === undefined ? problem.value ?? '' : pathOf(current);
  return { linarc: shown(wanted.name, wanted.active), quickbooks: shown(theirs, current?.active ?? true) };
}

/** The class's path without the suffix QuickBooks gives what is inactive. */
function pathOf(current: QuickBooksClass): string {
  const above = current.fullyQualifiedName.lastIndexOf(':');
  return `${above < 0 ? '' : current.fullyQualifiedName.slice(0, above + 1)}${bareClassName(current)}`;
}

/** The labels are the article's, word for word (linarc.md §3.3). */
function actionsOf(id: string): Row['actions'] {
  return [
    { label: 'Change History', icon: 'clock', href: pathTo('history', id) },
    { label: 'Manual Mapping', icon: 'map', href: pathTo('mapping', id) },
    { label: 'Json Script', icon: 'json', href: pathTo('json', id) },
  ];
}
