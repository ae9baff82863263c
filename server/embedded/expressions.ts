import { evalExpr, Context } from 'mingo/core';
import * as accumulatorOperators from 'mingo/operators/accumulator';
import * as expressionOperators from 'mingo/operators/expression';
import { Decimal128, Double, Long, ObjectId } from 'bson';
import { compareValues, equalValues, rankOf, RANK } from './compare.ts';
import { double, field, isDocument, isInt32, setField } from './model.ts';
import type { BsonDocument } from './model.ts';
import { MongoFault } from './faults.ts';
import { approximate, arithmetic, decimalParts, isNumeric, typed, widest } from './numbers.ts';
import type { Numeric } from './numbers.ts';
import { valueAt } from './paths.ts';
import { bsonType, typeName, typeNumber } from './types.ts';

/** What an expression is evaluated in: one clock reading per command and the command's variables. */
export interface Scope {
  readonly now: Date;
  readonly variables: Readonly<BsonDocument>;
  /**
   * In: an aggregation expression. Out: its value for a document; undefined when missing. Throws InvalidPipelineOperator (168).
   */
  compile(expression: unknown): (document: unknown) => unknown;
  /** The same scope with more variables (`let`). */
  with(variables: BsonDocument): Scope;
  /** mingo's options, for the pipeline stages that are mingo's own. */
  evaluation(): Evaluation;
}

/** The part of mingo's ComputeOptions that is used here. */
export interface Evaluation {
  readonly local: { root?: unknown; variables?: BsonDocument };
  readonly now: Date;
  update(locals: { root?: unknown; variables?: BsonDocument }): Evaluation;
}

type Operator = (target: unknown, expression: unknown, options: Evaluation) => unknown;

/** MongoDB's truth: everything but false, 0, null and missing. */
export function isTruthy(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false;
  return !(isNumeric(value) && approximate(value) === 0);
}

export function createScope(variables: BsonDocument = {}): Scope {
  let options: Evaluation | undefined;
  const evaluation = (): Evaluation => {
    options ??= evalExpr({}, { $__options: true }, { context: CONTEXT, variables } as never) as Evaluation;
    return options;
  };
  return {
    get now() { return evaluation().now; },
    variables,
    evaluation,
    with: (more) => createScope({ ...variables, ...more }),
    compile: (expression) => compile(expression, evaluation),
  };
}

/** Operators that look at nothing but their arguments. */
const PLAIN_OPERATORS = new Set([
  '$add', '$and', '$cond', '$concat', '$eq', '$gt', '$gte', '$ifNull', '$in', '$lt', '$lte', '$max', '$min', '$multiply', '$ne', '$not', '$or',
  '$subtract',
]);

/** Adds the top-level fields an expression reads. Out: false where it may be any. */
export function addFieldsOfExpression(expression: unknown, into: Set<string>): boolean {
  if (typeof expression === 'string') {
    if (expression.startsWith('$$')) return expression === '$$NOW';
    if (expression.startsWith('$')) into.add(expression.slice(1).split('.')[0] ?? '');
    return true;
  }
  if (Array.isArray(expression)) return expression.every((item) => addFieldsOfExpression(item, into));
  if (!isDocument(expression)) return true;
  return Object.keys(expression).every((name) => name === '$literal'
    || ((PLAIN_OPERATORS.has(name) || !name.startsWith('$')) && addFieldsOfExpression(expression[name], into)));
}

function compile(expression: unknown, evaluation: () => Evaluation): (document: unknown) => unknown {
  if (typeof expression === 'string' && expression.startsWith('$')) {
    if (expression === '$$ROOT' || expression === '$$CURRENT') return (document) => document;
    if (!expression.startsWith('$$')) {
      const parts = fieldPath(expression);
      return (document) => valueAt(document, parts);
    }
  } else if (!isDocument(expression) && !Array.isArray(expression)) {
    return () => expression;
  }
  const prepared = prepare(expression);
  const evaluated = (document: unknown): unknown => {
    try {
      return evalExpr(document, prepared, evaluation().update({ root: document }) as never);
    } catch (error) {
      throw translated(error);
    }
  };
  const fields = new Set<string>();
  return addFieldsOfExpression(expression, fields) && fields.size === 0 ? always(evaluated) : evaluated;
}

/** What looks at no document is worked out once, with the first. */
function always(evaluated: (document: unknown) => unknown): (document: unknown) => unknown {
  let value: { of: unknown } | undefined;
  return (document) => (value ??= { of: evaluated(document) }).of;
}

/** mingo's errors that MongoDB answers with a code of their own. */
function translated(error: unknown): unknown {
  if (error instanceof Error && error.message.startsWith('Use of undefined variable')) {
    return MongoFault.location(17276, error.message);
  }
  return error;
}

/** Is this the name of an expression operator? */
export function isExpression(name: string): boolean {
  return KNOWN.has(name) || name === '$literal' || name === '$const';
}

function fieldPath(expression: string): string[] {
  const parts = expression.slice(1).split('.');
  if (parts.includes('')) throw MongoFault.location(16872, `'${expression}' is not a valid field path`);
  return parts;
}

/**
 * Field paths become an operator of our own, as mingo's resolve array positions; unknown operators are refused before any
 * document is read.
 */
function prepare(expression: unknown): unknown {
  if (typeof expression === 'string') {
    if (expression.startsWith('$$') || !expression.startsWith('$') || expression.length === 1) return expression;
    return { $__path: fieldPath(expression) };
  }
  if (Array.isArray(expression)) return expression.map(prepare);
  if (!isDocument(expression)) return expression;
  const names = Object.keys(expression);
  const first = names[0];
  if (first?.startsWith('$')) {
    if (names.length > 1) {
      throw MongoFault.location(15983, 'an expression specification must contain exactly one field, the name of the expression. '
        + `Found ${names.length} fields`);
    }
    if (first === '$literal' || first === '$const') return { $literal: expression[first] };
    if (!KNOWN.has(first)) throw new MongoFault('InvalidPipelineOperator', `Unrecognized expression '${first}'`);
  }
  const result: BsonDocument = {};
  for (const name of names) setField(result, name, prepare(expression[name]));
  return result;
}

function evaluate(target: unknown, expression: unknown, options: Evaluation): unknown {
  return evalExpr(target, expression as never, options as never);
}

function argumentsOf(target: unknown, expression: unknown, options: Evaluation): unknown[] {
  return (Array.isArray(expression) ? expression : [expression]).map((item) => evaluate(target, item, options));
}

function exactly(count: number, name: string, expression: unknown): void {
  const given = Array.isArray(expression) ? expression.length : 1;
  if (given !== count) {
    throw MongoFault.location(16020, `Expression ${name} takes exactly ${count} arguments. ${given} were passed in.`);
  }
}

function comparing(name: string, accept: (order: number) => unknown): Operator {
  return (target, expression, options) => {
    exactly(2, name, expression);
    const [a, b] = argumentsOf(target, expression, options);
    return accept(compareExpressionValues(a, b));
  };
}

/** In expressions a missing value is less than null. */
function compareExpressionValues(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) {
    if (a === b) return 0;
    const other = rankOf(a ?? b);
    if (other > RANK.minKey) return a === undefined ? -1 : 1;
  }
  return compareValues(a, b);
}

const $add: Operator = (target, expression, options) => {
  let date: Date | undefined;
  let sum: Numeric = 0;
  for (const item of argumentsOf(target, expression, options)) {
    if (item === null || item === undefined) return null;
    if (item instanceof Date) {
      if (date) throw MongoFault.location(16612, 'only one date allowed in an $add expression');
      date = item;
    } else {
      sum = arithmeticOrWiden('add', sum, numericOperand('$add', item, 'numeric or date types'));
    }
  }
  return date ? new Date(date.getTime() + Math.round(approximate(sum))) : sum;
};

function numericOperand(name: string, value: unknown, kinds: string): Numeric {
  if (isNumeric(value)) return value;
  throw new MongoFault('TypeMismatch', `${name} only supports ${kinds}, not ${typeName(value)}`);
}

/** Expressions answer an int64 overflow with a double. */
function arithmeticOrWiden(operation: 'add' | 'multiply', a: Numeric, b: Numeric): Numeric {
  const result = arithmetic(operation, a, b);
  if (result !== undefined) return result;
  return double(operation === 'add' ? approximate(a) + approximate(b) : approximate(a) * approximate(b));
}

const $subtract: Operator = (target, expression, options) => {
  exactly(2, '$subtract', expression);
  const [a, b] = argumentsOf(target, expression, options);
  if (a === null || a === undefined || b === null || b === undefined) return null;
  if (a instanceof Date && b instanceof Date) return Long.fromNumber(a.getTime() - b.getTime());
  if (a instanceof Date && isNumeric(b)) return new Date(a.getTime() - Math.round(approximate(b)));
  if (!isNumeric(a) || !isNumeric(b)) throw new MongoFault('TypeMismatch', `can't $subtract ${typeName(b)} from ${typeName(a)}`);
  return arithmeticOrWiden('add', a, arithmeticOrWiden('multiply', b, -1));
};

const $multiply: Operator = (target, expression, options) => {
  let product: Numeric = 1;
  for (const item of argumentsOf(target, expression, options)) {
    if (item === null || item === undefined) return null;
    product = arithmeticOrWiden('multiply', product, numericOperand('$multiply', item, 'numeric types'));
  }
  return product;
};

const $and: Operator = (target, expression, options) => (Array.isArray(expression) ? expression : [expression])
  .every((item) => isTruthy(evaluate(target, item, options)));
const $or: Operator = (target, expression, options) => (Array.isArray(expression) ? expression : [expression])
  .some((item) => isTruthy(evaluate(target, item, options)));
const $not: Operator = (target, expression, options) => {
  exactly(1, '$not', expression);
  return !isTruthy(argumentsOf(target, expression, options)[0]);
};

const $cond: Operator = (target, expression, options) => {
  const [test, yes, no] = Array.isArray(expression) ? expression : conditionParts(expression);
  if (Array.isArray(expression)) exactly(3, '$cond', expression);
  return evaluate(target, isTruthy(evaluate(target, test, options)) ? yes : no, options);
};

function conditionParts(expression: unknown): unknown[] {
  if (!isDocument(expression)) throw MongoFault.location(16020, 'Expression $cond takes exactly 3 arguments. 1 were passed in.');
  for (const [name, code] of [['if', 17080], ['then', 17081], ['else', 17082]] as const) {
    if (!(name in expression)) throw MongoFault.location(code, `Missing '${name}' parameter to $cond`);
  }
  return [expression['if'], expression['then'], expression['else']];
}

const $switch: Operator = (target, expression, options) => {
  if (!isDocument(expression) || !Array.isArray(expression['branches'])) {
    throw MongoFault.location(40061, "$switch expected an array for 'branches'");
  }
  for (const branch of expression['branches'] as BsonDocument[]) {
    if (isTruthy(evaluate(target, branch['case'], options))) return evaluate(target, branch['then'], options);
  }
  if (!('default' in expression)) {
    throw MongoFault.location(40066, '$switch could not find a matching branch for an input, and no default was specified.');
  }
  return evaluate(target, expression['default'], options);
};

const $filter: Operator = (target, expression, options) => {
  if (!isDocument(expression)) throw MongoFault.location(28646, '$filter only supports an object as its argument');
  const input = evaluate(target, expression['input'], options);
  if (input === null || input === undefined) return null;
  if (!Array.isArray(input)) throw MongoFault.location(28651, `input to $filter must be an array not ${typeName(input)}`);
  const name = typeof expression['as'] === 'string' ? expression['as'] : 'this';
  const limit = expression['limit'] === undefined ? input.length : approximate(
    evaluate(target, expression['limit'], options) as Numeric
  );
  const inner = nested(options);
  const kept: unknown[] = [];
  for (const item of input) {
    if (kept.length >= limit) break;
    if (isTruthy(evaluate(target, expression['cond'], inner.update({ variables: { [name]: item } })))) kept.push(item);
  }
  return kept;
};

/** Options of their own for an inner scope, so that its variables do not outlive it. */
function nested(options: Evaluation): Evaluation {
  const copy = evalExpr(
    {}, { $__options: true } as never, (options as unknown as { options: unknown }).options as never
  ) as Evaluation;
  copy.update({ root: options.local.root, variables: options.local.variables ?? {} });
  return copy;
}

const $in: Operator = (target, expression, options) => {
  exactly(2, '$in', expression);
  const [value, array] = argumentsOf(target, expression, options);
  if (!Array.isArray(array)) {
    throw MongoFault.location(40081, `$in requires an array as a second argument, found: ${typeName(array)}`);
  }
  return array.some((item) => equalValues(item, value));
};

/** Extremes and sums over arguments or over the one array argument. */
function overValues(combine: (values: unknown[]) => unknown): Operator {
  return (target, expression, options) => {
    const values = argumentsOf(target, expression, options);
    return combine(values.length === 1 && Array.isArray(values[0]) ? values[0] : values);
  };
}

/** The sum of what is numeric. */
export function sumOf(values: unknown[]): Numeric {
  return values.filter(isNumeric).reduce<Numeric>((sum, value) => arithmeticOrWiden('add', sum, value), 0);
}

/** The mean of what is numeric: a double (a decimal when decimals take part), null of nothing. */
export function averageOf(sum: Numeric, count: number): unknown {
  if (count === 0) return null;
  if (sum instanceof Decimal128) return Decimal128.fromStringWithRounding(String(approximate(sum) / count));
  return double(approximate(sum) / count);
}

function extreme(sign: 1 | -1): (values: unknown[]) => unknown {
  return (values) => values.filter((value) => value !== null && value !== undefined)
    .reduce<unknown>(
      (best, value) => (best === undefined || compareValues(value, best) * sign > 0 ? value : best), undefined
    ) ?? null;
}

/** What mingo's own operators take: JavaScript numbers. */
function promote(value: unknown): unknown {
  if (value instanceof Double || value instanceof Long || value instanceof Decimal128) return approximate(value);
  if (Array.isArray(value)) return value.map(promote);
  return value;
}

/** Evaluates the arguments first, hands mingo's operator JavaScript numbers, and gives the result the type MongoDB would. */
function withNumbers(name: string, result: 'double' | 'input' | 'as is'): Operator {
  const operator = (expressionOperators as unknown as Record<string, Operator>)[name];
  if (!operator) throw new Error(`mingo has no ${name}`);
  return (target, expression, options) => {
    const given: unknown[] = [];
    const literal = (item: unknown): unknown => {
      const value = evaluate(target, item, options);
      given.push(value);
      return { $literal: promote(value) ?? null };
    };
    const value = operator(target, mapArguments(expression, literal), options);
    if (typeof value !== 'number' || result === 'as is') return value;
    return result === 'double' ? double(value) : typed(value, widest(given.filter(isNumeric)));
  };
}

function mapArguments(expression: unknown, literal: (item: unknown) => unknown): unknown {
  if (Array.isArray(expression)) return expression.map(literal);
  if (!isDocument(expression) || Object.keys(expression)[0]?.startsWith('$')) return literal(expression);
  return Object.fromEntries(Object.entries(expression).map(([name, item]) => [name, literal(item)]));
}

/** Converts as $convert, $toInt and the like do. Throws ConversionFailure (241) where MongoDB does. */
function convert(value: unknown, to: number | 'number', name: string): unknown {
  if (value === null || value === undefined) return null;
  const failed = (): MongoFault => {
    const fault = MongoFault.location(241, `Failed to parse '${String(value)}' in ${name} with no onError value`);
    Object.assign(fault, { codeName: 'ConversionFailure' });
    return fault;
  };
  const numeric = (): Numeric => {
    if (isNumeric(value)) return value;
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (value instanceof Date) return Long.fromNumber(value.getTime());
    if (typeof value === 'string' && value.trim() === value && value !== '' && Number.isFinite(Number(value))) {
      return double(Number(value));
    }
    throw failed();
  };
  switch (to) {
    case 1: return double(approximate(numeric()));
    case 2: return convertToString(value, failed);
    case 7: return value instanceof ObjectId ? value : toObjectId(value, failed);
    case 8: return typeof value === 'boolean' ? value : isNumeric(value) ? approximate(value) !== 0 : true;
    case 9: return toDate(value, failed);
    case 16: return whole(numeric(), (plain) => isInt32(plain) ? plain : undefined, failed);
    case 18: return value instanceof Long ? value : typeof value === 'string' && /^[+-]?\d+$/.test(value) ? Long.fromString(value)
      : whole(numeric(), (plain) => (Math.abs(plain) < 2 ** 63 ? Long.fromNumber(plain) : undefined), failed);
    case 19: return value instanceof Decimal128 ? value : Decimal128.fromString(
      typeof value === 'string' ? value : String(numeric())
    );
    default: throw failed();
  }
}

function whole(value: Numeric, build: (plain: number) => unknown, failed: () => MongoFault): unknown {
  const built = build(Math.trunc(approximate(value)) + 0);
  if (built === undefined) throw failed();
  return built;
}

function convertToString(value: unknown, failed: () => MongoFault): string {
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ObjectId) return value.toHexString();
  if (isNumeric(value)) return value instanceof Double ? String(value.value) : String(value);
  if (typeof value === 'boolean') return String(value);
  throw failed();
}

function toObjectId(value: unknown, failed: () => MongoFault): ObjectId {
  if (typeof value !== 'string' || !/^[0-9a-f]{24}$/i.test(value)) throw failed();
  return new ObjectId(value);
}

function toDate(value: unknown, failed: () => MongoFault): Date {
  if (value instanceof Date) return value;
  if (value instanceof ObjectId) return value.getTimestamp();
  const date = isNumeric(value) && !isInt32(value) ? new Date(approximate(value)) : typeof value === 'string' ? new Date(value)
    : undefined;
  if (!date || Number.isNaN(date.getTime())) throw failed();
  return date;
}

function converter(name: string, type: number): Operator {
  return (target, expression, options) => convert(argumentsOf(target, expression, options)[0], type, name);
}

const $convert: Operator = (target, expression, options) => {
  if (!isDocument(expression)) throw new MongoFault('FailedToParse', '$convert expects an object of named arguments');
  const value = evaluate(target, expression['input'], options);
  if (value === null || value === undefined) return evaluate(target, expression['onNull'] ?? null, options);
  try {
    return convert(value, typeNumber(evaluate(target, expression['to'], options)), '$convert');
  } catch (error) {
    if (!('onError' in expression)) throw error;
    return evaluate(target, expression['onError'], options);
  }
};

const $ifNull: Operator = (target, expression, options) => {
  const items = Array.isArray(expression) ? expression : [expression];
  let value: unknown;
  for (const item of items) {
    value = evaluate(target, item, options);
    if (value !== null && value !== undefined) return value;
  }
  return value;
};

const $getField: Operator = (target, expression, options) => {
  const named = isDocument(expression) && 'field' in expression;
  const name = evaluate(target, named ? expression['field'] : expression, options);
  const input = named && 'input' in expression ? evaluate(target, expression['input'], options) : options.local.root;
  return isDocument(input) ? field(input, String(name)) : undefined;
};

/** Rounds a decimal number's digits to a place; mingo's own loses digits to binary fractions. */
function rounding(name: string, cut: (digits: bigint, unit: bigint) => bigint): Operator {
  return (target, expression, options) => {
    const [value, place = 0] = argumentsOf(target, expression, options);
    if (value === null || value === undefined || place === null) return null;
    const places = approximate(numericOperand(name, place, 'numeric types'));
    const number = numericOperand(name, value, 'numeric types');
    if (!Number.isInteger(places) || places < -20 || places > 100) {
      throw MongoFault.location(51083, `cannot apply ${name} with precision value ${places} value must be in [-20, 100]`);
    }
    const parts = decimalParts(number);
    if (!parts || parts.exponent >= -places) return number;
    const unit = 10n ** BigInt(-places - parts.exponent);
    const text = `${cut(parts.digits, unit)}E${-places}`;
    return number instanceof Decimal128 ? Decimal128.fromString(text) : typed(Number(text), widest([number]));
  };
}

function roundHalfEven(digits: bigint, unit: bigint): bigint {
  const quotient = digits / unit;
  const rest = digits % unit;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  const away = twice > unit || (twice === unit && quotient % 2n !== 0n);
  return away ? quotient + (digits < 0n ? -1n : 1n) : quotient;
}

function grouped(names: string[], result: 'double' | 'input' | 'as is'): Record<string, Operator> {
  return Object.fromEntries(names.map((name) => [name, withNumbers(name, result)]));
}

const OWN: Record<string, Operator> = {
  $__options: (_target, _expression, options) => options,
  $__path: (_target, expression, options) => valueAt(options.local.root, expression as string[]),
  $eq: comparing('$eq', (order) => order === 0),
  $ne: comparing('$ne', (order) => order !== 0),
  $gt: comparing('$gt', (order) => order > 0),
  $gte: comparing('$gte', (order) => order >= 0),
  $lt: comparing('$lt', (order) => order < 0),
  $lte: comparing('$lte', (order) => order <= 0),
  $cmp: comparing('$cmp', (order) => Math.sign(order)),
  $add, $subtract, $multiply, $and, $or, $not, $cond, $switch, $filter, $in, $ifNull, $convert, $getField,
  $max: overValues(extreme(1)),
  $min: overValues(extreme(-1)),
  $sum: overValues(sumOf),
  $avg: overValues((values) => averageOf(sumOf(values), values.filter(isNumeric).length)),
  $toInt: converter('$toInt', 16),
  $toLong: converter('$toLong', 18),
  $toDouble: converter('$toDouble', 1),
  $toDecimal: converter('$toDecimal', 19),
  $toString: converter('$toString', 2),
  $toDate: converter('$toDate', 9),
  $toBool: converter('$toBool', 8),
  $toObjectId: converter('$toObjectId', 7),
  $type: (target, expression, options) => typeName(argumentsOf(target, expression, options)[0]),
  $isNumber: (target, expression, options) => isNumeric(argumentsOf(target, expression, options)[0]),
  $isArray: (target, expression, options) => bsonType(argumentsOf(target, expression, options)[0]) === 4,
  ...grouped([
    '$divide', '$exp', '$ln', '$log', '$log10', '$sqrt', '$sin', '$cos', '$tan', '$degreesToRadians', '$radiansToDegrees',
  ],
    'double'),
  $round: rounding('$round', roundHalfEven),
  $trunc: rounding('$trunc', (digits, unit) => digits / unit),
  ...grouped(['$abs', '$ceil', '$floor', '$mod', '$pow'], 'input'),
  ...grouped(['$arrayElemAt', '$range', '$slice', '$substr', '$substrBytes', '$substrCP', '$dateAdd', '$dateSubtract',
    '$dateDiff',
    '$dateFromParts', '$dateTrunc', '$bitAnd', '$bitOr', '$bitXor', '$bitNot'], 'as is'),
};

const REFUSED = new Set(['$function', '$accumulator', '$sampleRate', '$toHashedIndexKey']);
const MINGO: Record<string, Operator> = Object.fromEntries(
  Object.entries(expressionOperators as unknown as Record<string, Operator>).filter(([name]) => !REFUSED.has(name)),
);
const KNOWN = new Set([...Object.keys(MINGO), ...Object.keys(OWN), ...Object.keys(accumulatorOperators)]
  .filter((name) => !name.startsWith('$__') && !REFUSED.has(name)));

/** mingo's operators with ours in the place of those that differ from MongoDB. */
const CONTEXT = Context.init({
  expression: { ...MINGO, ...OWN } as never,
  accumulator: { ...accumulatorOperators } as never,
});
