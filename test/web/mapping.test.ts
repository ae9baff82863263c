import { expect } from 'chai';
import type { StagedRecord } from '../../server/core/records.ts';
import { formsOf, wordsOf } from '../support/forms.ts';
import { comeIn, control, importAll, records, setRole, startWeb, type Member, type WebProduct } from './support.ts';

describe('Manual Mapping on its page', () => {
  let web: WebProduct;
  let member: Member;
  let all: readonly StagedRecord[] = [];
  let realm = '';

  before(async () => {
    web = await startWeb({ codes: 12 });
    member = await comeIn(web);
    await importAll(web, member);
    all = (await records(web, member.company)).filter(({ status }) => status === 'needs_sync');
    realm = await web.world.companies.realmId(member.company);
    const names = ['Field', 'Field:Concrete', 'Field:Concrete:Walls', 'Office', ...Array.from({ length: 60 }, (_, at) => `Zone ${100 + at}`)];
    await control(web.quickbooksUrl, 'POST', `/sandbox/companies/${realm}/classes`, { names });
    await post(at(0), { intent: 'refresh' }).expect(303);
  });
  after(() => web.close());

  const at = (n: number) => `/cost-codes/${all[n]?.id}/mapping`;
  const post = (path: string, fields: object) => member.agent.post(path).type('form').send(fields);
  const page = async (path: string) => (await member.agent.get(path).expect(200)).text;
  const record = async (n: number) => web.world.costCodes.get(member.company, all[n]?.id ?? '');
  const idOf = async (name: string) => (await web.world.classes.search(member.company, name, 1))[0]?.id ?? '';

  it('shows the code with its path, the age of the classes, and the tree closed', async () => {
    const words = wordsOf(await page(at(0)));
    expect(words).to.include(`${all[0]?.source.divisionName} › ${all[0]?.source.code}`).and.to.match(/Classes read \d+ \w+ \d+/);
    expect(words).to.include('1 class below Field').and.to.not.include('Walls');
  });

  it('opens a branch by htmx alone, and without script by a page of its own', async () => {
    const field = await idOf('Field');
    const part = await member.agent.get(`/cost-codes/${all[0]?.id}/classes?in=${field}`).set('HX-Request-Type', 'partial').expect(200);
    expect(part.text).to.match(/^<li id="class-\d+"/).and.to.include('Concrete').and.to.not.include('<html');
    await member.agent.get(`/cost-codes/${all[0]?.id}/classes?in=${field}`).expect(303).expect('Location', `${at(0)}?in=${field}`);
    expect(wordsOf(await page(`${at(0)}?in=${await idOf('Concrete')}`))).to.match(/Field .*Concrete .*Walls/);
  });

  it('shows fifty classes at a time, and the others behind More', async () => {
    const first = await page(`${at(0)}?q=zone`);
    expect(first.match(/id="class-\d+"/g)).to.have.length(50);
    const more = /hx-get="([^"]*from=50[^"]*)"/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const rest = await member.agent.get(more).set('HX-Request-Type', 'partial').expect(200);
    expect(rest.text.match(/id="class-\d+"/g)).to.have.length(10);
    expect(rest.text).to.not.include('More classes');
  });

  it('says what linking would lead to, does just that, and keeps it in the history', async () => {
    const chosen = await page(`${at(1)}?q=office&choose=${await idOf('Office')}`);
    const wanted = all[1]?.wanted.name ?? '';
    expect(wordsOf(chosen)).to.include(`Then Needs Sync: with the next sync QuickBooks’ class “Office” becomes “${wanted}”.`);
    expect((await record(1))?.link).to.equal(null);
    const form = formsOf(chosen, web.url).find(({ buttons }) => buttons.some(({ label }) => label === 'Link to this class'));
    await post(at(1), Object.fromEntries(form?.fields ?? [])).expect(303);
    expect(await record(1)).to.deep.include({ status: 'needs_sync' });
    expect((await record(1))?.link).to.include({ name: 'Office', how: 'manual' });
    expect(wordsOf(await page(`/cost-codes/${all[1]?.id}/history`))).to.match(/Mapped by hand .*by Mara Keller Class Office/);
    await post('/runs', { scope: 'ids', id: all[1]?.id });
    await web.idle();
    expect((await record(1))?.link?.name).to.equal(wanted);
  });

  it('shows who has a class, and offers to replace them or to share it on purpose', async () => {
    const id = (await record(1))?.link?.id ?? '';
    const chosen = wordsOf(await page(`${at(2)}?choose=${id}`));
    const owner = all[1]?.source.code ?? '';
    expect(chosen).to.include(`used by ${owner}`).and.to.include(`Replace: unlink ${owner}`).and.to.include(`Share it with ${owner}`).and.to.not.include('Link to this class');
    await post(at(2), { intent: 'map', classId: id, how: 'share' }).expect(303);
    expect(wordsOf(await page(at(1)))).to.include(`shared with ${all[2]?.source.code}`);
    expect(await record(2)).to.deep.include({ status: 'synced' });
    await post(at(2), { intent: 'unmap' }).expect(303);
  });

  it('warns that linking another class splits the history', async () => {
    expect(wordsOf(await page(`${at(1)}?choose=${await idOf('Field')}`))).to.include(`What was posted on “${all[1]?.wanted.name}” so far stays there`);
  });

  it('reactivates an inactive class by linking it', async () => {
    const target = await idOf('Zone 159');
    const tokens = await control<{ access_token: string }>(web.quickbooksUrl, 'POST', `/sandbox/companies/${realm}/grant`, { clientId: 'web-tests' });
    const sent = await fetch(`${web.quickbooksUrl}/v3/company/${realm}/class?minorversion=75`, {
      method: 'POST', headers: { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ Id: target, SyncToken: '0', Name: 'Zone 159', Active: false }),
    });
    expect(sent.status).to.equal(200);
    await post(at(3), { intent: 'refresh' }).expect(303);
    const words = wordsOf(await page(`${at(3)}?q=zone+159&choose=${target}`));
    expect(words).to.include('Inactive').and.to.include('is made active again').and.to.include('Reactivate and link');
  });

  it('can be read but not changed by a viewer', async () => {
    await setRole(web, member.company, 'viewer');
    try {
      expect(await page(`${at(0)}?choose=${await idOf('Field')}`)).to.match(/disabled[^>]*>Link to this class/);
      await post(at(0), { intent: 'map', classId: await idOf('Field') }).expect(403);
    } finally {
      await setRole(web, member.company, 'admin');
    }
  });
});
