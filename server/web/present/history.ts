import type { Exchange, Fact, FactKind, StagedRecord } from '../../core/records.ts';
import { describe } from '../../core/problems.ts';
import { pathTo } from '../paths.ts';
import { count, lasting, moment, type Moment } from './format.ts';
import { jsonTokens, pretty, type JsonToken } from './json.ts';
import { actorName } from './progress.ts';
import { rawLines } from './card.ts';

/** One entry of Change History (product.md §7.9). */
export interface Entry {
  readonly at: Moment;
  readonly title: string;
  readonly tone: 'good' | 'bad' | 'warn' | null;
  readonly by: string;
  readonly changes: readonly { readonly field: string; readonly from: string | null; readonly to: string | null }[];
  readonly problem: { readonly sentence: string; readonly raw: readonly { readonly label: string; readonly text: string }[] } | null;
  readonly exchange: { readonly summary: string; readonly request: readonly JsonToken[]; readonly response: readonly JsonToken[] } | null;
  readonly runHref: string | null;
}

export interface History {
  readonly code: string;
  readonly name: string;
  readonly entries: readonly Entry[];
  readonly kinds: readonly { readonly label: string; readonly options: readonly { readonly label: string; readonly value: string; readonly chosen: boolean }[] }[];
  readonly older: string | null;
  readonly newest: string | null;
  readonly csvHref: string;
  readonly action: string;
}

/** What each kind of fact is called. */
export const FACT_TITLES: Readonly<Record<FactKind, string>> = {
  imported: 'Imported from Linarc',
  changed: 'Changed in Linarc',
  gone: 'Gone from Linarc',
  returned: 'Back in Linarc',
  created: 'Class created in QuickBooks',
  updated: 'Class updated in QuickBooks',
  linked: 'Linked to a class of the same name',
  confirmed: 'Found unchanged in QuickBooks',
  unlinked: 'Unlinked from its class',
  mapped: 'Mapped by hand',
  failed: 'Sync failed',
  blocked: 'Needs action',
  waiting: 'Waiting for QuickBooks',
  excluded: 'Excluded',
  included: 'Included again',
  overwrite: 'Linarc’s value to be put back',
  drifted: 'Changed in QuickBooks',
  accepted: 'QuickBooks’ value kept',
  held: 'Left out of a sync: it would make the class inactive or move it, and nobody said yes to that',
};

/** The kinds by who or what they tell of; each in one group. */
export const HISTORY_GROUPS = {
  source: { label: 'Changes in Linarc', kinds: ['imported', 'changed', 'gone', 'returned'] },
  sync: { label: 'Sync activity', kinds: ['created', 'updated', 'linked', 'confirmed', 'failed', 'blocked', 'waiting', 'held', 'drifted'] },
  people: { label: 'Decisions of people', kinds: ['mapped', 'unlinked', 'excluded', 'included', 'overwrite', 'accepted'] },
} as const satisfies Record<string, { readonly label: string; readonly kinds: readonly FactKind[] }>;

const TONES: Readonly<Partial<Record<FactKind, Entry['tone']>>> = {
  created: 'good', updated: 'good', linked: 'good', confirmed: 'good', failed: 'bad', blocked: 'warn', gone: 'warn', drifted: 'warn', held: 'warn',
};

export const PAGE_OF_HISTORY = 50;

/** What of the history is asked for: all, a group, or one kind. */
export type HistoryShow = keyof typeof HISTORY_GROUPS | FactKind;

/** The kinds meant; none for all. */
export function kindsOf(show: HistoryShow | null): readonly FactKind[] {
  if (show === null) return [];
  return isGroup(show) ? HISTORY_GROUPS[show].kinds : [show];
}

function isGroup(show: HistoryShow): show is keyof typeof HISTORY_GROUPS {
  return Object.hasOwn(HISTORY_GROUPS, show);
}

export interface HistoryFacts {
  readonly record: StagedRecord;
  /** Newest first, at most one more than a page holds. */
  readonly facts: readonly Fact[];
  readonly show: HistoryShow | null;
  readonly isFirstPage: boolean;
  /** Texts that must not be shown wherever they stand. */
  readonly hidden: readonly string[];
}

export function history({ record, facts, show, isFirstPage, hidden }: HistoryFacts): History {
  const shown = facts.slice(0, PAGE_OF_HISTORY);
  const last = shown.at(-1);
  const action = pathTo('history', record.id);
  const at = (base: string, fields: Readonly<Record<string, string>>) => {
    const search = new URLSearchParams({ ...(show && { kind: show }), ...fields }).toString();
    return search === '' ? base : `${base}?${search}`;
  };
  const option = (value: HistoryShow, label: string) => ({ label, value, chosen: value === show });
  return {
    code: record.source.code || '—',
    name: record.source.name || '—',
    entries: shown.map((fact) => entry(fact, hidden)),
    kinds: Object.entries(HISTORY_GROUPS).map(([group, { label, kinds }]) => ({
      label, options: [option(group as HistoryShow, `${label}, all`), ...kinds.map((kind) => option(kind, SHORT[kind] ?? FACT_TITLES[kind]))],
    })),
    older: facts.length > PAGE_OF_HISTORY && last ? at(action, { before: `${last.at.getTime()}.${last.id}` }) : null,
    newest: isFirstPage ? null : at(action, {}),
    csvHref: at(pathTo('historyCsv', record.id), {}),
    action,
  };
}

const SHORT: Readonly<Partial<Record<FactKind, string>>> = { held: 'Left out of a sync' };

function entry(fact: Fact, hidden: readonly string[]): Entry {
  return {
    at: moment(fact.at),
    title: FACT_TITLES[fact.kind],
    tone: TONES[fact.kind] ?? null,
    by: fact.by.kind === 'person' ? `by ${fact.by.name}` : fact.by.what,
    changes: fact.changes.map(({ field, from, to }) => ({ field, from, to })),
    problem: fact.problem === null ? null : { sentence: describe(fact.problem).sentence, raw: rawLines(fact.problem.raw) },
    exchange: fact.exchange === null ? null : exchangeOf(fact.exchange, hidden),
    runHref: fact.run === null ? null : pathTo('run', fact.run),
  };
}

function exchangeOf(exchange: Exchange, hidden: readonly string[]): Entry['exchange'] {
  const parts = [
    OPERATIONS[exchange.operation],
    exchange.status === null ? 'no answer' : `HTTP ${exchange.status}`,
    ...(exchange.took === null ? [] : [tookOf(exchange.took)]),
    ...(exchange.intuitTid === null ? [] : [`intuit_tid ${exchange.intuitTid}`]),
  ];
  return { summary: parts.join(' · '), request: jsonTokens(pretty(exchange.request, hidden)), response: jsonTokens(pretty(exchange.response, hidden)) };
}

const OPERATIONS: Readonly<Record<Exchange['operation'], string>> = { create: 'Create', update: 'Update', look: 'Look-up' };

function tookOf(ms: number): string {
  return ms < 10_000 ? `${count(Math.round(ms))} ms` : lasting(ms);
}

export const HISTORY_HEADINGS = [
  'Time (UTC)', 'What', 'By', 'Field', 'From', 'To', 'Reason', 'QuickBooks code', 'Operation', 'HTTP status', 'Milliseconds', 'intuit_tid', 'Run', 'Request', 'Answer',
] as const;

/** The lines of one fact in a CSV file: one for each field that changed. */
export function historyRows(fact: Fact, hidden: readonly string[]): readonly (readonly string[])[] {
  const { exchange, problem } = fact;
  const compact = (value: unknown) => (value === null || value === undefined ? '' : pretty(value, hidden).replace(/\n\s*/g, ' '));
  const about = [
    problem === null ? '' : describe(problem).sentence, problem?.raw?.code ?? '',
    exchange === null ? '' : OPERATIONS[exchange.operation], String(exchange?.status ?? ''), exchange === null || exchange.took === null ? '' : String(Math.round(exchange.took)),
    exchange?.intuitTid ?? problem?.raw?.intuitTid ?? '', fact.run ?? '', compact(exchange?.request), compact(exchange?.response),
  ];
  const changes = fact.changes.length === 0 ? [{ field: '', from: null, to: null }] : fact.changes;
  return changes.map(({ field, from, to }) => [fact.at.toISOString(), FACT_TITLES[fact.kind], actorName(fact.by), field, from ?? '', to ?? '', ...about]);
}
