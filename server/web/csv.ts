import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';
import type { Response } from 'express';
import { guarded } from '../core/cells.ts';

/**
 * Sends a CSV file (RFC 4180) as its rows come, never whole in memory. No cell begins as a formula would (engineering.md §4.6); the mark
 * at its front tells Excel that it is UTF-8.
 */
export async function sendCsv(res: Response, fileName: string, headings: readonly string[], rows: AsyncIterable<readonly string[]>): Promise<void> {
  res.attachment(fileName).type('text/csv; charset=utf-8');
  const safe = async function* () {
    yield headings.map(guarded);
    for await (const cells of rows) yield cells.map(guarded);
  };
  await pipeline(Readable.from(safe()), stringify({ bom: true, record_delimiter: 'windows' }), res).catch((error: unknown) => {
    // Who closes the page in the middle wants no more of it.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
