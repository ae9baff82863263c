import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Runs } from '../../server/core/ports.ts';
import { problem } from '../../server/core/problems.ts';
import type { Actor, Tenant } from '../../server/core/records.ts';
import { NO_RUN_COUNTS, OPEN_WINDOWS, type Run } from '../../server/core/run.ts';
import type { Selection } from '../../server/core/selection.ts';
import { AT, eachStore, newCompany, type Open } from './fixture.ts';

const BY: Actor = { kind: 'person', userId: 'u', name: 'Maria' };
const ALL: Selection = { kind: 'matching', filter: { search: '$a.b' }, except: ['x'] };
const END = { state: 'finished', problem: null, at: AT, asked: 1 } as const;
const MINUTE = 60_000;

let opened: Awaited<ReturnType<Open>>;
let runs: Runs;
let next = 0;

eachStore('The store of runs', (open) => {
  before(async () => {
    opened = await open();
    runs = opened.stores.runs;
  });
  after(() => opened.close());

  async function company(): Promise<Tenant> {
    next += 1;
    return (await opened.stores.companies.connect(newCompany(String(4_000_000 + next)))).id;
  }

  async function started(of: Tenant, by: Actor = BY): Promise<Run> {
    const run = await runs.start(of, by, ALL, AT);
    if (!run) throw new Error('the company had no run');
    return run;
  }

  async function held(of: Tenant, ms = MINUTE): Promise<{ id: string; fence: number }> {
    const { id } = await started(of);
    const run = await runs.acquire(of, id, 'me', ms);
    return { id, fence: run?.lease?.fence ?? -1 };
  }

  describe('Runs', () => {
    it('start queued, with what was asked', async () => {
      const of = await company();
      const run = await started(of);
      expect(run).to.deep.include({
        company: of, state: 'queued', active: true, by: BY, asked: [ALL], taken: 0, queuedAt: AT, total: 0, counts: NO_RUN_COUNTS, lease: null, waiting: null,
        windows: OPEN_WINDOWS,
      });
      expect(await runs.get(of, run.id)).to.deep.equal(run);
    });

    it('are one at a time for a company, and many over all', async () => {
      const [one, two] = [await company(), await company()];
      const all = await Promise.all([one, one, one, two].map((of) => runs.start(of, { kind: 'automatic', what: 'auto push' }, ALL, AT)));
      expect(all.slice(0, 3).filter((run) => run !== null)).to.have.length(1);
      expect(all[3]).to.deep.include({ company: two, by: { kind: 'automatic', what: 'auto push' } });
      expect((await runs.active(one))?.company).to.equal(one);
    });

    it('list the newest first', async () => {
      const of = await company();
      const first = await held(of);
      await runs.end(of, first.id, first.fence, END);
      const second = await runs.start(of, BY, ALL, new Date(AT.getTime() + 1));
      expect((await runs.recent(of, 5)).map((run) => run.id)).to.deep.equal([second?.id, first.id]);
      expect(await runs.recent(of, 1)).to.have.length(1);
    });

    it('take further wishes while they go on', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      const more: Selection = { kind: 'ids', ids: ['1', '2'] };
      expect((await runs.ask(of, id, more))?.asked).to.deep.equal([ALL, more]);
      expect(await runs.end(of, id, fence, END)).to.equal(false);
      expect(await runs.end(of, id, fence, { ...END, asked: 2 })).to.equal(true);
      expect(await runs.ask(of, id, more)).to.equal(null);
      expect(await runs.get(of, id)).to.deep.include({ state: 'finished', active: false, endedAt: AT, lease: null });
      expect(await runs.active(of)).to.equal(null);
    });
  });

  describe('The lease of a run', () => {
    it('is given to one of many, with a token one higher', async () => {
      const of = await company();
      const { id } = await started(of);
      const taken = (await Promise.all(['a', 'b', 'c'].map((owner) => runs.acquire(of, id, owner, MINUTE)))).filter((run) => run !== null);
      expect(taken).to.have.length(1);
      expect(taken[0]?.lease?.fence).to.equal(1);
      expect((await opened.stores.companies.get(of))?.fence).to.equal(1);
    });

    it('is not given twice, not even to its holder', async () => {
      const of = await company();
      const { id } = await held(of);
      expect(await runs.acquire(of, id, 'me', MINUTE)).to.equal(null);
    });

    it('goes to another when its time is over by the database’s clock, and the old holder writes nothing more', async () => {
      const of = await company();
      const { id, fence } = await held(of, 10);
      await sleep(40);
      const run = await runs.acquire(of, id, 'other', MINUTE);
      expect(run?.lease).to.deep.include({ owner: 'other', fence: fence + 1 });
      expect(await runs.renew(of, id, fence, MINUTE, OPEN_WINDOWS)).to.equal(null);
      expect(await runs.write(of, id, fence, { state: 'running' })).to.equal(false);
      expect(await runs.add(of, id, fence, { counts: { created: 1 } })).to.equal(false);
      expect(await runs.end(of, id, fence, END)).to.equal(false);
      await runs.handOver(of, id, fence);
      expect(await runs.get(of, id)).to.deep.include({ state: 'queued', counts: NO_RUN_COUNTS, lease: run?.lease ?? null });
    });

    it('ends by the database’s clock, so a wrong clock here makes no difference', async () => {
      const of = await company();
      const before = await opened.stores.classes.time();
      const { id } = await held(of);
      const until = (await runs.get(of, id))?.lease?.until.getTime() ?? 0;
      expect(until - before.getTime()).to.be.within(MINUTE, MINUTE + 5_000);
    });

    it('is prolonged with the windows of the budget', async () => {
      const of = await company();
      const { id, fence } = await held(of, 5_000);
      const windows = { requests: [1, 2], batches: [3], closedUntil: 4, lowered: { batches: 5, at: 6, every: 7 } };
      const first = (await runs.get(of, id))?.lease?.until.getTime() ?? 0;
      const run = await runs.renew(of, id, fence, MINUTE, windows);
      expect(run?.windows).to.deep.equal(windows);
      expect((run?.lease?.until.getTime() ?? 0) - first).to.be.above(50_000);
      expect(run?.lease).to.deep.include({ owner: 'me', fence });
    });

    it('handed over is free at once, and its token stays used', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      await runs.handOver(of, id, fence);
      expect(await runs.renew(of, id, fence, MINUTE, OPEN_WINDOWS)).to.equal(null);
      expect((await runs.acquire(of, id, 'other', MINUTE))?.lease?.fence).to.equal(fence + 1);
    });

    it('of the company’s next run has a higher token', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      await runs.end(of, id, fence, END);
      expect((await held(of)).fence).to.equal(fence + 1);
    });

    it('of an ended run cannot be had', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      await runs.end(of, id, fence, END);
      expect(await runs.acquire(of, id, 'me', MINUTE)).to.equal(null);
    });
  });

  describe('The facts of a run', () => {
    it('are written and added up under the lease', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      const waiting = { problem: problem('quickbooks_throttled', { value: '$x' }), until: AT };
      expect(await runs.write(of, id, fence, { state: 'waiting', waiting, startedAt: AT, total: 3, taken: 1 })).to.equal(true);
      expect(await runs.add(of, id, fence, { counts: { created: 2, failed: 1 }, batchesSent: 1, callsSent: 4 })).to.equal(true);
      expect(await runs.add(of, id, fence, { counts: { created: 1 } })).to.equal(true);
      expect(await runs.get(of, id)).to.deep.include({
        state: 'waiting', waiting, startedAt: AT, total: 3, taken: 1, counts: { ...NO_RUN_COUNTS, created: 3, failed: 1 }, batchesSent: 1, callsSent: 4,
      });
      expect(await runs.write(of, id, fence, { waiting: null, counts: { ...NO_RUN_COUNTS, linked: 7 } })).to.equal(true);
      expect(await runs.get(of, id)).to.deep.include({ state: 'waiting', waiting: null, counts: { ...NO_RUN_COUNTS, linked: 7 } });
    });
  });

  describe('A person’s wish', () => {
    it('is not written over by a worker that has not seen it yet', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      expect((await runs.wish(of, id, 'cancel'))?.state).to.equal('cancelling');
      expect(await runs.write(of, id, fence, { state: 'running', startedAt: AT })).to.equal(true);
      expect(await runs.get(of, id)).to.deep.include({ state: 'cancelling', startedAt: AT });
      expect((await runs.renew(of, id, fence, MINUTE, OPEN_WINDOWS))?.state).to.equal('cancelling');
    });

    it('to pause and to go on moves between paused and queued', async () => {
      const of = await company();
      const { id } = await started(of);
      expect(await runs.wish(of, id, 'resume')).to.equal(null);
      expect((await runs.wish(of, id, 'pause'))?.state).to.equal('paused');
      expect(await runs.wish(of, id, 'pause')).to.equal(null);
      expect((await runs.wish(of, id, 'resume'))?.state).to.equal('queued');
    });

    it('to go on takes up a halted run, its reason gone', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      await runs.write(of, id, fence, { state: 'halted', problem: problem('reconnect_needed') });
      expect(await runs.wish(of, id, 'pause')).to.equal(null);
      expect(await runs.wish(of, id, 'resume')).to.deep.include({ state: 'queued', problem: null });
    });

    it('comes too late for an ended run', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      await runs.end(of, id, fence, END);
      expect(await runs.wish(of, id, 'cancel')).to.equal(null);
    });
  });

  describe('Runs nobody works on', () => {
    const unheldOf = async (of: Tenant) => (await runs.unheld(1000)).filter((run) => run.company === of).map((run) => run.id);

    it('are found over all companies: queued, handed over, or left behind', async () => {
      const companies = await Promise.all([company(), company(), company(), company()]);
      const [queued, left, over, working] = companies;
      const first = await started(queued);
      const second = await held(left, 5);
      const third = await held(over);
      await runs.handOver(over, third.id, third.fence);
      await held(working);
      await sleep(30);
      expect(await Promise.all(companies.map(unheldOf))).to.deep.equal([[first.id], [second.id], [third.id], []]);
    });

    it('are not those that are paused, halted or ended, but those to be cancelled', async () => {
      const of = await company();
      const { id, fence } = await held(of);
      await runs.write(of, id, fence, { state: 'halted' });
      await runs.handOver(of, id, fence);
      expect(await unheldOf(of)).to.deep.equal([]);
      await runs.wish(of, id, 'cancel');
      expect(await unheldOf(of)).to.deep.equal([id]);
      const again = await runs.acquire(of, id, 'me', MINUTE);
      await runs.end(of, id, again?.lease?.fence ?? 0, { ...END, state: 'cancelled' });
      expect(await unheldOf(of)).to.deep.equal([]);
    });

    it('come no more than asked for, the longest waiting first', async () => {
      const late = await company();
      await runs.start(late, BY, ALL, new Date(AT.getTime() - 1));
      expect(await runs.unheld(1)).to.have.length(1);
      expect((await runs.unheld(1))[0]?.company).to.equal(late);
    });
  });

  describe('Two companies with runs', () => {
    it('cannot reach each other’s', async () => {
      const [one, two] = [await company(), await company()];
      const { id, fence } = await held(two);
      expect(await runs.get(one, id)).to.equal(null);
      expect(await runs.renew(one, id, fence, MINUTE, OPEN_WINDOWS)).to.equal(null);
      expect(await runs.write(one, id, fence, { state: 'running' })).to.equal(false);
      expect(await runs.wish(one, id, 'cancel')).to.equal(null);
      expect(await runs.ask(one, id, ALL)).to.equal(null);
      await runs.handOver(one, id, fence);
      expect((await runs.get(two, id))?.lease?.fence).to.equal(fence);
    });
  });
});
