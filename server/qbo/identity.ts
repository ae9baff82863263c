import OAuthClient from 'intuit-oauth';
import { GrantError, type Clock, type Grant, type Identity } from '../core/ports.ts';
import { isObject } from './classes.ts';
import { INTUIT_ENDPOINTS, pointAt, type IntuitEndpoints, type IntuitEnvironment } from './endpoints.ts';
import type { SeenCall } from './call.ts';
import { personOf, signingKeys, subjectOf } from './person.ts';

export interface IntuitSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly environment: IntuitEnvironment;
  /** Intuit's own for the environment when left out. */
  readonly endpoints?: IntuitEndpoints;
  /** For one call to Intuit with its whole answer, in milliseconds. */
  readonly fetchTimeoutMs: number;
  readonly clock: Clock;
  /**
   * Whether an id_token must repeat our nonce. Off unless said: Intuit is reported to leave it out
   * (github.com/jumbojett/OpenID-Connect-PHP issue 163). A nonce that is there is always compared.
   */
  readonly nonceRequired?: boolean;
  /** Hears of every call once it has ended. */
  readonly seen?: (call: SeenCall) => void;
}

const SIGN_IN_SCOPES = ['openid', 'profile', 'email'];
const CONNECT_SCOPES = ['com.intuit.quickbooks.accounting', ...SIGN_IN_SCOPES];
/** Bytes; the longest true answer is a token pair with an id_token, under 10 KB. */
const ANSWER_LIMIT = 256 * 1024;

/** What Intuit answered, or that it did not. */
interface Answer {
  readonly status: number | null;
  readonly intuitTid: string | null;
  readonly body: unknown;
}

const NO_ANSWER: Answer = { status: null, intuitTid: null, body: null };

/**
 * Intuit's OAuth 2.0 and OpenID Connect by intuit-oauth (quickbooks.md §1). Whoever calls `exchange` has compared `state` before:
 * the library never does. Errors are GrantErrors whose messages hold a status and Intuit's error word, never a code, token or
 * secret. Identities with different endpoints may live in one process (see pointAt).
 */
export function intuitIdentity(settings: IntuitSettings): Identity {
  const endpoints = settings.endpoints ?? INTUIT_ENDPOINTS[settings.environment];
  const { clientId, clock, nonceRequired = false } = settings;
  const keys = signingKeys(endpoints.jwks, settings.fetchTimeoutMs);
  const rules = { issuer: endpoints.issuer, clientId, clock, keys, nonceRequired };
  const ask = (what: string, prepare: Preparation, use: Use) => answerTo(settings, endpoints, what, prepare, use);
  const call = async (what: string, prepare: Preparation, use: Use) => done(await ask(what, prepare, use));

  return {
    authorizeUrl: ({ purpose, redirectUri, state, nonce }) => {
      const client = newClient(settings, { redirectUri });
      pointAt(endpoints);
      const url = new URL(client.authorizeUri({ scope: purpose === 'connect' ? CONNECT_SCOPES : SIGN_IN_SCOPES, state }));
      url.searchParams.set('nonce', nonce);
      return url.href;
    },

    exchange: async ({ code, redirectUri, nonce }) => {
      // Without a code the library would post an empty form.
      if (code === '') throw new GrantError('refused', 'Intuit sent no code.');
      const sentAt = clock.now();
      const answered = `${redirectUri}?${new URLSearchParams({ code })}`;
      const given = await call('exchange', { redirectUri }, (client) => client.createToken(answered));
      const grant = grantOf(given, sentAt);
      const sub = await subjectOf(isObject(given.body) ? given.body['id_token'] : null, nonce, rules, given.intuitTid);
      const who = await call('userinfo', { accessToken: grant.accessToken }, (client) => client.getUserInfo());
      return { grant, person: personOf(who.body, sub, who.intuitTid) };
    },

    refresh: async (refreshToken) => {
      const sentAt = clock.now();
      return grantOf(await call('refresh', {}, (client) => client.refreshUsingToken(refreshToken)), sentAt);
    },

    revoke: async (refreshToken) => {
      const answer = await ask('revoke', {}, (client) => client.revoke({ refresh_token: refreshToken }));
      // 400 says the grant was dead already (quickbooks.md §1.7).
      if (answer.status !== 400 || errorWord(answer.body) === 'invalid_client') done(answer);
    },
  };
}

type Use = (client: OAuthClient) => Promise<unknown>;

interface Preparation {
  readonly redirectUri?: string;
  readonly accessToken?: string;
}

/** A client of its own for every call: it holds one token, which must never reach another person's call (engineering.md §2.7). */
function newClient(settings: IntuitSettings, prepare: Preparation): OAuthClient {
  return new OAuthClient({
    environment: settings.environment,
    clientId: settings.clientId,
    clientSecret: settings.clientSecret,
    redirectUri: prepare.redirectUri ?? '',
    logging: false,
    includeRefreshTokenHardExpiresIn: true,
    ...(prepare.accessToken !== undefined && { token: { access_token: prepare.accessToken } }),
  });
}

/**
 * Lets the library make one call and keeps what came back. The library has no time-out, follows redirects, and drops the status
 * of an answer without body; so its one door to the network, `loadResponse`, gets limits and a witness.
 */
async function answerTo(settings: IntuitSettings, endpoints: IntuitEndpoints, what: string, prepare: Preparation, use: Use): Promise<Answer> {
  const client = newClient(settings, prepare);
  const giveUp = new AbortController();
  const limits = { maxRedirects: 0, maxContentLength: ANSWER_LIMIT, proxy: false, signal: giveUp.signal };
  const timer = setTimeout(() => giveUp.abort(), settings.fetchTimeoutMs);
  const seen: { answer?: Answer } = {};
  const startedAt = settings.clock.now();

  client.loadResponse = async (request: object) => {
    try {
      const response: unknown = await OAuthClient.prototype.loadResponse.call(client, { ...request, ...limits });
      seen.answer = answerIn(response);
      return response;
    } catch (error) {
      seen.answer = answerIn(isObject(error) ? error['response'] : null);
      throw error;
    }
  };
  try {
    pointAt(endpoints);
    await use(client);
  } catch (error) {
    // What the library throws about a call quotes request and answer; the witness has all that may be told.
    if (seen.answer === undefined) throw error;
  } finally {
    clearTimeout(timer);
    settings.seen?.(seenCall(what, seen.answer ?? NO_ANSWER, settings.clock.now() - startedAt));
  }
  return seen.answer ?? NO_ANSWER;
}

function seenCall(what: string, { status, intuitTid }: Answer, took: number): SeenCall {
  const outcome = status === null ? 'unknown' : status < 300 ? 'answered' : status === 429 ? 'throttled' : 'refused';
  return { kind: 'oauth', what, batch: null, outcome, status, intuitTid, took, faults: [] };
}

function answerIn(response: unknown): Answer {
  if (!isObject(response) || typeof response['status'] !== 'number') return NO_ANSWER;
  const headers = isObject(response['headers']) ? response['headers'] : {};
  const tid = headers['intuit_tid'] ?? headers['intuit-tid'];
  return { status: response['status'], intuitTid: typeof tid === 'string' ? tid.slice(0, 100) : null, body: response['data'] };
}

/** The answer when it is a 2xx; else throws GrantError. 408, 429, redirects and 5xx may pass or be half done: `unreachable`. */
function done(answer: Answer): Answer {
  const { status, intuitTid, body } = answer;
  if (status === null) throw new GrantError('unreachable', 'Intuit did not answer.', intuitTid);
  if (status >= 200 && status <= 299) return answer;
  const word = errorWord(body);
  const said = `Intuit answered ${status}${word === null ? '' : ` ${word}`}.`;
  if (status === 400 && word === 'invalid_grant') throw new GrantError('invalid_grant', said, intuitTid);
  const definite = status >= 400 && status <= 499 && status !== 408 && status !== 429;
  throw new GrantError(definite ? 'refused' : 'unreachable', said, intuitTid);
}

/** OAuth's error word, such as invalid_client; nothing that could be a token. */
function errorWord(body: unknown): string | null {
  const word = isObject(body) ? body['error'] : null;
  return typeof word === 'string' && /^[a-z_]{1,40}$/.test(word) ? word : null;
}

/** Reads a token answer (quickbooks.md §1.4). Lifetimes count from `sentAt`, so that they never end later than Intuit's. */
function grantOf({ body, intuitTid }: Answer, sentAt: number): Grant {
  const given = isObject(body) ? body : {};
  const accessToken = textIn(given, 'access_token');
  const refreshToken = textIn(given, 'refresh_token');
  const access = secondsIn(given, 'expires_in');
  const refresh = secondsIn(given, 'x_refresh_token_expires_in');
  const hard = secondsIn(given, 'x_refresh_token_hard_expires_in');
  if (accessToken === null || refreshToken === null || access === null || refresh === null) {
    throw new GrantError('unreachable', 'Intuit’s answer holds no whole token pair.', intuitTid);
  }
  const after = (seconds: number) => new Date(sentAt + seconds * 1_000);
  return {
    accessToken,
    refreshToken,
    accessExpiresAt: after(access),
    refreshExpiresAt: after(refresh),
    refreshHardExpiresAt: hard === null ? null : after(hard),
  };
}

function textIn(given: Readonly<Record<string, unknown>>, member: string): string | null {
  const value = given[member];
  return typeof value === 'string' && value !== '' ? value : null;
}

function secondsIn(given: Readonly<Record<string, unknown>>, member: string): number | null {
  const seconds = Number(given[member] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}
