import { Router, type Request } from 'express';
import { z } from 'zod';
import { ProblemError, problem } from '../../core/problems.ts';
import { LARGEST_SHEET, TEMPLATE_HEADINGS, type KeptRow, type SheetOutcome, type SheetReport } from '../../core/sheets.ts';
import { settleRename } from '../../sync/renamed.ts';
import { importAgain, startSheetImport } from '../../sync/spreadsheet.ts';
import { sendCsv } from '../csv.ts';
import { NotFound } from '../errors.ts';
import { bodyOf, paramsOf, withId } from '../input.ts';
import { paths, pathTo } from '../paths.ts';
import { notice, problemNotice, type Notice } from '../present/notice.ts';
import {
  MOST_IN_WORKBOOK, outcomesOf, REPORT_HEADINGS, reportCells, SHEET_PAGE, SHEET_VIEWS, sheetReportPage, spreadsheetPage, viewOf,
} from '../present/spreadsheet.ts';
import { takeNotice } from '../session.ts';
import { uploadOf } from '../upload.ts';
import { actorOf, memberOf, membersOnly, operatorsOnly } from '../visit.ts';
import { backTo, done, type Web } from '../web.ts';

const RECENT = 20;
/** Rows for somebody to fill in, in the template. */
const BLANK = 300;
const ROWS_AT_ONCE = 500;
const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** Import of spreadsheets: the form with its template, a report for each file, and the decision whether a code was renamed. */
export function spreadsheetRoutes({ world, render }: Web): Router {
  const router = Router();

  const page = async (req: Request, said: Notice | null, takeNumbers = false) => {
    const { company, role } = memberOf(req);
    return spreadsheetPage({ company, role, recent: await world.sheets.recent(company.id, RECENT), notice: said, takeNumbers });
  };

  /** The report of this company with the id in the path; anybody else's is not found. */
  const reportOf = async (req: Request): Promise<SheetReport> => {
    const report = await world.sheets.get(memberOf(req).company.id, paramsOf(withId, req.params).id);
    if (report === null) throw new NotFound('import');
    return report;
  };

  async function* rowsOf(req: Request, report: SheetReport, outcomes: readonly SheetOutcome[]): AsyncIterable<KeptRow> {
    const { company } = memberOf(req);
    for (let after = 0; ;) {
      const rows = await world.sheets.rows(company.id, report.id, { outcomes, after, limit: ROWS_AT_ONCE });
      yield* rows;
      const last = rows.at(-1);
      if (!last) return;
      after = last.row.number;
    }
  }

  router.get(paths.spreadsheets, membersOnly, async (req, res) => {
    render(req, res, 'spreadsheet/import', await page(req, takeNotice(req)), { title: 'Import a spreadsheet' });
  });

  router.post(paths.spreadsheets, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const { file, fields, tooLarge } = await uploadOf(req, LARGEST_SHEET);
    const takeNumbers = fields['takeNumbers'] === 'yes';
    const again = async (said: Notice, status: number) =>
      render(req, res, 'spreadsheet/import', await page(req, said, takeNumbers), { title: 'Import a spreadsheet', status });
    if (file === null) return again(notice('bad', 'No file was chosen.', { next: 'Choose an Excel workbook (.xlsx) or a CSV file.' }), 422);
    if (tooLarge) return again(problemNotice(problem('sheet_too_large', { value: `it has more than ${LARGEST_SHEET / 1024 / 1024} MB` })), 413);
    try {
      const report = await startSheetImport(world, member.company.id, actorOf(member), { fileName: nameOf(file.name), bytes: file.bytes, takeNumbers });
      if (report === null) return await again(BUSY, 409);
      return done(req, res, pathTo('spreadsheet', report.id));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return again(problemNotice(error.problem), 422);
    }
  });

  router.get(paths.template, membersOnly, async (req, res) => {
    const { as } = fileSchema.parse(req.query);
    if (as === 'csv') return sendCsv(res, 'cost-codes.csv', TEMPLATE_HEADINGS, nothing());
    const bytes = await world.writeSpreadsheet({ name: 'Cost Codes', headings: TEMPLATE_HEADINGS, rows: [], blank: BLANK });
    return res.attachment('cost-codes.xlsx').type(XLSX).send(Buffer.from(bytes));
  });

  router.get(paths.spreadsheet, membersOnly, async (req, res) => {
    const { company, role } = memberOf(req);
    const report = await reportOf(req);
    const { show, after } = reportSchema.parse(req.query);
    const view = viewOf(show, report);
    const rows = report.state === 'running' ? [] : await world.sheets.rows(company.id, report.id, { outcomes: outcomesOf(view), after, limit: SHEET_PAGE + 1 });
    const pairs = rows.flatMap(({ result }) => (result?.reason?.code === 'perhaps_renamed' && result.record !== null ? [result.record] : []));
    const records = pairs.length === 0 ? [] : await world.costCodes.byIds(company.id, pairs);
    const undecided = new Set(records.filter((record) => record.problem?.code === 'perhaps_renamed').map(({ id }) => id));
    const model = sheetReportPage({ company, role, report, view, after, rows, undecided, notice: takeNotice(req) });
    render(req, res, 'spreadsheet/report', model, { title: `Import of ${report.fileName}` });
  });

  router.post(paths.spreadsheetAgain, membersOnly, operatorsOnly, async (req, res) => {
    const report = await reportOf(req);
    const member = memberOf(req);
    const again = await importAgain(world, member.company.id, actorOf(member), report);
    if (again === null) return done(req, res, pathTo('spreadsheet', report.id), BUSY);
    return done(req, res, pathTo('spreadsheet', again.id));
  });

  router.get(paths.spreadsheetRows, membersOnly, async (req, res) => {
    const report = await reportOf(req);
    const { only, as } = fileSchema.parse(req.query);
    const outcomes = outcomesOf(only);
    const headings = new Set(report.headers);
    for await (const { row } of rowsOf(req, report, outcomes)) for (const label of Object.keys(row.raw)) headings.add(label);
    const own = [...headings];
    const base = report.fileName.replace(/\.\w{1,5}$/, '') || 'rows';
    if (as === 'csv') return sendCsv(res, `${base}, ${only === 'all' ? 'result' : 'problems'}.csv`, [...own, ...REPORT_HEADINGS], cellsOf(rowsOf(req, report, outcomes), own));

    const rows: (readonly string[])[] = [];
    for await (const cells of cellsOf(rowsOf(req, report, outcomes), own)) if (rows.push(cells) === MOST_IN_WORKBOOK) break;
    const bytes = await world.writeSpreadsheet({ name: 'Cost Codes', headings: [...own, ...REPORT_HEADINGS], rows, blank: 0 });
    return res.attachment(`${base}, problems.xlsx`).type(XLSX).send(Buffer.from(bytes));
  });

  router.post(paths.renamed, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const { id } = paramsOf(withId, req.params);
    if ((await world.costCodes.get(member.company.id, id)) === null) throw new NotFound('cost code');
    const { answer, back } = bodyOf(renamedSchema, req.body);
    const record = await settleRename(world, member.company.id, actorOf(member), id, answer);
    const { code = '' } = record?.source ?? {};
    const said = record === null ? notice('info', 'Nothing was done: it was decided already, or one of the two is being synced.', { next: 'Look at it again.' })
      : answer === 'new' ? notice('good', `${code} is a code of its own and gets a class of its own.`)
        : notice('good', `The record and the class go on under ${code}.`, { next: 'The next sync renames the class; past reports then show the new name.' });
    done(req, res, backTo(back), said);
  });

  return router;
}

const BUSY = notice('info', 'An import is running already.', { next: 'Try again when it has ended.' });

async function* nothing(): AsyncIterable<readonly string[]> {}

async function* cellsOf(rows: AsyncIterable<KeptRow>, headings: readonly string[]): AsyncIterable<readonly string[]> {
  for await (const kept of rows) yield reportCells(kept, headings);
}

/** A file's name as it may be shown and stored. */
function nameOf(given: string): string {
  return given.replace(/\p{C}/gu, '').trim().slice(-200) || 'file';
}

const reportSchema = z.object({
  show: z.enum(SHEET_VIEWS).nullable().catch(null).default(null),
  after: z.coerce.number().int().min(0).max(10_000_000).catch(0).default(0),
});
const fileSchema = z.object({ as: z.enum(['xlsx', 'csv']).catch('csv').default('csv'), only: z.enum(['problems', 'all']).catch('all').default('all') });
const renamedSchema = z.object({ answer: z.enum(['renamed', 'new']), back: z.string().max(2000).default('') });
