// node dist/bench/peers/worker.js JOB.json: one of the other ways to make classes, in a process of its own that remembers what it made, so that
// it can be killed and started again.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { driven } from '../../test/support/product.ts';
import { nodeQuickBooks } from './client.ts';
import { PEERS, type ClassRow } from './strategies.ts';

export interface PeerJob {
  readonly peer: string;
  readonly sandboxUrl: string;
  readonly realmId: string;
  readonly speed: number;
  readonly rows: readonly ClassRow[];
  /** Lines of JSON: what was made, and what QuickBooks refused. */
  readonly ledger: string;
}

/** A line of a ledger; no id: QuickBooks refused it. */
export interface LedgerLine {
  readonly name: string;
  readonly id: string | null;
}

export function readLedger(path: string): LedgerLine[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as LedgerLine) : [];
}

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

const [, , path] = process.argv;
if (path !== undefined) await work(JSON.parse(readFileSync(path, 'utf8')) as PeerJob);
