import { ARRIVAL_SPREAD, closedFor, moved, placedAnew, QUICKBOOKS_LIMITS, refusedBatch, waitFor, withCall, type Limit } from '../core/pace.ts';
import type { CallKind, Hold } from '../core/ports.ts';
import type { Problem } from '../core/problems.ts';
import type { Tenant } from '../core/records.ts';
import type { Run, RunCounts, Windows } from '../core/run.ts';
import { shared } from './shared.ts';
import type { World } from './world.ts';

const LEASE = 10_000;
const RENEWAL = 3_000;
/** How long a wait may last before somebody looks again whether the run is still wanted. */
const GLANCE = 1_000;
/** How unevenly calls arrive by the wall clock, which a sandbox's faster clock does not hasten. */
const ARRIVAL_SPREAD_WALL = 25;
const NOT_HELD: Hold = { fence: 0, until: new Date(0) };

/** A call that has its place in the windows and has not left. */
interface Waiting {
  readonly kind: CallKind;
  at: number;
}

/** What is added to the run's counters. */
interface Told {
  readonly counts: Partial<RunCounts>;
  readonly callsSent: number;
  readonly batchesSent: number;
}

const NOTHING: Told = { counts: {}, callsSent: 0, batchesSent: 0 };

/** The run must be left as it is: another worker has it, a person paused or cancelled it, it needs a person, or this process stops. */
export class Interrupted extends Error {
  readonly why: 'lost' | 'wish' | 'halted' | 'stop';

  constructor(why: Interrupted['why']) {
    super(`The run was interrupted: ${why}`);
    this.name = 'Interrupted';
    this.why = why;
  }
}

/** The right to work on one run, held by one worker at a time, with the call windows of its company (engineering.md §3.2, §3.5). */
export class Lease {
  run: Run;
  private readonly world: World;
  private readonly limits: readonly Limit[];
  private readonly spread: number;
  private readonly signal: AbortSignal;
  private windows: Windows;
  /** How far the database's clock is ahead of ours, in milliseconds. */
  private ahead: number;
  /** Prolongs the lease and stores the windows as they are by then, so that no older windows come last. False: not stored, by what we know. */
  private readonly renew = shared(() => this.renewNow());
  private readonly tell = shared(() => this.tellNow());
  private interruption: Interrupted['why'] | null = null;
  private readonly waiting = new Set<Waiting>();
  /** What the run has not been told of yet. */
  private untold: Told = NOTHING;
  private readonly heart: Promise<void>;
  private readonly ended = new AbortController();

  private constructor(world: World, run: Run, windows: Windows, ahead: number, signal: AbortSignal) {
    this.world = world;
    this.run = run;
    this.signal = signal;
    this.windows = windows;
    this.ahead = ahead;
    this.limits = world.pace.limits ? QUICKBOOKS_LIMITS : [];
    this.spread = Math.max(ARRIVAL_SPREAD, ARRIVAL_SPREAD_WALL * world.pace.speed);
    this.heart = this.beat();
  }

  /** Takes the lease; null while somebody else holds it or the run is over. QuickBooks counts on from the company's last run. */
  static async take(world: World, company: Tenant, runId: string, signal: AbortSignal): Promise<Lease | null> {
    const run = await world.runs.acquire(company, runId, world.owner, LEASE);
    if (!run) return null;
    const ahead = databaseTime(run) - world.clock.now();
    const former = run.startedAt === null ? (await world.runs.recent(company, 2)).find(({ id }) => id !== runId) : undefined;
    return new Lease(world, run, former ? former.windows : run.windows, ahead, signal);
  }

  get company(): Tenant {
    return this.run.company;
  }

  get fence(): number {
    return this.held.fence;
  }

  /** Whether the lease had not run out until now, by its end as it was known then. Prolongs it; throws Interrupted. */
  async lasted({ until }: Hold): Promise<boolean> {
    while (!(await this.renew())) await this.pause(GLANCE);
    this.check();
    return databaseTime(this.run) < until.getTime();
  }

  /** The lease as it was last seen. */
  get held(): Hold {
    return this.run.lease ?? NOT_HELD;
  }

  /** Throws Interrupted when the work must stop here; also when the lease ran out, as while this process stood still. */
  check(): void {
    if (this.signal.aborted) throw new Interrupted('stop');
    if (this.interruption) throw new Interrupted(this.interruption);
    if (this.time().getTime() >= this.held.until.getTime()) throw new Interrupted('lost');
  }

  /**
   * Finds the call's place in the windows, stores it before it may be sent, and waits for it: what is stored while it waits costs no
   * time when the window opens. Throws Interrupted.
   */
  async reserve(kind: CallKind): Promise<void> {
    const call = await this.place(kind);
    try {
      for (let wait = this.untilOpen(call); wait > 0; wait = this.untilOpen(call)) await this.pause(wait / this.world.pace.speed);
      this.check();
    } catch (error) {
      this.leave(call, null);
      throw error;
    }
    this.leave(call, this.now());
    this.untold = withTold(this.untold, { callsSent: 1, batchesSent: kind === 'batch' ? 1 : 0, counts: {} });
  }

  private async place(kind: CallKind): Promise<Waiting> {
    this.check();
    const now = this.now();
    const call = { kind, at: now + waitFor(kind, this.windows, now, this.limits, this.spread) };
    if (this.counts) this.windows = withCall(kind, this.windows, call.at, now, this.spread);
    this.waiting.add(call);
    try {
      while (!(await this.renew())) await this.pause(GLANCE);
    } catch (error) {
      this.leave(call, null);
      throw error;
    }
    return call;
  }

  /**
   * Milliseconds until a waiting call may leave. One that is later than our counting allows for needs another place: after this process
   * stood still, or the database was slow, others are as late as it is, and all would leave in the same moment.
   */
  private untilOpen(call: Waiting): number {
    if (this.now() > call.at + this.spread) this.placeAnew();
    return Math.max(call.at, this.windows.closedUntil) - this.now();
  }

  /** Gives every waiting call the first place there is from now on, in their order. */
  private placeAnew(): void {
    const calls = [...this.waiting].sort((a, b) => a.at - b.at);
    const { windows, places } = placedAnew(calls, this.windows, this.now(), this.limits, this.spread);
    if (this.counts) this.windows = windows;
    for (const [n, call] of calls.entries()) call.at = places[n] ?? call.at;
  }

  /** The call waits no more: it leaves at `at`, or not at all. */
  private leave(call: Waiting, at: number | null): void {
    this.waiting.delete(call);
    if (this.counts) this.windows = moved(call.kind, this.windows, call.at, at === null ? null : Math.max(call.at, at));
  }

  /** Whether QuickBooks counts calls at all. */
  private get counts(): boolean {
    return this.limits.length > 0;
  }

  /** Adds to what the run has settled, and tells it of the calls sent since the last time. */
  async count(counts: Partial<RunCounts>): Promise<void> {
    this.untold = withTold(this.untold, { ...NOTHING, counts });
    await this.tell();
  }

  private async tellNow(): Promise<void> {
    const told = this.untold;
    this.untold = NOTHING;
    await this.world.runs.add(this.company, this.run.id, this.fence, told);
  }

  /** Sends nothing for `ms` of QuickBooks' clock, and stores that at once: whoever goes on with the run may be another process. */
  async close(ms: number): Promise<void> {
    this.windows = closedFor(this.windows, this.now(), ms);
    this.placeAnew();
    await this.renew();
  }

  /** QuickBooks refused a batch for its limits: fewer are sent a minute from now on. */
  slowDown(): void {
    this.windows = refusedBatch(this.windows, this.now());
    this.placeAnew();
  }

  /** When the next batch may start, on the wall clock; null when at once. */
  opensAt(): Date | null {
    const wait = waitFor('batch', this.windows, this.now(), this.limits, this.spread);
    return wait === 0 ? null : new Date(this.world.clock.now() + wait / this.world.pace.speed);
  }

  /** Waits, glancing at wishes. */
  async pause(ms: number): Promise<void> {
    this.check();
    await this.world.clock.sleep(Math.min(ms, GLANCE), AbortSignal.any([this.signal, this.ended.signal]));
    if (ms > GLANCE) await this.renew();
  }

  /** Tells the run's page what the run waits for; null when it works again. */
  async say(problem: Problem | null, until: Date | null = null): Promise<void> {
    const same = this.run.waiting?.problem.code === problem?.code && this.run.waiting?.until?.getTime() === until?.getTime();
    if (same) return;
    const waiting = problem === null ? null : { problem, until };
    this.run = { ...this.run, waiting };
    const state = problem === null ? 'running' : 'waiting';
    if (!(await this.world.runs.write(this.company, this.run.id, this.fence, { waiting, state }))) this.interruption ??= 'lost';
  }

  /** Stops the heartbeat; the lease itself is given up by ending the run or handing it over. */
  async stop(): Promise<void> {
    this.ended.abort();
    await this.heart;
  }

  /** The time by the database's clock, which all workers share: their own may be minutes apart. */
  time(): Date {
    return new Date(this.world.clock.now() + this.ahead);
  }

  private now(): number {
    return this.time().getTime() * this.world.pace.speed;
  }

  private async beat(): Promise<void> {
    while (!this.ended.signal.aborted) {
      await this.world.clock.sleep(RENEWAL, this.ended.signal);
      if (!this.ended.signal.aborted) await this.renew();
    }
  }

  private async renewNow(): Promise<boolean> {
    const { world, run } = this;
    const sentAt = world.clock.now();
    const renewed = await world.runs.renew(this.company, run.id, this.fence, LEASE, this.windows).catch((error: unknown) => {
      world.log.warn({ run: run.id, error: String(error) }, 'the lease could not be renewed');
      return undefined;
    });
    if (renewed === undefined) return false;
    if (renewed === null) this.interruption = 'lost';
    if (!renewed) return true;
    this.ahead = corrected(this.ahead, databaseTime(renewed), sentAt, world.clock.now());
    this.run = { ...renewed, waiting: this.run.waiting };
    if (renewed.state === 'paused' || renewed.state === 'cancelling') this.interruption ??= 'wish';
    return true;
  }
}

function withTold(told: Told, more: Told): Told {
  const counts: { -readonly [outcome in keyof RunCounts]?: number } = { ...told.counts };
  for (const [outcome, count] of Object.entries(more.counts)) counts[outcome as keyof RunCounts] = (told.counts[outcome as keyof RunCounts] ?? 0) + count;
  return { counts, callsSent: told.callsSent + more.callsSent, batchesSent: told.batchesSent + more.batchesSent };
}

/** When the database prolonged the lease, by its own clock. */
function databaseTime({ lease }: Run): number {
  return (lease?.until.getTime() ?? LEASE) - LEASE;
}

/**
 * How far the database's clock is ahead, as believed and as an answer allows: it told its time after it was asked and before it was
 * heard. What is believed stands as long as it can be true, so that slow answers do not shift the windows.
 */
function corrected(believed: number, told: number, askedAt: number, heardAt: number): number {
  const [least, most] = [told - heardAt, told - askedAt];
  return least > most ? believed : Math.min(Math.max(believed, least), most);
}
