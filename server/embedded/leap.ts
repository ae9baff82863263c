import { recordOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { componentEnd, decodeKey, successor } from './keys.ts';
import type { IndexPlan } from './planner.ts';
import type { KeyRange } from './storage.ts';

/** All keys with the same values of the fields leapt over: their range, the first record, the values where keys tell them. */
export interface Stretch {
  record: number;
  range: KeyRange;
  values: unknown[] | undefined;
}

/** Do these paths come right after the fields the filter fixes, with nothing left to check? */
export function canLeap(plan: IndexPlan, paths: readonly string[]): boolean {
  const next = plan.index.fields.slice(plan.fixed, plan.fixed + paths.length);
  return plan.residual === undefined && !plan.index.multikey && !plan.index.truncated && paths.length > 0
    && paths.every((path) => next.some((indexField) => indexField.path === path));
}

/** Goes from one combination of values of the next `count` index fields to the following one; keys between are not read. */
export function* leap(collection: Collection, plan: IndexPlan, count: number): Generator<Stretch> {
  const fixed = plan.index.fields.slice(0, plan.fixed);
  const next = plan.index.fields.slice(plan.fixed, plan.fixed + count);
  const directions = next.map(({ direction }) => direction);
  for (const interval of plan.intervals) {
    let { start } = interval;
    for (;;) {
      const key = collection.storage.first({ start, end: interval.end });
      if (!key) break;
      const from = fixed.reduce((at, { direction }) => componentEnd(key, at, direction), 4);
      const to = next.reduce((at, { direction }) => componentEnd(key, at, direction), from);
      const after = successor(key.subarray(0, to));
      const end = after && Buffer.compare(after, interval.end) < 0 ? after : interval.end;
      yield { record: recordOf(key), range: { start, end }, values: decodeKey(key, from, directions) };
      start = end;
    }
  }
}
