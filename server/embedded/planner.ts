import { MaxKey, MinKey } from 'bson';
import { tablePrefix, tableRange } from './collection.ts';
import type { Collection } from './collection.ts';
import { RANK, rankOf } from './compare.ts';
import { isDocument, toNumber } from './model.ts';
import type { BsonDocument } from './model.ts';
import { MongoFault } from './faults.ts';
import { and, conjuncts } from './filter.ts';
import type { Filter, Leaf } from './filter.ts';
import { cutKey, impliedBy } from './indexes.ts';
import type { Index, IndexField } from './indexes.ts';
import { complement, encodeValue, successor } from './keys.ts';
import type { Direction } from './keys.ts';
import { canLeap } from './leap.ts';
import { isNumeric } from './numbers.ts';
import { literalPrefix } from './regex.ts';
import type { KeyRange } from './storage.ts';

export interface SortField {
  path: string;
  parts: string[];
  direction: Direction;
}

/** A range of index keys; `prefix` is how many bytes its equality conditions fill. */
export interface Interval extends KeyRange {
  prefix: number;
}

export interface IndexPlan {
  kind: 'index';
  index: Index;
  intervals: Interval[];
  reverse: boolean;
  /** The intervals must be read side by side to come out in order. */
  merge: boolean;
  /** What the bounds do not settle; undefined when they settle everything. */
  residual: Filter | undefined;
  /** Whether the keys alone decide the residual. */
  covered: boolean;
  /** How many leading index fields are fixed to one value, and how many to one or several. */
  fixed: number;
  points: number;
  /** The conditions its ranges follow from. */
  narrowedBy: ReadonlySet<Filter>;
}

export type Plan =
  | IndexPlan
  | { kind: 'collection'; reverse: boolean; residual: Filter | undefined }
  | { kind: 'or'; branches: IndexPlan[]; residual: Filter };

/** A plan and whether it yields the order asked for. */
export interface Choice {
  plan: Plan;
  sorted: boolean;
}

export interface Question {
  filter: Filter;
  sort: SortField[];
  /** skip + limit; 0 for no limit. */
  limit: number;
  hint: unknown;
}

const MOST_POINTS = 2000;
const MOST_MERGED = 500;
const COUNTED = 2000;
const MOST_SAMPLED = 32;

/** In: a sort document. Out: its fields. Throws BadValue for a direction that is not 1 or -1. */
export function parseSort(sort: unknown): SortField[] {
  if (sort === undefined || sort === null) return [];
  if (!isDocument(sort)) throw new MongoFault('TypeMismatch', 'Expected field sort to be of type object');
  return Object.keys(sort).map((path) => {
    if (isDocument(sort[path])) throw new MongoFault('NotImplemented', '$meta sorts are not supported by this server');
    const direction = typeof sort[path] === 'boolean' ? undefined : toNumber(sort[path]);
    if (direction !== 1 && direction !== -1) {
      throw MongoFault.location(15975, '$sort key ordering must be 1 (for ascending) or -1 (for descending)');
    }
    if (path === '' || path.split('.').includes('')) {
      throw MongoFault.location(15998, 'FieldPath field names may not be empty strings.');
    }
    return { path, parts: path.split('.'), direction };
  });
}

/** Chooses how to find the documents: an index where one helps, else every document. Throws BadValue for a hint to no index. */
export function choosePlan(collection: Collection | undefined, question: Question): Choice {
  const { filter, sort, hint } = question;
  const natural = naturalDirection(sort, hint);
  const whole = filter.kind === 'and' && filter.children.length === 0 ? undefined : filter;
  const everything: Choice = {
    plan: { kind: 'collection', reverse: natural === -1, residual: whole }, sorted: sort.length === 0 || natural !== undefined,
  };
  if (!collection || natural !== undefined) return everything;
  const ready = collection.indexes.filter((index) => index.ready);
  const forced = hint === undefined ? undefined : hinted(ready, hint);
  if (forced) return candidate(forced, question, true) ?? fullScan(forced, question);
  const one = byUniqueKey(ready, question);
  if (one) return one;
  const candidates = ready.map((index) => candidate(index, question, false)).filter((choice) => choice !== undefined);
  const bounded = candidates.filter(({ plan }) => plan.intervals.length === 0 || hasBounds(plan));
  if (bounded.length > 0) return cheapest(collection, bounded, question);
  const or = orPlan(collection, question);
  if (or) return { plan: or, sorted: sort.length === 0 };
  const ordered = candidates.find((choice) => choice.sorted && sort.length > 0);
  return ordered ?? everything;
}

/** What names its document by `_id` or another unique key needs no comparing of indexes; most writes do. */
function byUniqueKey(indexes: Index[], question: Question): Choice | undefined {
  const named = new Set(conjuncts(question.filter).flatMap((part) => (part.kind === 'leaf' && part.op === '$eq' ? [part.path] : [])));
  const index = indexes.find(({ unique, fields }) => unique && fields.every(({ path }) => named.has(path)));
  const choice = index && candidate(index, question, false);
  return choice?.plan.fixed === index?.fields.length ? choice : undefined;
}

function naturalDirection(sort: SortField[], hint: unknown): Direction | undefined {
  if (sort[0]?.path === '$natural') return sort[0].direction;
  if (isDocument(hint) && '$natural' in hint) return toNumber(hint['$natural']) === -1 ? -1 : 1;
  return undefined;
}

function hinted(indexes: Index[], hint: unknown): Index {
  const found = indexes.find((index) => (typeof hint === 'string' ? index.name === hint
    : isDocument(hint) && samePattern(index.fields, hint)));
  if (!found) {
    throw new MongoFault(
      'BadValue',
      'error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index'
    );
  }
  return found;
}

function samePattern(fields: IndexField[], pattern: BsonDocument): boolean {
  const paths = Object.keys(pattern);
  return paths.length === fields.length
    && fields.every(({ path, direction }, at) => paths[at] === path && (toNumber(pattern[path]) ?? 1) * direction > 0);
}

type IndexChoice = { plan: IndexPlan; sorted: boolean };

/** How an index could answer; undefined when it cannot or would not help. */
function candidate(index: Index, question: Question, forced: boolean): IndexChoice | undefined {
  if (!usable(index, question.filter)) return undefined;
  const bounds = boundsOf(index, question.filter);
  if (!bounds.constrained && question.sort.length === 0 && !forced) return undefined;
  const order = orderOf(index, question.sort, bounds);
  if (!bounds.constrained && !order && !forced) return undefined;
  const residual = residualOf(index, question.filter, bounds);
  return {
    sorted: question.sort.length === 0 || order !== undefined,
    plan: {
      kind: 'index', index, intervals: bounds.intervals, reverse: order?.reverse ?? false, merge: order?.merge ?? false,
      residual, covered: residual === undefined || coveredBy(index, residual), fixed: bounds.fixed, points: bounds.points,
      narrowedBy: bounds.narrowedBy,
    },
  };
}

function fullScan(index: Index, question: Question): Choice {
  const range = tableRange(index.table);
  const plan: IndexPlan = {
    kind: 'index', index, intervals: [{ ...range, prefix: 4 }], reverse: false, merge: false, residual: question.filter,
    covered: false, fixed: 0, points: 0, narrowedBy: new Set(),
  };
  return { plan, sorted: question.sort.length === 0 };
}

function usable(index: Index, filter: Filter): boolean {
  if (index.partial && !impliedBy(index.partial, filter)) return false;
  if (!index.sparse) return true;
  return conjuncts(filter).some((part) => part.kind === 'leaf' && !part.test(undefined)
    && index.fields.some(({ path }) => path === part.path));
}

/** May a filter be decided on the index's keys alone? Keys do not tell missing from null nor one number type from another. */
function coveredBy(index: Index, filter: Filter): boolean {
  return !index.multikey && !index.truncated && onKeys(index, filter);
}

function onKeys(index: Index, filter: Filter): boolean {
  switch (filter.kind) {
    case 'leaf': return index.fields.some(({ path }) => path === filter.path)
      && ['$eq', '$in', '$gt', '$gte', '$lt', '$lte', '$regex', '$mod'].includes(filter.op);
    case 'and': case 'or': case 'nor': return filter.children.every((child) => onKeys(index, child));
    case 'not': return onKeys(index, filter.child);
    default: return false;
  }
}

interface Bounds {
  intervals: Interval[];
  /** Paths of leading fields fixed to exactly one value. */
  fixedPaths: Set<string>;
  fixed: number;
  /** Number of leading fields given as points, one or several. */
  points: number;
  constrained: boolean;
  settled: Set<Filter>;
  /** The conditions used, settled or not. */
  narrowedBy: Set<Filter>;
}

/** Values or a range some conditions allow; ranges are encoded ascending. `leaves` are settled by them, `unsettled` are not. */
type FieldBounds = { points: Buffer[]; leaves: Leaf[] } | FieldRange;

interface FieldRange {
  start: Buffer;
  end: Buffer;
  leaves: Leaf[];
  unsettled: Leaf[];
}

function boundsOf(index: Index, filter: Filter): Bounds {
  const parts = conjuncts(filter);
  let prefixes: Buffer[] = [tablePrefix(index.table)];
  const settled = new Set<Filter>();
  const narrowedBy = new Set<Filter>();
  const fixedPaths = new Set<string>();
  let fixed = 0;
  let points = 0;
  for (const indexField of index.fields) {
    const bounds = fieldBounds(indexField, parts, index.multikey);
    if (!bounds) break;
    if (!('points' in bounds)) {
      bounds.leaves.forEach((leaf) => settled.add(leaf));
      [...bounds.leaves, ...bounds.unsettled].forEach((leaf) => narrowedBy.add(leaf));
      const intervals = prefixes.map((prefix) => rangeAfter(prefix, bounds, indexField.direction));
      return finishBounds(intervals, { fixedPaths, fixed, points, constrained: true, settled, narrowedBy });
    }
    if (prefixes.length * bounds.points.length > MOST_POINTS) break;
    bounds.leaves.forEach((leaf) => settled.add(leaf) && narrowedBy.add(leaf));
    prefixes = prefixes.flatMap(
      (prefix) => bounds.points.map((point) => Buffer.concat([prefix, directed(point, indexField.direction)]))
    );
    points++;
    if (bounds.points.length === 1 && fixed === points - 1) fixed++;
    if (bounds.points.length === 1) fixedPaths.add(indexField.path);
  }
  const intervals = prefixes.map((prefix) => rangeAfter(prefix, undefined, 1));
  return finishBounds(intervals, { fixedPaths, fixed, points, constrained: points > 0, settled, narrowedBy });
}

function finishBounds(intervals: Interval[], rest: Omit<Bounds, 'intervals'>): Bounds {
  return {
    ...rest,
    intervals: intervals.filter(
      ({ start, end }) => Buffer.compare(start, end) < 0
    ).sort((a, b) => Buffer.compare(a.start, b.start)),
  };
}

function directed(bytes: Buffer, direction: Direction): Buffer {
  return direction === 1 ? bytes : complement(bytes);
}

function rangeAfter(prefix: Buffer, range: { start: Buffer; end: Buffer } | undefined, direction: Direction): Interval {
  const head = cutPrefix(prefix);
  if (!range || head.length < prefix.length) return { start: head, end: above(head), prefix: head.length };
  if (direction === 1) {
    return { start: cutPrefix(Buffer.concat([prefix, range.start])), end: upper(prefix, range.end), prefix: prefix.length };
  }
  return {
    start: reversedStart(prefix, range.end), end: above(cutPrefix(Buffer.concat([prefix, complement(range.start)]))),
    prefix: prefix.length,
  };
}

/** Bounds are cut where the keys themselves are cut; the residual filter then decides. */
function cutPrefix(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, 4), cutKey(bytes.subarray(4)).bytes]);
}

function upper(prefix: Buffer, end: Buffer): Buffer {
  const whole = Buffer.concat([prefix, end]);
  const cut = cutPrefix(whole);
  return cut.length < whole.length ? above(cut) : whole;
}

/**
 * Descending keys are complements: values v with start <= v < end lie at complement(v), so above complement(end) unless they
 * begin
 * with it. `end` is never itself the beginning of a value's encoding that belongs to the range.
 */
function reversedStart(prefix: Buffer, end: Buffer): Buffer {
  const whole = Buffer.concat([prefix, complement(end)]);
  return cutPrefix(successor(whole) ?? whole);
}

function above(bytes: Buffer): Buffer {
  return successor(bytes) ?? Buffer.alloc(5, 0xff);
}

/**
 * The condition an index field can use. Where arrays are indexed only one range may be used, as each may be met by another
 * element.
 */
function fieldBounds(indexField: IndexField, parts: Filter[], multikey: boolean): FieldBounds | undefined {
  const leaves = parts.filter((part): part is Leaf => part.kind === 'leaf' && part.path === indexField.path);
  const points = leaves.map(pointsOf).filter((bounds) => bounds !== undefined).sort(
    (a, b) => a.points.length - b.points.length
  )[0];
  if (points) return points;
  const ranges = leaves.map(rangeOf).filter((range) => range !== undefined);
  const first = ranges[0];
  if (!first || multikey) return first;
  return ranges.slice(1).reduce((all, range) => ({
    start: Buffer.compare(range.start, all.start) > 0 ? range.start : all.start,
    end: Buffer.compare(range.end, all.end) < 0 ? range.end : all.end,
    leaves: [...all.leaves, ...range.leaves],
    unsettled: [...all.unsettled, ...range.unsettled],
  }), first);
}

function pointsOf(leaf: Leaf): { points: Buffer[]; leaves: Leaf[] } | undefined {
  const encode = (values: unknown[]): Buffer[] => {
    const unique = new Map(values.map((value) => encodeValue(value)).map((bytes) => [bytes.toString('latin1'), bytes]));
    return [...unique.values()].sort(Buffer.compare);
  };
  if (leaf.op === '$eq' && indexable(leaf.operand)) return { points: encode([leaf.operand]), leaves: [leaf] };
  if ((leaf.op === '$gte' || leaf.op === '$lte') && leaf.operand === null) return { points: encode([null]), leaves: [leaf] };
  if (leaf.op !== '$in') return undefined;
  const items = leaf.operand as unknown[];
  return items.every(indexable) ? { points: encode(items), leaves: [leaf] } : undefined;
}

function indexable(value: unknown): boolean {
  return !Array.isArray(value) && rankOf(value) !== RANK.regex;
}

function rangeOf(leaf: Leaf): FieldRange | undefined {
  if (leaf.op === '$regex') return regexRange(leaf);
  if (!['$gt', '$gte', '$lt', '$lte'].includes(leaf.op) || !indexable(leaf.operand)) return undefined;
  const { operand } = leaf;
  const rank = rankOf(operand);
  if (rank === RANK.null || operand instanceof MinKey || operand instanceof MaxKey) return undefined;
  if (isNumeric(operand) && Number.isNaN(toNumber(operand))) return undefined;
  const value = encodeValue(operand);
  const least = rank === RANK.number ? encodeValue(Number.NEGATIVE_INFINITY) : Buffer.from([rank]);
  const most = Buffer.from([rank + 1]);
  switch (leaf.op) {
    case '$gt': return { start: above(value), end: most, leaves: [leaf], unsettled: [] };
    case '$gte': return { start: value, end: most, leaves: [leaf], unsettled: [] };
    case '$lt': return { start: least, end: value, leaves: [leaf], unsettled: [] };
    default: return { start: least, end: above(value), leaves: [leaf], unsettled: [] };
  }
}

function regexRange(leaf: Leaf): FieldRange | undefined {
  const literal = literalPrefix(leaf.operand as RegExp);
  if (!literal) return undefined;
  const start = Buffer.concat([Buffer.from([RANK.string]), Buffer.from(literal.prefix, 'utf8')]);
  return { start, end: above(start), ...(literal.whole ? { leaves: [leaf], unsettled: [] } : { leaves: [], unsettled: [leaf] }) };
}

function residualOf(index: Index, filter: Filter, bounds: Bounds): Filter | undefined {
  if (index.multikey || index.truncated || bounds.intervals.some(({ start }) => start.length > 1900)) {
    return conjuncts(filter).length === 0 ? undefined : filter;
  }
  const rest = conjuncts(filter).filter((part) => !bounds.settled.has(part) && !settledByPartial(index, part));
  return rest.length === 0 ? undefined : and(rest);
}

/** A condition that the partial index itself states holds for all its keys. */
function settledByPartial(index: Index, part: Filter): boolean {
  return index.partial !== undefined && part.kind === 'leaf' && conjuncts(index.partial).some((stated) => stated.kind === 'leaf'
    && stated.path === part.path && stated.op === '$eq' && part.op === '$eq' && rankOf(stated.operand) === rankOf(part.operand)
    && encodeValue(stated.operand).equals(encodeValue(part.operand)));
}

/** Does reading the index give the order asked for, forwards or backwards? */
function orderOf(index: Index, sort: SortField[], bounds: Bounds): { reverse: boolean; merge: boolean } | undefined {
  if (sort.length === 0 || index.multikey || index.truncated) return undefined;
  const wanted = sort.filter(({ path }) => !bounds.fixedPaths.has(path));
  let reverse: boolean | undefined;
  let merge = false;
  let at = 0;
  for (const [position, indexField] of index.fields.entries()) {
    const next = wanted[at];
    if (!next) break;
    if (bounds.fixedPaths.has(indexField.path)) continue;
    if (next.path === indexField.path && !merge) {
      const backwards = next.direction !== indexField.direction;
      if (reverse !== undefined && reverse !== backwards) return undefined;
      reverse = backwards;
      at++;
    } else if (position < bounds.points && at === 0) {
      merge = true;
      if (bounds.intervals.length > MOST_MERGED) return undefined;
    } else if (merge && position >= bounds.points && next.path === indexField.path) {
      const backwards = next.direction !== indexField.direction;
      if (reverse !== undefined && reverse !== backwards) return undefined;
      reverse = backwards;
      at++;
    } else {
      return undefined;
    }
  }
  if (at < wanted.length) return undefined;
  return { reverse: reverse ?? false, merge: merge && bounds.intervals.length > 1 };
}

function hasBounds(plan: IndexPlan): boolean {
  return plan.intervals.length > 1 || (plan.intervals[0]?.start.length ?? 0) > 4;
}

/** Picks by what would be read. The most promising are looked at first, so that of the others no more keys are counted than rule them out. */
function cheapest(collection: Collection, choices: IndexChoice[], question: Question): Choice {
  const only = choices[0];
  if (choices.length === 1 && only) return only;
  const point = choices.find(({ plan }) => plan.index.unique && plan.fixed === plan.index.fields.length);
  if (point) return point;
  const promising = choices.filter((choice) => !choices.some((other) => isNarrower(other, choice)))
    .sort((a, b) => b.plan.points - a.plan.points);
  if (promising.length === 1) return promising[0]!;
  let best = { choice: promising[0]!, cost: Number.POSITIVE_INFINITY };
  for (const choice of promising) {
    const cost = costOf(collection, choice, question, Math.min(COUNTED, Math.ceil(best.cost) + 1));
    if (cost < best.cost) best = { choice, cost };
  }
  return best.choice;
}

/** Whether a plan reads only documents that the other one reads too, and leaves no more to do with them, so that nothing need be counted. */
function isNarrower({ plan, sorted }: IndexChoice, other: IndexChoice): boolean {
  const [own, others] = [plan.narrowedBy, other.plan.narrowedBy];
  return own.size > others.size && [...others].every((condition) => own.has(condition)) && !plan.index.multikey && !plan.index.truncated
    && (sorted || !other.sorted) && (plan.covered || !other.plan.covered);
}

function costOf(collection: Collection, { plan, sorted }: IndexChoice, question: Question, most: number): number {
  const keys = sizeOf(collection, plan, most);
  const perKey = plan.residual && !plan.covered ? 1.3 : plan.residual ? 1.1 : 1;
  if (!sorted) return keys * perKey * (question.sort.length > 0 ? 1.5 : 1) + 1;
  if (question.limit === 0) return keys * perKey;
  return Math.min(keys, question.limit * (plan.residual ? 10 : 1)) * perKey;
}

/** A disjunction whose every branch has an index of its own. */
function orPlan(collection: Collection, question: Question): Plan | undefined {
  const parts = conjuncts(question.filter);
  for (const part of parts) {
    if (part.kind !== 'or') continue;
    const rest = parts.filter((other) => other !== part);
    const branches: IndexPlan[] = [];
    for (const branch of part.children) {
      const choice = choosePlan(collection, { filter: and([branch, ...rest]), sort: [], limit: 0, hint: undefined });
      if (choice.plan.kind !== 'index') break;
      branches.push(choice.plan);
    }
    if (branches.length === part.children.length) return { kind: 'or', branches, residual: question.filter };
  }
  return undefined;
}

/** An index that holds every path a grouping reads and settles or covers the filter; the one with the fewest keys to read. */
export function coveringPlan(collection: Collection, filter: Filter, paths: readonly string[]): IndexPlan | undefined {
  const plans = collection.indexes.filter((index) => index.ready && !index.multikey && !index.truncated
    && paths.every((path) => index.fields.some((indexField) => indexField.path === path)))
    .map((index) => candidate(index, { filter, sort: [], limit: 0, hint: undefined }, true)?.plan)
    .filter((plan) => plan?.covered === true) as IndexPlan[];
  if (plans.length < 2) return plans[0];
  const sizes = plans.map((plan) => sizeOf(collection, plan));
  const least = Math.min(...sizes);
  return plans.find((plan) => canLeap(plan, paths)) ?? plans[sizes.indexOf(least)];
}

/** How many keys the plan's ranges hold, counted to no more than `most`; of many ranges, some stand for all. */
function sizeOf(collection: Collection, plan: IndexPlan, most = COUNTED): number {
  const { intervals, index } = plan;
  if (index.unique && plan.points === index.fields.length) return intervals.length;
  if (intervals.length > MOST_SAMPLED) {
    const step = intervals.length / MOST_SAMPLED;
    const sample = Array.from({ length: MOST_SAMPLED }, (_, at) => intervals[Math.floor(at * step)]!);
    return Math.min(most, Math.ceil(sizeOf(collection, { ...plan, intervals: sample }, most) * step));
  }
  let keys = 0;
  for (const interval of intervals) {
    if (keys >= most) break;
    keys += collection.storage.count(interval, most - keys);
  }
  return keys;
}
