import { expect } from 'chai';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { APP, Bench, Json, Visitor, waitFor } from './support.ts';

const VERIFIER = 'verifier-of-the-test';

describe('QuickBooks sandbox: webhooks', () => {
  let bench: Bench;
  let server: Server;
  let visitor: Visitor;
  let received: { headers: IncomingHttpHeaders; body: string }[] = [];
  let answers: number[] = [];

  before(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
        response.writeHead(answers.shift() ?? 200).end();
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    bench = await Bench.open();
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await bench.close();
  });
  beforeEach(async () => {
    await bench.freshCompany();
    const webhookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`;
    await bench.control('POST', '/sandbox/apps', { ...APP, webhookUrl, webhookVerifier: VERIFIER });
    visitor = new Visitor(bench);
    await visitor.signIn();
    received = [];
    answers = [];
  });

  const addByHand = (name: string) => visitor.post('/app/class/add', { company: bench.realmId, name });
  const arrivals = (count: number) => waitFor(() => (received.length >= count ? received : undefined));
  const settled = () => waitFor(async () =>
    ((await bench.control('GET', '/sandbox/webhooks')).at('waiting') === 0 ? true : undefined));
  const idOf = async (name: string): Promise<string> =>
    new Json(JSON.parse((await bench.query(`select * from Class where Name = '${name}'`)).text))
    .text('QueryResponse.Class.0.Id');
  const signature = (body: string): string => createHmac('sha256', VERIFIER).update(body).digest('base64');

  it('tells a change made by hand as a CloudEvent, signed over the raw body', async () => {
    await addByHand('Überbau');
    const [first] = await arrivals(1);
    expect(first?.headers['intuit-signature']).to.equal(signature(first?.body ?? ''));
    expect(first?.headers).to.include(
      { 'intuit-notification-schema-version': '0.1', 'user-agent': 'intuit_notification_server/0.1' });
    const events = JSON.parse(first?.body ?? '') as Record<string, unknown>[];
    expect(events).to.have.length(1);
    expect(events[0]).to.include({
      specversion: '1.0', type: 'qbo.class.created.v1', intuitentityid: await idOf('Überbau'), intuitaccountid: bench.realmId,
    });
    expect(events[0]?.['time']).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  it('tells it in the older form when so switched', async () => {
    await bench.switches({ webhookFormat: 'classic' });
    await addByHand('A');
    const [first] = await arrivals(1);
    const note = new Json(JSON.parse(first?.body ?? '')).list('eventNotifications')[0];
    expect(note?.at('realmId')).to.equal(bench.realmId);
    expect(note?.at('dataChangeEvent.entities.0')).to.include({ name: 'Class', id: await idOf('A'), operation: 'Create' });
    expect(note?.text('dataChangeEvent.entities.0.lastUpdated')).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[78]00$/);
  });

  it('tells an inactivation as an update, or as a deletion when so switched', async () => {
    await addByHand('A');
    await addByHand('B');
    await visitor.post('/app/class/inactivate', { company: bench.realmId, id: await idOf('A') });
    await bench.switches({ webhookInactive: 'Delete' });
    await arrivals(1);
    await settled();
    received = [];
    await visitor.post('/app/class/inactivate', { company: bench.realmId, id: await idOf('B') });
    const [last] = await arrivals(1);
    expect(last?.body).to.include('qbo.class.deleted.v1');
  });

  it('keeps an app\'s own writes from it, and tells another app\'s', async () => {
    await bench.make('Own');
    await bench.control('POST', '/sandbox/apps', { ...APP, clientId: 'other', clientSecret: 'other-secret' });
    await bench.connect({ clientId: 'other' });
    await bench.make('Other');
    const [first] = await arrivals(1);
    expect(first?.body).to.include(await idOf('Other')).and.not.include(await idOf('Own'));
    expect(received).to.have.length(1);
  });

  it('tells nothing of a company that is not connected', async () => {
    const other = await bench.control('POST', '/sandbox/companies', { name: 'Strange', classTracking: true });
    await visitor.post('/app/class/add', { company: other.text('realmId'), name: 'Elsewhere' });
    await addByHand('Here');
    const [first] = await arrivals(1);
    expect(first?.body).not.to.include(other.text('realmId'));
    expect(received).to.have.length(1);
  });

  it('gathers the changes of a batch into one notification', async () => {
    await bench.control('POST', `/sandbox/companies/${bench.realmId}/classes`, { names: ['A', 'B', 'C'] });
    const [first] = await arrivals(1);
    expect(JSON.parse(first?.body ?? '')).to.have.length(3);
  });

  it('tries again after 10, 20 and 30 virtual seconds; later events wait', async () => {
    answers = [500, 503, 500];
    await addByHand('A');
    await arrivals(1);
    await addByHand('B');
    const attempted = (count: number) => waitFor(async () => {
      const report = await bench.control('GET', '/sandbox/webhooks');
      return report.list('deliveries')[0]?.list('attempts').length === count ? true : undefined;
    });
    await attempted(1);
    for (const [seconds, count] of [[10, 2], [20, 3], [30, 4]] as const) {
      await bench.control('POST', '/sandbox/clock', { advanceSeconds: seconds - 1 });
      expect(received, `${seconds} s not yet`).to.have.length(count - 1);
      await bench.control('POST', '/sandbox/clock', { advanceSeconds: 1 });
      await attempted(count);
    }
    await arrivals(5);
    expect(received.slice(0, 4).map((each) => each.body)).to.deep.equal(Array(4).fill(received[0]?.body));
    expect(received[4]?.body).to.include(await idOf('B'));
  });

  it('repeats, reverses and forges on demand, and replays by id', async () => {
    await bench.control('PATCH', '/sandbox/webhooks', { duplicates: 2, reorder: true });
    await bench.control('POST', `/sandbox/companies/${bench.realmId}/classes`, { names: ['A', 'B'] });
    const three = await arrivals(3);
    expect(new Set(three.map((each) => each.body)).size).to.equal(1);
    const ids = (JSON.parse(three[0]?.body ?? '') as { intuitentityid: string }[]).map((event) => event.intuitentityid);
    expect(ids).to.deep.equal([await idOf('B'), await idOf('A')]);
    await settled();
    await bench.control('PATCH', '/sandbox/webhooks', { duplicates: 0, reorder: false, forged: true });
    received = [];
    await addByHand('C');
    const [forged] = await arrivals(1);
    expect(forged?.headers['intuit-signature']).not.to.equal(signature(forged?.body ?? ''));
    await settled();
    const deliveries = (await bench.control('GET', '/sandbox/webhooks')).list('deliveries');
    await bench.control('POST', `/sandbox/webhooks/${deliveries[0]?.text('id') ?? ''}/replay`);
    expect((await arrivals(2))[1]?.body).to.equal(three[0]?.body);
  });

  it('holds back while paused', async () => {
    await bench.control('PATCH', '/sandbox/webhooks', { paused: true });
    await addByHand('A');
    await waitFor(async () => ((await bench.control('GET', '/sandbox/webhooks')).at('waiting') === 1 ? true : undefined));
    expect(received).to.have.length(0);
    await bench.control('PATCH', '/sandbox/webhooks', { paused: false });
    await arrivals(1);
  });
});
