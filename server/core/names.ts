import { createHash } from 'node:crypto';
import { problem, type Problem } from './problems.ts';
import type { CostCode } from './records.ts';

/** The longest class name QuickBooks takes, counted as it counts: UTF-16 units (quickbooks.md §2.3). */
export const NAME_LIMIT = 100;

/** Each refused or doubtful character and what stands in for it (quickbooks.md §2.3; linarc.md point 1). */
const STAND_INS: readonly (readonly [RegExp, string])[] = [
  [/[\p{Zs}\p{Zl}\p{Zp}\t\r\n\v\f]/gu, ' '],
  [/[\p{Cc}\p{Cs}\u200b\u2060\ufeff]/gu, ''],
  [/:/g, '-'],
  [/"/g, ''],
];

/** Text as it may stand in a class name: NFC, refused characters replaced, blanks collapsed and trimmed. */
export function cleanName(text: string): string {
  const replaced = STAND_INS.reduce((name, [found, standIn]) => name.replace(found, standIn), text.normalize('NFC'));
  return replaced.replace(/ {2,}/g, ' ').trim();
}

/** What decides whether two names are one to QuickBooks: without regard to case or blanks (quickbooks.md §2.3). */
export function fold(name: string): string {
  return cleanName(name).toLowerCase().normalize('NFC');
}

const INACTIVE_SUFFIX = / \(deleted\)( \d+)?$/i;

/** A class's name without the suffix QuickBooks puts on inactive ones (quickbooks.md §2.2). */
export function bareClassName(given: { name: string; active: boolean }): string {
  return given.active ? given.name : given.name.replace(INACTIVE_SUFFIX, '');
}

/** Cuts to `limit` UTF-16 units at the end, never through a character made of several. */
function cutTo(text: string, limit: number): string {
  if (text.length <= limit) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text.slice(0, limit + 32))) {
    if (kept.length + segment.length > limit) break;
    kept += segment;
  }
  return kept.trimEnd();
}

/** Whether a naming pattern can give every code a name of its own: it must hold `{code}` or `{name}`, and nothing unknown in braces. */
export function patternFault(pattern: string): string | null {
  const unknown = [...pattern.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]).find((part) => part !== 'code' && part !== 'name');
  if (unknown !== undefined) return `{${unknown}} is not known; use {code} and {name}.`;
  if (!pattern.includes('{code}')) return 'The pattern needs {code}, since names may repeat in Linarc.';
  if (pattern.length > NAME_LIMIT) return `The pattern is longer than ${NAME_LIMIT} characters.`;
  return null;
}

/**
 * The class name for a cost code by the naming pattern. A name too long is cut at the end of `{name}`, so that the code and the
 * pattern's own text stay whole; what cannot be kept so is a problem.
 */
export function className(source: Pick<CostCode, 'code' | 'name'>, pattern: string): { name: string } | { problem: Problem } {
  const code = cleanName(source.code);
  const name = cleanName(source.name);
  if (code === '') return { problem: problem('code_missing', { field: 'Cost Code' }) };
  if (name === '') return { problem: problem('name_missing', { field: 'Task Name', value: code }) };

  const fill = (shown: string) => cleanName(pattern.replaceAll('{code}', () => code).replaceAll('{name}', () => shown));
  const whole = fill(name);
  if (whole.length <= NAME_LIMIT) return { name: whole };

  const room = NAME_LIMIT - fill('').length;
  for (let length = Math.min(name.length, room); length >= 0 && pattern.includes('{name}'); length -= 1) {
    const cut = fill(cutTo(name, length));
    if (cut.length <= NAME_LIMIT) return { name: cut };
  }
  return { problem: problem('code_too_long', { field: 'Cost Code', value: code }) };
}

/** A key whose plain comparison is the natural order of codes: "1.2" before "1.10", "03" beside "3". */
export function sortKey(code: string, linarcId: string): string {
  const natural = fold(code).replace(/\d+/g, (digits) => {
    const significant = digits.replace(/^0+(?=\d)/, '');
    return String(significant.length).padStart(3, '0') + significant;
  });
  return `${natural}\u0001${fold(code)}\u0001${linarcId}`;
}

/** A short digest of plain data, the same for the same content whatever the order of its keys. */
export function contentHash(content: unknown): string {
  return createHash('sha256').update(canonical(content)).digest('hex').slice(0, 32);
}

function canonical(content: unknown): string {
  if (Array.isArray(content)) return `[${content.map(canonical).join(',')}]`;
  if (content instanceof Date) return JSON.stringify(content.toISOString());
  if (content !== null && typeof content === 'object') {
    const entries = Object.entries(content)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${canonical(value)}`).join(',')}}`;
  }
  return JSON.stringify(content) ?? 'null';
}
