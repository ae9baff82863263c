import { Double, fault, Long, ObjectId, updated } from './case.ts';
import type { Case, Plain } from './case.ts';

/** Since MongoDB 5.0 update operators apply in the order of the paths' names. */
const KEEPS_ORDER = 'applies update operators in the order given';

const one = [{ _id: 1, n: 5, s: 'x', a: [1, 2, 3], d: { x: 1, y: 2 }, docs: [{ k: 1, v: 1 }, { k: 2, v: 2 }, { k: 2, v: 3 }] }];
const base = one[0] as Plain;
const whole = (changes: Plain): Plain => ({ ...base, ...changes });

export const updates: Case[] = [
  { name: '$set of a field, a new field and a nested path', docs: one, run: updated({
    $set: { s: 'y', 'd.z': 3, 'new.deep.er': 1 },
  }),
    expect: { ...whole({ s: 'y', d: { x: 1, y: 2, z: 3 } }), new: { deep: { er: 1 } } } },
  {
    name: '$set adds fields by name order', docs: [{ _id: 1 }], run: updated({ $set: { b: 1, a: 2 } }),
    expect: { _id: 1, a: 2, b: 1 }, otherServer: KEEPS_ORDER,
  },
  {
    name: '$set of an element and past the end', docs: one, run: updated({ $set: { 'a.1': 9, 'a.5': 6 } }),
    expect: whole({ a: [1, 9, 3, null, null, 6] }),
  },
  { name: '$unset, in arrays null', docs: one, run: updated({ $unset: { s: 1, 'd.x': 1, 'a.0': 1, none: 1 } }),
    expect: { _id: 1, n: 5, a: [null, 2, 3], d: { y: 2 }, docs: base['docs'] } },
  { name: '$inc and $mul', docs: one, run: updated({ $inc: { n: 2, fresh: 1 }, $mul: { 'd.y': 3, none: 4 } }),
    expect: { ...whole({ n: 7, d: { x: 1, y: 6 } }), fresh: 1, none: 0 } },
  { name: '$min and $max compare over types', docs: one, run: updated({ $min: { n: 3, 'd.x': 'a' }, $max: { s: 5, 'd.y': 'z' } }),
    expect: whole({ n: 3, d: { x: 1, y: 'z' } }) },
  { name: '$rename moves the field to the end', docs: one, run: updated({ $rename: { s: 't', none: 'x' } }),
    expect: { _id: 1, n: 5, a: base['a'], d: base['d'], docs: base['docs'], t: 'x' } },
  {
    name: '$push with $each, $position, $slice', docs: one,
    run: updated({ $push: { a: { $each: [8, 9], $position: 1, $slice: 4 } } }), expect: whole({ a: [1, 8, 9, 2] }),
  },
  { name: '$push with $sort and negative $slice', docs: one, run: updated({
    $push: { docs: { $each: [{ k: 0, v: 9 }], $sort: { k: -1, v: 1 }, $slice: -2 } },
  }),
    expect: whole({ docs: [{ k: 1, v: 1 }, { k: 0, v: 9 }] }) },
  {
    name: '$push of an array is one element', docs: one, run: updated({ $push: { a: [4] } }),
    expect: whole({ a: [1, 2, 3, [4]] }),
  },
  {
    name: '$addToSet with and without $each', docs: one,
    run: updated({ $addToSet: { a: { $each: [3, 4, 4] }, docs: { k: 1, v: 1 } } }), expect: whole({ a: [1, 2, 3, 4] }),
  },
  { name: '$pull by value, condition and document', docs: one, run: updated({
    $pull: { a: { $gte: 2 }, docs: { k: 2, v: { $gt: 2 } } },
  }),
    expect: whole({ a: [1], docs: [{ k: 1, v: 1 }, { k: 2, v: 2 }] }) },
  {
    name: '$pullAll and $pop', docs: one, run: updated({ $pullAll: { a: [1, 3] }, $pop: { docs: -1 } }),
    expect: whole({ a: [2], docs: [{ k: 2, v: 2 }, { k: 2, v: 3 }] }),
  },
  { name: '$bit', docs: one, run: updated({ $bit: { n: { and: 4 } } }), expect: whole({ n: 4 }) },
  { name: 'the positional operator', docs: one, run: updated({ $set: { 'docs.$.v': 7 } }, { _id: 1, 'docs.k': 2 }),
    expect: whole({ docs: [{ k: 1, v: 1 }, { k: 2, v: 7 }, { k: 2, v: 3 }] }) },
  { name: 'the positional operator after $elemMatch', docs: one, run: updated({ $inc: { 'docs.$.v': 10 } }, {
    _id: 1, docs: { $elemMatch: { k: 2, v: 3 } },
  }),
    expect: whole({ docs: [{ k: 1, v: 1 }, { k: 2, v: 2 }, { k: 2, v: 13 }] }) },
  { name: 'all positions', docs: one, run: updated({ $inc: { 'docs.$[].v': 1, 'a.$[]': 10 } }),
    expect: whole({ a: [11, 12, 13], docs: [{ k: 1, v: 2 }, { k: 2, v: 3 }, { k: 2, v: 4 }] }) },
  { name: 'array filters', docs: one, run: updated({ $set: { 'docs.$[e].v': 0 } }, { _id: 1 }, {
    arrayFilters: [{ 'e.k': 2, 'e.v': { $gt: 2 } }],
  }),
    expect: whole({ docs: [{ k: 1, v: 1 }, { k: 2, v: 2 }, { k: 2, v: 0 }] }) },
  { name: 'what is set at many places is a value of each place', docs: [{ _id: 1, a: [1, 2] }, { _id: 2, a: [3] }],
    expect: [{ _id: 1, a: [{ n: 2 }, { n: 1 }] }, { _id: 2, a: [{ n: 2 }] }], otherServer: 'takes it for a conflict', run: async (c) => {
    await c.updateMany({}, { $set: { 'a.$[]': { n: 1 } }, $inc: { 'a.0.n': 1 } } as never);
    return c.find().sort({ _id: 1 }).toArray();
  } },
  { name: 'a replacement keeps _id', docs: one, expect: { _id: 1, z: 1 }, run: async (c) => {
    await c.replaceOne({ _id: 1 } as never, { z: 1 });
    return c.findOne({});
  } },

  { name: 'a pipeline reads the old document', docs: one, run: updated([
    { $set: { n: { $add: ['$n', 1] }, was: '$n' } }, { $unset: ['docs', 'd'] },
  ]),
    expect: { _id: 1, n: 6, s: 'x', a: [1, 2, 3], was: 5 } },
  { name: 'a pipeline with $cond, $$ROOT and $replaceWith', docs: [{ _id: 1, n: 5 }],
    run: updated([{ $replaceWith: { $mergeObjects: ['$$ROOT', { big: { $cond: [{ $gt: ['$n', 3] }, 'yes', 'no'] } }] } }]),
    expect: { _id: 1, n: 5, big: 'yes' } },
  { name: '$$NOW in a pipeline and in a filter', docs: [{ _id: 1, until: new Date(0) }], expect: 1, run: async (c) => {
    const result = await c.updateOne({ $expr: { $lt: ['$until', '$$NOW'] } }, [{ $set: { until: { $add: ['$$NOW', 60_000] } } }]);
    const again = await c.updateOne({ $expr: { $lt: ['$until', '$$NOW'] } }, [{ $set: { until: '$$NOW' } }]);
    return result.modifiedCount + again.modifiedCount;
  } },
  { name: 'a pipeline keeps numbers\' types', docs: [
    { _id: 1, l: new Long(7), d: new Double(2), n: 1 },
  ], expect: { l: 'long', d: 'double', n: 'int', sum: 'long' }, run: async (c) => {
    await c.updateOne({}, [{ $set: { sum: { $add: ['$l', '$n'] } } }]);
    const [types] = await c.aggregate([
      { $project: { _id: 0, l: { $type: '$l' }, d: { $type: '$d' }, n: { $type: '$n' }, sum: { $type: '$sum' } } },
    ]).toArray();
    return types;
  } },
  { name: '$inc keeps an int an int and a double a double', docs: [
    { _id: 1, i: 1, d: new Double(1), l: new Long(1) },
  ], expect: { i: 'int', d: 'double', l: 'long', big: 'long' },
    run: async (c) => {
      await c.updateOne({}, { $inc: { i: 1, d: 1, l: 1, big: 2147483647 } } as never);
      await c.updateOne({}, { $inc: { big: 1 } } as never);
      const [types] = await c.aggregate([
        { $project: { _id: 0, i: { $type: '$i' }, d: { $type: '$d' }, l: { $type: '$l' }, big: { $type: '$big' } } },
      ]).toArray();
      return types;
    } },

  { name: 'counts of updateMany', docs: [
    { _id: 1, a: 1 }, { _id: 2, a: 1 }, { _id: 3, a: 2 },
  ], expect: { matched: 3, modified: 2, upserted: 0 }, run: async (c) => {
    const { matchedCount, modifiedCount, upsertedCount } = await c.updateMany({}, { $max: { a: 2 } });
    return { matched: matchedCount, modified: modifiedCount, upserted: upsertedCount };
  } },
  { name: 'an upsert takes the filter\'s equalities', expect: {
    _id: 'k', a: 1, b: { c: 2 }, born: true, n: 1,
  }, otherServer: KEEPS_ORDER, run: async (c) => {
    await c.updateOne(
      { _id: 'k' as never, a: 1, 'b.c': { $eq: 2 }, z: { $gt: 5 } }, { $inc: { n: 1 }, $setOnInsert: { born: true } } as never,
      { upsert: true }
    );
    return c.findOne({});
  } },
  { name: 'an upsert answers the new id', expect: { matched: 0, modified: 0, upserted: 1, id: 'x' }, run: async (c) => {
    const result = await c.updateOne({ _id: 'x' as never }, { $set: { a: 1 } }, { upsert: true });
    return {
      matched: result.matchedCount, modified: result.modifiedCount, upserted: result.upsertedCount, id: result.upsertedId,
    };
  } },
  {
    name: 'an upsert makes an ObjectId', expect: true,
    run: async (c) => (await c.updateOne({ a: 1 }, { $set: { b: 1 } }, { upsert: true })).upsertedId instanceof ObjectId,
  },
  { name: 'an upsert with a replacement', expect: { _id: 4, b: 1 }, run: async (c) => {
    await c.replaceOne({ _id: 4 as never, a: 1 }, { b: 1 }, { upsert: true });
    return c.findOne({});
  } },
  { name: 'an upsert with a pipeline', expect: { _id: 1, a: 2, seen: 2 }, run: async (c) => {
    await c.updateOne({ _id: 1 as never, a: 2 }, [{ $set: { seen: '$a' } }], { upsert: true });
    return c.findOne({});
  } },
  { name: 'a bulk write, ordered, stops at the error', expect: { inserted: 1, errors: [[1, 11000]], left: 1 }, run: async (c) => {
    const error = await c.bulkWrite([
      { insertOne: { document: { _id: 1 } as never } }, { insertOne: { document: { _id: 1 } as never } },
      { insertOne: { document: { _id: 2 } as never } },
    ])
      .catch(
        (caught: { result: { insertedCount: number }; writeErrors: { index: number; code: number }[] }) => caught
      ) as { result: { insertedCount: number }; writeErrors: { index: number; code: number }[] };
    return {
      inserted: error.result.insertedCount, errors: error.writeErrors.map(({ index, code }) => [index, code]),
      left: await c.countDocuments(),
    };
  } },
  { name: 'a bulk write, unordered, goes on', expect: {
    errors: [[1, 11000], [2, 66]], left: 2,
  }, docs: [{ _id: 9, a: 1 }], run: async (c) => {
    const error = await c.bulkWrite([{
      insertOne: { document: { _id: 1 } as never },
    }, { insertOne: { document: { _id: 1 } as never } },
      { updateOne: { filter: { _id: 9 } as never, update: { $set: { _id: 10 } } as never } },
      { deleteOne: { filter: { a: 2 } } }], { ordered: false })
      .catch((caught: unknown) => caught) as { writeErrors: { index: number; code: number }[] };
    return { errors: error.writeErrors.map(({ index, code }) => [index, code]), left: await c.countDocuments() };
  } },

  {
    name: 'findOneAndUpdate answers the old document', docs: one, expect: 5,
    run: async (c) => (await c.findOneAndUpdate({ _id: 1 } as never, { $inc: { n: 1 } } as never))?.['n'],
  },
  { name: 'findOneAndUpdate with sort, projection and new', docs: [{ _id: 1, a: 1 }, { _id: 2, a: 2 }], expect: { a: 12 },
    run: (c) => c.findOneAndUpdate({}, { $inc: { a: 10 } } as never,
      { sort: { a: -1 }, projection: { _id: 0, a: 1 }, returnDocument: 'after' }) },
  { name: 'findOneAndUpdate that finds nothing', expect: null, run: (c) => c.findOneAndUpdate({ a: 1 }, { $set: { b: 1 } }) },
  {
    name: 'findOneAndUpdate as upsert', expect: { _id: 3, b: 1 },
    run: (c) => c.findOneAndUpdate({ _id: 3 as never }, { $set: { b: 1 } }, { upsert: true, returnDocument: 'after' }),
  },
  { name: 'findOneAndReplace and findOneAndDelete', docs: [{ _id: 1, a: 1 }, { _id: 2, a: 2 }], expect: [
    { _id: 1, z: 1 }, { _id: 2, a: 2 }, 1,
  ], run: async (c) => [
    await c.findOneAndReplace({ a: 1 }, { z: 1 }, { returnDocument: 'after' }),
      await c.findOneAndDelete({ a: { $exists: true } }), await c.countDocuments()] },
  { name: 'the reply of findAndModify', expect: { n: 1, updatedExisting: false, upserted: 5 }, run: async (c, db) =>
    (await db.command({ findAndModify: c.collectionName, query: { _id: 5 }, update: { $set: { a: 1 } },
      upsert: true }))['lastErrorObject'] },
  { name: 'deleteOne and deleteMany', docs: [
    { _id: 1, a: 1 }, { _id: 2, a: 1 }, { _id: 3, a: 1 },
  ], expect: [1, 2, 0], run: async (c) => [
    (await c.deleteOne({ a: 1 })).deletedCount, (await c.deleteMany({ a: 1 })).deletedCount, await c.countDocuments()] },

  { name: 'changing _id', docs: one, run: updated({ $set: { _id: 2 } }), expect: fault(66) },
  {
    name: 'setting _id to itself is fine', docs: [{ _id: 1 }], run: updated({ $set: { _id: 1, a: 1 } }), expect: { _id: 1, a: 1 },
  },
  { name: 'replacing _id', docs: one, run: (c) => c.replaceOne({ n: 5 }, { _id: 2 } as never), expect: fault(66) },
  { name: 'an unknown modifier', docs: one, run: updated({ $foo: { a: 1 } }), expect: fault(9) },
  { name: 'conflicting paths', docs: one, run: updated({ $set: { 'd.x': 1 }, $unset: { d: 1 } }), expect: fault(40) },
  { name: 'a path through a scalar', docs: one, run: updated({ $set: { 'n.x': 1 } }), expect: fault(28) },
  { name: '$inc of a string', docs: one, run: updated({ $inc: { s: 1 } }), expect: fault(14) },
  { name: '$inc by a string', docs: one, run: updated({ $inc: { n: 'x' } }), expect: fault(14) },
  { name: '$push to a scalar', docs: one, run: updated({ $push: { n: 1 } }), expect: fault(2) },
  { name: '$addToSet to a scalar', docs: one, run: updated({ $addToSet: { n: 1 } }), expect: fault(2) },
  { name: '$pop of a scalar', docs: one, run: updated({ $pop: { n: 1 } }), expect: fault(14) },
  { name: '$pull from a scalar', docs: one, run: updated({ $pull: { n: 1 } }), expect: fault(2) },
  { name: 'the positional operator without a match', docs: one, run: updated({ $set: { 'a.$': 1 } }), expect: fault(2) },
  {
    name: 'an array filter that is not used', docs: one,
    run: updated({ $set: { n: 1 } }, { _id: 1 }, { arrayFilters: [{ e: 1 }] }), expect: fault(9),
  },
  { name: 'an identifier without an array filter', docs: one, run: updated({ $set: { 'a.$[e]': 1 } }), expect: fault(2) },
  { name: 'an empty part in a path', docs: one, run: updated({ $set: { 'a..b': 1 } }), expect: fault(56) },
  { name: 'a dollar field in $set', docs: one, run: (c, db) => db.command({
    update: c.collectionName, updates: [{ q: {}, u: { $set: { $x: 1 } } }],
  })
    .then((reply) => (reply['writeErrors'] as { code: number }[] | undefined)?.[0]?.code), expect: 52,
    otherServer: 'the driver raises its reply as an error' },
  { name: 'a stage that no update may have', docs: one, run: updated([{ $match: { n: 1 } }]), expect: fault(72) },
  { name: 'replacing many', docs: one, run: (c, db) => db.command({
    update: c.collectionName, updates: [{ q: {}, u: { a: 1 }, multi: true }],
  })
    .then((reply) => (reply['writeErrors'] as { code: number }[] | undefined)?.[0]?.code), expect: 9,
    otherServer: 'the driver raises its reply as an error' },
  { name: 'an _id that is an array', run: (c) => c.insertOne({ _id: [1] } as never), expect: fault(53) },
  { name: 'a duplicate _id', docs: one, run: (c) => c.insertOne({ _id: 1 } as never), expect: fault(11000) },
  {
    name: 'an upsert whose filter and update clash on _id',
    run: (c) => c.updateOne({ _id: 1 as never }, { $set: { _id: 2 } } as never, { upsert: true }), expect: fault(66),
  },
];
