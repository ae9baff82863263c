import { mongo, type Connection, type Model, type Schema } from 'mongoose';
import { changes } from '../../models/changes.ts';
import { classes } from '../../models/classes.ts';
import { companies } from '../../models/companies.ts';
import { costcodes } from '../../models/costcodes.ts';
import { history } from '../../models/history.ts';
import { intents } from '../../models/intents.ts';
import { invitations } from '../../models/invitations.ts';
import { notices } from '../../models/notices.ts';
import { runs } from '../../models/runs.ts';
import { sheetparts, sheets } from '../../models/sheets.ts';
import { views } from '../../models/views.ts';
import { users } from '../../models/users.ts';
import { scopedBy } from './tenancy.ts';

const INDEX_NOT_FOUND = 27;

const byCompany = scopedBy(['company']);
/** A company's own document is found by its id, or by the digest of its realm, which is as unique. */
const byItself = scopedBy(['_id', 'realmHash']);

/** Compiles this schema for one connection, every query bound to a company. */
export function tenantModel<Document>(connection: Connection, schema: Schema): Model<Document> {
  const name = String(schema.get('collection'));
  const own = schema.clone();
  (name === 'companies' ? byItself : byCompany)(own, name);
  return connection.model<Document>(name, own);
}

/** Users belong to no company; their memberships say where they may go. */
export function userModel<Document>(connection: Connection): Model<Document> {
  return (connection.models['users'] as Model<Document> | undefined) ?? connection.model<Document>('users', users.clone());
}

export const SCHEMAS = { changes, classes, companies, costcodes, history, intents, invitations, notices, runs, sheetparts, sheets, users, views } as const;

/**
 * Brings the indexes to what the schemas declare: those of an earlier version that are declared no more, or otherwise, go; those that are
 * there already stay. Several processes may do it at once. Throws when the data contradicts a unique index.
 */
export async function ensureIndexes(connection: Connection): Promise<void> {
  for (const model of Object.values(connection.models)) {
    await model.createCollection();
    const { toDrop } = await model.diffIndexes();
    for (const name of toDrop) await model.collection.dropIndex(name).catch(unlessGone);
    await model.createIndexes();
  }
}

/** Another process dropped it first. */
function unlessGone(error: unknown): void {
  if (!(error instanceof mongo.MongoServerError) || error.code !== INDEX_NOT_FOUND) throw error;
}
