import type { Books } from '../core/ports.ts';

/**
 * The same books with at most `most` calls under way or waiting for their place in the windows (quickbooks.md §5.1). What is done before
 * and after a call takes no place: the next one, prepared already, leaves as soon as one has been answered.
 */
export function withFlights(books: Books, most: number): Books {
  const waiting: (() => void)[] = [];
  let free = most;
  const flown = async <T>(call: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((board) => waiting.push(board));
    try {
      return await call();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
  return {
    ...books,
    byIds: (ids) => flown(() => books.byIds(ids)),
    byNames: (names) => flown(() => books.byNames(names)),
    batch: (requestid, items) => flown(() => books.batch(requestid, items)),
  };
}
