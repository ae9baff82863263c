import type { RecordFilter, RecordOrder, Selection, SortColumn } from '../core/selection.ts';
import type { Tenant } from '../core/records.ts';
import { fold } from '../core/names.ts';
import { CHUNK, chunks, literally, type Filter } from './documents.ts';

/** The query for what the screen's filter says. Excluded records are a view of their own: shown alone, or not at all. */
export function matching(company: Tenant, filter: RecordFilter): Filter {
  const query: Filter = { company, hidden: filter.excluded === true };
  if (filter.status !== undefined) query['status'] = filter.status;
  if (filter.taskType !== undefined) query['source.taskType'] = filter.taskType;
  if (filter.active !== undefined) query['source.active'] = filter.active;
  if (filter.problem !== undefined) query['problem.code'] = filter.problem;
  if (filter.division !== undefined) query['source.divisionCode'] = filter.division;
  if (filter.linked !== undefined) query['link.id'] = filter.linked ? { $gt: '' } : null;
  if (filter.run !== undefined) query['settledIn.run'] = filter.run;
  const search = fold(filter.search ?? '');
  if (search !== '') query['searchText'] = { $regex: literally(search) };
  return query;
}

/** The queries that together find a selection; several when it names more ids than one command should carry. */
export function selected(company: Tenant, selection: Selection): Filter {
  if (selection.kind === 'ids') return { company, _id: { $in: [...selection.ids] } };
  const query = matching(company, selection.filter);
  return selection.except.length === 0 ? query : { ...query, _id: { $nin: [...selection.except] } };
}

/** A selection of very many ids, as several. */
export function parts(selection: Selection): Selection[] {
  return selection.kind === 'ids' ? chunks(selection.ids, CHUNK).map((ids) => ({ kind: 'ids', ids })) : [selection];
}

const COLUMNS: Readonly<Record<SortColumn, string | null>> = {
  code: null,
  name: 'nameKey',
  taskType: 'source.taskType',
  active: 'source.active',
  status: 'status',
  synced: 'syncedAt',
};

/** The order of a page: by the column, then by the code, then by the id, so that no two records ever change places. */
export function sortOf(order: RecordOrder): Record<string, 1 | -1> {
  const direction = order.direction === 'asc' ? 1 : -1;
  const column = COLUMNS[order.by];
  return { ...(column === null ? {} : { [column]: direction }), sortKey: direction, _id: direction };
}

export function reversed({ by, direction }: RecordOrder): RecordOrder {
  return { by, direction: direction === 'asc' ? 'desc' : 'asc' };
}
