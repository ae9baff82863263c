import type { Request, RequestHandler } from 'express';
import type { Run } from '../core/run.ts';
import { openNotices, type OpenNotice } from '../sync/notices.ts';
import type { World } from '../sync/world.ts';
import type { WebConfig } from './config.ts';
import { paths } from './paths.ts';
import { notes } from './present/notices.ts';
import { shell, type Assets, type Shell } from './present/shell.ts';
import { wantsFragment } from './render.ts';
import { visitOf } from './visit.ts';

const runs = new WeakMap<Request, Run>();
const open = new WeakMap<Request, readonly OpenNotice[]>();

/** Looks up the company's running sync for the header; pieces asked for by htmx have no header. */
export function withRun(world: World): RequestHandler {
  return async (req, _res, next) => {
    const { company } = visitOf(req);
    if (company === null || wantsFragment(req)) return next();
    const run = await world.runs.active(company.id);
    if (run !== null) runs.set(req, run);
    return next();
  };
}

/** Looks up what stands badly with the company, for the lines under the header. */
export function withNotices(world: World): RequestHandler {
  return async (req, _res, next) => {
    const { company } = visitOf(req);
    if (company !== null && req.method === 'GET' && !wantsFragment(req)) open.set(req, await openNotices(world, company.id));
    return next();
  };
}

export function shells(world: World, config: Pick<WebConfig, 'sandbox' | 'version'>, assets: Assets): (req: Request, title: string) => Shell {
  const sandbox = config.sandbox === null ? null : { quickbooksUrl: config.sandbox.quickbooksUrl, linarcUrl: config.sandbox.linarc.url };
  return (req, title) => shell(
    { ...visitOf(req), run: runs.get(req) ?? null, notes: notes(open.get(req) ?? [], { path: req.path, seen: req.session?.seen ?? {} }) },
    { title, path: req.path, here: req.originalUrl, version: config.version, assets, sandbox, now: world.clock.now() },
  );
}

/** Live updates are asked for by the page, not by the person. */
export function isQuiet(req: Request): boolean {
  return req.path === paths.live || req.path.endsWith('/live');
}
