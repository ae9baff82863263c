import { Schema } from 'mongoose';
import { COLLECTION } from './parts.ts';

/** One Intuit identity. `memberships`: company id → role. */
export const users = new Schema(
  {
    _id: String,
    sub: { type: String, required: true },
    email: String,
    name: String,
    memberships: { type: Map, of: String },
  },
  { ...COLLECTION, collection: 'users' },
);

users.index({ sub: 1 }, { unique: true });
