import { Long } from 'bson';
import { aggregate, splitPipeline } from '../aggregation.ts';
import type { Collection } from '../collection.ts';
import type { Touched } from '../columns.ts';
import { decode, encode } from '../document.ts';
import { field, isDocument } from '../model.ts';
import type { BsonDocument } from '../model.ts';
import type { Scope } from '../expressions.ts';
import { MongoFault, notImplemented } from '../faults.ts';
import { parseFilter } from '../filter.ts';
import { refuseCollation } from '../indexes.ts';
import { identityOf, recordOf } from '../keys.ts';
import { canLeap, leap } from '../leap.ts';
import { valueAt } from '../paths.ts';
import { choosePlan, coveringPlan, parseSort } from '../planner.ts';
import type { Choice } from '../planner.ts';
import { parseProjection } from '../projection.ts';
import { countMatches, describePlan, runChoice, search } from '../scan.ts';
import type { Search } from '../scan.ts';
import { stageOf } from '../stages.ts';
import type { KeyRange } from '../storage.ts';
import { collectionName, scopeOf, wholeOption } from './context.ts';
import type { Command, CommandContext } from './context.ts';

/** A search as find, count and the like state it. */
function searchOf(command: BsonDocument, scope: Scope, filterName = 'filter'): Search {
  refuseCollation(command['collation']);
  for (const name of ['min', 'max']) {
    if (isDocument(command[name]) && Object.keys(command[name]).length > 0) throw notImplemented(`find with ${name}`);
  }
  const skip = wholeOption(command, 'skip') ?? 0;
  const limit = Math.abs(wholeOption(command, 'limit', Number.NEGATIVE_INFINITY) ?? 0);
  const hint = command['hint'];
  const hinted = hint === undefined || (isDocument(hint) && Object.keys(hint).length === 0) ? undefined : hint;
  return {
    filter: parseFilter(command[filterName], scope), sort: parseSort(command['sort']), skip,
    limit: limit === 0 ? 0 : limit + skip, hint: hinted,
  };
}

export const find: Command = (context, command) => {
  const name = collectionName(command, 'find');
  if (command['tailable'] === true || command['awaitData'] === true) throw notImplemented('a tailable cursor');
  wholeOption(command, 'limit');
  const scope = scopeOf(command);
  const question = searchOf(command, scope);
  const project = parseProjection(command['projection'], scope, question.filter);
  const collection = context.catalog.find(context.db, name);
  const documents = (function* found() {
    for (const { raw, document } of search(collection, { ...question, raw: !project })) yield project ? encode(project(document ?? decode(raw))) : raw;
  })();
  return context.cursors.open(documents, {
    namespace: `${context.db}.${name}`, batchSize: wholeOption(command, 'batchSize'),
    singleBatch: command['singleBatch'] === true,
    noTimeout: command['noCursorTimeout'] === true, connection: context.connection,
  });
};

export const getMore: Command = (context, command) => {
  const id = command['getMore'];
  if (!(id instanceof Long)) {
    throw new MongoFault('TypeMismatch', "BSON field 'getMore.getMore' is the wrong type, expected type 'long'");
  }
  return context.cursors.more(
    id, `${context.db}.${collectionName(command, 'collection')}`, wholeOption(command, 'batchSize'), context.connection
  );
};

export const killCursors: Command = (context, command) => {
  if (!Array.isArray(command['cursors'])) {
    throw new MongoFault('TypeMismatch', "BSON field 'killCursors.cursors' must be an array");
  }
  const cursorsKilled: unknown[] = [];
  const cursorsNotFound: unknown[] = [];
  for (const id of command['cursors']) (
    id instanceof Long && context.cursors.kill(id) ? cursorsKilled : cursorsNotFound
  ).push(id);
  return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [] };
};

export const count: Command = (context, command) => {
  const question = searchOf(command, scopeOf(command), 'query');
  const collection = context.catalog.find(context.db, collectionName(command, 'count'));
  const total = collection ? countMatches(collection, question) : 0;
  const afterSkip = Math.max(0, total - question.skip);
  return { n: question.limit > 0 ? Math.min(afterSkip, question.limit - question.skip) : afterSkip };
};

export const distinct: Command = (context, command) => {
  const key = command['key'];
  if (typeof key !== 'string') {
    throw new MongoFault('TypeMismatch', "BSON field 'distinct.key' is the wrong type, expected type 'string'");
  }
  const question = searchOf(command, scopeOf(command), 'query');
  const collection = context.catalog.find(context.db, collectionName(command, 'distinct'));
  const values = collection && question.hint === undefined ? distinctByLeaps(collection, question, key) : undefined;
  return { values: values ?? distinctByDocuments(collection, question, key) };
};

/** Reads one document per value where an index lies right; undefined where none does. */
function distinctByLeaps(collection: Collection, question: Search, key: string): unknown[] | undefined {
  const plan = coveringPlan(collection, question.filter, [key]);
  if (!plan || !canLeap(plan, [key])) return undefined;
  const values = new Map<string, unknown>();
  for (const { record, range, values: [value] = [] } of leap(collection, plan, [key])) {
    if (value !== null) collect(collection.document(record), key.split('.'), 0, values);
    else if (hasExplicitNull(collection, range, key)) add(null, values);
  }
  return [...values.values()];
}

/** Null and missing share a key, but only null is a value. */
function hasExplicitNull(collection: Collection, range: KeyRange, key: string): boolean {
  for (const found of collection.storage.keys(range)) {
    if (valueAt(collection.document(recordOf(found)), key.split('.')) === null) return true;
  }
  return false;
}

function distinctByDocuments(collection: Collection | undefined, question: Search, key: string): unknown[] {
  const values = new Map<string, unknown>();
  for (const { raw, document } of search(collection, question)) collect(document ?? decode(raw), key.split('.'), 0, values);
  return [...values.values()];
}

function collect(value: unknown, parts: string[], at: number, into: Map<string, unknown>): void {
  const part = parts[at];
  if (Array.isArray(value)) {
    if (part !== undefined && /^\d+$/.test(part)) collect(value[Number(part)], parts, at + 1, into);
    else for (const item of value) collectItem(item, parts, at, into);
  } else if (part === undefined) {
    add(value, into);
  } else if (isDocument(value)) {
    collect(field(value, part), parts, at + 1, into);
  }
}

/** An element of an array: a value at the path's end, else a document to go on in. */
function collectItem(item: unknown, parts: string[], at: number, into: Map<string, unknown>): void {
  if (at === parts.length) add(item, into);
  else collect(item, parts, at, into);
}

function add(value: unknown, into: Map<string, unknown>): void {
  if (value !== undefined) into.set(identityOf(value), value);
}

export const aggregateCommand: Command = (context, command) => {
  refuseCollation(command['collation']);
  const pipeline = pipelineOf(command);
  if (command['explain'] === true) return explainAggregate(context, command);
  if (!isDocument(command['cursor'])) {
    throw new MongoFault('FailedToParse', "The 'cursor' option is required, except for aggregate with the explain argument");
  }
  if (pipeline.some((stage) => isDocument(stage) && '$changeStream' in stage)) {
    throw MongoFault.location(40573, 'The $changeStream stage is only supported on replica sets');
  }
  const whole = command['aggregate'] === 1;
  if (whole) throw notImplemented('aggregating a whole database');
  const name = collectionName(command, 'aggregate');
  const scope = scopeOf(command);
  const documents = collectionStatistics(context, name, pipeline)
    ?? aggregate(context.catalog, context.db, context.catalog.find(context.db, name), pipeline, scope, command['hint']);
  return context.cursors.open(documents, {
    namespace: `${context.db}.${name}`, batchSize: wholeOption(command['cursor'], 'batchSize'), singleBatch: false,
    noTimeout: false, connection: context.connection,
  });
};

/** The stages of an aggregate. Throws where they are no list of stages. */
function pipelineOf(command: BsonDocument): BsonDocument[] {
  const pipeline = command['pipeline'];
  if (!Array.isArray(pipeline)) throw new MongoFault('TypeMismatch', "'pipeline' option must be specified as an array");
  pipeline.forEach((stage) => stageOf(stage));
  return pipeline as BsonDocument[];
}

/** $indexStats and $collStats, which come first or not at all. */
function collectionStatistics(context: CommandContext, name: string, pipeline: BsonDocument[]): Generator<Buffer> | undefined {
  const first = pipeline[0];
  const collection = context.catalog.find(context.db, name);
  if (!first || !('$collStats' in first) || pipeline.length > 1 || !collection) return undefined;
  return (function* statistics() {
    yield encode({
      ns: collection.namespace, count: collection.count, storageStats: { count: collection.count, size: collection.bytes },
    });
  })();
}

/** The plan of another command and, above queryPlanner verbosity, what running it touched. */
export const explain: Command = (context, command) => {
  const inner = command['explain'];
  if (!isDocument(inner)) throw new MongoFault('TypeMismatch', "BSON field 'explain' is the wrong type, expected type 'object'");
  const verbosity = command['verbosity'] ?? 'allPlansExecution';
  const name = Object.keys(inner)[0] ?? '';
  if (name === 'aggregate') return explainAggregate(context, { ...inner, verbosity });
  const scope = scopeOf(inner);
  const [statement = inner] = (inner['updates'] ?? inner['deletes'] ?? []) as BsonDocument[];
  const filterName = { count: 'query', distinct: 'query', findAndModify: 'query', update: 'q', delete: 'q' }[name] ?? 'filter';
  if (name !== 'find' && filterName === 'filter') {
    throw new MongoFault('CommandNotFound', `Explain failed due to unknown command: ${name}`);
  }
  return explanation(
    context, collectionName(inner, name), searchOf(statement, scope, filterName), String(verbosity), name === 'count'
  );
};

function explainAggregate(context: CommandContext, command: BsonDocument): BsonDocument {
  const split = splitPipeline(pipelineOf(command), scopeOf(command), command['hint']);
  return explanation(
    context, collectionName(command, 'aggregate'), split.search, String(command['verbosity'] ?? 'queryPlanner'), false
  );
}

function explanation(
  context: CommandContext, name: string, question: Search, verbosity: string, counting: boolean
): BsonDocument {
  const collection = context.catalog.find(context.db, name);
  const choice = choosePlan(collection, question);
  const winningPlan = collection ? describePlan(choice, question.sort) : { stage: 'EOF' };
  const reply: BsonDocument = {
    explainVersion: '1',
    queryPlanner: { namespace: `${context.db}.${name}`, indexFilterSet: false, winningPlan, rejectedPlans: [] },
  };
  if (verbosity !== 'queryPlanner') reply['executionStats'] = execution(collection, choice, question, winningPlan, counting);
  return { ...reply, serverInfo: { host: context.statistics().host, port: context.statistics().port, version: '7.0.0' } };
}

function execution(
  collection: Collection | undefined, choice: Choice, question: Search, winningPlan: BsonDocument, counting: boolean,
): BsonDocument {
  const touched: Touched = { keys: 0, documents: 0 };
  const started = Date.now();
  let nReturned = 0;
  if (collection && counting) nReturned = countMatches(collection, question, touched);
  else if (collection) nReturned = countOf(runChoice(collection, choice, question, touched));
  return {
    executionSuccess: true, nReturned, executionTimeMillis: Date.now() - started, totalKeysExamined: touched.keys,
    totalDocsExamined: touched.documents, executionStages: winningPlan,
  };
}

function countOf(items: Iterable<unknown>): number {
  let total = 0;
  for (const item of items) if (item) total++;
  return total;
}
