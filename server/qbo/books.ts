import {
  BooksError, GrantError, type AccessTokens, type BatchAnswer, type BatchItem, type CallKind, type Clock, type CompanyFacts,
  type ItemAnswer, type OpenBooks,
} from '../core/ports.ts';
import { classLimit } from '../core/capacity.ts';
import { grouped } from '../core/grouping.ts';
import { contentHash } from '../core/names.ts';
import type { QuickBooksClass } from '../core/records.ts';
import { makeCall, neverSent, outcomeOf, type Call, type CallEnd, type CallSettings, type SeenCall } from './call.ts';
import { answersItem, batchItemRequest, isId, isObject, readClass } from './classes.ts';
import { aboutRights, faultOf, type Answered } from './faults.ts';
import { ACTIVE_LOCATIONS_QUERY, CLASS_COUNT_QUERY, PAGE, classesQuery, groupsOf, oneOf, withInactiveForms } from './query.ts';

export interface BooksSettings {
  /** Where QuickBooks' API is: https://quickbooks.api.intuit.com, its sandbox, or our own. */
  readonly apiBase: string;
  /** For one HTTP call, in milliseconds. */
  readonly callTimeoutMs: number;
  readonly clock: Clock;
  /** Hears of every call once it has ended. */
  readonly seen?: (call: SeenCall) => void;
  /** Bytes; 16 MiB when left out. A page of 1,000 classes is about 1 MiB. */
  readonly maxAnswerBytes?: number;
}

const MINOR_VERSION = 75;
const ANSWER_LIMIT = 16 * 1024 * 1024;
/** Longer addresses are sent as a POST (quickbooks.md §2.2). */
const ADDRESS_LIMIT = 4_000;
/** Milliseconds for which a token that was good stays so: it is renewed two minutes before its end. */
const TOKEN_KEEPS = 60_000;
const IDS_PER_CALL = 100;
const NAMES_PER_CALL = 30;
/** As many objects as one answer about changes holds at most (quickbooks.md §3.4). */
const CHANGES_LIMIT = 1_000;
/** quickbooks.md §3.3 and §2.4: the key of a part is requestid and bId together. */
const BATCH_LIMIT = 30;
const REQUESTID_LIMIT = 36;
const BID_LIMIT = 10;

/**
 * The class lists of QuickBooks companies over HTTP (quickbooks.md §2, §3, §6).
 *
 * Reading methods throw BooksError, and let a GrantError of `tokens` through. `batch` throws neither: a grant that cannot be
 * renewed comes back as a refusal without HTTP status whose message is `grant invalid_grant` or `grant refused` (code 3200, as
 * for a token that QuickBooks refuses) or `grant unreachable` (no code, as for a QuickBooks that cannot be reached).
 * A 401 is met by renewing the token once and repeating the call once, with the same requestid.
 */
export function quickBooks(settings: BooksSettings): OpenBooks {
  const callSettings: CallSettings = { maxAnswerBytes: ANSWER_LIMIT, ...settings };
  return (realmId, tokens, beforeCall) => {
    const send = senderFor({ ...callSettings, seen: settings.seen }, tokens, beforeCall);
    const path = `company/${encodeURIComponent(realmId)}`;
    const read: Read = async (call) => {
      const { end } = await send('read', call);
      if (end.kind !== 'answered') throw new BooksError(end);
      return end.body;
    };
    const ask = (query: string, signal?: AbortSignal) => read(queryCall(path, query, signal));
    return {
      facts: () => readFacts(read, ask, path, realmId),
      classes: (options = {}) => readAll(ask, options.signal),
      byIds: (ids) => readSome(ask, groupsOf(ids.filter(isId), IDS_PER_CALL).map((group) => oneOf('Id', group))),
      byNames: (names) => readSome(ask, groupsOf(names.filter((name) => name.trim() !== ''), NAMES_PER_CALL).map(namedOneOf)),
      changedSince: (since) => readChanges(read, path, since),
      batch: (requestid, items) => writeBatch(send, path, requestid, items),
    };
  };
}

type Send = (kind: CallKind, call: Call) => Promise<CallEnd>;
type Read = (call: Call) => Promise<Answered['body']>;
type Ask = (query: string, signal?: AbortSignal) => Promise<Answered['body']>;

// ---------------------------------------------------------------------------------------------------------------- calling

interface SenderSettings extends CallSettings {
  readonly seen: BooksSettings['seen'];
}

function senderFor(settings: SenderSettings, tokens: AccessTokens, beforeCall: (kind: CallKind) => Promise<void>): Send {
  const sent = async (kind: CallKind, token: string, call: Call): Promise<CallEnd> => {
    const ended = await makeCall(settings, token, call);
    settings.seen?.(seenCall(kind, call, ended));
    return ended;
  };
  // Renewing a token takes too long for a call whose turn has come, so it is got before; but then it may run out while the call waits.
  const tokenInTurn = async (kind: CallKind) => {
    const gotAt = settings.clock.now();
    const token = await tokens.current();
    await beforeCall(kind);
    return settings.clock.now() - gotAt < TOKEN_KEEPS ? token : tokens.current();
  };
  return async (kind, call) => {
    const token = await tokenInTurn(kind);
    const first = await sent(kind, token, call);
    if (!wantsNewToken(first.end)) return first;

    await tokens.renewed(token);
    return sent(kind, await tokenInTurn(kind), call);
  };
}

function seenCall(kind: CallKind, { path }: Call, { end, took }: CallEnd): SeenCall {
  const { pathname, searchParams } = new URL(path, 'http://books.invalid');
  const faults = end.kind === 'answered' ? partFaults(end) : end.kind === 'refused' ? [end.fault.code] : [];
  return {
    kind, took, what: pathname.split('/')[3] ?? '', batch: searchParams.get('requestid'), outcome: outcomeOf(end),
    status: end.kind === 'refused' ? end.fault.status : end.status, intuitTid: end.kind === 'refused' ? end.fault.intuitTid : end.intuitTid,
    faults: faults.filter((code) => code !== null),
  };
}

function partFaults(end: Answered): (string | null)[] {
  const parts = end.body['BatchItemResponse'];
  return Array.isArray(parts) ? parts.filter(isObject).flatMap((part) => faultOf(part, end)?.code ?? []) : [];
}

/** 120 and 3100 speak of the person's or the app's rights, which a new token does not change (quickbooks.md §6.3). */
function wantsNewToken(end: CallEnd['end']): boolean {
  return end.kind === 'refused' && end.fault.status === 401 && end.fault.code !== '120' && end.fault.code !== '3100';
}

function queryCall(company: string, query: string, signal: AbortSignal | undefined): Call {
  const path = `${company}/query?minorversion=${MINOR_VERSION}`;
  const address = `${path}&query=${encodeURIComponent(query)}`;
  if (address.length <= ADDRESS_LIMIT) return { method: 'GET', path: address, signal };
  return { method: 'POST', path, body: { type: 'application/text', text: query }, signal };
}

// ---------------------------------------------------------------------------------------------------------------- reading

/** Locations are counted only where they take room from the classes: every read is metered (quickbooks.md §5.4). */
async function readFacts(read: Read, ask: Ask, company: string, realmId: string): Promise<CompanyFacts> {
  const get = (what: string) => read({ method: 'GET', path: `${company}/${what}?minorversion=${MINOR_VERSION}` });
  const info = memberOf(await get(`companyinfo/${encodeURIComponent(realmId)}`), 'CompanyInfo');
  const prefs = memberOf(await get('preferences'), 'Preferences');
  const accounting = isObject(prefs['AccountingInfoPrefs']) ? prefs['AccountingInfoPrefs'] : {};
  const on = (flag: string) => accounting[flag] === true || accounting[flag] === 'true';
  const plan = namedValue(info['NameValue'], 'OfferingSku');
  return {
    name: typeof info['CompanyName'] === 'string' ? info['CompanyName'] : '',
    plan,
    locations: classLimit(plan) === null ? null : await countOf(ask, ACTIVE_LOCATIONS_QUERY),
    classTracking: on('ClassTrackingPerTxnLine') ? 'per_line' : on('ClassTrackingPerTxn') ? 'per_transaction' : 'off',
  };
}

/**
 * Every class. The count is asked before and after: a list that is shorter or longer than both counts is not the whole list, and
 * the iteration then ends in BooksError (quickbooks.md §3.1). Only after the last page is it known to be complete.
 */
async function* readAll(ask: Ask, signal: AbortSignal | undefined): AsyncGenerator<readonly QuickBooksClass[]> {
  const before = await countOf(ask, CLASS_COUNT_QUERY, signal);
  let read = 0;
  for await (const page of pages(ask, null, (seen) => seen >= before, signal)) {
    read += page.length;
    yield page;
  }
  const after = await countOf(ask, CLASS_COUNT_QUERY, signal);
  if (read !== before || read !== after) fail(`the class list has ${before}, then ${after} classes, but ${read} were read`);
}

async function readSome(ask: Ask, conditions: readonly string[]): Promise<readonly QuickBooksClass[]> {
  const found = new Map<string, QuickBooksClass>();
  for (const condition of conditions) {
    for await (const page of pages(ask, condition, (_seen, rows) => rows < PAGE)) {
      for (const one of page) found.set(one.id, one);
    }
  }
  return [...found.values()];
}

/** What changed since then (annex A3.4). Nothing changed is answered with an empty object. */
async function readChanges(read: Read, company: string, since: Date): Promise<{ classes: QuickBooksClass[]; deleted: string[]; complete: boolean }> {
  const query = `entities=Class&changedSince=${encodeURIComponent(since.toISOString())}&minorversion=${MINOR_VERSION}`;
  const answers = (await read({ method: 'GET', path: `${company}/cdc?${query}` }))['CDCResponse'];
  if (!Array.isArray(answers)) fail('the answer has no CDCResponse');
  const parts = answers.filter(isObject).flatMap((answer) => listOf(answer['QueryResponse'])).filter(isObject);
  const rows = parts.flatMap((part) => listOf(part['Class']));
  const deleted = rows.filter(isDeleted).map((row) => row['Id']).filter((id): id is string => typeof id === 'string' && isId(id));
  const classes = rows.filter((row) => !isDeleted(row)).map((row) => readClass(row) ?? fail('a change was told of something that is no class'));
  return { classes, deleted, complete: rows.length < CHANGES_LIMIT };
}

function isDeleted(row: unknown): row is Readonly<Record<string, unknown>> {
  return isObject(row) && row['status'] === 'Deleted';
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : fail('changes were not answered with a list');
}

/**
 * Pages of classes without repetitions. It advances by the different rows that came, since a page may hold one more than asked
 * for or rows twice (annex A3.1), and ends when `enough` says so or a page brings nothing new.
 */
async function* pages(
  ask: Ask, condition: string | null, enough: (seen: number, rows: number) => boolean, signal?: AbortSignal,
): AsyncGenerator<readonly QuickBooksClass[]> {
  const seen = new Set<string>();
  let start = 1;
  for (;;) {
    const rows = rowsOf(await ask(classesQuery(condition, start), signal));
    const fresh = rows.filter((row) => !seen.has(row.id) && seen.add(row.id));
    if (fresh.length === 0) return;
    yield fresh;
    if (enough(seen.size, rows.length)) return;
    start += new Set(rows.map((row) => row.id)).size;
  }
}

function rowsOf(body: Answered['body']): readonly QuickBooksClass[] {
  const rows: unknown = queryResponse(body)['Class'] ?? [];
  if (!Array.isArray(rows)) fail('a query was not answered with a list');
  return rows.map((row) => readClass(row) ?? fail('a query was answered with something that is no class'));
}

async function countOf(ask: Ask, query: string, signal?: AbortSignal): Promise<number> {
  const total = queryResponse(await ask(query, signal))['totalCount'] ?? 0;
  if (typeof total !== 'number' || !Number.isSafeInteger(total) || total < 0) fail('a count was not answered with a number');
  return total;
}

/** What a query found; QuickBooks answers nothing found with an empty object (annex A3.1), perhaps also with an empty list. */
function queryResponse(body: Answered['body']): Answered['body'] {
  const found = body['QueryResponse'];
  return Array.isArray(found) && found.length === 0 ? {} : memberOf(body, 'QueryResponse');
}

function namedOneOf(names: readonly string[]): string {
  return oneOf('Name', withInactiveForms(names));
}

function memberOf(body: Answered['body'], name: string): Answered['body'] {
  const member = body[name];
  return isObject(member) ? member : fail(`the answer has no ${name}`);
}

function namedValue(pairs: unknown, name: string): string | null {
  if (!Array.isArray(pairs)) return null;
  const pair: unknown = pairs.find((one) => isObject(one) && one['Name'] === name);
  return isObject(pair) && typeof pair['Value'] === 'string' ? pair['Value'] : null;
}

function fail(why: string): never {
  throw new BooksError({ kind: 'unknown', why, status: 200, intuitTid: null });
}

// ---------------------------------------------------------------------------------------------------------------- writing

async function writeBatch(send: Send, company: string, requestid: string, items: readonly BatchItem[]): Promise<BatchAnswer> {
  assertSendable(requestid, items);
  const body = { type: 'application/json', text: JSON.stringify({ BatchItemRequest: items.map(batchItemRequest) }) } as const;
  const path = `${company}/batch?minorversion=${MINOR_VERSION}&requestid=${encodeURIComponent(requestid)}`;
  const { end, took } = await send('batch', { method: 'POST', path, body }).catch(withoutGrant);
  if (end.kind !== 'answered') return { ...end, took };

  const parts = end.body['BatchItemResponse'];
  if (!Array.isArray(parts)) {
    return { kind: 'unknown', why: 'the answer has no BatchItemResponse', status: end.status, intuitTid: end.intuitTid, took };
  }
  return { kind: 'answered', items: readParts(parts, items, end), status: end.status, intuitTid: end.intuitTid, took };
}

/** Faults of the caller, which would otherwise cost thirty records an attempt. */
function assertSendable(requestid: string, items: readonly BatchItem[]): void {
  const ids = items.map((item) => item.bId);
  if (ids.length === 0 || ids.length > BATCH_LIMIT) throw new RangeError(`A batch has 1 to 30 items, not ${ids.length}.`);
  if (new Set(ids).size !== ids.length) throw new RangeError('Two items of a batch have the same bId.');
  if (requestid.length > REQUESTID_LIMIT || ids.some((id) => id.length > BID_LIMIT)) {
    throw new RangeError(`A requestid has at most ${REQUESTID_LIMIT} characters and a bId at most ${BID_LIMIT}.`);
  }
}

function withoutGrant(error: unknown): CallEnd {
  if (!(error instanceof GrantError)) throw error;
  const code = error.kind === 'unreachable' ? null : '3200';
  return { end: neverSent({ code, message: `grant ${error.kind}`, intuitTid: error.intuitTid }), took: 0 };
}

/**
 * Reads the parts by bId, in whatever order they come. An item has no answer, so that its outcome is unknown, when no part is
 * about it, when parts about it differ, when its part is neither a class nor a fault, and when the class is not the one written.
 */
function readParts(parts: readonly unknown[], items: readonly BatchItem[], about: Answered): ReadonlyMap<string, ItemAnswer> {
  const partsAbout = grouped(parts.filter(isObject), (part) => part['bId']);
  const answers = new Map<string, ItemAnswer>();
  for (const item of items) {
    const [part, ...repeated] = partsAbout.get(item.bId) ?? [];
    if (part === undefined || repeated.some((one) => contentHash(one) !== contentHash(part))) continue;
    const answer = readPart(part, item, about);
    if (answer !== null) answers.set(item.bId, answer);
  }
  return answers;
}

function readPart(part: Readonly<Record<string, unknown>>, item: BatchItem, about: Answered): ItemAnswer | null {
  const fault = faultOf(part, about);
  if (fault !== null && part['Class'] === undefined) {
    return { kind: 'refused', fault, response: aboutRights(fault.code) ? { bId: item.bId, Fault: fault } : part };
  }
  const given = fault === null ? readClass(part['Class']) : null;
  return given !== null && answersItem(given, item) ? { kind: 'done', class: given, response: part } : null;
}
