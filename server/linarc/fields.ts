import { z } from 'zod';

import type { LibraryEntry } from '../core/ports.ts';
import type { CostCode } from '../core/records.ts';

/** What an id or a company id may be (openapi.json): such a text is the same in an address and in a list parted by commas. */
export const LINARC_ID = /^[A-Za-z0-9_-]{1,100}$/;

/**
 * Every label a field has had (linarc.md §4.1), without regard to case, blanks and signs; the newest first. Where a record
 * bears several generations at once, the newest one counts.
 */
const LABELS = {
  code: ['costcode', 'taskcode', 'code'],
  name: ['costcodename', 'taskname', 'name'],
  taskType: ['costtypecategory', 'tasktype'],
  status: ['status', 'taskcodestatus'],
  divisionCode: ['divisioncode'],
  divisionName: ['divisionname'],
} as const;

export type FieldName = keyof typeof LABELS;

/** Text is as received; a field that is missing is an empty text. An unknown task type is let through: it is only shown. */
const text = z
  .string('is not text')
  .nullish()
  .transform((value) => value ?? '');

const readable = z.object({
  code: text,
  name: text,
  taskType: text,
  status: z
    .string('is not text')
    .trim()
    .toLowerCase()
    .pipe(z.enum(['active', 'inactive'], 'is neither active nor inactive')),
  divisionCode: text,
  divisionName: text,
});

/** The cost code of a raw record, or a sentence that says which field cannot be read. */
export function readCostCode(
  raw: Readonly<Record<string, unknown>>,
): { costCode: CostCode; unreadable: null } | { costCode: null; unreadable: string } {
  const found = labelledValues(raw);
  const read = readable.safeParse(Object.fromEntries([...found].map(([field, { value }]) => [field, value])));
  if (read.success) {
    const { status, ...rest } = read.data;
    return { costCode: { ...rest, active: status === 'active' }, unreadable: null };
  }
  const issue = read.error.issues[0];
  const field = String(issue?.path[0]) as FieldName;
  const label = found.get(field)?.label;
  return { costCode: null, unreadable: label === undefined ? `it has no ${field}` : `the field “${label}” ${issue?.message}` };
}

/** One item of Linarc's list as the port wants it. What is not even a record is kept under `value`. */
export function readEntry(item: unknown): LibraryEntry {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return { linarcId: null, raw: { value: item }, costCode: null, unreadable: 'it is not a record' };
  }
  const raw = item as Record<string, unknown>;
  const linarcId = typeof raw.id === 'string' && LINARC_ID.test(raw.id) ? raw.id : null;
  if (linarcId === null) return { linarcId, raw, costCode: null, unreadable: 'it has no usable id' };
  return { linarcId, raw, ...readCostCode(raw) };
}

function labelledValues(raw: Readonly<Record<string, unknown>>): Map<FieldName, { label: string; value: unknown }> {
  return new Map([...labelsOf(Object.keys(raw))].map(([field, label]) => [field, { label, value: raw[label] }]));
}

/** Which of these labels bears which field; the newest generation's counts where several do. */
export function labelsOf(labels: readonly string[]): Map<FieldName, string> {
  const byFoldedLabel = new Map(labels.map((label) => [foldedLabel(label), label]));
  const found = new Map<FieldName, string>();
  for (const field of Object.keys(LABELS) as FieldName[]) {
    const label = LABELS[field].map((known) => byFoldedLabel.get(known)).find((hit) => hit !== undefined);
    if (label !== undefined) found.set(field, label);
  }
  return found;
}

/** A label without regard to case, blanks and signs. */
export const foldedLabel = (label: string): string => label.toLowerCase().replace(/[^a-z0-9]/g, '');
