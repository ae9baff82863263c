import { createHash, timingSafeEqual } from 'node:crypto';
import { Router, type Request, type RequestHandler } from 'express';
import type { WebConfig } from './config.ts';
import { paths } from './paths.ts';

/** How long the database may take before the process counts as not ready (engineering.md §5). */
const PING_MS = 500;

/** What the platform is told. */
export interface Health {
  /** Whether the database answers within so many milliseconds, and the process takes work. */
  ping(ms: number): Promise<boolean>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

/**
 * For the platform: no session, no log line, nothing secret. QuickBooks or Linarc being down does not make the app unready. Whoever
 * reaches these at all finds the process started: until then every address answers 503.
 */
export function healthRoutes({ ping, metrics }: Health, { metricsToken }: Pick<WebConfig, 'metricsToken'>): Router {
  const router = Router();
  const plain: RequestHandler = (_req, res, next) => {
    res.set('Cache-Control', 'no-store').type('text');
    next();
  };
  router.get([paths.livez, paths.startupz], plain, (_req, res) => void res.send('ok'));
  router.get(paths.readyz, plain, async (_req, res) => {
    const ready = await ping(PING_MS).catch(() => false);
    res.status(ready ? 200 : 503).send(ready ? 'ready' : 'stopping, or the database does not answer');
  });
  router.get(paths.metrics, plain, async (req, res) => {
    if (!mayRead(req, metricsToken)) return void res.status(403).send('For this machine, or with METRICS_TOKEN as bearer token.');
    res.set('Content-Type', metrics.contentType).send(await metrics.text());
  });
  return router;
}

/** With a token, who has it; without one, programs on this machine that no proxy stands in front of. */
function mayRead(req: Request, token: string | null): boolean {
  if (token !== null) return isSame(req.get('Authorization') ?? '', `Bearer ${token}`);
  const isProxied = ['X-Forwarded-For', 'Forwarded', 'Via'].some((name) => req.get(name) !== undefined);
  return !isProxied && /^(::1|::ffff:127\.|127\.)/.test(req.socket.remoteAddress ?? '');
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Counts every request with the time it took. */
export function requestMetrics(count: (method: string, status: number, seconds: number) => void): RequestHandler {
  return (req, res, next) => {
    const began = process.hrtime.bigint();
    res.once('close', () => count(req.method, res.statusCode, Number(process.hrtime.bigint() - began) / 1e9));
    next();
  };
}
