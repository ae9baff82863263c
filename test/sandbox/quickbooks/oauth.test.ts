import { expect } from 'chai';
import { createLocalJWKSet, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { ACCOUNTING, APP, Bench, read, Visitor } from './support.ts';

const SIGN_IN = 'openid profile email';

describe('QuickBooks sandbox: OAuth and OpenID', () => {
  let bench: Bench;
  let visitor: Visitor;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());
  beforeEach(async () => {
    await bench.freshCompany();
    visitor = new Visitor(bench);
  });

  const query = (change: Record<string, string> = {}): string => new URLSearchParams({
    client_id: APP.clientId, response_type: 'code', scope: `${ACCOUNTING} ${SIGN_IN}`,
    redirect_uri: 'http://localhost:9/callback', state: 'st-1',
    ...change,
  }).toString();
  const landed = (location: string | null): URLSearchParams => new URL(location ?? 'none:').searchParams;

  async function approve(change: Record<string, string> = {}): Promise<URLSearchParams> {
    await visitor.signIn();
    const answer = await visitor.post('/connect/oauth2', { query: query(change), decision: 'approve', company: bench.realmId });
    return landed(answer.headers.get('location'));
  }

  const exchange = (code: string, change: Record<string, string> = {}) => bench.tokenCall({
    grant_type: 'authorization_code', code, redirect_uri: 'http://localhost:9/callback', ...change,
  });
  const refresh = (token: string) => bench.tokenCall({ grant_type: 'refresh_token', refresh_token: token });

  describe('authorize', () => {
    it('asks who you are, the first person chosen, and then goes on', async () => {
      const asked = await visitor.get(`/connect/oauth2?${query()}`);
      expect(asked.text).to.match(/value="mara" checked/);
      const next = await visitor.post('/app/signin', { person: 'mara', continue: `/connect/oauth2?${query()}` });
      expect(next.headers.get('location')).to.equal(`/connect/oauth2?${query()}`);
      expect((await visitor.get(`/connect/oauth2?${query()}`)).text).to.include('Connect Cost code courier').and.include(
        'Test company');
    });

    it('answers code, state and realmId after Approve', async () => {
      const back = await approve();
      expect(back.get('state')).to.equal('st-1');
      expect(back.get('realmId')).to.equal(bench.realmId);
      expect(back.get('code')).to.match(/^AB11/);
      expect((back.get('code') ?? '').length).to.be.at.most(512);
    });

    it('answers access_denied and the state after Cancel', async () => {
      await visitor.signIn();
      const answer = await visitor.post('/connect/oauth2', { query: query(), decision: 'cancel' });
      expect(answer.headers.get('location')).to.equal('http://localhost:9/callback?error=access_denied&state=st-1');
    });

    it('is silent for sign-in alone once the person is known, and names no realm', async () => {
      await visitor.signIn();
      const answer = await visitor.get(
        `/connect/oauth2?${query({ scope: SIGN_IN, redirect_uri: 'http://localhost:9/signed-in' })}`);
      const back = landed(answer.headers.get('location'));
      expect(answer.status).to.equal(302);
      expect(back.get('code')).to.be.a('string');
      expect(back.has('realmId')).to.equal(false);
    });

    it('sends an unknown scope back as invalid_scope', async () => {
      const answer = await visitor.get(`/connect/oauth2?${query({ scope: 'everything' })}`);
      expect(answer.headers.get('location')).to.equal('http://localhost:9/callback?error=invalid_scope&state=st-1');
    });

    for (const [what, change] of [
      ['a redirect address that differs by a slash', { redirect_uri: 'http://localhost:9/callback/' }],
      ['an unknown client', { client_id: 'other' }], ['a missing state', { state: '' }],
    ] as const) {
      it(`never redirects on ${what}`, async () => {
        const answer = await visitor.get(`/connect/oauth2?${query(change)}`);
        expect(answer.status).to.equal(400);
        expect(answer.headers.get('location')).to.equal(null);
      });
    }

    it('lets only administrators of a company approve', async () => {
      await visitor.signIn('priya');
      const answer = await visitor.post('/connect/oauth2', { query: query(), decision: 'approve', company: bench.realmId });
      expect(answer.status).to.equal(403);
      expect(answer.text).to.include('Only an administrator');
    });

    it('refuses a consent form sent from another site', async () => {
      await visitor.signIn();
      const form = { query: query(), decision: 'approve', company: bench.realmId };
      expect((await visitor.post('/connect/oauth2', form, { origin: 'http://evil.example' })).status).to.equal(403);
      expect((await visitor.post('/connect/oauth2', form, { 'sec-fetch-site': 'cross-site' })).status).to.equal(403);
    });

    it('finds a company among many by name', async () => {
      await visitor.signIn();
      const page = await visitor.get(`/connect/oauth2?${query()}&find=ridge`);
      expect(page.text).to.include('Ridgeline Mechanical').and.not.include('Hillside Builders');
    });
  });

  describe('token endpoint', () => {
    it('answers a token pair of Intuit\'s shape, never stored on the way', async () => {
      const answer = await exchange((await approve()).get('code') ?? '');
      const body = read(answer);
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('cache-control')).to.equal('no-cache, no-store');
      expect(body.at('token_type')).to.equal('bearer');
      expect(body.at('expires_in')).to.equal(3600);
      expect(body.at('x_refresh_token_expires_in')).to.equal(8_726_400);
      expect(body.text('access_token')).to.match(/^eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0\.\./).and.satisfy(
        (token: string) => token.length > 800);
      expect(body.text('refresh_token')).to.match(/^AB11\w{46}$/);
      expect(body.value).not.to.have.property('x_refresh_token_hard_expires_in');
    });

    it('tells the hard end of the refresh token when asked', async () => {
      const code = (await approve()).get('code') ?? '';
      const form = { grant_type: 'authorization_code', code, redirect_uri: 'http://localhost:9/callback' };
      const answer = await bench.tokenCall(form, { 'x-include-refresh-token-hard-expires-in': 'true' });
      expect(read(answer).at('x_refresh_token_hard_expires_in')).to.equal(157_680_000);
    });

    it('signs an id_token that jose accepts, with nonce, realm and an array as audience', async () => {
      const answer = await exchange((await approve({ nonce: 'n-7' })).get('code') ?? '');
      const keys = read(await bench.send('GET', '/op/v1/jwks')).value as JSONWebKeySet;
      const { payload, protectedHeader } = await jwtVerify(read(answer).text('id_token'), createLocalJWKSet(keys), {
        issuer: 'https://oauth.platform.intuit.com/op/v1', audience: APP.clientId, algorithms: ['RS256'],
      });
      expect(payload).to.include({ nonce: 'n-7', realmid: bench.realmId });
      expect(payload.aud).to.deep.equal([APP.clientId]);
      expect(protectedHeader.kid).to.equal(keys.keys[0]?.kid);
    });

    it('takes a code once', async () => {
      const code = (await approve()).get('code') ?? '';
      await exchange(code);
      const again = await exchange(code);
      expect([again.status, again.text]).to.deep.equal([400, '{"error":"invalid_grant"}']);
    });

    it('takes no code after its ten virtual minutes', async () => {
      const code = (await approve()).get('code') ?? '';
      await bench.control('POST', '/sandbox/clock', { advanceSeconds: 601 });
      expect((await exchange(code)).text).to.equal('{"error":"invalid_grant"}');
    });

    it('takes no code with another redirect address', async () => {
      const code = (await approve()).get('code') ?? '';
      expect((await exchange(code, { redirect_uri: 'http://localhost:9/signed-in' })).status).to.equal(400);
    });

    it('answers invalid_client to a wrong secret and invalid_request to a missing parameter', async () => {
      const wrong = await bench.tokenCall({ grant_type: 'refresh_token', refresh_token: 'x' },
        { authorization: 'Basic bm86bm8=' });
      expect([wrong.status, wrong.text]).to.deep.equal([401, '{"error":"invalid_client"}']);
      const missing = await bench.tokenCall({ grant_type: 'authorization_code' });
      expect([missing.status, missing.text]).to.deep.equal([400, '{"error":"invalid_request"}']);
      const kind = await bench.tokenCall({ grant_type: 'password' });
      expect([kind.status, kind.text]).to.deep.equal([400, '{"error":"unsupported_grant_type"}']);
    });

    it('answers a JSON body as a request without parameters', async () => {
      const answer = await bench.send('POST', '/oauth2/v1/tokens/bearer',
        { grant_type: 'refresh_token', refresh_token: bench.refreshToken }, {
        authorization: `Basic ${Buffer.from(`${APP.clientId}:${APP.clientSecret}`).toString('base64')}`,
      });
      expect([answer.status, answer.text]).to.deep.equal([400, '{"error":"invalid_request"}']);
    });
  });

  describe('refresh', () => {
    it('repeats the refresh token within a day and changes it after; the old one dies', async () => {
      const first = read(await refresh(bench.refreshToken));
      expect(first.at('refresh_token')).to.equal(bench.refreshToken);
      await bench.control('POST', '/sandbox/clock', { advanceSeconds: 86_400 });
      const second = read(await refresh(bench.refreshToken));
      expect(second.at('refresh_token')).to.be.a('string').and.not.equal(bench.refreshToken);
      const dead = await refresh(bench.refreshToken);
      expect([dead.status, dead.text]).to.deep.equal([400, '{"error":"invalid_grant"}']);
      expect((await refresh(second.text('refresh_token'))).status).to.equal(200);
    });

    it('leaves earlier access tokens alive for their hour', async () => {
      await refresh(bench.refreshToken);
      expect((await bench.api('GET', 'preferences')).status).to.equal(200);
      await bench.control('POST', '/sandbox/clock', { advanceSeconds: 3601 });
      expect((await bench.api('GET', 'preferences')).status).to.equal(401);
    });

    it('ends after 101 days without use', async () => {
      await bench.control('POST', '/sandbox/clock', { advanceSeconds: 8_726_401 });
      expect((await refresh(bench.refreshToken)).status).to.equal(400);
    });

    it('ends for good after five years, however often it was used', async () => {
      let token = bench.refreshToken;
      for (let days = 0; days < 1825; days += 90) {
        await bench.control('POST', '/sandbox/clock', { advanceSeconds: 90 * 86_400 });
        const answer = await refresh(token);
        if (answer.status !== 200) break;
        token = read(answer).text('refresh_token');
      }
      expect((await refresh(token)).text).to.equal('{"error":"invalid_grant"}');
    });

    it('lets one of two parallel refreshes through and refuses the other when every refresh rotates', async () => {
      await bench.switches({ refreshRotation: 'always' });
      const both = await Promise.all([refresh(bench.refreshToken), refresh(bench.refreshToken)]);
      expect(both.map((each) => each.status).sort()).to.deep.equal([200, 400]);
    });

    it('ends the whole grant on reuse when asked to', async () => {
      await bench.switches({ refreshRotation: 'always', oldRefreshToken: 'kills-family' });
      const next = read(await refresh(bench.refreshToken)).text('refresh_token');
      await refresh(bench.refreshToken);
      expect((await refresh(next)).status).to.equal(400);
    });
  });

  describe('revoke and userinfo', () => {
    const revoke = (token: string) => bench.send('POST', '/v2/oauth2/tokens/revoke', { token }, {
      authorization: `Basic ${Buffer.from(`${APP.clientId}:${APP.clientSecret}`).toString('base64')}`,
    });

    it('ends the grant by either token, and says 400 the second time', async () => {
      const done = await revoke(bench.token);
      expect([done.status, done.text]).to.deep.equal([200, '']);
      expect((await refresh(bench.refreshToken)).status).to.equal(400);
      expect((await bench.api('GET', 'preferences')).status).to.equal(401);
      expect((await revoke(bench.refreshToken)).status).to.equal(400);
    });

    it('does not let one app revoke another\'s grant', async () => {
      await bench.control('POST', '/sandbox/apps', { ...APP, clientId: 'other', clientSecret: 'other-secret' });
      const answer = await bench.send('POST', '/v2/oauth2/tokens/revoke', { token: bench.token }, {
        authorization: `Basic ${Buffer.from('other:other-secret').toString('base64')}`,
      });
      expect(answer.status).to.equal(400);
      expect((await bench.api('GET', 'preferences')).status).to.equal(200);
    });

    it('tells who signed in, and whether the e-mail is verified', async () => {
      const info = read(await bench.send('GET', '/v1/openid_connect/userinfo', undefined,
        { authorization: `Bearer ${bench.token}` }));
      expect(info.value).to.include({ email: 'mara.keller@hillside.example', emailVerified: true, givenName: 'Mara',
        familyName: 'Keller' });
      await bench.connect({ personId: 'tom' });
      const tom = read(await bench.send('GET', '/v1/openid_connect/userinfo', undefined,
        { authorization: `Bearer ${bench.token}` }));
      expect(tom.at('emailVerified')).to.equal(false);
      expect(tom.at('sub')).not.to.equal(info.at('sub'));
    });
  });

  it('publishes discovery documents with its own addresses and Intuit\'s issuer', async () => {
    for (const name of ['openid_configuration', 'openid_sandbox_configuration', 'openid_sandbox_configuration/']) {
      const document = read(await bench.send('GET', `/.well-known/${name}`));
      expect(document.at('issuer')).to.equal('https://oauth.platform.intuit.com/op/v1');
      expect(document.at('token_endpoint')).to.equal(`${bench.url}/oauth2/v1/tokens/bearer`);
      expect(document.at('jwks_uri')).to.equal(`${bench.url}/op/v1/jwks`);
    }
  });
});
