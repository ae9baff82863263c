import { Decimal128, Double, fault, Long, piped } from './case.ts';
import type { Case } from './case.ts';

const sales = [
  { _id: 1, item: 'a', qty: 2, price: 10, tags: ['x', 'y'], when: new Date('2024-01-05T10:20:30.456Z') },
  { _id: 2, item: 'b', qty: 1, price: 20, tags: ['y'], when: new Date('2024-02-06T00:00:00Z') },
  { _id: 3, item: 'a', qty: 5, price: 5.5, tags: [], when: new Date('2024-02-29T23:59:59.999Z') },
  { _id: 4, item: 'c', qty: null, tags: ['z', 'x'] },
];
const value = (expression: unknown, docs: Record<string, unknown>[] = [{ _id: 1 }]): Pick<Case, 'docs' | 'run'> => ({
  docs, run: async (c) => (await c.aggregate([{ $project: { _id: 0, v: expression } }]).toArray())[0]?.['v'],
});

/** As text, as a written `then` would make the branches look like promises. */
const choice: unknown = JSON.parse(
  '{"$switch": {"branches": [{"case": {"$gt": [1, 2]}, "then": "a"}, {"case": true, "then": "b"}], "default": "c"}}',
);

export const aggregations: Case[] = [
  { name: '$match and $group with sums', docs: sales, expect: [
    { _id: 'a', n: 2, qty: 7 }, { _id: 'b', n: 1, qty: 1 }, { _id: 'c', n: 1, qty: 0 },
  ],
    run: piped({ $group: { _id: '$item', n: { $sum: 1 }, qty: { $sum: '$qty' } } }, { $sort: { _id: 1 } }) },
  { name: '$group of everything', docs: sales, expect: [{ _id: null, max: 20, min: 5.5, avg: 8 / 3 }],
    run: piped({ $group: { _id: null, max: { $max: '$price' }, min: { $min: '$price' }, avg: { $avg: '$qty' } } }) },
  { name: '$group by a document', docs: sales, expect: [{ _id: { i: 'a', q: 2 }, n: 1 }, { _id: { i: 'a', q: 5 }, n: 1 }],
    run: piped({ $match: { item: 'a' } }, { $group: { _id: { i: '$item', q: '$qty' }, n: { $sum: 1 } } },
      { $sort: { '_id.q': 1 } }) },
  { name: '$push, $first, $last, $addToSet after a sort', docs: sales, expect: [{ _id: 'a', ids: [3, 1], first: 5, last: 2 }],
    run: piped({ $sort: { _id: -1 } }, { $match: { item: 'a' } },
      { $group: { _id: '$item', ids: { $push: '$_id' }, first: { $first: '$qty' }, last: { $last: '$qty' } } }) },
  { name: '$group groups null with missing', docs: [
    { _id: 1, a: null }, { _id: 2 }, { _id: 3, a: 1 },
  ], expect: [{ _id: null, n: 2 }, { _id: 1, n: 1 }],
    run: piped({ $group: { _id: '$a', n: { $sum: 1 } } }, { $sort: { _id: 1 } }) },
  {
    name: '$sort, $skip, $limit', docs: sales, expect: [{ _id: 3 }, { _id: 2 }],
    run: piped({ $sort: { _id: -1 } }, { $skip: 1 }, { $limit: 2 }, { $project: { _id: 1 } }),
  },
  { name: '$count', docs: sales, expect: [{ total: 2 }], run: piped({ $match: { item: 'a' } }, { $count: 'total' }) },
  {
    name: '$count of nothing', docs: sales, otherServer: 'counts nothing as 0', expect: [],
    run: piped({ $match: { item: 'none' } }, { $count: 'total' }),
  },
  { name: '$project computes and keeps order', docs: sales.slice(0, 1), expect: [{ _id: 1, qty: 2, total: 20, up: 'A' }],
    run: piped({ $project: { total: { $multiply: ['$qty', '$price'] }, up: { $toUpper: '$item' }, qty: 1 } }) },
  { name: '$addFields, nested and overwriting', docs: [{ _id: 1, a: { b: 1 }, c: 2 }], expect: [
    { _id: 1, a: { b: 1, d: 3 }, c: 9 },
  ],
    run: piped({ $addFields: { 'a.d': { $add: ['$a.b', '$c'] }, c: 9 } }) },
  {
    name: '$unset', docs: [{ _id: 1, a: { b: 1, c: 2 }, d: 1 }], expect: [{ _id: 1, a: { c: 2 } }],
    run: piped({ $unset: ['a.b', 'd'] }),
  },
  {
    name: '$$REMOVE leaves the field out', docs: [{ _id: 1, a: 1 }], expect: [{ _id: 1 }],
    run: piped({ $project: { a: { $cond: [true, '$$REMOVE', 1] } } }),
  },
  { name: '$unwind', docs: sales, expect: [
    { _id: 1, tags: 'x' }, { _id: 1, tags: 'y' }, { _id: 2, tags: 'y' }, { _id: 4, tags: 'z' }, { _id: 4, tags: 'x' },
  ],
    run: piped({ $sort: { _id: 1 } }, { $unwind: '$tags' }, { $project: { tags: 1 } }) },
  { name: '$unwind keeping empties, with positions', docs: sales.slice(2), expect: [
    { _id: 3, at: null }, { _id: 4, tags: 'z', at: 0 }, { _id: 4, tags: 'x', at: 1 },
  ],
    run: piped({ $sort: { _id: 1 } }, { $project: { tags: 1 } },
      { $unwind: { path: '$tags', preserveNullAndEmptyArrays: true, includeArrayIndex: 'at' } }) },
  { name: '$facet', docs: sales, expect: [{ count: [{ n: 4 }], items: [{ _id: 'a', count: 2 }] }],
    run: piped({ $facet: { count: [{ $count: 'n' }], items: [{ $sortByCount: '$item' }, { $limit: 1 }] } }) },
  { name: '$replaceRoot', docs: [{ _id: 1, a: { x: 1 } }], expect: [{ x: 1 }], run: piped({ $replaceRoot: { newRoot: '$a' } }) },
  { name: '$lookup by fields', docs: [{ _id: 1, ref: 2 }, { _id: 2, name: 'two' }], expect: [
    { _id: 1, ref: 2, found: [{ _id: 2, name: 'two' }] },
  ],
    run: (c) => c.aggregate([{ $match: { _id: 1 } }, { $lookup: { from: c.collectionName, localField: 'ref', foreignField: '_id',
      as: 'found' } }]).toArray() },
  { name: '$lookup by pipeline and let', docs: [
    { _id: 1, ref: 2 }, { _id: 2, name: 'two' },
  ], expect: [{ _id: 1, found: [{ n: 'two' }] }],
    run: (c) => c.aggregate([{ $match: { _id: 1 } }, { $lookup: { from: c.collectionName, let: { r: '$ref' }, as: 'found',
      pipeline: [{ $match: { $expr: { $eq: ['$_id', '$$r'] } } }, { $project: { _id: 0, n: '$name' } }] } },
      { $project: { found: 1 } }]).toArray() },
  {
    name: '$unionWith', docs: [{ _id: 1 }], expect: [{ _id: 1 }, { _id: 1 }],
    run: (c) => c.aggregate([{ $unionWith: c.collectionName }]).toArray(),
  },
  { name: '$bucket', docs: sales.slice(0, 3), expect: [{ _id: 0, n: 1 }, { _id: 10, n: 2 }],
    run: piped({ $bucket: { groupBy: '$price', boundaries: [0, 10, 100], output: { n: { $sum: 1 } } } }) },
  { name: 'an aggregate on nothing', expect: [], run: piped({ $group: { _id: '$a' } }) },
  {
    name: 'aggregate with let', docs: sales, expect: [{ _id: 2 }],
    run: (c) => c.aggregate([{ $match: { $expr: { $eq: ['$item', '$$wanted'] } } }, { $project: { _id: 1 } }], {
      let: { wanted: 'b' },
    }).toArray(),
  },

  {
    name: '$cond treats 0 as false, an empty string as true',
    ...value({ $concat: [{ $cond: [0, 'y', 'n'] }, { $cond: ['', 'y', 'n'] }, { $cond: [null, 'y', 'n'] }] }), expect: 'nyn',
  },
  { name: '$cond treats a long 0 as false', ...value({ $cond: ['$z', 'y', 'n'] }, [{ _id: 1, z: new Long(0) }]), expect: 'n' },
  { name: '$ifNull', ...value({ $ifNull: ['$none', '$also', 7] }), expect: 7 },
  {
    name: '$switch',
    ...value(choice),
    expect: 'b',
  },
  {
    name: 'comparison goes over types',
    ...value({ $and: [{ $gt: ['a', 1] }, { $lt: [null, 1] }, { $gt: [[], {}] }, { $lt: ['$missing', null] }] }), expect: true,
  },
  { name: '$in', ...value({ $in: [2, [1, { $add: [1, 1] }]] }), expect: true },
  { name: '$map, $filter, $reduce', ...value({ $reduce: { input: { $filter: { input: {
    $map: { input: [1, 2, 3, 4], as: 'n', in: { $multiply: ['$$n', '$$n'] } },
  }, as: 'q',
    cond: { $gt: ['$$q', 3] } } }, initialValue: 0, in: { $add: ['$$value', '$$this'] } } }), expect: 29 },
  { name: '$let', ...value({ $let: { vars: { a: 2 }, in: { $add: ['$$a', 1] } } }), expect: 3 },
  { name: '$concat with null', ...value({ $concat: ['a', null] }), expect: null },
  {
    name: '$toString, $toInt, $toDouble, $toDate',
    ...value([{ $toString: 12 }, { $toInt: '12' }, { $toDouble: '1.5' }, { $toDate: new Long(0) }]),
    expect: ['12', 12, 1.5, new Date(0)],
  },
  { name: '$divide of ints is a double', ...value({ $type: { $divide: [4, 2] } }), expect: 'double' },
  { name: '$sum of ints is an int', ...value({ $type: { $sum: [4, 2] } }), expect: 'int' },
  { name: 'int arithmetic widens to long', ...value({ $type: { $add: [2147483647, 1] } }), expect: 'long' },
  { name: '$add of a date', ...value({ $add: [new Date(10), 5] }), expect: new Date(15) },
  { name: '$subtract of dates is a long', ...value({ $type: { $subtract: [new Date(10), new Date(5)] } }), expect: 'long' },
  { name: '$mod, $floor, $round', ...value([{ $mod: [7, 3] }, { $floor: 1.7 }, { $round: [2.346, 2] }]), expect: [1, 1, 2.35] },
  {
    name: 'decimal arithmetic is exact',
    ...value({ $toString: { $add: [Decimal128.fromString('0.1'), Decimal128.fromString('0.2')] } }), expect: '0.3',
  },
  {
    name: '$dateToString', ...value({ $dateToString: { date: '$when', format: '%Y-%m-%dT%H:%M:%S.%LZ' } }, sales.slice(0, 1)),
    expect: '2024-01-05T10:20:30.456Z',
  },
  { name: '$year and $month', ...value([{ $year: '$when' }, { $month: '$when' }], sales.slice(0, 1)), expect: [2024, 1] },
  {
    name: '$size and $arrayElemAt', ...value([{ $size: '$tags' }, { $arrayElemAt: ['$tags', -1] }], sales.slice(0, 1)),
    expect: [2, 'y'],
  },
  { name: '$slice and $concatArrays', ...value({ $concatArrays: [{ $slice: [[1, 2, 3], 2] }, [9]] }), expect: [1, 2, 9] },
  { name: '$setUnion and $setDifference', ...value({ $setDifference: [[1, 2, 3], [2]] }), expect: [1, 3] },
  {
    name: '$objectToArray and $arrayToObject', ...value({ $arrayToObject: { $objectToArray: { a: 1, b: 2 } } }),
    expect: { a: 1, b: 2 },
  },
  { name: '$mergeObjects', ...value({ $mergeObjects: [{ a: 1 }, null, { b: 2, a: 3 }] }), expect: { a: 3, b: 2 } },
  {
    name: '$substrCP, $strLenCP, $split, $trim',
    ...value([{ $substrCP: ['hello', 1, 3] }, { $strLenCP: 'é' }, { $split: ['a,b', ','] }, { $trim: { input: ' x ' } }]),
    expect: ['ell', 1, ['a', 'b'], 'x'],
  },
  { name: '$regexMatch', ...value({ $regexMatch: { input: 'Hello', regex: 'ell' } }), expect: true },
  { name: '$min and $max over arguments', ...value([{ $min: [3, 1, null] }, { $max: ['a', 1] }]), expect: [1, 'a'] },
  { name: '$type of missing', ...value({ $type: '$none' }), expect: 'missing' },
  { name: '$literal', ...value({ $literal: '$a' }), expect: '$a' },
  { name: '$getField', ...value({ $getField: 'item' }, sales.slice(0, 1)), expect: 'a' },
  { name: 'a field path maps over arrays', ...value('$a.b', [{ _id: 1, a: [{ b: 1 }, { c: 1 }, { b: 2 }] }]), expect: [1, 2] },
  { name: 'a whole double stays a double', ...value({ $type: '$d' }, [{ _id: 1, d: new Double(3) }]), expect: 'double' },

  { name: 'an unknown stage', run: piped({ $foo: {} }), expect: fault(40324) },
  {
    name: 'an unknown expression', docs: sales, run: piped({ $project: { a: { $foo: 1 } } }), expect: fault(31325),
    otherServer: 'names the fault InvalidPipelineOperator (168)',
  },
  { name: 'an unknown accumulator', docs: sales, run: piped({ $group: { _id: 1, a: { $foo: 1 } } }), expect: fault(15952) },
  { name: '$group without _id', docs: sales, run: piped({ $group: { n: { $sum: 1 } } }), expect: fault(15955) },
  { name: '$limit of zero', docs: sales, run: piped({ $limit: 0 }), expect: fault(15958) },
  { name: 'a stage with two names', docs: sales, run: piped({ $match: {}, $limit: 1 }), expect: fault(40323) },
  { name: 'an undefined variable', docs: sales, run: piped({ $project: { a: '$$nope' } }), expect: fault(17276) },
  {
    name: '$add of a string', docs: sales, run: piped({ $project: { a: { $add: ['$item', 1] } } }), expect: fault(14),
    otherServer: 'answers 16554',
  },
  { name: '$divide by zero', docs: sales, run: piped({ $project: { a: { $divide: [1, 0] } } }), expect: fault(2) },
  { name: 'a conversion that fails', docs: sales, run: piped({ $project: { a: { $toInt: '$item' } } }), expect: fault(241) },
  {
    name: 'aggregate without a cursor', run: (c, db) => db.command({ aggregate: c.collectionName, pipeline: [] }),
    expect: fault(9),
  },
];
