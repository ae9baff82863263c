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

const MOST_BATCHES = Math.min(...QUICKBOOKS_LIMITS.filter(({ of }) => of === 'batches').map(({ count }) => count));
const LONGEST = Math.max(...QUICKBOOKS_LIMITS.map((limit) => limit.within));

/**
 * Milliseconds of QuickBooks' clock kept between our counting and its own: a call counts there when it arrives, which takes one call
 * longer than another.
 */
export const ARRIVAL_SPREAD = 300;

const MINUTE = 60_000;

/** How soon more batches a minute are tried after QuickBooks refused one, at first and at most. */
const FIRST_TRIAL = MINUTE;
const LAST_TRIAL = 30 * MINUTE;

/** Below so many batches a minute one burst of refusals does not bring us. */
const FEWEST = 10;

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

/** The windows in which calls that wait, with the places they have, get the first ones there are from `now` on instead, in their order. */
export function placedAnew(
  calls: readonly { readonly kind: 'read' | 'batch'; readonly at: number }[], windows: Windows, now: number, limits: readonly Limit[] = QUICKBOOKS_LIMITS,
  spread = ARRIVAL_SPREAD,
): { windows: Windows; places: number[] } {
  let after = windows;
  for (const { kind, at } of calls) after = moved(kind, after, at, null);
  const places = calls.map(({ kind }) => {
    const at = now + waitFor(kind, after, now, limits, spread);
    after = withCall(kind, after, at, now, spread);
    return at;
  });
  return { windows: after, places };
}

/** The windows closed until `ms` from now, because QuickBooks asked to wait. */
export function closedFor(windows: Windows, now: number, ms: number): Windows {
  return { ...windows, closedUntil: Math.max(windows.closedUntil, now + ms) };
}

/**
 * The windows after QuickBooks refused a batch for its limits. It took as many as are counted in the last minute, but for that one: no
 * more are sent in one from now on. Fewer than half of what was sent before is another app's doing, and not believed unless it is refused
 * again a minute later; what is refused within the minute was sent before we knew. More are tried again soon, and ever more seldom where
 * it is refused at the same mark, as when QuickBooks counts the parts of a batch singly (quickbooks.md §3.3).
 */
export function refusedBatch(windows: Windows, now: number): Windows {
  const sent = windows.batches.filter((start) => start <= now).slice(0, -1);
  const batches = [...sent, ...windows.batches.filter((start) => start > now)];
  const counted = sent.filter((start) => start > now - MINUTE).length;
  const { lowered } = windows;
  const before = Math.min(batchesTaken(windows, now), MOST_BATCHES);
  if (lowered !== null && now < lowered.at + MINUTE) {
    const taken = Math.min(lowered.batches, Math.max(FEWEST, counted));
    return { ...windows, batches, lowered: { ...lowered, batches: taken } };
  }
  const taken = Math.max(1, Math.floor(before / 2), Math.min(counted, before));
  const isSameMark = lowered !== null && lowered.batches >= FEWEST && Math.abs(counted - lowered.batches) <= 1;
  const every = isSameMark ? Math.min(LAST_TRIAL, lowered.every * 2) : FIRST_TRIAL;
  return { ...windows, batches, lowered: { batches: taken, at: now, every } };
}

/** How many batches a minute may be sent by what QuickBooks was found to take: one more is tried first, then 2 more, then 3. */
function batchesTaken({ lowered }: Windows, now: number): number {
  if (!lowered) return Infinity;
  const trials = Math.max(0, Math.floor((now - lowered.at) / lowered.every));
  return lowered.batches + (trials * (trials + 1)) / 2;
}
