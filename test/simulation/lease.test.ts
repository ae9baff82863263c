import { expect } from 'chai';
import type { CallKind } from '../../server/core/ports.ts';
import type { Tenant } from '../../server/core/records.ts';
import type { Windows } from '../../server/core/run.ts';
import { Lease } from '../../server/sync/lease.ts';
import type { World } from '../../server/sync/world.ts';
import { MARA } from '../sync/desk.ts';
import { Chance } from './chance.ts';
import { MemoryDatabase, memoryStores } from './stores.ts';
import { Timeline } from './timeline.ts';

const COMPANY = 'c1' as Tenant;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** A lease in virtual time, in a process that can stand still. */
class Bench {
  readonly timeline: Timeline;
  readonly sent: { kind: CallKind; at: number }[] = [];
  private readonly began: number;
  private stillUntil = 0;
  private readonly database = new MemoryDatabase(() => this.timeline.now, new Chance(2));

  constructor() {
    this.timeline = new Timeline(new Chance(1));
    this.began = this.timeline.now;
  }

  get now(): number {
    return this.timeline.now - this.began;
  }

  async lease(): Promise<Lease> {
    const { runs } = memoryStores(this.database);
    const run = await runs.start(COMPANY, MARA, { kind: 'matching', filter: {}, except: [], consent: [] }, new Date(this.timeline.now));
    const clock = { now: () => this.timeline.now, sleep: (ms: number, signal?: AbortSignal) => this.sleep(ms, signal) };
    const world = { clock, runs, owner: 'p1', pace: { speed: 1, limits: true } };
    const lease = await Lease.take(world as unknown as World, COMPANY, run?.id ?? '', new AbortController().signal);
    if (!lease) throw new Error('the lease was not had');
    return lease;
  }

  /** The windows as another process would find them. */
  stored(lease: Lease): Windows | undefined {
    return this.database.runs.get(lease.run.id)?.windows;
  }

  /** Calls that wait for their turn from now on. */
  calls(lease: Lease, kind: CallKind, count: number): Promise<unknown> {
    return Promise.all(Array.from({ length: count }, async () => {
      await lease.reserve(kind);
      this.sent.push({ kind, at: this.now });
    }));
  }

  /** Stops the process at `at` for `ms`: whatever it waits for comes at its end. */
  stop(at: number, ms: number): void {
    this.timeline.in(at - this.now, () => {
      this.stillUntil = this.timeline.now + ms;
    });
  }

  most(within: number, kinds: readonly CallKind[] = ['read', 'batch']): number {
    const starts = this.sent.filter(({ kind }) => kinds.includes(kind)).map(({ at }) => at);
    return Math.max(...starts.map((from) => starts.filter((at) => at >= from && at < from + within).length));
  }

  private sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const wake = () => {
        if (this.timeline.now < this.stillUntil) this.timeline.in(this.stillUntil - this.timeline.now, wake);
        else end();
      };
      signal?.addEventListener('abort', end);
      this.timeline.in(ms, wake);
    });
  }
}

describe('places in the windows of a process that stands still', () => {
  it('sends no more than 10 calls in a second when calls of several seconds are late together', async () => {
    const bench = new Bench();
    const lease = await bench.lease();
    bench.stop(500, 6 * SECOND);
    await bench.timeline.until(bench.calls(lease, 'read', 45));
    await bench.timeline.until(lease.stop());
    expect(bench.sent.filter(({ at }) => at < 500)).to.have.length(10);
    expect(bench.most(SECOND)).to.equal(10);
    expect(bench.now).to.be.within(6_500 + 3 * SECOND, 6_500 + 5 * SECOND);
  });

  it('sends no more than 40 batches in a minute when those of the next minute wait and the last of this one are late', async () => {
    const bench = new Bench();
    const lease = await bench.lease();
    bench.stop(2_000, 7 * SECOND);
    await bench.timeline.until(bench.calls(lease, 'batch', 85));
    await bench.timeline.until(lease.stop());
    expect(bench.most(SECOND)).to.equal(10);
    expect(bench.most(MINUTE)).to.equal(40);
  });

  it('loses no time where nothing is late', async () => {
    const bench = new Bench();
    const lease = await bench.lease();
    await bench.timeline.until(bench.calls(lease, 'batch', 120));
    await bench.timeline.until(lease.stop());
    expect(bench.sent.at(-1)?.at).to.be.at.most(2 * (MINUTE + 300) + 3 * 1_300);
  });

  it('sends what waited for a pause QuickBooks asked for one after the other, together with what came since', async () => {
    const bench = new Bench();
    const lease = await bench.lease();
    const before = bench.calls(lease, 'read', 20);
    bench.timeline.in(200, () => void lease.close(MINUTE));
    const after = bench.timeline.wait(300).then(() => bench.calls(lease, 'read', 20));
    await bench.timeline.until(Promise.all([before, after]));
    await bench.timeline.until(lease.stop());
    expect(bench.sent.filter(({ at }) => at >= MINUTE)).to.have.length(30);
    expect(bench.most(SECOND)).to.equal(10);
  });

  it('stores at once that QuickBooks asked to wait', async () => {
    const bench = new Bench();
    const lease = await bench.lease();
    await bench.timeline.until(lease.close(MINUTE));
    expect(bench.stored(lease)?.closedUntil).to.equal(bench.timeline.now + MINUTE);
    await bench.timeline.until(lease.stop());
  });
});
