// What QuickBooks' App Store asks for, entry by entry: quickbooks.md §7.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import express from 'express';
import request from 'supertest';
import { CARD } from '../../server/card.ts';
import { readConfig } from '../../server/config.ts';
import type { Tenant } from '../../server/core/records.ts';
import { INTUIT_ENDPOINTS } from '../../server/qbo/endpoints.ts';
import { runPush } from '../../server/sync/push.ts';
import { intuitArtOf, publicFiles } from '../../server/web/assets.ts';
import { paths } from '../../server/web/paths.ts';
import { landing } from '../../server/web/present/doors.ts';
import { createRenderer } from '../../server/web/render.ts';
import { unescaped, wordsOf } from '../support/forms.ts';
import { Person, type Page } from '../support/person.ts';
import { drawn, STATES } from './states.ts';
import { agentOf, comeIn, control, importAll, personAtIntuit, records, startWeb, type Member, type WebProduct } from './support.ts';

interface SandboxCompany {
  readonly realmId: string;
  readonly name: string;
}
interface SandboxCall {
  readonly method: string;
  readonly path: string;
  readonly operation?: string;
  readonly status: number;
}

describe('At home in QuickBooks', () => {
  let web: WebProduct;

  before(async () => {
    web = await startWeb({ codes: 3 });
  });
  after(() => web.close());
  beforeEach(async () => {
    web.logged.length = 0;
  });

  const realmOf = async (name: string) => (await control<SandboxCompany[]>(web.quickbooksUrl, 'GET', '/sandbox/companies')).find((one) => one.name.startsWith(name))?.realmId ?? '';
  const connectionOf = async (company: Tenant) => (await web.world.companies.get(company))?.connection;
  const people = () => web.connection.collection('users').countDocuments();
  const refreshOf = async (company: Tenant) => (await web.world.companies.grant(company))?.grant.refreshToken ?? '';
  const calls = () => control<{ calls: SandboxCall[] } | SandboxCall[]>(web.quickbooksUrl, 'GET', '/sandbox/calls?since=0').then((all) => (Array.isArray(all) ? all : all.calls));

  /** Connects one more company of the person's, by the button for it. */
  const connectAlso = async (person: Person, name: string, from = paths.connectRequest as string): Promise<Page> =>
    person.press(await person.get(`${web.url}${from}`), 'Approve', { company: await realmOf(name) });

  /** The way back from Intuit for a real code, as a browser would be sent on it, not gone yet. */
  async function wayBack(person: Person, name: string, from = paths.connectRequest as string): Promise<URL> {
    const cookieFor = (url: string) => [...person.cookiesFor(url)].map(([key, value]) => `${key}=${value}`).join('; ');
    const begun = await fetch(`${web.url}${from}`, { redirect: 'manual', headers: { cookie: cookieFor(web.url) } });
    const set = begun.headers.getSetCookie()[0]?.split(';')[0];
    const authorize = new URL(begun.headers.get('location') ?? '');
    const body = new URLSearchParams({ query: authorize.search.slice(1), company: await realmOf(name), decision: 'approve' });
    const approved = await fetch(`${web.quickbooksUrl}/connect/oauth2`, {
      method: 'POST', redirect: 'manual', body, headers: { cookie: cookieFor(web.quickbooksUrl), origin: web.quickbooksUrl },
    });
    const back = new URL(approved.headers.get('location') ?? '');
    back.hash = set ?? '';
    return back;
  }
  const go = (back: URL, person: Person) => {
    const cookie = back.hash.slice(1) || [...person.cookiesFor(web.url)].map(([key, value]) => `${key}=${value}`).join('; ');
    return request(web.url).get(`${back.pathname}${back.search}`).set('Cookie', cookie);
  };
  const wordsAfter = async (answer: { headers: Record<string, string> }, cookie: string) =>
    wordsOf((await request(web.url).get(new URL(answer.headers['location'] ?? '/', web.url).pathname).set('Cookie', cookie)).text);

  describe('§7.1 the addresses', () => {
    it('§7.1 Launch signs in with OpenID scopes alone, silently; Connect Request asks for the books too', async () => {
      const scopes = async (path: string) => new URL((await request(web.url).get(path).expect(302)).headers['location'] ?? '').searchParams.get('scope');
      expect(await scopes('/launch')).to.equal('openid profile email');
      expect((await scopes('/connect/request'))?.split(' ')).to.include('com.intuit.quickbooks.accounting');
      const { person } = await comeIn(web);
      const seen = person.visited.length;
      await person.get(`${web.url}/launch`);
      expect(person.visited.slice(seen).map((url) => new URL(url).pathname)).to.deep.equal(['/launch', '/connect/oauth2', '/auth/intuit/callback', '/cost-codes']);
    });

    it('§7.1 a realm in the Connect Request address is ignored: the callback’s counts', async () => {
      await control(web.quickbooksUrl, 'PATCH', '/sandbox/switches', { realmIdOnConnectRequest: 'yes' });
      const { company } = await comeIn(web);
      const person = await personAtIntuit(web, 'mara');
      const page = await person.get(`${web.url}/connect/request?realmId=${await realmOf('Ridgeline')}`);
      await person.press(page, 'Approve', { company: await realmOf('Hillside') });
      expect(await web.world.companies.byRealm(await realmOf('Ridgeline'))).to.equal(null);
      expect(await connectionOf(company)).to.equal('connected');
    });

    it('§7.1 terms, privacy and support are there for everybody', async () => {
      for (const path of [CARD.urls.terms, CARD.urls.privacy, CARD.urls.support]) {
        const { text } = await request(web.url).get(path).expect(200);
        expect(wordsOf(text).length, path).to.be.greaterThan(800);
      }
      expect((await request(web.url).get('/support')).text).to.include('help@sync.example');
    });

    it('§7.1 Reconnect connects the same company again, from QuickBooks and without being signed in', async () => {
      const { company } = await comeIn(web);
      await web.world.identity.revoke(await refreshOf(company));
      await web.world.companies.setConnection(company, 'needs_reconnect', new Date());
      const person = await personAtIntuit(web, 'mara');
      const done = await connectAlso(person, 'Hillside', `${CARD.urls.reconnect}?realmId=${await realmOf('Hillside')}`);
      expect(done.words).to.include('Hillside Builders is connected to QuickBooks.');
      expect(await connectionOf(company)).to.equal('connected');
    });

    it('§7.1 Reconnect is offered 30 days before Intuit’s last day for the connection', async () => {
      const { agent, company } = await comeIn(web);
      const companies = web.connection.collection<{ _id: string }>('companies');
      const ends = (days: number) => companies.updateOne({ _id: company }, { $set: { 'grant.refreshHardExpiresAt': new Date(Date.now() + days * 86_400_000) } });
      await ends(31);
      expect((await agent.get('/runs')).text).to.not.include('Reconnect to QuickBooks');
      await ends(29);
      for (const path of ['/runs', '/connect']) expect((await agent.get(path)).text, path).to.include('Intuit ends this connection on').and.to.include('href="/connect/start"');
    });

    it('§7.1 Reconnect with another company than the one asked for changes nothing, and says so', async () => {
      const { person, company } = await comeIn(web);
      await web.world.companies.setConnection(company, 'needs_reconnect', new Date());
      const page = await connectAlso(person, 'Cedar', paths.connectStart);
      expect(page.words).to.include('You chose another company in QuickBooks than the one to connect again.').and.to.include('Nothing was changed.');
      expect(await web.world.companies.byRealm(await realmOf('Cedar'))).to.equal(null);
      expect(await connectionOf(company)).to.equal('needs_reconnect');
      expect(web.logged.join()).to.include('other_company').and.to.not.include(await realmOf('Cedar'));
      await connectAlso(person, 'Hillside', paths.connectStart);
      expect(await connectionOf(company)).to.equal('connected');
    });
  });

  describe('§7.2 technical', () => {
    it('§7.2 1.1 Connect stands where connections are managed; once connected it is hidden and Disconnect shows', async () => {
      const priya = await personAtIntuit(web, 'priya');
      const unconnected = await priya.get(`${web.url}/launch`);
      expect(new URL(unconnected.url).pathname).to.equal('/connect');
      expect(unconnected.html).to.include('Connect to QuickBooks</a>').and.not.include('Disconnect from QuickBooks');
      const { agent } = await comeIn(web);
      const { text } = await agent.get('/connect').expect(200);
      expect(text).to.include('Disconnect from QuickBooks</button>').and.not.match(/>\s*Connect to QuickBooks\s*</);
    });

    it('§7.2 1.1 in production the redirect addresses are https', () => {
      const env = { NODE_ENV: 'production', PUBLIC_URL: 'http://sync.example.com' };
      expect(() => readConfig(env, () => true)).to.throw(/PUBLIC_URL must begin with https:\/\//);
    });

    it('§7.2 1.2 the whole way in works without script, so in every browser of today', async () => {
      const { screen } = await comeIn(web);
      expect(screen.words).to.include('Import New Items from Linarc');
    });

    it('§7.2 1.3 shows Intuit’s own buttons, unmodified, as soon as their files are there; until then plain ones with the same words', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'art-'));
      try {
        const none = intuitArtOf(folder);
        expect(none).to.deep.equal({ signIn: null, connect: null });
        const renderer = createRenderer('views');
        expect(renderer.part('connect/landing', landing(null, null, none))).to.include('<a class="button primary" href="/launch">Sign in with Intuit</a>');

        mkdirSync(join(folder, 'intuit'));
        const art = '<svg xmlns="http://www.w3.org/2000/svg" width="272" height="36"><title>as Intuit drew it</title></svg>';
        writeFileSync(join(folder, 'intuit/sign-in-with-intuit.svg'), art);
        writeFileSync(join(folder, 'intuit/connect-to-quickbooks.png'), Buffer.from([137, 80, 78, 71]));
        writeFileSync(join(folder, 'intuit/connect-to-quickbooks-hover.png'), Buffer.from([137, 80, 78, 71]));
        const found = intuitArtOf(folder);
        const html = renderer.part('connect/landing', landing(null, null, found));
        const [, src = ''] = /<a class="intuit-art" href="\/launch"><img src="([^"]+)" alt="Sign in with Intuit">/.exec(html) ?? [];
        const app = express().use(publicFiles(folder));
        const sent = await request(app).get(src).buffer().expect(200).expect('Content-Type', 'image/svg+xml');
        expect(Buffer.isBuffer(sent.body) ? sent.body.toString() : sent.text).to.equal(art);
        await request(app).get(found.connect?.hover ?? '').expect(200).expect('Content-Type', 'image/png');
      } finally {
        rmSync(folder, { recursive: true });
      }
      expect(readdirSync('public/intuit').filter((name) => /\.(svg|png)$/.test(name)), 'Intuit’s art is not ours to give away').to.deep.equal([]);
    });

    it('§7.2 1.4 writes Intuit and QuickBooks in full and with their capitals, on every page', () => {
      for (const [name, state] of Object.entries(STATES)) {
        // The article’s own label.
        const words = wordsOf(drawn(createRenderer('views'), state)).replaceAll('Sync to QBO', '').replaceAll('intuit_tid', '');
        expect(words, name).to.not.match(/\bQBO\b|\bQB\b|Quickbooks|quickbooks|Quick Books|\bINTUIT\b|\bintuit\b/);
      }
    });

    it('§7.2 2.1 reaches the books by QuickBooks’ API alone, and what it wrote is to be seen on both sides', async () => {
      const member = await comeIn(web);
      await importAll(web, member);
      await member.agent.post('/runs').type('form').send({ scope: 'matching', filter: '' }).expect(303);
      await web.idle();
      const [first] = await records(web, member.company);
      const realm = await realmOf('Hillside');
      const there = await control<{ Id: string; Name: string }[]>(web.quickbooksUrl, 'GET', `/sandbox/companies/${realm}/classes`);
      expect(there.find(({ Id }) => Id === first?.link?.id)?.Name).to.equal(first?.wanted.name);
      expect((await member.agent.get('/cost-codes')).text).to.include('Synced');
      const kinds = new Set((await calls()).filter(({ path }) => path.startsWith('/v3/')).map(({ path }) => path.replace(/\d{6,}/g, 'N').split('?')[0]));
      expect([...kinds].filter((path) => !/^\/v3\/company\/N\/(companyinfo\/N|preferences|query|batch)$/.test(path ?? ''))).to.deep.equal([]);
    });

    it('§7.2 2.2 the connection survives signing out, is there in another browser, and works while nobody is signed in', async () => {
      const { person, company, agent } = await comeIn(web);
      await person.post(`${web.url}/sign-out`);
      await agent.get('/cost-codes').expect(303).expect('Location', '/');
      const run = await web.world.runs.start(company, { kind: 'automatic', what: 'test' }, { kind: 'matching', filter: {}, except: [] }, new Date());
      await runPush(web.world, company, run?.id ?? '', new AbortController().signal);
      expect((await web.world.runs.get(company, run?.id ?? ''))?.state).to.equal('finished');
      const elsewhere = await personAtIntuit(web, 'mara');
      const page = await elsewhere.get(`${web.url}/launch`);
      expect(new URL(page.url).pathname).to.equal('/cost-codes');
      expect(elsewhere.visited.some((url) => url.includes('accounting'))).to.equal(false);
    });

    it('§7.2 2.3 disconnecting in the app revokes at Intuit, deletes the tokens and says what stays', async () => {
      const { agent, company } = await comeIn(web);
      const token = await refreshOf(company);
      await agent.post('/disconnect').expect(303).expect('Location', '/connect');
      expect(await web.world.identity.refresh(token).catch((error: { kind?: string }) => error.kind)).to.equal('invalid_grant');
      expect(await web.world.companies.grant(company)).to.equal(null);
      const { text } = await agent.get('/connect').expect(200);
      expect(text).to.include('Cost codes, mappings and history are kept.').and.to.include('Connect to QuickBooks');
    });

    it('§7.2 2.3 disconnecting while Intuit is away deletes the tokens all the same, and says where to end it too', async () => {
      const { agent, company } = await comeIn(web);
      await control(web.quickbooksUrl, 'POST', '/sandbox/faults', { match: { operation: 'revoke' }, fault: { kind: 'status', status: 503 }, times: 5 });
      await agent.post('/disconnect').expect(303);
      await control(web.quickbooksUrl, 'DELETE', '/sandbox/faults');
      expect(await web.world.companies.grant(company)).to.equal(null);
      expect((await agent.get('/connect')).text).to.include('Intuit could not be told.').and.to.include('end it in QuickBooks too');
    });

    it('§7.2 3.1 every page to sign in at has Sign in with Intuit', async () => {
      for (const path of ['/', '/invitation?key=none']) {
        const page = await new Person().get(`${web.url}${path}`);
        if (path === '/') expect(page.html).to.match(/href="\/launch">Sign in with Intuit</);
        expect(page.html).to.not.match(/type="password"/);
      }
      expect((await request(web.url).get('/runs').expect(303)).headers['location']).to.equal('/');
    });

    it('§7.2 3.1 a person is known by Intuit’s identifier and not by the e-mail, which may change hands', async () => {
      const { company } = await comeIn(web);
      const [mara] = await web.world.team.members(company);
      const namesake = await web.world.users.signIn({ sub: 'somebody-else', email: mara?.email ?? '', emailVerified: true, name: 'Mara Keller' });
      expect([namesake.id === mara?.id, namesake.memberships]).to.deep.equal([false, []]);
      const user = await web.world.users.get(mara?.id ?? '');
      const renamed = await web.world.users.signIn({ sub: user?.sub ?? '', email: 'mara@new.example', emailVerified: true, name: 'Mara Keller' });
      expect([renamed.id, renamed.email]).to.deep.equal([mara?.id, 'mara@new.example']);
    });

    for (const way of ['launch', 'connect/request']) {
      it(`§7.2 3.1 an e-mail Intuit has not verified is refused with the way to verify it (/${way})`, async () => {
        const before = await people();
        const tom = await personAtIntuit(web, 'tom');
        let page = await tom.get(`${web.url}/${way}`);
        if (page.words.includes('Approve')) page = await tom.press(page, 'Approve', { company: await realmOf('Cedar') });
        expect(page.words).to.include('Intuit has not verified your e-mail address yet.');
        expect(page.html).to.include('href="https://accounts.intuit.com/app/account-manager/security"');
        expect([await people(), await web.world.companies.byRealm(await realmOf('Cedar'))]).to.deep.equal([before, null]);
      });
    }

    it('§7.2 3.2 an unknown person gets a place here, is told that nothing is connected, and is shown Connect', async () => {
      await web.connection.collection('users').deleteMany({ name: /^Priya/ });
      const priya = await personAtIntuit(web, 'priya');
      const page = await priya.get(`${web.url}/launch`);
      expect(page.words).to.include('Connect your QuickBooks company').and.to.include('Connect to QuickBooks');
      expect(await web.connection.collection('users').countDocuments({ name: /^Priya/ })).to.equal(1);
    });

    it('§7.2 3.3 a known person is straight in; there are no passwords, so none is ever asked for', async () => {
      const { person } = await comeIn(web);
      expect(new URL((await person.get(`${web.url}/launch`)).url).pathname).to.equal('/cost-codes');
      const asking = readdirSync('views', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ejs'))
        .filter((name) => /type="password"/.test(readFileSync(join('views', name), 'utf8').replace(/name="apiKey" type="password"/g, '')));
      expect(asking).to.deep.equal([]);
    });

    it('§7.2 4.0 the Apps menu has what it needs: Launch, Support, Disconnect', async () => {
      expect(CARD.urls).to.include.keys('launch', 'support', 'disconnect');
      await comeIn(web);
      const mara = await personAtIntuit(web, 'mara');
      const apps = await mara.get(`${web.quickbooksUrl}/app/apps`);
      expect(apps.words).to.include('Linarc Class Sync').and.to.include('Launch').and.to.include('Disconnect');
    });

    it('§7.2 4.1 Get app now provisions the company and its administrator in one go: no password, no question, no Connect button', async () => {
      const mara = await personAtIntuit(web, 'mara');
      const realm = await realmOf('Ridgeline');
      const apps = await mara.get(`${web.quickbooksUrl}/app/apps?company=${realm}`);
      const consent = await mara.press(apps, 'Get app now');
      const page = await mara.press(consent, 'Approve', { company: realm });
      expect(new URL(page.url).origin).to.equal(web.url);
      expect(page.words).to.include('Ridgeline Mechanical is connected to QuickBooks.').and.not.include('Connect to QuickBooks').and.not.match(/password/i);
      const company = await web.world.companies.byRealm(realm);
      expect((await web.world.team.members(company?.id as Tenant)).map(({ name, role }) => [name, role])).to.deep.equal([['Mara Keller', 'admin']]);
    });

    it('§7.2 4.2 opens from the store for one who is signed out here, without credentials', async () => {
      const { person } = await comeIn(web);
      await person.post(`${web.url}/sign-out`);
      const page = await person.press(await person.get(`${web.quickbooksUrl}/app/apps`), 'Launch');
      expect(new URL(page.url).origin).to.equal(web.url);
      expect(page.words).to.include('Mara Keller');
    });

    it('§7.2 4.3 opens from the store for one who is signed in here', async () => {
      const { person } = await comeIn(web);
      const page = await person.press(await person.get(`${web.quickbooksUrl}/app/apps`), 'Launch');
      expect(page.words).to.include('Mara Keller');
    });

    for (const [how, signedIn] of [['signed in', true], ['signed out', false]] as const) {
      it(`§7.2 4.4 a disconnect from the store leaves dead tokens deleted, an OpenID page passed and Connect to press (${how})`, async () => {
        const { person, company } = await comeIn(web);
        if (!signedIn) await person.post(`${web.url}/sign-out`);
        const apps = await person.get(`${web.quickbooksUrl}/app/apps?company=${await realmOf('Hillside')}`);
        const page = await person.press(apps, 'Disconnect');
        expect(new URL(page.url).pathname).to.equal('/connect');
        expect(page.words).to.include('Hillside Builders is disconnected from QuickBooks.').and.to.include('Connect to QuickBooks');
        expect([await connectionOf(company), await web.world.companies.grant(company)]).to.deep.equal(['disconnected', null]);
      });
    }

    it('§7.2 4.4 a disconnect nobody did is not believed, and one Intuit cannot confirm changes nothing', async () => {
      const { agent, company } = await comeIn(web);
      const realm = await realmOf('Hillside');
      await agent.get(`/disconnect?realmId=${realm}`).expect(302);
      expect((await agent.get('/connect')).text).to.include('is still connected');
      await control(web.quickbooksUrl, 'POST', '/sandbox/faults', { match: { operation: 'token.refresh' }, fault: { kind: 'status', status: 503 } });
      await agent.get(`/disconnect?realmId=${realm}`).expect(302);
      await control(web.quickbooksUrl, 'DELETE', '/sandbox/faults');
      expect((await agent.get('/connect')).text).to.include('Intuit cannot be asked just now');
      expect(await connectionOf(company)).to.equal('connected');
    });

    it('§7.2 4.4 a disconnect of a company that is not the person’s says nothing of it and changes nothing', async () => {
      await comeIn(web);
      const priya = await personAtIntuit(web, 'priya');
      await priya.get(`${web.url}/launch`);
      const known = await priya.get(`${web.url}/disconnect?realmId=${await realmOf('Hillside')}`);
      const unknown = await priya.get(`${web.url}/disconnect?realmId=123456`);
      expect(known.words).to.equal(unknown.words).and.to.include('nothing was changed').and.not.include('Hillside');
    });

    describe('for accountants', () => {
      let mara: Member;
      let hillside: Tenant;
      let ridgeline: Tenant;

      before(async () => {
        mara = await comeIn(web);
        hillside = mara.company;
        await connectAlso(mara.person, 'Ridgeline');
        ridgeline = (await web.world.companies.byRealm(await realmOf('Ridgeline')))?.id as Tenant;
      });

      it('§7.2 6.1 a person has several companies, each with its Disconnect, and Add a company', async () => {
        const agent = agentOf(web, mara.person);
        const page = wordsOf((await agent.get('/connect').expect(200)).text);
        expect(page).to.include('Ridgeline Mechanical is connected').and.to.include('Hillside Builders administrator, connected').and.to.include('Add a company');
        await agent.post('/disconnect').type('form').send({ company: hillside }).expect(303);
        expect([await connectionOf(hillside), await connectionOf(ridgeline)]).to.deep.equal(['disconnected', 'connected']);
        await connectAlso(mara.person, 'Hillside');
        expect(await connectionOf(hillside)).to.equal('connected');
      });

      it('§7.2 6.2 launches into the company QuickBooks names, else the one last worked in', async () => {
        const at = async (query = '') => (await mara.person.get(`${web.url}/launch${query}`)).html;
        const into = (html: string) => / · ([^·<]+) · Linarc Class Sync<\/title>/.exec(unescaped(html))?.[1];
        expect(into(await at(`?realmId=${await realmOf('Ridgeline')}`))).to.equal('Ridgeline Mechanical');
        expect(into(await at())).to.equal('Ridgeline Mechanical');
        expect(into(await at(`?realmId=${await realmOf('Hillside')}`))).to.equal('Hillside Builders');
        await mara.person.post(`${web.url}/company`, [['company', ridgeline]]);
        await mara.person.post(`${web.url}/sign-out`);
        expect(into(await at())).to.equal('Ridgeline Mechanical');
      });

      for (const says of ['yes', 'no'] as const) {
        it(`§7.2 6.2 Launch in the Apps menu of one of several companies (QuickBooks names it: ${says})`, async () => {
          await control(web.quickbooksUrl, 'PATCH', '/sandbox/switches', { realmIdOnLaunch: says });
          await mara.person.get(`${web.url}/launch?realmId=${await realmOf('Hillside')}`);
          const apps = await mara.person.get(`${web.quickbooksUrl}/app/apps?company=${await realmOf('Ridgeline')}`);
          const page = await mara.person.press(apps, 'Launch');
          await control(web.quickbooksUrl, 'PATCH', '/sandbox/switches', { realmIdOnLaunch: 'yes' });
          expect(page.words).to.include(`${says === 'yes' ? 'Ridgeline Mechanical' : 'Hillside Builders'} , change company`);
        });
      }

      it('§7.2 6.2 a launch from a company that is not connected opens no other one in its place', async () => {
        const page = await mara.person.get(`${web.url}/launch?realmId=${await realmOf('Cedar')}`);
        expect(new URL(page.url).pathname).to.equal('/connect');
        expect(page.words).to.include('The company you came from is not connected').and.to.include('Connect to QuickBooks').and.to.include('Choose a company');
      });

      it('§7.2 6.2 the header changes company, under a new session', async () => {
        await mara.person.get(`${web.url}/launch`);
        const before = mara.person.cookiesFor(web.url).get('sid');
        await mara.person.post(`${web.url}/company`, [['company', hillside]]);
        const page = await mara.person.get(`${web.url}/runs`);
        expect(page.words).to.include('Hillside Builders , change company');
        expect(mara.person.cookiesFor(web.url).get('sid')).to.not.equal(before);
        await request(web.url).get('/runs').set('Cookie', `sid=${before}`).expect(303).expect('Location', '/');
      });
    });
  });

  describe('§7.3 security', () => {
    it('§7.3 S3 TLS alone in production: addresses without it are refused, and browsers stay on https', async () => {
      expect(() => readConfig({ NODE_ENV: 'production', PUBLIC_URL: 'http://a.example', LINARC_API_URL: 'http://b.example' }, () => true))
        .to.throw(/PUBLIC_URL must begin with https[\s\S]*LINARC_API_URL must begin with https/);
      for (const at of Object.values(INTUIT_ENDPOINTS)) for (const url of Object.values(at)) expect(url).to.match(/^https:\/\//);
    });

    it('§7.3 S8 QuickBooks data goes to nobody else: the app knows Intuit’s hosts and Linarc’s, and pages load from us alone', async () => {
      const hosts = Object.values(INTUIT_ENDPOINTS).flatMap((at) => Object.values(at)).map((url) => new URL(url).hostname);
      expect(hosts.filter((host) => !host.endsWith('.intuit.com'))).to.deep.equal([]);
      const { text, headers } = await request(web.url).get('/');
      expect(headers['content-security-policy']).to.match(/default-src 'none'.*connect-src 'self'/);
      const foreign = [...text.matchAll(/(?:src|href)="(https?:\/\/[^"]+)"/g)].map(([, url = '']) => new URL(url).origin);
      expect(foreign.filter((origin) => origin !== new URL(web.quickbooksUrl).origin)).to.deep.equal([]);
    });

    it('§7.3 S10 no token, realm, key or identifier of Intuit’s ever reaches the browser', async () => {
      const member = await comeIn(web);
      const { agent, company } = member;
      await importAll(web, member);
      const [record] = await records(web, company);
      const grant = (await web.world.companies.grant(company))?.grant;
      const [mara] = await web.world.team.members(company);
      const user = await web.world.users.get(mara?.id ?? '');
      const secrets = [grant?.accessToken, grant?.refreshToken, await realmOf('Hillside'), user?.sub, (await web.world.companies.libraryKey(company))?.apiKey].map(String);
      for (const path of ['/', '/cost-codes', '/connect', '/team', '/notices', '/settings', '/runs', ...['history', 'json', 'mapping'].map((sheet) => `/cost-codes/${record?.id}/${sheet}`)]) {
        const { text, headers } = await agent.get(path).redirects(1);
        // The Linarc sandbox's key is offered where it is linked; everywhere else it would be a leak.
        for (const secret of secrets) expect(text + JSON.stringify(headers), path).to.not.include(secret);
      }
    });

    it('§7.3 S11 tokens and realm lie in the database sealed, each differently', async () => {
      const { company } = await comeIn(web);
      const grant = (await web.world.companies.grant(company))?.grant;
      const all = await Promise.all((await web.connection.listCollections()).map(({ name }) => web.connection.collection(name).find().toArray()));
      const stored = JSON.stringify(all);
      expect(stored).to.include(company);
      for (const secret of [grant?.accessToken, grant?.refreshToken, await realmOf('Hillside')]) expect(stored).to.not.include(String(secret));
    });

    for (const path of ['/auth/intuit/callback', '/connect/callback', '/auth/intuit/callback?error=invalid_scope&state=x', '/connect/callback?code=x&realmId=1&state=x', '/auth/intuit/callback?code[$ne]=1&state=a&state=b', '/disconnect', '/disconnect?realmId=1', '/disconnect?realmId=x%00', '/invitation?key=x']) {
      it(`§7.3 S12 ${path} holds a secret, so it answers 302 and no page`, async () => {
        const { status, text } = await request(web.url).get(path);
        expect(status).to.equal(302);
        expect(text).to.not.match(/<html|<body/);
      });
    }

    it('§7.3 S12 even when we fail: 302, the number for support on the next page, the reason in the log', async () => {
      const users = web.world.users as unknown as { signIn: unknown };
      const { signIn } = users;
      const mara = await personAtIntuit(web, 'mara');
      users.signIn = async () => { throw new TypeError('the database said mara.keller@hillside.example'); };
      try {
        const page = await mara.get(`${web.url}/launch`);
        expect(page.status).to.equal(200);
        expect(new URL(page.url).pathname).to.equal('/');
        const [, id] = /send this number to support: ([\w-]{36})/.exec(page.words) ?? [];
        expect(web.logged.join()).to.include(id).and.to.include('TypeError').and.not.include('hillside.example');
      } finally {
        users.signIn = signIn;
      }
    });

    it('§7.3 S13 there are no passwords to keep: people have Intuit’s, and no schema has a field for one', () => {
      const fields = readdirSync('models').map((name) => readFileSync(join('models', name), 'utf8')).join('\n');
      expect(fields).to.not.match(/password|passwd|passphrase/i);
    });

    it('§7.3 S16 says whom to tell of a weakness, until a day that lies ahead', async () => {
      expect(Date.parse(CARD.securityContactUntil)).to.be.greaterThan(Date.now());
      expect(Date.parse(CARD.securityContactUntil)).to.be.lessThan(Date.now() + 366 * 86_400_000);
      const { text } = await request(web.url).get('/.well-known/security.txt').expect(200).expect('Content-Type', /^text\/plain/);
      expect(text).to.match(/^Contact: mailto:help@sync\.example$/m).and.to.match(/^Expires: \d{4}-/m).and.to.match(/^Canonical: http/m);
    });
  });

  describe('§7.4 platform', () => {
    it('§7.4 tokens are refreshed when they run out, not on a timer and not with every call', async () => {
      const member = await comeIn(web);
      const refreshes = async () => (await calls()).filter(({ operation }) => operation === 'token.refresh').length;
      const before = await refreshes();
      for (const path of ['/connect', '/cost-codes', '/runs']) await member.agent.get(path).expect(200);
      await importAll(web, member);
      await member.agent.post('/runs').type('form').send({ scope: 'matching', filter: '' }).expect(303);
      await web.idle();
      expect(await refreshes()).to.equal(before);
      await web.connection.collection<{ _id: string }>('companies').updateOne({ _id: member.company }, { $set: { 'grant.accessExpiresAt': new Date() } });
      const [record] = await records(web, member.company);
      for (let n = 0; n < 2; n += 1) await member.agent.post(`/cost-codes/${record?.id}/mapping`).type('form').send({ intent: 'refresh' }).expect(303);
      expect(await refreshes()).to.equal(before + 1);
    });
  });

  describe('§7.5 branding', () => {
    it('§7.5 the name holds none of Intuit’s marks, nor does the app’s address for itself', () => {
      expect(CARD.name).to.not.match(/quick|tuit|\bqb/i);
    });

    it('§7.5 every page that names Intuit or QuickBooks has the notice, and our own name first', () => {
      for (const [name, state] of Object.entries(STATES)) {
        const html = drawn(createRenderer('views'), state).replace(/<head>[\s\S]*?<\/head>/, '');
        expect(wordsOf(html), name).to.include('Intuit and QuickBooks are registered trademarks of Intuit Inc. Used with permission.');
        expect(html.indexOf('class="brand"'), name).to.be.lessThan(html.indexOf('QuickBooks'));
        expect(wordsOf(html), name).to.not.match(/partner|preferred/i);
      }
    });
  });

  describe('bad input', () => {
    it('a callback gone a second time is refused, changes nothing and leaves a line without its code', async () => {
      const { person, company } = await comeIn(web);
      const back = await wayBack(person, 'Hillside');
      const cookie = back.hash.slice(1);
      await go(back, person).expect(302).expect('Location', '/cost-codes');
      const version = (await web.world.companies.grant(company))?.version;
      const again = await go(back, person).expect(302).expect('Location', '/');
      const [renewed = cookie] = (again.headers['set-cookie']?.[0] ?? '').split(';');
      expect(wordsOf((await request(web.url).get('/').set('Cookie', renewed)).text)).to.include('was not started here, or was used before');
      expect((await web.world.companies.grant(company))?.version).to.equal(version);
      expect(web.logged.join()).to.include('a way back from Intuit was refused').and.include('state_mismatch').and.not.include(back.searchParams.get('code'));
    });

    it('a callback with the realm of another company is refused and connects neither', async () => {
      const { person, company } = await comeIn(web);
      const before = await web.world.companies.grant(company);
      const back = await wayBack(person, 'Hillside');
      back.searchParams.set('realmId', await realmOf('Cedar'));
      const answer = await go(back, person).expect(302);
      expect(await wordsAfter(answer as never, back.hash.slice(1))).to.include('QuickBooks does not open this company to you.');
      expect(await web.world.companies.byRealm(await realmOf('Cedar'))).to.equal(null);
      expect((await web.world.companies.grant(company))?.version).to.equal(before?.version);
      expect(web.logged.join()).to.include('wrong_realm').and.not.include(await realmOf('Cedar'));
    });

    it('a callback in another browser than it was begun in is refused', async () => {
      const { person, company } = await comeIn(web);
      const version = (await web.world.companies.grant(company))?.version;
      const back = await wayBack(person, 'Hillside');
      back.hash = '';
      const answer = await request(web.url).get(`${back.pathname}${back.search}`).expect(302);
      expect(answer.headers['location']).to.equal('/');
      expect((await web.world.companies.grant(company))?.version).to.equal(version);
    });
  });

  it('every entry of quickbooks.md §7 that is ours has a test with its id in the title', () => {
    const titles = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts'))
      .flatMap((name) => [...readFileSync(join('test', name), 'utf8').matchAll(/\bit\(\s*(['"`])((?:(?!\1).)*)\1/g)].map(([, , title = '']) => title)).join('\n');
    // 5.1 to 5.3 are for apps without Sign in with Intuit; 7 for lending, payments and the like; S14 and S15 are for people (SECURITY.md).
    const technical = ['1.1', '1.2', '1.3', '1.4', '2.1', '2.2', '2.3', '3.1', '3.2', '3.3', '4.0', '4.1', '4.2', '4.3', '4.4', '6.1', '6.2'].map((id) => `§7.2 ${id} `);
    const security = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16].map((n) => `§7.3 S${n} `);
    const missing = [...technical, ...security, '§7.1 ', '§7.4 ', '§7.5 '].filter((id) => !titles.includes(id));
    expect(missing).to.deep.equal([]);
  });
});
