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

/** Room kept between our counting and QuickBooks': a call counts there when it arrives, later than it was sent. */
const ARRIVAL_SPREAD = 0.02;

/** Milliseconds until a call of this kind may start without exceeding any window. 0: now. A batch is also a request. */
export function waitFor(kind: 'read' | 'batch', windows: Windows, now: number, limits: readonly Limit[] = QUICKBOOKS_LIMITS): number {
  let until = windows.closedUntil;
  for (const limit of limits) {
    if (limit.of === 'batches' && kind === 'read') continue;
    const starts = windows[limit.of];
    const oldest = starts[starts.length - limit.count];
    if (oldest !== undefined) until = Math.max(until, oldest + limit.within * (1 + ARRIVAL_SPREAD));
  }
  return Math.max(0, Math.ceil(until - now));
}

/** The windows with one more call started at `now`; starts too old to count are dropped. */
export function withCall(kind: 'read' | 'batch', windows: Windows, now: number): Windows {
  const horizon = now - LONGEST * (1 + ARRIVAL_SPREAD);
  const young = (starts: readonly number[]) => starts.filter((start) => start > horizon);
  return {
    requests: [...young(windows.requests), now],
    batches: kind === 'batch' ? [...young(windows.batches), now] : young(windows.batches),
    closedUntil: windows.closedUntil,
  };
}

/** The windows closed until `ms` from now, because QuickBooks asked to wait. */
export function closedFor(windows: Windows, now: number, ms: number): Windows {
  return { ...windows, closedUntil: Math.max(windows.closedUntil, now + ms) };
}
