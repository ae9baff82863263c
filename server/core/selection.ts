import type { RecordStatus } from './records.ts';

/** What the screen's filter says. An absent field does not narrow; excluded records show only when asked for. */
export interface RecordFilter {
  readonly status?: RecordStatus;
  readonly excluded?: boolean;
  readonly taskType?: string;
  readonly active?: boolean;
  /** Looked for in code and name, without regard to case. */
  readonly search?: string;
  readonly problem?: string;
  /** The division's code, as Linarc writes it. */
  readonly division?: string;
  /** Whether a class is linked. */
  readonly linked?: boolean;
  /** The run that settled them last. */
  readonly run?: string;
}

export const SORT_COLUMNS = ['code', 'name', 'taskType', 'active', 'status', 'synced'] as const;
export type SortColumn = (typeof SORT_COLUMNS)[number];

export interface RecordOrder {
  readonly by: SortColumn;
  readonly direction: 'asc' | 'desc';
}

/** Which records a person means: those named, or all the filter matches but the exceptions. */
export type Selection =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'matching'; readonly filter: RecordFilter; readonly except: readonly string[] };
