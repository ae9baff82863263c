import { bareClassName, fold } from '../core/names.ts';
import type { BatchItem } from '../core/ports.ts';
import type { QuickBooksClass } from '../core/records.ts';

/** Whether a value is a plain object, whose members may be looked at. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads a class as QuickBooks sends it (quickbooks.md §2.1).
 * @returns null when it lacks an id, a SyncToken or a name: then nothing may be concluded from it.
 */
export function readClass(value: unknown): QuickBooksClass | null {
  if (!isObject(value)) return null;
  const id = digits(value['Id']);
  const syncToken = digits(value['SyncToken']);
  const name = value['Name'];
  if (id === null || syncToken === null || typeof name !== 'string' || name === '') return null;

  const { FullyQualifiedName: path, ParentRef: parent, MetaData: meta } = value;
  return {
    id,
    syncToken,
    name,
    fullyQualifiedName: typeof path === 'string' && path !== '' ? path : name,
    parentId: isObject(parent) ? digits(parent['value']) : null,
    active: value['Active'] !== false,
    createdAt: isObject(meta) ? time(meta['CreateTime']) : null,
    updatedAt: isObject(meta) ? time(meta['LastUpdatedTime']) : null,
  };
}

/** An item of a batch request (annex A3.3). */
export function batchItemRequest(item: BatchItem): Readonly<Record<string, unknown>> {
  return { bId: item.bId, operation: item.operation, Class: item.body };
}

/**
 * Whether a class answered for an item is the one the item wrote: the id of an update, and the name, compared as QuickBooks
 * compares names. An answer about something else proves nothing about the item.
 */
export function answersItem(given: QuickBooksClass, item: BatchItem): boolean {
  if (item.operation === 'update' && given.id !== item.body.Id) return false;
  return fold(bareClassName(given)) === fold(item.body.Name);
}

/** Whether a text can be an id of QuickBooks at all. */
export function isId(text: string): boolean {
  return /^\d{1,19}$/.test(text);
}

/** Ids are strings; a number is taken only when JavaScript has not rounded it (19 digits exist, quickbooks.md §2.1). */
function digits(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : null;
  return typeof value === 'string' && isId(value) ? value : null;
}

function time(value: unknown): Date | null {
  if (typeof value !== 'string') return null;
  const read = new Date(value);
  return Number.isNaN(read.getTime()) ? null : read;
}
