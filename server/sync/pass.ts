import {
  countsAsTry, isWorkOf, nextTry, recover, settleBlocked, settleConfirmed, settleFailed, settleHeld, settleIdle, TRIES, type Occasion, type Recovery, type Settlement,
} from '../core/settle.ts';
import { isOutage, outcomeOf, type Outcome } from '../core/outcome.ts';
import { BATCH, IN_FLIGHT } from '../core/pace.ts';
import { fold } from '../core/names.ts';
import { blocked, isOfTheCode, nameTaken, needsYes, plan, writeOf, type PlannedChange } from '../core/plan.ts';
import { statusOf, wantedKey } from '../core/stage.ts';
import type { BatchAnswer, GuardedChange } from '../core/ports.ts';
import { problem } from '../core/problems.ts';
import type { Exchange, Fact, Intent, RunPlace, StagedRecord } from '../core/records.ts';
import type { RunCounts } from '../core/run.ts';
import { roomOf, takesRoom } from './capacity.ts';
import { readClasses } from './classes.ts';
import { Interrupted } from './lease.ts';
import { surroundingsOf } from './surroundings.ts';
import { obey, untilAnswered, type Push } from './waiting.ts';

/** Records read, planned and settled at a time: enough to keep ten batches of 30 under way. */
const CHUNK = 300;
/** Batches without an answer at once: as many as may be under way, and as many again that are prepared. */
const AHEAD = 2 * IN_FLIGHT;
/**
 * Batches at once in all, those whose answers are being stored included: while the database is at some, others can leave. Not where
 * QuickBooks sets the pace: that gains nothing there, and calls reach it less evenly from a process that prepares others meanwhile.
 */
const AT_ONCE = { paced: AHEAD, unpaced: 3 * AHEAD } as const;

interface Planned {
  readonly record: StagedRecord & { readonly run: RunPlace };
  readonly change: PlannedChange;
  /** What is to be asked of QuickBooks for it. */
  readonly write: ReturnType<typeof writeOf>;
}

interface Write extends Planned {
  readonly write: NonNullable<Planned['write']>;
}

/**
 * Goes once over the open records of a level, in order: looks where an outcome is unknown, plans, settles what needs no write, and
 * sends the rest in batches of up to 30, several at once. Returns how many records it took up, those that wait for a name left out, unless
 * none will give it up (`inVain`): then they wait for a person. Throws Interrupted, after what was under way has come to its end.
 */
export async function passOver(push: Push, level: number, inVain = false): Promise<number> {
  const { world, lease } = push;
  const underWay = new Sending(world.pace.limits ? AT_ONCE.paced : AT_ONCE.unpaced);
  const batches = new Batches();
  const room = { left: await roomOf(world, lease.company) };
  let after: string | null = null;
  let taken = 0;
  try {
    for (;;) {
      lease.check();
      const chunk = await world.costCodes.nextInRun(lease.company, lease.run.id, lease.fence, { level, now: lease.time(), after, limit: CHUNK });
      const last = chunk.at(-1);
      if (!last) break;
      after = last.id;
      // What waits for a name is left open: who gives the name up is settled by this pass or a later one.
      const all = await planChunk(push, chunk.filter(isInRun));
      const planned = within(room, inVain ? all.map(withoutWait) : all.filter(({ change }) => !change.waits));
      taken += planned.length;
      await settle(push, planned.flatMap((one) => settleUnwritten(one, occasion(push))));
      for (const batch of batches.add(planned.flatMap(asWrite))) await underWay.add((answered) => send(push, batch, answered));
    }
    for (const batch of batches.rest()) {
      const unchanged = await stillPlanned(push, batch);
      await underWay.add((answered) => send(push, unchanged, answered));
    }
  } finally {
    await underWay.idle();
  }
  underWay.throwFirst();
  return taken;
}

/** Those whose record is as it was planned. Others may have changed while they waited for a batch to fill, and are planned anew. */
async function stillPlanned({ world, lease }: Push, writes: readonly Write[]): Promise<Write[]> {
  const versions = await world.costCodes.versions(lease.company, writes.map(({ record }) => record.id));
  return writes.filter(({ record }) => versions.get(record.id) === record.version);
}

/** Nothing beyond what the plan allows is sent: what the push was begun by may have changed since. */
function within(room: { left: number }, planned: readonly Planned[]): Planned[] {
  return planned.map((one) => {
    if (!takesRoom(one.change)) return one;
    room.left -= 1;
    const isSent = one.record.intent !== null;
    return room.left >= 0 || isSent ? one : { record: one.record, change: blocked(problem('plan_full')), write: null };
  });
}

/** Nobody will give up the name it waits for. */
function withoutWait(one: Planned): Planned {
  const { record, change } = one;
  return change.waits ? { record, change: blocked(nameTaken(record.wanted.name)), write: null } : one;
}

function isInRun(record: StagedRecord): record is Planned['record'] {
  return record.run !== null;
}

/** Several tasks at once, each of which says when it has been answered. The first failure is kept until everything under way has ended. */
class Sending {
  private readonly tasks = new Set<Promise<void>>();
  private readonly unanswered = new Set<Promise<void>>();
  private readonly atOnce: number;
  private failure: unknown;
  private failed = false;

  constructor(atOnce: number) {
    this.atOnce = atOnce;
  }

  async add(task: (answered: () => void) => Promise<void>): Promise<void> {
    this.throwFirst();
    const answer = new Promise<void>((resolve) => {
      const running = task(resolve)
        .catch((error: unknown) => {
          if (!this.failed) this.failure = error;
          this.failed = true;
        })
        .finally(() => {
          this.tasks.delete(running);
          resolve();
        });
      this.tasks.add(running);
    }).finally(() => this.unanswered.delete(answer));
    this.unanswered.add(answer);
    if (this.unanswered.size >= AHEAD) await Promise.race(this.unanswered);
    if (this.tasks.size >= this.atOnce) await Promise.race(this.tasks);
  }

  async idle(): Promise<void> {
    await Promise.all(this.tasks);
  }

  throwFirst(): void {
    if (this.failed) throw this.failure;
  }
}

/** Fills batches of 30 over chunks. A write that was sent before keeps its requestid, so it travels with those it travelled with. */
class Batches {
  private fresh: Write[] = [];
  private readonly again = new Map<string, Write[]>();

  add(writes: readonly Write[]): Write[][] {
    for (const write of writes) {
      const former = formerRequest(write);
      if (former === null) this.fresh.push(write);
      else this.again.set(former, [...(this.again.get(former) ?? []), write]);
    }
    const full: Write[][] = [];
    while (this.fresh.length >= BATCH) full.push(this.fresh.splice(0, BATCH));
    return full;
  }

  rest(): Write[][] {
    const rest = this.fresh.length > 0 ? [this.fresh] : [];
    return [...rest, ...this.again.values()];
  }
}

/** The requestid this very content was sent with before. */
function formerRequest({ record, write }: Write): string | null {
  return record.intent !== null && record.intent.contentHash === write.contentHash ? record.intent.requestid : null;
}

async function planChunk(push: Push, chunk: readonly Planned['record'][]): Promise<Planned[]> {
  const unknown = chunk.filter((record) => record.run.look);
  if (unknown.length > 0) await look(push, unknown);
  const records = await recovered(push, chunk);
  const around = await surroundingsOf(push.world, push.lease.company, records, false);
  const planned = records.map((record): Planned => {
    const change = plan(record, around(record), push.settings);
    return { record, change, write: writeOf(change) };
  });
  const [other, rest] = [planned.filter(replaces), planned.filter((one) => !replaces(one))];
  if (other.length === 0) return planned;
  return [...rest, ...(await planChunk(push, other.map(({ record }) => ({ ...record, run: { ...record.run, look: true } }))))];
}

/** Something else was sent before; even if it was refused, nothing takes its place, and it is not let be, before QuickBooks was looked at. */
function replaces({ record, write }: Planned): boolean {
  return record.intent !== null && !record.run.look && write?.contentHash !== record.intent.contentHash;
}

/**
 * Reads from QuickBooks what is known of these records' classes there, by id and by name, into the mirror. A record looked up before
 * in vain has the whole list read, since a name may differ in ways a query does not bridge.
 */
async function look(push: Push, records: readonly Planned['record'][]): Promise<void> {
  const { world, lease, books } = push;
  if (records.some((record) => record.run.attempts > 1)) return untilAnswered(push, () => readClasses(world, lease.company, books, push.signal));

  const names = [...new Set(records.flatMap((record) => [record.wanted.name, record.intent?.body.Name ?? record.wanted.name]))];
  const suspects = await world.classes.withNames(lease.company, names.map(fold));
  const linked = records.flatMap((record) => [record.link?.id, record.intent?.body.Id].filter((id) => id !== undefined));
  const ids = [...new Set([...linked, ...suspects.map((found) => found.id)])];
  const byId = await untilAnswered(push, () => books.byIds(ids));
  const byName = await untilAnswered(push, () => books.byNames(names));
  const known = new Set(byId.map((found) => found.id));
  await world.classes.save(lease.company, [...byId, ...byName]);
  await world.classes.drop(lease.company, ids.filter((id) => !known.has(id)));
}

/**
 * Ties records to what their last write did, where its answer was lost and looking found it: by what was sent, for by now something
 * else may be wanted. Returns the records as they stand then; one that changed meanwhile waits for the next pass.
 */
async function recovered(push: Push, records: readonly Planned['record'][]): Promise<Planned['record'][]> {
  const found = await findWork(push, records.filter((record) => record.run.look && record.intent !== null));
  if (found.length === 0) return [...records];
  await push.world.history.add(push.lease.company, found.map(({ fact }) => fact));
  const missed = await write(push, found.map(({ record, change }) => ({ id: record.id, version: record.version, change })));
  const tied = new Map(found.map(({ record, change }) => [record.id, { ...change, version: record.version + 1 }]));
  return records.filter(({ id }) => !missed.has(id)).map((record) => ({ ...record, ...tied.get(record.id) }));
}

async function findWork(push: Push, records: readonly Planned['record'][]): Promise<Recovery[]> {
  const { world, lease } = push;
  if (records.length === 0) return [];
  const bodies = records.flatMap(({ intent }) => intent?.body ?? []);
  const byName = await world.classes.withNames(lease.company, [...new Set(bodies.map(({ Name }) => fold(Name)))]);
  const users = await world.costCodes.linkedTo(lease.company, byName.map(({ id }) => id));
  const isFree = (id: string, record: StagedRecord) => (users.get(id) ?? []).every((user) => user === record.id);
  return records.flatMap((record) => {
    const held = byName.find((one) => isWorkOf(record.intent, one) && isFree(one.id, record) && (record.link === null || record.link.id === one.id));
    return held && record.link?.syncToken !== held.syncToken ? [recover(record, held, occasion(push))] : [];
  });
}

/** What can be settled without a write: blocked, out of tries, nothing to do, or a link to a class that is as wanted already. */
function settleUnwritten({ record, change, write }: Planned, occasion: Occasion): Settlement[] {
  if (change.problem !== null) return [settleBlocked(record, change.problem, occasion)];
  if (isHeld(record, change)) return [settleHeld(record, occasion)];
  if (write !== null && !hasTriesLeft(record)) return [settleFailed(record, record.problem ?? problem('gave_up'), record.lastExchange, occasion)];
  if (write !== null) return [];
  if (change.target === null) return [settleIdle(record, occasion)];
  return [settleConfirmed(record, change, change.target, null, occasion)];
}

/** Whether it would make a class inactive or move it without the yes that takes. */
function isHeld(record: Planned['record'], change: PlannedChange): boolean {
  return needsYes(record, change).some((consent) => !record.run.consent.includes(consent));
}

function hasTriesLeft(record: Planned['record']): boolean {
  return record.run.attempts < TRIES;
}

function asWrite({ record, change, write }: Planned): Write[] {
  return write === null || !hasTriesLeft(record) || isHeld(record, change) ? [] : [{ record, change, write }];
}

function occasion({ world, lease, settings }: Push): Occasion {
  return { run: lease.run.id, by: lease.run.by, at: new Date(world.clock.now()), inactivate: settings.inactivate };
}

/** Stores what is asked of QuickBooks, sends the batch, says that it was answered, and stores what the answer says of each record. */
async function send(push: Push, writes: readonly Write[], answered: () => void): Promise<void> {
  const { world, lease, books } = push;
  const first = writes[0];
  if (!first) return;
  const requestid = formerRequest(first) ?? world.random.hex(16);
  const intended = intend(push, writes, requestid);
  const batch = { requestid, run: lease.run.id, fence: lease.fence, items: intended.map(({ record, intent }) => ({ record: record.id, intent })) };
  await world.intents.store(lease.company, batch);

  const items = intended.map(({ intent: { bId, operation, body } }) => ({ bId, operation, body }));
  const answer = await books.batch(requestid, items).catch(async (error: unknown) => {
    // Only the wait before a call throws, so nothing was sent.
    if (error instanceof Interrupted) await world.intents.drop(lease.company, batch);
    throw error;
  });
  answered();
  await storeAnswers(push, intended, answer);
  await world.intents.drop(lease.company, batch);
  await obey(push, answer, 'batch');
}

interface Intended extends Pick<Planned, 'record' | 'change'> {
  readonly intent: Intent;
  /** It was sent before, under the same requestid. */
  readonly repeated: boolean;
}

/** The records as they are once this was sent and nobody knows what came of it. */
function intend({ lease }: Push, writes: readonly Write[], requestid: string): Intended[] {
  const sentAt = lease.time();
  return writes.map(({ record, change, write }, index): Intended => {
    const former = record.intent?.requestid === requestid ? record.intent : null;
    const intent: Intent = { ...write, requestid, bId: former?.bId ?? String(index + 1), sentAt: former?.sentAt ?? sentAt };
    const run = { ...record.run, attempts: record.run.attempts + 1, look: true, notBefore: null };
    return { change, intent, repeated: former !== null, record: { ...record, intent, run } };
  });
}

async function storeAnswers(push: Push, intended: readonly Intended[], answer: BatchAnswer): Promise<void> {
  const { world, lease } = push;
  const [at, now] = [occasion(push), lease.time()];
  const settlements: Settlement[] = [];
  const waiting: GuardedChange[] = [];
  const tries: Fact[] = [];
  const applied = [];
  for (const { record, change, intent, repeated } of intended) {
    const item = answer.kind === 'answered' ? answer.items.get(intent.bId) : answer;
    const exchange = exchangeOf(intent, answer, at.at);
    const outcome = outcomeOf(item, intent.body.Name, repeated);
    switch (outcome.kind) {
      case 'applied':
        applied.push(outcome.class);
        settlements.push(settleConfirmed(record, change, outcome.class, exchange, at));
        break;
      case 'rejected':
        settlements.push(settleFailed(record, outcome.problem, exchange, at));
        break;
      case 'look': {
        const counts = !isOutage(answer) || countsAsTry(intent, now);
        const place = { look: true, attempts: record.run.attempts - (counts ? 0 : 1), notBefore: isUnclear(outcome) ? nextTry(intent, now) : null };
        waiting.push(unsettled(record, outcome.problem, exchange, place, outcome.sameRequest ? intent : repeated ? spent(intent) : null));
        tries.push(tried(record, exchange, outcome.problem, at));
        break;
      }
      case 'again': {
        const place = { look: false, attempts: record.run.attempts - (outcome.counts ? 0 : 1), notBefore: isUnclear(outcome) ? nextTry(intent, now) : null };
        waiting.push(unsettled(record, outcome.problem, exchange, place, intent));
        break;
      }
    }
  }
  await world.classes.save(lease.company, applied);
  await world.history.add(lease.company, tries);
  await keepWaiting(push, waiting);
  await settle(push, settlements);
}

/** What was sent is noted whatever Linarc changed meanwhile, whose problem with the record then stands. */
async function keepWaiting(push: Push, waiting: readonly GuardedChange[]): Promise<void> {
  const missed = await write(push, waiting);
  const changed = waiting.filter(({ id }) => missed.has(id));
  await write(push, changed.map(({ id, change: { problem: _problem, ...sent } }) => ({ id, version: null, change: sent })));
}

/** Nothing to decide on is known, so that time may help. */
function isUnclear({ problem: { code } }: Exclude<Outcome, { kind: 'applied' }>): boolean {
  return code === 'gave_up' || code === 'quickbooks_unreachable';
}

/** A write to be looked for, but not sent under its requestid again: no content has this hash. */
function spent(intent: Intent): Intent {
  return { ...intent, contentHash: '' };
}

/** The record stays in the run, remembering why, for the reason it would fail with in the end. */
function unsettled(record: Planned['record'], why: Fact['problem'], lastExchange: Exchange, change: Partial<RunPlace>, intent: Intent | null): GuardedChange {
  return { id: record.id, version: record.version, change: { problem: why, lastExchange, intent, run: { ...record.run, ...change } } };
}

function tried(record: StagedRecord, exchange: Exchange, problem: Fact['problem'], { run, by, at }: Occasion): Fact {
  const id = `${run}.${record.id}.${exchange.requestid}.${record.run?.attempts ?? 0}`;
  return { id, record: record.id, at, by, kind: 'waiting', changes: [], run, exchange, problem };
}

function exchangeOf(intent: Intent, answer: BatchAnswer, at: Date): Exchange {
  const item = answer.kind === 'answered' ? answer.items.get(intent.bId) : undefined;
  const refused = answer.kind === 'refused' ? answer.fault : null;
  return {
    at,
    operation: intent.operation,
    requestid: intent.requestid,
    request: { bId: intent.bId, operation: intent.operation, Class: intent.body },
    response: item?.response ?? refused ?? (answer.kind === 'unknown' ? { unknown: answer.why } : null),
    status: answer.kind === 'refused' ? answer.fault.status : answer.status,
    intuitTid: answer.kind === 'refused' ? answer.fault.intuitTid : answer.intuitTid,
    took: answer.took,
  };
}

/**
 * Stores settlements: the line of history first, which storing twice leaves once, then the record. A record that changed in Linarc
 * meanwhile is settled as it stands now. Counts what was settled.
 */
async function settle(push: Push, settlements: readonly Settlement[]): Promise<void> {
  const { world, lease } = push;
  if (settlements.length === 0) return;
  await world.history.add(lease.company, settlements.map((settled) => settled.fact));
  const missed = await write(push, settlements.map(({ record, change }) => ({ id: record.id, version: record.version, change })));
  await count(push, await apart(push, settlements.filter(({ record }) => !missed.has(record.id))));
  if (missed.size > 0) await settleChanged(push, settlements.filter(({ record }) => missed.has(record.id)));
}

/**
 * A mapping may have taken the class that a record was just linked to, each having found it free. Whoever sees the other there lets go of
 * it, as `map` does. Returns the settlements as they are then.
 */
async function apart(push: Push, settled: readonly Settlement[]): Promise<Settlement[]> {
  const classOf = ({ outcome, change }: Settlement) => (outcome === 'linked' && change.link ? change.link.id : null);
  const users = await push.world.costCodes.linkedTo(push.lease.company, settled.flatMap((one) => classOf(one) ?? []));
  const isAlone = (one: Settlement) => (users.get(classOf(one) ?? '') ?? []).every((user) => user === one.record.id);
  return Promise.all(settled.map((one) => (isAlone(one) ? one : letGo(push, one))));
}

/** Takes the link back; the record then waits for a person. One that was changed or drawn into a run meanwhile is left as it is. */
async function letGo(push: Push, settlement: Settlement): Promise<Settlement> {
  const { world, lease } = push;
  const { record: { id, link, aliases, syncedAt, overwrite, accepted }, change: { link: shared } } = settlement;
  const [now] = await world.costCodes.byIds(lease.company, [id]);
  if (!now || now.link?.id !== shared?.id) return settlement;
  const waits = settleBlocked(settlement.record, nameTaken(shared?.name ?? ''), occasion(push));
  const stored = await world.costCodes.change(lease.company, id, now.version, { ...waits.change, link, aliases, syncedAt, overwrite, accepted });
  if (stored === null) return settlement;
  await world.history.add(lease.company, [waits.fact]);
  return waits;
}

async function settleChanged(push: Push, settlements: readonly Settlement[]): Promise<void> {
  const { world, lease } = push;
  const now = await world.costCodes.byIds(lease.company, settlements.map(({ record }) => record.id));
  const open = new Map(now.filter((record) => record.run?.id === lease.run.id && record.run.fence === lease.fence).map((record) => [record.id, record]));
  const again = settlements.flatMap((settlement) => {
    const record = open.get(settlement.record.id);
    return record ? [restated(settlement, record, push.settings.inactivate)] : [];
  });
  if (again.length > 0) await settle(push, again);
}

/** The settlement over the record as it stands now: what Linarc changed meanwhile makes it ready, or waiting, again. */
function restated(settlement: Settlement, record: StagedRecord, inactivate: boolean): Settlement {
  const link = settlement.change.link ?? record.link;
  const own = record.problem !== null && isOfTheCode(record.problem) ? record.problem : null;
  const status = statusOf({ wanted: record.wanted, link, problem: own }, inactivate);
  const asSettled = wantedKey(record.wanted) === wantedKey(settlement.record.wanted) && !settlement.change.link;
  return { ...settlement, record, change: asSettled ? settlement.change : { ...settlement.change, problem: own, status } };
}

async function count(push: Push, settlements: readonly Settlement[]): Promise<void> {
  if (settlements.length === 0) return;
  const counts: { -readonly [outcome in keyof RunCounts]?: number } = {};
  for (const { outcome } of settlements) counts[outcome] = (counts[outcome] ?? 0) + 1;
  await push.lease.count(counts);
}

/** Writes to records of the run; returns the ids of those left alone, being under another fence or of another version by now. */
async function write({ world, lease }: Push, changes: readonly GuardedChange[]): Promise<ReadonlySet<string>> {
  if (changes.length === 0) return new Set();
  const { missed } = await world.costCodes.writeInRun(lease.company, lease.run.id, lease.fence, changes);
  return new Set(missed);
}
