import type { Company, Role } from '../../core/company.ts';
import { describe } from '../../core/problems.ts';
import { LARGEST_SHEET, TEMPLATE_HEADINGS, type KeptRow, type SheetOutcome, type SheetReport } from '../../core/sheets.ts';
import { paths, pathTo } from '../paths.ts';
import { count, counted, listed, moment, type Moment } from './format.ts';
import type { Notice } from './notice.ts';
import { deniedTo } from './staging.ts';

/** Import a spreadsheet: the form, the template, and the imports there were. */
export interface SpreadsheetPage {
  readonly notice: Notice | null;
  readonly denied: string | null;
  readonly action: string;
  readonly takeNumbers: boolean;
  readonly most: string;
  readonly headings: readonly string[];
  readonly templates: readonly { readonly label: string; readonly href: string }[];
  readonly imports: readonly { readonly href: string; readonly fileName: string; readonly by: string; readonly at: Moment; readonly words: string }[];
}

const OUTCOME_LABELS: Readonly<Record<SheetOutcome, string>> = {
  added: 'New', changed: 'Changed', unchanged: 'Unchanged', needs_action: 'Needs Action', not_staged: 'Not staged',
};
/** In the order of what a person wants to know first. */
const OUTCOME_ORDER = ['not_staged', 'needs_action', 'added', 'changed', 'unchanged'] as const;

export function spreadsheetPage(about: { company: Company; role: Role; recent: readonly SheetReport[]; notice: Notice | null; takeNumbers: boolean }): SpreadsheetPage {
  return {
    notice: about.notice,
    denied: deniedTo(about.role, about.company),
    action: paths.spreadsheets,
    takeNumbers: about.takeNumbers,
    most: `${LARGEST_SHEET / 1024 / 1024} MB`,
    headings: TEMPLATE_HEADINGS,
    templates: [{ label: 'Excel template (.xlsx)', href: `${paths.template}?as=xlsx` }, { label: 'CSV template', href: `${paths.template}?as=csv` }],
    imports: about.recent.map((report) => ({
      href: pathTo('spreadsheet', report.id), fileName: report.fileName, by: report.by, at: moment(report.at), words: summary(report),
    })),
  };
}

function summary(report: SheetReport): string {
  if (report.state === 'running') return 'being imported';
  if (report.state === 'failed') return 'stopped before its end';
  const parts = OUTCOME_ORDER.filter((outcome) => report.counts[outcome] > 0).map((outcome) => `${count(report.counts[outcome])} ${OUTCOME_LABELS[outcome]}`);
  return `${counted(report.total, 'row')}: ${listed(parts)}`;
}

export interface SheetLine {
  readonly number: string;
  readonly code: string;
  readonly name: string;
  /** The staged record in the list. */
  readonly href: string | null;
  readonly outcome: SheetOutcome;
  readonly label: string;
  readonly sentence: string | null;
  readonly next: string | null;
  /** A pair of codes that may be one, for a person to decide (linarc.md point 8). */
  readonly pair: { readonly action: string; readonly former: string; readonly code: string } | null;
}

/** What became of each row of one file; it stays under its own address. */
export interface SheetReportPage {
  readonly notice: Notice | null;
  readonly fileName: string;
  readonly by: string;
  readonly at: Moment;
  readonly facts: string;
  readonly address: string;
  readonly running: { readonly read: number; readonly total: number; readonly words: string; readonly href: string } | null;
  readonly problem: { readonly sentence: string; readonly next: string } | null;
  readonly tabs: readonly { readonly label: string; readonly count: string; readonly href: string; readonly current: boolean; readonly key: string }[];
  readonly lines: readonly SheetLine[];
  readonly first: string | null;
  readonly next: string | null;
  readonly downloads: readonly { readonly label: string; readonly href: string }[];
  /** Where whole numbers were taken for codes that Excel has changed: has them taken as they are. */
  readonly againAction: string | null;
  readonly denied: string | null;
}

export const SHEET_VIEWS = ['problems', 'all', ...OUTCOME_ORDER] as const;
export type SheetView = (typeof SHEET_VIEWS)[number];
export const SHEET_PAGE = 100;
/** More rows are not made into a workbook, which is built in memory. */
export const MOST_IN_WORKBOOK = 1_000;
const PROBLEMS: readonly SheetOutcome[] = ['not_staged', 'needs_action'];

export function outcomesOf(view: SheetView): readonly SheetOutcome[] {
  return view === 'all' ? [] : view === 'problems' ? PROBLEMS : [view];
}

/** Where something went wrong, that comes first. */
export function viewOf(asked: SheetView | null, { counts }: SheetReport): SheetView {
  return asked ?? (counts.not_staged + counts.needs_action > 0 ? 'problems' : 'all');
}

export interface SheetFacts {
  readonly company: Company;
  readonly role: Role;
  readonly report: SheetReport;
  readonly view: SheetView;
  readonly after: number;
  /** At most one more than a page holds. */
  readonly rows: readonly KeptRow[];
  /** Records that still wait to be told apart from a former code. */
  readonly undecided: ReadonlySet<string>;
  readonly notice: Notice | null;
}

export function sheetReportPage(facts: SheetFacts): SheetReportPage {
  const { company, report, view, after } = facts;
  const own = pathTo('spreadsheet', report.id);
  const at = (show: SheetView, behind = 0) => `${own}?${new URLSearchParams({ show, ...(behind > 0 && { after: String(behind) }) }).toString()}`;
  const shown = facts.rows.slice(0, SHEET_PAGE);
  const last = shown.at(-1)?.row.number ?? 0;
  const broken = report.state === 'failed' ? describe(report.problem ?? { code: 'interrupted', field: null, value: null, raw: null }) : null;
  const problems = report.counts.not_staged + report.counts.needs_action;
  return {
    notice: facts.notice,
    fileName: report.fileName,
    by: report.by,
    at: moment(report.at),
    facts: `${counted(report.total, 'row')}${report.sheet === null ? '' : ` of the sheet “${report.sheet}”`}, ${GENERATIONS[report.generation]}`,
    address: at(view, after),
    running: report.state === 'running' ? running(company, report, own) : null,
    problem: broken === null ? null : { sentence: broken.sentence, next: broken.next },
    tabs: report.state === 'done' ? tabs(report, view, at) : [],
    lines: shown.map((kept) => line(kept, facts.undecided)),
    first: after > 0 ? at(view) : null,
    next: facts.rows.length > SHEET_PAGE ? at(view, last) : null,
    downloads: report.state === 'running' ? [] : downloads(report, problems),
    againAction: report.takeNumbers || !shown.some(isWholeNumber) ? null : pathTo('spreadsheetAgain', report.id),
    denied: deniedTo(facts.role, company),
  };
}

const GENERATIONS: Readonly<Record<SheetReport['generation'], string>> = {
  newest: 'headings as in Linarc’s present template', middle: 'headings as in Linarc’s former template', oldest: 'headings as in Linarc’s first template',
};

function running(company: Company, report: SheetReport, href: string): SheetReportPage['running'] {
  const read = company.import?.id === report.id ? company.import.counts.read : 0;
  return { read, total: report.total, words: `${count(read)} of ${counted(report.total, 'row')}`, href };
}

function tabs(report: SheetReport, view: SheetView, at: (show: SheetView) => string): SheetReportPage['tabs'] {
  const problems = report.counts.not_staged + report.counts.needs_action;
  const tab = (key: SheetView, label: string, n: number) => ({ key, label, count: count(n), href: at(key), current: key === view });
  return [
    ...(problems > 0 ? [tab('problems', 'With problems', problems)] : []),
    tab('all', 'All rows', report.total),
    ...OUTCOME_ORDER.filter((outcome) => report.counts[outcome] > 0).map((outcome) => tab(outcome, OUTCOME_LABELS[outcome], report.counts[outcome])),
  ];
}

function line({ row, result }: KeptRow, undecided: ReadonlySet<string>): SheetLine {
  const why = result?.reason ? describe(result.reason) : null;
  const waits = result?.reason?.code === 'perhaps_renamed' && result.record !== null && undecided.has(result.record);
  const [former = '', code = ''] = (result?.reason?.value ?? '').split(' → ');
  return {
    number: count(row.number),
    code: shortened(row.code) || '—',
    name: shortened(row.name) || '—',
    href: result === null || result.record === null ? null : `${paths.costCodes}?${new URLSearchParams({ q: row.code.trim() }).toString()}`,
    outcome: result?.outcome ?? 'not_staged',
    label: result === null ? 'Not reached' : OUTCOME_LABELS[result.outcome],
    sentence: why?.sentence ?? null,
    next: why === null ? null : result?.reason?.code === 'perhaps_renamed' && !waits ? 'Decided since.' : why.next,
    pair: waits && result?.record ? { action: pathTo('renamed', result.record), former, code } : null,
  };
}

/** Cut to what a screen can show. */
const shortened = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

function isWholeNumber({ row, result }: KeptRow): boolean {
  return result?.reason?.code === 'sheet_code_changed' && row.doubts.some(({ field, kind, shown }) => field === 'code' && kind === 'number' && /^\d+$/.test(shown));
}

function downloads({ id, total }: SheetReport, problems: number): SheetReportPage['downloads'] {
  const file = (only: string, as: string) => `${pathTo('spreadsheetRows', id)}?${new URLSearchParams({ only, as }).toString()}`;
  return [
    ...(problems > 0 && problems <= MOST_IN_WORKBOOK ? [{ label: 'Rows with problems (.xlsx)', href: file('problems', 'xlsx') }] : []),
    ...(problems > 0 ? [{ label: 'Rows with problems (.csv)', href: file('problems', 'csv') }] : []),
    ...(total > 0 ? [{ label: 'All rows with their result (.csv)', href: file('all', 'csv') }] : []),
  ];
}

/** What a download adds to the file's own columns; the reader passes over them, so that corrected rows can be imported as they are. */
export const REPORT_HEADINGS = ['Row', 'Result', 'Why', 'What to do'] as const;

export function reportCells({ row, result }: KeptRow, headings: readonly string[]): readonly string[] {
  const why = result?.reason ? describe(result.reason) : null;
  const label = result === null ? 'Not reached' : OUTCOME_LABELS[result.outcome];
  return [...headings.map((heading) => row.raw[heading] ?? ''), String(row.number), label, why?.sentence ?? '', why?.next ?? ''];
}
