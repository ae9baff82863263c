import { Schema } from 'mongoose';
import { COLLECTION } from './parts.ts';

/** A view of the staging screen that a person saved. `nameKey` is its name, folded; `search` is the address behind the screen's path. */
export const views = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    user: { type: String, required: true },
    name: String,
    nameKey: String,
    search: String,
  },
  { ...COLLECTION, collection: 'views' },
);

views.index({ company: 1, user: 1, nameKey: 1 }, { unique: true });
