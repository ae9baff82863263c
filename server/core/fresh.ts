// Keeping fresh by itself: what is told by webhook or found by schedule, and the rules that need no world outside.
import type { Settings } from './company.ts';
import type { Mail, Standings } from './notices.ts';
import type { Problem } from './problems.ts';
import type { Tenant } from './records.ts';

export type Teller = 'linarc' | 'quickbooks';

/** A change somebody told us of: what to read again, never what it holds now, so that doubled and disordered ones do no harm. */
export interface ToldChange {
  /** The sender's own id of the event; told twice, it counts once. */
  readonly id: string;
  readonly teller: Teller;
  /** The id of the cost code or class there. */
  readonly subject: string;
  readonly kind: 'created' | 'updated' | 'deleted' | 'merged';
  /** Of a class that was merged away: the one it was merged into. */
  readonly into?: string;
}

export interface OpenChange extends ToldChange {
  /** How often it was taken up before. */
  readonly tries: number;
}

/** What was told and is not followed up yet, and for a while what was, so that it is known when it is told again. */
export interface Changes {
  /** Keeps those not told before. Returns how many were new. */
  tell(company: Tenant, told: readonly ToldChange[], at: Date): Promise<number>;
  /** Takes up to `limit` due ones, the oldest first; nobody else gets them for `ms` by the database's clock. */
  take(company: Tenant, teller: Teller, limit: number, ms: number): Promise<readonly OpenChange[]>;
  /** They were followed up. */
  settle(company: Tenant, teller: Teller, ids: readonly string[], at: Date): Promise<void>;
  /** They come due again in `ms`. */
  putOff(company: Tenant, teller: Teller, ids: readonly string[], ms: number): Promise<void>;
  /** Companies with due ones. */
  waiting(limit: number): Promise<readonly Tenant[]>;
}

/**
 * The rounds made for each company by itself: `look` for what changed in Linarc, `sweep` for what changed in QuickBooks, `notice`
 * for what its people must be told, `apply` for new settings that the staged records do not follow yet.
 */
export const ROUNDS = ['look', 'sweep', 'notice', 'apply'] as const;
export type Round = (typeof ROUNDS)[number];

/** How far the rounds have come. A `…At` is when the round began that came to its end. */
export interface Upkeep {
  readonly lookedAt: Date | null;
  /** The last look that read the whole library and so knows what is gone. */
  readonly lookedFullyAt: Date | null;
  readonly sweptAt: Date | null;
  /** What keeps Linarc from being read by itself, and since when. */
  readonly trouble: { readonly problem: Problem; readonly since: Date } | null;
  /** Since when staged records do not follow the settings; null while they do. */
  readonly toApply: Date | null;
}

/** The webhook registered at Linarc for a company, with the secret it signs by. */
export interface LinarcHook {
  readonly linarcCompanyId: string;
  readonly webhookId: string;
  readonly url: string;
  readonly secret: string;
}

export interface Rounds {
  /**
   * Companies whose round is due: not begun since `begunBefore` and not done since `doneBefore`; the longest waiting first.
   * `look` is for companies that are linked and want changes staged by themselves, `sweep` for connected ones whose classes were
   * read before.
   */
  due(round: Round, before: RoundTimes, limit: number): Promise<readonly Tenant[]>;
  /** Begins a round if it is still due; one of many processes may. */
  begin(company: Tenant, round: Round, before: RoundTimes, at: Date): Promise<boolean>;
  upkeep(company: Tenant): Promise<Upkeep | null>;
  save(company: Tenant, change: Partial<Omit<Upkeep, 'toApply'>>): Promise<void>;
  /** Has the staged records follow the settings once more. */
  askToApply(company: Tenant, at: Date): Promise<void>;
  /** They do since what was asked for then; what was asked for later is still to come. */
  applied(company: Tenant, asked: Date): Promise<void>;
  /** The webhook, its secret opened; null when there is none, or no such company. */
  hook(company: string): Promise<(LinarcHook & { readonly company: Tenant }) | null>;
  saveHook(company: Tenant, hook: LinarcHook | null): Promise<void>;
  /** The companies of these realms; unknown realms are left out. */
  ofRealms(realmIds: readonly string[]): Promise<ReadonlyMap<string, Tenant>>;
}

export interface RoundTimes {
  readonly begunBefore: Date;
  readonly doneBefore: Date;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * How long after its end a round comes again, and how soon after a beginning that came to no end (linarc.md point 22,
 * quickbooks.md §4).
 */
const EVERY: Readonly<Record<Round, { readonly done: number; readonly begun: number }>> = {
  look: { done: HOUR, begun: 10 * MINUTE },
  sweep: { done: DAY, begun: HOUR },
  notice: { done: 0, begun: 5 * MINUTE },
  apply: { done: 0, begun: MINUTE },
};

export function roundTimes(round: Round, now: number): RoundTimes {
  return { begunBefore: new Date(now - EVERY[round].begun), doneBefore: new Date(now - EVERY[round].done) };
}

/**
 * How much earlier than the last round a reading of changes begins: clocks differ, and what was written late must not slip
 * through.
 */
export const OVERLAP = 15 * MINUTE;

/** Changes further back QuickBooks cannot tell: 30 days, less one for the clocks (quickbooks.md §3.4). */
export const TELLABLE = 29 * DAY;

/** A whole library is read so often, since what was deleted is not among what changed. */
export const FULL_LOOK = DAY;

/** Milliseconds until a change is taken up again that could not be followed. */
export function backOff(tries: number): number {
  return Math.min(HOUR, MINUTE * 2 ** Math.min(tries, 10));
}

/** Whether anything is staged by itself; with both off nothing moves (linarc.md §5). */
export function isAutomatic(settings: Pick<Settings, 'costCodes' | 'autoCreate' | 'autoUpdate'>): boolean {
  return settings.costCodes && (settings.autoCreate || settings.autoUpdate);
}

/** Whether a change of a code is staged by itself: Auto-Create is for codes never staged, Auto-Update for those that were. */
export function stagesItself(settings: Pick<Settings, 'costCodes' | 'autoCreate' | 'autoUpdate'>, staged: boolean): boolean {
  return settings.costCodes && (staged ? settings.autoUpdate : settings.autoCreate);
}

/** Messages that wait to be sent, and what each company was last told. All decisions are one compare-and-set on one document. */
export interface NoticeBook {
  standings(company: Tenant): Promise<{ readonly version: number; readonly standings: Standings }>;
  /** Stores standings over `version` together with the mail they cause; false when somebody else was first. */
  write(company: Tenant, version: number, standings: Standings, mails: readonly Mail[]): Promise<boolean>;
  /** The mail waiting for this company, for the one process that gets it; the others get it not for `ms`. */
  takeMail(company: Tenant, ms: number): Promise<{ readonly mails: readonly Mail[]; readonly tries: number } | null>;
  /** It was sent, or is given up. */
  dropMail(company: Tenant, ids: readonly string[]): Promise<void>;
  /** What is left is to be tried again in `ms`. */
  putOffMail(company: Tenant, ms: number): Promise<void>;
  /** Companies with mail that is due. */
  pending(limit: number): Promise<readonly Tenant[]>;
  /** The e-mail addresses of the company's administrators who want them. */
  recipients(company: Tenant): Promise<readonly string[]>;
}

/** Sends mail, or puts it where it can be read. Sending the same mail twice is told by its id. Throws when it was not taken. */
export interface Post {
  send(mail: Mail & { readonly to: readonly string[] }): Promise<void>;
}

/** All of this part that reaches outside. */
export interface Fresh {
  readonly changes: Changes;
  readonly rounds: Rounds;
  readonly notices: NoticeBook;
  /** Null: no mail is sent; the screens still show what is wrong. */
  readonly post: Post | null;
  /** The address at which Linarc and people reach this app, without a slash at the end; null: Linarc is not asked to call. */
  readonly reachedAt: string | null;
}
