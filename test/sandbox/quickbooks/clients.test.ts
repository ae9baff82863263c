import { expect } from 'chai';
import OAuthClient from 'intuit-oauth';
import nodeQuickBooks from 'node-quickbooks';
import { ACCOUNTING, APP, Bench, Visitor } from './support.ts';

/** What is used of node-quickbooks; its own types describe a named export that it does not have. */
type Back = (error: unknown, data: unknown) => void;
interface NodeQuickBooks {
  token: string;
  refreshToken: string;
  createClass(value: object, back: Back): void;
  updateClass(value: object, back: Back): void;
  getClass(id: string, back: Back): void;
  findClasses(criteria: unknown, back: Back): void;
  batch(items: unknown[], back: Back): void;
  changeDataCapture(entities: string[], since: Date, back: Back): void;
  getPreferences(back: Back): void;
  getCompanyInfo(id: string, back: Back): void;
  refreshAccessToken(back: Back): void;
  revokeAccess(useRefresh: boolean, back: Back): void;
}
interface NodeQuickBooksClass {
  V3_ENDPOINT_BASE_URL: string;
  TOKEN_URL: string;
  REVOKE_URL: string;
  new (key: string, secret: string, token: string, tokenSecret: boolean, realmId: string, sandbox: boolean, debug: boolean,
    minorversion: null, oauth: '2.0', refreshToken: string): NodeQuickBooks;
}
const QuickBooks = nodeQuickBooks as unknown as NodeQuickBooksClass;

describe('QuickBooks sandbox: intuit-oauth, pointed here by its base addresses alone', () => {
  let bench: Bench;
  let client: OAuthClient;
  const kept = { ...OAuthClient } as Record<string, unknown>;
  before(async () => {
    bench = await Bench.open();
    OAuthClient.authorizeEndpoint = `${bench.url}/connect/oauth2`;
    OAuthClient.tokenEndpoint = `${bench.url}/oauth2/v1/tokens/bearer`;
    OAuthClient.revokeEndpoint = `${bench.url}/v2/oauth2/tokens/revoke`;
    OAuthClient.userinfo_endpoint_sandbox = `${bench.url}/v1/openid_connect/userinfo`;
    OAuthClient.jwks_uri = `${bench.url}/op/v1/jwks`;
    OAuthClient.environment = { ...OAuthClient.environment, sandbox: `${bench.url}/` };
    OAuthClient.retryConfig = { ...OAuthClient.retryConfig, maxRetries: 0 };
  });
  after(async () => {
    Object.assign(OAuthClient, kept);
    await bench.close();
  });
  beforeEach(async () => {
    await bench.freshCompany();
    client = new OAuthClient({
      clientId: APP.clientId, clientSecret: APP.clientSecret, environment: 'sandbox', redirectUri: 'http://localhost:9/callback',
      logging: false,
    });
  });

  async function connect(): Promise<void> {
    const address = client.authorizeUri({ scope: [ACCOUNTING, 'openid', 'email', 'profile'], state: 'st' });
    expect(address).to.match(new RegExp(`^${bench.url}/connect/oauth2\\?`));
    const visitor = new Visitor(bench);
    await visitor.signIn();
    const back = await visitor.post('/connect/oauth2',
      { query: new URL(address).search.slice(1), decision: 'approve', company: bench.realmId });
    await client.createToken(back.headers.get('location') ?? '');
  }

  const problem = async (call: Promise<unknown>): Promise<Record<string, unknown>> =>
    call.then(() => ({ code: 'none' }), (error: unknown) => error as Record<string, unknown>);

  it('connects, and its own check of the id_token is content', async () => {
    await connect();
    expect(client.getToken().realmId).to.equal(bench.realmId);
    expect(await client.validateIdToken()).to.equal(true);
  });

  it('reads who signed in', async () => {
    await connect();
    const info = (await client.getUserInfo()).json as Record<string, unknown>;
    expect(info).to.include({ email: 'mara.keller@hillside.example', emailVerified: true });
  });

  it('refreshes, and loses the old token a day later', async () => {
    await connect();
    const old = client.getToken().refresh_token;
    await bench.control('POST', '/sandbox/clock', { advanceSeconds: 90_000 });
    await client.refresh();
    expect(client.getToken().refresh_token).not.to.equal(old);
    expect(String((await problem(client.refreshUsingToken(String(old))))['message'])).to.include('invalid_grant');
  });

  it('makes API calls, and tells the first error of a service fault', async () => {
    await connect();
    const url = `v3/company/${bench.realmId}/class?minorversion=75`;
    const made = await client.makeApiCall(
      { url, method: 'POST', headers: { 'Content-Type': 'application/json' }, body: { Name: 'A' } });
    expect((made.json as { Class: { Name: string } }).Class.Name).to.equal('A');
    const twice = await problem(client.makeApiCall(
      { url, method: 'POST', headers: { 'Content-Type': 'application/json' }, body: { Name: 'a' } }));
    expect(twice['code']).to.equal('6240');
    expect(twice['intuitTid']).to.match(/^1-/);
  });

  it('names a throttled call as such', async () => {
    await connect();
    await bench.fault({ match: { operation: 'preferences' }, fault: { kind: 'status', status: 429 } });
    expect((await problem(client.makeApiCall({ url: `v3/company/${bench.realmId}/preferences` })))['code']).to.equal(
      'RATE_LIMIT_EXCEEDED');
  });

  it('revokes', async () => {
    await connect();
    const { access_token: access, refresh_token: refresh } = client.getToken();
    await client.revoke();
    expect(String((await problem(client.refreshUsingToken(String(refresh))))['message'])).to.include('invalid_grant');
    expect((await bench.api('GET', 'preferences', undefined, { authorization: `Bearer ${String(access)}` })).status).to.equal(
      401);
  });
});

describe('QuickBooks sandbox: node-quickbooks, pointed here by its base addresses alone', () => {
  let bench: Bench;
  let books: NodeQuickBooks;
  const kept = { base: QuickBooks.V3_ENDPOINT_BASE_URL, token: QuickBooks.TOKEN_URL, revoke: QuickBooks.REVOKE_URL };
  before(async () => {
    bench = await Bench.open();
    QuickBooks.V3_ENDPOINT_BASE_URL = `${bench.url}/v3/company/`;
    QuickBooks.TOKEN_URL = `${bench.url}/oauth2/v1/tokens/bearer`;
    QuickBooks.REVOKE_URL = `${bench.url}/v2/oauth2/tokens/revoke`;
  });
  after(async () => {
    QuickBooks.V3_ENDPOINT_BASE_URL = kept.base;
    QuickBooks.TOKEN_URL = kept.token;
    QuickBooks.REVOKE_URL = kept.revoke;
    await bench.close();
  });
  beforeEach(async () => {
    await bench.freshCompany();
    books = new QuickBooks(APP.clientId, APP.clientSecret, bench.token, false, bench.realmId, true, false, null, '2.0',
      bench.refreshToken);
  });

  const call = <T>(work: (back: Back) => void): Promise<T> => new Promise((resolve, reject) => {
    work((error, data) => (error ? reject(error as Error) : resolve(data as T)));
  });
  interface Row { Id: string; Name: string; SyncToken: string; Active: boolean; FullyQualifiedName: string }
  const create = (name: string) => call<Row>((back) => books.createClass({ Name: name }, back));
  const find = async (criteria: unknown): Promise<string[]> => {
    const data = await call<{ QueryResponse: { Class?: Row[] } }>((back) => books.findClasses(criteria, back));
    return (data.QueryResponse.Class ?? []).map((row) => row.Name);
  };
  const code = async (work: Promise<unknown>): Promise<unknown> => {
    const error = await work.then(() => undefined, (problem: unknown) =>
      problem as { response?: { data?: { Fault?: { Error: { code: string }[] } } } });
    return error?.response?.data?.Fault?.Error[0]?.code;
  };

  it('creates, reads, renames and inactivates a class', async () => {
    const made = await create('Concrete');
    expect((await call<Row>((back) => books.getClass(made.Id, back))).Name).to.equal('Concrete');
    const renamed = await call<Row>((back) =>
      books.updateClass({ Id: made.Id, SyncToken: '0', Name: 'Cement', sparse: false }, back));
    expect(renamed.SyncToken).to.equal('1');
    const gone = await call<Row>((back) =>
      books.updateClass({ Id: made.Id, SyncToken: '1', Name: 'Cement', Active: false, sparse: false }, back));
    expect(gone).to.include({ Name: 'Cement (deleted)', Active: false });
  });

  it('meets the refusal of its sparse updates, and of doubles', async () => {
    const made = await create('Concrete');
    expect(await code(call((back) => books.updateClass({ Id: made.Id, SyncToken: '0', Name: 'X' }, back)))).to.equal('500');
    expect(await code(create('CONCRETE'))).to.equal('6240');
  });

  it('queries by field, by quoted name, in order, in pages, and counts', async () => {
    for (const name of ["Amy's Café", 'B & C', 'Zinc', '100% cotton']) await create(name);
    expect(await find([{ field: 'Name', value: "Amy's Café", operator: '=' }])).to.deep.equal(["Amy's Café"]);
    expect(await find([{ field: 'Name', value: '%& C', operator: 'LIKE' }])).to.deep.equal(['B & C']);
    expect(await find({ desc: 'Name', limit: 2 })).to.deep.equal(['Zinc', 'B & C']);
    expect(await find({ asc: 'Id', limit: 3, fetchAll: true })).to.have.length(4);
    const counted = await call<{ QueryResponse: { totalCount: number } }>((back) => books.findClasses({ count: true }, back));
    expect(counted.QueryResponse.totalCount).to.equal(4);
  });

  it('sends a batch', async () => {
    const answer = await call<{ BatchItemResponse: { bId: string; Class?: Row; QueryResponse?: { totalCount: number } }[] }>(
      (back) => books.batch([
      { bId: '1', operation: 'create', Class: { Name: 'A' } }, { bId: '2', Query: 'select count(*) from Class' },
    ], back));
    expect(answer.BatchItemResponse.map((part) => part.bId)).to.deep.equal(['1', '2']);
    expect(answer.BatchItemResponse[0]?.Class?.Name).to.equal('A');
  });

  it('asks for changed data', async () => {
    await create('A');
    interface Changes { CDCResponse: { QueryResponse: { Class?: Row[] }[] }[] }
    const changes = await call<Changes>((back) =>
      books.changeDataCapture(['Class', 'Department'], new Date(Date.now() - 60_000), back));
    expect(changes.CDCResponse[0]?.QueryResponse[0]?.Class?.map((row) => row.Name)).to.deep.equal(['A']);
  });

  it('reads preferences and company info', async () => {
    const preferences = await call<{ AccountingInfoPrefs: { ClassTrackingPerTxnLine: boolean } }>((back) =>
      books.getPreferences(back));
    expect(preferences.AccountingInfoPrefs.ClassTrackingPerTxnLine).to.equal(true);
    expect((await call<{ CompanyName: string }>((back) => books.getCompanyInfo(bench.realmId, back))).CompanyName).to.equal(
      'Test company');
  });

  it('refreshes and revokes', async () => {
    await call((back) => books.refreshAccessToken(back));
    expect(books.token).not.to.equal(bench.token);
    expect((await create('A')).Name).to.equal('A');
    await call((back) => books.revokeAccess(true, back));
    expect((await bench.api('GET', 'preferences')).status).to.equal(401);
  });
});
