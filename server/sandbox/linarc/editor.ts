import express from 'express';
import type { ErrorRequestHandler, Request, Response, Router } from 'express';
import helmet from 'helmet';
import { z } from 'zod';

import { Refusal, nothingHere, parsedAs, pathValue, refusalOf, sameOrigin } from './answers.ts';
import type { Company } from './companies.ts';
import { formPage, listAddress, listPage, messagePage } from './pages.ts';
import type { FormValues, Notice } from './pages.ts';
import { BLANK_FIELDS, CATEGORIES, costCodeFields } from './records.ts';
import type { CostCode, CostCodeFields } from './records.ts';
import { STYLE } from './style.ts';

const headers = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // With no referrer at all, older browsers send the Origin "null" that sameOrigin refuses.
  referrerPolicy: { policy: 'same-origin' },
  // The sandbox speaks plain HTTP on this machine.
  strictTransportSecurity: false,
});

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
<path fill="#8a4b00" d="M2 2h12v4H2zm0 5h8v4H2zm0 5h12v2H2z"/></svg>`;

const said = z.enum(['added', 'saved', 'deleted', 'activated', 'deactivated', 'locked', 'unlocked']);

const shortText = z.string().max(200).catch('');
const listQuery = z.object({
  company: shortText,
  q: shortText,
  status: shortText,
  category: shortText,
  page: z.coerce.number<string>().int().min(1).catch(1),
  done: said.optional().catch(undefined),
  code: shortText,
});

/** The page on which a person edits the libraries. Plain forms; it needs no script. */
export function editorRouter(companies: readonly [Company, ...Company[]]): Router {
  const router = express.Router();
  router.use(headers, sameOrigin(true), express.urlencoded({ extended: false, limit: '100kb' }));
  router.get('/style.css', (_req, res) => void res.type('css').send(STYLE));
  router.get('/icon.svg', (_req, res) => void res.type('svg').send(ICON));
  router.get('/', (req, res) => showList(companies, req, res));
  router.use('/cost-codes', codeRoutes(companies));
  router.use(nothingHere);
  router.use(pageErrors(companies));
  return router;
}

function showList(companies: readonly [Company, ...Company[]], req: Request, res: Response): void {
  const { done, code, ...asked } = parsedAs(listQuery, req.query, 'query');
  const company = companies.find(({ id }) => id === asked.company) ?? companies[0];
  sendPage(
    res,
    200,
    listPage({ companies, company, filter: { ...asked, company: company.id }, notice: done ? noticeOf(done, code) : null }),
  );
}

function codeRoutes(companies: readonly Company[]): Router {
  const router = express.Router();
  const companyOf = (req: Request): Company => {
    const company = companies.find(({ id }) => id === req.query.company);
    if (!company) throw new Refusal(404, 'not_found', 'There is no company with this id.');
    return company;
  };
  const recordOf = (req: Request): CostCode => {
    const record = companyOf(req).library.get(pathValue(req, 'id'));
    if (!record) throw new Refusal(404, 'not_found', 'This cost code is gone: it was deleted, or the sandbox was reset.');
    return record;
  };
  /** The record of a form that may change it. A locked code stays as it is, whatever an old page still offers. */
  const freeRecordOf = (req: Request): CostCode => {
    const record = recordOf(req);
    if (record.locked)
      throw new Refusal(409, 'locked', 'This code is locked because a project uses it. Unlock it on its page first.');
    return record;
  };
  const backToList = (req: Request, res: Response, done: z.infer<typeof said>, record: CostCode): void => {
    res.redirect(303, withNotice(backAddress(req.body, companyOf(req)), done, record.costCode || record.costCodeName));
  };

  const showForm = (req: Request, res: Response, record: CostCode | null, refused?: RefusedForm): void => {
    const company = companyOf(req);
    const form = refused ?? { values: valuesOf(record ?? BLANK_FIELDS), faults: {} };
    const back = backAddress({ ...req.query, ...req.body }, company);
    sendPage(res, refused ? 422 : 200, formPage({ companies, company, record, back, ...form, notice: refused ? REFUSED : null }));
  };

  router.get('/new', (req, res) => {
    showForm(req, res, null);
  });
  router.post('/', (req, res) => {
    const form = readForm(req.body);
    if (form.fields) backToList(req, res, 'added', companyOf(req).library.add(form.fields));
    else showForm(req, res, null, form);
  });
  router.get('/:id', (req, res) => {
    showForm(req, res, recordOf(req));
  });
  router.post('/:id', (req, res) => {
    const record = freeRecordOf(req);
    const form = readForm(req.body);
    if (form.fields) backToList(req, res, 'saved', companyOf(req).library.change(record.id, form.fields) ?? record);
    else showForm(req, res, record, form);
  });
  router.post('/:id/status', (req, res) => {
    const record = freeRecordOf(req);
    const { status } = parsedAs(z.object({ status: z.enum(['active', 'inactive']) }), req.body, 'status');
    companyOf(req).library.change(record.id, { status });
    backToList(req, res, status === 'active' ? 'activated' : 'deactivated', record);
  });
  router.post('/:id/lock', (req, res) => {
    const record = recordOf(req);
    const { locked } = parsedAs(z.object({ locked: z.enum(['yes', 'no']) }), req.body, 'locked');
    companyOf(req).library.change(record.id, { locked: locked === 'yes' });
    backToList(req, res, locked === 'yes' ? 'locked' : 'unlocked', record);
  });
  router.post('/:id/delete', (req, res) => {
    const record = freeRecordOf(req);
    companyOf(req).library.remove(record.id);
    backToList(req, res, 'deleted', record);
  });
  return router;
}

const REFUSED: Notice = { text: 'Nothing was saved yet: correct the marked fields first.', bad: true };

/** Where a form returns to: the list it was on, or the company's list. Only this page's own list may be named. */
function backAddress(input: unknown, company: Company): string {
  const back = z.object({ back: z.string().max(2_000).regex(/^\/\?/) }).safeParse(input);
  return back.success ? back.data.back : listAddress({ company: company.id });
}

function withNotice(address: string, done: z.infer<typeof said>, code: string): string {
  const query = new URLSearchParams(address.slice(address.indexOf('?') + 1));
  query.set('done', done);
  query.set('code', code.slice(0, 60));
  return `/?${query.toString()}`;
}

function noticeOf(done: z.infer<typeof said>, code: string): Notice {
  return { text: `${code.trim() || 'The cost code'} was ${done}. The next import or retry reads it so.` };
}

const emptyIsNull = (value: unknown): unknown => (typeof value === 'string' && value.trim() === '' ? null : value);
const amount = z.preprocess(
  emptyIsNull,
  z.coerce.number('Enter a number, or leave it empty.').min(0, 'Enter 0 or more.').max(1e12, 'This is too large.').nullable(),
);
const tooLong = (longest: number): string => `At most ${longest} characters.`;

/** A submitted form. Code and name may be empty or odd, as in Linarc's own library; blanks at their ends stay too. */
const submitted = z.object({
  costCode: z.string().max(500, tooLong(500)),
  costCodeName: z.string().max(500, tooLong(500)),
  divisionCode: z.preprocess(emptyIsNull, z.string().max(50, tooLong(50)).nullable()),
  divisionName: z.preprocess(emptyIsNull, z.string().max(200, tooLong(200)).nullable()),
  costTypeCategory: z.enum(CATEGORIES, 'Choose one of the categories.'),
  costType: z.preprocess(emptyIsNull, costCodeFields.shape.costType),
  costAttribution: z.preprocess(emptyIsNull, costCodeFields.shape.costAttribution),
  quantity: amount,
  effort: amount,
  unit: z.preprocess(emptyIsNull, z.string().max(50, tooLong(50)).nullable()),
  status: z.enum(['active', 'inactive'], 'Choose active or inactive.'),
  color: z.preprocess(
    emptyIsNull,
    z
      .string()
      .regex(/^#[0-9a-f]{6}$/i, 'Write it as # and six digits, such as #0b6472.')
      .nullable(),
  ),
});

type RefusedForm = { readonly values: FormValues; readonly faults: Readonly<Record<string, string>> };
type ReadForm = { readonly fields: Omit<CostCodeFields, 'locked'> } | (RefusedForm & { readonly fields: null });

function readForm(body: unknown): ReadForm {
  const read = submitted.safeParse(body);
  if (read.success) return { fields: read.data };
  const faults: Record<string, string> = {};
  for (const { path, message } of read.error.issues) faults[String(path[0])] ??= message;
  const texts = z.record(z.string(), z.string().catch('')).catch({}).parse(body);
  return { fields: null, values: texts, faults };
}

function valuesOf(fields: CostCodeFields): FormValues {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value === null ? '' : String(value)]));
}

function sendPage(res: Response, status: number, page: string): void {
  res.status(status).set('cache-control', 'no-store').type('html').send(page);
}

const pageErrors =
  (companies: readonly Company[]): ErrorRequestHandler =>
  (error: unknown, _req, res, next) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const { status, message } = refusalOf(error);
    sendPage(res, status, messagePage(companies, TITLES[status] ?? 'That did not work', message));
  };

const TITLES: Readonly<Record<number, string>> = { 403: 'Not allowed', 404: 'Not found', 409: 'Locked', 422: 'Not understood' };
