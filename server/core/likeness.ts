import { bareClassName, fold } from './names.ts';
import type { QuickBooksClass, StagedRecord } from './records.ts';

export interface Suggestion {
  readonly class: QuickBooksClass;
  /** Why it is suggested, in words. */
  readonly evidence: string;
  /** 0 to 1. */
  readonly likeness: number;
}

/** How alike two texts are: the Dice coefficient over their pairs of neighbouring characters, 0 to 1, blind to case and blanks. */
export function likeness(one: string, other: string): number {
  const a = pairs(fold(one));
  const b = pairs(fold(other));
  if (a.length === 0 || b.length === 0) return fold(one) === fold(other) ? 1 : 0;
  const left = new Map<string, number>();
  for (const pair of a) left.set(pair, (left.get(pair) ?? 0) + 1);
  let shared = 0;
  for (const pair of b) {
    const n = left.get(pair) ?? 0;
    if (n > 0) shared += 1;
    left.set(pair, n - 1);
  }
  return (2 * shared) / (a.length + b.length);
}

function pairs(text: string): string[] {
  const units = [...text.replaceAll(' ', '')];
  return units.slice(1).map((unit, index) => `${units[index] ?? ''}${unit}`);
}

/** Up to three classes a code may belong to, the likeliest first, each with its evidence: used before, same number, alike name. */
export function suggestions(record: Pick<StagedRecord, 'source' | 'wanted' | 'aliases'>, candidates: readonly QuickBooksClass[]): Suggestion[] {
  return candidates
    .map((candidate) => judge(record, candidate))
    .filter((suggestion) => suggestion.likeness >= 0.4)
    .sort((a, b) => b.likeness - a.likeness || (a.class.fullyQualifiedName < b.class.fullyQualifiedName ? -1 : 1))
    .slice(0, 3);
}

function judge(record: Pick<StagedRecord, 'source' | 'wanted' | 'aliases'>, candidate: QuickBooksClass): Suggestion {
  const name = bareClassName(candidate);
  const alike = Math.max(likeness(name, record.wanted.name), likeness(name, record.source.name));
  const percent = `name ${Math.round(alike * 100)} % alike`;
  if (record.aliases.some((alias) => fold(alias) === fold(name))) return { class: candidate, evidence: 'used for this code before', likeness: 1 };
  if (hasNumber(name, record.source.code)) return { class: candidate, evidence: `same number ${record.source.code}, ${percent}`, likeness: Math.min(0.99, 0.7 + 0.29 * alike) };
  return { class: candidate, evidence: percent, likeness: alike * 0.9 };
}

/** Whether the name begins with the code, or with its digits however they are spaced. */
function hasNumber(name: string, code: string): boolean {
  if (fold(code) !== '' && `${fold(name)} `.startsWith(`${fold(code)} `)) return true;
  return digits(code).length >= 3 && digits(name).startsWith(digits(code));
}

const digits = (text: string) => text.replace(/\D/g, '');
