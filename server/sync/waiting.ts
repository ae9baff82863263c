import type { Settings } from '../core/company.ts';
import { verdictOf, type Verdict } from '../core/outcome.ts';
import { BooksError, GrantError, type BatchAnswer, type Books, type CallKind, type Refusal } from '../core/ports.ts';
import { problem, type Problem } from '../core/problems.ts';
import type { Tenant } from '../core/records.ts';
import { Interrupted, type Lease } from './lease.ts';
import type { World } from './world.ts';

/** One worker's work on one run. */
export interface Push {
  readonly world: World;
  readonly lease: Lease;
  readonly settings: Settings;
  /** When the connection it works over was made. */
  readonly connectedAt: Date | null;
  readonly books: Books;
  /** Calls in a row that had no clear answer. */
  failures: number;
  readonly signal: AbortSignal;
}

const NO_TOKEN: Refusal = { kind: 'unknown', why: 'the token service did not answer', status: null, intuitTid: null };

/** Repeats a read until QuickBooks answers it, saying on the run's page what it waits for. Throws Interrupted. */
export async function untilAnswered<T>(push: Push, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const answer = await read();
      push.failures = 0;
      await push.lease.say(null);
      return answer;
    } catch (error) {
      await waitAfter(push, error);
    }
  }
}

async function waitAfter(push: Push, error: unknown): Promise<void> {
  if (error instanceof GrantError && error.kind !== 'unreachable') return halt(push, problem('reconnect_needed'));
  if (error instanceof GrantError) return obey(push, NO_TOKEN);
  if (error instanceof BooksError) return obey(push, error.refusal);
  throw error;
}

/** Does what an answer asks of the run as a whole: go on, wait, or halt. Throws Interrupted when it halts. */
export async function obey(push: Push, answer: BatchAnswer | Refusal, to: CallKind = 'read'): Promise<void> {
  const verdict = verdictOf(answer, push.failures);
  const unclear = verdict.kind === 'wait' && verdict.problem.code === 'quickbooks_unreachable';
  push.failures = unclear ? push.failures + 1 : 0;
  if (verdict.kind === 'halt') await halt(push, verdict.problem);
  if (verdict.kind === 'wait' && verdict.problem.code === 'quickbooks_throttled' && to === 'batch') push.lease.slowDown();
  if (verdict.kind === 'wait') await close(push, verdict);
  if (verdict.kind === 'go_on') await push.lease.say(null);
}

/** Closes the windows, in QuickBooks' time, and says so; the next call waits by itself. */
async function close(push: Push, verdict: Extract<Verdict, { kind: 'wait' }>): Promise<void> {
  await push.lease.close(verdict.ms);
  await push.lease.say(verdict.problem, push.lease.opensAt());
}

/**
 * Stops the run where a person must mend the connection; its records keep their place and it goes on from there. It goes on at once when
 * somebody connected anew meanwhile. Always throws.
 */
export async function halt({ world, lease, connectedAt }: Pick<Push, 'world' | 'lease' | 'connectedAt'>, why: Problem): Promise<never> {
  await world.runs.write(lease.company, lease.run.id, lease.fence, { state: 'halted', problem: why, waiting: null });
  await world.runs.handOver(lease.company, lease.run.id, lease.fence);
  if (why.code === 'reconnect_needed') {
    const isLost = await world.companies.setConnection(lease.company, 'needs_reconnect', new Date(world.clock.now()), { connectedAt });
    if (!isLost) await resumeHalted(world, lease.company);
  }
  throw new Interrupted('halted');
}

/** Lets the company's run go on after its connection was mended. */
export async function resumeHalted(world: World, company: Tenant): Promise<void> {
  const active = await world.runs.active(company);
  if (active?.state !== 'halted') return;
  const run = await world.runs.wish(company, active.id, 'resume');
  if (run) await world.dispatch.push(company, run.id);
}
