import { expect } from 'chai';
import fc from 'fast-check';
import mongoose from 'mongoose';
import { canonical, outcome } from './cases/case.ts';
import type { Collection, Plain } from './cases/case.ts';
import { running } from './support.ts';
import type { Running } from './support.ts';

const { Binary, BSONRegExp, Decimal128, Double, Long, ObjectId, Timestamp } = mongoose.mongo;

/** The driver's types know no other `_id` than its own. */
const id = (value: unknown) => value as never;
const INC = { $inc: { n: 1 } } as never;

/** Every type, so that what an update does not name is seen to stay as it is. */
const EVERYTHING = {
  double: new Double(2), long: new Long(7), decimal: Decimal128.fromString('1.50'), id: new ObjectId('0123456789abcdef01234567'), binary: new Binary(Buffer.from('ab'), 4),
  regex: new BSONRegExp('^a', 'i'), stamp: new Timestamp({ t: 5, i: 6 }), date: new Date(-1), none: null, text: 'Ünï\0cöde 😀',
  list: [1, [2], { a: [null] }], nested: { b: { c: 1 } }, 7: 'seven', 1: 'one',
};

/** A document named by its `_id` is found, read and written without a search. */
describe('embedded MongoDB: writes to a document named by its _id', () => {
  let host: Running;
  let docs: Collection;
  let made = 0;

  before(async () => {
    host = await running();
  });
  after(() => host.stop());
  beforeEach(() => {
    docs = host.db.collection<Plain>(`named${++made}`);
  });

  it('leave every other field, its type and its place as they were', async () => {
    await docs.insertOne({ _id: id(1), ...EVERYTHING, n: 1 });
    const before = (await docs.findOne({ _id: id(1) }, { raw: true })) as unknown as Buffer;
    await docs.updateOne({ _id: id(1), n: 1 }, { $inc: { n: 1 }, $set: { 'nested.b.d': 2, added: 1 }, $unset: { none: 1 } } as never);
    const { none: _none, ...rest } = EVERYTHING;
    const wanted = { _id: 1, ...rest, nested: { b: { c: 1, d: 2 } }, n: 2, added: 1 };
    const found = await docs.findOne({ _id: id(1) }, { promoteValues: false, bsonRegExp: true });
    expect(canonical(found)).to.equal(canonical(mongoose.mongo.BSON.deserialize(mongoose.mongo.BSON.serialize(wanted), { promoteValues: false, bsonRegExp: true })));
    await docs.updateOne({ _id: id(1) }, { $inc: { n: -1 }, $set: { nested: EVERYTHING.nested, none: null }, $unset: { added: 1 } } as never);
    const after = (await docs.findOne({ _id: id(1) }, { raw: true })) as unknown as Buffer;
    expect(after.length).to.equal(before.length);
  });

  it('heed every further condition, also on fields the update does not touch', async () => {
    await docs.insertOne({ _id: id(1), n: 1, run: { fence: 3 }, tags: ['a', 'b'] });
    for (const [filter, matched] of [
      [{ run: { fence: 3 }, tags: 'b' }, 1], [{ 'run.fence': 4 }, 0], [{ tags: { $size: 2 }, $or: [{ n: 7 }, { 'tags.1': 'b' }] }, 1], [{ none: null }, 1],
      [{ $expr: { $gt: ['$run.fence', 3] } }, 0], [{ n: { $not: { $lt: 5 } } }, 0], [{ $nor: [{ n: 2 }] }, 1], [{ tags: { $elemMatch: { $gt: 'a' } } }, 1],
    ] as [Plain, number][]) {
      expect((await docs.updateOne({ _id: id(1), ...filter }, { $set: { seen: 1 } })).matchedCount, JSON.stringify(filter)).to.equal(matched);
    }
  });

  it('heed an expression, on the fields it names and on the time', async () => {
    await docs.insertOne({ _id: 1 as never, n: 1, until: { at: new Date(0) }, text: 'x' });
    const claim = [{ $set: { run: { id: { $literal: '$r' }, was: '$text', n: { $add: ['$n', 1] } } } }];
    for (const [given, matched] of [
      [{ $lt: ['$$NOW', '$until.at'] }, 0], [{ $eq: ['$text', 'y'] }, 0], [{ $eq: [{ $strLenCP: '$text' }, 1] }, 1], [{ $gt: ['$$NOW', '$until.at'] }, 1],
    ] as [Plain, number][]) {
      const done = await docs.updateOne({ _id: id(1), $or: [{ n: 0 }, { $expr: given }] }, claim);
      expect(done.matchedCount, JSON.stringify(given)).to.equal(matched);
    }
    expect(await docs.findOne()).to.deep.equal({ _id: 1, n: 1, until: { at: new Date(0) }, text: 'x', run: { id: '$r', was: 'x', n: 2 } });
  });

  it('find an _id that is equal, whatever number type names it', async () => {
    await docs.insertOne({ _id: id(1), n: 0 });
    for (const one of [1, new Long(1), new Double(1), Decimal128.fromString('1.0')]) {
      expect((await docs.updateOne({ _id: id(one) }, INC)).modifiedCount).to.equal(1);
    }
    expect((await docs.updateOne({ _id: id('1') }, INC)).matchedCount).to.equal(0);
  });

  it('find ids that name several, none or a pattern as a search does', async () => {
    await docs.insertMany([{ _id: id('ab') }, { _id: id({ a: 1 }) }, { _id: id(5) }]);
    for (const [named, matched] of [[null, 0], [/^a/, 1], [{ a: 1 }, 1], [{ a: 2 }, 0], [[5], 0], [{ $in: [4, 5] }, 1], [{ $eq: 5 }, 1], [{ $gt: 5 }, 0]]) {
      expect((await docs.updateOne({ _id: id(named) }, { $set: { seen: 1 } })).matchedCount, String(named)).to.equal(matched);
    }
    expect((await docs.updateOne({ _id: id(5), $and: [{ _id: id(6) }] }, { $set: { seen: 2 } })).matchedCount).to.equal(0);
  });

  it('see what an earlier statement of the same command did to that _id', async () => {
    await docs.bulkWrite([
      { updateOne: { filter: { _id: id(1) }, update: { $set: { a: 1 } }, upsert: true } },
      { updateOne: { filter: { _id: id(1), a: 1 }, update: { $set: { a: 2 } }, upsert: true } },
      { updateOne: { filter: { _id: id(1), a: 2 }, update: INC } },
    ]);
    expect(await docs.findOne({})).to.deep.equal({ _id: 1, a: 2, n: 1 });
    await docs.deleteOne({ _id: id(1) });
    await docs.updateOne({ _id: id(1) }, { $set: { a: 9 } });
    expect(await docs.countDocuments()).to.equal(0);
    await docs.insertOne({ _id: id(1), born: 'again' });
    await docs.updateOne({ _id: id(1) }, { $set: { a: 3 } });
    expect(await docs.find().toArray()).to.deep.equal([{ _id: 1, born: 'again', a: 3 }]);
  });

  it('refuse an upsert whose _id is there under other conditions, and one of a taken unique key', async () => {
    await docs.createIndex({ k: 1 }, { unique: true });
    await docs.insertOne({ _id: id(1), order: 5, k: 'a' });
    const late = docs.updateOne({ _id: id(1), $or: [{ order: { $lte: 3 } }] }, { $set: { order: 3 } }, { upsert: true });
    expect(await outcome(() => late)).to.deep.equal({ failed: 11000 });
    const taken = docs.updateOne({ _id: id(2) }, { $set: { k: 'a' } }, { upsert: true });
    expect(await outcome(() => taken)).to.deep.equal({ failed: 11000 });
    await docs.insertOne({ _id: id(3), k: 'c' });
    const moved = docs.updateOne({ _id: id(3) }, { $set: { k: 'a', x: 1 } });
    expect(await outcome(() => moved)).to.deep.equal({ failed: 11000 });
    expect(await docs.find().sort({ _id: 1 }).toArray()).to.deep.equal([{ _id: 1, order: 5, k: 'a' }, { _id: 3, k: 'c' }]);
  });

  it('keep an index that was made after updates of the same shape', async () => {
    await docs.insertOne({ _id: id(1), a: 1, b: 1 });
    const change = async (a: number) => docs.updateOne({ _id: id(1) }, { $set: { a } });
    await change(2);
    await docs.createIndex({ a: 1, b: 1 });
    await change(3);
    const byIndex = async (a: number) => docs.find({ a }).hint({ a: 1, b: 1 }).toArray();
    expect([await byIndex(2), (await byIndex(3)).length]).to.deep.equal([[], 1]);
    await docs.dropIndex('a_1_b_1');
    await change(4);
    await docs.createIndex({ b: 1, a: -1 });
    await change(5);
    expect(await docs.find({ b: 1, a: 5 }).hint({ b: 1, a: -1 }).toArray()).to.have.length(1);
  });

  it('say of a findAndModify all of the document, before and after', async () => {
    await docs.insertOne({ _id: id(1), a: 1, other: { x: 1 } });
    const change = (returnDocument: 'before' | 'after') => docs.findOneAndUpdate({ _id: id(1) }, { $inc: { a: 1 } } as never, { returnDocument });
    expect([await change('before'), await change('after')]).to.deep.equal([{ _id: 1, a: 1, other: { x: 1 } }, { _id: 1, a: 3, other: { x: 1 } }]);
  });

  const failed = (result: unknown) => (typeof result === 'object' ? (result as Plain | null)?.['failed'] : undefined);
  const name = fc.constantFrom('a', 'b', 'c');
  const path = fc.oneof(name, fc.tuple(name, fc.constantFrom('x', 'y', '0', '1')).map((parts) => parts.join('.')));
  const leaf = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom<unknown>('s', null, 2.5, new Date(0)));
  const value = fc.oneof(
    { weight: 3, arbitrary: leaf }, fc.array(leaf, { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('x', 'y', '0'), leaf, { maxKeys: 2, noNullPrototype: true }),
  );
  const fields = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', '5'), value, { maxKeys: 5, noNullPrototype: true });
  const step = fc.oneof(
    fc.tuple(fc.constantFrom('$set', '$min', '$max', '$push', '$addToSet', '$pull'), path, value),
    fc.tuple(fc.constantFrom('$inc', '$mul'), path, fc.integer({ min: 1, max: 3 })),
    fc.tuple(fc.constant('$rename'), path, path), fc.tuple(fc.constant('$unset'), path, fc.constant(1)),
  );
  const read = fc.oneof(path.map((at) => `$${at}`), leaf.map((given) => ({ $literal: given })));
  const expression = fc.oneof(
    read, fc.constantFrom('$$ROOT', '$$CURRENT.a', '$$REMOVE', { $getField: 'd' }), fc.tuple(read, read).map((both) => ({ $ifNull: both })),
    fc.tuple(read, read, read).map(([a, b, c]) => ({ $cond: [{ $eq: [a, b] }, c, { n: { $max: [b, 1] } }] })),
  );
  const pipeline = fc.array(fc.tuple(path, expression).map(([at, given]) => ({ $set: { [at]: given } })), { minLength: 1, maxLength: 2 });
  const operators = fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => {
    const update: Record<string, Plain> = {};
    for (const [operator, at, operand] of steps) (update[operator] ??= {})[at] = operand;
    return update;
  });
  const change = fc.oneof({ weight: 2, arbitrary: operators }, pipeline);

  it('do what the same writes to a document found by its fields do', async function () {
    this.timeout(60_000);
    let round = 0;
    await fc.assert(fc.asyncProperty(fields, fc.array(change, { minLength: 1, maxLength: 4 }), async (given, changes) => {
      const [named, searched] = [host.db.collection<Plain>(`n${++round}`), host.db.collection<Plain>(`s${round}`)];
      for (const collection of [named, searched]) {
        await collection.createIndexes([{ key: { a: 1 } }, { key: { 'b.x': 1, c: 1 } }, { key: { c: -1, d: 1 } }, { key: { d: 1 }, partialFilterExpression: { a: { $gt: 1 } } }]);
        await collection.insertOne({ _id: id(1), ...given }).catch(() => undefined);
      }
      for (const update of changes) {
        const [one, other] = [
          await outcome(() => named.updateOne({ _id: id(1) }, update as never)),
          await outcome(() => searched.findOneAndUpdate({ $expr: { $eq: ['$_id', 1] } }, update as never)),
        ];
        expect(failed(one), JSON.stringify(update)).to.equal(failed(other));
        expect(canonical(await named.findOne()), JSON.stringify({ given, update })).to.equal(canonical(await searched.findOne()));
        for (const [hint, filter] of [[{ a: 1 }, {}], [{ 'b.x': 1, c: 1 }, {}], [{ c: -1, d: 1 }, {}], [{ d: 1 }, { a: { $gt: 1 } }]] as [Plain, Plain][]) {
          const found = await named.find(filter).hint(hint).toArray();
          expect(canonical(found), JSON.stringify({ given, update, hint })).to.equal(canonical(await named.find(filter).hint({ $natural: 1 }).toArray()));
        }
      }
      await named.drop();
      await searched.drop();
    }), { numRuns: 60 });
  });
});
