import express from 'express';
import type { Request, Router } from 'express';
import { z } from 'zod';

import { Refusal, jsonErrors, nothingHere, onlyLoopback, parsedAs, pathValue, sameOrigin, sendJson } from './answers.ts';
import type { CallLog } from './calls.ts';
import type { Company } from './companies.ts';
import { faultOrder } from './faults.ts';
import type { FaultBoard } from './faults.ts';
import { costCodeFields } from './records.ts';
import { LibrarySourceError, MOST_GENERATED } from './sources.ts';
import type { LibrarySource } from './sources.ts';

export type ControlParts = {
  readonly companies: readonly Company[];
  readonly faults: FaultBoard;
  readonly calls: CallLog;
  /** Makes all libraries anew, the first company's from this source. Throws LibrarySourceError. */
  readonly reset: (source: LibrarySource) => void;
};

const resetOrder = z
  .union([
    z.strictObject({ codes: z.int().min(0).max(MOST_GENERATED).optional() }),
    z.strictObject({ library: z.string().min(1).max(4_000) }),
  ])
  .default({});
const someFields = costCodeFields.partial();
const companyQuery = z.object({ company: z.string().optional() });
const sinceQuery = z.object({ since: z.coerce.number<string>().int().min(0).default(0) });

/**
 * The calls that drive the sandbox (design.md §8): JSON, from this machine only. `?company=` names another company than the
 * first one.
 */
export function controlRouter(parts: ControlParts): Router {
  const { companies, faults, calls } = parts;
  const router = express.Router();
  const chosen = (req: Request): Company => chosenCompany(companies, req);
  router.use(onlyLoopback, sameOrigin(false), express.json({ limit: '100kb' }));

  router.get('/companies', (_req, res) => {
    sendJson(res, 200, {
      companies: companies.map(({ id, name, apiKey, library }) => ({ id, name, apiKey, costCodeCount: library.size })),
    });
  });
  router.post('/reset', (req, res) => {
    resetTo(parts, parsedAs(resetOrder, req.body, 'body'));
    sendJson(res, 200, { costCodeCount: chosen(req).library.size });
  });
  router.post('/cost-codes', (req, res) => {
    sendJson(res, 201, chosen(req).library.add(defined(parsedAs(someFields, req.body ?? {}, 'body'))));
  });
  router.patch('/cost-codes/:id', (req, res) => {
    const fields = defined(parsedAs(someFields, req.body, 'body'));
    sendJson(res, 200, found(chosen(req).library.change(pathValue(req, 'id'), fields)));
  });
  router.delete('/cost-codes/:id', (req, res) => {
    found(chosen(req).library.remove(pathValue(req, 'id')));
    res.status(204).end();
  });
  router.post('/faults', (req, res) => {
    faults.add(parsedAs(faultOrder, req.body, 'body'));
    res.status(204).end();
  });
  router.delete('/faults', (_req, res) => {
    faults.clear();
    res.status(204).end();
  });
  router.get('/calls', (req, res) => {
    sendJson(res, 200, calls.since(parsedAs(sinceQuery, req.query, 'query').since));
  });
  router.use(nothingHere);
  router.use(jsonErrors);
  return router;
}

function chosenCompany(companies: readonly Company[], req: Request): Company {
  const { company } = parsedAs(companyQuery, req.query, 'query');
  const chosen = company === undefined ? companies[0] : companies.find(({ id }) => id === company);
  if (!chosen) throw new Refusal(404, 'not_found', 'There is no company with this id.');
  return chosen;
}

function resetTo({ reset, faults, calls }: ControlParts, source: LibrarySource): void {
  try {
    reset(source);
  } catch (error) {
    if (error instanceof LibrarySourceError) throw new Refusal(422, 'invalid_library', error.message);
    throw error;
  }
  faults.clear();
  calls.clear();
}

function found<T>(record: T | undefined): T {
  if (record === undefined) throw new Refusal(404, 'not_found', 'There is no cost code with this id.');
  return record;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that were given; those left out are left alone. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
