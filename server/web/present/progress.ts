import type { ImportState } from '../../core/company.ts';
import { BATCH } from '../../core/pace.ts';
import { describe } from '../../core/problems.ts';
import type { Actor } from '../../core/records.ts';
import { settled, type Run, type RunCounts, type RunState } from '../../core/run.ts';
import { pathTo } from '../paths.ts';
import { count, counted, lasting, listed, moment, type Moment } from './format.ts';

export interface Outcome {
  readonly label: string;
  readonly count: string;
  readonly tone: 'good' | 'bad' | 'warn' | 'plain';
}

/** A run as the screen follows it. */
export interface RunProgress {
  readonly id: string;
  readonly href: string;
  readonly title: string;
  readonly state: RunState;
  readonly done: number;
  readonly total: number;
  readonly percent: number;
  readonly words: string;
  readonly by: string;
  readonly pace: string | null;
  /** "batch 12 of about 293"; null before the first. */
  readonly batch: string | null;
  readonly waiting: { readonly sentence: string; readonly until: Moment | null } | null;
  /** Why it stopped and what mends it. */
  readonly problem: { readonly title: string; readonly sentence: string; readonly next: string } | null;
  readonly outcomes: readonly Outcome[];
  readonly wishes: readonly { readonly wish: 'pause' | 'resume' | 'cancel'; readonly label: string }[];
}

const RUN_TITLES: Readonly<Record<RunState, string>> = {
  queued: 'Waiting to start',
  running: 'Syncing to QuickBooks',
  waiting: 'Waiting for QuickBooks',
  paused: 'Paused',
  cancelling: 'Stopping',
  finished: 'Finished',
  cancelled: 'Cancelled',
  halted: 'Stopped',
};

export function runTitle(state: RunState): string {
  return RUN_TITLES[state];
}

export function actorName(by: Actor): string {
  return by.kind === 'person' ? by.name : by.what;
}

export function outcomes(counts: RunCounts): readonly Outcome[] {
  const all: (readonly [string, number, Outcome['tone']])[] = [
    ['created', counts.created, 'good'],
    ['updated', counts.updated, 'good'],
    ['linked', counts.linked, 'good'],
    ['already right', counts.unchanged, 'plain'],
    ['failed', counts.failed, 'bad'],
    ['need action', counts.needsAction, 'warn'],
    ['left out, no yes given', counts.held, 'warn'],
    ['not sent', counts.released, 'plain'],
  ];
  return all.filter(([, n]) => n > 0).map(([label, n, tone]) => ({ label, count: count(n), tone }));
}

/** `now` in milliseconds, for rate and time left. */
export function runProgress(run: Run, now: number): RunProgress {
  const done = settled(run.counts);
  return {
    id: run.id,
    href: pathTo('run', run.id),
    title: runTitle(run.state),
    state: run.state,
    done,
    total: run.total,
    percent: run.total === 0 ? 0 : Math.floor((done / run.total) * 100),
    words: run.active && run.total === 0 ? beginning(run) : `${count(done)} of ${count(run.total)}`,
    by: actorName(run.by),
    pace: run.active ? paceOf(run, done, now) : null,
    batch: run.active && run.batchesSent > 0 ? `batch ${count(run.batchesSent)} of about ${count(Math.max(run.batchesSent, Math.ceil(run.total / BATCH)))}` : null,
    waiting: run.waiting === null ? null : {
      sentence: describe(run.waiting.problem).sentence,
      until: run.waiting.until === null ? null : moment(run.waiting.until),
    },
    problem: run.problem === null ? null : describe(run.problem),
    outcomes: outcomes(run.counts),
    wishes: wishesFor(run.state),
  };
}

/** What goes on before anything is counted. */
function beginning({ asked }: Run): string {
  return asked.some(({ reread }) => reread === true) ? 'reading from Linarc again' : 'reading the selection';
}

/** Rate and time left, once enough is done to tell. */
function paceOf(run: Run, done: number, now: number): string | null {
  if (run.state !== 'running' || run.startedAt === null || done < 10) return null;
  const elapsed = now - run.startedAt.getTime();
  if (elapsed < 1000) return null;
  const perMs = done / elapsed;
  return `${count(Math.round(perMs * 60_000))} a minute · about ${lasting(roughly((run.total - done) / perMs))} left`;
}

/** Time left is a guess: told in steps of ten seconds. */
function roughly(ms: number): number {
  return Math.ceil(ms / 10_000) * 10_000;
}

function wishesFor(state: RunState): RunProgress['wishes'] {
  const cancel = { wish: 'cancel', label: 'Cancel' } as const;
  if (state === 'paused' || state === 'halted') return [{ wish: 'resume', label: 'Resume' }, cancel];
  if (state === 'queued' || state === 'running' || state === 'waiting') return [{ wish: 'pause', label: 'Pause' }, cancel];
  return [];
}

/** What a run did, in one line: "120 created, 3 failed of 123". */
export function runSummary(run: Run): string {
  const parts = outcomes(run.counts).map(({ label, count: n }) => `${n} ${label}`);
  return parts.length === 0 ? `Nothing to do of ${counted(run.total, 'cost code')}` : `${listed(parts)} of ${counted(run.total, 'cost code')}`;
}

export interface ImportProgress {
  readonly title: string;
  readonly by: string;
  readonly read: number;
  /** Null until Linarc said how many there are. */
  readonly total: number | null;
  readonly words: string;
}

const IMPORT_NAMES: Readonly<Record<ImportState['mode'], string>> = { 
  new: 'new items from Linarc', all: 'all items from Linarc', selected: 'selected items from Linarc', spreadsheet: 'a spreadsheet',
};

export function importProgress(state: ImportState): ImportProgress {
  const { read } = state.counts;
  return {
    title: `Importing ${IMPORT_NAMES[state.mode]}`,
    by: state.by,
    read,
    total: state.total,
    words: state.total === null ? `${count(read)} read` : `${count(read)} of ${count(state.total)} read`,
  };
}

/** How the last import ended: "12 new · 3 changed · 230 unchanged · 5 with problems". */
export function importResult(state: ImportState): string {
  const { added, changed, unchanged, problems, gone, unreadable } = state.counts;
  const parts = [`${count(added)} new`, `${count(changed)} changed`, `${count(unchanged)} unchanged`, `${count(problems)} with problems`];
  if (gone > 0) parts.push(`${count(gone)} gone from Linarc`);
  if (unreadable > 0) parts.push(state.mode === 'spreadsheet' ? `${count(unreadable)} not staged` : `${count(unreadable)} without an id, left out`);
  return parts.join(' · ');
}
