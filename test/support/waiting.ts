import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks again until the answer is there, and returns it. Throws after `ms`, saying what was awaited and what came last, so that a
 * test which waits in vain tells why.
 */
export async function until<T>(what: string, ask: () => Promise<T | null | undefined | false>, ms = 15_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (let wait = 10; ; wait = Math.min(wait * 1.5, 250)) {
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`Waited ${ms} ms in vain for ${what}.`);
    await pause(wait);
  }
}
