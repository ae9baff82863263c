// What the core and the use cases ask of the world outside. Adapters implement these; nothing here knows of HTTP or MongoDB.
import type { Company, ConnectionState, ImportState, Invitation, Member, Role, Settings, SettingsChange, User } from './company.ts';
import type { Problem, ProblemCode, RawFault } from './problems.ts';
import type {
  Actor, ClassWrite, CostCode, Exclusion, Exchange, Fact, FactKind, Intent, IntendedBatch, QuickBooksClass, RecordStatus, RunPlace, StagedRecord, Tenant,
} from './records.ts';
import type { Asked, Lease, Run, RunCounts, RunState, Windows } from './run.ts';
import type { RecordFilter, RecordOrder, Selection } from './selection.ts';

// ---------------------------------------------------------------------------------------------------------------- time and chance

export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  /** `bytes` random bytes in lower-case hex. */
  hex(bytes: number): string;
  /** Uniform in [0, 1). */
  unit(): number;
}

// ---------------------------------------------------------------------------------------------------------------- Linarc

/** One entry of the library. `costCode` is null when the entry could not be read, and `unreadable` says why. */
export interface LibraryEntry {
  readonly linarcId: string | null;
  readonly raw: Readonly<Record<string, unknown>>;
  readonly costCode: CostCode | null;
  readonly unreadable: string | null;
  /** Why a person has to look at the entry before it counts, though it can be read. */
  readonly doubt?: Problem;
}

export interface LibraryPage {
  readonly entries: readonly LibraryEntry[];
  /** How many the whole listing holds, as Linarc says. */
  readonly total: number;
}

/** Which Linarc company, and the key that opens it. Never logged, never shown. */
export interface LibraryKey {
  readonly companyId: string;
  readonly apiKey: string;
}

/** The kinds of work there are, in Linarc's order (linarc.md §4.1). */
export const TASK_TYPES = ['ADMIN', 'OFFICE', 'FIELD', 'T&M', 'Recurring Cost'] as const;

/** Which entries of the library are looked for; an absent field does not narrow. */
export interface LibraryQuestion {
  /** Held by code or name. */
  readonly search?: string;
  readonly taskType?: string;
  readonly divisionCode?: string;
  readonly active?: boolean;
}

/** The cost-code library of one Linarc company. All methods throw ProblemError with a `linarc_…` code. */
export interface Library {
  /** The company the key belongs to; used to test a key. */
  company(key: LibraryKey): Promise<{ id: string; name: string; costCodeCount: number }>;
  /** The whole library, or what changed since then, page by page. */
  pages(key: LibraryKey, options?: { updatedSince?: Date; signal?: AbortSignal }): AsyncIterable<LibraryPage>;
  /** These entries, in any order; unknown ids are left out. Any number of ids. */
  entries(key: LibraryKey, linarcIds: readonly string[]): Promise<readonly LibraryEntry[]>;
  /** One page for the picker; `cursor` from the previous answer to the same question. */
  find(key: LibraryKey, ask: LibraryQuestion & { readonly cursor: string | null; readonly limit: number }): Promise<LibraryPage & { readonly next: string | null }>;
  /**
   * Has Linarc call `url` when codes change, in the place of whatever called it before. Null when the webhook `known` does so already;
   * otherwise the new one's id and the secret it signs by.
   */
  subscribe(key: LibraryKey, url: string, known: string | null): Promise<{ id: string; secret: string } | null>;
  /** Ends that; one that is not there any more is no error. */
  unsubscribe(key: LibraryKey, id: string): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------- spreadsheets

/** A cell that the spreadsheet program may have changed while somebody typed: it holds a date or a number where a text belongs. */
export interface CellDoubt {
  readonly field: 'code' | 'name' | 'divisionCode';
  /** The column's heading. */
  readonly label: string;
  readonly kind: 'date' | 'number';
  /** The number, or the date as YYYY-MM-DD; in a CSV file what stands there. */
  readonly shown: string;
}

/** One row with something in it. `costCode` is null when the row could not be read, and `unreadable` says why. */
export interface SheetRow {
  /** As the spreadsheet program numbers it: the first row of the sheet is 1. */
  readonly number: number;
  /** What its code and name cells show, readable or not. */
  readonly code: string;
  readonly name: string;
  /** The cells' texts by heading. */
  readonly raw: Readonly<Record<string, string>>;
  readonly costCode: CostCode | null;
  readonly unreadable: string | null;
  readonly doubts: readonly CellDoubt[];
}

/** The cost codes of a file, with the headings of any generation brought to one set (linarc.md §4.3). */
export interface SheetRows {
  /** The sheet's name; null for a file that has none. */
  readonly sheet: string | null;
  readonly generation: 'newest' | 'middle' | 'oldest';
  readonly headerRow: number;
  readonly headers: readonly string[];
  /** What the file has a column for; of the rest a row says nothing. */
  readonly fields: readonly (keyof CostCode)[];
  readonly rows: readonly SheetRow[];
}

/** Reads an Excel workbook (.xlsx) or a CSV file. Throws ProblemError with a `sheet_…` code when the file as a whole is of no use. */
export type ReadSpreadsheet = (bytes: Uint8Array, fileName: string) => Promise<SheetRows>;

// ---------------------------------------------------------------------------------------------------------------- QuickBooks: identity

/** Tokens as the token endpoint gave them. Times are absolute. */
export interface Grant {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly accessExpiresAt: Date;
  readonly refreshExpiresAt: Date;
  /** The refresh token's final end (five years), when Intuit told it. */
  readonly refreshHardExpiresAt: Date | null;
}

export interface Person {
  readonly sub: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string;
}

/** A token call Intuit refused or that had no clear end. `invalid_grant` = the refresh token or code is dead. */
export class GrantError extends Error {
  readonly kind: 'invalid_grant' | 'refused' | 'unreachable';
  readonly intuitTid: string | null;

  constructor(kind: GrantError['kind'], message: string, intuitTid: string | null = null) {
    super(message);
    this.name = 'GrantError';
    this.kind = kind;
    this.intuitTid = intuitTid;
  }
}

/** Intuit's OAuth 2.0 and OpenID Connect (quickbooks.md §1). Methods that call Intuit throw GrantError. */
export interface Identity {
  /** Where to send the browser to sign in only (openid profile email), or to connect (also accounting). */
  authorizeUrl(ask: { purpose: 'sign_in' | 'connect'; redirectUri: string; state: string; nonce: string }): string;
  /** Exchanges the code; checks the id_token (issuer, audience, signature, expiry, nonce) and reads who it is. */
  exchange(code: { code: string; redirectUri: string; nonce: string }): Promise<{ grant: Grant; person: Person }>;
  refresh(refreshToken: string): Promise<Grant>;
  /** Ends the grant; resolves also when Intuit says it was dead already. */
  revoke(refreshToken: string): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------- QuickBooks: books

/** How a call to QuickBooks ended, before anybody reads what was in it (quickbooks.md §6). */
export type Refusal =
  /** Certainly not done, and why. `retryAfter` in ms when QuickBooks said so. */
  | { readonly kind: 'refused'; readonly fault: RawFault; readonly retryAfter: number | null }
  /** Nobody can tell whether it was done: time-out, cut or senseless answer, 5xx. */
  | { readonly kind: 'unknown'; readonly why: string; readonly status: number | null; readonly intuitTid: string | null };

/** Thrown by the reading methods of Books. */
export class BooksError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.kind === 'refused' ? `QuickBooks refused: ${refusal.fault.code ?? refusal.fault.status ?? 'no code'}` : `QuickBooks gave no clear answer: ${refusal.why}`);
    this.name = 'BooksError';
    this.refusal = refusal;
  }
}

export interface BatchItem {
  readonly bId: string;
  readonly operation: 'create' | 'update';
  readonly body: ClassWrite;
}

export type ItemAnswer =
  | { readonly kind: 'done'; readonly class: QuickBooksClass; readonly response: unknown }
  | { readonly kind: 'refused'; readonly fault: RawFault; readonly response: unknown };

/** The answer to a batch. An item asked for and not in `items` was not answered: its outcome is unknown. */
export type BatchAnswer =
  | {
      readonly kind: 'answered';
      readonly items: ReadonlyMap<string, ItemAnswer>;
      readonly status: number;
      readonly intuitTid: string | null;
      /** Milliseconds. */
      readonly took: number;
    }
  | (Refusal & { readonly took: number });

export interface CompanyFacts {
  readonly name: string;
  readonly plan: string | null;
  readonly classTracking: 'off' | 'per_transaction' | 'per_line';
  /** Active locations; null where the plan has no limit that they count toward. */
  readonly locations: number | null;
}

/** Gives the access token to use for a company, refreshing it when due (quickbooks.md §1.5). Throws GrantError. */
export interface AccessTokens {
  current(): Promise<string>;
  /** A token other than `refused`, which QuickBooks answered with 401. */
  renewed(refused: string): Promise<string>;
}

/** The class list of one QuickBooks company. Each method is one or more calls; `onCall` hears of each before it is sent, to pace it. */
export interface Books {
  facts(): Promise<CompanyFacts>;
  /** Every class, inactive ones too, ordered by id, in pages of up to 1,000; repeated rows are dropped. */
  classes(options?: { signal?: AbortSignal }): AsyncIterable<readonly QuickBooksClass[]>;
  /** Those of these ids that exist, inactive ones too. */
  byIds(ids: readonly string[]): Promise<readonly QuickBooksClass[]>;
  /** Classes whose own name (not the path) is one of these, or one of these with the suffix of an inactive class. */
  byNames(names: readonly string[]): Promise<readonly QuickBooksClass[]>;
  /**
   * What changed since then, in one call (quickbooks.md §3.4): classes as they are now, and ids QuickBooks calls deleted, which may be
   * inactive ones too. `complete` is false when there may be more.
   */
  changedSince(since: Date): Promise<{ readonly classes: readonly QuickBooksClass[]; readonly deleted: readonly string[]; readonly complete: boolean }>;
  /** Writes up to 30 classes (quickbooks.md §3.3). Never throws for what QuickBooks or the network does. */
  batch(requestid: string, items: readonly BatchItem[]): Promise<BatchAnswer>;
}

export type CallKind = 'read' | 'batch';

/** Opens the books of a company. `beforeCall` is awaited before every call and may delay it. */
export type OpenBooks = (realmId: string, tokens: AccessTokens, beforeCall: (kind: CallKind) => Promise<void>) => Books;

// ---------------------------------------------------------------------------------------------------------------- stores

export interface NewCompany {
  readonly realmId: string;
  readonly facts: CompanyFacts;
  readonly grant: Grant;
  readonly at: Date;
}

/** A refresh in progress: only its holder may store the next grant. */
export interface GrantLease {
  readonly grant: Grant;
  readonly version: number;
  /** Another grant that may be good where this one is not: the one before it, or one that came too late to be stored in its place. */
  readonly spare: Grant | null;
}

export interface Companies {
  get(company: Tenant): Promise<Company | null>;
  /** The tenants of these ids that exist; for the switcher and for a user's way in. */
  named(companies: readonly Tenant[]): Promise<readonly Company[]>;
  byRealm(realmId: string): Promise<Company | null>;
  /** Creates the company of this realm, or connects it again with the new grant; settings and mappings stay. */
  connect(given: NewCompany): Promise<Company>;
  realmId(company: Tenant): Promise<string>;
  /** The stored grant with its version; null when disconnected. */
  grant(company: Tenant): Promise<GrantLease | null>;
  /** Takes the right to refresh version `version` for `ms` by the database's clock; false when somebody has it or the version moved. */
  leaseRefresh(company: Tenant, version: number, owner: string, ms: number): Promise<boolean>;
  /** Stores the next grant over `version`, keeping the old one as the spare, and ends the refresh lease; false when it moved. */
  saveGrant(company: Tenant, version: number, grant: Grant): Promise<boolean>;
  /** Keeps a grant as the spare of the stored one, if there is one. */
  keepSpare(company: Tenant, grant: Grant): Promise<void>;
  releaseRefresh(company: Tenant, owner: string): Promise<void>;
  /**
   * Changes the connection's state; `disconnected` deletes the tokens, and stays until somebody connects. With `over`, only while the
   * grant has that version, or while nobody has connected since; false when that is past.
   */
  setConnection(company: Tenant, state: ConnectionState, at: Date, over?: { version?: number; connectedAt?: Date | null }): Promise<boolean>;
  saveFacts(company: Tenant, facts: CompanyFacts, at: Date): Promise<void>;
  /** Keeps who decided to go beyond the plan's limit; null takes that back. */
  saveOverLimit(company: Tenant, overLimit: Company['overLimit']): Promise<void>;
  linkLinarc(company: Tenant, link: LibraryKey & { name: string; at: Date }): Promise<void>;
  unlinkLinarc(company: Tenant): Promise<void>;
  libraryKey(company: Tenant): Promise<LibraryKey | null>;
  /** Notes since when Linarc refuses the key, or that it takes it again. */
  linarcRefused(company: Tenant, since: Date | null): Promise<void>;
  /** Stores settings over version `over`; false when somebody else saved some meanwhile. */
  saveSettings(company: Tenant, over: number, settings: Settings, change: SettingsChange): Promise<boolean>;
  /** Starts an import unless one runs whose last sign of life is younger than `staleMs`; false when one does. */
  startImport(company: Tenant, started: ImportState, staleMs: number): Promise<boolean>;
  /** Writes the progress or the end of import `id`; false when it is no longer the company's current one. */
  saveImport(company: Tenant, state: ImportState): Promise<boolean>;
  classesRead(company: Tenant, at: Date): Promise<void>;
}

export interface Users {
  get(id: string): Promise<User | null>;
  /** Finds by `sub`, creating or refreshing name and e-mail. */
  signIn(person: Person): Promise<User>;
  /** Makes the user a member; the first member of a company becomes admin, whatever role was asked for. Raises a role, never lowers it. */
  join(user: string, company: Tenant, role: Role): Promise<User>;
}

/** What came of a change to a company's team; `last_admin`: it would have been left without an administrator. */
export type TeamChange = 'done' | 'last_admin' | 'no_member';

/** Who belongs to a company. Changes to one company's team are decided one after the other, so that the last administrator stays. */
export interface Team {
  /** Ordered by name. */
  members(company: Tenant): Promise<readonly Member[]>;
  setRole(company: Tenant, user: string, role: Role): Promise<TeamChange>;
  remove(company: Tenant, user: string): Promise<TeamChange>;
  /** Which company a person last worked in; the next launch leads there. */
  lastOpened(user: string): Promise<Tenant | null>;
  opened(user: string, company: Tenant): Promise<void>;
  /** Whether a person wants the company's notices by e-mail. */
  wantsMail(company: Tenant, user: string): Promise<boolean>;
  setMail(company: Tenant, user: string, wanted: boolean): Promise<void>;
}

/** Links into a company, each for one person. They are found by a digest of their secret; nobody can read the link out of the store. */
export interface Invitations {
  add(company: Tenant, digest: string, invitation: Invitation): Promise<void>;
  /** Those nobody took yet and that still hold, the newest first. */
  open(company: Tenant, now: Date): Promise<readonly Invitation[]>;
  /** With who took it, if anybody did. */
  find(digest: string): Promise<(Invitation & { readonly company: Tenant; readonly usedBy: string | null }) | null>;
  /** Takes it for this person; false when another took it or it was withdrawn. Taking it again changes nothing. */
  use(company: Tenant, id: string, user: string, at: Date): Promise<boolean>;
  /** False when there is none that is open. */
  withdraw(company: Tenant, id: string): Promise<boolean>;
}

/** A record as an import wants it staged; the store keeps the rest as it is. */
export type StagedDraft = Pick<
  StagedRecord,
  'kind' | 'linarcId' | 'raw' | 'source' | 'sourceHash' | 'wanted' | 'wantedKey' | 'level' | 'codeKey' | 'sortKey' | 'status' | 'problem' | 'goneAt' | 'excluded'
> & {
  /** The version the draft was worked out from; null for a new record. */
  readonly over: number | null;
  readonly importedAt: Date;
};

export type RecordChange = Partial<
  Pick<
    StagedRecord,
    | 'status' | 'problem' | 'link' | 'aliases' | 'syncedAt' | 'excluded' | 'goneAt' | 'overwrite' | 'run' | 'intent' | 'settledIn' | 'lastExchange' | 'wanted'
    | 'wantedKey' | 'linarcId' | 'accepted'
  >
>;

export interface GuardedChange {
  readonly id: string;
  /** The version the change was decided on; null when it holds over any. */
  readonly version: number | null;
  readonly change: RecordChange;
}

export interface RecordPage {
  readonly records: readonly StagedRecord[];
  readonly total: number;
}

/** Records that failed, or wait for a person, for one and the same reason. */
export interface CauseCount {
  readonly status: 'failed' | 'needs_action';
  readonly code: ProblemCode;
  readonly count: number;
}

/** How the cost codes of one division stand; excluded ones do not count. */
export interface DivisionCounts {
  readonly code: string;
  readonly name: string;
  readonly byStatus: Readonly<Record<RecordStatus, number>>;
}

export interface StatusCounts {
  readonly total: number;
  readonly byStatus: Readonly<Record<RecordStatus, number>>;
  readonly excluded: number;
}

/** A run's lease as its worker last saw it. */
export type Hold = Pick<Lease, 'fence' | 'until'>;

/** Takes a step under a run's lease as it is then, and takes it again if the lease had run out by the database's clock before it ended. Adds up what the steps return. */
export type UnderLease = (step: (lease: Hold) => Promise<number>) => Promise<number>;

export interface CostCodes {
  get(company: Tenant, id: string): Promise<StagedRecord | null>;
  byIds(company: Tenant, ids: readonly string[]): Promise<readonly StagedRecord[]>;
  /** The versions of those records that are there, and no more of them. */
  versions(company: Tenant, ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  byLinarcIds(company: Tenant, linarcIds: readonly string[]): Promise<readonly StagedRecord[]>;
  /** `offset` counts records of the whole filtered list. */
  page(company: Tenant, filter: RecordFilter, order: RecordOrder, offset: number, limit: number): Promise<RecordPage>;
  counts(company: Tenant): Promise<StatusCounts>;
  /** Why records failed or wait for a person, the commonest reason first. */
  causes(company: Tenant): Promise<readonly CauseCount[]>;
  /** How each division stands, in natural order of their codes; records that name no division are left out. */
  divisions(company: Tenant): Promise<readonly DivisionCounts[]>;
  /** The task types in use, sorted. */
  taskTypes(company: Tenant): Promise<readonly string[]>;
  /** All matching records, streamed; in the order of their codes unless another is asked for. */
  stream(company: Tenant, selection: Selection, order?: RecordOrder): AsyncIterable<StagedRecord>;
  /** Inserts and updates drafts; a draft over an old version is left out and returned, to be worked out again. */
  stage(company: Tenant, drafts: readonly StagedDraft[]): Promise<readonly StagedDraft[]>;
  /** All not excluded and not gone records that share one of these keys with another, and those that have one of them alone. */
  byKeys(company: Tenant, keys: { codeKeys: readonly string[]; wantedKeys: readonly string[] }): Promise<readonly StagedRecord[]>;
  /** Every linarcId staged, streamed, cost codes only. */
  linarcIds(company: Tenant): AsyncIterable<string>;
  /** Changes one record over the given version and outside a run; null when it moved. */
  change(company: Tenant, id: string, version: number, change: RecordChange): Promise<StagedRecord | null>;
  /**
   * Takes all cost codes of a Linarc company out of the list for good: their ids get this prefix, which has a colon, and their classes are
   * let go. Those of spreadsheets, and those taken out before, are left alone. Returns how many.
   */
  retire(company: Tenant, prefix: string, excluded: Exclusion): Promise<number>;
  /** Which other records are linked to these classes: class id → record ids. */
  linkedTo(company: Tenant, classIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;

  // Within a run. Each write matches the run and its fencing token.
  /**
   * Puts the selected records that can be pushed (needs_sync, failed; not excluded, not in a run) into the run, and before each the parents
   * it needs that can be; one with an intent left over is to be looked up first. It takes steps of some records, each of none once the
   * lease is over by the database's clock: nobody would ever let go of them. Returns how many.
   */
  claim(company: Tenant, run: string, under: UnderLease, asked: Asked): Promise<number>;
  /**
   * Notes what was sent on the records of the run that are still under the token it was sent with: each has that intent, is to be looked up
   * before anything else, counts one try more, and belongs to `fence` from now on. Any other has been taken over or settled since.
   */
  adopt(company: Tenant, run: string, fence: number, batch: IntendedBatch): Promise<void>;
  /** Hands every record of the run to a higher fencing token, so that the old holder's writes no longer match. */
  refence(company: Tenant, run: string, fence: number): Promise<void>;
  /** How many of the selected records stand in each status; excluded ones count as `excluded` alone. */
  tally(company: Tenant, selection: Selection): Promise<Readonly<Record<RecordStatus | 'excluded', number>>>;
  /** The lowest level with open records of the run under this fencing token; null when it has none. */
  openLevel(company: Tenant, run: string, fence: number): Promise<number | null>;
  /** Its next open records at this level in the order of their codes, behind the record `after`; not yet due ones are left out. */
  nextInRun(company: Tenant, run: string, fence: number, options: { level: number; now: Date; after: string | null; limit: number }): Promise<readonly StagedRecord[]>;
  /** How many open records the run has. */
  openInRun(company: Tenant, run: string): Promise<number>;
  /** When the first of the open records that wait is due; null when none waits. */
  nextDue(company: Tenant, run: string): Promise<Date | null>;
  /** Writes changes to records of the run. Returns the ids of those left alone: no longer under this fence, or of another version. */
  writeInRun(company: Tenant, run: string, fence: number, changes: readonly GuardedChange[]): Promise<{ missed: readonly string[] }>;
  /** Counts the records this run settled, by outcome. */
  settledIn(company: Tenant, run: string): Promise<Omit<RunCounts, 'released'>>;
  /** Takes every open record out of the run, back to its former status; an intent stays, so that the next run looks first. Returns how many. */
  release(company: Tenant, run: string, fence: number): Promise<number>;
}

export interface ClassMirror {
  /** The time by the database's clock, by which the mirror notes when it saved a class. */
  time(): Promise<Date>;
  /** Inserts or updates what QuickBooks told just now; a newer state of a class stays. */
  save(company: Tenant, classes: readonly QuickBooksClass[]): Promise<void>;
  /**
   * Removes what was not saved since then, by `time`. Call only after a read of everything that began then and is known complete;
   * what a write or another read saved meanwhile stays. Returns how many.
   */
  dropUnseen(company: Tenant, since: Date): Promise<number>;
  /** Forgets classes QuickBooks no longer knows. */
  drop(company: Tenant, ids: readonly string[]): Promise<void>;
  byIds(company: Tenant, ids: readonly string[]): Promise<readonly QuickBooksClass[]>;
  /** Classes of this parent whose folded name (without an inactive suffix) is one of these. */
  byNames(company: Tenant, asked: readonly { parentId: string | null; foldedName: string }[]): Promise<readonly QuickBooksClass[]>;
  /** Classes of these folded names wherever they stand. */
  withNames(company: Tenant, foldedNames: readonly string[]): Promise<readonly QuickBooksClass[]>;
  /** By the class's own name, in its order; `skip` of them passed over. */
  search(company: Tenant, text: string, limit: number, skip?: number): Promise<readonly QuickBooksClass[]>;
  /** Classes whose own name holds any, or all, of these texts. */
  holding(company: Tenant, texts: readonly string[], how: 'any' | 'all', limit: number): Promise<readonly QuickBooksClass[]>;
  /** The classes right below this one (null: at the top), by name. */
  below(company: Tenant, parentId: string | null, limit: number, skip: number): Promise<readonly QuickBooksClass[]>;
  /** How many classes stand right below each of these; ones without any are left out. */
  countBelow(company: Tenant, ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  count(company: Tenant): Promise<{ active: number; inactive: number }>;
}

export interface Runs {
  /** Starts a run; null when the company has an active one. */
  start(company: Tenant, by: Actor, asked: Asked, at: Date): Promise<Run | null>;
  get(company: Tenant, id: string): Promise<Run | null>;
  active(company: Tenant): Promise<Run | null>;
  recent(company: Tenant, limit: number): Promise<readonly Run[]>;
  /** Runs of all companies to be worked on (queued, running, waiting, cancelling) that no live lease holds. */
  unheld(limit: number): Promise<readonly { id: string; company: Tenant }[]>;
  /** Takes the lease for `ms` by the database's clock, adding 1 to the fencing token; null while another holds it or it is not active. */
  acquire(company: Tenant, id: string, owner: string, ms: number): Promise<Run | null>;
  /** Prolongs the lease and stores windows; null when the lease was lost. */
  renew(company: Tenant, id: string, fence: number, ms: number, windows: Windows): Promise<Run | null>;
  /** Changes facts of the run under the lease; false when it was lost. */
  write(company: Tenant, id: string, fence: number, change: Partial<Pick<Run, 'state' | 'waiting' | 'problem' | 'startedAt' | 'windows' | 'counts' | 'total' | 'taken'>>): Promise<boolean>;
  /** Adds to counters under the lease; false when it was lost. */
  add(company: Tenant, id: string, fence: number, add: { counts?: Partial<RunCounts>; batchesSent?: number; callsSent?: number }): Promise<boolean>;
  /** Adds a selection to what the active run was asked for; null when it has ended meanwhile. */
  ask(company: Tenant, id: string, asked: Asked): Promise<Run | null>;
  /** Ends the run under the lease, if it was asked for exactly `asked` selections; false when more came or the lease was lost. */
  end(company: Tenant, id: string, fence: number, end: { state: RunState; problem: Problem | null; at: Date; asked: number }): Promise<boolean>;
  /** Gives the lease back so that another worker may go on at once. */
  handOver(company: Tenant, id: string, fence: number): Promise<void>;
  /** A person's wish: pause, resume or cancel. Null when it does not apply to the run's state. */
  wish(company: Tenant, id: string, wish: 'pause' | 'resume' | 'cancel'): Promise<Run | null>;
}

/**
 * The batches under way. Each is stored before it is sent and dropped once its answers are stored, so that what is found of a worker that
 * is gone may have been carried out.
 */
export interface Intents {
  /** In the place of what was stored under its requestid before. */
  store(company: Tenant, batch: IntendedBatch): Promise<void>;
  /** Those of this run, by whoever stored them, in the order of their fencing tokens. */
  of(company: Tenant, run: string): Promise<readonly IntendedBatch[]>;
  /** Forgets the batch as it was stored under this fencing token. */
  drop(company: Tenant, batch: Pick<IntendedBatch, 'requestid' | 'fence'>): Promise<void>;
}

export interface History {
  /** Stores facts; a fact whose id is there already is left as it is. */
  add(company: Tenant, facts: readonly Fact[]): Promise<void>;
  /** Newest first. */
  of(company: Tenant, record: string, options: { limit: number; before?: Pick<Fact, 'at' | 'id'>; kinds?: readonly FactKind[] }): Promise<readonly Fact[]>;
  /** The newest exchange with QuickBooks about a record. */
  lastExchange(company: Tenant, record: string): Promise<Exchange | null>;
  /** What one run did, oldest first, streamed. */
  ofRun(company: Tenant, run: string): AsyncIterable<Fact>;
}

/** Sends work to whichever process is free (agenda). Losing a message is harmless: `Runs.unheld` finds what was left. */
export interface Dispatch {
  push(company: Tenant, run: string): Promise<void>;
  import(company: Tenant, importId: string): Promise<void>;
  /** Something was told of this company, or a round is due: keepFresh (sync/fresh.ts). */
  fresh(company: Tenant): Promise<void>;
}

export type { Exclusion, Exchange, Intent, RunPlace };
