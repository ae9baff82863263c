import { setTimeout as pause } from 'node:timers/promises';
import { MongoJobRepository } from '@agendajs/mongo-backend';
import { Agenda, InMemoryNotificationChannel, type Job } from 'agenda';
import type { Connection } from 'mongoose';
import type { Dispatch } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { freshen, keepFresh } from '../sync/fresh.ts';
import { runPush, sweep } from '../sync/push.ts';
import { runAnyImport, type SheetWorld } from '../sync/spreadsheet.ts';
import type { Log } from '../sync/world.ts';

/** What the messages ask for. */
export interface Tasks {
  push(company: Tenant, run: string, signal: AbortSignal): Promise<void>;
  import(company: Tenant, importId: string, signal: AbortSignal): Promise<void>;
  /** Does for a company whatever is due by itself. */
  fresh(company: Tenant): Promise<void>;
  /** Sends off again what was left lying, and what is due. */
  sweep(): Promise<void>;
}

export interface Jobs {
  readonly dispatch: Dispatch;
  /** How many seconds the oldest message has waited that nobody has taken. */
  age(): Promise<number>;
  /** Begins to take messages, this process's own at once and those of others within `processEvery`. */
  work(tasks: Tasks, log: Log): Promise<void>;
  /**
   * Takes no more messages, aborts the signal of the tasks under way and waits for them, but no longer than `grace`
   * milliseconds. What is not finished then stays in the queue for another process. A timer of agenda's may go on for half
   * of `lockMs`.
   */
  stop(grace?: number): Promise<void>;
}

export interface JobsConfig {
  /** How often to look for messages of other processes, in milliseconds. */
  readonly processEvery?: number;
  readonly sweepEvery?: number;
  /** How long a message stays with a process that shows no sign of life, in milliseconds. */
  readonly lockMs?: number;
  /** How many tasks of one kind this process takes at once; each is another company's. */
  readonly atOnce?: number;
}

/** One message: a company and the id of its run or import. */
interface Message {
  readonly company: Tenant;
  readonly id: string;
}

type Database = NonNullable<Connection['db']>;
type AgendaDatabase = Extract<ConstructorParameters<typeof MongoJobRepository>[0], { mongo: unknown }>['mongo'];

const COLLECTION = 'jobs';
const GRACE = 10_000;

/** What the use cases do for a message. */
export function tasksOf(world: SheetWorld): Tasks {
  return {
    async push(company, run, signal) {
      await runPush(world, company, run, signal);
      // How it ended is worth telling, and what QuickBooks told meanwhile can be followed now.
      await world.dispatch.fresh(company);
    },
    import: (company, importId) => runAnyImport(world, company, importId),
    fresh: (company) => keepFresh(world, company),
    async sweep() {
      await sweep(world);
      await freshen(world);
    },
  };
}

/**
 * Messages between processes, by agenda in the collection `jobs` of this database. Agenda may deliver a message twice or
 * let it rest (engineering.md §3.3): a task must be harmless when repeated, and being right is the business of the run's
 * own lease.
 */
export async function createDispatch(database: Database, config: JobsConfig = {}): Promise<Jobs> {
  const { processEvery = 1_000, sweepEvery = 3_000, lockMs = 6_000, atOnce = 10 } = config;
  const agenda = new Agenda({
    backend: await connectedBackend(database),
    notificationChannel: new InMemoryNotificationChannel(),
    processEvery,
    defaultLockLifetime: lockMs,
    maxConcurrency: 3 * atOnce,
  });
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  let sweeping: Promise<void> = Promise.resolve();

  const send = async (name: string, message: Message) => {
    // A message that is waiting already says the same; one being worked on may have been read too early to.
    const unread = { 'data.company': message.company, 'data.id': message.id, lockedAt: null };
    await agenda.create(name, message).unique(unread, { insertOnly: true }).schedule(new Date()).save();
  };

  const define = (name: string, task: (message: Message) => Promise<void>, log: Log) => {
    const handle = (job: Job<Message>) => {
      const attended = attend(job, lockMs / 4, () => task(job.attrs.data), stopping.signal, log);
      const handled = attended.finally(() => underWay.delete(handled));
      underWay.add(handled);
      return handled;
    };
    agenda.define<Message>(name, handle, { concurrency: atOnce, lockLimit: atOnce });
  };

  return {
    dispatch: {
      push: (company, run) => send('push', { company, id: run }),
      import: (company, importId) => send('import', { company, id: importId }),
      fresh: (company) => send('fresh', { company, id: 'fresh' }),
    },

    async age() {
      const now = new Date();
      const oldest = await database.collection(COLLECTION).findOne({ lockedAt: null, nextRunAt: { $lte: now } }, { sort: { nextRunAt: 1 } });
      const since: unknown = oldest?.['nextRunAt'];
      return since instanceof Date ? (now.getTime() - since.getTime()) / 1_000 : 0;
    },

    async work(tasks, log) {
      agenda.on('error', (error) => {
        log.warn({ error: error.message }, 'a message could not be taken or finished; it is tried again');
      });
      define('push', ({ company, id }) => tasks.push(company, id, stopping.signal), log);
      define('import', ({ company, id }) => tasks.import(company, id, stopping.signal), log);
      define('fresh', ({ company }) => tasks.fresh(company), log);
      await agenda.start();
      sweeping = sweepOn(() => logged('sweep', () => Promise.all([tasks.sweep(), clear(database)]), log), sweepEvery, stopping.signal);
    },

    async stop(grace = GRACE) {
      stopping.abort();
      await agenda.stop(false);
      await Promise.race([Promise.allSettled([...underWay, sweeping]), elapsed(grace)]);
    },
  };
}

/**
 * Sweeps every so often, in every process and by no message: a repeated job of agenda's that once outlasted its lock, as on a busy
 * machine, was not taken again, and nothing that was left lying was found any more.
 */
async function sweepOn(sweep: () => Promise<void>, every: number, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    await sweep();
    await pause(every, undefined, { signal: stopping }).catch(() => {});
  }
}

/** Agenda connects by itself and lets a failure end the process; so it is given a collection that is ready. */
async function connectedBackend(database: Database): Promise<ConstructorParameters<typeof Agenda>[0]['backend']> {
  const mongo = database as unknown as AgendaDatabase;
  const repository = new MongoJobRepository({ mongo, db: { collection: COLLECTION }, ensureIndex: false });
  await repository.connect();
  const unlock = repository.unlockJob.bind(repository);
  // Agenda waits for no answer here, so a failure would end the process; a message that stays locked comes back by itself.
  repository.unlockJob = (job) => unlock(job).catch(() => {});
  const key = { name: 1, nextRunAt: 1, priority: -1, lockedAt: 1, disabled: 1 } as const;
  await mongo.collection(COLLECTION).createIndex(key, { name: 'findAndLockNextJobIndex' });
  return { name: 'MongoDB', repository, ownsConnection: false, connect: async () => {}, disconnect: async () => {} };
}

/**
 * Does what a message asks for, showing signs of life, then deletes the message. A task that fails is logged and its
 * message deleted too: the sweep finds what is still to be done. Stopped in the middle, the message stays and goes to
 * another process.
 */
async function attend(
  job: Job<Message>,
  pulse: number,
  task: () => Promise<void>,
  stopping: AbortSignal,
  log: Log,
): Promise<void> {
  const leave = () => void job.schedule(new Date());
  if (stopping.aborted) return leave();
  const alive = setInterval(() => void job.touch().catch(() => {}), pulse);
  try {
    await logged(job.attrs.name, task, log, job.attrs.data);
  } finally {
    clearInterval(alive);
  }
  if (stopping.aborted) return leave();
  await job.remove();
}

async function logged(name: string, task: () => Promise<unknown>, log: Log, about: Partial<Message> = {}): Promise<void> {
  try {
    await task();
  } catch (error) {
    log.error({ ...about, error: error instanceof Error ? error.message : String(error) }, `${name} failed`);
  }
}

/** Deletes messages that are done but could not be deleted then. */
async function clear(database: Database): Promise<void> {
  await database.collection(COLLECTION).deleteMany({ nextRunAt: null, lockedAt: null });
}

/** Resolves after `ms`, but keeps no process waiting. */
function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
