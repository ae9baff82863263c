import type { Problem } from './problems.ts';
import type { RunOutcome } from './run.ts';

declare const tenant: unique symbol;

/** Our id of one QuickBooks company. Only a session or a stored document may yield one; every store asks for it. */
export type Tenant = string & { readonly [tenant]: true };

export const RECORD_STATUSES = ['needs_sync', 'needs_action', 'syncing', 'synced', 'failed'] as const;
export type RecordStatus = (typeof RECORD_STATUSES)[number];

/** One cost code as read from Linarc, its labels of any generation brought to one set (linarc.md §4.1). Text is as received. */
export interface CostCode {
  readonly code: string;
  readonly name: string;
  readonly taskType: string;
  readonly active: boolean;
  readonly divisionCode: string;
  readonly divisionName: string;
}

/** What the class should be. `parent` is the linarcId of the record that becomes the parent class; null is the top level. */
export interface WantedClass {
  readonly name: string;
  readonly parent: string | null;
  readonly active: boolean;
}

/** One QuickBooks class. Ids are strings of up to 19 digits; an inactive class's name carries the suffix QuickBooks gave it. */
export interface QuickBooksClass {
  readonly id: string;
  readonly syncToken: string;
  readonly name: string;
  readonly fullyQualifiedName: string;
  readonly parentId: string | null;
  readonly active: boolean;
  readonly createdAt: Date | null;
  readonly updatedAt: Date | null;
}

/** What QuickBooks keeps of a class that we write. `name` is without the suffix of an inactive class. */
export interface ClassShape {
  readonly name: string;
  readonly parentId: string | null;
  readonly active: boolean;
}

/** The class a cost code is tied to, as QuickBooks last confirmed it to us. */
export interface ClassLink extends ClassShape {
  readonly id: string;
  readonly syncToken: string;
  readonly how: 'created' | 'matched' | 'manual';
}

/** A difference a person decided to leave: the class as QuickBooks had it then, and what was wanted `instead`. It holds while both do. */
export interface Accepted extends ClassShape {
  readonly instead: WantedClass;
}

/** A write, stored before it is sent (quickbooks.md §2.4). The same content keeps its requestid over all attempts. */
export interface Intent {
  readonly requestid: string;
  readonly bId: string;
  readonly operation: 'create' | 'update';
  readonly body: ClassWrite;
  readonly contentHash: string;
  readonly sentAt: Date;
}

/** A batch about to be sent, or under way: what it asks of each record, and the fencing token of whoever sends it. */
export interface IntendedBatch {
  readonly requestid: string;
  readonly run: string;
  readonly fence: number;
  readonly items: readonly { readonly record: string; readonly intent: Intent }[];
}

/** The body of a class write: full updates only, since QuickBooks empties what an update omits (quickbooks.md §2.2). */
export interface ClassWrite {
  readonly Id?: string;
  readonly SyncToken?: string;
  readonly Name: string;
  readonly ParentRef?: { readonly value: string };
  readonly Active?: boolean;
}

/** The last request about a record and what came back, as shown under Json Script. */
export interface Exchange {
  readonly at: Date;
  readonly operation: 'create' | 'update' | 'look';
  readonly requestid: string | null;
  readonly request: unknown;
  readonly response: unknown;
  readonly status: number | null;
  readonly intuitTid: string | null;
  /** Milliseconds from sending to the whole answer. */
  readonly took: number | null;
}

/** What is never done without a yes of its own (linarc.md point 21). */
export const CONSENTS = ['inactivate', 'move'] as const;
export type Consent = (typeof CONSENTS)[number];

/** A record's place in a run that has not settled it yet. */
export interface RunPlace {
  readonly id: string;
  /** The fencing token of the lease under which the record may be written (engineering.md §3.2). */
  readonly fence: number;
  readonly attempts: number;
  /** True when QuickBooks must be read before anything about this record is sent again. */
  readonly look: boolean;
  readonly notBefore: Date | null;
  /** The status to go back to when the run lets go of the record unsent. */
  readonly was: RecordStatus;
  /** What the person who asked for it to be synced said yes to. */
  readonly consent: readonly Consent[];
}

export interface Exclusion {
  readonly by: string;
  /** Left out by a rule, not a person; the same rule may take it in again. */
  readonly byRule: boolean;
  readonly reason: string;
  readonly at: Date;
}

/** One staged record: a cost code, or a division that becomes a parent class. */
export interface StagedRecord {
  readonly id: string;
  readonly kind: 'cost_code' | 'division';
  readonly linarcId: string;
  /** As Linarc sent it. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly source: CostCode;
  readonly sourceHash: string;
  readonly wanted: WantedClass;
  /** How many classes stand above the wanted one: parents are written first. */
  readonly level: number;
  /** Folded parent and name: two records of one key would be one class. */
  readonly wantedKey: string;
  readonly codeKey: string;
  readonly sortKey: string;
  readonly status: RecordStatus;
  /** Why a person is needed (needs_action) or why QuickBooks has it not (failed). */
  readonly problem: Problem | null;
  readonly link: ClassLink | null;
  readonly aliases: readonly string[];
  readonly syncedAt: Date | null;
  readonly excluded: Exclusion | null;
  /** Since when Linarc's complete library no longer holds it. */
  readonly goneAt: Date | null;
  /** The SyncToken of the class whose change in QuickBooks a person decided to overwrite. */
  readonly overwrite: string | null;
  readonly accepted: Accepted | null;
  readonly run: RunPlace | null;
  readonly intent: Intent | null;
  /** The run that settled it last, and how; a run's counts are the sum of these. */
  readonly settledIn: { readonly run: string; readonly outcome: RunOutcome } | null;
  /** Of a record a run is not done with; afterwards its history has it. */
  readonly lastExchange: Exchange | null;
  readonly importedAt: Date;
  /** Counts every write; a decision taken on version n is only stored over version n. */
  readonly version: number;
}

export type Actor =
  | { readonly kind: 'person'; readonly userId: string; readonly name: string }
  | { readonly kind: 'automatic'; readonly what: string };

export interface FieldChange {
  readonly field: string;
  readonly from: string | null;
  readonly to: string | null;
}

export const FACT_KINDS = [
  'imported', 'changed', 'gone', 'returned', 'created', 'updated', 'linked', 'confirmed', 'unlinked', 'mapped', 'failed',
  'blocked', 'waiting', 'excluded', 'included', 'overwrite',
  'drifted', 'accepted', 'held',
] as const;
export type FactKind = (typeof FACT_KINDS)[number];

/** One line of history. The id of a fact about a write is made from the write, so storing it twice leaves one. */
export interface Fact {
  readonly id: string;
  readonly record: string;
  readonly at: Date;
  readonly by: Actor;
  readonly kind: FactKind;
  readonly changes: readonly FieldChange[];
  readonly run: string | null;
  readonly exchange: Exchange | null;
  readonly problem: Problem | null;
}
