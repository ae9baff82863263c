import readWorkbook from 'read-excel-file/node';

import { repacked } from './archive.ts';
import { unreadable } from './refusals.ts';

/** A cell's value; a formula's is the one it had when the file was saved. */
export type Cell = string | number | boolean | Date | null;

/** The first row of `rows` is row 1 of the sheet, empty ones included. */
export interface Sheet {
  readonly name: string | null;
  readonly rows: readonly (readonly Cell[])[];
}

/** The sheets of an Excel workbook (.xlsx), in their order. Throws ProblemError. */
export async function readSheets(bytes: Buffer): Promise<Sheet[]> {
  const whole = repacked(bytes);
  try {
    const sheets = await readWorkbook(whole, { trim: false });
    // The package types a date cell as the constructor of Date; it holds a Date.
    return sheets.map(({ sheet, data }) => ({ name: sheet, rows: (data ?? []) as unknown as Cell[][] }));
  } catch {
    throw unreadable('its sheets do not hold what an Excel workbook holds');
  }
}
