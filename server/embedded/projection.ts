import { isDocument, setField } from './model.ts';
import type { BsonDocument } from './model.ts';
import { isExpression, isTruthy } from './expressions.ts';
import type { Scope } from './expressions.ts';
import { MongoFault } from './faults.ts';
import { matchedPosition, parseFilter } from './filter.ts';
import type { Filter, Leaf } from './filter.ts';
import { isNumeric } from './numbers.ts';
import { toNumber } from './model.ts';

export type Projection = (document: BsonDocument) => BsonDocument;

type Computed = (document: BsonDocument) => unknown;

/** A tree of the fields a projection names. */
interface Node {
  children: Map<string, Node>;
  /** Include or exclude here; a function computes the value; undefined for inner nodes. */
  leaf: boolean | Computed | undefined;
}

interface Parsed {
  root: Node;
  inclusive: boolean;
  /** Find's operators, applied to what is left: $slice, $elemMatch and the positional `$`. */
  reshape: ((document: BsonDocument, original: BsonDocument) => void)[];
}

/**
 * In: the projection of find (with `filter` for positional `$`) or of $project. Out: undefined when it changes nothing. Throws
 * with MongoDB's codes.
 */
export function parseProjection(projection: unknown, scope: Scope, filter?: Filter): Projection | undefined {
  if (projection === undefined || projection === null) return undefined;
  if (!isDocument(projection)) throw new MongoFault('TypeMismatch', 'projection must be an object');
  if (Object.keys(projection).length === 0) return undefined;
  const parsed = parse(projection, scope, filter);
  return (document) => {
    const result = parsed.inclusive ? include(document, parsed.root, document) : exclude(document, parsed.root, document);
    for (const reshape of parsed.reshape) reshape(result, document);
    return result;
  };
}

function parse(projection: BsonDocument, scope: Scope, filter: Filter | undefined): Parsed {
  const root: Node = { children: new Map(), leaf: undefined };
  const parsed: Parsed = { root, inclusive: false, reshape: [] };
  const modes = new Set<boolean>();
  let id: boolean | undefined;
  const visit = (path: string, value: unknown): void => {
    if (path === '_id' && isFlag(value)) {
      id = isTruthy(value);
    } else if (filter && path.endsWith('.$')) {
      modes.add(true);
      positional(parsed, path.slice(0, -2), filter);
    } else if (isFlag(value)) {
      modes.add(isTruthy(value));
      place(root, path, isTruthy(value));
    } else if (isDocument(value) && !Object.keys(value)[0]?.startsWith('$')) {
      if (Object.keys(value).length === 0) {
        throw MongoFault.location(51270, 'An empty sub-projection is not a valid value. Found empty object at path');
      }
      for (const name of Object.keys(value)) visit(`${path}.${name}`, value[name]);
    } else if (filter && isDocument(value) && ('$slice' in value || '$elemMatch' in value)) {
      arrayOperator(parsed, path, value, scope, modes);
    } else {
      const name = isDocument(value) ? Object.keys(value)[0] : undefined;
      if (name !== undefined && !isExpression(name)) throw MongoFault.location(31325, `Unknown expression ${name}`);
      modes.add(true);
      place(root, path, scope.compile(value));
    }
  };
  for (const path of Object.keys(projection)) {
    if (path.startsWith('$')) {
      throw MongoFault.location(16410, `FieldPath field names may not start with '$'. Consider using $getField or $setField.`);
    }
    visit(path, projection[path]);
  }
  if (modes.size === 2) throw mixed(projection);
  parsed.inclusive = modes.size === 1 ? modes.has(true) : id === true;
  if (parsed.inclusive ? id !== false : id === false) {
    if (!root.children.has('_id')) root.children.set('_id', { children: new Map(), leaf: parsed.inclusive });
  }
  return parsed;
}

function mixed(projection: BsonDocument): MongoFault {
  const flags = Object.entries(projection).filter(([name]) => name !== '_id');
  const [name, value] = flags.findLast(
    ([, flag]) => isFlag(flag) !== isFlag(flags[0]?.[1]) || isTruthy(flag) !== isTruthy(flags[0]?.[1])
  ) ?? ['', 0];
  const inclusion = isTruthy(value);
  return MongoFault.location(inclusion ? 31253 : 31254,
    `Cannot do ${inclusion ? 'inclusion' : 'exclusion'} on field ${name} in ${inclusion ? 'exclusion' : 'inclusion'} projection`);
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean' || isNumeric(value);
}

function place(root: Node, path: string, leaf: boolean | Computed): void {
  const parts = path.split('.');
  if (parts.includes('')) throw MongoFault.location(15998, 'FieldPath field names may not be empty strings.');
  let node = root;
  for (const part of parts) {
    if (node.leaf !== undefined) throw collision(path);
    let next = node.children.get(part);
    if (!next) node.children.set(part, next = { children: new Map(), leaf: undefined });
    node = next;
  }
  if (node.leaf !== undefined || node.children.size > 0) throw collision(path);
  node.leaf = leaf;
}

function collision(path: string): MongoFault {
  return MongoFault.location(31250, `Path collision at ${path}`);
}

function include(source: BsonDocument, node: Node, root: BsonDocument): BsonDocument {
  const result: BsonDocument = {};
  for (const name of Object.keys(source)) {
    const child = node.children.get(name);
    if (!child || typeof child.leaf === 'function') continue;
    const value = source[name];
    if (child.leaf === true) setField(result, name, value);
    else if (isDocument(value)) setField(result, name, include(value, child, root));
    else if (Array.isArray(value)) setField(result, name, includeEach(value, child, root));
  }
  addComputed(result, node, root);
  return result;
}

function includeEach(items: unknown[], node: Node, root: BsonDocument): unknown[] {
  return items.flatMap(
    (item) => (isDocument(item) ? [include(item, node, root)] : Array.isArray(item) ? [includeEach(item, node, root)] : [])
  );
}

function addComputed(result: BsonDocument, node: Node, root: BsonDocument): void {
  for (const [name, child] of node.children) {
    if (typeof child.leaf === 'function') {
      const value = child.leaf(root);
      if (value === undefined) delete result[name];
      else setField(result, name, value);
    } else if (child.children.size > 0 && !Object.hasOwn(result, name) && hasComputed(child)) {
      const made: BsonDocument = {};
      addComputed(made, child, root);
      setField(result, name, made);
    }
  }
}

function hasComputed(node: Node): boolean {
  return typeof node.leaf === 'function' || [...node.children.values()].some(hasComputed);
}

function exclude(source: BsonDocument, node: Node, root: BsonDocument): BsonDocument {
  const result: BsonDocument = {};
  for (const name of Object.keys(source)) {
    const child = node.children.get(name);
    const value = source[name];
    if (!child || (child.leaf === undefined && child.children.size === 0)) setField(result, name, value);
    else if (child.leaf === false) continue;
    else setField(result, name, excludeDeep(value, child, root));
  }
  return result;
}

function excludeDeep(value: unknown, node: Node, root: BsonDocument): unknown {
  if (Array.isArray(value)) return value.map((item) => excludeDeep(item, node, root));
  return isDocument(value) ? exclude(value, node, root) : value;
}

function positional(parsed: Parsed, path: string, filter: Filter): void {
  place(parsed.root, path, true);
  parsed.reshape.push((document, original) => {
    const position = matchedPosition(filter, original, path);
    if (position === undefined) {
      throw MongoFault.location(
        51246,
        "Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching element in "
          + "the array"
      );
    }
    alterAt(document, path.split('.'), (value) => (Array.isArray(value) ? [value[position]] : value));
  });
}

function arrayOperator(parsed: Parsed, path: string, value: BsonDocument, scope: Scope, modes: Set<boolean>): void {
  if ('$slice' in value) {
    const take = slicer(value['$slice']);
    if (modes.has(true)) place(parsed.root, path, true);
    parsed.reshape.push(
      (document) => alterAt(document, path.split('.'), (array) => (Array.isArray(array) ? take(array) : array))
    );
    return;
  }
  modes.add(true);
  const condition = parseFilter({ [path]: value }, scope) as Leaf;
  place(parsed.root, path, (document) => {
    const array = document[path];
    const first = Array.isArray(array) ? array.find((item) => condition.test([item])) : undefined;
    return first === undefined ? undefined : [first];
  });
}

function slicer(operand: unknown): (array: unknown[]) => unknown[] {
  if (Array.isArray(operand)) {
    const [skip, count] = operand.map((item) => toNumber(item) ?? 0);
    if (operand.length !== 2 || (count ?? 0) <= 0) {
      throw MongoFault.location(28724, 'First argument to $slice must be an array, limit must be positive');
    }
    return (array) => {
      const start = (skip ?? 0) < 0 ? Math.max(0, array.length + (skip ?? 0)) : skip ?? 0;
      return array.slice(start, start + (count ?? 0));
    };
  }
  const count = toNumber(operand);
  if (count === undefined) throw MongoFault.location(28667, '$slice requires a number or an array of two numbers');
  return (array) => (count < 0 ? array.slice(count) : array.slice(0, count));
}

function alterAt(document: BsonDocument, parts: string[], alter: (value: unknown) => unknown): void {
  const [name = '', ...rest] = parts;
  if (!Object.hasOwn(document, name)) return;
  const value = document[name];
  if (rest.length === 0) setField(document, name, alter(value));
  else if (isDocument(value)) {
    const copy = { ...value };
    setField(document, name, copy);
    alterAt(copy, rest, alter);
  }
}

/** $addFields: sets computed fields, nested ones within documents and array elements, in the order given. */
export function parseAddFields(spec: unknown, scope: Scope, stage: string): Projection {
  if (!isDocument(spec)) throw MongoFault.location(40272, `${stage} specification stage must be an object, got ${typeof spec}`);
  const root: Node = { children: new Map(), leaf: undefined };
  const visit = (path: string, value: unknown): void => {
    const nested = isDocument(value) && Object.keys(value).length > 0 && !Object.keys(value)[0]?.startsWith('$');
    if (nested) for (const name of Object.keys(value)) visit(`${path}.${name}`, value[name]);
    else place(root, path, scope.compile(value));
  };
  for (const path of Object.keys(spec)) visit(path, spec[path]);
  return (document) => setComputed(document, root, document) as BsonDocument;
}

function setComputed(target: unknown, node: Node, root: BsonDocument): unknown {
  if (Array.isArray(target)) return target.map((item) => setComputed(item, node, root));
  const result: BsonDocument = isDocument(target) ? { ...target } : {};
  for (const [name, child] of node.children) {
    if (typeof child.leaf !== 'function') {
      setField(result, name, setComputed(result[name], child, root));
      continue;
    }
    const value = child.leaf(root);
    if (value === undefined) delete result[name];
    else setField(result, name, value);
  }
  return result;
}

/** $unset: one path or several. */
export function parseUnset(spec: unknown, scope: Scope): Projection {
  const paths = Array.isArray(spec) ? spec : [spec];
  if (paths.length === 0 || !paths.every((path): path is string => typeof path === 'string')) {
    throw MongoFault.location(31002, '$unset specification must be a string or an array containing only string values');
  }
  return parseProjection(Object.fromEntries(paths.map((path) => [path, 0])), scope) ?? ((document) => document);
}
