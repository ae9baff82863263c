import type { Clock } from '../../server/core/ports.ts';
import type { Chance } from './chance.ts';
import type { MemoryDatabase } from './stores.ts';
import type { Timeline } from './timeline.ts';

/** What the driver throws when MongoDB is away, steps down, or answers too late. */
export class StoreError extends Error {
  constructor(what: string) {
    super(`MongoDB: ${what}`);
    this.name = 'StoreError';
  }
}

/** How the database and the way to it behave; shares of all calls. */
export interface StoreWeather {
  /** Not reached, nothing written. */
  down: number;
  /** Written, but the answer is an error. */
  unknown: number;
  /** Of a write over several documents only the first few were made. */
  torn: number;
  /** Answered only after seconds. */
  slow: number;
}

export const FAIR_STORE: StoreWeather = { down: 0, unknown: 0, torn: 0, slow: 0 };

/** What all machines of a run share. */
export interface Site {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly database: MemoryDatabase;
  readonly storeWeather: StoreWeather;
  /** Until when no call reaches the database: a primary stepped down. */
  storeDownUntil: number;
  /** Until when nothing can be written: the disk is full. */
  storeFullUntil: number;
  /** A process died. */
  died(machine: Machine): void;
  note(who: string, what: string): void;
  explain(lines: () => readonly string[]): void;
  count(what: string): void;
}

/**
 * At this call of a process it dies, or stands still for so many milliseconds: before it was sent, or after it took effect. `call` counts
 * from now, or names the first call of a kind.
 */
export interface CrashPoint {
  readonly call: number | string;
  readonly after: boolean;
  readonly freeze?: number;
}

/**
 * One process: it can be killed between any two things it does, and stopped for a while, and its clock may be wrong. What it sent before
 * arrives all the same.
 */
export class Machine {
  readonly name: string;
  alive = true;
  /** Calls made so far, for crash points. */
  calls = 0;
  crashPoint: CrashPoint | null = null;
  /** When it was stopped last. */
  frozenAt = -Infinity;
  /** Milliseconds its clock is ahead. */
  skew = 0;
  /** Set when the process is asked to end. */
  readonly stopping = new AbortController();
  readonly clock: Clock;
  private readonly site: Site;
  private stillUntil = 0;

  constructor(name: string, site: Site) {
    this.name = name;
    this.site = site;
    this.clock = {
      now: () => Math.round(site.timeline.now + this.skew),
      sleep: (ms, signal) => this.sleep(ms, signal),
    };
  }

  get isStill(): boolean {
    return this.stillUntil > this.site.timeline.now;
  }

  kill(): void {
    this.alive = false;
    this.site.count('kill');
    this.site.note(this.name, 'killed');
    this.site.died(this);
  }

  /** Stops the process for a while, as SIGSTOP or a blocked event loop does. */
  freeze(ms: number): void {
    this.frozenAt = this.site.timeline.now;
    this.stillUntil = this.frozenAt + ms;
    this.site.count('freeze');
    this.site.note(this.name, `stopped for ${ms} ms`);
  }

  thaw(): void {
    this.stillUntil = 0;
  }

  /** Something reaches the process in `ms`: later when it stands still, never when it is dead. */
  reach(ms: number, act: () => void): void {
    this.site.timeline.in(ms, () => this.deliver(act));
  }

  private deliver(act: () => void): void {
    if (!this.alive) return;
    if (this.isStill) this.reach(this.stillUntil - this.site.timeline.now, act);
    else act();
  }

  private sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const end = () => {
        signal?.removeEventListener('abort', end);
        resolve();
      };
      signal?.addEventListener('abort', end, { once: true });
      this.reach(ms, end);
    });
  }

  /** A call over the network: `arrive` is what happens there, whatever becomes of this process meanwhile. */
  call<T>(name: string, ways: { readonly there: number; readonly back: number }, arrive: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.alive) return;
      this.calls += 1;
      const point = this.crashPoint?.call === this.calls || this.crashPoint?.call === name ? this.crashPoint : null;
      if (point) this.crashPoint = null;
      if (point?.after === false) this.strike(point);
      const send = () => this.site.timeline.in(ways.there, () => {
        this.site.note(this.name, name);
        const outcome = arrive();
        outcome.catch(() => {});
        if (point?.after === true) this.strike(point);
        this.reach(ways.back, () => void outcome.then(resolve, reject));
      });
      if (this.isStill) this.reach(0, send);
      else if (this.alive) send();
    });
  }

  private strike({ freeze }: CrashPoint): void {
    if (freeze === undefined) this.kill();
    else this.freeze(freeze);
  }

  /** A store as this process reaches it, with the weather on the way. */
  overNetwork<T extends object>(name: string, store: T): T {
    return new Proxy(store, {
      get: (target, property) => {
        const method: unknown = Reflect.get(target, property);
        if (typeof method !== 'function') return method;
        const what = `${name}.${String(property)}`;
        const apply = (args: unknown[]): unknown => Reflect.apply(method, target, args);
        if (STREAMS.has(what)) return (...args: unknown[]) => this.streamed(what, () => apply(args) as AsyncIterable<unknown>);
        return (...args: unknown[]) => this.stored(what, () => apply(args) as Promise<unknown>);
      },
    });
  }

  private async *streamed(name: string, open: () => AsyncIterable<unknown>): AsyncIterable<unknown> {
    yield* await this.stored(name, async () => {
      const all: unknown[] = [];
      for await (const one of open()) all.push(one);
      return all;
    });
  }

  private stored<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { chance, storeWeather, timeline, database } = this.site;
    const slow = chance.hits(storeWeather.slow) ? chance.int(500, 8_000) : 0;
    const ways = { there: chance.int(1, 5) + slow, back: chance.int(1, 5) };
    return this.call(name, ways, () => {
      if (this.site.storeDownUntil > timeline.now || chance.hits(storeWeather.down)) {
        this.site.count('store down');
        return Promise.reject(new StoreError('not reached'));
      }
      if (this.site.storeFullUntil > timeline.now && !READS.test(name)) {
        this.site.count('disk full');
        return Promise.reject(new StoreError('no space left'));
      }
      if (slow > 0) this.site.count('store slow');
      if (chance.hits(storeWeather.torn)) {
        let left = chance.int(0, 6);
        database.beforeDocument = () => {
          left -= 1;
          if (left >= 0) return;
          this.site.count('store torn');
          throw new StoreError('the write was torn');
        };
      }
      const done = work();
      database.beforeDocument = () => {};
      if (!chance.hits(storeWeather.unknown)) return done;
      this.site.count('store unknown');
      return done.then(() => Promise.reject(new StoreError('the answer was lost')));
    });
  }
}

/** Calls that write nothing, so that a full disk does not hinder them. */
const READS = /\.(get|named|byRealm|realmId|grant|libraryKey|by\w+|page|counts|stream|linarcIds|linkedTo|tally|versions|openLevel|nextInRun|openInRun|nextDue|settledIn|time|withNames|search|count|active|recent|unheld|of)$/;
const STREAMS: ReadonlySet<string> = new Set(['costCodes.stream', 'costCodes.linarcIds']);
