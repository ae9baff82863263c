import type { Collection } from '../collection.ts';
import { decode, decodeFields, encode, encodeChanged, MAX_DOCUMENT_BYTES, withIdFirst } from '../document.ts';
import { field, isDocument, toNumber } from '../model.ts';
import type { BsonDocument } from '../model.ts';
import type { Scope } from '../expressions.ts';
import { asFault, MongoFault } from '../faults.ts';
import { addFieldsOf, idsOf, matches, parseFilter } from '../filter.ts';
import type { Filter } from '../filter.ts';
import { refuseCollation } from '../indexes.ts';
import type { Index } from '../indexes.ts';
import { choosePlan, parseSort } from '../planner.ts';
import type { SortField } from '../planner.ts';
import { parseProjection } from '../projection.ts';
import { records, search } from '../scan.ts';
import { typeName } from '../types.ts';
import { isReplacement, parseUpdate, upsertDocument, upsertSeed } from '../update.ts';
import type { Update } from '../update.ts';
import { checkWriteConcern, collectionName, scopeOf, writeError } from './context.ts';
import type { Command, CommandContext } from './context.ts';

const MOST_STATEMENTS = 100_000;

function statements(command: BsonDocument, name: string): unknown[] {
  const list = command[name];
  if (!Array.isArray(list)) {
    throw new MongoFault('MissingField', `BSON field '${Object.keys(command)[0]}.${name}' is missing but a required field`);
  }
  if (list.length === 0 || list.length > MOST_STATEMENTS) {
    throw new MongoFault(
      'InvalidLength', `Write batch sizes must be between 1 and ${MOST_STATEMENTS}. Got ${list.length} operations.`
    );
  }
  checkWriteConcern(command);
  return list;
}

/** Runs statements in order; a failing one is reported by its place and, when ordered, ends the rest. */
function eachStatement(list: unknown[], ordered: boolean, run: (statement: unknown, index: number) => void): BsonDocument[] {
  const errors: BsonDocument[] = [];
  for (const [index, statement] of list.entries()) {
    try {
      run(statement, index);
    } catch (error) {
      errors.push(writeError(index, asFault(error)));
      if (ordered) break;
    }
  }
  return errors;
}

function withErrors(reply: BsonDocument, errors: BsonDocument[]): BsonDocument {
  return errors.length > 0 ? { ...reply, writeErrors: errors } : reply;
}

export const insert: Command = (context, command) => {
  const name = collectionName(command, 'insert');
  const documents = statements(command, 'documents');
  return context.write(() => {
    const collection = context.catalog.ensure(context.db, name);
    let n = 0;
    const errors = eachStatement(documents, command['ordered'] !== false, (raw) => {
      insertRaw(collection, Buffer.isBuffer(raw) ? raw : encode(raw as BsonDocument));
      n++;
    });
    context.catalog.saveTotals(collection);
    return withErrors({ n }, errors);
  });
};

function insertRaw(collection: Collection, given: Buffer): void {
  // The bytes belong to the message's buffer; storing copies them.
  const raw = withIdFirst(given);
  if (raw.length > MAX_DOCUMENT_BYTES) {
    throw new MongoFault(
      'BSONObjectTooLarge', `object to insert too large. size in bytes: ${raw.length}, max size: ${MAX_DOCUMENT_BYTES}`
    );
  }
  const document = decode(raw);
  checkId(document['_id']);
  collection.insert(raw, document);
}

function checkId(id: unknown): void {
  const type = typeName(id);
  if (type === 'array' || type === 'regex' || type === 'undefined') {
    throw new MongoFault('InvalidIdField', `The '_id' value cannot be of type ${type}`);
  }
  const operator = isDocument(id) ? Object.keys(id).find((name) => name.startsWith('$')) : undefined;
  if (operator !== undefined) {
    throw new MongoFault(
      'DollarPrefixedFieldName', `_id fields may not contain '$'-prefixed fields: ${operator} is not valid for storage.`
    );
  }
}

/** A parsed update with its filter: of an update statement or of findAndModify. */
interface Change {
  filter: Filter;
  update: Update;
  replacing: boolean;
  upsert: boolean;
  sort: SortField[];
  hint: unknown;
  scope: Scope;
}

/** What an update goes to; there may be no such collection yet. */
interface Target {
  context: CommandContext;
  name: string;
  collection: Collection | undefined;
}

interface Changed {
  before: BsonDocument | undefined;
  after: BsonDocument | undefined;
  modified: boolean;
  upserted: boolean;
}

export const update: Command = (context, command) => {
  const name = collectionName(command, 'update');
  const list = statements(command, 'updates');
  const scope = scopeOf(command);
  return context.write(() => {
    const reply = { n: 0, nModified: 0 };
    const upserted: BsonDocument[] = [];
    let collection = context.catalog.find(context.db, name);
    const errors = eachStatement(list, command['ordered'] !== false, (statement, index) => {
      // The first upsert makes it.
      collection ??= context.catalog.find(context.db, name);
      for (const changed of updateStatement({ context, name, collection }, statement as BsonDocument, scope)) {
        reply.n++;
        if (changed.upserted) upserted.push({ index, _id: field(changed.after ?? {}, '_id') });
        else if (changed.modified) reply.nModified++;
      }
    });
    collection ??= context.catalog.find(context.db, name);
    if (collection) context.catalog.saveTotals(collection);
    return withErrors(upserted.length > 0 ? { n: reply.n, upserted, nModified: reply.nModified } : { ...reply }, errors);
  });
};

function updateStatement(target: Target, statement: BsonDocument, outer: Scope): Iterable<Changed> {
  refuseCollation(statement['collation']);
  const scope = isDocument(statement['c']) ? outer.with(statement['c']) : outer;
  const multi = statement['multi'] === true;
  if (multi && isReplacement(statement['u'])) {
    throw new MongoFault('FailedToParse', 'multi update is not supported for replacement-style update');
  }
  if (multi && statement['sort'] !== undefined) throw new MongoFault('FailedToParse', 'Cannot specify sort with multi=true');
  const change: Change = {
    filter: parseFilter(statement['q'], scope), update: parseUpdate(statement['u'], statement['arrayFilters'], scope),
    replacing: isReplacement(statement['u']), upsert: statement['upsert'] === true, sort: parseSort(statement['sort']),
    hint: statement['hint'], scope,
  };
  return multi ? updateMany(target, change) : updateFirst(target, change);
}

/** Of the documents changed, what the update does not look at may be left out; not so with `whole`. */
function updateFirst(target: Target, change: Change, whole = false): Changed[] {
  const { collection } = target;
  const ids = change.sort.length === 0 && change.hint === undefined ? idsOf(change.filter) : undefined;
  const named = ids?.length === 1 ? collection?.byId(ids[0]) : undefined;
  if (collection && named) {
    const reading = whole ? WHOLE : readingOf(collection, change);
    const document = reading.decode(named.raw);
    if (matches(change.filter, document)) return [apply(collection, named.record, named.raw, document, change, reading.indexes)];
  } else if (named === undefined) {
    for (const found of search(collection, { filter: change.filter, sort: change.sort, skip: 0, limit: 1, hint: change.hint })) {
      return [apply(collection!, found.record, found.raw, found.document ?? decode(found.raw), change)];
    }
  }
  return change.upsert ? [upsert(target, change, named === null)] : [];
}

/** How documents are read for a change: in part where that is enough for the filter, the update, and the indexes it concerns. */
interface Reading {
  decode(raw: Buffer): BsonDocument;
  /** Undefined where the whole document is read, and may change. */
  indexes: readonly Index[] | undefined;
}

const WHOLE: Reading = { decode, indexes: undefined };

function readingOf(collection: Collection, { filter, update: { fields } }: Change): Reading {
  const asked = new Set<string>();
  if (!fields || !addFieldsOf(filter, asked)) return WHOLE;
  const concern = collection.concern(fields);
  return { decode: (raw) => decodeFields(raw, concern.fields, asked), indexes: concern.indexes };
}

/** The records are collected first, so that a document moved in an index is not met twice. */
function* updateMany(target: Target, change: Change): Generator<Changed> {
  const { collection } = target;
  let met = 0;
  if (collection) {
    const reading = readingOf(collection, change);
    for (const record of matching(collection, change.filter, change.hint)) {
      const raw = collection.raw(record);
      const document = raw && reading.decode(raw);
      if (!raw || !document || !matches(change.filter, document)) continue;
      met++;
      yield apply(collection, record, raw, document, change, reading.indexes);
    }
  }
  if (met === 0 && change.upsert) yield upsert(target, change);
}

function matching(collection: Collection, filter: Filter, hint: unknown): number[] {
  const named = hint === undefined ? idsOf(filter)?.map((id) => collection.byId(id)) : undefined;
  if (named && !named.includes(undefined)) return [...new Set(named.flatMap((found) => found?.record ?? []))];
  const { plan } = choosePlan(collection, { filter, sort: [], limit: 0, hint });
  return [...records(collection, plan, { keys: 0, documents: 0 }, 0, 0)];
}

/** With `indexes`, the document may be given in part, and no other index is concerned. */
function apply(
  collection: Collection, record: number, raw: Buffer, before: BsonDocument, change: Change, indexes?: readonly Index[],
): Changed {
  const { update: { fields }, filter, scope } = change;
  const after = change.update.apply(before, { filter, scope, inserting: false });
  const encoded = fields ? encodeChanged(raw, fields, after) : encode(after);
  const modified = !encoded.equals(raw);
  if (modified) collection.replace(record, { document: before, bytes: raw.length }, { document: after, raw: encoded }, indexes);
  return { before, after, modified, upserted: false };
}

/** With `idIsFree` the filter names an `_id` that no document has. */
function upsert({ context, name }: Target, change: Change, idIsFree = false): Changed {
  const seed = upsertSeed(change.filter, change.replacing);
  const after = upsertDocument(change.update, seed, { filter: change.filter, scope: change.scope, inserting: true });
  checkId(after['_id']);
  const collection = context.catalog.ensure(context.db, name);
  collection.insert(encode(after), after, idIsFree);
  return { before: undefined, after, modified: false, upserted: true };
}

export const remove: Command = (context, command) => {
  const name = collectionName(command, 'delete');
  const list = statements(command, 'deletes');
  const scope = scopeOf(command);
  return context.write(() => {
    const collection = context.catalog.find(context.db, name);
    let n = 0;
    const errors = eachStatement(list, command['ordered'] !== false, (statement) => {
      n += deleteStatement(collection, statement as BsonDocument, scope);
    });
    if (collection) context.catalog.saveTotals(collection);
    return withErrors({ n }, errors);
  });
};

function deleteStatement(collection: Collection | undefined, statement: BsonDocument, scope: Scope): number {
  refuseCollation(statement['collation']);
  const limit = toNumber(statement['limit']);
  if (limit !== 0 && limit !== 1) {
    throw new MongoFault('FailedToParse', `The limit field in delete objects must be 0 or 1. Got ${String(statement['limit'])}`);
  }
  const filter = parseFilter(statement['q'], scope);
  if (!collection) return 0;
  return limit === 1 ? deleteFirst(collection, filter, statement['hint']) : deleteAll(collection, filter, statement['hint']);
}

function deleteFirst(collection: Collection, filter: Filter, hint: unknown): number {
  for (const { record, raw, document } of search(collection, { filter, sort: [], skip: 0, limit: 1, hint })) {
    collection.remove(record, document ?? decode(raw), raw.length);
    return 1;
  }
  return 0;
}

/** Deletes every match; also what the TTL monitor calls. Only inside a write. */
export function deleteAll(collection: Collection, filter: Filter, hint: unknown, most = Number.POSITIVE_INFINITY): number {
  let n = 0;
  for (const record of matching(collection, filter, hint)) {
    const raw = collection.raw(record);
    const document = raw && decode(raw);
    if (!raw || !document || !matches(filter, document)) continue;
    collection.remove(record, document, raw.length);
    if (++n >= most) break;
  }
  return n;
}

export const findAndModify: Command = (context, command) => {
  const name = collectionName(command, 'findAndModify' in command ? 'findAndModify' : 'findandmodify');
  checkWriteConcern(command);
  refuseCollation(command['collation']);
  const removing = command['remove'] === true;
  const after = command['new'] === true;
  const upserting = command['upsert'] === true;
  if (removing === (command['update'] !== undefined)) {
    throw new MongoFault(
      'FailedToParse',
      removing ? 'Cannot specify both an update and remove=true' : 'Either an update or remove=true must be specified'
    );
  }
  if (removing && upserting) throw new MongoFault('FailedToParse', 'Cannot specify both upsert=true and remove=true ');
  if (removing && after) {
    throw new MongoFault(
      'FailedToParse', "Cannot specify both new=true and remove=true; 'remove' always returns the deleted document"
    );
  }
  const scope = scopeOf(command);
  const filter = parseFilter(command['query'] ?? {}, scope);
  const project = parseProjection(command['fields'], scope, filter) ?? ((document: BsonDocument) => document);
  const sort = parseSort(command['sort']);
  const change: Change | undefined = removing ? undefined : {
    filter, update: parseUpdate(command['update'], command['arrayFilters'], scope), replacing: isReplacement(command['update']),
    upsert: upserting, sort, hint: command['hint'], scope,
  };
  return context.write(() => {
    const reply = change ? modifyOne(context, name, change, after, project) : removeOne(
      context, name, filter, sort, command['hint'], project
    );
    const collection = context.catalog.find(context.db, name);
    if (collection) context.catalog.saveTotals(collection);
    return reply;
  });
};

function modifyOne(
  context: CommandContext, name: string, change: Change, after: boolean, project: (document: BsonDocument) => BsonDocument
): BsonDocument {
  const [changed] = updateFirst({ context, name, collection: context.catalog.find(context.db, name) }, change, true);
  if (!changed) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null };
  const chosen = after ? changed.after : changed.before;
  const lastErrorObject: BsonDocument = { n: 1, updatedExisting: !changed.upserted };
  if (changed.upserted) lastErrorObject['upserted'] = field(changed.after ?? {}, '_id');
  return { lastErrorObject, value: chosen ? project(chosen) : null };
}

function removeOne(
  context: CommandContext, name: string, filter: Filter, sort: SortField[], hint: unknown,
  project: (document: BsonDocument) => BsonDocument,
): BsonDocument {
  const collection = context.catalog.find(context.db, name);
  for (const { record, raw, document } of search(collection, { filter, sort, skip: 0, limit: 1, hint })) {
    const found = document ?? decode(raw);
    collection?.remove(record, found, raw.length);
    return { lastErrorObject: { n: 1 }, value: project(found) };
  }
  return { lastErrorObject: { n: 0 }, value: null };
}

