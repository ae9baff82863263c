import { Schema } from 'mongoose';
import { actor, COLLECTION, exchange, problem } from './parts.ts';

/** One fact about a record. `_id` is made of the company and the fact's own id, so that storing it twice leaves one. */
export const history = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    factId: String,
    record: String,
    at: Date,
    by: actor,
    kind: String,
    changes: [new Schema({ field: String, from: String, to: String }, { _id: false, id: false, strict: 'throw' })],
    run: String,
    exchange,
    problem,
  },
  { ...COLLECTION, collection: 'history' },
);

history.index({ company: 1, record: 1, at: -1, _id: -1 });
