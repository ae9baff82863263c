import { expect } from 'chai';
import fc from 'fast-check';
import { closedFor, moved, placedAnew, QUICKBOOKS_LIMITS, refusedBatch, waitFor, withCall } from '../../server/core/pace.ts';
import { OPEN_WINDOWS, type Windows } from '../../server/core/run.ts';

describe('pacing', () => {
  it('lets 40 batches go and holds the next for a minute', () => {
    let windows = OPEN_WINDOWS;
    for (let n = 0; n < 40; n += 1) windows = withCall('batch', windows, n * 200);
    expect(waitFor('batch', windows, 8_000)).to.be.greaterThan(50_000);
    expect(waitFor('read', windows, 10_000)).to.equal(0);
  });

  it('waits out what QuickBooks asked for', () => {
    expect(waitFor('read', closedFor(OPEN_WINDOWS, 1_000, 60_000), 1_000)).to.equal(60_000);
  });

  it('counts a call from when it left, not from when its place was taken', () => {
    let windows = OPEN_WINDOWS;
    for (let n = 0; n < 40; n += 1) windows = moved('batch', withCall('batch', windows, n * 200), n * 200, n * 200 + 150);
    expect(windows.batches[0]).to.equal(150);
    expect(waitFor('batch', windows, 10_000, undefined, 0)).to.equal(50_150);
  });

  it('gives places ahead in order, and takes back that of a call which was not sent', () => {
    let windows = OPEN_WINDOWS;
    const places: number[] = [];
    for (let n = 0; n < 45; n += 1) {
      const at = waitFor('batch', windows, 0, undefined, 0);
      windows = withCall('batch', windows, at, 0, 0);
      places.push(at);
    }
    expect(places.slice(38, 45)).to.deep.equal([3_000, 3_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
    expect(moved('batch', windows, 60_000, null).batches).to.have.length(44);
  });

  describe('where QuickBooks takes fewer batches than it says', () => {
    const MINUTE = 60_000;
    /** Sends batches for so long to a QuickBooks that takes so many a minute. Returns when each was sent and whether it was taken. */
    const send = (ms: number, limit: (now: number) => number): { at: number; taken: boolean }[] => {
      let windows: Windows = OPEN_WINDOWS;
      const sent: { at: number; taken: boolean }[] = [];
      for (let now = 0; now < ms; now += 100) {
        const wait = waitFor('batch', windows, now);
        if (wait > 0) {
          now += wait - 100;
          continue;
        }
        windows = withCall('batch', windows, now);
        const taken = sent.filter((one) => one.taken && one.at > now - MINUTE).length < limit(now);
        sent.push({ at: now, taken });
        if (!taken) windows = closedFor(refusedBatch(windows, now), now, MINUTE);
      }
      return sent;
    };
    const takenFrom = (sent: { at: number; taken: boolean }[], from: number) => sent.filter((one) => one.taken && one.at >= from).length;

    it('sends as many as it was found to take, and is refused ever more seldom', () => {
      const sent = send(120 * MINUTE, () => 16);
      expect(takenFrom(sent, 0)).to.be.at.least(0.85 * 16 * 120);
      expect(sent.filter((one) => !one.taken)).to.have.length.within(2, 9);
    });

    it('halves at most where the first batch of all is refused, and is back at what QuickBooks says within ten minutes', () => {
      const sent = send(20 * MINUTE, (now) => (now === 0 ? 0 : 40));
      expect(sent.filter((one) => !one.taken)).to.have.length(1);
      expect(sent.filter((one) => one.at > 0 && one.at < 2 * MINUTE)).to.have.length(21);
      expect(takenFrom(sent, 10 * MINUTE)).to.be.at.least(40 * 10 - 10);
    });

    it('takes what is refused within the minute for one refusal, and lowers further where it is refused again after it', () => {
      let windows = OPEN_WINDOWS;
      for (let n = 0; n < 10; n += 1) windows = withCall('batch', windows, n * 100);
      const marks = [1_000, 1_100, 1_200, 61_000, 122_000, 183_000, 244_000, 305_000].map((now) => {
        windows = refusedBatch(windows, now);
        return windows.lowered?.batches;
      });
      expect(marks).to.deep.equal([20, 10, 10, 5, 3, 2, 1, 1]);
    });

    it('knows the mark when several were under way beyond it', () => {
      let windows = OPEN_WINDOWS;
      for (let n = 0; n < 26; n += 1) windows = withCall('batch', windows, n * 100);
      for (let n = 16; n < 26; n += 1) windows = refusedBatch(windows, 2_600 + n * 10);
      expect(windows.lowered?.batches).to.equal(16);
      expect(windows.batches).to.have.length(16);
    });

    it('sends at full speed a quarter of an hour after another app of the customer has used all there is for ten minutes', () => {
      const sent = send(60 * MINUTE, (now) => (now < 10 * MINUTE ? 0 : 40));
      expect(sent.filter((one) => !one.taken)).to.have.length.within(1, 12);
      expect(takenFrom(sent, 25 * MINUTE)).to.be.at.least(0.95 * 40 * 35);
    });
  });

  it('finds calls that are late new places in their order, without a place lost or a window exceeded', () => {
    const calls = fc.array(fc.constantFrom('read' as const, 'batch' as const), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(calls, fc.nat(90_000), (kinds, late) => {
        let windows = OPEN_WINDOWS;
        const waiting = kinds.map((kind) => {
          const at = waitFor(kind, windows, 0);
          windows = withCall(kind, windows, at, 0);
          return { kind, at };
        });
        const anew = placedAnew(waiting, windows, late);
        const inTime = placedAnew(waiting, windows, 0);
        expect(inTime.places).to.deep.equal(waiting.map(({ at }) => at));
        expect(anew.places).to.deep.equal(inTime.places.map((at) => at + late));
        expect(anew.windows.requests).to.have.length(kinds.length);
      }),
      { numRuns: 60 },
    );
  });

  it('never exceeds a window where places are given ahead, of either kind', () => {
    const calls = fc.array(fc.record({ kind: fc.constantFrom('read' as const, 'batch' as const), gap: fc.nat(3_000) }), { minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(calls, (asked) => {
        let now = 0;
        let windows = OPEN_WINDOWS;
        const placed: { kind: 'read' | 'batch'; at: number }[] = [];
        for (const { kind, gap } of asked) {
          now += gap;
          const at = now + waitFor(kind, windows, now);
          windows = withCall(kind, windows, at, now);
          placed.push({ kind, at });
        }
        for (const { of, count, within } of QUICKBOOKS_LIMITS) {
          const starts = placed.filter(({ kind }) => of === 'requests' || kind === 'batch').map(({ at }) => at).sort((a, b) => a - b);
          for (let n = count; n < starts.length; n += 1) expect((starts[n] ?? 0) - (starts[n - count] ?? 0)).to.be.at.least(within);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('never exceeds a window, whatever is asked when, and never waits for ever', () => {
    const calls = fc.array(fc.record({ kind: fc.constantFrom('read' as const, 'batch' as const), gap: fc.nat(400) }), { minLength: 1, maxLength: 700 });
    fc.assert(
      fc.property(calls, (asked) => {
        let now = 0;
        let windows = OPEN_WINDOWS;
        const started: { kind: 'read' | 'batch'; at: number }[] = [];
        for (const { kind, gap } of asked) {
          now += gap;
          const wait = waitFor(kind, windows, now);
          expect(wait).to.be.at.most(61_000);
          now += wait;
          windows = withCall(kind, windows, now);
          started.push({ kind, at: now });
        }
        for (const { of, count, within } of QUICKBOOKS_LIMITS) {
          const starts = started.filter(({ kind }) => of === 'requests' || kind === 'batch').map(({ at }) => at);
          for (let n = count; n < starts.length; n += 1) expect((starts[n] ?? 0) - (starts[n - count] ?? 0)).to.be.at.least(within);
        }
      }),
      { numRuns: 60 },
    );
  });
});
