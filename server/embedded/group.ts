import * as accumulatorOperators from 'mingo/operators/accumulator';
import { compareValues } from './compare.ts';
import { isDocument, setField } from './model.ts';
import type { BsonDocument } from './model.ts';
import { averageOf, sumOf } from './expressions.ts';
import type { Scope } from './expressions.ts';
import { evalExpr } from 'mingo/core';
import { MongoFault } from './faults.ts';
import { identityOf } from './keys.ts';
import { isNumeric } from './numbers.ts';
import type { Numeric } from './numbers.ts';

/** The running state of one accumulator in one group. */
interface Accumulator {
  add(document: BsonDocument): void;
  result(): unknown;
}

type AccumulatorMaker = (value: (document: BsonDocument) => unknown) => Accumulator;

export interface GroupSpec {
  id: (document: BsonDocument) => unknown;
  fields: { name: string; make: () => Accumulator }[];
}

/** In: the operand of $group. Throws with MongoDB's codes. */
export function parseGroup(spec: unknown, scope: Scope): GroupSpec {
  if (!isDocument(spec)) throw MongoFault.location(15947, "a group's fields must be specified in an object");
  if (!('_id' in spec)) throw MongoFault.location(15955, 'a group specification must include an _id');
  const fields = Object.keys(spec).filter((name) => name !== '_id').map(
    (name) => ({ name, make: accumulator(name, spec[name], scope) })
  );
  return { id: scope.compile(spec['_id']), fields };
}

function accumulator(name: string, operand: unknown, scope: Scope): () => Accumulator {
  if (name.includes('.')) throw MongoFault.location(40235, `The field name '${name}' cannot contain '.'`);
  if (!isDocument(operand) || !Object.keys(operand)[0]?.startsWith('$')) {
    throw MongoFault.location(40234, `The field '${name}' must be an accumulator object`);
  }
  if (Object.keys(operand).length !== 1) throw MongoFault.location(40238, `The field '${name}' must specify one accumulator`);
  const operator = Object.keys(operand)[0] ?? '';
  const own = ACCUMULATORS[operator];
  if (own) {
    const value = operator === '$count' ? () => 1 : scope.compile(operand[operator]);
    return () => own(value);
  }
  if (!(operator in accumulatorOperators) || operator === '$accumulator') {
    throw MongoFault.location(15952, `unknown group operator '${operator}'`);
  }
  return () => mingoAccumulator(operand, scope);
}

const ACCUMULATORS: Record<string, AccumulatorMaker> = {
  $sum: (value) => sum(value, (total) => total),
  $count: (value) => sum(value, (total) => total),
  $avg: (value) => sum(value, averageOf),
  $min: (value) => extreme(value, -1),
  $max: (value) => extreme(value, 1),
  $first: (value) => {
    let first: unknown;
    let seen = false;
    return { add: (document) => { if (!seen) first = value(document); seen = true; }, result: () => first ?? null };
  },
  $last: (value) => {
    let last: unknown;
    return { add: (document) => { last = value(document); }, result: () => last ?? null };
  },
  $push: (value) => {
    const items: unknown[] = [];
    return { add: (document) => { const item = value(document); if (item !== undefined) items.push(item); },
      result: () => items };
  },
  $addToSet: (value) => {
    const items = new Map<string, unknown>();
    const add = (document: BsonDocument): void => {
      const item = value(document);
      if (item !== undefined) items.set(identityOf(item), item);
    };
    return { add, result: () => [...items.values()] };
  },
  $mergeObjects: (value) => {
    const merged: BsonDocument = {};
    const add = (document: BsonDocument): void => {
      const item = value(document);
      if (isDocument(item)) for (const name of Object.keys(item)) setField(merged, name, item[name]);
    };
    return { add, result: () => merged };
  },
};

function sum(value: (document: BsonDocument) => unknown, finish: (total: Numeric, count: number) => unknown): Accumulator {
  let total: Numeric = 0;
  let count = 0;
  const add = (document: BsonDocument): void => {
    const item = value(document);
    if (!isNumeric(item)) return;
    total = sumOf([total, item]);
    count++;
  };
  return { add, result: () => finish(total, count) };
}

function extreme(value: (document: BsonDocument) => unknown, sign: 1 | -1): Accumulator {
  let best: unknown;
  const add = (document: BsonDocument): void => {
    const item = value(document);
    if (item !== undefined && item !== null && (best === undefined || compareValues(item, best) * sign > 0)) best = item;
  };
  return { add, result: () => best ?? null };
}

/** The rarer accumulators are mingo's; they see the group's documents at the end. */
function mingoAccumulator(operand: BsonDocument, scope: Scope): Accumulator {
  const documents: BsonDocument[] = [];
  return {
    add: (document) => { documents.push(document); },
    result: () => evalExpr(documents, operand, scope.evaluation().update({ root: null }) as never),
  };
}

/** Collects groups; documents may be added one at a time or many equal ones at once. */
export class Groups {
  readonly #spec: GroupSpec;
  readonly #groups = new Map<string, { id: unknown; accumulators: Accumulator[] }>();

  constructor(spec: GroupSpec) {
    this.#spec = spec;
  }

  add(document: BsonDocument): void {
    const id = withoutMissing(this.#spec.id(document)) ?? null;
    const key = identityOf(id);
    let group = this.#groups.get(key);
    if (!group) this.#groups.set(key, group = { id, accumulators: this.#spec.fields.map(({ make }) => make()) });
    for (const each of group.accumulators) each.add(document);
  }

  *results(): Generator<BsonDocument> {
    for (const { id, accumulators } of this.#groups.values()) {
      const result: BsonDocument = { _id: id };
      this.#spec.fields.forEach(({ name }, at) => setField(result, name, accumulators[at]?.result()));
      yield result;
    }
  }
}

/** Missing parts of a compound group key are left out, as MongoDB does. */
function withoutMissing(value: unknown): unknown {
  if (!isDocument(value)) return value;
  const result: BsonDocument = {};
  for (const name of Object.keys(value)) if (value[name] !== undefined) setField(result, name, value[name]);
  return result;
}
