import { GrantError, type AccessTokens, type Grant, type GrantLease } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { shared } from './shared.ts';
import type { World } from './world.ts';

/** A token this close to its end is renewed before use (quickbooks.md §1.5: on use, near expiry, never on a timer). */
const NEAR_EXPIRY = 2 * 60_000;
/** How long one process may take to refresh before another may try. */
const REFRESH_LEASE = 30_000;
const POLL = 150;
/** How long a new grant is kept in hand for a database that is away: the old one may be dead already. */
const PATIENCE = 30_000;
const PAUSE = 500;
/** What a process that stood still sent under a lease it had lost may have renewed the grant just now, and store it soon. */
const ON_ITS_WAY = 1_000;

/**
 * The access tokens of one company. At most one refresh per company is under way over all processes, and a new grant is stored
 * before it is used. When Intuit says that the grant and the spare one are dead, and nobody stored a newer one, the connection becomes
 * needs_reconnect.
 */
export function accessTokens(world: World, company: Tenant): AccessTokens {
  const read = shared(() => stored(world, company));
  return {
    async current() {
      const held = await read();
      return isFresh(world, held) ? held.grant.accessToken : refresh(world, company, held);
    },
    async renewed(refused) {
      const held = await stored(world, company);
      // Another process may have renewed it, but perhaps so long ago that this one has run out as well.
      const isOther = held.grant.accessToken !== refused && isFresh(world, held);
      return isOther ? held.grant.accessToken : refresh(world, company, held);
    },
  };
}

function isFresh(world: World, { grant }: GrantLease): boolean {
  return grant.accessExpiresAt.getTime() - world.clock.now() > NEAR_EXPIRY;
}

async function stored(world: World, company: Tenant): Promise<GrantLease> {
  const held = await world.companies.grant(company);
  if (!held) throw new GrantError('invalid_grant', 'The company is not connected.');
  return held;
}

async function refresh(world: World, company: Tenant, held: GrantLease): Promise<string> {
  const owner = `${world.owner}-${world.random.hex(4)}`;
  // Counted, since a clock may jump.
  for (let waited = 0; waited < 2 * REFRESH_LEASE; waited += POLL) {
    const askedAt = world.clock.now();
    if (await world.companies.leaseRefresh(company, held.version, owner, REFRESH_LEASE)) {
      if (world.clock.now() - askedAt < REFRESH_LEASE / 2) return refreshHolding(world, company, held, owner);
      // This process stood still: the lease may have run out, and another be refreshing now.
      await world.companies.releaseRefresh(company, owner);
    }
    const now = await stored(world, company);
    if (now.version !== held.version) return now.grant.accessToken;
    await world.clock.sleep(POLL);
  }
  throw new GrantError('unreachable', 'Another process did not finish refreshing the connection in time.');
}

async function refreshHolding(world: World, company: Tenant, held: GrantLease, owner: string): Promise<string> {
  try {
    return await renew(world, company, held);
  } catch (error) {
    await world.companies.releaseRefresh(company, owner);
    throw error;
  }
}

async function renew(world: World, company: Tenant, held: GrantLease): Promise<string> {
  try {
    return await keep(world, company, held.version, await world.identity.refresh(held.grant.refreshToken));
  } catch (error) {
    if (!isDead(error)) throw error;
    return renewBySpare(world, company, held, error);
  }
}

/** Stores the next grant, then gives out its token; that of the stored one when another came first. Ours may be the newer one all the same. */
async function keep(world: World, company: Tenant, version: number, grant: Grant): Promise<string> {
  if (await insisting(world, () => world.companies.saveGrant(company, version, grant))) return grant.accessToken;
  await insisting(world, () => world.companies.keepSpare(company, grant));
  return (await stored(world, company)).grant.accessToken;
}

/** Intuit calls the grant dead: believed only when the stored one is still the same, and the spare one is dead as well. */
async function renewBySpare(world: World, company: Tenant, held: GrantLease, refusal: GrantError): Promise<string> {
  await world.clock.sleep(ON_ITS_WAY);
  const now = await stored(world, company);
  if (now.version !== held.version) return now.grant.accessToken;
  try {
    if (now.spare !== null && now.spare.refreshToken !== held.grant.refreshToken) {
      return await keep(world, company, held.version, await world.identity.refresh(now.spare.refreshToken));
    }
  } catch (error) {
    if (!isDead(error)) throw error;
  }
  const over = { version: held.version };
  const isLost = await world.companies.setConnection(company, 'needs_reconnect', new Date(world.clock.now()), over);
  if (!isLost) return (await stored(world, company)).grant.accessToken;
  world.log.warn({ company, intuitTid: refusal.intuitTid }, 'the connection to QuickBooks is dead');
  throw refusal;
}

function isDead(error: unknown): error is GrantError {
  return error instanceof GrantError && error.kind === 'invalid_grant';
}

async function insisting<T>(world: World, store: () => Promise<T>): Promise<T> {
  for (let waited = 0; ; waited += PAUSE) {
    try {
      return await store();
    } catch (error) {
      if (waited >= PATIENCE) throw error;
      world.log.warn({ error: String(error) }, 'a new grant could not be stored yet');
      await world.clock.sleep(PAUSE);
    }
  }
}
