import { mayGoBeyond, type Capacity } from '../../core/capacity.ts';
import type { Company, Settings, Structure } from '../../core/company.ts';
import type { Actor, Fact, FieldChange } from '../../core/records.ts';
import type { SettingName } from '../../core/settings.ts';
import type { NamedCode, NamingEffect } from '../../sync/naming.ts';
import { count, counted, listed, moment, type Moment } from './format.ts';
import type { Notice } from './notice.ts';

/** The forms of the page; each is saved by itself. */
export type Section = 'sync' | 'names' | 'scope';

export interface SettingsPage {
  readonly notice: Notice | null;
  readonly company: string;
  /** Which save of the settings the forms show. */
  readonly version: number;
  /** True while staged codes are being worked out again. */
  readonly applying: boolean;
  readonly sync: Pick<Settings, 'costCodes' | 'autoCreate' | 'autoUpdate' | 'autoPush'> & { readonly idlePush: boolean };
  readonly names: NamesForm;
  readonly scope: { readonly types: readonly TypeChoice[]; readonly inactivate: boolean };
  readonly plan: PlanPanel;
  readonly source: { readonly name: string | null; readonly at: Moment | null; readonly refusedAt: Moment | null };
  readonly history: readonly Decision[];
  readonly stale: Readonly<Record<Section, Stale>>;
}

/** What another administrator changed in a form while it was filled in. */
export interface Stale {
  readonly lines: readonly string[];
}

export interface NamesForm {
  readonly pattern: string;
  readonly structures: readonly { readonly value: Structure; readonly label: string; readonly about: string; readonly chosen: boolean }[];
  readonly fault: string | null;
  readonly effect: NamesEffect | null;
  /** What saving would do to classes QuickBooks has, to be confirmed. */
  readonly confirm: { readonly sentence: string; readonly button: string; readonly sure: string } | null;
}

/** What the names would be; a view of its own, drawn anew while somebody types. */
export interface NamesEffect {
  readonly fault: string | null;
  readonly facts: readonly string[];
  readonly lines: readonly TreeLine[];
  readonly findings: readonly { readonly tone: 'warn' | 'bad' | 'info'; readonly sentence: string; readonly samples: readonly string[] }[];
  /** The lowest of them as QuickBooks writes it where a class is chosen; null in a flat list. */
  readonly example: string | null;
  readonly empty: boolean;
}

/** One class as QuickBooks will list it. */
export interface TreeLine {
  readonly level: number;
  readonly name: string;
}

export interface TypeChoice {
  readonly value: string;
  readonly count: string;
  readonly leftOut: boolean;
}

export interface PlanPanel {
  readonly plan: string;
  readonly tracking: { readonly words: string; readonly off: boolean };
  readonly room: { readonly sentence: string; readonly used: number; readonly limit: number; readonly none: boolean } | null;
  readonly checkedAt: Moment | null;
  readonly canCheck: boolean;
  /** Whether the limit may be exceeded by decision; null where there is none to exceed. */
  readonly beyond: { readonly on: boolean; readonly words: string | null } | null;
}

export interface Decision {
  readonly at: Moment;
  readonly who: string;
  readonly lines: readonly { readonly label: string; readonly from: string | null; readonly to: string | null }[];
}

export interface SettingsFacts {
  readonly company: Company;
  /** The settings to show: those stored, or what was typed. */
  readonly shown: Settings;
  readonly version: number;
  readonly effect: NamingEffect | null;
  readonly fault: string | null;
  readonly types: readonly { readonly type: string; readonly count: number }[];
  readonly capacity: Capacity | null;
  readonly history: readonly Fact[];
  readonly applying: boolean;
  readonly notice: Notice | null;
  readonly stale?: { readonly section: Section; readonly others: readonly Fact[] } | null;
  readonly confirming?: boolean;
}

const STRUCTURES: readonly { readonly value: Structure; readonly label: string; readonly about: string }[] = [
  { value: 'flat', label: 'Flat list', about: 'Every cost code is a class at the top.' },
  { value: 'division', label: 'By division', about: 'The division is the parent class and counts toward the plan’s limit.' },
  { value: 'tree', label: 'Full tree', about: 'Codes stand under the codes they begin with, up to five levels; parents are written first.' },
];

export function settingsPage(facts: SettingsFacts): SettingsPage {
  const { company, shown, effect, fault } = facts;
  const { costCodes, autoCreate, autoUpdate, autoPush, inactivate } = shown;
  const staleIn = (section: Section): Stale => ({ lines: facts.stale?.section === section ? facts.stale.others.flatMap(staleLines) : [] });
  return {
    notice: facts.notice,
    company: company.name,
    version: facts.version,
    applying: facts.applying,
    sync: { costCodes, autoCreate, autoUpdate, autoPush, idlePush: autoPush && !autoCreate && !autoUpdate },
    names: {
      pattern: shown.namePattern,
      structures: STRUCTURES.map((one) => ({ ...one, chosen: one.value === shown.structure })),
      fault,
      effect: effect === null && fault === null ? null : namesEffect(effect, fault, company.settings.structure !== shown.structure),
      confirm: facts.confirming === true && effect !== null ? confirmOf(effect, shown) : null,
    },
    scope: {
      types: facts.types.map(({ type, count: n }) => ({ value: type, count: counted(n, 'code'), leftOut: shown.leaveOut.includes(type) })),
      inactivate,
    },
    plan: planPanel(company, facts.capacity),
    source: {
      name: company.linarc?.name ?? null,
      at: company.linarc && moment(company.linarc.linkedAt),
      refusedAt: company.linarc?.refusedAt ? moment(company.linarc.refusedAt) : null,
    },
    history: facts.history.map(decision),
    stale: { sync: staleIn('sync'), names: staleIn('names'), scope: staleIn('scope') },
  };
}

// ---------------------------------------------------------------------------------------------------------------- names

/** The settings a confirmation is about; another pattern needs another one. */
export function sureOf({ namePattern, structure }: Pick<Settings, 'namePattern' | 'structure'>): string {
  return `${structure} ${namePattern}`;
}

/** Whether saving these names would change classes that QuickBooks has. */
export function changesClasses({ renamed, moved }: NamingEffect): boolean {
  return renamed.count + moved > 0;
}

function confirmOf(effect: NamingEffect, shown: Settings): NamesForm['confirm'] {
  const { renamed: { count: renamed }, moved } = effect;
  const what = listed([
    ...(renamed > 0 ? [`${counted(renamed, 'class', 'classes')} in QuickBooks ${renamed === 1 ? 'gets' : 'get'} another name`] : []),
    ...(moved > 0 ? [`${counted(moved, 'class', 'classes')} ${moved === 1 ? 'moves' : 'move'} under another parent`] : []),
  ]);
  const moves = moved > 0 ? ' Moves take a yes of their own in the preview.' : '';
  return {
    sentence: `${what} with the next sync; until then the codes show Needs Sync. Past reports then show the new names.${moves}`,
    button: 'Save and change these classes',
    sure: sureOf(shown),
  };
}

/** `structured`: another structure than the saved one is tried. */
export function namesEffect(effect: NamingEffect | null, fault: string | null, structured = false): NamesEffect {
  if (effect === null) return { fault, facts: [], lines: [], findings: [], example: null, empty: false };
  const { total, divisions, levels, renamed, moved, cut, colliding, nameless } = effect;
  const names = (samples: readonly NamedCode[]) => samples.map(({ path }) => path.at(-1) ?? '');
  type Tone = NamesEffect['findings'][number]['tone'];
  const finding = (n: number, tone: Tone, sentence: string, shown: readonly string[] = []) => (n === 0 ? [] : [{ tone, sentence, samples: shown }]);
  const newNames = renamed.samples.map(({ from, path }) => `${from} → ${path.at(-1)}`);
  const classes = (n: number) => counted(n, 'class', 'classes');
  return {
    fault,
    empty: total === 0,
    facts: [
      counted(total - nameless + divisions, 'class', 'classes'),
      ...(divisions > 0 ? [`${counted(divisions, 'division')} among them`] : []),
      ...(levels > 1 ? [`${levels} levels`] : []),
    ],
    lines: treeLines(effect.samples),
    example: exampleOf(effect.samples),
    findings: [
      ...finding(renamed.count, 'warn', `${classes(renamed.count)} will be renamed in QuickBooks with the next sync.`, newNames),
      ...finding(moved, 'warn', `${classes(moved)} will move under another parent, each with a yes of its own.`),
      ...finding(structured && renamed.count === 0 && moved === 0 ? 1 : 0, 'info', 'No class that QuickBooks has would change.'),
      ...finding(colliding.count, 'bad', `${counted(colliding.count, 'code')} would share a class name and wait as Needs Action.`,
        names(colliding.samples)),
      ...finding(cut.count, 'warn', `${counted(cut.count, 'name')} ${cut.count === 1 ? 'is' : 'are'} cut; the code stays whole.`, names(cut.samples)),
      ...finding(nameless, 'bad',
        `${counted(nameless, 'code')} ${nameless === 1 ? 'has' : 'have'} no name or code in Linarc and cannot become a class.`),
    ],
  };
}

/** The classes as a list, each once and before what stands below it. */
function treeLines(samples: readonly NamedCode[]): TreeLine[] {
  const drawn = new Map<string, TreeLine>();
  for (const { path } of samples) path.forEach((name, level) => drawn.set(pathWords(path.slice(0, level + 1)), { level, name }));
  return [...drawn.values()];
}

function exampleOf(samples: readonly NamedCode[]): string | null {
  const deepest = samples.reduce<readonly string[]>((most, { path }) => (path.length > most.length ? path : most), []);
  return deepest.length > 1 ? pathWords(deepest) : null;
}

const pathWords = (path: readonly string[]): string => path.join(':');

// ---------------------------------------------------------------------------------------------------------------- plan

const TRACKING = {
  per_line: 'On, one class to each row of a transaction', per_transaction: 'On, one class to each transaction', off: 'Off',
} as const;

function planPanel(company: Company, capacity: Capacity | null): PlanPanel {
  const { plan, classTracking, overLimit } = company;
  const isOver = mayGoBeyond(company);
  return {
    plan: plan === null || plan === '' ? 'Not told by QuickBooks' : plan.startsWith('QuickBooks') ? plan : `QuickBooks Online ${plan}`,
    tracking: { words: classTracking === null ? 'Not read yet' : TRACKING[classTracking], off: classTracking === 'off' },
    room: capacity && {
      sentence: roomWords(capacity), used: capacity.classes + capacity.locations, limit: capacity.limit, none: capacity.room === 0,
    },
    checkedAt: company.factsAt && moment(company.factsAt),
    canCheck: company.connection === 'connected',
    beyond: capacity === null || capacity.limit === 0 ? null : {
      on: isOver, words: isOver && overLimit ? `${nameOf(overLimit.by)} decided to go beyond the limit.` : null,
    },
  };
}

/** "29 of 40 used by 25 classes and 4 locations: room for 11 more." */
export function roomWords({ limit, classes, locations, room }: Capacity): string {
  if (limit === 0) return 'This plan has no classes.';
  const active = counted(classes, 'active class', 'active classes');
  const users = locations > 0 ? `${active} and ${counted(locations, 'location')}` : active;
  return `${count(classes + locations)} of ${count(limit)} used by ${users}: room for ${room === 0 ? 'none' : `${count(room)} more`}.`;
}

// ---------------------------------------------------------------------------------------------------------------- history

const LABELS: Readonly<Record<SettingName, string>> = {
  costCodes: 'Sync cost codes', autoCreate: 'Auto-Create', autoUpdate: 'Auto-Update', autoPush: 'Push automatically',
  namePattern: 'Class name', structure: 'Structure', inactivate: 'Make classes inactive', leaveOut: 'Task types left out',
};
const OTHER_LABELS: Readonly<Record<string, string>> = {
  overLimit: 'Go beyond the plan’s limit', linarc: 'Linarc company', apiKey: 'Linarc API key', team: 'Team', quickbooks: 'QuickBooks',
};
/** Fields whose values are words already. */
const IN_WORDS: ReadonlySet<string> = new Set(['linarc', 'apiKey', 'team', 'quickbooks']);

const isSetting = (field: string): field is SettingName => Object.hasOwn(LABELS, field);

function settingLabel(field: string): string {
  return isSetting(field) ? LABELS[field] : (OTHER_LABELS[field] ?? field);
}

/** A setting's stored value in the screen's words. */
function valueWords(field: string, stored: string | null): string | null {
  if (stored === null || IN_WORDS.has(field)) return stored;
  const value: unknown = JSON.parse(stored);
  if (typeof value === 'boolean') return value ? 'On' : 'Off';
  if (Array.isArray(value)) return value.length === 0 ? 'None' : value.join(', ');
  if (field === 'structure') return STRUCTURES.find((one) => one.value === value)?.label ?? String(value);
  return String(value);
}

function changeWords({ field, from, to }: FieldChange): Decision['lines'][number] {
  return { label: settingLabel(field), from: valueWords(field, from), to: valueWords(field, to) };
}

function decision({ at, by, changes }: Fact): Decision {
  return { at: moment(at), who: nameOf(by), lines: changes.map(changeWords) };
}

function nameOf(by: Actor): string {
  return by.kind === 'person' ? by.name : by.what;
}

function staleLines({ by, changes }: Fact): string[] {
  return changes.map(changeWords).map(({ label, from, to }) => `${nameOf(by)} changed ${label} from ${from ?? 'nothing'} to ${to ?? 'nothing'}.`);
}
