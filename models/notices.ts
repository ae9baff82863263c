import { Schema } from 'mongoose';
import { COLLECTION, part, problem } from './parts.ts';

const standing = part({ bad: Boolean, toldAt: Date, told: Number, run: String, problem });

/**
 * What one company's people were last told, and the mail that is still to be sent. `hasMail`: whether there is any;
 * `mailDue`: when it may be tried, in no index for the reason `changes` gives.
 */
export const notices = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    version: Number,
    connection: standing,
    expiry: standing,
    runs: standing,
    action: standing,
    linarc: standing,
    mails: [new Schema({ id: String, subject: String, text: String }, { _id: false, id: false, strict: 'throw' })],
    hasMail: Boolean,
    mailDue: Date,
    mailTries: Number,
  },
  { ...COLLECTION, collection: 'notices' },
);

notices.index({ hasMail: 1 });
