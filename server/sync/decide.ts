import { kept, putBack } from '../core/drift.ts';
import { isDrifted } from '../core/plan.ts';
import type { Problem } from '../core/problems.ts';
import type { Actor, StagedRecord, Tenant } from '../core/records.ts';
import { fact } from './import.ts';
import type { World } from './world.ts';

/** Whose value of a class that somebody changed in QuickBooks counts (linarc.md point 10). */
export const DECISIONS = ['linarc', 'quickbooks'] as const;
export type Decision = (typeof DECISIONS)[number];

/**
 * Decides for each of these records that waits because its class was changed in QuickBooks. Linarc's value goes back with the next sync;
 * QuickBooks' stays until Linarc changes the code or somebody changes the class again. Others, and those in a run, are left alone.
 * Returns how many were decided.
 */
export async function decide(world: World, company: Tenant, actor: Actor, recordIds: readonly string[], decision: Decision): Promise<number> {
  const found = await world.companies.get(company);
  if (!found) return 0;
  const waiting = (await world.costCodes.byIds(company, recordIds)).filter(({ problem, run }) => isOpen(problem) && run === null);
  const classes = new Map((await world.classes.byIds(company, waiting.flatMap(({ link }) => link?.id ?? []))).map((one) => [one.id, one]));
  const decided: StagedRecord[] = [];
  for (const record of waiting) {
    const current = classes.get(record.link?.id ?? '');
    if (!current || !isDrifted(record, current)) continue;
    const change = decision === 'linarc' ? putBack(current) : kept(record, current, found.settings.inactivate, new Date(world.clock.now()));
    const stored = await world.costCodes.change(company, record.id, record.version, { intent: null, ...change });
    if (stored) decided.push(stored);
  }
  await world.history.add(company, decided.map((record) => {
    const theirs = classes.get(record.link?.id ?? '')?.fullyQualifiedName ?? null;
    const ours = record.wanted.name;
    const to = decision === 'linarc' ? { from: theirs, to: ours } : { from: ours, to: theirs };
    return fact(world, record.id, actor, decision === 'linarc' ? 'overwrite' : 'accepted', [{ field: 'Class', ...to }]);
  }));
  return decided.length;
}

/** What waits for another reason keeps that reason. */
function isOpen(found: Problem | null): boolean {
  return found === null || found.code === 'changed_in_quickbooks';
}
