import { createHmac } from 'node:crypto';
import { DEFAULT_SETTINGS, type Settings } from '../../server/core/company.ts';
import type { Dispatch, Invitations, Team } from '../../server/core/ports.ts';
import { CONSENTS, type Actor, type CostCode, type StagedRecord, type Tenant } from '../../server/core/records.ts';
import type { Fresh } from '../../server/core/fresh.ts';
import type { Selection } from '../../server/core/selection.ts';
import type { World } from '../../server/sync/world.ts';
import { Chance } from './chance.ts';
import type { Engine } from './engine.ts';
import { Linarc, type LibraryFault } from './library.ts';
import { FAIR_STORE, Machine, StoreError, type CrashPoint, type Site, type StoreWeather } from './machine.ts';
import { DEFAULT_SWITCHES, QuickBooks, type BooksWeather, type Row, type Switches } from './quickbooks.ts';
import { MemoryDatabase, memoryStores, type MemoryStores } from './stores.ts';
import { Timeline } from './timeline.ts';
import { Watch } from './watch.ts';

/** What happens in a run. Whatever is left out does not happen. */
export interface Scenario {
  readonly companies?: number;
  /** Cost codes per company, from … to. */
  readonly codes?: readonly [number, number];
  readonly divisions?: boolean;
  readonly inactivate?: boolean;
  readonly machines?: number;
  /** Virtual milliseconds of trouble; then all faults are cleared. */
  readonly trouble?: number;
  readonly books?: BooksWeather;
  readonly store?: Partial<StoreWeather>;
  readonly linarc?: Partial<Record<LibraryFault, number>>;
  readonly switches?: Partial<Switches>;
  /** How often, over the whole time of trouble. */
  readonly events?: Partial<Record<EventKind, number>>;
  /** How far the clocks of machines may be off, in milliseconds. */
  readonly skew?: number;
  readonly crashPoint?: CrashPoint;
  /** Of the wanted classes, the share that QuickBooks holds already when it begins. */
  readonly present?: number;
  /** Whether QuickBooks tells of what people change there: doubled, out of order, in either format, and forged at times. */
  readonly webhooks?: boolean;
  /** All that goes wrong passes, so that no record may end as Failed by it. */
  readonly passes?: boolean;
  /** Share of messages to workers that are lost. */
  readonly lostMessages?: number;
}

export const EVENTS = [
  'kill', 'freeze', 'long freeze', 'term', 'clock jump', 'step down', 'disk full', 'push', 'push twice', 'pause', 'cancel', 'edit', 'edit and import', 'library shifts', 'import', 'class renamed', 'class inactivated',
  'class removed', 'class added', 'refresh classes', 'revoke', 'reconnect', 'lapse', 'forbid', 'retry', 'exclude', 'push one', 'class taken over',
] as const;
export type EventKind = (typeof EVENTS)[number];

/** One company of a run: its ids in all worlds. */
export interface Party {
  readonly mark: string;
  readonly realmId: string;
  readonly tenant: Tenant;
  cancelled: boolean;
  /** Records a person asked to have synced. */
  readonly asked: Set<string>;
  /** Records whose code somebody edited in Linarc while it went on. */
  readonly edited: Set<string>;
  /** Records that somebody excluded, or whose class somebody changed in QuickBooks. */
  readonly touched: Set<string>;
  /** Classes that somebody untied from their record. */
  readonly untied: Set<string>;
}

export const EVERYTHING: Selection = { kind: 'matching', filter: {}, except: [] };
const notHere = (): never => {
  throw new Error('This is no part of the simulation.');
};

const PERSON: Actor = { kind: 'person', userId: 'u1', name: 'Mara Keller' };
const CALM: BooksWeather = { calls: {}, tokens: {} };
const MOST_STEPS = 400_000;
/** Two seconds each. A run that QuickBooks throttled again and again goes on slowly. */
const MOST_ROUNDS = 4_000;
const SWEEP_EVERY = 5_000;
const NAMES = ['Concrete', 'Masonry', 'Metals', 'Wood', 'Roofing', 'Doors', 'Finishes', 'Plumbing'];

/** One seeded run of the engine over worlds in memory, from a connected company to a library that is synced. */
export class Simulation {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly engine: Engine;
  readonly timeline: Timeline;
  readonly database: MemoryDatabase;
  readonly quickbooks: QuickBooks;
  readonly linarc: Linarc;
  readonly watch: Watch;
  readonly parties: Party[] = [];
  readonly trace: string[] = [];
  readonly counts = new Map<string, number>();
  readonly failures: string[] = [];
  private readonly stores: MemoryStores;
  private readonly site: Site & { storeWeather: StoreWeather };
  private readonly chance: Chance;
  private readonly isTraced: boolean;
  private readonly twist: (world: World) => World;
  private readonly worlds = new Map<Machine, World>();
  /** What machines do just now, sweeps aside. */
  private readonly tasks = new Set<{ readonly machine: Machine }>();
  /** Webhooks that were sent and have not arrived. */
  private onTheWay = 0;
  private machines: Machine[] = [];
  private born = 0;
  private isTroubled = false;

  constructor(seed: number, scenario: Scenario, engine: Engine, options: { traced?: boolean; twist?: (world: World) => World } = {}) {
    this.seed = seed;
    this.scenario = scenario;
    this.engine = engine;
    this.isTraced = options.traced ?? false;
    this.twist = options.twist ?? ((world) => world);
    this.chance = new Chance(seed);
    this.timeline = new Timeline(this.chance.fork());
    this.database = new MemoryDatabase(() => this.timeline.now, this.chance.fork());
    this.site = {
      timeline: this.timeline,
      chance: this.chance.fork(),
      database: this.database,
      storeWeather: { ...FAIR_STORE },
      storeDownUntil: 0,
      storeFullUntil: 0,
      died: () => this.reboot(),
      note: (who, what) => this.note(who, what),
      explain: (lines) => this.explain(lines),
      count: (what) => void this.counts.set(what, (this.counts.get(what) ?? 0) + 1),
    };
    this.quickbooks = new QuickBooks(this.site, engine, { ...DEFAULT_SWITCHES, ...scenario.switches });
    this.linarc = new Linarc(this.site, engine);
    this.watch = new Watch(this);
    this.stores = this.watch.over(memoryStores(this.database));
  }

  /** Whether nothing goes wrong in it. */
  get isCalm(): boolean {
    const { books, store, linarc, switches, events, skew, crashPoint } = this.scenario;
    return [books, store, linarc, switches, events, skew, crashPoint].every((trouble) => trouble === undefined);
  }

  note(who: string, what: string): void {
    if (this.isTraced) this.trace.push(`${((this.timeline.now - Date.UTC(2026, 2, 1, 10)) / 1000).toFixed(3)} ${who} ${what}`);
  }

  /** Notes what is worth working out only for a trace. */
  explain(lines: () => readonly string[]): void {
    if (this.isTraced) for (const line of lines()) this.note('   ', line);
  }

  fail(what: string): void {
    this.note('!', what);
    if (!this.failures.includes(what)) this.failures.push(what);
  }

  count(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  // -------------------------------------------------------------------------------------------------------------- the run

  /** The whole run. What went wrong is in `failures`. */
  async run(): Promise<this> {
    try {
      await this.timeline.until(this.story());
    } catch (error) {
      this.fail(`I2: ${error instanceof Error ? error.message : String(error)}`);
    }
    return this;
  }

  private async story(): Promise<void> {
    for (let n = 0; n < (this.scenario.machines ?? 2); n += 1) this.boot();
    for (let n = 0; n < (this.scenario.companies ?? 1); n += 1) await this.join('abcdef'.charAt(n));
    this.note('-', 'trouble begins');
    await this.trouble();
    this.note('-', 'trouble ends');
    await this.comeToRest();
    this.watch.atRest();
    await this.bringInOrder();
    this.watch.inOrder();
    const before = this.written();
    await this.syncAll();
    if (this.written() !== before) this.fail('I10: a second sync wrote something');
  }

  private written(): string {
    return [...this.quickbooks.realms.values()].map(({ effects, sent }) => `${effects.length}/${sent.batch.length}`).join();
  }

  // -------------------------------------------------------------------------------------------------------------- machines

  private boot(): Machine {
    this.born += 1;
    const machine = new Machine(`p${this.born}`, this.site);
    const skew = this.scenario.skew ?? 0;
    machine.skew = skew === 0 ? 0 : this.chance.int(-skew, skew);
    this.worlds.set(machine, this.twist(this.worldOf(machine)));
    this.machines.push(machine);
    this.keepSweeping(machine);
    return machine;
  }

  private keepSweeping(machine: Machine): void {
    machine.reach(this.chance.int(1, SWEEP_EVERY), () => {
      if (machine.stopping.signal.aborted) return;
      void this.work(machine, 'sweep', (world) => this.sweep(world));
      this.keepSweeping(machine);
    });
  }

  private async sweep(world: World): Promise<void> {
    await this.engine.pushing.sweep(world);
    if (this.scenario.webhooks) for (const company of await world.fresh.changes.waiting(50)) await world.dispatch.fresh(company);
  }

  private worldOf(machine: Machine): World {
    const random = this.chance.fork();
    const over = <K extends keyof MemoryStores>(name: K) => machine.overNetwork(name, this.stores[name]);
    const log = (level: string) => (about: Readonly<Record<string, unknown>>, message: string) => {
      this.note(machine.name, `${level}: ${message} ${JSON.stringify(about)}`);
      if (level === 'error' && !String(about['error']).startsWith('StoreError')) this.fail(`unexpected: ${message} ${String(about['error'])}`);
    };
    const world = {
      clock: machine.clock,
      random,
      log: { info: log('info'), warn: log('warn'), error: log('error') },
      library: this.linarc.reached(machine),
      identity: this.quickbooks.identity(machine),
      openBooks: this.quickbooks.opened(machine),
      companies: over('companies'),
      users: over('users'),
      costCodes: over('costCodes'),
      classes: over('classes'),
      runs: over('runs'),
      intents: over('intents'),
      history: over('history'),
      dispatch: this.dispatch(),
      fresh: { ...NOTHING_FRESH, changes: over('changes'), rounds: { ...NOTHING_FRESH.rounds, ofRealms: async (ids: readonly string[]) => this.database.ofRealms(ids) } },
      team: NO_TEAM,
      invitations: NO_INVITATIONS,
      pace: { speed: 1, limits: true },
      owner: machine.name,
    };
    return world;
  }

  private dispatch(): Dispatch {
    const send = (what: string, work: (world: World, machine: Machine) => Promise<unknown>) => {
      if (this.isTroubled && this.chance.hits(this.scenario.lostMessages ?? 0)) return;
      this.timeline.in(this.chance.int(1, 200), () => this.work(this.someMachine(), what, work));
    };
    return {
      push: async (company, run) => send('push', (world, machine) => this.engine.pushing.runPush(world, company, run, machine.stopping.signal)),
      import: async (company, id) => send('import', (world) => this.engine.importing.runImport(world, company, id)),
      fresh: async (company) => send('fresh', async (world) => {
        const found = await world.companies.get(company);
        if (found) await this.engine.sweeping.followQuickBooks(world, found);
      }),
    };
  }

  private someMachine(): Machine {
    const able = this.machines.filter((machine) => machine.alive && !machine.stopping.signal.aborted);
    return able.length > 0 ? this.chance.pick(able) : this.boot();
  }

  /** Has a machine do something. Whatever the worlds outside did to it is no failure of ours. */
  private work(machine: Machine, what: string, work: (world: World, machine: Machine) => Promise<unknown>): Promise<void> {
    const world = this.worlds.get(machine);
    if (!world) throw new Error('A machine without a world.');
    const task = { machine };
    if (what !== 'sweep') this.tasks.add(task);
    return work(world, machine).catch((error: unknown) => {
      this.note(machine.name, `${what} ended by ${String(error)}`);
      if (!this.isFromOutside(error)) this.fail(`unexpected: ${what}: ${error instanceof Error ? error.stack : String(error)}`);
    }).then(() => void this.tasks.delete(task));
  }

  private isFromOutside(error: unknown): boolean {
    const { ports, problems, connecting } = this.engine;
    const kinds = [StoreError, ports.BooksError, ports.GrantError, problems.ProblemError, connecting.SignInError];
    return kinds.some((kind) => error instanceof kind);
  }

  // -------------------------------------------------------------------------------------------------------------- companies

  private async join(mark: string): Promise<void> {
    const realmId = `9${mark.charCodeAt(0)}`;
    const library = this.linarc.library(mark);
    const [from, to] = this.scenario.codes ?? [5, 40];
    for (let n = this.chance.int(from, to); n > 0; n -= 1) library.set(`${mark}${n}`, this.newCode(mark, n));
    const machine = this.someMachine();
    await this.work(machine, 'connect', async (world) => {
      await this.connect(world, realmId);
      const company = await world.companies.byRealm(realmId);
      if (!company) throw new Error('The company was not stored.');
      await this.engine.linking.linkLibrary(world, company.id, { companyId: mark, apiKey: 'key' });
      const settings: Settings = { ...DEFAULT_SETTINGS, structure: this.scenario.divisions ? 'division' : 'flat', inactivate: this.scenario.inactivate ?? false };
      await world.companies.saveSettings(company.id, 0, settings, { by: PERSON, at: new Date(this.timeline.now), changes: [] });
      this.parties.push({ mark, realmId, tenant: company.id, cancelled: false, asked: new Set(), edited: new Set(), touched: new Set(), untied: new Set() });
    });
    const party = this.parties.at(-1);
    if (party?.mark !== mark) throw new Error('The company could not be connected.');
    await this.importAll(party);
    this.fillBooks(party);
  }

  private newCode(mark: string, n: number): CostCode {
    const division = this.scenario.divisions ? String(1 + (n % 4)) : '';
    return {
      code: `${n}`, name: `${this.chance.pick(NAMES)} #${mark}${n}`, taskType: 'FIELD', active: !this.chance.hits(0.05),
      divisionCode: division === '' ? '' : `D${division}`, divisionName: division === '' ? '' : `Division #${mark}d${division}`,
    };
  }

  /** Classes that were there before us: of the wanted name, differing in case or blanks, or inactive. */
  private fillBooks({ tenant, realmId }: Party): void {
    const realm = this.quickbooks.realm(realmId);
    for (const record of this.database.recordsOf(tenant).values()) {
      if (record.wanted.parent !== null || record.wanted.name === '' || !this.chance.hits(this.scenario.present ?? 0)) continue;
      const name = this.chance.pick([record.wanted.name, record.wanted.name.toUpperCase(), record.wanted.name.replace(' ', '  ')]);
      const row = this.quickbooks.addByPerson(realm, name);
      if (!row) continue;
      row.createdAt -= 86_400_000;
      row.active = !this.chance.hits(0.3);
    }
  }

  private async connect(world: World, realmId: string): Promise<void> {
    this.site.count('connected');
    const { pending } = this.engine.connecting.begin(world, 'connect', 'https://app.example/callback');
    const query = { state: pending.state, code: realmId, realmId };
    await this.engine.connecting.finishConnect(world, { query, pending, redirectUri: 'https://app.example/callback' });
  }

  // -------------------------------------------------------------------------------------------------------------- trouble

  private async trouble(): Promise<void> {
    const { scenario, site } = this;
    const lasting = scenario.trouble ?? 60_000;
    this.isTroubled = true;
    this.quickbooks.weather = scenario.books ?? CALM;
    site.storeWeather = { ...FAIR_STORE, ...scenario.store };
    this.linarc.weather = scenario.linarc ?? {};
    for (const machine of this.machines) {
      const { call } = scenario.crashPoint ?? {};
      machine.crashPoint = scenario.crashPoint ? { ...scenario.crashPoint, call: typeof call === 'number' ? machine.calls + call : call ?? '' } : null;
    }
    for (const party of this.parties) this.plan(party, 0, 'push');
    for (const kind of EVENTS) {
      for (let n = scenario.events?.[kind] ?? 0; n > 0; n -= 1) this.plan(this.chance.pick(this.parties), this.chance.int(0, lasting), kind);
    }
    await this.timeline.wait(lasting);
    this.isTroubled = false;
    this.quickbooks.weather = CALM;
    site.storeWeather = { ...FAIR_STORE };
    Object.assign(site, { storeDownUntil: 0, storeFullUntil: 0 });
    this.quickbooks.switches.planLimit = null;
    this.linarc.weather = {};
    for (const realm of this.quickbooks.realms.values()) Object.assign(realm, { lapsedUntil: 0, forbiddenUntil: 0 });
    for (const machine of this.machines) machine.thaw();
  }

  private plan(party: Party, after: number, kind: EventKind): void {
    this.timeline.in(after, () => {
      this.note('*', `${kind} (${party.mark})`);
      this.site.count(kind);
      this.happen(party, kind);
    });
  }

  private happen(party: Party, kind: EventKind): void {
    const { engine, chance } = this;
    const { tenant } = party;
    const machine = this.someMachine();
    const realm = this.quickbooks.realm(party.realmId);
    const someone = (work: (world: World) => Promise<unknown>) => void this.work(machine, kind, work);
    switch (kind) {
      case 'kill':
        return machine.kill();
      case 'term':
        machine.stopping.abort();
        return this.timeline.in(10_000, () => {
          machine.alive = false;
          if (this.machines.every((one) => !one.alive || one.stopping.signal.aborted)) this.boot();
        });
      case 'freeze':
        return machine.freeze(chance.int(16_000, 45_000));
      case 'long freeze':
        return machine.freeze(chance.int(1_000, 200_000));
      case 'clock jump':
        machine.skew += chance.pick([-300_000, 300_000]);
        return;
      case 'step down':
        this.site.storeDownUntil = Math.max(this.site.storeDownUntil, this.timeline.now + chance.int(500, 20_000));
        return;
      case 'disk full':
        this.site.storeFullUntil = Math.max(this.site.storeFullUntil, this.timeline.now + chance.int(500, 20_000));
        return;
      case 'library shifts':
        return this.shift(party);
      case 'push twice':
        for (let n = 0; n < 2; n += 1) this.push(party, EVERYTHING);
        return;
      case 'push':
        return this.push(party, EVERYTHING);
      case 'push one':
        return this.push(party, { kind: 'ids', ids: [this.someRecord(party).id] });
      case 'pause':
        someone((world) => this.wish(world, party, 'pause'));
        return this.timeline.in(chance.int(100, 20_000), () => void this.work(this.someMachine(), 'resume', (world) => this.wish(world, party, 'resume')));
      case 'cancel':
        party.cancelled = true;
        return someone((world) => this.wish(world, party, 'cancel'));
      case 'edit':
        this.edit(party);
        return;
      case 'edit and import':
        return this.editAndImport(party);
      case 'import':
        return someone((world) => engine.importing.startImport(world, tenant, PERSON, { mode: 'all' }));
      case 'class renamed':
      case 'class inactivated':
      case 'class removed':
      case 'class added':
        return this.changeClass(party, kind);
      case 'refresh classes':
        return someone((world) => engine.reading.refreshClasses(world, tenant));
      case 'revoke':
        return this.quickbooks.revokeGrant(party.realmId);
      case 'reconnect':
        return someone((world) => this.connect(world, party.realmId));
      case 'lapse':
        realm.lapsedUntil = this.timeline.now + chance.int(1_000, 60_000);
        return;
      case 'forbid':
        realm.forbiddenUntil = this.timeline.now + chance.int(1_000, 60_000);
        return;
      case 'retry':
        return this.push(party, { kind: 'matching', filter: { status: 'failed' }, except: [] });
      case 'exclude':
        return this.exclude(party);
      case 'class taken over':
        return this.takeOver(party);
    }
  }

  private reboot(): void {
    this.timeline.in(this.chance.int(500, 10_000), () => void this.boot());
  }

  private push(party: Party, selection: Selection): void {
    void this.work(this.someMachine(), 'ask', async (world) => {
      const before = selection.kind === 'ids' ? selection.ids : [...this.database.recordsOf(party.tenant).values()].filter((one) => PUSHABLE.has(one.status) && one.excluded === null).map(({ id }) => id);
      const { run } = await this.engine.pushing.startPush(world, party.tenant, PERSON, { ...selection, consent: CONSENTS });
      if (run && (selection.kind === 'ids' || selection === EVERYTHING)) for (const id of before) party.asked.add(id);
    });
  }

  private async wish(world: World, { tenant }: Party, wish: 'pause' | 'resume' | 'cancel'): Promise<void> {
    const run = await world.runs.active(tenant);
    const wished = run && (await world.runs.wish(tenant, run.id, wish));
    if (wished && wish !== 'pause') await world.dispatch.push(tenant, wished.id);
  }

  private someRecord({ tenant }: Party): StagedRecord {
    return this.chance.pick([...this.database.recordsOf(tenant).values()].filter(({ kind }) => kind === 'cost_code'));
  }

  private edit(party: Party): StagedRecord {
    const library = this.linarc.library(party.mark);
    const record = this.someRecord(party);
    const standing = library.get(record.linarcId);
    party.edited.add(record.id);
    if (!standing) return record;
    const mark = standing.name.slice(standing.name.indexOf('#'));
    const change = this.chance.pick<Partial<CostCode>>([
      { name: `${this.chance.pick(NAMES)} ${this.chance.int(1, 99)} ${mark}` },
      { name: `${this.chance.pick(NAMES)} ${this.chance.int(1, 99)} ${mark}` },
      // Inactive, and so left out, a code keeps the name of the class it took over from the one that wants it.
      { active: !standing.active || record.link?.how === 'manual' },
      { taskType: 'EQUIPMENT' },
    ]);
    library.set(record.linarcId, { ...standing, ...change });
    return record;
  }

  /** Codes change their places in the listing, so that its pages shift while they are read. */
  private shift({ mark }: Party): void {
    const library = this.linarc.library(mark);
    for (const [id, costCode] of [...library].slice(0, this.chance.int(1, 5))) {
      library.delete(id);
      library.set(id, costCode);
    }
  }

  private editAndImport(party: Party): void {
    const record = this.edit(party);
    void this.work(this.someMachine(), 'import', (world) =>
      this.engine.importing.startImport(world, party.tenant, PERSON, { mode: 'selected', ids: [record.linarcId] }));
  }

  private changeClass(party: Party, kind: 'class renamed' | 'class inactivated' | 'class removed' | 'class added'): void {
    const realm = this.quickbooks.realm(party.realmId);
    if (kind === 'class added') {
      const { wanted, id } = this.someRecord(party);
      const added = wanted.name === '' ? null : this.quickbooks.addByPerson(realm, wanted.name);
      if (added) party.touched.add(id);
      if (added) this.tell(party, added.id, 'create');
      return;
    }
    const rows = [...realm.rows.values()];
    const row = rows.length > 0 ? this.chance.pick(rows) : null;
    if (!row) return;
    this.touched(party, row);
    if (kind === 'class renamed') this.quickbooks.changeByPerson(realm, row, { name: `By hand ${this.chance.int(1, 999)} ${row.name.slice(row.name.indexOf('#'))}`.slice(0, 100) });
    else if (kind === 'class inactivated') this.quickbooks.changeByPerson(realm, row, { active: false });
    else if (![...realm.rows.values()].some(({ parentId }) => parentId === row.id)) this.quickbooks.removeByPerson(realm, row);
    this.tell(party, row.id, realm.rows.has(row.id) ? 'update' : 'delete');
  }

  /** QuickBooks tells of a change, at least once and in any order; so does somebody else, who cannot sign. */
  private tell({ realmId }: Party, classId: string, operation: 'create' | 'update' | 'delete'): void {
    if (!this.scenario.webhooks) return;
    const raw = webhookOf(realmId, classId, operation, this.timeline.now, this.chance.hits(0.5));
    const secrets = [...Array.from({ length: this.chance.int(1, 3) }, () => VERIFIER), ...(this.chance.hits(0.5) ? ['guessed'] : [])];
    for (const secret of secrets) {
      this.onTheWay += 1;
      this.timeline.in(this.chance.int(0, 30_000), () => this.deliver(raw, secret));
    }
  }

  private deliver(raw: Buffer, secret: string): void {
    this.onTheWay -= 1;
    this.site.count(secret === VERIFIER ? 'webhook' : 'forged webhook');
    const signature = createHmac('sha256', secret).update(raw).digest('base64');
    void this.work(this.someMachine(), 'webhook', async (world) => {
      const receipt = await this.engine.telling.hearQuickBooks(world, { raw, signature }, [VERIFIER]);
      if ((receipt.kind === 'taken') !== (secret === VERIFIER)) this.fail(`I5: a webhook signed with “${secret}” was ${receipt.kind}`);
      if (receipt.kind === 'taken' && receipt.told === 0) this.site.count('webhook told twice');
      if (receipt.kind === 'taken') for (const company of receipt.companies) await world.dispatch.fresh(company);
    });
  }

  /** Records whose class a person touched may end waiting for a person. */
  private touched(party: Party, row: Row): void {
    for (const record of this.database.recordsOf(party.tenant).values()) {
      if (record.link?.id === row.id || this.watch.madeFor(party, row.id) === record.linarcId || record.wanted.name === row.name) party.touched.add(record.id);
    }
  }

  private exclude(party: Party): void {
    const { id } = this.someRecord(party);
    party.touched.add(id);
    void this.work(this.someMachine(), 'exclude', (world) => world.costCodes.get(party.tenant, id).then(async (record) => {
      // For the same reason.
      if (record && record.run === null && record.link?.how !== 'manual') await world.costCodes.change(party.tenant, id, record.version, { excluded: { by: 'Mara', byRule: false, reason: 'not used', at: new Date(world.clock.now()) } });
    }));
  }

  /** Somebody gives a code that is new in Linarc the class of another and has both synced: the other wants a new class of the name that one has. */
  private takeOver(party: Party): void {
    const { mark, tenant } = party;
    const library = this.linarc.library(mark);
    const n = library.size + 1;
    const linarcId = `${mark}${n}`;
    library.set(linarcId, { ...this.newCode(mark, n), active: true });
    void this.work(this.someMachine(), 'take over', async (world) => {
      const { state } = await this.engine.importing.startImport(world, tenant, PERSON, { mode: 'selected', ids: [linarcId] });
      const [taker] = (await this.isImported(party, state.id)) ? await world.costCodes.byLinarcIds(tenant, [linarcId]) : [];
      // Of what a person takes from a record whose write has no answer yet, nobody can tell any more that it was ours.
      const givers = [...this.database.recordsOf(tenant).values()].filter(({ kind, link, run, intent }) => kind === 'cost_code' && link !== null && run === null && intent === null);
      if (!taker || taker.link !== null || taker.excluded !== null || givers.length === 0) return;
      const giver = this.chance.pick(givers);
      const classId = giver.link?.id ?? '';
      party.untied.add(classId);
      for (const { id } of [giver, taker]) party.touched.add(id);
      if ((await this.engine.mapping.map(world, tenant, PERSON, taker.id, classId, 'replace')) === null) return;
      const entry = library.get(linarcId);
      if (entry) library.set(linarcId, { ...entry, active: true });
      this.site.count('taken over');
      this.push(party, EVERYTHING);
    });
  }

  // -------------------------------------------------------------------------------------------------------------- rest

  private activeRun({ tenant }: Party) {
    return [...this.database.runs.values()].find((run) => run.company === tenant && run.active);
  }

  /** Lets what was begun come to its end; people mend what is theirs to mend. */
  private async comeToRest(): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      if (this.timeline.steps > MOST_STEPS) break;
      await this.timeline.wait(2_000);
      let isBusy = this.onTheWay > 0 || [...this.tasks].some(({ machine }) => machine.alive);
      for (const party of this.parties) {
        const run = this.activeRun(party);
        const company = this.database.companies.get(party.tenant)?.company;
        const isImporting = this.database.companies.get(party.tenant)?.import?.state === 'running' && round < 40;
        isBusy ||= run !== undefined || isImporting || this.hasUntold(party);
        if (company?.connection === 'needs_reconnect' || (run?.state === 'halted' && run.problem?.code === 'reconnect_needed')) {
          await this.work(this.someMachine(), 'reconnect', (world) => this.connect(world, party.realmId));
        } else if (run?.state === 'halted' || run?.state === 'paused') {
          await this.work(this.someMachine(), 'resume', (world) => this.wish(world, party, 'resume'));
        }
      }
      if (!isBusy) return;
    }
    this.fail(`I2: it does not come to rest (${this.parties.map((party) => this.activeRun(party)?.state).join()})`);
  }

  /** Whether something QuickBooks told was not followed yet. */
  private hasUntold({ tenant }: Party): boolean {
    return [...this.database.changesOf(tenant).values()].some(({ open }) => open);
  }

  private async importAll(party: Party): Promise<void> {
    const { tenant } = party;
    for (let tries = 0; tries < 60; tries += 1) {
      let id = '';
      await this.work(this.someMachine(), 'import', async (world) => {
        const { started, state } = await this.engine.importing.startImport(world, tenant, PERSON, { mode: 'all' });
        if (started) id = state.id;
      });
      if (await this.isImported(party, id)) return;
    }
    this.fail('I2: the library cannot be imported any more');
  }

  /** Waits for the import that is under way, at most a minute. Says whether it was this one, and came to its end. */
  private async isImported({ tenant }: Party, id: string): Promise<boolean> {
    const current = () => this.database.companies.get(tenant)?.import;
    for (let waited = 0; waited < 60 && current()?.state === 'running'; waited += 1) await this.timeline.wait(1_000);
    return current()?.id === id && current()?.state === 'done';
  }

  private async syncAll(): Promise<void> {
    for (const party of this.parties) {
      await this.importAll(party);
      this.push(party, EVERYTHING);
    }
    await this.timeline.wait(1_000);
    await this.comeToRest();
  }

  /** With all faults gone: a whole import and sync, what waits for a person decided by one, and synced again. */
  private async bringInOrder(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      await this.syncAll();
      for (const party of this.parties) await this.decideAll(party);
    }
    await this.syncAll();
  }

  private async decideAll(party: Party): Promise<void> {
    await this.work(this.someMachine(), 'refresh', (world) => this.engine.reading.refreshClasses(world, party.tenant));
    for (const record of this.database.recordsOf(party.tenant).values()) {
      if (record.status !== 'needs_action' || record.excluded !== null) continue;
      await this.work(this.someMachine(), 'decide', (world) => this.decide(world, party, record));
    }
  }

  private async decide(world: World, { tenant, untied }: Party, { id, link, problem }: StagedRecord): Promise<void> {
    const { deciding, mapping } = this.engine;
    if (problem?.code === 'changed_in_quickbooks') await deciding.decide(world, tenant, PERSON, [id], 'linarc');
    if (problem?.code !== 'class_gone' && problem?.code !== 'class_used') return;
    await mapping.unmap(world, tenant, PERSON, id);
    if (link) untied.add(link.id);
  }
}

const VERIFIER = 'verifier';

/** A webhook's body in one of QuickBooks' two formats (quickbooks-annex.md A4). */
function webhookOf(realmId: string, classId: string, operation: 'create' | 'update' | 'delete', at: number, isCloudEvent: boolean): Buffer {
  const time = new Date(at).toISOString();
  if (isCloudEvent) return Buffer.from(JSON.stringify([{ specversion: '1.0', id: `e${at}-${classId}`, type: `qbo.class.${operation}d.v1`, time, intuitentityid: classId, intuitaccountid: realmId, data: {} }]));
  const entity = { name: 'Class', id: classId, operation: `${operation.charAt(0).toUpperCase()}${operation.slice(1)}`, lastUpdated: time };
  return Buffer.from(JSON.stringify({ eventNotifications: [{ realmId, dataChangeEvent: { entities: [entity] } }] }));
}

const PUSHABLE: ReadonlySet<string> = new Set(['needs_sync', 'failed']);

/** Who belongs to a company is no matter of the engine. */
const NO_TEAM: Team = {
  members: notHere, setRole: notHere, remove: notHere, lastOpened: notHere, opened: notHere, wantsMail: notHere, setMail: notHere,
};
const NO_INVITATIONS: Invitations = { add: notHere, open: notHere, find: notHere, use: notHere, withdraw: notHere };

/** Webhooks and rounds have tests of their own; the engine only notes when it read. */
const NOTHING_FRESH: Fresh = {
  changes: { tell: notHere, take: notHere, settle: notHere, putOff: notHere, waiting: notHere },
  rounds: { due: notHere, begin: notHere, upkeep: async () => null, save: async () => {}, askToApply: notHere, applied: notHere, hook: async () => null, saveHook: async () => {}, ofRealms: notHere },
  notices: { standings: notHere, write: notHere, takeMail: notHere, dropMail: notHere, putOffMail: notHere, pending: notHere, recipients: notHere },
  post: null,
  reachedAt: null,
};
