import mongoose from 'mongoose';

export type Collection = mongoose.mongo.Collection<Record<string, unknown>>;
export type Plain = Record<string, unknown>;

/** One operation with the outcome MongoDB documents for it. */
export interface Case {
  name: string;
  /** What the collection holds before. */
  docs?: Plain[];
  run: (collection: Collection, db: mongoose.mongo.Db) => Promise<unknown>;
  /** MongoDB's documented outcome: a value, or `fault(code)`. */
  expect: unknown;
  /** Where the server behind MONGODB_URI is known to deviate: its outcome is then not compared. Says why. */
  otherServer?: string;
}

export const { BSON } = mongoose.mongo;
export const { ObjectId, Long, Double, Int32, Decimal128, Binary, Timestamp, MinKey, MaxKey, BSONRegExp } = mongoose.mongo;

/** The outcome of an operation that fails with this code. */
export function fault(code: number): Plain {
  return { failed: code };
}

/** Runs an operation; a MongoDB error becomes its code, any value a form that shows BSON types and field order. */
export async function outcome(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return canonical(await run());
  } catch (error) {
    const code: unknown = (error as { code?: unknown }).code;
    if (typeof code !== 'number') throw error;
    return { failed: code };
  }
}

/** A value as text, BSON types and the order of fields included. */
export function canonical(value: unknown): unknown {
  return value === undefined ? undefined : BSON.EJSON.stringify(value, { relaxed: true });
}

/** Ids and values of documents in the order they came. */
export function ids(documents: Plain[]): unknown[] {
  return documents.map((document) => document['_id']);
}

/** The usual finder: ids of what a filter matches, sorted by id. */
export function found(filter: Plain): Case['run'] {
  return async (collection) => ids(await collection.find(filter).sort({ _id: 1 }).toArray());
}

/** The document after an update of the one with `_id: 1`. */
export function updated(update: Plain | Plain[], filter: Plain = { _id: 1 }, options: Plain = {}): Case['run'] {
  return async (collection) => {
    await collection.updateOne(filter as never, update as never, options as never);
    return collection.findOne({ _id: 1 } as never);
  };
}

/** The documents of a pipeline. */
export function piped(...pipeline: Plain[]): Case['run'] {
  return (collection) => collection.aggregate(pipeline).toArray();
}
