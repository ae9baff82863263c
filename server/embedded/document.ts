import { ObjectId } from 'bson';
import { MongoFault } from './faults.ts';
import type { BsonDocument } from './model.ts';
import { setField } from './model.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

const writer = new Writer();

/** Out: the BSON bytes. Throws BSONObjectTooLarge (10334) above 16 MiB unless `limit` is lifted. */
export function encode(document: BsonDocument, limit = MAX_DOCUMENT_BYTES): Buffer {
  return refuseTooLarge(writer.whole(document), limit);
}

/**
 * The bytes of a document whose named top-level fields have changed to what `after` has of them; the others stay byte for byte.
 * Throws BSONObjectTooLarge (10334) above 16 MiB.
 */
export function encodeChanged(before: Buffer, fields: ReadonlySet<string>, after: BsonDocument): Buffer {
  return refuseTooLarge(writer.spliced(before, fields, after), MAX_DOCUMENT_BYTES);
}

function refuseTooLarge(bytes: Buffer, limit: number): Buffer {
  if (bytes.length <= limit) return bytes;
  throw new MongoFault('BSONObjectTooLarge', `BSONObj size: ${bytes.length} is invalid. Size must be between 0 and ${limit}`);
}

/** In: the bytes of one BSON document. Out: its exact model. Throws BadValue on bytes that are not BSON. */
export function decode(bytes: Buffer): BsonDocument {
  return new Reader(bytes).document(0);
}

/** The exact model of the named top-level fields alone; the others are stepped over. */
export function decodeFields(bytes: Buffer, fields: ReadonlySet<string>, further: ReadonlySet<string> = fields): BsonDocument {
  const document: BsonDocument = {};
  const reader = new Reader(bytes);
  reader.each((name, type, _at, start) => {
    if (fields.has(name) || further.has(name)) setField(document, name, reader.valueAt(type, start));
  });
  return document;
}

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
  reader.each((name, type, _at, start) => {
    setField(command, name, rawFields.has(name) && type === 4 ? rawArray(bytes, start) : reader.valueAt(type, start));
  });
  return command;
}

function rawArray(bytes: Buffer, start: number): unknown[] {
  const array = new Reader(bytes.subarray(start, start + bytes.readInt32LE(start)));
  const items: unknown[] = [];
  array.each((_name, type, _at, at) => {
    items.push(type === 3 ? array.slice(at) : array.valueAt(type, at));
  });
  return items;
}

/** The raw bytes of a document with `_id` first; an absent `_id` becomes a new ObjectId. Types and field order are untouched. */
export function withIdFirst(bytes: Buffer): Buffer {
  let found: Buffer | undefined;
  new Reader(bytes).each((name, _type, at, _start, end) => {
    if (name !== '_id') return false;
    found = at === 4 ? bytes : moveToFront(bytes, at, end);
    return true;
  });
  if (found) return found;
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

