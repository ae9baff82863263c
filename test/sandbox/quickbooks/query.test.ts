import { expect } from 'chai';
import { Bench, read } from './support.ts';

describe('QuickBooks sandbox: queries', () => {
  let bench: Bench;
  const ids: Record<string, string> = {};
  before(async () => {
    bench = await Bench.open();
    for (const name of ['Zebra', 'apple', "Amy's", 'Banana', 'a & b']) ids[name] = (await bench.make(name)).text('Id');
    ids['Apple:Pip'] = (await bench.make('Pip', ids['apple'])).text('Id');
    ids['Gone'] = (await bench.make('Gone')).text('Id');
    await bench.postClass({ Id: ids['Gone'], SyncToken: '0', Name: 'Gone', Active: false });
  });
  after(() => bench.close());

  const detail = async (text: string): Promise<string> => {
    const answer = await bench.query(text);
    expect(answer.status).to.equal(400);
    return `${read(answer).text('Fault.Error.0.code')} ${read(answer).text('Fault.Error.0.Detail')}`;
  };

  it('lists active classes by full name, in the recorded shape', async () => {
    const body = read(await bench.query('select * from Class'));
    expect(body.list('QueryResponse.Class').map((each) => each.at('FullyQualifiedName'))).to.deep.equal([
      'a & b', "Amy's", 'apple', 'apple:Pip', 'Banana', 'Zebra',
    ]);
    expect(Object.keys(body.at('QueryResponse') as object)).to.deep.equal(['Class', 'startPosition', 'maxResults']);
    expect(body.at('QueryResponse')).to.include({ startPosition: 1, maxResults: 6 });
  });

  const cases: [string, string[]][] = [
    ["select * from Class where Active IN (true,false) and Name like '%deleted%'", ['Gone (deleted)']],
    ['select * from Class where Active = false', ['Gone (deleted)']],
    ["select * from class where name = 'APPLE'", ['apple']],
    ["SELECT * FROM Class WHERE Name = 'Amy\\'s'", ["Amy's"]],
    ["select * from Class where Name IN ('Zebra', 'Banana') orderby Name desc", ['Zebra', 'Banana']],
    ["select * from Class where Name > 'banana' order by Name", ['Pip', 'Zebra']],
    ["select * from Class where Name like 'a%' orderby Name", ['a & b', "Amy's", 'apple']],
    ["select * from Class where Name like '%n_n%'", []],
    ["select * from Class where FullyQualifiedName = 'Apple:Pip'", ['Pip']],
    ['select * from Class orderby Id maxresults 2 startposition 2', ['apple', "Amy's"]],
    ['select * from Class orderby Id startposition 6 maxresults 10', ['Pip']],
    ['select * from Class orderby Id desc maxresults 2', ['Pip', 'a & b']],
    ["select * from Class where MetaData.LastUpdatedTime > '2099-01-01T00:00:00-07:00'", []],
    ["select * from Class where MetaData.CreateTime >= '2001-01-01' and SubClass = true", ['Pip']],
  ];
  for (const [text, names] of cases) {
    it(text, async () => {
      expect(await bench.names(text)).to.deep.equal(names);
    });
  }

  it('finds by Id and by parent', async () => {
    expect(await bench.names(`select * from Class where Id in ('${ids['Zebra']}', '${ids['Zebra']}', '12')`)).to.deep.equal(
      ['Zebra']);
    expect(await bench.names(`select * from Class where ParentRef = '${ids['apple']}'`)).to.deep.equal(['Pip']);
  });

  it('counts', async () => {
    expect(read(await bench.query('select count(*) from Class')).at('QueryResponse')).to.deep.equal({ totalCount: 6 });
    expect(read(await bench.query('select COUNT(*) from Class where Active in (true, false)')).at('QueryResponse')).to.deep.equal(
      { totalCount: 7 });
  });

  it('answers {} past the end', async () => {
    expect(read(await bench.query('select * from Class startposition 100')).at('QueryResponse')).to.deep.equal({});
  });

  it('takes the query as the body of a POST', async () => {
    const answer = await bench.api('POST', 'query', "select * from Class where Name = 'Zebra'",
      { 'content-type': 'application/text' });
    expect(read(answer).at('QueryResponse.Class.0.Name')).to.equal('Zebra');
    const wrong = await bench.api('POST', 'query', { query: 'x' });
    expect(read(wrong).at('Fault.Error.0.code')).to.equal('1050');
  });

  it('pages by 100 unless told otherwise', async () => {
    await bench.freshCompany();
    const parts = Array.from({ length: 130 }, (_, at) =>
      ({ bId: `b${at}`, operation: 'create', Class: { Name: `C${String(at).padStart(3, '0')}` } }));
    for (let at = 0; at < parts.length; at += 30) await bench.batch(parts.slice(at, at + 30));
    expect(await bench.names('select * from Class')).to.have.length(100);
    expect(await bench.names('select * from Class maxresults 1000')).to.have.length(130);
    expect((await bench.names('select * from Class orderby Id startposition 101 maxresults 100')).at(-1)).to.equal('C129');
  });

  it('queries company info and preferences too', async () => {
    expect(read(await bench.query('select * from CompanyInfo')).at('QueryResponse.CompanyInfo.0.CompanyName')).to.equal(
      'Test company');
    expect(read(await bench.query('select * from Preferences')).at('QueryResponse.Preferences.0.Id')).to.equal('1');
  });

  describe('refuses as recorded', () => {
    const refused: [string, string][] = [
      ['select * from Custmoer', '4001 QueryValidationError: invalid context declaration: Custmoer'],
      ['select * from Class maxresults 1500', '4001 QueryValidationError: value 1500 is too large. Max allowed value is 1000'],
      ['select * from Class startposition 0', '4001 QueryValidationError: value 0 is too small. Min allowed value is 1'],
      ['select * from Class maxresults 0', '4001 QueryValidationError: value 0 is too small. Min allowed value is 1'],
    ];
    for (const [text, expected] of refused) {
      it(text, async () => {
        expect(await detail(text)).to.equal(expected);
      });
    }
    for (const text of [
      '', 'select', 'select Name from Class', "select * from Class where Name = 'a' or Name = 'b'",
      "select * from Class where Name = 'open",
      'select * from Class group by Name', "select * from Class where Name != 'a'", 'select * from Class where',
      'delete from Class',
      'select * from Class maxresults many', 'select * from Class; drop table', 'select * from Class where Name = "a"',
    ]) {
      it(`4000: ${text || 'nothing'}`, async () => {
        expect(await detail(text)).to.match(/^4000 QueryParserError: /);
      });
    }
    for (const text of ["select * from Class where Colour = 'red'", 'select * from Class orderby Colour',
      "select * from Class where Id > '1'",
      "select * from Class where MetaData.CreateTime > 'yesterday'", "select * from Class where Active = 'perhaps'"]) {
      it(`4001: ${text}`, async () => {
        expect(await detail(text)).to.match(/^4001 QueryValidationError: /);
      });
    }
  });
});
