import { Chance } from './chance.ts';
import { ENGINE } from './engine.ts';
import { calm, mixed } from './scenarios.ts';
import { Simulation } from './simulation.ts';
const [kind = 'calm', from = '1', to = '50', trace] = process.argv.slice(2);
const start = Date.now();
let bad = 0;
const tallies = new Map<string, number[]>();
let steps = 0;
for (let seed = Number(from); seed <= Number(to); seed += 1) {
  const scenario = (kind === 'calm' ? calm : mixed)(new Chance(seed));
  const sim = await new Simulation(seed, scenario, ENGINE, { traced: trace !== undefined }).run();
  steps += sim.timeline.steps;
  if (sim.failures.length > 0) {
    bad += 1;
    for (const f of sim.failures) { const k = f.replace(/[ab]d?\d+\b|division:d\d|[0-9a-f]{8,}/g, '§').replace(/\d+/g, 'n').slice(0, 160); tallies.set(k, [...(tallies.get(k) ?? []), seed]); }
    if (trace) { console.log(JSON.stringify(scenario)); console.log(sim.trace.join('\n')); console.log(sim.failures.join('\n')); }
  }
}
for (const [k, seeds] of [...tallies].sort((a, b) => b[1].length - a[1].length)) console.log(seeds.length, k, [...new Set(seeds)].slice(0, 5).join());
const took = (Date.now() - start) / 1000;
console.log(`${bad} bad, ${took}s, ${((Number(to) - Number(from) + 1) / took).toFixed(1)} runs/s, ${(steps/(Number(to)-Number(from)+1)).toFixed(0)} steps/run`);
