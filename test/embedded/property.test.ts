import { expect } from 'chai';
import fc from 'fast-check';
import mongoose from 'mongoose';
import { compareValues } from '../../server/embedded/compare.ts';
import { decode, encode } from '../../server/embedded/document.ts';
import { decodeKey, encodeKey, encodeValue } from '../../server/embedded/keys.ts';
import type { Direction } from '../../server/embedded/keys.ts';
import { running } from './support.ts';
import type { Running } from './support.ts';

const { Decimal128, Double, Long, ObjectId } = mongoose.mongo;

const numbers = fc.oneof(
  fc.integer({ min: -5, max: 5 }), fc.integer(), fc.double(), fc.integer().map((n) => new Double(n)), fc.bigInt(
    { min: -(2n ** 63n), max: 2n ** 63n - 1n }
  )
    .map((n) => Long.fromBigInt(n)), fc.tuple(
      fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: -30, max: 30 })
    )
    .map(([digits, power]) => Decimal128.fromString(`${digits}E${power}`)),
);
const scalars = fc.oneof(
  numbers, fc.string({
    unit: 'binary', maxLength: 6,
  }), fc.constantFrom('', 'a', 'b', 'a\0b', 'é', '😀'), fc.boolean(), fc.constant(null),
  fc.date({ noInvalidDate: true }), fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
);
const values = fc.oneof({ weight: 5, arbitrary: scalars }, fc.array(scalars, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('x', 'y', 'z'), scalars, { maxKeys: 2, noNullPrototype: true }));

describe('embedded MongoDB: properties', () => {
  describe('key encoding', () => {
    it('orders as MongoDB compares', () => {
      fc.assert(fc.property(values, values, (a, b) => {
        expect(Math.sign(Buffer.compare(encodeValue(a), encodeValue(b)))).to.equal(Math.sign(compareValues(a, b)));
      }), { numRuns: 2000 });
    });

    it('orders backwards for descending fields, also within compound keys', () => {
      const directions: Direction[] = [1, -1];
      fc.assert(fc.property(fc.tuple(values, values), fc.tuple(values, values), (a, b) => {
        const wanted = compareValues(a[0], b[0]) || -compareValues(a[1], b[1]);
        expect(Math.sign(Buffer.compare(encodeKey(a, directions), encodeKey(b, directions)))).to.equal(Math.sign(wanted));
      }), { numRuns: 1000 });
    });

    it('is read back to an equal value, or says that it cannot', () => {
      fc.assert(fc.property(values, fc.constantFrom<Direction>(1, -1), (value, direction) => {
        const read = decodeKey(encodeValue(value, direction), 0, [direction]);
        if (read) expect(compareValues(read[0], value)).to.equal(0);
      }), { numRuns: 1000 });
    });
  });

  it('documents keep bytes, types and order through decoding and encoding', () => {
    fc.assert(fc.property(fc.dictionary(
      fc.string({ minLength: 1, maxLength: 4 }).filter((name) => !name.includes('\0')), values, { noNullPrototype: true }
    ),
      (document) => {
        const bytes = encode(document);
        expect(encode(decode(bytes)).equals(bytes)).to.equal(true);
      }), { numRuns: 500 });
  });

  describe('indexed against not indexed', () => {
    let host: Running;

    before(async () => {
      host = await running();
    });

    after(() => host.stop());

    const field = fc.constantFrom('a', 'b', 'c.d');
    const small = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 4 }) },
      fc.constantFrom<unknown>('x', 'xy', 'y', null, true, 2.5, [1, 2], [], ['x', 3], { k: 1 })
    );
    const documents = fc.array(fc.record({
      a: small, b: small, c: fc.oneof(fc.record({ d: small }), fc.array(fc.record({ d: small }), { maxLength: 2 }), small),
    },
      { requiredKeys: [], noNullPrototype: true }), { minLength: 1, maxLength: 30 });
    const condition = fc.oneof(small, fc.tuple(
      fc.constantFrom('$gt', '$gte', '$lt', '$lte', '$eq', '$ne'), small
    ).map(([op, v]) => ({ [op]: v })),
      fc.tuple(small, small).map(
        ([low, high]) => ({ $gte: low, $lt: high })
      ), fc.array(small, { maxLength: 3 }).map((list) => ({ $in: list })),
      fc.boolean().map((exists) => ({ $exists: exists })), fc.constant(/^x/));
    const simple = fc.dictionary(field, condition, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
    const filter = fc.oneof(
      { weight: 3, arbitrary: simple }, fc.tuple(simple, simple).map(([p, q]) => ({ $or: [p, q] })), fc.constant({})
    );
    const sort = fc.option(fc.dictionary(field, fc.constantFrom(1, -1), { minKeys: 1, maxKeys: 2, noNullPrototype: true }), {
      nil: {},
    });
    const indexes = fc.array(fc.uniqueArray(fc.tuple(field, fc.constantFrom<1 | -1>(1, -1)), {
      minLength: 1, maxLength: 3, selector: ([name]) => name,
    }),
      { minLength: 1, maxLength: 3 });
    const change = fc.oneof(
      fc.record({ $set: fc.record({ a: small }) }), fc.record({ $set: fc.record({ 'c.d': small }) }),
      fc.constant({ $unset: { b: 1 } })
    );

    it('random writes, finds, sorts, limits, counts and groups agree', async function () {
      this.timeout(60_000);
      let round = 0;
      await fc.assert(fc.asyncProperty(documents, indexes, fc.array(fc.tuple(filter, change), {
        maxLength: 3,
      }), fc.array(fc.tuple(filter, sort,
        fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 5 })), { minLength: 4, maxLength: 8 }),
        async (docs, keys, changes, searches) => {
        const [indexed, plain] = [host.db.collection(`i${++round}`), host.db.collection(`p${round}`)];
        const given = docs.filter((document) => !(Array.isArray(document.a) && Array.isArray(document.b)));
        for (const key of keys) await indexed.createIndex(new Map(key.map(([name, direction]) => [name, direction])) as never, {
          name: JSON.stringify(key),
        }).catch(() => undefined);
        for (const collection of [indexed, plain]) await collection.createIndex({ _id: 1 });
        for (const [at, document] of given.entries()) await writeBoth(
          indexed, plain, (collection) => collection.insertOne({ _id: at, ...document } as never)
        );
        // Once before the changes too, so that what these searches kept in memory would show if it outlived a change.
        await agree(searches.slice(0, 2));
        for (const [where, update] of changes) {
          const ids = (await plain.find(where as never).project({ _id: 1 }).toArray()).map(({ _id }) => _id);
          for (const id of ids) await writeBoth(
            indexed, plain, (collection) => collection.updateOne({ _id: id }, update as never)
          );
        }
        await agree(searches);
        await indexed.drop();
        await plain.drop();

        async function agree(asked: typeof searches): Promise<void> {
          for (const [where, order, skip, limit] of asked) {
            const full = { ...order, _id: 1 } as Record<string, 1 | -1>;
            const find = (
              collection: mongoose.mongo.Collection
            ): Promise<unknown[]> => collection.find(where as never).sort(full).skip(skip).limit(limit).toArray();
            const byOrder = (
              collection: mongoose.mongo.Collection
            ): Promise<unknown[]> => collection.find(where as never).sort(order as never).toArray();
            const label = JSON.stringify({ where, order, skip, limit });
            expect(await find(indexed), label).to.deep.equal(await find(plain));
            expect((await byOrder(indexed)).length, label).to.equal((await byOrder(plain)).length);
            expect(await indexed.countDocuments(where as never), label).to.equal(await plain.countDocuments(where as never));
            for (const id of ['$a', { a: '$a', b: '$b' }]) {
              expect(await groups(indexed, where, id), label).to.deep.equal(await groups(plain, where, id));
            }
            const most = { most: { $max: '$c.d' } };
            expect(await groups(indexed, where, '$b', most), label).to.deep.equal(await groups(plain, where, '$b', most));
            expect(await distinct(indexed, where), label).to.deep.equal(await distinct(plain, where));
          }
        }
      }), { numRuns: 40 });
    });

    /** Groups as text, as different keys may tie in a sort. */
    async function groups(
      collection: mongoose.mongo.Collection, where: unknown, id: unknown, further: Record<string, unknown> = {},
    ): Promise<string[]> {
      const found = await collection.aggregate([{ $match: where }, { $group: { _id: id, n: { $sum: 1 }, ...further } }]).toArray();
      return found.map((group) => JSON.stringify(group)).sort();
    }

    async function distinct(collection: mongoose.mongo.Collection, where: unknown): Promise<string[]> {
      return (await collection.distinct('a', where as never)).map((value) => JSON.stringify(value)).sort();
    }

    /** Parallel arrays are refused by an index; such a write is then left out of both collections. */
    async function writeBoth(
      indexed: mongoose.mongo.Collection, plain: mongoose.mongo.Collection,
      write: (collection: mongoose.mongo.Collection) => Promise<unknown>
    ): Promise<void> {
      const refused = await write(indexed).then(() => undefined, (error: { code?: number }) => error.code);
      expect(refused).to.be.oneOf([undefined, 171, 28]);
      if (refused === undefined) await write(plain);
    }
  });
});
