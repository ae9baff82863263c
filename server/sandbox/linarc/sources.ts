import { readFileSync } from 'node:fs';

import { parse } from 'csv-parse/sync';
import { z } from 'zod';

import { BLANK_FIELDS } from './records.ts';
import type { CostCodeFields } from './records.ts';
import { hillsideSample } from './sample.ts';

/** Where the first company's library comes from: a CSV file, a number of generated codes, or the sample when neither is given. */
export type LibrarySource = { readonly library?: string | undefined; readonly codes?: number | undefined };

/** A library that cannot be made. The message is for the person who started the sandbox. */
export class LibrarySourceError extends Error {
  override name = 'LibrarySourceError';
}

export const MOST_GENERATED = 200_000;

/** A short name of a source, to see whether a kept library was made from it. */
export function sourceName({ library, codes }: LibrarySource): string {
  if (library !== undefined) return `library ${library}`;
  return codes === undefined ? 'sample' : `${codes} codes`;
}

/** The codes of a source. Throws LibrarySourceError when the file cannot be read or the number makes no sense. */
export function codesFrom({ library, codes }: LibrarySource): CostCodeFields[] {
  if (library !== undefined) return codesOfFile(library);
  return codes === undefined ? hillsideSample() : generatedCodes(codes);
}

const csvRow = z.object({ code: z.string().max(500), label: z.string().max(500), level: z.string().regex(/^\d{0,2}$/) });

/** Reads a library of `code,label,level` rows (RFC 4180). The division of a code is its first two digits, named by level 1. */
function codesOfFile(path: string): CostCodeFields[] {
  const rows = rowsOfFile(path);
  const divisions = new Map(rows.filter((row) => row.level === '1').map((row) => [divisionOf(row.code), row.label]));
  return rows.map((row) => {
    const divisionCode = divisionOf(row.code);
    return {
      ...BLANK_FIELDS,
      costCode: row.code,
      costCodeName: row.label,
      divisionCode,
      divisionName: divisionCode === null ? null : (divisions.get(divisionCode) ?? `Division ${divisionCode}`),
    };
  });
}

function rowsOfFile(path: string): z.infer<typeof csvRow>[] {
  let rows: unknown[];
  try {
    rows = parse(readFileSync(path), {
      bom: true,
      columns: lowerCaseHeaders,
      relax_column_count_less: true,
      skip_empty_lines: true,
    });
  } catch (error) {
    const cause = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new LibrarySourceError(
      `The library file cannot be read as CSV (${cause}). Name a readable file with the columns code,label,level.`,
    );
  }
  return rows.map((row, index) => {
    const read = csvRow.safeParse(row);
    if (read.success) return read.data;
    const column = String(read.error.issues[0]?.path[0] ?? 'code');
    throw new LibrarySourceError(
      `Row ${index + 1} of the library file has no usable "${column}". The columns are code,label,level.`,
    );
  });
}

const lowerCaseHeaders = (headers: string[]): string[] => headers.map((header) => header.trim().toLowerCase());

const divisionOf = (code: string): string | null => /^\d{2}(?=\D|$)/.exec(code)?.[0] ?? null;

const TRADES = [
  'General Requirements', 'Existing Conditions', 'Concrete', 'Masonry', 'Metals', 'Carpentry', 'Roofing', 'Openings',
  'Finishes', 'Specialties', 'Equipment', 'Furnishings', 'Special Construction', 'Conveying', 'Earth Retention',
  'Piling', 'Landscaping', 'Paving', 'Scaffolding', 'Hoisting', 'Fire Suppression', 'Plumbing', 'Ductwork',
  'Boilers', 'Automation', 'Electrical', 'Communications', 'Security', 'Surveying', 'Drainage', 'Earthwork',
  'Exterior Improvements', 'Utilities',
] as const;
const WORKS = [
  'layout', 'delivery', 'preparation', 'installation', 'finishing', 'testing', 'repair', 'protection', 'cleanup',
] as const;
const PLACES = [
  'basement', 'podium', 'tower', 'north wing', 'south wing', 'core', 'roof', 'site', 'garage', 'annex', 'lobby',
] as const;

/**
 * Any number of codes, the same each time: unique, active and short enough, so that every one of them can become a class.
 * Throws LibrarySourceError for a number below 0 or above MOST_GENERATED.
 */
function generatedCodes(count: number): CostCodeFields[] {
  if (!Number.isInteger(count) || count < 0 || count > MOST_GENERATED) {
    throw new LibrarySourceError(`The number of codes must be a whole number from 0 to ${MOST_GENERATED}.`);
  }
  return Array.from({ length: count }, (_, index) => generatedCode(index));
}

function generatedCode(index: number): CostCodeFields {
  const division = index % TRADES.length;
  const serial = Math.floor(index / TRADES.length);
  const divisionCode = String(division + 1).padStart(2, '0');
  const section = String(Math.floor(serial / 100)).padStart(2, '0');
  const part = String(serial % 100).padStart(2, '0');
  const trade = TRADES[division] ?? '';
  const work = WORKS[serial % WORKS.length] ?? '';
  const place = PLACES[Math.floor(serial / WORKS.length) % PLACES.length] ?? '';
  return {
    ...BLANK_FIELDS,
    costCode: `${divisionCode} ${section} ${part}`,
    costCodeName: `${trade} ${work}, ${place}`,
    divisionCode,
    divisionName: trade,
    costTypeCategory: division === 0 ? 'OFFICE' : 'FIELD',
  };
}
