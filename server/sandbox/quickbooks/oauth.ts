import { contentType, isObject, json, readObject } from './http.ts';
import type { Exchange, Reply } from './http.ts';
import { ACCESS_SECONDS } from './grants.ts';
import type { Grant, TokenPair } from './grants.ts';
import { ISSUER } from './identity.ts';
import type { RegisteredApp } from './apps.ts';
import type { World } from './world.ts';

/** The machine half of OAuth and OpenID (quickbooks.md §1.1, §1.4 to §1.7). The pages a person sees are in pages/. */
export const OAUTH_OPERATIONS: Readonly<Record<string, string>> = {
  '/oauth2/v1/tokens/bearer': 'token',
  '/v2/oauth2/tokens/revoke': 'revoke',
  '/v1/openid_connect/userinfo': 'userinfo',
  '/op/v1/jwks': 'jwks',
  '/.well-known/openid_configuration': 'discovery',
  '/.well-known/openid_sandbox_configuration': 'discovery',
};

const NO_STORE = { 'cache-control': 'no-cache, no-store', pragma: 'no-cache', 'strict-transport-security': 'max-age=15552000',
  server: 'nginx' };

export interface OAuthCall {
  readonly operation: string;
  readonly form: URLSearchParams;
}

/** What a call asks for, known before any work is done: `token.exchange`, `token.refresh`, `revoke` … */
export function readOAuthCall(exchange: Exchange): OAuthCall {
  const base = OAUTH_OPERATIONS[exchange.path.replace(/\/$/, '')] ?? 'unknown';
  const form = readForm(exchange);
  if (base !== 'token') return { operation: base, form };
  const operations: Record<string, string> = { authorization_code: 'token.exchange', refresh_token: 'token.refresh' };
  return { operation: operations[form.get('grant_type') ?? ''] ?? 'token.other', form };
}

export async function answerOAuth(world: World, exchange: Exchange, call: OAuthCall): Promise<Reply> {
  const allowed = ['token', 'revoke'].includes(call.operation.split('.')[0] ?? '') ? 'POST' : 'GET';
  if (exchange.method !== allowed && !(call.operation === 'userinfo' && exchange.method === 'POST')) {
    return { ...error(405, 'invalid_request'), headers: { ...error(405, 'invalid_request').headers, allow: allowed } };
  }
  switch (call.operation) {
    case 'token.exchange': return exchangeCode(world, exchange, call.form);
    case 'token.refresh': return refreshToken(world, exchange, call.form);
    case 'token.other': return otherGrant(world, exchange, call.form);
    case 'revoke': return revoke(world, exchange, call.form);
    case 'userinfo': return userInfo(world, exchange);
    case 'jwks': return json(200, await world.signingKey.jwks());
    default: return json(200, discovery(exchange));
  }
}

async function exchangeCode(world: World, exchange: Exchange, form: URLSearchParams): Promise<Reply> {
  const app = authenticate(world, exchange, form);
  if (!app) return error(401, 'invalid_client');
  const code = form.get('code');
  const redirectUri = form.get('redirect_uri');
  if (!code || !redirectUri) return error(400, 'invalid_request');
  const done = world.grants.exchange(code, app.clientId, redirectUri);
  return done ? tokenAnswer(world, exchange, done.grant, done.pair, { nonce: done.code.nonce }) : invalidGrant(world);
}

async function refreshToken(world: World, exchange: Exchange, form: URLSearchParams): Promise<Reply> {
  const app = authenticate(world, exchange, form);
  if (!app) return error(401, 'invalid_client');
  const token = form.get('refresh_token');
  if (!token) return error(400, 'invalid_request');
  const done = world.grants.refresh(token, app.clientId);
  if (!done) return invalidGrant(world);
  const withIdToken = world.switches.idTokenOnRefresh === 'yes';
  return tokenAnswer(world, exchange, done.grant, done.pair, withIdToken ? { nonce: null } : undefined);
}

function otherGrant(world: World, exchange: Exchange, form: URLSearchParams): Reply {
  if (!authenticate(world, exchange, form)) return error(401, 'invalid_client');
  return error(400, form.get('grant_type') ? world.switches.unsupportedGrantType : 'invalid_request');
}

/** The body of the token endpoint (quickbooks.md §1.4). @param idToken given when the answer carries one. */
export async function tokenBody(
  world: World, grant: Grant, pair: TokenPair, hardExpiry: boolean, idToken: { nonce: string | null } | undefined,
): Promise<Record<string, unknown>> {
  const person = world.person(grant.personId);
  const wantsIdToken = idToken && person && grant.scopes.includes('openid');
  return {
    token_type: 'bearer',
    expires_in: ACCESS_SECONDS,
    refresh_token: pair.refreshToken,
    x_refresh_token_expires_in: pair.refreshSeconds,
    ...(hardExpiry ? { x_refresh_token_hard_expires_in: pair.hardSeconds } : {}),
    access_token: pair.accessToken,
    ...(wantsIdToken
      ? { id_token: await world.signingKey.idToken(person, grant.clientId, grant.realmId, idToken.nonce, world.clock.wall()) }
      : {}),
  };
}

async function tokenAnswer(
  world: World, exchange: Exchange, grant: Grant, pair: TokenPair, idToken: { nonce: string | null } | undefined,
): Promise<Reply> {
  const hardExpiry = exchange.request.headers['x-include-refresh-token-hard-expires-in'] === 'true';
  return json(200, await tokenBody(world, grant, pair, hardExpiry, idToken), NO_STORE);
}

/** Either token ends the grant; a dead one is a 400 (quickbooks.md §1.7). */
function revoke(world: World, exchange: Exchange, form: URLSearchParams): Reply {
  const app = authenticate(world, exchange, form);
  if (!app) return error(401, 'invalid_client');
  const token = form.get('token');
  if (!token) return error(400, 'invalid_request');
  if (!world.grants.revokeToken(token, app.clientId)) return error(400, 'invalid_request');
  return { status: 200, headers: NO_STORE, body: '' };
}

function userInfo(world: World, exchange: Exchange): Reply {
  const check = world.grants.checkAccess(bearer(exchange) ?? '');
  if (check.state !== 'good') return error(401, 'invalid_token');
  const person = world.person(check.grant.personId);
  if (!person || !check.grant.scopes.includes('openid')) return error(403, 'insufficient_scope');
  const { scopes } = check.grant;
  return json(200, {
    sub: person.sub,
    ...(scopes.includes('email') ? { email: person.email, emailVerified: person.emailVerified } : {}),
    ...(scopes.includes('profile') ? { givenName: person.givenName, familyName: person.familyName } : {}),
    ...(scopes.includes('phone') ? { phoneNumber: '+1 5555550100', phoneNumberVerified: false } : {}),
    ...(scopes.includes('address')
      ? { address: { streetAddress: '2500 Garcia Avenue', locality: 'Mountain View', region: 'CA', postalCode: '94043',
        country: 'US' } }
      : {}),
  }, NO_STORE);
}

/** Intuit's document with this sandbox's addresses; the issuer stays Intuit's literal one (A1.1). */
function discovery({ origin }: Exchange): Record<string, unknown> {
  return {
    issuer: ISSUER,
    authorization_endpoint: `${origin}/connect/oauth2`,
    token_endpoint: `${origin}/oauth2/v1/tokens/bearer`,
    userinfo_endpoint: `${origin}/v1/openid_connect/userinfo`,
    revocation_endpoint: `${origin}/v2/oauth2/tokens/revoke`,
    jwks_uri: `${origin}/op/v1/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile', 'address', 'phone'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    claims_supported: ['aud', 'exp', 'iat', 'iss', 'realmid', 'sub'],
  };
}

/** `Basic base64(id:secret)`, or both in the form. */
function authenticate(world: World, exchange: Exchange, form: URLSearchParams): RegisteredApp | undefined {
  const basic = /^Basic\s+([A-Za-z0-9+/=_-]+)$/i.exec(exchange.request.headers.authorization ?? '')?.[1];
  const pair = basic === undefined
    ? [form.get('client_id') ?? '', form.get('client_secret') ?? '']
    : splitOnce(Buffer.from(basic, 'base64').toString('utf8'));
  const app = world.apps.get(pair[0] ?? '');
  return app && app.clientSecret === pair[1] ? app : undefined;
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(':');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** A form, or for revocation JSON; anything else counts as empty and so misses its parameters. */
function readForm({ request, body }: Exchange): URLSearchParams {
  const type = contentType(request);
  if (type === 'application/x-www-form-urlencoded') return new URLSearchParams(body);
  const object = type === 'application/json' ? readObject(body) : undefined;
  const token = isObject(object) ? object['token'] : undefined;
  return new URLSearchParams(typeof token === 'string' ? { token } : {});
}

export function bearer({ request }: Exchange): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

function error(status: number, code: string): Reply {
  const challenge: Record<string, string> = status === 401 ? { 'www-authenticate': 'Basic realm="Intuit"' } : {};
  return json(status, { error: code }, { ...NO_STORE, ...challenge });
}

const INVALID_GRANT = {
  bare: '{"error":"invalid_grant"}',
  incorrect: '{"error_description":"Incorrect or invalid refresh token","error":"invalid_grant"}',
  'token-invalid': '{"error_description":"Token invalid","error":"invalid_grant"}',
} as const;

/** One of the recorded bodies, byte for byte (A1.6). */
export function invalidGrant(world: World): Reply {
  return { ...error(400, 'invalid_grant'), body: INVALID_GRANT[world.switches.invalidGrantText] };
}
