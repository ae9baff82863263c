import { expect } from 'chai';
import type { StagedRecord } from '../../server/core/records.ts';
import { readSpreadsheet } from '../../server/linarc/spreadsheet/read.ts';
import { refreshClasses } from '../../server/sync/classes.ts';
import { judgeAll } from '../../server/sync/drift.ts';
import { saveSettings } from '../../server/sync/settings.ts';
import { wordsOf } from '../support/forms.ts';
import { comeIn, control, importAll, startWeb, type Member, type WebProduct } from './support.ts';

interface Listed {
  readonly Id: string;
  readonly SyncToken: string;
  readonly Name: string;
  readonly Active: boolean;
}

const REFUSED = { kind: 'status', status: 400, body: { Fault: { Error: [{ Message: 'Invalid', Detail: 'A name cannot contain this', code: '2040', element: 'Name' }], type: 'ValidationFault' } } };

/** What is done for many records at once, and what the screen keeps and gives away. */
describe('Many cost codes at once', () => {
  let web: WebProduct;
  let member: Member;
  let ids: Record<string, string> = {};

  beforeEach(async () => {
    web = await startWeb({ codes: 0 });
    member = await comeIn(web);
    ids = {};
  });
  afterEach(() => web.close());

  const add = async (costCode: string, costCodeName: string, more: object = {}) => {
    const { id } = await control<{ id: string }>(web.linarcUrl, 'POST', '/sandbox/cost-codes', { costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active', ...more });
    ids[costCode] = id;
  };
  const change = (costCode: string, more: object) => control(web.linarcUrl, 'PATCH', `/sandbox/cost-codes/${ids[costCode]}`, more);
  const record = async (costCode: string): Promise<StagedRecord> => {
    const [found] = await web.world.costCodes.byLinarcIds(member.company, [ids[costCode] ?? '']);
    return found ?? (() => { throw new Error(`no ${costCode}`); })();
  };
  /** The classes that stand for our codes; the company has others of its own. */
  const classes = async () => {
    const all = await control<Listed[]>(web.quickbooksUrl, 'GET', `/sandbox/companies/${await web.world.companies.realmId(member.company)}/classes`);
    return all.filter(({ Name }) => /^0\d [A-Z]/.test(Name));
  };
  const names = async () => (await classes()).map(({ Name }) => Name);
  const post = (path: string, fields: object) => member.agent.post(path).type('form').send(fields);
  const screen = async (search = '') => (await member.agent.get(`/cost-codes${search}`).expect(200)).text;
  const say = async (search = '') => wordsOf(await screen(search));
  const syncAll = async (more: object = {}) => {
    await post('/runs', { scope: 'matching', filter: '', ...more }).expect(303);
    await web.idle();
  };
  const rename = async (from: string, to: string) => {
    const realm = await web.world.companies.realmId(member.company);
    const made = (await classes()).find(({ Name }) => Name === from);
    const { access_token: token } = await control<{ access_token: string }>(web.quickbooksUrl, 'POST', `/sandbox/companies/${realm}/grant`, { clientId: 'web-tests' });
    const answer = await fetch(`${web.quickbooksUrl}/v3/company/${realm}/class?minorversion=75`, {
      method: 'POST', headers: { authorization: `Bearer ${token}`, accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ Id: made?.Id, SyncToken: made?.SyncToken, Name: to, Active: true }),
    });
    expect(answer.status, await answer.text()).to.equal(200);
    await refreshClasses(web.world, member.company);
    const company = await web.world.companies.get(member.company);
    if (company) await judgeAll(web.world, company);
  };

  describe('making classes inactive', () => {
    beforeEach(async () => {
      await add('01', 'Summary');
      await add('02', 'Closing');
      await importAll(web, member);
      await syncAll();
      const company = await web.world.companies.get(member.company);
      await saveSettings(web.world, member.company, { kind: 'person', userId: 'u', name: 'Mara' }, company?.settingsVersion ?? 0, { inactivate: true });
      await change('01', { status: 'inactive' });
      await change('02', { costCodeName: 'Closing out' });
      await importAll(web, member);
    });

    it('is not done by Sync to QBO alone: the preview comes first, with the count to tick', async () => {
      const { text, headers } = await post('/runs', { scope: 'matching', filter: '', back: '/cost-codes?sort=name' }).set('HX-Request-Type', 'partial').expect(200);
      expect(headers).to.include({ 'hx-retarget': '#sheet-body', 'hx-replace-url': 'false' });
      const words = wordsOf(text);
      expect(words).to.include('Nothing was sent yet').and.to.include('Make 1 class inactive').and.to.include('1 class gets a new name');
      expect(words).to.match(/It takes about \d+ s, 1 call to QuickBooks/);
      expect(text).to.include('name="back" value="/cost-codes?sort=name"');
      expect(await web.world.runs.active(member.company)).to.equal(null);
    });

    it('is left out without the tick, while the rest is synced', async () => {
      await syncAll({ looked: 'yes' });
      expect((await classes()).map(({ Name, Active }) => `${Name} ${Active}`)).to.deep.equal(['01 Summary true', '02 Closing out true']);
      expect((await record('01')).status).to.equal('needs_sync');
      const [run] = await web.world.runs.recent(member.company, 1);
      expect(wordsOf((await member.agent.get(`/runs/${run?.id}`)).text)).to.include('1 updated and 1 left out, no yes given of 2 cost codes');
    });

    it('is done with it', async () => {
      await syncAll({ looked: 'yes', consent: 'inactivate' });
      expect((await classes()).filter(({ Active }) => !Active).map(({ Name }) => Name)).to.deep.equal(['01 Summary (deleted)']);
    });

    it('works without script: the preview is a page of its own, and its form syncs', async () => {
      const page = await member.person.post(`${web.url}/runs`, [['scope', 'matching'], ['filter', '']]);
      expect(page.words).to.include('Needs its own yes');
      const after = await member.person.press(page, 'Sync these to QuickBooks', { consent: 'inactivate' });
      await web.idle();
      expect(new URL(after.url).pathname).to.equal('/cost-codes');
      expect((await classes()).filter(({ Active }) => !Active)).to.have.length(1);
    });
  });

  describe('retrying', () => {
    beforeEach(async () => {
      await add('01', 'Summary');
      await add('02', 'Closing');
      await add('03', '');
      await importAll(web, member);
      await control(web.quickbooksUrl, 'POST', '/sandbox/faults', { match: { operation: 'batch' }, fault: REFUSED, times: 1 });
      await syncAll();
      await control(web.quickbooksUrl, 'DELETE', '/sandbox/faults');
      expect((await record('01')).status).to.equal('failed');
    });

    it('is offered for each cause, beside Fix and Exclude', async () => {
      const html = await screen();
      for (const label of ['Fix', 'Retry all', 'Exclude']) expect(html).to.include(`aria-label="${label}: Character refused"`).and.to.include(`aria-label="${label}: No name"`);
    });

    it('reads every record of the cause from Linarc again first', async () => {
      await change('01', { costCodeName: 'General' });
      await post('/cost-codes/retries', { scope: 'matching', filter: 'status=failed&problem=name_refused_characters', back: '/cost-codes?status=failed' }).expect(303).expect('Location', '/cost-codes?status=failed');
      expect(await say()).to.include('Reading 2 cost codes from Linarc again, then syncing.');
      await web.idle();
      expect(await names()).to.deep.equal(['01 General', '02 Closing']);
    });

    it('syncs what waited for a person and was mended in Linarc', async () => {
      await change('03', { costCodeName: 'Third' });
      await post('/cost-codes/retries', { scope: 'ids', id: (await record('03')).id });
      await web.idle();
      expect((await record('03')).status).to.equal('synced');
    });

    it('says on the run that Linarc could not be read, and changes nothing', async () => {
      await control(web.linarcUrl, 'POST', '/sandbox/faults', { fault: { kind: 'status', status: 503 }, times: 50 });
      await post('/cost-codes/retries', { scope: 'matching', filter: 'status=failed' });
      await web.idle();
      const [run] = await web.world.runs.recent(member.company, 1);
      expect(wordsOf((await member.agent.get(`/runs/${run?.id}`)).text)).to.match(/Linarc (does not answer|is too slow)/);
      expect((await record('01')).status).to.equal('failed');
    });
  });

  describe('changed in QuickBooks', () => {
    beforeEach(async () => {
      await add('01', 'Summary');
      await add('02', 'Closing');
      await importAll(web, member);
      await syncAll();
      await rename('01 Summary', '01 Overview');
      await rename('02 Closing', '02 The end');
    });

    it('is a filter with its count, and shows both values', async () => {
      expect(await say()).to.include('Changed in QuickBooks 2');
      const words = await say('?problem=changed_in_quickbooks');
      expect(words).to.include('QuickBooks has “01 Overview”').and.to.include('Linarc 01 Summary QuickBooks 01 Overview');
    });

    it('is decided for one: QuickBooks’ value stays, and a sync leaves it', async () => {
      await post(`/cost-codes/${(await record('01')).id}/decision`, { decision: 'quickbooks' }).expect(303);
      expect(await say()).to.include('QuickBooks’ value is kept for 1 cost code.');
      await syncAll();
      expect(await names()).to.include('01 Overview');
      expect(wordsOf((await member.agent.get(`/cost-codes/${(await record('01')).id}/history`)).text)).to.match(/QuickBooks’ value kept .*by Mara Keller Class 01 Summary → 01 Overview/);
    });

    it('is decided for all: Linarc’s values go back with the next sync', async () => {
      await post('/cost-codes/decisions', { scope: 'matching', filter: 'problem=changed_in_quickbooks', decision: 'linarc' }).expect(303);
      expect(await say()).to.include('Linarc’s value goes back for 2 cost codes with the next sync.');
      await syncAll();
      expect(await names()).to.have.members(['01 Summary', '02 Closing']);
    });

    it('is not decided for records that are not in question', async () => {
      await add('03', 'Third');
      await importAll(web, member);
      await post('/cost-codes/decisions', { scope: 'ids', id: (await record('03')).id, decision: 'linarc' });
      expect(await say()).to.include('Nothing was changed');
    });
  });

  describe('the exported list', () => {
    it('holds what the filter shows, in its order, and no cell that runs as a formula', async () => {
      await add('-01', '=HYPERLINK("http://evil")', { divisionCode: '0', divisionName: '@home' });
      await add('02', 'Plain, "quoted"');
      await add('03', 'Other');
      await importAll(web, member);
      const { text, headers } = await member.agent.get('/cost-codes/export.csv').query({ sort: 'name', dir: 'desc' }).expect(200);
      expect(headers['content-disposition']).to.match(/^attachment; filename="?cost-codes-\d{4}-\d\d-\d\d\.csv"?$/);
      const lines = text.replace(/^\uFEFF/, '').trim().split('\r\n');
      expect(lines[0]).to.match(/^Cost Code,Cost Code Name,Cost Type Category,Task Code Status,/);
      expect(lines.slice(1).map((line) => line.split(',')[0])).to.deep.equal(['02', '03', "'-01"]);
      expect(text).to.include(`"'=HYPERLINK(""http://evil"")"`).and.to.include("'@home");
      expect((await member.agent.get('/cost-codes/export.csv').query({ q: 'other' })).text.trim().split('\r\n')).to.have.length(2);
    });

    it('reads back in the spreadsheet import as it was', async () => {
      await add('-01', '=SUM(1)', { divisionCode: '01', divisionName: 'General' });
      await add('02', 'Closed', { status: 'inactive' });
      await importAll(web, member);
      const { text } = await member.agent.get('/cost-codes/export.csv');
      const { rows } = await readSpreadsheet(Buffer.from(text), 'cost-codes.csv');
      expect(rows.map(({ costCode }) => costCode)).to.deep.equal([
        { code: '-01', name: '=SUM(1)', taskType: 'FIELD', active: true, divisionCode: '01', divisionName: 'General' },
      ]);
      const excluded = await readSpreadsheet(Buffer.from((await member.agent.get('/cost-codes/export.csv').query({ status: 'excluded' })).text), 'x.csv');
      expect(excluded.rows.map(({ costCode }) => costCode?.active)).to.deep.equal([false]);
    });
  });

  it('gives each run a report of what became of each code', async () => {
    await add('01', 'Summary');
    await add('02', 'Closing');
    await importAll(web, member);
    await control(web.quickbooksUrl, 'POST', '/sandbox/faults', { match: { operation: 'batch' }, fault: { kind: 'item-fault', recorded: 'plan-limit', items: [1] }, times: 1 });
    await syncAll();
    const [run] = await web.world.runs.recent(member.company, 1);
    const page = (await member.agent.get(`/runs/${run?.id}`)).text;
    expect(wordsOf(page)).to.match(/Failed · 1 cost code .*02 Closing/);
    expect(page).to.include(`href="/cost-codes?run=${run?.id}"`);
    const { text } = await member.agent.get(`/runs/${run?.id}/report.csv`).expect(200);
    const [, first = '', second = ''] = text.trim().split('\r\n');
    expect(`${first}\n${second}`).to.match(/,01,Summary,Class created in QuickBooks,Mara Keller,/).and.to.match(/,02,Closing,Sync failed,Mara Keller,/);
    expect(await say(`?run=${run?.id}&status=failed`)).to.include('02').and.to.include('1 cost code last settled by one run');
  });

  it('shows at a glance how the divisions, the people’s work and the last runs stand, each part a link that filters', async () => {
    await add('01 10', 'Summary', { divisionCode: '01', divisionName: 'General' });
    await add('02 10', 'Demolition', { divisionCode: '02', divisionName: 'Site' });
    await add('02 20', '', { divisionCode: '02', divisionName: 'Site' });
    await importAll(web, member);
    await post('/runs', { scope: 'ids', id: (await record('01 10')).id });
    await web.idle();
    const { text } = await member.agent.get('/cost-codes/glance').expect(200);
    const words = wordsOf(text);
    expect(words).to.include('1 of 2 whole in QuickBooks').and.to.include('02 Site 0 1 1 0').and.to.include('Last runs No failures');
    expect(text).to.include('<title>01 General: 1 of 1 Synced</title>');
    expect(await screen()).to.match(/href="\/cost-codes\?status=needs_action&(amp;|#38;)?problem=name_missing"><b class="tabular">1<\/b> No name/);
    expect(await say('?division=02')).to.include('2 cost codes of division 02 Site').and.not.to.include('01 10');
  });

  describe('saved views', () => {
    const keep = (name: string, search: string) => post('/cost-codes/views', { intent: 'save', name, search });
    const mine = async () => {
      const [found] = await web.world.team.members(member.company);
      return web.world.views.of(member.company, found?.id ?? '');
    };

    it('are saved, opened, renamed and deleted', async () => {
      await add('01', 'Summary');
      await importAll(web, member);
      await keep('To look at', '?status=needs_sync&sort=name').expect(303);
      expect(await screen()).to.match(/<a href="\/cost-codes\?status=needs_sync&(amp;|#38;)?sort=name">To look at<\/a>/);
      const [view] = await mine();
      await post('/cost-codes/views', { intent: 'rename', id: view?.id, name: 'Open ones' }).expect(303);
      expect((await mine()).map(({ name }) => name)).to.deep.equal(['Open ones']);
      expect(wordsOf((await member.agent.get('/cost-codes/views')).text)).to.include('Name of the view Open ones');
      await post('/cost-codes/views', { intent: 'delete', id: view?.id }).expect(303);
      expect(await mine()).to.deep.equal([]);
    });

    it('keep only what an address can say, and no more than thirty', async () => {
      await keep('Evil', '"><script>alert(1)</script>&status=failed&from=300&select=all&size=50');
      expect((await mine()).map(({ search }) => search)).to.deep.equal(['?status=failed&size=50']);
      for (let n = 1; n < 30; n += 1) await keep(`View ${n}`, '');
      await keep('One more', '');
      expect(await mine()).to.have.length(30);
      await keep('View 7', '?sort=name');
      expect((await mine()).find(({ name }) => name === 'View 7')?.search, 'an old one is written over').to.equal('?sort=name');
    });

    it('are each person’s own', async () => {
      await keep('Mine', '?sort=name');
      expect(await web.world.views.of(member.company, 'f'.repeat(24))).to.deep.equal([]);
    });
  });
});
