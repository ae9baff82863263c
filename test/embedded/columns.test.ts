import { expect } from 'chai';
import type mongoose from 'mongoose';
import { explained, running } from './support.ts';
import type { Running } from './support.ts';

/** What a scan read is kept, so that a search which no index settles need not read every document again. */
describe('embedded MongoDB: what scans keep in memory', () => {
  const COUNT = 3000;
  let host: Running;
  let codes: mongoose.mongo.Collection<{ _id: number }>;

  beforeEach(async () => {
    host = await running();
    codes = host.db.collection('codes');
    await codes.createIndexes([{ key: { company: 1, sortKey: 1 } }, { key: { company: 1, status: 1, sortKey: 1 } }]);
    await codes.insertMany(Array.from({ length: COUNT }, (_, n) => ({
      _id: n, company: 'c', sortKey: n, status: n % 3 === 0 ? 'failed' : 'ready', text: `${n % 100} word ${n}`, source: { type: n % 2 ? 'LABOR' : 'FIELD' },
    })) as never);
  });
  afterEach(() => host.stop());

  const wanted = { company: 'c', text: { $regex: '7 word' }, 'source.type': 'LABOR' };

  it('reads no more documents than it returns the second time, on the first page and on the last', async () => {
    const page = (skip: number) => codes.find(wanted as never).sort({ sortKey: 1 }).skip(skip).limit(20);
    expect((await explained(page(280))).totalDocsExamined).to.be.at.least(COUNT);
    expect(await explained(page(280))).to.include({ nReturned: 20, totalDocsExamined: 20 });
    expect(await explained(page(0))).to.include({ nReturned: 20, totalDocsExamined: 20 });
    expect((await page(280).toArray())[0]).to.include({ _id: 2807 });
  });

  it('reads a changed document anew, and only that one', async () => {
    expect(await codes.countDocuments(wanted as never)).to.equal(300);
    await codes.updateOne({ _id: 7 }, { $set: { 'source.type': 'FIELD' } });
    await codes.updateOne({ _id: 8 }, { $set: { text: '7 words', 'source.type': 'LABOR' } });
    await codes.deleteOne({ _id: 17 });
    await codes.insertOne({ _id: 9999, company: 'c', sortKey: -1, text: '7 word', source: { type: 'LABOR' } } as never);
    expect(await codes.countDocuments(wanted as never)).to.equal(300);
    const touched = await explained(codes.find(wanted as never).sort({ sortKey: 1 }).limit(2));
    expect(touched.totalDocsExamined).to.equal(2);
    const found = await codes.find(wanted as never).sort({ sortKey: 1 }).limit(3).toArray();
    expect(found.map(({ _id }) => _id)).to.deep.equal([9999, 8, 27]);
  });

  it('groups by what no index holds as it would by reading', async () => {
    const byType = () => codes.aggregate([{ $match: { company: 'c', text: /word/ } }, { $group: { _id: { type: '$source.type', status: '$status' }, n: { $sum: 1 } } }]).toArray();
    const found = await byType();
    expect(found).to.have.deep.members([
      { _id: { type: 'FIELD', status: 'failed' }, n: 500 }, { _id: { type: 'LABOR', status: 'failed' }, n: 500 },
      { _id: { type: 'FIELD', status: 'ready' }, n: 1000 }, { _id: { type: 'LABOR', status: 'ready' }, n: 1000 },
    ]);
    await codes.updateMany({ company: 'c', status: 'failed' }, { $set: { status: 'ready' } });
    expect(await byType()).to.have.deep.members([{ _id: { type: 'FIELD', status: 'ready' }, n: 1500 }, { _id: { type: 'LABOR', status: 'ready' }, n: 1500 }]);
  });

  it('is never behind what was answered, however reads and writes overlap', async function () {
    this.timeout(30_000);
    for (let round = 0; round < 60; round++) {
      const status = `round ${round}`;
      const reading = Array.from({ length: 6 }, () => codes.countDocuments({ company: 'c', text: /^1 word/, 'source.type': 'LABOR' }));
      const writing = [1, 101, 201].map((_id) => codes.updateOne({ _id }, { $set: { status, text: `${round % 2} word`, 'source.type': 'LABOR' } }));
      const late = Array.from({ length: 6 }, () => codes.countDocuments({ company: 'c', text: /^1 word/, status }));
      await Promise.all([...reading, ...writing, ...late]);
      expect(await codes.countDocuments({ company: 'c', text: /^1 word/, status })).to.equal(round % 2 === 1 ? 3 : 0);
      expect(await codes.countDocuments({ company: 'c', status, 'source.type': 'LABOR' })).to.equal(3);
    }
  });
});
