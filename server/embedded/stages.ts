import { Lazy } from 'mingo/lazy';
import * as pipelineOperators from 'mingo/operators/pipeline';
import { compareValues } from './compare.ts';
import { field, isDocument, setField, toNumber } from './model.ts';
import type { BsonDocument } from './model.ts';
import type { Scope } from './expressions.ts';
import { MongoFault, notImplemented } from './faults.ts';
import { matches, parseFilter } from './filter.ts';
import { Groups, parseGroup } from './group.ts';
import { parseSort } from './planner.ts';
import { parseAddFields, parseProjection, parseUnset } from './projection.ts';
import { sortKey } from './scan.ts';
import { valueAt } from './paths.ts';

export type Documents = Iterable<BsonDocument>;

/** Reads another collection of the same database, through its indexes, for $lookup and the like. */
export type Foreign = (collection: string, pipeline: BsonDocument[], scope: Scope) => Documents;

type Stage = (input: Documents, operand: unknown, scope: Scope, foreign: Foreign) => Documents;

const noForeign: Foreign = () => {
  throw notImplemented('reading another collection here');
};

/** Runs pipeline stages over documents as a stream. Throws 40324 for a stage MongoDB does not know either. */
export function runStages(
  input: Documents, pipeline: readonly BsonDocument[], scope: Scope, foreign: Foreign = noForeign
): Documents {
  return pipeline.reduce<Documents>((documents, stage) => {
    const [name, operand] = stageOf(stage);
    const run = STAGES[name];
    if (run) return run(documents, operand, scope, foreign);
    if (REFUSED.has(name)) throw notImplemented(name);
    return mingoStage(name, documents, operand, scope);
  }, input);
}

/** The one name and operand of a stage. */
export function stageOf(stage: unknown): [string, unknown] {
  const names = isDocument(stage) ? Object.keys(stage) : [];
  const name = names[0];
  if (!isDocument(stage) || names.length !== 1 || name === undefined) {
    throw MongoFault.location(40323, 'A pipeline stage specification object must contain exactly one field.');
  }
  return [name, stage[name]];
}

const REFUSED = new Set(['$out', '$merge', '$changeStream', '$changeStreamSplitLargeEvent', '$geoNear', '$graphLookup',
  '$search', '$searchMeta',
  '$vectorSearch', '$listSessions', '$currentOp', '$planCacheStats', '$documents']);
const FROM_MINGO = new Set(['$bucketAuto', '$densify', '$fill', '$redact', '$sample', '$setWindowFields']);

function mingoStage(name: string, input: Documents, operand: unknown, scope: Scope): Documents {
  if (!FROM_MINGO.has(name)) throw MongoFault.location(40324, `Unrecognized pipeline stage name: '${name}'`);
  const run = (
    pipelineOperators as unknown as Record<string, (coll: unknown, expr: unknown, options: unknown) => Documents>
  )[name];
  if (!run) throw notImplemented(name);
  return run(Lazy(input as Iterable<unknown>), operand, scope.evaluation());
}

function* map(input: Documents, change: (document: BsonDocument) => BsonDocument): Generator<BsonDocument> {
  for (const document of input) yield change(document);
}

const $match: Stage = (input, operand, scope) => {
  const filter = parseFilter(requireDocument(operand, 15959, 'the match filter must be an expression in an object'), scope);
  return (function* match() {
    for (const document of input) if (matches(filter, document)) yield document;
  })();
};

function requireDocument(operand: unknown, code: number, message: string): BsonDocument {
  if (!isDocument(operand)) throw MongoFault.location(code, message);
  return operand;
}

const $project: Stage = (input, operand, scope) => {
  const spec = requireDocument(operand, 15969, '$project specification must be an object');
  if (Object.keys(spec).length === 0) throw MongoFault.location(51272, 'projection specification must have at least one field');
  const project = parseProjection(spec, scope);
  return project ? map(input, project) : input;
};

const $group: Stage = (input, operand, scope) => {
  const spec = parseGroup(operand, scope);
  return (function* group() {
    const groups = new Groups(spec);
    for (const document of input) groups.add(document);
    yield* groups.results();
  })();
};

const $sort: Stage = (input, operand) => {
  const sort = parseSort(operand);
  if (sort.length === 0) throw MongoFault.location(15976, '$sort stage must have at least one sort key');
  return (function* sorted() {
    const keyOf = sortKey(sort);
    const entries = [...input].map((document) => ({ key: keyOf(document), document }));
    entries.sort((a, b) => Buffer.compare(a.key, b.key));
    for (const { document } of entries) yield document;
  })();
};

/** In: the operand of $limit or $skip. Throws 5107201 and the like for what is no whole number in range. */
export function wholeNumber(operand: unknown, name: '$limit' | '$skip'): number {
  const count = typeof operand === 'boolean' ? undefined : toNumber(operand);
  if (count === undefined || !Number.isInteger(count)) {
    throw MongoFault.location(
      name === '$limit' ? 2107201 : 5107200, `invalid argument to ${name} stage: Expected an integer: ${name}: ${String(operand)}`
    );
  }
  if (count < 0) {
    throw MongoFault.location(
      name === '$limit' ? 5107201 : 5107200,
      `invalid argument to ${name} stage: Expected a non-negative number in: ${name}: ${count}`
    );
  }
  if (name === '$limit' && count === 0) throw MongoFault.location(15958, 'the limit must be positive');
  return count;
}

const $limit: Stage = (input, operand) => {
  const count = wholeNumber(operand, '$limit');
  return (function* limit() {
    let left = count;
    for (const document of input) {
      yield document;
      if (--left <= 0) return;
    }
  })();
};

const $skip: Stage = (input, operand) => {
  const count = wholeNumber(operand, '$skip');
  return (function* skip() {
    let ahead = count;
    for (const document of input) if (ahead-- <= 0) yield document;
  })();
};

const $count: Stage = (input, operand) => {
  if (typeof operand !== 'string' || operand === '') {
    throw MongoFault.location(40156, 'the count field must be a non-empty string');
  }
  if (operand.startsWith('$')) throw MongoFault.location(40158, 'the count field cannot be a $-prefixed path');
  if (operand.includes('.')) throw MongoFault.location(40160, "the count field cannot contain '.'");
  return (function* count() {
    let total = 0;
    for (const document of input) if (document) total++;
    if (total > 0) yield { [operand]: total };
  })();
};

const $replaceWith: Stage = (input, operand, scope) => {
  const compute = scope.compile(operand);
  return map(input, (document) => {
    const value = compute(document);
    if (isDocument(value)) return value;
    throw MongoFault.location(
      40228, `'newRoot' expression must evaluate to an object, but resulting value was: ${String(value)}`
    );
  });
};

const $replaceRoot: Stage = (input, operand, scope, foreign) => {
  const spec = requireDocument(operand, 40229, 'expected an object as specification for $replaceRoot stage');
  if (!('newRoot' in spec)) throw MongoFault.location(40231, "no newRoot specified for the $replaceRoot stage");
  return $replaceWith(input, spec['newRoot'], scope, foreign);
};

const $sortByCount: Stage = (input, operand, scope, foreign) =>
  $sort($group(input, { _id: operand, count: { $sum: 1 } }, scope, foreign), { count: -1 }, scope, foreign);

const $facet: Stage = (input, operand, scope, foreign) => {
  const spec = requireDocument(operand, 40169, 'the $facet specification must be a non-empty object');
  return (function* facet() {
    const documents = [...input];
    const result: BsonDocument = {};
    for (const name of Object.keys(spec)) {
      const pipeline = spec[name];
      if (!Array.isArray(pipeline)) throw MongoFault.location(40170, `arguments to $facet must be arrays, ${name} is not`);
      setField(result, name, [...runStages(documents, pipeline as BsonDocument[], scope, foreign)]);
    }
    yield result;
  })();
};

const $unwind: Stage = (input, operand) => {
  const spec = isDocument(operand) ? operand : { path: operand };
  const path = spec['path'];
  if (typeof path !== 'string' || !path.startsWith('$') || path.length < 2) {
    throw MongoFault.location(28818, `path option to $unwind stage should be prefixed with a '$': ${String(path)}`);
  }
  const parts = path.slice(1).split('.');
  const keep = spec['preserveNullAndEmptyArrays'] === true;
  const index = typeof spec['includeArrayIndex'] === 'string' ? spec['includeArrayIndex'].split('.') : undefined;
  return (function* unwind() {
    for (const document of input) {
      const value = plainAt(document, parts);
      if (!Array.isArray(value) || value.length === 0) {
        if (value !== null && value !== undefined && !Array.isArray(value)) yield indexed(document, index, null);
        else if (keep) yield indexed(Array.isArray(value) ? replaced(document, parts, undefined) : document, index, null);
        continue;
      }
      for (const [at, item] of value.entries()) yield indexed(replaced(document, parts, item), index, at);
    }
  })();
};

function plainAt(document: BsonDocument, parts: string[]): unknown {
  return parts.reduce<unknown>((value, part) => (isDocument(value) ? field(value, part) : undefined), document);
}

function indexed(document: BsonDocument, parts: string[] | undefined, at: number | null): BsonDocument {
  return parts ? replaced(document, parts, at) : document;
}

/** A copy with the value at the path exchanged, or taken away when undefined. */
function replaced(document: BsonDocument, [name = '', ...rest]: string[], value: unknown): BsonDocument {
  const copy = { ...document };
  const inner = field(copy, name);
  if (rest.length > 0) setField(copy, name, replaced(isDocument(inner) ? inner : {}, rest, value));
  else if (value === undefined) delete copy[name];
  else setField(copy, name, value);
  return copy;
}

const $lookup: Stage = (input, operand, scope, foreign) => {
  const spec = requireDocument(operand, 9, 'the $lookup specification must be an Object');
  const { from, as, localField, foreignField, pipeline = [] } = spec as { [name: string]: unknown; pipeline?: BsonDocument[] };
  if (typeof from !== 'string') throw new MongoFault('FailedToParse', 'must specify \'from\' field for a $lookup');
  if (typeof as !== 'string') throw new MongoFault('FailedToParse', 'must specify \'as\' field for a $lookup');
  const joins = typeof localField === 'string' && typeof foreignField === 'string';
  if (!joins && !('pipeline' in spec)) {
    throw new MongoFault(
      'FailedToParse', '$lookup requires either \'pipeline\' or both \'localField\' and \'foreignField\' to be specified'
    );
  }
  const variables = Object.entries(isDocument(spec['let']) ? spec['let'] : {}).map(
    ([name, value]) => ({ name, compute: scope.compile(value) })
  );
  return map(input, (document) => {
    const inner = scope.with(Object.fromEntries(variables.map(({ name, compute }) => [name, compute(document) ?? null])));
    const match = joins ? [{ $match: joinFilter(String(foreignField), valueAt(document, String(localField).split('.'))) }] : [];
    return replaced(document, as.split('.'), [...foreign(from, [...match, ...pipeline], inner)]);
  });
};

function joinFilter(path: string, value: unknown): BsonDocument {
  return { [path]: Array.isArray(value) ? { $in: value } : { $eq: value ?? null } };
}

const $unionWith: Stage = (input, operand, scope, foreign) => {
  const spec = typeof operand === 'string' ? { coll: operand } : requireDocument(
    operand, 9, 'the $unionWith stage specification must be an object or string'
  );
  const { coll, pipeline = [] } = spec as { coll?: unknown; pipeline?: BsonDocument[] };
  return (function* union() {
    yield* input;
    yield* foreign(String(coll), pipeline, scope);
  })();
};

const $addFields: Stage = (input, operand, scope) => map(input, parseAddFields(operand, scope, '$addFields'));

/** Groups by the boundaries a value lies between. */
const $bucket: Stage = (input, operand, scope) => {
  const spec = requireDocument(operand, 40201, 'Argument to $bucket stage must be an object');
  const { boundaries, groupBy, output = { count: { $sum: 1 } } } = spec;
  if (!Array.isArray(boundaries) || boundaries.length < 2) {
    throw MongoFault.location(40192, "The $bucket 'boundaries' field must have at least 2 values");
  }
  const compute = scope.compile(groupBy);
  const bucketOf = (document: BsonDocument): unknown => {
    const value = compute(document) ?? null;
    const above = boundaries.findIndex((boundary) => compareValues(value, boundary) < 0);
    if (above > 0) return boundaries[above - 1];
    if ('default' in spec) return spec['default'];
    throw MongoFault.location(40066, '$switch could not find a matching branch for an input, and no default was specified.');
  };
  const { fields } = parseGroup(
    { ...requireDocument(output, 40196, "The $bucket 'output' field must be an object"), _id: null }, scope
  );
  return (function* bucket() {
    const groups = new Groups({ id: bucketOf, fields });
    for (const document of input) groups.add(document);
    yield* [...groups.results()].sort((a, b) => compareValues(a['_id'], b['_id']));
  })();
};

const STAGES: Record<string, Stage> = {
  $match, $project, $group, $sort, $limit, $skip, $count, $replaceRoot, $replaceWith, $sortByCount, $facet, $unwind, $lookup,
  $unionWith, $bucket,
  $addFields, $set: $addFields, $unset: (input, operand, scope) => map(input, parseUnset(operand, scope)),
};

