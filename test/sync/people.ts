import type { Run } from '../../server/core/run.ts';
import type { Desk } from './desk.ts';

/** A person's wish about a run; fails when it does not apply. */
export async function wish({ world, company }: Desk, run: string, what: 'pause' | 'resume' | 'cancel'): Promise<Run> {
  const done = await world.runs.wish(company, run, what);
  if (!done) throw new Error(`${what} does not apply`);
  return done;
}
