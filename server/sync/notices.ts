import { nearEnd, type Company } from '../core/company.ts';
import { backOff } from '../core/fresh.ts';
import { judge, mailOf, TOPICS, type Seen, type Standing, type Topic } from '../core/notices.ts';
import type { ProblemCode } from '../core/problems.ts';
import type { Tenant } from '../core/records.ts';
import { contentHash } from '../core/names.ts';
import type { World } from './world.ts';

/** How long one process has to send a company's mail. */
const LEASE = 2 * 60_000;
/** After so many tries, about two days, a message is no news any more. */
const TRIES = 50;
/** Reasons named in one message. */
const REASONS = 5;
/** Records looked at to name them. */
const SAMPLE = 500;

/** A topic that stands badly, for the banner. */
export interface OpenNotice extends Standing {
  readonly topic: Topic;
}

/** What is wrong with a company just now, as its people were told. */
export async function openNotices(world: World, company: Tenant): Promise<readonly OpenNotice[]> {
  const { standings } = await world.fresh.notices.standings(company);
  return TOPICS.flatMap((topic) => (standings[topic].bad ? [{ topic, ...standings[topic] }] : []));
}

/**
 * Sees how things stand and decides what the company's people are told; then sends what waits. Any number of processes tell once.
 */
export async function tellPeople(world: World, company: Company): Promise<void> {
  const { version, standings } = await world.fresh.notices.standings(company.id);
  const judged = judge(standings, await seen(world, company), new Date(world.clock.now()));
  if (contentHash(judged.standings) !== contentHash(standings)) {
    const about = { company: company.name, address: world.fresh.reachedAt };
    const mails = judged.messages.map((message) => mailOf(message, { ...about, id: `${company.id}.${version + 1}` }));
    const stored = await world.fresh.notices.write(company.id, version, judged.standings, world.fresh.post === null ? [] : mails);
    if (stored) for (const { topic, turn } of judged.messages) world.log.info({ company: company.id, topic, turn }, 'a notice');
  }
  await sendMail(world, company.id);
}

async function seen(world: World, company: Company): Promise<Seen> {
  const { byStatus } = await world.costCodes.counts(company.id);
  const [newest] = await world.runs.recent(company.id, 1);
  const upkeep = await world.fresh.rounds.upkeep(company.id);
  const atWork = newest !== undefined && newest.active && newest.state !== 'halted' && newest.state !== 'paused';
  return {
    connection: company.connection,
    nearEnd: nearEnd(company, world.clock.now()),
    run: newest ? { id: newest.id, state: newest.state, failed: newest.counts.failed, problem: newest.problem } : null,
    failed: byStatus.failed,
    waiting: byStatus.needs_action,
    reasons: byStatus.needs_action > 0 ? await reasonsOf(world, company.id) : [],
    trouble: upkeep?.trouble ?? null,
    busy: atWork || company.import?.state === 'running',
  };
}

async function reasonsOf(world: World, company: Tenant): Promise<Seen['reasons']> {
  const order = { by: 'code', direction: 'asc' } as const;
  const { records } = await world.costCodes.page(company, { status: 'needs_action' }, order, 0, SAMPLE);
  const counts = new Map<ProblemCode, number>();
  for (const { problem } of records) if (problem) counts.set(problem.code, (counts.get(problem.code) ?? 0) + 1);
  return [...counts].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count).slice(0, REASONS);
}

/**
 * Sends the mail that waits for this company's administrators. What is not taken is tried again later, and given up in the end.
 */
async function sendMail(world: World, company: Tenant): Promise<void> {
  const { notices, post } = world.fresh;
  const waiting = await notices.takeMail(company, LEASE);
  if (waiting === null) return;
  const to = await notices.recipients(company);
  try {
    for (const mail of waiting.mails) {
      if (post !== null && to.length > 0) await post.send({ ...mail, to });
      await notices.dropMail(company, [mail.id]);
    }
  } catch (error) {
    const name = error instanceof Error ? error.name : 'unknown';
    world.log.warn({ company, tries: waiting.tries, error: name }, 'a notice could not be sent');
    if (waiting.tries >= TRIES) await notices.dropMail(company, waiting.mails.map(({ id }) => id));
    else await notices.putOffMail(company, backOff(waiting.tries));
  }
}
