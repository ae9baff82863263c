import { Double, Long, ObjectId, serialize, Timestamp } from 'bson';
import { MongoFault } from './faults.ts';
import { field, isDocument, isInt32 } from './model.ts';
import type { BsonDocument } from './model.ts';
import { Reader } from './reader.ts';

/** What stays reserved between two documents. */
const KEPT_BYTES = 1024 * 1024;
/** Up to here text is written byte by byte. */
const SHORT = 48;

/** Writes the exact model as BSON, one document at a time; the types that documents seldom hold are left to the bson package. */
export class Writer {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #at = 0;

  /** The bytes of a document. */
  whole(document: BsonDocument): Buffer {
    this.#at = 0;
    this.#document(document);
    return this.#taken();
  }

  /**
   * The bytes of a document whose named top-level fields have changed to what `after` has: in their place, left out, or added at the
   * end. All others are copied.
   */
  spliced(before: Buffer, fields: ReadonlySet<string>, after: BsonDocument): Buffer {
    this.#at = 4;
    const written: string[] = [];
    let copied = 4;
    new Reader(before).each((name, _type, at, _start, end) => {
      if (!fields.has(name)) return;
      this.#copy(before, copied, at);
      copied = end;
      if (written.includes(name)) return;
      this.#element(name, field(after, name));
      written.push(name);
    });
    this.#copy(before, copied, before.length - 1);
    for (const name of Object.keys(after)) if (fields.has(name) && !written.includes(name)) this.#element(name, after[name]);
    this.#close(0);
    return this.#taken();
  }

  #taken(): Buffer {
    const taken = Buffer.allocUnsafe(this.#at);
    this.#bytes.copy(taken, 0, 0, this.#at);
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(KEPT_BYTES);
    return taken;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#bytes.copy(bigger, 0, 0, this.#at);
    this.#bytes = bigger;
  }

  #copy(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    this.#bytes.set(from.subarray(start, end), this.#at);
    this.#at += end - start;
  }

  #document(document: BsonDocument): void {
    const start = this.#open();
    for (const name of Object.keys(document)) this.#element(name, document[name]);
    this.#close(start);
  }

  #array(items: readonly unknown[]): void {
    const start = this.#open();
    items.forEach((item, at) => this.#element(String(at), item === undefined ? null : item));
    this.#close(start);
  }

  #open(): number {
    this.#reserve(4);
    this.#at += 4;
    return this.#at - 4;
  }

  #close(start: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = 0;
    this.#bytes.writeInt32LE(this.#at - start, start);
  }

  #element(name: string, value: unknown): void {
    switch (typeof value) {
      case 'undefined': return;
      case 'string':
        this.#head(2, name);
        this.#string(value);
        return;
      case 'boolean':
        this.#head(8, name);
        this.#bytes[this.#at++] = value ? 1 : 0;
        return;
      case 'number':
        if (isInt32(value)) {
          this.#head(16, name);
          this.#at = this.#bytes.writeInt32LE(value, this.#at);
        } else {
          this.#head(1, name);
          this.#at = this.#bytes.writeDoubleLE(value, this.#at);
        }
        return;
      default: this.#object(name, value);
    }
  }

  #object(name: string, value: unknown): void {
    if (value === null) this.#head(10, name);
    else if (Array.isArray(value)) {
      this.#head(4, name);
      this.#array(value);
    } else if (value instanceof Date) {
      this.#head(9, name);
      this.#time(value.getTime());
    } else if (isDocument(value)) {
      this.#head(3, name);
      this.#document(value);
    } else if (value instanceof ObjectId) {
      this.#head(7, name);
      this.#copy(value.id, 0, 12);
    } else if (value instanceof Double) {
      this.#head(1, name);
      this.#at = this.#bytes.writeDoubleLE(value.value, this.#at);
    } else if (value instanceof Long && !(value instanceof Timestamp)) {
      this.#head(18, name);
      this.#at = this.#bytes.writeInt32LE(value.low, this.#at);
      this.#at = this.#bytes.writeInt32LE(value.high, this.#at);
    } else {
      const alone = serialize({ [name]: value }, { ignoreUndefined: true });
      this.#copy(alone, 4, alone.length - 1);
    }
  }

  /** Type and name, with room for a value of fixed size. */
  #head(type: number, name: string): void {
    this.#reserve(name.length * 3 + 10);
    this.#bytes[this.#at++] = type;
    const start = this.#at;
    this.#text(name);
    const end = this.#at;
    for (let at = start; at < end; at++) {
      if (this.#bytes[at] === 0) throw new MongoFault('BadValue', `key ${name} must not contain null bytes`);
    }
    this.#bytes[this.#at++] = 0;
  }

  #string(text: string): void {
    this.#reserve(text.length * 3 + 5);
    const start = this.#at;
    this.#at += 4;
    this.#text(text);
    this.#bytes[this.#at++] = 0;
    this.#bytes.writeInt32LE(this.#at - start - 4, start);
  }

  #text(text: string): void {
    const bytes = this.#bytes;
    const start = this.#at;
    if (text.length <= SHORT) {
      let at = 0;
      for (; at < text.length; at++) {
        const unit = text.charCodeAt(at);
        if (unit > 127) break;
        bytes[start + at] = unit;
      }
      if (at === text.length) {
        this.#at = start + at;
        return;
      }
    }
    this.#at = start + bytes.write(text, start, 'utf8');
  }

  #time(time: number): void {
    const whole = Number.isNaN(time) ? 0 : time;
    const high = Math.floor(whole / 2 ** 32);
    this.#at = this.#bytes.writeUInt32LE(whole - high * 2 ** 32, this.#at);
    this.#at = this.#bytes.writeInt32LE(high, this.#at);
  }
}
