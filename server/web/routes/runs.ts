import { Router, type Request } from 'express';
import { z } from 'zod';
import type { Run } from '../../core/run.ts';
import { sendCsv } from '../csv.ts';
import { NotFound } from '../errors.ts';
import { reported, REPORT_HEADINGS } from '../exporting.ts';
import { bodyOf, paramsOf, withId } from '../input.ts';
import { paths, pathTo } from '../paths.ts';
import { notice } from '../present/notice.ts';
import { runLine, runPage } from '../present/runs.ts';
import { deniedTo } from '../present/staging.ts';
import { EMPTY_QUERY } from '../query.ts';
import { memberOf, membersOnly, operatorsOnly } from '../visit.ts';
import { backTo, done, type Web } from '../web.ts';

const RECENT = 50;
/** Records with a problem shown on a run's page, of each kind. */
const TROUBLES = 20;
const NONE = { records: [], total: 0 };

/** The list of runs and the page of each, followed live while it lasts. */
export function runRoutes({ world, render }: Web): Router {
  const router = Router();

  const runOf = async (req: Request): Promise<Run> => {
    const { id } = paramsOf(withId, req.params);
    const run = await world.runs.get(memberOf(req).company.id, id);
    if (run === null) throw new NotFound('run');
    return run;
  };

  router.get(paths.runs, membersOnly, async (req, res) => {
    const runs = await world.runs.recent(memberOf(req).company.id, RECENT);
    render(req, res, 'runs/list', { runs: runs.map((run) => runLine(run, world.clock.now())) }, { title: 'Runs' });
  });

  router.get([paths.run, paths.runLive], membersOnly, async (req, res) => {
    const run = await runOf(req);
    const { company, role } = memberOf(req);
    const [failed, waiting] = await Promise.all((['failed', 'needs_action'] as const).map((status) =>
      world.costCodes.page(company.id, { run: run.id, status }, EMPTY_QUERY.order, 0, TROUBLES)));
    const troubles = { failed: failed ?? NONE, waiting: waiting ?? NONE };
    render(req, res, 'runs/page', runPage(run, world.clock.now(), deniedTo(role, company), troubles), { title: 'Run' });
  });

  router.get(paths.runReport, membersOnly, async (req, res) => {
    const run = await runOf(req);
    await sendCsv(res, `run-${run.queuedAt.toISOString().slice(0, 16).replace(/\D/g, '-')}.csv`, REPORT_HEADINGS, reported(world, run));
  });

  router.post(paths.runWish, membersOnly, operatorsOnly, async (req, res) => {
    const run = await runOf(req);
    const { wish, back } = bodyOf(wishSchema, req.body);
    const { company } = memberOf(req);
    const wished = await world.runs.wish(company.id, run.id, wish);
    // Nobody may be at work on a paused or stopped run; a worker has to take it up again, to go on or to end it.
    if (wished !== null && wish !== 'pause') await world.dispatch.push(company.id, run.id);
    const said = wished === null ? notice('info', 'The run had moved on meanwhile, so nothing was changed.') : null;
    done(req, res, backTo(back, pathTo('run', run.id)), said);
  });

  return router;
}

const wishSchema = z.object({ wish: z.enum(['pause', 'resume', 'cancel']), back: z.string().max(2000).default('') });
