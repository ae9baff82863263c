import type { StagedRecord } from '../../core/records.ts';
import { momentOrNull, type Moment } from './format.ts';
import { pretty } from './history.ts';

/** Json Script: what Linarc sent, what the class should be, what was last sent to QuickBooks and answered. */
export interface JsonScript {
  readonly code: string;
  readonly name: string;
  readonly blocks: readonly { readonly id: string; readonly title: string; readonly text: string }[];
  readonly exchanged: Moment | null;
  readonly trace: string | null;
}

export function jsonScript(record: StagedRecord): JsonScript {
  const last = record.lastExchange;
  return {
    code: record.source.code || '—',
    name: record.source.name || '—',
    blocks: [
      { id: 'json-raw', title: 'Linarc record', text: pretty(record.raw) },
      { id: 'json-wanted', title: 'Wanted class', text: pretty({ ...record.wanted, class: record.link }) },
      ...(last === null ? [] : [
        { id: 'json-request', title: 'Last request to QuickBooks', text: pretty(last.request) },
        { id: 'json-answer', title: 'Last answer from QuickBooks', text: pretty(last.response) },
      ]),
    ],
    exchanged: momentOrNull(last?.at ?? null),
    trace: last?.intuitTid ?? null,
  };
}
