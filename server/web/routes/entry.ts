import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import type { Company, User } from '../../core/company.ts';
import type { Tenant } from '../../core/records.ts';
import { begin, disconnect, disconnectedInQuickBooks, finishConnect, finishSignIn, recordConnection, SignInError, type PendingSignIn } from '../../sync/connect.ts';
import { roleIn } from '../../sync/team.ts';
import { NotAllowed, NotFound } from '../errors.ts';
import { bodyOf, idSchema } from '../input.ts';
import { requestIdOf } from '../log.ts';
import { paths } from '../paths.ts';
import { connectPage, landing } from '../present/doors.ts';
import { notice, type Notice } from '../present/notice.ts';
import { homeOf } from '../present/shell.ts';
import { signIn, signOut, takeNotice } from '../session.ts';
import { personOf, signedInOnly, visitOf } from '../visit.ts';
import { backTo, done, type Web } from '../web.ts';

/** The most ways to Intuit one browser may have under way. */
const MOST_PENDING = 5;

/** The way in: sign in, connect QuickBooks, change company, disconnect, sign out. */
export function entryRoutes({ world, config, render, art }: Web): Router {
  const router = Router();
  const addressOf = (path: string) => `${config.publicUrl}${path}`;

  /** Sends the browser to Intuit by a redirect from a plain link; a form would be stopped by the CSP (engineering.md §2.1). */
  const toIntuit = (req: Request, res: Response, purpose: PendingSignIn['purpose'], company: PendingSignIn['company'] = null) => {
    const { url, pending } = begin(world, purpose, addressOf(purpose === 'connect' ? paths.connected : paths.signedIn), company);
    req.session.pending = [...(req.session.pending ?? []), pending].slice(-MOST_PENDING);
    res.redirect(302, url);
  };

  /** Takes the way back out of the session, so that it cannot be used twice. */
  const cameBack = (req: Request) => {
    const query = Object.fromEntries(Object.entries(req.query).map(([name, value]) => [name, typeof value === 'string' ? value : undefined]));
    const under = req.session.pending ?? [];
    const pending = under.find(({ state }) => state === query.state) ?? null;
    req.session.pending = under.filter((other) => other !== pending);
    return { query, pending };
  };

  /** Whatever went wrong, an address that holds a secret answers 302 and no page (quickbooks.md S12). */
  const refused = (req: Request, res: Response, error: unknown, path: string) => {
    req.session.notice = error instanceof SignInError ? signInNotice(error) : failureNotice(req, error);
    res.redirect(302, path);
  };

  const failureNotice = (req: Request, error: unknown): Notice => {
    const reqId = requestIdOf(req);
    world.log.error({ reqId, error: error instanceof Error ? error.name : 'unknown' }, 'a way back from Intuit failed');
    return notice('bad', 'Linarc Class Sync could not finish this.', { next: `Start again. If it stays, send this number to support: ${reqId}` });
  };

  router.get(paths.home, (req, res) => {
    const { user, company } = visitOf(req);
    if (user !== null) return res.redirect(302, company === null ? paths.connect : homeOf(company));
    return render(req, res, 'connect/landing', landing(takeNotice(req), config.sandbox?.quickbooksUrl ?? null, art), { title: 'Sign in' });
  });

  /** QuickBooks launches the app here. Which company was open there it need not say; if it does, that is where the person wants to go. */
  router.get(paths.launch, async (req, res) => {
    const realm = realmHint(req.query.realmId);
    toIntuit(req, res, 'sign_in', realm === null ? null : (await world.companies.byRealm(realm))?.id ?? 'unknown');
  });

  /** Signs the person in under a new session, which keeps only what leads on. */
  const enter = async (req: Request, user: User, company: Company | null) => {
    const { invitation } = req.session;
    await signIn(req, user.id, company?.id ?? null, world.clock.now());
    if (invitation !== undefined) req.session.invitation = invitation;
    if (company !== null) await world.team.opened(user.id, company.id);
  };

  router.get(paths.signedIn, async (req, res) => {
    const { query, pending } = cameBack(req);
    try {
      const user = await finishSignIn(world, { query, pending, redirectUri: addressOf(paths.signedIn) });
      const { after, invitation } = req.session;
      const company = await companyToOpen(user, pending?.company ?? null);
      await enter(req, user, company);
      const isElsewhere = (pending?.company ?? null) !== null && company === null && user.memberships.length > 0;
      if (isElsewhere) req.session.notice = notice('info', 'The company you came from is not connected to Linarc Class Sync, or you do not belong to it here.');
      res.redirect(302, invitation === undefined ? landingAfter(after, company) : paths.invitation);
    } catch (error) {
      refused(req, res, error, paths.home);
    }
  });

  /** The company the launch names and none but it; else the one last worked in, else one that is connected. */
  const companyToOpen = async (user: User, launched: PendingSignIn['company']): Promise<Company | null> => {
    const companies = await world.companies.named(user.memberships.map(({ company }) => company));
    if (launched !== null) return companies.find(({ id }) => id === launched) ?? null;
    const last = await world.team.lastOpened(user.id);
    return companies.find(({ id }) => id === last) ?? companies.find(({ connection }) => connection === 'connected') ?? companies[0] ?? null;
  };

  const landingAfter = (after: string | undefined, company: Company | null): string => {
    if (company === null) return paths.connect;
    if (after?.startsWith(`${paths.disconnect}?`)) return after;
    return backTo(after, homeOf(company));
  };

  router.get(paths.connect, signedInOnly, (req, res) => {
    const { user, company, companies } = visitOf(req);
    const page = connectPage({ user, company, companies, now: world.clock.now() }, art, takeNotice(req));
    render(req, res, 'connect/quickbooks', page, { title: 'QuickBooks connection' });
  });

  /** “Get app now” leads here, and so does adding a company: sign-in, consent and the place in the app in one go, for anybody. */
  router.get(paths.connectRequest, (req, res) => toIntuit(req, res, 'connect'));

  /** Connects a company again; QuickBooks leads here to reconnect, naming it. Of a company one belongs to, this is for administrators. */
  router.get(paths.connectStart, async (req, res) => {
    const { user, companies, company: current } = visitOf(req);
    const realm = realmHint(req.query.realmId);
    const wanted = realm === null ? current?.id : (await world.companies.byRealm(realm))?.id;
    const company = companies.find(({ id }) => id === wanted) ?? null;
    if (company !== null && roleIn(user, company.id) !== 'admin') {
      return done(req, res, paths.connect, notice('bad', `Only an administrator connects ${company.name} again.`, { next: 'Ask one; the Team page says who is.' }));
    }
    return toIntuit(req, res, 'connect', company?.id ?? null);
  });

  router.get(paths.connected, async (req, res) => {
    const { query, pending } = cameBack(req);
    try {
      const { user, company } = await finishConnect(world, { query, pending, redirectUri: addressOf(paths.connected) });
      await recordConnection(world, company.id, personOf(user), true);
      await enter(req, user, company);
      const isOther = (pending?.company ?? null) !== null && pending?.company !== company.id;
      req.session.notice = notice('good', `${company.name} is connected to QuickBooks.`, isOther ? { next: 'The company you came from was left as it is.' } : {});
      res.redirect(302, homeOf(company));
    } catch (error) {
      refused(req, res, error, visitOf(req).user === null ? paths.home : paths.connect);
    }
  });

  /** Disconnects the company open here, or another one of the person's, of which they must be administrator too. */
  router.post(paths.disconnect, signedInOnly, async (req, res) => {
    const { user, company: current, companies } = visitOf(req);
    const { company: named } = bodyOf(disconnectSchema, req.body);
    const company = companies.find(({ id }) => id === (named ?? current?.id));
    if (company === undefined) throw new NotFound('company');
    const role = roleIn(user, company.id);
    if (user === null || role !== 'admin') throw new NotAllowed(`Your role in ${company.name} is ${role}, and this is for administrators.`, 'Ask an administrator of this company.');
    const how = await disconnect(world, company.id, personOf(user));
    done(req, res, paths.connect, disconnected(company, how));
  });

  /** QuickBooks opens this after it disconnected a company. The realm it names is only a hint; a refresh has to confirm it. */
  router.get(paths.disconnect, async (req, res) => {
    const { user, companies, company: current } = visitOf(req);
    const realm = realmHint(req.query.realmId);
    if (user === null) {
      req.session.after = `${paths.disconnect}?${new URLSearchParams(realm === null ? {} : { realmId: realm }).toString()}`;
      return toIntuit(req, res, 'sign_in');
    }
    try {
      const wanted = realm === null ? current?.id : (await world.companies.byRealm(realm))?.id;
      const company = companies.find(({ id }) => id === wanted) ?? null;
      const said = company === null ? notice('info', 'No company of yours is connected by that name, so nothing was changed.') : await disconnectNotice(company);
      if (company !== null && company.id !== current?.id) await changeTo(req, user, company);
      req.session.notice = said;
    } catch (error) {
      return refused(req, res, error, paths.connect);
    }
    return res.redirect(302, paths.connect);
  });

  const disconnectNotice = async (company: Company): Promise<Notice> => {
    const found = company.connection === 'disconnected' ? 'disconnected' : await disconnectedInQuickBooks(world, company.id);
    return {
      disconnected: disconnected(company, 'revoked'),
      still_connected: notice('info', `${company.name} is still connected: QuickBooks accepts the connection.`),
      unknown: notice('info', `Intuit cannot be asked just now whether ${company.name} is still connected, so nothing was changed.`, { next: 'Try again in a minute.' }),
    }[found];
  };

  router.post(paths.company, signedInOnly, async (req, res) => {
    const { company: wanted } = bodyOf(switchSchema, req.body);
    const { user, companies } = visitOf(req);
    const company = companies.find(({ id }) => id === wanted);
    if (user === null || company === undefined) throw new NotFound('company');
    await changeTo(req, user, company);
    done(req, res, homeOf(company));
  });

  /** Opens another company under a new session, which ends when the one before would have. */
  const changeTo = async (req: Request, user: User, company: Company) => {
    const now = world.clock.now();
    await signIn(req, user.id, company.id, req.session.signedInAt ?? now);
    req.session.activeAt = now;
    await world.team.opened(user.id, company.id);
  };

  router.post(paths.signOut, async (req, res) => {
    await signOut(req);
    res.set('Clear-Site-Data', '"cache", "storage"').redirect(303, paths.home);
  });

  return router;
}

const switchSchema = z.object({ company: idSchema.transform((id) => id as Tenant) });
function disconnected({ name }: Company, how: 'revoked' | 'untold'): Notice {
  const untold = 'Intuit could not be told. The keys are deleted here; end it in QuickBooks too, under Apps.';
  return notice('info', `${name} is disconnected from QuickBooks. Cost codes, mappings and history are kept.`, how === 'untold' ? { next: untold } : {});
}

/** Why it did not work, and the page at Intuit that mends it. */
function signInNotice(error: SignInError): Notice {
  const link = error.code === 'email_unverified' ? { label: 'Verify at Intuit', href: 'https://accounts.intuit.com/app/account-manager/security' } : null;
  return notice('bad', error.sentence, { next: error.next, link });
}

const disconnectSchema = z.object({ company: idSchema.transform((id) => id as Tenant).optional() });

/** A realm in an address is what somebody says, no proof of anything; null when none is given. */
function realmHint(value: unknown): string | null {
  if (value === undefined || value === '') return null;
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? value : '0';
}
