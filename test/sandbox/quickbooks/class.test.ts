import { expect } from 'chai';
import { Bench, faultOf, read } from './support.ts';

describe('QuickBooks sandbox: classes', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(() => bench.close());
  beforeEach(() => bench.freshCompany());

  const update = (id: string, syncToken: string, fields: Record<string, unknown>) =>
    bench.postClass({ Id: id, SyncToken: syncToken, ...fields });
  const inactivate = (id: string, syncToken: string, name: string) => update(id, syncToken, { Name: name, Active: false });

  async function chain(length: number): Promise<string[]> {
    const ids: string[] = [];
    for (let depth = 1; depth <= length; depth += 1) ids.push((await bench.make(`Level ${depth}`, ids.at(-1))).text('Id'));
    return ids;
  }

  it('creates with 200 and the sample\'s fields in the sample\'s order', async () => {
    const answer = await bench.postClass({ Name: 'France' });
    const body = read(answer);
    expect(answer.status).to.equal(200);
    expect(Object.keys(body.at('Class') as object)).to.deep.equal([
      'FullyQualifiedName', 'domain', 'Name', 'SyncToken', 'SubClass', 'sparse', 'Active', 'Id', 'MetaData',
    ]);
    expect(body.at('Class')).to.include({
      FullyQualifiedName: 'France', domain: 'QBO', Name: 'France', SyncToken: '0', SubClass: false, sparse: false, Active: true,
    });
    expect(body.text('Class.MetaData.CreateTime')).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[78]:00$/);
    expect(body.text('time')).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?-0[78]:00$/);
  });

  it('gives ids of 19 digits that a number cannot hold', async () => {
    const id = (await bench.make('A')).text('Id');
    expect(id).to.match(/^\d{19}$/);
    expect(String(Number(id))).not.to.equal(id);
  });

  it('makes a sub-class with its full name', async () => {
    const parent = await bench.make('Commercial');
    const child = await bench.make('Offices', parent.text('Id'));
    expect(child.value).to.deep.include(
      { FullyQualifiedName: 'Commercial:Offices', SubClass: true, ParentRef: { value: parent.text('Id') } });
  });

  it('reads one by id', async () => {
    const made = await bench.make('A');
    expect((await bench.classOf(made.text('Id'))).value).to.deep.equal(made.value);
  });

  describe('refuses with the code of the rule', () => {
    const cases: [string, unknown, string, string | undefined][] = [
      ['no name', {}, '2020', 'Name'],
      ['an empty name', { Name: '  ' }, '2020', 'Name'],
      ['101 characters', { Name: 'x'.repeat(101) }, '2050', 'Name'],
      ['a colon', { Name: 'a:b' }, '2040', 'Name'],
      ['a tab', { Name: 'a\tb' }, '2040', 'Name'],
      ['a new line', { Name: 'a\nb' }, '2040', 'Name'],
      ['a double quote', { Name: 'a"b' }, '2040', 'Name'],
      ['an unknown property', { Name: 'a', Code: '01' }, '2010', undefined],
      ['a property in other case', { name: 'a' }, '2010', undefined],
      ['a missing parent', { Name: 'a', ParentRef: { value: '999' } }, '2500', 'ParentRef'],
      ['a parent that is no reference', { Name: 'a', ParentRef: '5' }, '2010', undefined],
      ['an object for a name', { Name: { first: 'a' } }, '2010', undefined],
      ['Active that is no boolean', { Name: 'a', Active: 'perhaps' }, '2230', 'Active'],
      ['an id that is no number', { Id: '1.5', SyncToken: '0', Name: 'a' }, '2030', 'Id'],
      ['an id without SyncToken', { Id: '1', Name: 'a' }, '610', undefined],
    ];
    for (const [what, body, code, element] of cases) {
      it(`${what}: ${code}`, async () => {
        const answer = await bench.postClass(body);
        expect(answer.status).to.equal(400);
        expect(faultOf(answer)).to.equal(code);
        expect(read(answer).at('Fault.Error.0.element')).to.equal(element);
      });
    }
  });

  it('takes 100 characters, accents and & \' # / - .', async () => {
    const name = `é&'#/-. ${'x'.repeat(92)}`;
    expect((await bench.make(name)).at('Name')).to.equal(name);
  });

  it('trims blanks around a name', async () => {
    expect((await bench.make('  Concrete ')).at('Name')).to.equal('Concrete');
  });

  it('wants names unique among siblings, whatever their case', async () => {
    const parent = await bench.make('Parent');
    await bench.make('Concrete');
    expect(faultOf(await bench.postClass({ Name: 'CONCRETE' }))).to.equal('6240');
    expect((await bench.make('Concrete', parent.text('Id'))).at('FullyQualifiedName')).to.equal('Parent:Concrete');
  });

  it('compares names in one Unicode form', async () => {
    await bench.make('Caf\u00e9');
    expect(faultOf(await bench.postClass({ Name: 'Cafe\u0301' }))).to.equal('6240');
  });

  it('stops at five levels', async () => {
    const ids = await chain(5);
    expect(faultOf(await bench.postClass({ Name: 'Level 6', ParentRef: { value: ids[4] } }))).to.equal('6180');
  });

  it('refuses a move that would take sub-classes below level five', async () => {
    const ids = await chain(3);
    const other = await bench.make('Other');
    const child = await bench.make('Child', other.text('Id'));
    await bench.make('Grandchild', child.text('Id'));
    const moved = await update(other.text('Id'), '0', { Name: 'Other', ParentRef: { value: ids[2] } });
    expect(faultOf(moved)).to.equal('6180');
  });

  it('refuses a class as its own parent, and a sub-class as parent', async () => {
    const [top = '', , bottom = ''] = await chain(3);
    expect(faultOf(await update(top, '0', { Name: 'Level 1', ParentRef: { value: top } }))).to.equal('900');
    expect(faultOf(await update(top, '0', { Name: 'Level 1', ParentRef: { value: bottom } }))).to.equal('900');
  });

  it('counts the SyncToken up with each real change, and refuses a stale one', async () => {
    const id = (await bench.make('A')).text('Id');
    expect(read(await update(id, '0', { Name: 'B' })).at('Class.SyncToken')).to.equal('1');
    const stale = await update(id, '0', { Name: 'C' });
    expect([stale.status, faultOf(stale)]).to.deep.equal([400, '5010']);
    expect((await bench.classOf(id)).at('Name')).to.equal('B');
  });

  it('changes nothing on a write that changes nothing', async () => {
    const made = await bench.make('A');
    const again = read(await update(made.text('Id'), '0', { Name: 'A' }));
    expect(again.at('Class')).to.deep.equal(made.value);
  });

  it('takes a whole read object back', async () => {
    const made = await bench.make('A');
    const answer = await bench.postClass({ ...(made.value as object), Name: 'A2' });
    expect(read(answer).at('Class.Name')).to.equal('A2');
  });

  it('puts a sub-class to the top level when the update leaves ParentRef out', async () => {
    const parent = await bench.make('Parent');
    const child = await bench.make('Child', parent.text('Id'));
    const answer = read(await update(child.text('Id'), '0', { Name: 'Child' }));
    expect(answer.at('Class')).to.include({ FullyQualifiedName: 'Child', SubClass: false });
  });

  it('refuses a sparse update', async () => {
    const id = (await bench.make('A')).text('Id');
    expect(faultOf(await update(id, '0', { Name: 'B', sparse: true }))).to.equal('500');
  });

  it('renames sub-classes with their parent, their SyncToken kept', async () => {
    const parent = await bench.make('Parent');
    const child = await bench.make('Child', parent.text('Id'));
    const grandchild = await bench.make('Grandchild', child.text('Id'));
    await update(parent.text('Id'), '0', { Name: 'Renamed' });
    const read2 = await bench.classOf(grandchild.text('Id'));
    expect(read2.value).to.include({ FullyQualifiedName: 'Renamed:Child:Grandchild', SyncToken: '0' });
  });

  describe('inactivation', () => {
    it('ends the name with (deleted) and leaves the class out of lists', async () => {
      const id = (await bench.make('Rentals')).text('Id');
      const gone = read(await inactivate(id, '0', 'Rentals'));
      expect(gone.at('Class')).to.include({
        Name: 'Rentals (deleted)', FullyQualifiedName: 'Rentals (deleted)', Active: false, SyncToken: '1',
      });
      expect(await bench.names('select * from Class')).to.deep.equal([]);
      expect((await bench.classOf(id)).at('Active')).to.equal(false);
    });

    it('needs the name', async () => {
      const id = (await bench.make('A')).text('Id');
      expect(faultOf(await update(id, '0', { Active: false }))).to.equal('2020');
    });

    it('a second time changes nothing', async () => {
      const id = (await bench.make('A')).text('Id');
      await inactivate(id, '0', 'A');
      expect(read(await inactivate(id, '1', 'A')).at('Class')).to.include({ Name: 'A (deleted)', SyncToken: '1' });
      expect(read(await inactivate(id, '1', 'A (deleted)')).at('Class')).to.include({ Name: 'A (deleted)', SyncToken: '1' });
    });

    it('frees the name, and numbers a second one of it', async () => {
      const first = (await bench.make('A')).text('Id');
      await inactivate(first, '0', 'A');
      const second = (await bench.make('A')).text('Id');
      expect(read(await inactivate(second, '0', 'A')).at('Class.Name')).to.equal('A (deleted) 1');
    });

    it('comes back with the clean name, unless that is taken by now', async () => {
      const id = (await bench.make('A')).text('Id');
      await inactivate(id, '0', 'A');
      await bench.make('A');
      expect(faultOf(await update(id, '1', { Name: 'A', Active: true }))).to.equal('6240');
      expect(read(await update(id, '1', { Name: 'A again', Active: true })).at('Class')).to.include(
        { Name: 'A again', Active: true });
    });

    it('refuses new sub-classes under it', async () => {
      const id = (await bench.make('A')).text('Id');
      await inactivate(id, '0', 'A');
      expect(faultOf(await bench.postClass({ Name: 'B', ParentRef: { value: id } }))).to.equal('610');
    });
  });

  describe('plans', () => {
    it('has no classes on Essentials and Simple Start', async () => {
      for (const offeringSku of ['Essentials', 'Simple Start']) {
        await bench.freshCompany({ offeringSku });
        const answer = await bench.postClass({ Name: 'A' });
        expect([answer.status, faultOf(answer)]).to.deep.equal([400, '5020']);
      }
    });

    it('counts active classes and locations together against the limit of Plus, when the switch is on', async () => {
      await bench.freshCompany({ offeringSku: 'Plus' });
      await bench.switches({ planLimit40: '6000' });
      for (let at = 0; at < 39; at += 1) await bench.make(`C${at}`);
      expect((await bench.api('POST', 'department', { Name: 'North' })).status).to.equal(200);
      expect(faultOf(await bench.postClass({ Name: 'C40' }))).to.equal('6000');
      const first = (await bench.names("select * from Class where Name = 'C0'"))[0] ?? '';
      const { text } = await bench.query(`select * from Class where Name = '${first}'`);
      const id = /"Id":"(\d+)"/.exec(text)?.[1] ?? '';
      await inactivate(id, '0', 'C0');
      expect((await bench.postClass({ Name: 'C40' })).status).to.equal(200);
    });

    it('tells the plan and the tracking flags', async () => {
      await bench.freshCompany({ offeringSku: 'Plus', classTracking: 'transaction' });
      const info = read(await bench.api('GET', `companyinfo/${bench.realmId}`));
      const sku = info.list('CompanyInfo.NameValue').find((each) => each.at('Name') === 'OfferingSku');
      expect(sku?.at('Value')).to.equal('QuickBooks Online Plus');
      const prefs = read(await bench.api('GET', 'preferences'));
      expect(prefs.at('Preferences.AccountingInfoPrefs')).to.include(
        { ClassTrackingPerTxn: true, ClassTrackingPerTxnLine: false });
    });

    it('turns class tracking on by preferences, with a SyncToken, but not outside the plan', async () => {
      await bench.freshCompany({ classTracking: false });
      const on = { AccountingInfoPrefs: { ClassTrackingPerTxnLine: true }, Id: '1' };
      const done = read(await bench.api('POST', 'preferences?operation=update', { ...on, SyncToken: '0' }));
      expect(done.at('Preferences.AccountingInfoPrefs.ClassTrackingPerTxnLine')).to.equal(true);
      expect(faultOf(await bench.api('POST', 'preferences?operation=update', { ...on, SyncToken: '0' }))).to.equal('5010');
      await bench.freshCompany({ offeringSku: 'Essentials', classTracking: false });
      expect(faultOf(await bench.api('POST', 'preferences?operation=update', { ...on, SyncToken: '0' }))).to.equal('5020');
    });

    it('refuses writes when the subscription has lapsed', async () => {
      await bench.control('PATCH', `/sandbox/companies/${bench.realmId}`, { subscription: 'EXPIRED' });
      expect(faultOf(await bench.postClass({ Name: 'A' }))).to.equal('6190');
      expect((await bench.query('select * from Class')).status).to.equal(200);
    });
  });
});
