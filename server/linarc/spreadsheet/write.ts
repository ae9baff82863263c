import writeExcelFile from 'write-excel-file/node';
import type { SheetDraft } from '../../core/sheets.ts';

const WIDTH = 22;

/** Makes an Excel workbook of one sheet whose cells are all text, the blank ones too, so that Excel changes no code into a number or a date. */
export async function writeSpreadsheet({ name, headings, rows, blank }: SheetDraft): Promise<Uint8Array> {
  const text = (value: string) => ({ value, type: String, format: '@' });
  const data = [
    headings.map((value) => ({ value, fontWeight: 'bold' as const })),
    ...rows.map((cells) => cells.map(text)),
    ...Array.from({ length: blank }, () => headings.map(() => text(''))),
  ];
  return writeExcelFile(data, { sheet: name, columns: headings.map(() => ({ width: WIDTH })), stickyRowsCount: 1 }).toBuffer();
}
