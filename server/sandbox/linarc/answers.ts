import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';

/** A call that cannot be done, with the code and sentence the caller gets. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const errorBody = (code: string, message: string): { error: { code: string; message: string } } => ({
  error: { code, message },
});

/** Reads outside input by a schema; a Refusal of 422 names the first field that does not fit. */
export function parsedAs<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const read = schema.safeParse(input);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  const field = issue?.path.join('.') || what;
  throw new Refusal(422, 'invalid_parameter', `"${field}" is not valid: ${issue?.message ?? 'unknown form'}.`);
}

/** What an error is to the caller: a Refusal as it says, a body that express cannot read as 422, anything else as 500. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500;
  if (status === 413) return new Refusal(422, 'body_too_large', 'The body is larger than 100 kB.');
  if (status < 500) return new Refusal(422, 'invalid_request', 'The request cannot be read: its address or body is malformed.');
  return new Refusal(500, 'internal', 'The Linarc sandbox failed to answer.');
}

export const jsonErrors: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  const refusal = refusalOf(error);
  res.status(refusal.status).json(errorBody(refusal.code, refusal.message));
};

export const nothingHere: RequestHandler = (req) => {
  throw new Refusal(404, 'not_found', `There is nothing at ${req.method} ${req.baseUrl}${req.path}.`);
};

/** One value of a route's path. */
export const pathValue = (req: Request, name: string): string => String(req.params[name]);

const LOCAL_ADDRESS = /^(::1|(::ffff:)?127(\.\d{1,3}){3})$/;
const LOCAL_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Control calls are for this machine alone, also when a foreign page points its own host name here. */
export const onlyLoopback: RequestHandler = (req, _res, next) => {
  if (!LOCAL_ADDRESS.test(req.socket.remoteAddress ?? '') || !LOCAL_HOST.test(req.headers.host ?? '')) {
    throw new Refusal(403, 'loopback_only', 'The control calls of the sandbox answer only on the machine it runs on.');
  }
  next();
};

/**
 * Refuses writes that another site's page makes in the name of the person at the browser (engineering.md §4.2): browsers say
 * `Sec-Fetch-Site`, older ones `Origin`. A call that says neither comes from no browser; `browsersOnly` refuses it as well.
 */
export function sameOrigin(browsersOnly: boolean): RequestHandler {
  return (req, res, next) => {
    res.vary('Sec-Fetch-Site').vary('Origin');
    if (req.method === 'GET' || req.method === 'HEAD' || cameFromHere(req, !browsersOnly)) next();
    else
      throw new Refusal(
        403,
        'foreign_origin',
        'This form was not sent from the sandbox’s own page. Open the page and send it from there.',
      );
  };
}

function cameFromHere(req: Request, otherwise: boolean): boolean {
  const site = req.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const origin = req.headers.origin;
  return origin === undefined ? otherwise : origin === `${req.protocol}://${req.headers.host ?? ''}`;
}

/** Answers JSON that nobody keeps. */
export function sendJson(res: Response, status: number, body: unknown): void {
  res.status(status).set('cache-control', 'no-store').json(body);
}
