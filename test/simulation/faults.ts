import type { Chance } from './chance.ts';
import type { BooksFault, TokenFault } from './quickbooks.ts';
import type { EventKind, Scenario } from './simulation.ts';

/** One of the fault classes of engineering.md §3.7, or of our own. */
export interface FaultClass {
  readonly no: number;
  readonly title: string;
  /** What is added to a calm run. */
  scenario(chance: Chance): Scenario;
  /** It passes by itself, so that no record may end as Failed by it. */
  readonly passes?: boolean;
  /** What the simulation counts when the fault strikes; over many seeds each must. */
  readonly strikes: readonly string[];
}

/** Calls fail, while codes change and are synced again. */
const calls = (shares: Partial<Record<BooksFault, number>>, tokens: Partial<Record<TokenFault, number>> = {}): Scenario => ({
  books: { calls: shares, tokens }, events: { 'edit and import': 4, push: 3 },
});
/** Now and then, or most of the time. */
const often = (chance: Chance): number => chance.pick([0.2, 0.2, 0.7]);
const events = (counts: Partial<Record<EventKind, number>>): Scenario => ({ events: counts });

/** What goes on while processes are killed and stopped. */
const LIFE = { push: 3, 'edit and import': 3, 'refresh classes': 8 } as const;
const ENDANGERED: Scenario = { machines: 2, trouble: 200_000, switches: { accessLife: 180_000, rotation: 'always' } };
const MOMENTS = ['companies.leaseRefresh', 'companies.saveGrant', 'Intuit: refresh', 'costCodes.claim', 'costCodes.writeInRun', 'history.add', 'runs.acquire', 'runs.end'] as const;
const momentOf = (chance: Chance): number | string => (chance.hits(0.5) ? chance.int(1, 120) : chance.pick(MOMENTS));

/** The classes, each as a run in which it happens often and nothing else goes wrong. */
export const FAULT_CLASSES: readonly FaultClass[] = [
  { no: 1, title: 'a time-out before QuickBooks had it', passes: true, strikes: ['lost before'], scenario: (chance) => calls({ 'lost before': often(chance) }) },
  { no: 2, title: 'done by QuickBooks, the answer lost', passes: true, strikes: ['lost after'], scenario: (chance) => calls({ 'lost after': often(chance) }) },
  { no: 3, title: 'an answer cut off in the middle', passes: true, strikes: ['cut'], scenario: (chance) => calls({ cut: often(chance) }) },
  {
    no: 4, title: '429, with Retry-After or without', passes: true, strikes: ['throttled', 'throttled after'],
    scenario: () => calls({ throttled: 0.1, 'throttled after': 0.1 }),
  },
  { no: 5, title: 'throttled parts of a batch', passes: true, strikes: ['part throttled'], scenario: () => calls({ 'part throttled': 0.05 }) },
  {
    no: 6, title: '5xx with HTML', passes: true, strikes: ['html', 'html after', 'batch html'],
    scenario: (chance) => calls(chance.hits(0.5) ? { html: 0.15, 'html after': 0.15 } : { 'batch html': 0.9 }),
  },
  { no: 7, title: 'a batch that fails in part', strikes: ['part fault'], scenario: () => calls({ 'part fault': 0.2 }) },
  {
    no: 8, title: 'parts reordered, missing or of a foreign bId', strikes: ['parts missing', 'parts foreign', 'parts reordered'],
    scenario: () => calls({ 'parts missing': 0.1, 'parts foreign': 0.1, 'parts reordered': 0.5 }),
  },
  {
    no: 9, title: 'a repeated request answered 6000 or 600', strikes: ['repeated requestid: 6000', 'repeated requestid: 600'],
    scenario: (chance) => ({ ...calls({ 'lost after': 0.1, 'throttled after': 0.2 }), codes: [60, 150], switches: { requestid: chance.pick(['6000', '600']) } }),
  },
  {
    no: 10, title: 'a requestid that is ignored', strikes: ['throttled after', 'answered 6240'],
    scenario: () => ({ ...calls({ 'lost after': 0.1, 'throttled after': 0.2 }), switches: { requestid: 'ignored' } }),
  },
  {
    no: 11, title: '6240 for a class of ours, a foreign one, an inactive one, one that differs in case or blanks', strikes: ['answered 6240', 'class added'],
    scenario: (chance) => ({
      ...calls({ duplicate: 0.05, 'lost after': 0.1 }), ...events({ 'class added': 8, edit: 2, 'edit and import': 6, push: 4, 'push one': 4, 'class inactivated': 2 }),
      present: 0.5, switches: { requestid: 'ignored', inactiveName: chance.pick(['free', '6240']) },
    }),
  },
  {
    no: 12, title: 'a stale SyncToken', strikes: ['stale', 'answered 5010'],
    scenario: () => ({ ...calls({ stale: 0.1, 'lost after': 0.1 }), ...events({ 'class renamed': 6, 'class inactivated': 3, 'edit and import': 8, push: 4, 'push one': 6 }) }),
  },
  {
    no: 13, title: 'a parent that is gone or inactive', strikes: ['parent gone', 'answered 610'],
    scenario: () => ({
      ...calls({ 'parent gone': 0.05 }), ...events({ 'class removed': 4, 'class inactivated': 6, 'edit and import': 6, push: 6 }), divisions: true, codes: [20, 90],
    }),
  },
  {
    no: 14, title: '401 in the middle of a run', passes: true, strikes: ['unauthorized', 'refreshed'],
    scenario: () => ({ ...calls({ unauthorized: 0.15 }), switches: { accessLife: 200_000, rotation: 'daily' } }),
  },
  {
    no: 15, title: 'many processes that refresh at once', passes: true, strikes: ['refreshed', 'refresh classes'],
    scenario: () => ({ ...events({ 'refresh classes': 40, push: 4, 'edit and import': 4 }), machines: 4, trouble: 400_000, switches: { accessLife: 180_000, rotation: 'always' } }),
  },
  {
    no: 16, title: 'a refresh whose answer is lost after the rotation', passes: true, strikes: ['token answer lost after'],
    scenario: (chance) => ({
      ...calls({}, { 'lost after': 0.4, 'lost before': 0.2 }), ...events({ 'refresh classes': 20, push: 4, 'edit and import': 4 }), trouble: 400_000,
      switches: { accessLife: 180_000, rotation: chance.pick(['always', 'daily']), grace: chance.pick([0, 600_000]) },
    }),
  },
  {
    no: 17, title: 'a grant that is revoked, or not for this company', strikes: ['revoked', 'forbid', 'connection lost'],
    scenario: () => ({ ...events({ revoke: 2, forbid: 2, push: 6, 'edit and import': 6, reconnect: 1 }), codes: [20, 90] }),
  },
  {
    no: 18, title: 'a lapsed subscription, 403, a full plan', strikes: ['lapse', 'forbid', 'answered 6000'],
    scenario: (chance) => ({ ...calls({ 'plan limit': 0.02, lapsed: 0.02, forbidden: 0.02 }), ...events({ lapse: 2, forbid: 1, push: 4 }), switches: { planLimit: chance.int(1, 40) } }),
  },
  {
    no: 19, title: 'a process killed at any moment', passes: true, strikes: ['kill'],
    scenario: (chance) => ({ ...ENDANGERED, ...events({ ...LIFE, kill: 4 }), crashPoint: { call: momentOf(chance), after: chance.hits(0.5) } }),
  },
  {
    no: 20, title: 'a process stopped for longer than its lease', passes: true, strikes: ['freeze'],
    scenario: (chance) => ({
      ...ENDANGERED, ...events({ ...LIFE, freeze: 4, 'long freeze': 2 }), crashPoint: { call: momentOf(chance), after: chance.hits(0.7), freeze: 45_000 },
    }),
  },
  {
    no: 21, title: 'clocks five minutes apart, and jumping', passes: true, strikes: ['clock jump'],
    scenario: () => ({ ...events({ 'clock jump': 6, push: 4, 'edit and import': 4, kill: 1 }), skew: 300_000, machines: 3 }),
  },
  { no: 22, title: 'a database that steps down', passes: true, strikes: ['step down', 'store down'], 
    scenario: () => ({
      ...events({ 'step down': 10, push: 4, 'edit and import': 4, 'refresh classes': 20 }), trouble: 300_000, switches: { accessLife: 180_000, rotation: 'always' },
    }),
  },
  {
    no: 23, title: 'a database cut off, its writes unknown or torn', passes: true, strikes: ['store down', 'store unknown', 'store torn'],
    scenario: () => ({ ...events({ push: 4, 'edit and import': 4 }), store: { down: 0.02, unknown: 0.02, torn: 0.02 } }),
  },
  {
    no: 24, title: 'a database that is slow, or whose disk is full', passes: true, strikes: ['store slow', 'disk full'],
    scenario: () => ({ ...events({ 'disk full': 5, push: 4, 'edit and import': 4 }), store: { slow: 0.05 } }),
  },
  { no: 25, title: 'processes asked to end in the middle of a batch', passes: true, strikes: ['term'], scenario: () => ({ ...events({ term: 5, push: 4, 'edit and import': 4 }), codes: [20, 120] }) },
  {
    no: 26, title: 'answers that take up to two minutes', passes: true, strikes: ['slow', 'token answer slow'],
    scenario: () => ({ ...calls({ slow: 0.2 }, { slow: 0.5 }), ...events({ push: 6, 'edit and import': 12 }), trouble: 300_000, switches: { accessLife: 200_000 } }),
  },
  {
    no: 27, title: 'source pages doubled, incomplete, shifting, or of another shape', strikes: ['linarc doubled', 'linarc missing', 'linarc unreadable', 'library shifts'],
    scenario: () => ({
      ...events({ import: 6, 'edit and import': 6, 'library shifts': 12, push: 4 }), codes: [30, 120], linarc: { doubled: 0.02, missing: 0.01, unreadable: 0.01, unreachable: 0.05 },
    }),
  },
  {
    no: 28, title: 'two people who sync at once, twice', strikes: ['push twice', 'retry'],
    scenario: () => ({ ...calls({ 'part fault': 0.1 }), ...events({ 'push twice': 6, 'push one': 4, retry: 4, 'edit and import': 4, pause: 2 }), machines: 3 }),
  },
  {
    no: 29, title: 'an event loop blocked for two leases', passes: true, strikes: ['freeze'],
    scenario: () => ({
      ...events({ freeze: 12, push: 4, 'refresh classes': 20, 'edit and import': 4 }), machines: 3, trouble: 300_000,
      switches: { accessLife: 180_000, rotation: 'always' },
    }),
  },
  {
    no: 30, title: 'webhooks doubled, out of order, forged, in either format', strikes: ['webhook', 'webhook told twice', 'forged webhook'],
    scenario: () => ({
      ...events({ 'class renamed': 6, 'class inactivated': 6, 'class removed': 2, 'class added': 4, push: 4, 'edit and import': 4 }), webhooks: true, machines: 3,
    }),
  },
  {
    no: 31, title: 'a class that a new code takes over from the one whose name it bears', strikes: ['taken over', 'lost after', 'kill', 'freeze'],
    scenario: () => ({
      ...calls({ 'lost before': 0.1, 'lost after': 0.1, 'part fault': 0.05 }),
      ...events({ 'class taken over': 12, push: 4, 'edit and import': 4, kill: 2, freeze: 2, cancel: 1 }), trouble: 200_000, machines: 3,
    }),
  },
];
