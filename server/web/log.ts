import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { pinoHttp } from 'pino-http';
import type { WebConfig } from './config.ts';

/**
 * One line per request: method, path, status, time, request id. No query, no header, no body: those can hold codes, states and names
 * (quickbooks.md S5).
 */
export function requestLog({ log }: Pick<WebConfig, 'log'>): RequestHandler {
  return pinoHttp<Request, Response>({
    logger: log,
    genReqId: () => randomUUID(),
    serializers: {
      req: (req: { id: unknown; method: unknown; url?: string }) => ({ id: req.id, method: req.method, path: req.url?.split('?')[0] }),
      res: (res: { statusCode: unknown }) => ({ status: res.statusCode }),
      err: (error: { type?: string }) => ({ type: error.type }),
    },
    customLogLevel: (_req, res) => (res.statusCode >= 500 ? 'error' : 'info'),
  });
}

export function requestIdOf(req: Request): string {
  return typeof req.id === 'string' ? req.id : '';
}
