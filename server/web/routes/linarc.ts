import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { ProblemError } from '../../core/problems.ts';
import { ROLE_NAMES } from '../../core/team.ts';
import { heldBy, linkCompany, tryLibrary, unlinkCompany } from '../../sync/link.ts';
import { bodyOf } from '../input.ts';
import { paths } from '../paths.ts';
import { confirmOther, confirmUnlink, linarcPage, type LinarcFacts } from '../present/doors.ts';
import { counted } from '../present/format.ts';
import { notice, problemNotice } from '../present/notice.ts';
import { takeNotice } from '../session.ts';
import { actorOf, adminsOnly, memberOf, membersOnly } from '../visit.ts';
import { done, type Web } from '../web.ts';

/** The Linarc company: link, test and replace its key, link another one, unlink. */
export function linarcRoutes({ world, config, render }: Web): Router {
  const router = Router();

  const showLinarc = (req: Request, res: Response, about: Partial<LinarcFacts> = {}, status = 200) => {
    const { company, role } = memberOf(req);
    const denied = role === 'admin' ? null : `Your role in ${company.name} is ${ROLE_NAMES[role]}: an administrator links the Linarc company.`;
    const model = linarcPage({ company, denied, prefill: config.sandbox?.linarc ?? null, ...about });
    render(req, res, 'connect/linarc', model, { title: 'Linarc company', status });
  };

  router.get(paths.linarc, membersOnly, (req, res) => showLinarc(req, res, { notice: takeNotice(req) }));

  router.post(paths.linarc, membersOnly, adminsOnly, async (req, res) => {
    const { intent, sure, ...sent } = bodyOf(linarcSchema, req.body);
    if (intent === 'unlink') return unlink(req, res, sure);
    if (sent.companyId === '' || sent.apiKey === '') {
      return showLinarc(req, res, { sent: { ...sent, fault: 'Both the company id and the API key are needed.' } }, 422);
    }
    try {
      if (intent === 'test') {
        const { name, costCodeCount } = await tryLibrary(world, sent);
        return showLinarc(req, res, { sent: { ...sent, tested: { name, words: counted(costCodeCount, 'cost code') } } });
      }
      return await link(req, res, sent, sure);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const status = error.problem.code === 'linarc_key_refused' ? 422 : 502;
      return showLinarc(req, res, { sent, notice: { ...problemNotice(error.problem), link: null } }, status);
    }
  });

  const link = async (req: Request, res: Response, sent: { companyId: string; apiKey: string }, sure: string) => {
    const member = memberOf(req);
    const { companyId, apiKey } = sent;
    const outcome = await linkCompany(world, member.company, actorOf(member), { companyId, apiKey }, sure);
    if (outcome.kind === 'busy') return showLinarc(req, res, { sent, notice: BUSY }, 409);
    const { name, costCodeCount } = outcome.found;
    if (outcome.kind === 'other_company') return showLinarc(req, res, { confirm: confirmOther(outcome.held, { name, companyId, apiKey }) });
    const library = `${name}, whose library holds ${counted(costCodeCount, 'cost code')}.`;
    if (outcome.kind === 'key_replaced') return done(req, res, paths.linarc, notice('good', `The new key opens ${library}`));
    return done(req, res, paths.costCodes, notice('good', `Linked to ${library}`, { next: 'Import them next.' }));
  };

  const unlink = async (req: Request, res: Response, sure: string) => {
    const member = memberOf(req);
    const held = await heldBy(world, member.company);
    if (member.company.linarc === null || held === null) return done(req, res, paths.linarc);
    if (sure !== 'unlink') return showLinarc(req, res, { confirm: confirmUnlink(held) });
    if (!(await unlinkCompany(world, member.company, actorOf(member)))) return showLinarc(req, res, { notice: BUSY }, 409);
    return done(req, res, paths.linarc, notice('info', `${held.name} is unlinked. Staged codes, mappings and history are kept.`));
  };

  return router;
}

const BUSY = notice('info', 'A sync or an import is under way.', { next: 'Nothing was changed. Try again when it has ended.' });
const linarcSchema = z.object({
  companyId: z.string().trim().max(200).default(''),
  apiKey: z.string().trim().max(500).default(''),
  intent: z.enum(['test', 'link', 'unlink']).default('link'),
  sure: z.string().max(200).default(''),
});
