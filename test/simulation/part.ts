// A process of `npm run simulate`: runs the seeds it is sent and answers which broke.
import { simulated } from './scenarios.ts';

export interface Part {
  readonly from: number;
  readonly count: number;
  /** A class of faults alone; null for what CI runs. */
  readonly fault: number | null;
}

export interface Broken {
  readonly seed: number;
  readonly failures: readonly string[];
}

export interface Ended {
  readonly done: number;
  readonly broken: readonly Broken[];
}

process.on('message', (part: Part) => void answer(part));
process.on('disconnect', () => process.exit());

async function answer({ from, count, fault }: Part): Promise<void> {
  const broken: Broken[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const { failures } = await simulated(seed, { fault }).run();
    if (failures.length > 0) broken.push({ seed, failures });
  }
  process.send?.({ done: count, broken } satisfies Ended);
}
