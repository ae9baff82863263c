import { Columns } from './columns.ts';
import { compareValues } from './compare.ts';
import { decode } from './document.ts';
import type { BsonDocument } from './model.ts';
import { MongoFault } from './faults.ts';
import { hasSameKeys, keysOf } from './indexes.ts';
import type { Index, IndexKey } from './indexes.ts';
import { encodeValue, identityOf, RECORD_BYTES, recordOf, successor } from './keys.ts';
import { MAX_KEY_BYTES } from './storage.ts';
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
  key.set(prefix);
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

/** What a change of some fields concerns. */
export interface Concern {
  /** The indexes whose keys it may change. */
  indexes: readonly Index[];
  /** All fields that must be known of a document for it, `_id` among them. */
  fields: ReadonlySet<string>;
}

/** How many records are kept by their `_id`. */
const MOST_IDS = 50_000;

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
  /**
   * Records by their `_id`. What is here never becomes wrong, as no document changes its `_id` and no record number is given twice;
   * its document may have gone.
   */
  readonly #recordsById = new Map<string, number>();
  readonly #concerns = new WeakMap<ReadonlySet<string>, Concern & { all: readonly Index[]; count: number }>();
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

  /** What a change of these top-level fields concerns. */
  concern(changed: ReadonlySet<string>): Concern {
    const all = this.state.indexes;
    const known = this.#concerns.get(changed);
    if (known?.all === all && known.count === all.length) return known;
    const indexes = all.filter(({ roots }) => [...roots].some((root) => changed.has(root)));
    const fields = new Set(['_id', ...changed, ...indexes.flatMap(({ roots }) => [...roots])]);
    const concern = { indexes, fields, all, count: all.length };
    this.#concerns.set(changed, concern);
    return concern;
  }

  /** The document with this `_id`, a single value; null where there is none, undefined where only a search can tell. Only inside a write. */
  byId(id: unknown): { record: number; raw: Buffer } | null | undefined {
    const identity = identityOf(id);
    const known = this.#recordsById.get(identity);
    const kept = known === undefined ? undefined : this.raw(known);
    if (known !== undefined && kept) return { record: known, raw: kept };
    const index = this.state.indexes.find(({ name }) => name === '_id_');
    if (!index || index.truncated) return undefined;
    const start = Buffer.concat([this.#prefixOf(index), encodeValue(id, index.fields[0]?.direction)]);
    if (start.length > MAX_KEY_BYTES - RECORD_BYTES) return undefined;
    const key = this.#storage.first({ start, end: successor(start) ?? start });
    if (!key) return null;
    const record = recordOf(key);
    const raw = this.raw(record);
    this.#remember(identity, record);
    return raw && { record, raw };
  }

  #remember(identity: string, record: number): void {
    if (this.#recordsById.size >= MOST_IDS) this.#recordsById.clear();
    this.#recordsById.set(identity, record);
  }

  /**
   * Stores a new document (raw, with `_id` first); of it, at least what the indexes are made of. Throws DuplicateKey (11000); nothing is
   * written then. With `idIsFree` the caller has just found no document of its `_id`.
   */
  insert(raw: Buffer, document: BsonDocument, idIsFree = false): number {
    const record = this.#nextRecord;
    const additions = this.state.indexes.map((index) => this.#checkedKeys(index, document, record, idIsFree && index.name === '_id_'));
    this.#nextRecord++;
    this.#remember(identityOf(document['_id']), record);
    this.#storage.put(withRecord(this.#prefix, record), raw);
    this.state.indexes.forEach((index, at) => {
      for (const key of additions[at] ?? []) this.#putKey(index, key, record);
    });
    this.count++;
    this.bytes += raw.length;
    return record;
  }

  /**
   * Puts a new version in the old one's place. Of both documents at least what the indexes concerned are made of must be given. Throws
   * DuplicateKey (11000); nothing is written then.
   */
  replace(
    record: number, before: { document: BsonDocument; bytes: number }, after: { document: BsonDocument; raw: Buffer },
    indexes: readonly Index[] = this.state.indexes,
  ): void {
    const concerned = indexes.filter((index) => !hasSameKeys(index, before.document, after.document));
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

  #prefixOf(index: Index): Buffer {
    let prefix = this.#prefixes.get(index.table);
    if (!prefix) this.#prefixes.set(index.table, prefix = tablePrefix(index.table));
    return prefix;
  }

  #keyFor(index: Index, bytes: Buffer, record: number): Buffer {
    const key = Buffer.allocUnsafe(4 + bytes.length + RECORD_BYTES);
    key.set(this.#prefixOf(index));
    key.set(bytes, 4);
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

  #checkedKeys(index: Index, document: BsonDocument, record: number, isFree = false): IndexKey[] {
    const { keys, multikey } = keysOf(index, document);
    if (!isFree) for (const key of keys) this.#refuseDuplicate(index, key, record);
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
    const start = Buffer.concat([this.#prefixOf(index), key.bytes]);
    const range = { start, end: successor(start) ?? start };
    if (!this.#storage.first(range)) return;
    for (const found of this.#storage.keys(range, false, 0, 2)) {
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
