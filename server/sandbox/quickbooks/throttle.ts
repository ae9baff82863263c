import type { Clock } from './clock.ts';
import type { Switches } from './switches.ts';

/** The limits of quickbooks.md §5.1: so many in a sliding window of virtual seconds, per realm or per realm and app. */
export const WINDOWS = {
  rest: { limit: 500, seconds: 60, scope: 'realm' },
  burst: { limit: 10, seconds: 1, scope: 'realm+app' },
  batch: { limit: 40, seconds: 60, scope: 'realm+app' },
  batchRealm: { limit: 120, seconds: 60, scope: 'realm' },
  all: { limit: 800, seconds: 60, scope: 'realm+app' },
} as const;
export type WindowName = keyof typeof WINDOWS;
const WINDOW_NAMES = Object.keys(WINDOWS) as WindowName[];
/** Calls in flight at once per realm and app, and metered reads a month per app's workspace (quickbooks.md §5.1, §5.4). */
const CONCURRENT = 10;
const MONTHLY = 500_000;
const MONTH_MS = 30 * 86_400_000;

export type LimitName = WindowName | 'concurrent' | 'monthly';
export type LimitValues = Record<LimitName, number>;

/** Times of accepted calls, oldest first. */
class SlidingWindow {
  #times: number[] = [];
  #head = 0;

  /** How many lie within the last so many ms. */
  count(now: number, spanMs: number): number {
    while (this.#head < this.#times.length && (this.#times[this.#head] as number) <= now - spanMs) this.#head += 1;
    if (this.#head > 4096 && this.#head * 2 > this.#times.length) {
      this.#times = this.#times.slice(this.#head);
      this.#head = 0;
    }
    return this.#times.length - this.#head;
  }

  add(now: number, times: number): void {
    for (let at = 0; at < times; at += 1) this.#times.push(now);
  }
}

export interface CallWeight {
  readonly realmId: string;
  readonly clientId: string;
  readonly isBatch: boolean;
  /** Parts of a batch; 1 for a single call. */
  readonly items: number;
  /** Whether it is a metered read (CorePlus). */
  readonly metered: boolean;
}

/** Which limit refused a call. */
export type Refused = LimitName | undefined;

/** Measures every call against every window and refuses what is over, when limits are on. Refused calls take no place. */
export class Throttle {
  readonly #clock: Clock;
  readonly #switches: () => Switches;
  readonly #windows = new Map<string, SlidingWindow>();
  readonly #inFlight = new Map<string, number>();
  readonly #month = new Map<string, { started: number; used: number }>();
  readonly #fullest: LimitValues = zero();
  readonly #refusals: LimitValues = zero();
  #limits: LimitValues = standardLimits();

  constructor(clock: Clock, switches: () => Switches) {
    this.#clock = clock;
    this.#switches = switches;
  }

  /** Takes the call's places, or names the limit that stands in its way. A call let in must be ended with `leave`. */
  enter(call: CallWeight): Refused {
    const now = this.#clock.now();
    const takes = WINDOW_NAMES.filter((name) => call.isBatch || !name.startsWith('batch'))
      .map((name) => ({ name, window: this.#window(name, call), weight: this.#weight(name, call) }));
    const flightKey = `${call.realmId}/${call.clientId}`;
    const inFlight = this.#inFlight.get(flightKey) ?? 0;
    if (this.#switches().limits === 'on') {
      const refused = this.#refusing(takes, now, inFlight, call);
      if (refused) {
        this.#refusals[refused] += 1;
        return refused;
      }
    }
    for (const { name, window, weight } of takes) {
      window.add(now, weight);
      this.#fullest[name] = Math.max(this.#fullest[name], window.count(now, WINDOWS[name].seconds * 1000));
    }
    this.#inFlight.set(flightKey, inFlight + 1);
    this.#fullest.concurrent = Math.max(this.#fullest.concurrent, inFlight + 1);
    return undefined;
  }

  /** Ends a call that was let in. Metered are reads answered with success (quickbooks.md §5.4). */
  leave(call: CallWeight, meteredReads: number): void {
    const key = `${call.realmId}/${call.clientId}`;
    this.#inFlight.set(key, (this.#inFlight.get(key) ?? 1) - 1);
    if (meteredReads === 0) return;
    const month = this.#monthOf(call.clientId);
    month.used += meteredReads;
    this.#fullest.monthly = Math.max(this.#fullest.monthly, month.used);
  }

  /** Changes limits; those not named stay. */
  setLimits(change: Partial<LimitValues>): void {
    this.#limits = { ...this.#limits, ...change };
  }

  /** What `GET /sandbox/limits` answers. */
  report(): Record<string, unknown> {
    const refused = Object.values(this.#refusals).reduce((sum, each) => sum + each, 0);
    const windows = WINDOW_NAMES.map((name) => ({
      name, scope: WINDOWS[name].scope, seconds: WINDOWS[name].seconds, limit: this.#limits[name], fullest: this.#fullest[name],
      refused: this.#refusals[name],
    }));
    const simple = (name: 'concurrent' | 'monthly'): Record<string, number> =>
      ({ limit: this.#limits[name], fullest: this.#fullest[name], refused: this.#refusals[name] });
    return {
      limits: this.#switches().limits, speed: this.#clock.speed, throttled: refused, windows, concurrent: simple('concurrent'),
      monthly: simple('monthly'),
    };
  }

  #refusing(
    takes: { name: WindowName; window: SlidingWindow; weight: number }[], now: number, inFlight: number, call: CallWeight,
  ): Refused {
    const { burst } = this.#switches();
    if (burst !== '10-per-second' && inFlight >= this.#limits.concurrent) return 'concurrent';
    if (call.metered && this.#monthOf(call.clientId).used >= this.#limits.monthly) return 'monthly';
    return takes.find(({ name, window, weight }) => {
      if (name === 'burst' && burst === '10-concurrent') return false;
      return weight > 0 && window.count(now, WINDOWS[name].seconds * 1000) + weight > this.#limits[name];
    })?.name;
  }

  #weight(name: WindowName, call: CallWeight): number {
    if (name !== 'rest' || !call.isBatch) return 1;
    const { batchItemsCount } = this.#switches();
    return batchItemsCount === '30' ? call.items : Number(batchItemsCount);
  }

  #window(name: WindowName, call: CallWeight): SlidingWindow {
    const key = WINDOWS[name].scope === 'realm' ? `${name}/${call.realmId}` : `${name}/${call.realmId}/${call.clientId}`;
    let window = this.#windows.get(key);
    if (!window) this.#windows.set(key, (window = new SlidingWindow()));
    return window;
  }

  #monthOf(clientId: string): { started: number; used: number } {
    const now = this.#clock.now();
    let month = this.#month.get(clientId);
    if (!month || now - month.started >= MONTH_MS) this.#month.set(clientId, (month = { started: now, used: 0 }));
    return month;
  }
}

export const LIMIT_NAMES: readonly LimitName[] = [...WINDOW_NAMES, 'concurrent', 'monthly'];

function standardLimits(): LimitValues {
  return { rest: WINDOWS.rest.limit, burst: WINDOWS.burst.limit, batch: WINDOWS.batch.limit, batchRealm: WINDOWS.batchRealm.limit,
    all: WINDOWS.all.limit, concurrent: CONCURRENT, monthly: MONTHLY };
}

function zero(): LimitValues {
  return { rest: 0, burst: 0, batch: 0, batchRealm: 0, all: 0, concurrent: 0, monthly: 0 };
}
