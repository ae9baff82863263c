import { Binary, BSONRegExp, BSONSymbol, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import { isInt32, toNumber } from './model.ts';
import { MongoFault } from './faults.ts';

const NAMES: Record<string, number> = {
  double: 1, string: 2, object: 3, array: 4, binData: 5, undefined: 6, objectId: 7, bool: 8, date: 9, null: 10, regex: 11,
  dbPointer: 12, javascript: 13, symbol: 14, javascriptWithScope: 15, int: 16, timestamp: 17, long: 18, decimal: 19, minKey: -1,
  maxKey: 127,
};
const BY_NUMBER = new Map(Object.entries(NAMES).map(([name, number]) => [number, name]));

/** The BSON type number of a value; 0 for a missing one. */
export function bsonType(value: unknown): number {
  switch (typeof value) {
    case 'undefined': return 0;
    case 'string': return 2;
    case 'boolean': return 8;
    case 'number': return isInt32(value) ? 16 : 1;
    default: return bsonTypeOfObject(value);
  }
}

function bsonTypeOfObject(value: unknown): number {
  if (value === null) return 10;
  if (Array.isArray(value)) return 4;
  if (value instanceof Date) return 9;
  if (value instanceof ObjectId) return 7;
  if (value instanceof Timestamp) return 17;
  if (value instanceof Long) return 18;
  if (value instanceof Double) return 1;
  if (value instanceof Int32) return 16;
  if (value instanceof Decimal128) return 19;
  if (value instanceof Binary || value instanceof Uint8Array) return 5;
  if (value instanceof BSONRegExp || value instanceof RegExp) return 11;
  if (value instanceof Code) return value.scope ? 15 : 13;
  if (value instanceof BSONSymbol) return 14;
  if (value instanceof MinKey) return -1;
  return value instanceof MaxKey ? 127 : 3;
}

/** MongoDB's name of the value's type, "missing" for none. */
export function typeName(value: unknown): string {
  return BY_NUMBER.get(bsonType(value)) ?? 'missing';
}

/** In: a type as `$type` takes it, by name or number. Out: its number, or 'number'. Throws BadValue for any other. */
export function typeNumber(type: unknown): number | 'number' {
  if (type === 'number') return 'number';
  const known = typeof type === 'string' ? NAMES[type] : toNumber(type);
  if (known === undefined || !BY_NUMBER.has(known)) {
    throw new MongoFault('BadValue', typeof type === 'string' ? `Unknown type name alias: ${type}`
      : `Invalid numerical type code: ${String(type)}`);
  }
  return known;
}

export function isOfType(value: unknown, type: number | 'number'): boolean {
  const actual = bsonType(value);
  return type === 'number' ? actual === 1 || actual === 16 || actual === 18 || actual === 19 : actual === type;
}
