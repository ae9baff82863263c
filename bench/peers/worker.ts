// node dist/bench/peers/worker.js JOB.json: one of the other ways to make classes, in a process of its own that remembers what it made, so that
// it can be killed and started again.
import { appendFileSync, readFileSync } from 'node:fs';
import { driven } from '../../test/support/product.ts';
import { nodeQuickBooks } from './client.ts';
import { readLedger, type LedgerLine, type PeerJob } from './ledger.ts';
import { PEERS } from './strategies.ts';

async function work({ peer, sandboxUrl, realmId, speed, rows, ledger }: PeerJob): Promise<void> {
  const known = new Map(readLedger(ledger).map(({ name, id }) => [name, id]));
  const books = nodeQuickBooks(driven(sandboxUrl), realmId, speed);
  const noted = {
    ...books,
    create: async (name: string, parentId: string | null) => {
      const id = await books.create(name, parentId).catch(() => null);
      appendFileSync(ledger, `${JSON.stringify({ name, id } satisfies LedgerLine)}\n`);
      return id ?? '';
    },
  };
  await PEERS.find(({ name }) => name === peer)?.work(rows.filter(({ name }) => !known.has(name)), noted);
}

await work(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as PeerJob);
