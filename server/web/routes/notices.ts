import { Router } from 'express';
import { z } from 'zod';
import { TOPICS } from '../../core/notices.ts';
import { bodyOf } from '../input.ts';
import { paths } from '../paths.ts';
import { notice } from '../present/notice.ts';
import { noticesPage } from '../present/notices.ts';
import { takeNotice } from '../session.ts';
import { adminsOnly, memberOf, membersOnly } from '../visit.ts';
import { backTo, done, type Web } from '../web.ts';

/** What people are told of, and how. */
export function noticeRoutes({ world, render }: Web): Router {
  const router = Router();

  router.get(paths.notices, membersOnly, async (req, res) => {
    const { company, role, user } = memberOf(req);
    const [{ standings }, wanted] = await Promise.all([world.fresh.notices.standings(company.id), world.team.wantsMail(company.id, user.id)]);
    const facts = { company: company.name, role, email: user.email, wanted, hasPost: world.fresh.post !== null, notice: takeNotice(req) };
    render(req, res, 'notices/page', noticesPage(standings, facts), { title: 'Notices' });
  });

  router.post(paths.noticeMail, membersOnly, adminsOnly, async (req, res) => {
    const { company, user } = memberOf(req);
    const { mail } = bodyOf(mailSchema, req.body);
    await world.team.setMail(company.id, user.id, mail === 'on');
    done(req, res, paths.notices, notice('good', mail === 'on' ? `Notices go to ${user.email}.` : 'Notices do not go to you by e-mail any more.'));
  });

  /** Puts a line under the header away, for this person and until it stands badly anew. */
  router.post(paths.noticesSeen, membersOnly, async (req, res) => {
    const { topic, back } = bodyOf(seenSchema, req.body);
    const { standings } = await world.fresh.notices.standings(memberOf(req).company.id);
    req.session.seen = { ...req.session.seen, [topic]: standings[topic].toldAt?.toISOString() ?? '' };
    done(req, res, backTo(back));
  });

  return router;
}

const mailSchema = z.object({ mail: z.enum(['on']).optional() });
const seenSchema = z.object({ topic: z.enum(TOPICS), back: z.string().max(2000).default('') });
