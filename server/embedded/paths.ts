import { field, isDocument, setField } from './model.ts';
import type { BsonDocument } from './model.ts';
import { MongoFault } from './faults.ts';

/** True for a path part that may be an array index. */
export function isIndex(part: string): boolean {
  return /^(0|[1-9]\d{0,6})$/.test(part);
}

/**
 * Query semantics of a dotted path: does any value found there pass? Arrays on the way are searched element by element (documents
 * only) and by position; with `expand` an array at the end is tested as a whole and then by element. A missing value is
 * undefined.
 */
export function anyAt(
  value: unknown, parts: readonly string[], at: number, expand: boolean, test: (value: unknown) => boolean,
): boolean {
  const part = parts[at];
  if (part === undefined) return test(value) || (expand && Array.isArray(value) && value.some(test));
  if (Array.isArray(value)) {
    const position = isIndex(part) ? Number(part) : -1;
    if (position >= 0 && position < value.length && anyAt(value[position], parts, at + 1, expand, test)) return true;
    return value.some((item) => isDocument(item) && anyAt(item, parts, at, expand, test));
  }
  if (isDocument(value)) return anyAt(field(value, part), parts, at + 1, expand, test);
  return test(undefined);
}

/**
 * Aggregation semantics of a field path: arrays map over their documents, positions are no fields. Out: undefined when missing.
 */
export function valueAt(value: unknown, parts: readonly string[], at = 0): unknown {
  const part = parts[at];
  if (part === undefined) return value;
  if (Array.isArray(value)) {
    return value.map((item) => (isDocument(item) || Array.isArray(item) ? valueAt(item, parts, at) : undefined))
      .filter((item) => item !== undefined);
  }
  return isDocument(value) ? valueAt(field(value, part), parts, at + 1) : undefined;
}

/** Sets the value at a path of plain documents, making those that are missing. */
export function setAt(target: BsonDocument, parts: readonly string[], value: unknown): void {
  let current = target;
  for (const part of parts.slice(0, -1)) {
    const next = field(current, part);
    if (isDocument(next)) current = next;
    else {
      const made: BsonDocument = {};
      setField(current, part, made);
      current = made;
    }
  }
  setField(current, parts.at(-1) ?? '', value);
}

/** Splits a dotted path. Throws EmptyFieldName (56) for a path with an empty part, as updates and indexes must have none. */
export function splitPath(path: string): string[] {
  const parts = path.split('.');
  if (parts.includes('')) {
    throw new MongoFault('EmptyFieldName', `The update path '${path}' contains an empty field name, which is not allowed.`);
  }
  return parts;
}
