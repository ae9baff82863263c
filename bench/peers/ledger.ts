import { existsSync, readFileSync } from 'node:fs';
import type { ClassRow } from './strategies.ts';

/** What a peer in a process of its own is to do. */
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
