import { z } from 'zod';
import type { Selection } from '../core/selection.ts';
import { bodyOf, idSchema, many } from './input.ts';
import { EMPTY_QUERY, readSearch, searchOf } from './query.ts';

/** The most records a form can name one by one; Select All names none. */
const MOST = 4000;

/** A row as the page showed it. */
export const seenSchema = z.string().regex(/^[0-9a-f]{24}\.\d{1,9}$/).transform((text) => {
  const [id = '', version = ''] = text.split('.');
  return { id, version: Number(version) };
});

const schema = z.object({
  scope: z.enum(['ids', 'matching']).default('ids'),
  filter: z.string().max(2000).default(''),
  id: many(idSchema, MOST),
  except: many(idSchema, MOST),
  /** Every row the page showed: with Select All, a shown row that is not ticked is an exception. */
  seen: many(seenSchema, MOST),
});

/** What a form of the staging screen means by "the selected ones". */
export function selectionOf(body: unknown): Selection {
  const { scope, filter, id, except, seen } = bodyOf(schema, body);
  if (scope === 'ids') return { kind: 'ids', ids: [...new Set(id)] };
  const ticked = new Set(id);
  const unticked = seen.map(({ id: shown }) => shown).filter((shown) => !ticked.has(shown));
  return { kind: 'matching', filter: readSearch(filter).filter, except: [...new Set([...except, ...unticked])] };
}

/** The same selection as fields of the next form. */
export function fieldsOfSelection(selection: Selection): readonly (readonly [string, string])[] {
  if (selection.kind === 'ids') return [['scope', 'ids'], ...selection.ids.map((id) => ['id', id] as const)];
  const filter = searchOf({ ...EMPTY_QUERY, filter: selection.filter }).replace(/^\?/, '');
  return [['scope', 'matching'], ['filter', filter], ...selection.except.map((id) => ['except', id] as const)];
}

export function isEmptySelection(selection: Selection): boolean {
  return selection.kind === 'ids' && selection.ids.length === 0;
}
