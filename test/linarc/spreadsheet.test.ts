import { expect } from 'chai';
import fc from 'fast-check';

import { guarded, unguarded } from '../../server/core/cells.ts';
import { ProblemError, describe as inWords } from '../../server/core/problems.ts';
import type { SheetRow, SheetRows } from '../../server/core/ports.ts';
import { readSpreadsheet } from '../../server/linarc/spreadsheet/read.ts';
import { readTable } from '../../server/linarc/spreadsheet/table.ts';
import { OFFICE, workbook, zip, type Made } from './workbook.ts';

const NEWEST = ['Cost Code', 'Cost Code Name', 'Cost Type Category', 'Cost Type', 'Cost Attribution', 'Status'];

const csv = (text: string) => readTable(Buffer.from(text));
const sheet = (...rows: Made[][]) => readTable(workbook({ Codes: rows }));
const codes = (read: SheetRows) => read.rows.map((row) => row.costCode?.code ?? row.unreadable);

async function refusal(work: Promise<unknown>): Promise<{ code: string; sentence: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ProblemError) return { code: error.problem.code, sentence: inWords(error.problem).sentence };
    throw error;
  }
  return { code: 'none', sentence: '' };
}

describe('Reading a spreadsheet: headings', () => {
  const generations: Record<SheetRows['generation'], string[]> = {
    newest: NEWEST,
    middle: ['Cost Code', 'Task Name', 'Task Type', 'Cost Type', 'Cost Attribution', 'Task Code Status'],
    oldest: ['Task Code', 'Task name', 'Task Type', 'Cost type', 'Cost Attribution', 'Status'],
  };
  for (const [generation, headers] of Object.entries(generations)) {
    it(`of the ${generation} generation`, async () => {
      const cells = ['03 30 00', 'Cast-in-place', 'FIELD', 'Fixed', 'Direct', 'Inactive'];
      const read = await sheet(headers, cells);
      const fields = ['code', 'name', 'taskType', 'active'];
      expect(read).to.deep.include({ sheet: 'Codes', generation, headerRow: 1, headers, fields });
      expect(read.rows[0]?.costCode).to.deep.equal({
        code: '03 30 00', name: 'Cast-in-place', taskType: 'FIELD', active: false, divisionCode: '', divisionName: '',
      });
      expect(read.rows[0]?.raw).to.deep.equal(Object.fromEntries(headers.map((header, at) => [header, cells[at]])));
    });
  }

  it('are found without regard to case, order and other columns, below a title', async () => {
    const headings = ['Colour', 'TASK NAME', null, ' cost  code '];
    const read = await sheet(['Cost codes of Hillside'], [], headings, ['red', 'Concrete', 'aside', '03']);
    expect(read).to.deep.include({ headerRow: 3, headers: ['Colour', 'TASK NAME', 'cost code'] });
    expect(read.rows).to.have.lengthOf(1);
    const raw = { Colour: 'red', 'TASK NAME': 'Concrete', 'Column C': 'aside', 'cost code': '03' };
    expect(read.rows[0]).to.deep.include({ number: 4, code: '03', name: 'Concrete', raw });
  });

  it('are looked for on every sheet, and the first that has them counts', async () => {
    const read = await readTable(workbook({ Notes: [['hello']], First: [NEWEST, ['01', 'One']], Second: [NEWEST, ['02', 'Two']] }));
    expect(read.sheet).to.equal('First');
    expect(codes(read)).to.deep.equal(['01']);
  });

  it('that stand twice count once, the first of them', async () => {
    const read = await csv('Cost Code,Cost Code,Cost Code Name\n01,99,One\n');
    expect(read.rows[0]?.raw).to.deep.equal({ 'Cost Code': '01', 'Cost Code (2)': '99', 'Cost Code Name': 'One' });
    expect(codes(read)).to.deep.equal(['01']);
  });

  it('that are missing are named beside what was found', async () => {
    const { code, sentence } = await refusal(csv('Item,Description,Price\n1,Nail,2\n'));
    expect(code).to.equal('sheet_headers');
    expect(sentence).to.equal('No columns for a code and a name were found: the file has Item, Description, Price.');
  });

  it('below the tenth row are not looked for', async () => {
    expect((await refusal(sheet(...Array.from({ length: 10 }, () => ['x']), NEWEST, ['01', 'One']))).code).to.equal('sheet_headers');
  });

  it('of System Field Tasks are no cost codes', async () => {
    const headings = 'Task Name,Cost Code,Task Type,Duration (min),Auto Switch,Geofence Enabled,Active';
    const { sentence } = await refusal(csv(`${headings}\nLunch,L1,Break,30,Yes,No,Yes\n`));
    expect(sentence).to.include('System Field Tasks');
  });

  it('with nothing below them are told apart', async () => {
    expect((await refusal(sheet(NEWEST, [], [null, '  ']))).code).to.equal('sheet_empty');
  });
});

describe('Reading a spreadsheet: rows', () => {
  it('are numbered as Excel numbers them, blank ones left out', async () => {
    const read = await sheet(NEWEST, ['01', 'One'], [], ['03', 'Three']);
    expect(read.rows.map((row) => row.number)).to.deep.equal([2, 4]);
    expect((await csv('Code,Name\n01,One\n\n03,"Two\nlines"\n05,Five')).rows.map((row) => row.number)).to.deep.equal([2, 4, 5]);
  });

  it('without a status are active, and with a strange one are not read', async () => {
    const read = await csv('Code,Name,Status\n01,One,\n02,Two, INACTIVE \n03,Three,on hold\n');
    const found = read.rows.map((row) => row.costCode?.active ?? row.unreadable);
    expect(found).to.deep.equal([true, false, 'the field “Status” is neither active nor inactive']);
    expect((await csv('Code,Name\n01,One\n')).rows[0]?.costCode?.active).to.equal(true);
  });

  it('that repeat the headings, or are endless, are kept with the reason', async () => {
    const read = await csv(`Code,Name\n01,One\nCode,Name\n${'9'.repeat(201)},Long\n`);
    expect(codes(read)).to.deep.equal(['01', 'it repeats the headings', 'the field “Code” is longer than 200 characters']);
  });

  it('keep leading zeros and blanks where the cell is text', async () => {
    expect(codes(await sheet(NEWEST, ['007', 'Seven'], [' 03 30 00 ', 'Concrete']))).to.deep.equal(['007', ' 03 30 00 ']);
  });

  it('take a formula by its value, and an error as nothing', async () => {
    const text = { formula: 'TEXT(3,"00")&" 30"', value: '03 30' };
    const read = await sheet(NEWEST, [text, { formula: '1+1', value: 2 }, { error: '#REF!' }]);
    expect(read.rows[0]?.costCode).to.deep.include({ code: '03 30', name: '2', taskType: '' });
  });

  it('do no harm with a heading named __proto__', async () => {
    const [row] = (await csv('Code,Name,__proto__\n01,One,x\n')).rows;
    expect(Object.keys(row?.raw ?? {})).to.deep.equal(['Code', 'Name', '__proto__']);
    expect(Object.getPrototypeOf(row?.raw)).to.equal(Object.prototype);
  });
});

describe('Reading a spreadsheet: what Excel makes of codes', () => {
  const inShort = ({ doubts: [doubt] }: SheetRow) => (doubt ? `${doubt.field} ${doubt.kind} ${doubt.shown}` : '-');
  const doubts = async (read: Promise<SheetRows>) => (await read).rows.map(inShort);

  it('is doubted where a code became a date or a number', async () => {
    const read = sheet(NEWEST, [{ date: 36615 }, 'a'], [33000, 'b'], [1.1, 'c'], ['03 30 00', 'd'], ['3/30/2000', 'e']);
    expect(await doubts(read)).to.deep.equal(['code date 2000-03-30', 'code number 33000', 'code number 1.1', '-', '-']);
  });

  it('is doubted where a name became a date, not where it is a number', async () => {
    expect(await doubts(sheet(NEWEST, ['01', { date: 45355 }], ['02', 2500]))).to.deep.equal(['name date 2024-03-04', '-']);
  });

  it('is doubted in CSV by the look of it', async () => {
    const made = ['3/30/2000', '30.03.2000', '2000-03-30', '30-Mar', 'Mar-30', '30-Mar-00', '3.30E+04', '1E+10'];
    const real = ['03-30-00', '03.30.00', '01/02', '1.10', '33000', '03 30 00', '2E3', '30-MARBLE', '12-2000'];
    const read = csv(['Code,Name', ...[...made, ...real].map((code) => `${code},x`)].join('\n'));
    expect((await doubts(read)).map((doubt) => doubt !== '-')).to.deep.equal([...made.map(() => true), ...real.map(() => false)]);
  });
});

describe('Reading a spreadsheet: CSV', () => {
  const TEXT = 'Cost Code;Cost Code Name\n03;Türen, Böden\n';
  const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
  const encodings: Record<string, Buffer> = {
    'UTF-8': Buffer.from(TEXT),
    'UTF-8 with a mark': Buffer.from(`\ufeff${TEXT}`),
    'UTF-16LE with a mark': Buffer.from(`\ufeff${TEXT}`, 'utf16le'),
    'UTF-16LE without': Buffer.from(TEXT, 'utf16le'),
    'UTF-16BE with a mark': utf16be(`\ufeff${TEXT}`),
    'UTF-16BE without': utf16be(TEXT),
    'Windows-1252': Buffer.from(TEXT, 'latin1'),
  };
  for (const [encoding, bytes] of Object.entries(encodings)) {
    it(`in ${encoding}`, async () => {
      expect((await readTable(bytes)).rows[0]).to.deep.include({ code: '03', name: 'Türen, Böden' });
    });
  }

  it('reads the signs of Windows-1252 that Latin-1 has not', async () => {
    const bytes = Buffer.concat([Buffer.from('Code,Name\n01,'), Buffer.from([0x80, 0x96]), Buffer.from('\n')]);
    expect((await readTable(bytes)).rows[0]?.name).to.equal('€–');
  });

  for (const [name, text] of Object.entries({
    commas: 'Code,Name,Status\r\n01,"Doors, windows",active\r\n',
    semicolons: 'Code;Name;Status\r01;Doors, windows;active\r',
    tabs: 'Code\tName\tStatus\n01\tDoors, windows\tactive',
    'a line that names the separator': 'sep=;\r\nCode;Name;Status\r\n01;Doors, windows;active\r\n',
  })) {
    it(`parted by ${name}`, async () => {
      expect((await csv(text)).rows[0]?.costCode).to.deep.include({ code: '01', name: 'Doors, windows', active: true });
    });
  }

  it('with quotes in the middle of a cell', async () => {
    const read = await csv('Code,Name\n01,Pipe 5" steel\n02,"Pipe ""5"" steel"\n');
    expect(read.rows.map((row) => row.name)).to.deep.equal(['Pipe 5" steel', 'Pipe "5" steel']);
  });

  it('brings back every text that was guarded for a spreadsheet program', () => {
    const text = fc.string({ unit: fc.constantFrom('-', '=', '+', '@', "'", '\t', '\r', '\n', '0', 'a', ' '), maxLength: 6 });
    const harmless = (cell: string) => !/^[=+\-@\t\r\n]/.test(cell);
    fc.assert(fc.property(text, (given) => unguarded(guarded(given)) === given && harmless(guarded(given))), { numRuns: 2_000 });
  });

  it('brings back exported codes, whatever they begin with', async () => {
    const rest = fc.string({ unit: fc.constantFrom('0', '1', '-', "'", '"', ',', ';', 'é'), minLength: 1, maxLength: 5 });
    const code = fc.tuple(fc.constantFrom('-', '=', "'", '@', '+', "'-", "''=", '0'), rest)
      .map(([first, more]) => `${first}${more}x`);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(code, { minLength: 1, maxLength: 8 }), async (given) => {
        const quoted = (text: string) => `"${guarded(text).replaceAll('"', '""')}"`;
        const lines = given.map((one) => `${quoted(one)},${quoted(`${one} name`)}`);
        const read = await csv(['Cost Code,Task Name', ...lines].join('\r\n'));
        expect(codes(read)).to.deep.equal(given);
        expect(read.rows.map((row) => row.name)).to.deep.equal(given.map((one) => `${one} name`));
      }),
      { numRuns: 60 },
    );
  });
});

describe('Reading a spreadsheet: files of no use', () => {
  const cases: Record<string, [Buffer, string, RegExp]> = {
    'an older workbook': [Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'sheet_unreadable', /older Excel workbook.*password/],
    'a picture': [Buffer.from('89504e470d0a1a0a0000000d', 'hex'), 'sheet_unreadable', /neither/],
    'another zip': [zip({ 'word/document.xml': '<x/>' }), 'sheet_unreadable', /not an Excel workbook/],
    'half a workbook': [workbook({ A: [NEWEST] }).subarray(0, 300), 'sheet_unreadable', /damaged/],
    'a workbook of nonsense': [zip({ 'xl/workbook.xml': '<a><b></a>' }), 'sheet_unreadable', /sheets/],
    'a table of 201 columns': [Buffer.from(`Code,Name${','.repeat(198)},x\n01,One`), 'sheet_too_large', /200 columns/],
  };
  for (const [name, [bytes, code, sentence]] of Object.entries(cases)) {
    it(`as ${name}`, async () => {
      const refused = await refusal(readTable(bytes));
      expect(refused.code).to.equal(code);
      expect(refused.sentence).to.match(sentence);
    });
  }

  it('as a zip bomb, whatever size it claims', async () => {
    const zeros = Buffer.alloc(200 * 1024 * 1024);
    for (const claimed of [undefined, 100]) {
      const refused = await refusal(readTable(zip({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': zeros }, claimed)));
      expect(refused.sentence).to.match(/unpacked it is more than 128 MB/);
    }
  });

  it('as more than 100,000 rows', async () => {
    const text = `Code,Name\n${Array.from({ length: 100_001 }, (_, at) => `${at},x`).join('\n')}`;
    expect((await refusal(csv(text))).sentence).to.match(/100,000 rows/);
  });

  it('as more than 10 MB, or nothing', async () => {
    expect((await refusal(readSpreadsheet(new Uint8Array(10 * 1024 * 1024 + 1), 'big.csv'))).code).to.equal('sheet_too_large');
    expect((await refusal(readSpreadsheet(new Uint8Array(), 'none.csv'))).sentence).to.include('none.csv is empty');
  });
});

describe('Reading a spreadsheet in its own thread', () => {
  it('brings rows, and refusals, from there', async () => {
    const read = await readSpreadsheet(workbook({ Codes: [NEWEST, ['-01', 'Crédits']] }), 'codes.xlsx');
    expect(read.rows[0]?.costCode).to.deep.include({ code: '-01', name: 'Crédits' });
    expect((await refusal(readSpreadsheet(Buffer.from('a,b\n1,2'), 'x.csv'))).code).to.equal('sheet_headers');
  });

  it('reads 10,000 rows within seconds while this thread goes on', async () => {
    const rest = ['FIELD', 'Fixed', 'Direct', 'Active'];
    const rows = Array.from({ length: 10_000 }, (_, at) => [`${at} 00 ${at % 7}`, `Türen für Abschnitt ${at}`, ...rest]);
    const bytes = workbook({ Codes: [NEWEST, ...rows] });
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 5);
    const began = performance.now();
    const read = await readSpreadsheet(bytes, 'codes.xlsx');
    clearInterval(turning);
    expect(performance.now() - began).to.be.below(6_000);
    expect(turns).to.be.above(10);
    expect(codes(read)).to.deep.equal(rows.map(([code]) => code));
    expect(read.rows.every((row) => row.name.startsWith('Türen für'))).to.equal(true);
  });

  it('outlives a sheet whose last cell stands at the end of the world', async () => {
    const relation = `<Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>`;
    const cell = '<c r="A2000000000" t="str"><v>x</v></c>';
    const far = zip({
      'xl/workbook.xml': '<workbook><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>',
      'xl/_rels/workbook.xml.rels': `<Relationships>${relation}</Relationships>`,
      'xl/worksheets/sheet1.xml': `<worksheet><sheetData><row r="2000000000">${cell}</row></sheetData></worksheet>`,
    });
    expect((await refusal(readSpreadsheet(far, 'far.xlsx'))).code).to.equal('sheet_too_large');
    expect((await readSpreadsheet(Buffer.from('Code,Name\n1,x'), 'next.csv')).rows).to.have.lengthOf(1);
  }).timeout(40_000);
});
