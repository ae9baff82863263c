import { expect } from 'chai';
import { connectedProduct, importEnded, runEnded, type ConnectedProduct } from '../support/product.ts';
import { until } from '../support/waiting.ts';

/** What one line of the log says. */
type Line = Readonly<Record<string, unknown>>;

describe('A sync seen from outside', () => {
  const lines: Line[] = [];
  const log = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  let product: ConnectedProduct;
  const metrics = async () => (await fetch(`${product.url}/metrics`)).text();
  /** The value of a series, 0 while it is not there. */
  const series = async (name: string) => Number((await metrics()).split('\n').find((line) => line.startsWith(`${name} `))?.split(' ').at(-1) ?? 0);

  before(async function () {
    this.timeout(60_000);
    product = await connectedProduct({ speed: 60, codes: 70, log });
    await product.agent.post('/imports').type('form').send({ mode: 'all' }).expect(303);
    await importEnded(product);
    const refused = { match: { operation: 'batch', nth: 2 }, fault: { kind: 'item-fault', recorded: 'plan-limit', items: [0] } };
    await product.quickbooks.post('/sandbox/faults', refused);
    await product.agent.post('/runs').type('form').send({ scope: 'matching', filter: '' }).expect(303);
    await runEnded(product, 60_000);
  });
  after(() => product?.close());

  it('leads from a failed row to its lines by the trace id it shows, and from a line back to the row', async () => {
    const { records } = await product.world.costCodes.page(product.company, { status: 'failed' }, { by: 'code', direction: 'asc' }, 0, 10);
    expect(records).to.have.length(1);
    const page = await product.agent.get(`/cost-codes/${records[0]?.id}/history`).expect(200);
    const last = await product.world.history.lastExchange(product.company, records[0]?.id ?? '');
    const shown = last?.intuitTid ?? '';
    expect(shown).to.have.length.above(8);
    expect(page.text).to.include(shown);

    const line = lines.find(({ intuitTid }) => intuitTid === shown) ?? {};
    expect(line).to.include({ msg: 'QuickBooks was called', kind: 'batch', what: 'batch', outcome: 'answered', status: 200, faults: '6000', company: product.company });
    await product.agent.get(`/runs/${String(line['run'])}`).expect(200, /69 created and 1 failed of 70 cost codes/);
    expect(last?.requestid).to.equal(line['batch']);
    expect(lines.filter(({ run }) => run === line['run']).map(({ msg }) => msg)).to.include.members(['run taken', 'run ended']);
  });

  it('leads from a request to the calls made for it', async () => {
    lines.length = 0;
    const { records: [record] } = await product.world.costCodes.page(product.company, {}, { by: 'code', direction: 'asc' }, 0, 1);
    await product.agent.post(`/cost-codes/${record?.id}/mapping`).type('form').send({ intent: 'refresh' }).expect(303);
    const asked = await until('the line of the request', async () => lines.find(({ msg, reqId }) => msg === 'request completed' && reqId !== undefined));
    const calls = lines.filter(({ msg, reqId }) => msg === 'QuickBooks was called' && reqId === asked['reqId']);
    expect(calls.length).to.be.at.least(3);
    expect(calls.every(({ kind, what, intuitTid }) => kind === 'read' && what === 'query' && String(intuitTid).length > 8)).to.equal(true);
  });

  it('counts calls, faults, rows, leases and requests, and names no company', async () => {
    expect(await series('quickbooks_calls_total{kind="batch",outcome="answered"}')).to.equal(3);
    expect(await series('quickbooks_calls_total{kind="oauth",outcome="answered"}')).to.be.at.least(2);
    expect(await series('quickbooks_faults_total{code="6000"}')).to.equal(1);
    expect(await series('sync_rows_total{outcome="created"}')).to.equal(69);
    expect(await series('sync_rows_total{outcome="failed"}')).to.equal(1);
    expect(await series('run_leases_total{event="taken"}')).to.equal(1);
    expect(await series('quickbooks_window_fullness{window="batches_60s"}')).to.equal(3 / 40);
    expect(await series('http_request_seconds_count{method="POST",status="3xx"}')).to.be.at.least(3);
    expect(await series('work_queue_age_seconds')).to.be.at.least(0);
    const text = await metrics();
    expect(text).to.match(/^nodejs_eventloop_lag_p99_seconds /m).and.match(/^token_refreshes_total|# TYPE token_refreshes_total counter/m);
    expect(text).not.to.include(product.realmId).and.not.include(product.company);
    for (const line of lines) expect(JSON.stringify(line)).not.to.include(product.realmId);
  });

  it('shows the metrics to this machine, but not through a proxy', async () => {
    expect((await fetch(`${product.url}/metrics`)).headers.get('content-type')).to.match(/^text\/plain; version=0\.0\.4/);
    expect((await fetch(`${product.url}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.7' } })).status).to.equal(403);
  });

  it('says that it is alive, started and ready, without a line of the log', async () => {
    lines.length = 0;
    for (const path of ['/livez', '/startupz', '/readyz']) expect((await fetch(`${product.url}${path}`)).status, path).to.equal(200);
    expect(lines.filter(({ msg }) => msg === 'request completed')).to.deep.equal([]);
  });

  it('stays ready while QuickBooks is down', async () => {
    await product.quickbooks.post('/sandbox/faults', { match: {}, fault: { kind: 'drop-before' }, times: 1_000 });
    try {
      expect((await fetch(`${product.url}/readyz`)).status).to.equal(200);
    } finally {
      await product.quickbooks.delete('/sandbox/faults');
    }
  });
});

describe('Metrics with a token', () => {
  const METRICS_TOKEN = 'f3a91c07de52b8846a1d0c97e5b3f2a8';
  let product: ConnectedProduct;
  before(async () => {
    product = await connectedProduct({ env: { METRICS_TOKEN } });
  });
  after(() => product?.close());

  it('are for who has it, from wherever, and for nobody else', async () => {
    const asked = (headers: Record<string, string>) => fetch(`${product.url}/metrics`, { headers }).then(({ status }) => status);
    expect(await asked({ authorization: `Bearer ${METRICS_TOKEN}`, 'x-forwarded-for': '203.0.113.7' })).to.equal(200);
    expect(await asked({})).to.equal(403);
    expect(await asked({ authorization: `Bearer ${METRICS_TOKEN}x` })).to.equal(403);
  });
});
