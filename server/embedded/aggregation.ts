import type { Catalog } from './catalog.ts';
import { recordOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { decode, decodeFields, encode, isDocument, setField } from './document.ts';
import type { BsonDocument } from './document.ts';
import type { Scope } from './expressions.ts';
import { MongoFault } from './faults.ts';
import { and, parseFilter } from './filter.ts';
import type { Filter } from './filter.ts';
import { Groups, parseGroup } from './group.ts';
import { identityOf } from './keys.ts';
import { canLeap, leap } from './leap.ts';
import { arithmetic, isNumeric } from './numbers.ts';
import { coveringPlan, parseSort } from './planner.ts';
import type { IndexPlan, SortField } from './planner.ts';
import { countMatches, indexKeys, keyDocument, keyTest, search } from './scan.ts';
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
    ? fromKeys(collection, split.search, split.rest[0], scope) : undefined;
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

/** Answers a leading $count or $group from index keys where they hold all that is read; undefined where they do not. */
function fromKeys(
  collection: Collection, question: Search, stage: BsonDocument | undefined, scope: Scope
): Documents | undefined {
  const [name, operand] = stageOf(stage);
  if (name === '$count' && typeof operand === 'string' && /^[^$.]+$/.test(operand)) {
    const count = countMatches(collection, question);
    return count === 0 ? [] : [{ [operand]: count }];
  }
  if (name !== '$group' || !isDocument(operand)) return undefined;
  const constant = countOnly(operand);
  const id = operand['_id'];
  if (constant && (id === null || isNumeric(id))) return wholeCount(id, countMatches(collection, question), constant);
  const paths = fieldPaths(operand);
  const plan = paths && coveringPlan(collection, question.filter, paths);
  if (!plan) return undefined;
  const counted = constant && countByLeaps(collection, plan, paths, operand, constant, scope);
  return counted ?? groupKeys(collection, plan, paths, operand, scope);
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
  const compute = scope.compile(id);
  const counts = new Map<string, { id: unknown; count: number }>();
  for (const { record, range, values } of leap(collection, plan, paths.length)) {
    // Null and missing share a key but not a compound group.
    if (compound && (!values || values.includes(null))) return undefined;
    const value = compute(collection.document(record) ?? {}) ?? null;
    const entry = counts.get(identityOf(value)) ?? { id: value, count: 0 };
    entry.count += collection.storage.count(range);
    counts.set(identityOf(value), entry);
  }
  return [...counts.values()].map((entry) => ({ _id: entry.id, ...sums(entry.count, constants) }));
}

/** Groups by reading keys only; a document is looked at where its key does not tell the exact value (numbers, null). */
function groupKeys(collection: Collection, plan: IndexPlan, paths: string[], group: BsonDocument, scope: Scope): Documents {
  const spec = parseGroup(group, scope);
  return (function* grouped() {
    const groups = new Groups(spec);
    const build = keyDocument(plan.index);
    const test = plan.residual && keyTest(plan.index, plan.residual);
    const parts = paths.map((path) => path.split('.'));
    for (const key of indexKeys(collection, plan, 0, 0)) {
      if (test && !test(key)) continue;
      const document = build(key);
      const exact = document && parts.every(
        (path) => isExact(path.reduce<unknown>((value, part) => (value as BsonDocument)[part], document))
      );
      groups.add((exact ? document : collection.document(recordOf(key))) ?? {});
    }
    yield* groups.results();
  })();
}

function isExact(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || value instanceof Date
    || (typeof value === 'object' && value !== null && !Array.isArray(value) && !isDocument(value) && !isNumeric(value));
}

