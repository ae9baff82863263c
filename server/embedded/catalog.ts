import { randomUUID } from 'node:crypto';
import { Binary } from 'bson';
import { Collection, tablePrefix, tableRange } from './collection.ts';
import { decode, encode } from './document.ts';
import { toNumber } from './model.ts';
import type { BsonDocument } from './model.ts';
import { MongoFault } from './faults.ts';
import { parseIndex } from './indexes.ts';
import type { Index, IndexDefinition } from './indexes.ts';
import type { Storage } from './storage.ts';

const CATALOG_TABLE = 0;
const TOTALS_TABLE = 1;
const FIRST_FREE_TABLE = 16;

/** Which collections and indexes there are. Kept in the store, held in memory: descriptions only, no documents. */
export class Catalog {
  readonly #storage: Storage;
  readonly #collections = new Map<string, Collection>();
  #nextTable = FIRST_FREE_TABLE;

  constructor(storage: Storage) {
    this.#storage = storage;
    this.load();
  }

  /** Reads the catalog anew, as after a failed commit. */
  load(): void {
    this.#collections.clear();
    for (const key of this.#storage.keys(tableRange(CATALOG_TABLE))) {
      const entry = decode(this.#storage.get(key) ?? Buffer.alloc(0));
      const collection = this.#restore(entry);
      this.#collections.set(collection.namespace, collection);
    }
  }

  find(db: string, name: string): Collection | undefined {
    return this.#collections.get(`${db}.${name}`);
  }

  all(): Collection[] {
    return [...this.#collections.values()];
  }

  of(db: string): Collection[] {
    return this.all().filter((collection) => collection.state.db === db);
  }

  databases(): string[] {
    return [...new Set(this.all().map((collection) => collection.state.db))].sort();
  }

  /** Only inside Storage.write. Out: the collection, made with its `_id_` index when it is new. Throws InvalidNamespace (73). */
  ensure(db: string, name: string, options: BsonDocument = {}): Collection {
    const present = this.find(db, name);
    if (present) return present;
    checkNamespace(db, name);
    const uuid = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
    const state = { db, name, uuid, table: this.#nextTable++, options, indexes: [] };
    const collection = new Collection(this.#storage, state, { count: 0, bytes: 0 }, (changed) => this.save(changed));
    this.#collections.set(collection.namespace, collection);
    this.addIndex(collection, parseIndex({ key: { _id: 1 }, name: '_id_' })).ready = true;
    return collection;
  }

  /** Only inside Storage.write. The caller sets `ready` once the write is committed. */
  addIndex(collection: Collection, definition: IndexDefinition): Index {
    const isId = definition.name === '_id_';
    const index: Index = {
      ...definition, unique: definition.unique || isId, table: this.#nextTable++, multikey: false, truncated: false, ready: false,
    };
    if (collection.count > 0) collection.indexAll(index);
    collection.state.indexes.push(index);
    this.save(collection);
    return index;
  }

  /** Only inside Storage.write. */
  dropIndex(collection: Collection, index: Index): void {
    collection.state.indexes = collection.state.indexes.filter((other) => other !== index);
    this.#storage.clear(tableRange(index.table));
    this.save(collection);
  }

  /** Only inside Storage.write. */
  drop(collection: Collection): void {
    collection.dropped = true;
    this.#collections.delete(collection.namespace);
    this.#storage.clear(tableRange(collection.state.table));
    for (const index of collection.state.indexes) this.#storage.clear(tableRange(index.table));
    this.#storage.remove(entryKey(CATALOG_TABLE, collection));
    this.#storage.remove(entryKey(TOTALS_TABLE, collection));
  }

  /** Only inside Storage.write. */
  rename(collection: Collection, db: string, name: string): void {
    checkNamespace(db, name);
    this.#storage.remove(entryKey(CATALOG_TABLE, collection));
    this.#collections.delete(collection.namespace);
    collection.state.db = db;
    collection.state.name = name;
    this.#collections.set(collection.namespace, collection);
    this.save(collection);
  }

  /** Only inside Storage.write. */
  save(collection: Collection): void {
    const { state } = collection;
    this.#storage.put(entryKey(CATALOG_TABLE, collection), encode({
      db: state.db, name: state.name, uuid: new Binary(state.uuid, 4), table: state.table, options: state.options,
      indexes: state.indexes.map(({ spec, table, multikey, truncated }) => ({ spec, table, multikey, truncated })),
    }));
  }

  /** Only inside Storage.write: keeps the counts that make an unfiltered count a look-up. */
  saveTotals(collection: Collection): void {
    if (collection.dropped) return;
    this.#storage.put(entryKey(TOTALS_TABLE, collection), encode({ count: collection.count, bytes: collection.bytes }));
  }

  #restore(entry: BsonDocument): Collection {
    const table = Number(entry['table']);
    const indexes = (entry['indexes'] as BsonDocument[]).map((stored) => restoreIndex(stored));
    this.#nextTable = Math.max(this.#nextTable, table + 1, ...indexes.map((index) => index.table + 1));
    const state = {
      db: String(entry['db']), name: String(entry['name']), uuid: Buffer.from((entry['uuid'] as Binary).buffer), table,
      options: entry['options'] as BsonDocument, indexes,
    };
    const totals = this.#storage.get(totalsKey(table));
    const { count = 0, bytes = 0 } = totals ? decode(totals) : {};
    return new Collection(
      this.#storage, state, { count: toNumber(count) ?? 0, bytes: toNumber(bytes) ?? 0 }, (changed) => this.save(changed)
    );
  }
}

function restoreIndex(stored: BsonDocument): Index {
  const definition = parseIndex(stored['spec']);
  return {
    ...definition, unique: definition.unique || definition.name === '_id_', table: Number(stored['table']),
    multikey: stored['multikey'] === true, truncated: stored['truncated'] === true, ready: true,
  };
}

function entryKey(table: number, collection: Collection): Buffer {
  return table === TOTALS_TABLE ? totalsKey(collection.state.table)
    : Buffer.concat([tablePrefix(table), Buffer.from(collection.namespace, 'utf8')]);
}

function totalsKey(table: number): Buffer {
  return Buffer.concat([tablePrefix(TOTALS_TABLE), tablePrefix(table)]);
}

/** Throws InvalidNamespace (73) for names MongoDB does not take. */
function checkNamespace(db: string, name: string): void {
  const badDb = db === '' || Buffer.byteLength(db) > 63 || /[/\\. "$\0]/.test(db);
  const badName = name === '' || name.includes('\0') || name.includes('$') || name.startsWith('.') || name.endsWith('.');
  if (badDb || badName || Buffer.byteLength(`${db}.${name}`) > 255) {
    throw new MongoFault('InvalidNamespace', `Invalid namespace specified '${db}.${name}'`);
  }
}
