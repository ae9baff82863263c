import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { GrantError, type Clock, type Person } from '../core/ports.ts';
import { isObject } from './classes.ts';

/** Seconds by which Intuit's clock and ours may differ. */
const CLOCK_TOLERANCE = 60;
/** After a key has not been found, milliseconds before the keys may be read again. */
const KEY_COOLDOWN = 1_000;

export interface IdTokenRules {
  readonly issuer: string;
  readonly clientId: string;
  readonly clock: Clock;
  readonly keys: JWTVerifyGetKey;
  /** Whether an id_token without nonce is refused. One with another nonce always is. */
  readonly nonceRequired: boolean;
}

/** Intuit's signing keys, read when needed and kept for a while. */
export function signingKeys(jwks: string, timeoutMs: number): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(jwks), { timeoutDuration: timeoutMs, cooldownDuration: KEY_COOLDOWN });
}

/**
 * Checks an id_token: RS256 by one of Intuit's keys, issuer, audience, expiry, nonce (quickbooks.md §1.7).
 * @returns whose it is (`sub`). Throws GrantError.
 */
export async function subjectOf(idToken: unknown, nonce: string, rules: IdTokenRules, intuitTid: string | null): Promise<string> {
  if (typeof idToken !== 'string' || idToken === '') throw new GrantError('refused', 'Intuit sent no id_token.', intuitTid);
  const claims = await verified(idToken, rules, intuitTid);
  const nonceFits = claims['nonce'] === undefined ? !rules.nonceRequired : claims['nonce'] === nonce;
  if (!nonceFits) throw new GrantError('refused', 'The id_token belongs to another sign-in: its nonce is not ours.', intuitTid);
  if (!claims.sub) throw new GrantError('refused', 'The id_token names nobody.', intuitTid);
  return claims.sub;
}

async function verified(idToken: string, rules: IdTokenRules, intuitTid: string | null): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(idToken, rules.keys, {
      algorithms: ['RS256'],
      issuer: rules.issuer,
      audience: rules.clientId,
      requiredClaims: ['sub', 'exp'],
      clockTolerance: CLOCK_TOLERANCE,
      currentDate: new Date(rules.clock.now()),
    });
    return payload;
  } catch (error) {
    throw asGrantError(error, intuitTid);
  }
}

/** Keys that cannot be read are no verdict on the token; all else is. The library's messages quote claims: its code is kept. */
function asGrantError(error: unknown, intuitTid: string | null): GrantError {
  const code = error instanceof errors.JOSEError ? error.code : null;
  if (code === null || code === 'ERR_JWKS_TIMEOUT' || code === 'ERR_JOSE_GENERIC' || code === 'ERR_JWKS_INVALID') {
    return new GrantError('unreachable', 'Intuit’s signing keys could not be read.', intuitTid);
  }
  return new GrantError('refused', `The id_token is not valid (${code}).`, intuitTid);
}

/** Reads UserInfo (annex A1.7). It must be about the person the id_token names. Throws GrantError. */
export function personOf(userInfo: unknown, sub: string, intuitTid: string | null): Person {
  if (!isObject(userInfo)) throw new GrantError('unreachable', 'Intuit’s answer about the person cannot be read.', intuitTid);
  if (userInfo['sub'] !== sub) throw new GrantError('refused', 'The id_token and UserInfo name different people.', intuitTid);
  const text = (member: string) => (typeof userInfo[member] === 'string' ? userInfo[member].trim() : '');
  const email = text('email');
  return {
    sub,
    email,
    emailVerified: email !== '' && (userInfo['emailVerified'] === true || userInfo['emailVerified'] === 'true'),
    name: [text('givenName'), text('familyName')].filter((part) => part !== '').join(' ') || email,
  };
}
