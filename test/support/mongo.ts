import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Mongoose } from 'mongoose';
import { startEmbeddedMongo } from '../../server/embedded/server.ts';

/** The MongoDB the tests run on, for one suite. */
export interface TestMongo {
  readonly uri: string;
  /** A name no other suite uses; nothing is created yet. */
  database(): string;
  drop(name: string): Promise<void>;
  /** Every suite gives back what it took; the embedded server ends with the last one. */
  close(): Promise<void>;
}

interface Running {
  readonly uri: string;
  stop(): Promise<void>;
}

let users = 0;
let running: Promise<Running> | null = null;

/** The server `MONGODB_URI` names, or else the embedded one, of which a test process runs at most one at a time. */
export async function testMongo(): Promise<TestMongo> {
  users += 1;
  running ??= process.env['MONGODB_URI'] ? Promise.resolve({ uri: process.env['MONGODB_URI'], stop: async () => {} }) : startOwn();
  const { uri, stop } = await running;
  return {
    uri,
    database: () => `store_${randomBytes(6).toString('hex')}`,
    async drop(name) {
      const connection = await new Mongoose().createConnection(uri, { dbName: name }).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
    async close() {
      users -= 1;
      if (users > 0) return;
      running = null;
      await stop();
    },
  };
}

async function startOwn(): Promise<Running> {
  const dir = await mkdtemp(join(tmpdir(), 'class-sync-mongo-'));
  const server = await startEmbeddedMongo({ dir });
  return {
    uri: server.uri,
    async stop() {
      await server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
