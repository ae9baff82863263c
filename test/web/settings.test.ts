import { expect } from 'chai';
import type { Settings } from '../../server/core/company.ts';
import type { StagedRecord } from '../../server/core/records.ts';
import { wordsOf } from '../support/forms.ts';
import { Person } from '../support/person.ts';
import { comeIn, control, importAll, records, setRole, startWeb, type Member, type WebProduct } from './support.ts';

interface SandboxCompany {
  readonly realmId: string;
  readonly name: string;
}

describe('The settings of a company', () => {
  let web: WebProduct;
  let member: Member;
  let realmId: string;
  let standing: readonly string[];

  beforeEach(async () => {
    web = await startWeb();
    member = await comeIn(web);
    const { name = '' } = (await web.world.companies.get(member.company)) ?? {};
    const companies = await control<SandboxCompany[]>(web.quickbooksUrl, 'GET', '/sandbox/companies');
    realmId = companies.find((company) => company.name === name)?.realmId ?? '';
    standing = (await listed()).map(({ FullyQualifiedName }) => FullyQualifiedName);
  });
  afterEach(async () => web.close());

  const company = async () => {
    const found = await web.world.companies.get(member.company);
    if (!found) throw new Error('no company');
    return found;
  };
  const post = (path: string, fields: Record<string, unknown>) => member.agent.post(path).type('form').send(fields);
  const page = async () => (await member.agent.get('/settings').expect(200)).text;
  const save = async (section: string, fields: Record<string, unknown>, version?: number) =>
    post('/settings', { section, version: version ?? (await company()).settingsVersion, ...fields });
  const SYNC = { costCodes: 'on' };
  const listed = () => control<{ FullyQualifiedName: string; Active: boolean }[]>(web.quickbooksUrl, 'GET', `/sandbox/companies/${realmId}/classes`);
  /** What was added to the classes the company has from the beginning. */
  const inQuickBooks = async () => (await listed()).map(({ FullyQualifiedName }) => FullyQualifiedName).filter((name) => !standing.includes(name));
  /** Adds classes until the plan of 40 has room for so many. */
  const leaveRoomFor = async (room: number) => {
    const { length } = (await listed()).filter(({ Active }) => Active);
    await control(web.quickbooksUrl, 'POST', `/sandbox/companies/${realmId}/classes`, { names: Array.from({ length: 40 - length - room }, (_, i) => `Class ${i}`) });
    standing = (await listed()).map(({ FullyQualifiedName }) => FullyQualifiedName);
  };
  const setPlan = (change: Record<string, unknown>) => control(web.quickbooksUrl, 'PATCH', `/sandbox/companies/${realmId}`, change);
  const push = (ids: readonly string[], more: Record<string, unknown> = {}) => post('/runs', { scope: 'ids', id: ids, back: '/cost-codes', ...more });
  const pushed = async (code: string) => {
    await push([(await record(code)).id]);
    await web.idle();
  };
  const record = async (code: string): Promise<StagedRecord> => {
    const found = (await records(web, member.company)).find(({ source }) => source.code === code);
    if (!found) throw new Error(`no record ${code}`);
    return found;
  };

  describe('what goes by itself', () => {
    it('is saved switch by switch, and told with who, from and to', async () => {
      await save('sync', { ...SYNC, autoCreate: 'on', autoPush: 'on' });
      expect((await company()).settings).to.deep.include({ costCodes: true, autoCreate: true, autoUpdate: false, autoPush: true });
      const words = wordsOf(await page());
      expect(words).to.include('Auto-Create: Off → On').and.to.include('Push automatically: Off → On');
      expect(words).to.include('Saved.');
    });

    it('takes the Cost Codes tab away when cost codes are not synced, and all behind it', async () => {
      await importAll(web, member);
      const [first] = await records(web, member.company);
      await save('sync', {});
      expect(await page()).not.to.include('>Cost Codes</a>');
      await member.agent.get('/cost-codes').expect(303).expect('Location', '/runs');
      await member.agent.get(`/cost-codes/${first?.id}/history`).expect(303).expect('Location', '/runs');
      await push([first?.id ?? '']).expect(403);
      await post('/imports', { mode: 'all' }).expect(403);
      expect(await inQuickBooks()).to.deep.equal([]);
      await save('sync', SYNC);
      await member.agent.get('/cost-codes').expect(200);
    });

    it('says that Linarc is the Source of Truth, and takes no other', async () => {
      expect(wordsOf(await page())).to.include('Source of Truth Linarc Fixed');
      await save('sync', { ...SYNC, source: 'quickbooks' });
      expect(Object.keys((await company()).settings)).not.to.include('source');
    });
  });

  describe('two administrators at once', () => {
    it('lose nothing: the later one is shown what the other changed, with what was typed kept', async () => {
      const { settingsVersion } = await company();
      await save('sync', { ...SYNC, autoCreate: 'on' }, settingsVersion);
      const { text } = await save('sync', { ...SYNC, autoUpdate: 'on' }, settingsVersion);
      const answer = await post('/settings', { section: 'sync', version: settingsVersion, ...SYNC, autoUpdate: 'on' }).expect(409);
      expect(text).to.equal(answer.text);
      expect(wordsOf(answer.text)).to.include('Not saved').and.to.match(/changed Auto-Create from Off to On\./);
      expect(answer.text).to.match(/name="autoCreate" checked/).and.to.match(/name="autoUpdate" checked/);
      expect((await company()).settings).to.deep.include({ autoCreate: true, autoUpdate: false });
      await save('sync', { ...SYNC, autoCreate: 'on', autoUpdate: 'on' }, settingsVersion + 1);
      expect((await company()).settings).to.deep.include({ autoCreate: true, autoUpdate: true });
    });

    it('who change different groups both have theirs', async () => {
      const { settingsVersion } = await company();
      await save('sync', { ...SYNC, autoCreate: 'on' }, settingsVersion);
      await post('/settings', { section: 'scope', version: settingsVersion, leaveOut: 'ADMIN' }).expect(303);
      expect((await company()).settings).to.deep.include({ autoCreate: true, leaveOut: ['ADMIN'] });
    });

    it('a form sent twice is saved once', async () => {
      const { settingsVersion } = await company();
      const twice = await Promise.all([1, 2].map(() => post('/settings', { section: 'sync', version: settingsVersion, ...SYNC, autoCreate: 'on' })));
      expect(twice.map(({ status }) => status)).to.deep.equal([303, 303]);
      expect((await company()).settingsVersion).to.equal(settingsVersion + 1);
    });
  });

  describe('class names', () => {
    beforeEach(async () => importAll(web, member));
    const tried = async (rules: Partial<Settings>) => wordsOf((await member.agent.get('/settings/names').query({ structure: 'flat', namePattern: '{code} {name}', ...rules }).expect(200)).text);

    it('are tried on real codes without saving anything', async () => {
      expect(await tried({ namePattern: '{code} – {name}' })).to.include('01 10 00 – Summary of work and phasing');
      const { text } = await member.agent.get('/settings').query({ section: 'names', version: '0', namePattern: '[{code}] {name}', structure: 'division' }).expect(200);
      expect(wordsOf(text)).to.include('[01 10 00] Summary of work and phasing').and.to.include('01 General Requirements');
      expect(text).to.include('value="[{code}] {name}"');
      expect((await company()).settingsVersion).to.equal(0);
    });

    it('are refused where the pattern cannot work, with a sentence, and what was typed kept', async () => {
      const answer = await save('names', { namePattern: '{cod}', structure: 'flat' });
      expect(answer.status).to.equal(422);
      expect(wordsOf(answer.text)).to.include('{cod} is not known');
      expect(answer.text).to.include('value="{cod}"');
      expect(await tried({ namePattern: '{name}' })).to.include('The pattern needs {code}');
    });

    it('are saved at once while QuickBooks has none of the classes, and reach the staged codes', async () => {
      const answer = await save('names', { namePattern: '{code} - {name}', structure: 'flat' });
      expect(answer.status).to.equal(303);
      await web.idle();
      expect((await record('01 10 00')).wanted.name).to.equal('01 10 00 - Summary of work and phasing');
    });

    it('that change classes QuickBooks has are told with their number and take a yes', async () => {
      await pushed('01 10 00');
      const asked = await save('names', { namePattern: '{code} - {name}', structure: 'flat' });
      expect(wordsOf(asked.text)).to.include('1 class in QuickBooks gets another name with the next sync');
      expect((await company()).settingsVersion).to.equal(0);
      await save('names', { namePattern: '{code} - {name}', structure: 'flat', sure: 'flat {code} {name}' });
      expect((await company()).settingsVersion, 'a yes to other names is none').to.equal(0);
      const done = await save('names', { namePattern: '{code} - {name}', structure: 'flat', sure: 'flat {code} - {name}' });
      expect(done.status).to.equal(303);
      await web.idle();
      expect((await record('01 10 00')).status).to.equal('needs_sync');
      expect(await inQuickBooks(), 'nothing is sent by saving').to.deep.equal(['01 10 00 Summary of work and phasing']);
    });
  });

  describe('task types left out', () => {
    it('take their codes off the list by rule, and put them back', async () => {
      await importAll(web, member);
      const admin = (await records(web, member.company)).filter(({ source }) => source.taskType === 'ADMIN').length;
      expect(admin).to.be.greaterThan(5);
      await save('scope', { leaveOut: ['ADMIN'] });
      await web.idle();
      expect((await records(web, member.company)).filter(({ source }) => source.taskType === 'ADMIN')).to.deep.equal([]);
      expect(wordsOf((await member.agent.get('/cost-codes?status=excluded')).text)).to.include('ADMIN tasks');
      await save('scope', {});
      await web.idle();
      expect((await records(web, member.company)).filter(({ source }) => source.taskType === 'ADMIN')).to.have.length(admin);
    });
  });

  describe('the QuickBooks plan', () => {
    beforeEach(async () => importAll(web, member));
    const ids = async (n: number) => (await records(web, member.company)).filter(({ status }) => status === 'needs_sync').slice(0, n).map(({ id }) => id);

    it('with class tracking off has nothing sent, says where to turn it on, and goes on when it is', async () => {
      await setPlan({ classTracking: 'off' });
      await post('/settings/plan', { intent: 'check' }).expect(303);
      const { text } = await push(await ids(3)).expect(409);
      expect(wordsOf(text)).to.include('Class tracking is off in QuickBooks').and.to.include('Track classes');
      await post(`/cost-codes/${(await ids(1))[0]}/retry`, {}).expect(303);
      expect(wordsOf((await member.agent.get('/cost-codes')).text)).to.include('Class tracking is off in QuickBooks. In QuickBooks open the gear');
      expect(await inQuickBooks()).to.deep.equal([]);
      await setPlan({ classTracking: 'transaction' });
      await push(await ids(3)).expect(303);
      await web.idle();
      expect(await inQuickBooks()).to.have.length(3);
    });

    it('without classes has nothing sent', async () => {
      await setPlan({ offeringSku: 'QuickBooks Online Essentials', classTracking: 'off' });
      await post('/settings/plan', { intent: 'check' }).expect(303);
      const { text } = await push(await ids(3)).expect(409);
      expect(wordsOf(text)).to.include('QuickBooks Online Essentials has no classes').and.to.include('Upgrade the company');
      expect(await inQuickBooks()).to.deep.equal([]);
    });

    it('with too few tells the numbers, and has nothing beyond the room sent', async () => {
      await setPlan({ offeringSku: 'QuickBooks Online Plus' });
      await leaveRoomFor(3);
      await post('/settings/plan', { intent: 'check' }).expect(303);
      expect(wordsOf(await page())).to.include('37 of 40 used by 37 active classes: room for 3 more.');
      const { text } = await push(await ids(5)).expect(409);
      expect(wordsOf(text)).to.include('Room for 3, you selected 5');
      expect(await inQuickBooks()).to.deep.equal([]);
      await push(await ids(3)).expect(303);
      await web.idle();
      expect(await inQuickBooks()).to.have.length(3);
    });

    it('counts only what a sync would add: renames and links take no room', async () => {
      await setPlan({ offeringSku: 'QuickBooks Online Plus' });
      const [first] = await ids(1);
      const { wanted } = (await web.world.costCodes.byIds(member.company, [first ?? '']))[0] ?? { wanted: { name: '' } };
      await control(web.quickbooksUrl, 'POST', `/sandbox/companies/${realmId}/classes`, { names: [wanted.name] });
      await leaveRoomFor(0);
      await post('/settings/plan', { intent: 'check' }).expect(303);
      await push([first ?? '']).expect(303);
      await web.idle();
      expect((await web.world.costCodes.byIds(member.company, [first ?? '']))[0]).to.include({ status: 'synced' });
    });

    it('offers the divisions alone where they fit', async () => {
      await save('names', { namePattern: '{code} {name}', structure: 'division' });
      await web.idle();
      await setPlan({ offeringSku: 'QuickBooks Online Plus' });
      await post('/settings/plan', { intent: 'check' }).expect(303);
      const all = (await records(web, member.company)).map(({ id }) => id);
      const { text } = await push(all).expect(409);
      const [, button = ''] = /Sync (\d+ divisions)/.exec(wordsOf(text)) ?? [];
      expect(button).to.match(/^\d+ divisions$/);
      const person = member.person;
      const shown = await person.post(`${web.url}/runs`, [['scope', 'matching'], ['filter', ''], ['back', '/cost-codes']]);
      await person.press(shown, `Sync ${button}`);
      await web.idle();
      expect(await inQuickBooks()).to.have.length(Number.parseInt(button, 10)).and.to.include('03 Concrete');
    });

    it('is exceeded only by an administrator’s recorded decision, which can be taken back', async () => {
      await setPlan({ offeringSku: 'QuickBooks Online Plus' });
      await leaveRoomFor(2);
      await post('/settings/plan', { intent: 'check' }).expect(303);
      await setRole(web, member.company, 'operator');
      await push(await ids(5), { beyond: 'on' }).expect(409);
      expect((await company()).overLimit).to.equal(null);
      await setRole(web, member.company, 'admin');
      await push(await ids(5), { beyond: 'on' }).expect(303);
      await web.idle();
      expect(await inQuickBooks()).to.have.length(5);
      const words = wordsOf(await page());
      expect(words).to.match(/decided to go beyond the limit\./).and.to.include('Go beyond the plan’s limit: Off → On');
      await post('/settings/plan', { intent: 'within' }).expect(303);
      const { text } = await push(await ids(5)).expect(409);
      expect(wordsOf(text)).to.include('Room for 0, you selected 5');
    });
  });

  it('are for administrators', async () => {
    for (const role of ['operator', 'viewer'] as const) {
      await setRole(web, member.company, role);
      await member.agent.get('/settings').expect(403);
      await member.agent.get('/settings/names').query({ structure: 'flat', namePattern: '{code}' }).expect(403);
      await post('/settings', { section: 'sync', version: 0 }).expect(403);
      await post('/settings/plan', { intent: 'beyond' }).expect(403);
    }
    expect((await company()).settingsVersion).to.equal(0);
    expect((await new Person().get(`${web.url}/settings`)).url).to.equal(`${web.url}/`);
  });
});
