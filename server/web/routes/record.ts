import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { BooksError, GrantError } from '../../core/ports.ts';
import { describe, problem, ProblemError } from '../../core/problems.ts';
import { FACT_KINDS, type Fact, type StagedRecord, type Tenant } from '../../core/records.ts';
import { refreshClasses } from '../../sync/classes.ts';
import { decide, DECISIONS } from '../../sync/decide.ts';
import { effectOf, map, searchTree, suggest, treeBelow, unmap } from '../../sync/mapping.ts';
import { retry } from '../../sync/retry.ts';
import { sendCsv } from '../csv.ts';
import { NotFound } from '../errors.ts';
import { bodyOf, paramsOf, withId } from '../input.ts';
import { paths, pathTo } from '../paths.ts';
import { counted } from '../present/format.ts';
import { hindranceNotice } from '../present/hindrance.ts';
import { history, HISTORY_GROUPS, HISTORY_HEADINGS, historyRows, kindsOf, PAGE_OF_HISTORY } from '../present/history.ts';
import { jsonScript } from '../present/json.ts';
import { mapping, tree, type Look, type MappingFacts } from '../present/mapping.ts';
import { decidedNotice, notice, problemNotice, type Notice } from '../present/notice.ts';
import { wantsFragment } from '../render.ts';
import { takeNotice } from '../session.ts';
import { actorOf, memberOf, membersOnly, operatorsOnly } from '../visit.ts';
import { backTo, done, type Web } from '../web.ts';

/** What belongs to one record: Change History, Manual Mapping, Json Script, retry. */
export function recordRoutes({ world, render }: Web): Router {
  const router = Router();

  /** The record of this company with the id in the path; anybody else's is not found. */
  const recordOf = async (req: Request): Promise<StagedRecord> => {
    const { id } = paramsOf(withId, req.params);
    const record = await world.costCodes.get(memberOf(req).company.id, id);
    if (record === null) throw new NotFound('cost code');
    return record;
  };

  router.get(paths.history, membersOnly, async (req, res) => {
    const record = await recordOf(req);
    const { company } = memberOf(req);
    const { kind: show, before } = historySchema.parse(req.query);
    const [facts, realmId] = await Promise.all([
      world.history.of(company.id, record.id, { limit: PAGE_OF_HISTORY + 1, kinds: kindsOf(show), ...(before !== null && { before }) }),
      world.companies.realmId(company.id),
    ]);
    const model = history({ record, facts, show, isFirstPage: before === null, hidden: [realmId] });
    render(req, res, 'record/history', model, { title: `Change History of ${record.source.code}` });
  });

  router.get(paths.historyCsv, membersOnly, async (req, res) => {
    const record = await recordOf(req);
    const { company } = memberOf(req);
    const { kind: show } = historySchema.parse(req.query);
    const hidden = [await world.companies.realmId(company.id)];
    const rows = async function* () {
      for (let before: Fact | undefined; ;) {
        const facts: readonly Fact[] = await world.history.of(company.id, record.id, { limit: FACTS_AT_ONCE, kinds: kindsOf(show), ...(before && { before }) });
        for (const fact of facts) yield* historyRows(fact, hidden);
        before = facts.at(-1);
        if (!before) return;
      }
    };
    return sendCsv(res, `Change History of ${record.source.code || 'a code'}.csv`, HISTORY_HEADINGS, rows());
  });

  router.get(paths.json, membersOnly, async (req, res) => {
    const record = await recordOf(req);
    const { id } = memberOf(req).company;
    const [last, realmId] = await Promise.all([record.lastExchange ?? world.history.lastExchange(id, record.id), world.companies.realmId(id)]);
    const model = jsonScript(record, last, [realmId]);
    render(req, res, 'record/json', model, { title: `Json Script of ${record.source.code}` });
  });

  router.get(paths.mapping, membersOnly, async (req, res) => {
    const record = await recordOf(req);
    const { company, role } = memberOf(req);
    const { look, choose } = lookOf(req.query);
    const said = takeNotice(req);
    if (said !== null) res.set('HX-Trigger', 'recordsChanged');
    const [made, seen, classCount, current, chosen] = await Promise.all([
      suggest(world, company.id, record),
      lookedAt(company.id, record, look, 'top'),
      world.classes.count(company.id),
      record.link === null ? null : effectOf(world, company.id, record, record.link.id, 'alone'),
      choose === '' ? null : chosenBy(company.id, record, choose),
    ]);
    const suggestions = await Promise.all(made.map(async (one) => ({ ...one, effect: await effectOf(world, company.id, record, one.class.id, 'alone') })));
    const model = mapping({
      company, role, record, look, ...seen, classCount, current, chosen, notice: said,
      suggestions: suggestions.flatMap(({ effect, ...one }) => (effect === null ? [] : [{ ...one, effect: effect.effect }])),
    });
    render(req, res, 'record/mapping', model, { title: `Manual Mapping of ${record.source.code}` });
  });

  /** What stands below one class, when it is opened in the tree; or the next of what is shown there. */
  router.get(paths.classTree, membersOnly, async (req, res) => {
    const record = await recordOf(req);
    const { look } = lookOf(req.query);
    if (!wantsFragment(req)) return res.redirect(303, req.originalUrl.replace(/\/classes(?=\?|$)/, '/mapping'));
    const seen = await lookedAt(memberOf(req).company.id, record, look, 'there');
    return render(req, res, 'record/tree', tree({ record, look, ...seen }));
  });

  const lookedAt = (company: Tenant, record: StagedRecord, { q, below, from }: Look, start: 'there' | 'top') => {
    if (q !== '') return searchTree(world, company, q, from, record.id);
    return treeBelow(world, company, below, start, from, record.id);
  };

  const chosenBy = async (company: Tenant, record: StagedRecord, classId: string): Promise<MappingFacts['chosen']> => {
    const alone = await effectOf(world, company, record, classId, 'alone');
    if (alone === null || classId === record.link?.id) return null;
    if (alone.usedBy.length === 0) return { ...alone, effects: { alone: alone.effect } };
    const shared = await effectOf(world, company, record, classId, 'share');
    return { ...alone, effects: { replace: alone.effect, ...(shared && { share: shared.effect }) } };
  };

  router.post(paths.mapping, membersOnly, operatorsOnly, async (req, res) => {
    const record = await recordOf(req);
    const member = memberOf(req);
    const { intent, classId, how, q } = bodyOf(mappingBody, req.body);
    const back = `${pathTo('mapping', record.id)}${q === '' ? '' : `?${new URLSearchParams({ q }).toString()}`}`;
    await answering(req, res, back, async () => {
      const { id } = member.company;
      if (intent === 'unmap') return outcome(await unmap(world, id, actorOf(member), record.id), record.link === null ? 'The next sync looks for its class again.' : 'Unlinked. The class stays in QuickBooks as it is.');
      if (intent === 'refresh') {
        const { active, inactive } = await refreshClasses(world, id);
        return notice('good', `Read ${counted(active, 'active class', 'active classes')} and ${counted(inactive, 'inactive one')} from QuickBooks.`);
      }
      if (classId === '') return notice('bad', 'No class was chosen.');
      return outcome(await map(world, id, actorOf(member), record.id, classId, how), 'Linked to the class.');
    });
  });

  router.post(paths.decision, membersOnly, operatorsOnly, async (req, res) => {
    const record = await recordOf(req);
    const member = memberOf(req);
    const { back, decision } = bodyOf(decisionSchema, req.body);
    await answering(req, res, backTo(back), async () => decidedNotice(await decide(world, member.company.id, actorOf(member), [record.id], decision), decision));
  });

  router.post(paths.retry, membersOnly, operatorsOnly, async (req, res) => {
    const record = await recordOf(req);
    const member = memberOf(req);
    await answering(req, res, backTo(bodyOf(backSchema, req.body).back), async () => {
      const tried = await retry(world, member.company.id, actorOf(member), record.id);
      if (tried === null) throw new NotFound('cost code');
      const { code } = tried.record.source;
      if (tried.gone) return notice('bad', `Linarc no longer has ${code}.`, { next: 'Exclude it here, or put it back in Linarc and import again.' });
      const read = tried.source === 'linarc' ? `Read ${code} from Linarc again` : `${code} stands as the last imported file had it`;
      if (tried.run !== null) return notice('good', `${read}; syncing it.`);
      if (tried.hindrance !== null) return hindranceNotice(tried.hindrance);
      const why = tried.record.problem === null ? null : describe(tried.record.problem);
      return why === null ? notice('good', `${read}; nothing is left to sync.`) : notice('bad', why.sentence, { next: why.next });
    });
  });

  return router;
}

const FACTS_AT_ONCE = 200;
const SHOWN_KINDS = [...(Object.keys(HISTORY_GROUPS) as (keyof typeof HISTORY_GROUPS)[]), ...FACT_KINDS] as const;
const historySchema = z.object({
  kind: z.enum(SHOWN_KINDS).nullable().catch(null).default(null),
  /** The last fact of the page before: its time and id. */
  before: z.string().regex(/^\d{1,14}\.[\w:.-]{1,200}$/).transform((text) => {
    const dot = text.indexOf('.');
    return { at: new Date(Number(text.slice(0, dot))), id: text.slice(dot + 1) };
  }).nullable().catch(null).default(null),
});
const lookQuery = z.object({
  q: z.string().trim().max(200).catch(''),
  in: z.string().regex(/^\d{1,19}$/).nullable().catch(null).default(null),
  from: z.coerce.number().int().min(0).max(1_000_000).catch(0).default(0),
  choose: z.string().regex(/^\d{1,19}$/).catch('').default(''),
});

function lookOf(query: unknown): { look: Look; choose: string } {
  const { q, in: below, from, choose } = lookQuery.parse(query);
  return { look: { q, below, from }, choose };
}

const mappingBody = z.object({
  intent: z.enum(['map', 'unmap', 'refresh']),
  classId: z.string().regex(/^\d{0,19}$/).default(''),
  how: z.enum(['alone', 'share', 'replace']).default('alone'),
  q: z.string().trim().max(200).default(''),
});
const backSchema = z.object({ back: z.string().max(2000).default('') });
const decisionSchema = backSchema.extend({ decision: z.enum(DECISIONS) });

/** A record that moved under the person's hands (null) is no failure, but nothing was changed. */
function outcome(changed: StagedRecord | null, words: string): Notice {
  if (changed === null) return notice('info', 'It is being synced or was changed just now, so nothing was done.', { next: 'Look at it again, then repeat.' });
  return notice('good', words, changed.status === 'needs_sync' ? { next: 'It is ready to be synced.' } : {});
}

async function answering(req: Request, res: Response, back: string, work: () => Promise<Notice>): Promise<void> {
  try {
    done(req, res, back, await work());
  } catch (error) {
    if (error instanceof ProblemError) return done(req, res, back, problemNotice(error.problem));
    if (error instanceof GrantError && error.kind !== 'unreachable') return done(req, res, back, problemNotice(problem('reconnect_needed')));
    if (error instanceof BooksError || error instanceof GrantError) return done(req, res, back, problemNotice(problem('quickbooks_unreachable')));
    throw error;
  }
}
