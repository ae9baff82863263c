// Imports of spreadsheets as they are kept: what became of each row of a file (linarc.md §4.3, points 7, 8, 12, 15).
import type { SheetRow, SheetRows } from './ports.ts';
import type { Problem } from './problems.ts';
import type { Tenant } from './records.ts';

/** The largest file that is taken, in bytes: a library of 50,000 codes is a third of it. */
export const LARGEST_SHEET = 10 * 1024 * 1024;

export const SHEET_OUTCOMES = ['added', 'changed', 'unchanged', 'needs_action', 'not_staged'] as const;
/** `needs_action`: staged, but a person must act before it can be synced. `not_staged`: nothing was stored of the row. */
export type SheetOutcome = (typeof SHEET_OUTCOMES)[number];
export type SheetCounts = Readonly<Record<SheetOutcome, number>>;

export const NO_SHEET_COUNTS: SheetCounts = { added: 0, changed: 0, unchanged: 0, needs_action: 0, not_staged: 0 };

/** What became of one row. */
export interface RowResult {
  readonly outcome: SheetOutcome;
  /** Why, for needs_action and not_staged. */
  readonly reason: Problem | null;
  /** The staged record's id; null when nothing is staged. */
  readonly record: string | null;
}

/** A row of a file as it was read, and what became of it; null until that is known. */
export interface KeptRow {
  readonly row: SheetRow;
  readonly result: RowResult | null;
}

/** One import of a spreadsheet. Its rows are kept beside it; the counts are the sums of their results. */
export interface SheetReport extends Pick<SheetRows, 'sheet' | 'generation' | 'headerRow' | 'headers' | 'fields'> {
  readonly id: string;
  readonly fileName: string;
  /** A person said that whole numbers in the code column are the codes as meant; dates and broken numbers stay in doubt. */
  readonly takeNumbers: boolean;
  readonly by: string;
  readonly at: Date;
  readonly endedAt: Date | null;
  readonly state: 'running' | 'done' | 'failed';
  readonly problem: Problem | null;
  /** How many rows the file has. */
  readonly total: number;
  readonly counts: SheetCounts;
}

export interface SheetReports {
  /** Keeps the file's rows, in their order, before anything is staged of them: so nothing of it is lost. */
  begin(company: Tenant, report: SheetReport, rows: readonly SheetRow[]): Promise<void>;
  get(company: Tenant, id: string): Promise<SheetReport | null>;
  /** Newest first. */
  recent(company: Tenant, limit: number): Promise<readonly SheetReport[]>;
  /** Up to `limit` rows behind row number `after`, in the file's order; with `outcomes`, only rows that ended so. */
  rows(company: Tenant, id: string, ask: { outcomes: readonly SheetOutcome[]; after: number; limit: number }): Promise<readonly KeptRow[]>;
  /** Stores what became of the rows, one result for each in the file's order, and how the import ended. */
  end(company: Tenant, id: string, end: Pick<SheetReport, 'state' | 'problem' | 'endedAt' | 'counts'>, results: readonly RowResult[]): Promise<void>;
}

/** A spreadsheet to be made: one sheet, all text. */
export interface SheetDraft {
  readonly name: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Rows for somebody to fill in. */
  readonly blank: number;
}

/** Makes an Excel workbook (.xlsx). */
export type WriteSpreadsheet = (draft: SheetDraft) => Promise<Uint8Array>;

/** The headings of the newest of Linarc's own templates (linarc.md §4.3), with the rest of a cost code's fields (§4.1). */
export const TEMPLATE_HEADINGS = [
  'Cost Code', 'Cost Code Name', 'Cost Type Category', 'Cost Type', 'Cost Attribution', 'Division Code', 'Division Name', 'Quantity', 'Effort', 'Unit', 'Status',
] as const;
