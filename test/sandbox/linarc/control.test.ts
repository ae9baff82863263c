import { request } from 'node:http';

import { expect } from 'chai';

import type { Call } from '../../../server/sandbox/linarc/calls.ts';
import type { CostCode } from '../../../server/sandbox/linarc/records.ts';
import { Linarc, OTHER } from './support.ts';

describe('Linarc sandbox: control', () => {
  let linarc: Linarc;
  const list = '/v1/companies/lin-hillside/cost-codes';

  before(async () => {
    linarc = await Linarc.start();
  });
  beforeEach(() => linarc.reset({ codes: 30 }));
  after(() => linarc.close());

  const failureOf = (answer: Promise<unknown>): Promise<string> =>
    answer.then(
      () => 'answered',
      (error: unknown) => (error instanceof TypeError ? error.message : String(error)),
    );

  describe('records', () => {
    it('adds a code, with what was not said left blank', async () => {
      const { status, body } = await linarc.call('POST', '/sandbox/cost-codes', { costCode: '77 00 00' });
      expect(status).to.equal(201);
      expect((await linarc.get(`${list}/${(body as CostCode).id}`)).body).to.include({
        costCode: '77 00 00',
        costCodeName: '',
        status: 'active',
      });
    });

    it('edits the named fields alone', async () => {
      const before = (await linarc.list()).items[0] as CostCode;
      const after = await linarc.edit(before.id, { status: 'inactive' });
      expect(after).to.deep.equal({ ...before, status: 'inactive', updatedAt: after.updatedAt });
    });

    it('deletes', async () => {
      const { id } = (await linarc.list()).items[0] as CostCode;
      expect((await linarc.remove(id)).status).to.equal(204);
      expect((await linarc.get(`${list}/${id}`)).status).to.equal(404);
    });

    it('reaches the other company by name', async () => {
      const { body } = await linarc.call('POST', `/sandbox/cost-codes?company=${OTHER.id}`, { costCode: 'SV-99' });
      expect((await linarc.get(`/v1/companies/${OTHER.id}/cost-codes/${(body as CostCode).id}`, OTHER.apiKey)).status).to.equal(
        200,
      );
    });

    for (const [what, body] of Object.entries({
      'an unknown field': { costcode: 'x' },
      'a wrong type': { costCode: 7 },
      'an unknown category': { costTypeCategory: 'field' },
    })) {
      it(`refuses ${what}`, async () => {
        expect((await linarc.call('POST', '/sandbox/cost-codes', body)).status).to.equal(422);
      });
    }

    it('answers 404 for a code that is not there', async () => {
      expect((await linarc.call('PATCH', '/sandbox/cost-codes/cc_none', { costCode: 'x' })).status).to.equal(404);
    });

    it('refuses a body over 100 kB', async () => {
      const { status, body } = await linarc.call('POST', '/sandbox/cost-codes', { costCode: 'x'.repeat(120_000) });
      expect([status, (body as { error: { code: string } }).error.code]).to.deep.equal([422, 'body_too_large']);
    });
  });

  describe('faults', () => {
    it('answers the ordered status, with Retry-After when it was given', async () => {
      await linarc.fault({ kind: 'status', status: 429, retryAfter: 7 });
      const { status, headers, body } = await linarc.get(list);
      expect([status, headers.get('retry-after')]).to.deep.equal([429, '7']);
      expect(body).to.have.nested.property('error.code', 'too_many_requests');
    });

    it('drops the connection', async () => {
      await linarc.fault({ kind: 'drop' });
      expect(await failureOf(linarc.get(list))).to.equal('fetch failed');
    });

    it('cuts the answer', async () => {
      await linarc.fault({ kind: 'truncate' });
      expect(await failureOf(linarc.get(list))).to.equal('terminated');
    });

    it('delays the answer', async () => {
      await linarc.fault({ kind: 'delay', ms: 120 });
      const began = performance.now();
      expect((await linarc.get(list)).status).to.equal(200);
      expect(performance.now() - began).to.be.greaterThan(110);
    });

    it('answers a page for people', async () => {
      await linarc.fault({ kind: 'html' });
      const { status, headers } = await linarc.get(list);
      expect([status, headers.get('content-type')]).to.deep.equal([200, 'text/html; charset=utf-8']);
    });

    it('answers nonsense', async () => {
      await linarc.fault({ kind: 'nonsense' });
      expect((await linarc.get(list)).body).to.have.property('items', 'soon');
    });

    it('bends every third record', async () => {
      await linarc.fault({ kind: 'odd-records' }, { times: 1 });
      const [odd, even] = [(await linarc.list()).items, (await linarc.list()).items];
      expect(odd.filter((record, index) => JSON.stringify(record) !== JSON.stringify(even[index]))).to.have.length(10);
    });

    it('answers with the labels of the older generation', async () => {
      await linarc.fault({ kind: 'old-labels' });
      expect((await linarc.list()).items[0])
        .to.include({ taskCode: '01 00 00', taskType: 'OFFICE', taskCodeStatus: 'active' })
        .and.not.have.property('costCode');
    });

    it('begins a page with the last record of the page before', async () => {
      await linarc.fault({ kind: 'repeat-records' });
      expect((await linarc.walk({ limit: '10' })).map(({ id }) => id)).to.have.length(32);
    });

    it('sends a reader in circles', async () => {
      await linarc.fault({ kind: 'loop-cursor' });
      const first = await linarc.list({ limit: '10' });
      const second = await linarc.list({ limit: '10', cursor: first.nextCursor ?? '' });
      expect(second.nextCursor).to.equal(first.nextCursor);
    });

    it('wears off after the given number of calls', async () => {
      await linarc.fault({ kind: 'status', status: 500 }, { times: 2 });
      const statuses = [await linarc.get(list), await linarc.get(list), await linarc.get(list)].map(({ status }) => status);
      expect(statuses).to.deep.equal([500, 500, 200]);
    });

    it('concerns only the calls it names', async () => {
      await linarc.fault({ kind: 'status', status: 503 }, { match: { path: '/cost-codes', method: 'get' } });
      expect([(await linarc.get(list)).status, (await linarc.get('/v1/company')).status]).to.deep.equal([503, 200]);
    });

    it('ends when it is cleared', async () => {
      await linarc.fault({ kind: 'drop' });
      await linarc.call('DELETE', '/sandbox/faults');
      expect((await linarc.get(list)).status).to.equal(200);
    });

    it('never touches the control calls', async () => {
      await linarc.fault({ kind: 'drop' });
      expect((await linarc.call('GET', '/sandbox/calls')).status).to.equal(200);
    });

    it('is refused when it makes no sense', async () => {
      expect((await linarc.fault({ kind: 'status', status: 200 })).status).to.equal(422);
    });
  });

  describe('calls', () => {
    const calls = async (since = 0): Promise<{ calls: Call[]; last: number }> =>
      (await linarc.call('GET', `/sandbox/calls?since=${since}`)).body as { calls: Call[]; last: number };

    it('lists the API calls since a number', async () => {
      const { last } = await calls();
      await linarc.get(`${list}?limit=3`);
      await linarc.call('GET', '/v1/company');
      const [first, second, ...rest] = (await calls(last)).calls;
      expect(first).to.include({ n: last + 1, method: 'GET', path: list, status: 200, companyId: 'lin-hillside' });
      expect(first?.query).to.deep.equal({ limit: '3' });
      expect(second).to.include({ n: last + 2, path: '/v1/company', status: 401, companyId: null });
      expect(rest).to.deep.equal([]);
    });

    it('notes a call that got no whole answer', async () => {
      await linarc.fault({ kind: 'truncate' }, { times: 1 });
      await failureOf(linarc.get(list));
      expect((await calls()).calls.at(-1)).to.include({ path: list, status: null });
    });

    it('keeps no key', async () => {
      await linarc.get(list);
      expect(JSON.stringify(await calls())).to.not.include(linarc.sandbox.apiKey);
    });
  });

  describe('who may call', () => {
    /** A call with a Host header of the caller's choice, which fetch does not allow. */
    const statusFor = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const call = request(`${linarc.sandbox.url}/sandbox/reset`, { method: 'POST', headers }, (answer) => {
          answer.resume();
          answer.on('end', () => resolve(answer.statusCode));
        });
        call.on('error', reject);
        call.end();
      });

    it('refuses a foreign host name that points here', async () => {
      expect(await statusFor({ host: 'sandbox.example.com' })).to.equal(403);
    });

    it('refuses a call from another site’s page', async () => {
      expect(await statusFor({ 'sec-fetch-site': 'cross-site' })).to.equal(403);
    });

    it('refuses a call whose origin is another site', async () => {
      expect(await statusFor({ origin: 'https://example.com' })).to.equal(403);
    });

    it('lets programs on this machine call', async () => {
      expect(await statusFor({})).to.equal(200);
    });
  });

  it('lists the companies with their keys', async () => {
    expect((await linarc.call('GET', '/sandbox/companies')).body).to.deep.equal({
      companies: [
        { id: 'lin-hillside', name: 'Hillside Builders', apiKey: linarc.sandbox.apiKey, costCodeCount: 30 },
        { ...OTHER, costCodeCount: 12 },
      ],
    });
  });
});

describe('Linarc sandbox: settings', () => {
  it('takes another key for the first company', async () => {
    const linarc = await Linarc.start({ apiKey: 'a-key-of-our-own', codes: 3 });
    try {
      expect([
        (await linarc.get('/v1/company')).status,
        (await linarc.get('/v1/company', 'linarc-sandbox-key-hillside')).status,
      ]).to.deep.equal([200, 401]);
    } finally {
      await linarc.close();
    }
  });

  it('can be slow all the time', async () => {
    const linarc = await Linarc.start({ latencyMs: 80, codes: 3 });
    try {
      const began = performance.now();
      await linarc.list();
      expect(performance.now() - began).to.be.greaterThan(75);
    } finally {
      await linarc.close();
    }
  });

  it('says so when the port is taken', async () => {
    const first = await Linarc.start({ codes: 1 });
    try {
      const second = await Linarc.start({ codes: 1, port: first.sandbox.port }).then(
        () => 'started',
        (error: NodeJS.ErrnoException) => error.code,
      );
      expect(second).to.equal('EADDRINUSE');
    } finally {
      await first.close();
    }
  });
});
