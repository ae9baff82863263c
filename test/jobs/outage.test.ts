import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Mongoose, type Connection } from 'mongoose';
import type { Tenant } from '../../server/core/records.ts';
import { startEmbeddedMongo, type EmbeddedMongo } from '../../server/embedded/server.ts';
import { createDispatch, type Jobs } from '../../server/jobs/agenda.ts';

const ONE = '1'.repeat(24) as Tenant;

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isSo(); await sleep(10)) {
    if (Date.now() > end) throw new Error('it did not come to that within 10 seconds');
  }
}

/** The driver takes a moment to find a database that is back; until then a dispatch is refused, and asked again. */
async function dispatched(jobs: Jobs, run: string): Promise<void> {
  for (const end = Date.now() + 10_000; ; await sleep(50)) {
    try {
      return await jobs.dispatch.push(ONE, run);
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

// On a server of its own in any case: this one is taken down.
describe('Jobs, when the database goes away and comes back', () => {
  let dir: string;
  let mongo: EmbeddedMongo;
  let connection: Connection;
  let jobs: Jobs;
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'class-sync-outage-'));
    mongo = await startEmbeddedMongo({ dir });
    process.on('unhandledRejection', note);
  });
  after(async () => {
    await jobs.stop(0);
    await connection.close();
    await mongo.close();
    await rm(dir, { recursive: true, force: true });
    process.off('unhandledRejection', note);
  });

  it('go on, say so, and crash nothing', async function () {
    this.timeout(30_000);
    connection = await new Mongoose().createConnection(mongo.uri, { dbName: 'outage', serverSelectionTimeoutMS: 100 }).asPromise();
    if (!connection.db) throw new Error('a connection that is open has its database');
    jobs = await createDispatch(connection.db, { processEvery: 30, sweepEvery: 60, lockMs: 400 });
    const pushed: string[] = [];
    const warnings: string[] = [];
    const push = async (_company: Tenant, run: string) => {
      pushed.push(run);
      await sleep(300);
    };
    const tasks = { push, import: async () => {}, fresh: async () => {}, sweep: async () => {} };
    await jobs.work(tasks, { info() {}, warn: (_about, message) => void warnings.push(message), error() {} });
    await jobs.dispatch.push(ONE, 'run1');
    await until(() => pushed.length === 1);

    const { port } = mongo;
    await mongo.close();
    await until(() => warnings.length > 2);
    expect(await jobs.dispatch.push(ONE, 'run2').catch((error: unknown) => error)).to.be.instanceOf(Error);

    mongo = await startEmbeddedMongo({ dir, port });
    await dispatched(jobs, 'run3');
    await until(() => pushed.includes('run3'));
    expect(unhandled).to.deep.equal([]);
  });
});
