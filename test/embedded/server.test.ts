import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import mongoose from 'mongoose';
import { startEmbeddedMongo, startEmbeddedMongoInThread } from '../../server/embedded/server.ts';
import { running, temporaryFolder } from './support.ts';
import type { Running } from './support.ts';

const { Long } = mongoose.mongo;

describe('embedded MongoDB: server', () => {
  let host: Running;

  before(async () => {
    host = await running({ ttlIntervalMs: 50, cursorTimeoutMs: 200 });
  });

  after(() => host.stop());

  describe('start and stop', () => {
    it('refuses a port in use and lets go of the folder', async () => {
      const dir = temporaryFolder();
      const error = await startEmbeddedMongo({ dir, port: host.server.port }).catch((caught: unknown) => caught);
      expect(error).to.include({ code: 'EADDRINUSE' });
      await (await startEmbeddedMongo({ dir })).close();
      rmSync(dir, { recursive: true });
    });

    it('refuses a folder another server holds, naming it', async () => {
      const error = await startEmbeddedMongo({ dir: host.dir }).catch((caught: unknown) => caught);
      expect(error).to.include({ code: 'DATA_FOLDER_IN_USE' });
      expect(error).to.have.property('message').that.includes(host.dir);
    });

    it('refuses a folder that cannot be made', async () => {
      const error = await startEmbeddedMongo({ dir: join(import.meta.filename, 'folder') }).catch((caught: unknown) => caught);
      expect(error).to.include({ code: 'DATA_FOLDER_UNUSABLE' });
    });

    it('finds its data again after a restart, indexes and counts included', async () => {
      const dir = temporaryFolder();
      const first = await startEmbeddedMongo({ dir });
      let client = await new mongoose.mongo.MongoClient(first.uri).connect();
      await client.db('d').collection('c').createIndex({ a: 1 }, { unique: true });
      await client.db('d').collection('c').insertMany([{ a: 1 }, { a: 2 }]);
      await client.close();
      await first.close();
      const second = await startEmbeddedMongo({ dir });
      client = await new mongoose.mongo.MongoClient(second.uri).connect();
      const collection = client.db('d').collection('c');
      expect(await collection.estimatedDocumentCount()).to.equal(2);
      expect(await collection.insertOne({ a: 2 }).catch((error: { code: number }) => error.code)).to.equal(11000);
      await collection.insertOne({ a: 3 });
      expect(await collection.countDocuments()).to.equal(3);
      await client.close();
      await second.close();
      rmSync(dir, { recursive: true });
    });

    it('runs in a thread of its own, closes, and may be closed twice', async () => {
      const dir = temporaryFolder();
      const server = await startEmbeddedMongoInThread({ dir });
      const client = await new mongoose.mongo.MongoClient(server.uri).connect();
      expect((await client.db('d').command({ ping: 1 }))['ok']).to.equal(1);
      await client.close();
      await Promise.all([server.close(), server.close()]);
      await (await startEmbeddedMongo({ dir })).close();
      rmSync(dir, { recursive: true });
    });

    it('tells from the thread why it cannot start', async () => {
      const error = await startEmbeddedMongoInThread({ dir: host.dir }).catch((caught: unknown) => caught);
      expect(error).to.include({ code: 'DATA_FOLDER_IN_USE' });
    });
  });

  describe('command line', () => {
    const main = join(import.meta.dirname, '../../server/embedded/main.ts');
    const run = (args: string[]): ReturnType<typeof spawn> => spawn(process.execPath, ['--import=tsx', main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });

    it('names every faulty setting', async () => {
      const child = run(['--port', 'many', '--data', ' ']);
      let text = '';
      child.stderr?.on('data', (chunk) => { text += String(chunk); });
      const code = await new Promise((resolve) => { child.once('close', resolve); });
      expect(code).to.equal(1);
      expect(text).to.include('--port').and.include('--data');
    });

    it('says ready, stops on SIGTERM and leaves no lock', async () => {
      const dir = temporaryFolder();
      const child = run(['--port', '0', '--data', dir]);
      const line = await new Promise<string>((resolve) => { child.stdout?.once('data', (chunk) => resolve(String(chunk))); });
      expect(line).to.match(/^ready mongodb:\/\/127\.0\.0\.1:\d+\/\n$/);
      child.kill('SIGTERM');
      expect(await new Promise((resolve) => { child.once('close', resolve); })).to.equal(0);
      expect(existsSync(join(dir, 'server.lock'))).to.equal(false);
      rmSync(dir, { recursive: true });
    });
  });

  describe('garbage on the socket', () => {
    const open = (): Promise<Socket> => new Promise((resolve, reject) => {
      const socket = connect(host.server.port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
    });
    /** A message with a header of its own making. */
    const message = (body: Buffer, opcode: number, length = 16 + body.length): Buffer => {
      const head = Buffer.alloc(16);
      head.writeInt32LE(length, 0);
      head.writeInt32LE(7, 4);
      head.writeInt32LE(opcode, 12);
      return Buffer.concat([head, body]);
    };
    const closes = async (bytes: Buffer): Promise<boolean> => {
      const socket = await open();
      const closed = new Promise<boolean>((resolve) => { socket.once('close', () => resolve(true)); });
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(bytes);
      return Promise.race([closed, sleep(2000, false, { ref: false })]);
    };

    for (const [name, bytes] of Object.entries({
      'a negative length': message(Buffer.alloc(8), 2013, -5),
      'an impossible length': message(Buffer.alloc(8), 2013, 0x7fffffff),
      'an unknown opcode': message(Buffer.alloc(8), 4242),
      'a compressed message, which was never offered': message(Buffer.alloc(20), 2012),
      'an OP_MSG without a body': message(Buffer.alloc(4), 2013),
      'a section longer than its message': message(Buffer.concat([Buffer.alloc(4), Buffer.from([0, 255, 255, 0, 0, 0])]), 2013),
      'an HTTP request': Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    })) {
      it(`closes on ${name} and lives on`, async () => {
        expect(await closes(bytes)).to.equal(true);
        expect((await host.db.command({ ping: 1 }))['ok']).to.equal(1);
      });
    }

    it('answers BSON that is broken inside with an error and keeps the connection', async () => {
      const socket = await open();
      const broken = Buffer.from([12, 0, 0, 0, 2, 97, 0, 255, 0, 0, 0, 0]);
      socket.write(message(Buffer.concat([Buffer.alloc(4), Buffer.from([0]), broken]), 2013));
      const answer = await new Promise<Buffer>((resolve) => { socket.once('data', resolve); });
      expect(answer.toString('latin1')).to.include('Invalid BSON');
      socket.destroy();
    });

    it('waits for a message that comes byte by byte', async () => {
      const socket = await open();
      const body = mongoose.mongo.BSON.serialize({ ping: 1, $db: 'admin' });
      const bytes = message(Buffer.concat([Buffer.alloc(4), Buffer.from([0]), body]), 2013);
      for (const byte of bytes) {
        socket.write(Buffer.from([byte]));
        await sleep(0);
      }
      const answer = await new Promise<Buffer>((resolve) => { socket.once('data', resolve); });
      expect(answer.readInt32LE(8)).to.equal(7);
      socket.destroy();
    });

    it('answers the old handshake', async () => {
      const socket = await open();
      const name = Buffer.from('admin.$cmd\0');
      const numbers = Buffer.alloc(8);
      numbers.writeInt32LE(-1, 4);
      socket.write(
        message(
          Buffer.concat([Buffer.alloc(4), name, numbers, mongoose.mongo.BSON.serialize({ isMaster: 1, helloOk: true })]), 2004
        )
      );
      const answer = await new Promise<Buffer>((resolve) => { socket.once('data', resolve); });
      expect(mongoose.mongo.BSON.deserialize(answer.subarray(36))).to.include({ ismaster: true, ok: 1 });
      socket.destroy();
    });
  });

  describe('what it claims to be', () => {
    it('refuses transactions as a standalone server does', async () => {
      const session = host.client.startSession();
      const error = await session.withTransaction(
        () => host.db.collection('t').insertOne({ a: 1 }, { session })
      ).catch((caught: unknown) => caught);
      expect(error).to.have.property('message').that.matches(
        /Transaction numbers are only allowed|does not support retryable writes/
      );
      await session.endSession();
    });

    it('refuses change streams, collations and scripts with MongoDB\'s codes', async () => {
      const code = (run: Promise<unknown>): Promise<unknown> => run.then(
        () => undefined, (error: { code: unknown }) => error.code
      );
      await host.db.collection('t').insertOne({ a: 1 });
      expect(await code(host.db.collection('t').watch().next())).to.equal(40573);
      expect(await code(host.db.collection('t').find().collation({ locale: 'en' }).toArray())).to.equal(238);
      expect(await code(host.db.collection('t').find({ $where: 'true' }).toArray())).to.equal(238);
      expect(await code(host.db.collection('t').aggregate([{ $out: 'x' }]).toArray())).to.equal(238);
      expect(await code(host.db.createCollection('capped', { capped: true, size: 1000 }))).to.equal(238);
    });

    it('refuses a document above 16 MB', async () => {
      const reply = await host.db.command({ insert: 'big', documents: [{ s: 'x'.repeat(16 * 1024 * 1024) }] });
      expect(reply['writeErrors'][0]).to.include({ index: 0, code: 10334 });
    });

    it('answers writes without acknowledgement by doing them', async () => {
      const collection = host.db.collection('unacknowledged', { writeConcern: { w: 0 } });
      await collection.insertOne({ a: 1 });
      for (let tries = 0; tries < 50 && await host.db.collection('unacknowledged').countDocuments() === 0; tries++) {
        await sleep(10);
      }
      expect(await host.db.collection('unacknowledged').countDocuments()).to.equal(1);
    });
  });

  describe('cursors', () => {
    before(() => host.db.collection('many').insertMany(Array.from({ length: 500 }, (_, n) => ({ n, pad: 'x'.repeat(100) }))));

    const openCursor = async (options = {}): Promise<mongoose.mongo.Long> =>
      (
        await host.db.command({ find: 'many', batchSize: 2, ...options }, { promoteLongs: false })
      )['cursor'].id as mongoose.mongo.Long;
    const more = (id: mongoose.mongo.Long): Promise<unknown> => host.db.command({ getMore: id, collection: 'many', batchSize: 2 })
      .then(() => 'open', (error: { code: number }) => error.code);

    it('goes on while documents come and go', async () => {
      const cursor = host.db.collection('many').find().sort({ _id: 1 }).batchSize(10);
      const seen: number[] = [];
      for await (const { n } of cursor) {
        seen.push(n as number);
        if (n === 50) await host.db.collection('many').deleteMany({ n: { $gte: 400 } });
      }
      expect(seen).to.deep.equal(Array.from({ length: 400 }, (_, n) => n));
    });

    it('ends when killed', async () => {
      const id = await openCursor();
      expect(await more(id)).to.equal('open');
      const reply = await host.db.command({ killCursors: 'many', cursors: [id, Long.fromNumber(1)] });
      expect([reply['cursorsKilled'].length, reply['cursorsNotFound'].length]).to.deep.equal([1, 1]);
      expect(await more(id)).to.equal(43);
    });

    it('ends when nobody asks for long, unless told to stay', async () => {
      const [idle, kept] = [await openCursor(), await openCursor({ noCursorTimeout: true })];
      await sleep(400);
      expect([await more(idle), await more(kept)]).to.deep.equal([43, 'open']);
    });

    it('ends after its connection has ended', async () => {
      const client = await new mongoose.mongo.MongoClient(host.server.uri).connect();
      const reply = await client.db('test').command({ find: 'many', batchSize: 2, noCursorTimeout: true }, {
        promoteLongs: false,
      });
      await client.close();
      await sleep(500);
      expect(await more(reply['cursor'].id as mongoose.mongo.Long)).to.equal(43);
    });

    it('refuses tailable cursors', async () => {
      expect(
        await host.db.command({ find: 'many', tailable: true }).catch((error: { code: number }) => error.code)
      ).to.equal(238);
    });
  });

  it('removes what has expired, and only that', async () => {
    const collection = host.db.collection('expiring');
    await collection.createIndex({ at: 1 }, { expireAfterSeconds: 1 });
    await collection.insertMany([
      { at: new Date(Date.now() - 5000) }, { at: new Date(Date.now() + 60_000), n: 'later' }, { at: 'never', n: 'text' },
      { n: 'none' },
    ]);
    const left = async () => (await collection.find().toArray()).map(({ n }) => n as string);
    for (let tries = 0; tries < 200 && (await left()).length > 3; tries++) await sleep(50);
    expect(await left()).to.have.members(['later', 'text', 'none']);
  });
});
