import { Schema } from 'mongoose';
import { COLLECTION, JSON_TEXT } from './parts.ts';

/** One batch under way: what it asks of each record, from before it is sent until its answers are stored. `_id` is made of company and requestid. */
export const intents = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    run: String,
    requestid: String,
    fence: Number,
    items: JSON_TEXT,
  },
  { ...COLLECTION, collection: 'intents' },
);

intents.index({ company: 1, run: 1, fence: 1 });
