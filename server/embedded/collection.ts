import { Columns } from './columns.ts';
import { compareValues } from './compare.ts';
import { decode } from './document.ts';
import type { BsonDocument } from './document.ts';
import { MongoFault } from './faults.ts';
import { hasSameKeys, keysOf } from './indexes.ts';
import type { Index, IndexKey } from './indexes.ts';
import { RECORD_BYTES, recordOf, successor } from './keys.ts';
import type { KeyRange, Storage } from './storage.ts';
import { show } from './show.ts';

const PRESENT = Buffer.from([1]);

/** Number of a table as the first bytes of its keys. */
export function tablePrefix(table: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(table);
  return bytes;
}

export function tableRange(table: number): KeyRange {
  return { start: tablePrefix(table), end: tablePrefix(table + 1) };
}

function withRecord(prefix: Buffer, record: number): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + RECORD_BYTES);
  prefix.copy(key);
  key.writeUIntBE(record, prefix.length, RECORD_BYTES);
  return key;
}

export interface CollectionState {
  db: string;
  name: string;
  uuid: Buffer;
  table: number;
  options: BsonDocument;
  indexes: Index[];
}

/** What one write touches. */
interface Touched {
  write: object | undefined;
  records: number[];
  keys: Buffer[];
}

/**
 * One collection: documents by record number, in order of insertion, and their index keys. Writing methods run inside
 * Storage.write.
 */
export class Collection {
  readonly state: CollectionState;
  readonly #storage: Storage;
  readonly #onFlags: (collection: Collection) => void;
  readonly #prefix: Buffer;
  readonly #prefixes = new Map<number, Buffer>();
  #nextRecord: number;
  count: number;
  bytes: number;
  /** What readers keep of this collection in memory. */
  readonly columns = new Columns(this);
  #lastTouched: Touched | undefined;
  /** Set when the collection is dropped, so that cursors on it end. */
  dropped = false;

  constructor(
    storage: Storage, state: CollectionState, totals: { count: number; bytes: number }, onFlags: (collection: Collection) => void
  ) {
    this.#storage = storage;
    this.state = state;
    this.#onFlags = onFlags;
    this.#prefix = tablePrefix(state.table);
    this.count = totals.count;
    this.bytes = totals.bytes;
    const last = storage.first(tableRange(state.table), true);
    this.#nextRecord = last ? recordOf(last) + 1 : 1;
  }

  get namespace(): string {
    return `${this.state.db}.${this.state.name}`;
  }

  get indexes(): readonly Index[] {
    return this.state.indexes;
  }

  get storage(): Storage {
    return this.#storage;
  }

  raw(record: number): Buffer | undefined {
    return this.#storage.get(withRecord(this.#prefix, record));
  }

  document(record: number): BsonDocument | undefined {
    const raw = this.raw(record);
    return raw && decode(raw);
  }

  /** Stores a new document (raw, with `_id` first). Throws DuplicateKey (11000); nothing is written then. */
  insert(raw: Buffer, document: BsonDocument): number {
    const record = this.#nextRecord;
    const additions = this.state.indexes.map((index) => this.#checkedKeys(index, document, record));
    this.#nextRecord++;
    this.#storage.put(withRecord(this.#prefix, record), raw);
    this.state.indexes.forEach((index, at) => {
      for (const key of additions[at] ?? []) this.#putKey(index, key, record);
    });
    this.count++;
    this.bytes += raw.length;
    return record;
  }

  /** Puts a new version in the old one's place. Throws DuplicateKey (11000); nothing is written then. */
  replace(record: number, before: { document: BsonDocument; bytes: number }, after: { document: BsonDocument; raw: Buffer }): void {
    const concerned = this.state.indexes.filter((index) => !hasSameKeys(index, before.document, after.document));
    const changes = concerned.map((index) => {
      const added = keysOf(index, after.document);
      return { index, added: added.keys, multikey: added.multikey, removed: keysOf(index, before.document).keys };
    });
    const plans = changes.map(({ index, added, multikey, removed }) => {
      const fresh = added.filter((key) => !removed.some((other) => other.bytes.equals(key.bytes)));
      for (const key of fresh) this.#refuseDuplicate(index, key, record);
      this.#flags(index, multikey, added);
      return { index, fresh, stale: removed.filter((key) => !added.some((other) => other.bytes.equals(key.bytes))) };
    });
    this.#touched().records.push(record);
    this.#storage.put(withRecord(this.#prefix, record), after.raw);
    for (const { index, fresh, stale } of plans) {
      for (const key of stale) this.#removeKey(index, key, record);
      for (const key of fresh) this.#putKey(index, key, record);
    }
    this.bytes += after.raw.length - before.bytes;
  }

  remove(record: number, document: BsonDocument, bytes: number): void {
    this.#touched().records.push(record);
    this.#storage.remove(withRecord(this.#prefix, record));
    for (const index of this.state.indexes) for (const key of keysOf(index, document).keys) this.#removeKey(index, key, record);
    this.count--;
    this.bytes -= bytes;
  }

  /** Writes the keys of every document present into a new index. Throws DuplicateKey (11000) and leaves no key behind. */
  indexAll(index: Index): void {
    try {
      for (const key of this.#storage.keys(tableRange(this.state.table), false, 0, 512)) {
        const record = recordOf(key);
        const document = this.document(record);
        if (document) for (const entry of this.#checkedKeys(index, document, record)) this.#putKey(index, entry, record);
      }
    } catch (error) {
      this.#storage.clear(tableRange(index.table));
      throw error;
    }
  }

  #keyFor(index: Index, bytes: Buffer, record: number): Buffer {
    let prefix = this.#prefixes.get(index.table);
    if (!prefix) this.#prefixes.set(index.table, prefix = tablePrefix(index.table));
    const key = Buffer.allocUnsafe(4 + bytes.length + RECORD_BYTES);
    prefix.copy(key);
    bytes.copy(key, 4);
    key.writeUIntBE(record, 4 + bytes.length, RECORD_BYTES);
    return key;
  }

  #putKey(index: Index, key: IndexKey, record: number): void {
    const bytes = this.#keyFor(index, key.bytes, record);
    this.#touched().keys.push(bytes);
    this.#storage.put(bytes, PRESENT);
  }

  #removeKey(index: Index, key: IndexKey, record: number): void {
    const bytes = this.#keyFor(index, key.bytes, record);
    this.#touched().keys.push(bytes);
    this.#storage.remove(bytes);
  }

  /** What the running write touches; readers' memory of it is forgotten when the write has ended. */
  #touched(): Touched {
    const write = this.#storage.writing;
    if (this.#lastTouched && this.#lastTouched.write === write) return this.#lastTouched;
    const touched: Touched = { write, records: [], keys: [] };
    this.#lastTouched = touched;
    this.#storage.afterwards(() => {
      if (this.#lastTouched === touched) this.#lastTouched = undefined;
      for (const record of touched.records) this.columns.forgetRecord(record);
      for (const key of touched.keys) this.columns.forgetKey(key);
    });
    return touched;
  }

  #checkedKeys(index: Index, document: BsonDocument, record: number): IndexKey[] {
    const { keys, multikey } = keysOf(index, document);
    for (const key of keys) this.#refuseDuplicate(index, key, record);
    this.#flags(index, multikey, keys);
    return keys;
  }

  #flags(index: Index, multikey: boolean, keys: IndexKey[]): void {
    const truncated = keys.some((key) => key.truncated);
    if ((!multikey || index.multikey) && (!truncated || index.truncated)) return;
    index.multikey ||= multikey;
    index.truncated ||= truncated;
    this.#onFlags(this);
  }

  #refuseDuplicate(index: Index, key: IndexKey, record: number): void {
    if (!index.unique) return;
    const start = Buffer.concat([tablePrefix(index.table), key.bytes]);
    for (const found of this.#storage.keys({ start, end: successor(start) ?? start }, false, 0, 2)) {
      const other = recordOf(found);
      if (other === record) continue;
      if (key.truncated && !this.#hasSameValues(index, key, other)) continue;
      throw duplicateKey(this.namespace, index, key.values);
    }
  }

  /** Where keys are cut, equal keys are compared by the values they stand for. */
  #hasSameValues(index: Index, key: IndexKey, record: number): boolean {
    const document = this.document(record);
    return document !== undefined && keysOf(index, document).keys.some((other) => compareValues(other.values, key.values) === 0);
  }
}

function duplicateKey(namespace: string, index: Index, values: unknown[]): MongoFault {
  const keyValue: BsonDocument = {};
  index.fields.forEach(({ path }, at) => {
    keyValue[path] = typeof values[at] === 'symbol' ? [] : values[at] ?? null;
  });
  return new MongoFault('DuplicateKey', `E11000 duplicate key error collection: ${namespace} index: ${index.name} dup key: `
    + `${show(keyValue)}`,
    { keyPattern: index.spec['key'], keyValue });
}
