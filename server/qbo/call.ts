import type { CallKind, Clock, Refusal } from '../core/ports.ts';
import type { RawFault } from '../core/problems.ts';
import { readEnd, type Answered, type Reply } from './faults.ts';

export interface CallSettings {
  /** Where QuickBooks' API is, such as https://quickbooks.api.intuit.com; a path in it is kept. */
  readonly apiBase: string;
  /** For a whole call, in milliseconds. QuickBooks itself gives up after 120 s (quickbooks.md §5.1). */
  readonly callTimeoutMs: number;
  /** More bytes than this are no answer. */
  readonly maxAnswerBytes: number;
  readonly clock: Clock;
}

export interface Call {
  readonly method: 'GET' | 'POST';
  /** Below /v3/, with its query. */
  readonly path: string;
  readonly body?: { readonly type: 'application/json' | 'application/text'; readonly text: string };
  readonly signal?: AbortSignal | undefined;
}

export interface CallEnd {
  readonly end: Answered | Refusal;
  /** Milliseconds from sending to the whole answer. */
  readonly took: number;
}

/** What became of a call, for the log and the metrics: nothing of the company's, and no address. */
export interface SeenCall {
  readonly kind: CallKind | 'oauth';
  /** What was asked for: batch, query, cdc, preferences, refresh … */
  readonly what: string;
  /** The requestid of a batch. */
  readonly batch: string | null;
  readonly outcome: 'answered' | 'throttled' | 'refused' | 'unknown' | 'unsent';
  readonly status: number | null;
  readonly intuitTid: string | null;
  readonly took: number;
  /** The fault codes in the answer, those of a batch's parts too. */
  readonly faults: readonly string[];
}

/** How a call ended, in a word. */
export function outcomeOf(end: Answered | Refusal): SeenCall['outcome'] {
  if (end.kind !== 'refused') return end.kind;
  const { status, code } = end.fault;
  if (status === null) return 'unsent';
  return status === 429 || code === '3001' ? 'throttled' : 'refused';
}

/** Failures that happen before a connection stands, so that nothing can have been sent. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'UND_ERR_CONNECT_TIMEOUT',
  'ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);
const LONGEST_WAIT = 86_400_000;

class Cut extends Error {}

/**
 * Makes one HTTP call and reads how it ended. Never throws, except `signal`'s reason when the caller gives up.
 * A connection that never stood is refused, with a fault without status and code and the message `connect`; a connection lost
 * later, a time-out, a redirect or too long an answer is unknown.
 */
export async function makeCall(settings: CallSettings, token: string, call: Call): Promise<CallEnd> {
  const started = settings.clock.now();
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(new Cut('no whole answer in time')), settings.callTimeoutMs);
  const passOn = () => giveUp.abort(call.signal?.reason);
  call.signal?.addEventListener('abort', passOn);
  try {
    call.signal?.throwIfAborted();
    const end = readEnd(await exchange(settings, token, call, giveUp.signal));
    return { end, took: settings.clock.now() - started };
  } catch (error) {
    call.signal?.throwIfAborted();
    return { end: endWithoutReply(error), took: settings.clock.now() - started };
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener('abort', passOn);
  }
}

async function exchange(settings: CallSettings, token: string, call: Call, signal: AbortSignal): Promise<Reply> {
  const response = await fetch(`${settings.apiBase.replace(/\/+$/, '')}/v3/${call.path}`, {
    method: call.method,
    headers: {
      Accept: 'application/json',
      Authorization: `Bearer ${token}`,
      ...(call.body && { 'Content-Type': call.body.type }),
    },
    body: call.body?.text ?? null,
    redirect: 'error',
    signal,
  });
  const answer = await boundedText(response, settings.maxAnswerBytes);
  const { headers } = response;
  return {
    status: response.status,
    text: withoutToken(answer, token),
    intuitTid: withoutToken(headers.get('intuit_tid') ?? headers.get('intuit-tid') ?? '', token).slice(0, 100) || null,
    retryAfter: waitAsked(headers.get('retry-after'), settings.clock.now()),
  };
}

async function boundedText(response: Response, limit: number): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let bytes = 0;
  let read = '';
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > limit) throw new Cut('the answer is too long');
    read += decoder.decode(chunk, { stream: true });
  }
  return read + decoder.decode();
}

/** A 401 answer repeats the token it was given (quickbooks.md §6.1); it must not get any further than here. */
function withoutToken(answer: string, token: string): string {
  return token === '' ? answer : answer.replaceAll(token, '[token]');
}

/** Milliseconds a Retry-After header asks for, in seconds or as a date; null when it is absent or senseless. */
export function waitAsked(header: string | null, now: number): number | null {
  const asked = header?.trim() ?? '';
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1_000 : Date.parse(asked) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), LONGEST_WAIT);
}

function endWithoutReply(error: unknown): Refusal {
  const codes = causeCodes(error);
  const neverConnected = codes.length > 0 && codes.every((code) => NEVER_CONNECTED.has(code));
  if (neverConnected) return neverSent({ message: 'connect', detail: codes[0] ?? null });
  return { kind: 'unknown', why: error instanceof Cut ? error.message : 'the connection was cut', status: null, intuitTid: null };
}

/** A refusal of our own making: the call did not leave. */
export function neverSent(about: Partial<RawFault>): Refusal {
  const nothing: RawFault = { status: null, code: null, message: null, detail: null, element: null, intuitTid: null };
  return { kind: 'refused', fault: { ...nothing, ...about }, retryAfter: null };
}

/** The codes of the system's errors behind a failed fetch; a host with several addresses has one for each. */
function causeCodes(error: unknown): readonly string[] {
  const cause: unknown = error instanceof Error ? error.cause : null;
  const causes: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause];
  return causes.map((one) => (one instanceof Error && 'code' in one && typeof one.code === 'string' ? one.code : 'unknown'));
}
