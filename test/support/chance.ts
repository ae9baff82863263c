import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Random } from '../../server/core/ports.ts';

/** The machine's own time. */
export const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined),
};

export const random: Random = {
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  unit: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};
