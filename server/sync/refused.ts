import type { Problem } from '../core/problems.ts';
import type { Tenant } from '../core/records.ts';
import type { World } from './world.ts';

/** Notes for the company's people that Linarc refuses the key, or takes it again; other troubles say nothing about the key. */
export async function noteKey(world: World, company: Tenant, trouble: Problem | null): Promise<void> {
  if (trouble !== null && trouble.code !== 'linarc_key_refused') return;
  await world.companies.linarcRefused(company, trouble === null ? null : new Date(world.clock.now()));
}
