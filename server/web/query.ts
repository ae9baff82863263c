import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from '../core/problems.ts';
import { RECORD_STATUSES } from '../core/records.ts';
import { SORT_COLUMNS, type RecordFilter, type RecordOrder } from '../core/selection.ts';

export const PAGE_SIZES = [50, 100, 250, 1000] as const;
const DEFAULT_SIZE = 100;

/** What the address of the staging screen says: filter, order, page. It can be shared and bookmarked. */
export interface StagingQuery {
  readonly filter: RecordFilter;
  readonly order: RecordOrder;
  /** Records before the first one shown. */
  readonly offset: number;
  readonly size: number;
  /** Every matching record is selected; how Select All works without script. */
  readonly selectAll: boolean;
}

export const EMPTY_QUERY: StagingQuery = {
  filter: {}, order: { by: 'code', direction: 'asc' }, offset: 0, size: DEFAULT_SIZE, selectAll: false,
};

export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(PROBLEMS, code);

/** An address typed or shared may be old or cut short: what cannot be read falls back to its default. */
const schema = z.object({
  q: z.string().transform((text) => text.trim().slice(0, 200)).catch(''),
  status: z.enum([...RECORD_STATUSES, 'excluded', '']).catch(''),
  type: z.string().max(100).catch(''),
  active: z.enum(['yes', 'no', '']).catch(''),
  division: z.string().max(100).catch(''),
  run: z.string().regex(/^([0-9a-f]{24})?$/).catch(''),
  problem: z.string().refine((code) => code === '' || isProblemCode(code)).catch(''),
  sort: z.enum(SORT_COLUMNS).catch('code'),
  dir: z.enum(['asc', 'desc']).catch('asc'),
  from: z.coerce.number().int().min(0).max(10_000_000).catch(0),
  size: z.coerce.number().refine((n) => PAGE_SIZES.some((size) => size === n)).catch(DEFAULT_SIZE),
  select: z.enum(['all', '']).catch(''),
});

export function readQuery(query: unknown): StagingQuery {
  const { q, status, type, active, division, run, problem, sort, dir, from, size, select } = schema.parse(query ?? {});
  return {
    filter: {
      ...(q !== '' && { search: q }),
      ...(status === 'excluded' ? { excluded: true } : status !== '' && { status }),
      ...(type !== '' && { taskType: type }),
      ...(active !== '' && { active: active === 'yes' }),
      ...(division !== '' && { division }),
      ...(run !== '' && { run }),
      ...(problem !== '' && { problem }),
    },
    order: { by: sort, direction: dir },
    offset: from,
    size,
    selectAll: select === 'all',
  };
}

/** The same, from the text of an address, as forms carry it. */
export function readSearch(search: string): StagingQuery {
  return readQuery(Object.fromEntries(new URLSearchParams(search)));
}

/** The fields of the address that differ from the default, in a fixed order. */
export function fieldsOf(query: StagingQuery): readonly (readonly [string, string])[] {
  const { filter, order, offset, size, selectAll } = query;
  const status = filter.excluded === true ? 'excluded' : filter.status ?? '';
  const fields: [string, string][] = [
    ['q', filter.search ?? ''],
    ['status', status],
    ['type', filter.taskType ?? ''],
    ['active', filter.active === undefined ? '' : filter.active ? 'yes' : 'no'],
    ['division', filter.division ?? ''],
    ['run', filter.run ?? ''],
    ['problem', filter.problem ?? ''],
    ['sort', order.by === 'code' ? '' : order.by],
    ['dir', order.direction === 'asc' ? '' : order.direction],
    ['from', offset === 0 ? '' : String(offset)],
    ['size', size === DEFAULT_SIZE ? '' : String(size)],
    ['select', selectAll ? 'all' : ''],
  ];
  return fields.filter(([, value]) => value !== '');
}

/** "?status=failed&sort=name", or nothing for the plain list. */
export function searchOf(query: StagingQuery): string {
  const fields = fieldsOf(query);
  return fields.length === 0 ? '' : `?${new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString()}`;
}

/** The filter alone: what Select All means, whatever the page and order. */
export function filterOnly(query: StagingQuery): StagingQuery {
  return { ...EMPTY_QUERY, filter: query.filter, order: query.order, size: query.size };
}

/** The query with another filter, back on its first page. */
export function withFilter(query: StagingQuery, filter: RecordFilter): StagingQuery {
  return { ...query, filter, offset: 0, selectAll: false };
}

/** `filter` without these of its fields. */
export function without(filter: RecordFilter, ...names: readonly (keyof RecordFilter)[]): RecordFilter {
  return Object.fromEntries(Object.entries(filter).filter(([name]) => !names.some((gone) => gone === name)));
}
