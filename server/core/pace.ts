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
export const ARRIVAL_SPREAD = 300;

/** How soon one batch a minute more is tried after QuickBooks refused one, at first and at most. */
const FIRST_TRIAL = 2 * 60_000;
const LAST_TRIAL = 60 * 60_000;

/**
 * Milliseconds until a call of this kind may start without exceeding any window, the places already given ahead included. 0: now.
 * A batch is also a request.
 */
export function waitFor(
  kind: 'read' | 'batch', windows: Windows, now: number, limits: readonly Limit[] = QUICKBOOKS_LIMITS, spread = ARRIVAL_SPREAD,
): number {
  const counting = limits.filter(({ of }) => of === 'requests' || kind === 'batch');
  let at = Math.max(now, windows.closedUntil);
  for (let next = at; ; at = next) {
    for (const limit of counting) {
      const count = limit.of === 'batches' ? Math.min(limit.count, batchesTaken(windows, now)) : limit.count;
      next = Math.max(next, firstPlace(windows[limit.of], next, count, limit.within + spread));
    }
    if (next === at) return Math.ceil(at - now);
  }
}

/** The first time from `at` on where one more start leaves no more than `count` in any window; starts are in order. */
function firstPlace(starts: readonly number[], at: number, count: number, within: number): number {
  const before = starts.filter((start) => start <= at).length;
  const among = starts.toSpliced(before, 0, at);
  for (let first = Math.min(before, among.length - 1 - count); first >= Math.max(0, before - count); first -= 1) {
    const [from, to] = [among[first] ?? 0, among[first + count] ?? Infinity];
    if (to - from >= within) continue;
    return first === before ? among[before + 1] ?? at : from + within;
  }
  return at;
}

/** The windows with one more call that starts at `at`, which may lie ahead of `now`; starts too old to count are dropped. */
export function withCall(kind: 'read' | 'batch', windows: Windows, at: number, now = at, spread = ARRIVAL_SPREAD): Windows {
  const horizon = now - LONGEST - spread;
  const counted = (starts: readonly number[], more: readonly number[]) => inOrder([...starts.filter((start) => start > horizon), ...more]);
  return { ...windows, requests: counted(windows.requests, [at]), batches: counted(windows.batches, kind === 'batch' ? [at] : []) };
}

const inOrder = (starts: readonly number[]) => starts.toSorted((a, b) => a - b);

/** The windows with a call counted at another time than was foreseen, since it left later; null: it was not sent at all. */
export function moved(kind: 'read' | 'batch', windows: Windows, from: number, to: number | null): Windows {
  const move = (starts: readonly number[]) => {
    const at = starts.indexOf(from);
    const rest = at < 0 ? starts : starts.toSpliced(at, 1);
    return inOrder(to === null ? rest : [...rest, to]);
  };
  return { ...windows, requests: move(windows.requests), batches: kind === 'batch' ? move(windows.batches) : windows.batches };
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
  const sent = windows.batches.filter((start) => start <= now).slice(0, -1);
  const batches = [...sent, ...windows.batches.filter((start) => start > now)];
  const taken = Math.max(1, sent.filter((start) => start > now - 60_000).length);
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
