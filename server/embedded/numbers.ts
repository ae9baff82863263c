import { Decimal128, Double, Int32, Long } from 'bson';
import { double, isInt32 } from './model.ts';

/** A number of the exact model (see document.ts). */
export type Numeric = number | Double | Int32 | Long | Decimal128;
export type NumericKind = 'int' | 'long' | 'double' | 'decimal';

export function isNumeric(value: unknown): value is Numeric {
  return typeof value === 'number' || value instanceof Double || value instanceof Long || value instanceof Decimal128
    || value instanceof Int32;
}

function numericKind(value: Numeric): NumericKind {
  if (value instanceof Long) return 'long';
  if (value instanceof Decimal128) return 'decimal';
  return isInt32(value) || value instanceof Int32 ? 'int' : 'double';
}

/** The nearest JS number. */
export function approximate(value: Numeric): number {
  if (typeof value === 'number') return value;
  if (value instanceof Double || value instanceof Int32) return value.value;
  return value instanceof Long ? value.toNumber() : Number(value.toString());
}

/** A fraction num / den with den > 0, or a number that has none (NaN, infinities). */
type Exact = { num: bigint; den: bigint } | number;

function exact(value: Numeric): Exact {
  if (value instanceof Long) return { num: value.toBigInt(), den: 1n };
  if (value instanceof Decimal128) return exactDecimal(value);
  return exactDouble(approximate(value));
}

function exactDecimal(value: Decimal128): Exact {
  const text = value.toString();
  const match = /^(-?)(\d*)(?:\.(\d*))?(?:E([+-]?\d+))?$/.exec(text);
  if (!match) return Number(text);
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  const digits = BigInt(`${sign}${whole}${fraction}` || '0');
  const exponent = Number(power) - fraction.length;
  return exponent >= 0 ? { num: digits * 10n ** BigInt(exponent), den: 1n } : { num: digits, den: 10n ** BigInt(-exponent) };
}

const view = new DataView(new ArrayBuffer(8));

function exactDouble(value: number): Exact {
  if (!Number.isFinite(value)) return value;
  if (Number.isInteger(value)) return { num: BigInt(value), den: 1n };
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = biased === 0 ? fraction : fraction | 0x10000000000000n;
  const shift = BigInt((biased === 0 ? 1 : biased) - 1075);
  const signed = value < 0 ? -mantissa : mantissa;
  return shift >= 0n ? { num: signed << shift, den: 1n } : { num: signed, den: 1n << -shift };
}

function compareExact(a: Exact, b: Exact): number {
  if (typeof a === 'number' || typeof b === 'number') {
    return compareDoubles(typeof a === 'number' ? a : signOf(a.num), typeof b === 'number' ? b : signOf(b.num));
  }
  const left = a.num * b.den;
  const right = b.num * a.den;
  return left < right ? -1 : left > right ? 1 : 0;
}

function signOf(value: bigint): number {
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

/** NaN equals itself and is less than every other number, as in MongoDB. */
function compareDoubles(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : 1;
}

/** Compares by mathematical value over all numeric types. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  const simpleA = !(a instanceof Long) && !(a instanceof Decimal128);
  const simpleB = !(b instanceof Long) && !(b instanceof Decimal128);
  if (simpleA && simpleB) return compareDoubles(approximate(a), approximate(b));
  if (a instanceof Long && b instanceof Long) return a.compare(b);
  return compareExact(exact(a), exact(b));
}

/** Out: the greatest double not above the value, and whether it is the value itself. */
export function floorDouble(value: Numeric): { floor: number; same: boolean } {
  const nearest = approximate(value);
  if (!(value instanceof Long) && !(value instanceof Decimal128)) return { floor: nearest, same: true };
  const target = exact(value);
  const order = compareExact(exactDouble(nearest), target);
  if (order === 0) return { floor: nearest, same: true };
  return { floor: order < 0 ? nearest : previousDouble(nearest), same: false };
}

function previousDouble(value: number): number {
  if (value === 0) return -Number.MIN_VALUE;
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  view.setBigUint64(0, value > 0 ? bits - 1n : bits + 1n);
  return view.getFloat64(0);
}

/** Decimal digits without trailing zeros and the power of ten of the first digit, of a number that is no exact double. */
export function scientific(value: Long | Decimal128): { negative: boolean; exponent: number; digits: string } {
  const text = value.toString();
  const negative = text.startsWith('-');
  const match = /^-?(\d*)(?:\.(\d*))?(?:E([+-]?\d+))?$/.exec(text);
  const [, whole = '', fraction = '', power = '0'] = match ?? [];
  const all = whole + fraction;
  const leading = /^0*/.exec(all)?.[0].length ?? 0;
  return { negative, exponent: whole.length - leading - 1 + Number(power), digits: all.slice(leading).replace(/0+$/, '') };
}

const WIDER: Record<NumericKind, number> = { int: 0, long: 1, double: 2, decimal: 3 };

/** The type MongoDB gives the result of arithmetic on these types. */
export function widest(values: Numeric[]): NumericKind {
  return values.map(numericKind).reduce((wide, kind) => (WIDER[kind] > WIDER[wide] ? kind : wide), 'int');
}

/** In: a JS result and the type it should have. An int that outgrew its range becomes a long, a long a double. */
export function typed(value: number, kind: NumericKind): Numeric {
  if (kind === 'decimal') return Decimal128.fromString(String(value));
  if (kind === 'double' || !Number.isSafeInteger(value)) return double(value);
  return kind === 'int' && isInt32(Object.is(value, -0) ? 0 : value) ? value + 0 : Long.fromNumber(value);
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Out: the sum or product in the wider of the two types, or undefined where an int64 overflows. */
export function arithmetic(operation: 'add' | 'multiply', a: Numeric, b: Numeric): Numeric | undefined {
  const kind = widest([a, b]);
  if (kind === 'decimal') return decimalArithmetic(operation, a, b);
  if (kind === 'double') {
    const [x, y] = [approximate(a), approximate(b)];
    return double(operation === 'add' ? x + y : x * y);
  }
  const [x, y] = [integer(a), integer(b)];
  const result = operation === 'add' ? x + y : x * y;
  if (result < INT64_MIN || result > INT64_MAX) return undefined;
  const small = Number(result);
  return kind === 'int' && isInt32(small) ? small : Long.fromBigInt(result);
}

function integer(value: Numeric): bigint {
  return value instanceof Long ? value.toBigInt() : BigInt(approximate(value));
}

function decimalArithmetic(operation: 'add' | 'multiply', a: Numeric, b: Numeric): Decimal128 {
  const [x, y] = [decimalParts(a), decimalParts(b)];
  if (!x || !y) {
    const [p, q] = [approximate(a), approximate(b)];
    return Decimal128.fromString(String(operation === 'add' ? p + q : p * q));
  }
  if (operation === 'multiply') return toDecimal(x.digits * y.digits, x.exponent + y.exponent);
  const exponent = Math.min(x.exponent, y.exponent);
  return toDecimal(x.digits * 10n ** BigInt(x.exponent - exponent) + y.digits * 10n ** BigInt(y.exponent - exponent), exponent);
}

/** A number as digits times a power of ten; undefined for NaN and infinities. */
export function decimalParts(value: Numeric): { digits: bigint; exponent: number } | undefined {
  const text = value instanceof Long || value instanceof Decimal128 ? value.toString() : decimalTextOfDouble(value);
  const match = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  return { digits: BigInt(`${sign}${whole}${fraction}` || '0'), exponent: Number(power) - fraction.length };
}

/** MongoDB takes a double's first 15 digits when it becomes a decimal. */
function decimalTextOfDouble(value: number | Double | Int32): string {
  const plain = approximate(value);
  return Number.isSafeInteger(plain) ? String(plain) : plain.toPrecision(15);
}

function toDecimal(digits: bigint, exponent: number): Decimal128 {
  return Decimal128.fromStringWithRounding(`${digits}E${exponent}`);
}
