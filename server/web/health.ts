import { Router } from 'express';
import { paths } from './paths.ts';

/** How long the database may take before the process counts as not ready (engineering.md §5). */
const PING_MS = 500;

/** For the platform: no session, no log line, nothing secret. QuickBooks or Linarc being down does not make the app unready. */
export function healthRoutes(ping: (ms: number) => Promise<boolean>): Router {
  const router = Router();
  router.get(paths.livez, (_req, res) => {
    res.set('Cache-Control', 'no-store').type('text').send('ok');
  });
  router.get(paths.readyz, async (_req, res) => {
    const ready = await ping(PING_MS).catch(() => false);
    res.status(ready ? 200 : 503).set('Cache-Control', 'no-store').type('text').send(ready ? 'ready' : 'the database does not answer');
  });
  return router;
}
