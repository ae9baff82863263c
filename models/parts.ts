import { Schema, type SchemaOptions } from 'mongoose';

/** What every collection shares: unknown fields throw, in documents and in filters, and indexes are created by the store at start. */
export const COLLECTION: SchemaOptions = {
  strict: 'throw',
  strictQuery: 'throw',
  autoIndex: false,
  autoCreate: false,
  bufferCommands: false,
  minimize: false,
  versionKey: false,
  id: false,
};

/** A nested document that may be null as a whole. */
export function part(fields: Record<string, unknown>): { type: Schema; default: null } {
  return { type: new Schema(fields, { _id: false, id: false, strict: 'throw', minimize: false }), default: null };
}

/** Text of JSON whose content is somebody else's: its keys may hold dots, dollars or any depth, which BSON documents may not. */
export const JSON_TEXT = { type: String, default: null };

const rawFault = { status: Number, code: String, message: String, detail: String, element: String, intuitTid: String };

/** Why something failed; the words live in the catalogue of problems. */
export const problem = part({ code: String, field: String, value: String, raw: part(rawFault) });

/** A person, or a rule that acted by itself. */
export const actor = part({ kind: String, userId: String, name: String, what: String });

/** A field with what it held and what it holds. */
export const fieldChange = new Schema({ field: String, from: String, to: String }, { _id: false, id: false, strict: 'throw' });

/** A request to QuickBooks and its answer. */
export const exchange = part({
  at: Date,
  operation: String,
  requestid: String,
  request: JSON_TEXT,
  response: JSON_TEXT,
  status: Number,
  intuitTid: String,
  took: Number,
});

/** A lease by the database's clock. */
export const lease = part({ owner: String, until: Date });
