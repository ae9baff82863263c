import { Schema } from 'mongoose';
import { COLLECTION } from './parts.ts';

/** A link into a company, found by the digest of its secret. `usedBy`: the one person who took it. */
export const invitations = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    digest: { type: String, required: true },
    role: String,
    email: { type: String, default: null },
    by: { userId: String, name: String },
    at: Date,
    expiresAt: Date,
    usedBy: { type: String, default: null },
    usedAt: { type: Date, default: null },
  },
  { ...COLLECTION, collection: 'invitations' },
);

invitations.index({ digest: 1 }, { unique: true });
invitations.index({ company: 1, usedBy: 1, expiresAt: 1 });
// Until then a link that is used or over can say so.
invitations.index({ expiresAt: 1 }, { expireAfterSeconds: 30 * 86_400 });
