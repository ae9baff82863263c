import { ObjectId, Timestamp } from 'bson';
import { compareStrings, equalValues } from './compare.ts';
import { addFieldsOfExpression } from './expressions.ts';
import type { Scope } from './expressions.ts';
import { MongoFault } from './faults.ts';
import { conjuncts, matchedPosition, matches, parseFilter } from './filter.ts';
import type { Filter } from './filter.ts';
import { cloneValue, field, isDocument, setField } from './model.ts';
import type { BsonDocument } from './model.ts';
import { checkOperand, childOf, MODIFIERS, prepared, put } from './modifiers.ts';
import type { Modifier, UpdateContext } from './modifiers.ts';
import { isIndex, splitPath } from './paths.ts';
import { show } from './show.ts';
import { runStages } from './stages.ts';
import { typeName } from './types.ts';

/** A parsed update. */
export interface Update {
  /** In: a document, or of a document at least `fields` and the `_id`. Out: the new one; the one given is left alone. */
  apply(document: BsonDocument, context: UpdateContext): BsonDocument;
  /** The top-level fields it reads and writes, one and the same set for all updates of one shape; undefined where it may be any. */
  fields: ReadonlySet<string> | undefined;
}

/** In: `u` of an update statement: operators, a replacement or a pipeline. Throws with MongoDB's codes. */
export function parseUpdate(update: unknown, arrayFilters: unknown, scope: Scope): Update {
  if (Array.isArray(update)) return pipelineUpdate(update, arrayFilters, scope);
  if (!isDocument(update)) throw new MongoFault('FailedToParse', 'Update argument must be either an object or an array');
  const first = Object.keys(update)[0];
  if (first === undefined || !first.startsWith('$')) return replacement(update, arrayFilters);
  return modifiers(update, arrayFilters, scope);
}

/** True for an update that replaces the whole document, which cannot be applied to many. */
export function isReplacement(update: unknown): boolean {
  return isDocument(update) && !Object.keys(update)[0]?.startsWith('$');
}

function replacement(update: BsonDocument, arrayFilters: unknown): Update {
  const operator = Object.keys(update).find((name) => name.startsWith('$'));
  if (operator !== undefined) {
    throw new MongoFault('DollarPrefixedFieldName', `The dollar ($) prefixed field '${operator}' in '${operator}' is not `
      + `allowed in the `
      + "context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.");
  }
  if (arrayFilters !== undefined) {
    throw new MongoFault('FailedToParse', 'Cannot specify arrayFilters in a replacement-style update');
  }
  const apply = (document: BsonDocument): BsonDocument => {
    const result = cloneValue(update);
    stampTopLevel(result);
    const id = field(document, '_id');
    if (id === undefined) return '_id' in result ? idFirst(result['_id'], result) : result;
    if ('_id' in result) requireSameId(id, result['_id'], true);
    return idFirst(id, result);
  };
  return { apply, fields: undefined };
}

/** MongoDB fills empty timestamps at the top level of inserted and replaced documents. */
function stampTopLevel(document: BsonDocument): void {
  for (const name of Object.keys(document)) {
    const value = document[name];
    if (name !== '_id' && value instanceof Timestamp && value.isZero()) {
      document[name] = new Timestamp({ t: Math.floor(Date.now() / 1000), i: 1 });
    }
  }
}

function idFirst(id: unknown, document: BsonDocument): BsonDocument {
  if (Object.keys(document)[0] === '_id' && document['_id'] === id) return document;
  const result: BsonDocument = { _id: id };
  for (const name of Object.keys(document)) if (name !== '_id') setField(result, name, document[name]);
  return result;
}

function requireSameId(before: unknown, after: unknown, replaced = false): void {
  if (equalValues(before, after) && after !== undefined) return;
  throw new MongoFault('ImmutableField', replaced
    ? `After applying the update, the (immutable) field '_id' was found to have been altered to _id: ${show(after)}`
    : "Performing an update on the path '_id' would modify the immutable field '_id'");
}

function pipelineUpdate(stages: unknown[], arrayFilters: unknown, scope: Scope): Update {
  if (arrayFilters !== undefined) {
    throw new MongoFault('FailedToParse', 'arrayFilters may not be specified for pipeline-syle updates');
  }
  const allowed = new Set(['$addFields', '$set', '$project', '$unset', '$replaceRoot', '$replaceWith']);
  for (const stage of stages) {
    const name = isDocument(stage) ? Object.keys(stage)[0] : undefined;
    if (name === undefined || !allowed.has(name)) {
      throw new MongoFault('InvalidOptions', `${name ?? 'An empty stage'} is not allowed to be used within an update`);
    }
  }
  const apply = (document: BsonDocument): BsonDocument => {
    const [result] = [...runStages([cloneValue(document)], stages as BsonDocument[], scope)];
    const changed = withoutMissing(result ?? {}) as BsonDocument;
    const id = field(document, '_id');
    if (id === undefined) return changed;
    if ('_id' in changed) requireSameId(id, changed['_id']);
    return idFirst(id, changed);
  };
  return { apply, fields: fieldsOfStages(stages as BsonDocument[]) };
}

/** The top-level fields that stages which only set some read and write; undefined where they may be any. */
function fieldsOfStages(stages: readonly BsonDocument[]): ReadonlySet<string> | undefined {
  const fields = new Set<string>();
  const isKnown = stages.every((stage) => {
    const set = stage['$set'] ?? stage['$addFields'];
    if (!isDocument(set)) return false;
    for (const path of Object.keys(set)) fields.add(path.split('.')[0] ?? '');
    return Object.values(set).every((expression) => addFieldsOfExpression(expression, fields));
  });
  return isKnown ? fields : undefined;
}

function withoutMissing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutMissing(item) ?? null);
  if (!isDocument(value)) return value;
  const result: BsonDocument = {};
  for (const name of Object.keys(value)) if (value[name] !== undefined) setField(result, name, withoutMissing(value[name]));
  return result;
}

/** MongoDB applies updates in the order of their paths, numbers by value, so new fields come in that order. */
function inPathOrder(a: Place, b: Place): number {
  const [x, y] = [a, b].map(({ target, parts }) => target?.split('.') ?? parts) as [string[], string[]];
  for (let at = 0; at < Math.min(x.length, y.length); at++) {
    const [left = '', right = ''] = [x[at], y[at]];
    const order = isIndex(left) && isIndex(right) ? Number(left) - Number(right) : compareStrings(left, right);
    if (order !== 0) return order;
  }
  return x.length - y.length;
}

interface Step {
  operator: string;
  path: string;
  parts: string[];
  operand: unknown;
  modify: Modifier;
}

/** What updates of the same operators and paths have in common; most that come are of few shapes. */
interface Shape {
  /** In the order they are applied in. */
  steps: readonly Omit<Step, 'operand'>[];
  fields: ReadonlySet<string>;
  /** Those of them within which something is changed. */
  deep: ReadonlySet<string>;
}

const MOST_SHAPES = 500;
const shapes = new Map<string, Shape>();

function modifiers(update: BsonDocument, arrayFilters: unknown, scope: Scope): Update {
  const { steps: places, fields, deep } = shapeOf(update);
  const steps = places.map((place): Step => {
    const operand = (update[place.operator] as BsonDocument)[place.path];
    checkOperand(place.operator, place.path, operand);
    const { operator, path, parts, modify } = place;
    return { operator, path, parts, modify, operand: prepared(operator, operand, scope) };
  });
  const filters = parseArrayFilters(arrayFilters, scope);
  refuseUnusedFilters(filters, steps);
  const apply = (document: BsonDocument, context: UpdateContext): BsonDocument => {
    const result: BsonDocument = {};
    for (const name of Object.keys(document)) setField(result, name, deep.has(name) ? cloneValue(document[name]) : document[name]);
    const id = field(document, '_id');
    for (const step of steps) {
      if (step.operator === '$setOnInsert' && !context.inserting) continue;
      applyStep(result, step, filters, context, document);
    }
    if (id !== undefined) requireSameId(id, field(result, '_id'));
    return result;
  };
  return { apply, fields };
}

/** Where a field goes by $rename is part of the shape too. */
function shapeOf(update: BsonDocument): Shape {
  let key = '';
  for (const operator of Object.keys(update)) {
    const operands = update[operator];
    if (!isDocument(operands)) return parseShape(update);
    key += `${operator}\0${Object.keys(operands).join('\0')}\0${operator === '$rename' ? JSON.stringify(operands) : ''}\0\0`;
  }
  const known = shapes.get(key);
  if (known) return known;
  const shape = parseShape(update);
  if (shapes.size >= MOST_SHAPES) shapes.clear();
  shapes.set(key, shape);
  return shape;
}

function parseShape(update: BsonDocument): Shape {
  const steps = Object.keys(update).flatMap((name) => placesOf(name, update[name])).sort(inPathOrder);
  refuseConflicts(steps);
  const paths = steps.flatMap(({ parts, target }) => (target === undefined ? [parts] : [parts, target.split('.')]));
  const rootsOf = (some: string[][]): Set<string> => new Set(some.map(([root = '']) => root));
  return { steps, fields: rootsOf(paths), deep: rootsOf(paths.filter((parts) => parts.length > 1)) };
}

/** A step's place; the `target` of a $rename decides over its order. */
interface Place extends Omit<Step, 'operand'> {
  target: string | undefined;
}

function placesOf(operator: string, operands: unknown): Place[] {
  const modify = MODIFIERS[operator];
  if (!modify) {
    throw new MongoFault('FailedToParse', `Unknown modifier: ${operator}. Expected a valid update modifier or `
      + `pipeline-style update `
      + 'specified as an array');
  }
  if (!isDocument(operands)) {
    throw new MongoFault('FailedToParse', `Modifiers operate on fields but we found type ${typeName(operands)} instead. For `
      + `example: `
      + `{$mod: {<field>: ...}} not {${operator}: ${show(operands)}}`);
  }
  return Object.keys(operands).map((path) => {
    const parts = splitPath(path);
    const dollar = parts.find((part, at) => part.startsWith('$') && (at === 0 || !/^\$(\[.*\])?$/.test(part)));
    if (dollar !== undefined && !['$ref', '$id', '$db'].includes(dollar)) {
      throw new MongoFault(
        'DollarPrefixedFieldName', `The dollar ($) prefixed field '${dollar}' in '${path}' is not valid for storage.`
      );
    }
    checkOperand(operator, path, operands[path]);
    return { operator, path, parts, modify, target: operator === '$rename' ? String(operands[path]) : undefined };
  });
}

function refuseConflicts(steps: Place[]): void {
  const seen: string[] = [];
  for (const step of steps) {
    for (const path of step.target === undefined ? [step.path] : [step.path, step.target]) {
      const clash = seen.find((other) => other === path || other.startsWith(`${path}.`) || path.startsWith(`${other}.`));
      if (clash !== undefined) {
        const shorter = clash.length < path.length ? clash : path;
        throw new MongoFault('ConflictingUpdateOperators', `Updating the path '${path}' would create a conflict at '${shorter}'`);
      }
      seen.push(path);
    }
  }
}

function parseArrayFilters(arrayFilters: unknown, scope: Scope): Map<string, Filter> {
  const filters = new Map<string, Filter>();
  if (arrayFilters === undefined) return filters;
  if (!Array.isArray(arrayFilters)) throw new MongoFault('TypeMismatch', 'arrayFilters must be an array');
  for (const item of arrayFilters) {
    const name = firstName(item);
    if (name === undefined) {
      throw new MongoFault('FailedToParse', 'Cannot use an expression without a top-level field name in arrayFilters');
    }
    if (filters.has(name)) {
      throw new MongoFault('FailedToParse', `Found multiple array filters with the same top-level field name ${name}`);
    }
    filters.set(name, parseFilter(item, scope));
  }
  return filters;
}

function firstName(filter: unknown): string | undefined {
  if (!isDocument(filter)) return undefined;
  for (const name of Object.keys(filter)) {
    if (!name.startsWith('$')) return name.split('.')[0];
    const inner = filter[name];
    const found = Array.isArray(inner) ? inner.map(firstName).find((item) => item !== undefined) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function refuseUnusedFilters(filters: Map<string, Filter>, steps: Step[]): void {
  for (const name of filters.keys()) {
    if (!steps.some((step) => step.parts.includes(`$[${name}]`))) {
      throw new MongoFault('FailedToParse', `The array filter for identifier '${name}' was not used in the update`);
    }
  }
}

/** Walks to every place the path names (positional parts may name many) and applies the modifier there. */
function applyStep(
  root: BsonDocument, step: Step, filters: Map<string, Filter>, context: UpdateContext, original: BsonDocument
): void {
  const { parts, operator } = step;
  const creates = !['$unset', '$pull', '$pullAll', '$pop', '$rename'].includes(operator);
  if (operator === '$rename') {
    rename(root, step);
    return;
  }
  const visit = (node: BsonDocument | unknown[], at: number): void => {
    const part = parts[at] ?? '';
    const keys = positions(node, part, at, step, filters, context, original);
    for (const key of keys) {
      if (at === parts.length - 1) {
        finish(node, key, step, context);
        continue;
      }
      const next = childOf(node, key);
      if (Array.isArray(next) || isDocument(next)) visit(next, at + 1);
      else if (creates) visit(createChild(node, key, next, step, at), at + 1);
    }
  };
  visit(root, 0);
}

function finish(node: BsonDocument | unknown[], key: string, step: Step, context: UpdateContext): void {
  if (Array.isArray(node) && !isIndex(key)) {
    if (step.operator === '$unset' || step.operator === '$pull' || step.operator === '$pullAll' || step.operator === '$pop') {
      return;
    }
    throw cannotCreate(key, step.parts.at(-2) ?? '', node);
  }
  step.modify(node, key, step.operand, context, step.path);
}

function createChild(node: BsonDocument | unknown[], key: string, present: unknown, step: Step, at: number): BsonDocument {
  if (Array.isArray(node) && !isIndex(key)) throw cannotCreate(key, step.parts[at - 1] ?? '', node);
  if (present !== undefined) throw cannotCreate(step.parts[at + 1] ?? '', key, present);
  const made: BsonDocument = {};
  put(node, key, made);
  return made;
}

function cannotCreate(key: string, parent: string, value: unknown): MongoFault {
  return new MongoFault('PathNotViable', `Cannot create field '${key}' in element {${parent}: ${show(value)}}`);
}

function positions(
  node: BsonDocument | unknown[], part: string, at: number, step: Step, filters: Map<string, Filter>, context: UpdateContext,
  original: BsonDocument,
): string[] {
  if (!part.startsWith('$') || (part !== '$' && !part.startsWith('$['))) return [part];
  const path = step.parts.slice(0, at).join('.');
  if (part === '$') {
    const position = matchedPosition(context.filter, original, path);
    if (position === undefined) {
      throw new MongoFault('BadValue', 'The positional operator did not find the match needed from the query.');
    }
    return [String(position)];
  }
  if (!Array.isArray(node)) {
    throw new MongoFault(
      'BadValue', `Cannot apply array updates to non-array element ${step.parts[at - 1] ?? ''}: ${show(node)}`
    );
  }
  const name = part.slice(2, -1);
  if (name === '') return node.map((_item, index) => String(index));
  const filter = filters.get(name);
  if (!filter) throw new MongoFault('BadValue', `No array filter found for identifier '${name}' in path '${step.path}'`);
  return node.flatMap((item, index) => (matches(filter, { [name]: item }) ? [String(index)] : []));
}

function rename(root: BsonDocument, step: Step): void {
  const source = plainParent(root, step.parts, step.path);
  const last = step.parts.at(-1) ?? '';
  if (!source || !Object.hasOwn(source, last)) return;
  const value = source[last];
  delete source[last];
  const target = splitPath(String(step.operand));
  let node = root;
  for (const part of target.slice(0, -1)) {
    const next = field(node, part);
    if (next !== undefined && !isDocument(next)) {
      throw new MongoFault(
        'BadValue', `The destination field cannot be an array element, '${String(step.operand)}' in doc with ${show(root['_id'])}`
      );
    }
    if (!next) setField(node, part, {});
    node = field(node, part) as BsonDocument;
  }
  const name = target.at(-1) ?? '';
  delete node[name];
  setField(node, name, value);
}

function plainParent(root: BsonDocument, parts: string[], path: string): BsonDocument | undefined {
  let node: BsonDocument = root;
  for (const part of parts.slice(0, -1)) {
    const next = field(node, part);
    if (Array.isArray(next)) {
      throw new MongoFault('BadValue', `The source field cannot be an array element, '${path}' in doc with ${show(root['_id'])}`);
    }
    if (!isDocument(next)) return undefined;
    node = next;
  }
  return node;
}

/** The document an upsert starts from: the equality conditions of its filter. */
export function upsertSeed(filter: Filter, wholeReplacement: boolean): BsonDocument {
  const seed: BsonDocument = {};
  for (const condition of conjuncts(filter)) {
    const alone = condition.kind === 'or' && condition.children.length === 1 && condition.children[0] ? condition.children[0]
      : condition;
    for (const leaf of conjuncts(alone)) {
      if (leaf.kind !== 'leaf') continue;
      const single = leaf.op === '$in' && Array.isArray(leaf.operand) && leaf.operand.length === 1;
      if (leaf.op !== '$eq' && !single) continue;
      if (wholeReplacement && leaf.path !== '_id') continue;
      seedField(seed, leaf.parts, leaf.path, single ? (leaf.operand as unknown[])[0] : leaf.operand);
    }
  }
  return seed;
}

function seedField(seed: BsonDocument, parts: string[], path: string, value: unknown): void {
  let node = seed;
  for (const part of parts.slice(0, -1)) {
    const next = field(node, part);
    if (next !== undefined && !isDocument(next)) throw notSingular(path);
    if (!next) setField(node, part, {});
    node = field(node, part) as BsonDocument;
  }
  const last = parts.at(-1) ?? '';
  if (Object.hasOwn(node, last)) throw notSingular(path);
  setField(node, last, cloneValue(value));
}

function notSingular(path: string): MongoFault {
  return new MongoFault('NotSingleValueField', `cannot infer query fields to set, path '${path}' is matched twice`);
}

/** The document an upsert inserts, `_id` first. Throws ImmutableField (66) when the update changes the `_id` the filter names. */
export function upsertDocument(update: Update, seed: BsonDocument, context: UpdateContext): BsonDocument {
  const made = update.apply(seed, { ...context, inserting: true });
  return idFirst(field(made, '_id') ?? field(seed, '_id') ?? new ObjectId(), made);
}
