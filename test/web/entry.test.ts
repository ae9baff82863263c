import { expect } from 'chai';
import request from 'supertest';
import { Person, type Page } from '../support/person.ts';
import { agentOf, comeIn, control, startWeb, type WebProduct } from './support.ts';

interface SandboxCompany {
  readonly realmId: string;
  readonly name: string;
}

describe('The way in', () => {
  let web: WebProduct;

  before(async () => {
    web = await startWeb({ codes: 3 });
  });
  after(() => web.close());

  const locationOf = async (path: string, cookie = ''): Promise<{ location: string; cookie: string }> => {
    const { headers } = await request(web.url).get(path).set('Cookie', cookie).expect(302);
    return { location: headers.location ?? '', cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? cookie };
  };

  it('begins with a plain link to sign in, and htmx keeps off it', async () => {
    const { text } = await request(web.url).get('/').expect(200);
    expect(text).to.match(/<a class="button primary" href="\/launch">Sign in with Intuit<\/a>/);
    expect(text).to.match(/<a href="\/connect\/request">Connect to QuickBooks<\/a>/);
    expect(text).to.not.include('hx-boost');
  });

  it('launches with OpenID scopes only, and connects with the accounting scope', async () => {
    const scopes = async (path: string) => new URL((await locationOf(path)).location).searchParams.get('scope')?.split(' ');
    expect(await scopes('/launch')).to.deep.equal(['openid', 'profile', 'email']);
    expect(await scopes('/connect/request')).to.include('com.intuit.quickbooks.accounting');
  });

  it('lets a newcomer click from the store to the screen, every form filled in', async () => {
    const { screen } = await comeIn(web);
    expect(screen.url).to.equal(`${web.url}/cost-codes`);
    expect(screen.words).to.include('Linked to').and.to.include('Nothing staged yet');
  });

  it('lands a person who comes back straight on the screen, without a click at Intuit', async () => {
    const { person } = await comeIn(web);
    const back = await person.get(`${web.url}/launch`);
    expect(back.url).to.equal(`${web.url}/cost-codes`);
    expect((await person.get(`${web.url}/`)).url).to.equal(`${web.url}/cost-codes`);
  });

  it('leads back to the page a person wanted before they had to sign in', async () => {
    const { person } = await comeIn(web);
    await person.post(`${web.url}/sign-out`);
    expect((await person.get(`${web.url}/runs`)).url).to.equal(`${web.url}/`);
    expect((await person.get(`${web.url}/launch`)).url).to.equal(`${web.url}/runs`);
  });

  it('says what to do when a person does not allow it, and changes nothing', async () => {
    const person = new Person();
    let page: Page = await person.get(`${web.url}/connect/request`);
    if (!page.words.includes('Approve')) page = await person.press(page, 'Sign in');
    page = await person.press(page, 'Cancel');
    expect(page.url).to.equal(`${web.url}/`);
    expect(page.words).to.include('You chose not to allow it in QuickBooks.').and.to.include('try again');
  });

  it('refuses a way back that was not started here, and one used before', async () => {
    const person = new Person();
    const forged = await person.get(`${web.url}/auth/intuit/callback?code=x&state=${'a'.repeat(48)}`);
    expect(forged.words).to.include('was not started here, or was used before');

    const start = await locationOf('/launch');
    const state = new URL(start.location).searchParams.get('state') ?? '';
    const denied = await locationOf(`/auth/intuit/callback?error=access_denied&state=${state}`, start.cookie);
    expect((await request(web.url).get(denied.location).set('Cookie', start.cookie)).text).to.include('You chose not to allow it');
    await locationOf(`/auth/intuit/callback?error=access_denied&state=${state}`, start.cookie);
    expect((await request(web.url).get('/').set('Cookie', start.cookie)).text).to.include('was used before');
  });

  it('does not take a sign-in for a connect', async () => {
    const start = await locationOf('/launch');
    const state = new URL(start.location).searchParams.get('state') ?? '';
    await locationOf(`/connect/callback?code=x&realmId=1&state=${state}`, start.cookie);
    expect((await request(web.url).get('/').set('Cookie', start.cookie)).text).to.include('was not started here');
  });

  it('answers every callback with 302 and no page, as Intuit asks', async () => {
    for (const path of ['/auth/intuit/callback', '/connect/callback', '/auth/intuit/callback?error=invalid_scope&state=x', '/disconnect?realmId=1']) {
      const { status, text } = await request(web.url).get(path);
      expect([path, status], text).to.deep.equal([path, 302]);
    }
  });

  it('keeps a key Linarc refuses on the form, with the reason', async () => {
    const { agent } = await comeIn(web);
    const { text } = await agent.post('/linarc').type('form').send({ companyId: 'lin-hillside', apiKey: 'wrong' }).expect(422);
    expect(text).to.include('Linarc does not accept the API key.').and.to.include('value="lin-hillside"');
    await agent.post('/linarc').type('form').send({ companyId: '', apiKey: '' }).expect(422);
  });

  it('tests a key without linking, and tells whose library it opens', async () => {
    const { agent } = await comeIn(web);
    const { companyId, apiKey } = web.config.sandbox?.linarc ?? { companyId: '', apiKey: '' };
    const { text } = await agent.post('/linarc').type('form').send({ companyId, apiKey, intent: 'test' }).expect(200);
    expect(text).to.match(/The key opens <strong>Hillside Builders<\/strong>: 3 cost codes/);
  });

  it('disconnects in the app: Intuit knows, the tokens are gone, Connect is offered again', async () => {
    const { agent, company } = await comeIn(web);
    await agent.post('/disconnect').expect(303).expect('Location', '/connect');
    expect(await web.world.companies.grant(company)).to.equal(null);
    const { text } = await agent.get('/connect').expect(200);
    expect(text).to.include('is disconnected from QuickBooks').and.to.include('Connect to QuickBooks').and.to.not.include('Disconnect from QuickBooks</button>');
    expect((await agent.get('/cost-codes')).text).to.include('This company is disconnected from QuickBooks');
  });

  it('does not believe a disconnect that QuickBooks did not do', async () => {
    const { agent, company } = await comeIn(web);
    const realm = await web.world.companies.realmId(company);
    await agent.get('/disconnect').query({ realmId: realm }).expect(302).expect('Location', '/connect');
    expect((await web.world.companies.get(company))?.connection).to.equal('connected');
    expect((await agent.get('/connect')).text).to.include('is still connected');
  });

  it('believes it when the grant is dead', async () => {
    const { agent, company } = await comeIn(web);
    const held = await web.world.companies.grant(company);
    await web.world.identity.revoke(held?.grant.refreshToken ?? '');
    await agent.get('/disconnect').query({ realmId: await web.world.companies.realmId(company) }).expect(302);
    expect((await web.world.companies.get(company))?.connection).to.equal('disconnected');
  });

  it('lets a person of several companies change between them, under a new session', async () => {
    const { person, company } = await comeIn(web);
    const companies = await control<SandboxCompany[]>(web.quickbooksUrl, 'GET', '/sandbox/companies');
    const other = companies.find(({ name }) => name.startsWith('Ridgeline'));
    const user = (await web.world.users.signIn({ sub: 'other', email: 'o@x.example', emailVerified: true, name: 'Other' })).id;
    const second = await web.world.companies.connect({
      realmId: other?.realmId ?? '', facts: { name: 'Ridgeline Mechanical', plan: null, classTracking: 'per_line', locations: null }, at: new Date(),
      grant: (await web.world.companies.grant(company))?.grant ?? (() => { throw new Error('no grant'); })(),
    });
    await web.world.users.join(user, second.id, 'admin');
    const agent = agentOf(web, person);
    await agent.post('/company').type('form').send({ company: second.id }).expect(404);

    const member = await web.connection.collection('users').findOne<{ id: string }>({ [`memberships.${company}`]: { $exists: true } }, { projection: { id: '$_id' } });
    await web.world.users.join(member?.id ?? '', second.id, 'viewer');
    expect((await agent.get('/cost-codes')).text).to.include('Change company').and.to.include('Ridgeline Mechanical');
    const { headers } = await agent.post('/company').type('form').send({ company: second.id }).expect(303);
    expect(headers['set-cookie']?.[0]).to.match(/^sid=/);
  });

  it('ends a membership that was taken away with the very next click', async () => {
    const { agent, company } = await comeIn(web);
    await agent.get('/runs').expect(200);
    await web.connection.collection('users').updateMany({}, { $unset: { [`memberships.${company}`]: '' } });
    await agent.get('/runs').expect(303).expect('Location', '/connect');
  });
});
