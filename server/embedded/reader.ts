import { Binary, BSONRegExp, BSONSymbol, Code, Decimal128, Long, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import { MongoFault } from './faults.ts';
import { double, setField } from './model.ts';
import type { BsonDocument } from './model.ts';

const MAX_DEPTH = 180;
/** Up to here text is looked at byte by byte. */
const SHORT = 48;

/** Stands for what is no single value. */
export const COMPOSITE: unique symbol = Symbol('composite');

/** Text longer than this is not worth holding as a single value. */
const LONGEST_SCALAR = 500;

/** Field names met before, by a hash of their bytes: most are met again and again, and one and the same text is also found faster in objects. */
const NAMES = 4096;
const LONGEST_NAME = 64;
const names: (string | undefined)[] = Array.from({ length: NAMES }, () => undefined);

/** Whether these bytes are that ASCII text. */
function isText(text: string, bytes: Buffer, from: number): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit !== bytes[from + at] || unit > 127) return false;
  }
  return true;
}

/** Reads BSON of untrusted origin: every length is checked against the bytes there are. */
export class Reader {
  readonly #bytes: Buffer;
  #nameEnd = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#checkedEnd(0);
  }

  slice(start: number): Buffer {
    return this.#bytes.subarray(start, this.#checkedEnd(start) + 1);
  }

  /** Calls back with each element of the document; where it, its value, and the next element begin. Ends early where that returns true. */
  each(visit: (name: string, type: number, at: number, start: number, end: number) => boolean | void): void {
    const end = this.#checkedEnd(0);
    let at = 4;
    while (at < end) {
      const type = this.#bytes[at] ?? 0;
      const name = this.#name(at + 1);
      const start = this.#nameEnd + 1;
      const next = this.#skip(type, start, end);
      if (visit(name, type, at, start, next) === true) return;
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
    const end = this.#checkedEnd(start);
    let at = start + 4;
    while (at < end) {
      const type = this.#bytes[at] ?? 0;
      const name = this.#name(at + 1);
      const value = this.#nameEnd + 1;
      at = this.#skip(type, value, end);
      setField(result, name, this.#value(type, value, depth + 1));
    }
    if (at !== end) throw broken('elements overrun the document');
    return result;
  }

  #array(start: number, depth: number): unknown[] {
    if (depth > MAX_DEPTH) throw new MongoFault('BadValue', `document is nested more than ${MAX_DEPTH} levels deep`);
    const items: unknown[] = [];
    const end = this.#checkedEnd(start);
    let at = start + 4;
    while (at < end) {
      const type = this.#bytes[at] ?? 0;
      const value = this.#cstringEnd(at + 1, end) + 1;
      at = this.#skip(type, value, end);
      items.push(this.#value(type, value, depth + 1));
    }
    if (at !== end) throw broken('elements overrun the document');
    return items;
  }

  /** The name that begins here; sets where its closing zero byte is, which every document has at the latest at its own end. */
  #name(from: number): string {
    const bytes = this.#bytes;
    let hash = 0;
    let to = from;
    for (let byte = bytes[to]; byte !== 0; byte = bytes[++to]) {
      if (byte === undefined) throw broken('a name is not terminated');
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    this.#nameEnd = to;
    const slot = hash & (NAMES - 1);
    const known = names[slot];
    if (known !== undefined && known.length === to - from && isText(known, bytes, from)) return known;
    const name = bytes.toString('utf8', from, to);
    if (name.length <= LONGEST_NAME && isText(name, bytes, from)) names[slot] = name;
    return name;
  }

  /** Short ASCII text, as most values are, is read without the decoder's overhead. */
  #text(from: number, to: number): string {
    const bytes = this.#bytes;
    if (to - from > SHORT) return bytes.toString('utf8', from, to);
    for (let at = from; at < to; at++) if ((bytes[at] ?? 0) > 127) return bytes.toString('utf8', from, to);
    return bytes.toString('latin1', from, to);
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
      case 9: return new Date(bytes.readInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at));
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
    const bytes = this.#bytes;
    let zero = at;
    while (zero <= end && bytes[zero] !== 0) zero++;
    if (zero > end) throw broken('a name is not terminated');
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
