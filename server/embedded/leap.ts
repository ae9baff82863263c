import type { Collection } from './collection.ts';
import { componentEnd, decodeKey, recordOf, successor } from './keys.ts';
import type { IndexPlan } from './planner.ts';
import type { KeyRange } from './storage.ts';

/** All keys with the same values of some paths: their range, the first record, the values where keys tell them. */
export interface Stretch {
  record: number;
  range: KeyRange;
  values: unknown[] | undefined;
}

/** How many of the index's leading fields hold these paths: those the filter gives as points and the ones right after them. */
function reach(plan: IndexPlan, paths: readonly string[]): number | undefined {
  const points = plan.index.fields.slice(0, plan.points);
  const others = paths.filter((path) => !points.some((indexField) => indexField.path === path));
  const next = plan.index.fields.slice(plan.points, plan.points + others.length);
  return others.every((path) => next.some((indexField) => indexField.path === path)) ? plan.points + others.length : undefined;
}

/** Can the values of these paths be told by leaps, with nothing left to check? */
export function canLeap(plan: IndexPlan, paths: readonly string[]): boolean {
  return plan.residual === undefined && !plan.index.multikey && !plan.index.truncated && paths.length > 0
    && reach(plan, paths) !== undefined;
}

/** Goes from one combination of values of these paths to the following one, in each of the plan's ranges; keys between are not read. */
export function* leap(collection: Collection, plan: IndexPlan, paths: readonly string[]): Generator<Stretch> {
  const leading = plan.index.fields.slice(0, reach(plan, paths));
  const directions = leading.map(({ direction }) => direction);
  const at = paths.map((path) => leading.findIndex((indexField) => indexField.path === path));
  for (const interval of plan.intervals) {
    let { start } = interval;
    for (;;) {
      const key = collection.storage.first({ start, end: interval.end });
      if (!key) break;
      const to = directions.reduce((from, direction) => componentEnd(key, from, direction), 4);
      const after = successor(key.subarray(0, to));
      const end = after && Buffer.compare(after, interval.end) < 0 ? after : interval.end;
      const values = decodeKey(key, 4, directions);
      yield { record: recordOf(key), range: { start, end }, values: values && at.map((place) => values[place]) };
      start = end;
    }
  }
}
