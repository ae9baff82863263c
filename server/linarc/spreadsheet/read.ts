import type { SheetRows } from '../../core/ports.ts';
import { LARGEST_SHEET } from '../../core/sheets.ts';
import { tooLarge, unreadable } from './refusals.ts';
import { readInThread } from './thread.ts';

/** Milliseconds. */
const LONGEST = 30_000;

let last: Promise<unknown> = Promise.resolve();

/**
 * Reads the cost codes of an Excel workbook (.xlsx) or a CSV file (linarc.md §4.3): the first sheet whose headings, in the first
 * ten rows, name a code and a name, without regard to case, order and other columns. One file at a time, since each may take
 * much memory. Throws ProblemError sheet_too_large, sheet_unreadable, sheet_headers or sheet_empty.
 */
export async function readSpreadsheet(bytes: Uint8Array, fileName: string): Promise<SheetRows> {
  if (bytes.length > LARGEST_SHEET) throw tooLarge(`it has more than ${LARGEST_SHEET / 1024 / 1024} MB`);
  if (bytes.length === 0) throw unreadable(`${fileName} is empty`);
  const reading = last.then(() => readInThread(bytes, LONGEST));
  last = reading.catch(() => undefined);
  return reading;
}
