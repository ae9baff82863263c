import { expect } from 'chai';
import fc from 'fast-check';
import { closedFor, QUICKBOOKS_LIMITS, waitFor, withCall } from '../../server/core/pace.ts';
import { OPEN_WINDOWS } from '../../server/core/run.ts';

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
          expect(wait).to.be.at.most(62_000);
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
