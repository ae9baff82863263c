import { expect } from 'chai';
import { PLANTED_BUGS, type PlantedBug } from './bugs.ts';
import { Chance } from './chance.ts';
import { editedEngine, type Engine } from './engine.ts';
import { alone, calm, mixed } from './scenarios.ts';
import { Simulation } from './simulation.ts';

/** Most are found at the first few, the rarest at about every thirtieth. */
const SEEDS = 300;

describe('The simulation of the sync engine finds', () => {
  for (const bug of PLANTED_BUGS) {
    it(`that ${bug.title}`, async function () {
      this.timeout(120_000);
      expect(await firstFound(bug, await editedEngine(bug.edits)), `a seed up to ${SEEDS} that shows it`).to.be.a('number');
    });
  }
});

async function firstFound({ under }: PlantedBug, engine: Engine): Promise<number | null> {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const chance = new Chance(seed);
    const scenario = under === 'calm' ? calm(chance) : under === 'mixed' ? mixed(chance) : alone(chance, under);
    const { failures } = await new Simulation(seed, scenario, engine).run();
    if (failures.length > 0) return seed;
  }
  return null;
}
