import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoBackend } from '@agendajs/mongo-backend';
import { Agenda } from 'agenda';
import { expect } from 'chai';
import MongoStore from 'connect-mongo';
import type { SessionData } from 'express-session';
import mongoose from 'mongoose';
import { startEmbeddedMongo } from '../../server/embedded/server.ts';
import type { EmbeddedMongo } from '../../server/embedded/server.ts';

/** mongoose, connect-mongo and agenda, unchanged, on the embedded server. */
describe('embedded MongoDB: its guests', () => {
  let dir: string;
  let server: EmbeddedMongo;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'embedded-guests-'));
    server = await startEmbeddedMongo({ dir, ttlIntervalMs: 200 });
  });

  after(async () => {
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  });

  describe('mongoose', () => {
    let connection: mongoose.Connection;
    const schema = new mongoose.Schema({
      company: {
        type: String, required: true,
      }, code: { type: String, required: true }, status: String, raw: mongoose.Schema.Types.Mixed, tags: [String],
    }, { timestamps: true });
    schema.index({ company: 1, code: 1 }, { unique: true });
    schema.index({ company: 1, status: 1 });

    before(async () => {
      connection = await mongoose.createConnection(`${server.uri}guests`, { autoIndex: false }).asPromise();
      connection.model('Code', schema);
      await connection.model('Code').createIndexes();
    });

    after(() => connection.close());

    it('creates the declared indexes', async () => {
      const names = Object.keys(await connection.model('Code').collection.indexInformation());
      expect(names).to.have.members(['_id_', 'company_1_code_1', 'company_1_status_1']);
    });

    it('creates, finds and saves a document, Mixed parts included', async () => {
      const Code = connection.model('Code');
      const made = await Code.create({ company: 'a', code: '01', raw: { deep: [{ n: 1, when: new Date(5) }] }, tags: ['x'] });
      made.set('status', 'ready');
      await made.save();
      const found = await Code.findOne({ company: 'a', code: '01' }).lean();
      expect(found).to.deep.include({ status: 'ready', tags: ['x'], raw: { deep: [{ n: 1, when: new Date(5) }] } });
    });

    it('reports a duplicate key as mongoose users know it', async () => {
      const Code = connection.model('Code');
      await Code.create({ company: 'dup', code: '01' });
      const error = await Code.create({ company: 'dup', code: '01' }).catch((caught: unknown) => caught);
      expect(error).to.include({ code: 11000 });
      expect(error).to.have.deep.property('keyValue', { company: 'dup', code: '01' });
    });

    it('upserts in bulk by the unique key', async () => {
      const Code = connection.model('Code');
      const writes = Array.from({ length: 50 }, (_, at) => ({
        updateOne: { filter: { company: 'bulk', code: String(at % 25) }, update: { $set: { status: `s${at}` } }, upsert: true },
      }));
      const result = await Code.bulkWrite(writes, { ordered: false });
      expect(result).to.include({ upsertedCount: 25, matchedCount: 25, modifiedCount: 25 });
      expect(await Code.countDocuments({ company: 'bulk' })).to.equal(25);
    });

    it('compares and sets with findOneAndUpdate and a pipeline update', async () => {
      const Code = connection.model('Code');
      await Code.create({ company: 'cas', code: '1', status: 'a' });
      const won = await Code.findOneAndUpdate({ company: 'cas', status: 'a' }, { $set: { status: 'b' } }, {
        returnDocument: 'after',
      });
      const lost = await Code.findOneAndUpdate({ company: 'cas', status: 'a' }, { $set: { status: 'c' } });
      const piped = await Code.updateOne({ company: 'cas' }, [{ $set: { raw: { $concat: ['$status', '!'] } } }], {
        updatePipeline: true,
      });
      expect(won?.get('status')).to.equal('b');
      expect(lost).to.equal(null);
      expect(piped.modifiedCount).to.equal(1);
    });
  });

  describe('connect-mongo', () => {
    let store: MongoStore;
    let client: mongoose.mongo.MongoClient;
    const session = { cookie: { originalMaxAge: 60_000 }, user: 'u1' } as unknown as SessionData;

    before(async () => {
      client = await new mongoose.mongo.MongoClient(server.uri).connect();
      store = MongoStore.create({ client: client as never, dbName: 'sessions', ttl: 60, touchAfter: 0 });
    });

    after(async () => {
      await store.close();
      await client.close();
    });

    const get = (id: string): Promise<SessionData | null | undefined> => new Promise((resolve, reject) => {
      store.get(id, (error, found) => (error ? reject(error as Error) : resolve(found)));
    });
    const call = (run: (done: (error: unknown) => void) => void): Promise<void> => new Promise((resolve, reject) => {
      run((error) => (error ? reject(error as Error) : resolve()));
    });

    it('keeps, touches and destroys a session', async () => {
      await call((done) => store.set('one', session, done));
      await call((done) => store.touch('one', { ...session, lastModified: new Date(0) } as never, done));
      expect(await get('one')).to.include({ user: 'u1' });
      await call((done) => store.destroy('one', done));
      expect(await get('one')).to.equal(null);
    });

    it('lets sessions expire by its TTL index', async () => {
      const cookie = { originalMaxAge: 1, expires: new Date(Date.now() - 1000) };
      await call((done) => store.set('old', { ...session, cookie } as never, done));
      const sessions = client.db('sessions').collection('sessions');
      for (let tries = 0; tries < 50 && await sessions.countDocuments() > 0; tries++) await sleep(50);
      expect(await sessions.countDocuments()).to.equal(0);
    });
  });

  describe('agenda', () => {
    let agendas: Agenda[] = [];

    const started = async (collection: string): Promise<Agenda> => {
      // A timer of agenda's outlives stop() by half the lock's lifetime, which is ten minutes unless told otherwise.
      const backend = new MongoBackend({ address: `${server.uri}jobs`, collection });
      const agenda = new Agenda({ backend, processEvery: 50, defaultLockLifetime: 1_000 });
      agendas.push(agenda);
      await agenda.start();
      return agenda;
    };

    afterEach(async () => {
      for (const agenda of agendas) await agenda.stop(true);
      agendas = [];
    });

    it('runs a job now, with its data', async () => {
      const agenda = await started('now');
      const ran = new Promise((resolve) => {
        agenda.define('greet', async (job) => resolve(job.attrs.data));
      });
      await agenda.now('greet', { name: 'Ada' });
      expect(await ran).to.deep.equal({ name: 'Ada' });
    });

    it('repeats a job', async () => {
      const agenda = await started('every');
      const twice = new Promise<void>((resolve) => {
        let runs = 0;
        agenda.define('tick', async () => {
          if (++runs === 2) resolve();
        });
      });
      await agenda.every('1 second', 'tick');
      await twice;
    });

    it('hands each of many jobs to one of two processors', async () => {
      const [one, two] = [await started('shared'), await started('shared')];
      const done: number[] = [];
      for (const agenda of [one, two]) {
        agenda.define('work', async (job) => {
          await sleep(5);
          done.push((job.attrs.data as { n: number }).n);
        }, { concurrency: 5 });
      }
      await Promise.all(Array.from({ length: 30 }, (_, n) => one.now('work', { n })));
      for (let tries = 0; tries < 200 && done.length < 30; tries++) await sleep(50);
      await sleep(200);
      expect([...done].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 30 }, (_, n) => n));
    });
  });
});
