import { Schema } from 'mongoose';
import { COLLECTION } from './parts.ts';

/**
 * One change somebody told us of, `open` until it was followed up. `due`: when it may be taken up; in no index, since not every server can
 * look through one by its own clock.
 */
export const changes = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    teller: String,
    eventId: String,
    subject: String,
    kind: String,
    into: String,
    toldAt: Date,
    open: Boolean,
    due: Date,
    stamp: String,
    tries: { type: Number, default: 0 },
    settledAt: Date,
  },
  { ...COLLECTION, collection: 'changes' },
);

changes.index({ company: 1, teller: 1, open: 1, toldAt: 1 });
changes.index({ open: 1, toldAt: 1 });
// Longer than any sender repeats a delivery, so that it is known as settled when it comes again.
changes.index({ settledAt: 1 }, { expireAfterSeconds: 7 * 86_400 });
