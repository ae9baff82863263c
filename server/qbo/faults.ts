import type { Refusal } from '../core/ports.ts';
import type { RawFault } from '../core/problems.ts';
import { isObject } from './classes.ts';

/** A whole HTTP answer, the token that was sent already taken out of it. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly intuitTid: string | null;
  /** Milliseconds. */
  readonly retryAfter: number | null;
}

export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly intuitTid: string | null;
}

/** Longest texts kept of a fault. */
const MESSAGE_LIMIT = 500;
const DETAIL_LIMIT = 2_000;
/** Faults are short; what is longer is no fault in XML. */
const XML_LIMIT = 65_536;

/** Refusals made before anything is done, whatever the HTTP status they came with (quickbooks.md §6.1, §6.3; annex A6.3). */
const NEVER_DONE: ReadonlySet<string> = new Set([
  '100', '110', '120', '130', '140', '150', '3001', '3100', '3200', '3202', '5020', '6190', '007001',
]);
/** Faults about the caller's rights: their texts may hold the token (quickbooks.md §6.1). */
const ABOUT_RIGHTS: ReadonlySet<string> = new Set(['100', '110', '120', '130', '3200', '3202']);
/** "An application error has occurred": may come after the write was done. */
const SYSTEM_FAILURE = '10000';
/** HTTP statuses that by themselves say the request was not acted on. */
const NOT_ACTED_ON: ReadonlySet<number> = new Set([401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 429, 431]);

/**
 * Says how a call ended: status first, then a fault in any of its dialects, also inside a 200 (quickbooks.md §6.1).
 * `refused` only when the call was certainly not acted on; anything doubtful is `unknown`.
 */
export function readEnd(reply: Reply): Answered | Refusal {
  const body = parsed(reply.text);
  const fault = faultOf(body, reply);
  if (reply.status >= 200 && reply.status <= 299) return endOfSuccess(fault, body, reply);
  if (reply.status < 400) return unknown('neither an answer nor an error', reply);

  const neverDone = fault !== null && fault.code !== null && NEVER_DONE.has(fault.code);
  if (neverDone) return refused(fault, reply);
  if (reply.status >= 500) return unknown(fault?.code ? `server error, code ${fault.code}` : 'server error', reply);
  if (fault === null && !NOT_ACTED_ON.has(reply.status)) return unknown('an error that cannot be read', reply);
  return refused(fault ?? bareFault(reply), reply);
}

function endOfSuccess(fault: RawFault | null, body: unknown, reply: Reply): Answered | Refusal {
  if (fault === null) {
    if (!isObject(body)) return unknown('the answer cannot be read', reply);
    return { kind: 'answered', status: reply.status, body, intuitTid: reply.intuitTid };
  }
  const partsToo = isObject(body) && 'BatchItemResponse' in body;
  const definite = fault.code !== null && fault.code !== SYSTEM_FAILURE && !partsToo;
  return definite ? refused(fault, reply) : unknown('a fault inside a success', reply);
}

/**
 * Reads a fault: `Fault` of the service, `fault` of the gateway, or XML, which may come in spite of Accept (quickbooks.md §6.1).
 * @param value the parsed JSON, or the text when it is not JSON.
 * @returns null when there is no fault in it. Never throws.
 */
export function faultOf(value: unknown, about: Pick<Reply, 'status' | 'intuitTid'>): RawFault | null {
  const said = typeof value === 'string' ? faultInXml(value) : faultInJson(value);
  if (said === null) return null;
  const code = codeOf(said.code, said.message);
  const secretive = about.status === 401 || aboutRights(code) || /^authentication/i.test(said.type ?? '');
  return {
    status: about.status,
    code,
    message: secretive ? masked(said.message) : said.message,
    detail: secretive ? null : said.detail,
    element: secretive ? null : said.element,
    intuitTid: about.intuitTid,
  };
}

/** Whether a fault of this code speaks of the caller's rights, so that what came with it may hold the token. */
export function aboutRights(code: string | null): boolean {
  return code !== null && ABOUT_RIGHTS.has(code);
}

interface Said {
  readonly code: string | null;
  readonly message: string | null;
  readonly detail: string | null;
  readonly element: string | null;
  readonly type: string | null;
}

function faultInJson(value: unknown): Said | null {
  if (!isObject(value)) return null;
  const fault = isObject(value['Fault']) ? value['Fault'] : value['fault'];
  if (!isObject(fault)) return null;
  const errors = fault['Error'] ?? fault['error'];
  const first: unknown = Array.isArray(errors) ? errors[0] : errors;
  const error = isObject(first) ? first : {};
  return {
    code: text(error['code'] ?? error['Code'], 40),
    message: text(error['Message'] ?? error['message'], MESSAGE_LIMIT),
    detail: text(error['Detail'] ?? error['detail'], DETAIL_LIMIT),
    element: text(error['element'] ?? error['Element'], 100),
    type: text(fault['type'] ?? fault['Type'], 100),
  };
}

function faultInXml(whole: string): Said | null {
  const xml = whole.slice(0, XML_LIMIT);
  const fault = between(xml, '<Fault', '</Fault>');
  if (fault === null) return null;
  const opening = between(fault, '<Error', '>') ?? '';
  return {
    code: text(attribute(opening, 'code'), 40),
    message: text(unescaped(between(fault, '<Message>', '</Message>')), MESSAGE_LIMIT),
    detail: text(unescaped(between(fault, '<Detail>', '</Detail>')), DETAIL_LIMIT),
    element: text(attribute(opening, 'element'), 100),
    type: text(attribute(fault.slice(0, 200), 'type'), 100),
  };
}

/** The code without leading zeros, from the message when missing; the gateway's 007001 keeps the form it is known by. */
function codeOf(code: string | null, message: string | null): string | null {
  const number = code !== null && /^\d+$/.test(code) ? code : /errorCode=(\d{1,9})/.exec(message ?? '')?.[1];
  if (number === undefined) return code;
  const plain = number.replace(/^0+(?=\d)/, '');
  return plain === '7001' ? '007001' : plain;
}

/** The text with everything taken out that looks like (a piece of) a token: long, and with digits. */
function masked(message: string | null): string | null {
  return message?.replace(/[\w.~+/-]{16,}/g, (run) => (/\d/.test(run) ? '[removed]' : run)) ?? null;
}

function refused(fault: RawFault, reply: Reply): Refusal {
  return { kind: 'refused', fault, retryAfter: reply.retryAfter };
}

function unknown(why: string, reply: Reply): Refusal {
  return { kind: 'unknown', why, status: reply.status, intuitTid: reply.intuitTid };
}

function bareFault(reply: Reply): RawFault {
  return { status: reply.status, code: null, message: null, detail: null, element: null, intuitTid: reply.intuitTid };
}

function parsed(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return answer;
  }
}

function text(value: unknown, limit: number): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value.slice(0, limit) : null;
}

function between(whole: string, start: string, end: string): string | null {
  const from = whole.indexOf(start);
  if (from < 0) return null;
  const to = whole.indexOf(end, from + start.length);
  return to < 0 ? null : whole.slice(from + start.length, to);
}

function attribute(opening: string, name: string): string | null {
  return unescaped(between(opening, ` ${name}="`, '"'));
}

const ENTITIES: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'", '&amp;': '&' };

function unescaped(xml: string | null): string | null {
  return xml?.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity] ?? entity) ?? null;
}
