import { expect } from 'chai';
import { ProblemError, describe as inWords } from '../../server/core/problems.ts';
import { exclude } from '../../server/sync/exclude.ts';
import { settleRename } from '../../server/sync/renamed.ts';
import { retry } from '../../server/sync/retry.ts';
import type { KeptRow, RowResult, SheetReport } from '../../server/core/sheets.ts';
import { runAnyImport, startSheetImport, type SheetFile, type SheetWorld } from '../../server/sync/spreadsheet.ts';
import { workbook, type Made } from '../linarc/workbook.ts';
import { held } from '../store/fixture.ts';
import { Desk, MARA } from './desk.ts';

const HEADINGS = ['Cost Code', 'Cost Code Name', 'Cost Type Category', 'Status'];

type Row = RowResult & KeptRow['row'];
type Report = SheetReport & { readonly rows: readonly Row[] };

describe('importing a spreadsheet', () => {
  let desk: Desk;

  beforeEach(async () => {
    desk = await Desk.open();
  });

  afterEach(async () => desk.close());

  const bring = async (bytes: Buffer, how: Partial<SheetFile> = {}, world: SheetWorld = desk.world): Promise<Report> => {
    const started = await startSheetImport(world, desk.company, MARA, { fileName: 'codes.csv', bytes, ...how });
    if (!started) throw new Error('another import runs');
    await runAnyImport(world, desk.company, started.id);
    return kept(started.id);
  };
  const kept = async (id: string): Promise<Report> => {
    const report = await desk.world.sheets.get(desk.company, id);
    if (!report) throw new Error('no report');
    const rows = await desk.world.sheets.rows(desk.company, id, { outcomes: [], after: 0, limit: report.total });
    return { ...report, rows: rows.map(({ row, result }) => ({ ...row, ...(result ?? { outcome: 'unchanged', reason: null, record: null }) })) };
  };
  const csv = (...rows: string[]) => bring(Buffer.from([HEADINGS.join(','), ...rows].join('\n')));
  const xlsx = (rows: Made[][], how: Partial<SheetFile> = {}) =>
    bring(workbook({ Codes: [HEADINGS, ...rows] }), { fileName: 'codes.xlsx', ...how });
  const inShort = ({ rows }: Report) =>
    rows.map(({ number, code, outcome, reason }) => [number, code, outcome, ...(reason ? [reason.code] : [])].join(' '));
  const own = (costCode: string, costCodeName: string) =>
    desk.addCode({ costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active' });

  it('stages every row, and says so row by row', async () => {
    const report = await csv('01,Summary,ADMIN,', '-02,Demolition,FIELD,inactive');
    expect(report).to.deep.include({ fileName: 'codes.csv', sheet: null, generation: 'newest', headerRow: 1 });
    expect(report.counts).to.deep.equal({ added: 2, changed: 0, unchanged: 0, needs_action: 0, not_staged: 0 });
    expect(inShort(report)).to.deep.equal(['2 01 added', '3 -02 added']);
    const record = await desk.record('01');
    expect(report.rows[0]?.record).to.equal(record.id);
    expect(record).to.deep.include({ linarcId: 'sheet:01', status: 'needs_sync' });
    expect(record.raw).to.deep.equal({ 'Cost Code': '01', 'Cost Code Name': 'Summary', 'Cost Type Category': 'ADMIN', Status: '' });
    expect(record.source).to.deep.include({ active: true, taskType: 'ADMIN' });
  });

  it('changes nothing the second time, not even a version', async () => {
    await csv('01,Summary,ADMIN,', '02,Demolition,FIELD,');
    const before = await desk.records();
    expect((await csv('01,Summary,ADMIN,', '02,Demolition,FIELD,')).counts).to.deep.include({ added: 0, changed: 0, unchanged: 2 });
    expect(await desk.records()).to.deep.equal(before);
  });

  it('updates the record of a code, however the code is written, and remembers which file did', async () => {
    await csv('a 01,Summary,ADMIN,');
    expect(inShort(await csv('A  01,General,ADMIN,'))).to.deep.equal(['2 A  01 changed']);
    const [record, ...more] = await desk.records();
    expect(more).to.deep.equal([]);
    expect(record?.wanted.name).to.equal('A 01 General');
    const [latest] = await desk.world.history.of(desk.company, record?.id ?? '', { limit: 1 });
    expect(latest).to.deep.include({ kind: 'changed', by: { kind: 'automatic', what: 'Import of codes.csv by Mara Keller' } });
    expect(latest?.changes).to.deep.include({ field: 'Task Name', from: 'Summary', to: 'General' });
  });

  it('updates what Linarc itself told of, under Linarc’s id, and leaves it as it is when nothing differs', async () => {
    const { id } = await own('01', 'Summary');
    await desk.import();
    const before = await desk.records();
    expect(inShort(await csv('01,Summary,FIELD,'))).to.deep.equal(['2 01 unchanged']);
    expect(await desk.records()).to.deep.equal(before);
    expect(inShort(await csv('01,General,FIELD,'))).to.deep.equal(['2 01 changed']);
    expect(await desk.record('01')).to.deep.include({ linarcId: id });
  });

  it('leaves alone what the file has no column for', async () => {
    await csv('01,Summary,ADMIN,inactive');
    expect((await bring(Buffer.from('Code,Name\n01,General'))).counts.changed).to.equal(1);
    const order = { by: 'code', direction: 'asc' } as const;
    const [record] = (await desk.world.costCodes.page(desk.company, { excluded: true }, order, 0, 5)).records;
    expect(record?.source).to.deep.include({ name: 'General', taskType: 'ADMIN', active: false });
  });

  it('takes no absence for a proof', async () => {
    await csv('01,Summary,ADMIN,', '02,Demolition,FIELD,');
    await csv('02,Demolition,FIELD,');
    expect(await desk.statuses()).to.deep.equal({ '01': 'needs_sync', '02': 'needs_sync' });
  });

  it('keeps every row in the report, the bad ones with their reason, and brings the good ones', async () => {
    const rows = ['01,Summary,ADMIN,', ',Nameless,,', '02,,FIELD,', '03,Three,FIELD,asleep', '04,One,,', ' 04 ,Two,,', '3/30/2000,Date,,'];
    const report = await csv(...rows);
    expect(inShort(report)).to.deep.equal([
      '2 01 added',
      '3  not_staged sheet_code_missing',
      '4 02 needs_action name_missing',
      '5 03 not_staged sheet_row_unreadable',
      '6 04 not_staged sheet_code_repeated',
      '7  04  not_staged sheet_code_repeated',
      '8 3/30/2000 not_staged sheet_code_changed',
    ]);
    expect(report.counts).to.deep.equal({ added: 1, changed: 0, unchanged: 0, needs_action: 1, not_staged: 5 });
    expect(report.rows[4]?.reason?.value).to.equal('6, 7');
    expect(Object.keys(await desk.statuses())).to.deep.equal(['01', '02']);
  });

  it('asks for a person where two rows would be one class', async () => {
    await desk.set({ namePattern: '{name} {code}' });
    const report = await csv('a b,x,,', 'b,x a,,');
    expect(inShort(report)).to.deep.equal(['2 a b needs_action name_collision', '3 b needs_action name_collision']);
  });

  it('asks for a person where several staged records have the code, until all but one are excluded', async () => {
    await own('01', 'Summary');
    await own('01', 'General');
    await desk.import();
    expect(inShort(await csv('01,Summit,FIELD,'))).to.deep.equal(['2 01 not_staged sheet_code_ambiguous']);
    const [first] = await desk.records();
    await exclude(desk.world, desk.company, MARA, [first?.id ?? ''], 'twice');
    expect((await csv('01,Summit,FIELD,')).counts.changed).to.equal(1);
  });

  it('leaves an excluded record excluded', async () => {
    await csv('01,Summary,ADMIN,');
    await exclude(desk.world, desk.company, MARA, [(await desk.record('01')).id], 'not ours');
    expect(inShort(await csv('01,General,ADMIN,'))).to.deep.equal(['2 01 changed']);
    expect(await desk.records()).to.deep.equal([]);
  });

  describe('a code that Excel may have changed', () => {
    it('is reported, not guessed', async () => {
      const report = await xlsx([[{ date: 36615 }, 'Concrete'], [1.1, 'Walls'], [33000, 'Cast'], ['1.10', 'Floors']]);
      expect(inShort(report)).to.deep.equal([
        '2 2000-03-30 not_staged sheet_code_changed',
        '3 1.1 not_staged sheet_code_changed',
        '4 33000 not_staged sheet_code_changed',
        '5 1.10 added',
      ]);
      const [first] = report.rows;
      const sentence = first?.reason && inWords(first.reason).sentence;
      expect(sentence).to.equal('Excel may have changed this code: the file holds the date 2000-03-30.');
    });

    it('is taken where exactly that code is staged, and no other is the same number', async () => {
      await csv('100,Hundred,,', '200,Two,,', '0200,Also two,,');
      const report = await xlsx([[100, 'Hundreds'], [200, 'Two']]);
      expect(inShort(report)).to.deep.equal(['2 100 changed', '3 200 not_staged sheet_code_changed']);
    });

    it('is taken where a person says that whole numbers are meant, dates and broken numbers never', async () => {
      const report = await xlsx([[100, 'Hundred'], [1.1, 'One'], [{ date: 36615 }, 'Date']], { takeNumbers: true });
      const doubtful = ['3 1.1 not_staged sheet_code_changed', '4 2000-03-30 not_staged sheet_code_changed'];
      expect(inShort(report)).to.deep.equal(['2 100 added', ...doubtful]);
    });

    it('counts for a division only where divisions become classes', async () => {
      const headings = ['Cost Code', 'Task Name', 'Division Code', 'Division Name'];
      const file = workbook({ Codes: [headings, ['03 30', 'Cast', 3, 'Concrete']] });
      expect((await bring(file)).counts).to.deep.include({ added: 1 });
      await desk.set({ structure: 'division' });
      const report = await bring(file);
      const reason = { code: 'sheet_code_changed', field: 'Division Code', value: 'the number 3 under “Division Code”' };
      expect(report.rows[0]?.reason).to.deep.include(reason);
    });
  });

  describe('a name known under a code that the file has not', () => {
    beforeEach(async () => {
      await csv('01,Summary,ADMIN,', '02,Demolition,FIELD,');
      await desk.push();
      const report = await csv('01,Summary,ADMIN,', '02.5,Demolition,FIELD,');
      expect(inShort(report)).to.deep.equal(['2 01 unchanged', '3 02.5 needs_action perhaps_renamed']);
    });

    it('waits for a person, and is not pushed', async () => {
      expect((await desk.record('02.5')).problem?.value).to.equal('02 → 02.5');
      expect((await csv('02.5,Demolition,FIELD,')).counts.needs_action).to.equal(1);
      const { id } = await desk.record('02.5');
      expect(await retry(desk.world, desk.company, MARA, id)).to.deep.include({ run: null, source: 'spreadsheet' });
      expect((await desk.record('02.5')).status).to.equal('needs_action');
      expect(await desk.names()).to.deep.equal(['01 Summary', '02 Demolition']);
    });

    it('becomes a class of its own when it is a new code', async () => {
      const record = await desk.record('02.5');
      expect((await settleRename(desk.world, desk.company, MARA, record.id, 'new'))?.status).to.equal('needs_sync');
      await desk.push();
      expect(await desk.names()).to.deep.equal(['01 Summary', '02 Demolition', '02.5 Demolition']);
      expect(await settleRename(desk.world, desk.company, MARA, record.id, 'new')).to.equal(null);
    });

    it('renames the class when it is the same code, which later files find under its new name', async () => {
      const former = await desk.record('02');
      const renamed = await settleRename(desk.world, desk.company, MARA, (await desk.record('02.5')).id, 'renamed');
      expect(renamed).to.deep.include({ id: former.id, linarcId: 'sheet:02.5', status: 'needs_sync' });
      await desk.push();
      expect(await desk.names()).to.deep.equal(['01 Summary', '02.5 Demolition']);
      expect(inShort(await csv('02.5,Demolition,FIELD,', '02,Asbestos,FIELD,'))).to.deep.equal(['2 02.5 unchanged', '3 02 added']);
    });
  });

  it('has no doubt where a name is not known once and only once', async () => {
    await csv('01,Concrete,,', '02,Concrete,,', '03,Walls,,');
    expect((await csv('04,Concrete,,', '05,Walls,,', '06,Walls,,')).counts).to.deep.include({ added: 3 });
  });

  describe('before Linarc itself tells of the code', () => {
    it('gives the record over to it, class and exclusion and all', async () => {
      await csv('01,Summary,FIELD,', '02,Demolition,FIELD,');
      await desk.push();
      const before = await desk.record('01');
      const { id } = await own('01', 'General');
      expect((await desk.import()).counts).to.deep.include({ added: 0, changed: 1, gone: 0 });
      const records = await desk.records();
      expect(records.map((record) => `${record.linarcId} ${record.status}`)).to.deep.equal([`${id} needs_sync`, 'sheet:02 synced']);
      expect(records[0]).to.deep.include({ id: before.id, link: before.link });
      await desk.push();
      expect(await desk.names()).to.deep.equal(['01 General', '02 Demolition']);
    });

    it('brings nothing new by Import New Items, but the id', async () => {
      await csv('01,Summary,FIELD,');
      const { id } = await own('01', 'General');
      expect((await desk.import('new')).counts).to.deep.include({ added: 0, changed: 0 });
      expect(await desk.record('01')).to.deep.include({ linarcId: id });
    });

    it('waits while the record is in a run', async () => {
      await csv('01,Summary,FIELD,');
      const run = await desk.begin();
      await desk.world.runs.acquire(desk.company, run.id, 'test', 1);
      const { id } = await own('01', 'Summary');
      await desk.world.costCodes.claim(desk.company, run.id, held(1), { kind: 'matching', filter: {}, except: [] });
      await desk.import();
      expect((await desk.records()).map((record) => record.linarcId)).to.deep.equal(['sheet:01']);
      await desk.world.costCodes.release(desk.company, run.id, 1);
      await desk.import();
      expect((await desk.records()).map((record) => record.linarcId)).to.deep.equal([id]);
    });

    it('gives way where Linarc’s own record took the code meanwhile', async () => {
      const { id } = await own('01', 'Summary');
      await desk.import();
      await csv('02,Demolition,FIELD,');
      await desk.changeCode(id, { costCode: '02' });
      await desk.import();
      expect((await desk.records()).map((record) => `${record.linarcId} ${record.status}`)).to.deep.equal([`${id} needs_sync`]);
      expect((await csv('02,Demolition,FIELD,')).rows[0]?.outcome).to.equal('changed');
    });
  });

  it('is what a retry goes by, and says so', async () => {
    await csv('01,Summary,FIELD,');
    await own('02', 'Demolition');
    await desk.import();
    const tried = async (code: string) => (await retry(desk.world, desk.company, MARA, (await desk.record(code)).id))?.source;
    expect(await tried('02')).to.equal('linarc');
    await desk.world.companies.unlinkLinarc(desk.company);
    expect(await tried('01')).to.equal('spreadsheet');
  });

  it('changes nothing when the file is of no use', async () => {
    const refused = await bring(Buffer.from('a,b\n1,2')).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(ProblemError);
    expect(await desk.records()).to.deep.equal([]);
    expect(await desk.world.sheets.recent(desk.company, 5)).to.deep.equal([]);
  });

  it('keeps the rows as they were read before anything is staged of them', async () => {
    const bytes = Buffer.from(`${HEADINGS.join(',')},Colour\n01,Summary,FIELD,,red\n,Nameless,,,`);
    const started = await startSheetImport(desk.world, desk.company, MARA, { fileName: 'codes.csv', bytes });
    expect(started).to.deep.include({ state: 'running', total: 2, by: 'Mara Keller', headers: [...HEADINGS, 'Colour'] });
    const rows = await desk.world.sheets.rows(desk.company, started?.id ?? '', { outcomes: [], after: 0, limit: 9 });
    expect(rows.map(({ row, result }) => [row.number, row.raw['Colour'], result])).to.deep.equal([[2, 'red', null], [3, '', null]]);
    expect(await desk.records()).to.deep.equal([]);
  });

  it('is one at a time, and the company’s last import', async () => {
    const bytes = Buffer.from('Code,Name\n01,Summary\n,Nameless');
    const first = await startSheetImport(desk.world, desk.company, MARA, { fileName: 'a.csv', bytes });
    expect(await startSheetImport(desk.world, desk.company, MARA, { fileName: 'b.csv', bytes })).to.equal(null);
    await runAnyImport(desk.world, desk.company, first?.id ?? '');
    const last = (await desk.world.companies.get(desk.company))?.import;
    expect(last).to.deep.include({ id: first?.id, mode: 'spreadsheet', state: 'done' });
    expect(last?.counts).to.deep.equal({ read: 2, added: 1, changed: 0, unchanged: 0, problems: 0, gone: 0, unreadable: 1 });
    await runAnyImport(desk.world, desk.company, first?.id ?? '');
    expect((await desk.record('01')).version, 'a message twice').to.equal(1);
  });

  it('says so when it broke off, and can be made again', async () => {
    const costCodes = { ...desk.world.costCodes, stage: async () => { throw new Error('the database is away'); } };
    const log = { ...desk.world.log, error: () => {} };
    const report = await bring(Buffer.from('Code,Name\n01,Summary'), {}, { ...desk.world, costCodes, log });
    expect(report).to.deep.include({ state: 'failed' });
    expect(report.problem?.code).to.equal('interrupted');
    expect((await desk.world.companies.get(desk.company))?.import?.state).to.equal('failed');
    expect((await csv('01,Summary,,')).counts.added).to.equal(1);
  });

  it('stages a large file piece by piece, and tells how far it is', async () => {
    const rows = Array.from({ length: 1_100 }, (_, at) => `${at} 00,Name ${at},FIELD,`);
    const heard: string[] = [];
    const bytes = Buffer.from([HEADINGS.join(','), ...rows].join('\n'));
    const companies: SheetWorld['companies'] = {
      ...desk.world.companies,
      saveImport: async (company, state) => {
        if (state.state === 'running') heard.push(`${state.counts.read}/${state.total}`);
        return desk.world.companies.saveImport(company, state);
      },
    };
    const report = await bring(bytes, {}, { ...desk.world, companies });
    expect(report.counts).to.deep.equal({ added: 1_100, changed: 0, unchanged: 0, needs_action: 0, not_staged: 0 });
    expect(heard).to.deep.equal(['500/1100', '1000/1100', '1100/1100']);
  });
});
