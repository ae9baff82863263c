import type { Actor, StagedRecord, Tenant } from '../core/records.ts';
import { fact, recheckCollisions } from './import.ts';
import type { World } from './world.ts';

/** Takes records out of the list, saying who and why; their classes are not touched. Returns how many. Those in a run stay. */
export async function exclude(world: World, company: Tenant, actor: Actor, recordIds: readonly string[], reason: string): Promise<number> {
  const by = actor.kind === 'person' ? actor.name : actor.what;
  return change(world, company, actor, recordIds, 'excluded', (record) =>
    record.excluded ? null : { excluded: { by, byRule: false, reason, at: new Date(world.clock.now()) } },
  );
}

/** Takes records into the list again. Returns how many. */
export async function include(world: World, company: Tenant, actor: Actor, recordIds: readonly string[]): Promise<number> {
  return change(world, company, actor, recordIds, 'included', (record) => (record.excluded ? { excluded: null } : null));
}

async function change(
  world: World,
  company: Tenant,
  actor: Actor,
  recordIds: readonly string[],
  kind: 'excluded' | 'included',
  wish: (record: StagedRecord) => Pick<StagedRecord, 'excluded'> | null,
): Promise<number> {
  const found = await world.companies.get(company);
  if (!found) return 0;
  const changed: StagedRecord[] = [];
  for (const record of await world.costCodes.byIds(company, recordIds)) {
    const to = record.run === null ? wish(record) : null;
    const stored = to && (await world.costCodes.change(company, record.id, record.version, to));
    if (stored) changed.push(stored);
  }
  const about = (record: StagedRecord) => (record.excluded ? [{ field: 'Reason', from: null, to: record.excluded.reason }] : []);
  await world.history.add(company, changed.map((record) => fact(world, record.id, actor, kind, about(record))));
  await recheckCollisions(world, found, changed);
  return changed.length;
}
