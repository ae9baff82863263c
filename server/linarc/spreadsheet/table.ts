import type { SheetRows } from '../../core/ports.ts';
import { readCsv } from './csv.ts';
import { unreadable } from './refusals.ts';
import { readRows } from './rows.ts';
import { readSheets } from './workbook.ts';

const ZIP = Buffer.from('PK\x03\x04', 'latin1');
/** What the older .xls begins with, and a workbook sealed by a password. */
const COMPOUND = Buffer.from([0xd0, 0xcf, 0x11, 0xe0]);

/** Reads a file by what it is, whatever its name says. Throws ProblemError. */
export async function readTable(bytes: Buffer): Promise<SheetRows> {
  const begins = (mark: Buffer) => bytes.subarray(0, mark.length).equals(mark);
  if (begins(COMPOUND)) throw unreadable('it is an older Excel workbook (.xls), or protected by a password');
  return begins(ZIP) ? readRows(await readSheets(bytes), true) : readRows(readCsv(bytes), false);
}
