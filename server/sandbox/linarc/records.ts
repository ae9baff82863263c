import { createHash } from 'node:crypto';

import { z } from 'zod';

/** The five kinds of work a cost code can stand for, in Linarc's order (linarc.md §4.1). */
export const CATEGORIES = ['ADMIN', 'OFFICE', 'FIELD', 'T&M', 'Recurring Cost'] as const;

const text = (longest: number) => z.string().max(longest);
const amount = z.number().min(0).max(1e12);

/**
 * What can be set on a cost code. As in Linarc's own library, a code or a name may be missing, doubled or far too long:
 * whoever reads the library has to live with that, so the sandbox lets a person make such codes.
 */
export const costCodeFields = z.strictObject({
  costCode: text(500),
  costCodeName: text(500),
  color: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i)
    .nullable(),
  locked: z.boolean(),
  divisionCode: text(50).nullable(),
  divisionName: text(200).nullable(),
  costTypeCategory: z.enum(CATEGORIES),
  costType: z.enum(['Fixed', 'Variable']).nullable(),
  costAttribution: z.enum(['Direct', 'Indirect']).nullable(),
  quantity: amount.nullable(),
  effort: amount.nullable(),
  unit: text(50).nullable(),
  status: z.enum(['active', 'inactive']),
});

export type CostCodeFields = z.infer<typeof costCodeFields>;

/** One cost code as the API answers it. A record never changes in place: an edit puts a new one in its stead. */
export type CostCode = Readonly<{ id: string } & CostCodeFields & { createdAt: string; updatedAt: string }>;

/** What a new cost code has where nothing was said. */
export const BLANK_FIELDS: CostCodeFields = {
  costCode: '',
  costCodeName: '',
  color: null,
  locked: false,
  divisionCode: null,
  divisionName: null,
  costTypeCategory: 'FIELD',
  costType: 'Variable',
  costAttribution: 'Direct',
  quantity: null,
  effort: null,
  unit: null,
  status: 'active',
};

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * An id for the code a company creates at a moment (milliseconds). It sorts by that moment and says nothing else; the same
 * company and moment give the same id, so the sample library has the same ids on every machine.
 */
export function costCodeId(companyId: string, moment: number): string {
  let time = '';
  for (let rest = moment, place = 0; place < 10; place += 1, rest = Math.floor(rest / 32)) {
    time = CROCKFORD.charAt(rest % 32) + time;
  }
  const digest = createHash('sha256').update(`${companyId} ${moment}`).digest();
  const tail = Array.from(digest.subarray(0, 16), (byte) => CROCKFORD.charAt(byte % 32)).join('');
  return `cc_${time}${tail}`;
}

const FIRST_SAMPLE = Date.UTC(2025, 0, 6, 15, 0, 0);
const MINUTE = 60_000;

/** Turns prepared fields into records made a minute apart from 6 January 2025 on: a library comes out the same each time. */
export function datedRecords(companyId: string, fields: Iterable<CostCodeFields>): CostCode[] {
  const records: CostCode[] = [];
  for (const field of fields) {
    const moment = FIRST_SAMPLE + records.length * MINUTE;
    const at = new Date(moment).toISOString();
    records.push({ id: costCodeId(companyId, moment), ...field, createdAt: at, updatedAt: at });
  }
  return records;
}
