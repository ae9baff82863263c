import type { RecordPage } from '../../core/ports.ts';
import { describe } from '../../core/problems.ts';
import type { RecordStatus } from '../../core/records.ts';
import type { Run } from '../../core/run.ts';
import type { RecordFilter } from '../../core/selection.ts';
import { paths, pathTo } from '../paths.ts';
import { EMPTY_QUERY, searchOf } from '../query.ts';
import { count, counted, lasting, moment, momentOrNull, type Moment } from './format.ts';
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
  readonly report: string;
  /** Why it was not all done, where something outside the records is to blame. */
  readonly troubles: readonly { readonly title: string; readonly allHref: string; readonly rows: readonly Trouble[]; readonly more: string | null }[];
  readonly codesHref: string;
  readonly live: string | null;
  readonly denied: string | null;
}

/** A record this run left failed or waiting. */
interface Trouble {
  readonly code: string;
  readonly name: string;
  readonly sentence: string;
  readonly next: string;
  readonly history: string;
}

interface Troubles {
  readonly failed: RecordPage;
  readonly waiting: RecordPage;
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

export function runPage(run: Run, now: number, denied: string | null, { failed, waiting }: Troubles): RunPage {
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
    report: pathTo('runReport', run.id),
    troubles: [troubleOf('Failed', run, 'failed', failed), troubleOf('Needs Action', run, 'needs_action', waiting)].filter(({ rows }) => rows.length > 0),
    codesHref: codesOf(run),
    live: run.active ? pathTo('runLive', run.id) : null,
  };
}

function troubleOf(title: string, run: Run, status: RecordStatus, { records, total }: RecordPage): RunPage['troubles'][number] {
  return {
    title: `${title} · ${counted(total, 'cost code')}`,
    allHref: codesOf(run, { status }),
    rows: records.map(({ id, source, problem }) => {
      const why = problem === null ? null : describe(problem);
      return { code: source.code || '—', name: source.name || '—', sentence: why?.sentence ?? '', next: why?.next ?? '', history: pathTo('history', id) };
    }),
    more: total > records.length ? `All ${count(total)}` : null,
  };
}

/** The codes that this run settled last, as the staging screen filters them. */
function codesOf(run: Run, filter: RecordFilter = {}): string {
  return `${paths.costCodes}${searchOf({ ...EMPTY_QUERY, filter: { ...filter, run: run.id } })}`;
}
