import { ROUNDS, roundTimes, type Round } from '../core/fresh.ts';
import type { Company } from '../core/company.ts';
import type { Tenant } from '../core/records.ts';
import { applySettings } from './apply.ts';
import { followLinarc, lookAtLinarc } from './auto.ts';
import { tellPeople } from './notices.ts';
import { followQuickBooks, mustWait, sweepQuickBooks } from './sweep.ts';
import type { World } from './world.ts';

/** Companies sent off at one time; the rest follows with the next. */
const AT_ONCE = 50;

/**
 * Sends off every company of which something was told or whose round is due, the longest waiting first. For a schedule of
 * seconds.
 */
export async function freshen(world: World): Promise<void> {
  const { changes, notices, rounds } = world.fresh;
  const due = await Promise.all(ROUNDS.map((round) => rounds.due(round, roundTimes(round, world.clock.now()), AT_ONCE)));
  const all = [await changes.waiting(AT_ONCE), ...due, await notices.pending(AT_ONCE)].flat();
  for (const company of new Set(all)) await world.dispatch.fresh(company);
}

/**
 * Does for a company whatever is due, and nothing that is not; harmless to repeat. One thing that fails does not keep the others
 * back.
 */
export async function keepFresh(world: World, id: Tenant): Promise<void> {
  await step(world, id, 'apply settings', async (company) => {
    if (await isTurn(world, company, 'apply')) await applySettings(world, id);
  });
  await step(world, id, 'follow Linarc', (company) => followLinarc(world, company));
  await step(world, id, 'look at Linarc', async (company) => {
    if (!(await isTurn(world, company, 'look'))) return;
    // Whose turn it is was decided by the settings as they are now, which may be newer.
    const now = (await world.companies.get(id)) ?? company;
    await lookAtLinarc(world, now);
    await followLinarc(world, now);
  });
  await step(world, id, 'follow QuickBooks', (company) => followQuickBooks(world, company));
  await step(world, id, 'sweep QuickBooks', async (company) => {
    if (!(await mustWait(world, company)) && (await isTurn(world, company, 'sweep'))) await sweepQuickBooks(world, company);
  });
  await step(world, id, 'tell people', async (company) => {
    await isTurn(world, company, 'notice');
    await tellPeople(world, company);
  });
}

function isTurn(world: World, company: Company, round: Round): Promise<boolean> {
  const now = world.clock.now();
  return world.fresh.rounds.begin(company.id, round, roundTimes(round, now), new Date(now));
}

/** Each step sees the company as the step before left it. */
async function step(world: World, id: Tenant, what: string, work: (company: Company) => Promise<void>): Promise<void> {
  try {
    const company = await world.companies.get(id);
    if (company) await work(company);
  } catch (error) {
    world.log.error({ company: id, error: error instanceof Error ? error.message : String(error) }, `could not ${what}`);
  }
}
