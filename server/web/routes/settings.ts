import { Router, type Request } from 'express';
import { z } from 'zod';
import type { Settings } from '../../core/company.ts';
import { patternFault } from '../../core/names.ts';
import { saveSettings } from '../../sync/settings.ts';
import { bodyOf } from '../input.ts';
import { paths } from '../paths.ts';
import { notice } from '../present/notice.ts';
import { settingsPage } from '../present/settings.ts';
import { EMPTY_QUERY } from '../query.ts';
import { takeNotice } from '../session.ts';
import { actorOf, adminsOnly, memberOf, membersOnly } from '../visit.ts';
import { done, type Web } from '../web.ts';

const EXAMPLES = 6;

/** How cost codes become classes; for administrators. */
export function settingsRoutes({ world, render }: Web): Router {
  const router = Router();
  const samples = async (req: Request) => (await world.costCodes.page(memberOf(req).company.id, {}, EMPTY_QUERY.order, 0, EXAMPLES)).records;

  router.get(paths.settings, membersOnly, adminsOnly, async (req, res) => {
    const { company } = memberOf(req);
    render(req, res, 'settings/page', settingsPage(company, company.settings, await samples(req), { fault: null, notice: takeNotice(req) }), { title: 'Settings' });
  });

  router.post(paths.settings, membersOnly, adminsOnly, async (req, res) => {
    const { company } = memberOf(req);
    const { intent, ...asked } = bodyOf(settingsSchema, req.body);
    const settings: Settings = { ...company.settings, ...asked };
    const fault = patternFault(settings.namePattern);
    if (fault !== null || intent === 'try') {
      const model = settingsPage(company, settings, await samples(req), { fault, notice: null });
      return render(req, res, 'settings/page', model, { title: 'Settings', status: fault === null ? 200 : 422 });
    }
    await saveSettings(world, company.id, actorOf(memberOf(req)), company.settingsVersion, asked);
    return done(req, res, paths.settings, notice('good', 'The settings are saved.'));
  });

  return router;
}

const ticked = z.enum(['on']).optional().transform((value) => value === 'on');
const settingsSchema = z.object({
  intent: z.enum(['save', 'try']).default('save'),
  costCodes: ticked,
  inactivate: ticked,
  structure: z.enum(['flat', 'division']),
  namePattern: z.string().trim().max(300),
});
