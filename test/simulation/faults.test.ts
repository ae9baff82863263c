import { expect } from 'chai';
import { FAULT_CLASSES } from './faults.ts';
import { simulated } from './scenarios.ts';

/** Runs per class here; CI runs many more, of all classes alone and mixed (npm run simulate). */
const RUNS = 16;

describe('The sync engine in simulation, under one class of faults', () => {
  for (const { no, title, strikes } of FAULT_CLASSES) {
    it(`keeps every invariant (${no}: ${title})`, async function () {
      this.timeout(120_000);
      const struck = new Map(strikes.map((strike) => [strike, 0]));
      for (let seed = 1; seed <= RUNS; seed += 1) {
        const run = await simulated(seed, { fault: no }).run();
        expect(run.failures, `npm run simulate -- --fault ${no} --seed ${seed} --trace`).to.deep.equal([]);
        for (const [strike, times] of struck) struck.set(strike, times + run.count(strike));
      }
      expect([...struck].filter(([, times]) => times === 0), 'faults that never struck').to.deep.equal([]);
    });
  }
});
