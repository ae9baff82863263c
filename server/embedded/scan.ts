import { tableRange } from './collection.ts';
import type { Collection } from './collection.ts';
import type { Touched } from './columns.ts';
import { decode, decodeFields } from './document.ts';
import type { BsonDocument } from './model.ts';
import { MongoFault } from './faults.ts';
import { addFieldsOf, matches } from './filter.ts';
import type { Filter } from './filter.ts';
import { sortValues } from './indexes.ts';
import type { Index } from './indexes.ts';
import { decodeKey, encodeValue, recordOf } from './keys.ts';
import { setAt } from './paths.ts';
import { choosePlan } from './planner.ts';
import type { Choice, IndexPlan, Interval, Plan, Question, SortField } from './planner.ts';

/** A document that passed; decoded only when something had to look inside. */
export interface Found {
  record: number;
  raw: Buffer;
  document: BsonDocument | undefined;
}

/** The most that sorting without an index may hold: MongoDB's own limit. */
const MOST_SORTED_BYTES = 100 * 1024 * 1024;

export interface Search extends Question {
  skip: number;
  /** Only bytes are asked for, so that a document need not be decoded further than the filter looks. */
  raw?: boolean;
}

/**
 * The documents of a search in its order. Nothing stays open between two of them; a document that has gone meanwhile is left out.
 */
export function* search(collection: Collection | undefined, question: Search, touched: Touched = {
  keys: 0, documents: 0,
}): Generator<Found> {
  if (!collection) {
    choosePlan(collection, question);
    return;
  }
  const choice = choosePlan(collection, question);
  yield* runChoice(collection, choice, question, touched);
}

export function* runChoice(collection: Collection, choice: Choice, question: Search, touched: Touched): Generator<Found> {
  const { skip, limit, sort } = question;
  if (!choice.sorted) {
    yield* sorted(collection, choice.plan, sort, skip, limit, touched);
    return;
  }
  let left = limit === 0 ? Number.POSITIVE_INFINITY : limit - skip;
  if (left <= 0) return;
  const passing = decidedByColumns(collection, choice.plan, touched);
  const onKeys = passing !== undefined || skipsOnKeys(choice.plan);
  let ahead = onKeys ? 0 : skip;
  for (const found of documents(collection, choice.plan, touched, onKeys ? skip : 0, limit, passing, question.raw)) {
    if (ahead-- > 0) continue;
    yield found;
    if (--left <= 0) return;
  }
}

/** May skipping count keys without looking at documents? */
function skipsOnKeys(plan: Plan): boolean {
  if (plan.kind === 'index') return plan.residual === undefined && !plan.index.multikey;
  return plan.kind === 'collection' && plan.residual === undefined;
}

/** The records that pass, but for the first `skip`. */
type Passing = (skip: number) => Generator<number>;

/**
 * Decides what an index range leaves open by what is kept in memory, so that of the records that do not pass none need be read.
 * Undefined where that cannot tell, and within a write. A document is tested once more when it is read, as it may have changed
 * since it was kept, by a write that is not on disk yet.
 */
export function passingByColumns(collection: Collection, plan: Plan, touched: Touched): Passing | undefined {
  if (plan.kind !== 'index' || plan.merge || plan.index.multikey || collection.storage.writing) return undefined;
  const test = plan.residual ? collection.columns.test(plan.residual, touched) : () => true;
  const intervals = plan.reverse ? [...plan.intervals].reverse() : plan.intervals;
  return test && function* passing(skip) {
    let ahead = skip;
    for (const interval of intervals) {
      for (const record of collection.columns.records(plan.index.table, interval, plan.reverse, touched)) {
        if (test(record) && ahead-- <= 0) yield record;
      }
    }
  };
}

/** Only where something is left to decide that the keys do not tell. */
function decidedByColumns(collection: Collection, plan: Plan, touched: Touched): Passing | undefined {
  return plan.kind === 'index' && plan.residual && !plan.covered ? passingByColumns(collection, plan, touched) : undefined;
}

function* documents(
  collection: Collection, plan: Plan, touched: Touched, skip: number, limit: number,
  passing = decidedByColumns(collection, plan, touched), inPart = false,
): Generator<Found> {
  const residual = plan.residual;
  const fields = new Set<string>();
  const isPart = inPart && residual !== undefined && addFieldsOf(residual, fields);
  const decided = plan.kind === 'index' && plan.covered;
  for (const record of passing?.(skip) ?? records(collection, plan, touched, skip, limit)) {
    if (collection.dropped) return;
    const raw = collection.raw(record);
    if (!raw) continue;
    touched.documents++;
    const document = residual && !decided ? (isPart ? decodeFields(raw, fields) : decode(raw)) : undefined;
    if (document && residual && !matches(residual, document)) continue;
    yield { record, raw, document: isPart ? undefined : document };
  }
}

/** The record numbers a plan names, each once. */
export function* records(collection: Collection, plan: Plan, touched: Touched, skip: number, limit: number): Generator<number> {
  if (plan.kind === 'collection') {
    for (const key of collection.storage.keys(tableRange(collection.state.table), plan.reverse, skip, limit || undefined)) {
      yield recordOf(key);
    }
    return;
  }
  const seen = new Set<number>();
  const branches = plan.kind === 'or' ? plan.branches : [plan];
  const once = plan.kind === 'or' || plan.index.multikey;
  for (const branch of branches) {
    for (const key of keysThatPass(collection, branch, touched, skip, limit)) {
      const record = recordOf(key);
      if (once && seen.has(record)) continue;
      if (once) seen.add(record);
      yield record;
    }
  }
}

function* keysThatPass(
  collection: Collection, plan: IndexPlan, touched: Touched, skip: number, limit: number
): Generator<Buffer> {
  const test = plan.residual && plan.covered ? keyTest(plan.index, plan.residual) : undefined;
  for (const key of indexKeys(collection, plan, skip, limit)) {
    touched.keys++;
    if (!test || test(key)) yield key;
  }
}

/** The index's keys in the plan's order; the first `skip` are passed over without being looked at. */
function* indexKeys(collection: Collection, plan: IndexPlan, skip: number, limit: number): Generator<Buffer> {
  const { storage } = collection;
  const expected = limit > 0 && !plan.residual ? limit : undefined;
  if (plan.merge) {
    yield* dropFirst(merged(collection, plan), skip);
    return;
  }
  let ahead = skip;
  const intervals = plan.reverse ? [...plan.intervals].reverse() : plan.intervals;
  for (const interval of intervals) {
    if (ahead > 0 && intervals.length > 1) {
      const size = storage.count(interval);
      if (size <= ahead) {
        ahead -= size;
        continue;
      }
    }
    yield* storage.keys(interval, plan.reverse, ahead, expected);
    ahead = 0;
  }
}

function* dropFirst<T>(items: Iterable<T>, count: number): Generator<T> {
  let ahead = count;
  for (const item of items) if (ahead-- <= 0) yield item;
}

/** Reads intervals side by side, so that what follows their equality prefix comes in order. */
function* merged(collection: Collection, plan: IndexPlan): Generator<Buffer> {
  const sign = plan.reverse ? -1 : 1;
  const heads: { rest: Buffer; key: Buffer; keys: Generator<Buffer>; interval: Interval }[] = [];
  for (const interval of plan.intervals) {
    const keys = collection.storage.keys(interval, plan.reverse, 0, 16);
    const first = keys.next();
    if (!first.done) heads.push({ rest: first.value.subarray(interval.prefix), key: first.value, keys, interval });
  }
  while (heads.length > 0) {
    let best = 0;
    for (let at = 1; at < heads.length; at++) {
      if (Buffer.compare(heads[at]!.rest, heads[best]!.rest) * sign < 0) best = at;
    }
    const head = heads[best]!;
    yield head.key;
    const next = head.keys.next();
    if (next.done) heads.splice(best, 1);
    else Object.assign(head, { key: next.value, rest: next.value.subarray(head.interval.prefix) });
  }
}

/** Decides a filter on index keys alone. */
function keyTest(index: Index, filter: Filter): (key: Buffer) => boolean {
  const build = keyDocument(index);
  return (key) => {
    const document = build(key);
    return document !== undefined && matches(filter, document);
  };
}

/** A document of just the indexed fields, read from a key; undefined when the key does not tell a value. */
function keyDocument(index: Index): (key: Buffer) => BsonDocument | undefined {
  const directions = index.fields.map(({ direction }) => direction);
  return (key) => {
    const values = decodeKey(key, 4, directions);
    if (!values) return undefined;
    const document: BsonDocument = {};
    index.fields.forEach(({ parts }, at) => setAt(document, parts, values[at]));
    return document;
  };
}

/** How many documents pass, from keys alone where they suffice. Not within a write. */
export function countMatches(collection: Collection, question: Question, touched: Touched = { keys: 0, documents: 0 }): number {
  const { plan } = choosePlan(collection, question);
  if (plan.kind === 'collection' && !plan.residual) return collection.count;
  if (plan.kind === 'index' && !plan.residual && !plan.index.multikey) {
    const { table } = plan.index;
    const total = plan.intervals.reduce((sum, interval) => sum + collection.columns.count(table, interval), 0);
    touched.keys += total;
    return total;
  }
  let total = 0;
  if (plan.kind === 'index' && plan.covered) {
    for (const record of records(collection, plan, touched, 0, 0)) if (record) total++;
    return total;
  }
  const passing = decidedByColumns(collection, plan, touched);
  for (const found of passing?.(0) ?? documents(collection, plan, touched, 0, 0)) if (found) total++;
  return total;
}

/** Sorts without an index: keeps sort keys and record numbers, not documents. */
function* sorted(
  collection: Collection, plan: Plan, sort: SortField[], skip: number, limit: number, touched: Touched,
): Generator<Found> {
  const keyOf = sortKey(sort);
  const fields = new Set(sort.map(({ parts }) => parts[0] ?? ''));
  let entries: { key: Buffer; record: number }[] = [];
  let bytes = 0;
  for (const found of documents(collection, plan, touched, 0, 0)) {
    const key = keyOf(found.document ?? decodeFields(found.raw, fields));
    entries.push({ key, record: found.record });
    bytes += key.length + 64;
    if (limit > 0 && entries.length > limit * 2 + 1000) {
      entries = entries.sort((a, b) => Buffer.compare(a.key, b.key)).slice(0, limit);
      bytes = entries.reduce((sum, entry) => sum + entry.key.length + 64, 0);
    }
    if (bytes > MOST_SORTED_BYTES) {
      throw new MongoFault('QueryExceededMemoryLimitNoDiskUseAllowed',
        `Sort exceeded memory limit of ${MOST_SORTED_BYTES} bytes, but did not opt in to external sorting.`);
    }
  }
  entries.sort((a, b) => Buffer.compare(a.key, b.key));
  for (const { record } of entries.slice(skip, limit > 0 ? limit : undefined)) {
    const raw = collection.raw(record);
    if (raw) yield { record, raw, document: undefined };
  }
}

/**
 * In: a sort. Out: a function from a document to bytes that order as the documents should; arrays by their least or greatest
 * element.
 */
export function sortKey(sort: SortField[]): (document: BsonDocument) => Buffer {
  return (document) => Buffer.concat(sort.map(({ parts, direction }) => {
    const encoded = sortValues(document, parts).map((value) => encodeValue(value, direction));
    return encoded.reduce((least, bytes) => (Buffer.compare(bytes, least) < 0 ? bytes : least));
  }));
}

/** The winning plan as explain shows it. */
export function describePlan(choice: Choice, sort: SortField[]): BsonDocument {
  const inner = describe(choice.plan);
  if (choice.sorted || sort.length === 0) return inner;
  return {
    stage: 'SORT', sortPattern: Object.fromEntries(sort.map(({ path, direction }) => [path, direction])), inputStage: inner,
  };
}

function describe(plan: Plan): BsonDocument {
  if (plan.kind === 'collection') return { stage: 'COLLSCAN', direction: plan.reverse ? 'backward' : 'forward' };
  if (plan.kind === 'or') return { stage: 'FETCH', inputStage: { stage: 'OR', inputStages: plan.branches.map(describeScan) } };
  return { stage: 'FETCH', inputStage: describeScan(plan) };
}

function describeScan(plan: IndexPlan): BsonDocument {
  return {
    stage: plan.merge ? 'SORT_MERGE' : 'IXSCAN', keyPattern: plan.index.spec['key'], indexName: plan.index.name,
    isMultiKey: plan.index.multikey, isUnique: plan.index.unique, isSparse: plan.index.sparse,
    isPartial: plan.index.partial !== undefined, direction: plan.reverse ? 'backward' : 'forward',
    intervals: plan.intervals.length,
  };
}

