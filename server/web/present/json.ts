import type { Exchange, StagedRecord } from '../../core/records.ts';
import { momentOrNull, type Moment } from './format.ts';

/** A piece of JSON text of one colour. */
export interface JsonToken {
  readonly kind: 'key' | 'string' | 'number' | 'word' | 'plain';
  readonly text: string;
}

/** Json Script: what Linarc sent, what the class should be, what was last sent to QuickBooks and answered. */
export interface JsonScript {
  readonly code: string;
  readonly name: string;
  readonly blocks: readonly { readonly id: string; readonly title: string; readonly tokens: readonly JsonToken[]; readonly empty: boolean }[];
  readonly exchanged: Moment | null;
  readonly facts: readonly string[];
}

/** `last`: the newest exchange with QuickBooks. `hidden`: texts that must not be shown wherever they stand, such as the realm id. */
export function jsonScript(record: StagedRecord, last: Exchange | null, hidden: readonly string[] = []): JsonScript {
  const block = (id: string, title: string, value: unknown) => ({ id, title, tokens: jsonTokens(pretty(value, hidden)), empty: value === null || value === undefined });
  return {
    code: record.source.code || '—',
    name: record.source.name || '—',
    blocks: [
      block('json-raw', 'Linarc record', record.raw),
      block('json-wanted', 'Wanted class', { ...record.wanted, class: record.link }),
      block('json-request', 'Last request to QuickBooks', last?.request ?? null),
      block('json-answer', 'Last answer from QuickBooks', last?.response ?? null),
    ],
    exchanged: momentOrNull(last?.at ?? null),
    facts: last === null ? [] : [
      last.operation,
      last.status === null ? 'no answer' : `HTTP ${last.status}`,
      ...(last.requestid === null ? [] : [`requestid ${last.requestid}`]),
      ...(last.intuitTid === null ? [] : [`intuit_tid ${last.intuitTid}`]),
    ],
  };
}

/** JSON as people read it, with anything secret taken out (linarc.md point 29). */
export function pretty(value: unknown, hidden: readonly string[] = []): string {
  if (value === null || value === undefined) return '—';
  const clean = (text: string) => hidden.filter((secret) => secret !== '').reduce((so, secret) => so.replaceAll(secret, REMOVED), text).replace(SECRET_TEXT, REMOVED);
  return JSON.stringify(value, (key, part: unknown) => (SECRET_KEY.test(key) ? REMOVED : typeof part === 'string' ? clean(part) : part), 2) ?? '—';
}

const REMOVED = 'removed';
const SECRET_KEY = /token(?<!synctoken)$|secret|password|authorization|cookie|api[-_]?key|^realm_?id$/i;
/** A credential as it stands in a header, and a signed token. */
const SECRET_TEXT = /\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;

/** The pieces of a JSON text; put together they are the text itself. */
export function jsonTokens(text: string): readonly JsonToken[] {
  const tokens: JsonToken[] = [];
  let at = 0;
  const plain = (to: number) => void (to > at && tokens.push({ kind: 'plain', text: text.slice(at, to) }));
  for (const match of text.matchAll(TOKEN)) {
    const [, quoted, colon, number, word] = match;
    plain(match.index);
    const piece = quoted ?? number ?? word ?? '';
    tokens.push({ text: piece, kind: quoted === undefined ? (number === undefined ? 'word' : 'number') : colon === undefined ? 'string' : 'key' });
    at = match.index + piece.length;
  }
  plain(text.length);
  return tokens;
}
