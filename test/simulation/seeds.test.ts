import { expect } from 'chai';
import { Chance } from './chance.ts';
import { ENGINE } from './engine.ts';
import { calm, simulated } from './scenarios.ts';
import { Simulation } from './simulation.ts';

/** A share of what CI runs: 10,000 seeds (npm run simulate). */
const CALM = 30;
const SEEDS = 200;

describe('The sync engine in simulation', () => {
  it(`keeps every invariant where nothing goes wrong, whatever the order of events (${CALM} seeds)`, async function () {
    this.timeout(120_000);
    for (let seed = 1; seed <= CALM; seed += 1) {
      const run = await new Simulation(seed, calm(new Chance(seed)), ENGINE).run();
      expect(run.failures, `calm seed ${seed}`).to.deep.equal([]);
    }
  });

  it(`keeps every invariant whatever goes wrong at once (${SEEDS} seeds)`, async function () {
    this.timeout(240_000);
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { failures } = await simulated(seed).run();
      expect(failures, `npm run simulate -- --seed ${seed} --trace`).to.deep.equal([]);
    }
  });

  it('runs the same way again from the same seed', async () => {
    const [one, other] = [await simulated(7, { traced: true }).run(), await simulated(7, { traced: true }).run()];
    expect(one.trace).to.have.length.above(100);
    expect(one.trace).to.deep.equal(other.trace);
  });
});
