import type { DivisionCounts } from '../../core/ports.ts';
import type { RecordStatus } from '../../core/records.ts';
import type { Run } from '../../core/run.ts';
import { paths, pathTo } from '../paths.ts';
import { EMPTY_QUERY, searchOf } from '../query.ts';
import { count, lasting, moment, type Moment } from './format.ts';
import { runSummary, runTitle } from './progress.ts';
import { BAR_ORDER, STATUS_LABELS } from './status.ts';

/** At a glance: how each division stands and how the last runs went. Each drawing has a table of the same. */
export interface Glance {
  /** It is a page of its own, as without script. */
  readonly alone: boolean;
  readonly divisions: {
    readonly words: string;
    readonly columns: readonly Column[];
    readonly rows: readonly { readonly label: string; readonly href: string; readonly cells: readonly string[] }[];
    readonly heads: readonly string[];
    readonly more: string | null;
  };
  readonly runs: { readonly words: string; readonly bars: readonly RunBar[] };
}

interface Column {
  readonly code: string;
  readonly words: string;
  readonly href: string;
  readonly parts: readonly { readonly key: RecordStatus; readonly y: number; readonly height: number }[];
}

interface RunBar {
  readonly y: number;
  readonly height: number;
  readonly failedHeight: number;
  readonly words: string;
  readonly href: string;
  readonly page: string;
  readonly at: Moment;
  readonly state: string;
  readonly took: string;
  readonly summary: string;
  readonly failed: string;
}

/** Of a column, in the drawing's own units; the views know it too. */
const HEIGHT = 56;
const MOST_COLUMNS = 12;
const MOST_RUNS = 9;

export interface GlanceFacts {
  readonly divisions: readonly DivisionCounts[];
  /** Newest first. */
  readonly runs: readonly Run[];
  readonly now: number;
  readonly alone: boolean;
}

export function glance({ divisions, runs, now, alone }: GlanceFacts): Glance {
  return { alone, divisions: byDivision(divisions), runs: lastRuns(runs, now) };
}

function hrefOf(filter: typeof EMPTY_QUERY.filter): string {
  return `${paths.costCodes}${searchOf({ ...EMPTY_QUERY, filter })}`;
}

function byDivision(divisions: readonly DivisionCounts[]): Glance['divisions'] {
  const shown = divisions.slice(0, MOST_COLUMNS);
  const heads = BAR_ORDER.filter((key) => key !== 'syncing' || divisions.some(({ byStatus }) => byStatus.syncing > 0));
  const done = divisions.filter((division) => division.byStatus.synced === totalOf(division)).length;
  return {
    words: divisions.length === 0 ? 'Linarc names none.' : `${count(done)} of ${count(divisions.length)} whole in QuickBooks`,
    columns: shown.map(column),
    heads: ['Division', ...heads.map((key) => STATUS_LABELS[key])],
    rows: divisions.map((division) => ({
      label: nameOf(division), href: hrefOf({ division: division.code }), cells: heads.map((key) => count(division.byStatus[key])),
    })),
    more: divisions.length > shown.length ? `All ${count(divisions.length)}` : null,
  };
}

function totalOf({ byStatus }: DivisionCounts): number {
  return Object.values(byStatus).reduce((sum, n) => sum + n, 0);
}

function nameOf({ code, name }: DivisionCounts): string {
  return name === '' ? code : `${code} ${name}`;
}

/** All columns are of one height, so that a small division is read as easily as a large one. */
function column(division: DivisionCounts): Column {
  const total = totalOf(division);
  let y = HEIGHT;
  const parts = BAR_ORDER.filter((key) => division.byStatus[key] > 0).map((key) => {
    const height = Number(((division.byStatus[key] / total) * HEIGHT).toFixed(2));
    y -= height;
    return { key, y: Number(Math.max(0, y).toFixed(2)), height };
  });
  return {
    code: division.code.slice(0, 4), parts, href: hrefOf({ division: division.code }),
    words: `${nameOf(division)}: ${count(division.byStatus.synced)} of ${count(total)} Synced`,
  };
}

function lastRuns(given: readonly Run[], now: number): Glance['runs'] {
  const runs = given.filter(({ startedAt }) => startedAt !== null).slice(0, MOST_RUNS).toReversed();
  const lengths = runs.map((run) => (run.endedAt?.getTime() ?? now) - (run.startedAt?.getTime() ?? now));
  const longest = Math.max(1, ...lengths);
  const failing = runs.filter(({ counts }) => counts.failed > 0).length;
  return {
    words: runs.length === 0 ? 'None yet.' : failing === 0 ? 'No failures' : `Failures in ${count(failing)} of ${count(runs.length)}`,
    bars: runs.map((run, n): RunBar => {
      const took = lengths[n] ?? 0;
      const height = Math.max(3, Math.round((took / longest) * HEIGHT));
      const { failed } = run.counts;
      const summary = runSummary(run);
      return {
        y: HEIGHT - height, height,
        failedHeight: failed === 0 ? 0 : Math.max(3, Math.round((failed / Math.max(1, run.total)) * height)),
        words: `${runTitle(run.state)} in ${lasting(took)}: ${summary}`,
        href: hrefOf({ run: run.id }), page: pathTo('run', run.id), at: moment(run.queuedAt), state: runTitle(run.state), took: lasting(took), summary, failed: count(failed),
      };
    }),
  };
}
