import { parse } from 'csv-parse/sync';

import { unreadable } from './refusals.ts';
import type { Sheet } from './workbook.ts';

const SEPARATORS = [',', ';', '\t'];
/** What Excel writes, and reads, to name the separator. */
const SEPARATOR_LINE = /^sep=([,;\t])\r?\n/;

/** The rows of a CSV file, once for each separator it may have. Throws ProblemError when it is no text. */
export function* readCsv(bytes: Buffer): Iterable<Sheet> {
  const whole = textOf(bytes);
  const named = SEPARATOR_LINE.exec(whole);
  const text = named ? whole.slice(named[0].length) : whole;
  for (const separator of named?.[1] ? [named[1]] : SEPARATORS) {
    const rows = split(text, separator);
    if (rows) yield { name: null, rows: named ? [[], ...rows] : rows };
  }
}

/** Null when the quotes make no sense with this separator. */
function split(text: string, separator: string): string[][] | null {
  try {
    return parse(text, { delimiter: separator, relax_column_count: true, relax_quotes: true, skip_empty_lines: false });
  } catch {
    return null;
  }
}

/** Characters that stand in no text, but in every other kind of file. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const NO_TEXT = /[\0-\x08\x0e-\x1a]/;

/** The text of the file: UTF-8 or UTF-16, with or without a mark, else Windows-1252, as Excel saves "CSV". */
function textOf(bytes: Buffer): string {
  const encoding = encodingOf(bytes);
  const text = encoding === 'windows-1252' ? windowsText(bytes) : new TextDecoder(encoding).decode(bytes);
  if (NO_TEXT.test(text)) throw unreadable('it is neither an Excel workbook (.xlsx) nor a CSV text');
  return text;
}

/** The signs of Windows-1252 from 0x80 on, where Latin-1 has none; five places are empty. */
const WINDOWS = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Node 20's own decoder takes Windows-1252 for Latin-1. */
function windowsText(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\x80-\x9f]/g, (sign) => WINDOWS[sign.charCodeAt(0) - 0x80] ?? sign);
}

function encodingOf(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  // Two letters of a heading without a mark: every second byte of a Latin letter is zero.
  if (bytes[0] !== 0 && bytes[1] === 0 && bytes[3] === 0) return 'utf-16le';
  if (bytes[0] === 0 && bytes[2] === 0) return 'utf-16be';
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}
