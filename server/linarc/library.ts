import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { Library, LibraryEntry, LibraryKey, LibraryPage, LibraryQuestion } from '../core/ports.ts';
import { LinarcClient, linarcProblem } from './client.ts';
import type { LinarcSettings } from './client.ts';
import { LINARC_ID, readEntry } from './fields.ts';

const PAGE_SIZE = 500;

const companyAnswer = z.object({
  id: z.string().regex(LINARC_ID),
  name: z.string().min(1).max(500),
  costCodeCount: z.int().min(0),
});

const pageAnswer = z.object({
  items: z.array(z.unknown()).max(2 * PAGE_SIZE),
  nextCursor: z.string().min(1).max(10_000).nullable(),
  total: z.int().min(0),
});

const webhook = z.object({ id: z.string().regex(LINARC_ID), url: z.string() });
const webhookList = z.object({ items: z.array(webhook).max(100) });
const newWebhook = webhook.extend({ secret: z.string().min(32).max(500) });

const IDS_PER_CALL = 100;
/** A list longer than this is not a cost-code library but a server that has lost its way. */
const MOST_RECORDS = 1_000_000;

/** The cost-code library of Linarc companies, read through Linarc's API (server/linarc/openapi.json). Keeps no key. */
export class LinarcLibrary implements Library {
  readonly #client: LinarcClient;

  constructor(settings: LinarcSettings) {
    this.#client = new LinarcClient(settings);
  }

  /** The company the key belongs to, whatever company `key` names: so a key can be tested before the company is known. */
  async company(key: LibraryKey): Promise<{ id: string; name: string; costCodeCount: number }> {
    const answer = await this.#client.read(key, ['v1', 'company']);
    return understood(companyAnswer, answer);
  }

  /**
   * Walks the whole list. A record that comes again unchanged is dropped; one that was edited meanwhile comes again as it is
   * now. Throws ProblemError `linarc_nonsense` rather than end quietly when the list goes in circles or holds less than Linarc
   * said: who takes it for whole would think the rest deleted.
   */
  async *pages(key: LibraryKey, options: { updatedSince?: Date; signal?: AbortSignal } = {}): AsyncIterable<LibraryPage> {
    const since = options.updatedSince ? { updatedSince: options.updatedSince.toISOString() } : {};
    yield* this.#walk(key, since, options.signal);
  }

  async entries(key: LibraryKey, linarcIds: readonly string[]): Promise<readonly LibraryEntry[]> {
    const asked = new Set(linarcIds.filter((id) => LINARC_ID.test(id)));
    const found = new Map<string, LibraryEntry>();
    for (const ids of chunks([...asked], IDS_PER_CALL)) {
      for await (const { entries } of this.#walk(key, { ids: ids.join(',') })) {
        for (const entry of entries) if (entry.linarcId !== null && asked.has(entry.linarcId)) found.set(entry.linarcId, entry);
      }
    }
    return [...found.values()];
  }

  async find(
    key: LibraryKey,
    { search = '', taskType, divisionCode, active, ...ask }: LibraryQuestion & { cursor: string | null; limit: number },
  ): Promise<LibraryPage & { next: string | null }> {
    const limit = Math.max(1, Math.min(PAGE_SIZE, Math.trunc(ask.limit)));
    const { items, nextCursor, total } = await this.#page(
      key,
      {
        search: search.slice(0, 200), limit: String(limit),
        ...(taskType !== undefined && { costTypeCategory: taskType }),
        ...(divisionCode !== undefined && { divisionCode }),
        ...(active !== undefined && { status: active ? 'active' : 'inactive' }),
      },
      ask.cursor,
    );
    return { entries: items.map(readEntry), total, next: nextCursor };
  }

  /** A company has few webhooks, so one of ours that nobody knows any more, at the same address, is taken off. */
  async subscribe(key: LibraryKey, url: string, known: string | null): Promise<{ id: string; secret: string } | null> {
    const place = webhooksOf(key);
    const { items } = understood(webhookList, await this.#client.read(key, place));
    const isKept = items.some((item) => item.id === known && item.url === url);
    const stale = items.filter((item) => (item.id === known ? !isKept : item.url === url));
    for (const { id } of stale) await this.#client.remove(key, [...place, id]);
    if (isKept) return null;
    const { id, secret } = understood(newWebhook, await this.#client.create(key, place, { url }));
    return { id, secret };
  }

  async unsubscribe(key: LibraryKey, id: string): Promise<void> {
    await this.#client.remove(key, [...webhooksOf(key), id]);
  }

  async *#walk(key: LibraryKey, question: Readonly<Record<string, string>>, signal?: AbortSignal): AsyncGenerator<LibraryPage> {
    const walk = new Walk();
    let cursor: string | null = null;
    do {
      const { items, nextCursor, total } = await this.#page(key, { ...question, limit: String(PAGE_SIZE) }, cursor, signal);
      yield { entries: walk.fresh(items.map(readEntry)), total };
      walk.check(nextCursor, total);
      cursor = nextCursor;
    } while (cursor !== null);
  }

  async #page(
    key: LibraryKey,
    question: Readonly<Record<string, string>>,
    cursor: string | null,
    signal?: AbortSignal,
  ): Promise<z.infer<typeof pageAnswer>> {
    const query = cursor === null ? question : { ...question, cursor };
    const answer = await this.#client.read(key, [...companyPath(key), 'cost-codes'], query, signal);
    return understood(pageAnswer, answer);
  }
}

/** What was seen on one walk through a list, to notice doubled records, circles and a list that stops short. */
class Walk {
  readonly #cursors = new Set<string>();
  /** Id (or, without one, content) → content of the records seen. */
  readonly #seen = new Map<string, string>();
  #read = 0;
  #broughtNothing = 0;

  /** The entries that are new or changed since they were last seen; of one id on a page the last. */
  fresh(entries: readonly LibraryEntry[]): LibraryEntry[] {
    const fresh = new Map<string, LibraryEntry>();
    for (const entry of entries) {
      const content = createHash('sha256').update(JSON.stringify(entry.raw)).digest('base64');
      const name = entry.linarcId ?? content;
      if (this.#seen.get(name) === content) continue;
      this.#seen.set(name, content);
      this.#read += 1;
      fresh.set(name, entry);
    }
    this.#broughtNothing = fresh.size === 0 ? this.#broughtNothing + 1 : 0;
    return [...fresh.values()];
  }

  check(nextCursor: string | null, total: number): void {
    if (nextCursor === null) {
      if (this.#read < total)
        throw linarcProblem('linarc_nonsense', `The list ended after ${this.#read} of ${total} cost codes.`);
      return;
    }
    if (this.#cursors.has(nextCursor) || this.#broughtNothing > 2 || this.#read > MOST_RECORDS) {
      throw linarcProblem('linarc_nonsense', `The list goes in circles after ${this.#read} of ${total} cost codes.`);
    }
    this.#cursors.add(nextCursor);
  }
}

/** A company id that cannot be one must not become a path of its own (".."). */
function companyPath({ companyId }: LibraryKey): string[] {
  if (!LINARC_ID.test(companyId)) throw linarcProblem('linarc_not_found', 'This is not the id of a Linarc company.');
  return ['v1', 'companies', companyId];
}

const webhooksOf = (key: LibraryKey): string[] => [...companyPath(key), 'webhooks'];

function understood<S extends z.ZodType>(schema: S, answer: unknown): z.output<S> {
  const read = schema.safeParse(answer);
  if (read.success) return read.data;
  const field = read.error.issues[0]?.path.join('.') || 'answer';
  throw linarcProblem('linarc_nonsense', `The answer’s “${field}” is missing or has the wrong form.`, 200);
}

function* chunks<T>(values: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < values.length; start += size) yield values.slice(start, start + size);
}
