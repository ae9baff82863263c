import { mkdirSync } from 'node:fs';
import { open } from 'lmdb';
import type { RootDatabase } from 'lmdb';

/** lmdb's limit at 4 KiB pages. */
export const MAX_KEY_BYTES = 1978;

/** Half-open range of keys: `start` belongs to it, `end` does not. */
export interface KeyRange {
  start: Buffer;
  end: Buffer;
}

/** How many keys one read takes; grows so that long scans stay cheap and short ones short. */
const FIRST_CHUNK = 128;
const LARGEST_CHUNK = 1024;
/** How many keys the first of the steps passes over by which keys are counted up to a limit. */
const FIRST_STEP = 16;

/**
 * The ordered, durable store: one lmdb environment, one table of binary keys. Reads are synchronous; writes run inside one
 * lmdb transaction per group of callers, and their promise settles after the data is synced to disk.
 */
export class Storage {
  readonly #db: RootDatabase<Buffer, Buffer>;
  /** What is to be done after the write that runs now; undefined while none does. */
  #afterwards: (() => void)[] | undefined;

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true });
    this.#db = open<Buffer, Buffer>({
      path: `${dir}/data.mdb`, noSubdir: true, keyEncoding: 'binary', encoding: 'binary', cache: false, overlappingSync: false,
    });
  }

  get(key: Buffer): Buffer | undefined {
    // lmdb's own copy is an allocation of its own; this one comes from the pool.
    const shared = this.#db.getBinaryFast(key);
    if (!shared) return undefined;
    const bytes = Buffer.allocUnsafe(shared.length);
    bytes.set(new Uint8Array(shared.buffer, shared.byteOffset, bytes.length));
    return bytes;
  }

  /** Only inside `write`. */
  put(key: Buffer, value: Buffer): void {
    this.#db.putSync(key, value);
  }

  /** Only inside `write`. */
  remove(key: Buffer): void {
    this.#db.removeSync(key);
  }

  /** Only inside `write`. Removes every key of the range. */
  clear(range: KeyRange): void {
    for (;;) {
      const keys = [...this.#db.getKeys({ start: range.start, end: range.end, limit: LARGEST_CHUNK })];
      for (const key of keys) this.#db.removeSync(key);
      if (keys.length < LARGEST_CHUNK) return;
    }
  }

  /**
   * Runs `work` in a write transaction; callers of the same moment share one commit and one sync. `work` must check before it
   * writes, as a throw does not undo what it wrote. Rejects with what `work` threw, or with lmdb's error when the commit failed.
   */
  async write<T>(work: () => T): Promise<T> {
    const afterwards: (() => void)[] = [];
    try {
      const outcome = await this.#db.transaction<{ value: T } | { error: unknown }>(() => {
        this.#afterwards = afterwards;
        try {
          return { value: work() };
        } catch (error) {
          return { error };
        } finally {
          this.#afterwards = undefined;
        }
      });
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    } finally {
      for (const finish of afterwards) finish();
    }
  }

  /** Stands for the write that runs now, if one does: what is read then includes what it wrote, which no reader sees yet. */
  get writing(): object | undefined {
    return this.#afterwards;
  }

  /** Only inside `write`. Calls back when the write is on disk, or has failed, before its caller learns of it. */
  afterwards(finish: () => void): void {
    this.#afterwards?.push(finish);
  }

  /** Keys of the range in order. No lmdb cursor stays open between them, so a reader may pause for as long as it likes. */
  *keys(range: KeyRange, reverse = false, offset = 0, expected = FIRST_CHUNK): Generator<Buffer> {
    let limit = Math.min(Math.max(expected, 1), LARGEST_CHUNK);
    let position: Buffer | undefined;
    for (;;) {
      const from = position ?? (reverse ? range.end : range.start);
      const keys = [...this.#db.getKeys({
        start: from, end: reverse ? range.start : range.end, limit, reverse, exclusiveStart: position !== undefined,
        offset: position ? 0 : offset,
      })];
      yield* keys;
      if (keys.length < limit) return;
      position = keys.at(-1);
      limit = Math.min(limit * 2, LARGEST_CHUNK);
    }
  }

  /**
   * How many keys lie in the range, counted natively; no more than `limit` are counted. Keys are passed over
   * without regard to the range's end, so this goes in growing steps: a short range is then not left far behind.
   */
  count({ start, end }: KeyRange, limit?: number): number {
    if (limit !== undefined) {
      for (let most = Math.min(FIRST_STEP, limit); this.#hasMore(start, end, most); most = Math.min(most * 8, limit)) {
        if (most === limit) return limit;
      }
    }
    return this.#db.getKeysCount({ start, end });
  }

  #hasMore(start: Buffer, end: Buffer, than: number): boolean {
    return [...this.#db.getKeys({ start, end, offset: than, limit: 1 })].length > 0;
  }

  first(range: KeyRange, reverse = false): Buffer | undefined {
    const [from, to] = reverse ? [range.end, range.start] : [range.start, range.end];
    for (const key of this.#db.getKeys({ start: from, end: to, limit: 1, reverse })) return key;
    return undefined;
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

