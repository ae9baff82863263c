import { expect } from 'chai';
import { APP, Bench, faultOf, read, Visitor } from './support.ts';

describe('QuickBooks sandbox: pages', () => {
  let bench: Bench;
  let visitor: Visitor;
  const HILLSIDE = '9341453000000001';
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());
  beforeEach(async () => {
    await bench.freshCompany();
    visitor = new Visitor(bench);
    await visitor.signIn();
  });

  const apps = async (): Promise<string> => (await visitor.get(`/app/apps?company=${bench.realmId}`)).text;

  it('are marked as a sandbox, without script, under a CSP without unsafe-*', async () => {
    for (const path of ['/', '/app/apps', '/app/class', '/app/settings', '/app/signin', '/nowhere']) {
      const page = await visitor.get(path);
      expect(page.text, path).to.include('QuickBooks sandbox – not QuickBooks').and.not.match(/<script|\sstyle=|\son\w+=/);
      const csp = page.headers.get('content-security-policy') ?? '';
      expect(csp,
        path).to.include("default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'").and.not.include(
        'unsafe');
      expect(csp, 'redirects after a form').to.include('http://localhost:9');
    }
  });

  it('ask a stranger who they are, with the first person chosen, and go on to where they wanted', async () => {
    const stranger = new Visitor(bench);
    expect((await stranger.get(`/app/class?company=${HILLSIDE}`)).text).to.include(
      `value="/app/class?company=${HILLSIDE}"`).and.match(/value="mara" checked/);
    const answer = await stranger.post('/app/signin', { person: 'mara', continue: `/app/class?company=${HILLSIDE}` });
    expect(answer.headers.get('location')).to.equal(`/app/class?company=${HILLSIDE}`);
    expect(answer.headers.get('set-cookie')).to.match(/^qbo_sandbox=.*HttpOnly; SameSite=Lax$/);
  });

  it('lead nowhere else after sign-in', async () => {
    for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example']) {
      expect((await visitor.post('/app/signin', { person: 'mara', continue: next })).headers.get('location')).to.equal('/');
    }
  });

  it('take no made-up cookie', async () => {
    const answer = await bench.send('GET', '/', undefined, { cookie: 'qbo_sandbox=mara.AAAA' });
    expect(answer.text).to.include('Who are you?');
  });

  it('show a company only to its people', async () => {
    await visitor.signIn('tom');
    expect((await visitor.get(`/app/class?company=${HILLSIDE}`)).status).to.equal(404);
    const change = await visitor.post('/app/class/add', { company: HILLSIDE, name: 'Intruder' });
    expect(change.status).to.equal(404);
  });

  it('list the app: Launch and Get app now before, Launch and Disconnect after connecting', async () => {
    const before = (await visitor.get(`/app/apps?company=${HILLSIDE}`)).text;
    expect(before).to.include(`href="${APP.launchUrl}?realmId=${HILLSIDE}">Launch</a>`).and.include(
      `href="${APP.connectUrl}">Get app now</a>`).and.not.include('Disconnect');
    expect(await apps()).to.include('<button>Disconnect</button>').and.not.include('Get app now');
  });

  it('disconnect: revoke first, then open the app\'s address with the realm', async () => {
    const answer = await visitor.post('/app/disconnect', { company: bench.realmId, app: APP.clientId });
    expect(answer.headers.get('location')).to.equal(`${APP.disconnectUrl}?realmId=${bench.realmId}`);
    expect(faultOf(await bench.api('GET', 'preferences'))).to.equal('3200');
    expect(await apps()).to.include('Get app now');
  });

  it('refuse forms of other sites', async () => {
    const form = { company: bench.realmId, name: 'A' };
    expect((await visitor.post('/app/class/add', form, { origin: 'http://evil.example' })).status).to.equal(403);
    expect((await visitor.post('/app/class/add', form, { origin: 'null' })).status).to.equal(403);
    expect(await bench.names('select * from Class')).to.deep.equal([]);
  });

  describe('classes', () => {
    const idOf = async (name: string): Promise<string> =>
      read(await bench.query(`select * from Class where Name = '${name}' and Active in (true,false)`))
      .text('QueryResponse.Class.0.Id');
    const post = (verb: string, form: Record<string, string>) =>
      visitor.post(`/app/class/${verb}`, { company: bench.realmId, ...form });
    const page = async (query = ''): Promise<string> => (await visitor.get(`/app/class?company=${bench.realmId}${query}`)).text;

    it('can be added, put under a parent, renamed, moved, made inactive and active', async () => {
      await post('add', { name: 'Residential' });
      await post('add', { name: 'Kitchens', parent: 'residential' });
      expect((await bench.classOf(await idOf('Kitchens'))).at('FullyQualifiedName')).to.equal('Residential:Kitchens');
      await post('rename', { id: await idOf('Kitchens'), name: 'Baths' });
      await post('move', { id: await idOf('Baths'), parent: '' });
      expect((await bench.classOf(await idOf('Baths'))).value).to.include({ FullyQualifiedName: 'Baths', SyncToken: '2' });
      await post('inactivate', { id: await idOf('Baths') });
      expect(await page()).not.to.include('Baths');
      expect(await page('&inactive=yes')).to.include('Baths (deleted)');
      await post('reactivate', { id: await idOf('Baths (deleted)') });
      expect((await bench.classOf(await idOf('Baths'))).at('Active')).to.equal(true);
    });

    it('stand as a tree, children right under their parent', async () => {
      for (const [name, parent] of [['A', ''], ['A B', ''], ['C', 'A']] as const) await post('add', { name, parent });
      expect([...(await page()).matchAll(/<li class="d(\d)"><details><summary>([^<]+)</g)].map((match) => [match[1], match[2]]))
        .to.deep.equal([['1', 'A'], ['2', 'C'], ['1', 'A B']]);
    });

    it('say what is wrong and change nothing', async () => {
      await post('add', { name: 'A' });
      const twice = await post('add', { name: 'a' });
      expect(twice.status).to.equal(422);
      expect(twice.text).to.include('Duplicate Name Exists Error');
      expect((await post('add', { name: 'B', parent: 'Nobody' })).text).to.include('There is no active class');
      expect((await post('rename', { id: '1', name: 'B' })).text).to.include('not there any more');
    });

    it('show markup in a name as text', async () => {
      await post('add', { name: "<b>'&" });
      expect(await page()).to.include('&lt;b&gt;&#39;&amp;').and.not.include('<b>\'');
    });

    it('can be found, paged and linked to', async () => {
      await bench.control('POST', `/sandbox/companies/${bench.realmId}/classes`,
        { names: Array.from({ length: 250 }, (_, at) => `C${1000 + at}`) });
      expect(await page()).to.include('250 classes').and.include('1 to 100 shown').and.include('>Next<');
      expect(await page('&first=200')).to.include('201 to 250 shown').and.include('C1249');
      expect(await page('&find=c1124')).to.include('1 class').and.include('C1124');
      expect(await page(`&id=${await idOf('C1007')}`)).to.include('<details open>').and.include('1 class');
    });
  });

  it('settings: change plan and tracking; a plan without classes turns tracking off', async () => {
    await visitor.post('/app/settings', { company: bench.realmId, plan: 'QuickBooks Online Plus', tracking: 'transaction' });
    const prefs = () => bench.api('GET', 'preferences').then((answer) => read(answer).at('Preferences.AccountingInfoPrefs'));
    expect(await prefs()).to.include({ ClassTrackingPerTxn: true, ClassTrackingPerTxnLine: false });
    const answer = await visitor.post('/app/settings',
      { company: bench.realmId, plan: 'QuickBooks Online Essentials', tracking: 'row' });
    expect(answer.text).to.include('this plan has no classes');
    expect(await prefs()).to.include({ ClassTrackingPerTxn: false, ClassTrackingPerTxnLine: false });
  });

  it('deep links keep page and company', async () => {
    expect((await visitor.get(`/login?deeplinkcompanyid=${HILLSIDE}&pagereq=class`)).headers.get('location')).to.equal(
      `/app/class?company=${HILLSIDE}`);
    expect((await visitor.get(`/app/switchCompany?companyId=${HILLSIDE}`)).headers.get('location')).to.equal(
      `/app/apps?company=${HILLSIDE}`);
  });

  it('answer HEAD without a body and refuse other methods', async () => {
    const head = await bench.send('HEAD', '/');
    expect([head.status, head.text]).to.deep.equal([200, '']);
    expect((await bench.send('DELETE', '/app/class')).status).to.equal(405);
  });
});

describe('QuickBooks sandbox: control calls', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());

  it('begin with companies worth trying', async () => {
    await bench.control('POST', '/sandbox/reset', {});
    const companies = read(await bench.send('GET',
      '/sandbox/companies')).value as { name: string; offeringSku: string; classTracking: boolean }[];
    expect(companies.map(({ name, offeringSku, classTracking }) => [name, offeringSku, classTracking])).to.deep.equal([
      ['Hillside Builders', 'QuickBooks Online Advanced', true], ['Ridgeline Mechanical', 'QuickBooks Online Plus', false],
      ['Cedar & Stone', 'QuickBooks Online Essentials', false],
    ]);
    const classes = read(await bench.send('GET',
      '/sandbox/companies/9341453000000001/classes')).value as { Name: string; Active: boolean }[];
    expect(classes.map((each) => each.Name)).to.include.members(['01 10 00 Summary', 'Rentals (deleted)']);
  });

  it('are refused to web pages and to other hosts\' names', async () => {
    expect((await bench.send('POST', '/sandbox/reset', {}, { origin: 'http://evil.example' })).status).to.equal(403);
    expect((await bench.send('GET', '/sandbox/calls', undefined, { 'sec-fetch-site': 'cross-site' })).status).to.equal(403);
  });

  it('name what is wrong', async () => {
    const cases: [string, string, unknown, number][] = [
      ['POST', '/sandbox/companies', { offeringSku: 'Gold', classTracking: 'maybe', colour: 1 }, 400],
      ['POST', '/sandbox/companies', '[1]', 400], ['POST', '/sandbox/companies', '{', 400],
      ['POST', '/sandbox/companies/12/grant', {}, 404], ['GET', '/sandbox/companies/12/classes', undefined, 404],
      ['GET', '/sandbox/nothing', undefined, 404], ['PUT', '/sandbox/switches', {}, 405],
      ['POST', '/sandbox/apps', { clientId: 'x', launchUrl: 'javascript:alert(1)', redirectUris: 'y' }, 400],
      ['POST', '/sandbox/clock', { advanceSeconds: -1 }, 400], ['PATCH', '/sandbox/limits', { rest: -1, other: 1 }, 400],
      ['PATCH', '/sandbox/webhooks', { duplicates: 'many' }, 400], ['GET', '/sandbox/calls?since=x', undefined, 400],
      ['POST', '/sandbox/webhooks/none/replay', undefined, 404],
    ];
    for (const [method, path, body, status] of cases) {
      const answer = await bench.send(method, path, body);
      expect(answer.status, `${method} ${path}`).to.equal(status);
      expect((read(answer).at('errors') as string[])[0], path).to.match(/\.$/);
    }
  });

  it('give a token for a person and scopes of choice', async () => {
    await bench.freshCompany();
    await bench.connect({ personId: 'jonas', scope: 'com.intuit.quickbooks.accounting' });
    expect((await bench.make('A')).at('Name')).to.equal('A');
    const wrong = await bench.send('POST', `/sandbox/companies/${bench.realmId}/grant`,
      { personId: 'nobody', scope: 'all', clientId: 'none' });
    expect(read(wrong).at('errors')).to.have.length(3);
  });
});
