import { BSONRegExp, Decimal128, Double, fault, found, ids, Int32, Long, MaxKey, MinKey, ObjectId } from './case.ts';
import type { Case } from './case.ts';

const mixed = [
  { _id: 1, v: 5 }, { _id: 2, v: '5' }, { _id: 3, v: null }, { _id: 4 }, { _id: 5, v: [1, 5, 9] }, { _id: 6, v: { a: 1 } },
  { _id: 7, v: new Date(5) }, { _id: 8, v: true }, { _id: 9, v: [] }, { _id: 10, v: new Long(5) }, { _id: 11, v: 5.5 },
  { _id: 12, v: Decimal128.fromString('5') }, { _id: 13, v: [[5]] },
];
const nested = [
  { _id: 1, a: { b: 1 } }, {
    _id: 2, a: [{ b: 1 }, { b: 2 }],
  }, { _id: 3, a: [{ b: [1, 2] }] }, { _id: 4, a: [] }, { _id: 5, a: 1 },
  { _id: 6, a: { b: null } }, { _id: 7, a: [{ c: 1 }] }, { _id: 8 }, { _id: 9, a: [[{ b: 1 }]] },
];
const words = [
  { _id: 1, w: 'apple' }, { _id: 2, w: 'Apricot' }, { _id: 3, w: 'banana' }, { _id: 4, w: 7 }, { _id: 5, w: ['x', 'apply'] },
];

export const queries: Case[] = [
  {
    name: 'equality compares numbers of all types and array elements', docs: mixed, run: found({ v: 5 }), expect: [1, 5, 10, 12],
  },
  { name: '$eq null matches null and missing', docs: mixed, run: found({ v: null }), expect: [3, 4] },
  { name: '$ne excludes by element', docs: mixed, run: found({ v: { $ne: 5 } }), expect: [2, 3, 4, 6, 7, 8, 9, 11, 13] },
  { name: '$gt stays within the type', docs: mixed, run: found({ v: { $gt: 5 } }), expect: [5, 11] },
  { name: '$gte null matches null and missing', docs: mixed, run: found({ v: { $gte: null } }), expect: [3, 4] },
  { name: '$lt on dates', docs: mixed, run: found({ v: { $lt: new Date(6) } }), expect: [7] },
  { name: '$gt MinKey matches every type', docs: mixed, run: found({ v: { $gt: new MinKey() } }),
    expect: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], otherServer: 'leaves out documents without the field' },
  {
    name: '$lt MaxKey with a bound of another type', docs: mixed, run: found({ v: { $lt: new MaxKey(), $gt: 5 } }),
    expect: [5, 11],
  },
  {
    name: '$in mixes types, null and expressions', docs: mixed, run: found({ v: { $in: [null, '5', new BSONRegExp('^z')] } }),
    expect: [2, 3, 4],
  },
  { name: '$nin', docs: mixed, run: found({ v: { $nin: [5, null] } }), expect: [2, 6, 7, 8, 9, 11, 13] },
  { name: 'equality with a document needs the same fields', docs: mixed, run: found({ v: { a: 1 } }), expect: [6] },
  { name: 'equality with an array: the whole or an element', docs: mixed, run: found({ v: [5] }), expect: [13] },
  { name: 'equality with an empty array', docs: mixed, run: found({ v: [] }), expect: [9] },
  { name: '$exists true and false', docs: mixed, run: found({ v: { $exists: false } }), expect: [4] },
  { name: '$type number', docs: mixed, run: found({ v: { $type: 'number' } }), expect: [1, 5, 10, 11, 12] },
  { name: '$type long', docs: mixed, run: found({ v: { $type: 'long' } }), expect: [10] },
  { name: '$type array', docs: mixed, run: found({ v: { $type: 'array' } }), expect: [5, 9, 13] },
  { name: '$size', docs: mixed, run: found({ v: { $size: 1 } }), expect: [13] },
  { name: '$all', docs: mixed, run: found({ v: { $all: [1, 9] } }), expect: [5] },
  { name: '$all of nothing', docs: mixed, run: found({ v: { $all: [] } }), expect: [] },
  { name: '$elemMatch on values', docs: mixed, run: found({ v: { $elemMatch: { $gt: 1, $lt: 9 } } }), expect: [5] },
  { name: 'a range on an array may be met by two elements', docs: mixed, run: found({ v: { $gt: 5, $lt: 2 } }), expect: [5] },
  {
    name: '$not of a range matches the rest', docs: mixed, run: found({ v: { $not: { $gte: 5 } } }),
    expect: [2, 3, 4, 6, 7, 8, 9, 13],
  },
  {
    name: '$mod', docs: mixed, run: found({ v: { $mod: [5, 0] } }), expect: [1, 5, 10, 11, 12],
    otherServer: 'does not truncate 5.5 for $mod',
  },
  { name: '$nor', docs: mixed, run: found({ $nor: [{ v: 5 }, { v: null }, { v: { $exists: true } }] }), expect: [] },
  { name: '$or and $and', docs: mixed, run: found({ $or: [{ v: '5' }, { $and: [{ v: 5 }, { v: 9 }] }] }), expect: [2, 5] },
  {
    name: '$expr compares fields over all types', docs: mixed, run: found({ $expr: { $gt: ['$v', 5] } }),
    expect: [2, 5, 6, 7, 8, 9, 11, 13],
  },
  { name: '$expr with $$NOW', docs: mixed, run: found({ v: { $type: 'date' }, $expr: { $lt: ['$v', '$$NOW'] } }), expect: [7] },
  {
    name: '$bitsAllSet', docs: mixed, run: found({ v: { $bitsAllSet: 5 } }), expect: [1, 5, 10],
    otherServer: 'answers decimals too',
  },
  { name: 'a date is no number', docs: mixed, run: found({ v: new Date(5) }), expect: [7] },
  { name: 'booleans are no numbers', docs: mixed, run: found({ v: 1 }), expect: [5] },
  { name: 'large longs keep every digit', docs: [
    { _id: 1, n: Long.fromString('9007199254740993') }, { _id: 2, n: Long.fromString('9007199254740992') },
  ],
    run: found({ n: Long.fromString('9007199254740993') }), expect: [1] },
  {
    name: 'NaN equals NaN only', docs: [{ _id: 1, n: Number.NaN }, { _id: 2, n: 1 }], run: found({ n: Number.NaN }), expect: [1],
  },
  { name: 'NaN is in no range', docs: [{ _id: 1, n: Number.NaN }, { _id: 2, n: 1 }], run: found({ n: { $lt: 5 } }), expect: [2],
    otherServer: 'treats NaN as the least number in ranges' },
  { name: '-0 equals 0', docs: [{ _id: 1, n: new Double(-0) }, { _id: 2, n: 0 }], run: found({ n: 0 }), expect: [1, 2] },
  { name: 'a decimal differs from the double next to it', docs: [
    { _id: 1, n: Decimal128.fromString('0.1') }, { _id: 2, n: 0.1 },
  ], run: found({ n: 0.1 }), expect: [2],
    otherServer: 'takes them for equal' },

  { name: 'a path through arrays of documents', docs: nested, run: found({ 'a.b': 1 }), expect: [1, 2, 3] },
  { name: 'a path to null: null, or missing in a document', docs: nested, run: found({ 'a.b': null }), expect: [5, 6, 7, 8] },
  { name: 'a path that does not exist', docs: nested, run: found({ 'a.b': { $exists: false } }), expect: [4, 5, 7, 8, 9] },
  { name: 'a position in a path', docs: nested, run: found({ 'a.1.b': 2 }), expect: [2] },
  { name: '$elemMatch on documents', docs: nested, run: found({ a: { $elemMatch: { b: 2 } } }), expect: [2, 3] },
  { name: '$ne on a path through arrays', docs: nested, run: found({ 'a.b': { $ne: 1 } }), expect: [4, 5, 6, 7, 8, 9] },
  {
    name: '$all with $elemMatch', docs: nested, run: found({ a: { $all: [{ $elemMatch: { b: 1 } }, { $elemMatch: { b: 2 } }] } }),
    expect: [2, 3],
  },

  { name: '$regex with options', docs: words, run: found({ w: { $regex: '^ap', $options: 'i' } }), expect: [1, 2, 5] },
  { name: 'a regular expression as value', docs: words, run: found({ w: /^app/ }), expect: [1, 5] },
  { name: '$not with a regular expression', docs: words, run: found({ w: { $not: /^app/ } }), expect: [2, 3, 4] },
  { name: '$regex with inline flags', docs: words, run: found({ w: { $regex: '(?i)^APR' } }), expect: [2] },
  { name: '$regex beside another condition', docs: words, run: found({ w: { $regex: 'an', $ne: 'apple' } }), expect: [3] },

  { name: 'sort puts types in MongoDB\'s order', docs: mixed, otherServer: 'sorts empty arrays after null', expect: [
    9, 3, 4, 5, 1, 10, 12, 11, 2, 6, 13, 8, 7,
  ],
    run: async (c) => ids(await c.find().sort({ v: 1, _id: 1 }).toArray()) },
  { name: 'descending sort takes the greatest element of an array', docs: mixed, expect: [
    7, 8, 13, 6, 2, 5, 11, 1, 10, 12, 3, 4, 9,
  ],
    run: async (c) => ids(await c.find().sort({ v: -1, _id: 1 }).toArray()) },
  { name: 'sort compares strings by bytes', docs: [
    'b', 'B', 'a', 'é', 'z', '😀', '\uFFFD',
  ].map((w, _id) => ({ _id, w })), expect: [1, 2, 0, 4, 3, 6, 5],
    run: async (c) => ids(await c.find().sort({ w: 1 }).toArray()), otherServer: 'orders strings by its database\'s collation' },
  {
    name: 'skip and limit after sort', docs: words, expect: [3, 2],
    run: async (c) => ids(await c.find().sort({ _id: -1 }).skip(2).limit(2).toArray()),
  },
  {
    name: 'limit(-2) answers one batch', docs: words, expect: [1, 2],
    run: async (c) => ids(await c.find().sort({ _id: 1 }).limit(-2).toArray()),
  },
  {
    name: 'batches follow each other', docs: words, expect: [1, 2, 3, 4, 5],
    run: async (c) => ids(await c.find().sort({ _id: 1 }).batchSize(2).toArray()),
  },
  {
    name: 'count with skip and limit', docs: words, expect: 2,
    run: (c) => c.countDocuments({ w: { $type: 'string' } }, { skip: 1, limit: 2 }),
  },
  {
    name: 'the count command', docs: words, expect: { n: 3, ok: 1 },
    run: (c, db) => db.command({ count: c.collectionName, query: { _id: { $gt: 2 } } }),
  },
  { name: 'estimated count', docs: words, expect: 5, run: (c) => c.estimatedDocumentCount() },
  { name: 'distinct looks into arrays', docs: mixed.slice(0, 5), expect: [1, 5, 9, null, '5'],
    run: async (c) => (await c.distinct('v')).sort((a, b) => rank(a) - rank(b)) },
  { name: 'distinct through a path', docs: nested, expect: [1, 2, null],
    run: async (c) => (await c.distinct('a.b')).sort((a, b) => rank(a) - rank(b)),
    otherServer: 'may leave out null' },

  { name: 'inclusion keeps the document\'s order of fields', docs: [
    { _id: 1, c: 1, b: 2, a: { x: 1, y: 2 } },
  ], expect: { _id: 1, c: 1, a: { y: 2 } },
    run: (c) => c.findOne({}, { projection: { 'a.y': 1, c: 1 } }) },
  { name: 'exclusion, nested too', docs: [
    { _id: 1, a: { x: 1, y: 2 }, b: [{ x: 1, y: 2 }] },
  ], expect: { a: { y: 2 }, b: [{ y: 2 }] },
    run: (c) => c.findOne({}, { projection: { _id: 0, 'a.x': 0, 'b.x': 0 } }) },
  { name: 'inclusion within arrays leaves scalars out', docs: [
    { _id: 1, a: [{ b: 1, c: 1 }, 5, { c: 2 }] },
  ], expect: { _id: 1, a: [{ b: 1 }, {}] },
    run: (c) => c.findOne({}, { projection: { 'a.b': 1 } }) },
  {
    name: '$slice', docs: [{ _id: 1, a: [1, 2, 3, 4], b: 1 }], expect: { _id: 1, a: [3, 4], b: 1 },
    run: (c) => c.findOne({}, { projection: { a: { $slice: -2 } } }),
  },
  { name: '$elemMatch in a projection', docs: [{ _id: 1, a: [{ x: 1 }, { x: 2 }], b: 1 }], expect: { _id: 1, a: [{ x: 2 }] },
    run: (c) => c.findOne({}, { projection: { a: { $elemMatch: { x: 2 } } } }) },
  { name: 'the positional projection', docs: [{ _id: 1, a: [{ x: 1 }, { x: 2 }] }], expect: { _id: 1, a: [{ x: 2 }] },
    run: (c) => c.findOne({ 'a.x': 2 }, { projection: { 'a.$': 1 } }) },
  {
    name: 'computed fields in a projection', docs: [{ _id: 1, a: 2 }], expect: { _id: 1, b: 3 },
    run: (c) => c.findOne({}, { projection: { b: { $add: ['$a', 1] } } }),
  },
  {
    name: 'only _id excluded', docs: [{ _id: 1, a: 2 }], expect: { a: 2 }, run: (c) => c.findOne({}, { projection: { _id: 0 } }),
  },

  { name: 'an unknown operator', run: found({ a: { $foo: 1 } }), expect: fault(2) },
  { name: 'an unknown top-level operator', run: found({ $foo: 1 }), expect: fault(2) },
  { name: '$in without an array', run: found({ a: { $in: 1 } }), expect: fault(2) },
  { name: '$or that is empty', run: found({ $or: [] }), expect: fault(2) },
  { name: '$size below zero', run: found({ a: { $size: -1 } }), expect: fault(9) },
  {
    name: 'an invalid regular expression', run: found({ a: { $regex: '(' } }), expect: fault(2),
    otherServer: 'answers with its own code 51091',
  },
  {
    name: '$text without a text index', run: found({ $text: { $search: 'x' } }), expect: fault(27),
    otherServer: 'finds nothing instead',
  },
  {
    name: 'mixing inclusion and exclusion', docs: words, run: (c) => c.findOne({}, { projection: { a: 1, b: 0 } }),
    expect: fault(31254),
  },
  {
    name: 'a sort direction that is none', docs: words, run: (c, db) => db.command({ find: c.collectionName, sort: { a: 2 } }),
    expect: fault(15975),
  },
  { name: 'an unknown command', run: (_c, db) => db.command({ doesNotExist: 1 }), expect: fault(59) },
  {
    name: 'a cursor that is not there',
    run: (c, db) => db.command({ getMore: Long.fromNumber(123456), collection: c.collectionName }), expect: fault(43),
  },
  { name: 'a hint to no index', docs: words, run: (c) => c.find({ w: 'apple' }).hint('nothing').toArray(), expect: fault(2) },
  {
    name: 'a negative skip', docs: words, run: (c, db) => db.command({ find: c.collectionName, skip: -1 }), expect: fault(51024),
  },

  { name: 'types survive a round trip', expect: 'ildfobn', run: async (c) => {
    await c.insertOne(
      {
        _id: 1, i: 1, l: new Long(1), d: new Double(1), f: 1.5, o: new ObjectId('0123456789abcdef01234567'), b: new Int32(2),
        n: null,
      } as never
    );
    const [types] = await c.aggregate([{ $project: { _id: 0, i: { $type: '$i' }, l: { $type: '$l' }, d: { $type: '$d' },
      f: { $type: '$f' }, o: { $type: '$o' },
      b: { $type: '$b' }, n: { $type: '$n' } } }]).toArray();
    const wanted: Record<string, string> = { i: 'int', l: 'long', d: 'double', f: 'double', o: 'objectId', b: 'int', n: 'null' };
    return Object.entries(wanted).filter(([name, type]) => types?.[name] === type).map(([name]) => name).join('');
  } },
];

function rank(value: unknown): number {
  return value === null ? 1e9 : typeof value === 'string' ? 1e10 : Number(value);
}
