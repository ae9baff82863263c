import type { Exchange, Fact, FactKind, StagedRecord } from '../../core/records.ts';
import { describe } from '../../core/problems.ts';
import { pathTo } from '../paths.ts';
import { count, moment, type Moment } from './format.ts';
import { actorName } from './progress.ts';
import { rawLines } from './card.ts';

/** One entry of Change History (product.md §7.9). */
export interface Entry {
  readonly at: Moment;
  readonly title: string;
  readonly by: string;
  readonly changes: readonly { readonly field: string; readonly from: string | null; readonly to: string | null }[];
  readonly problem: { readonly sentence: string; readonly raw: readonly { readonly label: string; readonly text: string }[] } | null;
  readonly exchange: { readonly summary: string; readonly request: string; readonly response: string } | null;
  readonly runHref: string | null;
}

export interface History {
  readonly code: string;
  readonly name: string;
  readonly entries: readonly Entry[];
  readonly kinds: readonly { readonly label: string; readonly value: string; readonly chosen: boolean }[];
  readonly older: string | null;
  readonly action: string;
}

const TITLES: Readonly<Record<FactKind, string>> = {
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

export const PAGE_OF_HISTORY = 50;

/** `facts` newest first, at most one more than a page holds. */
export function history(record: StagedRecord, facts: readonly Fact[], kind: FactKind | null, kinds: readonly FactKind[]): History {
  const shown = facts.slice(0, PAGE_OF_HISTORY);
  const last = shown.at(-1);
  const action = pathTo('history', record.id);
  const older = facts.length > PAGE_OF_HISTORY && last ? new URLSearchParams({ before: last.at.toISOString(), ...(kind && { kind }) }) : null;
  return {
    code: record.source.code || '—',
    name: record.source.name || '—',
    entries: shown.map(entry),
    kinds: [{ label: 'Everything', value: '', chosen: kind === null }, ...kinds.map((value) => ({ label: TITLES[value], value, chosen: value === kind }))],
    older: older === null ? null : `${action}?${older.toString()}`,
    action,
  };
}

function entry(fact: Fact): Entry {
  return {
    at: moment(fact.at),
    title: TITLES[fact.kind],
    by: actorName(fact.by),
    changes: fact.changes.map(({ field, from, to }) => ({ field, from, to })),
    problem: fact.problem === null ? null : { sentence: describe(fact.problem).sentence, raw: rawLines(fact.problem.raw) },
    exchange: fact.exchange === null ? null : exchangeOf(fact.exchange),
    runHref: fact.run === null ? null : pathTo('run', fact.run),
  };
}

function exchangeOf(exchange: Exchange): Entry['exchange'] {
  const parts = [
    exchange.operation,
    exchange.status === null ? 'no answer' : `HTTP ${exchange.status}`,
    ...(exchange.took === null ? [] : [`${count(Math.round(exchange.took))} ms`]),
    ...(exchange.intuitTid === null ? [] : [`intuit_tid ${exchange.intuitTid}`]),
  ];
  return { summary: parts.join(' · '), request: pretty(exchange.request), response: pretty(exchange.response) };
}

/** JSON as people read it, with anything secret taken out (product.md point 29). */
export function pretty(value: unknown): string {
  if (value === null || value === undefined) return '—';
  return JSON.stringify(value, (key, part: unknown) => (SECRET.test(key) ? 'removed' : part), 2) ?? '—';
}

const SECRET = /token(?<!synctoken)$|secret|password|authorization|api[-_]?key|^realm_?id$/i;
