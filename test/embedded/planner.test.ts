import { expect } from 'chai';
import type mongoose from 'mongoose';
import { explained, running } from './support.ts';
import type { Running } from './support.ts';

/** Indexes must be used, not only declared: what a query touches is proved by explain. */
describe('embedded MongoDB: planner', () => {
  const COUNT = 5000;
  let host: Running;
  let codes: mongoose.mongo.Collection;

  before(async () => {
    host = await running();
    codes = host.db.collection('codes');
    await codes.createIndexes([
      { key: { company: 1, linarcId: 1 }, unique: true },
      { key: { company: 1, excluded: 1, sortKey: 1 } },
      { key: { company: 1, status: 1, sortKey: -1 } },
      { key: { tags: 1 } },
      { key: { open: 1 }, partialFilterExpression: { state: 'open' } },
      { key: { note: 1 }, sparse: true },
    ]);
    await codes.insertMany(Array.from({ length: COUNT }, (_, n) => ({
      company: n % 10 === 0 ? 'small' : 'large', linarcId: `L${n}`, status: ['ready', 'synced', 'failed'][n % 3],
      excluded: n % 7 === 0,
      sortKey: `k${String(n).padStart(6, '0')}`, n, tags: [`t${n % 50}`, `u${n % 3}`], state: n % 100 === 0 ? 'open' : 'done',
      open: n,
      ...(n % 500 === 0 ? { note: `n${n}` } : {}),
    })));
  });

  after(() => host.stop());

  it('finds by a unique compound key with one key and one document', async () => {
    const touched = await explained(codes.find({ company: 'large', linarcId: 'L77' }));
    expect(touched).to.deep.equal({ nReturned: 1, totalKeysExamined: 1, totalDocsExamined: 1, stages: ['FETCH', 'IXSCAN'] });
  });

  it('finds many by an index that is not unique, of whose ranges only some are counted', async () => {
    const some = Array.from({ length: 60 }, (_, n) => `k${String(n * 70).padStart(6, '0')}`);
    const query = { company: 'small', excluded: { $in: [false, true] }, sortKey: { $in: some } };
    const touched = await explained(codes.find(query));
    expect(touched.nReturned).to.equal(60);
    expect(touched).to.include({ totalKeysExamined: 60, totalDocsExamined: 60 });
  });

  it('pages by key, touching a page of keys', async () => {
    const touched = await explained(
      codes.find({ company: 'large', excluded: false, sortKey: { $gt: 'k002000' } }).sort({ sortKey: 1 }).limit(100)
    );
    expect(touched).to.deep.equal({
      nReturned: 100, totalKeysExamined: 100, totalDocsExamined: 100, stages: ['FETCH', 'IXSCAN'],
    });
  });

  it('reads backwards for the opposite order', async () => {
    const query = codes.find({ company: 'large', status: 'ready' }).sort({ sortKey: 1 }).limit(3);
    expect((await query.toArray()).map(({ n }) => n as number)).to.deep.equal([3, 6, 9]);
    expect(await explained(query)).to.include({ totalKeysExamined: 3 });
  });

  it('merges several values of a prefix into one order', async () => {
    const query = codes.find({ company: 'large', status: { $in: ['ready', 'failed'] } }).sort({ sortKey: -1 }).limit(5);
    const touched = await explained(query);
    expect((await query.toArray()).map(({ n }) => n as number)).to.deep.equal([4998, 4997, 4995, 4994, 4992]);
    expect(touched.stages).to.deep.equal(['FETCH', 'SORT_MERGE']);
    expect(touched.totalDocsExamined).to.equal(5);
  });

  it('skips on keys without reading documents', async () => {
    const touched = await explained(codes.find({ company: 'large', excluded: false }).sort({ sortKey: 1 }).skip(2000).limit(10));
    expect(touched).to.include({ nReturned: 10, totalDocsExamined: 10 });
  });

  it('uses a range, a set and an anchored expression', async () => {
    for (const sortKey of [{ $gte: 'k000010', $lt: 'k000020' }, { $in: ['k000011', 'k000012'] }, /^k00001/]) {
      const touched = await explained(codes.find({ company: 'large', excluded: false, sortKey }));
      expect(touched.totalKeysExamined, String(sortKey)).to.equal(touched.nReturned);
    }
  });

  it('answers a disjunction with an index for each branch', async () => {
    const touched = await explained(codes.find({ $or: [{ company: 'large', linarcId: 'L1' }, { tags: 't7', n: 7 }] }));
    expect(touched.stages).to.deep.equal(['FETCH', 'OR', 'IXSCAN', 'IXSCAN']);
    expect(touched.totalKeysExamined).to.equal(101);
    expect(touched.nReturned).to.equal(2);
  });

  it('finds by array element, each document once', async () => {
    const touched = await explained(codes.find({ tags: { $in: ['t1', 'u1'] } }));
    expect(touched.stages).to.include('IXSCAN');
    expect(touched.nReturned).to.equal(await codes.countDocuments({ $or: [{ tags: 't1' }, { tags: 'u1' }] }));
  });

  it('uses a partial index only where the query implies its filter', async () => {
    expect((await explained(codes.find({ state: 'open', open: { $gte: 0 } }))).totalKeysExamined).to.equal(50);
    expect((await explained(codes.find({ open: { $gte: 0 } }))).stages).to.deep.equal(['COLLSCAN']);
  });

  it('uses a sparse index only where the field must be there', async () => {
    expect((await explained(codes.find({ note: { $gte: 'n' } }))).totalKeysExamined).to.equal(10);
    expect((await explained(codes.find({ note: null }))).stages).to.deep.equal(['COLLSCAN']);
    expect((await explained(codes.find().sort({ note: 1 }))).stages).to.deep.equal(['SORT', 'COLLSCAN']);
  });

  it('honours a hint', async () => {
    const touched = await explained(
      codes.find({ company: 'large', linarcId: 'L1' }).hint({ company: 1, status: 1, sortKey: -1 })
    );
    expect(touched.totalKeysExamined).to.be.greaterThan(1000);
  });

  it('counts a range of keys without documents', async () => {
    const answer = await host.db.command({
      explain: { count: 'codes', query: { company: 'large', excluded: false } }, verbosity: 'executionStats',
    });
    expect(answer['executionStats']).to.include({ totalDocsExamined: 0 });
    expect(await codes.countDocuments({ company: 'large', excluded: false }))
      .to.equal((await codes.find({ company: 'large' }).toArray()).filter(({ excluded }) => excluded === false).length);
  });

  it('decides a condition on a later index field from the key', async () => {
    const answer = await host.db.command({
      explain: {
        count: 'codes', query: { company: 'large', excluded: { $ne: true }, sortKey: { $regex: '7$' } },
      }, verbosity: 'executionStats',
    });
    expect(answer['executionStats']).to.include({ totalDocsExamined: 0, nReturned: 428 });
  });

  it('groups and counts as a full scan does, from keys alone', async () => {
    const byKeys = await codes.aggregate([
      { $match: { company: 'large' } }, { $group: { _id: '$status', n: { $sum: 1 } } }, { $sort: { _id: 1 } },
    ]).toArray();
    const all = await codes.find({ company: 'large' }).toArray();
    const counted = ['failed', 'ready', 'synced'].map(
      (status) => ({ _id: status, n: all.filter((one) => one['status'] === status).length })
    );
    expect(byKeys).to.deep.equal(counted);
  });

  it('orders and cuts before it reads, in a pipeline too', async () => {
    const query = codes.aggregate([
      { $match: { company: 'large', excluded: false } }, { $sort: { sortKey: 1 } }, { $limit: 20 }, { $project: { n: 1 } },
    ]);
    expect(await explained(query)).to.include({ nReturned: 20, totalKeysExamined: 20, totalDocsExamined: 20 });
  });

  it('counts the statuses of 10,000 fresh upserts in seconds, not minutes', async () => {
    const fresh = host.db.collection('fresh');
    await fresh.createIndexes([
      { key: { company: 1, linarcId: 1 }, unique: true }, { key: { company: 1, hidden: 1, status: 1 } },
    ]);
    const started = performance.now();
    for (let batch = 0; batch < 10; batch++) {
      const writes = Array.from({ length: 1000 }, (_, n) => ({
        updateOne: {
          filter: { company: 'c', linarcId: `L${batch}-${n}` }, update: {
            $set: { hidden: n % 10 === 0, status: `s${n % 3}` },
          }, upsert: true,
        },
      }));
      expect((await fresh.bulkWrite(writes, { ordered: false })).upsertedCount).to.equal(1000);
    }
    expect(performance.now() - started).to.be.below(12_000);
    const groups = await fresh.aggregate([
      { $match: { company: 'c', hidden: { $in: [false, true] } } }, {
        $group: { _id: { hidden: '$hidden', status: '$status' }, n: { $sum: 1 } },
      },
    ]).toArray();
    expect(groups.length).to.equal(6);
    expect(groups.reduce((sum, { n }) => sum + (n as number), 0)).to.equal(10_000);
  });

  it('keeps documents whose keys are too long for the store apart', async () => {
    const long = host.db.collection('long');
    await long.createIndex({ s: 1 }, { unique: true });
    const texts = ['a', 'b'].map((end) => 'x'.repeat(5000) + end);
    await long.insertMany(texts.map((s) => ({ s })));
    expect(await long.countDocuments({ s: texts[1] })).to.equal(1);
    expect((await long.find().sort({ s: -1 }).toArray()).map(({ s }) => (s as string).at(-1))).to.deep.equal(['b', 'a']);
    expect(await long.insertOne({ s: texts[0] }).catch((error: { code: number }) => error.code)).to.equal(11000);
  });
});
