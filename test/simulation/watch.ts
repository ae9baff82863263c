import type { CostCodes, Companies, GuardedChange, Runs } from '../../server/core/ports.ts';
import type { Fact, StagedRecord, Tenant } from '../../server/core/records.ts';
import type { ProblemCode } from '../../server/core/problems.ts';
import { TRIES } from '../../server/core/settle.ts';
import { settled } from '../../server/core/run.ts';
import type { Party, Simulation } from './simulation.ts';
import type { MemoryStores } from './stores.ts';

/** A mark such as `#a12` or `#ad3` in the name of every code and division: which company and entry a class was made for. */
const MARK = /#([a-z])(d?\d+)/;

/** Room between the engine's windows and ours: it keeps 2 % itself, and its calls leave a little after they are counted. */
const LIMITS = [
  { of: 'batch', most: 40, within: 59_500 },
  { of: 'all', most: 500, within: 59_500 },
  { of: 'all', most: 10, within: 980 },
] as const;

/** What may be over with the next try. */
const PASSING: ReadonlySet<ProblemCode> = new Set([
  'gave_up', 'keeps_changing', 'quickbooks_unreachable', 'quickbooks_throttled', 'quickbooks_busy', 'parent_refused', 'name_refused_duplicate',
]);
const UNKNOWN: ReadonlySet<ProblemCode> = new Set(['refused', 'our_fault']);

/** Watches the ten invariants of engineering.md §3.8: some with every write, the rest when all has come to rest. */
export class Watch {
  private readonly simulation: Simulation;
  /** The highest fencing token under which a run's records were gathered. */
  private readonly refenced = new Map<string, number>();
  /** When somebody's connection was stored last. */
  private readonly connectedAt = new Map<Tenant, number>();

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  /** The stores, watched. */
  over(stores: MemoryStores): MemoryStores {
    return { ...stores, costCodes: this.overCostCodes(stores.costCodes), runs: this.overRuns(stores.runs), companies: this.overCompanies(stores.companies) };
  }

  private overCostCodes(costCodes: CostCodes): CostCodes {
    const watched: Partial<CostCodes> = {
      refence: async (company, run, fence) => {
        await costCodes.refence(company, run, fence);
        this.refenced.set(run, Math.max(this.refenced.get(run) ?? 0, fence));
      },
      writeInRun: async (company, run, fence, changes) => {
        const tries = changes.map(({ id }) => this.simulation.database.recordsOf(company).get(id)?.run?.attempts ?? 0);
        const result = await costCodes.writeInRun(company, run, fence, changes);
        const isOld = fence < (this.refenced.get(run) ?? 0);
        this.simulation.explain(() => changes.map((one) => changeLine(one, result.missed, this.simulation.database.recordsOf(company).get(one.id))));
        for (const [n, one] of changes.entries()) if (!result.missed.includes(one.id)) this.atFailure(one, tries[n] ?? 0);
        if (isOld && result.missed.length < changes.length) this.simulation.fail('I4: a write under an old fencing token was taken');
        return result;
      },
    };
    return layered(costCodes, watched);
  }

  private overRuns(runs: Runs): Runs {
    return layered(runs, {
      end: async (company, id, fence, end) => {
        const ended = await runs.end(company, id, fence, end);
        if (ended) this.atEnd(company, id);
        return ended;
      },
    });
  }

  private overCompanies(companies: Companies): Companies {
    return layered(companies, {
      connect: async (given) => {
        const company = await companies.connect(given);
        this.connectedAt.set(company.id, this.simulation.timeline.now);
        return company;
      },
      setConnection: async (company, state, at, over) => {
        const before = this.simulation.database.companies.get(company);
        const done = await companies.setConnection(company, state, at, over);
        if (done && state === 'needs_reconnect' && before?.company.connection === 'connected') this.atLostConnection(company);
        return done;
      },
    });
  }

  /** I2: what passes by itself is tried again, and every refusal of the worlds outside is one we know. */
  private atFailure({ change: { status, problem } }: GuardedChange, tried: number): void {
    if (status !== 'failed' || !problem) return;
    if (PASSING.has(problem.code) && this.simulation.scenario.passes) this.simulation.fail(`I2: failed by ${problem.code}, though all that went wrong passes`);
    if (PASSING.has(problem.code) && tried < TRIES) this.simulation.fail(`I2: failed by ${problem.code} after ${tried} tries`);
    if (UNKNOWN.has(problem.code)) this.simulation.fail(`I2: a refusal was not understood (${problem.code})`);
  }

  /** I9: a run's counters say what its records say. */
  private atEnd(company: Tenant, id: string): void {
    const { database } = this.simulation;
    const run = database.runs.get(id);
    if (!run) return;
    const records = [...database.recordsOf(company).values()];
    const left = records.filter((record) => record.run?.id === id).length;
    if (left > 0) this.simulation.fail(`I2: ${left} records are left in a run that ended`);
    if (settled(run.counts) !== run.total) this.simulation.fail(`I9: run counted ${JSON.stringify(run.counts)} of ${run.total}`);
    for (const outcome of ['created', 'updated', 'linked', 'unchanged', 'failed', 'needsAction'] as const) {
      const settledSo = records.filter(({ settledIn }) => settledIn?.run === id && settledIn.outcome === outcome).length;
      if (settledSo !== run.counts[outcome]) this.simulation.fail(`I9: ${outcome} is counted ${run.counts[outcome]}, but ${settledSo} records say so`);
    }
  }

  /** I8: a connection counts as lost only when Intuit ended it, or its newest token never reached a process that could store it. */
  private atLostConnection(company: Tenant): void {
    const { database, quickbooks, counts } = this.simulation;
    counts.set('connection lost', this.simulation.count('connection lost') + 1);
    const row = database.companies.get(company);
    const state = row && quickbooks.grants.get(row.realmId);
    if (!row || !state || state.revoked) return;
    const isAccused = ['forbid', 'unauthorized', 'forbidden'].some((cause) => (counts.get(cause) ?? 0) > 0);
    if (isAccused) return;
    if ([row.grant, row.spare].some((grant) => grant?.refreshToken === state.refresh)) this.simulation.fail('I8: a good grant was declared lost');
    const newest = quickbooks.delivered.get(state.refresh);
    // Somebody who connected may have stored an older one over it.
    const isOwn = newest !== undefined && (this.connectedAt.get(company) ?? 0) < newest.at;
    if (isOwn && newest.to.alive && newest.to.frozenAt < newest.at) this.simulation.fail('I8: the newest refresh token was given up');
  }

  // -------------------------------------------------------------------------------------------------------------- at rest

  /** For which entry a class of ours was made. */
  madeFor(party: Party, id: string): string | null {
    const made = this.simulation.quickbooks.realm(party.realmId).effects.find((effect) => effect.id === id && effect.operation === 'create');
    const [, mark, entry] = MARK.exec(made?.name ?? '') ?? [];
    return mark !== undefined && entry !== undefined ? `${mark}${entry}` : null;
  }

  /** Whether a process that had been stopped just as it sent it had the class made, when others had gone on without it. */
  private isMadeLate(party: Party, id: string): boolean {
    const { effects, late } = this.simulation.quickbooks.realm(party.realmId);
    return effects.some((effect) => effect.id === id && effect.operation === 'create' && late.has(`batch ${effect.requestid}`));
  }

  /** What must hold once nothing is under way any more, whatever happened before. */
  atRest(): void {
    this.oneRefreshAtATime();
    if (this.simulation.quickbooks.usedUnstored > 0) this.simulation.fail('I8: a token was used before it was stored');
    for (const party of this.simulation.parties) {
      this.onlyOneClass(party);
      this.mirrorFollows(party);
      const { reused, overwritten } = this.simulation.quickbooks.realm(party.realmId);
      if (overwritten > 0) this.simulation.fail(`I2: ${overwritten} changes made in QuickBooks were written over`);
      if (reused > 0) this.simulation.fail(`I7: a requestid was used ${reused} times for something else`);
      this.nothingInFlight(party);
      this.withinLimits(party);
      this.ownTenantOnly(party);
      this.parentsFirst(party);
    }
  }

  /** What must hold after a calm sync besides. */
  inOrder(): void {
    this.atRest();
    for (const party of this.simulation.parties) {
      this.everythingSynced(party);
      this.ledgerComplete(party);
      const { company } = this.simulation.database.companies.get(party.tenant) ?? {};
      if (company?.connection !== 'connected') this.simulation.fail('I8: the connection does not come back');
    }
  }

  private records({ tenant }: Party): StagedRecord[] {
    return [...this.simulation.database.recordsOf(tenant).values()];
  }

  /** I1. */
  private onlyOneClass(party: Party): void {
    const realm = this.simulation.quickbooks.realm(party.realmId);
    const made = new Map<string, string[]>();
    for (const row of realm.rows.values()) {
      // Renamed by a person before its lost answer could be looked up, a class cannot be known for ours by anybody.
      const isOurs = row.by === 'us' && !row.renamed && !party.untied.has(row.id) && !this.isMadeLate(party, row.id);
      const entry = isOurs ? this.madeFor(party, row.id) : null;
      if (entry !== null) made.set(entry, [...(made.get(entry) ?? []), row.id]);
    }
    for (const [entry, ids] of made) if (ids.length > 1) this.simulation.fail(`I1: ${entry} has ${ids.length} classes (${ids.join()})`);
    const users = new Map<string, string[]>();
    for (const record of this.records(party)) {
      if (record.link) users.set(record.link.id, [...(users.get(record.link.id) ?? []), record.linarcId]);
    }
    for (const [id, entries] of users) if (entries.length > 1) this.simulation.fail(`I1: class ${id} belongs to ${entries.join()}`);
  }

  /** What QuickBooks told of was read again, whatever the order it was told in. */
  private mirrorFollows({ tenant, realmId }: Party): void {
    const { simulation } = this;
    const isToldOfAll = simulation.scenario.webhooks === true && ['kill', 'term', 'connection lost', 'store down', 'store unknown', 'disk full', 'store torn'].every((cause) => simulation.count(cause) === 0);
    if (!isToldOfAll) return;
    const [realm, mirror] = [simulation.quickbooks.realm(realmId), simulation.database.mirrorOf(tenant)];
    for (const row of realm.rows.values()) {
      if (row.byHand && mirror.get(row.id)?.seen.syncToken !== String(row.token)) simulation.fail(`I9: what was told of class ${row.id} was not read again`);
    }
    for (const id of mirror.keys()) if (!realm.rows.has(id)) simulation.fail(`I9: class ${id} is gone, but still counted`);
  }

  /** I2. */
  private nothingInFlight(party: Party): void {
    const { simulation } = this;
    for (const record of this.records(party)) {
      const { status, problem, link, linarcId, run, id } = record;
      if (run !== null || status === 'syncing') simulation.fail(`I2: ${linarcId} is still in flight`);
      if (status === 'failed' && problem === null) simulation.fail(`I2: ${linarcId} failed without a reason`);
      if (status === 'needs_action' && problem === null) simulation.fail(`I2: ${linarcId} waits for a person without a reason`);
      if (status === 'synced' && link === null) simulation.fail(`I2: ${linarcId} is synced without a class`);
      if (problem?.code === 'class_gone' && simulation.quickbooks.realm(party.realmId).rows.has(link?.id ?? '')) simulation.fail(`I2: the class of ${linarcId} is said to be gone, but is there`);
      if (simulation.isCalm && party.asked.has(id) && (status === 'failed' || status === 'needs_action')) simulation.fail(`I2: ${linarcId} is ${status} (${problem?.code}) though nothing went wrong`);
      const isOpen = status === 'needs_sync' && record.settledIn === null && record.excluded === null;
      if (isOpen && party.asked.has(id) && !party.cancelled && simulation.count('linarc unreadable') === 0 && !party.edited.has(id) && !party.touched.has(id)) simulation.fail(`I2: ${linarcId} was asked for, but never settled`);
    }
  }

  /** I3, by the time calls leave us; clocks that jump within a process are out of anybody's hands. */
  private withinLimits(party: Party): void {
    const { simulation } = this;
    if (simulation.count('clock jump') > 0 || simulation.count('refresh classes') > 0) return;
    const { sent, mostInFlight, tooEarly } = simulation.quickbooks.realm(party.realmId);
    const isOneWorker = ['kill', 'freeze', 'long freeze', 'term', 'connected'].every((cause) => simulation.count(cause) <= (cause === 'connected' ? simulation.parties.length : 0));
    if (isOneWorker && tooEarly > 0) simulation.fail(`I3: ${tooEarly} calls left while QuickBooks had asked to wait`);
    const starts = { batch: sent.batch, all: [...sent.read, ...sent.batch].sort((a, b) => a - b) };
    for (const { of, most, within } of LIMITS) {
      const times = starts[of];
      const at = times.findIndex((start, n) => n >= most && start - (times[n - most] ?? -Infinity) < within);
      if (at >= 0) simulation.fail(`I3: more than ${most} calls (${of}) left within ${within} ms`);
    }
    const isSingle = ['kill', 'freeze', 'long freeze', 'slow'].every((cause) => simulation.count(cause) === 0);
    if (isSingle && mostInFlight > 10) simulation.fail(`I3: ${mostInFlight} calls were under way at once`);
  }

  /** I8: parallel refreshes kill grants. A process that died or stood still may have one under way that nobody waits for any more. */
  private oneRefreshAtATime(): void {
    const { simulation } = this;
    const isWatched = ['kill', 'freeze', 'long freeze', 'term'].every((cause) => simulation.count(cause) === 0);
    const isAlone = simulation.count('connected') === simulation.parties.length;
    const { mostRefreshes } = simulation.quickbooks;
    if (isWatched && isAlone && mostRefreshes > 1) simulation.fail(`I8: ${mostRefreshes} refreshes of one grant were under way at once`);
  }

  /** I5. */
  private ownTenantOnly(party: Party): void {
    const { simulation } = this;
    for (const { name } of simulation.quickbooks.realm(party.realmId).effects) {
      if (MARK.exec(name)?.[1] !== party.mark) simulation.fail(`I5: “${name}” was written to company ${party.mark}`);
    }
    const ids = new Set(this.records(party).map(({ id }) => id));
    for (const fact of simulation.database.historyOf(party.tenant).values()) {
      if (!ids.has(fact.record)) simulation.fail('I5: a line of history belongs to no record of its company');
    }
  }

  /** I6. */
  private parentsFirst(party: Party): void {
    const { simulation } = this;
    const realm = simulation.quickbooks.realm(party.realmId);
    if (simulation.count('person removed a class') === 0 && realm.orphans > 0) simulation.fail(`I6: ${realm.orphans} writes named a parent that is not there`);
    if (!simulation.scenario.divisions) return;
    for (const { name, operation, parentId } of realm.effects) {
      const isDivision = MARK.exec(name)?.[2]?.startsWith('d') ?? false;
      if (operation === 'create' && isDivision !== (parentId === null)) simulation.fail(`I6: “${name}” was created under the wrong parent`);
    }
  }

  private everythingSynced(party: Party): void {
    const { simulation } = this;
    const realm = simulation.quickbooks.realm(party.realmId);
    const { inactivate = false } = simulation.scenario;
    const parents = new Map(this.records(party).map((record) => [record.linarcId, record.link?.id]));
    for (const record of this.records(party)) {
      const { linarcId, wanted, link, status, problem, excluded } = record;
      if (excluded !== null) continue;
      if (status !== 'synced' && !wanted.active && link === null) continue;
      const row = realm.rows.get(link?.id ?? '');
      if (status !== 'synced' || !row) {
        simulation.fail(`I2: after a calm sync ${linarcId} is ${status} (${problem?.code ?? 'no reason'})`);
        continue;
      }
      if (row.name !== wanted.name && row.active) simulation.fail(`I2: ${linarcId} is synced, but QuickBooks holds “${row.name}” for “${wanted.name}”`);
      if (wanted.active && !row.active) simulation.fail(`I2: ${linarcId} is synced, but its class is inactive`);
      if (inactivate && !wanted.active && row.active) simulation.fail(`I2: ${linarcId} is synced, but its class is active`);
      if (row.active && row.parentId !== (wanted.parent === null ? null : parents.get(wanted.parent))) simulation.fail(`I6: ${linarcId} is synced under another parent`);
    }
    for (const row of realm.rows.values()) {
      const entry = row.by === 'us' && !this.isMadeLate(party, row.id) ? this.madeFor(party, row.id) : null;
      const owner = this.records(party).find((record) => entryOf(record) === entry);
      if (owner && owner.link?.id !== row.id && !party.touched.has(owner.id)) simulation.fail(`I1: the class made for ${entry} is not linked to it`);
    }
  }

  /** I7: every class we made and every change we made to one has its one line, and every such line its effect. */
  private ledgerComplete(party: Party): void {
    const { simulation } = this;
    const realm = simulation.quickbooks.realm(party.realmId);
    const records = new Map(this.records(party).map((record) => [record.id, record]));
    const lines = new Map<string, Fact[]>();
    for (const fact of simulation.database.historyOf(party.tenant).values()) {
      const [, effect] = new RegExp(`^${fact.record}\\.(\\d+\\.\\d+)$`).exec(fact.id) ?? [];
      if (effect !== undefined) lines.set(effect, [...(lines.get(effect) ?? []), fact]);
    }
    const effects = new Map(realm.effects.map((effect) => [`${effect.id}.${effect.token}`, effect]));
    const owners = new Map([...records.values()].map((record) => [entryOf(record), record]));
    for (const [key, { id, name, operation }] of effects) {
      const told = lines.get(key) ?? [];
      if (told.length > 1) simulation.fail(`I7: that “${name}” was written as ${key} is told ${told.length} times`);
      // Whatever a person changes, removes or leaves out before anybody could look cannot be known for ours any more.
      const owner = owners.get(this.madeFor(party, id) ?? '') ?? [...records.values()].find(({ link }) => link?.id === id);
      const isKnowable = realm.rows.get(id)?.byHand === false && owner?.excluded === null;
      if (told.length === 0 && isKnowable) simulation.fail(`I7: ${operation} of “${name}” as ${key} is not told`);
    }
    for (const [key, [fact]] of lines) {
      // A class that a person added after a request of ours was lost looks like that request's.
      if (!effects.has(key) && fact && fact.kind !== 'linked' && !party.touched.has(fact.record)) simulation.fail(`I7: the history says ${records.get(fact.record)?.linarcId} was ${fact.kind} as ${key}, but it was not`);
    }
  }
}

/** The entry in the form of the marks; a division's is `ad1`, as in the name of its class. */
function entryOf({ linarcId, kind, wanted }: StagedRecord): string {
  const [, mark, entry] = (kind === 'division' ? MARK.exec(wanted.name) : null) ?? [];
  return mark !== undefined && entry !== undefined ? `${mark}${entry}` : linarcId;
}

/** What a change of a record in a run amounts to, for the trace. */
function changeLine({ id, change }: GuardedChange, missed: readonly string[], record: StagedRecord | undefined): string {
  const parts = [
    missed.includes(id) ? 'MISSED' : 'wrote', record?.linarcId ?? id, change.status, change.settledIn?.outcome, change.problem?.code,
    change.run && `attempts ${change.run.attempts}${change.run.look ? ' look' : ''}`,
    change.intent && `${change.intent.operation} “${change.intent.body.Name}” ${change.intent.requestid.slice(0, 6)}`,
  ];
  return parts.filter((part) => part !== undefined && part !== null).join(' ');
}

/** A store in which some methods are replaced. */
function layered<T extends object>(store: T, methods: Partial<T>): T {
  return new Proxy(store, {
    get: (target, property) => {
      const method: unknown = Reflect.get(methods, property) ?? Reflect.get(target, property);
      return typeof method === 'function' ? method.bind(target) : method;
    },
  });
}
