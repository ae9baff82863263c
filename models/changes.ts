import { Schema } from 'mongoose';
import { COLLECTION } from './parts.ts';

/** One change somebody told us of. `due`: when it may be taken up; null once it was followed up, `settledAt` says when. */
export const changes = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    teller: String,
    eventId: String,
    subject: String,
    kind: String,
    toldAt: Date,
    due: Date,
    stamp: String,
    tries: { type: Number, default: 0 },
    settledAt: Date,
  },
  { ...COLLECTION, collection: 'changes' },
);

changes.index({ company: 1, teller: 1, due: 1 });
changes.index({ due: 1 });
// Longer than any sender repeats a delivery, so that it is known as settled when it comes again.
changes.index({ settledAt: 1 }, { expireAfterSeconds: 7 * 86_400 });
