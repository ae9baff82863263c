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

/** Printed ASCII without refused characters, its words one blank apart: nothing to clean, and small letters stay normal. Most names are so. */
const PLAIN = /^[!#-9;-~]+(?: [!#-9;-~]+)*$/;

/** What decides whether two names are one to QuickBooks: without regard to case or blanks (quickbooks.md §2.3). */
export function fold(name: string): string {
  if (PLAIN.test(name)) return name.toLowerCase();
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

/** `{name}`, or its first characters as in `{name:60}`. */
const NAME_PART = /\{name(?::(\d+))?\}/g;
const PARTS = /\{code\}|\{name(?::(\d+))?\}/g;

/** What keeps a naming pattern from giving every code a name of its own, as a sentence; null when nothing does. */
export function patternFault(pattern: string): string | null {
  const parts = [...pattern.matchAll(/\{([^{}]*)\}/g)].map(([, part = '']) => part);
  const unknown = parts.find((part) => !/^(code|name|name:\d+)$/.test(part));
  if (unknown?.startsWith('code:')) return 'A code is never cut, since it tells the classes apart; use {code}.';
  if (unknown !== undefined) return `{${unknown}} is not known; use {code} and {name}.`;
  if (/[{}]/.test(pattern.replace(/\{[^{}]*\}/g, ''))) return 'A brace is open or closed alone; write {code} and {name}.';
  if (!parts.includes('code')) return 'The pattern needs {code}, since names may repeat in Linarc.';
  const lengths = parts.filter((part) => part.startsWith('name:')).map((part) => Number(part.slice('name:'.length)));
  if (lengths.some((length) => length < 1 || length > NAME_LIMIT)) return `A name may be cut to 1 to ${NAME_LIMIT} characters, as in {name:60}.`;
  if (pattern.length > NAME_LIMIT) return `The pattern is longer than ${NAME_LIMIT} characters.`;
  return null;
}

/** The pattern with a code and a name in their places, as a class name of any length. */
function filled(pattern: string, code: string, name: string): string {
  return cleanName(pattern.replace(PARTS, (part, length?: string) => (part === '{code}' ? code : length === undefined ? name : cutTo(name, Number(length)))));
}

/** Whether something of the name is left out of the class name, by the pattern's own wish or for its length. */
export function isCut(source: Pick<CostCode, 'code' | 'name'>, pattern: string): boolean {
  const [code, name] = [cleanName(source.code), cleanName(source.name)];
  const whole = filled(pattern.replace(NAME_PART, '{name}'), code, name);
  return whole.length > NAME_LIMIT || whole !== filled(pattern, code, name);
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

  const whole = filled(pattern, code, name);
  if (whole.length <= NAME_LIMIT) return { name: whole };

  const room = NAME_LIMIT - filled(pattern, code, '').length;
  for (let length = Math.min(name.length, room); length >= 0 && pattern.search(NAME_PART) >= 0; length -= 1) {
    const cut = filled(pattern, code, cutTo(name, length));
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
