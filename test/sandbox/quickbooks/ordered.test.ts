import { expect } from 'chai';
import fc from 'fast-check';
import { Ordered } from '../../../server/sandbox/quickbooks/ordered.ts';
import type { Entry } from '../../../server/sandbox/quickbooks/ordered.ts';

describe('QuickBooks sandbox: lists kept in order', () => {
  it('agrees with a sorted array after any run of additions, removals and reads', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), key: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ kind: fc.constant('remove' as const), at: fc.nat(200) }),
      fc.record({ kind: fc.constant('read' as const), from: fc.integer({ min: -1, max: 21 }) }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const order = new Ordered<number>();
      let present: Entry<number>[] = [];
      let seq = 0;
      for (const each of steps) {
        if (each.kind === 'add') {
          seq += 1;
          present.push(order.add(each.key, seq, seq));
        } else if (each.kind === 'remove') {
          const entry = present[each.at % Math.max(1, present.length)];
          if (entry) order.remove(entry);
          present = present.filter((other) => other !== entry);
        } else {
          const sorted = [...present].sort((a, b) => Number(a.key) - Number(b.key) || a.seq - b.seq);
          expect(order.entries().map((entry) => entry.record)).to.deep.equal(sorted.map((entry) => entry.record));
          expect(order.firstFrom(each.from)).to.equal(sorted.filter((entry) => Number(entry.key) < each.from).length);
          expect(order.firstFrom(each.from, true)).to.equal(sorted.filter((entry) => Number(entry.key) <= each.from).length);
        }
      }
    }));
  });
});
