import { Schema } from 'mongoose';
import { COLLECTION, JSON_TEXT, problem } from './parts.ts';

/** One import of a spreadsheet. */
export const sheets = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    fileName: String,
    takeNumbers: Boolean,
    by: String,
    at: Date,
    endedAt: { type: Date, default: null },
    state: String,
    problem,
    sheet: { type: String, default: null },
    generation: String,
    headerRow: Number,
    headers: [String],
    fields: [String],
    total: Number,
    counts: { added: Number, changed: Number, unchanged: Number, needs_action: Number, not_staged: Number },
  },
  { ...COLLECTION, collection: 'sheets' },
);

sheets.index({ company: 1, at: -1, _id: -1 });

/** Some rows of a spreadsheet in their order, up to row number `last`: as they were read, and what became of them. */
export const sheetparts = new Schema(
  {
    _id: String,
    company: { type: String, required: true },
    sheet: String,
    part: Number,
    last: Number,
    /** The outcomes among its rows. */
    outcomes: [String],
    rows: JSON_TEXT,
    results: JSON_TEXT,
  },
  { ...COLLECTION, collection: 'sheetparts' },
);

sheetparts.index({ company: 1, sheet: 1, part: 1 });
