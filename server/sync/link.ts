import type { LibraryKey } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { ProblemError, problem } from '../core/problems.ts';
import { subscribe, unsubscribe } from './told.ts';
import type { World } from './world.ts';

export interface FoundLibrary {
  readonly id: string;
  readonly name: string;
  readonly costCodeCount: number;
}

/** Tests a Linarc key. Throws ProblemError: the key is refused, belongs to another company, or Linarc does not answer. */
export async function tryLibrary(world: World, key: LibraryKey): Promise<FoundLibrary> {
  const found = await world.library.company(key);
  if (found.id !== key.companyId) throw new ProblemError(problem('linarc_key_refused', { field: 'Linarc company' }));
  return found;
}

/** Links the Linarc company after testing the key, which is stored sealed, and has Linarc tell of changes. Throws as tryLibrary. */
export async function linkLibrary(world: World, company: Tenant, key: LibraryKey): Promise<FoundLibrary> {
  const found = await tryLibrary(world, key);
  await unsubscribe(world, company, key.companyId);
  await world.companies.linkLinarc(company, { ...key, name: found.name, at: new Date(world.clock.now()) });
  await world.fresh.rounds.save(company, { lookedAt: null, lookedFullyAt: null, trouble: null });
  await subscribe(world, company);
  return found;
}
