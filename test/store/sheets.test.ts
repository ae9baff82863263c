import { expect } from 'chai';
import type { SheetRow } from '../../server/core/ports.ts';
import { problem } from '../../server/core/problems.ts';
import type { Tenant } from '../../server/core/records.ts';
import { NO_SHEET_COUNTS, type RowResult, type SheetReport, type SheetReports } from '../../server/core/sheets.ts';
import { AT, openTestStores, type OpenedStores } from './fixture.ts';

let opened: OpenedStores;
let sheets: SheetReports;
let next = 0;

const company = () => String((next += 1)).padStart(24, '0') as Tenant;
const idOf = (n: number) => n.toString(16).padStart(24, '0');

function report(n: number, change: Partial<SheetReport> = {}): SheetReport {
  return {
    id: idOf(n), fileName: 'codes.xlsx', takeNumbers: false, by: 'Maria', at: new Date(AT.getTime() + n), endedAt: null, state: 'running', problem: null,
    sheet: 'Codes', generation: 'middle', headerRow: 1, headers: ['Cost Code', 'Odd.$label'], fields: ['code'], total: 0, counts: NO_SHEET_COUNTS, ...change,
  };
}

function row(number: number, text = `${number}`): SheetRow {
  return { number, code: text, name: 'Name', raw: { 'Cost Code': text, 'Odd.$label': '' }, costCode: null, unreadable: null, doubts: [] };
}

const added: RowResult = { outcome: 'added', reason: null, record: 'r' };
const refused: RowResult = { outcome: 'not_staged', reason: problem('sheet_code_missing'), record: null };
const ALL = { outcomes: [], after: 0, limit: 1_000 } as const;

describe('The store of spreadsheets', () => {
  before(async () => {
    opened = await openTestStores();
    sheets = opened.stores.sheets;
  });
  after(() => opened.close());

  it('gives back a report and its rows as they were, labels with dots and dollars too', async () => {
    const of = company();
    await sheets.begin(of, report(1), [row(2), row(4)]);
    expect(await sheets.get(of, idOf(1))).to.deep.equal(report(1));
    expect(await sheets.rows(of, idOf(1), ALL)).to.deep.equal([{ row: row(2), result: null }, { row: row(4), result: null }]);
  });

  it('finds rows by what became of them, page by page in the file’s order', async () => {
    const of = company();
    const rows = Array.from({ length: 450 }, (_, at) => row(at + 2));
    await sheets.begin(of, report(2), rows);
    const results = rows.map((_, at) => (at % 7 === 3 ? refused : added));
    await sheets.end(of, idOf(2), { state: 'done', problem: null, endedAt: AT, counts: { ...NO_SHEET_COUNTS, added: 386, not_staged: 64 } }, results);
    const wanted = rows.filter((_, at) => at % 7 === 3).map(({ number }) => number);
    const found: number[] = [];
    for (let page = [0]; page.length > 0;) {
      const some = await sheets.rows(of, idOf(2), { outcomes: ['not_staged', 'needs_action'], after: found.at(-1) ?? 0, limit: 10 });
      expect(some.every(({ result }) => result?.outcome === 'not_staged')).to.equal(true);
      page = some.map((kept) => kept.row.number);
      found.push(...page);
    }
    expect(found).to.deep.equal(wanted);
    expect(await sheets.get(of, idOf(2))).to.deep.include({ state: 'done', endedAt: AT });
    expect((await sheets.rows(of, idOf(2), { ...ALL, after: 450 })).map((kept) => kept.row.number)).to.deep.equal([451]);
  });

  it('keeps rows too long for one document', async () => {
    const of = company();
    const long = Array.from({ length: 30 }, (_, at) => row(at + 2, 'x'.repeat(900_000)));
    await sheets.begin(of, report(3), long);
    expect(await sheets.rows(of, idOf(3), ALL)).to.have.length(30);
  });

  it('lists the newest first, and nothing of another company', async () => {
    const [of, other] = [company(), company()];
    await sheets.begin(of, report(5), []);
    await sheets.begin(of, report(6), []);
    await sheets.begin(other, report(7), [row(2)]);
    expect((await sheets.recent(of, 5)).map(({ id }) => id)).to.deep.equal([idOf(6), idOf(5)]);
    expect(await sheets.get(of, idOf(7))).to.equal(null);
    expect(await sheets.rows(of, idOf(7), ALL)).to.deep.equal([]);
  });
});
