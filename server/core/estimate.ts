import { BATCH, IN_FLIGHT, QUICKBOOKS_LIMITS } from './pace.ts';

/** Classes QuickBooks gives in one answer. */
const PAGE = 1_000;
/** What a batch of 30 and a page of classes commonly take, in milliseconds (quickbooks.md §5.2). */
const BATCH_TIME = 6_000;
const READ_TIME = 400;

/** What is to be written and read. */
export interface Load {
  /** Classes to be written before the others can be. */
  readonly parents: number;
  readonly others: number;
  /** Classes to be read first; null when QuickBooks was read just now. */
  readonly toRead: number | null;
}

export interface Estimate {
  readonly calls: number;
  /** Milliseconds. */
  readonly took: number;
}

/** How many calls a push takes and roughly how long, inside QuickBooks' limits. `speed`: how many times faster its clock runs. */
export function estimate({ parents, others, toRead }: Load, speed = 1): Estimate {
  const waves = [parents, others].map((writes) => Math.ceil(writes / BATCH));
  const batches = waves.reduce((sum, n) => sum + n, 0);
  const reads = toRead === null ? 0 : Math.max(1, Math.ceil(toRead / PAGE));
  const sending = waves.reduce((sum, n) => sum + Math.ceil(n / IN_FLIGHT) * BATCH_TIME, 0);
  const took = reads * READ_TIME + Math.max(sending, paced(batches));
  return { calls: batches + reads, took: Math.ceil(took / speed) };
}

/** The least that the limit on batches makes of it: the first of each window go at once. */
function paced(batches: number): number {
  const windows = QUICKBOOKS_LIMITS.filter(({ of }) => of === 'batches').map(({ count, within }) => Math.floor((batches - 1) / count) * within);
  return batches === 0 ? 0 : Math.max(...windows) + BATCH_TIME;
}
