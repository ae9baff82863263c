import { expect } from 'chai';
import { Bench, faultOf, read } from './support.ts';

describe('QuickBooks sandbox: batches', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());
  beforeEach(() => bench.freshCompany());

  const create = (bId: string, name: string, parent?: string) => ({
    bId, operation: 'create', Class: { Name: name, ...(parent ? { ParentRef: { value: parent } } : {}) },
  });

  it('answers each part by itself, in the recorded shape', async () => {
    const other = await bench.make('Other');
    const body = read(await bench.batch([
      create('1', 'A'),
      { bId: '2', operation: 'update', Class: { Id: other.at('Id'), SyncToken: '7', Name: 'B' } },
      { bId: '3', Query: "select * from Class where Name = 'Other' maxresults 10" },
    ]));
    expect(body.at('BatchItemResponse.0.Class.Name')).to.equal('A');
    expect(Object.keys(body.at('BatchItemResponse.0') as object)).to.deep.equal(['Class', 'bId']);
    expect(body.at('BatchItemResponse.1')).to.deep.equal({
      Fault: {
        Error: [{
          Message: 'Stale Object Error',
          Detail: 'Stale Object Error : You and Mara Keller were working on this at the same time. '
            + 'Mara Keller finished before you did, so your work was not saved.',
          code: '5010', element: '',
        }],
        type: 'ValidationFault',
      },
      bId: '2',
    });
    expect(body.at('BatchItemResponse.2.QueryResponse')).to.include({ startPosition: 1, maxResults: 1 });
    expect(body.at('BatchItemResponse.2.bId')).to.equal('3');
    expect(body.at('time')).to.be.a('string');
  });

  it('takes 30 parts and refuses 31 as a whole', async () => {
    const parts = (count: number, prefix: string) =>
      Array.from({ length: count }, (_, at) => create(String(at), `${prefix}${at}`));
    expect(read(await bench.batch(parts(30, 'A'))).list('BatchItemResponse')).to.have.length(30);
    const answer = await bench.batch(parts(31, 'B'));
    expect([answer.status, faultOf(answer)]).to.deep.equal([400, '1040']);
    expect(await bench.names("select * from Class where Name like 'B%'")).to.deep.equal([]);
  });

  it('lets no part see another: neither as parent, nor to change, nor in a query', async () => {
    const next = (BigInt((await bench.make('First')).text('Id')) + 1n).toString();
    const body = read(await bench.batch([
      create('1', 'Parent'), create('2', 'Child', next),
        { bId: '3', operation: 'update', Class: { Id: next, SyncToken: '0', Name: 'X' } },
      { bId: '4', Query: 'select count(*) from Class' },
    ]));
    expect(body.at('BatchItemResponse.0.Class.Id')).to.equal(next);
    expect(body.at('BatchItemResponse.1.Fault.Error.0.code')).to.equal('2500');
    expect(body.at('BatchItemResponse.2.Fault.Error.0.code')).to.equal('610');
    expect(body.at('BatchItemResponse.3.QueryResponse.totalCount')).to.equal(1);
  });

  it('takes one of two parts with the same name', async () => {
    const body = read(await bench.batch([create('1', 'Same'), create('2', 'same')]));
    expect(body.at('BatchItemResponse.1.Fault.Error.0.code')).to.equal('6240');
  });

  const bad: [string, unknown, string][] = [
    ['no bId', { operation: 'create', Class: { Name: 'A' } }, '2020'],
    ['no operation', { bId: '1', Class: { Name: 'A' } }, '2020'],
    ['an unknown operation', { bId: '1', operation: 'explode', Class: { Name: 'A' } }, '500'],
    ['an unknown object', { bId: '1', operation: 'create', Invoice: { Name: 'A' } }, '2000'],
    ['two objects', { bId: '1', operation: 'create', Class: { Name: 'A' }, Department: { Name: 'B' } }, '2000'],
    ['nothing', { bId: '1', operation: 'create' }, '2020'],
    ['a text', 'create', '2010'],
    ['a wrong query', { bId: '1', Query: 'select' }, '4000'],
    ['delete', { bId: '1', operation: 'delete', Class: { Id: '1', SyncToken: '0' } }, '500'],
  ];
  for (const [what, part, code] of bad) {
    it(`fails a part with ${what} alone: ${code}`, async () => {
      const body = read(await bench.batch([create('ok', 'Fine'), part]));
      expect(body.at('BatchItemResponse.0.Class.Name')).to.equal('Fine');
      expect(body.at('BatchItemResponse.1.Fault.Error.0.code')).to.equal(code);
      expect(body.at('BatchItemResponse.1.Fault.Error.0.element')).to.be.a('string');
    });
  }

  it('refuses an empty batch and an unknown property', async () => {
    expect(faultOf(await bench.batch([]))).to.equal('2020');
    expect(faultOf(await bench.api('POST', 'batch', { Items: [] }))).to.equal('2010');
  });
});

describe('QuickBooks sandbox: changed data', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());

  const since = (ms: number, entities = 'Class,Department') =>
    bench.api('GET', `cdc?entities=${entities}&changedSince=${encodeURIComponent(new Date(ms).toISOString())}`);

  it('answers what changed since, an entity each', async () => {
    await bench.make('A');
    const body = read(await since(Date.now() - 60_000));
    expect(body.at('CDCResponse.0.QueryResponse.0')).to.include({ startPosition: 1, maxResults: 1 });
    expect(body.at('CDCResponse.0.QueryResponse.0.Class.0.Name')).to.equal('A');
    expect(body.at('CDCResponse.0.QueryResponse.1')).to.deep.equal({});
  });

  it('answers [{}] when nothing changed', async () => {
    const body = read(await since(Date.now() + 60_000, 'Class'));
    expect(body.at('CDCResponse')).to.deep.equal([{ QueryResponse: [{}] }]);
  });

  it('shows an inactivated class in full, or as deleted when so switched', async () => {
    const made = await bench.make('B');
    await bench.postClass({ Id: made.at('Id'), SyncToken: '0', Name: 'B', Active: false });
    const full = read(await since(Date.now() - 60_000, 'Class')).list('CDCResponse.0.QueryResponse.0.Class');
    expect(full.find((each) => each.at('Id') === made.at('Id'))?.value).to.include({ Active: false, Name: 'B (deleted)' });
    await bench.switches({ cdcInactive: 'deleted' });
    const gone = read(await since(Date.now() - 60_000, 'Class')).list('CDCResponse.0.QueryResponse.0.Class');
    expect(gone.find((each) => each.at('Id') === made.at('Id'))?.value).to.include({ status: 'Deleted', domain: 'QBO' });
  });

  it('answers at most 1,000 objects', async () => {
    for (let at = 0; at < 35; at += 1) {
      await bench.batch(Array.from({ length: 30 }, (_, part) =>
        ({ bId: `${part}`, operation: 'create', Class: { Name: `${at}-${part}` } })));
    }
    const body = read(await since(Date.now() - 600_000, 'Class'));
    expect(body.at('CDCResponse.0.QueryResponse.0.maxResults')).to.equal(1000);
  });

  it('refuses more than 30 days, no date, and what it does not keep', async () => {
    expect(faultOf(await since(Date.now() - 31 * 86_400_000))).to.equal('4001');
    expect(faultOf(await bench.api('GET', 'cdc?entities=Class&changedSince=soon'))).to.equal('4001');
    expect(faultOf(await since(Date.now(), 'TaxCode'))).to.equal('4001');
    expect(faultOf(await since(Date.now(), ''))).to.equal('2020');
  });
});
