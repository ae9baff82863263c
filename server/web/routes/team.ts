import { Router } from 'express';
import { z } from 'zod';
import { ROLES } from '../../core/company.ts';
import { digestOf, MOST_INVITATIONS, ROLE_NAMES } from '../../core/team.ts';
import { accept, changeMember, invite, lookAt } from '../../sync/team.ts';
import { NotFound } from '../errors.ts';
import { bodyOf, paramsOf, withId } from '../input.ts';
import { paths } from '../paths.ts';
import { moment } from '../present/format.ts';
import { notice, type Notice } from '../present/notice.ts';
import { homeOf } from '../present/shell.ts';
import { invitationPage, teamPage } from '../present/team.ts';
import { signIn, takeNotice } from '../session.ts';
import { actorOf, adminsOnly, memberOf, membersOnly, visitOf } from '../visit.ts';
import { done, type Web } from '../web.ts';

/** Who belongs to a company: the team page, roles, and invitations by link. */
export function teamRoutes({ world, config, render, art }: Web): Router {
  const router = Router();

  router.get(paths.team, membersOnly, async (req, res) => {
    const { company, role, user } = memberOf(req);
    const { made = null } = req.session;
    delete req.session.made;
    const [members, invitations] = await Promise.all([world.team.members(company.id), world.invitations.open(company.id, new Date(world.clock.now()))]);
    const page = teamPage({ company, role, you: user.id }, { members, invitations, made, mails: world.fresh.post !== null, notice: takeNotice(req) });
    render(req, res, 'team/page', page, { title: 'Team' });
  });

  router.post(paths.member, membersOnly, adminsOnly, async (req, res) => {
    const { id } = paramsOf(withId, req.params);
    const visit = memberOf(req);
    const { company, user } = visit;
    const member = (await world.team.members(company.id)).find((one) => one.id === id);
    if (member === undefined) throw new NotFound('person');
    const { intent, role } = bodyOf(memberSchema, req.body);
    const changed = await changeMember(world, company.id, actorOf(visit), member, intent === 'remove' ? null : role);
    const name = member.name || member.email;
    const said: Record<typeof changed, Notice> = {
      done: intent === 'remove'
        ? notice('good', `${name} does not belong to ${company.name} any more.`, { next: 'The connection to QuickBooks and everything they did stay.' })
        : notice('good', `${name} is ${ROLE_NAMES[role]} now.`),
      last_admin: notice('bad', 'The last administrator stays.', { next: 'Make somebody else administrator first.' }),
      no_member: notice('info', `${name} had left ${company.name} meanwhile.`),
    };
    const left = id === user.id && intent === 'remove' && changed === 'done';
    done(req, res, left ? paths.home : paths.team, said[changed]);
  });

  router.post(paths.invitations, membersOnly, adminsOnly, async (req, res) => {
    const { company, user } = memberOf(req);
    const wish = bodyOf(inviteSchema, req.body);
    const made = await invite(world, company, user, wish, (secret) => `${config.publicUrl}${paths.invitation}?key=${secret}`);
    if (made === null) return done(req, res, paths.team, notice('bad', `${MOST_INVITATIONS} invitations are open.`, { next: 'Withdraw some first.' }));
    req.session.made = { href: made.link, mailedTo: made.mail === 'sent' ? wish.email : null, until: moment(made.invitation.expiresAt) };
    const said = {
      sent: notice('good', `The invitation was mailed to ${wish.email}.`),
      failed: notice('bad', 'The invitation could not be mailed.', { next: 'Send the link below yourself.' }),
      none: notice('good', 'The invitation is made.', { next: 'Send the link below yourself.' }),
    };
    return done(req, res, paths.team, said[made.mail]);
  });

  router.post(paths.withdrawal, membersOnly, adminsOnly, async (req, res) => {
    const { id } = paramsOf(withId, req.params);
    if (!(await world.invitations.withdraw(memberOf(req).company.id, id))) throw new NotFound('open invitation');
    done(req, res, paths.team, notice('good', 'The invitation is withdrawn.', { next: 'Its link opens nothing any more.' }));
  });

  /** The secret leaves the address bar at once; the page after it has an address anybody may see. */
  router.get(paths.invitation, async (req, res) => {
    const { key } = req.query;
    if (typeof key === 'string') {
      req.session.invitation = digestOf(key);
      return res.redirect(302, paths.invitation);
    }
    const { user } = visitOf(req);
    const state = req.session.invitation === undefined ? { kind: 'none' as const } : await lookAt(world, req.session.invitation, user);
    return render(req, res, 'team/invitation', invitationPage(state, user?.email ?? null, { notice: takeNotice(req), art }), { title: 'Invitation' });
  });

  router.post(paths.invitation, async (req, res) => {
    const { user } = visitOf(req);
    const { invitation, signedInAt } = req.session;
    if (user === null || invitation === undefined) return res.redirect(303, paths.invitation);
    const state = await accept(world, invitation, user);
    if (state.kind !== 'holds') return res.redirect(303, paths.invitation);
    await signIn(req, user.id, state.company.id, signedInAt ?? world.clock.now());
    await world.team.opened(user.id, state.company.id);
    return done(req, res, homeOf(state.company), notice('good', `You belong to ${state.company.name} now.`));
  });

  return router;
}

const memberSchema = z.object({ intent: z.enum(['role', 'remove']), role: z.enum(ROLES).default('viewer') });
const inviteSchema = z.object({
  role: z.enum(ROLES),
  email: z.string().trim().max(254).regex(/^$|^[^\s<>@,;:]+@[^\s<>@,;:]+$/).default('').transform((email) => (email === '' ? null : email)),
});
