import { Binary, BSONRegExp, BSONSymbol, Code, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import type { Long } from 'bson';
import type { BsonDocument } from './model.ts';
import { compareNumbers, isNumeric } from './numbers.ts';
import type { Numeric } from './numbers.ts';

/** Places of the types in MongoDB's comparison order; values of one rank compare with each other. */
export const RANK = {
  minKey: 1, undefined: 3, null: 5, number: 10, string: 15, object: 20, array: 25, binary: 30, objectId: 35, boolean: 40,
  date: 45, timestamp: 47, regex: 50, code: 60, codeWithScope: 65, maxKey: 127,
} as const;

/** The value's place in the order of types; a missing value (undefined) ranks as null. */
export function rankOf(value: unknown): number {
  switch (typeof value) {
    case 'string': return RANK.string;
    case 'number': return RANK.number;
    case 'boolean': return RANK.boolean;
    case 'undefined': return RANK.null;
    default: return rankOfObject(value);
  }
}

function rankOfObject(value: unknown): number {
  if (value === null) return RANK.null;
  if (Array.isArray(value)) return RANK.array;
  if (value instanceof ObjectId) return RANK.objectId;
  if (value instanceof Date) return RANK.date;
  if (value instanceof Timestamp) return RANK.timestamp;
  if (isNumeric(value)) return RANK.number;
  if (value instanceof Binary || value instanceof Uint8Array) return RANK.binary;
  if (value instanceof BSONRegExp || value instanceof RegExp) return RANK.regex;
  if (value instanceof BSONSymbol) return RANK.string;
  if (value instanceof Code) return value.scope ? RANK.codeWithScope : RANK.code;
  if (value instanceof MinKey) return RANK.minKey;
  if (value instanceof MaxKey) return RANK.maxKey;
  return RANK.object;
}

/** MongoDB's total order over values of any type: negative, 0 or positive. */
export function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  return difference === 0 ? compareSameRank(rank, a, b) : difference;
}

export function equalValues(a: unknown, b: unknown): boolean {
  return a === b || compareValues(a, b) === 0;
}

function compareSameRank(rank: number, a: unknown, b: unknown): number {
  switch (rank) {
    case RANK.number: return compareNumbers(a as Numeric, b as Numeric);
    case RANK.string: return compareStrings(String(a), String(b));
    case RANK.object: return compareDocuments(a as BsonDocument, b as BsonDocument);
    case RANK.array: return compareArrays(a as unknown[], b as unknown[]);
    case RANK.binary: return compareBinaries(a, b);
    case RANK.objectId: return Buffer.compare((a as ObjectId).id, (b as ObjectId).id);
    case RANK.boolean: return Number(a) - Number(b);
    case RANK.date: return compareTimes((a as Date).getTime(), (b as Date).getTime());
    case RANK.timestamp: return (a as Long).compare(b as Long);
    case RANK.regex: return compareStrings(regexText(a), regexText(b));
    case RANK.code: case RANK.codeWithScope: return compareStrings((a as Code).code, (b as Code).code);
    default: return 0;
  }
}

function compareTimes(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Order of the UTF-8 bytes; UTF-16 units differ from it only where surrogates meet U+E000 and above. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y) return inCodePointOrder(x) - inCodePointOrder(y);
  }
  return a.length - b.length;
}

function inCodePointOrder(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

function compareDocuments(a: BsonDocument, b: BsonDocument): number {
  const namesA = Object.keys(a);
  const namesB = Object.keys(b);
  const length = Math.min(namesA.length, namesB.length);
  for (let at = 0; at < length; at++) {
    const nameA = namesA[at] ?? '';
    const nameB = namesB[at] ?? '';
    const order = rankOf(a[nameA]) - rankOf(b[nameB]) || compareStrings(nameA, nameB) || compareValues(a[nameA], b[nameB]);
    if (order !== 0) return order;
  }
  return namesA.length - namesB.length;
}

function compareArrays(a: unknown[], b: unknown[]): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const order = compareValues(a[at], b[at]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Bytes and subtype of a BSON binary, also of the plain bytes a driver may hand over. */
export function binaryParts(value: unknown): { bytes: Uint8Array; subtype: number } {
  if (value instanceof Binary) return { bytes: value.buffer.subarray(0, value.position), subtype: value.sub_type };
  return { bytes: value as Uint8Array, subtype: 0 };
}

function compareBinaries(a: unknown, b: unknown): number {
  const x = binaryParts(a);
  const y = binaryParts(b);
  return x.bytes.length - y.bytes.length || x.subtype - y.subtype || Buffer.compare(x.bytes, y.bytes);
}

export function regexText(value: unknown): string {
  return value instanceof RegExp ? `${value.source}\0${value.flags}`
    : `${(value as BSONRegExp).pattern}\0${(value as BSONRegExp).options}`;
}
