// npm run simulate: seeded runs of the sync engine over all cores, or one of them again.
//
//   npm run simulate                              10,000 seeds, as CI has it
//   npm run simulate -- --seeds 500 --from 1      other ones
//   npm run simulate -- --seed 123 --trace        one run, with everything that happened in it
//   npm run simulate -- --fault 12 --seeds 50     one class of faults alone
import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Broken, Ended, Part } from './part.ts';
import { simulated } from './scenarios.ts';

/** Seeds a process takes at a time: few enough that all end together. */
const PART = 50;
/** Of those that broke, so many are shown. */
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' }, from: { type: 'string', default: '1' }, seed: { type: 'string' }, fault: { type: 'string' },
    trace: { type: 'boolean', default: false }, processes: { type: 'string', default: String(availableParallelism()) },
  },
});
const fault = values.fault === undefined ? null : Number(values.fault);
process.exitCode = values.seed === undefined ? await all() : await one(Number(values.seed));

async function one(seed: number): Promise<number> {
  const run = await simulated(seed, { fault, traced: values.trace }).run();
  if (values.trace) process.stdout.write(`${JSON.stringify(run.scenario)}\n${run.trace.join('\n')}\n${JSON.stringify(Object.fromEntries(run.counts))}\n`);
  process.stdout.write(`${run.failures.map((failure) => `${failure}\n`).join('')}seed ${seed} ${run.failures.length === 0 ? 'held' : 'broke'}\n`);
  return run.failures.length === 0 ? 0 : 1;
}

async function all(): Promise<number> {
  const [from, count, processes] = [Number(values.from), Number(values.seeds), Number(values.processes)];
  process.stdout.write(`Simulating ${count} seeds from ${from} in ${processes} processes\n`);
  const beganAt = Date.now();
  const parts: [number, number][] = [];
  for (let at = from; at < from + count; at += PART) parts.push([at, Math.min(PART, from + count - at)]);
  const broken: Broken[] = [];
  let done = 0;
  await Promise.all(Array.from({ length: processes }, async () => {
    const child = fork(fileURLToPath(new URL('./part.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
    for (let part = parts.shift(); part; part = parts.shift()) {
      const ended = await runBy(child, { from: part[0], count: part[1], fault });
      broken.push(...ended.broken);
      done += ended.done;
    }
    child.disconnect();
  }));

  const again = fault === null ? '' : ` --fault ${fault}`;
  for (const { seed, failures } of broken.slice(0, SHOWN)) {
    process.stdout.write(`seed ${seed}: ${failures.join('; ')}\n  again: npm run simulate -- --seed ${seed}${again} --trace\n`);
  }
  const seconds = Math.round((Date.now() - beganAt) / 1000);
  process.stdout.write(`${done} seeds: ${done - broken.length} held, ${broken.length} broke, ${seconds} s\n`);
  return broken.length === 0 && done === count ? 0 : 1;
}

function runBy(child: ChildProcess, part: Part): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const died = () => reject(new Error(`A process died while it ran seeds ${part.from} to ${part.from + part.count - 1}.`));
    child.once('exit', died);
    child.once('message', (ended: Ended) => {
      child.off('exit', died);
      resolve(ended);
    });
    child.send(part);
  });
}
