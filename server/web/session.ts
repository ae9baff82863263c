import type { Request, RequestHandler } from 'express';
import session from 'express-session';
import type { Topic } from '../core/notices.ts';
import type { Tenant } from '../core/records.ts';
import type { PendingSignIn } from '../sync/connect.ts';
import type { WebConfig } from './config.ts';
import type { Notice } from './present/notice.ts';
import type { Link } from './present/team.ts';

declare module 'express-session' {
  interface SessionData {
    userId: string;
    company: Tenant;
    /** Milliseconds since 1970. */
    signedInAt: number;
    activeAt: number;
    /** Ways to Intuit under way, one per tab; each is used once. */
    pending: PendingSignIn[];
    /** Where a person wanted to go when they had to sign in. */
    after: string;
    notice: Notice;
    /** The digest of the invitation a person came with. */
    invitation: string;
    /** The link of an invitation just made, to be shown once. */
    made: Link;
    /** Notices the person has put away: topic → since when it stood so. */
    seen: Partial<Record<Topic, string>>;
  }
}

export const IDLE = 30 * 60_000;
export const ABSOLUTE = 12 * 3_600_000;
/** How often activity is noted: a write per minute, not per click. */
const NOTE_EVERY = 60_000;

/** `__Host-` binds the cookie to this very host over TLS; development without TLS has to do without (engineering.md §4.3). */
export function cookieName(production: boolean): string {
  return production ? '__Host-sid' : 'sid';
}

export function sessions(store: session.Store, { production, sessionSecrets }: Pick<WebConfig, 'production' | 'sessionSecrets'>): RequestHandler {
  return session({
    store,
    name: cookieName(production),
    secret: [...sessionSecrets],
    resave: false,
    saveUninitialized: false,
    unset: 'destroy',
    cookie: { httpOnly: true, path: '/', sameSite: 'lax', secure: production, maxAge: ABSOLUTE },
  });
}

/** Stores the session before a redirect is sent: browsers follow it at its headers, before express-session would have saved. */
export const savedBeforeRedirect: RequestHandler = (req, res, next) => {
  const send = res.redirect.bind(res) as (status: number, url: string) => void;
  res.redirect = ((...given: [string] | [number, string]) => {
    const [status, url] = given.length === 1 ? [302, given[0]] : given;
    if (req.session === undefined) return send(status, url);
    req.session.save((error: unknown) => (error ? next(error) : send(status, url)));
  }) as typeof res.redirect;
  next();
};

/** Signs out whoever was away too long. What a page asks for by itself (`isQuiet`) does not count as being there. */
export function timeOut(now: () => number, isQuiet: (req: Request) => boolean): RequestHandler {
  return async (req, _res, next) => {
    const { signedInAt, activeAt } = req.session;
    if (signedInAt === undefined || activeAt === undefined) return next();
    if (now() - activeAt > IDLE || now() - signedInAt > ABSOLUTE) {
      await renewed(req);
    } else if (!isQuiet(req) && now() - activeAt > NOTE_EVERY) {
      req.session.activeAt = now();
    }
    return next();
  };
}

/** A new, empty session under a new id: at sign-in, at a change of company, after a time-out. */
export function renewed(req: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    req.session.regenerate((error: unknown) => (error ? reject(error) : resolve()));
  });
}

/** Signs somebody in under a new session id, so that an id known before is worth nothing. */
export async function signIn(req: Request, userId: string, company: Tenant | null, now: number): Promise<void> {
  await renewed(req);
  Object.assign(req.session, { userId, signedInAt: now, activeAt: now });
  if (company !== null) req.session.company = company;
}

export function signOut(req: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    req.session.destroy((error: unknown) => (error ? reject(error) : resolve()));
  });
}

/** The notice left by the request before, shown once. */
export function takeNotice(req: Request): Notice | null {
  const { notice } = req.session;
  delete req.session.notice;
  return notice ?? null;
}
