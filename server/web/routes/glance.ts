import { Router } from 'express';
import { paths } from '../paths.ts';
import { glance } from '../present/glance.ts';
import { KEYS } from '../present/keys.ts';
import { wantsFragment } from '../render.ts';
import { memberOf, membersOnly } from '../visit.ts';
import type { Web } from '../web.ts';

const RUNS = 20;

/** What the staging screen shows at a glance above its table, fetched once the table is there; a page of its own without script. */
export function glanceRoutes({ world, render }: Web): Router {
  const router = Router();

  router.get(paths.glance, membersOnly, async (req, res) => {
    const { id } = memberOf(req).company;
    const [divisions, runs] = await Promise.all([world.costCodes.divisions(id), world.runs.recent(id, RUNS)]);
    render(req, res, 'staging/glance', glance({ divisions, runs, now: world.clock.now(), alone: !wantsFragment(req) }), { title: 'At a glance' });
  });

  router.get(paths.keys, membersOnly, (req, res) => render(req, res, 'staging/keys', KEYS, { title: 'Keyboard' }));

  return router;
}
