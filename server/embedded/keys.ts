import { Long, ObjectId } from 'bson';
import type { BSONRegExp, Code, Decimal128, Timestamp } from 'bson';
import { binaryParts, RANK, rankOf, regexText } from './compare.ts';
import { setField } from './model.ts';
import type { BsonDocument } from './model.ts';
import { floorDouble, scientific } from './numbers.ts';
import type { Numeric } from './numbers.ts';

/**
 * Order-preserving key encoding: comparing two encoded values byte by byte gives MongoDB's comparison order, numbers of all
 * types alike. Every encoded value is prefix-free, so values can be joined into compound keys; a descending
 * component is its complement, byte by byte.
 */
export type Direction = 1 | -1;

/** Room for the record number that ends every key. */
export const RECORD_BYTES = 6;

/** The record number at the end of an index key or a document's key. */
export function recordOf(key: Buffer): number {
  return key.readUIntBE(key.length - RECORD_BYTES, RECORD_BYTES);
}

/** Marks an empty array in an index, which MongoDB stores as undefined: below null. */
export const EMPTY_ARRAY: unique symbol = Symbol('empty array');

/** The encoded value of one component. */
export function encodeValue(value: unknown, direction: Direction = 1): Buffer {
  return encodeKey([value], [direction]);
}

/** The encoded values of a compound key, one direction per component. */
export function encodeKey(values: readonly unknown[], directions: readonly Direction[]): Buffer {
  writer.begin();
  for (let at = 0; at < values.length; at++) writer.value(values[at], directions[at]);
  return writer.bytes();
}

export function complement(bytes: Buffer): Buffer {
  const result = Buffer.allocUnsafe(bytes.length);
  for (let at = 0; at < bytes.length; at++) result[at] = 0xff ^ (bytes[at] ?? 0);
  return result;
}

/** The least key above every key that begins with these bytes; undefined when there is none. */
export function successor(prefix: Buffer): Buffer | undefined {
  let last = prefix.length - 1;
  while (last >= 0 && prefix[last] === 0xff) last--;
  if (last < 0) return undefined;
  const result = Buffer.from(prefix.subarray(0, last + 1));
  result[last] = (result[last] ?? 0) + 1;
  return result;
}

/** What stays reserved between two keys. */
const KEPT_BYTES = 64 * 1024;
/** Up to here text is written byte by byte. */
const SHORT = 48;

/** Writes one key at a time. */
class KeyWriter {
  #buffer = Buffer.allocUnsafe(KEPT_BYTES);
  #length = 0;

  begin(): void {
    this.#length = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(KEPT_BYTES);
  }

  /** A copy of what was written. */
  bytes(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#length);
    if (this.#length > SHORT) bytes.set(this.#buffer.subarray(0, this.#length));
    else for (let at = 0; at < this.#length; at++) bytes[at] = this.#buffer[at] ?? 0;
    return bytes;
  }

  value(value: unknown, direction: Direction = 1): void {
    const start = this.#length;
    const rank = value === EMPTY_ARRAY ? RANK.undefined : rankOf(value);
    this.#byte(rank);
    if (value !== EMPTY_ARRAY) this.#body(rank, value);
    if (direction === -1) for (let at = start; at < this.#length; at++) this.#buffer[at] = 0xff ^ (this.#buffer[at] ?? 0);
  }

  #body(rank: number, value: unknown): void {
    switch (rank) {
      case RANK.number: return this.#number(value as Numeric);
      case RANK.string: return this.#text(String(value));
      case RANK.object: return this.#document(value as BsonDocument);
      case RANK.array: return this.#array(value as unknown[]);
      case RANK.binary: return this.#binary(value);
      case RANK.objectId: return this.#bytes((value as ObjectId).id);
      case RANK.boolean: return this.#byte(value === true ? 1 : 0);
      case RANK.date: return this.#long(Long.fromNumber((value as Date).getTime()), false);
      case RANK.timestamp: return this.#long(value as Timestamp as unknown as Long, true);
      case RANK.regex: return this.#text(regexText(value as BSONRegExp));
      case RANK.code: case RANK.codeWithScope: return this.#text((value as Code).code);
      default: return undefined;
    }
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#buffer.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + size));
    this.#buffer.copy(bigger, 0, 0, this.#length);
    this.#buffer = bigger;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = byte;
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** UTF-8 with 00 written as 00 FF, closed by 00 00. */
  #text(text: string): void {
    if (this.#plainText(text)) return;
    if (text.includes('\0')) {
      for (const byte of Buffer.from(text, 'utf8')) {
        this.#byte(byte);
        if (byte === 0) this.#byte(0xff);
      }
    } else {
      this.#reserve(text.length * 3);
      this.#length += this.#buffer.write(text, this.#length, 'utf8');
    }
    this.#byte(0);
    this.#byte(0);
  }

  /** Writes short ASCII text without zero bytes, as most is; does nothing with any other. */
  #plainText(text: string): boolean {
    if (text.length > SHORT) return false;
    this.#reserve(text.length + 2);
    const start = this.#length;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === 0 || unit > 127) return false;
      this.#buffer[start + at] = unit;
    }
    this.#length = start + text.length;
    this.#byte(0);
    this.#byte(0);
    return true;
  }

  #document(document: BsonDocument): void {
    for (const name of Object.keys(document)) {
      const value = document[name];
      const rank = rankOf(value);
      this.#byte(rank);
      this.#text(name);
      this.#body(rank, value);
    }
    this.#byte(0);
  }

  #array(items: unknown[]): void {
    for (const item of items) this.value(item);
    this.#byte(0);
  }

  #binary(value: unknown): void {
    const { bytes, subtype } = binaryParts(value);
    this.#reserve(5);
    this.#length = this.#buffer.writeUInt32BE(bytes.length, this.#length);
    this.#byte(subtype);
    this.#bytes(bytes);
  }

  #long(value: Long, unsigned: boolean): void {
    this.#reserve(8);
    const high = value.getHighBitsUnsigned();
    this.#length = this.#buffer.writeUInt32BE(unsigned ? high : (high ^ 0x80000000) >>> 0, this.#length);
    this.#length = this.#buffer.writeUInt32BE(value.getLowBitsUnsigned(), this.#length);
  }

  /** The greatest double not above the value; 00 when it is the value, else 01 and the value's own decimal digits. */
  #number(value: Numeric): void {
    const { floor, same } = floorDouble(value);
    this.#double(floor);
    this.#byte(same ? 0 : 1);
    if (!same) this.#digits(value as Long | Decimal128);
  }

  #double(value: number): void {
    this.#reserve(8);
    const at = this.#length;
    if (Number.isNaN(value)) this.#buffer.fill(0, at, at + 8);
    else {
      this.#buffer.writeDoubleBE(value === 0 ? 0 : value, at);
      if ((this.#buffer[at] ?? 0) & 0x80) for (let i = at; i < at + 8; i++) this.#buffer[i] = 0xff ^ (this.#buffer[i] ?? 0);
      else this.#buffer[at] = 0x80 | (this.#buffer[at] ?? 0);
    }
    this.#length += 8;
  }

  #digits(value: Long | Decimal128): void {
    const { negative, exponent, digits } = scientific(value);
    const bytes = Buffer.alloc(3 + digits.length);
    bytes.writeUInt16BE(exponent + 0x4000);
    for (let at = 0; at < digits.length; at++) bytes[at + 2] = digits.charCodeAt(at) - 47;
    this.#bytes(negative ? complement(bytes) : bytes);
  }
}

const writer = new KeyWriter();

/** The end of the component that begins at `at`, without reading its value. */
export function componentEnd(key: Buffer, at: number, direction: Direction): number {
  const reader = new KeyReader(key, at, direction);
  reader.value();
  return reader.at;
}

/**
 * The values of a compound key. Numbers come back as int32, double or Long by size alone and null stands for missing too:
 * good for matching and counting, not for handing to a client. Out: undefined where a value cannot be rebuilt (decimals, code).
 */
export function decodeKey(key: Buffer, at: number, directions: readonly Direction[]): unknown[] | undefined {
  const values: unknown[] = [];
  let position = at;
  for (const direction of directions) {
    const reader = new KeyReader(key, position, direction);
    const value = reader.value();
    if (value === UNREADABLE) return undefined;
    values.push(value);
    position = reader.at;
  }
  return values;
}

const UNREADABLE: unique symbol = Symbol('unreadable');

class KeyReader {
  readonly #key: Buffer;
  readonly #flip: number;
  at: number;

  constructor(key: Buffer, at: number, direction: Direction) {
    this.#key = key;
    this.at = at;
    this.#flip = direction === 1 ? 0 : 0xff;
  }

  value(): unknown {
    return this.#body(this.#byte());
  }

  #byte(): number {
    return (this.#key[this.at++] ?? 0) ^ this.#flip;
  }

  #take(size: number): Buffer {
    const slice = this.#key.subarray(this.at, this.at + size);
    this.at += size;
    return this.#flip === 0 ? slice : complement(slice);
  }

  #body(rank: number): unknown {
    switch (rank) {
      case RANK.number: return this.#number();
      case RANK.string: return this.#text();
      case RANK.object: return this.#document();
      case RANK.array: return this.#array();
      case RANK.binary: this.#take(this.#take(4).readUInt32BE() + 1); return UNREADABLE;
      case RANK.objectId: return new ObjectId(Buffer.from(this.#take(12)));
      case RANK.boolean: return this.#byte() === 1;
      case RANK.date: return new Date(Number(this.#take(8).readBigUInt64BE() - 0x8000000000000000n));
      case RANK.timestamp: this.#take(8); return UNREADABLE;
      case RANK.regex: case RANK.code: case RANK.codeWithScope: this.#text(); return UNREADABLE;
      case RANK.null: return null;
      default: return UNREADABLE;
    }
  }

  #text(): string {
    const parts: number[] = [];
    for (;;) {
      const byte = this.#byte();
      if (byte === 0 && this.#byte() === 0) break;
      parts.push(byte);
      if (this.at > this.#key.length) break;
    }
    return Buffer.from(parts).toString('utf8');
  }

  #number(): unknown {
    const bytes = Buffer.from(this.#take(8));
    const exact = this.#byte() === 0;
    if (!exact) {
      this.#skipDigits(bytes);
      return UNREADABLE;
    }
    if (bytes.every((byte) => byte === 0)) return Number.NaN;
    if ((bytes[0] ?? 0) & 0x80) bytes[0] = (bytes[0] ?? 0) & 0x7f;
    else for (let at = 0; at < 8; at++) bytes[at] = 0xff ^ (bytes[at] ?? 0);
    return bytes.readDoubleBE();
  }

  #skipDigits(floor: Buffer): void {
    const negative = ((floor[0] ?? 0) & 0x80) === 0;
    this.#take(2);
    while (this.at < this.#key.length && this.#byte() !== (negative ? 0xff : 0));
  }

  #document(): unknown {
    const document: BsonDocument = {};
    let readable = true;
    for (let rank = this.#byte(); rank !== 0 && this.at <= this.#key.length; rank = this.#byte()) {
      const name = this.#text();
      const value = this.#body(rank);
      if (value === UNREADABLE) readable = false;
      setField(document, name, value);
    }
    return readable ? document : UNREADABLE;
  }

  #array(): unknown {
    const items: unknown[] = [];
    for (let rank = this.#byte(); rank !== 0 && this.at <= this.#key.length; rank = this.#byte()) items.push(this.#body(rank));
    return items.includes(UNREADABLE) ? UNREADABLE : items;
  }
}

/** A text that is equal for equal values only: for grouping, distinct and sets. */
export function identityOf(value: unknown): string {
  return typeof value === 'string' && value.length < 1000 ? `s${value}` : encodeValue(value).toString('latin1');
}

