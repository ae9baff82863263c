import { Binary, BSONRegExp, Double, Long, MaxKey, MinKey } from 'bson';
import { compareValues, equalValues, RANK, rankOf, regexText } from './compare.ts';
import { isDocument, toNumber } from './model.ts';
import type { BsonDocument } from './model.ts';
import { addFieldsOfExpression, isTruthy } from './expressions.ts';
import type { Scope } from './expressions.ts';
import { MongoFault, notImplemented } from './faults.ts';
import { identityOf } from './keys.ts';
import { isNumeric } from './numbers.ts';
import { anyAt } from './paths.ts';
import { asRegExp, compileRegex } from './regex.ts';
import { isOfType, typeNumber } from './types.ts';

/** One condition on one path. `op` and `operand` are what the planner reads; `test` is what decides. */
export interface Leaf {
  kind: 'leaf';
  path: string;
  parts: string[];
  op: string;
  operand: unknown;
  /** Whether an array at the path is searched element by element. */
  expand: boolean;
  test: (value: unknown) => boolean;
}

export type Filter =
  | Leaf
  | { kind: 'and' | 'or' | 'nor'; children: Filter[] }
  | { kind: 'not'; child: Filter }
  | { kind: 'expr'; expression: unknown; evaluate: (document: BsonDocument) => unknown }
  | { kind: 'always'; value: boolean };

/** In: a query document. Out: its parsed form. Throws BadValue and the like with MongoDB's messages. */
export function parseFilter(query: unknown, scope: Scope): Filter {
  if (query === undefined || query === null) return and([]);
  if (!isDocument(query)) throw new MongoFault('TypeMismatch', 'the filter must be a document');
  const children: Filter[] = [];
  for (const name of Object.keys(query)) {
    if (name.startsWith('$')) children.push(...topLevel(name, query[name], scope));
    else children.push(...onField(name, query[name], scope));
  }
  return and(children);
}

/** Does the document pass? */
export function matches(filter: Filter, document: unknown): boolean {
  switch (filter.kind) {
    case 'leaf': return anyAt(document, filter.parts, 0, filter.expand, filter.test);
    case 'and': return filter.children.every((child) => matches(child, document));
    case 'or': return filter.children.some((child) => matches(child, document));
    case 'nor': return !filter.children.some((child) => matches(child, document));
    case 'not': return !matches(filter.child, document);
    case 'expr': return isTruthy(filter.evaluate(document as BsonDocument));
    case 'always': return filter.value;
  }
}

/** The conditions that must all hold, as far as they stand side by side. */
export function conjuncts(filter: Filter): Filter[] {
  return filter.kind === 'and' ? filter.children.flatMap(conjuncts) : [filter];
}

/** Adds the top-level fields a filter looks at. Out: false where it may be any. */
export function addFieldsOf(filter: Filter, into: Set<string>): boolean {
  switch (filter.kind) {
    case 'leaf': {
      const root = filter.parts[0];
      if (root !== undefined) into.add(root);
      return root !== undefined;
    }
    case 'not': return addFieldsOf(filter.child, into);
    case 'expr': return addFieldsOfExpression(filter.expression, into);
    case 'always': return true;
    default: return filter.children.every((child) => addFieldsOf(child, into));
  }
}

/** The values of which a document must have one as its `_id` to pass; undefined where they are not single values, or not told. */
export function idsOf(filter: Filter): readonly unknown[] | undefined {
  if (filter.kind === 'and') {
    for (const child of filter.children) {
      const ids = idsOf(child);
      if (ids !== undefined) return ids;
    }
  }
  if (filter.kind !== 'leaf' || filter.path !== '_id') return undefined;
  const ids = filter.op === '$eq' ? [filter.operand] : filter.op === '$in' ? filter.operand as unknown[] : undefined;
  return ids?.every((id) => id !== null && !Array.isArray(id) && !(id instanceof BSONRegExp)) ? ids : undefined;
}

/**
 * The position in the array at `path` that a document's match rests on, for the positional operator `$`.
 * Out: undefined when the filter says nothing about that array.
 */
export function matchedPosition(filter: Filter, document: BsonDocument, path: string): number | undefined {
  const parts = path.split('.');
  let found: number | undefined;
  for (const condition of leavesOf(filter)) {
    if (condition.path !== path && !condition.path.startsWith(`${path}.`)) continue;
    const array = parts.reduce<unknown>((value, part) => (isDocument(value) ? value[part] : undefined), document);
    if (!Array.isArray(array)) continue;
    const rest = condition.parts.slice(parts.length);
    if (rest[0] !== undefined && /^\d+$/.test(rest[0])) continue;
    const position = array.findIndex((item) => passes(condition, item, rest));
    if (position >= 0) found = position;
  }
  return found;
}

function passes(condition: Leaf, item: unknown, rest: string[]): boolean {
  if (condition.op === '$elemMatch' && rest.length === 0) return condition.test([item]);
  return anyAt(item, rest, 0, condition.expand, condition.test);
}

function leavesOf(filter: Filter): Leaf[] {
  if (filter.kind === 'leaf') return [filter];
  return filter.kind === 'and' || filter.kind === 'or' ? filter.children.flatMap(leavesOf) : [];
}

export function and(children: Filter[]): Filter {
  return children.length === 1 && children[0] ? children[0] : { kind: 'and', children };
}

function topLevel(name: string, operand: unknown, scope: Scope): Filter[] {
  switch (name) {
    case '$and': return branches(name, operand, scope);
    case '$or': return [{ kind: 'or', children: branches(name, operand, scope) }];
    case '$nor': return [{ kind: 'nor', children: branches(name, operand, scope) }];
    case '$expr': return [{ kind: 'expr', expression: operand, evaluate: scope.compile(operand) }];
    case '$comment': return [];
    case '$alwaysTrue': case '$alwaysFalse': return [{ kind: 'always', value: name === '$alwaysTrue' }];
    case '$where': case '$jsonSchema': case '$sampleRate': throw notImplemented(name);
    case '$text': throw new MongoFault('IndexNotFound', 'text index required for $text query');
    default: throw new MongoFault('BadValue', `unknown top level operator: ${name}. If you have a field name that starts with a `
      + "'$' symbol, consider using $getField or $setField.");
  }
}

function branches(name: string, operand: unknown, scope: Scope): Filter[] {
  if (!Array.isArray(operand)) throw new MongoFault('BadValue', `${name} must be an array`);
  if (operand.length === 0) throw new MongoFault('BadValue', '$and/$or/$nor must be a nonempty array');
  return operand.map((branch) => {
    if (!isDocument(branch)) throw new MongoFault('BadValue', '$or/$and/$nor entries need to be full objects');
    return parseFilter(branch, scope);
  });
}

/** True for `{ $gt: 1 }` and its like; DBRefs are values. */
export function isOperatorDocument(value: unknown): value is BsonDocument {
  if (!isDocument(value)) return false;
  const first = Object.keys(value)[0];
  return first !== undefined && first.startsWith('$') && !['$ref', '$id', '$db'].includes(first);
}

function onField(path: string, condition: unknown, scope: Scope): Filter[] {
  if (!isOperatorDocument(condition)) return [equality(path, condition)];
  return Object.keys(condition).flatMap((op) => operator(path, op, condition[op], condition, scope));
}

function leaf(path: string, op: string, operand: unknown, test: (value: unknown) => boolean, expand = true): Leaf {
  return { kind: 'leaf', path, parts: path === '' ? [] : path.split('.'), op, operand, expand, test };
}

function equality(path: string, operand: unknown): Leaf {
  if (operand instanceof BSONRegExp) return regexLeaf(path, operand);
  return leaf(path, '$eq', operand, equalTo(operand));
}

function equalTo(operand: unknown): (value: unknown) => boolean {
  if (operand === null || operand === undefined) return (value) => value === null || value === undefined;
  if (typeof operand === 'string') {
    return (value) => value === operand || (typeof value === 'object' && equalValues(value, operand));
  }
  return (value) => value !== undefined && equalValues(value, operand);
}

function regexLeaf(path: string, operand: BSONRegExp): Leaf {
  const expression = asRegExp(operand);
  const text = regexText(operand);
  return leaf(path, '$regex', expression, (value) => (typeof value === 'string'
    ? expression.test(value) : value instanceof BSONRegExp && regexText(value) === text));
}

function operator(path: string, op: string, operand: unknown, whole: BsonDocument, scope: Scope): Filter[] {
  switch (op) {
    case '$eq': return [operand instanceof BSONRegExp ? leaf(path, '$eq', operand, (value) => equalValues(value, operand))
      : equality(path, operand)];
    case '$ne': return [{ kind: 'not', child: notRegex(path, op, operand) }];
    case '$gt': case '$gte': case '$lt': case '$lte': return [comparison(path, op, operand)];
    case '$in': return [membership(path, op, operand)];
    case '$nin': return [{ kind: 'not', child: membership(path, op, operand) }];
    case '$not': return [negation(path, operand, scope)];
    case '$exists': return [existence(path, operand)];
    case '$type': return [typeLeaf(path, operand)];
    case '$regex': return [regexLeaf(path, regexOperand(operand, whole['$options']))];
    case '$options': return optionsAlone(whole);
    case '$mod': return [modulo(path, operand)];
    case '$size': return [size(path, operand)];
    case '$all': return [all(path, operand, scope)];
    case '$elemMatch': return [elemMatch(path, operand, scope)];
    case '$bitsAllSet': case '$bitsAllClear': case '$bitsAnySet': case '$bitsAnyClear': return [bits(path, op, operand)];
    case '$comment': return [];
    case '$near': case '$nearSphere': case '$geoNear':
      throw new MongoFault('NoQueryExecutionPlans', 'unable to find index for $geoNear query');
    case '$geoWithin': case '$geoIntersects': case '$within': throw notImplemented(op);
    case '$expr': case '$where': case '$text': case '$and': case '$or': case '$nor':
    default: throw new MongoFault('BadValue', `unknown operator: ${op}`);
  }
}

function notRegex(path: string, op: string, operand: unknown): Leaf {
  if (operand instanceof BSONRegExp) throw new MongoFault('BadValue', `Can't have regex as arg to ${op}.`);
  return equality(path, operand);
}

function comparison(path: string, op: string, operand: unknown): Leaf {
  if (operand instanceof BSONRegExp) {
    throw new MongoFault('BadValue', `Can't have RegEx as arg to predicate over field '${path}'.`);
  }
  const accept = (order: number): boolean => {
    if (op === '$gt') return order > 0;
    if (op === '$gte') return order >= 0;
    return op === '$lt' ? order < 0 : order <= 0;
  };
  const rank = rankOf(operand);
  const nan = isNumeric(operand) && Number.isNaN(toNumber(operand));
  if (operand instanceof MinKey || operand instanceof MaxKey) {
    return leaf(path, op, operand, (value) => accept(compareValues(value, operand)));
  }
  return leaf(path, op, operand, (value) => {
    if (value === undefined && rank !== RANK.null) return false;
    if (rankOf(value) !== rank) return false;
    if (rank === RANK.number && (nan || Number.isNaN(toNumber(value)))) {
      return (op === '$gte' || op === '$lte') && nan && Number.isNaN(toNumber(value));
    }
    return accept(compareValues(value, operand));
  });
}

function membership(path: string, op: string, operand: unknown): Leaf {
  if (!Array.isArray(operand)) throw new MongoFault('BadValue', `${op} needs an array`);
  const expressions: RegExp[] = [];
  const identities = new Set<string>();
  for (const item of operand) {
    if (isOperatorDocument(item)) throw new MongoFault('BadValue', `cannot nest $ under ${op}`);
    if (item instanceof BSONRegExp) expressions.push(asRegExp(item));
    identities.add(identityOf(item));
  }
  return leaf(path, '$in', operand, (value) => identities.has(identityOf(value))
    || (typeof value === 'string' && expressions.some((expression) => expression.test(value))));
}

function negation(path: string, operand: unknown, scope: Scope): Filter {
  if (operand instanceof BSONRegExp) return { kind: 'not', child: regexLeaf(path, operand) };
  if (!isDocument(operand)) throw new MongoFault('BadValue', '$not needs a regex or a document');
  if (Object.keys(operand).length === 0) throw new MongoFault('BadValue', '$not cannot be empty');
  if (!isOperatorDocument(operand)) throw new MongoFault('BadValue', `unknown operator: ${Object.keys(operand)[0]}`);
  return { kind: 'not', child: and(onField(path, operand, scope)) };
}

function existence(path: string, operand: unknown): Filter {
  const present = leaf(path, '$exists', true, (value) => value !== undefined, false);
  return isTruthy(operand) ? present : { kind: 'not', child: present };
}

function typeLeaf(path: string, operand: unknown): Leaf {
  const wanted = (Array.isArray(operand) ? operand : [operand]).map(typeNumber);
  return leaf(path, '$type', operand, (value) => wanted.some((type) => isOfType(value, type)));
}

function regexOperand(operand: unknown, options: unknown): BSONRegExp {
  if (options !== undefined && typeof options !== 'string') throw new MongoFault('BadValue', '$options has to be a string');
  if (operand instanceof BSONRegExp) {
    if (options !== undefined && operand.options !== '') {
      throw MongoFault.location(51074, 'options set in both $regex and $options');
    }
    return new BSONRegExp(operand.pattern, options ?? operand.options);
  }
  if (typeof operand !== 'string') throw new MongoFault('BadValue', '$regex has to be a string');
  compileRegex(operand, options ?? '');
  return new BSONRegExp(operand, options ?? '');
}

function optionsAlone(whole: BsonDocument): Filter[] {
  if (whole['$regex'] === undefined) throw new MongoFault('BadValue', '$options needs a $regex');
  return [];
}

function modulo(path: string, operand: unknown): Leaf {
  if (!Array.isArray(operand)) throw new MongoFault('BadValue', 'malformed mod, needs to be an array');
  if (operand.length < 2) throw new MongoFault('BadValue', 'malformed mod, not enough elements');
  if (operand.length > 2) throw new MongoFault('BadValue', 'malformed mod, too many elements');
  const [divisor, remainder] = operand.map((item) => (isNumeric(item) ? Math.trunc(toNumber(item) ?? 0) : undefined));
  if (divisor === undefined) throw new MongoFault('BadValue', 'malformed mod, divisor not a number');
  if (remainder === undefined) throw new MongoFault('BadValue', 'malformed mod, remainder not a number');
  if (divisor === 0) throw new MongoFault('BadValue', 'divisor cannot be 0');
  return leaf(path, '$mod', operand, (value) => {
    if (value instanceof Long) return value.modulo(Long.fromNumber(divisor)).toNumber() === remainder;
    return isNumeric(value) && Math.trunc(toNumber(value) ?? Number.NaN) % divisor === remainder;
  });
}

function size(path: string, operand: unknown): Leaf {
  const wanted = toNumber(operand);
  if (!isNumeric(operand) || wanted === undefined) throw new MongoFault('FailedToParse',
    `Failed to parse $size. Expected a number in: $size: ${JSON.stringify(operand)}`);
  if (!Number.isInteger(wanted)) {
    throw new MongoFault('FailedToParse', `Failed to parse $size. Expected an integer: $size: ${wanted}`);
  }
  if (wanted < 0) {
    throw new MongoFault('FailedToParse', `Failed to parse $size. Expected a non-negative number in: $size: ${wanted}`);
  }
  return leaf(path, '$size', wanted, (value) => Array.isArray(value) && value.length === wanted, false);
}

function all(path: string, operand: unknown, scope: Scope): Filter {
  if (!Array.isArray(operand)) throw new MongoFault('BadValue', '$all needs an array');
  if (operand.length === 0) return { kind: 'always', value: false };
  return and(operand.map((item) => {
    if (isDocument(item) && Object.keys(item)[0] === '$elemMatch') return elemMatch(path, item['$elemMatch'], scope);
    if (isOperatorDocument(item)) throw new MongoFault('BadValue', 'no $ expressions in $all');
    return equality(path, item);
  }));
}

function elemMatch(path: string, operand: unknown, scope: Scope): Leaf {
  if (!isDocument(operand)) throw new MongoFault('BadValue', '$elemMatch needs an Object');
  const logical = ['$and', '$or', '$nor', '$expr'];
  const byValue = isOperatorDocument(operand) && !logical.includes(Object.keys(operand)[0] ?? '');
  if (byValue) {
    const condition = and(onField('', operand, scope));
    return leaf(path, '$elemMatch', undefined, (value) => Array.isArray(value) && value.some(
      (item) => matchesSingle(condition, item)
    ),
      false);
  }
  const condition = parseFilter(operand, scope);
  return leaf(path, '$elemMatch', condition, (value) => Array.isArray(value)
    && value.some((item) => (isDocument(item) || Array.isArray(item)) && matches(condition, item)), false);
}

/** A condition on an array's element itself, which is not searched any deeper. */
function matchesSingle(filter: Filter, value: unknown): boolean {
  switch (filter.kind) {
    case 'leaf': return filter.test(value);
    case 'and': return filter.children.every((child) => matchesSingle(child, value));
    case 'not': return !matchesSingle(filter.child, value);
    default: return matches(filter, value);
  }
}

function bits(path: string, op: string, operand: unknown): Leaf {
  const mask = bitMask(op, operand);
  return leaf(path, op, operand, (value) => {
    const stored = storedBits(value);
    if (stored === undefined) return false;
    const set = stored & mask;
    if (op === '$bitsAllSet') return set === mask;
    if (op === '$bitsAllClear') return set === 0n;
    return op === '$bitsAnySet' ? set !== 0n : set !== mask;
  });
}

function bitMask(op: string, operand: unknown): bigint {
  if (Array.isArray(operand)) {
    return operand.reduce<bigint>((mask, item) => {
      const position = toNumber(item);
      if (position === undefined || !Number.isInteger(position) || position < 0) {
        throw new MongoFault(
          'BadValue', `Failed to parse bit position. Expected a non-negative number in: ${op}: ${String(item)}`
        );
      }
      return mask | (1n << BigInt(position));
    }, 0n);
  }
  const mask = storedBits(operand);
  if (mask === undefined || mask < 0n) {
    throw new MongoFault('BadValue', `${op} takes an Array, a number, or a BinData but received: ${String(operand)}`);
  }
  return mask;
}

function storedBits(value: unknown): bigint | undefined {
  if (value instanceof Long) return value.toBigInt();
  if (value instanceof Binary) {
    return [...value.buffer.subarray(0, value.position)].reduce((sum, byte, at) => sum | (BigInt(byte) << BigInt(8 * at)), 0n);
  }
  const plain = typeof value === 'number' ? value : value instanceof Double ? value.value : undefined;
  return plain !== undefined && Number.isSafeInteger(plain) ? BigInt(plain) : undefined;
}
