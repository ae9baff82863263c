import { unguarded } from '../../core/cells.ts';
import { ProblemError, problem } from '../../core/problems.ts';
import type { CellDoubt, SheetRow, SheetRows } from '../../core/ports.ts';
import type { CostCode } from '../../core/records.ts';
import { foldedLabel, labelsOf, readCostCode } from '../fields.ts';
import type { FieldName } from '../fields.ts';
import { tooLarge } from './refusals.ts';
import type { Cell, Sheet } from './workbook.ts';

/** The headings stand in one of the first rows, below a title perhaps. */
const HEADER_ROWS = 10;
const MOST_ROWS = 100_000;
const MOST_COLUMNS = 200;
/** No code or name is longer; QuickBooks takes 100 characters of both together (quickbooks.md §2.3). */
const LONGEST = { code: 200, other: 2_000 };

/** Columns that only the list of System Field Tasks has, whose rows are no cost codes (linarc.md §4.4, point 11). */
const FIELD_TASKS = new Set(['autoswitch', 'geofenceenabled']);

interface Header {
  readonly sheet: Sheet;
  /** The index of its row. */
  readonly at: number;
  /** One for each column; null where it has no heading. */
  readonly labels: readonly (string | null)[];
  readonly found: ReadonlyMap<FieldName, string>;
}

/**
 * Finds the first sheet with the headings of a cost-code list (linarc.md §4.3) and reads the rows below them. `typed` = cells
 * know whether they are text; else a text may be what Excel made of a code. Throws ProblemError sheet_headers, sheet_empty,
 * sheet_too_large.
 */
export function readRows(sheets: Iterable<Sheet>, typed: boolean): SheetRows {
  const header = headerOf(sheets);
  const { sheet, at, labels, found } = header;
  if (labels.length > MOST_COLUMNS) throw tooLarge(`it has more than ${MOST_COLUMNS} columns`);
  const rows: SheetRow[] = [];
  for (const [index, cells] of sheet.rows.entries()) {
    if (index <= at || cells.every((cell) => textOf(cell).trim() === '')) continue;
    if (rows.length === MOST_ROWS) throw tooLarge(`it has more than ${MOST_ROWS.toLocaleString('en')} rows`);
    rows.push(readRow(cells, index + 1, header, typed));
  }
  if (rows.length === 0) throw new ProblemError(problem('sheet_empty', { field: 'File' }));
  const fields = [...found.keys()].map((field): keyof CostCode => (field === 'status' ? 'active' : field));
  return { sheet: sheet.name, generation: generationOf(found), headerRow: at + 1, headers: present(labels), fields, rows };
}

function headerOf(sheets: Iterable<Sheet>): Header {
  let nearest: readonly string[] = [];
  let fieldTasks = false;
  for (const sheet of sheets) {
    for (const [at, cells] of sheet.rows.slice(0, HEADER_ROWS).entries()) {
      const labels = labelled(cells);
      const named = present(labels);
      const found = labelsOf(named);
      if (named.some((label) => FIELD_TASKS.has(foldedLabel(label)))) fieldTasks = true;
      else if (found.has('code') && found.has('name')) return { sheet, at, labels, found };
      if (named.length > nearest.length) nearest = named;
    }
  }
  const instead = fieldTasks ? 'this is the list of System Field Tasks, which are no cost codes' : whatWasFound(nearest);
  throw new ProblemError(problem('sheet_headers', { field: 'Columns', value: instead }));
}

function whatWasFound(labels: readonly string[]): string {
  if (labels.length === 0) return `the first ${HEADER_ROWS} rows are empty`;
  const shown = labels.slice(0, 12).map((label) => (label.length > 40 ? `${label.slice(0, 40)}…` : label));
  return `the file has ${shown.join(', ')}${labels.length > shown.length ? ', …' : ''}`;
}

/** The heading of each column, each only once. */
function labelled(cells: readonly Cell[]): (string | null)[] {
  const taken = new Set<string>();
  return cells.map((cell) => {
    const label = textOf(cell).replace(/\s+/g, ' ').trim();
    if (label === '') return null;
    let own = label;
    for (let n = 2; taken.has(foldedLabel(own)); n += 1) own = `${label} (${n})`;
    taken.add(foldedLabel(own));
    return own;
  });
}

const present = (labels: readonly (string | null)[]): string[] => labels.filter((label) => label !== null);

function letterOf(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : letterOf(Math.floor(index / 26) - 1) + last;
}

function generationOf(found: ReadonlyMap<FieldName, string>): SheetRows['generation'] {
  if (foldedLabel(found.get('code') ?? '') !== 'costcode') return 'oldest';
  const others = [found.get('name'), found.get('taskType')].map((label) => foldedLabel(label ?? ''));
  return others.some((label) => label === 'costcodename' || label === 'costtypecategory') ? 'newest' : 'middle';
}

function readRow(cells: readonly Cell[], number: number, { labels, found }: Header, typed: boolean): SheetRow {
  const width = Math.max(labels.length, cells.length);
  const columns = Array.from({ length: width }, (_, at) => ({ at, label: labels[at] ?? null, cell: cells[at] ?? null }));
  const filled = columns.filter(({ label, cell }) => label !== null || textOf(cell) !== '');
  const raw = Object.fromEntries(filled.map(({ at, label, cell }) => [label ?? `Column ${letterOf(at)}`, unguarded(textOf(cell))]));
  const byLabel = new Map(columns.map(({ label, cell }) => [label, cell]));
  const doubts = (['code', 'name', 'divisionCode'] as const).flatMap((field) => {
    const label = found.get(field);
    return label === undefined ? [] : doubtsOf(field, label, byLabel.get(label) ?? null, typed);
  });
  const fault = faultOf(raw, found);
  const shown = (field: FieldName) => raw[found.get(field) ?? ''] ?? '';
  const read = fault === null ? readCostCode(withStatus(raw, found)) : { costCode: null, unreadable: fault };
  return { number, code: shown('code'), name: shown('name'), raw, doubts, ...read };
}

/** A row that says nothing of its status is active. */
function withStatus(raw: SheetRow['raw'], found: ReadonlyMap<FieldName, string>): SheetRow['raw'] {
  const label = found.get('status') ?? 'Status';
  return (raw[label] ?? '').trim() === '' ? { ...raw, [label]: 'active' } : raw;
}

function faultOf(raw: SheetRow['raw'], found: ReadonlyMap<FieldName, string>): string | null {
  const repeated = (field: FieldName) => foldedLabel(raw[found.get(field) ?? ''] ?? '') === foldedLabel(found.get(field) ?? '');
  if (repeated('code') && repeated('name')) return 'it repeats the headings';
  for (const [field, label] of found) {
    const longest = field === 'code' || field === 'divisionCode' ? LONGEST.code : LONGEST.other;
    if ((raw[label] ?? '').length <= longest) continue;
    return `the field “${label}” is longer than ${longest.toLocaleString('en')} characters`;
  }
  return null;
}

/** Dates as Excel writes them to a CSV file, and numbers it has given an exponent. `03-30-00` is none of them: codes look so. */
const MADE_BY_EXCEL: readonly (readonly [CellDoubt['kind'], RegExp])[] = [
  ['date', /^\d{1,2}([./-])\d{1,2}\1(?:19|20)\d\d$/],
  ['date', /^(?:19|20)\d\d([./-])\d{1,2}\1\d{1,2}$/],
  ['date', /^\d{1,2}[- ](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:[- ]\d{2,4})?$/i],
  ['date', /^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[- ]\d{2,4}$/i],
  ['number', /^\d(?:[.,]\d+)?E[+-]\d{2,}$/],
];

function doubtsOf(field: CellDoubt['field'], label: string, cell: Cell, typed: boolean): CellDoubt[] {
  const doubt = (kind: CellDoubt['kind']) => [{ field, label, kind, shown: textOf(cell) }];
  if (cell instanceof Date) return doubt('date');
  // A name of digits is a name still.
  if (field === 'name') return [];
  if (typeof cell === 'number') return doubt('number');
  const made = typed || typeof cell !== 'string' ? undefined : MADE_BY_EXCEL.find(([, shape]) => shape.test(cell.trim()));
  return made ? doubt(made[0]) : [];
}

function textOf(cell: Cell): string {
  if (cell === null) return '';
  if (cell instanceof Date) return Number.isNaN(cell.getTime()) ? 'no date' : cell.toISOString().slice(0, 10);
  return String(cell);
}
