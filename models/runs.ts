import { Schema } from 'mongoose';
import { actor, COLLECTION, lease, part, problem } from './parts.ts';

/** One push. `fence` is the highest fencing token its lease has had, and stays when the lease is given back. */
export const runs = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    state: String,
    active: Boolean,
    by: actor,
    asked: [String],
    taken: { type: Number, default: 0 },
    queuedAt: Date,
    startedAt: { type: Date, default: null },
    endedAt: { type: Date, default: null },
    total: { type: Number, default: 0 },
    counts: {
      created: { type: Number, default: 0 },
      updated: { type: Number, default: 0 },
      linked: { type: Number, default: 0 },
      unchanged: { type: Number, default: 0 },
      failed: { type: Number, default: 0 },
      needsAction: { type: Number, default: 0 },
      held: { type: Number, default: 0 },
      released: { type: Number, default: 0 },
    },
    batchesSent: { type: Number, default: 0 },
    callsSent: { type: Number, default: 0 },
    waiting: part({ problem, until: Date }),
    problem,
    fence: { type: Number, default: 0 },
    lease,
    windows: {
      requests: [Number],
      batches: [Number],
      closedUntil: { type: Number, default: 0 },
      lowered: part({ batches: Number, at: Number, every: Number }),
    },
  },
  { ...COLLECTION, collection: 'runs' },
);

// At most one active run per company: the database decides, whatever the processes believe.
runs.index({ company: 1 }, { unique: true, partialFilterExpression: { active: true } });
runs.index({ company: 1, queuedAt: -1, _id: -1 });
runs.index({ active: 1, queuedAt: 1 });
