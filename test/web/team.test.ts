import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import request from 'supertest';
import type { Tenant } from '../../server/core/records.ts';
import { fileOutbox } from '../../server/notices/outbox.ts';
import { tellPeople } from '../../server/sync/notices.ts';
import { runPush } from '../../server/sync/push.ts';
import { unescaped, wordsOf } from '../support/forms.ts';
import type { Page, Person } from '../support/person.ts';
import { agentOf, comeIn, importAll, personAtIntuit, startWeb, type Member, type WebProduct } from './support.ts';

describe('A company’s team', () => {
  let web: WebProduct;
  let mara: Member;
  let outbox: string;
  const later = { ms: 0 };

  beforeEach(async () => {
    later.ms = 0;
    web = await startWeb({ codes: 3, later });
    outbox = mkdtempSync(join(tmpdir(), 'outbox-'));
    Object.assign(web.world.fresh, { post: fileOutbox({ dir: outbox, from: 'Sync <sync@localhost>' }) });
    mara = await comeIn(web);
  });
  afterEach(async () => {
    await web.close();
    rmSync(outbox, { recursive: true });
  });

  const team = async () => Object.fromEntries((await web.world.team.members(mara.company)).map(({ name, role }) => [name, role]));
  const idOf = async (name: string) => (await web.world.team.members(mara.company)).find((member) => member.name.startsWith(name))?.id ?? '';
  /** Makes an invitation on the page and reads the link it shows. */
  async function linkFor(role: string, email = ''): Promise<string> {
    await mara.agent.post('/invitations').type('form').send({ role, email }).expect(303).expect('Location', '/team');
    const { text } = await mara.agent.get('/team').expect(200);
    return unescaped(/<pre id="made-link"[^>]*>([^<]+)</.exec(text)?.[1] ?? '');
  }
  /** Opens the link, signs in with Intuit, and ends on the invitation's page. */
  async function open(link: string, id: 'jonas' | 'priya'): Promise<{ person: Person; page: Page }> {
    const person = await personAtIntuit(web, id);
    const first = await person.get(link);
    const page = first.words.includes('Sign in with Intuit') ? await person.press(first, 'Sign in with Intuit') : first;
    return { person, page };
  }

  describe('invitations', () => {
    it('bring a person in by a link and Sign in with Intuit, without access to the books', async () => {
      const link = await linkFor('viewer');
      expect(link).to.match(/^http:\/\/localhost:\d+\/invitation\?key=[0-9a-f]{64}$/);
      const { person, page } = await open(link, 'priya');
      expect(new URL(page.url).pathname).to.equal('/invitation');
      expect(page.words).to.include('Mara Keller invites you to Hillside Builders as viewer.').and.to.include('You are signed in as priya.nair@hillside.example.');
      const inside = await person.press(page, 'Join Hillside Builders');
      expect(new URL(inside.url).pathname).to.equal('/cost-codes');
      expect(await team()).to.deep.equal({ 'Mara Keller': 'admin', 'Priya Nair': 'viewer' });
      expect(person.visited.some((url) => url.includes('accounting'))).to.equal(false);
    });

    it('take their secret out of the address bar at once, by 302', async () => {
      const link = await linkFor('viewer');
      const { headers, text } = await request(web.url).get(new URL(link).pathname + new URL(link).search).expect(302);
      expect(headers['location']).to.equal('/invitation');
      expect(text).to.not.include(new URL(link).searchParams.get('key'));
    });

    it('are shown once, kept as a digest, and never in the log', async () => {
      const link = await linkFor('operator');
      const secret = new URL(link).searchParams.get('key') ?? 'none';
      await open(link, 'priya');
      expect((await mara.agent.get('/team')).text).to.not.include(secret);
      const stored = await Promise.all(['invitations', 'users', 'companies'].map((name) => web.connection.collection(name).find().toArray()));
      expect(JSON.stringify(stored)).to.include('"digest"').and.not.include(secret);
      expect(web.logged.join()).to.not.include(secret);
    });

    it('work once: the second person is told so, changes nothing, and the log has a line', async () => {
      const link = await linkFor('operator');
      const { person, page } = await open(link, 'jonas');
      const { person: other, page: second } = await open(link, 'priya');
      await person.press(page, 'Join Hillside Builders');
      const late = await other.press(second, 'Join Hillside Builders');
      expect(late.words).to.include('Somebody has used this invitation already.');
      expect((await other.get(link)).words).to.include('Somebody has used this invitation already.');
      expect(await team()).to.have.all.keys('Mara Keller', 'Jonas Brandt');
      expect(web.logged.join()).to.include('an invitation was refused {"why":"used"}');
    });

    it('are over after seven days, and when they are withdrawn', async () => {
      const link = await linkFor('operator');
      later.ms = 7 * 86_400_000 + 1000;
      expect((await open(link, 'jonas')).page.words).to.include('This invitation is over');
      later.ms = 0;
      mara = await comeIn(web);
      const other = await linkFor('operator');
      const { text } = await mara.agent.get('/team');
      const [action = ''] = /\/invitations\/[0-9a-f]{24}\/withdrawal/.exec(text) ?? [];
      const { person, page } = await open(other, 'priya');
      await mara.agent.post(action).expect(303);
      await mara.agent.post(action).expect(404);
      expect((await person.press(page, 'Join Hillside Builders')).words).to.include('This invitation does not hold');
      expect(await team()).to.deep.equal({ 'Mara Keller': 'admin' });
    });

    it('that were forged open nothing', async () => {
      const { page } = await open(`${web.url}/invitation?key=${'0'.repeat(64)}`, 'priya');
      expect(page.words).to.include('This invitation does not hold');
    });

    it('for an e-mail are mailed there, and for nobody else', async () => {
      const link = await linkFor('operator', 'Jonas.Brandt@hillside.example');
      const [file = ''] = readdirSync(outbox);
      const mail = readFileSync(join(outbox, file), 'utf8').replace(/=\n/g, '').replaceAll('=3D', '=');
      expect(mail).to.include('To: Jonas.Brandt@hillside.example').and.to.include(link).and.to.include('Mara Keller invites you to Hillside Builders');
      const { page: wrong } = await open(link, 'priya');
      expect(wrong.words).to.include('This invitation is for Jonas.Brandt@hillside.example, and you are signed in as priya.nair@hillside.example.');
      expect(wrong.html).to.not.include('Join Hillside Builders</button>');
      const { person, page } = await open(link, 'jonas');
      await person.press(page, 'Join Hillside Builders');
      expect(await team()).to.deep.equal({ 'Jonas Brandt': 'operator', 'Mara Keller': 'admin' });
    });

    it('are worth nothing once their maker is no administrator any more', async () => {
      const link = await linkFor('admin');
      const { person, page } = await open(await linkFor('admin'), 'jonas');
      await person.press(page, 'Join Hillside Builders');
      await agentOf(web, person).post(`/team/${await idOf('Mara')}`).type('form').send({ intent: 'role', role: 'viewer' }).expect(303);
      expect((await open(link, 'priya')).page.words).to.include('This invitation does not hold');
    });

    it('with a mail that cannot be sent are still there to be passed on', async () => {
      Object.assign(web.world.fresh, { post: { send: async () => { throw new Error('jonas.brandt@hillside.example refused'); } } });
      const link = await linkFor('viewer', 'jonas.brandt@hillside.example');
      expect(link).to.include('/invitation?key=');
      expect(web.logged.join()).to.include('an invitation could not be mailed').and.not.include('jonas.brandt@');
    });

    it('ask for a role and a whole e-mail address', async () => {
      for (const body of [{ role: 'owner' }, { role: 'viewer', email: 'a@b, c@d' }, { role: 'viewer', email: 'no address' }]) {
        await mara.agent.post('/invitations').type('form').send(body).expect(400);
      }
      expect(await web.world.invitations.open(mara.company, new Date())).to.deep.equal([]);
    });
  });

  describe('roles', () => {
    it('are changed on the page; the last administrator’s cannot be, by page or by post', async () => {
      const { person, page } = await open(await linkFor('operator'), 'jonas');
      await person.press(page, 'Join Hillside Builders');
      const { text } = await mara.agent.get('/team');
      expect(text).to.match(/aria-label="Role of Mara Keller" disabled/).and.to.include('The last administrator stays. Make somebody else administrator first.');
      for (const body of [{ intent: 'role', role: 'viewer' }, { intent: 'remove' }]) {
        await mara.agent.post(`/team/${await idOf('Mara')}`).type('form').send(body).expect(303);
        expect(wordsOf((await mara.agent.get('/team')).text)).to.include('Make somebody else administrator first.');
      }
      await mara.agent.post(`/team/${await idOf('Jonas')}`).type('form').send({ intent: 'role', role: 'admin' }).expect(303);
      expect(wordsOf((await mara.agent.get('/team')).text)).to.include('Jonas Brandt is administrator now.');
      expect(await team()).to.deep.equal({ 'Jonas Brandt': 'admin', 'Mara Keller': 'admin' });
    });

    it('are kept by those who connect the company again: nobody raises themselves that way', async () => {
      const { person, page } = await open(await linkFor('viewer'), 'jonas');
      await person.press(page, 'Join Hillside Builders');
      // Jonas is an administrator in QuickBooks.
      await person.press(await person.get(`${web.url}/connect/request`), 'Approve');
      expect((await team())['Jonas Brandt']).to.equal('viewer');
    });

    it('of a newcomer who may connect the company in QuickBooks is operator', async () => {
      const jonas = await personAtIntuit(web, 'jonas');
      await jonas.press(await jonas.get(`${web.url}/connect/request`), 'Approve');
      expect((await team())['Jonas Brandt']).to.equal('operator');
    });
  });

  it('each change is among the company’s decisions, with who made it', async () => {
    const { person, page } = await open(await linkFor('viewer'), 'jonas');
    await person.press(page, 'Join Hillside Builders');
    await mara.agent.post(`/team/${await idOf('Jonas')}`).type('form').send({ intent: 'role', role: 'operator' }).expect(303);
    await mara.agent.post(`/team/${await idOf('Jonas')}`).type('form').send({ intent: 'remove' }).expect(303);
    await mara.agent.post('/disconnect').expect(303);
    const words = wordsOf((await mara.agent.get('/settings').expect(200)).text);
    for (const line of ['Jonas Brandt, viewer, invited by Mara Keller', 'Jonas Brandt, operator', 'Connected', 'Not connected']) expect(words).to.include(line);
    const facts = await web.world.history.of(mara.company, 'company', { limit: 10 });
    const told = facts.flatMap(({ by, changes }) => changes.map(({ field, from, to }) => [by.kind === 'person' ? by.name : by.what, field, from, to]));
    expect(told.filter(([, field]) => field === 'team')).to.deep.equal([
      ['Mara Keller', 'team', 'Jonas Brandt, operator', null],
      ['Mara Keller', 'team', 'Jonas Brandt, viewer', 'Jonas Brandt, operator'],
      ['Jonas Brandt', 'team', null, 'Jonas Brandt, viewer, invited by Mara Keller'],
    ]);
    expect(told.filter(([, field]) => field === 'quickbooks')).to.deep.equal([
      ['Mara Keller', 'quickbooks', 'Connected', 'Not connected'], ['Mara Keller', 'quickbooks', 'Not connected', 'Connected'],
    ]);
  });

  it('a person who is removed is out with the next click; the connection they made and what it carries go on', async () => {
    await importAll(web, mara);
    const { person, page } = await open(await linkFor('admin'), 'jonas');
    await person.press(page, 'Join Hillside Builders');
    await agentOf(web, person).post(`/team/${await idOf('Mara')}`).type('form').send({ intent: 'remove' }).expect(303);
    await mara.agent.get('/cost-codes').expect(303).expect('Location', '/connect');
    const run = await web.world.runs.start(mara.company, { kind: 'automatic', what: 'test' }, { kind: 'matching', filter: {}, except: [] }, new Date());
    await runPush(web.world, mara.company, run?.id ?? '', new AbortController().signal);
    expect((await web.world.runs.get(mara.company, run?.id ?? ''))).to.deep.include({ state: 'finished' }).and.nested.include({ 'counts.failed': 0 });
    expect((await web.world.companies.get(mara.company))?.connection).to.equal('connected');
  });

  describe('notices', () => {
    const tell = async () => {
      const company = await web.world.companies.get(mara.company);
      if (company) await tellPeople(web.world, company);
    };
    const action = (company: Tenant) => web.connection.collection<{ company: string }>('costcodes').updateMany({ company }, { $set: { status: 'needs_action' } });

    it('stand under the header until they are put away, and come back when things turn bad anew', async () => {
      await importAll(web, mara);
      await action(mara.company);
      await tell();
      for (const path of ['/runs', '/team']) expect((await mara.agent.get(path)).text, path).to.include('Cost codes wait for somebody').and.to.include('Show Needs Action');
      // The list itself says what waits there.
      expect((await mara.agent.get('/cost-codes')).text).to.not.include('Cost codes wait for somebody');
      await mara.agent.post('/notices/seen').type('form').send({ topic: 'action', back: '/runs' }).expect(303).expect('Location', '/runs');
      expect((await mara.agent.get('/runs')).text).to.not.include('Cost codes wait for somebody');
      expect((await mara.agent.get('/notices')).text).to.include('Cost codes wait for somebody');
      await web.connection.collection<{ company: string }>('costcodes').updateMany({ company: mara.company }, { $set: { status: 'synced' } });
      await tell();
      later.ms = 25 * 3_600_000;
      await action(mara.company);
      await tell();
      later.ms = 0;
      expect((await mara.agent.get('/runs')).text).to.include('Cost codes wait for somebody');
    });

    it('go by e-mail to each administrator who wants them', async () => {
      await mara.agent.post('/notices/mail').type('form').send('').expect(303);
      await web.world.companies.setConnection(mara.company, 'needs_reconnect', new Date());
      await tell();
      expect(readdirSync(outbox)).to.deep.equal([]);
      expect((await mara.agent.get('/notices')).text).to.include('QuickBooks no longer accepts the connection.');
      await mara.agent.post('/notices/mail').type('form').send({ mail: 'on' }).expect(303);
      await web.world.companies.setConnection(mara.company, 'connected', new Date());
      await tell();
      const [file = ''] = readdirSync(outbox);
      expect(readFileSync(join(outbox, file), 'utf8')).to.include('To: mara.keller@hillside.example').and.to.include('works again');
    });

    it('cannot be put away with an address elsewhere', async () => {
      await mara.agent.post('/notices/seen').type('form').send({ topic: 'runs', back: 'https://evil.example' }).expect(303).expect('Location', '/cost-codes');
      await mara.agent.post('/notices/seen').type('form').send({ topic: 'nothing' }).expect(400);
    });
  });
});
