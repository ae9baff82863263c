import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Mongoose, type Connection } from 'mongoose';
import type { Tenant } from '../../server/core/records.ts';
import { createDispatch, type Jobs, type JobsConfig, type Tasks } from '../../server/jobs/agenda.ts';
import type { Log } from '../../server/sync/world.ts';
import { testMongo, type TestMongo } from '../support/mongo.ts';

const ONE = '1'.repeat(24) as Tenant;
const TWO = '2'.repeat(24) as Tenant;
const FAST: JobsConfig = { processEvery: 50, sweepEvery: 100, lockMs: 400 };

/** Tasks that note what they were asked for and do what the test says. */
class Notes implements Tasks {
  readonly pushed: string[] = [];
  readonly imported: string[] = [];
  sweeps = 0;
  running = 0;
  most = 0;
  readonly #doing: (id: string, signal: AbortSignal) => Promise<void>;

  constructor(doing: (id: string, signal: AbortSignal) => Promise<void> = async () => {}) {
    this.#doing = doing;
  }

  async push(company: Tenant, run: string, signal: AbortSignal): Promise<void> {
    this.pushed.push(`${company[0]}:${run}`);
    await this.#do(run, signal);
  }

  async import(company: Tenant, importId: string, signal: AbortSignal): Promise<void> {
    this.imported.push(`${company[0]}:${importId}`);
    await this.#do(importId, signal);
  }

  async fresh(): Promise<void> {}

  async sweep(): Promise<void> {
    this.sweeps += 1;
  }

  async #do(id: string, signal: AbortSignal): Promise<void> {
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    await this.#doing(id, signal).finally(() => {
      this.running -= 1;
    });
  }
}

class Lines implements Log {
  readonly errors: string[] = [];
  info(): void {}
  warn(): void {}
  error(about: Readonly<Record<string, unknown>>, message: string): void {
    this.errors.push(`${message}: ${String(about['error'])}`);
  }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 5_000; !(await isSo()); await sleep(10)) {
    if (Date.now() > end) throw new Error('it did not come to that within 5 seconds');
  }
}

const aborted = (signal: AbortSignal) => new Promise<void>((resolve) => void signal.addEventListener('abort', () => resolve(), { once: true }));

describe('Jobs', () => {
  let mongo: TestMongo;
  let name: string;
  let connections: Connection[];
  let opened: Jobs[];
  let log: Lines;

  before(async () => {
    mongo = await testMongo();
  });
  after(() => mongo.close());
  beforeEach(() => {
    name = mongo.database();
    connections = [];
    opened = [];
    log = new Lines();
  });
  afterEach(async () => {
    await Promise.all(opened.map((jobs) => jobs.stop(200)));
    await Promise.all(connections.map((connection) => connection.close()));
    await mongo.drop(name);
  });

  /** The jobs of one process, on a connection of its own. */
  async function process(config: JobsConfig = FAST): Promise<Jobs> {
    const connection = await new Mongoose().createConnection(mongo.uri, { dbName: name }).asPromise();
    connections.push(connection);
    if (!connection.db) throw new Error('a connection that is open has its database');
    const jobs = await createDispatch(connection.db, config);
    opened.push(jobs);
    return jobs;
  }

  const messages = (of: string) => connections[0]?.collection('jobs').countDocuments({ name: of });

  it('brings a message to the process that sent it at once', async () => {
    const notes = new Notes();
    const jobs = await process({ ...FAST, processEvery: 4_000, sweepEvery: 60_000 });
    await jobs.work(notes, log);
    const start = Date.now();
    await jobs.dispatch.push(ONE, 'run1');
    await jobs.dispatch.import(TWO, 'import1');
    await until(() => notes.pushed.length + notes.imported.length === 2);
    expect(Date.now() - start).to.be.below(2_000);
    expect([notes.pushed, notes.imported]).to.deep.equal([['1:run1'], ['2:import1']]);
  });

  it('brings a message to a process that only works, and deletes it when done', async () => {
    const notes = new Notes();
    const sender = await process();
    await sender.dispatch.push(ONE, 'run1');
    expect(await messages('push')).to.equal(1);
    await (await process()).work(notes, log);
    await until(() => notes.pushed.length === 1);
    await until(async () => (await messages('push')) === 0);
  });

  it('gives each message to one of several processes', async () => {
    const notes = [new Notes(() => sleep(20)), new Notes(() => sleep(20))];
    for (const each of notes) await (await process()).work(each, log);
    const sender = await process();
    await Promise.all(Array.from({ length: 20 }, (_, n) => sender.dispatch.push(ONE, `run${n}`)));
    await until(() => notes.flatMap((each) => each.pushed).length >= 20);
    expect(new Set(notes.flatMap((each) => each.pushed)).size).to.equal(20);
    expect(notes.flatMap((each) => each.pushed)).to.have.length(20);
  });

  it('keeps one of a message sent again before it is read', async () => {
    const sender = await process();
    for (let n = 0; n < 5; n += 1) await sender.dispatch.push(ONE, 'run1');
    await sender.dispatch.push(TWO, 'run1');
    expect(await messages('push')).to.equal(2);
  });

  it('brings a message again that was sent while it was being worked on', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const notes = new Notes(() => held);
    const jobs = await process();
    await jobs.work(notes, log);
    await jobs.dispatch.push(ONE, 'run1');
    await until(() => notes.pushed.length === 1);
    await jobs.dispatch.push(ONE, 'run1');
    await until(() => notes.pushed.length === 2);
    release();
  });

  it('works for several companies at once, but not for more than it should', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const notes = new Notes(() => held);
    const jobs = await process({ ...FAST, lockMs: 10_000, atOnce: 3 });
    for (let n = 0; n < 7; n += 1) await jobs.dispatch.push(ONE, `run${n}`);
    await jobs.work(notes, log);
    try {
      await until(() => notes.running === 3);
      await sleep(200);
      expect(notes.running).to.equal(3);
    } finally {
      release();
    }
    await until(() => notes.pushed.length === 7);
    expect(notes.most).to.equal(3);
  });

  it('keeps a message that takes far longer than its lock to itself', async () => {
    const notes = [new Notes(() => sleep(1_200)), new Notes()];
    for (const each of notes) {
      await (await process()).work(each, log);
      if (each === notes[0]) await opened[0]?.dispatch.push(ONE, 'run1');
      await until(() => (notes[0]?.pushed.length ?? 0) === 1);
    }
    await until(async () => (await messages('push')) === 0);
    expect(notes[1]?.pushed).to.deep.equal([]);
  });

  it('brings the message of a process that died to another', async () => {
    const notes = new Notes();
    const sender = await process();
    await sender.dispatch.import(ONE, 'import1');
    // What is left of a process that was killed while it worked on the message.
    await connections[0]?.collection('jobs').updateOne({ name: 'import' }, { $set: { lockedAt: new Date(Date.now() - 60_000), nextRunAt: null } });
    await (await process()).work(notes, log);
    await until(() => notes.imported.length === 1);
  });

  it('logs a task that fails, deletes its message, and goes on', async () => {
    const notes = new Notes(async (id) => {
      if (id === 'bad') throw new Error('no good');
    });
    const jobs = await process();
    await jobs.work(notes, log);
    await jobs.dispatch.push(ONE, 'bad');
    await until(() => log.errors.length === 1);
    expect(log.errors).to.deep.equal(['push failed: no good']);
    await jobs.dispatch.push(ONE, 'good');
    await until(async () => notes.pushed.length === 2 && (await messages('push')) === 0);
  });

  it('sweeps again and again in every process, also after a sweep that took very long', async () => {
    const slow = new Notes();
    slow.sweep = async () => {
      slow.sweeps += 1;
      if (slow.sweeps === 1) await sleep(3 * (FAST.lockMs ?? 0));
    };
    const notes = [slow, new Notes()];
    for (const each of notes) await (await process()).work(each, log);
    await until(() => notes.every((each) => each.sweeps >= 3));
  });

  it('deletes what was done long ago', async () => {
    const jobs = await process();
    await connections[0]?.collection('jobs').insertOne({ name: 'push', data: {}, nextRunAt: null, lockedAt: null, lastFinishedAt: new Date(0) });
    await jobs.work(new Notes(), log);
    await until(async () => (await messages('push')) === 0);
  });

  it('stops by telling its tasks, waits for them, leaves them to another process, and takes nothing more', async () => {
    let ended = false;
    const notes = new Notes(async (_id, signal) => {
      await aborted(signal);
      await sleep(50);
      ended = true;
    });
    const jobs = await process();
    await jobs.work(notes, log);
    await jobs.dispatch.push(ONE, 'run1');
    await until(() => notes.running === 1);
    await jobs.stop();
    expect(ended).to.equal(true);
    await jobs.dispatch.push(ONE, 'run2');
    await sleep(150);
    expect(notes.pushed).to.deep.equal(['1:run1']);
    expect(await messages('push')).to.equal(2);
  });

  it('stops in time even when a task does not', async () => {
    const jobs = await process();
    const notes = new Notes(() => sleep(1_500));
    await jobs.work(notes, log);
    await jobs.dispatch.import(ONE, 'import1');
    await until(() => notes.running === 1);
    const start = Date.now();
    await jobs.stop(50);
    expect(Date.now() - start).to.be.below(1_000);
    expect(await messages('import')).to.equal(1);
  });
});
