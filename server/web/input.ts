import { z } from 'zod';
import { BadInput, NotFound } from './errors.ts';

/** Reads what a form sent. Throws BadInput with the first fault; a form wrong in substance is the route's to show again (422). */
export function bodyOf<T>(schema: z.ZodType<T>, body: unknown): T {
  const read = schema.safeParse(body ?? {});
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new BadInput(`The form’s “${String(issue?.path[0] ?? 'fields')}” could not be read.`);
}

/** Reads parts of the path. Whatever cannot be an address of ours is not found. */
export function paramsOf<T>(schema: z.ZodType<T>, params: unknown): T {
  const read = schema.safeParse(params);
  if (!read.success) throw new NotFound();
  return read.data;
}

/** One id of ours as the stores make them. */
export const idSchema = z.string().regex(/^[0-9a-f]{24}$/);
export const withId = z.object({ id: idSchema });

/** A repeated field: absent, once, or many times. */
export function many<T extends z.ZodType>(item: T, most: number) {
  return z.preprocess((value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]), z.array(item).max(most));
}
