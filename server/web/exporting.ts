import type { Company } from '../core/company.ts';
import { describe } from '../core/problems.ts';
import type { StagedRecord } from '../core/records.ts';
import type { RecordFilter, RecordOrder } from '../core/selection.ts';
import type { World } from '../sync/world.ts';
import { STATUS_LABELS, statusKey } from './present/status.ts';

/**
 * The columns of an export. The first six are those of Linarc's own spreadsheet (linarc.md §4.3), so that the file can be read back by
 * the spreadsheet import; the others are named so that it does not take them for its own.
 */
export const EXPORT_HEADINGS = [
  'Cost Code', 'Cost Code Name', 'Cost Type Category', 'Task Code Status', 'Division Code', 'Division Name',
  'Sync Status', 'Synced', 'Class in QuickBooks', 'Class Id', 'Reason', 'Excluded by', 'Linarc Id',
] as const;

/** The filtered list as it is sorted, as it comes: the whole of it is never in memory. */
export async function* exported(world: World, { id }: Company, filter: RecordFilter, order: RecordOrder): AsyncIterable<readonly string[]> {
  for await (const record of world.costCodes.stream(id, { kind: 'matching', filter, except: [] }, order)) {
    if (record.kind === 'cost_code') yield cells(record);
  }
}

function cells(record: StagedRecord): readonly string[] {
  const { source, link, problem, excluded, syncedAt } = record;
  return [
    source.code, source.name, source.taskType, source.active ? 'Active' : 'Inactive', source.divisionCode, source.divisionName,
    STATUS_LABELS[statusKey(record)], syncedAt?.toISOString() ?? '', link?.name ?? '', link?.id ?? '',
    problem === null ? '' : describe(problem).sentence, excluded?.by ?? '', record.linarcId,
  ];
}
