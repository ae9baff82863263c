import { expect } from 'chai';
import request from 'supertest';
import { LARGEST_SHEET } from '../../server/core/sheets.ts';
import { readSpreadsheet } from '../../server/linarc/spreadsheet/read.ts';
import { workbook } from '../linarc/workbook.ts';
import { formsOf, wordsOf } from '../support/forms.ts';
import { Person } from '../support/person.ts';
import { comeIn, records, setRole, startWeb, type Member, type WebProduct } from './support.ts';

const PAGE = '/imports/spreadsheets';
const HEADINGS = 'Cost Code,Cost Code Name,Cost Type Category,Status';

describe('Importing a spreadsheet on its page', () => {
  let web: WebProduct;
  let member: Member;

  before(async () => {
    web = await startWeb({ codes: 0 });
    member = await comeIn(web);
  });
  after(() => web.close());

  const upload = (bytes: Buffer | string, name = 'codes.csv', fields: Record<string, string> = {}) => {
    const sent = member.agent.post(PAGE).attach('file', Buffer.from(bytes), name);
    return Object.entries(fields).reduce((so, [field, value]) => so.field(field, value), sent);
  };
  /** The address of the report, once the import has ended. */
  const imported = async (bytes: Buffer | string, name?: string, fields?: Record<string, string>): Promise<string> => {
    const { headers } = await upload(bytes, name, fields).expect(303);
    await web.idle();
    return String(headers['location']);
  };
  const csv = (...rows: string[]) => imported([HEADINGS, ...rows].join('\n'));
  const page = async (address: string) => (await member.agent.get(address).expect(200)).text;
  const downloaded = async (address: string) => (await member.agent.get(address).buffer(true).parse((res, done) => {
    const chunks: Buffer[] = [];
    res.on('data', (chunk: Buffer) => chunks.push(chunk));
    res.on('end', () => done(null, Buffer.concat(chunks)));
  }).expect(200)).body as Buffer;

  it('is in the Import menu, and where a company has no API key', async () => {
    expect(wordsOf(await page('/cost-codes'))).to.include('Import a spreadsheet');
    expect(await page('/linarc')).to.include(`href="${PAGE}"`);
  });

  it('stages the rows and reports each under an address that stays', async () => {
    const report = await csv('01,Summary,ADMIN,', '02,,FIELD,', ',Nameless,,');
    const words = wordsOf(await page(report));
    expect(words).to.include('With problems 2').and.to.include('This row has no cost code.').and.to.include('has no name');
    expect(wordsOf(await page(`${report}?show=all`))).to.match(/2 01 Summary New .*3 02 — Needs Action .*4 — Nameless Not staged/);
    expect((await records(web, member.company)).map(({ source }) => source.code)).to.deep.equal(['01', '02']);
    expect(wordsOf(await page('/cost-codes'))).to.include('Last import: 1 new · 0 changed · 0 unchanged · 1 with problems · 1 not staged');
    expect(await page('/cost-codes')).to.include(`href="${report}"`);
    expect(wordsOf(await page(PAGE))).to.include('codes.csv 3 rows: 1 Not staged, 1 Needs Action and 1 New');
  });

  it('tells what changed and what did not when the file comes again', async () => {
    const words = wordsOf(await page(await csv('01,General,ADMIN,', '02,Demolition,FIELD,')));
    expect(words).to.include('All rows 2').and.to.include('Changed 2').and.to.not.include('With problems');
    expect(wordsOf(await page(await csv('01,General,ADMIN,')))).to.include('Unchanged 1');
  });

  for (const [generation, headings] of [['present', 'Cost Code,Cost Code Name,Cost Type Category'], ['former', 'Cost Code,Task Name,Task Type'], ['first', 'Task Code,Task name,Task Type']] as const) {
    it(`reads the headings of Linarc’s ${generation} template`, async () => {
      const words = wordsOf(await page(await imported(`${headings}\n5 ${generation},Five ${generation},FIELD`)));
      expect(words).to.include(`headings as in Linarc’s ${generation} template`).and.to.include('New 1');
    });
  }

  it('doubts a code that Excel has changed, and takes whole numbers when a person says so', async () => {
    const file = workbook({ Codes: [['Cost Code', 'Task Name'], [{ date: 36615 }, 'Date'], [330, 'Number']] });
    const first = wordsOf(await page(await imported(file, 'codes.xlsx')));
    expect(first).to.include('Excel may have changed this code: the file holds the date 2000-03-30.').and.to.include('Import again, taking whole numbers as codes');
    const second = wordsOf(await page(await imported(file, 'codes.xlsx', { takeNumbers: 'yes' })));
    expect(second).to.include('With problems 1').and.to.include('New 1').and.to.not.include('Import again, taking');
  });

  it('takes whole numbers as codes from the report too, without the file', async () => {
    const report = await imported(workbook({ Codes: [['Cost Code', 'Task Name'], [940, 'Nine forty'], ['941', 'Text']] }), 'numbers.xlsx');
    expect(wordsOf(await page(`${report}?show=all`))).to.match(/2 940 .*Not staged/);
    const { headers } = await member.agent.post(`${report}/again`).expect(303);
    await web.idle();
    expect(headers['location']).to.not.equal(report);
    const words = wordsOf(await page(`${headers['location']}?show=all`));
    expect(words).to.include('Import of numbers.xlsx').and.to.match(/2 940 Nine forty New 3 941 Text Unchanged/).and.to.not.include('Import again, taking');
  });

  describe('a pair of codes that may be one', () => {
    const pairIn = (html: string) => formsOf(html, web.url).find(({ action }) => action.endsWith('/renamed'));
    const decide = async (report: string, answer: 'renamed' | 'new') => {
      const form = pairIn(await page(report));
      const fields = Object.fromEntries(form?.fields ?? []);
      await member.agent.post(new URL(form?.action ?? web.url).pathname).type('form').send({ ...fields, answer }).expect(303).expect('Location', /^\/imports\/spreadsheets\//);
      return wordsOf(await page(report));
    };

    it('is one when a person says so: the record goes on under the new code', async () => {
      await csv('71,Asbestos removal,FIELD,');
      const before = (await records(web, member.company)).find(({ source }) => source.code === '71');
      const report = await csv('72,Asbestos removal,FIELD,');
      expect(wordsOf(await page(report))).to.include('perhaps a renamed code: 71 → 72');
      expect(await decide(report, 'renamed')).to.include('The record and the class go on under 72.').and.to.include('Decided since.');
      const after = await web.world.costCodes.get(member.company, before?.id ?? '');
      expect(after).to.deep.include({ status: 'needs_sync' });
      expect(after?.source.code).to.equal('72');
      expect(pairIn(await page(report))).to.equal(undefined);
    });

    it('is two when a person says so', async () => {
      await csv('81,Scaffolding,FIELD,');
      const report = await csv('82,Scaffolding,FIELD,');
      expect(await decide(report, 'new')).to.include('82 is a code of its own');
      const codes = (await records(web, member.company)).filter(({ source }) => source.name === 'Scaffolding');
      expect(codes.map(({ source, status }) => `${source.code} ${status}`)).to.deep.equal(['81 needs_sync', '82 needs_sync']);
    });
  });

  describe('what a person takes away', () => {
    const problems = '90,Ninety,FIELD,asleep\n,=HYPERLINK("x"),FIELD,';

    it('rows with problems can be corrected and imported again, as Excel workbook and as CSV', async () => {
      const report = await imported(`${HEADINGS},Colour\n90,Ninety,FIELD,asleep,red\n03,Three,FIELD,,blue`);
      for (const as of ['xlsx', 'csv']) {
        const { headers, rows } = await readSpreadsheet(new Uint8Array(await downloaded(`${report}/rows?only=problems&as=${as}`)), `x.${as}`);
        expect(headers, as).to.deep.equal([...HEADINGS.split(','), 'Colour', 'Row', 'Result', 'Why', 'What to do']);
        expect(rows.map(({ raw }) => [raw['Cost Code'], raw['Colour'], raw['Row'], raw['Result']]), as).to.deep.equal([['90', 'red', '2', 'Not staged']]);
      }
    });

    it('holds no cell that a spreadsheet program would run as a formula, and loses no cell without a heading', async () => {
      const report = await imported(`${HEADINGS}\n${problems},stray`);
      const text = (await downloaded(`${report}/rows?only=all&as=csv`)).toString();
      expect(text).to.match(/^\uFEFFCost Code,Cost Code Name,Cost Type Category,Status,Column E,Row,Result/);
      expect(text).to.include(`,"'=HYPERLINK(""x"")",`).and.to.include('stray').and.to.not.match(/(^|,)"?[=+@]/m);
    });

    it('the template is understood by the import, and keeps codes as text in Excel', async () => {
      for (const as of ['xlsx', 'csv']) {
        const refused = await readSpreadsheet(new Uint8Array(await downloaded(`${PAGE}/template?as=${as}`)), as).catch((error: { problem: { code: string } }) => error.problem.code);
        expect(refused, 'no rows yet').to.equal('sheet_empty');
      }
      const { headers } = await member.agent.get(`${PAGE}/template?as=xlsx`).expect(200);
      expect(headers['content-disposition']).to.equal('attachment; filename=cost-codes.xlsx');
    });
  });

  describe('a file that is of no use', () => {
    it('is answered on the form, in words', async () => {
      for (const [bytes, words] of [
        ['Item,Price\n1,2', 'No columns for a code and a name were found: the file has Item, Price.'],
        [HEADINGS, 'The file has the right columns, but no row below them.'],
        [Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 1, 2, 3]), 'it is an older Excel workbook (.xls), or protected by a password'],
      ] as const) {
        const { text } = await upload(bytes).expect(422);
        expect(wordsOf(text)).to.include(words);
      }
      const { text } = await member.agent.post(PAGE).field('takeNumbers', 'yes').expect(422);
      expect(wordsOf(text)).to.include('No file was chosen.');
      expect(text, 'the tick stays').to.match(/name="takeNumbers"[^>]* checked/);
    });

    it('is refused when it is too large, read to its end or not', async () => {
      const { text } = await upload(Buffer.alloc(LARGEST_SHEET + 1, 'a')).expect(413);
      expect(wordsOf(text)).to.include('This file is too large: it has more than 10 MB.');
      const sent = await fetch(`${web.url}${PAGE}`, {
        method: 'POST', body: new ReadableStream({ start: (stream) => { stream.enqueue(Buffer.from('--x')); stream.close(); } }), duplex: 'half',
        headers: { 'content-type': 'multipart/form-data; boundary=x', origin: web.url, cookie: [...member.person.cookiesFor(web.url)].map(([name, value]) => `${name}=${value}`).join('; ') },
      } as RequestInit);
      expect(sent.status, 'of unknown length').to.equal(413);
    });

    it('is refused when what was sent is no whole form', async () => {
      const broken = (type: string, body: string) => member.agent.post(PAGE).set('Content-Type', type).send(body).expect(400);
      await broken('multipart/form-data', 'x');
      await broken('multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nhalf');
      await broken('text/plain', 'x');
    });
  });

  it('takes the file’s name as text, whatever it is', async () => {
    const html = await page(await imported('Code,Name\n01,General', '<i>Köder.csv'));
    expect(html).to.not.include('<i>K');
    expect(wordsOf(html)).to.include('Import of <i>Köder.csv');
  });

  it('starts no second import while one runs', async () => {
    const state = { ...(await web.world.companies.get(member.company))?.import, id: 'f'.repeat(24), state: 'running' } as never;
    await web.world.companies.startImport(member.company, state, 60_000);
    const { text } = await upload('Code,Name\n01,General').expect(409);
    expect(wordsOf(text)).to.include('An import is running already.');
    await web.world.companies.saveImport(member.company, { ...(state as object), state: 'done' } as never);
  });

  it('pages a long report, forwards and back to its beginning', async () => {
    const report = await csv(...Array.from({ length: 130 }, (_, at) => `${500 + at},Page ${at},FIELD,`));
    const first = await page(`${report}?show=added`);
    const next = /href="([^"]+)">Next rows/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(wordsOf(first)).to.include('101 599 Page 99').and.to.not.include('Page 100');
    const second = await page(next);
    expect(wordsOf(second)).to.include('131 629 Page 129').and.to.include('First rows').and.to.not.include('Next rows');
  });

  describe('who may', () => {
    it('a viewer reads reports and imports nothing', async () => {
      const report = await csv('01,General,ADMIN,');
      await setRole(web, member.company, 'viewer');
      try {
        expect(wordsOf(await page(PAGE))).to.include('viewer');
        await page(report);
        await upload('Code,Name\n01,Other').expect(403);
        const [record] = await records(web, member.company);
        await member.agent.post(`/cost-codes/${record?.id}/renamed`).type('form').send({ answer: 'new' }).expect(403);
      } finally {
        await setRole(web, member.company, 'admin');
      }
    });

    it('another company finds no report, and a foreign page sends no file', async () => {
      const report = await csv('01,General,ADMIN,');
      const stranger = new Person();
      const cookie = [...member.person.cookiesFor(web.url)].map(([name, value]) => `${name}=${value}`).join('; ');
      await request(web.url).post(PAGE).set('Cookie', cookie).set('Origin', 'https://evil.example').attach('file', Buffer.from('Code,Name\n1,x'), 'a.csv').expect(403);
      expect((await stranger.get(`${web.url}${report}`)).url).to.equal(`${web.url}/`);
      const unknown = report.replace(/\w{24}$/, 'a'.repeat(24));
      await member.agent.get(unknown).expect(404);
      await member.agent.get(`${unknown}/rows`).expect(404);
    });
  });
});
