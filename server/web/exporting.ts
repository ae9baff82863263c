import type { Company } from '../core/company.ts';
import { describe } from '../core/problems.ts';
import type { Fact, StagedRecord } from '../core/records.ts';
import type { Run } from '../core/run.ts';
import type { RecordFilter, RecordOrder } from '../core/selection.ts';
import type { World } from '../sync/world.ts';
import { FACT_TITLES } from './present/history.ts';
import { actorName } from './present/progress.ts';
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

/** A line of the report for each thing a run did or found. */
export const REPORT_HEADINGS = [
  'Time', 'Cost Code', 'Task Name', 'What', 'By', 'Changes', 'Reason', 'QuickBooks said', 'QuickBooks code', 'intuit_tid', 'Milliseconds',
] as const;

const FACTS_AT_ONCE = 300;

/** What a run did, oldest first, as it comes from the history. */
export async function* reported(world: World, run: Run): AsyncIterable<readonly string[]> {
  const part: Fact[] = [];
  for await (const fact of world.history.ofRun(run.company, run.id)) {
    part.push(fact);
    if (part.length === FACTS_AT_ONCE) yield* await reportCells(world, run, part.splice(0));
  }
  yield* await reportCells(world, run, part);
}

async function reportCells(world: World, { company }: Run, facts: readonly Fact[]): Promise<readonly (readonly string[])[]> {
  const records = new Map((await world.costCodes.byIds(company, [...new Set(facts.map(({ record }) => record))])).map((record) => [record.id, record.source]));
  return facts.map(({ at, record, kind, by, changes, problem, exchange }) => [
    at.toISOString(), records.get(record)?.code ?? '', records.get(record)?.name ?? '', FACT_TITLES[kind], actorName(by),
    changes.map(({ field, from, to }) => `${field}: ${from ?? 'none'} → ${to ?? 'none'}`).join('; '),
    problem === null ? '' : describe(problem).sentence, problem?.raw?.detail ?? problem?.raw?.message ?? '', problem?.raw?.code ?? '',
    exchange?.intuitTid ?? problem?.raw?.intuitTid ?? '', exchange?.took?.toString() ?? '',
  ]);
}
