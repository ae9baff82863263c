import { describe, type Problem, type RawFault } from '../../core/problems.ts';
import { pathTo } from '../paths.ts';
import { REMEDY_PAGES } from './notice.ts';

/** The reason card: cause in one sentence, field and value, next step, a button where we can help, QuickBooks' own words folded. */
export interface Card {
  readonly title: string;
  readonly sentence: string;
  readonly field: string | null;
  readonly value: string | null;
  readonly next: string;
  readonly remedy: Remedy | null;
  readonly raw: readonly { readonly label: string; readonly text: string }[];
}

export interface Remedy {
  readonly label: string;
  readonly href: string;
  /** `sheet`: opens beside the table; `post`: changes something; `page`: another page. */
  readonly how: 'sheet' | 'post' | 'page';
}

export function card(problem: Problem, recordId: string): Card {
  const { title, sentence, field, value, next, raw } = describe(problem);
  return { title, sentence, field, value, next, remedy: remedyOf(problem, recordId), raw: rawLines(raw) };
}

function remedyOf(problem: Problem, id: string): Remedy | null {
  const { remedy } = describe(problem);
  if (remedy === 'retry' || remedy === 'fix_in_linarc') return { label: 'Read from Linarc and retry', href: pathTo('retry', id), how: 'post' };
  if (remedy === 'map') return { label: 'Open Manual Mapping', href: pathTo('mapping', id), how: 'sheet' };
  if (remedy === 'overwrite') return { label: 'Put Linarc’s value back', href: pathTo('overwrite', id), how: 'post' };
  const page = REMEDY_PAGES[remedy];
  return page ? { ...page, how: 'page' } : null;
}

/** QuickBooks' own words, line by line, empty ones left out. */
export function rawLines(raw: RawFault | null): readonly { label: string; text: string }[] {
  if (raw === null) return [];
  const lines: [string, string | number | null][] = [
    ['HTTP status', raw.status], ['Code', raw.code], ['Message', raw.message], ['Detail', raw.detail], ['Element', raw.element],
    ['intuit_tid', raw.intuitTid],
  ];
  return lines.filter(([, text]) => text !== null && text !== '').map(([label, text]) => ({ label, text: String(text) }));
}
