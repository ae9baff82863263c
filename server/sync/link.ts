import type { Company } from '../core/company.ts';
import type { LibraryKey } from '../core/ports.ts';
import type { Actor, FieldChange, Tenant } from '../core/records.ts';
import { ProblemError, problem } from '../core/problems.ts';
import { COMPANY_RECORD } from '../core/settings.ts';
import { fact } from './import.ts';
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

/** What hangs on the Linarc company that is linked, or was before it was unlinked. */
export interface Held {
  readonly name: string;
  readonly staged: number;
  readonly mapped: number;
}

export type LinkOutcome =
  | { readonly kind: 'linked' | 'key_replaced'; readonly found: FoundLibrary }
  /** Another company than before; what hangs on that one is given up only on purpose. */
  | { readonly kind: 'other_company'; readonly found: FoundLibrary; readonly held: Held }
  /** A sync or an import is under way. */
  | { readonly kind: 'busy' };

/**
 * Links a Linarc company for a person, or replaces its key. With another company than before nothing is done unless `sure` names it: then
 * the codes of the former one leave the list and let go of their classes, so that no id of one company is ever taken for the other's.
 * QuickBooks is not touched. Throws as tryLibrary.
 */
export async function linkCompany(world: World, company: Company, actor: Actor, key: LibraryKey, sure: string): Promise<LinkOutcome> {
  const found = await tryLibrary(world, key);
  const former = company.linarc ?? company.formerLinarc;
  const isOther = former !== null && former.companyId !== key.companyId;
  const held = isOther ? await heldBy(world, company) : null;
  if (former !== null && isOther && held !== null && held.staged > 0) {
    if (sure !== key.companyId) return { kind: 'other_company', found, held };
    if (await isBusy(world, company)) return { kind: 'busy' };
    await letGo(world, company, actor, former);
  }
  await linkLibrary(world, company.id, key);
  const isSame = company.linarc?.companyId === key.companyId;
  await record(world, company.id, actor, isSame
    ? { field: 'apiKey', from: null, to: 'replaced' }
    : { field: 'linarc', from: company.linarc?.name ?? null, to: found.name });
  return { kind: isSame ? 'key_replaced' : 'linked', found };
}

/** Ends the link. Staged codes, mappings and history stay, and nothing changes in QuickBooks. False while something is under way. */
export async function unlinkCompany(world: World, company: Company, actor: Actor): Promise<boolean> {
  if (company.linarc === null) return true;
  if (await isBusy(world, company)) return false;
  await unsubscribe(world, company.id);
  await world.companies.unlinkLinarc(company.id);
  await world.fresh.rounds.save(company.id, { trouble: null });
  await record(world, company.id, actor, { field: 'linarc', from: company.linarc.name, to: null });
  return true;
}

/** What hangs on the company linked now or before; null when none ever was. */
export async function heldBy(world: World, { id, linarc, formerLinarc }: Company): Promise<Held | null> {
  const of = linarc ?? formerLinarc;
  if (of === null) return null;
  let staged = 0;
  for await (const linarcId of world.costCodes.linarcIds(id)) if (isLinarcs(linarcId)) staged += 1;
  const mapped = await world.costCodes.tally(id, { kind: 'matching', filter: { linked: true }, except: [] });
  return { name: of.name, staged, mapped: Object.values(mapped).reduce((sum, n) => sum + n, 0) };
}

/** Linarc's own ids hold no colon; ours for files, divisions and former companies do. */
function isLinarcs(linarcId: string): boolean {
  return !linarcId.includes(':');
}

async function isBusy(world: World, { id, import: last }: Company): Promise<boolean> {
  return last?.state === 'running' || (await world.runs.active(id)) !== null;
}

async function letGo(world: World, company: Company, actor: Actor, { companyId, name }: { companyId: string; name: string }): Promise<void> {
  await unsubscribe(world, company.id);
  await world.companies.unlinkLinarc(company.id);
  const by = actor.kind === 'person' ? actor.name : actor.what;
  const at = new Date(world.clock.now());
  const excluded = { by, byRule: false, reason: `From ${name}, which was linked before`, at };
  const retired = await world.costCodes.retire(company.id, `was:${companyId}:`, excluded);
  world.log.info({ company: company.id, count: retired }, 'the codes of another Linarc company left the list');
}

async function record(world: World, company: Tenant, actor: Actor, change: FieldChange): Promise<void> {
  await world.history.add(company, [fact(world, COMPANY_RECORD, actor, change.to === null ? 'unlinked' : 'linked', [change])]);
}
