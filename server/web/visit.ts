import type { Request, RequestHandler, Response } from 'express';
import type { Company, Role, User } from '../core/company.ts';
import type { Actor } from '../core/records.ts';
import type { World } from '../sync/world.ts';
import { NotAllowed } from './errors.ts';
import { paths } from './paths.ts';
import { deniedTo } from './present/staging.ts';
import { wantsFragment } from './render.ts';

/** Who asks and for which company, read anew for every request: a membership that was taken away ends at once. */
export interface Visit {
  readonly user: User | null;
  readonly company: Company | null;
  readonly role: Role | null;
  readonly companies: readonly Company[];
}

/** A visit by a member of a company; what every screen of a company needs. */
export interface MemberVisit extends Visit {
  readonly user: User;
  readonly company: Company;
  readonly role: Role;
}

const NOBODY: Visit = { user: null, company: null, role: null, companies: [] };
const visits = new WeakMap<Request, Visit>();

/** The company comes from the session alone, and only while the person is a member of it (engineering.md §4.10). */
export function whoVisits(world: World): RequestHandler {
  return async (req, _res, next) => {
    const { userId, company: chosen } = req.session;
    if (userId === undefined) return next();
    const user = await world.users.get(userId);
    if (user === null) return next();
    const companies = await world.companies.named(user.memberships.map(({ company }) => company));
    const company = companies.find(({ id }) => id === chosen) ?? null;
    const role = user.memberships.find((membership) => membership.company === company?.id)?.role ?? null;
    visits.set(req, { user, company, role, companies });
    return next();
  };
}

export function visitOf(req: Request): Visit {
  return visits.get(req) ?? NOBODY;
}

export function memberOf(req: Request): MemberVisit {
  const { user, company, role, companies } = visitOf(req);
  if (user === null || company === null || role === null) throw new Error('A route for members was reached without membership.');
  return { user, company, role, companies };
}

export function actorOf({ user }: MemberVisit): Actor {
  return personOf(user);
}

export function personOf(user: User): Actor {
  return { kind: 'person', userId: user.id, name: user.name || user.email };
}

/** Sends the browser elsewhere; a piece asked for by htmx cannot be a redirect, so the page is told to go (engineering.md §2.3). */
function sendTo(req: Request, res: Response, path: string): void {
  if (wantsFragment(req)) res.status(401).set('HX-Redirect', path).end();
  else res.redirect(303, path);
}

/** Lets members of a company through; others are sent to the next step on the way in. */
export const membersOnly: RequestHandler = (req, res, next) => {
  const { user, company } = visitOf(req);
  if (user !== null && company !== null) return next();
  if (user === null && req.method === 'GET' && !wantsFragment(req)) req.session.after = req.originalUrl;
  return sendTo(req, res, user === null ? paths.home : paths.connect);
};

export const signedInOnly: RequestHandler = (req, res, next) => {
  if (visitOf(req).user !== null) return next();
  return sendTo(req, res, paths.home);
};

/** Viewers read; operators and admins import, map, exclude, sync and retry (linarc.md point 32). */
export const operatorsOnly: RequestHandler = (req, _res, next) => {
  const { company, role } = memberOf(req);
  const denied = deniedTo(role, company);
  return next(denied === null ? undefined : new NotAllowed(denied, 'Ask an administrator of this company.'));
};

/** With cost-code sync off, the tab and all behind it are gone (linarc.md §3.1). */
export const costCodesOnly: RequestHandler = (req, res, next) => {
  const { company } = visitOf(req);
  if (company === null || company.settings.costCodes) return next();
  if (req.method === 'GET' && !wantsFragment(req)) return res.redirect(303, paths.runs);
  return next(new NotAllowed(`Cost codes are not synced for ${company.name}.`, 'An administrator can turn that on in Settings.'));
};

/** Admins connect, link and set the rules. */
export const adminsOnly: RequestHandler = (req, _res, next) => {
  const { company, role } = memberOf(req);
  if (role === 'admin') return next();
  return next(new NotAllowed(`Your role in ${company.name} is ${role}, and this is for administrators.`, 'Ask an administrator of this company.'));
};
