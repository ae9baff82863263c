import { closedFor, QUICKBOOKS_LIMITS, waitFor, withCall, type Limit } from '../core/pace.ts';
import type { CallKind } from '../core/ports.ts';
import type { Problem } from '../core/problems.ts';
import type { Tenant } from '../core/records.ts';
import type { Run, Windows } from '../core/run.ts';
import type { World } from './world.ts';

const LEASE = 15_000;
const RENEWAL = 4_000;
/** How long a wait may last before somebody looks again whether the run is still wanted. */
const GLANCE = 1_000;

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
  private readonly signal: AbortSignal;
  private windows: Windows;
  private interruption: Interrupted['why'] | null = null;
  private reserving: Promise<void> = Promise.resolve();
  private readonly heart: Promise<void>;
  private readonly ended = new AbortController();

  private constructor(world: World, run: Run, signal: AbortSignal) {
    this.world = world;
    this.run = run;
    this.signal = signal;
    this.windows = run.windows;
    this.limits = world.pace.limits ? QUICKBOOKS_LIMITS : [];
    this.heart = this.beat();
  }

  /** Takes the lease; null while somebody else holds it or the run is over. */
  static async take(world: World, company: Tenant, runId: string, signal: AbortSignal): Promise<Lease | null> {
    const run = await world.runs.acquire(company, runId, world.owner, LEASE);
    return run ? new Lease(world, run, signal) : null;
  }

  get company(): Tenant {
    return this.run.company;
  }

  get fence(): number {
    return this.run.lease?.fence ?? 0;
  }

  /** Throws Interrupted when the work must stop here. */
  check(): void {
    if (this.signal.aborted) throw new Interrupted('stop');
    if (this.interruption) throw new Interrupted(this.interruption);
  }

  /** Waits for room in the windows, then counts the call in and stores that before it may be sent. Throws Interrupted. */
  reserve(kind: CallKind): Promise<void> {
    const turn = this.reserving.then(() => this.reserveNow(kind));
    this.reserving = turn.catch(() => {});
    return turn;
  }

  private async reserveNow(kind: CallKind): Promise<void> {
    for (;;) {
      this.check();
      const wait = waitFor(kind, this.windows, this.now(), this.limits);
      if (wait === 0) break;
      await this.pause(wait / this.world.pace.speed);
    }
    this.windows = withCall(kind, this.windows, this.now());
    await this.renew();
    this.check();
  }

  /** Sends nothing for `ms` of QuickBooks' clock. */
  close(ms: number): void {
    this.windows = closedFor(this.windows, this.now(), ms);
  }

  /** When the next batch may start, on the wall clock; null when at once. */
  opensAt(): Date | null {
    const wait = waitFor('batch', this.windows, this.now(), this.limits);
    return wait === 0 ? null : new Date(this.world.clock.now() + wait / this.world.pace.speed);
  }

  /** Waits, glancing at wishes. */
  async pause(ms: number): Promise<void> {
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

  private now(): number {
    return this.world.clock.now() * this.world.pace.speed;
  }

  private async beat(): Promise<void> {
    while (!this.ended.signal.aborted) {
      await this.world.clock.sleep(RENEWAL, this.ended.signal);
      if (!this.ended.signal.aborted) await this.renew();
    }
  }

  private async renew(): Promise<void> {
    const renewed = await this.world.runs.renew(this.company, this.run.id, this.fence, LEASE, this.windows).catch((error: unknown) => {
      this.world.log.warn({ run: this.run.id, error: String(error) }, 'the lease could not be renewed');
      return undefined;
    });
    if (renewed === null) this.interruption = 'lost';
    if (!renewed) return;
    this.run = { ...renewed, waiting: this.run.waiting };
    if (renewed.state === 'paused' || renewed.state === 'cancelling') this.interruption ??= 'wish';
  }
}
