import type { Problem } from './problems.ts';
import type { Actor, Consent, RecordStatus, Tenant } from './records.ts';
import type { Selection } from './selection.ts';

/** `waiting`, `paused` and `halted` runs are still active; a halted one waits for a person to mend the connection. */
export const RUN_STATES = ['queued', 'running', 'waiting', 'paused', 'cancelling', 'finished', 'cancelled', 'halted'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** What became of the records of a run. `open` = total less all of these. */
export interface RunCounts {
  readonly created: number;
  readonly updated: number;
  readonly linked: number;
  readonly unchanged: number;
  readonly failed: number;
  readonly needsAction: number;
  /** Left as they were, for want of a yes to making a class inactive or moving it. */
  readonly held: number;
  /** Handed back unsent, after a cancel or a halt. */
  readonly released: number;
}

export type RunOutcome = Exclude<keyof RunCounts, 'released'>;

export const NO_RUN_COUNTS: RunCounts = { created: 0, updated: 0, linked: 0, unchanged: 0, failed: 0, needsAction: 0, held: 0, released: 0 };

/** Start times in milliseconds of the calls that still count against QuickBooks' windows (quickbooks.md §5.1). */
export interface Windows {
  readonly requests: readonly number[];
  readonly batches: readonly number[];
  /** No call before this time: QuickBooks said wait. */
  readonly closedUntil: number;
  /** Set once QuickBooks took fewer batches a minute than it promises; null as long as it keeps its word. */
  readonly lowered: Lowered | null;
}

/** How many batches a minute QuickBooks was found to take at `at`; more are tried after every `every` milliseconds. */
export interface Lowered {
  readonly batches: number;
  readonly at: number;
  readonly every: number;
}

export const OPEN_WINDOWS: Windows = { requests: [], batches: [], closedUntil: 0, lowered: null };

export interface Lease {
  readonly owner: string;
  readonly fence: number;
  readonly until: Date;
}

/** Records that can be synced as they stand. */
export const PUSHABLE: readonly RecordStatus[] = ['needs_sync', 'failed'];

/** What somebody asked a run to sync. */
export type Asked = Selection & {
  /** The records are read from Linarc again first, and the classes from QuickBooks (linarc.md point 19). */
  readonly reread?: boolean;
  readonly consent?: readonly Consent[];
};

/** One push of selected records. At most one per company is active. */
export interface Run {
  readonly id: string;
  readonly company: Tenant;
  readonly state: RunState;
  readonly active: boolean;
  readonly by: Actor;
  /** Everything people asked to have synced since the run began; its worker claims the records of each, in order. */
  readonly asked: readonly Asked[];
  /** How many of `asked` have been claimed. */
  readonly taken: number;
  readonly queuedAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** Records claimed so far. */
  readonly total: number;
  readonly counts: RunCounts;
  readonly batchesSent: number;
  readonly callsSent: number;
  /** What it waits for, and until when; null while it works. */
  readonly waiting: { readonly problem: Problem; readonly until: Date | null } | null;
  readonly problem: Problem | null;
  readonly lease: Lease | null;
  readonly windows: Windows;
}

/** How many records of the run are settled. */
export function settled(counts: RunCounts): number {
  return counts.created + counts.updated + counts.linked + counts.unchanged + counts.failed + counts.needsAction + counts.held + counts.released;
}
