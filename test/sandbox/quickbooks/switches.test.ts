import { expect } from 'chai';
import { readSwitchChange, SWITCHES, switchesAsMarkdown } from '../../../server/sandbox/quickbooks/switches.ts';
import type { SwitchName, SwitchSpec } from '../../../server/sandbox/quickbooks/switches.ts';
import { Bench, faultOf, read, Visitor } from './support.ts';

describe('QuickBooks sandbox: switches', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());
  beforeEach(() => bench.freshCompany());

  const update = (id: string, syncToken: string, fields: Record<string, unknown>) =>
    bench.postClass({ Id: id, SyncToken: syncToken, ...fields });
  async function family(): Promise<[string, string]> {
    const parent = (await bench.make('Parent')).text('Id');
    return [parent, (await bench.make('Child', parent)).text('Id')];
  }
  const inactivated = async (name: string): Promise<string> => {
    const id = (await bench.make(name)).text('Id');
    await update(id, '0', { Name: name, Active: false });
    return id;
  };

  /** What each switch does beyond its default; those of tokens, limits, requestid, CDC and webhooks are in their own files. */
  const effects: Partial<Record<SwitchName, [unknown, () => Promise<void>][]>> = {
    readWrapper: [['no', async () => {
      const id = (await bench.make('A')).text('Id');
      expect(read(await bench.api('GET', `class/${id}`)).at('Name')).to.equal('A');
    }]],
    sparseUpdate: [['accept', async () => {
      const [parent, child] = await family();
      const answer = read(await update(child, '0', { Name: 'New', sparse: true }));
      expect(answer.at('Class.ParentRef')).to.deep.equal({ value: parent });
    }]],
    updateWithoutParentRef: [['keep', async () => {
      const [, child] = await family();
      expect(read(await update(child, '0', { Name: 'New' })).at('Class.FullyQualifiedName')).to.equal('Parent:New');
    }]],
    operationDelete: [['deactivates', async () => {
      const id = (await bench.make('A')).text('Id');
      const answer = await bench.postClass({ Id: id, SyncToken: '0' }, '?operation=delete');
      expect(read(answer).at('Class')).to.include({ Active: false, Name: 'A (deleted)' });
    }]],
    inactiveSuffix: [
      ['(Deleted)', async () => expect((await bench.classOf(await inactivated('A'))).at('Name')).to.equal('A (Deleted)')
        && undefined],
      ['numbered', async () => expect((await bench.classOf(await inactivated('A'))).at('Name')).to.equal('A (deleted) 1')
        && undefined],
    ],
    inactiveNameReuse: [['6240', async () => {
      await inactivated('A');
      expect(faultOf(await bench.postClass({ Name: 'a' }))).to.equal('6240');
    }]],
    inactivateParent: [
      ['inactivates-children', async () => {
        const [parent, child] = await family();
        await update(parent, '0', { Name: 'Parent', Active: false });
        expect((await bench.classOf(child)).value).to.include(
          { Active: false, FullyQualifiedName: 'Parent (deleted):Child (deleted)' });
      }],
      ['800', async () => {
        const [parent] = await family();
        expect(faultOf(await update(parent, '0', { Name: 'Parent', Active: false }))).to.equal('800');
      }],
    ],
    subClassWithoutParent: [['6150', async () =>
      expect(faultOf(await bench.postClass({ Name: 'A', SubClass: true }))).to.equal('6150') && undefined]],
    uniqueness: [
      ['exact', async () => {
        await bench.make('A');
        expect((await bench.postClass({ Name: 'a' })).status).to.equal(200);
        expect(faultOf(await bench.postClass({ Name: 'A' }))).to.equal('6240');
      }],
      ['whole-list', async () => {
        await family();
        expect(faultOf(await bench.postClass({ Name: 'child' }))).to.equal('6240');
      }],
    ],
    duplicateText: [
      ['customer', async () => {
        await bench.make('A');
        expect(read(await bench.postClass({ Name: 'A' })).at('Fault.Error.0.Detail')).to.equal(
          'The name supplied already exists. : Another customer, vendor or employee is already using this name. '
            + 'Please use a different name.');
      }],
      ['null', async () => {
        await bench.make('A');
        expect(read(await bench.postClass({ Name: 'A' })).at('Fault.Error.0.Detail')).to.equal(
          'The name supplied already exists. : null');
      }],
    ],
    doubleQuote: [['accept', async () => expect((await bench.make('2" pipe')).at('Name')).to.equal('2" pipe') && undefined]],
    outerBlanks: [['keep', async () => expect((await bench.make(' A ')).at('Name')).to.equal(' A ') && undefined]],
    inactiveParent: [['2500', async () => {
      const id = await inactivated('A');
      expect(faultOf(await bench.postClass({ Name: 'B', ParentRef: { value: id } }))).to.equal('2500');
    }]],
    childSyncTokenOnParentRename: [['bumped', async () => {
      const [parent, child] = await family();
      await update(parent, '0', { Name: 'Renamed' });
      expect((await bench.classOf(child)).at('SyncToken')).to.equal('1');
    }]],
    queryTextCase: [['exact', async () => {
      await bench.make('Apple');
      expect(await bench.names("select * from Class where Name = 'apple'")).to.deep.equal([]);
      expect(await bench.names("select * from Class where Name like 'App%'")).to.deep.equal(['Apple']);
    }]],
    trackingOff: [
      ['6000', async () => {
        await bench.control('PATCH', `/sandbox/companies/${bench.realmId}`, { classTracking: false });
        expect(faultOf(await bench.postClass({ Name: 'A' }))).to.equal('6000');
      }],
      ['5020', async () => {
        await bench.control('PATCH', `/sandbox/companies/${bench.realmId}`, { classTracking: false });
        expect(faultOf(await bench.postClass({ Name: 'A' }))).to.equal('5020');
      }],
    ],
    planLimit40: [['5020', async () => {
      await bench.control('PATCH', `/sandbox/companies/${bench.realmId}`, { offeringSku: 'Plus' });
      await bench.control('POST', `/sandbox/companies/${bench.realmId}/classes`,
        { names: Array.from({ length: 40 }, (_, at) => `C${at}`) });
      expect(faultOf(await bench.postClass({ Name: 'A' }))).to.equal('5020');
    }]],
    outsidePlanStatus: [['403', async () => {
      await bench.control('PATCH', `/sandbox/companies/${bench.realmId}`, { offeringSku: 'Essentials' });
      expect((await bench.postClass({ Name: 'A' })).status).to.equal(403);
    }]],
    offeringSku: [['short', async () =>
      expect((await bench.api('GET', `companyinfo/${bench.realmId}`)).text).to.include('"Value":"Advanced"') && undefined]],
    batchOver30: [['accept', async () => {
      const parts = Array.from({ length: 31 }, (_, at) => ({ bId: `${at}`, operation: 'create', Class: { Name: `C${at}` } }));
      expect(read(await bench.batch(parts)).list('BatchItemResponse')).to.have.length(31);
    }]],
    queryEntityCase: [['exact', async () =>
      expect(faultOf(await bench.query('select * from class'))).to.equal('4001') && undefined]],
    totalCountOnLists: [['yes', async () => {
      await family();
      expect(read(await bench.query('select * from Class maxresults 1')).at('QueryResponse')).to.include(
        { maxResults: 1, totalCount: 2 });
    }]],
    emptyList: [['[]', async () => expect(read(await bench.query('select * from Class')).at('QueryResponse.Class')).to.deep.equal(
      []) && undefined]],
    invalidGrantText: [
      ['incorrect', async () => expect((await bench.tokenCall({ grant_type: 'refresh_token', refresh_token: 'x' })).text)
        .to.equal('{"error_description":"Incorrect or invalid refresh token","error":"invalid_grant"}') && undefined],
      ['token-invalid', async () => expect((await bench.tokenCall({ grant_type: 'refresh_token', refresh_token: 'x' })).text)
        .to.equal('{"error_description":"Token invalid","error":"invalid_grant"}') && undefined],
    ],
    unsupportedGrantType: [['invalid_request', async () =>
      expect((await bench.tokenCall({ grant_type: 'x' })).text).to.equal('{"error":"invalid_request"}') && undefined]],
    idTokenOnRefresh: [['yes', async () =>
      expect(read(await bench.tokenCall({ grant_type: 'refresh_token', refresh_token: bench.refreshToken })).at(
        'id_token')).to.be.a('string') && undefined]],
    refreshGraceSeconds: [[60, async () => {
      await bench.switches({ refreshRotation: 'always' });
      const refresh = () => bench.tokenCall({ grant_type: 'refresh_token', refresh_token: bench.refreshToken });
      await refresh();
      expect((await refresh()).status).to.equal(200);
      await bench.control('POST', '/sandbox/clock', { advanceSeconds: 61 });
      expect((await refresh()).status).to.equal(400);
    }]],
    revokedToken: [['3100', async () => {
      await bench.fault({ match: {}, fault: { kind: 'revoke-grant' } });
      expect((await bench.api('GET', 'preferences')).status).to.equal(403);
    }]],
    realmIdOnConnectRequest: [['yes', async () => {
      const visitor = new Visitor(bench);
      await visitor.signIn();
      expect((await visitor.get('/app/apps?company=9341453000000001')).text).to.include('/connect?realmId=9341453000000001');
    }]],
    realmIdOnLaunch: [['no', async () => {
      const visitor = new Visitor(bench);
      await visitor.signIn();
      expect((await visitor.get('/app/apps?company=9341453000000001')).text).to.match(/href="[^"?]+">Launch</);
    }]],
    pagereqClass: [['home', async () => {
      const answer = await bench.send('GET', '/app/login?pagereq=class&deeplinkcompanyid=9341453000000001');
      expect(answer.headers.get('location')).to.equal('/app/apps?company=9341453000000001');
    }]],
    classIdLink: [['home', async () => {
      const id = (await bench.make('Only')).text('Id');
      await bench.make('Other');
      const visitor = new Visitor(bench);
      await visitor.signIn();
      expect((await visitor.get(`/app/class?company=${bench.realmId}&id=${id}`)).text).to.include('2 classes');
    }]],
  };

  for (const [name, positions] of Object.entries(effects)) {
    for (const [value, check] of positions) {
      it(`${name}: ${String(value)}`, async () => {
        await bench.switches({ [name]: value });
        await check();
      });
    }
  }

  it('codeReuse: voids-tokens', async () => {
    const visitor = new Visitor(bench);
    await visitor.signIn();
    await bench.switches({ codeReuse: 'voids-tokens' });
    const query = new URLSearchParams({
      client_id: 'ABtest', response_type: 'code', scope: 'openid', redirect_uri: 'http://localhost:9/callback', state: 's',
    });
    const code = new URL((await visitor.get(`/connect/oauth2?${query.toString()}`)).headers.get('location')
      ?? '').searchParams.get('code') ?? '';
    const exchange = () => bench.tokenCall(
      { grant_type: 'authorization_code', code, redirect_uri: 'http://localhost:9/callback' });
    const pair = read(await exchange());
    expect((await exchange()).status).to.equal(400);
    expect((await bench.tokenCall({ grant_type: 'refresh_token', refresh_token: pair.text('refresh_token') })).status).to.equal(
      400);
  });

  it('has a default, a meaning and a reason for each', () => {
    for (const [name, spec] of Object.entries<SwitchSpec>(SWITCHES)) {
      expect(spec.about, name).to.have.length.above(8);
      expect(spec.reason, name).to.have.length.above(8);
      if ('amount' in spec) expect(spec.amount, name).to.be.within(spec.min, spec.max);
      else expect(new Set(spec.values).size, name).to.equal(spec.values.length).and.at.least(2);
    }
    expect(switchesAsMarkdown().split('\n')).to.have.length(Object.keys(SWITCHES).length + 2);
  });

  it('takes every value of the table and no other', () => {
    for (const [name, spec] of Object.entries<SwitchSpec>(SWITCHES)) {
      const good: unknown[] = 'values' in spec ? [...spec.values] : [spec.min, spec.max];
      for (const value of good) expect(readSwitchChange({ [name]: value }).faults, name).to.deep.equal([]);
      const bad = 'values' in spec ? 'neither' : spec.max + 1;
      expect(readSwitchChange({ [name]: bad }).faults, name).to.have.length(1);
    }
  });

  it('changes nothing when one of several is wrong, and names each', async () => {
    const answer = await bench.send('PATCH', '/sandbox/switches',
      { planLimit40: '6000', uniqueness: 'perhaps', colour: 'red', constructor: '1' });
    expect(answer.status).to.equal(400);
    expect(read(answer).at('errors')).to.have.length(3);
    expect((await bench.control('GET', '/sandbox/switches')).at('values.planLimit40')).to.equal('off');
  });
});
