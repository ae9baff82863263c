import { decodeCommand, encode } from './document.ts';
import { setField } from './model.ts';
import type { BsonDocument } from './model.ts';
import { MongoFault } from './faults.ts';

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
export const MAX_MESSAGE_BYTES = 48_000_000;

const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;

/** Fields whose documents are stored as they came. */
const RAW_FIELDS: ReadonlySet<string> = new Set(['documents']);

/** One request of a client. */
export interface Request {
  requestId: number;
  command: BsonDocument;
  /** False for OP_MSG with moreToCome (write concern w: 0): the client reads no answer. */
  wantsReply: boolean;
  /** An old OP_QUERY handshake is answered with OP_REPLY. */
  legacy: boolean;
}

/** Thrown when bytes are no message at all: the connection has to be closed, as nothing after them can be trusted. */
export class WireError extends Error {}

/** Cuts a byte stream into messages. */
export class MessageReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** In: bytes as they came. Out: the whole messages there are now. Throws WireError for an impossible length. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      const size = this.#nextSize();
      if (size === undefined || this.#length < size) return messages;
      const all = this.#joined();
      messages.push(all.subarray(0, size));
      this.#chunks = all.length > size ? [all.subarray(size)] : [];
      this.#length -= size;
    }
  }

  #nextSize(): number | undefined {
    if (this.#length < 4) return undefined;
    const head = (this.#chunks[0]?.length ?? 0) >= 4 ? this.#chunks[0]! : this.#joined();
    const size = head.readInt32LE(0);
    if (size < HEADER_BYTES || size > MAX_MESSAGE_BYTES) throw new WireError(`message length ${size} is impossible`);
    return size;
  }

  #joined(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}

/** In: one whole message. Out: its request. Throws WireError where the frame is broken, MongoFault where its BSON is. */
export function parseMessage(message: Buffer): Request {
  const requestId = message.readInt32LE(4);
  const opcode = message.readInt32LE(12);
  if (opcode === OP_MSG) return parseMsg(message, requestId);
  if (opcode === OP_QUERY) return parseQuery(message, requestId);
  throw new WireError(`opcode ${opcode} is not supported`);
}

function parseMsg(message: Buffer, requestId: number): Request {
  if (message.length < HEADER_BYTES + 5) throw new WireError('OP_MSG is too short');
  const flags = message.readUInt32LE(HEADER_BYTES);
  if ((flags & 0xffff & ~(CHECKSUM_PRESENT | MORE_TO_COME)) !== 0) throw new WireError('OP_MSG has an unknown required flag');
  const end = message.length - (flags & CHECKSUM_PRESENT ? 4 : 0);
  let command: BsonDocument | undefined;
  const sequences: BsonDocument = {};
  let at = HEADER_BYTES + 4;
  while (at < end) {
    const kind = message[at++];
    const section = slice(message, at, end);
    at += section.length;
    if (kind === 0 && !command) command = decodeCommand(section, RAW_FIELDS);
    else if (kind === 1) readSequence(section, sequences);
    else throw new WireError(`OP_MSG section kind ${kind} is not supported`);
  }
  if (!command) throw new WireError('OP_MSG has no body');
  for (const name of Object.keys(sequences)) setField(command, name, sequences[name]);
  return { requestId, command, wantsReply: (flags & MORE_TO_COME) === 0, legacy: false };
}

function slice(message: Buffer, at: number, end: number): Buffer {
  if (at + 4 > end) throw new WireError('a section is cut short');
  const size = message.readInt32LE(at);
  if (size < 5 || at + size > end) throw new WireError(`a section's size ${size} is impossible`);
  return message.subarray(at, at + size);
}

function readSequence(section: Buffer, into: BsonDocument): void {
  const nameEnd = section.indexOf(0, 4);
  if (nameEnd < 0) throw new WireError('a document sequence has no name');
  const name = section.toString('utf8', 4, nameEnd);
  const documents: unknown[] = [];
  let at = nameEnd + 1;
  while (at < section.length) {
    const document = slice(section, at, section.length);
    documents.push(RAW_FIELDS.has(name) ? document : decodeCommand(document, new Set()));
    at += document.length;
  }
  setField(into, name, documents);
}

/** OP_QUERY on `<db>.$cmd` alone: the handshake of drivers that do not know the server yet. */
function parseQuery(message: Buffer, requestId: number): Request {
  const nameEnd = message.indexOf(0, HEADER_BYTES + 4);
  if (nameEnd < 0) throw new WireError('OP_QUERY has no collection name');
  const namespace = message.toString('utf8', HEADER_BYTES + 4, nameEnd);
  if (!namespace.endsWith('.$cmd')) throw new MongoFault('NotImplemented', 'OP_QUERY is only supported for the handshake');
  const body = slice(message, nameEnd + 9, message.length);
  const command = decodeCommand(body, RAW_FIELDS);
  return { requestId, command: { ...command, $db: namespace.slice(0, -'.$cmd'.length) }, wantsReply: true, legacy: true };
}

let lastReply = 0;

/** The answer to a request, as bytes. */
export function encodeReply(requestId: number, reply: BsonDocument | Buffer, legacy: boolean): Buffer {
  const body = Buffer.isBuffer(reply) ? reply : encode(reply, MAX_MESSAGE_BYTES);
  const head = Buffer.alloc(legacy ? HEADER_BYTES + 20 : HEADER_BYTES + 5);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE((lastReply = (lastReply + 1) & 0x7fffffff), 4);
  head.writeInt32LE(requestId, 8);
  head.writeInt32LE(legacy ? OP_REPLY : OP_MSG, 12);
  if (legacy) {
    head.writeInt32LE(8, HEADER_BYTES);
    head.writeInt32LE(1, HEADER_BYTES + 16);
  }
  return Buffer.concat([head, body]);
}
