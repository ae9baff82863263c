import { parse } from 'csv-parse/sync';
import { expect } from 'chai';
import fc from 'fast-check';
import { unguarded } from '../../server/core/cells.ts';
import { FACT_KINDS, type Fact, type StagedRecord } from '../../server/core/records.ts';
import { HISTORY_GROUPS } from '../../server/web/present/history.ts';
import { jsonScript, jsonTokens, pretty } from '../../server/web/present/json.ts';
import { wordsOf } from '../support/forms.ts';
import { sampleExchange, sampleRecord } from './samples.ts';
import { comeIn, importAll, records, startWeb, type Member, type WebProduct } from './support.ts';

describe('JSON on the screen', () => {
  it('is coloured piece by piece, and the pieces are the text itself', () => {
    fc.assert(fc.property(fc.json(), (text) => {
      const shown = pretty(JSON.parse(text));
      expect(jsonTokens(shown).map((token) => token.text).join('')).to.equal(shown);
    }));
    const kinds = jsonTokens('{\n  "a:\\"": ["x: 1", -1.5e3, true, null]\n}').filter(({ kind }) => kind !== 'plain').map(({ kind, text }) => `${kind} ${text}`);
    expect(kinds).to.deep.equal(['key "a:\\""', 'string "x: 1"', 'number -1.5e3', 'word true', 'word null']);
  });

  it('holds no secret, whether its name or its shape tells, nor the realm id wherever it stands', () => {
    const canaries = {
      access_token: 'canary1', nested: [{ Authorization: 'canary2', cookie: 'canary3' }], note: 'sent with Bearer canary4abcdefgh', detail: 'company 4620816365 said no',
      id: 'eyJjYW5hcnk1.eyJjYW5hcnk2.c2ln', '4620816365': 1,
    };
    const { blocks } = jsonScript(sampleRecord('01', 'A', { raw: canaries }), { ...sampleExchange, request: canaries, response: canaries }, ['4620816365']);
    const text = blocks.flatMap(({ tokens }) => tokens.map((token) => token.text)).join('');
    expect(text).to.not.match(/canary\d|eyJ/).and.to.not.include('company 4620816365');
    expect(text).to.include('company removed said no');
  });

  it('has a place for each kind of fact in one group', () => {
    const grouped = Object.values(HISTORY_GROUPS).flatMap(({ kinds }): readonly string[] => kinds);
    expect([...grouped].sort()).to.deep.equal([...FACT_KINDS].sort());
  });
});

describe('Change History on its page', () => {
  let web: WebProduct;
  let member: Member;
  let one: StagedRecord;

  before(async () => {
    web = await startWeb({ codes: 12 });
    member = await comeIn(web);
    await importAll(web, member);
    const found = (await records(web, member.company)).find(({ status }) => status === 'needs_sync');
    if (!found) throw new Error('nothing to sync');
    one = found;
    await member.agent.post('/runs').type('form').send({ scope: 'ids', id: one.id }).expect(303);
    await web.idle();
  });
  after(() => web.close());

  const page = async (search = '') => (await member.agent.get(`/cost-codes/${one.id}/history${search}`).expect(200)).text;
  const csv = async (search = '') => {
    const { text, headers } = await member.agent.get(`/cost-codes/${one.id}/history.csv${search}`).expect(200).buffer(true);
    return { text, headers, rows: parse(text, { bom: true, columns: true }) as Record<string, string>[] };
  };
  const fact = (id: string, change: Partial<Fact>): Fact => ({
    id, record: one.id, at: new Date(Date.now() + 60_000), by: { kind: 'person', userId: 'u', name: 'Mara' }, kind: 'changed', changes: [], run: null, exchange: null, problem: null, ...change,
  });

  it('tells each sync attempt with outcome, duration, request, answer and trace, and who asked', async () => {
    const html = await page();
    expect(wordsOf(html.split('<ol')[1] ?? '')).to.match(/Class created in QuickBooks .*by Mara Keller Run Class .* Create · HTTP 200 · \d+ ms · intuit_tid \S+ Request \{ .* Answer \{/).and.to.match(/Imported from Linarc .*Import by Mara Keller/);
    expect(html.indexOf('Class created')).to.be.lessThan(html.lastIndexOf('Imported from Linarc'), 'newest first');
    expect(html).to.include('<span class="j-key">&#34;Name&#34;</span>');
    expect(html).to.not.include(await web.world.companies.realmId(member.company));
  });

  it('shows a group of kinds or one kind, and says so when there is none', async () => {
    expect(wordsOf((await page('?kind=sync')).split('<ol')[1] ?? '')).to.include('Class created').and.to.not.include('Imported');
    expect(wordsOf((await page('?kind=imported')).split('<ol')[1] ?? '')).to.include('Imported').and.to.not.include('Class created');
    expect(wordsOf(await page('?kind=gone'))).to.include('Nothing of this kind has happened yet.');
    expect(await page('?kind=nonsense&before=nonsense')).to.include('Class created');
  });

  it('pages through what happened in one moment without leaving any out', async () => {
    const at = new Date(Date.now() + 120_000);
    await web.world.history.add(member.company, Array.from({ length: 130 }, (_, n) => fact(`many${n}`, { at, changes: [{ field: 'Effort', from: `${n}`, to: `${n + 1}h` }] })));
    const seen: string[] = [];
    for (let html = await page('?kind=changed'); ;) {
      seen.push(...[...html.matchAll(/<ins>(\d+)h<\/ins>/g)].map(([, n]) => n ?? ''));
      const older = /href="([^"]+)"[^>]*>Older/.exec(html)?.[1]?.replaceAll('&amp;', '&');
      if (!older) break;
      html = await page(older.slice(older.indexOf('?')));
      expect(html).to.include('>Newest<');
    }
    expect(new Set(seen).size).to.equal(130);
    expect(seen).to.have.length(130);
    expect((await csv('?kind=changed')).rows.filter(({ Field }) => Field === 'Effort')).to.have.length(130);
  });

  it('goes out as CSV with what a reviewer needs', async () => {
    const { rows, headers } = await csv('?kind=sync');
    expect(headers['content-type']).to.equal('text/csv; charset=utf-8');
    expect(headers['content-disposition']).to.match(/^attachment; filename="Change History of .*\.csv"$/);
    const created = rows.find(({ What }) => What === 'Class created in QuickBooks');
    expect(created).to.include({ By: 'Mara Keller', Operation: 'Create', 'HTTP status': '200' });
    expect(created?.['Milliseconds']).to.match(/^\d+$/);
    expect(created?.['intuit_tid']).to.match(/\S/);
    expect(JSON.parse(created?.['Request'] ?? '')).to.be.an('object');
    expect(rows.some(({ What }) => What === 'Imported from Linarc')).to.equal(false);
  });

  it('lets no cell begin as a formula, and gives the text back unharmed', async () => {
    const nasty = ['=1+1', '+1', '-01', '@SUM(A1)', '\tx', '\rx', '\nx', "'=x", '0x', '"quoted", and\nlines', 'plain'];
    await web.world.history.add(member.company, [fact('nasty', { kind: 'accepted', changes: nasty.map((to) => ({ field: 'Task Name', from: null, to })), by: { kind: 'person', userId: 'u', name: '=cmd|x' } })]);
    const { rows, text } = await csv('?kind=accepted');
    expect(rows.map(({ To = '' }) => unguarded(To))).to.deep.equal(nasty);
    for (const cell of rows.flatMap((row) => Object.values(row))) expect(cell).to.not.match(/^[=+\-@\t\r\n\0]/);
    expect(text.startsWith('\uFEFF')).to.equal(true);
  });
});
