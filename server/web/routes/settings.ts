import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { STRUCTURES, type Settings } from '../../core/company.ts';
import { patternFault } from '../../core/names.ts';
import { checkAgain, companyCapacity, goBeyond } from '../../sync/capacity.ts';
import { isOutside } from '../../sync/classes.ts';
import { tryNaming } from '../../sync/naming.ts';
import { companyHistory, saveSettings } from '../../sync/settings.ts';
import { bodyOf, many } from '../input.ts';
import { paths } from '../paths.ts';
import { notice, type Notice } from '../present/notice.ts';
import { changesClasses, namesEffect, settingsPage, sureOf, type Section, type SettingsFacts } from '../present/settings.ts';
import { takeNotice } from '../session.ts';
import { actorOf, adminsOnly, memberOf, membersOnly } from '../visit.ts';
import { done, type Web } from '../web.ts';

const HISTORY = 50;

/** How cost codes become classes; for administrators. */
export function settingsRoutes({ world, render }: Web): Router {
  const router = Router();

  /** The page with what is stored, or with what was typed over it. */
  const show = async (req: Request, res: Response, about: Partial<SettingsFacts> = {}, status = 200) => {
    const { company } = memberOf(req);
    const { shown = company.settings, fault = patternFault(shown.namePattern) } = about;
    const [effect, types, capacity, history, upkeep] = await Promise.all([
      fault === null ? about.effect ?? tryNaming(world, company, shown) : null,
      typesOf(req, shown),
      companyCapacity(world, company),
      companyHistory(world, company, HISTORY),
      world.fresh.rounds.upkeep(company.id),
    ]);
    const applying = (upkeep?.toApply ?? null) !== null;
    const stored = { company, shown, fault, effect, types, capacity, history, version: company.settingsVersion, notice: null, applying };
    const facts: SettingsFacts = { ...stored, ...about };
    render(req, res, 'settings/page', settingsPage(facts), { title: 'Settings', status });
  };

  const typesOf = async (req: Request, { leaveOut }: Settings) => {
    const { id } = memberOf(req).company;
    const types = [...new Set([...(await world.costCodes.taskTypes(id)).filter((type) => type !== 'Division'), ...leaveOut])].sort();
    return Promise.all(types.map(async (type) => {
      const either = [false, true].map((excluded) => ({ kind: 'matching', filter: { taskType: type, excluded }, except: [] }) as const);
      const tallies = await Promise.all(either.map((selection) => world.costCodes.tally(id, selection)));
      return { type, count: tallies.flatMap((tally) => Object.values(tally)).reduce((sum, n) => sum + n, 0) };
    }));
  };

  router.get(paths.settings, membersOnly, adminsOnly, async (req, res) => {
    const tried = trySchema.safeParse(req.query);
    const { company } = memberOf(req);
    await show(req, res, { notice: takeNotice(req), ...(tried.success ? { shown: { ...company.settings, ...tried.data } } : {}) });
  });

  /** The names alone, while somebody types. */
  router.get(paths.names, membersOnly, adminsOnly, async (req, res) => {
    const { company } = memberOf(req);
    const tried = trySchema.safeParse(req.query);
    const { namePattern, structure } = tried.success ? tried.data : company.settings;
    const fault = patternFault(namePattern);
    const effect = fault === null ? await tryNaming(world, company, { namePattern, structure }) : null;
    render(req, res, 'settings/names', namesEffect(effect, fault, structure !== company.settings.structure), { title: 'Class names' });
  });

  const save = async (req: Request, res: Response, section: Section, seen: number, asked: Partial<Settings>, said: Notice) => {
    const member = memberOf(req);
    const saved = await saveSettings(world, member.company.id, actorOf(member), seen, asked);
    if (saved.kind === 'saved') return done(req, res, paths.settings, said);
    if (saved.kind === 'unchanged') return done(req, res, paths.settings, notice('info', 'These settings were saved already.'));
    const { settings, others, version } = saved;
    return show(req, res, { shown: settings, version, stale: { section, others } }, 409);
  };

  router.post(paths.settings, membersOnly, adminsOnly, async (req, res) => {
    const { company } = memberOf(req);
    const asked = bodyOf(settingsSchema, req.body);
    if (asked.section === 'sync') {
      const { costCodes, autoCreate, autoUpdate, autoPush } = asked;
      return save(req, res, 'sync', asked.version, { costCodes, autoCreate, autoUpdate, autoPush }, costCodes ? SAVED : TURNED_OFF);
    }
    if (asked.section === 'scope') {
      const { leaveOut, inactivate } = asked;
      return save(req, res, 'scope', asked.version, { leaveOut: [...new Set(leaveOut)].sort(), inactivate }, SAVED_RULES);
    }
    const { namePattern, structure } = asked;
    const shown: Settings = { ...company.settings, namePattern, structure };
    const fault = patternFault(namePattern);
    if (fault !== null) return show(req, res, { shown, fault, version: asked.version }, 422);
    const effect = await tryNaming(world, company, shown);
    const isSure = asked.sure === sureOf(shown) || !changesClasses(effect) || sureOf(shown) === sureOf(company.settings);
    if (!isSure) return show(req, res, { shown, effect, confirming: true, version: asked.version });
    return save(req, res, 'names', asked.version, { namePattern, structure }, SAVED_NAMES);
  });

  router.post(paths.plan, membersOnly, adminsOnly, async (req, res) => {
    const member = memberOf(req);
    const { intent } = bodyOf(planSchema, req.body);
    if (intent === 'check') return done(req, res, paths.settings, await checked(req));
    await goBeyond(world, member.company, actorOf(member), intent === 'beyond');
    return done(req, res, paths.settings, intent === 'beyond' ? BEYOND : WITHIN);
  });

  const checked = async (req: Request): Promise<Notice> => {
    try {
      await checkAgain(world, memberOf(req).company.id);
      return notice('good', 'Plan, class tracking and classes were read from QuickBooks just now.');
    } catch (error) {
      if (!isOutside(error)) throw error;
      return notice('bad', 'QuickBooks cannot be read just now.', { next: 'Nothing was changed. Try again in a minute.' });
    }
  };

  return router;
}

const SAVED = notice('good', 'Saved.');
const TURNED_OFF = notice('good', 'Saved. Cost codes are no longer synced, and their tab is gone.', {
  next: 'Staged codes, mappings and classes stay as they are.',
});
const SAVED_RULES = notice('good', 'Saved.', { next: 'The staged codes follow within moments.' });
const SAVED_NAMES = notice('good', 'Saved.', {
  next: 'The staged codes get their new names within moments; QuickBooks gets them with the next sync.',
});
const BEYOND = notice('good', 'Classes beyond the plan’s limit will be sent to QuickBooks.', {
  next: 'QuickBooks may refuse them, or limit the company until it has fewer.',
});
const WITHIN = notice('good', 'No class beyond the plan’s limit will be sent to QuickBooks.');

const ticked = z.enum(['on']).optional().transform((value) => value === 'on');
const names = z.object({ namePattern: z.string().trim().max(300), structure: z.enum(STRUCTURES) });
const trySchema = names;
const version = z.coerce.number<string>().int().min(0);
const settingsSchema = z.discriminatedUnion('section', [
  z.object({ section: z.literal('sync'), version, costCodes: ticked, autoCreate: ticked, autoUpdate: ticked, autoPush: ticked }),
  z.object({ section: z.literal('scope'), version, leaveOut: many(z.string().min(1).max(200), 100), inactivate: ticked }),
  names.extend({ section: z.literal('names'), version, sure: z.string().max(400).default('') }),
]);
const planSchema = z.object({ intent: z.enum(['check', 'beyond', 'within']) });
