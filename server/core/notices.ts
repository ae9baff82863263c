import type { ConnectionState } from './company.ts';
import { describe, problem, type Problem, type ProblemCode } from './problems.ts';
import type { RunState } from './run.ts';

/**
 * What people are told of: the connection to QuickBooks, that it ends soon, runs with failures, codes that wait for a person, and reading
 * Linarc by itself.
 */
export const TOPICS = ['connection', 'expiry', 'runs', 'action', 'linarc'] as const;
export type Topic = (typeof TOPICS)[number];

/** How a topic stands in the eyes of the people: what they were last told. */
export interface Standing {
  readonly bad: boolean;
  /** When they were last told that it is bad; for the daily limit. */
  readonly toldAt: Date | null;
  /** How many codes they were told of. */
  readonly told: number;
  /** The run they were last told of, or that needed no telling. */
  readonly run: string | null;
  /** What is wrong, while it is. */
  readonly problem: Problem | null;
}

export type Standings = Readonly<Record<Topic, Standing>>;

const CALM: Standing = { bad: false, toldAt: null, told: 0, run: null, problem: null };
export const ALL_CALM: Standings = { connection: CALM, expiry: CALM, runs: CALM, action: CALM, linarc: CALM };

/** What is seen of a company at one moment. */
export interface Seen {
  readonly connection: ConnectionState;
  /** When the connection ends, once that is near. */
  readonly nearEnd: Date | null;
  /** The newest run. */
  readonly run: {
    readonly id: string;
    readonly state: RunState;
    readonly failed: number;
    readonly problem: Problem | null;
  } | null;
  /** Codes that QuickBooks refused and that still stand so. */
  readonly failed: number;
  /** Codes that wait for a person, and why most of them do. */
  readonly waiting: number;
  readonly reasons: readonly { readonly code: ProblemCode; readonly count: number }[];
  /** What keeps Linarc from being read by itself, and since when. */
  readonly trouble: { readonly problem: Problem; readonly since: Date } | null;
  /** True while an import or a run is under way: numbers of that moment mean nothing. */
  readonly busy: boolean;
}

/** A message to the people of one company; `lines` are paragraphs of plain text. */
export interface Message {
  readonly topic: Topic;
  readonly turn: 'bad' | 'recovered';
  readonly subject: string;
  readonly lines: readonly string[];
}

/** A message on its way. The id is the same however often it is tried. */
export interface Mail {
  readonly id: string;
  readonly subject: string;
  readonly text: string;
}

const DAY = 86_400_000;
/** Linarc may be away so long before somebody is told; a key that is refused is told at once. */
const PATIENCE = 2 * 3_600_000;

/** How the topics stand now, and what is to be said of it. */
export interface Judgement {
  readonly standings: Standings;
  readonly messages: readonly Message[];
}

interface Turn {
  readonly standing: Standing;
  readonly message: Omit<Message, 'topic'> | null;
}

/**
 * What people are told now: one message when a topic turns bad, one when it recovers, none in between and never one for each run
 * (product.md pattern 19; linarc.md point 22). Codes that wait are told of once a day at most, and only when there are more than
 * before.
 */
export function judge(standings: Standings, seen: Seen, at: Date): Judgement {
  const turns: Record<Topic, Turn> = {
    connection: ofConnection(standings.connection, seen, at),
    expiry: ofExpiry(standings.expiry, seen, at),
    runs: ofRuns(standings.runs, seen, at),
    action: ofAction(standings.action, seen, at),
    linarc: ofLinarc(standings.linarc, seen, at),
  };
  const next = Object.fromEntries(TOPICS.map((topic) => [topic, turns[topic].standing])) as unknown as Standings;
  const messages = TOPICS.flatMap((topic): Message[] => {
    const { message } = turns[topic];
    return message ? [{ topic, ...message }] : [];
  });
  return { standings: next, messages };
}

function ofConnection(standing: Standing, { connection }: Seen, at: Date): Turn {
  const found = problem('reconnect_needed');
  if (connection === 'needs_reconnect') {
    return turnBad(standing, found, at, 'The connection to QuickBooks is lost', wordsOf(found));
  }
  // Disconnected is what somebody wanted, so there is nothing to tell.
  if (connection === 'disconnected') return { standing: calmed(standing), message: null };
  return turnGood(standing, 'The connection to QuickBooks works again', ['QuickBooks is connected again. What waited goes on.']);
}

function ofExpiry(standing: Standing, { connection, nearEnd }: Seen, at: Date): Turn {
  // A connection that is gone has a message of its own.
  if (connection !== 'connected') return { standing: calmed(standing), message: null };
  if (nearEnd === null) return turnGood(standing, 'The connection to QuickBooks was renewed', ['QuickBooks was connected again in time. Syncs go on without a gap.']);
  return turnBad(standing, null, at, `The connection to QuickBooks ends on ${day(nearEnd)}`, [
    `Intuit ends every connection after some years, and this one on ${day(nearEnd)}.`,
    'Reconnect to QuickBooks before that day, and syncs go on without a gap. Cost codes, mappings and history stay as they are.',
  ]);
}

function ofRuns(standing: Standing, { run, failed, busy }: Seen, at: Date): Turn {
  const halted = run?.state === 'halted' && run.problem !== null && run.problem.code !== 'reconnect_needed' ? run.problem : null;
  if (halted !== null) return turnBad(standing, halted, at, 'The sync to QuickBooks has stopped', wordsOf(halted));
  if (busy || run === null) return { standing, message: null };
  const known = { ...standing, run: run.id };
  if (run.failed > 0 && run.id !== standing.run) {
    const told = turnBad(known, problem('refused'), at, `${codes(run.failed)} failed in the last sync`, [
      `The last sync to QuickBooks ended with ${codes(run.failed)} that QuickBooks did not take.`,
      'Each row marked Failed says why and what to do. Click Failed to retry once it is mended.',
    ]);
    return { ...told, standing: { ...told.standing, told: Math.max(standing.told, run.failed) } };
  }
  if (failed > 0) return { standing: known, message: null };
  return turnGood(known, 'No code fails any more', ['All cost codes that had failed are in order now.']);
}

function ofAction(standing: Standing, { waiting, reasons, busy }: Seen, at: Date): Turn {
  if (busy) return { standing, message: null };
  if (waiting === 0) {
    return turnGood(standing, 'No cost code waits for you any more', ['Every cost code that needed action is in order now.']);
  }
  const rested = standing.toldAt === null || at.getTime() - standing.toldAt.getTime() >= DAY;
  const more = !standing.bad || waiting > standing.told;
  if (!more || !rested) return { standing: { ...standing, told: Math.min(standing.told, waiting) }, message: null };
  const [first] = reasons;
  const lines = [
    `${codes(waiting)} cannot be synced until somebody decides or corrects something:`,
    ...reasons.map(({ code, count }) => `- ${describe(problem(code)).title}: ${codes(count)}`),
    'Open the list and choose the status Needs Action; each row says what to do.',
  ];
  const found = first ? problem(first.code) : null;
  const subject = `${codes(waiting)} ${waiting === 1 ? 'waits' : 'wait'} for action`;
  const told = { ...standing, bad: true, toldAt: at, told: waiting, problem: found };
  return { standing: told, message: { turn: 'bad', subject, lines } };
}

function ofLinarc(standing: Standing, { trouble }: Seen, at: Date): Turn {
  if (trouble === null) {
    return turnGood(standing, 'Linarc is read again', ['Changes in Linarc are staged by themselves again. Nothing was lost.']);
  }
  const patient = trouble.problem.code !== 'linarc_key_refused' && at.getTime() - trouble.since.getTime() < PATIENCE;
  if (patient) return { standing, message: null };
  return turnBad(standing, trouble.problem, at, 'Changes in Linarc are not staged any more', wordsOf(trouble.problem));
}

function turnBad(standing: Standing, found: Problem | null, at: Date, subject: string, lines: readonly string[]): Turn {
  if (standing.bad) return { standing, message: null };
  return { standing: { ...standing, bad: true, toldAt: at, problem: found && stripped(found) }, message: { turn: 'bad', subject, lines } };
}

function turnGood(standing: Standing, subject: string, lines: readonly string[]): Turn {
  return { standing: calmed(standing), message: standing.bad ? { turn: 'recovered', subject, lines } : null };
}

function calmed(standing: Standing): Standing {
  return standing.bad ? { ...standing, bad: false, told: 0, problem: null } : standing;
}

/** Without QuickBooks' own words: they may quote what was sent. */
function stripped({ code, field }: Problem): Problem {
  return problem(code, { field });
}

function wordsOf(found: Problem): readonly string[] {
  const { sentence, next } = describe(stripped(found));
  return [sentence, next];
}

const utcDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });

/** A day in UTC: 3 January 2031. */
export function day(date: Date): string {
  return utcDay.format(date);
}

const codes = (count: number) => `${count.toLocaleString('en-US')} cost ${count === 1 ? 'code' : 'codes'}`;

/**
 * The mail for a message: whose company it is about, what happened, and where to go. Holds nothing but names, numbers and our own
 * words.
 */
export function mailOf(
  { topic, turn, subject, lines }: Message,
  about: { readonly id: string; readonly company: string; readonly address: string | null },
): Mail {
  const company = oneLine(about.company) || 'Your company';
  const way = about.address === null ? [] : [`Open Linarc Class Sync: ${about.address}`];
  const text = [`${company} in Linarc Class Sync`, ...lines, ...way, WHY];
  return { id: `${about.id}.${topic}.${turn}`, subject: `${company}: ${oneLine(subject)}`, text: `${text.join('\n\n')}\n` };
}

const WHY = 'You get this message as an administrator of the company. '
  + 'It is sent once when something changes, and once when it is in order again.';

/** A name as it may stand in a header: no line ends, no control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replace(/ {2,}/g, ' ').trim().slice(0, 150);
}
