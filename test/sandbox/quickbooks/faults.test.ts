import { expect } from 'chai';
import { connect } from 'node:net';
import { Bench, faultOf, read } from './support.ts';

describe('QuickBooks sandbox: envelopes', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());
  beforeEach(() => bench.freshCompany());

  it('401 is the gateway\'s, lower case, and echoes the token', async () => {
    await bench.control('POST', '/sandbox/clock', { advanceSeconds: 3601 });
    const answer = await bench.api('GET', 'preferences');
    expect(answer.status).to.equal(401);
    expect(answer.headers.get('www-authenticate')).to.equal('Bearer realm="Intuit", error="invalid_token"');
    expect(answer.text.replace(/"time":\d{13}/, '"time":1601391072830')).to.equal(
      '{"warnings":null,"intuitObject":null,"fault":{"error":[{"message":"message=AuthenticationFailed; errorCode=003200; '
      + 'statusCode=401",'
      + `"detail":"Token expired: ${bench.token}","code":"3200","element":null}],"type":"AUTHENTICATION"},"report":null,`
      + '"queryResponse":null,'
      + '"batchItemResponse":[],"attachableResponse":[],"syncErrorResponse":null,"requestId":null,'
      + '"time":1601391072830,"status":null,"cdcresponse":[]}',
    );
  });

  it('403 for another company is the gateway\'s too', async () => {
    const answer = await bench.send('GET', '/v3/company/9341453000000002/preferences', undefined,
      { authorization: `Bearer ${bench.token}` });
    expect(answer.status).to.equal(403);
    expect(answer.text).to.include(
      '"fault":{"error":[{"message":"message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",'
      + '"detail":null,"code":"3100",'
      + '"element":null}],"type":"SERVICE"}',
    );
  });

  it('no token and a made-up token are 401', async () => {
    expect(faultOf(await bench.send('GET', `/v3/company/${bench.realmId}/preferences`))).to.equal('3202');
    expect(faultOf(await bench.api('GET', 'preferences', undefined, { authorization: 'Bearer nonsense' }))).to.equal('3200');
  });

  it('a service fault carries no charset, no version and no Service-Time, but a trace id', async () => {
    const answer = await bench.postClass({});
    expect(answer.headers.get('content-type')).to.equal('application/json');
    expect(answer.headers.get('qbo-version')).to.equal(null);
    expect(answer.headers.get('service-time')).to.equal(null);
    expect(answer.headers.get('intuit_tid')).to.match(/^1-[0-9a-f]{8}-[0-9a-f]{24}$/);
    expect(answer.text.replace(/"time":"[^"]*"/, '"time":"…"')).to.equal(
      '{"Fault":{"Error":[{"Message":"Required param missing, need to supply the required value for the API",'
      + '"Detail":"Required parameter Name is missing in the request","code":"2020","element":"Name"}],'
      + '"type":"ValidationFault"},"time":"…"}',
    );
  });

  it('a success carries them', async () => {
    const { headers } = await bench.api('GET', 'preferences');
    expect(headers.get('content-type')).to.equal('application/json;charset=utf-8');
    expect(headers.get('qbo-version')).to.equal('1944.190');
    expect(headers.get('service-time')).to.match(/^total=\d+, db=\d+$/);
    expect(headers.get('cache-control')).to.equal('max-age=0, no-cache, no-store, must-revalidate, private');
    expect(headers.get('expires')).to.equal('0');
    expect(headers.get('server')).to.equal('nginx');
    expect(headers.get('strict-transport-security')).to.equal('max-age=15552000');
    expect(headers.get('x-amzn-trace-id')).to.equal(`Root=${headers.get('intuit_tid')}`);
  });

  it('2030 comes without time', async () => {
    const answer = await bench.api('GET', 'class/1.5');
    expect([answer.status, answer.text]).to.deep.equal(
      [400, '{"Fault":{"Error":[{"Message":"Invalid ID","Detail":"Id should be a valid number. '
      + 'Supplied value:1.5","code":"2030","element":"Id"}],"type":"ValidationFault"}}']);
  });

  it('610 has the recorded text', async () => {
    const answer = await bench.api('GET', 'class/12345');
    expect(read(answer).at('Fault.Error.0')).to.deep.equal({
      Message: 'Object Not Found', code: '610',
      Detail: "Object Not Found : Something you're trying to use has been made inactive. "
        + 'Check the fields with accounts, customers, items, '
        + 'vendors or employees.',
    });
  });

  for (const [method, path] of [['GET', 'widget'], ['GET', 'class'], ['GET', 'class/1/5'], ['PUT', 'class'],
    ['DELETE', 'class/1'], ['POST', 'class/1']] as const) {
    it(`${method} ${path} is 500 Unsupported Operation in a 400`, async () => {
      const answer = await bench.api(method, path, method === 'GET' ? undefined : {});
      expect([answer.status, faultOf(answer)]).to.deep.equal([400, '500']);
      expect(read(answer).text('Fault.Error.0.Detail')).to.include(`/v3/company/${bench.realmId}/${path}`);
    });
  }

  it('a client that does not ask for JSON gets XML, good answers and faults alike', async () => {
    const made = await bench.make('A & B');
    const good = await bench.api('GET', `class/${made.text('Id')}`, undefined, { accept: '*/*' });
    expect(good.headers.get('content-type')).to.equal('application/xml;charset=utf-8');
    expect(good.text).to.include('xmlns="http://schema.intuit.com/finance/v3"><Class domain="QBO" sparse="false">').and.match(
      /^<\?xml .*<IntuitResponse time="[^"]+" /)
      .and.include('<Name>A &amp; B</Name>');
    const bad = await bench.api('GET', 'class/12345', undefined, { accept: 'application/xml' });
    expect(bad.text).to.include('<Fault type="ValidationFault"><Error code="610"><Message>Object Not Found</Message>');
  });

  it('malformed JSON, an array and another content type get faults, not traces', async () => {
    expect(faultOf(await bench.api('POST', 'class', '{"Name": '))).to.equal('2010');
    expect(faultOf(await bench.api('POST', 'class', '[1]'))).to.equal('2010');
    expect(faultOf(await bench.api('POST', 'class', '<Class/>', { 'content-type': 'application/xml' }))).to.equal('1050');
    expect((await bench.api('POST', 'class', '{"Name": ')).text).not.to.match(/at .*\.ts|node:/);
  });

  it('a body of three megabytes is refused by the gateway', async () => {
    const answer = await bench.api('POST', 'class', { Name: 'x'.repeat(3_000_000) }).catch((error: unknown) => error);
    if (answer instanceof Error) expect(String(answer.cause)).to.match(/EPIPE|ECONNRESET|closed/);
    else expect(answer).to.include({ status: 413 });
    expect((await bench.api('GET', 'preferences')).status).to.equal(200);
  });

  it('a request line that is no address does not harm it', async () => {
    const { hostname, port } = new URL(bench.url);
    const text = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write('GET //[bad HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n'));
      let got = '';
      socket.on('data', (chunk) => {
        got += chunk.toString();
      });
      socket.on('close', () => resolve(got));
    });
    expect(text).to.match(/^HTTP\/1\.1 (200|400|404)/).and.not.include('at ');
    expect((await bench.api('GET', 'preferences')).status).to.equal(200);
  });

  it('old and strange minor versions are taken as 75', async () => {
    for (const version of ['1', '75', 'x']) {
      expect((await bench.api('GET', `preferences?minorversion=${version}`)).status).to.equal(200);
    }
  });
});

describe('QuickBooks sandbox: injected faults', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());
  beforeEach(() => bench.freshCompany());

  const createA = (query = '') => bench.postClass({ Name: 'A' }, query);
  const dropped = async (call: Promise<unknown>): Promise<boolean> => call.then(() => false, () => true);
  const present = () => bench.names('select * from Class');

  it('drop-before loses the request before anything is done', async () => {
    await bench.fault({ match: { operation: 'class.create' }, fault: { kind: 'drop-before' } });
    expect(await dropped(createA())).to.equal(true);
    expect(await present()).to.deep.equal([]);
  });

  it('drop-after commits and loses the answer; the same requestid then tells it', async () => {
    await bench.fault({ match: { operation: 'class.create' }, fault: { kind: 'drop-after' } });
    expect(await dropped(createA('?requestid=one'))).to.equal(true);
    expect(await present()).to.deep.equal(['A']);
    expect(read(await createA('?requestid=one')).at('Class.Name')).to.equal('A');
  });

  it('truncate cuts the answer after the commit', async () => {
    await bench.fault({ match: { operation: 'class.create' }, fault: { kind: 'truncate' } });
    expect(await dropped(createA())).to.equal(true);
    expect(await present()).to.deep.equal(['A']);
  });

  it('status answers a recorded body before the work, or after it', async () => {
    await bench.fault({ match: { operation: 'class.create' }, fault: { kind: 'status', status: 429 } });
    const before = await createA();
    expect([before.status, before.headers.get('content-type')]).to.deep.equal([429, 'application/xml']);
    expect(await present()).to.deep.equal([]);
    await bench.fault({ match: { operation: 'class.create' }, fault: { kind: 'status', status: 503, when: 'after' } });
    const after = await createA();
    expect([after.status, faultOf(after)]).to.deep.equal([503, '10000']);
    expect(await present()).to.deep.equal(['A']);
  });

  it('status takes a body of one\'s own, with its type and Retry-After', async () => {
    const fault = { kind: 'status', status: 418, body: 'short and stout', contentType: 'text/plain', retryAfterSeconds: 7 };
    await bench.fault({ match: { path: '/preferences' }, fault });
    const answer = await bench.api('GET', 'preferences');
    expect([answer.status, answer.text, answer.headers.get('retry-after')]).to.deep.equal([418, 'short and stout', '7']);
  });

  const recorded: [string, number, string][] = [
    ['token-expired', 401, '3200'], ['forbidden', 403, '3100'], ['wrong-host', 400, '7001'], ['lapsed', 400, '6190'],
    ['system', 500, '10000'],
    ['no-access', 401, '120'], ['maintenance', 503, '150'], ['locked', 400, '140'], ['stale', 400, '5010'],
    ['duplicate-name', 400, '6240'],
  ];
  for (const [name, status, code] of recorded) {
    it(`status answers "${name}" as recorded: ${status}/${code}`, async () => {
      await bench.fault({ match: { operation: 'preferences' }, fault: { kind: 'status', recorded: name } });
      const answer = await bench.api('GET', 'preferences');
      expect([answer.status, faultOf(answer)]).to.deep.equal([status, code]);
    });
  }

  it('wrong-cluster is XML', async () => {
    await bench.fault({ match: {}, fault: { kind: 'status', recorded: 'wrong-cluster' } });
    const answer = await bench.api('GET', 'preferences');
    expect(answer.text).to.include('<Fault type="AuthenticationFault"><Error code="130">');
  });

  it('html-error is nginx\'s page', async () => {
    await bench.fault({ match: {}, fault: { kind: 'html-error' } });
    const answer = await bench.api('GET', 'preferences');
    expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([502, 'text/html']);
    expect(answer.text).to.include('<h1>502 Bad Gateway</h1>');
  });

  it('fault-in-200 hides a fault in a success', async () => {
    await bench.fault({ match: { operation: 'class' }, fault: { kind: 'fault-in-200' } });
    const answer = await createA();
    expect([answer.status, faultOf(answer)]).to.deep.equal([200, '6190']);
    expect(await present()).to.deep.equal([]);
  });

  it('delay and slow-drip take their time', async () => {
    await bench.fault({ match: {}, fault: { kind: 'delay', ms: 80 } });
    const started = performance.now();
    expect((await bench.api('GET', 'preferences')).status).to.equal(200);
    expect(performance.now() - started).to.be.at.least(75);
    await bench.fault({ match: {}, fault: { kind: 'slow-drip', ms: 80 } });
    const drip = performance.now();
    expect(read(await bench.api('GET', 'preferences')).at('Preferences.Id')).to.equal('1');
    expect(performance.now() - drip).to.be.at.least(75);
  });

  const parts = ['A', 'B', 'C', 'D'].map((name) => ({ bId: `b-${name}`, operation: 'create', Class: { Name: name } }));
  const bIds = async (): Promise<string[]> =>
    read(await bench.batch(parts)).list('BatchItemResponse').map((part) => part.text('bId'));

  it('item-throttle answers 3001 in chosen parts and does not do them', async () => {
    await bench.fault({ match: { operation: 'batch' }, fault: { kind: 'item-throttle', items: [1, 2] } });
    const body = read(await bench.batch(parts));
    expect(body.list('BatchItemResponse').map((part) => part.at('Fault.Error.0.code'))).to.deep.equal(
      [undefined, '3001', '3001', undefined]);
    expect(await present()).to.deep.equal(['A', 'D']);
  });

  it('item-fault after the commit does the part and denies it', async () => {
    await bench.fault({ match: { operation: 'batch' },
      fault: { kind: 'item-fault', recorded: 'system', when: 'after', items: [0] } });
    expect(read(await bench.batch(parts)).at('BatchItemResponse.0.Fault.Error.0.code')).to.equal('10000');
    expect(await present()).to.deep.equal(['A', 'B', 'C', 'D']);
  });

  for (const [kind, expected] of [
    ['items-reordered', ['b-D', 'b-C', 'b-B', 'b-A']], ['items-missing', ['b-A', 'b-C']],
    ['items-doubled', ['b-A', 'b-A', 'b-B', 'b-B', 'b-C', 'b-C', 'b-D', 'b-D']],
    ['items-foreign', ['foreign-0', 'foreign-1', 'foreign-2', 'foreign-3']],
  ] as const) {
    it(`${kind} spoils the answer of a batch that was done`, async () => {
      await bench.fault({ match: { operation: 'batch' }, fault: { kind } });
      expect(await bIds()).to.deep.equal(expected);
      expect(await present()).to.deep.equal(['A', 'B', 'C', 'D']);
    });
  }

  it('extra-row and doubled-rows spoil a page', async () => {
    await bench.batch(parts);
    await bench.fault({ match: { operation: 'query' }, fault: { kind: 'extra-row' } });
    expect(await bench.names('select * from Class orderby Id maxresults 2')).to.deep.equal(['A', 'B', 'C']);
    await bench.fault({ match: { operation: 'query' }, fault: { kind: 'doubled-rows' } });
    expect(await bench.names('select * from Class orderby Id maxresults 2')).to.deep.equal(['A', 'B', 'A', 'B']);
  });

  it('user-edit makes the SyncToken stale between read and write', async () => {
    const id = (await bench.make('A')).text('Id');
    await bench.fault({ match: { operation: 'class.update' }, fault: { kind: 'user-edit' } });
    const answer = await bench.postClass({ Id: id, SyncToken: '0', Name: 'B' });
    expect(read(answer).text('Fault.Error.0.Detail')).to.include('You and Craig Carlson were working on this');
    expect((await bench.classOf(id)).value).to.include({ Name: 'A edited', SyncToken: '1' });
  });

  it('revoke-grant ends the grant in the middle', async () => {
    await bench.fault({ match: {}, fault: { kind: 'revoke-grant' } });
    expect((await bench.api('GET', 'preferences')).status).to.equal(401);
    expect((await bench.tokenCall({ grant_type: 'refresh_token', refresh_token: bench.refreshToken })).status).to.equal(400);
  });

  it('loses the answer of a refresh that rotated', async () => {
    await bench.switches({ refreshRotation: 'always' });
    await bench.fault({ match: { operation: 'token.refresh' }, fault: { kind: 'drop-after' } });
    expect(await dropped(bench.tokenCall({ grant_type: 'refresh_token', refresh_token: bench.refreshToken }))).to.equal(true);
    const dead = await bench.tokenCall({ grant_type: 'refresh_token', refresh_token: bench.refreshToken });
    expect(dead.text).to.equal('{"error":"invalid_grant"}');
  });

  it('strikes from the nth matching call on, as often as asked', async () => {
    await bench.fault({ match: { operation: 'preferences', nth: 2 }, fault: { kind: 'html-error' }, times: 2 });
    const statuses: number[] = [];
    for (let at = 0; at < 5; at += 1) statuses.push((await bench.api('GET', 'preferences')).status);
    expect(statuses).to.deep.equal([200, 502, 502, 200, 200]);
  });

  it('strikes a share of the calls, the same ones with the same seed', async () => {
    const run = async (seed: string): Promise<number[]> => {
      const other = await Bench.open({ seed });
      try {
        await other.fault({ match: { rate: 0.5 }, fault: { kind: 'html-error' }, times: 1000 });
        const statuses: number[] = [];
        for (let at = 0; at < 20; at += 1) statuses.push((await other.api('GET', 'preferences')).status);
        return statuses;
      } finally {
        await other.close();
      }
    };
    const [first, same] = [await run('seven'), await run('seven')];
    expect(first).to.deep.equal(same);
    expect(new Set(first).size).to.equal(2);
  });

  it('only meets the realm it names, and is gone after DELETE', async () => {
    await bench.fault({ match: { realmId: '1' }, fault: { kind: 'html-error' } });
    expect((await bench.api('GET', 'preferences')).status).to.equal(200);
    await bench.fault({ match: {}, fault: { kind: 'html-error' } });
    await bench.control('DELETE', '/sandbox/faults');
    expect((await bench.api('GET', 'preferences')).status).to.equal(200);
  });

  it('names everything wrong with a fault at once', async () => {
    const answer = await bench.send('POST', '/sandbox/faults',
      { match: { nth: 0, who: 1 }, fault: { kind: 'explode', ms: -1 }, times: 0, extra: 1 });
    expect(answer.status).to.equal(400);
    expect(read(answer).at('errors')).to.have.length(6);
  });

  it('faults sign-in calls too', async () => {
    await bench.fault({ match: { operation: 'token' }, fault: { kind: 'status', recorded: 'invalid_grant' } });
    expect((await bench.tokenCall({ grant_type: 'refresh_token', refresh_token: bench.refreshToken })).text).to.equal(
      '{"error":"invalid_grant"}');
    await bench.fault({ match: { operation: 'userinfo' }, fault: { kind: 'status', status: 503 } });
    const info = await bench.send('GET', '/v1/openid_connect/userinfo', undefined, { authorization: `Bearer ${bench.token}` });
    expect(info.status).to.equal(503);
  });
});
