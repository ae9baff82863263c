import type { Company, Role } from '../../core/company.ts';
import type { CauseCount, DivisionCounts, RecordPage, StatusCounts } from '../../core/ports.ts';
import { PROBLEMS, describe, problem } from '../../core/problems.ts';
import type { QuickBooksClass } from '../../core/records.ts';
import type { Run } from '../../core/run.ts';
import type { RecordFilter, SortColumn } from '../../core/selection.ts';
import { paths, pathTo } from '../paths.ts';
import { PAGE_SIZES, fieldsOf, filterOnly, isProblemCode, searchOf, withFilter, without, type StagingQuery } from '../query.ts';
import { MOST_VIEWS, type SavedView } from '../../core/views.ts';
import { count, counted, listed, momentOrNull, type Moment } from './format.ts';
import { DECISION_LABELS } from './card.ts';
import { REMEDY_PAGES, type Notice } from './notice.ts';
import { importProgress, importResult, runProgress, type ImportProgress, type RunProgress } from './progress.ts';
import { row, type Row } from './row.ts';
import { BAR_ORDER, STATUS_LABELS, type StatusKey } from './status.ts';

export interface Staging {
  readonly notice: Notice | null;
  readonly library: string;
  readonly imported: { readonly at: Moment; readonly by: string | null } | null;
  readonly importResult: { readonly text: string; readonly failed: boolean; readonly href: string | null } | null;
  readonly imports: readonly { readonly label: string; readonly mode: string }[];
  readonly pickerHref: string;
  readonly spreadsheetHref: string;
  readonly rail: Rail;
  readonly search: { readonly text: string; readonly hidden: readonly Field[] };
  readonly chips: Chips;
  readonly types: readonly Option[];
  readonly actives: readonly Option[];
  /** Empty where Linarc names no divisions. */
  readonly divisions: readonly Option[];
  readonly views: Views;
  readonly exportHref: string;
  readonly narrowed: { readonly words: string; readonly clearHref: string } | null;
  readonly waiting: Waiting;
  /** Whether there is anything to see at a glance. */
  readonly glance: boolean;
  readonly table: Table | null;
  readonly empty: Empty | null;
  readonly selection: SelectionBar;
  readonly live: Live;
  /** Why nothing may be changed, for the disabled buttons; null when it may. */
  readonly denied: string | null;
  readonly address: string;
}

export interface Field {
  readonly name: string;
  readonly value: string;
}

export interface Option {
  readonly label: string;
  readonly value: string;
  readonly chosen: boolean;
}

export interface Chip {
  readonly label: string;
  readonly count: string;
  readonly href: string;
  readonly current: boolean;
  readonly key: StatusKey | 'all' | 'changed_in_quickbooks';
}

/** The statuses as filters, each with its count. */
export interface Chips {
  readonly chips: readonly Chip[];
  readonly swap: boolean;
}

/** How much of the library stands where: a bar and its words. The chips below it are its parts, each a link that filters. */
export interface Rail {
  readonly bar: readonly { readonly key: StatusKey; readonly x: number; readonly width: number }[];
  readonly words: string;
  readonly swap: boolean;
}

/** What waits on a person, reason by reason, the commonest first; each with what can be done about all of it. */
export interface Waiting {
  readonly words: string;
  readonly shown: readonly Cause[];
  readonly rest: readonly Cause[];
  readonly restWords: string;
}

export interface Cause {
  readonly code: string;
  readonly title: string;
  readonly count: string;
  readonly next: string;
  readonly href: string;
  /** The filter this cause stands for, as a form sends it. */
  readonly filter: string;
  readonly tone: 'failed' | 'needs_action';
  /** Where it is mended: the codes themselves, or the page of the rule or connection behind it. */
  readonly fix: { readonly label: string; readonly href: string };
  /** All of them can be read from Linarc again and retried. */
  readonly retriable: boolean;
  /** The two ways to decide for all of them, where somebody changed the classes in QuickBooks. */
  readonly decisions: readonly Decision[];
}

interface Decision {
  readonly decision: string;
  readonly label: string;
}

/** What people saved: filter, order and page size under a name. */
export interface Views {
  readonly saved: readonly { readonly id: string; readonly name: string; readonly href: string; readonly current: boolean }[];
  /** The view that is open and unchanged. */
  readonly current: string | null;
  /** What Save would keep, as the address says it. */
  readonly search: string;
  readonly full: boolean;
}

export interface Table {
  readonly label: string;
  readonly heads: readonly { readonly label: string; readonly href: string; readonly sorted: 'ascending' | 'descending' | null; readonly key: string }[];
  /** The rows in blocks, so that the browser lays out only those in view. */
  readonly blocks: readonly (readonly Row[])[];
  readonly from: number;
  readonly pager: Pager;
}

export interface Pager {
  readonly words: string;
  readonly previous: string | null;
  readonly next: string | null;
  readonly first: string | null;
  readonly last: string | null;
  readonly sizes: readonly { readonly label: string; readonly href: string; readonly current: boolean }[];
}

export interface Empty {
  readonly title: string;
  readonly sentence: string;
  /** Offer the first import. */
  readonly offerImport: boolean;
  /** Offer the file, for companies whose Linarc cannot be reached by an API key. */
  readonly offerSpreadsheet: boolean;
  readonly link: { readonly label: string; readonly href: string } | null;
}

export interface SelectionBar {
  /** All that match, as the server will read them again. */
  readonly filter: string;
  readonly matching: number;
  readonly syncing: number;
  readonly all: boolean;
  /** The list shows excluded records, so they can be taken in again. */
  readonly including: boolean;
  /** Something failed or waits, so that reading it again may help. */
  readonly retrying: boolean;
  readonly decisions: readonly Decision[];
  readonly words: string;
}

/** Asked for again and again while something runs, and else now and then, since others may begin something. */
export interface Live {
  readonly href: string;
  readonly every: '1s' | '5s' | '10s';
  readonly run: RunProgress | null;
  readonly import: ImportProgress | null;
  readonly denied: string | null;
}

export interface StagingFacts {
  readonly company: Company;
  readonly role: Role;
  readonly query: StagingQuery;
  readonly counts: StatusCounts;
  readonly page: RecordPage;
  /** Of all that match, how many Sync to QBO would take. */
  readonly syncing: number;
  readonly taskTypes: readonly string[];
  readonly causes: readonly CauseCount[];
  readonly divisions: readonly Pick<DivisionCounts, 'code' | 'name'>[];
  readonly views: readonly SavedView[];
  /** The classes behind shown records that somebody changed in QuickBooks, by class id. */
  readonly changed: ReadonlyMap<string, QuickBooksClass>;
  readonly run: Run | null;
  readonly notice: Notice | null;
  readonly now: number;
}

/** So many causes are in sight at once. */
const MOST_CAUSES = 3;

/** The article's three imports, word for word (linarc.md §3.4). */
export const IMPORT_LABELS = {
  new: 'Import New Items from Linarc',
  all: 'Import All Items from Linarc',
  selected: 'Import Selected Items from Linarc',
} as const;

export function staging(facts: StagingFacts): Staging {
  const { company, query, counts, page } = facts;
  const denied = deniedTo(facts.role, company);
  return {
    notice: facts.notice,
    library: `${counted(counts.total, 'cost code')} staged`,
    imported: importedWhen(company),
    importResult: importResultOf(company),
    imports: [{ label: IMPORT_LABELS.new, mode: 'new' }, { label: IMPORT_LABELS.all, mode: 'all' }],
    pickerHref: paths.picker,
    spreadsheetHref: paths.spreadsheets,
    rail: rail(counts),
    search: { text: query.filter.search ?? '', hidden: hiddenBut(query, 'q', 'type', 'active', 'division', 'from', 'select') },
    chips: chips(counts, query, driftedIn(facts.causes)),
    types: options('Every type', facts.taskTypes.map((type) => [type, type]), query.filter.taskType ?? ''),
    actives: options('Active or not', [['Active', 'yes'], ['Inactive', 'no']], activeValue(query.filter)),
    divisions: divisionOptions(facts.divisions, query.filter.division ?? ''),
    views: viewsOf(facts.views, query),
    exportHref: `${paths.exported}${searchOf({ ...filterOnly(query), order: query.order })}`,
    narrowed: narrowed(query, page.total, facts.divisions),
    waiting: waitingOn(facts.causes, query),
    glance: counts.total > 0,
    table: page.total === 0 ? null : table(facts, denied !== null),
    empty: page.total === 0 ? empty(company, counts) : null,
    selection: {
      filter: searchOf(filterOnly(query)).replace(/^\?/, ''), matching: page.total, syncing: facts.syncing, all: query.selectAll, including: query.filter.excluded === true,
      retrying: query.filter.excluded !== true && counts.byStatus.failed + counts.byStatus.needs_action > 0,
      decisions: query.filter.problem === 'changed_in_quickbooks' ? DECISIONS : [],
      words: selectionWords(query.selectAll ? page.total : 0, facts),
    },
    live: live(facts),
    denied,
    address: `${paths.costCodes}${searchOf({ ...query, selectAll: false })}`,
  };
}

/** "12 selected of 8,774 · 9 can sync"; the browser keeps the words current while rows are picked. */
function selectionWords(selected: number, { page, syncing }: Pick<StagingFacts, 'page' | 'syncing'>): string {
  if (selected === 0) return `None selected of ${count(page.total)}`;
  return `${count(selected)} selected of ${count(page.total)} · ${count(syncing)} can sync`;
}

/** Why this person may not change anything here; null when they may (linarc.md point 32). */
export function deniedTo(role: Role, company: Pick<Company, 'name'>): string | null {
  return role === 'viewer' ? `Your role in ${company.name} is viewer: you can read everything, and an operator or administrator can change it.` : null;
}

function importedWhen(company: Company): Staging['imported'] {
  const at = momentOrNull(company.lastImportedAt);
  return at === null ? null : { at, by: company.import?.by ?? null };
}

function importResultOf(company: Company): Staging['importResult'] {
  const last = company.import;
  if (last === null || last.state === 'running') return null;
  const href = last.mode === 'spreadsheet' ? pathTo('spreadsheet', last.id) : null;
  if (last.state === 'done') return { text: `Last import: ${importResult(last)}`, failed: false, href };
  const { sentence, next } = describe(last.problem ?? problem('interrupted'));
  return { text: `The last import stopped after ${counted(last.counts.read, 'entry', 'entries')}. ${sentence} ${next}`, failed: true, href };
}

export function rail(counts: StatusCounts, swap = false): Rail {
  const total = Math.max(1, counts.total);
  let x = 0;
  const bar = BAR_ORDER.filter((key) => counts.byStatus[key] > 0).map((key) => {
    const width = (counts.byStatus[key] / total) * 1000;
    const part = { key, x: Number(x.toFixed(2)), width: Number(width.toFixed(2)) };
    x += width;
    return part;
  });
  const words = BAR_ORDER.filter((key) => counts.byStatus[key] > 0).map((key) => `${count(counts.byStatus[key])} ${STATUS_LABELS[key]}`);
  return { bar, swap, words: listed(words) || 'Nothing staged yet' };
}

const CHANGED = 'changed_in_quickbooks';

/** How many records wait because somebody changed their classes in QuickBooks. */
export function driftedIn(causes: readonly CauseCount[]): number {
  return causes.filter(({ code }) => code === CHANGED).reduce((sum, { count: n }) => sum + n, 0);
}

function chip(key: Chip['key'], n: number, query: StagingQuery): Chip {
  const rest = without(query.filter, 'status', 'excluded', 'problem');
  const chosen = query.filter.problem === CHANGED ? CHANGED : query.filter.excluded === true ? 'excluded' : query.filter.status ?? 'all';
  return {
    key, label: key === 'all' ? 'All' : key === CHANGED ? 'Changed in QuickBooks' : STATUS_LABELS[key], count: count(n),
    href: `${paths.costCodes}${searchOf(withFilter(query, { ...rest, ...filterOf(key) }))}`, current: chosen === key,
  };
}

function filterOf(key: Chip['key']): RecordFilter {
  if (key === 'all') return {};
  if (key === CHANGED) return { problem: CHANGED };
  return key === 'excluded' ? { excluded: true } : { status: key };
}

/** `drifted`: how many were changed in QuickBooks. */
export function chips(counts: StatusCounts, query: StagingQuery, drifted: number, swap = false): Chips {
  const always = chip('all', counts.total, query);
  const waiting = (['needs_sync', 'needs_action', 'failed', 'synced'] as const).map((key) => chip(key, counts.byStatus[key], query));
  const running = counts.byStatus.syncing > 0 || query.filter.status === 'syncing' ? [chip('syncing', counts.byStatus.syncing, query)] : [];
  const changed = drifted > 0 || query.filter.problem === CHANGED ? [chip(CHANGED, drifted, query)] : [];
  const excluded = counts.excluded > 0 || query.filter.excluded ? [chip('excluded', counts.excluded, query)] : [];
  return { chips: [always, ...waiting, ...running, ...changed, ...excluded], swap };
}

function divisionOptions(divisions: StagingFacts['divisions'], chosen: string): readonly Option[] {
  if (divisions.length === 0 && chosen === '') return [];
  const known = divisions.some(({ code }) => code === chosen) || chosen === '' ? divisions : [...divisions, { code: chosen, name: '' }];
  return options('Every division', known.map(({ code, name }) => [name === '' ? code : `${code} ${name}`, code]), chosen);
}

function viewsOf(saved: readonly SavedView[], query: StagingQuery): Views {
  const search = searchOf({ ...query, offset: 0, selectAll: false });
  const current = saved.find((view) => view.search === search) ?? null;
  return {
    saved: saved.map((view) => ({ id: view.id, name: view.name, href: `${paths.costCodes}${view.search}`, current: view === current })),
    current: current?.name ?? null, search, full: saved.length >= MOST_VIEWS,
  };
}

function options(none: string, given: readonly (readonly [string, string])[], chosen: string): readonly Option[] {
  return [[none, ''] as const, ...given].map(([label, value]) => ({ label, value, chosen: value === chosen }));
}

function activeValue(filter: RecordFilter): string {
  return filter.active === undefined ? '' : filter.active ? 'yes' : 'no';
}

function hiddenBut(query: StagingQuery, ...names: readonly string[]): readonly Field[] {
  return fieldsOf(query).filter(([name]) => !names.includes(name)).map(([name, value]) => ({ name, value }));
}

function narrowed(query: StagingQuery, matching: number, divisions: StagingFacts['divisions']): Staging['narrowed'] {
  const { search, problem: code, division, run } = query.filter;
  const name = divisions.find((one) => one.code === division)?.name ?? '';
  const words = [
    ...(search === undefined ? [] : [`with “${search}” in code or name`]),
    ...(code !== undefined && isProblemCode(code) && code !== CHANGED ? [`with the reason “${PROBLEMS[code].title}”`] : []),
    ...(division === undefined ? [] : [`of division ${division}${name === '' ? '' : ` ${name}`}`]),
    ...(run === undefined ? [] : ['last settled by one run']),
  ];
  if (words.length === 0) return null;
  return {
    words: `${counted(matching, 'cost code')} ${words.join(', ')}`,
    clearHref: `${paths.costCodes}${searchOf(withFilter(query, without(query.filter, 'search', 'problem', 'division', 'run')))}`,
  };
}

const DECISIONS: readonly Decision[] = DECISION_LABELS.map(([decision, label]) => ({ decision, label }));

function waitingOn(causes: readonly CauseCount[], query: StagingQuery): Waiting {
  const total = causes.reduce((sum, { count: n }) => sum + n, 0);
  const cards = causes.map((cause) => causeCard(cause, query));
  const rest = cards.slice(MOST_CAUSES);
  return { words: total === 0 ? 'Nothing.' : counted(total, 'cost code'), shown: cards.slice(0, MOST_CAUSES), rest, restWords: counted(rest.length, 'more reason') };
}

function causeCard(cause: CauseCount, query: StagingQuery): Cause {
  const { title, next, remedy } = PROBLEMS[cause.code];
  const only: StagingQuery = withFilter(query, { status: cause.status, problem: cause.code });
  const href = `${paths.costCodes}${searchOf(only)}`;
  const drifted = cause.code === CHANGED;
  return {
    code: cause.code, title, next, tone: cause.status, href,
    count: count(cause.count),
    filter: searchOf(filterOnly(only)).replace(/^\?/, ''),
    fix: REMEDY_PAGES[remedy] ?? { label: 'Fix', href },
    retriable: !drifted && remedy !== 'wait',
    decisions: drifted ? DECISIONS : [],
  };
}

const HEADS: readonly (readonly [label: string, column: SortColumn])[] = [
  ['Cost Code', 'code'], ['Task Name', 'name'], ['Task Type', 'taskType'], ['Task Code Status', 'active'], ['Status', 'status'], ['Synced', 'synced'],
];

function table({ query, page, company, changed }: StagingFacts, readOnly: boolean): Table {
  const { by, direction } = query.order;
  return {
    label: `Cost codes of ${company.name}`,
    heads: HEADS.map(([label, column]) => ({
      label, key: column,
      href: `${paths.costCodes}${searchOf({ ...query, offset: 0, order: { by: column, direction: by === column && direction === 'asc' ? 'desc' : 'asc' } })}`,
      sorted: by !== column ? null : direction === 'asc' ? 'ascending' : 'descending',
    })),
    blocks: blocksOf(page.records.map((record, i) => row(record, { serial: query.offset + i + 1, selected: query.selectAll, readOnly, current: changed.get(record.link?.id ?? '') }))),
    from: query.offset,
    pager: pager(query, page),
  };
}

/** Rows of one block; the style sheet holds the room for as many where they are not in view. */
const BLOCK = 50;

function blocksOf(rows: readonly Row[]): readonly (readonly Row[])[] {
  return Array.from({ length: Math.ceil(rows.length / BLOCK) }, (_, n) => rows.slice(n * BLOCK, (n + 1) * BLOCK));
}

function pager(query: StagingQuery, page: RecordPage): Pager {
  const { offset, size } = query;
  const last = Math.max(0, Math.floor((page.total - 1) / size) * size);
  const at = (from: number, rows = size) => `${paths.costCodes}${searchOf({ ...query, offset: from, size: rows })}`;
  return {
    words: `${count(offset + 1)}–${count(offset + page.records.length)} of ${count(page.total)}`,
    first: offset > 0 ? at(0) : null,
    previous: offset > 0 ? at(Math.max(0, offset - size)) : null,
    next: offset + size < page.total ? at(offset + size) : null,
    last: offset < last ? at(last) : null,
    sizes: PAGE_SIZES.map((rows) => ({ label: String(rows), href: at(0, rows), current: rows === size })),
  };
}

function empty(company: Company, counts: StatusCounts): Empty {
  if (counts.total > 0 || counts.excluded > 0) {
    return {
      title: 'No cost code matches', sentence: 'Nothing in the staged library fits this search and these filters.', offerImport: false, offerSpreadsheet: false,
      link: { label: 'Show all cost codes', href: paths.costCodes },
    };
  }
  if (company.linarc === null) {
    return {
      title: 'Link your Linarc company', sentence: 'Cost codes come from the library of a Linarc company. Link it once, then import.',
      offerImport: false, offerSpreadsheet: true, link: { label: 'Link the Linarc company', href: paths.linarc },
    };
  }
  if (company.import?.state === 'done') {
    return {
      title: 'The Linarc library is empty', sentence: `${company.linarc.name} holds no cost codes yet. Add some in Linarc, then import again.`,
      offerImport: true, offerSpreadsheet: true, link: null,
    };
  }
  return {
    title: 'Nothing staged yet',
    sentence: `Import the cost codes of ${company.linarc.name}. Importing only prepares them here; nothing is written to QuickBooks until you sync.`,
    offerImport: true, offerSpreadsheet: true, link: null,
  };
}

type LiveFacts = Pick<StagingFacts, 'company' | 'role' | 'query' | 'run' | 'counts' | 'now'>;

export function live(facts: LiveFacts): Live {
  const { company, query, run } = facts;
  const importing = runningImport(company);
  const search = new URLSearchParams([...fieldsOf({ ...query, selectAll: false })].map(([name, value]): [string, string] => [name, value]));
  search.set('watching', watching(facts).join(' '));
  search.set('counts', countsKey(facts.counts));
  const resting = importing === null && (run?.state === 'paused' || run?.state === 'halted');
  return {
    href: `${paths.live}?${search.toString()}`,
    every: run === null && importing === null ? '10s' : resting ? '5s' : '1s',
    run: run === null ? null : runProgress(run, facts.now),
    import: importing === null ? null : importProgress(importing),
    denied: deniedTo(facts.role, company),
  };
}

/** The counts in short, so that the next update can tell whether they moved. */
export function countsKey({ byStatus, excluded }: StatusCounts): string {
  return [...Object.values(byStatus), excluded].join('.');
}

/** What runs now, so that the next update can tell its end from nothing new. */
export function watching({ company, run }: Pick<LiveFacts, 'company' | 'run'>): readonly string[] {
  return [run?.id, runningImport(company)?.id].filter((id) => id !== undefined);
}

function runningImport(company: Company): Company['import'] {
  return company.import?.state === 'running' ? company.import : null;
}
