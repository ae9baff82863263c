import { expect } from 'chai';
import type { StagedRecord } from '../../server/core/records.ts';
import { unescaped, wordsOf } from '../support/forms.ts';
import { comeIn, control, importAll, records, setRole, startWeb, type Member, type WebProduct } from './support.ts';

interface Listed {
  readonly Name: string;
  readonly Active: boolean;
}

describe('The staging screen at work', () => {
  let web: WebProduct;
  let member: Member;
  let all: readonly StagedRecord[] = [];

  before(async () => {
    web = await startWeb();
    member = await comeIn(web);
    await importAll(web, member);
    all = await records(web, member.company);
  });
  after(() => web.close());

  const screen = async (search = '') => (await member.agent.get(`/cost-codes${search}`).expect(200)).text;
  const rowsOf = (html: string) => [...html.matchAll(/<tr id="r-(\w+)"[\s\S]*?<\/tr>/g)].map(([html, id = '']) => ({ id, html, words: wordsOf(html) }));
  const post = (path: string, fields: object) => member.agent.post(path).type('form').send(fields);
  const ready = () => all.filter(({ status }) => status === 'needs_sync');
  const record = async (id: string) => (await web.world.costCodes.get(member.company, id)) ?? (() => { throw new Error('gone'); })();
  const classes = async () => control<Listed[]>(web.quickbooksUrl, 'GET', `/sandbox/companies/${await web.world.companies.realmId(member.company)}/classes`);
  /** A record for one test alone, so that the tests do not depend on each other. */
  let taken = 20;
  const fresh = (): StagedRecord => ready()[taken++] ?? (() => { throw new Error('no more records'); })();

  it('ends an import with what was new, changed, unchanged and with problems', async () => {
    expect(wordsOf(await screen())).to.match(/Last import: 281 new · 0 changed · 0 unchanged · \d+ with problems/);
  });

  it('changes nothing when all is imported again', async () => {
    await importAll(web, member);
    expect(wordsOf(await screen())).to.match(/Last import: 0 new · 0 changed · 281 unchanged/);
  });

  it('shows a hundred rows, numbered through the pages, with natural order of codes', async () => {
    const first = rowsOf(await screen());
    const second = rowsOf(await screen('?from=100'));
    expect(first).to.have.length(100);
    expect(second[0]?.words).to.match(/^101 /);
    expect(new Set([...first, ...second].map(({ id }) => id)).size).to.equal(200);
  });

  it('finds by code or name and by every filter of the address', async () => {
    expect(rowsOf(await screen('?q=CONCRETE')).every(({ words }) => /concrete/i.test(words))).to.equal(true);
    expect(rowsOf(await screen('?status=needs_action')).every(({ words }) => words.includes('Needs Action'))).to.equal(true);
    expect(rowsOf(await screen('?type=OFFICE')).every(({ words }) => words.includes('OFFICE'))).to.equal(true);
    expect(rowsOf(await screen('?status=excluded')).every(({ words }) => words.includes('Excluded by'))).to.equal(true);
  });

  it('treats what is searched for as text, not as a pattern', async () => {
    expect(rowsOf(await screen(`?q=${encodeURIComponent('.*')}`))).to.have.length(0);
    expect(rowsOf(await screen(`?q=${encodeURIComponent('(')}`)).every(({ words }) => words.includes('('))).to.equal(true);
  });

  it('shows the reason for Needs Action on a card, word for word', async () => {
    const [first] = rowsOf(await screen('?status=needs_action&problem=name_missing'));
    expect(first?.words).to.include('has no name in Linarc').and.to.include('Give it a name in Linarc');
  });

  it('groups what waits for a person by its cause', async () => {
    expect(wordsOf(await screen())).to.match(/Waiting on a person \d+ cost codes \d+ Cost code used twice/);
  });

  it('answers htmx with the screen alone and a person with the whole page', async () => {
    const part = await member.agent.get('/cost-codes').set('HX-Request-Type', 'partial').expect(200);
    expect(part.text.trimStart()).to.match(/^<div id="screen"/).and.to.not.include('<html');
    expect(part.headers.vary).to.include('HX-Request-Type');
    expect(await screen()).to.match(/^<!doctype html>/);
  });

  it('previews what would be done, and writes nothing', async () => {
    const before = (await classes()).length;
    const [one] = ready();
    const { text } = await post('/cost-codes/preview', { scope: 'ids', id: one?.id }).expect(200);
    expect(wordsOf(text)).to.match(/Create 1 /).and.to.include(one?.wanted.name);
    expect(await classes()).to.have.length(before);
  });

  it('syncs the selected records and no others', async () => {
    const [a, b, c] = [fresh(), fresh(), fresh()];
    await post('/runs', { scope: 'ids', id: [a.id, b.id], back: '/cost-codes?q=x' }).expect(303).expect('Location', '/cost-codes?q=x');
    await web.idle();
    const names = (await classes()).map(({ Name }) => Name);
    expect(names).to.include.members([a.wanted.name, b.wanted.name]).and.to.not.include(c.wanted.name);
    expect((await record(a.id)).status).to.equal('synced');
    expect((await record(c.id)).status).to.equal('needs_sync');
  });

  it('says what is left out, and that nothing was selected', async () => {
    const waiting = all.find(({ status }) => status === 'needs_action');
    await post('/runs', { scope: 'ids', id: waiting?.id }).expect(303);
    expect(wordsOf(await screen())).to.include('None of the selected cost codes needs to be synced. 1 is left out: 1 Needs Action.');
    await post('/runs', { scope: 'ids' }).expect(303);
    expect(wordsOf(await screen())).to.include('Nothing is selected.');
    expect(wordsOf(await screen()), 'shown once').to.not.include('Nothing is selected.');
  });

  it('means by Select All every match on every page, but for rows whose tick was taken away', async () => {
    const search = '?status=needs_sync&q=pip';
    const html = await screen(`${search}&select=all`);
    const shown = rowsOf(html);
    const seen = [...html.matchAll(/name="seen" value="([^"]+)"/g)].map(([, value]) => value);
    expect(shown.length).to.be.greaterThan(2);
    expect((html.match(/name="id" value="\w+"[^>]* checked/g) ?? []).length).to.equal(shown.length);
    const [spared, ...ticked] = shown.map(({ id }) => id);
    await post('/runs', { scope: 'matching', filter: 'status=needs_sync&q=pip', seen, id: ticked }).expect(303);
    await web.idle();
    expect((await record(spared ?? '')).status).to.equal('needs_sync');
    for (const id of ticked) expect((await record(id)).status).to.equal('synced');
  });

  it('retries by a click on Failed, reading the corrected record from Linarc first', async () => {
    const broken = fresh();
    await control(web.quickbooksUrl, 'POST', '/sandbox/faults', {
      match: { operation: 'batch' }, fault: { kind: 'status', status: 400, body: { Fault: { Error: [{ Message: 'Invalid', Detail: 'A name cannot contain this', code: '2040', element: 'Name' }], type: 'ValidationFault' } } }, times: 1,
    });
    await post('/runs', { scope: 'ids', id: broken.id });
    await web.idle();
    await control(web.quickbooksUrl, 'DELETE', '/sandbox/faults');
    expect((await record(broken.id)).status, 'the sandbox refused it').to.equal('failed');
    const row = rowsOf(await screen(`?q=${encodeURIComponent(broken.source.code)}`)).find(({ id }) => id === broken.id);
    expect(row?.html).to.match(/<button class="status failed" formaction="\/cost-codes\/\w+\/retry"/);

    await control(web.linarcUrl, 'PATCH', `/sandbox/cost-codes/${broken.linarcId}`, { costCodeName: 'Corrected at the source' });
    await post(`/cost-codes/${broken.id}/retry`, { back: '/cost-codes?status=failed' }).expect(303).expect('Location', '/cost-codes?status=failed');
    await web.idle();
    const healed = await record(broken.id);
    expect(healed.status).to.equal('synced');
    expect(healed.link?.name).to.equal(`${broken.source.code} Corrected at the source`);
  });

  it('keeps the record when Linarc is down at a retry, and says so', async () => {
    const one = fresh();
    await control(web.linarcUrl, 'POST', '/sandbox/faults', { fault: { kind: 'status', status: 503 }, times: 20 });
    await post(`/cost-codes/${one.id}/retry`, {}).expect(303);
    await control(web.linarcUrl, 'DELETE', '/sandbox/faults');
    expect(wordsOf(await screen())).to.match(/Linarc (cannot be reached just now|took too long)/);
    expect((await record(one.id)).status).to.equal('needs_sync');
  });

  it('shows Change History with who, when and from what to what, newest first', async () => {
    const one = fresh();
    await post('/runs', { scope: 'ids', id: one.id });
    await web.idle();
    const words = wordsOf((await member.agent.get(`/cost-codes/${one.id}/history`).expect(200)).text);
    expect(words).to.match(/Class created in QuickBooks .* by Mara Keller[\s\S]*Imported from Linarc/);
    expect(words).to.match(/intuit_tid \S+/);
    const only = wordsOf((await member.agent.get(`/cost-codes/${one.id}/history?kind=imported`).expect(200)).text);
    expect(only.slice(only.indexOf('Gone from Linarc'))).to.not.include('by Mara Keller Run');
  });

  it('shows the raw record, the wanted class and the last exchange under Json Script, without secrets', async () => {
    const one = fresh();
    await post('/runs', { scope: 'ids', id: one.id });
    await web.idle();
    const { text } = await member.agent.get(`/cost-codes/${one.id}/json`).expect(200);
    const words = wordsOf(text);
    expect(words).to.include(one.linarcId).and.to.include('Last answer from QuickBooks').and.to.include('SyncToken');
    expect(text).to.not.include(await web.world.companies.realmId(member.company)).and.to.not.match(/bearer|access_token/i);
  });

  it('maps by hand to a class of QuickBooks, tells the page to refresh, and unlinks again', async () => {
    const one = fresh();
    await post('/cost-codes/' + one.id + '/mapping', { intent: 'refresh' }).expect(303);
    const found = await member.agent.get(`/cost-codes/${one.id}/mapping`).query({ q: 'Overhead' }).set('HX-Request-Type', 'partial').expect(200);
    expect(found.headers['hx-trigger']).to.equal('recordsChanged');
    expect(wordsOf(found.text)).to.match(/Read \d+ active classes and \d+ inactive ones? from QuickBooks/);
    const classId = /choose=(\d+)/.exec(found.text.slice(found.text.indexOf('class-q')))?.[1];
    await post(`/cost-codes/${one.id}/mapping`, { intent: 'map', classId }).expect(303).expect('Location', `/cost-codes/${one.id}/mapping`);
    expect((await record(one.id)).link).to.include({ id: classId, how: 'manual', name: 'Overhead' });
    await post(`/cost-codes/${one.id}/mapping`, { intent: 'unmap' }).expect(303);
    expect((await record(one.id)).link).to.equal(null);
  });

  it('refuses a class another code has, unless that is meant', async () => {
    const [owner, other] = [fresh(), fresh()];
    await post('/runs', { scope: 'ids', id: owner.id });
    await web.idle();
    const classId = (await record(owner.id)).link?.id;
    await post(`/cost-codes/${other.id}/mapping`, { intent: 'map', classId }).expect(303);
    expect(wordsOf((await member.agent.get(`/cost-codes/${other.id}/mapping`)).text)).to.include('is already linked to another cost code');
    expect((await record(other.id)).link).to.equal(null);
    await post(`/cost-codes/${other.id}/mapping`, { intent: 'map', classId, how: 'share' }).expect(303);
    expect((await record(other.id)).link?.id).to.equal(classId);
  });

  it('excludes with a reason and includes again', async () => {
    const one = fresh();
    const asked = await post('/cost-codes/exclude', { scope: 'ids', id: one.id }).expect(200);
    expect(wordsOf(asked.text)).to.include('1 cost code').and.to.include('Reason');
    await post('/cost-codes/exclusions', { scope: 'ids', id: one.id, reason: 'not for the books' }).expect(303);
    expect((await record(one.id)).excluded).to.include({ by: 'Mara Keller', reason: 'not for the books' });
    expect(wordsOf(await screen(`?status=excluded&q=${encodeURIComponent(one.source.code)}`))).to.match(/Excluded by Mara Keller, \d+ \w+ \d{4}, [\d:]+ UTC : not for the books/);
    await post('/cost-codes/inclusions', { scope: 'ids', id: one.id }).expect(303);
    expect((await record(one.id)).excluded).to.equal(null);
  });

  it('imports selected codes from a picker that searches in Linarc and marks what is staged', async () => {
    const { text } = await member.agent.get('/imports/selected').query({ q: 'concrete' }).expect(200);
    const words = wordsOf(text);
    expect(words).to.match(/\d+ cost codes found/).and.to.include('Staged, ');
    const id = /name="id" value="([^"]+)"/.exec(text)?.[1];
    await post('/imports', { mode: 'selected', id }).expect(303);
    await web.idle();
    expect(wordsOf(await screen())).to.match(/Last import: 0 new · 0 changed · 1 unchanged/);
    await post('/imports', { mode: 'selected' }).expect(303);
    expect(wordsOf(await screen())).to.include('No cost code was chosen');
  });

  it('says on the screen that Linarc is down, loses nothing, and imports when it is back', async () => {
    await control(web.linarcUrl, 'POST', '/sandbox/faults', { fault: { kind: 'status', status: 503 }, times: 50 });
    await post('/imports', { mode: 'all' }).expect(303);
    await web.idle();
    const words = wordsOf(await screen());
    expect(words).to.match(/The last import stopped after 0 entries\. Linarc (cannot be reached|took too long|answered)/);
    expect(wordsOf((await member.agent.get('/imports/selected')).text)).to.match(/Linarc (cannot be reached|took too long|answered)/);
    await control(web.linarcUrl, 'DELETE', '/sandbox/faults');
    await importAll(web, member);
    expect(wordsOf(await screen())).to.match(/Last import: 0 new/);
  });

  describe('live', () => {
    const seenOf = (given: readonly StagedRecord[]) => given.map(({ id, version }) => `${id}.${version}`);

    it('sends only the rows that changed since the page was drawn, each in its place', async () => {
      const [a, b] = [fresh(), fresh()];
      const seen = seenOf([await record(a.id), await record(b.id)]);
      await post('/runs', { scope: 'ids', id: b.id });
      await web.idle();
      const { text } = await post('/cost-codes/live?from=40', { seen }).expect(200);
      const changed = rowsOf(text);
      expect(changed.map(({ id }) => id)).to.deep.equal([b.id]);
      expect(text).to.include(`<hx-partial hx-target="#r-${b.id}" hx-swap="outerMorph"><tr id="r-${b.id}"`);
      expect(changed[0]?.words).to.match(/^42 /).and.to.include('Synced');
      expect(text).to.match(/<div id="rail" class="rail" hx-swap-oob="outerMorph">/).and.to.match(/<span id="activity"[^>]* hx-swap-oob/);
    });

    it('asks seldom when nothing runs, and is answered with nothing while nothing changes', async () => {
      const { text } = await post('/cost-codes/live', {}).expect(200);
      expect(text).to.match(/<div id="live"[^>]* hx-trigger="every 10s, focus from:window, recordsChanged from:body"/);
      const href = unescaped(/hx-post="([^"]+)"/.exec(text)?.[1] ?? '');
      await post(href, {}).expect(204);
      const one = fresh();
      await post('/cost-codes/exclusions', { scope: 'ids', id: one.id }).expect(303);
      expect((await post(href, {}).expect(200)).text, 'one is excluded').to.match(/id="chips"/);
    });

    it('draws the screen anew, with the result, when what it watched has ended', async () => {
      const one = fresh();
      await post('/runs', { scope: 'ids', id: one.id });
      await web.idle();
      const [run] = await web.world.runs.recent(member.company, 1);
      const { text, headers } = await post(`/cost-codes/live?watching=${run?.id}`, {}).set('HX-Request-Type', 'partial').expect(200);
      expect(headers).to.include({ 'hx-retarget': '#screen', 'hx-reswap': 'outerMorph' });
      expect(wordsOf(text)).to.include('Sync finished: 1 created of 1 cost code.');
    });

    it('keeps what a run did on a page of its own', async () => {
      const [run] = await web.world.runs.recent(member.company, 1);
      const words = wordsOf((await member.agent.get(`/runs/${run?.id}`).expect(200)).text);
      expect(words).to.include('Finished').and.to.include('1 created of 1 cost code').and.to.include('Started by Mara Keller');
      expect(wordsOf((await member.agent.get('/runs')).text)).to.include('Finished');
    });

    it('has nothing to pause once a run is over', async () => {
      const [run] = await web.world.runs.recent(member.company, 1);
      await post(`/runs/${run?.id}/wish`, { wish: 'pause' }).expect(303).expect('Location', `/runs/${run?.id}`);
      expect((await web.world.runs.get(member.company, run?.id ?? ''))?.state).to.equal('finished');
    });
  });

  describe('roles', () => {
    afterEach(() => setRole(web, member.company, 'admin'));

    const writes = () => {
      const { id } = all[0] ?? { id: '' };
      return [
        ['/imports', { mode: 'all' }], ['/runs', { scope: 'ids', id }], ['/cost-codes/exclude', { scope: 'ids', id }], ['/cost-codes/exclusions', { scope: 'ids', id }],
        ['/cost-codes/inclusions', { scope: 'ids', id }], [`/cost-codes/${id}/retry`, {}], [`/cost-codes/${id}/mapping`, { intent: 'unmap' }], [`/cost-codes/${id}/decision`, { decision: 'linarc' }],
        ['/cost-codes/retries', { scope: 'ids', id }], ['/cost-codes/decisions', { scope: 'ids', id, decision: 'linarc' }],
        ['/settings', { structure: 'flat', namePattern: '{code}' }], ['/disconnect', {}], ['/linarc', { companyId: 'x', apiKey: 'y' }],
      ] as const;
    };

    it('a viewer reads everything and changes nothing', async () => {
      await setRole(web, member.company, 'viewer');
      for (const [path, fields] of writes()) {
        const { status, text } = await post(path, fields);
        expect([path, status]).to.deep.equal([path, 403]);
        expect(text).to.include('viewer');
      }
      for (const path of ['/cost-codes', '/runs', '/imports/selected', `/cost-codes/${all[0]?.id}/history`, `/cost-codes/${all[0]?.id}/mapping`]) await member.agent.get(path).expect(200);
      const html = await screen();
      for (const button of ['Sync to QBO', 'Import<svg', 'Import All Items from Linarc']) {
        if (html.includes(`>${button}`)) expect(html, button).to.match(new RegExp(`disabled[^>]*>${button}`));
      }
      expect(wordsOf(html)).to.include('Your role in Hillside Builders is viewer');
    });

    it('an operator syncs but does not set rules or end the connection', async () => {
      await setRole(web, member.company, 'operator');
      for (const path of ['/settings', '/disconnect', '/linarc']) await post(path, { structure: 'flat', namePattern: '{code}', companyId: 'x', apiKey: 'y' }).expect(403);
      await member.agent.get('/settings').expect(403);
      await post('/runs', { scope: 'ids', id: fresh().id }).expect(303);
      await web.idle();
    });
  });
});
