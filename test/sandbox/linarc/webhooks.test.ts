import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect } from 'chai';

import type { CostCode } from '../../../server/sandbox/linarc/records.ts';
import { Linarc, OTHER, bearer } from './support.ts';

type Delivery = {
  raw: string;
  signature: string;
  body: { id: string; companyId: string; events: { id: string; type: string; costCodeId: string }[] };
};

describe('Linarc sandbox: webhooks', () => {
  let linarc: Linarc;
  let receiver: Server;
  let url: string;
  let statuses: number[];
  let deliveries: Delivery[];

  before(async () => {
    linarc = await Linarc.start({ codes: 5, webhookPauses: [20, 20] });
    receiver = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const raw = Buffer.concat(chunks).toString();
        deliveries.push({ raw, signature: String(req.headers['linarc-signature']), body: JSON.parse(raw) as Delivery['body'] });
        res.writeHead(statuses.shift() ?? 200).end();
        receiver.emit('delivered');
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  });
  after(async () => {
    await linarc.close();
    receiver.closeAllConnections();
    receiver.close();
  });

  const hooks = '/v1/companies/lin-hillside/webhooks';
  const auth = (): Record<string, string> => bearer(linarc.sandbox.apiKey);
  const removals: string[] = [];

  async function register(order: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
    const hook = (await linarc.call('POST', hooks, { url, ...order }, auth())).body as { id: string; secret: string };
    removals.push(hook.id);
    return hook;
  }

  async function arrived(number: number): Promise<Delivery[]> {
    while (deliveries.length < number) await once(receiver, 'delivered');
    return deliveries;
  }

  beforeEach(() => {
    statuses = [];
    deliveries = [];
  });
  afterEach(async () => {
    for (const id of removals.splice(0)) await linarc.call('DELETE', `${hooks}/${id}`, undefined, auth());
  });

  it('tell of a new code, signed over the raw body', async () => {
    const { secret } = await register();
    const { id } = await linarc.add({ costCode: 'W1' });
    const [delivery] = await arrived(1);
    expect(delivery?.signature).to.equal(
      createHmac('sha256', secret)
        .update(delivery?.raw ?? '')
        .digest('hex'),
    );
    expect(delivery?.body).to.nested.include({
      companyId: 'lin-hillside',
      'events[0].type': 'costcode.created',
      'events[0].costCodeId': id,
    });
  });

  it('tell of edits and deletions', async () => {
    await register();
    const { id } = (await linarc.list()).items[0] as CostCode;
    await linarc.edit(id, { costCodeName: 'Edited' });
    await arrived(1);
    await linarc.remove(id);
    expect((await arrived(2)).flatMap(({ body }) => body.events).map(({ type }) => type)).to.deep.equal([
      'costcode.updated',
      'costcode.deleted',
    ]);
  });

  it('tell only of the events asked for', async () => {
    await register({ events: ['costcode.deleted'] });
    const { id } = await linarc.add({ costCode: 'W2' });
    await linarc.remove(id);
    expect((await arrived(1))[0]?.body.events.map(({ type }) => type)).to.deep.equal(['costcode.deleted']);
  });

  it('are repeated unchanged until they are received', async () => {
    await register();
    statuses = [500, 404];
    await linarc.add({ costCode: 'W3' });
    const [first, second, third] = await arrived(3);
    expect([second?.raw, third?.raw]).to.deep.equal([first?.raw, first?.raw]);
  });

  it('are given up after the last pause', async () => {
    await register();
    statuses = [500, 500, 500];
    await linarc.add({ costCode: 'W4' });
    await arrived(3);
    await linarc.add({ costCode: 'W5' });
    const bodies = (await arrived(4)).map(({ body }) => body.id);
    expect(new Set(bodies).size).to.equal(2);
  });

  it('say nothing of another company', async () => {
    await register();
    await linarc.call('POST', `/sandbox/cost-codes?company=${OTHER.id}`, { costCode: 'foreign' });
    const { id } = await linarc.add({ costCode: 'own' });
    expect((await arrived(1)).flatMap(({ body }) => body.events).map(({ costCodeId }) => costCodeId)).to.deep.equal([id]);
  });

  it('show their secret once', async () => {
    const { secret } = await register();
    expect(JSON.stringify((await linarc.get(hooks)).body))
      .to.include(url)
      .and.not.include(secret);
  });

  it('cannot be removed with another company’s key', async () => {
    const { id } = await register();
    expect((await linarc.call('DELETE', `${hooks}/${id}`, undefined, bearer(OTHER.apiKey))).status).to.equal(403);
    expect(
      (await linarc.call('DELETE', `/v1/companies/${OTHER.id}/webhooks/${id}`, undefined, bearer(OTHER.apiKey))).status,
    ).to.equal(404);
  });

  for (const [what, order] of Object.entries({
    'no address': {},
    'an address that is no web address': { url: 'file:///etc/passwd' },
    'an unknown event': { url: 'http://a.test/', events: ['all'] },
  })) {
    it(`are refused with ${what}`, async () => {
      expect((await linarc.call('POST', hooks, order, auth())).status).to.equal(422);
    });
  }
});
