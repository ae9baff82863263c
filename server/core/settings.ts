import type { Settings, SettingsChange } from './company.ts';
import { contentHash } from './names.ts';
import type { Fact, FieldChange } from './records.ts';

/** Under this record history keeps what was decided for the company as a whole; no staged record has such an id. */
export const COMPANY_RECORD = 'company';

export type SettingName = keyof Settings;

/** What the staged records depend on: after a change of one of these they are worked out again. */
const STAGED: readonly SettingName[] = ['namePattern', 'structure', 'inactivate', 'leaveOut'];

/** Which settings differ, each with its values as JSON. */
export function settingsChanges(from: Settings, to: Settings): FieldChange[] {
  const names = Object.keys(to) as SettingName[];
  const changed = names.filter((name) => differ(from[name], to[name]));
  return changed.map((field) => ({ field, from: JSON.stringify(from[field]), to: JSON.stringify(to[field]) }));
}

function differ(a: unknown, b: unknown): boolean {
  return contentHash(a) !== contentHash(b);
}

export function concernsStaged(changes: readonly FieldChange[]): boolean {
  return changes.some(({ field }) => STAGED.includes(field as SettingName));
}

/** The line of history about a version; storing it twice leaves one. */
export function settingsFact(version: number, { by, at, changes }: SettingsChange): Fact {
  return { id: `settings.${version}`, record: COMPANY_RECORD, at, by, kind: 'changed', changes, run: null, exchange: null, problem: null };
}

/** The version a line of history is about; null for other decisions. */
export function versionOf({ id }: Pick<Fact, 'id'>): number | null {
  const version = /^settings\.(\d+)$/.exec(id)?.[1];
  return version === undefined ? null : Number(version);
}

/** The settings as they were before these changes, the newest first. */
export function settingsBefore(settings: Settings, facts: readonly Pick<Fact, 'changes'>[]): Settings {
  const undone = facts.flatMap(({ changes }) => changes.map(({ field, from }) => [field, JSON.parse(from ?? 'null')] as const));
  return { ...settings, ...Object.fromEntries(undone) };
}

/** What two people made of the same settings at once. */
export interface Merged {
  /** The other's values, but for what this person changed. */
  readonly settings: Settings;
  /** Which of the settings asked for the other changed meanwhile. */
  readonly moved: readonly SettingName[];
}

/** Joins what a person asked for, who saw `seen`, with what is stored by now: nothing either of them changed is lost. */
export function mergeSettings(seen: Settings, stored: Settings, asked: Partial<Settings>): Merged {
  const names = Object.keys(asked) as SettingName[];
  const own = names.filter((name) => differ(asked[name], seen[name]));
  return {
    settings: { ...stored, ...Object.fromEntries(own.map((name) => [name, asked[name]])) },
    moved: names.filter((name) => differ(stored[name], seen[name])),
  };
}
