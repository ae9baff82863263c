import { isSigned, linarcChanges, quickBooksChanges } from '../core/webhooks.ts';
import { ProblemError } from '../core/problems.ts';
import type { ToldChange } from '../core/fresh.ts';
import type { Tenant } from '../core/records.ts';
import type { World } from './world.ts';

/** A delivery as it came, before anybody read it. */
export interface Delivery {
  readonly raw: Uint8Array;
  readonly signature: string | undefined;
}

/** What became of a delivery; `companies` are those something new was told of. */
export type Receipt =
  | { readonly kind: 'refused' }
  | { readonly kind: 'nonsense' }
  | { readonly kind: 'taken'; readonly companies: readonly Tenant[]; readonly told: number };

/**
 * Takes a webhook of QuickBooks': keeps which classes to read again, and reads nothing yet (quickbooks.md §4). Companies that are
 * not known are passed over. The signature is judged before anything else; `verifiers` are the app's tokens.
 */
export async function hearQuickBooks(world: World, { raw, signature }: Delivery, verifiers: readonly string[]): Promise<Receipt> {
  if (!isSigned(raw, signature, verifiers, 'base64')) return { kind: 'refused' };
  const events = quickBooksChanges(jsonOf(raw));
  if (events === null) return { kind: 'nonsense' };
  const companies = await world.fresh.rounds.ofRealms([...new Set(events.map(({ realmId }) => realmId))]);
  const byCompany = new Map<Tenant, ToldChange[]>();
  for (const { realmId, change } of events) {
    const company = companies.get(realmId);
    if (company) byCompany.set(company, [...(byCompany.get(company) ?? []), change]);
  }
  const strange = events.filter(({ realmId }) => !companies.has(realmId)).length;
  if (strange > 0) world.log.info({ sender: 'QuickBooks', count: strange }, 'a webhook told of a company that is not known here');
  return keep(world, byCompany);
}

/** No secret of a real webhook; what is signed by it is refused all the same. */
const NO_SECRET = '';

/**
 * Takes a webhook of Linarc's for the company its address names. A company that is not known, or has no webhook, answers as a
 * wrong signature does.
 */
export async function hearLinarc(world: World, company: string, { raw, signature }: Delivery): Promise<Receipt> {
  const hook = await world.fresh.rounds.hook(company);
  const isGenuine = isSigned(raw, signature, [hook?.secret ?? NO_SECRET], 'hex');
  if (hook === null || !isGenuine) return { kind: 'refused' };
  const delivery = linarcChanges(jsonOf(raw));
  if (delivery === null || delivery.companyId !== hook.linarcCompanyId) return { kind: 'nonsense' };
  return keep(world, new Map([[hook.company, delivery.changes]]));
}

async function keep(world: World, byCompany: ReadonlyMap<Tenant, readonly ToldChange[]>): Promise<Receipt> {
  const at = new Date(world.clock.now());
  const companies: Tenant[] = [];
  let told = 0;
  for (const [company, changes] of byCompany) {
    const added = await world.fresh.changes.tell(company, changes, at);
    told += added;
    if (added > 0) companies.push(company);
  }
  return { kind: 'taken', companies, told };
}

function jsonOf(raw: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(raw).toString('utf8'));
  } catch {
    return null;
  }
}

/** Where Linarc is to call for this company. */
export function hookPath(company: Tenant | ':company'): string {
  return `/webhooks/linarc/${company}`;
}

/**
 * Has Linarc tell of changes, if it does not yet; harmless to repeat. When Linarc cannot be asked now, the next look asks again:
 * without the webhook changes are found by schedule.
 */
export async function subscribe(world: World, company: Tenant): Promise<void> {
  const { rounds, reachedAt } = world.fresh;
  const key = await world.companies.libraryKey(company);
  if (reachedAt === null || key === null) return;
  const url = `${reachedAt}${hookPath(company)}`;
  const hook = await rounds.hook(company);
  const known = hook?.linarcCompanyId === key.companyId && hook.url === url ? hook.webhookId : null;
  try {
    const made = await world.library.subscribe(key, url, known);
    if (made) await rounds.saveHook(company, { linarcCompanyId: key.companyId, webhookId: made.id, url, secret: made.secret });
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    world.log.warn({ company, problem: error.problem.code }, 'Linarc was not asked to tell of changes');
  }
}

/**
 * Ends what `subscribe` began, with the key the company is linked by; to be called before that is given up or exchanged. A
 * webhook at the Linarc company `kept` stays.
 */
export async function unsubscribe(world: World, company: Tenant, kept: string | null = null): Promise<void> {
  const hook = await world.fresh.rounds.hook(company);
  if (hook === null || hook.linarcCompanyId === kept) return;
  const key = await world.companies.libraryKey(company);
  try {
    if (key?.companyId === hook.linarcCompanyId) await world.library.unsubscribe(key, hook.webhookId);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    world.log.warn({ company, problem: error.problem.code }, 'Linarc was not told to stop telling of changes');
  }
  await world.fresh.rounds.saveHook(company, null);
}
