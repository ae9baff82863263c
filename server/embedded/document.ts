import {
  Binary, BSONRegExp, BSONSymbol, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, serialize, Timestamp,
} from 'bson';
import { MongoFault } from './faults.ts';

/**
 * The exact model of a document. A plain object whose numbers keep their BSON type through a round trip:
 * a JS number stands for an int32 when it is a whole number in int32 range (but not -0) and for a double otherwise,
 * a Double for a double that would be taken for an int32, a Long for every int64. bson's serializer writes these back unchanged.
 */
export type BsonDocument = Record<string, unknown>;

export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const INT32_MIN = -0x80000000;
const INT32_MAX = 0x7fffffff;
const MAX_DEPTH = 180;

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
  return Object.hasOwn(target, name) ? target[name] : undefined;
}

/** Out: the BSON bytes. Throws BSONObjectTooLarge (10334) above 16 MiB unless `limit` is lifted. */
export function encode(document: BsonDocument, limit = MAX_DOCUMENT_BYTES): Buffer {
  const bytes = serialize(document, { ignoreUndefined: true });
  if (bytes.byteLength > limit) {
    throw new MongoFault(
      'BSONObjectTooLarge', `BSONObj size: ${bytes.byteLength} is invalid. Size must be between 0 and ${limit}`
    );
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** In: the bytes of one BSON document. Out: its exact model. Throws BadValue on bytes that are not BSON. */
export function decode(bytes: Buffer): BsonDocument {
  return new Reader(bytes).document(0);
}

/** The exact model of the named top-level fields alone; the others are stepped over. */
export function decodeFields(bytes: Buffer, fields: ReadonlySet<string>): BsonDocument {
  const document: BsonDocument = {};
  const reader = new Reader(bytes);
  for (const { name, type, start } of reader.elements()) {
    if (fields.has(name)) setField(document, name, reader.valueAt(type, start));
  }
  return document;
}

/** Stands for what is no single value. */
export const COMPOSITE: unique symbol = Symbol('composite');

/** Text longer than this is not worth holding as a single value. */
const LONGEST_SCALAR = 500;

/** The exact value at a path, given as the bytes of its names, where it is a single one, undefined where there is none, else COMPOSITE. Nothing else is decoded. */
export function scalarAt(bytes: Buffer, parts: readonly Buffer[]): unknown {
  return new Reader(bytes).scalar(parts);
}

/**
 * Decodes a command; arrays of documents under the named fields stay as raw BSON, so that what is inserted is stored byte for
 * byte.
 */
export function decodeCommand(bytes: Buffer, rawFields: ReadonlySet<string>): BsonDocument {
  const command: BsonDocument = {};
  const reader = new Reader(bytes);
  for (const element of reader.elements()) {
    const raw = rawFields.has(element.name) && element.type === 4;
    setField(command, element.name, raw ? rawArray(bytes, element.start) : reader.valueAt(element.type, element.start));
  }
  return command;
}

function rawArray(bytes: Buffer, start: number): unknown[] {
  const array = new Reader(bytes.subarray(start, start + bytes.readInt32LE(start)));
  const items: unknown[] = [];
  for (const { type, start: at } of array.elements()) items.push(type === 3 ? array.slice(at) : array.valueAt(type, at));
  return items;
}

/** The raw bytes of a document with `_id` first; an absent `_id` becomes a new ObjectId. Types and field order are untouched. */
export function withIdFirst(bytes: Buffer): Buffer {
  const reader = new Reader(bytes);
  let first = true;
  for (const element of reader.elements()) {
    if (element.name === '_id') return first ? bytes : moveToFront(bytes, element.at, element.end);
    first = false;
  }
  const id = encode({ _id: new ObjectId() });
  return joinElements([id.subarray(4, id.length - 1), bytes.subarray(4, bytes.length - 1)]);
}

function moveToFront(bytes: Buffer, at: number, end: number): Buffer {
  return joinElements([bytes.subarray(at, end), bytes.subarray(4, at), bytes.subarray(end, bytes.length - 1)]);
}

function joinElements(parts: Buffer[]): Buffer {
  const size = 5 + parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(4);
  head.writeInt32LE(size);
  return Buffer.concat([head, ...parts, Buffer.alloc(1)], size);
}

/** Raw documents as the bytes of a BSON array. */
export function encodeRawArray(items: Buffer[]): Buffer {
  const parts: Buffer[] = [];
  items.forEach((item, index) => parts.push(Buffer.from(`\x03${index}\0`, 'latin1'), item));
  return joinElements(parts);
}

/** A document whose named field is given as raw bytes (an array), put before the other fields. */
export function encodeWithRawArray(name: string, array: Buffer, rest: BsonDocument): Buffer {
  const others = encode(rest, Number.MAX_SAFE_INTEGER);
  return joinElements([Buffer.from(`\x04${name}\0`, 'latin1'), array, others.subarray(4, others.length - 1)]);
}

/** `{ [name]: embedded, ...rest }` with the embedded document as raw bytes. */
export function encodeWithRawDocument(name: string, embedded: Buffer, rest: BsonDocument): Buffer {
  const others = encode(rest, Number.MAX_SAFE_INTEGER);
  return joinElements([Buffer.from(`\x03${name}\0`, 'latin1'), embedded, others.subarray(4, others.length - 1)]);
}

interface Element {
  name: string;
  type: number;
  /** Where the element, its value, and the next element begin. */
  at: number;
  start: number;
  end: number;
}

/** Reads BSON of untrusted origin: every length is checked against the bytes there are. */
class Reader {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#checkedEnd(0);
  }

  slice(start: number): Buffer {
    return this.#bytes.subarray(start, this.#checkedEnd(start) + 1);
  }

  *elements(): Generator<Element> {
    const end = this.#checkedEnd(0);
    let at = 4;
    while (at < end) {
      const type = this.#bytes[at] ?? 0;
      const nameEnd = this.#cstringEnd(at + 1, end);
      const start = nameEnd + 1;
      const next = this.#skip(type, start, end);
      yield { name: this.#bytes.toString('utf8', at + 1, nameEnd), type, at, start, end: next };
      at = next;
    }
    if (at !== end) throw broken('elements overrun the document');
  }

  scalar(parts: readonly Buffer[]): unknown {
    let start = 0;
    for (let position = 0; position < parts.length; position++) {
      const found = this.#find(start, parts[position]!);
      if (!found) return undefined;
      const { type, at, next } = found;
      if (position < parts.length - 1) {
        if (type !== 3) return type === 4 ? COMPOSITE : undefined;
        start = at;
      } else {
        const isSingle = type !== 3 && type !== 4 && type !== 15 && next - at <= LONGEST_SCALAR;
        return isSingle ? this.#value(type, at, 1) : COMPOSITE;
      }
    }
    return COMPOSITE;
  }

  /** Finds a field of the document at `start`; of several with the name the last one, as decoding does. */
  #find(start: number, name: Buffer): { type: number; at: number; next: number } | undefined {
    const bytes = this.#bytes;
    const end = this.#checkedEnd(start);
    let found: { type: number; at: number; next: number } | undefined;
    let at = start + 4;
    while (at < end) {
      const type = bytes[at] ?? 0;
      let nameEnd = at + 1;
      let alike = true;
      for (; nameEnd < end && bytes[nameEnd] !== 0; nameEnd++) alike &&= bytes[nameEnd] === name[nameEnd - at - 1];
      const next = this.#skip(type, nameEnd + 1, end);
      if (alike && nameEnd - at - 1 === name.length) found = { type, at: nameEnd + 1, next };
      at = next;
    }
    return found;
  }

  valueAt(type: number, start: number): unknown {
    return this.#value(type, start, 1);
  }

  document(start: number, depth = 0): BsonDocument {
    if (depth > MAX_DEPTH) throw new MongoFault('BadValue', `document is nested more than ${MAX_DEPTH} levels deep`);
    const result: BsonDocument = {};
    this.#walk(start, depth, (name, value) => setField(result, name, value));
    return result;
  }

  #walk(start: number, depth: number, take: (name: string, value: unknown) => void): void {
    const bytes = this.#bytes;
    const end = this.#checkedEnd(start);
    let at = start + 4;
    while (at < end) {
      const type = bytes[at] ?? 0;
      const nameEnd = this.#cstringEnd(at + 1, end);
      const name = this.#text(at + 1, nameEnd);
      const next = this.#skip(type, nameEnd + 1, end);
      take(name, this.#value(type, nameEnd + 1, depth + 1));
      at = next;
    }
    if (at !== end) throw broken('elements overrun the document');
  }

  #array(start: number, depth: number): unknown[] {
    if (depth > MAX_DEPTH) throw new MongoFault('BadValue', `document is nested more than ${MAX_DEPTH} levels deep`);
    const items: unknown[] = [];
    this.#walk(start, depth, (_name, value) => items.push(value));
    return items;
  }

  /** Short ASCII text, as field names and most values are, is built without the decoder's overhead. */
  #text(from: number, to: number): string {
    if (to - from > 24) return this.#bytes.toString('utf8', from, to);
    let text = '';
    for (let at = from; at < to; at++) {
      const byte = this.#bytes[at] ?? 0;
      if (byte > 127) return this.#bytes.toString('utf8', from, to);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #value(type: number, at: number, depth: number): unknown {
    const bytes = this.#bytes;
    switch (type) {
      case 1: return double(bytes.readDoubleLE(at));
      case 2: return this.#text(at + 4, at + 3 + bytes.readInt32LE(at));
      case 3: return this.document(at, depth);
      case 4: return this.#array(at, depth);
      case 5: return this.#binary(at);
      case 6: case 10: return null;
      case 7: return new ObjectId(Buffer.from(bytes.subarray(at, at + 12)));
      case 8: return bytes[at] === 1;
      case 9: return new Date(Number(bytes.readBigInt64LE(at)));
      case 11: return this.#regex(at);
      case 13: return new Code(this.#string(at));
      case 14: return new BSONSymbol(this.#string(at));
      case 15: return new Code(this.#string(at + 4), this.document(at + 8 + bytes.readInt32LE(at + 4), depth));
      case 16: return bytes.readInt32LE(at);
      case 17: return new Timestamp(new Long(bytes.readInt32LE(at), bytes.readInt32LE(at + 4), true));
      case 18: return new Long(bytes.readInt32LE(at), bytes.readInt32LE(at + 4));
      case 19: return new Decimal128(Buffer.from(bytes.subarray(at, at + 16)));
      case 255: return new MinKey();
      case 127: return new MaxKey();
      default: throw broken(`BSON type ${type} is not supported`);
    }
  }

  #string(at: number): string {
    return this.#bytes.toString('utf8', at + 4, at + 3 + this.#bytes.readInt32LE(at));
  }

  #binary(at: number): Binary {
    const length = this.#bytes.readInt32LE(at);
    const subtype = this.#bytes[at + 4] ?? 0;
    const start = subtype === 2 && length >= 4 ? at + 9 : at + 5;
    return new Binary(Buffer.from(this.#bytes.subarray(start, at + 5 + length)), subtype);
  }

  #regex(at: number): BSONRegExp {
    const patternEnd = this.#bytes.indexOf(0, at);
    const flagsEnd = this.#bytes.indexOf(0, patternEnd + 1);
    return new BSONRegExp(this.#bytes.toString('utf8', at, patternEnd), this.#bytes.toString('utf8', patternEnd + 1, flagsEnd));
  }

  /** Where the value ends; throws where it would reach over `end`. */
  #skip(type: number, at: number, end: number): number {
    const next = this.#valueEnd(type, at, end);
    if (!(next <= end) || next < at) throw broken('a value reaches over the end of its document');
    return next;
  }

  #valueEnd(type: number, at: number, end: number): number {
    switch (type) {
      case 1: case 9: case 17: case 18: return at + 8;
      case 2: case 13: case 14: return this.#stringEnd(at, end);
      case 3: case 4: case 15: return at + this.#length(at, end, 5);
      case 5: return at + 5 + this.#length(at, end, 0);
      case 6: case 10: case 255: case 127: return at;
      case 7: return at + 12;
      case 8: return at + 1;
      case 11: return this.#cstringEnd(this.#cstringEnd(at, end) + 1, end) + 1;
      case 12: return this.#stringEnd(at, end) + 12;
      case 16: return at + 4;
      case 19: return at + 16;
      default: throw broken(`unknown BSON type ${type}`);
    }
  }

  #stringEnd(at: number, end: number): number {
    const next = at + 4 + this.#length(at, end, 1);
    if (next > end || this.#bytes[next - 1] !== 0) throw broken('a string is not terminated');
    return next;
  }

  #length(at: number, end: number, least: number): number {
    if (at + 4 > end) throw broken('a length lies beyond the document');
    const length = this.#bytes.readInt32LE(at);
    if (length < least) throw broken(`length ${length} is too small`);
    return length;
  }

  #cstringEnd(at: number, end: number): number {
    const zero = this.#bytes.indexOf(0, at);
    if (zero < 0 || zero >= end + 1) throw broken('a name is not terminated');
    return zero;
  }

  /** Position of the closing zero byte of the document at `start`. */
  #checkedEnd(start: number): number {
    const bytes = this.#bytes;
    if (start + 5 > bytes.length) throw broken('the document is shorter than 5 bytes');
    const size = bytes.readInt32LE(start);
    const end = start + size - 1;
    if (size < 5 || end >= bytes.length || bytes[end] !== 0) throw broken(`the document's size ${size} is wrong`);
    return end;
  }
}

function broken(reason: string): MongoFault {
  return new MongoFault('BadValue', `Invalid BSON: ${reason}`);
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
