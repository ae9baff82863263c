import type { Run } from '../../core/run.ts';
import { pathTo } from '../paths.ts';
import { lasting, moment, momentOrNull, type Moment } from './format.ts';
import { actorName, runProgress, runSummary, runTitle, type RunProgress } from './progress.ts';

export interface RunLine {
  readonly href: string;
  readonly state: string;
  readonly tone: 'good' | 'bad' | 'plain';
  readonly by: string;
  readonly queuedAt: Moment;
  readonly took: string;
  readonly summary: string;
}

export interface RunsPage {
  readonly runs: readonly RunLine[];
}

/** One run with its own address; it stays as the record of what was done (product.md pattern 18). */
export interface RunPage {
  readonly progress: RunProgress;
  readonly by: string;
  readonly summary: string;
  readonly facts: readonly { readonly label: string; readonly text: string | null; readonly at: Moment | null }[];
  readonly live: string | null;
  readonly denied: string | null;
}

export function runLine(run: Run, now: number): RunLine {
  return {
    href: pathTo('run', run.id),
    state: runTitle(run.state),
    tone: run.counts.failed > 0 || run.state === 'halted' ? 'bad' : run.state === 'finished' ? 'good' : 'plain',
    by: actorName(run.by),
    queuedAt: moment(run.queuedAt),
    took: run.startedAt === null ? '—' : lasting((run.endedAt?.getTime() ?? now) - run.startedAt.getTime()),
    summary: runSummary(run),
  };
}

export function runPage(run: Run, now: number, denied: string | null): RunPage {
  const { took, by, summary } = runLine(run, now);
  const text = (label: string, words: string) => ({ label, text: words, at: null });
  const time = (label: string, at: Date | null) => ({ label, text: at === null ? '—' : null, at: momentOrNull(at) });
  return {
    progress: runProgress(run, now),
    by, summary, denied,
    facts: [
      text('Started by', by), time('Asked for', run.queuedAt), time('Began', run.startedAt), time('Ended', run.endedAt), text('Duration', took),
      text('Batches sent', String(run.batchesSent)), text('Calls to QuickBooks', String(run.callsSent)),
    ],
    live: run.active ? pathTo('runLive', run.id) : null,
  };
}
