import { Long, Timestamp } from 'bson';
import { compareValues, equalValues } from './compare.ts';
import type { Scope } from './expressions.ts';
import { MongoFault } from './faults.ts';
import { isOperatorDocument, matches, parseFilter } from './filter.ts';
import type { Filter } from './filter.ts';
import { cloneValue, field, isDocument, setField, toNumber } from './model.ts';
import type { BsonDocument } from './model.ts';
import { arithmetic, isNumeric } from './numbers.ts';
import { isIndex } from './paths.ts';
import { show } from './show.ts';
import { typeName } from './types.ts';

/** What an update needs to know beyond the document. */
export interface UpdateContext {
  filter: Filter;
  scope: Scope;
  /** True while the document of an upsert is being made: $setOnInsert applies. */
  inserting: boolean;
}

/** Changes the value at a key of a document or an array. */
export type Modifier = (parent: BsonDocument | unknown[], key: string, operand: unknown, context: UpdateContext, path: string) => void;

/** $pull's condition is parsed once, not per document. */
export function prepared(operator: string, operand: unknown, scope: Scope): unknown {
  return operator === '$pull' ? pullTest(operand, scope) : operand;
}

/** Throws where an operator cannot take this operand, whatever the document. */
export function checkOperand(operator: string, path: string, operand: unknown): void {
  if ((operator === '$inc' || operator === '$mul') && !isNumeric(operand)) {
    throw new MongoFault('TypeMismatch', `Cannot ${operator === '$inc' ? 'increment' : 'multiply'} with non-numeric argument: `
      + `{${path}: ${show(operand)}}`);
  }
  if (operator === '$rename' && typeof operand !== 'string') {
    throw new MongoFault('BadValue', `The 'to' field for $rename must be a string: ${path}: ${show(operand)}`);
  }
  if (operator === '$pullAll' && !Array.isArray(operand)) {
    throw new MongoFault('BadValue', `$pullAll requires an array argument but was given a ${typeName(operand)}`);
  }
  if (operator === '$pop' && toNumber(operand) !== 1 && toNumber(operand) !== -1) {
    throw new MongoFault('FailedToParse', `$pop expects 1 or -1, found: ${show(operand)}`);
  }
}

export function childOf(node: BsonDocument | unknown[], key: string): unknown {
  return Array.isArray(node) ? (isIndex(key) ? node[Number(key)] : undefined) : field(node, key);
}

export function put(node: BsonDocument | unknown[], key: string, value: unknown): void {
  if (!Array.isArray(node)) {
    setField(node, key, value);
    return;
  }
  const index = Number(key);
  if (index > node.length + 1_500_000) throw new MongoFault('BadValue', `can't backfill more than 1500000 elements`);
  while (node.length < index) node.push(null);
  node[index] = value;
}

/** At one place what was set is not changed again by the same update, so that it may share the operand. */
const $set: Modifier = (parent, key, operand, _context, path) => put(parent, key, path.includes('$') ? cloneValue(operand) : operand);

function arithmeticModifier(operator: '$inc' | '$mul'): Modifier {
  return (parent, key, operand, _context, path) => {
    const current = childOf(parent, key);
    const amount = operand as number;
    if (current === undefined) {
      put(parent, key, operator === '$inc' ? amount : arithmetic('multiply', amount, 0));
      return;
    }
    if (!isNumeric(current)) {
      throw new MongoFault('TypeMismatch', `Cannot apply ${operator} to a value of non-numeric type. {_id: `
        + `${show(idOf(parent))}} `
        + `has the field '${path.split('.').at(-1)}' of non-numeric type ${typeName(current)}`);
    }
    const result = arithmetic(operator === '$inc' ? 'add' : 'multiply', current, amount);
    if (result === undefined) {
      throw new MongoFault('BadValue', `Failed to apply ${operator} operations to current value (${show(current)}) for document`);
    }
    put(parent, key, result);
  };
}

function idOf(parent: BsonDocument | unknown[]): unknown {
  return Array.isArray(parent) ? undefined : field(parent, '_id');
}

function extremeModifier(sign: 1 | -1): Modifier {
  return (parent, key, operand) => {
    const current = childOf(parent, key);
    if (current === undefined || compareValues(operand, current) * sign > 0) put(parent, key, cloneValue(operand));
  };
}

const $unset: Modifier = (parent, key) => {
  if (!Array.isArray(parent)) delete parent[key];
  else if (Number(key) < parent.length) parent[Number(key)] = null;
};

const $currentDate: Modifier = (parent, key, operand, context) => {
  const type = isDocument(operand) ? operand['$type'] : 'date';
  if (type !== 'date' && type !== 'timestamp') {
    throw new MongoFault(
      'BadValue', "The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: 'date'}}}"
    );
  }
  put(
    parent, key, type === 'date' ? context.scope.now : new Timestamp({ t: Math.floor(context.scope.now.getTime() / 1000), i: 1 })
  );
};

function arrayAt(parent: BsonDocument | unknown[], key: string, operator: string, path: string): unknown[] | undefined {
  const current = childOf(parent, key);
  if (current === undefined || Array.isArray(current)) return current;
  if (operator === '$push' || operator === '$addToSet') {
    throw new MongoFault('BadValue', operator === '$push'
      ? `The field '${path}' must be an array but is of type ${typeName(current)} in document {_id: ${show(idOf(parent))}}`
      : `Cannot apply $addToSet to non-array field. Field named '${path.split('.').at(-1)}' has non-array type `
        + typeName(current));
  }
  throw operator === '$pop'
    ? new MongoFault('TypeMismatch', `Path '${path}' contains an element of non-array type '${typeName(current)}'`)
    : new MongoFault('BadValue', `Cannot apply ${operator} to a non-array value`);
}

const $push: Modifier = (parent, key, operand, _context, path) => {
  const array = arrayAt(parent, key, '$push', path);
  const options = isDocument(operand) && '$each' in operand ? operand : { $each: [operand] };
  for (const name of Object.keys(options)) {
    if (!['$each', '$position', '$slice', '$sort'].includes(name)) {
      throw new MongoFault('BadValue', `Unrecognized clause in $push: ${name}`);
    }
  }
  const items = options['$each'];
  if (!Array.isArray(items)) {
    throw new MongoFault('BadValue', `The argument to $each in $push must be an array but it was of type: ${typeName(items)}`);
  }
  const result = [...(array ?? [])];
  const position = toNumber(options['$position']) ?? result.length;
  result.splice(position < 0 ? Math.max(0, result.length + position) : position, 0, ...items.map(cloneValue));
  if (options['$sort'] !== undefined) result.sort(arraySort(options['$sort']));
  const slice = toNumber(options['$slice']);
  put(parent, key, slice === undefined ? result : slice < 0 ? result.slice(slice) : result.slice(0, slice));
};

function arraySort(spec: unknown): (a: unknown, b: unknown) => number {
  const whole = toNumber(spec);
  if (whole === 1 || whole === -1) return (a, b) => compareValues(a, b) * whole;
  if (!isDocument(spec)) {
    throw new MongoFault(
      'BadValue', 'The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields'
    );
  }
  const fields = Object.entries(spec).map(
    ([path, direction]) => ({ parts: path.split('.'), sign: (toNumber(direction) ?? 1) < 0 ? -1 : 1 })
  );
  const at = (item: unknown, parts: string[]): unknown => parts.reduce<unknown>(
    (value, part) => (isDocument(value) ? field(value, part) : undefined), item
  );
  return (a, b) => {
    for (const { parts, sign } of fields) {
      const order = compareValues(at(a, parts), at(b, parts)) * sign;
      if (order !== 0) return order;
    }
    return 0;
  };
}

const $addToSet: Modifier = (parent, key, operand, _context, path) => {
  const array = arrayAt(parent, key, '$addToSet', path) ?? [];
  const each = isDocument(operand) && '$each' in operand ? operand['$each'] : [operand];
  if (!Array.isArray(each)) {
    throw new MongoFault(
      'TypeMismatch', `The argument to $each in $addToSet must be an array but it was of type ${typeName(each)}`
    );
  }
  const result = [...array];
  for (const item of each) if (!result.some((present) => equalValues(present, item))) result.push(cloneValue(item));
  put(parent, key, result);
};

function pullTest(operand: unknown, scope: Scope): (item: unknown) => boolean {
  if (isDocument(operand) && !isOperatorDocument(operand)) {
    const filter = parseFilter(operand, scope);
    return (item) => isDocument(item) && matches(filter, item);
  }
  const filter = parseFilter({ item: operand }, scope);
  if (isOperatorDocument(operand) || !Array.isArray(operand)) return (item) => matches(filter, { item });
  return (item) => equalValues(item, operand);
}

const $pull: Modifier = (parent, key, test, _context, path) => {
  const array = arrayAt(parent, key, '$pull', path);
  if (array) put(parent, key, array.filter((item) => !(test as (item: unknown) => boolean)(item)));
};

const $pullAll: Modifier = (parent, key, operand, _context, path) => {
  const array = arrayAt(parent, key, '$pullAll', path);
  if (array) put(parent, key, array.filter((item) => !(operand as unknown[]).some((value) => equalValues(value, item))));
};

const $pop: Modifier = (parent, key, operand, _context, path) => {
  const array = arrayAt(parent, key, '$pop', path);
  if (array) put(parent, key, (toNumber(operand) ?? 1) < 0 ? array.slice(1) : array.slice(0, -1));
};

const $bit: Modifier = (parent, key, operand) => {
  if (!isDocument(operand)) throw new MongoFault('BadValue', 'The $bit modifier is not compatible with a non-object argument');
  let value: unknown = childOf(parent, key) ?? 0;
  for (const [name, mask] of Object.entries(operand)) {
    if (!['and', 'or', 'xor'].includes(name)) {
      throw new MongoFault(
        'BadValue',
        `The $bit modifier only supports 'and', 'or', and 'xor', not '${name}' which is an unknown operator: {${name}: `
          + `${show(mask)}}`
      );
    }
    value = bitwise(name, value, mask);
  }
  put(parent, key, value);
};

function bitwise(name: string, value: unknown, mask: unknown): unknown {
  const integers = [value, mask].map((item) => {
    if (item instanceof Long) return item;
    if (typeof item === 'number' && Number.isInteger(item)) return Long.fromNumber(item);
    throw new MongoFault('BadValue', `Cannot apply $bit to a value of non-integral type ${typeName(item)}`);
  });
  const [a, b] = integers as [Long, Long];
  const result = name === 'and' ? a.and(b) : name === 'or' ? a.or(b) : a.xor(b);
  return value instanceof Long || mask instanceof Long ? result : result.toInt();
}

export const MODIFIERS: Record<string, Modifier> = {
  $set, $setOnInsert: $set, $unset, $inc: arithmeticModifier('$inc'), $mul: arithmeticModifier('$mul'), $min: extremeModifier(-1),
  $max: extremeModifier(1), $currentDate, $push, $addToSet, $pull, $pullAll, $pop, $bit, $rename: () => undefined,
};
