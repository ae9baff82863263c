import { counted } from './format.ts';

/** Asks for the reason before codes are left out (linarc.md point 14). */
export interface ExcludePage {
  readonly words: string;
  readonly count: number;
  /** The selection, to be sent again with the reason. */
  readonly hidden: readonly (readonly [string, string])[];
  /** The selected ones are excluded now, and are to be taken in again. */
  readonly including: boolean;
  readonly back: string;
}

export function excludePage(count: number, given: Pick<ExcludePage, 'hidden' | 'including' | 'back'>): ExcludePage {
  return { ...given, count, words: counted(count, 'cost code') };
}
