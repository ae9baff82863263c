import { Schema } from 'mongoose';
import { actor, COLLECTION, exchange, fieldChange, problem } from './parts.ts';

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
    changes: [fieldChange],
    run: String,
    exchange,
    problem,
  },
  { ...COLLECTION, collection: 'history' },
);

history.index({ company: 1, record: 1, at: -1, _id: -1 });
history.index({ company: 1, run: 1, at: 1, _id: 1 });
