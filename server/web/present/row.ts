import type { StagedRecord } from '../../core/records.ts';
import { pathTo } from '../paths.ts';
import { card, type Card } from './card.ts';
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
  /** Who took it out and why, or that Linarc has it no more. */
  readonly remark: string | null;
  readonly synced: Moment | null;
  readonly selected: boolean;
  readonly syncs: boolean;
  readonly actions: readonly { readonly label: string; readonly icon: string; readonly href: string }[];
  readonly readOnly: boolean;
}

export interface RowContext {
  readonly serial: number;
  readonly selected: boolean;
  readonly readOnly: boolean;
}

export function row(record: StagedRecord, { serial, selected, readOnly }: RowContext): Row {
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
    card: problem === null ? null : card(problem, record.id),
    remark: remarkOn(record),
    synced: momentOrNull(record.syncedAt),
    selected,
    syncs: canSync(record),
    actions: actionsOf(record.id),
    readOnly,
  };
}

function remarkOn(record: StagedRecord): string | null {
  if (record.excluded) return `Excluded by ${record.excluded.by}${record.excluded.reason === '' ? '' : `: ${record.excluded.reason}`}`;
  return record.goneAt ? 'Gone from Linarc' : null;
}

/** The labels are the article's, word for word (linarc.md §3.3). */
function actionsOf(id: string): Row['actions'] {
  return [
    { label: 'Change History', icon: 'clock', href: pathTo('history', id) },
    { label: 'Manual Mapping', icon: 'map', href: pathTo('mapping', id) },
    { label: 'Json Script', icon: 'json', href: pathTo('json', id) },
  ];
}
