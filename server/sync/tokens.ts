import { GrantError, type AccessTokens, type GrantLease } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import type { World } from './world.ts';

/** A token this close to its end is renewed before use (quickbooks.md §1.5: on use, near expiry, never on a timer). */
const NEAR_EXPIRY = 2 * 60_000;
/** How long one process may take to refresh before another may try. */
const REFRESH_LEASE = 30_000;
const POLL = 150;

/**
 * The access tokens of one company. At most one refresh per company is under way over all processes, and a new grant is stored
 * before it is used. When Intuit says the grant is dead and nobody stored a newer one, the connection becomes needs_reconnect.
 */
export function accessTokens(world: World, company: Tenant): AccessTokens {
  return {
    async current() {
      const held = await stored(world, company);
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
  for (const deadline = world.clock.now() + 2 * REFRESH_LEASE; world.clock.now() < deadline; await world.clock.sleep(POLL)) {
    if (await world.companies.leaseRefresh(company, held.version, owner, REFRESH_LEASE)) return refreshHolding(world, company, held, owner);
    const now = await stored(world, company);
    if (now.version !== held.version) return now.grant.accessToken;
  }
  throw new GrantError('unreachable', 'Another process did not finish refreshing the connection in time.');
}

async function refreshHolding(world: World, company: Tenant, held: GrantLease, owner: string): Promise<string> {
  try {
    const grant = await world.identity.refresh(held.grant.refreshToken);
    if (await world.companies.saveGrant(company, held.version, grant)) return grant.accessToken;
    return (await stored(world, company)).grant.accessToken;
  } catch (error) {
    await world.companies.releaseRefresh(company, owner);
    if (!(error instanceof GrantError) || error.kind !== 'invalid_grant') throw error;
    const now = await stored(world, company);
    if (now.version !== held.version) return now.grant.accessToken;
    await world.companies.setConnection(company, 'needs_reconnect', new Date(world.clock.now()), held.version);
    world.log.warn({ company, intuitTid: error.intuitTid }, 'the connection to QuickBooks is dead');
    throw error;
  }
}
