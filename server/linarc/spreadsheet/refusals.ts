import { ProblemError, problem } from '../../core/problems.ts';

/** The file goes beyond a bound; `why` goes on after "This file is too large:". */
export function tooLarge(why: string): ProblemError {
  return new ProblemError(problem('sheet_too_large', { field: 'File', value: why }));
}

/** The file is no spreadsheet we can read; `why` goes on after "This file cannot be read:". */
export function unreadable(why: string): ProblemError {
  return new ProblemError(problem('sheet_unreadable', { field: 'File', value: why }));
}
