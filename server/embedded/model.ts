import { Decimal128, Double, Int32, Long } from 'bson';

/**
 * The exact model of a document. A plain object whose numbers keep their BSON type through a round trip:
 * a JS number stands for an int32 when it is a whole number in int32 range (but not -0) and for a double otherwise,
 * a Double for a double that would be taken for an int32, a Long for every int64. bson's serializer writes these back unchanged.
 */
export type BsonDocument = Record<string, unknown>;

const INT32_MIN = -0x80000000;
const INT32_MAX = 0x7fffffff;

/** True for a number that BSON would store as an int32. */
export function isInt32(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= INT32_MIN && value <= INT32_MAX
    && !Object.is(value, -0);
}

/** A double in the exact model. */
export function double(value: number): number | Double {
  return isInt32(value) ? new Double(value) : value;
}

export function isDocument(value: unknown): value is BsonDocument {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

/** Sets a field, `__proto__` included, as plain data. */
export function setField(target: BsonDocument, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  else target[name] = value;
}

/** A field's value, or undefined where the document has no such field of its own. */
export function field(target: BsonDocument, name: string): unknown {
  const value = target[name];
  // What every object inherits are functions, which no document holds, and this one.
  if (typeof value !== 'function' && name !== '__proto__') return value;
  return Object.hasOwn(target, name) ? value : undefined;
}

/** A whole copy that shares no mutable parts; instances of BSON classes are immutable by convention and shared. */
export function cloneValue<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => cloneValue(item)) as T;
  if (value instanceof Date) return new Date(value) as T;
  if (!isDocument(value)) return value;
  const copy: BsonDocument = {};
  for (const name of Object.keys(value)) setField(copy, name, cloneValue(value[name]));
  return copy as T;
}

/** A plain JS number for options such as limit, whatever numeric BSON type the client sent. */
export function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (value instanceof Double || value instanceof Int32) return value.value;
  if (value instanceof Long) return value.toNumber();
  if (value instanceof Decimal128) return Number(value.toString());
  if (typeof value === 'boolean') return value ? 1 : 0;
  return undefined;
}
