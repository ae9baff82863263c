import { Router } from 'express';
import { z } from 'zod';
import { LONGEST_VIEW_NAME, MOST_VIEWS, type ViewRefusal } from '../../core/views.ts';
import { bodyOf, idSchema } from '../input.ts';
import { paths } from '../paths.ts';
import { notice, type Notice } from '../present/notice.ts';
import { savedViews } from '../present/savedviews.ts';
import { readSearch, searchOf } from '../query.ts';
import { memberOf, membersOnly } from '../visit.ts';
import { backTo, done, type Web } from '../web.ts';

/** What a person keeps of the staging screen under a name: to save, open, rename and delete. A viewer may, too: it is their own. */
export function savedViewRoutes({ world, render }: Web): Router {
  const router = Router();

  router.get(paths.views, membersOnly, async (req, res) => {
    const { company, user } = memberOf(req);
    render(req, res, 'staging/views', savedViews(await world.views.of(company.id, user.id), backTo(req.query.back)), { title: 'Saved views' });
  });

  router.post(paths.views, membersOnly, async (req, res) => {
    const { company, user } = memberOf(req);
    const wish = bodyOf(viewSchema, req.body);
    const said = await carryOut(company.id, user.id, wish);
    done(req, res, backTo(wish.back), said);
  });

  async function carryOut(company: Parameters<typeof world.views.of>[0], user: string, { intent, id, name, search }: z.infer<typeof viewSchema>): Promise<Notice> {
    if (intent === 'delete') {
      await world.views.remove(company, user, id);
      return notice('good', 'The view is deleted.');
    }
    if (name === '') return notice('bad', 'A view needs a name.', { next: 'Type one, then save again.' });
    // Only what the address can say is kept, whatever was sent.
    const kept = searchOf({ ...readSearch(search), offset: 0, selectAll: false });
    const refusal = intent === 'rename' ? await world.views.rename(company, user, id, name) : await world.views.save(company, user, { name, search: kept });
    return refusal === null ? notice('good', intent === 'rename' ? `Renamed to “${name}”.` : `Saved as “${name}”.`) : REFUSALS[refusal];
  }

  return router;
}

const REFUSALS: Readonly<Record<ViewRefusal, Notice>> = {
  full: notice('bad', `${MOST_VIEWS} views are kept already.`, { next: 'Delete one, then save again.' }),
  taken: notice('bad', 'Another view has that name.', { next: 'Choose another name.' }),
};

const viewSchema = z.object({
  intent: z.enum(['save', 'rename', 'delete']),
  id: z.union([idSchema, z.literal('')]).default(''),
  name: z.string().trim().max(LONGEST_VIEW_NAME).default(''),
  search: z.string().max(2000).default(''),
  back: z.string().max(2000).default(''),
});
