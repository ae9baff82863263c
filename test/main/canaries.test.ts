import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { SANDBOX_CLIENT } from '../../server/services.ts';
import { connectedProduct, importEnded, runEnded, type ConnectedProduct } from '../support/product.ts';

const SESSION_SECRET = randomBytes(32).toString('hex');
const SEALING_KEY = randomBytes(32).toString('base64');

/** What must never stand in a log (engineering.md §4.11; quickbooks.md S5), gathered while the product goes through good and bad. */
describe('The log of a product at work', function () {
  this.timeout(60_000);
  const lines: string[] = [];
  const canaries = new Map<string, string>();

  const log = () => lines.join('');
  const plant = (what: string, value: string | null | undefined): void => {
    if (!value || value.length < 6) throw new Error(`The canary “${what}” was not found, so nothing would be tested.`);
    canaries.set(what, value);
  };

  before(async () => {
    const product = await connectedProduct({
      speed: 60,
      env: { SESSION_SECRETS: SESSION_SECRET, SEALING_KEYS: `k1:${SEALING_KEY}` },
      log: { write: (line: string) => void lines.push(line) },
    });
    try {
      await plantSecrets(product);
      await work(product);
      await plantTokens(product, 'later');
      await goWrong(product);
    } finally {
      await product.close();
    }
  });

  async function plantSecrets(product: ConnectedProduct): Promise<void> {
    const { person, url, realmId, world, company } = product;
    plant('realm id', realmId);
    plant('e-mail address', 'mara.keller@hillside.example');
    plant('client secret', SANDBOX_CLIENT.clientSecret);
    plant('session secret', SESSION_SECRET);
    plant('sealing key', SEALING_KEY);
    plant('Linarc key', (await world.companies.libraryKey(company))?.apiKey);
    plant('session id', decodeURIComponent(person.cookiesFor(url).get('sid') ?? '').replace(/^s:|\..*$/g, ''));
    for (const [i, address] of person.visited.entries()) {
      const { searchParams } = new URL(address);
      for (const name of ['code', 'state', 'nonce']) if (searchParams.has(name)) plant(`${name} of way ${i}`, searchParams.get(name));
    }
    expect([...canaries.keys()].filter((what) => what.startsWith('code of'))).to.have.length(2);
    await plantTokens(product, 'first');
  }

  async function plantTokens({ world, company }: ConnectedProduct, when: string): Promise<void> {
    const held = await world.companies.grant(company);
    plant(`${when} access token`, held?.grant.accessToken);
    plant(`${when} refresh token`, held?.grant.refreshToken);
  }

  /** A whole sync, in the middle of which QuickBooks refuses the token and repeats it in its answer. */
  async function work(product: ConnectedProduct): Promise<void> {
    await product.agent.post('/imports').type('form').send({ mode: 'all' }).expect(303);
    await importEnded(product);
    await product.quickbooks.post('/sandbox/faults', { match: { operation: 'batch' }, fault: { kind: 'status', status: 401 }, times: 1 });
    await product.agent.post('/runs').type('form').send({ scope: 'matching', filter: '' }).expect(303);
    const { counts } = await runEnded(product);
    expect(counts.created).to.be.above(200);
    const classes = await product.quickbooks.get<{ Name: string }[]>(`/sandbox/companies/${product.realmId}/classes`);
    plant('class name', classes.at(-1)?.Name);
  }

  /** Whatever a person or an attacker may send, and both worlds outside failing. */
  async function goWrong({ agent, quickbooks, linarc }: ConnectedProduct): Promise<void> {
    for (const what of ['code', 'state', 'token', 'key', 'body', 'header']) plant(`${what} sent`, `canary-${what}-${randomBytes(8).toString('hex')}`);
    const sent = (what: string) => canaries.get(`${what} sent`) ?? '';
    await agent.get(`/connect/callback?code=${sent('code')}&state=${sent('state')}&realmId=4620816365000000001`);
    await agent.get(`/cost-codes?q=x&token=${sent('token')}`).set('Authorization', `Bearer ${sent('header')}`);
    await agent.post('/linarc').type('form').send({ companyId: 'lin-hillside', apiKey: sent('key'), intent: 'link' });
    await agent.post('/runs').type('json').send(`{"${sent('body')}`);
    await agent.post('/runs').type('form').send({ scope: sent('body'), filter: sent('body') });
    await linarc.post('/sandbox/faults', { fault: { kind: 'nonsense' }, times: 1 });
    await agent.post('/imports').type('form').send({ mode: 'all' });
    await quickbooks.post('/sandbox/faults', { match: { operation: 'revoke' }, fault: { kind: 'status', status: 500 }, times: 1 });
    await agent.post('/disconnect').type('form').send({});
  }

  it('says what was done', () => {
    expect(log()).to.include('run ended').and.include('import ended').and.include('"path":"/connect/callback"');
  });

  it('holds none of the secrets, tokens, codes, names and addresses that went through the product', () => {
    const found = [...canaries].filter(([, value]) => log().includes(value) || log().includes(encodeURIComponent(value))).map(([what]) => what);
    expect(canaries.size).to.be.above(20);
    expect(found).to.deep.equal([]);
  });

  it('is the only one: no library writes a log of its own', () => {
    expect(existsSync('logs')).to.equal(false);
  });
});
