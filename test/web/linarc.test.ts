import { expect } from 'chai';
import { HILLSIDE, RIDGELINE } from '../../server/sandbox/linarc/server.ts';
import { wordsOf } from '../support/forms.ts';
import { comeIn, control, importAll, records, setRole, startWeb, type Member, type WebProduct } from './support.ts';

describe('The Linarc company', () => {
  let web: WebProduct;
  let member: Member;

  beforeEach(async () => {
    web = await startWeb();
    member = await comeIn(web);
  });
  afterEach(async () => web.close());

  const post = (fields: Record<string, unknown>) => member.agent.post('/linarc').type('form').send(fields);
  const page = async () => (await member.agent.get('/linarc').expect(200)).text;
  const company = async () => {
    const found = await web.world.companies.get(member.company);
    if (!found) throw new Error('no company');
    return found;
  };
  const classes = async () => {
    const companies = await control<{ realmId: string; name: string }[]>(web.quickbooksUrl, 'GET', '/sandbox/companies');
    const { name } = await company();
    const { realmId = '' } = companies.find((one) => one.name === name) ?? {};
    return control<{ Id: string; SyncToken: string; Name: string; Active: boolean }[]>(web.quickbooksUrl, 'GET', `/sandbox/companies/${realmId}/classes`);
  };
  const syncFirst = async (n: number) => {
    const ids = (await records(web, member.company)).filter(({ status }) => status === 'needs_sync').slice(0, n).map(({ id }) => id);
    await member.agent.post('/runs').type('form').send({ scope: 'ids', id: ids });
    await web.idle();
    return ids;
  };
  const refuseKey = () => control(web.linarcUrl, 'POST', '/sandbox/faults', { match: { path: '/v1/' }, fault: { kind: 'status', status: 401 }, times: 100 });
  const takeKey = () => fetch(`${web.linarcUrl}/sandbox/faults`, { method: 'DELETE' });

  describe('its key', () => {
    it('is tested before anything is saved: the company’s name and how many codes it has', async () => {
      const { text } = await post({ companyId: RIDGELINE.id, apiKey: RIDGELINE.apiKey, intent: 'test' }).expect(200);
      expect(wordsOf(text)).to.match(new RegExp(`The key opens ${RIDGELINE.name} : \\d+ cost codes`));
      expect((await company()).linarc?.companyId).to.equal(HILLSIDE.id);
    });

    it('is kept sealed and never shown again', async () => {
      expect(await page()).not.to.include(HILLSIDE.apiKey);
      expect(JSON.stringify(await web.connection.collection('companies').find({}).toArray())).not.to.include(HILLSIDE.apiKey);
      expect(web.logged.join('\n')).not.to.include(HILLSIDE.apiKey);
    });

    it('is replaced without touching what is staged, and the replacement is recorded without it', async () => {
      await importAll(web, member);
      const before = await records(web, member.company);
      const answer = await post({ companyId: HILLSIDE.id, apiKey: HILLSIDE.apiKey, intent: 'link' }).expect(303);
      expect(answer.headers['location']).to.equal('/linarc');
      expect(wordsOf(await page())).to.include('The new key opens Hillside');
      expect(await records(web, member.company)).to.deep.equal(before);
      const history = wordsOf((await member.agent.get('/settings')).text);
      expect(history).to.include('Linarc API key: replaced').and.not.to.include(HILLSIDE.apiKey);
    });

    it('that opens another company than the one named is refused', async () => {
      const { text } = await post({ companyId: HILLSIDE.id, apiKey: RIDGELINE.apiKey, intent: 'link' }).expect(422);
      expect(wordsOf(text)).to.include('Linarc does not accept the API key.');
    });
  });

  describe('whose key stops working', () => {
    it('is said on every page with the next step, changes nothing, and is over with a new key', async () => {
      await importAll(web, member);
      await syncFirst(2);
      const before = [await records(web, member.company), await classes()];
      await refuseKey();
      await importAll(web, member);
      expect([await records(web, member.company), await classes()]).to.deep.equal(before);
      const words = wordsOf((await member.agent.get('/cost-codes')).text);
      expect(words).to.include('Linarc no longer accepts the API key').and.to.include('Replace the API key').and.to.include('Linarc refuses the API key');
      expect(wordsOf(await page())).to.include('Refused by Linarc since');
      const since = (await company()).linarc?.refusedAt;
      await importAll(web, member);
      expect((await company()).linarc?.refusedAt, 'since it began').to.deep.equal(since);
      expect(web.logged.join('\n')).not.to.include(HILLSIDE.apiKey);

      await takeKey();
      await post({ companyId: HILLSIDE.id, apiKey: HILLSIDE.apiKey, intent: 'link' }).expect(303);
      expect(wordsOf((await member.agent.get('/cost-codes')).text)).not.to.include('no longer accepts the API key');
    });

    it('is seen by a retry too, and is over when Linarc takes the key again', async () => {
      await importAll(web, member);
      const [id] = await syncFirst(1);
      await refuseKey();
      await member.agent.post(`/cost-codes/${id}/retry`).type('form').send({}).expect(303);
      expect((await company()).linarc?.refusedAt).to.be.instanceOf(Date);
      await takeKey();
      await importAll(web, member);
      expect((await company()).linarc?.refusedAt).to.equal(null);
    });

    it('says nothing of the key when Linarc is only away', async () => {
      await control(web.linarcUrl, 'POST', '/sandbox/faults', { match: { path: '/v1/' }, fault: { kind: 'status', status: 503 }, times: 100 });
      await importAll(web, member);
      expect((await company()).linarc?.refusedAt).to.equal(null);
    });
  });

  describe('unlinked', () => {
    it('is told first what becomes of codes and mappings, which stay', async () => {
      await importAll(web, member);
      await syncFirst(3);
      const before = [await records(web, member.company), await classes()];
      const asked = await post({ intent: 'unlink' }).expect(200);
      expect(wordsOf(asked.text)).to.match(/\d+ staged codes, 3 mappings and all history stay here\. Nothing changes in QuickBooks\./);
      expect((await company()).linarc).to.not.equal(null);
      await post({ intent: 'unlink', sure: 'unlink' }).expect(303);
      expect(await company()).to.deep.include({ linarc: null, formerLinarc: { companyId: HILLSIDE.id, name: HILLSIDE.name } });
      expect([await records(web, member.company), await classes()]).to.deep.equal(before);
      expect(await web.world.companies.libraryKey(member.company)).to.equal(null);
      expect(wordsOf((await member.agent.get('/settings')).text)).to.include(`Linarc company: ${HILLSIDE.name} → none`);
    });

    it('and linked again goes on from there', async () => {
      await importAll(web, member);
      await syncFirst(2);
      const before = await records(web, member.company);
      await post({ intent: 'unlink', sure: 'unlink' }).expect(303);
      await post({ companyId: HILLSIDE.id, apiKey: HILLSIDE.apiKey, intent: 'link' }).expect(303);
      await importAll(web, member);
      expect((await records(web, member.company)).map(({ id, status }) => [id, status])).to.deep.equal(before.map(({ id, status }) => [id, status]));
    });
  });

  describe('another one', () => {
    beforeEach(async () => {
      await importAll(web, member);
      await syncFirst(2);
    });
    const other = (sure = '') => post({ companyId: RIDGELINE.id, apiKey: RIDGELINE.apiKey, intent: 'link', sure });

    it('is linked only after its consequences were read', async () => {
      const { text } = await other().expect(200);
      expect(wordsOf(text)).to.match(/\d+ staged codes of .+ leave the list/).and.to.include('2 mappings are given up. The classes stay in QuickBooks exactly as they are.');
      await other('yes').expect(200);
      expect((await company()).linarc?.companyId).to.equal(HILLSIDE.id);
    });

    it('is guarded in the same way after the first was unlinked', async () => {
      await post({ intent: 'unlink', sure: 'unlink' }).expect(303);
      const { text } = await other().expect(200);
      expect(wordsOf(text)).to.include(`Link ${RIDGELINE.name} instead of ${HILLSIDE.name}`);
      expect((await company()).linarc).to.equal(null);
    });

    it('takes the codes of the first off the list and leaves QuickBooks as it is; no id is taken for another’s', async () => {
      const [first] = await records(web, member.company);
      const held = await classes();
      await other(RIDGELINE.id).expect(303);
      expect(await records(web, member.company)).to.deep.equal([]);
      expect(await classes()).to.deep.equal(held);
      const kept = await web.world.costCodes.get(member.company, first?.id ?? '');
      expect(kept).to.deep.include({ linarcId: `was:${HILLSIDE.id}:${first?.linarcId}`, link: null });
      expect(kept?.excluded).to.deep.include({ reason: `From ${HILLSIDE.name}, which was linked before` });
      await importAll(web, member);
      const now = await records(web, member.company);
      expect(now.length).to.be.greaterThan(0);
      expect(now.map(({ id }) => id)).not.to.include(first?.id);
      expect((await company()).import?.counts.gone).to.equal(0);
    });

    it('is not linked while something is under way', async () => {
      await web.world.runs.start(member.company, { kind: 'automatic', what: 'test' }, { kind: 'ids', ids: [] }, new Date());
      const { text } = await other(RIDGELINE.id).expect(409);
      expect(wordsOf(text)).to.include('A sync or an import is under way.');
      expect((await company()).linarc?.companyId).to.equal(HILLSIDE.id);
      await post({ intent: 'unlink', sure: 'unlink' }).expect(409);
    });
  });

  it('is an administrator’s business', async () => {
    await setRole(web, member.company, 'operator');
    await post({ intent: 'unlink', sure: 'unlink' }).expect(403);
    await post({ companyId: HILLSIDE.id, apiKey: 'x', intent: 'link' }).expect(403);
    const text = await page();
    expect(wordsOf(text)).to.include('an administrator links the Linarc company').and.not.to.include('Unlink');
  });
});
