import { describe, type Problem } from '../../core/problems.ts';
import { paths } from '../paths.ts';
import { counted } from './format.ts';

/** One line on the screen after something was done or could not be. Kept in the session until it was shown. */
export interface Notice {
  readonly tone: 'info' | 'good' | 'bad';
  readonly text: string;
  readonly next: string | null;
  readonly link: { readonly label: string; readonly href: string } | null;
}

export function notice(tone: Notice['tone'], text: string, about: Partial<Pick<Notice, 'next' | 'link'>> = {}): Notice {
  return { tone, text, next: about.next ?? null, link: about.link ?? null };
}

/** What stopped an action, with the page that mends it. */
export function problemNotice(problem: Problem): Notice {
  const { sentence, next, remedy } = describe(problem);
  return notice('bad', sentence, { next, link: REMEDY_PAGES[remedy] ?? null });
}

/** What was decided about classes that somebody changed in QuickBooks. */
export function decidedNotice(n: number, decision: 'linarc' | 'quickbooks'): Notice {
  if (n === 0) return notice('info', 'Nothing was changed: it is being synced, or was decided already.', { next: 'Look at it again.' });
  if (decision === 'quickbooks') return notice('good', `QuickBooks’ value is kept for ${counted(n, 'cost code')}.`, { next: 'It counts as Synced until Linarc or QuickBooks changes it again.' });
  return notice('good', `Linarc’s value goes back for ${counted(n, 'cost code')} with the next sync.`, { next: 'Ready to be synced: choose Sync to QBO.' });
}

export const REMEDY_PAGES: Readonly<Record<string, { readonly label: string; readonly href: string }>> = {
  reconnect: { label: 'Reconnect to QuickBooks', href: paths.connect },
  link_linarc: { label: 'Link the Linarc company', href: paths.linarc },
  settings: { label: 'Open Settings', href: paths.settings },
};
