// The stores of server/core/ports.ts in memory: every decision one compare-and-set on one document, like the real ones. Documents are
// never changed in place, so that what was read stays what it was. They pass the same battery as the stores on MongoDB.
import { DEFAULT_SETTINGS, ROLES, type Company, type ImportState, type SettingsChange, type User } from '../../server/core/company.ts';
import type { Changes, OpenChange, Teller, ToldChange } from '../../server/core/fresh.ts';
import { bareClassName, fold, sortKey } from '../../server/core/names.ts';
import type {
  ClassMirror, Companies, CostCodes, Grant, GuardedChange, History, Hold, Intents, LibraryKey, NewCompany, Random, RecordChange, Runs, StagedDraft, UnderLease, Users,
} from '../../server/core/ports.ts';
import type { ProblemCode } from '../../server/core/problems.ts';
import type { Fact, IntendedBatch, QuickBooksClass, RecordStatus, StagedRecord, Tenant } from '../../server/core/records.ts';
import { NO_RUN_COUNTS, OPEN_WINDOWS, type Asked, type Run, type RunState } from '../../server/core/run.ts';
import type { RecordFilter, RecordOrder, Selection } from '../../server/core/selection.ts';

export interface MemoryStores {
  readonly companies: Companies;
  readonly users: Users;
  readonly costCodes: CostCodes;
  readonly classes: ClassMirror;
  readonly runs: Runs;
  readonly intents: Intents;
  readonly history: History;
  readonly changes: Changes;
}

interface CompanyRow {
  readonly company: Omit<Company, 'linarc' | 'import' | 'fence'>;
  readonly realmId: string;
  readonly grant: Grant | null;
  readonly spare: Grant | null;
  readonly version: number;
  readonly refreshLease: { readonly owner: string; readonly until: number } | null;
  readonly link: (LibraryKey & { readonly name: string; readonly at: Date; readonly refusedAt: Date | null }) | null;
  readonly import: (ImportState & { readonly aliveAt: number }) | null;
  readonly founder: string | null;
  readonly fence: number;
}

interface MirrorRow {
  readonly seen: QuickBooksClass;
  readonly order: number;
  /** By the database's clock. */
  readonly seenAt: number;
}

/** All that is stored. The stores over it share it, as processes share a database. */
export class MemoryDatabase {
  readonly companies = new Map<Tenant, CompanyRow>();
  readonly users = new Map<string, User>();
  readonly records = new Map<Tenant, Map<string, StagedRecord>>();
  readonly mirror = new Map<Tenant, Map<string, MirrorRow>>();
  readonly runs = new Map<string, Run & { readonly fence: number }>();
  readonly intents = new Map<Tenant, Map<string, IntendedBatch>>();
  readonly history = new Map<Tenant, Map<string, Fact>>();
  readonly changes = new Map<Tenant, Map<string, ChangeRow>>();
  private readonly tokens = new Map<string, Set<string>>();
  /** The database's own clock, in milliseconds since 1970. */
  readonly now: () => number;
  readonly random: Random;
  /** Called before each document of a write over several; may throw, so that the rest is not written. */
  beforeDocument: () => void = () => {};

  constructor(now: () => number, random: Random) {
    this.now = now;
    this.random = random;
  }

  /** Whether this access token of a realm is stored, or ever was. */
  isStoredToken(realmId: string, token: string): boolean {
    return this.tokens.get(realmId)?.has(token) ?? false;
  }

  saveCompany(row: CompanyRow): void {
    this.companies.set(row.company.id, row);
    if (row.grant) entry(this.tokens, row.realmId, () => new Set<string>()).add(row.grant.accessToken);
  }

  /** The record that is linked to a class of this realm. */
  recordOf(realmId: string, classId: string): StagedRecord | undefined {
    const company = [...this.companies.values()].find((row) => row.realmId === realmId)?.company.id;
    return company && [...this.recordsOf(company).values()].find(({ link }) => link?.id === classId);
  }

  recordsOf(company: Tenant): Map<string, StagedRecord> {
    return entry(this.records, company, () => new Map());
  }

  mirrorOf(company: Tenant): Map<string, MirrorRow> {
    return entry(this.mirror, company, () => new Map());
  }

  /** The companies of these realms. */
  ofRealms(realmIds: readonly string[]): ReadonlyMap<string, Tenant> {
    return new Map([...this.companies.values()].filter(({ realmId }) => realmIds.includes(realmId)).map(({ realmId, company }) => [realmId, company.id]));
  }

  changesOf(company: Tenant): Map<string, ChangeRow> {
    return entry(this.changes, company, () => new Map());
  }

  intentsOf(company: Tenant): Map<string, IntendedBatch> {
    return entry(this.intents, company, () => new Map());
  }

  historyOf(company: Tenant): Map<string, Fact> {
    return entry(this.history, company, () => new Map());
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

export function memoryStores(database: MemoryDatabase): MemoryStores {
  return {
    companies: new MemoryCompanies(database),
    users: new MemoryUsers(database),
    costCodes: new MemoryCostCodes(database),
    classes: new MemoryMirror(database),
    runs: new MemoryRuns(database),
    intents: new MemoryIntents(database),
    history: new MemoryHistory(database),
    changes: new MemoryChanges(database),
  };
}

// ---------------------------------------------------------------------------------------------------------------- companies, users

class MemoryCompanies implements Companies {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  async get(company: Tenant): Promise<Company | null> {
    const row = this.database.companies.get(company);
    return row ? companyOf(row) : null;
  }

  async named(companies: readonly Tenant[]): Promise<readonly Company[]> {
    const found = companies.flatMap((id) => this.database.companies.get(id) ?? []).map(companyOf);
    return found.sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
  }

  async byRealm(realmId: string): Promise<Company | null> {
    const row = this.ofRealm(realmId);
    return row ? companyOf(row) : null;
  }

  async connect({ realmId, facts, grant, at }: NewCompany): Promise<Company> {
    const known = this.ofRealm(realmId);
    const connected = { ...facts, factsAt: at, connection: 'connected', connectedAt: at, connectionChangedAt: at, connectionEndsAt: null } as const;
    const row: CompanyRow = known
      ? { ...known, company: { ...known.company, ...connected }, grant, spare: null, version: known.version + 1, refreshLease: null }
      : {
          company: { id: this.database.random.hex(12) as Tenant, ...connected, settings: DEFAULT_SETTINGS, formerLinarc: null, settingsVersion: 0, settingsChange: null, overLimit: null, lastImportedAt: null, classesReadAt: null },
          realmId, grant, spare: null, version: 0, refreshLease: null, link: null, import: null, founder: null, fence: 0,
        };
    this.database.saveCompany(row);
    return companyOf(row);
  }

  async realmId(company: Tenant): Promise<string> {
    return this.must(company).realmId;
  }

  async grant(company: Tenant) {
    const row = this.database.companies.get(company);
    return row?.grant ? { grant: row.grant, version: row.version, spare: row.spare } : null;
  }

  async leaseRefresh(company: Tenant, version: number, owner: string, ms: number): Promise<boolean> {
    return this.over(company, version, (row) => {
      if (row.refreshLease !== null && row.refreshLease.until > this.database.now()) return null;
      return { ...row, refreshLease: { owner, until: this.database.now() + ms } };
    });
  }

  async saveGrant(company: Tenant, version: number, grant: Grant): Promise<boolean> {
    return this.over(company, version, (row) => ({ ...row, grant, spare: row.grant, version: version + 1, refreshLease: null }));
  }

  async keepSpare(company: Tenant, grant: Grant): Promise<void> {
    this.set(company, (row) => (row.grant === null ? row : { ...row, spare: grant }));
  }

  async releaseRefresh(company: Tenant, owner: string): Promise<void> {
    this.set(company, (row) => (row.refreshLease?.owner === owner ? { ...row, refreshLease: null } : row));
  }

  async setConnection(company: Tenant, state: Company['connection'], at: Date, over: Parameters<Companies['setConnection']>[3] = {}): Promise<boolean> {
    const row = this.database.companies.get(company);
    if (!row || (over.version !== undefined && row.version !== over.version)) return false;
    if (over.connectedAt !== undefined && row.company.connectedAt?.getTime() !== over.connectedAt?.getTime()) return false;
    if ([state, 'disconnected'].includes(row.company.connection)) return true;
    const changed = { ...row, company: { ...row.company, connection: state, connectionChangedAt: at } };
    const forgotten = state === 'disconnected' ? { grant: null, spare: null, refreshLease: null, version: row.version + 1 } : {};
    this.database.saveCompany({ ...changed, ...forgotten });
    return true;
  }

  async saveFacts(company: Tenant, facts: NewCompany['facts'], factsAt: Date): Promise<void> {
    this.setCompany(company, { ...facts, factsAt });
  }

  async saveOverLimit(company: Tenant, overLimit: Company['overLimit']): Promise<void> {
    this.setCompany(company, { overLimit });
  }

  async linkLinarc(company: Tenant, link: LibraryKey & { name: string; at: Date }): Promise<void> {
    this.set(company, (row) => ({ ...row, link: { ...link, refusedAt: null } }));
  }

  async unlinkLinarc(company: Tenant): Promise<void> {
    this.set(company, (row) => ({ ...row, link: null, company: { ...row.company, formerLinarc: row.link && { companyId: row.link.companyId, name: row.link.name } } }));
  }

  async libraryKey(company: Tenant): Promise<LibraryKey | null> {
    const link = this.database.companies.get(company)?.link;
    return link ? { companyId: link.companyId, apiKey: link.apiKey } : null;
  }

  async linarcRefused(company: Tenant, refusedAt: Date | null): Promise<void> {
    this.set(company, (row) => (row.link === null ? row : { ...row, link: { ...row.link, refusedAt } }));
  }

  async saveSettings(company: Tenant, over: number, settings: Company['settings'], settingsChange: SettingsChange): Promise<boolean> {
    const row = this.database.companies.get(company);
    if (row?.company.settingsVersion !== over) return false;
    this.setCompany(company, { settings, settingsVersion: over + 1, settingsChange });
    return true;
  }

  async startImport(company: Tenant, started: ImportState, staleMs: number): Promise<boolean> {
    const now = this.database.now();
    const row = this.database.companies.get(company);
    if (!row || (row.import?.state === 'running' && row.import.aliveAt > now - staleMs)) return false;
    this.database.saveCompany({ ...row, import: { ...started, aliveAt: now } });
    return true;
  }

  async saveImport(company: Tenant, state: ImportState): Promise<boolean> {
    const row = this.database.companies.get(company);
    if (row?.import?.id !== state.id) return false;
    const done = state.state === 'done' ? { lastImportedAt: state.endedAt } : {};
    this.database.saveCompany({ ...row, company: { ...row.company, ...done }, import: { ...state, aliveAt: this.database.now() } });
    return true;
  }

  async classesRead(company: Tenant, at: Date): Promise<void> {
    this.setCompany(company, { classesReadAt: at });
  }

  private ofRealm(realmId: string): CompanyRow | undefined {
    return [...this.database.companies.values()].find((row) => row.realmId === realmId);
  }

  private must(company: Tenant): CompanyRow {
    const row = this.database.companies.get(company);
    if (!row) throw new Error('There is no such company.');
    return row;
  }

  private set(company: Tenant, change: (row: CompanyRow) => CompanyRow): void {
    const row = this.database.companies.get(company);
    if (row) this.database.saveCompany(change(row));
  }

  private setCompany(company: Tenant, fields: Partial<CompanyRow['company']>): void {
    this.set(company, (row) => ({ ...row, company: { ...row.company, ...fields } }));
  }

  private over(company: Tenant, version: number, change: (row: CompanyRow) => CompanyRow | null): boolean {
    const row = this.database.companies.get(company);
    const next = row && row.version === version && row.grant !== null ? change(row) : null;
    if (next) this.database.saveCompany(next);
    return next !== null;
  }
}

function companyOf({ company, link, import: state, fence }: CompanyRow): Company {
  const linarc = link && { companyId: link.companyId, name: link.name, linkedAt: link.at, refusedAt: link.refusedAt };
  if (state === null) return { ...company, linarc, import: null, fence };
  const { aliveAt: _aliveAt, ...shown } = state;
  return { ...company, linarc, import: shown, fence };
}

class MemoryUsers implements Users {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  async get(id: string): Promise<User | null> {
    return this.database.users.get(id) ?? null;
  }

  async signIn({ sub, email, name }: { sub: string; email: string; name: string }): Promise<User> {
    const known = [...this.database.users.values()].find((user) => user.sub === sub);
    const user: User = known ? { ...known, email, name } : { id: this.database.random.hex(12), sub, email, name, memberships: [] };
    this.database.users.set(user.id, user);
    return user;
  }

  async join(id: string, company: Tenant, asked: User['memberships'][number]['role']): Promise<User> {
    const user = this.database.users.get(id);
    if (!user) throw new Error('A user who does not exist cannot join a company.');
    const row = this.database.companies.get(company);
    const founds = row !== undefined && (row.founder === null || row.founder === id);
    if (row && founds) this.database.saveCompany({ ...row, founder: id });
    const role = founds ? 'admin' : asked;
    const standing = user.memberships.find((one) => one.company === company);
    if (standing && ROLES.indexOf(standing.role) <= ROLES.indexOf(role)) return user;
    const joined = { ...user, memberships: [...user.memberships.filter((one) => one.company !== company), { company, role }] };
    this.database.users.set(id, joined);
    return joined;
  }
}

// ---------------------------------------------------------------------------------------------------------------- cost codes

const PUSHABLE: readonly RecordStatus[] = ['needs_sync', 'failed'];
const UNTOUCHED = {
  link: null, aliases: [], syncedAt: null, overwrite: null, accepted: null, run: null, intent: null, settledIn: null, lastExchange: null,
} as const;

class MemoryCostCodes implements CostCodes {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  async get(company: Tenant, id: string): Promise<StagedRecord | null> {
    return this.database.recordsOf(company).get(id) ?? null;
  }

  async versions(company: Tenant, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map((await this.byIds(company, ids)).map(({ id, version }) => [id, version]));
  }

  async byIds(company: Tenant, ids: readonly string[]): Promise<readonly StagedRecord[]> {
    const wanted = new Set(ids);
    return this.ordered(company, (record) => wanted.has(record.id));
  }

  async byLinarcIds(company: Tenant, linarcIds: readonly string[]): Promise<readonly StagedRecord[]> {
    const wanted = new Set(linarcIds);
    return this.ordered(company, (record) => wanted.has(record.linarcId));
  }

  async page(company: Tenant, filter: RecordFilter, order: RecordOrder, offset: number, limit: number) {
    const found = this.ordered(company, matching(filter)).sort(byColumn(order));
    return { records: found.slice(offset, offset + limit), total: found.length };
  }

  async counts(company: Tenant) {
    const { excluded, ...byStatus } = tallyOf(this.database.recordsOf(company).values());
    return { total: Object.values(byStatus).reduce((sum, n) => sum + n, 0), byStatus, excluded };
  }

  async causes(company: Tenant) {
    const found = new Map<string, { status: 'failed' | 'needs_action'; code: ProblemCode; count: number }>();
    for (const { status, problem } of this.ordered(company, ({ excluded }) => excluded === null)) {
      if (problem === null || (status !== 'failed' && status !== 'needs_action')) continue;
      const one = entry(found, `${status} ${problem.code}`, () => ({ status, code: problem.code, count: 0 }));
      one.count += 1;
    }
    return [...found.values()].sort((a, b) => b.count - a.count || compare(a.code, b.code));
  }

  async divisions(company: Tenant) {
    const found = new Map<string, { code: string; name: string; byStatus: Record<RecordStatus, number> }>();
    for (const { status, source } of this.ordered(company, ({ excluded, source: { divisionCode } }) => excluded === null && divisionCode !== '')) {
      const none = { needs_sync: 0, needs_action: 0, syncing: 0, synced: 0, failed: 0 };
      const one = entry(found, source.divisionCode, () => ({ code: source.divisionCode, name: source.divisionName, byStatus: none }));
      one.byStatus[status] += 1;
    }
    return [...found.values()].sort((a, b) => compare(sortKey(a.code, ''), sortKey(b.code, '')));
  }

  async taskTypes(company: Tenant): Promise<readonly string[]> {
    const types = [...this.database.recordsOf(company).values()].map((record) => record.source.taskType);
    return [...new Set(types)].filter((type) => type !== '').sort(compare);
  }

  async *stream(company: Tenant, selection: Selection, order?: RecordOrder): AsyncIterable<StagedRecord> {
    const found = this.ordered(company, isSelected(selection));
    yield* order === undefined ? found : found.sort(byColumn(order));
  }

  async stage(company: Tenant, drafts: readonly StagedDraft[]): Promise<readonly StagedDraft[]> {
    const missed: StagedDraft[] = [];
    const byLinarcId = new Map([...this.database.recordsOf(company).values()].map((record) => [record.linarcId, record]));
    for (const draft of drafts) {
      this.database.beforeDocument();
      const { over, ...fields } = draft;
      const standing = byLinarcId.get(draft.linarcId);
      const fits = over === null ? standing === undefined : standing?.version === over;
      if (!fits) missed.push(draft);
      else if (standing) this.put(company, { ...standing, ...fields, version: standing.version + 1 });
      else byLinarcId.set(draft.linarcId, this.put(company, { id: this.database.random.hex(12), ...UNTOUCHED, ...fields, version: 1 }));
    }
    return missed;
  }

  async byKeys(company: Tenant, { codeKeys, wantedKeys }: { codeKeys: readonly string[]; wantedKeys: readonly string[] }): Promise<readonly StagedRecord[]> {
    const [codes, names] = [new Set(codeKeys), new Set(wantedKeys)];
    return this.ordered(company, (record) => record.excluded === null && record.goneAt === null && (codes.has(record.codeKey) || names.has(record.wantedKey)));
  }

  async retire(company: Tenant, prefix: string, excluded: NonNullable<StagedRecord['excluded']>): Promise<number> {
    const own = this.ordered(company, ({ kind, run, linarcId }) => kind === 'cost_code' && run === null && !linarcId.includes(':'));
    for (const record of own) {
      this.put(company, { ...record, linarcId: `${prefix}${record.linarcId}`, excluded, goneAt: excluded.at, status: 'needs_action', link: null, version: record.version + 1 });
    }
    return own.length;
  }

  async *linarcIds(company: Tenant): AsyncIterable<string> {
    for (const record of this.ordered(company, ({ kind }) => kind === 'cost_code')) yield record.linarcId;
  }

  async change(company: Tenant, id: string, version: number, change: RecordChange): Promise<StagedRecord | null> {
    const record = this.database.recordsOf(company).get(id);
    if (!record || record.version !== version || record.run !== null) return null;
    return this.put(company, { ...record, ...change, version: version + 1 });
  }

  async linkedTo(company: Tenant, classIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const wanted = new Set(classIds);
    const linked = new Map<string, string[]>();
    const records = [...this.database.recordsOf(company).values()].sort((a, b) => compare(a.id, b.id));
    for (const { id, link } of records) if (link && wanted.has(link.id)) linked.set(link.id, [...(linked.get(link.id) ?? []), id]);
    return linked;
  }

  claim(company: Tenant, run: string, under: UnderLease, asked: Asked): Promise<number> {
    return under((lease) => this.claimAll(company, run, lease, asked));
  }

  private async claimAll(company: Tenant, run: string, lease: Hold, asked: Asked): Promise<number> {
    if (this.database.now() >= lease.until.getTime()) return 0;
    const isAsked = isSelected(asked);
    let claimed = 0;
    const take = (record: StagedRecord) => {
      if (record.run !== null) return;
      this.database.beforeDocument();
      const { status: was, intent } = record;
      const place = { id: run, fence: lease.fence, attempts: 0, look: intent !== null, notBefore: null, was, consent: isAsked(record) ? asked.consent ?? [] : [] };
      this.put(company, { ...record, run: place, status: 'syncing', version: record.version + 1 });
      claimed += 1;
    };
    for (const { id } of this.ordered(company, isAsked)) for (const record of this.fromTheTop(company, id)) take(record);
    return claimed;
  }

  /** The record and those above it that it needs in a run, the uppermost first. */
  private fromTheTop(company: Tenant, id: string): StagedRecord[] {
    const line: StagedRecord[] = [];
    const records = this.database.recordsOf(company);
    for (let record = records.get(id); record && record.excluded === null && PUSHABLE.includes(record.status) && !line.includes(record);) {
      line.unshift(record);
      const { parent } = record.wanted;
      record = parent === null ? undefined : [...records.values()].find(({ linarcId }) => linarcId === parent);
    }
    return line;
  }

  async adopt(company: Tenant, run: string, fence: number, { fence: former, items }: IntendedBatch): Promise<void> {
    for (const { record: id, intent } of items) {
      this.database.beforeDocument();
      const record = this.database.recordsOf(company).get(id);
      if (record?.run?.id !== run || record.run.fence !== former) continue;
      const place = { ...record.run, fence, attempts: record.run.attempts + 1, look: true, notBefore: null };
      this.put(company, { ...record, intent, run: place, version: record.version + 1 });
    }
  }

  async refence(company: Tenant, run: string, fence: number): Promise<void> {
    for (const record of this.inRun(company, run)) {
      if (record.run === null || record.run.fence >= fence) continue;
      this.database.beforeDocument();
      this.put(company, { ...record, run: { ...record.run, fence }, version: record.version + 1 });
    }
  }

  async tally(company: Tenant, selection: Selection) {
    return tallyOf(this.ordered(company, isSelected(selection)));
  }

  async openLevel(company: Tenant, run: string, fence: number): Promise<number | null> {
    const levels = this.inRun(company, run).flatMap((record) => (record.run?.fence === fence ? [record.level] : []));
    return levels.length === 0 ? null : Math.min(...levels);
  }

  async nextInRun(company: Tenant, run: string, fence: number, { level, now, after, limit }: { level: number; now: Date; after: string | null; limit: number }): Promise<readonly StagedRecord[]> {
    const last = after === null ? undefined : this.database.recordsOf(company).get(after);
    const isDue = (due: Date | null) => due === null || due.getTime() <= now.getTime();
    const open = this.ordered(company, (record) => record.run?.id === run && record.run.fence === fence && record.level === level && isDue(record.run.notBefore));
    return open.filter((record) => last === undefined || inOrder(last, record) < 0).slice(0, limit);
  }

  async openInRun(company: Tenant, run: string): Promise<number> {
    return this.inRun(company, run).length;
  }

  async nextDue(company: Tenant, run: string): Promise<Date | null> {
    const dues = this.inRun(company, run).flatMap((record) => record.run?.notBefore?.getTime() ?? []);
    return dues.length > 0 ? new Date(Math.min(...dues)) : null;
  }

  async writeInRun(company: Tenant, run: string, fence: number, changes: readonly GuardedChange[]): Promise<{ missed: readonly string[] }> {
    const missed: string[] = [];
    for (const { id, version, change } of changes) {
      this.database.beforeDocument();
      const record = this.database.recordsOf(company).get(id);
      const fits = record?.run?.id === run && record.run.fence === fence && (version === null || record.version === version);
      if (record && fits) this.put(company, { ...record, ...change, version: record.version + 1 });
      else missed.push(id);
    }
    return { missed };
  }

  async settledIn(company: Tenant, run: string) {
    const { released: _released, ...none } = NO_RUN_COUNTS;
    const counts: { -readonly [outcome in keyof typeof none]: number } = { ...none };
    for (const { settledIn } of this.database.recordsOf(company).values()) if (settledIn?.run === run) counts[settledIn.outcome] += 1;
    return counts;
  }

  async release(company: Tenant, run: string, fence: number): Promise<number> {
    let released = 0;
    for (const record of this.inRun(company, run)) {
      if (record.run?.fence !== fence) continue;
      this.database.beforeDocument();
      this.put(company, { ...record, status: record.run.was, run: null, version: record.version + 1 });
      released += 1;
    }
    return released;
  }

  private put(company: Tenant, record: StagedRecord): StagedRecord {
    this.database.recordsOf(company).set(record.id, record);
    return record;
  }

  private inRun(company: Tenant, run: string): StagedRecord[] {
    return [...this.database.recordsOf(company).values()].filter((record) => record.run?.id === run);
  }

  private ordered(company: Tenant, wanted: (record: StagedRecord) => boolean): StagedRecord[] {
    return [...this.database.recordsOf(company).values()].filter(wanted).sort(inOrder);
  }
}

function matching(filter: RecordFilter): (record: StagedRecord) => boolean {
  const search = fold(filter.search ?? '');
  return (record) =>
    (record.excluded !== null) === (filter.excluded === true) &&
    (filter.status === undefined || record.status === filter.status) &&
    (filter.taskType === undefined || record.source.taskType === filter.taskType) &&
    (filter.active === undefined || record.source.active === filter.active) &&
    (filter.problem === undefined || record.problem?.code === filter.problem) &&
    (filter.division === undefined || record.source.divisionCode === filter.division) &&
    (filter.linked === undefined || (record.link !== null) === filter.linked) &&
    (filter.run === undefined || record.settledIn?.run === filter.run) &&
    (search === '' || fold(record.source.code).includes(search) || fold(record.source.name).includes(search));
}

function isSelected(selection: Selection): (record: StagedRecord) => boolean {
  if (selection.kind === 'ids') {
    const ids = new Set(selection.ids);
    return (record) => ids.has(record.id);
  }
  const [matches, except] = [matching(selection.filter), new Set(selection.except)];
  return (record) => matches(record) && !except.has(record.id);
}

function inOrder(a: StagedRecord, b: StagedRecord): number {
  return compare(a.sortKey, b.sortKey) || compare(a.id, b.id);
}

const COLUMNS: Readonly<Record<RecordOrder['by'], (record: StagedRecord) => string>> = {
  code: () => '',
  name: ({ source }) => fold(source.name),
  taskType: ({ source }) => source.taskType,
  active: ({ source }) => (source.active ? '1' : '0'),
  status: ({ status }) => status,
  synced: ({ syncedAt }) => syncedAt?.toISOString() ?? '',
};

function byColumn({ by, direction }: RecordOrder): (a: StagedRecord, b: StagedRecord) => number {
  const [column, sign] = [COLUMNS[by], direction === 'asc' ? 1 : -1];
  return (a, b) => sign * (compare(column(a), column(b)) || inOrder(a, b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function tallyOf(records: Iterable<StagedRecord>): Record<RecordStatus | 'excluded', number> {
  const counts = { needs_sync: 0, needs_action: 0, syncing: 0, synced: 0, failed: 0, excluded: 0 };
  for (const record of records) counts[record.excluded ? 'excluded' : record.status] += 1;
  return counts;
}

// ---------------------------------------------------------------------------------------------------------------- classes

class MemoryMirror implements ClassMirror {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  async time(): Promise<Date> {
    return new Date(this.database.now());
  }

  async save(company: Tenant, classes: readonly QuickBooksClass[]): Promise<void> {
    const [mirror, seenAt] = [this.database.mirrorOf(company), this.database.now()];
    for (const seen of classes) {
      this.database.beforeDocument();
      const [order, standing] = [Number(seen.syncToken), mirror.get(seen.id)];
      const isOlder = standing !== undefined && standing.order > order && standing.seen.createdAt?.getTime() === seen.createdAt?.getTime();
      mirror.set(seen.id, isOlder ? { ...standing, seenAt } : { seen, order, seenAt });
    }
  }

  async dropUnseen(company: Tenant, since: Date): Promise<number> {
    const mirror = this.database.mirrorOf(company);
    let dropped = 0;
    for (const [id, { seenAt }] of mirror) if (seenAt < since.getTime() && mirror.delete(id)) dropped += 1;
    return dropped;
  }

  async drop(company: Tenant, ids: readonly string[]): Promise<void> {
    for (const id of ids) this.database.mirrorOf(company).delete(id);
  }

  async byIds(company: Tenant, ids: readonly string[]): Promise<readonly QuickBooksClass[]> {
    const mirror = this.database.mirrorOf(company);
    return [...new Set(ids)].flatMap((id) => mirror.get(id)?.seen ?? []);
  }

  async byNames(company: Tenant, asked: readonly { parentId: string | null; foldedName: string }[]): Promise<readonly QuickBooksClass[]> {
    const wanted = new Set(asked.map(({ parentId, foldedName }) => `${parentId ?? ''}/${foldedName}`));
    return this.where(company, (seen) => wanted.has(`${seen.parentId ?? ''}/${foldedName(seen)}`));
  }

  async withNames(company: Tenant, foldedNames: readonly string[]): Promise<readonly QuickBooksClass[]> {
    const wanted = new Set(foldedNames);
    return this.where(company, (seen) => wanted.has(foldedName(seen)));
  }

  async search(company: Tenant, text: string, limit: number, skip = 0): Promise<readonly QuickBooksClass[]> {
    return byName(this.where(company, (seen) => foldedName(seen).includes(fold(text)))).slice(skip, skip + limit);
  }

  async holding(company: Tenant, texts: readonly string[], how: 'any' | 'all', limit: number): Promise<readonly QuickBooksClass[]> {
    const wanted = texts.map(fold).filter((text) => text !== '');
    const holds = (seen: QuickBooksClass) => (text: string) => foldedName(seen).includes(text);
    const fits = (seen: QuickBooksClass) => wanted.length > 0 && (how === 'any' ? wanted.some(holds(seen)) : wanted.every(holds(seen)));
    return byName(this.where(company, fits)).slice(0, limit);
  }

  async below(company: Tenant, parentId: string | null, limit: number, skip: number): Promise<readonly QuickBooksClass[]> {
    return byName(this.where(company, (seen) => seen.parentId === parentId)).slice(skip, skip + limit);
  }

  async countBelow(company: Tenant, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const counts = ids.map((id): [string, number] => [id, this.where(company, (seen) => seen.parentId === id).length]);
    return new Map(counts.filter(([, count]) => count > 0));
  }

  async count(company: Tenant): Promise<{ active: number; inactive: number }> {
    const active = this.where(company, (seen) => seen.active).length;
    return { active, inactive: this.database.mirrorOf(company).size - active };
  }

  private where(company: Tenant, wanted: (seen: QuickBooksClass) => boolean): QuickBooksClass[] {
    return [...this.database.mirrorOf(company).values()].map(({ seen }) => seen).filter(wanted);
  }
}

function byName(found: QuickBooksClass[]): QuickBooksClass[] {
  return found.sort((a, b) => compare(foldedName(a), foldedName(b)) || compare(a.id, b.id));
}

function foldedName(seen: QuickBooksClass): string {
  return fold(bareClassName(seen));
}

// ---------------------------------------------------------------------------------------------------------------- runs

const TO_BE_WORKED_ON: readonly RunState[] = ['queued', 'running', 'waiting', 'cancelling'];
const WISHED: readonly RunState[] = ['paused', 'cancelling'];
const WISHES: Readonly<Record<'pause' | 'resume' | 'cancel', { readonly from: readonly RunState[]; readonly to: RunState }>> = {
  pause: { from: ['queued', 'running', 'waiting'], to: 'paused' },
  resume: { from: ['paused', 'halted'], to: 'queued' },
  cancel: { from: ['queued', 'running', 'waiting', 'paused', 'halted'], to: 'cancelling' },
};

type RunRow = Run & { readonly fence: number };

class MemoryRuns implements Runs {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  async start(company: Tenant, by: Run['by'], asked: Asked, at: Date): Promise<Run | null> {
    if ([...this.database.runs.values()].some((run) => run.company === company && run.active)) return null;
    const run: RunRow = {
      id: this.database.random.hex(12), company, by, asked: [asked], queuedAt: at, fence: this.database.companies.get(company)?.fence ?? 0,
      state: 'queued', active: true, taken: 0, startedAt: null, endedAt: null, total: 0, counts: NO_RUN_COUNTS, batchesSent: 0, callsSent: 0,
      waiting: null, problem: null, lease: null, windows: OPEN_WINDOWS,
    };
    this.database.runs.set(run.id, run);
    return shown(run);
  }

  async get(company: Tenant, id: string): Promise<Run | null> {
    const run = this.database.runs.get(id);
    return run?.company === company ? shown(run) : null;
  }

  async active(company: Tenant): Promise<Run | null> {
    const run = [...this.database.runs.values()].find((one) => one.company === company && one.active);
    return run ? shown(run) : null;
  }

  async recent(company: Tenant, limit: number): Promise<readonly Run[]> {
    const runs = [...this.database.runs.values()].filter((run) => run.company === company).map(shown);
    return runs.sort((a, b) => b.queuedAt.getTime() - a.queuedAt.getTime() || compare(b.id, a.id)).slice(0, limit);
  }

  async unheld(limit: number): Promise<readonly { id: string; company: Tenant }[]> {
    const open = [...this.database.runs.values()].filter((run) => run.active && TO_BE_WORKED_ON.includes(run.state) && !this.isHeld(run));
    return open.sort((a, b) => a.queuedAt.getTime() - b.queuedAt.getTime()).slice(0, limit).map(({ id, company }) => ({ id, company }));
  }

  async acquire(company: Tenant, id: string, owner: string, ms: number): Promise<Run | null> {
    const run = this.update(company, id, (one) => one.active && !this.isHeld(one), (one) => {
      const fence = one.fence + 1;
      return { fence, lease: { owner, fence, until: new Date(this.database.now() + ms) } };
    });
    const row = run && this.database.companies.get(company);
    if (run?.lease && row) this.database.saveCompany({ ...row, fence: Math.max(row.fence, run.lease.fence) });
    return run;
  }

  async renew(company: Tenant, id: string, fence: number, ms: number, windows: Run['windows']): Promise<Run | null> {
    return this.underLease(company, id, fence, (run) => ({ windows, lease: run.lease && { ...run.lease, until: new Date(this.database.now() + ms) } }));
  }

  async write(company: Tenant, id: string, fence: number, { state, ...facts }: Parameters<Runs['write']>[3]): Promise<boolean> {
    const written = this.underLease(company, id, fence, (run) => ({ ...facts, ...(state === undefined || WISHED.includes(run.state) ? {} : { state }) }));
    return written !== null;
  }

  async add(company: Tenant, id: string, fence: number, { counts = {}, batchesSent = 0, callsSent = 0 }: Parameters<Runs['add']>[3]): Promise<boolean> {
    const added = this.underLease(company, id, fence, (run) => {
      const sums = Object.entries(run.counts).map(([outcome, n]) => [outcome, n + (counts[outcome as keyof Run['counts']] ?? 0)]);
      return { counts: Object.fromEntries(sums) as Run['counts'], batchesSent: run.batchesSent + batchesSent, callsSent: run.callsSent + callsSent };
    });
    return added !== null;
  }

  async ask(company: Tenant, id: string, asked: Asked): Promise<Run | null> {
    return this.update(company, id, (run) => run.active, (run) => ({ asked: [...run.asked, asked] }));
  }

  async end(company: Tenant, id: string, fence: number, { state, problem, at, asked }: Parameters<Runs['end']>[3]): Promise<boolean> {
    if (this.database.runs.get(id)?.asked.length !== asked) return false;
    const ended = { state, problem, endedAt: at, active: false, lease: null, waiting: null };
    return this.underLease(company, id, fence, () => ended) !== null;
  }

  async handOver(company: Tenant, id: string, fence: number): Promise<void> {
    this.update(company, id, (run) => run.fence === fence, () => ({ lease: null }));
  }

  async wish(company: Tenant, id: string, wish: 'pause' | 'resume' | 'cancel'): Promise<Run | null> {
    const { from, to } = WISHES[wish];
    return this.update(company, id, (run) => run.active && from.includes(run.state), () => ({ state: to, waiting: null, problem: null }));
  }

  private isHeld(run: RunRow): boolean {
    return run.lease !== null && run.lease.until.getTime() > this.database.now();
  }

  private underLease(company: Tenant, id: string, fence: number, change: (run: RunRow) => Partial<RunRow>): Run | null {
    return this.update(company, id, (run) => run.active && run.fence === fence && run.lease !== null, change);
  }

  private update(company: Tenant, id: string, fits: (run: RunRow) => boolean, change: (run: RunRow) => Partial<RunRow>): Run | null {
    const run = this.database.runs.get(id);
    if (!run || run.company !== company || !fits(run)) return null;
    const changed = { ...run, ...change(run) };
    this.database.runs.set(id, changed);
    return shown(changed);
  }
}

function shown({ fence: _fence, ...run }: RunRow): Run {
  return run;
}

// ---------------------------------------------------------------------------------------------------------------- changes

type ChangeRow = OpenChange & { readonly open: boolean; readonly due: number; readonly toldAt: Date };

class MemoryChanges implements Changes {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  async tell(company: Tenant, told: readonly ToldChange[], at: Date): Promise<number> {
    const changes = this.database.changesOf(company);
    let added = 0;
    for (const change of told) {
      this.database.beforeDocument();
      const key = keyOf(change.teller, change.id);
      if (changes.has(key)) continue;
      changes.set(key, { ...change, tries: 0, open: true, due: 0, toldAt: at });
      added += 1;
    }
    return added;
  }

  async take(company: Tenant, teller: Teller, limit: number, ms: number): Promise<readonly OpenChange[]> {
    const changes = this.database.changesOf(company);
    const due = [...changes].filter(([, change]) => change.teller === teller && this.isDue(change));
    const oldest = due.sort(([a, one], [b, other]) => one.toldAt.getTime() - other.toldAt.getTime() || compare(a, b)).slice(0, limit);
    for (const [key, change] of oldest) changes.set(key, { ...change, tries: change.tries + 1, due: this.database.now() + ms });
    return oldest.map(([, { open: _open, due: _due, toldAt: _toldAt, ...change }]) => change);
  }

  async settle(company: Tenant, teller: Teller, ids: readonly string[], _at: Date): Promise<void> {
    this.each(company, teller, ids, (change) => ({ ...change, open: false }));
  }

  async putOff(company: Tenant, teller: Teller, ids: readonly string[], ms: number): Promise<void> {
    this.each(company, teller, ids, (change) => ({ ...change, due: this.database.now() + ms }));
  }

  async waiting(limit: number): Promise<readonly Tenant[]> {
    const all = [...this.database.changes].flatMap(([company, changes]) => [...changes.values()].filter((change) => this.isDue(change)).map(({ toldAt }) => ({ company, toldAt })));
    return [...new Set(all.sort((a, b) => a.toldAt.getTime() - b.toldAt.getTime()).map(({ company }) => company))].slice(0, limit);
  }

  private isDue({ open, due }: ChangeRow): boolean {
    return open && due <= this.database.now();
  }

  private each(company: Tenant, teller: Teller, ids: readonly string[], change: (row: ChangeRow) => ChangeRow): void {
    const changes = this.database.changesOf(company);
    for (const id of ids) {
      this.database.beforeDocument();
      const row = changes.get(keyOf(teller, id));
      if (row?.open) changes.set(keyOf(teller, id), change(row));
    }
  }
}

function keyOf(teller: Teller, id: string): string {
  return `${teller}:${id}`;
}

// ---------------------------------------------------------------------------------------------------------------- intents, history

class MemoryIntents implements Intents {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  async store(company: Tenant, batch: IntendedBatch): Promise<void> {
    this.database.intentsOf(company).set(batch.requestid, batch);
  }

  async of(company: Tenant, run: string): Promise<readonly IntendedBatch[]> {
    return [...this.database.intentsOf(company).values()].filter((batch) => batch.run === run).sort((a, b) => a.fence - b.fence);
  }

  async drop(company: Tenant, { requestid, fence }: Pick<IntendedBatch, 'requestid' | 'fence'>): Promise<void> {
    const batches = this.database.intentsOf(company);
    if (batches.get(requestid)?.fence === fence) batches.delete(requestid);
  }
}

class MemoryHistory implements History {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  async add(company: Tenant, facts: readonly Fact[]): Promise<void> {
    const history = this.database.historyOf(company);
    for (const fact of facts) {
      this.database.beforeDocument();
      if (!history.has(fact.id)) history.set(fact.id, fact);
    }
  }

  async lastExchange(company: Tenant, record: string): Promise<Fact['exchange']> {
    const newest = await this.of(company, record, { limit: Infinity });
    return newest.find(({ exchange }) => exchange !== null)?.exchange ?? null;
  }

  async *ofRun(company: Tenant, run: string): AsyncIterable<Fact> {
    const facts = [...this.database.historyOf(company).values()].filter((fact) => fact.run === run);
    yield* facts.sort((a, b) => a.at.getTime() - b.at.getTime() || compare(a.id, b.id));
  }

  async of(company: Tenant, record: string, { limit, before, kinds = [] }: Parameters<History['of']>[2]): Promise<readonly Fact[]> {
    const isWanted = (fact: Fact) =>
      fact.record === record && (before === undefined || isOlder(fact, before)) && (kinds.length === 0 || kinds.includes(fact.kind));
    const isOlder = (fact: Fact, than: Pick<Fact, 'at' | 'id'>) =>
      fact.at.getTime() < than.at.getTime() || (fact.at.getTime() === than.at.getTime() && compare(fact.id, than.id) < 0);
    const found = [...this.database.historyOf(company).values()].filter(isWanted);
    return found.sort((a, b) => b.at.getTime() - a.at.getTime() || compare(b.id, a.id)).slice(0, limit);
  }
}
