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
  /** Both values, where somebody changed the class in QuickBooks. */
  readonly drift: Drift | null;
  readonly remedies: readonly Remedy[];
  readonly raw: readonly { readonly label: string; readonly text: string }[];
}

export interface Drift {
  readonly linarc: string;
  readonly quickbooks: string;
}

export interface Remedy {
  readonly label: string;
  readonly href: string;
  /** `sheet`: opens beside the table; `post`: changes something; `page`: another page. */
  readonly how: 'sheet' | 'post' | 'page';
  /** What the button itself says in the form it belongs to. */
  readonly field?: { readonly name: string; readonly value: string };
}

export function card(problem: Problem, recordId: string, drift: Drift | null = null): Card {
  const { title, sentence, field, value, next, raw } = describe(problem);
  const known = drift === null ? { field, value } : { field: null, value: null };
  return { title, sentence, ...known, next, drift, remedies: remediesOf(problem, recordId), raw: rawLines(raw) };
}

function remediesOf(problem: Problem, id: string): readonly Remedy[] {
  const { remedy } = describe(problem);
  if (remedy === 'retry' || remedy === 'fix_in_linarc') return [{ label: 'Read from Linarc and retry', href: pathTo('retry', id), how: 'post' }];
  if (remedy === 'map') return [{ label: 'Open Manual Mapping', href: pathTo('mapping', id), how: 'sheet' }];
  if (remedy === 'overwrite') {
    return DECISION_LABELS.map(([decision, label]) => ({ label, href: pathTo('decision', id), how: 'post', field: { name: 'decision', value: decision } }));
  }
  const page = REMEDY_PAGES[remedy];
  return page ? [{ ...page, how: 'page' }] : [];
}

/** The two ways out of a change in QuickBooks, wherever they are offered. */
export const DECISION_LABELS = [['linarc', 'Put Linarc’s value back'], ['quickbooks', 'Keep QuickBooks’ value']] as const;

/** QuickBooks' own words, line by line, empty ones left out. */
export function rawLines(raw: RawFault | null): readonly { label: string; text: string }[] {
  if (raw === null) return [];
  const lines: [string, string | number | null][] = [
    ['HTTP status', raw.status], ['Code', raw.code], ['Message', raw.message], ['Detail', raw.detail], ['Element', raw.element],
    ['intuit_tid', raw.intuitTid],
  ];
  return lines.filter(([, text]) => text !== null && text !== '').map(([label, text]) => ({ label, text: String(text) }));
}
