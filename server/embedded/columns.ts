import { decode, decodeFields, scalarAt } from './document.ts';
import { COMPOSITE } from './reader.ts';
import type { BsonDocument } from './model.ts';
import { matches } from './filter.ts';
import type { Filter } from './filter.ts';
import { recordOf } from './keys.ts';
import { setAt } from './paths.ts';
import type { KeyRange, Storage } from './storage.ts';

/** What an execution touched, for explain. */
export interface Touched {
  keys: number;
  documents: number;
}

/** Where the documents are. */
interface Source {
  readonly storage: Storage;
  raw(record: number): Buffer | undefined;
}

/** The most that is kept per collection: values, and record numbers of ranges. */
const MOST_VALUES = 1_000_000;
const MOST_RECORDS = 1_000_000;
/** The most ranges of an index that are kept, as each write looks at all of them; reading or counting a short one takes no time. */
const MOST_RANGES = 60;
const LONG = 500;

/** The record numbers of an index range in the order of its keys. */
interface Sequence extends KeyRange {
  records: readonly number[];
  usedAt: number;
}

interface Counted extends KeyRange {
  readonly count: number;
}

/**
 * What scans have read of a collection, kept in memory so that the next scan need not read and decode it again: single values by
 * record number, and the record numbers of index ranges, or how many they are. Only for readers, never within a write.
 *
 * Nothing kept is older than what a client was told is written: when a write has ended, before it is answered, what it touched is
 * forgotten. Until then a reader may still see, and keep, the state before it.
 */
export class Columns {
  readonly #source: Source;
  readonly #values = new Map<string, Map<number, unknown>>();
  readonly #sequences = new Map<number, Sequence[]>();
  readonly #counts = new Map<number, readonly Counted[]>();
  /** The document read last, as several of its values are often asked for one after the other. */
  #last: { record: number; raw: Buffer | undefined } | undefined;
  #valuesKept = 0;
  #recordsKept = 0;
  #uses = 0;
  #changes = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  forgetRecord(record: number): void {
    this.#last = undefined;
    for (const column of this.#values.values()) if (column.delete(record)) this.#valuesKept--;
  }

  /** Forgets the ranges this index key lies in. */
  forgetKey(key: Buffer): void {
    this.#changes++;
    if (this.#sequences.size === 0 && this.#counts.size === 0) return;
    const table = key.readUInt32BE(0);
    const isElsewhere = ({ start, end }: KeyRange): boolean => Buffer.compare(key, start) < 0 || Buffer.compare(key, end) >= 0;
    const sequences = this.#sequences.get(table) ?? [];
    if (!sequences.every(isElsewhere)) this.#replace(table, sequences, sequences.filter(isElsewhere));
    const counts = this.#counts.get(table) ?? [];
    if (!counts.every(isElsewhere)) this.#recount(table, counts.filter(isElsewhere));
  }

  #recount(table: number, counts: readonly Counted[]): void {
    if (counts.length > 0) this.#counts.set(table, counts);
    else this.#counts.delete(table);
  }

  /** How many keys an index range holds. */
  count(table: number, { start, end }: KeyRange): number {
    const counts = this.#counts.get(table) ?? [];
    const kept = counts.find((counted) => counted.start.equals(start) && counted.end.equals(end));
    if (kept) return kept.count;
    const count = this.#source.storage.count({ start, end });
    if (count >= LONG) this.#counts.set(table, [...counts, { start, end, count }].slice(-MOST_RANGES));
    return count;
  }

  /** The records of an index range in order. A long one that is read to its end is kept, unless something changed meanwhile. */
  *records(table: number, range: KeyRange, reverse: boolean, touched: Touched): Generator<number> {
    const kept = this.#sequences.get(table)?.find(({ start, end }) => start.equals(range.start) && end.equals(range.end));
    if (kept) {
      kept.usedAt = ++this.#uses;
      const { records } = kept;
      for (let n = 0; n < records.length; n++) {
        touched.keys++;
        yield records[reverse ? records.length - 1 - n : n] ?? 0;
      }
      return;
    }
    const changes = this.#changes;
    const records: number[] = [];
    for (const key of this.#source.storage.keys(range, reverse)) {
      touched.keys++;
      const record = recordOf(key);
      if (records.length < MOST_RECORDS) records.push(record);
      yield record;
    }
    if (changes === this.#changes && records.length >= LONG && records.length < MOST_RECORDS) {
      this.#keep(table, { ...range, records: reverse ? records.reverse() : records, usedAt: ++this.#uses });
    }
  }

  /** Reads one path: its value where that is a single one, COMPOSITE for a document, an array, or a value below an array. */
  column(parts: readonly string[], touched: Touched): (record: number) => unknown {
    const path = parts.join('.');
    let values = this.#values.get(path);
    if (!values) this.#values.set(path, values = new Map());
    const kept = values;
    const names = parts.map((part) => Buffer.from(part, 'utf8'));
    return (record) => {
      const known = kept.get(record);
      if (known !== undefined || kept.has(record)) return known;
      const raw = this.#raw(record, touched);
      if (!raw) return undefined;
      const value = scalarAt(raw, names);
      if (this.#valuesKept >= MOST_VALUES) this.#forgetValues();
      kept.set(record, value);
      this.#valuesKept++;
      return value;
    };
  }

  /** A test of records by single values; undefined for a filter that may look at anything. */
  test(filter: Filter, touched: Touched): ((record: number) => boolean) | undefined {
    switch (filter.kind) {
      case 'leaf': {
        const read = this.column(filter.parts, touched);
        return (record) => {
          const value = read(record);
          return value === COMPOSITE ? matches(filter, this.#document(record)) : filter.test(value);
        };
      }
      case 'not': {
        const test = this.test(filter.child, touched);
        return test && ((record) => !test(record));
      }
      case 'and': case 'or': case 'nor': {
        const tests = filter.children.map((child) => this.test(child, touched));
        if (!tests.every((test) => test !== undefined)) return undefined;
        if (filter.kind === 'and') return (record) => tests.every((test) => test(record));
        return (record) => tests.some((test) => test(record)) === (filter.kind === 'or');
      }
      default: return undefined;
    }
  }

  /** Makes documents that hold these paths and nothing else to rely on. */
  documents(paths: readonly string[], touched: Touched): (record: number) => BsonDocument {
    const columns = paths.map((path) => path.split('.')).map((parts) => ({ parts, read: this.column(parts, touched) }));
    const fields = new Set(columns.map(({ parts }) => parts[0] ?? ''));
    return (record) => {
      const document: BsonDocument = {};
      for (const { parts, read } of columns) {
        const value = read(record);
        if (value === COMPOSITE) return decodeFields(this.#source.raw(record) ?? EMPTY, fields);
        if (value !== undefined) setAt(document, parts, value);
      }
      return document;
    };
  }

  /** Counts the records of each combination of these paths' values; those of what is no single value are told one by one. */
  combinations(records: Iterable<number>, paths: readonly string[], touched: Touched): Iterable<{ record: number; count: number }> {
    const reads = paths.map((path) => this.column(path.split('.'), touched));
    const found: { record: number; count: number }[] = [];
    const start = newPlace();
    for (const record of records) {
      const values = reads.map((read) => read(record));
      const place = values.includes(COMPOSITE) ? newPlace() : placeOf(start, values);
      if (place.entry) place.entry.count++;
      else found.push(place.entry = { record, count: 1 });
    }
    return found;
  }

  #raw(record: number, touched: Touched): Buffer | undefined {
    if (this.#last?.record === record) return this.#last.raw;
    touched.documents++;
    this.#last = { record, raw: this.#source.raw(record) };
    return this.#last.raw;
  }

  #document(record: number): BsonDocument {
    return decode(this.#source.raw(record) ?? EMPTY);
  }

  #keep(table: number, sequence: Sequence): void {
    const before = this.#sequences.get(table) ?? [];
    this.#replace(table, before, [...before, sequence].slice(-MOST_RANGES));
    while (this.#recordsKept > MOST_RECORDS) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const all = [...this.#sequences].flatMap(([table, sequences]) => sequences.map((sequence) => ({ table, sequence })));
    const oldest = all.reduce((a, b) => (b.sequence.usedAt < a.sequence.usedAt ? b : a));
    const sequences = this.#sequences.get(oldest.table) ?? [];
    this.#replace(oldest.table, sequences, sequences.filter((sequence) => sequence !== oldest.sequence));
  }

  #replace(table: number, before: readonly Sequence[], after: Sequence[]): void {
    const size = (sequences: readonly Sequence[]): number => sequences.reduce((sum, { records }) => sum + records.length, 0);
    this.#recordsKept += size(after) - size(before);
    if (after.length > 0) this.#sequences.set(table, after);
    else this.#sequences.delete(table);
  }

  #forgetValues(): void {
    for (const column of this.#values.values()) column.clear();
    this.#valuesKept = 0;
  }
}

interface Place {
  readonly next: Map<unknown, Place>;
  entry: { record: number; count: number } | undefined;
}

const newPlace = (): Place => ({ next: new Map(), entry: undefined });

/** Walks from value to value; values of one and the same combination end at one place. */
function placeOf(start: Place, values: readonly unknown[]): Place {
  let place = start;
  for (const value of values) {
    let next = place.next.get(value);
    if (!next) place.next.set(value, next = newPlace());
    place = next;
  }
  return place;
}

/** The BSON of a document without fields, for a record that has gone meanwhile. */
const EMPTY = Buffer.from([5, 0, 0, 0, 0]);
