import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { IMPORT_MODES, type Company } from '../../core/company.ts';
import { ProblemError, type ProblemCode } from '../../core/problems.ts';
import type { Selection } from '../../core/selection.ts';
import { exclude, include } from '../../sync/exclude.ts';
import { startImport } from '../../sync/import.ts';
import { preview } from '../../sync/preview.ts';
import { startPush } from '../../sync/push.ts';
import type { World } from '../../sync/world.ts';
import { bodyOf, many } from '../input.ts';
import { paths, pathTo } from '../paths.ts';
import { excludePage } from '../present/exclude.ts';
import { counted } from '../present/format.ts';
import { notice, problemNotice, type Notice } from '../present/notice.ts';
import { picker } from '../present/picker.ts';
import { preview as previewModel, skippedWords } from '../present/preview.ts';
import { runSummary } from '../present/progress.ts';
import { row } from '../present/row.ts';
import { activity } from '../present/shell.ts';
import { chips, deniedTo, live, rail, staging, watching } from '../present/staging.ts';
import { EMPTY_QUERY, isProblemCode, readQuery, type StagingQuery } from '../query.ts';
import type { Renderer } from '../render.ts';
import { fieldsOfSelection, isEmptySelection, seenSchema, selectionOf } from '../selecting.ts';
import { takeNotice } from '../session.ts';
import { actorOf, memberOf, membersOnly, operatorsOnly, type MemberVisit } from '../visit.ts';
import { backTo, done, type Web } from '../web.ts';

const PICKER_PAGE = 50;
/** How many of the failed records are looked at to find the causes there are; each cause is then counted exactly. */
const CAUSE_SAMPLE = 300;
const MOST_CAUSES = 4;
/** Records excluded or included in one go. */
const CHUNK = 500;

/** The staging screen: the list, imports, selection, preview, push, exclusion, and its live updates. */
export function stagingRoutes({ world, render }: Web, renderer: Renderer): Router {
  const router = Router();

  const screen = async (req: Request, res: Response, said: Notice | null) => {
    const member = memberOf(req);
    const query = readQuery(req.query);
    const model = staging({ ...(await stagingFacts(world, member, query)), notice: said });
    render(req, res, 'staging/page', model, { title: 'Cost Codes' });
  };

  router.get(paths.costCodes, membersOnly, async (req, res) => {
    const { company } = memberOf(req);
    if (!company.settings.costCodes) return res.redirect(303, paths.runs);
    return screen(req, res, takeNotice(req));
  });

  /** What changed since the page was drawn: progress, counts, and those of the shown rows that have another version now. */
  router.post(paths.live, membersOnly, async (req, res) => {
    const member = memberOf(req);
    const { company, role } = member;
    const query = readQuery(req.query);
    const { seen } = bodyOf(liveSchema, req.body);
    const run = await world.runs.active(company.id);
    const now = world.clock.now();
    const facts = { company, role, query, run, now };

    const ended = await endOf(world, company, watchedBefore(req.query.watching), watching(facts));
    if (ended !== null) {
      res.set({ 'HX-Retarget': '#screen', 'HX-Reswap': 'outerMorph' });
      return screen(req, res, ended.notice);
    }
    const counts = await world.costCodes.counts(company.id);
    const records = new Map((await world.costCodes.byIds(company.id, seen.map(({ id }) => id))).map((record) => [record.id, record]));
    const readOnly = deniedTo(role, company) !== null;
    const rows = seen.flatMap(({ id, version }, i) => {
      const record = records.get(id);
      return record === undefined || record.version === version ? [] : [row(record, { serial: query.offset + i + 1, selected: false, readOnly })];
    });
    return res.vary('HX-Request-Type').type('html').send([
      renderer.part('staging/live', live(facts)),
      renderer.part('staging/rail', rail(counts, query, true)),
      renderer.part('staging/chips', chips(counts, query, true)),
      renderer.part('activity', activity(run, now, true)),
      renderer.part('staging/changed', { rows }),
    ].join('\n'));
  });

  router.post(paths.imports, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const { mode, id, back } = bodyOf(importSchema, req.body);
    if (mode === 'selected' && id.length === 0) {
      return done(req, res, backTo(back), notice('info', 'No cost code was chosen, so nothing was imported.'));
    }
    return done(req, res, backTo(back), await saying(async () => {
      const { started } = await startImport(world, member.company.id, actorOf(member), mode === 'selected' ? { mode, ids: id } : { mode });
      return started ? null : notice('info', 'An import is running already; its progress is below.');
    }));
  });

  router.get(paths.picker, membersOnly, async (req, res) => {
    const { company, role } = memberOf(req);
    const { q, cursor } = pickerSchema.parse(req.query);
    const key = await world.companies.libraryKey(company.id);
    const found = key === null
      ? { page: null, said: notice('info', 'No Linarc company is linked yet.', { link: { label: 'Link the Linarc company', href: paths.linarc } }) }
      : await world.library.find(key, { search: q, cursor: cursor === '' ? null : cursor, limit: PICKER_PAGE }).then((page) => ({ page, said: null }), (error: unknown) => {
        if (!(error instanceof ProblemError)) throw error;
        return { page: null, said: problemNotice(error.problem) };
      });
    const ids = (found.page?.entries ?? []).flatMap(({ linarcId }) => (linarcId === null ? [] : [linarcId]));
    const staged = await world.costCodes.byLinarcIds(company.id, ids);
    render(req, res, 'staging/picker', picker({
      library: company.linarc?.name ?? 'Linarc', search: q, page: found.page, staged, notice: found.said, denied: deniedTo(role, company),
    }), { title: 'Import Selected Items from Linarc' });
  });

  router.post(paths.preview, membersOnly, async (req, res) => {
    const { company, role } = memberOf(req);
    const selection = selectionOf(req.body);
    const planned = await preview(world, company.id, selection);
    render(req, res, 'staging/preview', previewModel(planned, { hidden: fieldsOfSelection(selection), denied: deniedTo(role, company) }), { title: 'Preview' });
  });

  router.post(paths.runs, membersOnly, operatorsOnly, async (req, res) => {
    const member = memberOf(req);
    const selection = selectionOf(req.body);
    const back = backTo(bodyOf(backSchema, req.body).back);
    if (isEmptySelection(selection)) return done(req, res, back, NOTHING_SELECTED);
    return done(req, res, back, await saying(async () => {
      const { run, pushable, joined, skipped } = await startPush(world, member.company.id, actorOf(member), selection);
      const left = skippedWords(skipped);
      if (run === null) return notice('info', 'None of the selected cost codes needs to be synced.', { next: left });
      const text = joined ? `${counted(pushable, 'cost code')} joined the running sync.` : `Syncing ${counted(pushable, 'cost code')} to QuickBooks.`;
      return notice('good', text, { next: left, link: { label: 'Run details', href: pathTo('run', run.id) } });
    }));
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
const importSchema = backSchema.extend({ mode: z.enum(IMPORT_MODES), id: many(z.string().min(1).max(200), 5000) });
const exclusionSchema = backSchema.extend({ reason: z.string().trim().max(500).default('') });
const pickerSchema = z.object({ q: z.string().trim().max(200).catch(''), cursor: z.string().max(500).catch('') });
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

async function stagingFacts(world: World, { company, role }: MemberVisit, query: StagingQuery) {
  const { id } = company;
  const [counts, page, tally, taskTypes, run] = await Promise.all([
    world.costCodes.counts(id),
    world.costCodes.page(id, query.filter, query.order, query.offset, query.size),
    world.costCodes.tally(id, { kind: 'matching', filter: query.filter, except: [] }),
    world.costCodes.taskTypes(id),
    world.runs.active(id),
  ]);
  const beyond = page.records.length === 0 && page.total > 0;
  const causes = counts.byStatus.failed + counts.byStatus.needs_action > 0 ? await causesOf(world, company) : [];
  return {
    company, role, counts, taskTypes, run, causes,
    query: beyond ? { ...query, offset: 0 } : query,
    page: beyond ? await world.costCodes.page(id, query.filter, query.order, 0, query.size) : page,
    syncing: tally.needs_sync + tally.failed,
    now: world.clock.now(),
  };
}

/** Why records failed or wait for a person, the commonest first. */
async function causesOf(world: World, { id }: Company) {
  const found: { code: ProblemCode; status: 'failed' | 'needs_action'; count: number }[] = [];
  for (const status of ['failed', 'needs_action'] as const) {
    const sample = await world.costCodes.page(id, { status }, EMPTY_QUERY.order, 0, CAUSE_SAMPLE);
    const codes = [...new Set(sample.records.map((record) => record.problem?.code ?? ''))].filter(isProblemCode);
    for (const code of codes) {
      const { total } = await world.costCodes.page(id, { status, problem: code }, EMPTY_QUERY.order, 0, 1);
      found.push({ code, status, count: total });
    }
  }
  return found.sort((a, b) => b.count - a.count).slice(0, MOST_CAUSES);
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
