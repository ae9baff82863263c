import { setTimeout as pause } from 'node:timers/promises';

import express from 'express';
import type { Request, RequestHandler, Response, Router } from 'express';
import { z } from 'zod';

import { Refusal, errorBody, jsonErrors, nothingHere, parsedAs, pathValue, sendJson } from './answers.ts';
import type { CallLog } from './calls.ts';
import type { Company } from './companies.ts';
import { answerFault, bent, sendTruncated } from './faults.ts';
import type { Fault, FaultBoard } from './faults.ts';
import type { Place, Question } from './library.ts';
import { CATEGORIES } from './records.ts';
import { MOST_WEBHOOKS, webhookOrder } from './webhooks.ts';

export type ApiParts = {
  readonly companies: readonly Company[];
  readonly faults: FaultBoard;
  readonly calls: CallLog;
  readonly latencyMs: number;
  /** Told when the registered webhooks of a company changed. */
  readonly onWebhooks: (company: Company) => void;
};

const MOST_IDS = 100;

const listQuery = z.object({
  limit: z.coerce.number<string>().int().min(1).max(500).default(100),
  cursor: z.string().max(2_000).optional(),
  updatedSince: z.iso.datetime({ offset: true }).optional(),
  search: z.string().max(200).optional(),
  ids: z.string().max(10_000).optional(),
  costTypeCategory: z.enum(CATEGORIES).optional(),
  divisionCode: z.string().max(50).optional(),
  status: z.enum(['active', 'inactive']).optional(),
});

const cursorContent = z.object({ id: z.string(), updatedAt: z.string().optional(), of: z.string() });

/** The API of server/linarc/openapi.json. */
export function apiRouter(parts: ApiParts): Router {
  const router = express.Router();
  router.use(record(parts), disturb(parts), authenticate(parts));
  router.get('/company', (_req, res) => answer(res, 200, companyBody(companyOf(res))));
  router.use('/companies/:companyId', ownCompany);
  router.get('/companies/:companyId', (_req, res) => answer(res, 200, companyBody(companyOf(res))));
  router.get('/companies/:companyId/cost-codes', listCostCodes);
  router.get('/companies/:companyId/cost-codes/:id', readCostCode);
  router.use('/companies/:companyId/webhooks', webhookRoutes(parts));
  router.use(nothingHere);
  router.use(jsonErrors);
  return router;
}

const companyOf = (res: Response): Company => res.locals.company as Company;

const companyBody = ({ id, name, library }: Company): unknown => ({ id, name, costCodeCount: library.size });

function record({ calls }: ApiParts): RequestHandler {
  return (req, res, next) => {
    const finish = calls.begin(req);
    res.on('close', () => finish(res.writableFinished ? res.statusCode : null, companyOf(res)?.id ?? null));
    next();
  };
}

/** Lets the network be slow or broken, as was ordered. */
function disturb({ faults, latencyMs }: ApiParts): RequestHandler {
  return async (req, res, next) => {
    const fault = faults.take(req.method, `${req.baseUrl}${req.path}`);
    res.locals.fault = fault;
    const wait = latencyMs + (fault?.kind === 'delay' ? fault.ms : 0);
    if (wait > 0) await pause(wait, undefined, { ref: false });
    if (answerFault(res, fault)) return;
    if (fault?.kind === 'status') {
      if (fault.retryAfter !== undefined) res.set('retry-after', String(fault.retryAfter));
      const code = fault.status === 429 ? 'too_many_requests' : 'ordered_fault';
      sendJson(res, fault.status, errorBody(code, `The sandbox was told to answer ${fault.status}.`));
      return;
    }
    next();
  };
}

function authenticate({ companies }: ApiParts): RequestHandler {
  return (req, res, next) => {
    const key = /^Bearer (\S+)$/i.exec(req.headers.authorization ?? '')?.[1];
    const company = companies.find(({ apiKey }) => apiKey === key);
    if (!company) {
      res.set('www-authenticate', 'Bearer');
      const given = key !== undefined;
      throw new Refusal(
        401,
        given ? 'unknown_key' : 'missing_key',
        given ? 'The API key is not known.' : 'Send the API key as a bearer token.',
      );
    }
    res.locals.company = company;
    next();
  };
}

/** A key opens its own company. Whether another company exists is nothing it may learn. */
const ownCompany: RequestHandler = (req, res, next) => {
  if (pathValue(req, 'companyId') !== companyOf(res).id)
    throw new Refusal(403, 'other_company', 'The API key belongs to another company.');
  next();
};

const listCostCodes: RequestHandler = (req, res) => {
  const query = parsedAs(listQuery, req.query, 'query');
  const question = questionOf(query);
  const of = JSON.stringify(question);
  const after = query.cursor ? placeOf(query.cursor, of) : null;
  const page = companyOf(res).library.page(question, query.limit, after);
  const nextCursor = page.next && Buffer.from(JSON.stringify({ ...page.next, of })).toString('base64url');
  const before = after && companyOf(res).library.get(after.id);
  answer(res, 200, { items: page.items, nextCursor, total: page.total }, before, query.cursor);
};

function questionOf({ updatedSince, search, ids, status, costTypeCategory: category, divisionCode: division }: z.infer<typeof listQuery>): Question {
  const named = ids?.split(',').filter((id) => id !== '');
  if (named && named.length > MOST_IDS) {
    throw new Refusal(422, 'invalid_parameter', `"ids" names ${named.length} codes; at most ${MOST_IDS} fit in one call.`);
  }
  const since = updatedSince && new Date(updatedSince).toISOString();
  return { updatedSince: since, search: search?.trim() || undefined, ids: named, status, category, division: division || undefined };
}

/** The place a cursor stands for. It only fits the question it was given out for. */
function placeOf(cursor: string, of: string): Place {
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    content = null;
  }
  const read = cursorContent.safeParse(content);
  if (!read.success || read.data.of !== of) {
    throw new Refusal(422, 'invalid_cursor', 'The cursor is not one this listing gave out. Begin again without a cursor.');
  }
  return read.data;
}

const readCostCode: RequestHandler = (req, res) => {
  const costCode = companyOf(res).library.get(pathValue(req, 'id'));
  if (!costCode) throw new Refusal(404, 'not_found', 'There is no cost code with this id.');
  answer(res, 200, costCode);
};

function webhookRoutes({ onWebhooks }: ApiParts): Router {
  const router = express.Router();
  router.get('/', (_req, res) => {
    answer(res, 200, { items: companyOf(res).webhooks.webhooks.map(({ secret: _secret, ...shown }) => shown) });
  });
  router.post('/', express.json({ limit: '100kb' }), (req: Request, res) => {
    const company = companyOf(res);
    const order = parsedAs(webhookOrder, req.body, 'body');
    if (company.webhooks.webhooks.length >= MOST_WEBHOOKS) {
      throw new Refusal(422, 'too_many_webhooks', `A company has at most ${MOST_WEBHOOKS} webhooks. Remove one first.`);
    }
    const webhook = company.webhooks.register(order);
    onWebhooks(company);
    answer(res, 201, webhook);
  });
  router.delete('/:id', (req, res) => {
    const company = companyOf(res);
    if (!company.webhooks.unregister(pathValue(req, 'id')))
      throw new Refusal(404, 'not_found', 'There is no webhook with this id.');
    onWebhooks(company);
    res.status(204).end();
  });
  return router;
}

/** Sends an answer, bent or cut when a fault was ordered for this call. */
function answer(res: Response, status: number, body: unknown, before?: unknown, cursor?: string): void {
  const fault = res.locals.fault as Fault | null;
  if (fault?.kind === 'truncate') sendTruncated(res, status, body);
  else sendJson(res, status, bent(body, fault, before, cursor));
}
