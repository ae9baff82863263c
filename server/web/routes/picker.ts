import { Router, type Request, type RequestHandler } from 'express';
import { z } from 'zod';
import type { LibraryQuestion } from '../../core/ports.ts';
import { ProblemError } from '../../core/problems.ts';
import { bodyOf, many } from '../input.ts';
import { paths } from '../paths.ts';
import { notice, problemNotice } from '../present/notice.ts';
import { picker, type PickerFacts } from '../present/picker.ts';
import { deniedTo } from '../present/staging.ts';
import { memberOf, membersOnly } from '../visit.ts';
import type { Web } from '../web.ts';

const PAGE = 50;
/** The most codes that can be picked one by one; Import All needs no picking. */
export const MOST_PICKS = 5_000;

/** Import Selected: a page of Linarc's library to pick from. What is picked goes with the form from page to page, so POST asks as GET does. */
export function pickerRoutes({ world, render }: Web): Router {
  const router = Router();

  const shown = async (req: Request, asked: Asked): Promise<PickerFacts> => {
    const { company, role } = memberOf(req);
    const question = questionOf(asked);
    const [key, divisions] = await Promise.all([world.companies.libraryKey(company.id), world.costCodes.divisions(company.id)]);
    const found = key === null
      ? { page: null, said: notice('info', 'No Linarc company is linked yet.', { link: { label: 'Link the Linarc company', href: paths.linarc } }) }
      : await world.library.find(key, { ...question, cursor: asked.cursor === '' ? null : asked.cursor, limit: PAGE }).then((page) => ({ page, said: null }), (error: unknown) => {
        if (!(error instanceof ProblemError)) throw error;
        return { page: null, said: problemNotice(error.problem) };
      });
    const ids = (found.page?.entries ?? []).flatMap(({ linarcId }) => (linarcId === null ? [] : [linarcId]));
    return {
      library: company.linarc?.name ?? 'Linarc', question, isFirst: asked.cursor === '', page: found.page, divisions, notice: found.said, denied: deniedTo(role, company),
      staged: await world.costCodes.byLinarcIds(company.id, ids), picks: new Set([...asked.id, ...asked.kept]),
    };
  };

  const show: RequestHandler = async (req, res) => {
    const asked = req.method === 'POST' ? bodyOf(askedSchema, req.body) : askedSchema.parse(req.query);
    render(req, res, 'staging/picker', picker(await shown(req, asked)), { title: 'Import Selected Items from Linarc' });
  };
  router.get(paths.picker, membersOnly, show);
  router.post(paths.picker, membersOnly, show);
  return router;
}

const picks = many(z.string().regex(/^[\w-]{1,100}$/), MOST_PICKS).catch([]);
const askedSchema = z.object({
  q: z.string().trim().max(200).catch(''),
  type: z.string().max(100).catch(''),
  division: z.string().max(50).catch(''),
  active: z.enum(['yes', 'no', '']).catch(''),
  cursor: z.string().max(2_000).catch(''),
  id: picks,
  /** Picked on other pages. */
  kept: picks,
});
type Asked = z.infer<typeof askedSchema>;

function questionOf({ q, type, division, active }: Asked): LibraryQuestion {
  return {
    ...(q !== '' && { search: q }), ...(type !== '' && { taskType: type }), ...(division !== '' && { divisionCode: division }),
    ...(active !== '' && { active: active === 'yes' }),
  };
}
