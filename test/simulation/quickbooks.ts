// QuickBooks Online in memory: the class rules, limits, request ids and token rotation of quickbooks.md §1-§6, its switches of §10.2,
// and the faults of §10.4, on virtual time.
import { bareClassName, fold } from '../../server/core/names.ts';
import type {
  AccessTokens, BatchAnswer, BatchItem, Books, CallKind, Grant, Identity, ItemAnswer, OpenBooks, Person, Refusal,
} from '../../server/core/ports.ts';
import type { RawFault } from '../../server/core/problems.ts';
import type { QuickBooksClass } from '../../server/core/records.ts';
import type { Engine } from './engine.ts';
import type { Machine, Site } from './machine.ts';

export const BOOKS_FAULTS = [
  'lost before', 'lost after', 'cut', 'throttled', 'throttled after', 'html', 'html after', 'batch html', 'part fault', 'part throttled', 'parts missing', 'parts foreign', 'parts reordered',
  'unauthorized', 'forbidden', 'lapsed', 'slow', 'stale', 'duplicate', 'parent gone', 'plan limit',
] as const;
export type BooksFault = (typeof BOOKS_FAULTS)[number];

export type TokenFault = 'lost before' | 'lost after' | 'slow';

/** How QuickBooks and the way to it behave: shares of all calls. */
export interface BooksWeather {
  readonly calls: Partial<Record<BooksFault, number>>;
  readonly tokens: Partial<Record<TokenFault, number>>;
}

/** quickbooks.md §10.2. */
export interface Switches {
  requestid: 'replay' | 'ignored' | '6000' | '600';
  inactiveName: 'free' | '6240';
  suffix: ' (deleted)' | ' (Deleted)';
  /** Active classes allowed; null: any number. */
  planLimit: number | null;
  /** Milliseconds an access token lives. */
  accessLife: number;
  /** Whether each refresh makes a new refresh token, and how long the old one still serves. */
  rotation: 'always' | 'daily';
  grace: number;
}

export const DEFAULT_SWITCHES: Switches = {
  requestid: 'replay', inactiveName: 'free', suffix: ' (deleted)', planLimit: null, accessLife: 3_600_000, rotation: 'daily', grace: 0,
};

export interface Row {
  readonly id: string;
  token: number;
  /** Without suffix. */
  name: string;
  parentId: string | null;
  active: boolean;
  createdAt: number;
  updatedAt: number;
  readonly by: 'us' | 'person';
  /** A person gave it another name. */
  renamed: boolean;
  /** A person changed it in any way. */
  byHand: boolean;
}

/** One change to a class that a call of ours made. */
export interface Effect {
  readonly id: string;
  readonly operation: 'create' | 'update';
  readonly requestid: string;
  readonly bId: string;
  readonly name: string;
  readonly parentId: string | null;
  /** The SyncToken the class has since. */
  readonly token: number;
  readonly at: number;
}

export class Realm {
  readonly id: string;
  readonly rows = new Map<string, Row>();
  readonly effects: Effect[] = [];
  /** Start times of the calls that left for it. */
  readonly sent: Record<CallKind, number[]> = { read: [], batch: [] };
  readonly answers = new Map<string, ItemAnswer>();
  /** What each requestid was sent with first, and how often with something else. */
  readonly contents = new Map<string, string>();
  reused = 0;
  inFlight = 0;
  mostInFlight = 0;
  throttled = 0;
  /** Requests that their process sent when it went on after it had been stopped just then: nobody can have known of them. */
  readonly late = new Set<string>();
  /** Until when QuickBooks asked not to be called, and calls that left all the same. */
  closed = { from: Infinity, until: -Infinity };
  tooEarly = 0;
  /** Changes a person had made, written over though nobody chose so. */
  overwritten = 0;
  /** Faults of ours: a part that named a parent QuickBooks does not have. */
  orphans = 0;
  lapsedUntil = 0;
  forbiddenUntil = 0;
  nextId = 1;

  constructor(id: string) {
    this.id = id;
  }
}

/** What a realm's grants are like at Intuit. */
interface GrantState {
  refresh: string;
  former: { token: string; until: number } | null;
  readonly access: Map<string, number>;
  revoked: boolean;
  issued: number;
  rotatedAt: number;
  underWay: number;
}

type End<T> = { readonly kind: 'answered'; readonly value: T } | Refusal;

const CALL_TIMEOUT = 125_000;
/** What had its turn when a 429 came still leaves; and the caller knows the time of its database, by which it waits, only so well. */
const HEARD_WITHIN = 100;
const PAGE = 50;

export class QuickBooks {
  readonly realms = new Map<string, Realm>();
  readonly grants = new Map<string, GrantState>();
  readonly switches: Switches;
  weather: BooksWeather = { calls: {}, tokens: {} };
  /** Calls with a token that nobody had stored. */
  usedUnstored = 0;
  /** Most refreshes of one grant that Intuit had before it at once. */
  mostRefreshes = 0;
  /** Which process got a refresh token by a refresh, and when. */
  readonly delivered = new Map<string, { readonly to: Machine; readonly at: number }>();
  private readonly site: Site;
  private readonly engine: Engine;

  constructor(site: Site, engine: Engine, switches: Switches) {
    this.site = site;
    this.engine = engine;
    this.switches = switches;
  }

  private get now(): number {
    return this.site.timeline.now;
  }

  // -------------------------------------------------------------------------------------------------------------- companies, people

  realm(id: string): Realm {
    const found = this.realms.get(id) ?? new Realm(id);
    this.realms.set(id, found);
    return found;
  }

  shown(realm: Realm, row: Row): QuickBooksClass {
    const { id, parentId, active } = row;
    const name = active ? row.name : `${row.name}${this.switches.suffix}`;
    const above = parentId === null ? undefined : realm.rows.get(parentId);
    const path = above ? `${this.shown(realm, above).fullyQualifiedName}:${name}` : name;
    const [createdAt, updatedAt] = [new Date(row.createdAt), new Date(row.updatedAt)];
    return { id, syncToken: String(row.token), name, fullyQualifiedName: path, parentId, active, createdAt, updatedAt };
  }

  /** A person adds a class; null when the name is taken. */
  addByPerson(realm: Realm, name: string, parentId: string | null = null): Row | null {
    if (this.taken(realm, { name, parentId, active: true }, null)) return null;
    return this.insert(realm, name, parentId, 'person');
  }

  /** A person changes a class; false when the name is taken. */
  changeByPerson(realm: Realm, row: Row, change: Partial<Pick<Row, 'name' | 'active'>>): boolean {
    const wish = { name: row.name, parentId: row.parentId, active: row.active, ...change };
    if (wish.active && this.taken(realm, wish, row.id)) return false;
    Object.assign(row, change, { token: row.token + 1, updatedAt: this.now, renamed: row.renamed || change.name !== undefined, byHand: true });
    this.site.count('person changed a class');
    return true;
  }

  /** A person merges a class away. */
  removeByPerson(realm: Realm, row: Row): void {
    realm.rows.delete(row.id);
    this.site.count('person removed a class');
  }

  private insert(realm: Realm, name: string, parentId: string | null, by: Row['by']): Row {
    const row: Row = { id: String(realm.nextId), token: 0, name, parentId, active: true, createdAt: this.now, updatedAt: this.now, by, renamed: false, byHand: false };
    realm.nextId += 1;
    realm.rows.set(row.id, row);
    return row;
  }

  private taken(realm: Realm, wish: Pick<Row, 'name' | 'parentId' | 'active'>, except: string | null): boolean {
    for (const row of realm.rows.values()) {
      if (row.id === except || row.parentId !== wish.parentId || fold(row.name) !== fold(wish.name)) continue;
      if (row.active || this.switches.inactiveName === '6240') return true;
    }
    return false;
  }

  // -------------------------------------------------------------------------------------------------------------- writing

  /** What one part of a batch does; the parts of a batch see nothing of each other but the names. */
  private write(realm: Realm, requestid: string, item: BatchItem): ItemAnswer {
    const key = `${requestid}/${item.bId}`;
    const content = JSON.stringify([item.operation, item.body]);
    if ((realm.contents.get(key) ?? content) !== content) realm.reused += 1;
    realm.contents.set(key, content);
    const known = realm.answers.get(key);
    if (known && this.switches.requestid !== 'ignored') {
      this.site.count(`repeated requestid: ${this.switches.requestid}`);
      if (this.switches.requestid === 'replay') return known;
      return refusedItem(this.switches.requestid, 'this requestid was used before');
    }
    const answer = this.writeNew(realm, requestid, item);
    if (answer.kind === 'done') realm.answers.set(key, answer);
    else this.site.count(`answered ${answer.fault.code}`);
    return answer;
  }

  private writeNew(realm: Realm, requestid: string, { bId, operation, body }: BatchItem): ItemAnswer {
    const name = body.Name.trim();
    const wish = { name, parentId: body.ParentRef?.value ?? null, active: body.Active ?? true };
    if (name === '') return refusedItem('2020', 'Required param missing');
    if (name.length > 100) return refusedItem('2050', 'Max length exceeded');
    if (/[:\t\n"]/.test(name)) return refusedItem('2040', 'Invalid character');
    const parent = wish.parentId === null ? null : realm.rows.get(wish.parentId);
    if (parent === undefined) realm.orphans += 1;
    if (parent === undefined) return refusedItem('2500', 'Invalid Reference Id');
    if (parent && !parent.active) return refusedItem('610', 'Object Not Found');

    const standing = body.Id === undefined ? null : realm.rows.get(body.Id);
    if (standing === undefined) return refusedItem('610', 'Object Not Found');
    if (standing && String(standing.token) !== body.SyncToken) return refusedItem('5010', 'Stale Object Error');
    if (wish.active && this.taken(realm, wish, standing?.id ?? null)) return refusedItem('6240', 'Duplicate Name Exists Error');
    if (!standing && this.isFull(realm)) return refusedItem('6000', 'Your plan allows no more classes');

    if (standing && this.isOverwritten(realm, standing)) realm.overwritten += 1;
    const row = standing ?? this.insert(realm, name, wish.parentId, 'us');
    const isSame = standing && standing.name === name && standing.parentId === wish.parentId && standing.active === wish.active;
    if (standing && !isSame) Object.assign(standing, wish, { token: standing.token + 1, updatedAt: this.now });
    if (!isSame) realm.effects.push({ id: row.id, operation, requestid, bId, name, parentId: wish.parentId, token: row.token, at: this.now });
    const shown = this.shown(realm, row);
    return { kind: 'done', class: shown, response: { Class: { Id: shown.id, Name: shown.name } } };
  }

  /** Whether it is not as it was last confirmed to the record it is linked to, and nobody said that it may be written over as it is. */
  private isOverwritten({ id }: Realm, standing: Row): boolean {
    const record = this.site.database.recordOf(id, standing.id);
    if (!record?.link) return false;
    const { name, parentId, active } = record.link;
    const isAsConfirmed = fold(name) === fold(standing.name) && parentId === standing.parentId && active === standing.active;
    return !isAsConfirmed && record.overwrite !== String(standing.token);
  }

  private isFull(realm: Realm): boolean {
    const limit = this.switches.planLimit;
    return limit !== null && [...realm.rows.values()].filter((row) => row.active).length >= limit;
  }

  // -------------------------------------------------------------------------------------------------------------- calls

  /** The books as one process opens them: it paces, renews a refused token once, and says how each call ended (server/qbo/books.ts). */
  opened(machine: Machine): OpenBooks {
    return (realmId, tokens, beforeCall) => {
      const realm = this.realm(realmId);
      const send = <T>(kind: CallKind, what: string, work: () => T) => this.send(machine, realm, tokens, beforeCall, kind, what, work);
      const read = async <T>(what: string, work: () => T): Promise<T> => {
        const end = await send('read', what, work);
        if (end.kind !== 'answered') throw new this.engine.ports.BooksError(end);
        return end.value;
      };
      const all = () => [...realm.rows.values()].map((row) => this.shown(realm, row)).sort((a, b) => Number(a.id) - Number(b.id));
      return {
        facts: () => read('facts', () => ({ name: `Company ${realmId}`, plan: 'QuickBooks Online Advanced', classTracking: 'per_line' as const, locations: null })),
        classes: (options = {}) => this.pages(read, all, options.signal),
        byIds: (ids) => read('byIds', () => all().filter((found) => ids.includes(found.id))),
        byNames: (names) => {
          const wanted = new Set(names.map(fold));
          return read('byNames', () => all().filter((found) => wanted.has(fold(bareClassName(found)))));
        },
        changedSince: (since) => read('cdc', () => ({ classes: all().filter((found) => (found.updatedAt ?? since) >= since), deleted: [], complete: true })),
        batch: (requestid, items) => this.batch(send, realm, requestid, items),
      } satisfies Books;
    };
  }

  /** The whole list in pages, its count asked before and after. */
  private async *pages(
    read: <T>(what: string, work: () => T) => Promise<T>,
    all: () => QuickBooksClass[],
    _signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly QuickBooksClass[]> {
    const before = await read('count', () => all().length);
    const seen = new Set<string>();
    while (seen.size < before) {
      const start = seen.size;
      const page = (await read('page', () => all().slice(start, start + PAGE))).filter((found) => !seen.has(found.id));
      if (page.length === 0) break;
      for (const { id } of page) seen.add(id);
      yield page;
    }
    const after = await read('count', () => all().length);
    if (seen.size === before && seen.size === after) return;
    throw new this.engine.ports.BooksError({ kind: 'unknown', why: 'the list changed while it was read', status: 200, intuitTid: null });
  }

  private async batch(
    send: <T>(kind: CallKind, what: string, work: () => T) => Promise<End<T>>,
    realm: Realm,
    requestid: string,
    items: readonly BatchItem[],
  ): Promise<BatchAnswer> {
    const began = this.now;
    const calls = this.weather.calls;
    const answers = () => {
      const found = new Map<string, ItemAnswer>();
      for (const item of items) {
        const answer = this.partFault(calls) ?? this.write(realm, requestid, item);
        const isMissing = this.strikes(calls, 'parts missing');
        const end = answer.kind === 'done' ? `${answer.class.id} ${answer.class.syncToken}` : answer.fault.code;
        this.site.explain(() => [`${item.operation} “${item.body.Name}” → ${end}${isMissing ? ' (not told)' : ''}`]);
        if (isMissing) continue;
        // A part that nobody asked for is about somebody else's class; the one asked for is missing then.
        found.set(this.strikes(calls, 'parts foreign') ? `x${item.bId}` : item.bId, answer);
      }
      return this.strikes(calls, 'parts reordered') ? new Map([...found].reverse()) : found;
    };
    const end: End<Map<string, ItemAnswer>> = await send('batch', `batch ${requestid}`, answers).catch((error: unknown) => {
      if (!(error instanceof this.engine.ports.GrantError)) throw error;
      return refusal(null, error.kind === 'unreachable' ? null : '3200', `grant ${error.kind}`);
    });
    const took = this.now - began;
    if (end.kind !== 'answered') return { ...end, took };
    return { kind: 'answered', items: end.value, status: 200, intuitTid: `tid-${requestid.slice(0, 8)}`, took };
  }

  private partFault(calls: BooksWeather['calls']): ItemAnswer | null {
    if (this.strikes(calls, 'part fault')) return refusedItem(this.site.chance.pick(['1000', '10000', '4002']), 'An application error has occurred');
    if (this.strikes(calls, 'part throttled')) return refusedItem('3001', 'ThrottleExceeded');
    if (this.strikes(calls, 'stale')) return refusedItem('5010', 'Stale Object Error');
    if (this.strikes(calls, 'duplicate')) return refusedItem('6240', 'Duplicate Name Exists Error');
    if (this.strikes(calls, 'parent gone')) return refusedItem('2500', 'Invalid Reference Id');
    if (this.strikes(calls, 'plan limit')) return refusedItem('6000', 'Your plan allows no more classes');
    return null;
  }

  private strikes(calls: BooksWeather['calls'], fault: BooksFault): boolean {
    const hit = this.site.chance.hits(calls[fault] ?? 0);
    if (hit) this.site.count(fault);
    return hit;
  }

  private async send<T>(
    machine: Machine,
    realm: Realm,
    tokens: AccessTokens,
    beforeCall: (kind: CallKind) => Promise<void>,
    kind: CallKind,
    what: string,
    work: () => T,
  ): Promise<End<T>> {
    const tokenInTurn = async () => {
      const gotAt = machine.clock.now();
      const current = await tokens.current();
      await beforeCall(kind);
      return machine.clock.now() - gotAt < 60_000 ? current : tokens.current();
    };
    const token = await tokenInTurn();
    const fence = this.fenceOf(realm);
    const first = await this.call(machine, realm, token, kind, what, work);
    // Whoever hears it when the run has passed on to another meanwhile may tell nobody: its fencing token is refused.
    if (this.fenceOf(realm) === fence) this.heard(realm, first);
    if (first.kind !== 'refused' || first.fault.status !== 401) return first;
    await tokens.renewed(token);
    return this.call(machine, realm, await tokenInTurn(), kind, what, work);
  }

  private fenceOf(realm: Realm): number | undefined {
    return [...this.site.database.companies.values()].find(({ realmId }) => realmId === realm.id)?.fence;
  }

  /** From now on the caller knows that it is to wait. */
  private heard(realm: Realm, end: End<unknown>): void {
    if (end.kind !== 'refused' || end.fault.status !== 429) return;
    realm.closed = { from: this.now + HEARD_WITHIN, until: this.now + (end.retryAfter ?? 60_000) - HEARD_WITHIN };
  }

  private call<T>(machine: Machine, realm: Realm, token: string, kind: CallKind, what: string, work: () => T): Promise<End<T>> {
    const { chance } = this.site;
    const { calls } = this.weather;
    const fault = (['lost before', 'lost after', 'cut', 'throttled', 'throttled after', 'html', 'html after', 'unauthorized', 'forbidden', 'lapsed'] as const)
      .find((one) => this.strikes(calls, one)) ?? (kind === 'batch' && this.strikes(calls, 'batch html') ? 'html' : undefined);
    const slow = this.strikes(calls, 'slow') ? chance.int(1_000, 120_000) : 0;
    const leftAt = this.now;
    const isLate = (fault === 'lost before' || fault === 'lost after') && chance.hits(0.3);
    const ways = { there: chance.int(5, 60), back: isLate ? CALL_TIMEOUT : chance.int(30, 300) + slow };
    // What a person's own click reads, when connecting, is no part of a run and not paced.
    if (what !== 'facts') {
      realm.sent[kind].push(this.now);
      if (this.now > realm.closed.from && this.now < realm.closed.until) realm.tooEarly += 1;
      if (!this.site.database.isStoredToken(realm.id, token)) this.usedUnstored += 1;
    }
    realm.inFlight += 1;
    realm.mostInFlight = Math.max(realm.mostInFlight, realm.inFlight);
    this.site.timeline.in(ways.there + Math.min(ways.back, 2_000), () => {
      realm.inFlight -= 1;
    });
    return machine.call(`QuickBooks ${realm.id}: ${what}${fault ? ` (${fault})` : ''}`, ways, async () => {
      if (this.now - leftAt > ways.there + 1) realm.late.add(what);
      return this.answer(realm, token, kind, fault, work);
    });
  }

  private answer<T>(realm: Realm, token: string, kind: CallKind, fault: BooksFault | undefined, work: () => T): End<T> {
    const unknown = (why: string, status: number | null): Refusal => ({ kind: 'unknown', why, status, intuitTid: null });
    if (fault === 'lost before') return unknown('the connection broke', null);
    const validUntil = this.grants.get(realm.id)?.access.get(token) ?? 0;
    if (fault === 'unauthorized') this.grants.get(realm.id)?.access.delete(token);
    if (validUntil <= this.now || fault === 'unauthorized') return refusal(401, '3200', 'AuthenticationFailed');
    if (fault === 'forbidden' || realm.forbiddenUntil > this.now) return refusal(403, '3100', 'ApplicationAuthorizationFailed');
    if (fault === 'lapsed' || realm.lapsedUntil > this.now) return refusal(403, '6190', 'Subscription has ended');
    if (fault === 'throttled' || this.isThrottled(realm, kind)) return refusal(429, '3001', 'ThrottleExceeded', this.site.chance.hits(0.5) ? 60_000 : null);
    if (fault === 'html') return unknown('server error', 502);
    const value = work();
    if (fault === 'lost after') return unknown('time-out', null);
    if (fault === 'cut') return unknown('the answer was cut', 200);
    if (fault === 'html after') return unknown('server error', 504);
    if (fault === 'throttled after') return refusal(429, '3001', 'ThrottleExceeded');
    return { kind: 'answered', value };
  }

  private readonly windows = new Map<string, number[]>();

  private isThrottled(realm: Realm, kind: CallKind): boolean {
    const limits = [['requests', 60_000, 500], ['requests', 1_000, 10], ...(kind === 'batch' ? ([['batches', 60_000, 40]] as const) : [])] as const;
    for (const [of, within, most] of limits) {
      const arrived = (this.windows.get(`${realm.id}/${of}`) ?? []).filter((at) => at > this.now - within);
      if (arrived.length >= most) {
        realm.throttled += 1;
        return true;
      }
    }
    for (const of of ['requests', ...(kind === 'batch' ? ['batches'] : [])]) {
      const key = `${realm.id}/${of}`;
      this.windows.set(key, [...(this.windows.get(key) ?? []).filter((at) => at > this.now - 60_000), this.now]);
    }
    return false;
  }

  // -------------------------------------------------------------------------------------------------------------- identity

  /** A grant as a person's consent gives it. */
  consent(realmId: string): Grant {
    const state: GrantState = this.grants.get(realmId) ?? { refresh: '', former: null, access: new Map(), revoked: false, issued: 0, rotatedAt: 0, underWay: 0 };
    this.grants.set(realmId, state);
    state.revoked = false;
    state.former = null;
    this.rotate(realmId, state);
    return this.grantOf(realmId, state);
  }

  /** Intuit ends the grant. */
  revokeGrant(realmId: string): void {
    const state = this.grants.get(realmId);
    if (!state) return;
    state.revoked = true;
    state.access.clear();
    this.site.count('revoked');
  }

  identity(machine: Machine): Identity {
    const { GrantError } = this.engine.ports;
    const { chance } = this.site;
    const exchange = async (code: string) => {
      const person: Person = { sub: 'person', email: 'person@example.com', emailVerified: true, name: 'Person' };
      return { grant: this.consent(code), person };
    };
    return {
      authorizeUrl: ({ state }) => `https://intuit.example/?state=${state}`,
      exchange: ({ code }) => machine.call('Intuit: exchange', { there: chance.int(5, 60), back: chance.int(20, 300) }, () => exchange(code)),
      refresh: (token) => this.refresh(machine, token),
      revoke: (token) =>
        machine.call('Intuit: revoke', { there: chance.int(5, 60), back: chance.int(20, 300) }, async () => {
          const realmId = [...this.grants].find(([, state]) => state.refresh === token)?.[0];
          if (realmId !== undefined) this.revokeGrant(realmId);
          else throw new GrantError('refused', 'Unknown token.');
        }),
    };
  }

  private refresh(machine: Machine, token: string): Promise<Grant> {
    const { GrantError } = this.engine.ports;
    const { chance } = this.site;
    const { tokens } = this.weather;
    const fault = (['lost before', 'lost after'] as const).find((one) => chance.hits(tokens[one] ?? 0));
    const slow = chance.hits(tokens.slow ?? 0) ? chance.int(1_000, 25_000) : 0;
    if (fault) this.site.count(`token answer ${fault}`);
    if (slow > 0) this.site.count('token answer slow');
    this.site.count('refreshed');
    const ofToken = [...this.grants.values()].find((state) => state.refresh === token || state.former?.token === token);
    if (ofToken) ofToken.underWay += 1;
    this.mostRefreshes = Math.max(this.mostRefreshes, ofToken?.underWay ?? 0);
    const ways = { there: chance.int(5, 60), back: chance.int(20, 300) + slow };
    this.site.timeline.in(ways.there + ways.back, () => {
      if (ofToken) ofToken.underWay -= 1;
    });
    return machine.call('Intuit: refresh', ways, async () => {
      if (fault === 'lost before') throw new GrantError('unreachable', 'Intuit did not answer.');
      const grant = this.refreshed(token);
      if (fault === 'lost after') throw new GrantError('unreachable', 'Intuit did not answer.');
      return grant;
    }).then((grant) => {
      this.delivered.set(grant.refreshToken, { to: machine, at: this.now });
      return grant;
    });
  }

  private refreshed(token: string): Grant {
    for (const [realmId, state] of this.grants) {
      const isFormer = state.former?.token === token && state.former.until > this.now;
      if (state.revoked || (state.refresh !== token && !isFormer)) continue;
      if (!isFormer && (this.switches.rotation === 'always' || this.now - state.rotatedAt > 86_400_000)) this.rotate(realmId, state);
      return this.grantOf(realmId, state);
    }
    throw new this.engine.ports.GrantError('invalid_grant', 'Intuit answered 400 invalid_grant.');
  }

  private rotate(realmId: string, state: GrantState): void {
    state.former = state.refresh === '' ? null : { token: state.refresh, until: this.now + this.switches.grace };
    state.issued += 1;
    state.refresh = `refresh-${realmId}-${state.issued}`;
    state.rotatedAt = this.now;
  }

  private grantOf(realmId: string, state: GrantState): Grant {
    state.issued += 1;
    const accessToken = `access-${realmId}-${state.issued}`;
    state.access.set(accessToken, this.now + this.switches.accessLife);
    const after = (ms: number) => new Date(this.now + ms);
    return { accessToken, refreshToken: state.refresh, accessExpiresAt: after(this.switches.accessLife), refreshExpiresAt: after(8_726_400_000), refreshHardExpiresAt: null };
  }
}

function rawFault(status: number | null, code: string | null, message: string): RawFault {
  return { status, code, message, detail: null, element: null, intuitTid: 'tid' };
}

function refusedItem(code: string, message: string): ItemAnswer {
  const fault = rawFault(200, code, message);
  return { kind: 'refused', fault, response: { Fault: { Error: [{ code, Message: message }] } } };
}

function refusal(status: number | null, code: string | null, message: string, retryAfter: number | null = null): Refusal {
  return { kind: 'refused', fault: rawFault(status, code, message), retryAfter };
}
