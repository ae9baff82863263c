import Bottleneck from 'bottleneck';
import limited from 'p-limit';
import { OPEN_WINDOWS } from '../../server/core/run.ts';
import { IN_FLIGHT, waitFor, withCall } from '../../server/core/pace.ts';

export interface ClassRow {
  readonly name: string;
  /** The name of the class it goes under; null at the top. Parents come first in a list. */
  readonly parent: string | null;
}

/** What the other ways to make classes use of QuickBooks. Each call is one request; a throttled one is sent again after a minute. */
export interface PeerBooks {
  find(name: string): Promise<string | null>;
  create(name: string, parentId: string | null): Promise<string>;
  /** Waits so long by QuickBooks' clock. */
  sleep(ms: number): Promise<void>;
  now(): number;
  readonly speed: number;
}

type Work = (rows: readonly ClassRow[], books: PeerBooks) => Promise<void>;

/** The ways people make classes with a client library, as found in the field (quickbooks.md §5.2). */
export const PEERS: readonly { readonly name: string; readonly work: Work }[] = [
  { name: 'one request per class', work: (rows, books) => inTurn(rows, books) },
  { name: 'query, then write', work: (rows, books) => inTurn(rows, books, true) },
  {
    name: 'Bottleneck, 4 at once, 200 ms apart',
    work: (rows, books) => {
      const limiter = new Bottleneck({ maxConcurrent: 4, minTime: 200 / books.speed });
      return byLevel(rows, books, (one) => limiter.schedule(one));
    },
  },
  {
    name: 'p-limit of 10, paced to 500 a minute',
    work: (rows, books) => {
      const limit = limited(IN_FLIGHT);
      const paced = pacer(books);
      return byLevel(rows, books, (one) => limit(async () => {
        await paced();
        return one();
      }));
    },
  },
];

type Run = <T>(one: () => Promise<T>) => Promise<T>;

async function inTurn(rows: readonly ClassRow[], books: PeerBooks, looksFirst = false): Promise<void> {
  const ids = new Map<string, string>();
  for (const row of rows) {
    const known = looksFirst ? await books.find(row.name) : null;
    ids.set(row.name, known ?? (await books.create(row.name, parentOf(row, ids))));
  }
}

async function byLevel(rows: readonly ClassRow[], books: PeerBooks, run: Run): Promise<void> {
  const ids = new Map<string, string>();
  for (const level of [rows.filter(({ parent }) => parent === null), rows.filter(({ parent }) => parent !== null)]) {
    await Promise.all(level.map((row) => run(async () => ids.set(row.name, await books.create(row.name, parentOf(row, ids))))));
  }
}

function parentOf({ parent }: ClassRow, ids: ReadonlyMap<string, string>): string | null {
  return parent === null ? null : ids.get(parent) ?? null;
}

/** Lets a call go as soon as QuickBooks' windows for single requests allow, and not before. */
function pacer(books: PeerBooks): () => Promise<void> {
  let windows = OPEN_WINDOWS;
  let last: Promise<void> = Promise.resolve();
  const leave = async () => {
    for (let wait = waitFor('read', windows, books.now()); wait > 0; wait = waitFor('read', windows, books.now())) await books.sleep(wait);
    windows = withCall('read', windows, books.now());
  };
  return () => {
    last = last.then(() => leave());
    return last;
  };
}
