import type { Catalog } from './catalog.ts';
import type { Collection } from './collection.ts';
import { decode, decodeFields, encode } from './document.ts';
import { isDocument, setField } from './model.ts';
import type { BsonDocument } from './model.ts';
import type { Scope } from './expressions.ts';
import { MongoFault } from './faults.ts';
import { and, parseFilter } from './filter.ts';
import type { Filter } from './filter.ts';
import { identityOf } from './keys.ts';
import { canLeap, leap } from './leap.ts';
import { arithmetic, isNumeric } from './numbers.ts';
import { choosePlan, coveringPlan, parseSort } from './planner.ts';
import type { IndexPlan, SortField } from './planner.ts';
import { countMatches, passingByColumns, search } from './scan.ts';
import type { Search } from './scan.ts';
import { runStages, stageOf, wholeNumber } from './stages.ts';
import type { Documents, Foreign } from './stages.ts';

/** The beginning of a pipeline as one search, and what is left to do with its documents. */
export interface Split {
  search: Search;
  rest: BsonDocument[];
  /** Whether the search holds a sort, skip or limit. */
  shaped: boolean;
}

/** Takes $match, $sort, $skip and $limit from the front of a pipeline into a search that indexes can serve. */
export function splitPipeline(pipeline: readonly BsonDocument[], scope: Scope, hint: unknown): Split {
  const filters: Filter[] = [];
  let sort: SortField[] = [];
  let skip = 0;
  let limit = 0;
  let at = 0;
  let shaped = false;
  for (; at < pipeline.length; at++) {
    const [name, operand] = stageOf(pipeline[at]);
    if (name === '$match' && !shaped && isDocument(operand)) filters.push(parseFilter(operand, scope));
    else if (name === '$match' && !isDocument(operand)) throw MongoFault.location(
      15959, 'the match filter must be an expression in an object'
    );
    else if (name === '$sort' && !shaped && parseSort(operand).length > 0) sort = parseSort(operand);
    else if (name === '$match' && sort.length > 0 && !shaped) filters.push(parseFilter(operand, scope));
    else if (name === '$skip' && limit === 0) skip += wholeNumber(operand, '$skip');
    else if (name === '$limit') limit = limit === 0 ? skip + wholeNumber(operand, '$limit') : Math.min(
      limit, skip + wholeNumber(operand, '$limit')
    );
    else break;
    shaped ||= name === '$skip' || name === '$limit';
  }
  return {
    search: { filter: and(filters), sort, skip, limit, hint }, rest: pipeline.slice(at), shaped: shaped || sort.length > 0,
  };
}

/** Runs a pipeline. Out: raw documents where nothing changed them, else new ones. */
export function* aggregate(
  catalog: Catalog, db: string, collection: Collection | undefined, pipeline: readonly BsonDocument[], scope: Scope,
  hint: unknown,
): Generator<Buffer> {
  const split = splitPipeline(pipeline, scope, hint);
  if (split.rest.length === 0) {
    for (const found of search(collection, split.search)) yield found.raw;
    return;
  }
  for (const document of documentsOf(catalog, db, collection, split, scope)) yield encode(document);
}

function documentsOf(catalog: Catalog, db: string, collection: Collection | undefined, split: Split, scope: Scope): Documents {
  const foreign: Foreign = (name, pipeline, inner) => foreignDocuments(catalog, db, name, pipeline, inner);
  if (split.rest.length === 0) return decoded(collection, split.search, undefined);
  const fast = collection && !split.shaped && split.search.hint === undefined
    ? withoutReading(collection, split.search, split.rest[0], scope) : undefined;
  if (fast) return runStages(fast, split.rest.slice(1), scope, foreign);
  const facets = split.shaped ? undefined : facetsOf(split.rest[0]);
  if (facets) {
    return runStages([facet(catalog, db, collection, split.search, facets, scope)], split.rest.slice(1), scope, foreign);
  }
  return runStages(decoded(collection, split.search, fieldsRead(split.rest[0])), split.rest, scope, foreign);
}

/** The parts of a $facet stage; undefined for any other stage. */
function facetsOf(stage: BsonDocument | undefined): [string, BsonDocument[]][] | undefined {
  const [name, operand] = stageOf(stage);
  if (name !== '$facet' || !isDocument(operand)) return undefined;
  const facets = Object.entries(operand);
  return facets.every(([, pipeline]) => Array.isArray(pipeline)) ? facets as [string, BsonDocument[]][] : undefined;
}

/** Runs each part of a $facet as a pipeline of its own, so that each may use its own index and no documents are held. */
function facet(
  catalog: Catalog, db: string, collection: Collection | undefined, whole: Search, facets: [string, BsonDocument[]][],
  scope: Scope,
): BsonDocument {
  const result: BsonDocument = {};
  for (const [name, pipeline] of facets) {
    const part = splitPipeline(pipeline, scope, whole.hint);
    const combined = { ...part, search: { ...part.search, filter: and([whole.filter, part.search.filter]) } };
    setField(result, name, [...documentsOf(catalog, db, collection, combined, scope)]);
  }
  return result;
}

/** The top-level fields a $group reads; undefined for stages that may read or hand on anything. */
function fieldsRead(stage: BsonDocument | undefined): ReadonlySet<string> | undefined {
  const group = stage?.['$group'];
  const paths = isDocument(group) ? fieldPaths(group) : undefined;
  return paths && new Set(paths.map((path) => path.split('.')[0] ?? ''));
}

function* decoded(
  collection: Collection | undefined, question: Search, fields: ReadonlySet<string> | undefined,
): Generator<BsonDocument> {
  const read = (raw: Buffer): BsonDocument => (fields ? decodeFields(raw, fields) : decode(raw));
  for (const { document, raw } of search(collection, question)) yield document ?? read(raw);
}

function foreignDocuments(catalog: Catalog, db: string, name: string, pipeline: BsonDocument[], scope: Scope): Documents {
  const collection = catalog.find(db, name);
  const split = splitPipeline(pipeline, scope, undefined);
  return documentsOf(catalog, db, collection, split, scope);
}

/** Answers a leading $count or $group from index keys or what is kept in memory; undefined where they do not tell all that is read. */
function withoutReading(
  collection: Collection, question: Search, stage: BsonDocument | undefined, scope: Scope
): Documents | undefined {
  const [name, operand] = stageOf(stage);
  if (name === '$count' && typeof operand === 'string' && /^[^$.]+$/.test(operand)) {
    const count = countMatches(collection, question);
    return count === 0 ? [] : [{ [operand]: count }];
  }
  if (!stage || name !== '$group' || !isDocument(operand)) return undefined;
  const constant = countOnly(operand);
  const id = operand['_id'];
  if (constant && (id === null || isNumeric(id))) return wholeCount(id, countMatches(collection, question), constant);
  const paths = fieldPaths(operand);
  if (!paths) return undefined;
  const plan = constant && coveringPlan(collection, question.filter, paths);
  const counted = plan && countByLeaps(collection, plan, paths, operand, constant, scope);
  if (counted) return counted;
  const touched = { keys: 0, documents: 0 };
  const passing = passingByColumns(collection, choosePlan(collection, question).plan, touched)?.(0);
  if (!passing) return undefined;
  const documentOf = collection.columns.documents(paths, touched);
  if (!constant) return runStages(mapped(passing, documentOf), [stage], scope);
  const combinations = collection.columns.combinations(passing, paths, touched);
  return counts(mapped(combinations, ({ record, count }) => ({ document: documentOf(record), count })), id, constant, scope);
}

function* mapped<A, B>(items: Iterable<A>, change: (item: A) => B): Generator<B> {
  for (const item of items) yield change(item);
}

/** The constants a grouping only adds up, by field; undefined when it does anything else. */
function countOnly(group: BsonDocument): [string, number][] | undefined {
  const sums: [string, number][] = [];
  for (const name of Object.keys(group)) {
    if (name === '_id') continue;
    const spec = group[name];
    if (!isDocument(spec) || Object.keys(spec).length !== 1) return undefined;
    if ('$count' in spec) sums.push([name, 1]);
    else if (isNumeric(spec['$sum'])) sums.push([name, spec['$sum'] as number]);
    else return undefined;
  }
  return sums;
}

/** One group of everything, as countDocuments asks for it. */
function wholeCount(id: unknown, count: number, constants: [string, number][]): Documents {
  return count === 0 ? [] : [{ _id: id, ...sums(count, constants) }];
}

function sums(count: number, constants: [string, number][]): BsonDocument {
  return Object.fromEntries(constants.map(([name, constant]) => [name, arithmetic('multiply', constant, count)]));
}

/** The field paths an expression reads; undefined when it may read whole documents or variables. */
function fieldPaths(expression: unknown): string[] | undefined {
  if (typeof expression === 'string') {
    if (!expression.startsWith('$')) return [];
    return expression.startsWith('$$') ? undefined : [expression.slice(1)];
  }
  const parts = Array.isArray(expression) ? expression : isDocument(expression) ? Object.values(expression) : [];
  const lists = parts.map(fieldPaths);
  return lists.includes(undefined) ? undefined : [...new Set(lists.flatMap((list) => list ?? []))];
}

/** Counts per value by leaps over the index: the work grows with the number of groups. Undefined where leaps cannot tell. */
function countByLeaps(
  collection: Collection, plan: IndexPlan, paths: string[], group: BsonDocument, constants: [string, number][], scope: Scope,
): Documents | undefined {
  const id = group['_id'];
  const compound = isDocument(id);
  const plain = typeof id === 'string' || (compound && Object.values(id).every((value) => typeof value === 'string'));
  if (!plain || !canLeap(plan, paths)) return undefined;
  const stretches = [...leap(collection, plan, paths)];
  // Null and missing share a key but not a compound group.
  if (compound && stretches.some(({ values }) => !values || values.includes(null))) return undefined;
  return counts(mapped(stretches, ({ record, range }) => (
    { document: collection.document(record) ?? {}, count: collection.columns.count(plan.index.table, range) }
  )), id, constants, scope);
}

/** The groups of documents that each stand for so many alike. */
function counts(
  counted: Iterable<{ document: BsonDocument; count: number }>, id: unknown, constants: [string, number][], scope: Scope,
): Documents {
  const compute = scope.compile(id);
  const groups = new Map<string, { id: unknown; count: number }>();
  for (const { document, count } of counted) {
    const value = compute(document) ?? null;
    const group = groups.get(identityOf(value)) ?? { id: value, count: 0 };
    group.count += count;
    groups.set(identityOf(value), group);
  }
  return [...groups.values()].map((group) => ({ _id: group.id, ...sums(group.count, constants) }));
}
