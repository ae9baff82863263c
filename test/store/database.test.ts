import { expect } from 'chai';
import { Mongoose, type Connection, type Model } from 'mongoose';
import { costcodes } from '../../models/costcodes.ts';
import { SCHEMAS, tenantModel } from '../../server/store/models.ts';
import { ACROSS_COMPANIES, UnscopedQueryError } from '../../server/store/tenancy.ts';
import { openStores } from '../../server/store/stores.ts';
import { testMongo, type TestMongo } from '../support/mongo.ts';
import { openTestStores, RING, type OpenedStores } from './fixture.ts';

let opened: OpenedStores;

describe('The stores’ database', () => {
  before(async () => {
    opened = await openTestStores();
  });
  after(() => opened.close());

  describe('The database', () => {
    for (const [name, schema] of Object.entries(SCHEMAS)) {
      it(`has exactly the indexes declared for ${name}`, async () => {
        const actual = await opened.stores.connection.collection(name).indexes();
        const declared = schema.indexes().map(([key, { unique, partialFilterExpression }]) => shown({ key, unique, partialFilterExpression }));
        expect(actual.filter((index) => index.name !== '_id_').map(shown).sort()).to.deep.equal(declared.sort());
      });
    }

    function shown(index: { key: unknown; unique?: unknown; partialFilterExpression?: unknown }): string {
      return JSON.stringify([index.key, index.unique ?? false, index.partialFilterExpression ?? null]);
    }

    // The gateway of the MongoDB-compatible server closes the connection at any dropIndexes.
    if (!process.env['MONGODB_URI']) {
      it('drops the indexes an earlier version declared, or declared otherwise', async () => {
        const indexes = async (name: string) => (await opened.stores.connection.collection(name).indexes()).map(shown).sort();
        const [classesBefore, codesBefore] = [await indexes('classes'), await indexes('costcodes')];
        await opened.stores.connection.collection('classes').createIndex({ company: 1, classId: 1 }, { unique: true });
        const codes = opened.stores.connection.collection('costcodes');
        await codes.dropIndex('company_1_link.id_1');
        await codes.createIndex({ company: 1, 'link.id': 1 });
        await (await opened.another()).close();
        expect([await indexes('classes'), await indexes('costcodes')]).to.deep.equal([classesBefore, codesBefore]);
      });
    }

    it('answers a ping', async () => {
      expect(await opened.stores.ping(2000)).to.equal(true);
    });

    it('that is closed answers none', async () => {
      const other = await opened.another();
      await other.close();
      expect(await other.ping(500)).to.equal(false);
    });

    it('that is not there fails at once, by saying so', async () => {
      const clock = { now: () => 0, sleep: async () => {} };
      const random = { hex: () => 'a', unit: () => 0 };
      const failure = await openStores({ uri: 'mongodb://127.0.0.1:1/nothing', keys: RING, clock, random, patience: 200 }).catch((error: Error) => error);
      expect(failure).to.be.instanceOf(Error).with.property('message').that.contains('127.0.0.1:1');
    });
  });

  describe('A query that names no company', () => {
    let mongo: TestMongo;
    let connection: Connection;
    let model: Model<{ company: string; hidden: boolean }>;

    before(async () => {
      mongo = await testMongo();
      connection = await new Mongoose().createConnection(mongo.uri, { dbName: opened.stores.connection.name, autoIndex: false, autoCreate: false }).asPromise();
      model = tenantModel(connection, costcodes);
    });
    after(async () => {
      await connection.close();
      await mongo.close();
    });

    const attempts: readonly [string, () => PromiseLike<unknown>][] = [
      ['find', () => model.find({ hidden: true })],
      ['findOne', () => model.findOne({})],
      ['findById', () => model.findById('x')],
      ['count', () => model.countDocuments({ hidden: true })],
      ['estimate', () => model.estimatedDocumentCount()],
      ['exists', () => model.exists({ hidden: true })],
      ['distinct', () => model.distinct('hidden')],
      ['updateOne', () => model.updateOne({ _id: 'x' }, { $set: { hidden: true } })],
      ['updateMany', () => model.updateMany({}, { $set: { hidden: true } })],
      ['replaceOne', () => model.replaceOne({ _id: 'x' }, { company: 'c', hidden: true })],
      ['deleteOne', () => model.deleteOne({ _id: 'x' })],
      ['deleteMany', () => model.deleteMany({})],
      ['findOneAndUpdate', () => model.findOneAndUpdate({ _id: 'x' }, { $set: { hidden: true } })],
      ['findOneAndReplace', () => model.findOneAndReplace({ _id: 'x' }, { company: 'c', hidden: true })],
      ['findOneAndDelete', () => model.findOneAndDelete({ _id: 'x' })],
      ['a cursor', () => model.find({}).cursor().next()],
      ['aggregate', () => model.aggregate([{ $group: { _id: null } }])],
      ['aggregate that matches late', () => model.aggregate([{ $sort: { _id: 1 } }, { $match: { company: 'c' } }])],
      ['bulkWrite', () => model.bulkWrite([{ updateOne: { filter: { company: 'c', _id: 'x' }, update: { $set: { hidden: true } } } }, { deleteOne: { filter: { hidden: true } } }])],
      ['insertMany', () => model.insertMany([{ hidden: true }] as unknown as { company: string; hidden: boolean }[])],
      ['save', () => new model({ _id: 'x', linarcId: 'x', hidden: true }).save({ validateBeforeSave: false })],
      ['an operator for a company', () => model.find({ company: { $ne: null } })],
      ['an empty company', () => model.find({ company: '' })],
      ['a company that is undefined', () => model.find({ company: undefined as unknown as string })],
      ['a company within $or', () => model.find({ $or: [{ company: 'c' }, { hidden: true }] })],
    ];
    for (const [what, attempt] of attempts) {
      it(`throws: ${what}`, async () => {
        const outcome = await Promise.resolve().then(attempt).catch((error: unknown) => error);
        expect(outcome).to.be.instanceOf(UnscopedQueryError);
      });
    }

    it('runs when it is the one meant to look across companies', async () => {
      expect(await model.find({}).setOptions({ [ACROSS_COMPANIES]: true })).to.be.an('array');
    });

    it('runs when it names one', async () => {
      expect(await model.find({ company: 'c' })).to.deep.equal([]);
      expect(await model.aggregate([{ $match: { company: 'c' } }])).to.deep.equal([]);
    });

    it('cannot name a field the schema does not know', async () => {
      const filter = { company: 'c', hiden: true };
      expect(await model.find(filter).catch((error: Error) => error.message)).to.contain('hiden');
      expect(await model.updateOne({ company: 'c' }, { $set: { hiden: true } }).catch((error: Error) => error.message)).to.contain('hiden');
    });
  });
});
