// What lies in the database, and the way to and from the core's own types. Nothing of mongoose leaves the store.
import type { Exchange, Intent, StagedRecord, Tenant } from '../core/records.ts';
import type { RecordChange, StagedDraft } from '../core/ports.ts';
import { fold } from '../core/names.ts';

/** A query filter; fields are checked against the schema when it runs. */
export type Filter = Record<string, unknown>;

export interface StoredExchange extends Omit<Exchange, 'request' | 'response'> {
  readonly request: string | null;
  readonly response: string | null;
}

interface StoredIntent extends Omit<Intent, 'body'> {
  readonly body: string;
}

export interface CostCodeDocument extends Omit<StagedRecord, 'id' | 'raw' | 'intent' | 'lastExchange'> {
  readonly _id: string;
  readonly company: Tenant;
  readonly raw: string;
  readonly intent: StoredIntent | null;
  readonly lastExchange: StoredExchange | null;
  readonly hidden: boolean;
  readonly nameKey: string;
  readonly searchText: string;
  readonly stamp: string | null;
}

/** The `_id` of what a company has under an id of its own, so that storing it twice leaves one and no company meets another's. */
export function keyOf(company: Tenant, id: string): string {
  return `${company}:${id}`;
}

export function toText(content: unknown): string | null {
  return JSON.stringify(content) ?? null;
}

export function fromText(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}

export function storedExchange(exchange: Exchange): StoredExchange {
  return { ...exchange, request: toText(exchange.request), response: toText(exchange.response) };
}

export function exchangeOf(stored: StoredExchange): Exchange {
  return { ...stored, request: fromText(stored.request), response: fromText(stored.response) };
}

/** Field by field: a copy of what is left of a document after some fields are taken out costs several times as much, and so does all work on it. */
export function recordOf(document: CostCodeDocument): StagedRecord {
  const { wanted, intent, lastExchange } = document;
  return {
    id: document._id,
    kind: document.kind,
    linarcId: document.linarcId,
    raw: JSON.parse(document.raw),
    source: document.source,
    sourceHash: document.sourceHash,
    wanted,
    level: document.level,
    wantedKey: document.wantedKey,
    codeKey: document.codeKey,
    sortKey: document.sortKey,
    status: document.status,
    problem: document.problem,
    link: document.link,
    aliases: document.aliases,
    syncedAt: document.syncedAt,
    excluded: document.excluded,
    goneAt: document.goneAt,
    overwrite: document.overwrite,
    accepted: document.accepted,
    run: document.run,
    intent: intent && { ...intent, body: JSON.parse(intent.body) },
    settledIn: document.settledIn,
    lastExchange: lastExchange && exchangeOf(lastExchange),
    importedAt: document.importedAt,
    version: document.version,
  };
}

/** The fields an import decides, and what queries need of them. */
export function fieldsOfDraft(draft: StagedDraft): Filter {
  const { over: _over, linarcId: _linarcId, raw, ...fields } = draft;
  const { code, name } = draft.source;
  return {
    ...fields,
    raw: toText(raw),
    hidden: draft.excluded !== null,
    nameKey: fold(name),
    searchText: searchTextOf(code, name),
  };
}

/** The fields of a record no import has touched yet. */
export const UNTOUCHED = {
  link: null, aliases: [], syncedAt: null, overwrite: null, accepted: null, run: null, intent: null, settledIn: null, lastExchange: null,
} as const satisfies Partial<StagedRecord>;

export function fieldsOfChange(change: RecordChange): Filter {
  const fields: Filter = { ...change };
  if (change.excluded !== undefined) fields['hidden'] = change.excluded !== null;
  if (change.intent) fields['intent'] = { ...change.intent, body: toText(change.intent.body) };
  if (change.lastExchange) fields['lastExchange'] = storedExchange(change.lastExchange);
  return fields;
}

/** The two texts are set apart, so that no search finds the end of one with the beginning of the other. */
function searchTextOf(code: string, name: string): string {
  return `${fold(code)}\n${fold(name)}`;
}

/** A pattern that finds this text itself. */
export function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

export function chunks<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < all.length; from += size) parts.push(all.slice(from, from + size));
  return parts;
}

/** How many ids or operations go into one command. */
export const CHUNK = 1000;

/**
 * How what the core's types describe is written in bulk. Mongoose does not cast it, as within its own `bulkSave`: it would build each nested
 * document anew for a third of an import's work, and leave out without a word what it could not cast.
 */
export const TYPED = { ordered: false, _skipCastBulkWrite: true } as const;

/** Whether the database refused a write, or each part of a bulk write that failed, because a document of that key is there already. */
export function isDuplicateKey(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { writeErrors } = error as { writeErrors?: unknown };
  const refusals: readonly unknown[] = Array.isArray(writeErrors) && writeErrors.length > 0 ? writeErrors : [error];
  return refusals.every(isDuplicateRefusal);
}

/** DocumentDB tells of a key that was taken in the same moment in words of its own. */
function isDuplicateRefusal(refusal: unknown): boolean {
  const { code, errmsg, message } = refusal as { code?: unknown; errmsg?: unknown; message?: unknown };
  return code === 11000 || String(errmsg ?? message).includes('violates exclusion constraint');
}
