import { expect } from 'chai';
import { SignJWT, exportJWK, generateKeyPair, importJWK, type JWTPayload } from 'jose';
import { existsSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { GrantError, type Clock, type Identity } from '../../server/core/ports.ts';
import { intuitIdentity, type IntuitSettings } from '../../server/qbo/identity.ts';
import { answering, deadAddress, json, plain, socketAnswering, type Answering, type Sent, type Wire } from './wire.ts';

const ISSUER = 'https://oauth.platform.intuit.com/op/v1';
const CLIENT = 'client-1';
const SECRET = 'canary-client-secret-0123456789';
const APP = { clientId: CLIENT, clientSecret: SECRET };
const CODE = 'canary-code-0123456789';
const ACCESS = 'canary-access-0123456789';
const REFRESH = 'AB11canary-refresh-0123456789';
const REDIRECT = 'https://app.example.com/qbo/callback';
const NOW = Date.parse('2026-11-23T09:00:00Z');
const clock: Clock = { now: () => NOW, sleep: async () => {} };

const LIFETIMES = { expires_in: 3_600, x_refresh_token_expires_in: 8_726_400 };
const TOKENS = { token_type: 'bearer', access_token: ACCESS, refresh_token: REFRESH, ...LIFETIMES };
const PERSON = { sub: 'sub-1', email: 'bo@example.com', emailVerified: true, givenName: 'Bo', familyName: 'Keeper' };

/** How this Intuit differs from a well-behaved one. */
interface Oddities {
  readonly claims?: JWTPayload;
  readonly tokens?: Record<string, unknown>;
  readonly person?: Record<string, unknown>;
  readonly signedBy?: 'us' | 'stranger';
  readonly algorithm?: 'RS256' | 'PS256';
  readonly token?: Answering;
  readonly userinfo?: Answering;
  readonly revoke?: Answering;
  readonly jwks?: Answering;
}

describe('qbo: identity', () => {
  const wires: Wire[] = [];
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  let stranger: Awaited<ReturnType<typeof generateKeyPair>>;

  before(async () => {
    keys = await generateKeyPair('RS256', { extractable: true });
    stranger = await generateKeyPair('RS256', { extractable: true });
  });

  afterEach(async () => {
    await Promise.all(wires.splice(0).map((wire) => wire.close()));
  });

  async function idToken({ claims, signedBy = 'us', algorithm = 'RS256' }: Oddities): Promise<string> {
    const seconds = NOW / 1_000;
    const said = { sub: 'sub-1', aud: [CLIENT], iss: ISSUER, iat: seconds, exp: seconds + 3_600, nonce: 'nonce-1', ...claims };
    const present = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
    const key = await exportJWK(signedBy === 'us' ? keys.privateKey : stranger.privateKey);
    return new SignJWT(present).setProtectedHeader({ alg: algorithm, kid: 'key-1' }).sign(await importJWK(key, algorithm));
  }

  async function wire(answer: Answering): Promise<Wire> {
    const made = await answering(answer);
    wires.push(made);
    return made;
  }

  /** An Intuit of real HTTP that behaves as recorded, but for the oddities. */
  async function intuit(odd: Oddities = {}): Promise<Wire> {
    const signed = await idToken(odd);
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'key-1', use: 'sig' };
    const usual: Record<string, Answering> = {
      '/token': (response) => json(response, 200, { ...TOKENS, id_token: signed, ...odd.tokens }, { intuit_tid: 'tid-token' }),
      '/userinfo': (response) => json(response, 200, odd.person ?? PERSON),
      '/revoke': (response) => plain(response, 200, ''),
      '/jwks': (response) => json(response, 200, { keys: [jwk] }),
    };
    const own = new Map([['/token', odd.token], ['/userinfo', odd.userinfo], ['/revoke', odd.revoke], ['/jwks', odd.jwks]]);
    const answerFor = (path: string) => own.get(path) ?? usual[path] ?? notThere;
    return wire((response, sent, nth) => answerFor(sent.url.pathname)(response, sent, nth));
  }

  function notThere(response: ServerResponse): void {
    plain(response, 404, '');
  }

  function identityAt(base: string, more: Partial<IntuitSettings> = {}): Identity {
    const endpoints = {
      authorize: `${base}/authorize`, token: `${base}/token`, revoke: `${base}/revoke`, userinfo: `${base}/userinfo`,
      jwks: `${base}/jwks`, issuer: ISSUER,
    };
    return intuitIdentity({ ...APP, environment: 'sandbox', endpoints, fetchTimeoutMs: 3_000, clock, ...more });
  }

  const exchange = (identity: Identity) => identity.exchange({ code: CODE, redirectUri: REDIRECT, nonce: 'nonce-1' });

  async function grantError(work: Promise<unknown>): Promise<GrantError> {
    const error = await work.then(() => null, (caught: unknown) => caught);
    if (!(error instanceof GrantError)) throw new Error(`expected a GrantError, got ${String(error)}`);
    expect(JSON.stringify([error, error.message, error.stack, error.cause])).not.to.match(/canary/);
    return error;
  }

  const at = (seen: Wire, path: string): Sent[] => seen.sent.filter((sent) => sent.url.pathname === path);

  describe('the way to Intuit', () => {
    const ask = { redirectUri: REDIRECT, state: 'state 1&2', nonce: 'nonce-1' };

    it('for signing in asks for who it is only', () => {
      const url = new URL(identityAt('http://intuit.test').authorizeUrl({ ...ask, purpose: 'sign_in' }));
      expect(`${url.origin}${url.pathname}`).to.equal('http://intuit.test/authorize');
      expect(Object.fromEntries(url.searchParams)).to.deep.equal({
        client_id: CLIENT, response_type: 'code', redirect_uri: REDIRECT, scope: 'openid profile email', state: 'state 1&2',
        nonce: 'nonce-1',
      });
    });

    it('for connecting asks for the books too', () => {
      const url = new URL(identityAt('http://intuit.test').authorizeUrl({ ...ask, purpose: 'connect' }));
      expect(url.searchParams.get('scope')).to.equal('com.intuit.quickbooks.accounting openid profile email');
    });

    it('is Intuit’s own when nothing else is said', () => {
      const identity = intuitIdentity({ ...APP, environment: 'production', fetchTimeoutMs: 1_000, clock });
      const url = identity.authorizeUrl({ ...ask, purpose: 'sign_in' });
      expect(url).to.match(/^https:\/\/appcenter\.intuit\.com\/connect\/oauth2\?/);
    });
  });

  describe('exchanging a code', () => {
    it('gives the grant, with absolute times, and the person', async () => {
      const seen = await intuit({ tokens: { x_refresh_token_hard_expires_in: 157_680_000 } });
      expect(await exchange(identityAt(seen.url))).to.deep.equal({
        grant: {
          accessToken: ACCESS, refreshToken: REFRESH, accessExpiresAt: new Date(NOW + 3_600_000),
          refreshExpiresAt: new Date(NOW + 8_726_400_000), refreshHardExpiresAt: new Date(NOW + 157_680_000_000),
        },
        person: { sub: 'sub-1', email: 'bo@example.com', emailVerified: true, name: 'Bo Keeper' },
      });
    });

    it('sends the form Intuit wants, with the secret in its header and a wish for the final expiry', async () => {
      const seen = await intuit();
      await exchange(identityAt(seen.url));
      const [sent] = at(seen, '/token');
      const form = Object.fromEntries(new URLSearchParams(sent?.body));
      expect(form).to.deep.equal({ grant_type: 'authorization_code', code: CODE, redirect_uri: REDIRECT });
      expect(sent?.headers).to.include({
        accept: 'application/json', 'x-include-refresh-token-hard-expires-in': 'true',
        authorization: `Basic ${Buffer.from(`${CLIENT}:${SECRET}`).toString('base64')}`,
      });
      expect(sent?.headers['content-type']).to.match(/^application\/x-www-form-urlencoded/);
      expect(at(seen, '/userinfo')[0]?.headers.authorization).to.equal(`Bearer ${ACCESS}`);
    });

    it('carries any code whole', async () => {
      const seen = await intuit();
      await identityAt(seen.url).exchange({ code: 'a+b/c=d&e%20f', redirectUri: REDIRECT, nonce: 'nonce-1' });
      expect(new URLSearchParams(at(seen, '/token')[0]?.body).get('code')).to.equal('a+b/c=d&e%20f');
    });

    it('writes no log file', async () => {
      await exchange(identityAt((await intuit()).url));
      expect(existsSync('logs')).to.equal(false);
    });

    it('tells an e-mail that is not verified', async () => {
      const { url } = await intuit({ person: { sub: 'sub-1', email: 'bo@example.com', emailVerified: false } });
      const { person } = await exchange(identityAt(url));
      expect(person).to.deep.equal({ sub: 'sub-1', email: 'bo@example.com', emailVerified: false, name: 'bo@example.com' });
    });

    it('takes no missing e-mail for verified', async () => {
      const { person } = await exchange(identityAt((await intuit({ person: { sub: 'sub-1', emailVerified: true } })).url));
      expect(person).to.include({ email: '', emailVerified: false });
    });

    it('reads the keys once for several people', async () => {
      const seen = await intuit();
      const identity = identityAt(seen.url);
      await exchange(identity);
      await exchange(identity);
      expect(at(seen, '/jwks')).to.have.lengthOf(1);
    });

    for (const [what, odd] of [
      ['of another issuer', { claims: { iss: 'https://evil.example.com/op/v1' } }],
      ['for another app', { claims: { aud: ['client-2'] } }],
      ['that has expired', { claims: { exp: NOW / 1_000 - 120 } }],
      ['without expiry', { claims: { exp: undefined } }],
      ['with another nonce', { claims: { nonce: 'nonce-2' } }],
      ['that names nobody', { claims: { sub: undefined } }],
      ['signed by a stranger', { signedBy: 'stranger' }],
      ['signed in another way', { algorithm: 'PS256' }],
      ['that is missing', { tokens: { id_token: undefined } }],
      ['that is no token', { tokens: { id_token: 'canary.nonsense.x' } }],
      ['about somebody other than UserInfo', { person: { ...PERSON, sub: 'sub-2' } }],
    ] as [string, Oddities][]) {
      it(`refuses an id_token ${what}`, async () => {
        expect((await grantError(exchange(identityAt((await intuit(odd)).url)))).kind).to.equal('refused');
      });
    }

    it('refuses an id_token signed with nothing', async () => {
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const claims = { sub: 'sub-1', aud: [CLIENT], iss: ISSUER, exp: NOW / 1_000 + 60, nonce: 'nonce-1' };
      const { url } = await intuit({ tokens: { id_token: `${part({ alg: 'none' })}.${part(claims)}.` } });
      expect((await grantError(exchange(identityAt(url)))).kind).to.equal('refused');
    });

    it('takes an id_token without nonce, as Intuit is said to send', async () => {
      const { person } = await exchange(identityAt((await intuit({ claims: { nonce: undefined } })).url));
      expect(person.sub).to.equal('sub-1');
    });

    it('refuses an id_token without nonce where one is required', async () => {
      const { url } = await intuit({ claims: { nonce: undefined } });
      expect((await grantError(exchange(identityAt(url, { nonceRequired: true })))).kind).to.equal('refused');
    });

    it('does not judge an id_token when the keys cannot be read', async () => {
      const seen = await intuit({ jwks: (response) => plain(response, 503, 'down') });
      expect((await grantError(exchange(identityAt(seen.url)))).kind).to.equal('unreachable');
    });

    it('does not ask without a code', async () => {
      const seen = await intuit();
      const error = await grantError(identityAt(seen.url).exchange({ code: '', redirectUri: REDIRECT, nonce: 'n' }));
      expect(error.kind).to.equal('refused');
      expect(seen.sent).to.have.lengthOf(0);
    });

    it('is refused when UserInfo refuses the token, and tells nothing of it', async () => {
      const seen = await intuit({ userinfo: (response) => json(response, 401, { error: ACCESS }) });
      expect((await grantError(exchange(identityAt(seen.url)))).kind).to.equal('refused');
    });
  });

  describe('when the token endpoint fails', () => {
    const failing = async (token: Answering) =>
      grantError(identityAt((await intuit({ token })).url, { fetchTimeoutMs: 300 }).refresh(REFRESH));

    for (const [what, kind, answer] of [
      ['invalid_grant', 'invalid_grant', (response) => json(response, 400, { error: 'invalid_grant' }, { intuit_tid: 'tid-1' })],
      ['invalid_grant with a description', 'invalid_grant', (response) =>
        json(response, 400, { error_description: `Token invalid ${REFRESH}`, error: 'invalid_grant' })],
      ['invalid_client', 'refused', (response) => json(response, 401, { error: 'invalid_client' })],
      ['an empty 401', 'refused', (response) => plain(response, 401, '')],
      ['a 400 that repeats the token', 'refused', (response) => json(response, 400, { error: REFRESH })],
      ['429', 'unreachable', (response) => plain(response, 429, '')],
      ['500', 'unreachable', (response) => plain(response, 500, '<html>canary</html>')],
      ['a redirect', 'unreachable', (response) => plain(response, 302, '', { location: 'http://127.0.0.1:1/' })],
      ['HTML in a 200', 'unreachable', (response) => plain(response, 200, '<html>canary</html>')],
      ['half a token pair', 'unreachable', (response) => json(response, 200, { ...TOKENS, refresh_token: undefined })],
      ['a lifetime that is no number', 'unreachable', (response) => json(response, 200, { ...TOKENS, expires_in: 'soon' })],
      ['half its JSON', 'unreachable', (response) => {
        response.writeHead(200, { 'content-length': '500', 'content-type': 'application/json' });
        response.write('{"access_token":"canary', () => response.destroy());
      }],
      ['far too much', 'unreachable', (response) => plain(response, 200, 'x'.repeat(400_000))],
      ['nothing', 'unreachable', () => {}],
      ['a drip', 'unreachable', (response) => {
        response.writeHead(200);
        const drip = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(drip));
      }],
    ] as [string, GrantError['kind'], Answering][]) {
      it(`${what} is ${kind}`, async () => {
        expect((await failing(answer)).kind).to.equal(kind);
      });
    }

    it('tells the trace id', async () => {
      const error = await failing((response) => json(response, 400, { error: 'invalid_grant' }, { intuit_tid: 'tid-1' }));
      expect(error.intuitTid).to.equal('tid-1');
    });

    it('does not repeat the call: a second one could kill the grant', async () => {
      const seen = await intuit({ token: (response) => plain(response, 503, '') });
      await grantError(identityAt(seen.url).refresh(REFRESH));
      expect(seen.sent).to.have.lengthOf(1);
    });

    it('does not repeat a call whose connection was cut', async () => {
      let calls = 0;
      const cutting = await socketAnswering((socket) => {
        calls += 1;
        socket.resetAndDestroy();
      });
      wires.push(cutting);
      expect((await grantError(identityAt(cutting.url).refresh(REFRESH))).kind).to.equal('unreachable');
      expect(calls).to.equal(1);
    });

    it('by not being there, it is unreachable', async () => {
      expect((await grantError(identityAt(await deadAddress()).refresh(REFRESH))).kind).to.equal('unreachable');
    });
  });

  it('refreshes with the token it is given', async () => {
    const seen = await intuit();
    const grant = await identityAt(seen.url).refresh('AB11-older');
    const form = Object.fromEntries(new URLSearchParams(seen.sent[0]?.body));
    expect(form).to.deep.equal({ grant_type: 'refresh_token', refresh_token: 'AB11-older' });
    expect(grant).to.include({ accessToken: ACCESS, refreshToken: REFRESH, refreshHardExpiresAt: null });
  });

  describe('revoking', () => {
    const revoking = async (revoke: Answering) => identityAt((await intuit({ revoke })).url).revoke(REFRESH);

    it('sends the refresh token as JSON', async () => {
      const seen = await intuit();
      await identityAt(seen.url).revoke(REFRESH);
      expect(JSON.parse(seen.sent[0]?.body ?? '')).to.deep.equal({ token: REFRESH });
    });

    it('is done when the grant was dead already', async () => {
      await revoking((response) => plain(response, 400, ''));
    });

    it('is not done when Intuit does not know the app', async () => {
      const error = await grantError(revoking((response) => json(response, 400, { error: 'invalid_client' })));
      expect(error.kind).to.equal('refused');
    });

    it('is not done when Intuit is down', async () => {
      expect((await grantError(revoking((response) => plain(response, 503, '')))).kind).to.equal('unreachable');
    });
  });

  it('keeps two Intuits of one process apart, even when their calls interleave', async () => {
    const one = await intuit({ tokens: { access_token: 'access-one' } });
    const two = await intuit({ tokens: { access_token: 'access-two' } });
    const [first, second] = [identityAt(one.url), identityAt(two.url)];
    const [a, b, c] = await Promise.all([exchange(first), exchange(second), first.refresh(REFRESH)]);
    expect([a.grant.accessToken, b.grant.accessToken, c.accessToken]).to.deep.equal(['access-one', 'access-two', 'access-one']);
    expect(at(one, '/userinfo').map((sent) => sent.headers.authorization)).to.deep.equal(['Bearer access-one']);
    expect(at(two, '/userinfo').map((sent) => sent.headers.authorization)).to.deep.equal(['Bearer access-two']);
  });
});
