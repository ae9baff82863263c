import { expect } from 'chai';
import { Chance } from './chance.ts';
import { ENGINE } from './engine.ts';
import { calm } from './scenarios.ts';
import { Simulation } from './simulation.ts';

/** `SEED=n` runs that one again. */
const { SEED, SIMULATION_RUNS = '40' } = process.env;
const seeds = SEED ? [Number(SEED)] : Array.from({ length: Number(SIMULATION_RUNS) }, (_, n) => n + 1);

describe('The sync engine in simulation', () => {
  it('keeps every invariant where nothing goes wrong, whatever the order of events', async () => {
    for (const seed of seeds) {
      const simulation = new Simulation(seed, calm(new Chance(seed)), ENGINE);
      await simulation.run();
      expect(simulation.failures, `SEED=${seed}`).to.deep.equal([]);
    }
  });
});
