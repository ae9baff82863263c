import type { Structure } from './company.ts';
import { cleanName, fold } from './names.ts';
import type { CostCode } from './records.ts';

/** How deep classes may be nested, the top included (quickbooks.md §2.2). */
export const LEVELS = 5;

/** The linarcId under which a division is staged as a parent class; Linarc's own ids never begin so. */
export function divisionId(divisionCode: string): string {
  return `division:${fold(divisionCode)}`;
}

/** Where a class stands: the linarcId of its parent, and how many classes are above it. */
export interface Place {
  readonly parent: string | null;
  readonly level: number;
}

export const TOP: Place = { parent: null, level: 0 };

type Placed = Pick<CostCode, 'code' | 'divisionCode'>;

/** The staged code of this folded spelling, if there is exactly one that may have classes below it. */
export type Lookup = (codeKey: string) => { readonly linarcId: string; readonly divisionCode: string } | undefined;

/**
 * Where a code's class belongs. In a tree the classes above it are codes that the library really holds, of the same division, whose
 * segments this one's begin with: Linarc has one segment for each level (linarc.md §4.2). What is above the fifth level's parent is kept,
 * and deeper codes stand beside each other there.
 */
export function placeOf(source: Placed, structure: Structure, lookup: Lookup): Place {
  if (structure === 'flat') return TOP;
  const own = structure === 'tree' ? fold(source.code) : '';
  const above = structure === 'tree' ? codesAbove(own, source.divisionCode, lookup) : [];
  const topmost = above.at(-1)?.codeKey ?? own;
  const isDivided = cleanName(source.divisionCode) !== '' && !(structure === 'tree' && isHead(topmost, source.divisionCode));
  const ids = [...(isDivided ? [divisionId(source.divisionCode)] : []), ...above.toReversed().map(({ linarcId }) => linarcId)];
  const level = Math.min(ids.length, LEVELS - 1);
  return { parent: ids[level - 1] ?? null, level };
}

interface Above {
  readonly linarcId: string;
  readonly codeKey: string;
}

/** The codes above this one, the nearest first; each is what its own place is worked out from too. */
function codesAbove(own: string, divisionCode: string, lookup: Lookup): Above[] {
  for (const codeKey of spellingsAbove(own).flat()) {
    const found = lookup(codeKey);
    if (found === undefined || (found.divisionCode !== divisionCode && fold(found.divisionCode) !== fold(divisionCode))) continue;
    return [{ linarcId: found.linarcId, codeKey }, ...codesAbove(codeKey, divisionCode, lookup)];
  }
  return [];
}

/** Whether a code is the head of the division, as 03 00 00 is of 03: the division then needs no class of its own. */
function isHead(codeKey: string, divisionCode: string): boolean {
  const { significant, parts } = segmentsOf(codeKey);
  return significant === 1 && parts[0] === fold(divisionCode);
}

interface Segments {
  readonly parts: readonly string[];
  /** What stands before each part. */
  readonly marks: readonly string[];
  /** How many parts there are before only zeros follow. */
  readonly significant: number;
}

function segmentsOf(codeKey: string): Segments {
  const cut = [...codeKey.matchAll(/([\s._/-]*)([^\s._/-]+)/g)];
  const parts = cut.map(([, , part = '']) => part);
  const last = parts.findLastIndex((part) => !/^0+$/.test(part));
  return { parts, marks: cut.map(([, mark = '']) => mark), significant: Math.max(last + 1, Math.min(1, parts.length)) };
}

/** How codes above this one may be spelled, level by level, the nearest first: 03 30 53 may stand under 03 30 or 03 30 00. */
export function ancestorsOf(code: string): readonly (readonly string[])[] {
  return spellingsAbove(fold(code));
}

function spellingsAbove(codeKey: string): readonly (readonly string[])[] {
  const segments = segmentsOf(codeKey);
  const levels = Array.from({ length: Math.max(0, segments.significant - 1) }, (_, i) => segments.significant - 1 - i);
  return levels.map((level) => spellingsOf(segments, level).filter((spelling) => spelling !== codeKey));
}

/** A code's first parts alone, and filled up with zeros to any of its own lengths. */
function spellingsOf({ parts, marks }: Segments, level: number): string[] {
  const shown = parts.map((part, i) => `${i === 0 ? '' : marks[i]}${i < level ? part : '0'.repeat(part.length)}`);
  const spelled = (length: number) => shown.slice(0, length).join('');
  return parts.slice(level - 1).map((_, i) => spelled(level + i));
}
