import { Chance } from './chance.ts';
import { ENGINE } from './engine.ts';
import { FAULT_CLASSES } from './faults.ts';
import { BOOKS_FAULTS, type BooksWeather } from './quickbooks.ts';
import { EVENTS, Simulation, type EventKind, type Scenario } from './simulation.ts';

/** A run without any fault: its shape is drawn, nothing goes wrong. Most are small, some fill several chunks of the engine's. */
export function calm(chance: Chance): Scenario {
  return {
    companies: chance.hits(0.2) ? 2 : 1,
    codes: chance.pick([[1, 5], [5, 40], [5, 40], [5, 40], [5, 40], [5, 40], [40, 120], chance.hits(0.2) ? [250, 700] : [5, 40]]),
    divisions: chance.hits(0.5),
    inactivate: chance.hits(0.5),
    machines: chance.int(1, 4),
    present: chance.pick([0, 0, 0.3]),
    trouble: chance.int(5_000, 120_000),
  };
}

/** Faults after which a row may rightly be failed or the run halted stay out of the shares that strike every call. */
const SHARES: readonly number[] = [0, 0, 0, 0.02, 0.1];

/** A run in which anything may happen at once. */
export function mixed(chance: Chance): Scenario {
  const calls = Object.fromEntries(BOOKS_FAULTS.map((fault) => [fault, fault === 'forbidden' || fault === 'lapsed' ? chance.pick([0, 0, 0.01]) : chance.pick(SHARES)]));
  const requestid = chance.pick(['replay', 'replay', 'ignored', '6000', '600'] as const);
  // A 429 for what was done all the same is told from a true one by the requestid alone, once a person has changed the class.
  if (requestid !== 'replay') calls['throttled after'] = 0;
  const tokens = { 'lost before': chance.pick(SHARES), 'lost after': chance.pick([0, 0, 0.05]), slow: chance.pick(SHARES) };
  const share = () => chance.pick([0, 0, 0.003, 0.01]);
  const events = Object.fromEntries(EVENTS.map((kind): [EventKind, number] => [kind, chance.pick([0, 0, 1, chance.int(1, 3)])]));
  const skew = chance.pick([0, 0, 1_000, 300_000]);
  const rotation = chance.pick(['always', 'daily'] as const);
  return {
    ...calm(chance),
    books: { calls, tokens } satisfies BooksWeather,
    store: { down: share(), unknown: share(), torn: share(), slow: share() },
    linarc: { unreachable: share(), doubled: share(), missing: share(), unreadable: share() },
    switches: {
      requestid,
      inactiveName: chance.pick(['free', '6240']),
      suffix: chance.pick([' (deleted)', ' (Deleted)']),
      planLimit: chance.pick([null, null, null, chance.int(1, 40)]),
      // A clock five minutes slow takes a token that lives shorter for good; Intuit's live an hour.
      accessLife: skew > 1_000 ? 3_600_000 : chance.pick([3_600_000, 200_000]),
      rotation,
      grace: chance.pick([0, 60_000]),
    },
    skew,
    lostMessages: chance.pick([0, 0.2]),
    webhooks: chance.hits(0.3),
    events,
  };
}

/** One class of faults alone, over a run that is calm otherwise. */
export function alone(chance: Chance, no: number): Scenario {
  const found = FAULT_CLASSES.find((one) => one.no === no);
  if (!found) throw new RangeError(`There is no class ${no} of faults.`);
  const { companies: _companies, trouble: _trouble, ...shape } = calm(chance);
  return { ...shape, trouble: 60_000, ...found.scenario(chance), passes: found.passes ?? false };
}

/** The run of a seed: in three of four anything may happen, in the fourth one class of faults alone, unless `fault` names one. */
export function simulated(seed: number, options: { readonly fault?: number | null; readonly traced?: boolean } = {}): Simulation {
  const chance = new Chance(seed);
  const no = options.fault ?? (chance.hits(0.25) ? chance.pick(FAULT_CLASSES).no : null);
  return new Simulation(seed, no === null ? mixed(chance) : alone(chance, no), ENGINE, { traced: options.traced ?? false });
}
