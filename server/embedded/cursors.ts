import { Long } from 'bson';
import { encodeRawArray, encodeWithRawArray, encodeWithRawDocument, MAX_DOCUMENT_BYTES } from './document.ts';
import { MongoFault } from './faults.ts';

export interface CursorOptions {
  namespace: string;
  batchSize: number | undefined;
  singleBatch: boolean;
  noTimeout: boolean;
  /** The connection that asks: when it ends, its cursors do not outlive it long. */
  connection: number;
}

interface Cursor {
  id: Long;
  options: CursorOptions;
  documents: Iterator<Buffer>;
  /** A document read but not fitting the last batch. */
  pending: Buffer | undefined;
  lastUsed: number;
  orphanedAt: number | undefined;
}

const FIRST_BATCH = 101;
const ORPHAN_MS = 10_000;

/** Open cursors. Drivers may continue a cursor on another connection of their pool, so cursors belong to the server. */
export class Cursors {
  readonly #cursors = new Map<string, Cursor>();
  readonly #timeoutMs: number;
  #lastId = Date.now();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#cursors.size;
  }

  /** The reply with the first batch; a cursor stays open when there is more. */
  open(documents: Iterator<Buffer>, options: CursorOptions): Buffer {
    const cursor: Cursor = {
      id: Long.fromNumber(++this.#lastId), options, documents, pending: undefined, lastUsed: Date.now(), orphanedAt: undefined,
    };
    const { batch, more } = nextBatch(cursor, options.batchSize ?? FIRST_BATCH);
    const open = more && !options.singleBatch;
    if (open) this.#cursors.set(cursor.id.toString(), cursor);
    return cursorReply('firstBatch', batch, open ? cursor.id : Long.ZERO, options.namespace);
  }

  /** The reply with the next batch. Throws CursorNotFound (43), or Unauthorized (13) for a cursor of another collection. */
  more(id: Long, namespace: string, batchSize: number | undefined, connection: number): Buffer {
    const key = id.toString();
    const cursor = this.#cursors.get(key);
    if (!cursor) throw new MongoFault('CursorNotFound', `cursor id ${key} not found`);
    if (cursor.options.namespace !== namespace) {
      throw new MongoFault(
        'Unauthorized',
        `Requested getMore on namespace '${namespace}', but cursor belongs to a different namespace ${cursor.options.namespace}`
      );
    }
    Object.assign(cursor, { lastUsed: Date.now(), orphanedAt: undefined });
    cursor.options.connection = connection;
    try {
      const { batch, more } = nextBatch(cursor, batchSize || Number.POSITIVE_INFINITY);
      if (!more) this.#cursors.delete(key);
      return cursorReply('nextBatch', batch, more ? cursor.id : Long.ZERO, namespace);
    } catch (error) {
      this.#cursors.delete(key);
      throw error;
    }
  }

  kill(id: Long): boolean {
    return this.#cursors.delete(id.toString());
  }

  connectionEnded(connection: number): void {
    for (const cursor of this.#cursors.values()) if (cursor.options.connection === connection) cursor.orphanedAt = Date.now();
  }

  /** Closes cursors nobody has asked for in time. */
  expire(now: number): void {
    for (const [key, cursor] of this.#cursors) {
      const idle = !cursor.options.noTimeout && now - cursor.lastUsed > this.#timeoutMs;
      const orphaned = cursor.orphanedAt !== undefined && now - cursor.orphanedAt > Math.min(ORPHAN_MS, this.#timeoutMs);
      if (idle || orphaned) this.#cursors.delete(key);
    }
  }
}

/** Fills a batch up to its size in documents and to 16 MiB; knows whether another document follows. */
function nextBatch(cursor: Cursor, size: number): { batch: Buffer[]; more: boolean } {
  const batch: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    if (size === 0) return { batch, more: true };
    const next = cursor.pending ?? take(cursor.documents);
    cursor.pending = undefined;
    if (!next) return { batch, more: false };
    if (batch.length >= size || (batch.length > 0 && bytes + next.length > MAX_DOCUMENT_BYTES)) {
      cursor.pending = next;
      return { batch, more: true };
    }
    batch.push(next);
    bytes += next.length;
  }
}

function take(documents: Iterator<Buffer>): Buffer | undefined {
  const next = documents.next();
  return next.done ? undefined : next.value;
}

function cursorReply(name: string, batch: Buffer[], id: Long, namespace: string): Buffer {
  return encodeWithRawDocument('cursor', encodeWithRawArray(name, encodeRawArray(batch), { id, ns: namespace }), { ok: 1 });
}
