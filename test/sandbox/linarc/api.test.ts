import { expect } from 'chai';

import { Linarc, OTHER, bearer } from './support.ts';

describe('Linarc sandbox: API', () => {
  let linarc: Linarc;
  const own = '/v1/companies/lin-hillside';
  const codeOf = (body: unknown): string => (body as { error: { code: string } }).error.code;

  before(async () => {
    linarc = await Linarc.start();
  });
  beforeEach(() => linarc.reset());
  after(() => linarc.close());

  describe('keys and companies', () => {
    it('tells which company a key belongs to', async () => {
      const { body } = await linarc.get('/v1/company', OTHER.apiKey);
      expect(body).to.deep.equal({ id: OTHER.id, name: OTHER.name, costCodeCount: 12 });
    });

    it('answers 401 without a key', async () => {
      const { status, body, headers } = await linarc.call('GET', '/v1/company');
      expect([status, codeOf(body), headers.get('www-authenticate')]).to.deep.equal([401, 'missing_key', 'Bearer']);
    });

    it('answers 401 to a key it does not know', async () => {
      const { status, body } = await linarc.get('/v1/company', 'linarc-sandbox-key-hillsidE');
      expect([status, codeOf(body)]).to.deep.equal([401, 'unknown_key']);
    });

    for (const path of ['', '/cost-codes', '/cost-codes/cc_1', '/webhooks']) {
      it(`refuses another company's key at …${path}`, async () => {
        const { status, body } = await linarc.get(`${own}${path}`, OTHER.apiKey);
        expect([status, codeOf(body)]).to.deep.equal([403, 'other_company']);
      });
    }

    it('does not tell whether a foreign company exists', async () => {
      const existing = await linarc.get(`/v1/companies/${OTHER.id}`);
      const invented = await linarc.get('/v1/companies/lin-nobody');
      expect(invented).to.deep.include({ status: existing.status, body: existing.body });
    });

    it('does not find a code of another company', async () => {
      const theirs = (await linarc.get(`/v1/companies/${OTHER.id}/cost-codes`, OTHER.apiKey)).body as { items: { id: string }[] };
      const { status, body } = await linarc.get(`${own}/cost-codes/${theirs.items[0]?.id}`);
      expect([status, codeOf(body)]).to.deep.equal([404, 'not_found']);
    });
  });

  describe('paging', () => {
    it('gives every code once, in order of id', async () => {
      const ids = (await linarc.walk({ limit: '37' })).map(({ id }) => id);
      expect(ids)
        .to.deep.equal([...new Set(ids)].sort())
        .and.have.length(281);
    });

    it('loses and doubles nothing when codes are edited, added and deleted between pages', async () => {
      const before = (await linarc.list({ limit: '500' })).items;
      const [edited, deleted] = [before[3], before[4]];
      let added = '';
      const walked = await linarc.walk({ limit: '50' }, async (_page, number) => {
        if (number !== 1) return;
        await linarc.edit(edited?.id ?? '', { costCodeName: 'Edited meanwhile' });
        await linarc.remove(deleted?.id ?? '');
        added = (await linarc.add({ costCode: '99 99 99', costCodeName: 'Added meanwhile' })).id;
      });
      expect(walked.map(({ id }) => id)).to.deep.equal([...before.map(({ id }) => id), added]);
    });

    it('goes on after the place of a record that was deleted', async () => {
      const before = (await linarc.list({ limit: '20' })).items;
      const walked = await linarc.walk({ limit: '10' }, async (page, number) => {
        if (number === 1) await linarc.remove(page.items.at(-1)?.id ?? '');
      });
      expect(walked[10]?.id).to.equal(before[10]?.id);
    });

    it('says how many there are on each page', async () => {
      const { total, items } = await linarc.list({ limit: '1' });
      expect([total, items.length]).to.deep.equal([281, 1]);
    });

    for (const [what, query] of Object.entries({
      'a limit of 0': 'limit=0',
      'a limit over 500': 'limit=501',
      'a limit that is no number': 'limit=ten',
      'a moment that is none': 'updatedSince=yesterday',
      'an unknown status': 'status=paused',
      'a repeated parameter': 'search=a&search=b',
      'over 100 ids': `ids=${Array.from({ length: 101 }, (_, index) => `cc_${index}`).join(',')}`,
    })) {
      it(`refuses ${what}`, async () => {
        const { status, body } = await linarc.get(`${own}/cost-codes?${query}`);
        expect([status, codeOf(body)]).to.deep.equal([422, 'invalid_parameter']);
      });
    }

    it('refuses a cursor it did not give out', async () => {
      const { status, body } = await linarc.get(`${own}/cost-codes?cursor=bm9wZQ`);
      expect([status, codeOf(body)]).to.deep.equal([422, 'invalid_cursor']);
    });

    it('refuses a cursor of another question', async () => {
      const { nextCursor } = await linarc.list({ limit: '5' });
      const { status, body } = await linarc.get(`${own}/cost-codes?cursor=${nextCursor}&search=concrete`);
      expect([status, codeOf(body)]).to.deep.equal([422, 'invalid_cursor']);
    });

    it('answers a malformed address with 422 and not with a page', async () => {
      const { status, body } = await linarc.get(`${own}/cost-codes/%E0%A4%A`);
      expect([status, codeOf(body)]).to.deep.equal([422, 'invalid_request']);
    });

    it('answers an unknown path with 404', async () => {
      const { status, body } = await linarc.get('/v1/nothing');
      expect([status, codeOf(body)]).to.deep.equal([404, 'not_found']);
    });
  });

  describe('updatedSince', () => {
    it('gives what changed from that moment on, and nothing else', async () => {
      const first = await linarc.byCode('03 30 00');
      const changed = await linarc.edit(first.id, { costCodeName: 'Poured concrete' });
      const { items, total } = await linarc.list({ updatedSince: changed.updatedAt });
      expect([items, total]).to.deep.equal([[changed], 1]);
    });

    it('counts the moment in any time zone', async () => {
      const record = await linarc.byCode('AD-100');
      const { items } = await linarc.list({ updatedSince: '2025-01-06T16:00:00+01:00', limit: '1' });
      expect(items).to.deep.equal([record]);
    });

    it('gives a code that is edited during the walk again at its end', async () => {
      const start = (await linarc.add({ costCode: 'X1' })).updatedAt;
      for (const costCode of ['X2', 'X3', 'X4']) await linarc.add({ costCode });
      const walked = await linarc.walk({ updatedSince: start, limit: '2' }, async (page, number) => {
        if (number === 1) await linarc.edit(page.items[0]?.id ?? '', { costCode: 'X1 edited' });
      });
      expect(walked.map(({ costCode }) => costCode)).to.deep.equal(['X1', 'X2', 'X3', 'X4', 'X1 edited']);
    });

    it('never gives two changes the same moment', async () => {
      const { id } = await linarc.byCode('AD-100');
      const moments: string[] = [];
      for (let turn = 0; turn < 20; turn += 1) moments.push((await linarc.edit(id, { costCodeName: `Turn ${turn}` })).updatedAt);
      expect(moments).to.deep.equal([...new Set(moments)].sort());
    });

    it('leaves the moment alone when an edit changes nothing', async () => {
      const before = await linarc.byCode('AD-100');
      expect(await linarc.edit(before.id, { costCodeName: before.costCodeName })).to.deep.equal(before);
    });
  });

  describe('filters', () => {
    it('searches code and name without regard to case', async () => {
      const byName = await linarc.list({ search: 'FACE brick' });
      const byCode = await linarc.list({ search: 'tm-10' });
      expect([byName.items.map(({ costCode }) => costCode), byCode.total]).to.deep.equal([['04 21 13'], 2]);
    });

    it('pages through a search', async () => {
      const walked = await linarc.walk({ search: 'concrete', limit: '2' });
      expect(walked).to.have.length((await linarc.list({ search: 'concrete', limit: '500' })).total);
    });

    it('sees an edit in the next search', async () => {
      await linarc.list({ search: 'brick' });
      const { id } = await linarc.byCode('04 21 13');
      await linarc.edit(id, { costCodeName: 'Stone veneer' });
      expect((await linarc.list({ search: 'face brick' })).items).to.deep.equal([]);
    });

    it('keeps active and inactive apart', async () => {
      const [active, inactive] = [await linarc.list({ status: 'active' }), await linarc.list({ status: 'inactive' })];
      expect(active.total + inactive.total).to.equal(281);
      expect(inactive.items.every(({ status }) => status === 'inactive') && inactive.total > 5).to.equal(true);
    });

    it('gives the codes asked for by id and leaves unknown ones out', async () => {
      const [a, b] = [await linarc.byCode('09 20 00'), await linarc.byCode('03 00 00')];
      const { items, total, nextCursor } = await linarc.list({ ids: `${a.id},cc_unknown,${b.id},${a.id}` });
      expect({ ids: items.map(({ id }) => id), total, nextCursor }).to.deep.equal({
        ids: [b.id, a.id],
        total: 2,
        nextCursor: null,
      });
    });

    it('gives nothing for an empty list of ids', async () => {
      expect((await linarc.list({ ids: '' })).items).to.deep.equal([]);
    });
  });

  it('reads one code', async () => {
    const record = await linarc.byCode('09 20 00');
    expect((await linarc.get(`${own}/cost-codes/${record.id}`)).body).to.deep.equal(record);
  });

  it('accepts the word bearer in any case', async () => {
    const { status } = await linarc.call('GET', '/v1/company', undefined, { authorization: `bearer ${linarc.sandbox.apiKey}` });
    expect(status).to.equal(200);
  });

  it('registers at most five webhooks', async () => {
    const order = { url: 'http://127.0.0.1:9/hook' };
    const statuses: number[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      statuses.push((await linarc.call('POST', `${own}/webhooks`, order, bearer(linarc.sandbox.apiKey))).status);
    }
    expect(statuses).to.deep.equal([201, 201, 201, 201, 201, 422]);
  });
});
