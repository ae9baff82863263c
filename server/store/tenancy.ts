import type { Schema } from 'mongoose';

/** A programming error: a query that names no company would have reached into all of them. */
export class UnscopedQueryError extends Error {
  constructor(collection: string, operation: string) {
    super(`A ${operation} on ${collection} names no company.`);
    this.name = 'UnscopedQueryError';
  }
}

/** Set on the one query that is meant to look across companies. */
export const ACROSS_COMPANIES = 'acrossCompanies';

const QUERIES = [
  'countDocuments', 'deleteMany', 'deleteOne', 'distinct', 'estimatedDocumentCount', 'find', 'findOne', 'findOneAndDelete',
  'findOneAndReplace', 'findOneAndUpdate', 'replaceOne', 'updateMany', 'updateOne',
] as const;

type Filter = Readonly<Record<string, unknown>> | undefined;

/**
 * Makes every query, aggregation and bulk write of a schema throw UnscopedQueryError unless it fixes one of these fields
 * to a company (engineering.md §4.10). Plain strings and lists of strings do; an operator such as `$ne` does not.
 */
export function scopedBy(fields: readonly string[]): (schema: Schema, collection: string) => void {
  const isScoped = (filter: Filter) => filter !== undefined && fields.some((field) => fixes(filter[field]));

  return (schema, collection) => {
    schema.pre([...QUERIES], function () {
      const isMeant = this.getOptions()[ACROSS_COMPANIES] === true;
      if (!isMeant && !isScoped(this.getFilter())) throw new UnscopedQueryError(collection, 'query');
    });
    schema.pre('aggregate', function () {
      const first = this.pipeline()[0];
      if (!first || !('$match' in first) || !isScoped(first.$match)) throw new UnscopedQueryError(collection, 'aggregation');
    });
    schema.pre('bulkWrite', function (operations) {
      for (const operation of operations) {
        const parts: unknown[] = Object.values(operation);
        if (!parts.every((part) => isScoped(scopeOf(part)))) throw new UnscopedQueryError(collection, 'bulk write');
      }
    });
    schema.pre('insertMany', function (documents: unknown) {
      const given = Array.isArray(documents) ? documents : [documents];
      if (!given.every(isScoped)) throw new UnscopedQueryError(collection, 'insert');
    });
    schema.pre('save', function () {
      if (!isScoped(this.toObject())) throw new UnscopedQueryError(collection, 'save');
    });
  };
}

function scopeOf(part: unknown): Filter {
  if (part === null || typeof part !== 'object') return undefined;
  const given = part as { filter?: Filter; document?: Filter };
  return given.filter ?? given.document;
}

function fixes(value: unknown): boolean {
  if (typeof value === 'string') return value !== '';
  const list = value !== null && typeof value === 'object' && '$in' in value ? value.$in : null;
  return Array.isArray(list) && list.every((entry) => typeof entry === 'string' && entry !== '');
}
