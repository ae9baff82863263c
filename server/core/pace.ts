import type { Windows } from './run.ts';

/** How much QuickBooks takes from one company in a sliding window, and the gap kept so that both clocks' edges agree (quickbooks.md §5.1). */
export interface Limit {
  readonly of: 'requests' | 'batches';
  readonly count: number;
  /** Milliseconds of QuickBooks' clock. */
  readonly within: number;
}

export const QUICKBOOKS_LIMITS: readonly Limit[] = [
  { of: 'batches', count: 40, within: 60_000 },
  { of: 'requests', count: 500, within: 60_000 },
  { of: 'requests', count: 10, within: 1_000 },
];

/** Parts in one batch (quickbooks.md §3.3). */
export const BATCH = 30;

/** How many calls may be under way at once (quickbooks.md §5.1). */
export const IN_FLIGHT = 10;

const LONGEST = Math.max(...QUICKBOOKS_LIMITS.map((limit) => limit.within));

/**
 * Milliseconds of QuickBooks' clock kept between our counting and its own: a call counts there when it arrives, which takes one call
 * longer than another.
 */
export const ARRIVAL_SPREAD = 500;

/** How soon one batch a minute more is tried after QuickBooks refused one, at first and at most. */
const FIRST_TRIAL = 2 * 60_000;
const LAST_TRIAL = 60 * 60_000;

/** Milliseconds until a call of this kind may start without exceeding any window. 0: now. A batch is also a request. */
export function waitFor(
  kind: 'read' | 'batch', windows: Windows, now: number, limits: readonly Limit[] = QUICKBOOKS_LIMITS, spread = ARRIVAL_SPREAD,
): number {
  let until = windows.closedUntil;
  for (const limit of limits) {
    if (limit.of === 'batches' && kind === 'read') continue;
    const starts = windows[limit.of];
    const count = limit.of === 'batches' ? Math.min(limit.count, batchesTaken(windows, now)) : limit.count;
    const oldest = starts[starts.length - count];
    if (oldest !== undefined) until = Math.max(until, oldest + limit.within + spread);
  }
  return Math.max(0, Math.ceil(until - now));
}

/** The windows with one more call started at `now`; starts too old to count are dropped. */
export function withCall(kind: 'read' | 'batch', windows: Windows, now: number, spread = ARRIVAL_SPREAD): Windows {
  const horizon = now - LONGEST - spread;
  const young = (starts: readonly number[]) => starts.filter((start) => start > horizon);
  return {
    ...windows,
    requests: [...young(windows.requests), now],
    batches: kind === 'batch' ? [...young(windows.batches), now] : young(windows.batches),
  };
}

/** The windows after the last call counted in has left at `now`: counted before, since nothing may leave uncounted, it left later. */
export function asLeft(kind: 'read' | 'batch', windows: Windows, now: number): Windows {
  const moved = (starts: readonly number[]) => [...starts.slice(0, -1), Math.max(now, starts.at(-1) ?? now)];
  return { ...windows, requests: moved(windows.requests), batches: kind === 'batch' ? moved(windows.batches) : windows.batches };
}

/** The windows closed until `ms` from now, because QuickBooks asked to wait. */
export function closedFor(windows: Windows, now: number, ms: number): Windows {
  return { ...windows, closedUntil: Math.max(windows.closedUntil, now + ms) };
}

/**
 * The windows after QuickBooks refused a batch for its limits. It took as many as are counted in the last minute, but for that one; from
 * now on no more are sent in one, and one more every now and then: quickly at first, for another app's burst passes, and ever
 * more slowly where it is refused at the same mark, as when QuickBooks counts the parts of a batch singly (quickbooks.md §3.3).
 */
export function refusedBatch(windows: Windows, now: number): Windows {
  const batches = windows.batches.slice(0, -1);
  const taken = Math.max(1, batches.filter((start) => start > now - 60_000).length);
  const { lowered } = windows;
  const isSameMark = lowered !== null && taken >= lowered.batches;
  const every = isSameMark ? Math.min(LAST_TRIAL, lowered.every * 2) : lowered?.every ?? FIRST_TRIAL;
  return { ...windows, batches, lowered: { batches: taken, at: now, every } };
}

/** How many batches a minute may be sent by what QuickBooks was found to take. */
function batchesTaken({ lowered }: Windows, now: number): number {
  if (!lowered) return Infinity;
  return lowered.batches + Math.max(0, Math.floor((now - lowered.at) / lowered.every));
}
