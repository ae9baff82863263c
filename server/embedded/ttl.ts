import type { Catalog } from './catalog.ts';
import type { Collection } from './collection.ts';
import { deleteAll } from './commands/writes.ts';
import type { Cursors } from './cursors.ts';
import { createScope } from './expressions.ts';
import { parseFilter } from './filter.ts';
import type { Index } from './indexes.ts';
import type { Storage } from './storage.ts';

interface Parts {
  catalog: Catalog;
  cursors: Cursors;
  storage: Storage;
  intervalMs: number;
}

/** Documents one pass removes per write, so that other writers get their turn. */
const AT_ONCE = 500;

/** Removes expired documents (TTL indexes) and closes idle cursors at an interval. */
export function startTtl(parts: Parts): { close(): Promise<void> } {
  let running: Promise<void> = Promise.resolve();
  let closed = false;
  const timer = setInterval(() => {
    parts.cursors.expire(Date.now());
    running = running.then(() => (closed ? undefined : pass(parts, () => closed))).catch(() => undefined);
  }, parts.intervalMs);
  timer.unref();
  return {
    close: async () => {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}

async function pass({ catalog, storage }: Parts, stopped: () => boolean): Promise<void> {
  for (const collection of catalog.all()) {
    for (const index of collection.indexes) {
      if (index.expireAfterSeconds === undefined || !index.ready) continue;
      while (!stopped() && !collection.dropped && await storage.write(() => expire(catalog, collection, index)) === AT_ONCE);
    }
  }
}

function expire(catalog: Catalog, collection: Collection, index: Index): number {
  if (collection.dropped || !collection.indexes.includes(index)) return 0;
  const path = index.fields[0]?.path ?? '';
  const filter = parseFilter({ [path]: { $lt: new Date(Date.now() - (index.expireAfterSeconds ?? 0) * 1000) } }, createScope());
  const removed = deleteAll(collection, filter, index.partial ? undefined : index.name, AT_ONCE);
  if (removed > 0) catalog.saveTotals(collection);
  return removed;
}
