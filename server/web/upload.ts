import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyFileStream, type BusboyHeaders } from '@fastify/busboy';
import type { Request } from 'express';
import { BadInput } from './errors.ts';

export interface Upload {
  /** Null when none was chosen. */
  readonly file: { readonly name: string; readonly bytes: Buffer } | null;
  readonly fields: Readonly<Record<string, string>>;
  /** The file has more bytes than are taken, and nothing of it was kept. */
  readonly tooLarge: boolean;
}

/** What is read to its end though it is too large, so that the browser shows our answer instead of a broken connection. */
const PATIENCE = 10;
const LIMITS = { files: 1, fields: 8, fieldSize: 2_000, fieldNameSize: 50, parts: 10, headerPairs: 20 } as const;

/**
 * Reads a form with one file (multipart/form-data) of up to `most` bytes, in memory alone. Throws BadInput for what is no such form, or
 * far too large to be read at all.
 */
export async function uploadOf(req: Request, most: number): Promise<Upload> {
  const length = Number(req.get('Content-Length') ?? Number.NaN);
  if (!(length <= most * PATIENCE)) throw new BadInput('What was sent is larger than this app takes.', 'Choose a smaller file.', 413);

  const fields: Record<string, string> = {};
  const chunks: Buffer[] = [];
  let name = '';
  let tooLarge = false;
  try {
    const parser = new Busboy({ headers: req.headers as BusboyHeaders, limits: { ...LIMITS, fileSize: most } });
    parser.on('field', (field, value) => {
      fields[field] = value;
    });
    parser.on('file', (_field, stream: BusboyFileStream, fileName) => {
      name = fileName;
      // Without a listener a file cut short would end the process; the parser tells of it too.
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => void (tooLarge || chunks.push(chunk)));
      stream.on('limit', () => {
        tooLarge = true;
        chunks.length = 0;
      });
    });
    await pipeline(req, parser);
  } catch {
    throw new BadInput('The file could not be read as it was sent.', 'Go back, choose the file again and send it.');
  }
  return { fields, tooLarge, file: name === '' ? null : { name, bytes: Buffer.concat(chunks) } };
}
