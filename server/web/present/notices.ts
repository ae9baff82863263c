import type { Role } from '../../core/company.ts';
import { TOPICS, type Standings, type Topic } from '../../core/notices.ts';
import { describe } from '../../core/problems.ts';
import type { OpenNotice } from '../../sync/notices.ts';
import { paths } from '../paths.ts';
import { moment, momentOrNull, type Moment } from './format.ts';
import { REMEDY_PAGES, type Notice } from './notice.ts';

/** A line under the header: something stands badly, until it is mended or the person puts it away. */
export interface Note {
  readonly topic: Topic;
  readonly sentence: string;
  readonly since: Moment | null;
  readonly link: { readonly label: string; readonly href: string } | null;
}

const SHOW_FAILED = { label: 'Show Failed', href: `${paths.costCodes}?status=failed` };
const SHOW_WAITING = { label: 'Show Needs Action', href: `${paths.costCodes}?status=needs_action` };

/**
 * What has to be said on this page. The connection and its end have a banner of their own, and the list of cost codes says itself what waits there.
 * @param seen what the person put away, by topic
 */
export function notes(open: readonly OpenNotice[], { path, seen }: { readonly path: string; readonly seen: Readonly<Partial<Record<Topic, string>>> }): readonly Note[] {
  const saidHere: readonly Topic[] = ['connection', 'expiry', ...(path === paths.costCodes ? ['action' as const] : [])];
  return open
    .filter(({ topic, toldAt }) => !saidHere.includes(topic) && seen[topic] !== (toldAt?.toISOString() ?? ''))
    .map((notice) => ({ topic: notice.topic, since: momentOrNull(notice.toldAt), ...wordsOf(notice) }));
}

function wordsOf({ topic, problem }: OpenNotice): Pick<Note, 'sentence' | 'link'> {
  if (topic === 'expiry') return { sentence: 'Intuit ends the connection to QuickBooks soon. Reconnecting before that keeps it without a gap.', link: null };
  if (topic === 'action') return { sentence: 'Cost codes wait for somebody to decide or correct something.', link: SHOW_WAITING };
  if (topic === 'runs' && (problem === null || problem.code === 'refused')) return { sentence: 'Cost codes failed in a sync to QuickBooks.', link: SHOW_FAILED };
  const { sentence, next, remedy } = problem === null ? { sentence: 'Something stands in the way.', next: '', remedy: '' } : describe(problem);
  return { sentence: `${sentence} ${next}`.trim(), link: REMEDY_PAGES[remedy] ?? null };
}

export interface NoticesPage {
  readonly notice: Notice | null;
  readonly company: string;
  readonly topics: readonly { readonly label: string; readonly about: string; readonly state: 'good' | 'warn'; readonly words: string; readonly since: Moment | null }[];
  readonly mail: { readonly wanted: boolean; readonly email: string; readonly denied: string | null };
}

const TOPIC_WORDS: Readonly<Record<Topic, { readonly label: string; readonly about: string; readonly good: string }>> = {
  connection: { label: 'Connection to QuickBooks', about: 'When QuickBooks no longer accepts it, and when it works again.', good: 'Nothing is wrong with it.' },
  expiry: { label: 'End of the connection', about: 'Thirty days before Intuit ends the connection, as it does after some years, and when it was renewed.', good: 'The end is not near.' },
  runs: { label: 'Syncs', about: 'When a sync stops or ends with failures, and when no code fails any more.', good: 'No cost code fails.' },
  action: { label: 'Codes that wait', about: 'When codes wait for a person, once a day at most, and when none does any more.', good: 'No cost code waits for a person.' },
  linarc: { label: 'Reading Linarc', about: 'When changes in Linarc are not staged by themselves any more, and when they are again.', good: 'Linarc is read without trouble.' },
};

/** What people are told of, how it stands, and whether this person gets it by e-mail. */
export function noticesPage(
  standings: Standings,
  { company, role, email, wanted, hasPost, notice }: {
    readonly company: string; readonly role: Role; readonly email: string; readonly wanted: boolean; readonly hasPost: boolean; readonly notice: Notice | null;
  },
): NoticesPage {
  return {
    notice,
    company,
    topics: TOPICS.map((topic) => {
      const standing = standings[topic];
      const { label, about, good } = TOPIC_WORDS[topic];
      if (!standing.bad) return { label, about, state: 'good', words: good, since: null };
      const words = topic === 'connection' ? 'QuickBooks no longer accepts the connection.' : wordsOf({ topic, ...standing }).sentence;
      return { label, about, state: 'warn', words, since: standing.toldAt === null ? null : moment(standing.toldAt) };
    }),
    mail: { wanted, email, denied: deniedMail(role, hasPost) },
  };
}

function deniedMail(role: Role, hasPost: boolean): string | null {
  if (!hasPost) return 'No mail server is set up here, so notices show on the pages alone.';
  return role === 'admin' ? null : 'Notices go by e-mail to administrators.';
}
