import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { IMPORT_MODES, type Company } from '../../core/company.ts';
import { ProblemError } from '../../core/problems.ts';
import { CONSENTS, type QuickBooksClass, type StagedRecord } from '../../core/records.ts';
import type { Selection } from '../../core/selection.ts';
import { decide, DECISIONS } from '../../sync/decide.ts';
import { goBeyond, roomOf, type Hindrance } from '../../sync/capacity.ts';
import { exclude, include } from '../../sync/exclude.ts';
import { startImport } from '../../sync/import.ts';
import { consentsNeeded, isAnyNeeded, preview } from '../../sync/preview.ts';
import { startPush } from '../../sync/push.ts';
import type { World } from '../../sync/world.ts';
import { sendCsv } from '../csv.ts';
import { exported, EXPORT_HEADINGS } from '../exporting.ts';
import { bodyOf, many } from '../input.ts';
import { paths, pathTo } from '../paths.ts';
import { excludePage } from '../present/exclude.ts';
import { counted } from '../present/format.ts';
import { hindrancePage } from '../present/hindrance.ts';
import { decidedNotice, notice, problemNotice, type Notice } from '../present/notice.ts';
import { preview as previewModel, skippedWords } from '../present/preview.ts';
import { runSummary } from '../present/progress.ts';
import { row } from '../present/row.ts';
import { activity } from '../present/shell.ts';
import { chips, countsKey, deniedTo, driftedIn, live, rail, staging, watching } from '../present/staging.ts';
import { readQuery, type StagingQuery } from '../query.ts';
import { wantsFragment, type Renderer } from '../render.ts';
import { fieldsOfSelection, isEmptySelection, seenSchema, selectionOf } from '../selecting.ts';
import { takeNotice } from '../session.ts';
import { actorOf, memberOf, membersOnly, operatorsOnly, type MemberVisit } from '../visit.ts';
import { backTo, done, type ScreenWorld, type Web } from '../web.ts';
import { MOST_PICKS } from './picker.ts';

/** Records excluded, included or decided in one go. */
const CHUNK = 500;

/** The staging screen: the list, imports, selection, preview, push, exclusion, and its live updates. */
export function stagingRoutes({ world, render }: Web, renderer: Renderer): Router {
  const router = Router();

  const screen = async (req: Request, res: Response, said: Notice | null) => {
    const member = memberOf(req);
    const query = readQuery(req.query);
    const model = staging({ ...(await stagingFacts(world, member, query)), notice: said });
    // The header is no part of what is swapped, and may show a run that has ended since.
    if (wantsFragment(req)) {
      const header = renderer.part('activity', activity(await world.runs.active(member.company.id), world.clock.now(), true));
      return void res.vary('HX-Request-Type').type('html').send(`${renderer.part('staging/page', model)}\n${header}`);
    }
    return render(req, res, 'staging/page', model, { title: 'Cost Codes' });
  };

  /** Why nothing was begun, in the place of the list. */
  const showHindrance = (req: Request, res: Response, hindrance: Hindrance, hidden: readonly (readonly [string, string])[]) => {
    const back = backTo(bodyOf(backSchema, req.body).back);
    res.set('HX-Replace-Url', back);
    render(req, res, 'staging/hindrance', hindrancePage(hindrance, { hidden, back, role: memberOf(req).role }), { title: 'Nothing was sent', status: 409 });
  };

  /** What a push of the selection would do. `stopped`: it was to be done at once, but takes a yes. */
  const showPreview = async (req: Request, res: Response, selection: Selection, stopped: boolean) => {
    const { company, role } = memberOf(req);
    const { back } = bodyOf(backSchema, req.body);
    const planned = await preview(world, company.id, selection);
    const hidden = [...fieldsOfSelection(selection), ['back', backTo(back)] as const];
    render(req, res, 'staging/preview', previewModel(planned, { hidden, denied: deniedTo(role, company), stopped, room: await roomOf(world, company.id), tracking: company.classTracking !== 'off' }), { title: 'Preview' });
  };

  router.get(paths.costCodes, membersOnly, (req, res) => screen(req, res, takeNotice(req)));

  /** What changed since the page was drawn: progress, counts, and those of the shown rows that have another version now. */
  router.post(paths.live, membersOnly, async (req, res) => {
    const member = memberOf(req);
    const { company, role } = member;
    const query = readQuery(req.query);
    const { seen } = bodyOf(liveSchema, req.body);
    const run = await world.runs.active(company.id);
    const now = world.clock.now();
    const counts = await world.costCodes.counts(company.id);
    const facts = { company, role, query, run, counts, now };

    const ended = await endOf(world, company, watchedBefore(req.query.watching), watching(facts));
    if (ended !== null) {
      res.set({ 'HX-Retarget': '#screen', 'HX-Reswap': 'outerMorph', 'HX-Trigger': 'glanceChanged' });
      return screen(req, res, ended.notice);
    }
    const versions = await world.costCodes.versions(company.id, seen.map(({ id }) => id));
    const renewed = seen.filter(({ id, version }) => versions.has(id) && versions.get(id) !== version);
    // Nothing goes on and nothing has changed: the page stays as it is.
    const still = watching(facts).length === 0 && req.query.counts === countsKey(counts) && renewed.length === 0;
    if (still) return res.status(204).end();

    const fresh = await world.costCodes.byIds(company.id, renewed.map(({ id }) => id));
    const records = new Map(fresh.map((record) => [record.id, record]));
    const [causes, changed] = await Promise.all([world.costCodes.causes(company.id), changedClasses(world, company, fresh)]);
    const readOnly = deniedTo(role, company) !== null;
    const rows = seen.flatMap(({ id }, i) => {
      const record = records.get(id);
      return record === undefined ? [] : [row(record, { serial: query.offset + i + 1, selected: false, readOnly, current: changed.get(record.link?.id ?? '') })];
    });
    return res.vary('HX-Request-Type').type('html').send([
      renderer.part('staging/live', live(facts)),
      renderer.part('staging/rail', rail(counts, true)),
      renderer.part('staging/chips', chips(counts, query, driftedIn(causes), true)),
      renderer.part('activity', activity(run, now, true)),
      renderer.part('staging/changed', { rows }),
    ].join('\n'));
  });

  router.post(paths.imports, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const { mode, id, kept, back } = bodyOf(importSchema, req.body);
    const ids = [...new Set([...id, ...kept])];
    if (mode === 'selected' && ids.length === 0) {
      return done(req, res, backTo(back), notice('info', 'No cost code was chosen, so nothing was imported.'));
    }
    return done(req, res, backTo(back), await saying(async () => {
      const { started } = await startImport(world, member.company.id, actorOf(member), mode === 'selected' ? { mode, ids } : { mode });
      return started ? null : notice('info', 'An import is running already; its progress is below.');
    }));
  });

  router.post(paths.preview, membersOnly, (req, res) => showPreview(req, res, selectionOf(req.body), false));

  router.post(paths.runs, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const selection = selectionOf(req.body);
    const { back, looked, consent, beyond } = bodyOf(runSchema, req.body);
    if (isEmptySelection(selection)) return done(req, res, backTo(back), NOTHING_SELECTED);
    if (looked === '' && isAnyNeeded(await consentsNeeded(world, member.company.id, selection))) {
      res.set({ 'HX-Retarget': '#sheet-body', 'HX-Reswap': 'innerHTML', 'HX-Replace-Url': 'false' });
      return showPreview(req, res, selection, true);
    }
    if (member.role === 'admin' && beyond === 'on') await goBeyond(world, member.company, actorOf(member), true);
    const { run, pushable, joined, skipped, hindrance } = await startPush(world, member.company.id, actorOf(member), { ...selection, consent });
    if (hindrance !== null) return showHindrance(req, res, hindrance, [...fieldsOfSelection(selection), ['looked', looked], ...consent.map((one) => ['consent', one] as const)]);
    const left = skippedWords(skipped);
    if (run === null) return done(req, res, backTo(back), notice('info', 'None of the selected cost codes needs to be synced.', { next: left }));
    const text = joined ? `${counted(pushable, 'cost code')} joined the running sync.` : `Syncing ${counted(pushable, 'cost code')} to QuickBooks.`;
    return done(req, res, backTo(back), notice('good', text, { next: left, link: { label: 'Run details', href: pathTo('run', run.id) } }));
  });

  router.post(paths.retries, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const selection = selectionOf(req.body);
    const { back } = bodyOf(backSchema, req.body);
    if (isEmptySelection(selection)) return done(req, res, backTo(back), NOTHING_SELECTED);
    const { run, pushable, skipped, hindrance } = await startPush(world, member.company.id, actorOf(member), { ...selection, reread: true });
    if (hindrance !== null) return showHindrance(req, res, hindrance, fieldsOfSelection(selection));
    const left = skippedWords(skipped);
    if (run === null) return done(req, res, backTo(back), notice('info', 'None of the selected cost codes needs to be retried.', { next: left }));
    return done(req, res, backTo(back), notice('good', `Reading ${counted(pushable, 'cost code')} from Linarc again, then syncing.`, {
      next: left ?? 'What only a spreadsheet told of keeps the values of the last file.', link: { label: 'Run details', href: pathTo('run', run.id) },
    }));
  });

  router.post(paths.decisions, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const selection = selectionOf(req.body);
    const { back, decision } = bodyOf(decisionSchema, req.body);
    if (isEmptySelection(selection)) return done(req, res, backTo(back), NOTHING_SELECTED);
    const n = await inChunks(world, member, selection, (ids) => decide(world, member.company.id, actorOf(member), ids, decision));
    return done(req, res, backTo(back), decidedNotice(n, decision));
  });

  router.get(paths.exported, membersOnly, async (req, res) => {
    const { company } = memberOf(req);
    const { filter, order } = readQuery(req.query);
    await sendCsv(res, `cost-codes-${new Date(world.clock.now()).toISOString().slice(0, 10)}.csv`, EXPORT_HEADINGS, exported(world, company, filter, order));
  });

  router.post(paths.exclude, membersOnly, operatorsOnly, async (req, res) => {
    const { company } = memberOf(req);
    const selection = selectionOf(req.body);
    const back = backTo(bodyOf(backSchema, req.body).back);
    const including = selection.kind === 'matching' && selection.filter.excluded === true;
    const tally = await world.costCodes.tally(company.id, selection);
    const total = Object.values(tally).reduce((sum, n) => sum + n, 0);
    render(req, res, 'record/exclude', excludePage(total, { hidden: fieldsOfSelection(selection), including, back }), { title: 'Exclude' });
  });

  router.post(paths.exclusions, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const selection = selectionOf(req.body);
    const { back, reason } = bodyOf(exclusionSchema, req.body);
    if (isEmptySelection(selection)) return done(req, res, backTo(back), NOTHING_SELECTED);
    const n = await inChunks(world, member, selection, (ids) => exclude(world, member.company.id, actorOf(member), ids, reason));
    return done(req, res, backTo(back), notice('good', `${counted(n, 'cost code')} excluded.`, { next: 'They stay under Excluded and can be included again.' }));
  });

  router.post(paths.inclusions, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const selection = selectionOf(req.body);
    const { back } = bodyOf(backSchema, req.body);
    if (isEmptySelection(selection)) return done(req, res, backTo(back), NOTHING_SELECTED);
    const n = await inChunks(world, member, selection, (ids) => include(world, member.company.id, actorOf(member), ids));
    return done(req, res, backTo(back), notice('good', `${counted(n, 'cost code')} included again.`));
  });

  return router;
}

const NOTHING_SELECTED = notice('info', 'Nothing is selected.', { next: 'Click serial numbers or tick boxes, or choose Select All.' });

const backSchema = z.object({ back: z.string().max(2000).default('') });
const picks = many(z.string().min(1).max(200), MOST_PICKS);
const importSchema = backSchema.extend({ mode: z.enum(IMPORT_MODES), id: picks, kept: picks });
const exclusionSchema = backSchema.extend({ reason: z.string().trim().max(500).default('') });
const runSchema = backSchema.extend({ looked: z.enum(['yes', '']).default(''), consent: many(z.enum(CONSENTS), CONSENTS.length), beyond: z.enum(['on']).optional() });
const decisionSchema = backSchema.extend({ decision: z.enum(DECISIONS) });
const liveSchema = z.object({ seen: many(seenSchema, 4000) });

/** Turns what a person can mend into a notice; anything else is a failure. */
async function saying(work: () => Promise<Notice | null>): Promise<Notice | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProblemError) return problemNotice(error.problem);
    throw error;
  }
}

async function inChunks(world: World, { company }: MemberVisit, selection: Selection, work: (ids: readonly string[]) => Promise<number>): Promise<number> {
  const ids: string[] = [];
  for await (const record of world.costCodes.stream(company.id, selection)) ids.push(record.id);
  let total = 0;
  for (let from = 0; from < ids.length; from += CHUNK) total += await work(ids.slice(from, from + CHUNK));
  return total;
}

async function stagingFacts(world: ScreenWorld, { company, role, user }: MemberVisit, query: StagingQuery) {
  const { id } = company;
  const [counts, page, tally, taskTypes, divisions, causes, run, views] = await Promise.all([
    world.costCodes.counts(id),
    world.costCodes.page(id, query.filter, query.order, query.offset, query.size),
    world.costCodes.tally(id, { kind: 'matching', filter: query.filter, except: [] }),
    world.costCodes.taskTypes(id),
    world.costCodes.divisions(id),
    world.costCodes.causes(id),
    world.runs.active(id),
    world.views.of(id, user.id),
  ]);
  const beyond = page.records.length === 0 && page.total > 0;
  const shown = beyond ? await world.costCodes.page(id, query.filter, query.order, 0, query.size) : page;
  return {
    company, role, counts, taskTypes, divisions, run, causes, views,
    query: beyond ? { ...query, offset: 0 } : query,
    page: shown,
    changed: await changedClasses(world, company, shown.records),
    syncing: tally.needs_sync + tally.failed,
    now: world.clock.now(),
  };
}

/** The classes that somebody changed in QuickBooks, of those of these records that wait for a decision about it. */
async function changedClasses(world: World, { id }: Company, records: readonly StagedRecord[]): Promise<ReadonlyMap<string, QuickBooksClass>> {
  const ids = records.flatMap(({ problem, link }) => (problem?.code === 'changed_in_quickbooks' && link !== null ? [link.id] : []));
  return new Map(ids.length === 0 ? [] : (await world.classes.byIds(id, ids)).map((one) => [one.id, one]));
}

function watchedBefore(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(' ').filter((id) => /^[0-9a-f]{24}$/.test(id)) : [];
}

/** Whether something the page was watching has ended, and what to say of it. */
async function endOf(world: World, company: Company, before: readonly string[], now: readonly string[]): Promise<{ notice: Notice | null } | null> {
  const ended = before.filter((id) => !now.includes(id));
  if (ended.length === 0) return null;
  for (const id of ended) {
    const run = await world.runs.get(company.id, id);
    if (run === null) continue;
    const tone = run.counts.failed + run.counts.needsAction > 0 || run.state !== 'finished' ? 'info' : 'good';
    return { notice: notice(tone, `Sync ${run.state === 'cancelled' ? 'cancelled' : 'finished'}: ${runSummary(run)}.`, { link: { label: 'Run details', href: pathTo('run', run.id) } }) };
  }
  return { notice: null };
}
