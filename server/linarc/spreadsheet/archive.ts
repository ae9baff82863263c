import { crc32, inflateRawSync } from 'node:zlib';

import { tooLarge, unreadable } from './refusals.ts';

/**
 * What a workbook may grow to when unpacked: ten times what 100,000 rows of cost codes need. A file that grows further is a
 * bomb.
 */
const MOST_UNPACKED = 128 * 1024 * 1024;
const MOST_ENTRIES = 10_000;

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const ZIP64_EXTRA = 1;
const STORED = 0;
const DEFLATED = 8;
/** A value too large for its 32 bits, to be found in the entry's zip64 field. */
const ELSEWHERE = 0xffffffff;

/** The parts of a workbook that say nothing about cells. */
const ASIDE = /^xl\/(drawings|charts|media|pivot\w*|externalLinks|comments\w*|theme|printerSettings)\//;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly encrypted: boolean;
  readonly size: number;
  readonly at: number;
}

/**
 * Unpacks the parts of an Excel workbook that hold cells, never beyond the bound whatever the file says of itself, and packs
 * them anew, uncompressed: so the workbook's reader sees these bytes and nothing else. Throws ProblemError.
 */
export function repacked(bytes: Buffer): Buffer {
  const parts = new Map<string, Buffer>();
  let room = MOST_UNPACKED;
  for (const entry of entriesOf(bytes)) {
    if (!/^xl\/.*\.(xml|rels)$/.test(entry.name) || ASIDE.test(entry.name)) continue;
    const content = unpacked(bytes, entry, room);
    room -= content.length;
    parts.set(entry.name, content);
  }
  if (!parts.has('xl/workbook.xml')) throw unreadable('it is not an Excel workbook (.xlsx)');
  return packed(parts);
}

function entriesOf(bytes: Buffer): Entry[] {
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + 22 > bytes.length) throw broken();
  const count = bytes.readUInt16LE(end + 10);
  if (count > MOST_ENTRIES) throw tooLarge(`it is made of more than ${MOST_ENTRIES.toLocaleString('en')} parts`);
  const entries: Entry[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let n = 0; n < count; n += 1) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== CENTRAL) throw broken();
    const [nameLength = 0, extraLength = 0, commentLength = 0] = [28, 30, 32].map((place) => bytes.readUInt16LE(at + place));
    const extra = bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const [, size, offset] = wide([bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)], extra);
    entries.push({
      name: bytes.toString('utf8', at + 46, at + 46 + nameLength),
      method: bytes.readUInt16LE(at + 10),
      encrypted: (bytes.readUInt16LE(at + 8) & 1) === 1,
      size: size ?? 0,
      at: offset ?? 0,
    });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

/**
 * Unpacked size, packed size and place, those that need more than 32 bits from the zip64 field, which holds them in this order.
 */
function wide(values: readonly number[], extra: Buffer): number[] {
  let field = Buffer.alloc(0);
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === ZIP64_EXTRA) field = Buffer.from(extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2)));
  }
  let next = 0;
  return values.map((value) => {
    if (value !== ELSEWHERE) return value;
    if (next + 8 > field.length) throw broken();
    next += 8;
    return Number(field.readBigUInt64LE(next - 8));
  });
}

function unpacked(bytes: Buffer, entry: Entry, room: number): Buffer {
  if (entry.encrypted) throw unreadable('it is protected by a password');
  if (entry.at + 30 > bytes.length || bytes.readUInt32LE(entry.at) !== LOCAL) throw broken();
  const from = entry.at + 30 + bytes.readUInt16LE(entry.at + 26) + bytes.readUInt16LE(entry.at + 28);
  if (from + entry.size > bytes.length) throw broken();
  const content = bytes.subarray(from, from + entry.size);
  if (entry.method === STORED && content.length <= room) return content;
  if (entry.method !== DEFLATED || room <= 0) throw entry.method === DEFLATED || entry.method === STORED ? bomb() : broken();
  try {
    return inflateRawSync(content, { maxOutputLength: room });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? bomb() : broken();
  }
}

const bomb = () => tooLarge(`unpacked it is more than ${MOST_UNPACKED / 1024 / 1024} MB`);
const broken = () => unreadable('it is damaged, or not whole');

function packed(parts: ReadonlyMap<string, Buffer>): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of parts) {
    const path = Buffer.from(name);
    const about = Buffer.alloc(26);
    about.writeUInt16LE(20, 0);
    about.writeUInt32LE(crc32(content), 10);
    about.writeUInt32LE(content.length, 14);
    about.writeUInt32LE(content.length, 18);
    about.writeUInt16LE(path.length, 22);
    directory.push(Buffer.concat([word(CENTRAL), about.subarray(0, 2), about, Buffer.alloc(10), word(at), path]));
    pieces.push(word(LOCAL), about, path, content);
    at += 30 + path.length + content.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(parts.size, 4);
  end.writeUInt16LE(parts.size, 6);
  end.writeUInt32LE(index.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...pieces, index, word(END), end]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
