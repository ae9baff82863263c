import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import request from 'supertest';
import { ABSOLUTE, IDLE } from '../../server/web/session.ts';
import { backTo } from '../../server/web/web.ts';
import { Person } from '../support/person.ts';
import { agentOf, comeIn, startWeb, type Member, type WebProduct } from './support.ts';

const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'",
  "base-uri 'none'",
].join(';');

describe('Security of the web app', () => {
  let web: WebProduct;
  let member: Member;
  const later = { ms: 0 };

  before(async () => {
    web = await startWeb({ later, codes: 5 });
    member = await comeIn(web);
  });
  after(() => web.close());
  afterEach(() => {
    later.ms = 0;
  });

  const post = (headers: Record<string, string>) => {
    const cookie = [...member.person.cookiesFor(web.url)].map(([name, value]) => `${name}=${value}`).join('; ');
    return request(web.url).post('/imports').set({ Cookie: cookie, ...headers }).type('form').send({ mode: 'new' });
  };

  describe('headers', () => {
    it('sets every directive of the Content Security Policy itself, with nothing unsafe', async () => {
      for (const path of ['/', '/cost-codes', '/nothing', '/app.css']) {
        const { headers } = await member.agent.get(path);
        expect(headers['content-security-policy'], path).to.equal(POLICY);
      }
    });

    it('§7.3 S1 lets no cache keep a page', async () => {
      for (const path of ['/', '/cost-codes', '/linarc', '/nothing']) {
        expect((await member.agent.get(path)).headers['cache-control'], path).to.equal('no-cache, no-store');
      }
    });

    it('says nothing of what it is built with, may not be framed, and is not sniffed', async () => {
      const { headers } = await member.agent.get('/');
      expect(headers).to.not.have.any.keys('x-powered-by', 'server');
      expect(headers).to.include({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff', 'cross-origin-opener-policy': 'same-origin', 'referrer-policy': 'same-origin' });
    });

    it('gives style and scripts small, and lets them be kept as long as they are the same', async () => {
      const { text } = await request(web.url).get('/');
      const addresses = [...text.matchAll(/(?:src|href)="(\/[\w.-]+\.(?:css|js)\?\w+)"/g)].map(([, address = '']) => address);
      expect(addresses).to.have.length(3);
      for (const address of addresses) {
        const response = await fetch(`${web.url}${address}`, { headers: { 'Accept-Encoding': 'br' } });
        expect(response.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
        expect(response.headers.get('content-encoding')).to.equal('br');
        expect((await response.text()).length).to.be.greaterThan(1000);
        const { headers } = await request(web.url).head(address).set('Accept-Encoding', 'identity');
        expect(headers).to.not.have.property('content-encoding');
      }
      const { headers } = await request(web.url).get('/app.css?0000000000');
      expect(headers['cache-control']).to.equal('no-cache');
    });

    it('gives nothing of the disk but the public files', async () => {
      for (const path of ['/../package.json', '/..%2fpackage.json', '/.gitignore', '/app.css/', '/%2e%2e/server/app.ts']) {
        const { status, text } = await request(web.url).get(path);
        expect([path, status]).to.deep.equal([path, 404]);
        expect(text).to.include('There is no such page');
      }
    });

    it('answers health without a session or a secret', async () => {
      const alive = await request(web.url).get('/livez').expect(200, 'ok');
      expect(alive.headers).to.not.have.property('set-cookie');
      await request(web.url).get('/readyz').expect(200, 'ready');
    });
  });

  describe('writes', () => {
    const answers: readonly (readonly [string, Record<string, string>, number])[] = [
      ['from our own page by Sec-Fetch-Site', { 'Sec-Fetch-Site': 'same-origin' }, 303],
      ['from another site', { 'Sec-Fetch-Site': 'cross-site' }, 403],
      ['from another port of this host', { 'Sec-Fetch-Site': 'same-site' }, 403],
      ['typed into the address bar', { 'Sec-Fetch-Site': 'none' }, 403],
      ['that say same-origin nowhere', {}, 403],
      ['with a foreign Origin', { Origin: 'https://evil.example' }, 403],
      ['with the Origin null', { Origin: 'null' }, 403],
      ['with a foreign Origin that Sec-Fetch-Site contradicts', { 'Sec-Fetch-Site': 'cross-site', Origin: 'http://localhost' }, 403],
    ];
    for (const [what, headers, status] of answers) {
      it(`${what} answer ${status}`, async () => {
        await post(headers).expect(status);
      });
    }

    it('§7.3 S6 with our own Origin are accepted from browsers without Sec-Fetch-Site', async () => {
      await post({ Origin: web.url }).expect(303);
    });

    it('§7.3 S4 are refused in other methods than POST, TRACE too', async () => {
      for (const method of ['put', 'patch', 'delete', 'trace'] as const) {
        const { status, headers } = await member.agent[method]('/cost-codes');
        expect([method, status, headers.allow]).to.deep.equal([method, 405, 'GET, HEAD, POST']);
      }
    });
  });

  describe('input', () => {
    it('unknown paths, senseless ids and encodings are not found, with a page that says so', async () => {
      for (const path of ['/nothing', '/cost-codes/1/history', '/cost-codes/$where/json', `/cost-codes/${'f'.repeat(24)}/mapping`, `/runs/${'f'.repeat(24)}`, '/runs/__proto__']) {
        const { status, text } = await member.agent.get(path);
        expect([path, status]).to.deep.equal([path, 404]);
        expect(text).to.include('There is no such').and.to.include('For support');
      }
    });

    it('a body too large says what to do, and nothing is done', async () => {
      const { status, text } = await member.agent.post('/cost-codes/preview').type('form').send(`filter=${'x'.repeat(600_000)}`);
      expect(status).to.equal(413);
      expect(text).to.include('larger than this app takes');
    });

    it('too many fields are a body too large', async () => {
      const { status } = await member.agent.post('/cost-codes/preview').type('form').send(Array.from({ length: 10_001 }, () => 'id=1').join('&'));
      expect(status).to.equal(413);
    });

    it('a body that cannot be understood is 400, never 500', async () => {
      const faulty: readonly (readonly [string, string, string])[] = [
        ['/imports', 'form', 'mode=everything'], ['/imports', 'form', ''], ['/runs', 'form', 'id=$ne'], ['/runs', 'form', 'scope=matching&filter[$ne]=1&id[$gt]=0&scope=ids'],
        ['/cost-codes/live', 'form', 'seen=x'], ['/settings', 'form', 'section=names&version=0&structure=deep'], ['/company', 'form', 'company[$ne]=1'], ['/imports', 'json', '{"mode":'],
      ];
      for (const [path, type, body] of faulty) {
        const { status } = await member.agent.post(path).type(type).send(body);
        expect([path, body, status]).to.deep.equal([path, body, 400]);
      }
    });

    it('an encoding nobody knows is refused in our words', async () => {
      const { status, text } = await member.agent.post('/imports').type('form').set('Content-Encoding', 'nonsense').send('mode=new');
      expect(status).to.equal(400);
      expect(text).to.include('could not be read');
    });

    it('§7.3 S7 nobody can be sent to another site by `back`', async () => {
      for (const back of ['https://evil.example/', '//evil.example', '/\\evil.example', '/cost-codes/../sign-out', 'javascript:alert(1)', '/%5cevil.example']) {
        const { headers } = await member.agent.post('/runs').type('form').send({ scope: 'ids', back });
        expect([back, headers.location]).to.deep.equal([back, '/cost-codes']);
      }
      expect(backTo('/cost-codes?status=failed&q=a%26b')).to.equal('/cost-codes?status=failed&q=a%26b');
    });

    it('§7.3 S6 what a person types comes back as text, never as HTML', async () => {
      const { text } = await member.agent.get('/cost-codes').query({ q: '"><script>alert(1)</script>' });
      expect(text).to.not.include('<script>alert');
      expect(text).to.include('&lt;script&gt;alert(1)');
    });
  });

  describe('failures', () => {
    it('are a page for a person and one line for htmx, each with the request id and no stack', async () => {
      const page = await member.agent.get('/nothing').expect(404);
      const id = /For support: <span class="code">([\w-]{36})</.exec(page.text)?.[1];
      expect(web.logged.join('')).to.include(id);
      const line = await member.agent.get('/nothing').set('HX-Request-Type', 'partial').expect(404);
      expect(line.text).to.match(/^<div class="notice bad">/).and.to.not.include('<html');
      expect(line.headers).to.include({ 'hx-retarget': '#trouble', 'hx-reswap': 'innerHTML' });
      expect(page.text + line.text).to.not.match(/\bat \w+.*\.ts:\d+|node_modules/);
    });

    it('fill the sheet when a sheet asked', async () => {
      const { text, headers } = await member.agent.get(`/cost-codes/${'f'.repeat(24)}/json`).set({ 'HX-Request-Type': 'partial', 'HX-Target': 'div#sheet-body' }).expect(404);
      expect(text).to.match(/^<section class="sheet-page">/);
      expect(headers).to.not.have.property('hx-retarget');
    });
  });

  describe('sessions', () => {
    it('the cookie is HttpOnly and lax, and only set when there is something to remember', async () => {
      const landing = await request(web.url).get('/');
      expect(landing.headers).to.not.have.property('set-cookie');
      const launch = await request(web.url).get('/launch');
      expect(launch.headers['set-cookie']?.[0]).to.match(/^sid=.*; Path=\/; Expires=.*; HttpOnly; SameSite=Lax$/);
    });

    it('an id known before the sign-in is worth nothing after it', async () => {
      const person = new Person();
      await person.get(`${web.url}/launch`);
      const before = person.cookiesFor(web.url).get('sid');
      await comeIn(web, person);
      expect(person.cookiesFor(web.url).get('sid')).to.not.equal(before);
      await request(web.url).get('/cost-codes').set('Cookie', `sid=${before}`).expect(303).expect('Location', '/');
    });

    it('a forged or foreign signature opens nothing', async () => {
      const id = 'a'.repeat(32);
      const signature = createHmac('sha256', 'another-secret').update(id).digest('base64').replace(/=+$/, '');
      await request(web.url).get('/cost-codes').set('Cookie', `sid=${encodeURIComponent(`s:${id}.${signature}`)}`).expect(303).expect('Location', '/');
    });

    it('ends after half an hour without a click, though the page kept asking for updates', async () => {
      const { person } = await comeIn(web);
      const agent = agentOf(web, person);
      later.ms = IDLE - 1000;
      await agent.post('/cost-codes/live').type('form').send('').expect(200);
      later.ms = IDLE + 1000;
      await agent.get('/cost-codes').expect(303).expect('Location', '/');
    });

    it('ends after twelve hours whatever happens', async () => {
      const { person } = await comeIn(web);
      const agent = agentOf(web, person);
      for (later.ms = 0; later.ms < ABSOLUTE; later.ms += IDLE - 1000) await agent.get('/cost-codes').expect(200);
      later.ms = ABSOLUTE + 1000;
      await agent.get('/cost-codes').expect(303);
    });

    it('is over for all copies of the cookie after signing out', async () => {
      const { person } = await comeIn(web);
      const agent = agentOf(web, person);
      const { headers } = await agent.post('/sign-out').expect(303);
      expect(headers['clear-site-data']).to.equal('"cache", "storage"');
      await agent.get('/cost-codes').expect(303).expect('Location', '/');
    });

    it('a signed-out page is sent to the door by htmx, and a person too', async () => {
      await request(web.url).get('/cost-codes').set('HX-Request-Type', 'partial').expect(401).expect('HX-Redirect', '/');
      await request(web.url).get('/cost-codes').expect(303).expect('Location', '/');
    });
  });

  describe('the log', () => {
    it('§7.3 S5 holds no code, state, cookie, key, e-mail or class name', async () => {
      const { text } = await member.agent.get('/cost-codes');
      const email = /[\w.]+@hillside\.example/.exec(text)?.[0] ?? 'no e-mail on the page';
      await member.agent.get('/cost-codes').query({ q: 'canary-search', code: 'canary-code' });
      await member.agent.get('/auth/intuit/callback?code=canary-code&state=canary-state');
      await member.agent.post('/linarc').type('form').send({ companyId: 'canary-company', apiKey: 'canary-key', intent: 'test' });
      const log = web.logged.join('');
      const cookie = member.person.cookiesFor(web.url).get('sid') ?? '';
      expect(log).to.include('/auth/intuit/callback').and.to.not.match(/canary/);
      for (const secret of [email, cookie, web.config.sandbox?.linarc.apiKey ?? 'none']) expect(log).to.not.include(secret);
    });
  });
});

describe('The web app in production', () => {
  let web: WebProduct;

  before(async () => {
    web = await startWeb({ production: true, codes: 1 });
  });
  after(() => web.close());

  const secure = { 'X-Forwarded-Proto': 'https' };

  it('§7.3 S9 binds its cookie to the host, over TLS only, out of reach of scripts', async () => {
    const { headers } = await request(web.url).get('/launch').set(secure);
    expect(headers['set-cookie']?.[0]).to.match(/^__Host-sid=.*; Path=\/; Expires=.*; HttpOnly; Secure; SameSite=Lax$/);
  });

  it('sets no cookie when the proxy does not say https', async () => {
    expect((await request(web.url).get('/launch')).headers).to.not.have.property('set-cookie');
  });

  it('asks browsers to stay on https for two years', async () => {
    const { headers } = await request(web.url).get('/').set(secure);
    expect(headers['strict-transport-security']).to.equal('max-age=63072000; includeSubDomains');
  });

  it('takes only its public address for its own', async () => {
    await request(web.url).post('/sign-out').set({ ...secure, Host: 'other.example', Origin: 'https://other.example' }).expect(403);
    await request(web.url).post('/sign-out').set({ ...secure, Origin: web.url }).expect(303);
  });

  it('shows no sandbox and fills in no key', async () => {
    const { text } = await request(web.url).get('/').set(secure);
    expect(text).to.not.match(/sandbox/i);
  });
});
