import { expect } from 'chai';
import { Bench, faultOf, read } from './support.ts';

describe('QuickBooks sandbox: requestid', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());
  beforeEach(() => bench.freshCompany());

  it('answers the same id with the very same text, and writes once', async () => {
    const first = await bench.postClass({ Name: 'A' }, '?requestid=one');
    const again = await bench.postClass({ Name: 'A' }, '?requestid=one');
    expect(again.text).to.equal(first.text);
    expect(await bench.names('select * from Class')).to.deep.equal(['A']);
  });

  it('keeps ids of companies apart', async () => {
    await bench.postClass({ Name: 'A' }, '?requestid=one');
    bench.realmId = (await bench.control('POST', '/sandbox/companies', { name: 'Other', classTracking: true })).text('realmId');
    await bench.connect();
    await bench.postClass({ Name: 'B' }, '?requestid=one');
    expect(await bench.names('select * from Class')).to.deep.equal(['B']);
  });

  it('does not replay a fault: the same id may be tried again', async () => {
    const other = (await bench.make('A')).text('Id');
    expect(faultOf(await bench.postClass({ Name: 'A' }, '?requestid=one'))).to.equal('6240');
    await bench.postClass({ Id: other, SyncToken: '0', Name: 'B' });
    expect((await bench.postClass({ Name: 'A' }, '?requestid=one')).status).to.equal(200);
  });

  it('replays a fault when so switched', async () => {
    await bench.switches({ requestidReplaysFaults: 'yes' });
    const other = (await bench.make('A')).text('Id');
    await bench.postClass({ Name: 'A' }, '?requestid=one');
    await bench.postClass({ Id: other, SyncToken: '0', Name: 'B' });
    expect(faultOf(await bench.postClass({ Name: 'A' }, '?requestid=one'))).to.equal('6240');
  });

  it('replays each part of a batch by requestid and bId', async () => {
    const part = (bId: string, name: string) => ({ bId, operation: 'create', Class: { Name: name } });
    const first = read(await bench.batch([part('1', 'A'), part('2', 'B')], '?requestid=run'));
    const again = read(await bench.batch([part('2', 'B'), part('3', 'C')], '?requestid=run'));
    expect(again.at('BatchItemResponse.0')).to.deep.equal(first.at('BatchItemResponse.1'));
    expect(await bench.names('select * from Class')).to.deep.equal(['A', 'B', 'C']);
  });

  it('fails every part whose key is longer than 50, and a single call too', async () => {
    const requestid = 'r'.repeat(32);
    const body = read(await bench.batch([
      { bId: 'b'.repeat(36), operation: 'create', Class: { Name: 'A' } },
        { bId: 'b'.repeat(18), operation: 'create', Class: { Name: 'B' } },
    ], `?requestid=${requestid}`));
    expect(body.at('BatchItemResponse.0.Fault.Error.0.code')).to.equal('2130');
    expect(body.text('BatchItemResponse.0.Fault.Error.0.Detail')).to.include('request_id 68 > 50');
    expect(body.at('BatchItemResponse.1.Class.Name')).to.equal('B');
    expect(faultOf(await bench.postClass({ Name: 'C' }, `?requestid=${'r'.repeat(51)}`))).to.equal('2130');
  });

  it('forgets after its retention', async () => {
    await bench.switches({ requestidRetentionSeconds: 60 });
    await bench.postClass({ Name: 'A' }, '?requestid=one');
    await bench.control('POST', '/sandbox/clock', { advanceSeconds: 61 });
    expect(faultOf(await bench.postClass({ Name: 'A' }, '?requestid=one'))).to.equal('6240');
  });

  for (const [value, code] of [['6000', '6000'], ['600', '600'], ['ignored', '6240']] as const) {
    it(`answers a known id with ${code} when switched to ${value}`, async () => {
      await bench.switches({ requestid: value });
      await bench.postClass({ Name: 'A' }, '?requestid=one');
      expect(faultOf(await bench.postClass({ Name: 'A' }, '?requestid=one'))).to.equal(code);
      expect(await bench.names('select * from Class')).to.deep.equal(['A']);
    });
  }
});
