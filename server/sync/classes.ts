import type { Company } from '../core/company.ts';
import { BooksError, GrantError, type Books, type CallKind } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { judgeAll } from './drift.ts';
import { accessTokens } from './tokens.ts';
import type { World } from './world.ts';

/** A mirror older than this is read again before a push; reads are metered, so not every time (quickbooks.md §5.4). */
const MIRROR_AGE = 2 * 60_000;

/** Whether the classes must be read anew before anything is decided by them. */
export function isMirrorStale({ clock }: World, { classesReadAt }: Pick<Company, 'classesReadAt'>): boolean {
  return classesReadAt === null || clock.now() - classesReadAt.getTime() > MIRROR_AGE;
}

/** Opens a company's books with its own tokens. `beforeCall` paces the calls. Throws GrantError when the company is not connected. */
export async function booksOf(world: World, company: Tenant, beforeCall: (kind: CallKind) => Promise<void> = async () => {}): Promise<Books> {
  const held = await world.companies.grant(company);
  if (!held) throw new GrantError('invalid_grant', 'The company is not connected.');
  return world.openBooks(await world.companies.realmId(company), accessTokens(world, company), beforeCall);
}

/**
 * Reads every class of the company into the mirror and judges every linked record by it. A read that was not complete removes nothing.
 * Throws BooksError, GrantError.
 */
export async function refreshClasses(world: World, company: Tenant): Promise<{ active: number; inactive: number }> {
  const begun = new Date(world.clock.now());
  await readClasses(world, company, await booksOf(world, company));
  const found = await world.companies.get(company);
  if (found) await judgeAll(world, found);
  await world.fresh.rounds.save(company, { sweptAt: begun });
  return world.classes.count(company);
}

/** The same over books already open, as within a run. */
export async function readClasses(world: World, company: Tenant, books: Books, signal?: AbortSignal): Promise<void> {
  const startedAt = new Date(world.clock.now());
  const since = await world.classes.time();
  for await (const page of books.classes(signal ? { signal } : {})) {
    await world.classes.save(company, page);
  }
  await world.classes.dropUnseen(company, since);
  await world.companies.classesRead(company, startedAt);
}

/** Whether the error says that QuickBooks or the way to it failed, rather than our program. */
export function isOutside(error: unknown): error is BooksError | GrantError {
  return error instanceof BooksError || error instanceof GrantError;
}
