import { fault } from './case.ts';
import type { Case } from './case.ts';

export const indexes: Case[] = [
  { name: 'listIndexes shows what was made', expect: [
    { v: 2, key: { _id: 1 }, name: '_id_' }, {
      v: 2, key: { a: 1, b: -1 }, name: 'a_1_b_-1', unique: true,
    }, { v: 2, key: { t: 1 }, name: 'ttl', expireAfterSeconds: 60 },
    { v: 2, key: { p: 1 }, name: 'p_1', partialFilterExpression: { s: 'x' } }, { v: 2, key: { q: 1 }, name: 'q_1', sparse: true },
  ], run: async (c) => {
    await c.createIndex({ a: 1, b: -1 }, { unique: true });
    await c.createIndex({ t: 1 }, { name: 'ttl', expireAfterSeconds: 60 });
    await c.createIndex({ p: 1 }, { partialFilterExpression: { s: 'x' } });
    await c.createIndex({ q: 1 }, { sparse: true });
    return (await c.listIndexes().toArray()).map(({ ns: _ns, ...index }) => sorted(index));
  } },
  { name: 'making an index again changes nothing', expect: 2, run: async (c) => {
    await c.createIndex({ a: 1 });
    await c.createIndex({ a: 1 });
    return (await c.indexes()).length;
  } },
  { name: 'the same name with another key', expect: fault(86), run: async (c) => {
    await c.createIndex({ a: 1 }, { name: 'n' });
    return c.createIndex({ b: 1 }, { name: 'n' });
  } },
  { name: 'the same key with another name', expect: fault(85), run: async (c) => {
    await c.createIndex({ a: 1 }, { name: 'n' });
    return c.createIndex({ a: 1 }, { name: 'm' });
  } },
  { name: 'the same key with other options', expect: fault(86), run: async (c) => {
    await c.createIndex({ a: 1 });
    return c.createIndex({ a: 1 }, { unique: true });
  } },
  {
    name: 'a unique index over duplicates', docs: [{ _id: 1, a: 1 }, { _id: 2, a: 1 }], expect: fault(11000),
    run: (c) => c.createIndex({ a: 1 }, { unique: true }),
  },
  { name: 'a duplicate key names its index and values', otherServer: 'leaves keyPattern and keyValue out', expect: {
    code: 11000, keyPattern: { a: 1, b: -1 }, keyValue: { a: 1, b: 'x' },
  }, run: async (c) => {
    await c.createIndex({ a: 1, b: -1 }, { unique: true });
    await c.insertOne({ a: 1, b: 'x' });
    const error = await c.insertOne({ a: 1, b: 'x' }).catch((caught: unknown) => caught) as Record<string, unknown>;
    return { code: error['code'], keyPattern: error['keyPattern'], keyValue: error['keyValue'] };
  } },
  { name: 'the message of a duplicate key', expect: true, run: async (c) => {
    await c.createIndex({ a: 1 }, { unique: true });
    await c.insertOne({ a: 'x' });
    const error = await c.insertOne({ a: 'x' }).catch((caught: unknown) => caught) as Error;
    return error.message.includes(`E11000 duplicate key error collection: ${c.namespace} index: a_1 dup key: { a: "x" }`);
  }, otherServer: 'leaves the values out of the message' },
  { name: 'unique counts missing as null', expect: fault(11000), run: async (c) => {
    await c.createIndex({ a: 1 }, { unique: true });
    await c.insertOne({ b: 1 });
    return c.insertOne({ a: null });
  } },
  { name: 'unique compares numbers by value', expect: fault(11000), run: async (c) => {
    await c.createIndex({ a: 1 }, { unique: true });
    await c.insertOne({ a: 1 });
    return c.updateOne({ b: 1 }, { $set: { a: 1.0 } }, { upsert: true });
  } },
  { name: 'sparse unique lets documents without the field be', expect: 2, run: async (c) => {
    await c.createIndex({ a: 1 }, { unique: true, sparse: true });
    await c.insertMany([{ b: 1 }, { b: 2 }]);
    return c.countDocuments();
  } },
  { name: 'partial unique applies where the filter holds', expect: [2, 11000], run: async (c) => {
    await c.createIndex({ a: 1 }, { unique: true, partialFilterExpression: { active: true } });
    await c.insertMany([{ a: 1, active: false }, { a: 1, active: true }]);
    const error = await c.insertOne({ a: 1, active: true }).catch((caught: unknown) => caught) as { code: number };
    return [await c.countDocuments(), error.code];
  } },
  { name: 'a partial index of what has a field finds nothing for those without it', docs: [
    { _id: 1, a: { b: 'x' } }, { _id: 2, a: null }, { _id: 3, a: { b: null } }, { _id: 4 },
  ], expect: [[1], [2, 3, 4], [3], [1]], run: async (c) => {
    await c.createIndex({ 'a.b': 1 }, { partialFilterExpression: { 'a.b': { $exists: true } } });
    const ids = async (b: unknown): Promise<unknown[]> => (await c.find({ 'a.b': b }).sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
    return [await ids('x'), await ids(null), await ids({ $type: 'null' }), await ids({ $gt: '' })];
  } },
  { name: 'unique over array elements', expect: fault(11000), run: async (c) => {
    await c.createIndex({ a: 1 }, { unique: true });
    await c.insertOne({ a: [1, 2, 2] });
    return c.insertOne({ a: [2, 3] });
  } },
  { name: 'an update may keep its own key', expect: 1, run: async (c) => {
    await c.createIndex({ a: 1 }, { unique: true });
    await c.insertOne({ a: 1 });
    return (await c.updateOne({ a: 1 }, { $set: { a: 1, b: 2 } })).modifiedCount;
  } },
  { name: 'several indexes are made together or not at all', docs: [
    { _id: 1, a: 1 }, { _id: 2, a: 1 },
  ], expect: 1, run: async (c) => {
    await c.createIndexes([{ key: { b: 1 } }, { key: { a: 1 }, unique: true }]).catch(() => undefined);
    return (await c.indexes()).length;
  } },
  { name: 'parallel arrays', otherServer: 'indexes parallel arrays', expect: fault(171), run: async (c) => {
    await c.createIndex({ a: 1, b: 1 });
    return c.insertOne({ a: [1], b: [1] });
  } },
  { name: 'dropping an index', otherServer: 'its gateway closes the connection', expect: 1, run: async (c) => {
    await c.createIndex({ a: 1 });
    await c.dropIndex('a_1');
    return (await c.indexes()).length;
  } },
  { name: 'dropping an index that is not there', docs: [{ _id: 1 }], expect: fault(27), run: (c) => c.dropIndex('none') },
  { name: 'dropping the _id index', docs: [{ _id: 1 }], expect: fault(72), run: (c) => c.dropIndex('_id_') },
  { name: 'listing the indexes of nothing', expect: fault(26), run: (c) => c.listIndexes().toArray() },
  { name: 'an index direction of zero', expect: fault(67), run: (c) => c.createIndex({ a: 0 } as never) },
  { name: 'a compound TTL index', expect: fault(67), run: (c) => c.createIndex({ a: 1, b: 1 }, { expireAfterSeconds: 1 }) },
  {
    name: 'a partial expression that is not supported', expect: fault(67),
    run: (c) => c.createIndex({ a: 1 }, { partialFilterExpression: { b: { $ne: 1 } } }),
  },
  { name: 'creating a collection twice', expect: fault(48), otherServer: 'accepts a collection made again with the same options',
    run: async (c, db) => {
    await db.createCollection(c.collectionName);
    return db.command({ create: c.collectionName });
  } },
  { name: 'listCollections by name', docs: [{ _id: 1 }], expect: true, run: async (c, db) =>
    (await db.listCollections({ name: c.collectionName }).toArray()).every(({ name, type }) => name === c.collectionName
      && type === 'collection') },
  {
    name: 'dropping a collection', docs: [{ _id: 1 }], expect: [true, 0],
    run: async (c) => [await c.drop(), await c.countDocuments()],
  },
  {
    name: 'renaming a collection', otherServer: 'has no renameCollection', docs: [{ _id: 1 }], expect: 1,
    run: async (c) => (await c.rename(`${c.collectionName}_new`)).countDocuments(),
  },
];

function sorted(index: Record<string, unknown>): Record<string, unknown> {
  const order = ['v', 'key', 'name', 'unique', 'expireAfterSeconds', 'partialFilterExpression', 'sparse'];
  return Object.fromEntries(order.filter((name) => name in index).map((name) => [name, index[name]]));
}
