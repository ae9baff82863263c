import { Schema } from 'mongoose';
import { COLLECTION } from './parts.ts';

/**
 * One Intuit identity. `memberships`: company id → role; `decided`: company id → the number of the decision that made it so (see
 * `team` of a company). `unmailed`: companies whose notices the person does not want by e-mail.
 */
export const users = new Schema(
  {
    _id: String,
    sub: { type: String, required: true },
    email: String,
    name: String,
    memberships: { type: Map, of: String },
    decided: { type: Map, of: Number },
    unmailed: [String],
    lastOpened: String,
  },
  { ...COLLECTION, collection: 'users' },
);

users.index({ sub: 1 }, { unique: true });
