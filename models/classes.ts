import { Schema } from 'mongoose';
import { COLLECTION } from './parts.ts';

/** What we last saw of one QuickBooks class. `order` is its SyncToken as a number; `seenAt` when QuickBooks last told of it. */
export const classes = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    classId: { type: String, required: true },
    syncToken: String,
    order: Number,
    name: String,
    fullyQualifiedName: String,
    foldedName: String,
    parentId: String,
    active: Boolean,
    createdAt: Date,
    updatedAt: Date,
    seenAt: Date,
  },
  { ...COLLECTION, collection: 'classes' },
);

// Not unique: while somebody renames classes in QuickBooks the mirror may hold a name twice.
classes.index({ company: 1, parentId: 1, foldedName: 1 });
// Few are inactive, so that counting those and all of them tells how many are active.
classes.index({ company: 1, active: 1 }, { partialFilterExpression: { active: false } });
// A search reads names in their order and ends with the page it shows.
classes.index({ company: 1, foldedName: 1, classId: 1 });
