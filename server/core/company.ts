import type { Problem } from './problems.ts';
import type { Actor, FieldChange, Tenant } from './records.ts';

export const ROLES = ['admin', 'operator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

export const STRUCTURES = ['flat', 'division', 'tree'] as const;

/**
 * `flat`: every class at the top. `division`: the division is the parent class. `tree`: below its division a code stands under the
 * nearest code of the library that its own segments begin with.
 */
export type Structure = (typeof STRUCTURES)[number];

/** How a company wants its cost codes to become classes (linarc.md §9.1, §9.2). */
export interface Settings {
  /** The Cost Codes tab is there only when this is on. */
  readonly costCodes: boolean;
  readonly autoCreate: boolean;
  readonly autoUpdate: boolean;
  readonly autoPush: boolean;
  /** The naming pattern, made of `{code}`, `{name}` (or `{name:60}`, its first 60 characters) and plain text. */
  readonly namePattern: string;
  readonly structure: Structure;
  /** Whether a class becomes inactive when its cost code does. */
  readonly inactivate: boolean;
  /** Task types whose codes are left out, by rule. */
  readonly leaveOut: readonly string[];
}

export const DEFAULT_SETTINGS: Settings = {
  costCodes: true,
  autoCreate: false,
  autoUpdate: false,
  autoPush: false,
  namePattern: '{code} {name}',
  structure: 'flat',
  inactivate: false,
  leaveOut: [],
};

/** Who saved the settings last, when, and what it changed: each change is a setting's name with its values as JSON. */
export interface SettingsChange {
  readonly by: Actor;
  readonly at: Date;
  readonly changes: readonly FieldChange[];
}

export const IMPORT_MODES = ['new', 'all', 'selected'] as const;
export type ImportMode = (typeof IMPORT_MODES)[number];

export interface ImportCounts {
  readonly read: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Of those read, how many now wait for a person. */
  readonly problems: number;
  readonly gone: number;
  /** Entries that could not be staged at all, having no id. */
  readonly unreadable: number;
}

/** The company's running or last import. */
export interface ImportState {
  readonly id: string;
  readonly mode: ImportMode | 'spreadsheet';
  /** Linarc ids, for `selected`. */
  readonly ids: readonly string[];
  readonly by: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** How many the library says there are; null until it said so. */
  readonly total: number | null;
  readonly counts: ImportCounts;
  readonly problem: Problem | null;
}

export const NO_COUNTS: ImportCounts = { read: 0, added: 0, changed: 0, unchanged: 0, problems: 0, gone: 0, unreadable: 0 };

export type ConnectionState = 'connected' | 'needs_reconnect' | 'disconnected';

/** A decision to make more classes than the plan allows. */
export interface OverLimit {
  readonly by: Actor;
  readonly at: Date;
  readonly plan: string | null;
}

export interface LinarcLink {
  readonly companyId: string;
  readonly name: string;
  readonly linkedAt: Date;
  /** Since when Linarc refuses the API key; null while it takes it. */
  readonly refusedAt: Date | null;
}

/** One QuickBooks company as the rest of the app sees it: no token, no realm id, no API key. */
export interface Company {
  readonly id: Tenant;
  readonly name: string;
  readonly plan: string | null;
  readonly classTracking: 'off' | 'per_transaction' | 'per_line' | null;
  /** Active locations, which count toward the plan's limit together with the classes; null where there is no limit. */
  readonly locations: number | null;
  /** When plan, class tracking and locations were last read. */
  readonly factsAt: Date | null;
  /** Who decided that classes beyond the plan's limit are made all the same; it holds for the plan it was given for. */
  readonly overLimit: OverLimit | null;
  readonly connection: ConnectionState;
  readonly connectedAt: Date | null;
  /** Since when the connection is as it is, for the banner. */
  readonly connectionChangedAt: Date;
  /** When the connection ends whatever is done, unless somebody connects again (quickbooks.md §1.5); null: not known. */
  readonly connectionEndsAt: Date | null;
  readonly linarc: LinarcLink | null;
  /** The one unlinked last, whose codes may still be staged; null while one is linked. */
  readonly formerLinarc: Pick<LinarcLink, 'companyId' | 'name'> | null;
  readonly settings: Settings;
  /** Counts the saves; a change decided on version n is only stored over version n. */
  readonly settingsVersion: number;
  /** What made this version; null when nobody has saved any. */
  readonly settingsChange: SettingsChange | null;
  readonly import: ImportState | null;
  readonly lastImportedAt: Date | null;
  /** When the mirror of its classes was last read in full. */
  readonly classesReadAt: Date | null;
  /** The highest fencing token any of its runs has had. */
  readonly fence: number;
}

export interface Membership {
  readonly company: Tenant;
  readonly role: Role;
}

/** A person of a company, as its team sees them. */
export interface Member {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
}

/** A place in a company that somebody may take with a link. The link's secret is not in it: only its digest is kept. */
export interface Invitation {
  readonly id: string;
  readonly role: Role;
  /** Whoever takes it must have this e-mail at Intuit; null: whoever has the link. */
  readonly email: string | null;
  readonly by: { readonly userId: string; readonly name: string };
  readonly at: Date;
  readonly expiresAt: Date;
}

export interface User {
  readonly id: string;
  readonly sub: string;
  readonly email: string;
  readonly name: string;
  readonly memberships: readonly Membership[];
}

/** Reconnecting is offered so long before a connection ends (quickbooks.md §1.5), in milliseconds. */
const ENDS_SOON = 30 * 86_400_000;

/** When a working connection ends, once that is near; null before. `now` in milliseconds since 1970. */
export function nearEnd({ connection, connectionEndsAt }: Pick<Company, 'connection' | 'connectionEndsAt'>, now: number): Date | null {
  const isNear = connection === 'connected' && connectionEndsAt !== null && connectionEndsAt.getTime() - now < ENDS_SOON;
  return isNear ? connectionEndsAt : null;
}
