import { compareValues } from './compare.ts';
import { encode } from './document.ts';
import { field, isDocument, toNumber } from './model.ts';
import type { BsonDocument } from './model.ts';
import { createScope } from './expressions.ts';
import { MongoFault } from './faults.ts';
import { addFieldsOf, conjuncts, matches, parseFilter } from './filter.ts';
import type { Filter } from './filter.ts';
import { EMPTY_ARRAY, encodeKey } from './keys.ts';
import type { Direction } from './keys.ts';
import { isIndex } from './paths.ts';
import { MAX_KEY_BYTES } from './storage.ts';
import { show } from './show.ts';
import { typeName } from './types.ts';

/** Room for the table's number before and the record's number after the encoded values. */
const MAX_ENCODED = MAX_KEY_BYTES - 4 - 6 - 8;

export interface IndexField {
  path: string;
  parts: string[];
  direction: Direction;
}

export interface IndexDefinition {
  name: string;
  fields: IndexField[];
  unique: boolean;
  sparse: boolean;
  partial: Filter | undefined;
  directions: readonly Direction[];
  /** The top-level fields its keys are made of. */
  roots: ReadonlySet<string>;
  expireAfterSeconds: number | undefined;
  /** The specification as the client gave it and listIndexes answers it. */
  spec: BsonDocument;
}

/** An index with its place in the store. */
export interface Index extends IndexDefinition {
  table: number;
  /** Some document has an array on an indexed path: one document may then have many keys. */
  multikey: boolean;
  /** Some key was cut to lmdb's size limit: order beyond the cut is unknown and matches must be checked. */
  truncated: boolean;
  /** False until the transaction that built it is on disk. */
  ready: boolean;
}

/** One encoded key of a document in an index, without the table and record numbers. */
export interface IndexKey {
  bytes: Buffer;
  values: unknown[];
  truncated: boolean;
}

const OPTIONS = new Set(['key', 'name', 'unique', 'sparse', 'partialFilterExpression', 'expireAfterSeconds', 'background', 'v',
  'ns',
  'hidden', 'collation', 'storageEngine', 'clustered', 'prepareUnique']);

/** In: an entry of createIndexes. Out: the checked definition. Throws CannotCreateIndex (67) and the like. */
export function parseIndex(spec: unknown): IndexDefinition {
  if (!isDocument(spec)) throw new MongoFault('TypeMismatch', "The elements of the 'indexes' array must be objects");
  if (!isDocument(spec['key'])) {
    throw new MongoFault('FailedToParse', "The 'key' field is a required property of an index specification");
  }
  for (const name of Object.keys(spec)) {
    if (!OPTIONS.has(name)) {
      throw new MongoFault(
        'InvalidIndexSpecificationOption',
        `The field '${name}' is not valid for an index specification. Specification: ${show(spec)}`
      );
    }
  }
  const fields = parseKey(spec['key']);
  const name = spec['name'] ?? fields.map(({ path, direction }) => `${path}_${direction}`).join('_');
  if (typeof name !== 'string') throw new MongoFault('TypeMismatch', "The field 'name' must be a string");
  if (name === '') throw new MongoFault('CannotCreateIndex', 'index names cannot be empty');
  refuseCollation(spec['collation']);
  const unique = flag(spec['unique']);
  const sparse = flag(spec['sparse']);
  const partial = parsePartial(spec['partialFilterExpression'], sparse);
  const expireAfterSeconds = parseExpiry(spec['expireAfterSeconds'], fields);
  if (fields[0]?.path === '_id' && fields.length === 1 && (partial || sparse)) {
    throw new MongoFault(
      'InvalidIndexSpecificationOption',
      `The field '${partial ? 'partialFilterExpression' : 'sparse'}' is not valid for an _id index specification.`
    );
  }
  const roots = new Set(fields.map(({ parts }) => parts[0] ?? ''));
  if (partial) addFieldsOf(partial, roots);
  const directions = fields.map(({ direction }) => direction);
  return { name, fields, directions, unique, sparse, partial, roots, expireAfterSeconds, spec: normalizedSpec(spec, name, unique, sparse) };
}

function normalizedSpec(spec: BsonDocument, name: string, unique: boolean, sparse: boolean): BsonDocument {
  const result: BsonDocument = { v: 2, key: spec['key'], name };
  if (unique) result['unique'] = true;
  if (sparse) result['sparse'] = true;
  for (const option of ['partialFilterExpression', 'expireAfterSeconds', 'background', 'hidden']) {
    if (spec[option] !== undefined) result[option] = spec[option];
  }
  return result;
}

function flag(value: unknown): boolean {
  return value === true || (toNumber(value) ?? 0) !== 0;
}

function parseKey(key: BsonDocument): IndexField[] {
  const paths = Object.keys(key);
  if (paths.length === 0) throw new MongoFault('CannotCreateIndex', 'Index keys cannot be an empty object');
  return paths.map((path) => {
    const parts = path.split('.');
    const direction = key[path];
    if (typeof direction === 'string') {
      throw new MongoFault('CannotCreateIndex', direction === '' ? 'Values in the index key pattern cannot be empty strings'
        : `Unknown index plugin '${direction}'`);
    }
    if (path.includes('$**')) throw new MongoFault('NotImplemented', 'wildcard indexes are not supported by this server');
    if (parts.includes('')) throw new MongoFault('CannotCreateIndex', 'Index keys cannot contain an empty field.');
    if (parts.some((part) => part.startsWith('$') && !['$id', '$db', '$ref'].includes(part))) {
      throw new MongoFault('CannotCreateIndex', `Index key contains an illegal field name: field name starts with '$'.`);
    }
    const sign = typeof direction === 'boolean' ? undefined : toNumber(direction);
    if (sign === undefined || Number.isNaN(sign)) {
      throw new MongoFault(
        'CannotCreateIndex',
        `Values in v:2 index key pattern cannot be of type ${typeName(direction)}. Only numbers > 0, numbers < 0, and `
          + `strings are allowed.`
      );
    }
    if (sign === 0) throw new MongoFault('CannotCreateIndex', 'Values in the index key pattern cannot be 0.');
    return { path, parts, direction: sign < 0 ? -1 : 1 };
  });
}

/** Throws NotImplemented (238) for any collation but the simple one. */
export function refuseCollation(collation: unknown): void {
  if (collation === undefined || collation === null) return;
  if (isDocument(collation) && (collation['locale'] === 'simple' || Object.keys(collation).length === 0)) return;
  throw new MongoFault('NotImplemented', 'collations other than simple are not supported by this server');
}

const PARTIAL_OPERATORS = new Set(['$eq', '$gt', '$gte', '$lt', '$lte', '$in', '$type', '$exists']);

function parsePartial(expression: unknown, sparse: boolean): Filter | undefined {
  if (expression === undefined) return undefined;
  if (!isDocument(expression)) throw new MongoFault('TypeMismatch', "The field 'partialFilterExpression' must be an object");
  if (sparse) throw new MongoFault('CannotCreateIndex', 'cannot mix "partialFilterExpression" and "sparse" options');
  const filter = parseFilter(expression, createScope());
  const supported = (part: Filter): boolean => (part.kind === 'leaf' ? PARTIAL_OPERATORS.has(part.op)
    : (part.kind === 'and' || part.kind === 'or') && part.children.every(supported));
  if (!supported(filter)) {
    throw new MongoFault('CannotCreateIndex', `Expression not supported in partial index: ${show(expression)}`);
  }
  return filter;
}

function parseExpiry(value: unknown, fields: IndexField[]): number | undefined {
  if (value === undefined) return undefined;
  const seconds = toNumber(value);
  if (seconds === undefined || typeof value === 'boolean') {
    throw new MongoFault(
      'CannotCreateIndex', `TTL index 'expireAfterSeconds' option must be numeric, but received a type of '${typeName(value)}'`
    );
  }
  if (seconds < 0 || seconds > 2147483647) {
    throw new MongoFault(
      'CannotCreateIndex',
      `TTL index 'expireAfterSeconds' option must be within an acceptable range, try a different number than ${seconds}`
    );
  }
  if (fields.length > 1) {
    throw new MongoFault('CannotCreateIndex', 'TTL indexes are single-field indexes, compound indexes do not support TTL');
  }
  if (fields[0]?.path === '_id') {
    throw new MongoFault(
      'InvalidIndexSpecificationOption', "The field 'expireAfterSeconds' is not valid for an _id index specification."
    );
  }
  return seconds;
}

/** Same keys in the same order and directions? */
export function sameKey(a: IndexDefinition, b: IndexDefinition): boolean {
  return a.fields.length === b.fields.length
    && a.fields.every((one, at) => one.path === b.fields[at]?.path && one.direction === b.fields[at]?.direction);
}

/** Same in everything that makes an index what it is, its name aside. */
export function sameOptions(a: IndexDefinition, b: IndexDefinition): boolean {
  const essence = (index: IndexDefinition): string => encode({
    unique: index.unique, sparse: index.sparse, expire: index.expireAfterSeconds ?? null,
    partial: index.spec['partialFilterExpression'] ?? null,
  }).toString('latin1');
  return essence(a) === essence(b);
}

/** Whether a change left all that an index is made of as it was. May be false of keys that are the same. */
export function hasSameKeys(index: IndexDefinition, before: BsonDocument, after: BsonDocument): boolean {
  return !index.partial && index.fields.every(({ parts }) => {
    const [former, value] = [plainAt(before, parts), plainAt(after, parts)];
    return former === value ? former !== COMPLEX : former instanceof Date && value instanceof Date && former.getTime() === value.getTime();
  });
}

const COMPLEX = Symbol('an array, or something within one');

/** The value at the path's end; COMPLEX where an array is met. */
function plainAt(document: BsonDocument, parts: readonly string[]): unknown {
  let value: unknown = document;
  for (const part of parts) {
    if (Array.isArray(value)) return COMPLEX;
    if (!isDocument(value)) return undefined;
    value = field(value, part);
  }
  return Array.isArray(value) ? COMPLEX : value;
}

/** The keys a document has in an index (none where it is sparse or partial), and whether an array was met. */
export function keysOf(index: IndexDefinition, document: BsonDocument): { keys: IndexKey[]; multikey: boolean } {
  if (index.partial && !matches(index.partial, document)) return { keys: [], multikey: false };
  const plain = index.fields.map(({ parts }) => plainAt(document, parts));
  if (!plain.includes(COMPLEX)) return { keys: isLeftOut(index, plain) ? [] : [keyOf(index, plain)], multikey: false };
  const expansion: Expansion = { rows: [], multikey: false };
  expand(index, index.fields.map(({ parts }) => ({ value: document, parts, at: 0, done: false })), expansion);
  const keys = new Map<string, IndexKey>();
  for (const row of expansion.rows) {
    if (isLeftOut(index, row)) continue;
    const key = keyOf(index, row);
    const identity = key.bytes.toString('latin1');
    if (!keys.has(identity)) keys.set(identity, key);
  }
  return { keys: [...keys.values()], multikey: expansion.multikey };
}

function isLeftOut(index: IndexDefinition, row: readonly unknown[]): boolean {
  return index.sparse && row.every((value) => value === undefined);
}

function keyOf(index: IndexDefinition, values: unknown[]): IndexKey {
  const { bytes, cut } = cutKey(encodeKey(values, index.directions));
  return { bytes, values, truncated: cut };
}

interface Expansion {
  rows: unknown[][];
  multikey: boolean;
}

interface Component {
  value: unknown;
  parts: string[];
  at: number;
  /** An element of an expanded array: not expanded again. */
  done: boolean;
}

function expand(index: IndexDefinition, components: Component[], into: Expansion): void {
  const walked = components.map(descend);
  const arrays = walked.filter((component) => !component.done && Array.isArray(component.value));
  const first = arrays[0];
  if (!first) {
    into.rows.push(walked.map((component) => (component.at === component.parts.length ? component.value : undefined)));
    return;
  }
  into.multikey = true;
  const items = first.value as unknown[];
  const parallel = arrays.find((component) => component.value !== items);
  if (parallel) {
    throw new MongoFault('CannotIndexParallelArrays', `cannot index parallel arrays [${parallel.parts[0]}] [${first.parts[0]}]`);
  }
  if (items.length === 0) {
    expand(index, walked.map((component) => (component.value === items ? emptied(component) : component)), into);
    return;
  }
  for (const item of items) {
    expand(index, walked.map((component) => (component.value === items ? element(component, item) : component)), into);
  }
}

function emptied(component: Component): Component {
  const end = component.at === component.parts.length;
  return { ...component, value: end ? EMPTY_ARRAY : undefined, at: component.parts.length, done: true };
}

function element(component: Component, item: unknown): Component {
  const end = component.at === component.parts.length;
  if (end) return { ...component, value: item, done: true };
  return isDocument(item) ? { ...component, value: item } : {
    ...component, value: undefined, at: component.parts.length, done: true,
  };
}

/** Follows the path to its end or to an array it must be expanded over. */
function descend(component: Component): Component {
  let { value, at } = component;
  while (at < component.parts.length) {
    const part = component.parts[at] ?? '';
    if (Array.isArray(value)) {
      if (!isIndex(part) || Number(part) >= value.length) break;
      value = value[Number(part)];
    } else if (isDocument(value)) {
      value = field(value, part);
    } else {
      return { ...component, value: undefined, at: component.parts.length };
    }
    at++;
  }
  return { ...component, value, at };
}

/** The values a path has in a document for sorting: array elements count, an empty array sorts below null. */
export function sortValues(document: BsonDocument, parts: string[]): unknown[] {
  const expansion: Expansion = { rows: [], multikey: false };
  expand({} as IndexDefinition, [{ value: document, parts, at: 0, done: false }], expansion);
  return expansion.rows.map((row) => row[0]);
}

export function cutKey(bytes: Buffer): { bytes: Buffer; cut: boolean } {
  return bytes.length > MAX_ENCODED ? { bytes: bytes.subarray(0, MAX_ENCODED), cut: true } : { bytes, cut: false };
}

/** Does holding the query's condition make sure that the partial index holds every match? */
export function impliedBy(partial: Filter, query: Filter): boolean {
  const given = conjuncts(query);
  return conjuncts(partial).every((needed) => {
    if (needed.kind === 'or') return needed.children.some((child) => impliedBy(child, query));
    return needed.kind === 'leaf' && given.some((condition) => condition.kind === 'leaf' && condition.path === needed.path
      && implies(condition, needed));
  });
}

function implies(given: Filter & { kind: 'leaf' }, needed: Filter & { kind: 'leaf' }): boolean {
  // Null is also found where the field is missing.
  if (given.op === '$eq') return needed.test(given.operand) && (given.operand !== null || needed.test(undefined));
  if (given.op === '$in') return (given.operand as unknown[]).every((item) => item !== null && needed.test(item));
  if (needed.op === '$exists') return !given.test(undefined);
  const order = compareValues(given.operand, needed.operand);
  if (needed.op === '$gt') return (given.op === '$gt' && order >= 0) || (given.op === '$gte' && order > 0);
  if (needed.op === '$gte') return (given.op === '$gt' || given.op === '$gte') && order >= 0;
  if (needed.op === '$lt') return (given.op === '$lt' && order <= 0) || (given.op === '$lte' && order < 0);
  if (needed.op === '$lte') return (given.op === '$lt' || given.op === '$lte') && order <= 0;
  return needed.op === given.op && order === 0;
}
