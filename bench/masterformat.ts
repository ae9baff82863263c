import { existsSync } from 'node:fs';
import { connectedProduct, importEnded, runEnded } from '../test/support/product.ts';

const LIBRARY = '../shared/data/masterformat-2016.csv';
const CODES = 8_774;
/** QuickBooks' clock runs this much faster here; app and sandbox share the machine, so more would measure the machine. */
const SPEED = 10;
const PATIENCE = 20 * 60_000;

/** Imports and syncs the MasterFormat library, and compares the sync with the least time QuickBooks' limits allow (quickbooks.md §5.2). */
export async function run(): Promise<void> {
  const product = await connectedProduct({ speed: SPEED, ...(existsSync(LIBRARY) ? { library: LIBRARY } : { codes: CODES }) });
  try {
    const { agent } = product;
    await agent.post('/imports').type('form').send({ mode: 'all' }).expect(303);
    const { startedAt, endedAt, counts } = await importEnded(product, PATIENCE);
    const importing = seconds(startedAt, endedAt);
    process.stdout.write(`import: ${counts.added} codes in ${importing.toFixed(1)} s, ${Math.round(counts.added / importing)} a second\n`);

    await agent.post('/runs').type('form').send({ scope: 'matching', filter: '' }).expect(303);
    const sync = await runEnded(product, PATIENCE);
    const took = seconds(sync.startedAt, sync.endedAt) * SPEED;
    const floor = 60 * Math.floor((Math.ceil(sync.total / 30) - 1) / 40);
    process.stdout.write(`sync: ${sync.total} codes in ${sync.batchesSent} batches and ${sync.callsSent} calls, ${Math.round(took)} s of QuickBooks' clock, ${sync.counts.failed} failed\n`);
    process.stdout.write(`masterformat: sync ${(took / floor).toFixed(2)} x the floor of ${floor} s\n`);
  } finally {
    await product.close();
  }
}

function seconds(from: Date | null, to: Date | null): number {
  return ((to?.getTime() ?? 0) - (from?.getTime() ?? 0)) / 1_000;
}
