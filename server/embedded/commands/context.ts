import type { Catalog } from '../catalog.ts';
import type { Collection } from '../collection.ts';
import type { Cursors } from '../cursors.ts';
import { isDocument, toNumber } from '../model.ts';
import type { BsonDocument } from '../model.ts';
import { createScope } from '../expressions.ts';
import type { Scope } from '../expressions.ts';
import { MongoFault } from '../faults.ts';
import { typeName } from '../types.ts';

/** What every command works with. */
export interface CommandContext {
  catalog: Catalog;
  cursors: Cursors;
  db: string;
  connection: number;
  /** Runs a write; the promise settles when it is on disk. */
  write<T>(work: () => T): Promise<T>;
  statistics(): { startedAt: Date; connections: number; host: string; port: number };
}

/** Out: the reply without `ok`, or a whole encoded one. */
export type Command = (context: CommandContext, command: BsonDocument) => Promise<BsonDocument | Buffer> | BsonDocument | Buffer;

/** The collection a command names in its first field. Throws InvalidNamespace (73) or BadValue for what is no name. */
export function collectionName(command: BsonDocument, name: string): string {
  const value = command[name];
  if (typeof value !== 'string') {
    throw new MongoFault('InvalidNamespace', `collection name has invalid type ${typeName(value)}`);
  }
  if (value === '') throw new MongoFault('InvalidNamespace', "Invalid namespace specified with an empty collection name");
  return value;
}

export function scopeOf(command: BsonDocument): Scope {
  const variables = command['let'];
  if (variables === undefined) return createScope();
  if (!isDocument(variables)) throw new MongoFault('TypeMismatch', "BSON field 'let' is the wrong type, expected type 'object'");
  const outer = createScope();
  return createScope(
    Object.fromEntries(Object.keys(variables).map((name) => [name, outer.compile(variables[name])({}) ?? null]))
  );
}

/** A count such as limit or skip; undefined when absent. Throws for what is no whole number of at least `least`. */
export function wholeOption(command: BsonDocument, name: string, least = 0): number | undefined {
  const value = command[name];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'boolean' ? undefined : toNumber(value);
  if (number === undefined) {
    throw new MongoFault(
      'TypeMismatch', `BSON field '${name}' is the wrong type '${typeName(value)}', expected types '[long, int, decimal, double]'`
    );
  }
  if (number < least) {
    throw MongoFault.location(51024, `BSON field '${name}' value must be >= ${least}, actual value '${number}'`);
  }
  return Math.trunc(number);
}

/** Throws BadValue for a write concern that a standalone server cannot meet. */
export function checkWriteConcern(command: BsonDocument): void {
  const concern = command['writeConcern'];
  if (!isDocument(concern)) return;
  const w = toNumber(concern['w']);
  if (typeof concern['w'] !== 'string' && w !== undefined && w > 1) {
    throw new MongoFault('BadValue', "cannot use 'w' > 1 when a host is not replicated");
  }
}

/** One entry of writeErrors. */
export function writeError(index: number, error: MongoFault): BsonDocument {
  return { index, code: error.code, ...error.fields, errmsg: error.message };
}

/** A collection that must be there. Throws NamespaceNotFound (26). */
export function existing(context: CommandContext, name: string): Collection {
  const collection = context.catalog.find(context.db, name);
  if (!collection) throw new MongoFault('NamespaceNotFound', `ns does not exist: ${context.db}.${name}`);
  return collection;
}
