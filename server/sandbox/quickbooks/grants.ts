import type { Clock } from './clock.ts';
import type { Journal } from './journal.ts';
import { accessTokenText, refreshTokenText, secretText } from './random.ts';
import type { Switches } from './switches.ts';

export const ACCOUNTING = 'com.intuit.quickbooks.accounting';
/** Scopes this sandbox knows (quickbooks.md §1.2). */
export const SCOPES = ['openid', 'profile', 'email', 'phone', 'address', ACCOUNTING, 'com.intuit.quickbooks.payment'] as const;
/** Scopes that need a company. */
export const DATA_SCOPES: readonly string[] = [ACCOUNTING, 'com.intuit.quickbooks.payment'];

export const ACCESS_SECONDS = 3600;
/** 101 days: what a token answer says of its refresh token (quickbooks.md §1.4). */
export const REFRESH_SECONDS = 8_726_400;
/** Five years (quickbooks.md §1.5). */
export const HARD_SECONDS = 157_680_000;
const ROTATION_MS = 24 * 3_600_000;

interface RefreshToken { readonly value: string; readonly issued: number; expires: number; replaced: number | null }

/** One consent: a person let an app into a company (or only signed in: no realm). Times are virtual ms. */
export interface Grant {
  readonly id: string;
  readonly clientId: string;
  readonly realmId: string | null;
  readonly personId: string;
  readonly scopes: readonly string[];
  readonly hardEnd: number;
  revoked: boolean;
  access: { token: string; expires: number }[];
  refresh: RefreshToken[];
}

export interface Code {
  readonly value: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly personId: string;
  readonly realmId: string | null;
  readonly nonce: string | null;
  readonly expires: number;
  grantId: string | null;
}

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Whole virtual seconds. */
  readonly refreshSeconds: number;
  readonly hardSeconds: number;
}

export type AccessCheck =
  { readonly state: 'good'; readonly grant: Grant } | { readonly state: 'expired' | 'revoked' | 'unknown' };

/** Authorization codes, grants and their tokens (quickbooks.md §1.3 to §1.7). */
export class Grants {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #switches: () => Switches;
  readonly #codes = new Map<string, Code>();
  readonly #grants = new Map<string, Grant>();
  readonly #byAccess = new Map<string, Grant>();
  readonly #byRefresh = new Map<string, Grant>();

  constructor(clock: Clock, journal: Journal, switches: () => Switches) {
    this.#clock = clock;
    this.#journal = journal;
    this.#switches = switches;
    for (const kept of journal.kept('grant').values()) this.#index(kept as Grant);
  }

  issueCode(wanted: Omit<Code, 'value' | 'expires' | 'grantId'>): string {
    const value = `AB11${secretText(46)}`;
    this.#codes.set(value, { ...wanted, value, expires: this.#clock.now() + this.#switches().codeLifetimeSeconds * 1000,
      grantId: null });
    return value;
  }

  /** Exchanges a code once. @returns undefined for any code that must not be exchanged. */
  exchange(value: string, clientId: string, redirectUri: string): { code: Code; grant: Grant; pair: TokenPair } | undefined {
    const code = this.#codes.get(value);
    if (!code || code.clientId !== clientId || code.redirectUri !== redirectUri || code.expires <= this.#clock.now()) {
      return undefined;
    }
    if (code.grantId !== null) {
      if (this.#switches().codeReuse === 'voids-tokens') this.#revoke(this.#grants.get(code.grantId));
      return undefined;
    }
    const grant = this.open(clientId, code.personId, code.realmId, code.scopes);
    code.grantId = grant.id;
    return { code, grant, pair: this.#issue(grant) };
  }

  /** A new grant without tokens yet. */
  open(clientId: string, personId: string, realmId: string | null, scopes: readonly string[]): Grant {
    const grant: Grant = {
      id: secretText(16), clientId, realmId, personId, scopes, hardEnd: this.#clock.now() + HARD_SECONDS * 1000, revoked: false,
      access: [],
      refresh: [],
    };
    this.#grants.set(grant.id, grant);
    return grant;
  }

  /** A token pair for a new grant: the control call's way around the consent page. */
  grantDirectly(
    clientId: string, personId: string, realmId: string, scopes: readonly string[],
  ): { grant: Grant; pair: TokenPair } {
    const grant = this.open(clientId, personId, realmId, scopes);
    return { grant, pair: this.#issue(grant) };
  }

  /**
   * A new access token; a new refresh token too when the present one is a day old. The replaced one dies.
   * @returns undefined when the token is dead, replaced or another app's.
   */
  refresh(value: string, clientId: string): { grant: Grant; pair: TokenPair } | undefined {
    const grant = this.#byRefresh.get(value);
    const token = grant?.refresh.find((each) => each.value === value);
    const now = this.#clock.now();
    if (!grant || !token || grant.clientId !== clientId || grant.revoked || grant.hardEnd <= now || token.expires <= now) {
      return undefined;
    }
    const switches = this.#switches();
    if (token.replaced !== null && now >= token.replaced + switches.refreshGraceSeconds * 1000) {
      if (switches.oldRefreshToken === 'kills-family') this.#revoke(grant);
      return undefined;
    }
    const newest = grant.refresh.at(-1) as RefreshToken;
    if (switches.refreshRotation === 'always' || now - newest.issued >= ROTATION_MS) newest.replaced ??= now;
    else newest.expires = this.#refreshEnd(grant);
    return { grant, pair: this.#issue(grant) };
  }

  checkAccess(token: string): AccessCheck {
    const grant = this.#byAccess.get(token);
    const access = grant?.access.find((each) => each.token === token);
    if (!grant || !access) return { state: 'unknown' };
    if (grant.revoked) return { state: 'revoked' };
    return access.expires > this.#clock.now() ? { state: 'good', grant } : { state: 'expired' };
  }

  /** Ends the grant of an access or refresh token. @returns false when there is nothing to end. */
  revokeToken(token: string, clientId: string): boolean {
    const grant = this.#byRefresh.get(token) ?? this.#byAccess.get(token);
    if (!grant || grant.revoked || grant.clientId !== clientId) return false;
    this.#revoke(grant);
    return true;
  }

  /** Ends every grant of an app in a company: what Disconnect in QuickBooks does first. @returns how many there were. */
  revokeConnection(clientId: string, realmId: string): number {
    const live = [...this.#grants.values()].filter((grant) =>
      grant.clientId === clientId && grant.realmId === realmId && !grant.revoked);
    for (const grant of live) this.#revoke(grant);
    return live.length;
  }

  isConnected(clientId: string, realmId: string): boolean {
    for (const grant of this.#grants.values()) {
      if (grant.clientId === clientId && grant.realmId === realmId && !grant.revoked && grant.refresh.length > 0) return true;
    }
    return false;
  }

  #issue(grant: Grant): TokenPair {
    const now = this.#clock.now();
    if (grant.refresh.at(-1)?.replaced !== null) {
      grant.refresh.push({ value: refreshTokenText(), issued: now, expires: this.#refreshEnd(grant), replaced: null });
    }
    const refresh = grant.refresh.at(-1) as RefreshToken;
    const access = { token: accessTokenText(), expires: now + ACCESS_SECONDS * 1000 };
    grant.access.push(access);
    this.#dropOld(grant, now);
    this.#index(grant);
    this.#journal.put('grant', grant.id, grant);
    this.#journal.put('clock', 'virtual', now);
    return {
      accessToken: access.token, refreshToken: refresh.value, refreshSeconds: Math.round((refresh.expires - now) / 1000),
      hardSeconds: Math.round((grant.hardEnd - now) / 1000),
    };
  }

  /** Old tokens are remembered for a day, so that "expired" and "replaced" can be told from "never heard of". */
  #dropOld(grant: Grant, now: number): void {
    for (const each of grant.access) if (each.expires + ROTATION_MS < now) this.#byAccess.delete(each.token);
    grant.access = grant.access.filter((each) => each.expires + ROTATION_MS >= now);
    const kept = grant.refresh.slice(-50);
    for (const each of grant.refresh) if (!kept.includes(each)) this.#byRefresh.delete(each.value);
    grant.refresh = kept;
  }

  #refreshEnd(grant: Grant): number {
    return Math.min(this.#clock.now() + REFRESH_SECONDS * 1000, grant.hardEnd);
  }

  #revoke(grant: Grant | undefined): void {
    if (!grant) return;
    grant.revoked = true;
    this.#journal.put('grant', grant.id, grant);
  }

  #index(grant: Grant): void {
    this.#grants.set(grant.id, grant);
    for (const { token } of grant.access) this.#byAccess.set(token, grant);
    for (const { value } of grant.refresh) this.#byRefresh.set(value, grant);
  }
}
