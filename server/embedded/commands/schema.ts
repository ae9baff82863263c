import { Binary } from 'bson';
import { collectionOf } from './names.ts';
import { encode } from '../document.ts';
import { isDocument, toNumber } from '../model.ts';
import type { BsonDocument } from '../model.ts';
import { createScope } from '../expressions.ts';
import { MongoFault, notImplemented } from '../faults.ts';
import { matches, parseFilter } from '../filter.ts';
import { parseIndex, refuseCollation, sameKey, sameOptions } from '../indexes.ts';
import type { Index, IndexDefinition } from '../indexes.ts';
import type { Collection } from '../collection.ts';
import { show } from '../show.ts';
import { collectionName, existing, wholeOption } from './context.ts';
import type { Command, CommandContext } from './context.ts';

export const createIndexes: Command = async (context, command) => {
  const name = collectionName(command, 'createIndexes');
  const specs = command['indexes'];
  if (!Array.isArray(specs)) {
    throw new MongoFault('TypeMismatch', "BSON field 'createIndexes.indexes' is the wrong type, expected type 'array'");
  }
  if (specs.length === 0) throw new MongoFault('BadValue', 'Must specify at least one index to create');
  const definitions = specs.map(parseIndex);
  const made: Index[] = [];
  const reply = await context.write(() => {
    const isNew = !context.catalog.find(context.db, name);
    const collection = context.catalog.ensure(context.db, name);
    const numIndexesBefore = collection.indexes.length;
    made.push(...makeIndexes(context, collection, definitions));
    context.catalog.saveTotals(collection);
    const answer = { numIndexesBefore, numIndexesAfter: collection.indexes.length, createdCollectionAutomatically: isNew };
    return made.length > 0 ? answer : { ...answer, note: 'all indexes already exist' };
  });
  for (const index of made) index.ready = true;
  return reply;
};

/** All of the indexes that are missing, or none: where one cannot be made those made before it are taken away again. */
function makeIndexes(context: CommandContext, collection: Collection, definitions: IndexDefinition[]): Index[] {
  const made: Index[] = [];
  try {
    for (const definition of definitions) {
      if (isMissing(collection, definition)) made.push(context.catalog.addIndex(collection, definition));
    }
    return made;
  } catch (error) {
    for (const index of made) context.catalog.dropIndex(collection, index);
    throw error;
  }
}

/** False when the same index is there already. Throws where one of its name or key differs: 85 and 86. */
function isMissing(collection: Collection, definition: IndexDefinition): boolean {
  if (definition.fields.length === 1 && definition.fields[0]?.path === '_id') return false;
  const named = collection.indexes.find((index) => index.name === definition.name);
  const keyed = collection.indexes.find((index) => sameKey(index, definition) && samePartial(index, definition));
  if (named && sameKey(named, definition) && sameOptions(named, definition)) return false;
  if (named && !sameKey(named, definition)) throw conflict('IndexKeySpecsConflict', definition, named);
  if (named) throw conflict('IndexKeySpecsConflict', definition, named);
  if (keyed && sameOptions(keyed, definition)) {
    throw new MongoFault('IndexOptionsConflict', `Index already exists with a different name: ${keyed.name}`);
  }
  if (keyed) {
    throw new MongoFault(
      'IndexOptionsConflict',
      `An equivalent index already exists with a different name and options. Requested index: ${show(definition.spec)}, `
        + `existing index: ${show(keyed.spec)}`
    );
  }
  return true;
}

/** Partial indexes on one key may stand side by side when their expressions differ. */
function samePartial(a: IndexDefinition, b: IndexDefinition): boolean {
  const text = (index: IndexDefinition): string => show(index.spec['partialFilterExpression']);
  return text(a) === text(b);
}

function conflict(
  code: 'IndexKeySpecsConflict' | 'IndexOptionsConflict', wanted: IndexDefinition, present: IndexDefinition
): MongoFault {
  return new MongoFault(code, 'An existing index has the same name as the requested index. When index names are not '
    + 'specified, they are auto generated and can cause conflicts. Please refer to our documentation. '
    + `Requested index: ${show(wanted.spec)}, existing index: ${show(present.spec)}`);
}

function listReply(context: CommandContext, namespace: string, documents: BsonDocument[], command: BsonDocument): Buffer {
  const options = isDocument(command['cursor']) ? command['cursor'] : {};
  return context.cursors.open(documents.map((document) => encode(document)).values(), {
    namespace, batchSize: wholeOption(options, 'batchSize'), singleBatch: false, noTimeout: false, connection: context.connection,
  });
}

export const listIndexes: Command = (context, command) => {
  const name = collectionName(command, 'listIndexes');
  const collection = existing(context, name);
  return listReply(
    context, collection.namespace, collection.indexes.filter(({ ready }) => ready).map(({ spec }) => spec), command
  );
};

export const dropIndexes: Command = (context, command) => {
  const collection = existing(context, collectionName(command, 'dropIndexes' in command ? 'dropIndexes' : 'deleteIndexes'));
  const nIndexesWas = collection.indexes.length;
  const doomed = indexesNamed(collection, command['index']);
  return context.write(() => {
    for (const index of doomed) context.catalog.dropIndex(collection, index);
    return command['index'] === '*' ? { nIndexesWas, msg: 'non-_id indexes dropped for collection' } : { nIndexesWas };
  });
};

function indexesNamed(collection: Collection, named: unknown): Index[] {
  if (named === '*') return collection.indexes.filter(({ name }) => name !== '_id_');
  if (Array.isArray(named)) return named.flatMap((name) => indexesNamed(collection, name));
  const found = collection.indexes.find(
    (index) => (isDocument(named) ? show(index.spec['key']) === show(named) : index.name === named)
  );
  if (!found) {
    throw new MongoFault(
      'IndexNotFound',
      isDocument(named) ? `can't find index with key: ${show(named)}` : `index not found with name [${String(named)}]`
    );
  }
  if (found.name === '_id_') throw new MongoFault('InvalidOptions', 'cannot drop _id index');
  return [found];
}

const CREATE_OPTIONS = new Set(['validator', 'validationLevel', 'validationAction', 'capped', 'timeseries', 'viewOn',
  'clusteredIndex', 'changeStreamPreAndPostImages', 'encryptedFields', 'expireAfterSeconds']);

export const create: Command = (context, command) => {
  const name = collectionName(command, 'create');
  refuseCollation(command['collation']);
  for (const option of Object.keys(command)) {
    const value = command[option];
    const empty = value === false || (isDocument(value) && Object.keys(value).length === 0);
    if (CREATE_OPTIONS.has(option) && !empty) throw notImplemented(`create with ${option}`);
  }
  if (context.catalog.find(context.db, name)) {
    throw new MongoFault('NamespaceExists', `Collection ${context.db}.${name} already exists.`);
  }
  return context.write(() => {
    context.catalog.saveTotals(context.catalog.ensure(context.db, name));
    return {};
  });
};

export const drop: Command = (context, command) => {
  const name = collectionName(command, 'drop');
  return context.write(() => {
    const collection = context.catalog.find(context.db, name);
    if (!collection) return {};
    const nIndexesWas = collection.indexes.length;
    context.catalog.drop(collection);
    return { nIndexesWas, ns: collection.namespace };
  });
};

export const dropDatabase: Command = (context) => context.write(() => {
  const collections = context.catalog.of(context.db);
  for (const collection of collections) context.catalog.drop(collection);
  return collections.length > 0 ? { dropped: context.db } : {};
});

export const renameCollection: Command = (context, command) => {
  const [from, to] = [collectionOf(command['renameCollection']), collectionOf(command['to'])];
  return context.write(() => {
    const collection = context.catalog.find(from.db, from.name);
    if (!collection) throw new MongoFault('NamespaceNotFound', `Source collection ${from.db}.${from.name} does not exist`);
    const target = context.catalog.find(to.db, to.name);
    if (target && command['dropTarget'] !== true) throw new MongoFault('NamespaceExists', 'target namespace exists');
    if (target) context.catalog.drop(target);
    context.catalog.rename(collection, to.db, to.name);
    return {};
  });
};

export const listCollections: Command = (context, command) => {
  const filter = parseFilter(command['filter'] ?? {}, createScope());
  const documents = context.catalog.of(context.db).map((collection): BsonDocument => {
    const { name, uuid, options } = collection.state;
    if (command['nameOnly'] === true) return { name, type: 'collection' };
    return {
      name, type: 'collection', options, info: { readOnly: false, uuid: new Binary(uuid, 4) },
      idIndex: { v: 2, key: { _id: 1 }, name: '_id_' },
    };
  });
  return listReply(
    context, `${context.db}.$cmd.listCollections`, documents.filter((document) => matches(filter, document)), command
  );
};

export const listDatabases: Command = (context, command) => {
  const filter = parseFilter(command['filter'] ?? {}, createScope());
  const databases = context.catalog.databases().map((name): BsonDocument => {
    const sizeOnDisk = context.catalog.of(name).reduce((sum, { bytes }) => sum + bytes, 0);
    return { name, sizeOnDisk, empty: context.catalog.of(name).every(({ count }) => count === 0) };
  }).filter((document) => matches(filter, document));
  if (command['nameOnly'] === true) return { databases: databases.map(({ name }) => ({ name })) };
  const totalSize = databases.reduce((sum, { sizeOnDisk }) => sum + Number(sizeOnDisk), 0);
  return { databases, totalSize, totalSizeMb: Math.floor(totalSize / 1048576) };
};

export const collStats: Command = (context, command) => {
  const name = collectionName(command, 'collStats' in command ? 'collStats' : 'collstats');
  const collection = context.catalog.find(context.db, name);
  const scale = toNumber(command['scale']) ?? 1;
  const size = Math.floor((collection?.bytes ?? 0) / scale);
  const count = collection?.count ?? 0;
  return {
    ns: `${context.db}.${name}`, size, count, storageSize: size,
    avgObjSize: count > 0 ? Math.floor((collection?.bytes ?? 0) / count) : 0,
    nindexes: collection?.indexes.length ?? 0, totalIndexSize: 0, indexSizes: {}, capped: false, scaleFactor: scale,
  };
};

export const dbStats: Command = (context) => {
  const collections = context.catalog.of(context.db);
  return {
    db: context.db, collections: collections.length, views: 0,
    objects: collections.reduce((sum, { count }) => sum + count, 0),
    dataSize: collections.reduce((sum, { bytes }) => sum + bytes, 0),
    indexes: collections.reduce((sum, { indexes }) => sum + indexes.length, 0),
  };
};
