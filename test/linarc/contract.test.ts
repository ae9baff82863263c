import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect } from 'chai';

import { costCodeFields } from '../../server/sandbox/linarc/records.ts';
import type { CostCode } from '../../server/sandbox/linarc/records.ts';
import { Linarc, OTHER, bearer } from '../sandbox/linarc/support.ts';
import type { Answer } from '../sandbox/linarc/support.ts';
import { CONTRACT, KNOWN_WORDS, faultsOf } from './schema.ts';
import type { Content, Schema } from './schema.ts';

const LIST = '/v1/companies/{companyId}/cost-codes';
const HOOKS = '/v1/companies/{companyId}/webhooks';

/** The schema the contract gives for an answer: of this status, else of any other. */
function answerSchema(path: string, method: string, status: number): Schema {
  const responses = CONTRACT.paths[path]?.[method]?.responses ?? {};
  const named = responses[String(status)] ?? responses.default ?? {};
  const response: Content = '$ref' in named ? (CONTRACT.components.responses[named.$ref.split('/').at(-1) ?? ''] ?? {}) : named;
  const schema = response.content?.['application/json'].schema;
  if (!schema) throw new Error(`the contract says nothing of ${method} ${path} answering ${status}`);
  return schema;
}

describe('Linarc contract', () => {
  let linarc: Linarc;

  before(async () => {
    linarc = await Linarc.start({ webhookPauses: [] });
  });
  beforeEach(() => linarc.reset());
  after(() => linarc.close());

  const ownPath = (template: string, id = ''): string => template.replace('{companyId}', 'lin-hillside').replace('{id}', id);
  const faults = (path: string, { status, body }: Answer, method = 'get'): string[] =>
    faultsOf(answerSchema(path, method, status), body);

  it('uses only the words of JSON Schema that these tests check', () => {
    const words = new Set<string>();
    const collect = (schema: Schema): void => {
      for (const word of Object.keys(schema)) words.add(word);
      for (const inner of [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])]) collect(inner);
    };
    Object.values(CONTRACT.components.schemas).forEach(collect);
    expect([...words].filter((word) => !KNOWN_WORDS.has(word))).to.deep.equal([]);
  });

  it('names only schemas and responses it holds', () => {
    const { schemas, responses } = CONTRACT.components;
    const named = [...JSON.stringify(CONTRACT).matchAll(/"\$ref":"#\/components\/(schemas|responses)\/(\w+)"/g)];
    expect(named.length).to.be.greaterThan(20);
    expect(named.filter(([, kind, name = '']) => !(name in (kind === 'schemas' ? schemas : responses)))).to.deep.equal([]);
  });

  it('is served by the sandbox', async () => {
    expect((await linarc.call('GET', '/openapi.json')).body).to.deep.equal(CONTRACT);
  });

  it('and the sandbox know the same fields of a cost code', () => {
    expect(Object.keys(CONTRACT.components.schemas.CostCode?.properties ?? {})).to.have.members([
      'id',
      ...Object.keys(costCodeFields.shape),
      'createdAt',
      'updatedAt',
    ]);
  });

  it('describes every page of the list', async () => {
    const { body } = await linarc.get(`${ownPath(LIST)}?limit=500`);
    expect(faultsOf(answerSchema(LIST, 'get', 200), body)).to.deep.equal([]);
  });

  it('describes a list under every parameter it names', async () => {
    const { items } = await linarc.list({ limit: '3' });
    const { nextCursor } = await linarc.list({ limit: '3' });
    const values: Record<string, string> = {
      limit: '3',
      cursor: `${nextCursor}&limit=3`,
      updatedSince: '2025-01-06T15:00:00Z',
      search: 'concrete',
      ids: items.map(({ id }) => id).join(','),
      costTypeCategory: 'FIELD',
      divisionCode: '03',
      status: 'active',
    };
    const named = CONTRACT.paths[LIST]?.get?.parameters?.filter((each) => each.in === 'query').map(({ name }) => name) ?? [];
    expect(named).to.have.members(Object.keys(values));
    for (const name of named) {
      const answer = await linarc.get(`${ownPath(LIST)}?${name}=${values[name]}`);
      expect([name, answer.status, ...faults(LIST, answer)]).to.deep.equal([name, 200]);
    }
  });

  it('describes one cost code', async () => {
    const { id } = await linarc.byCode('03 30 00.25');
    const answer = await linarc.get(`${ownPath(LIST)}/${id}`);
    expect([answer.status, ...faults(`${LIST}/{id}`, answer)]).to.deep.equal([200]);
  });

  it('describes both answers about a company', async () => {
    const answers = [await linarc.get('/v1/company'), await linarc.get('/v1/companies/lin-hillside')];
    expect([
      faults('/v1/company', answers[0] as Answer),
      faults('/v1/companies/{companyId}', answers[1] as Answer),
    ]).to.deep.equal([[], []]);
  });

  it('describes every error', async () => {
    await linarc.fault({ kind: 'status', status: 429, retryAfter: 1 }, { times: 1, match: { path: '/cost-codes' } });
    const answers = [
      await linarc.get(ownPath(LIST)),
      await linarc.get(ownPath(LIST), 'wrong'),
      await linarc.get(ownPath(LIST), OTHER.apiKey),
      await linarc.get(`${ownPath(LIST)}?limit=0`),
    ];
    expect(answers.map(({ status }) => status)).to.deep.equal([429, 401, 403, 422]);
    for (const answer of answers) expect(faults(LIST, answer)).to.deep.equal([]);
    const gone = await linarc.get(`${ownPath(LIST)}/cc_none`);
    expect([gone.status, ...faults(`${LIST}/{id}`, gone)]).to.deep.equal([404]);
  });

  it('describes webhooks, from registration to removal', async () => {
    const auth = bearer(linarc.sandbox.apiKey);
    const made = await linarc.call('POST', ownPath(HOOKS), { url: 'http://127.0.0.1:9/' }, auth);
    const listed = await linarc.get(ownPath(HOOKS));
    expect([made.status, ...faults(HOOKS, made, 'post'), listed.status, ...faults(HOOKS, listed)]).to.deep.equal([201, 200]);
    const removed = await linarc.call('DELETE', `${ownPath(HOOKS)}/${(made.body as { id: string }).id}`, undefined, auth);
    expect(removed.status).to.equal(204);
  });

  it('describes a delivery', async () => {
    const receiver = createServer().listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    try {
      await linarc.call(
        'POST',
        ownPath(HOOKS),
        { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` },
        bearer(linarc.sandbox.apiKey),
      );
      const called = once(receiver, 'request');
      await linarc.add({ costCode: 'W1' });
      const [req, res] = (await called) as [IncomingMessage, ServerResponse];
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk as Buffer);
      res.end();
      const post = CONTRACT.webhooks.costCodesChanged?.post;
      expect(
        faultsOf(post?.requestBody?.content?.['application/json'].schema ?? {}, JSON.parse(Buffer.concat(chunks).toString())),
      ).to.deep.equal([]);
      expect(faultsOf(post?.parameters?.[0]?.schema ?? {}, req.headers['linarc-signature'])).to.deep.equal([]);
    } finally {
      receiver.closeAllConnections();
      receiver.close();
    }
  });

  it('is broken by an answer that is bent on purpose', async () => {
    await linarc.fault({ kind: 'odd-records' });
    const found = faults(LIST, await linarc.get(`${ownPath(LIST)}?limit=9`));
    expect(found).to.deep.equal([
      '$.items[2].id: is missing',
      '$.items[5].costCodeName: is number',
      '$.items[8].status: is none of active, inactive',
    ]);
  });

  it('tells a wrong record from a right one', async () => {
    const right = (await linarc.list({ limit: '1' })).items[0] as CostCode;
    const schema: Schema = { $ref: '#/components/schemas/CostCode' };
    const wrong = { ...right, quantity: -1, color: 'red', createdAt: 'today', extra: 1 };
    expect(faultsOf(schema, right)).to.deep.equal([]);
    expect(faultsOf(schema, wrong)).to.have.length(4);
  });
});
