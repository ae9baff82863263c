import express, { Router, type RequestHandler, type Response } from 'express';
import { hearLinarc, hearQuickBooks, hookPath, type Delivery, type Receipt } from '../sync/told.ts';
import type { World } from '../sync/world.ts';
import { paths } from './paths.ts';

/** More than any delivery has. */
const LARGEST = '1mb';

/** The bytes as they came, whatever they are called: a signature is over bytes, so nothing may read or inflate them first. */
const rawBody: RequestHandler = express.raw({ type: () => true, limit: LARGEST, inflate: false });

/**
 * The addresses that QuickBooks and Linarc call when something changed there. For programs: no session, no page. They keep what
 * was told and answer at once; the work is done after that. Mount it before anything that reads a body or asks for a browser.
 * `verifiers`: the webhook verifier tokens of the Intuit app; with none nothing of QuickBooks' is believed.
 */
export function webhookRoutes(world: World, { verifiers }: { readonly verifiers: readonly string[] }): Router {
  const router = Router();

  router.post(paths.quickbooksHook, rawBody, async (req, res) => {
    const receipt = await hearQuickBooks(world, deliveryOf(req.body, req.get('intuit-signature')), verifiers);
    await answer(world, res, 'QuickBooks', receipt);
  });

  router.post(hookPath(':company'), rawBody, async (req, res) => {
    const company = String(req.params['company']);
    const receipt = await hearLinarc(world, company, deliveryOf(req.body, req.get('linarc-signature')));
    await answer(world, res, 'Linarc', receipt);
  });

  router.use('/webhooks', refused(world));
  return router;
}

function deliveryOf(body: unknown, signature: string | undefined): Delivery {
  return { raw: Buffer.isBuffer(body) ? body : Buffer.alloc(0), signature };
}

/**
 * Nonsense that was signed is acknowledged: the sender would repeat it for days and hold back what comes after (quickbooks.md
 * §4).
 */
async function answer(world: World, res: Response, sender: string, receipt: Receipt): Promise<void> {
  if (receipt.kind === 'refused') {
    world.log.warn({ sender }, 'a webhook was refused: its signature is not right');
    res.status(401).end();
    return;
  }
  res.status(200).end();
  if (receipt.kind === 'nonsense') world.log.warn({ sender }, 'a webhook was signed well, but not understood');
  // A message that is lost here is made up for by the schedule.
  const lost = (error: unknown): void => {
    world.log.warn({ sender, error: nameOf(error) }, 'the work after a webhook waits for the schedule');
  };
  if (receipt.kind === 'taken') await Promise.all(receipt.companies.map((company) => world.dispatch.fresh(company).catch(lost)));
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown');

/** What cannot be taken is answered without a page: a body too large or cut short, another address, a database that is away. */
function refused(world: World): express.ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) return next(error);
    const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 503;
    if (status >= 500) world.log.error({ error: nameOf(error) }, 'a webhook could not be kept; its sender repeats it');
    res.status(status >= 400 && status < 500 ? status : 503).end();
  };
}
