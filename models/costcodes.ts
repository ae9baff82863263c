import { Schema } from 'mongoose';
import { COLLECTION, exchange, JSON_TEXT, part, problem } from './parts.ts';

/**
 * One staged cost code. Beside the record itself it keeps what queries need: `hidden` (it is excluded), `nameKey` and `searchText`
 * (folded, since no collation is used) and `stamp` (which bulk write touched it last).
 */
export const costcodes = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    kind: String,
    linarcId: { type: String, required: true },
    raw: JSON_TEXT,
    source: { code: String, name: String, taskType: String, active: Boolean, divisionCode: String, divisionName: String },
    sourceHash: String,
    wanted: { name: String, parent: String, active: Boolean },
    wantedKey: String,
    level: Number,
    codeKey: String,
    sortKey: String,
    nameKey: String,
    searchText: String,
    status: String,
    problem,
    link: part({ id: String, syncToken: String, name: String, parentId: String, active: Boolean, how: String }),
    aliases: [String],
    syncedAt: Date,
    excluded: part({ by: String, byRule: Boolean, reason: String, at: Date }),
    hidden: Boolean,
    goneAt: Date,
    overwrite: String,
    accepted: part({ name: String, parentId: String, active: Boolean, instead: { name: String, parent: String, active: Boolean } }),
    run: part({ id: String, fence: Number, attempts: Number, look: Boolean, notBefore: Date, was: String, consent: [String] }),
    intent: part({ requestid: String, bId: String, operation: String, body: JSON_TEXT, contentHash: String, sentAt: Date }),
    settledIn: part({ run: String, outcome: String }),
    lastExchange: exchange,
    importedAt: Date,
    version: Number,
    stamp: String,
  },
  { ...COLLECTION, collection: 'costcodes' },
);

costcodes.index({ company: 1, linarcId: 1 }, { unique: true });
// One for each column a page can be sorted by; those on status, task type and active serve the filters and the counts as well.
costcodes.index({ company: 1, hidden: 1, sortKey: 1, _id: 1 });
costcodes.index({ company: 1, hidden: 1, nameKey: 1, sortKey: 1, _id: 1 });
costcodes.index({ company: 1, hidden: 1, 'source.taskType': 1, sortKey: 1, _id: 1 });
costcodes.index({ company: 1, hidden: 1, 'source.active': 1, sortKey: 1, _id: 1 });
costcodes.index({ company: 1, hidden: 1, status: 1, sortKey: 1, _id: 1 });
costcodes.index({ company: 1, hidden: 1, syncedAt: 1, sortKey: 1, _id: 1 });
costcodes.index({ company: 1, hidden: 1, 'problem.code': 1, status: 1 }, having('problem.code'));
costcodes.index({ company: 1, hidden: 1, 'source.divisionCode': 1, status: 1, 'source.divisionName': 1 });
costcodes.index({ company: 1, codeKey: 1 });
costcodes.index({ company: 1, wantedKey: 1 });
costcodes.index({ company: 1, 'link.id': 1 }, having('link.id'));
costcodes.index({ company: 1, 'run.id': 1, 'run.fence': 1, level: 1, sortKey: 1, _id: 1 }, having('run.id'));
costcodes.index({ company: 1, 'settledIn.run': 1, 'settledIn.outcome': 1 }, having('settledIn.run'));

/** Only records that have the field are in the index: a sync would write the others' keys and remove them again. */
function having(field: string): { partialFilterExpression: Record<string, { $exists: true }> } {
  return { partialFilterExpression: { [field]: { $exists: true } } };
}
