import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import mongoose from 'mongoose';
import { temporaryFolder } from './support.ts';

const MAIN = join(import.meta.dirname, '../../server/embedded/main.ts');

/** The server as a process of its own, so that it can be killed without warning. */
async function start(dir: string): Promise<{ child: ChildProcess; uri: string; killed: Promise<unknown> }> {
  const child = spawn(process.execPath, ['--import=tsx', MAIN, '--port', '0', '--data', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killed = new Promise((resolve) => { child.once('close', resolve); });
  const line = await new Promise<string>((resolve) => { child.stdout.once('data', (chunk) => resolve(String(chunk))); });
  return { child, uri: line.replace('ready ', '').trim(), killed };
}

interface Acknowledged {
  inserted: Set<string>;
  /** The highest step each counter's acknowledged updates reached. */
  steps: Map<string, number>;
}

describe('embedded MongoDB: durability', () => {
  const dir = temporaryFolder();
  const acknowledged: Acknowledged = { inserted: new Set(), steps: new Map() };

  after(() => rmSync(dir, { recursive: true, force: true }));

  /** Writes until the connection dies: single inserts, bulk upserts and counters, remembering what was acknowledged. */
  async function write(uri: string, round: number): Promise<void> {
    const client = new mongoose.mongo.MongoClient(uri, { serverSelectionTimeoutMS: 500, retryWrites: false });
    const collection = client.db('d').collection<{ _id: string; group?: number; n?: number }>('c');
    const end = new AbortController();
    const ended = end.signal;
    const until = async (work: (n: number) => Promise<void>): Promise<void> => {
      for (let n = 0; !ended.aborted; n++) await work(n).catch(() => end.abort());
    };
    const inserter = (writer: number): Promise<void> => until(async (n) => {
      const id = `${round}-${writer}-${n}`;
      await collection.insertOne({ _id: id, group: n % 10 });
      acknowledged.inserted.add(id);
    });
    const upserter = until(async (n) => {
      const batch = Array.from({ length: 50 }, (_, at) => `${round}-bulk-${n}-${at}`);
      await collection.bulkWrite(
        batch.map((_id) => ({ updateOne: { filter: { _id }, update: { $set: { group: 1 } }, upsert: true } })), { ordered: false }
      );
      for (const id of batch) acknowledged.inserted.add(id);
    });
    const counter = until(async () => {
      const after = await collection.findOneAndUpdate({ _id: `counter-${round}` }, { $inc: { n: 1 } }, {
        upsert: true, returnDocument: 'after',
      });
      acknowledged.steps.set(`counter-${round}`, after?.n ?? 0);
    });
    await Promise.all([inserter(1), inserter(2), inserter(3), upserter, counter]);
    await client.close();
  }

  async function check(uri: string): Promise<void> {
    const client = await new mongoose.mongo.MongoClient(uri).connect();
    const collection = client.db('d').collection<{ _id: string; group?: number; n?: number }>('c');
    const documents = await collection.find().hint({ $natural: 1 }).toArray();
    const present = new Set(documents.map(({ _id }) => _id));
    expect([...acknowledged.inserted].filter((_id) => !present.has(_id)), 'lost').to.deep.equal([]);
    for (const [id, step] of acknowledged.steps) expect((await collection.findOne({ _id: id }))?.n).to.be.at.least(step);
    const byIndex = await collection.find({ group: { $gte: 0 } }).hint({ group: 1, _id: 1 }).toArray();
    const byScan = documents.filter(({ group }) => group !== undefined);
    expect(byIndex.map(({ _id }) => _id).sort()).to.deep.equal(byScan.map(({ _id }) => _id).sort());
    expect(await collection.estimatedDocumentCount()).to.equal(documents.length);
    expect(new Set(await collection.distinct('_id')).size).to.equal(documents.length);
    await client.close();
  }

  it('kill -9 during writes loses nothing acknowledged, and indexes agree with documents', async function durability() {
    this.timeout(60_000);
    const first = await start(dir);
    const client = await new mongoose.mongo.MongoClient(first.uri).connect();
    await client.db('d').collection('c').createIndex({ group: 1, _id: 1 });
    await client.close();
    let server = first;
    for (let round = 0; round < 4; round++) {
      const writing = write(server.uri, round);
      await sleep(150 + Math.random() * 500);
      server.child.kill('SIGKILL');
      await Promise.all([writing, server.killed]);
      server = await start(dir);
      await check(server.uri);
    }
    expect(acknowledged.inserted.size).to.be.greaterThan(100);
    server.child.kill('SIGTERM');
    await server.killed;
  });
});
