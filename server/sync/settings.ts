import type { Company, Settings } from '../core/company.ts';
import type { Actor, Fact, FieldChange, Tenant } from '../core/records.ts';
import { COMPANY_RECORD, concernsStaged, mergeSettings, settingsBefore, settingsChanges, settingsFact, versionOf } from '../core/settings.ts';
import type { World } from './world.ts';

export type SavedSettings =
  /** `restaged`: the staged records are being worked out again. */
  | { readonly kind: 'saved'; readonly restaged: boolean }
  | { readonly kind: 'unchanged' }
  /** Somebody else changed some of the same settings meanwhile; nothing was stored. */
  | { readonly kind: 'stale'; readonly settings: Settings; readonly others: readonly Fact[]; readonly version: number };

/** Lines of history looked through for what changed since a form was opened. */
const RECENT = 200;

/**
 * Saves some of the company's settings for a person who saw version `seen` of them. Sent twice it saves once; two people who change
 * different settings both have theirs; of the same ones nothing is overwritten unseen.
 */
export async function saveSettings(world: World, id: Tenant, actor: Actor, seen: number, asked: Partial<Settings>): Promise<SavedSettings> {
  for (;;) {
    const company = await world.companies.get(id);
    if (!company) throw new Error('There is no such company.');
    const settings = { ...company.settings, ...asked };
    const changes = settingsChanges(company.settings, settings);
    if (changes.length === 0) return { kind: 'unchanged' };
    const stale = seen < company.settingsVersion ? await staleness(world, company, seen, asked) : null;
    if (stale) return stale;

    // The line about the version before may have been lost with its process; the company's document still knows it.
    await world.history.add(id, lastChange(company));
    const change = { by: actor, at: new Date(world.clock.now()), changes };
    if (!(await world.companies.saveSettings(id, company.settingsVersion, settings, change))) continue;
    await world.history.add(id, [settingsFact(company.settingsVersion + 1, change)]);
    const restaged = concernsStaged(changes);
    if (restaged) await world.dispatch.fresh(id);
    world.log.info({ company: id, changed: changes.map(({ field }) => field).join(' ') }, 'settings saved');
    return { kind: 'saved', restaged };
  }
}

async function staleness(world: World, company: Company, seen: number, asked: Partial<Settings>): Promise<SavedSettings | null> {
  const since = (await companyHistory(world, company, RECENT)).filter((fact) => (versionOf(fact) ?? 0) > seen);
  const merged = mergeSettings(settingsBefore(company.settings, since), company.settings, asked);
  if (merged.moved.length === 0) return null;
  const isMoved = ({ field }: FieldChange) => merged.moved.some((name) => name === field);
  const others = since.map((fact) => ({ ...fact, changes: fact.changes.filter(isMoved) })).filter(({ changes }) => changes.length > 0);
  return { kind: 'stale', settings: merged.settings, others, version: company.settingsVersion };
}

/** What was decided for the company as a whole, the newest first. */
export async function companyHistory(world: World, company: Company, limit: number): Promise<readonly Fact[]> {
  const stored = await world.history.of(company.id, COMPANY_RECORD, { limit });
  const known = new Set(stored.map(({ id }) => id));
  return [...lastChange(company).filter(({ id }) => !known.has(id)), ...stored].slice(0, limit);
}

function lastChange({ settingsVersion, settingsChange }: Company): Fact[] {
  return settingsChange === null ? [] : [settingsFact(settingsVersion, settingsChange)];
}
