import { createHmac, timingSafeEqual } from 'node:crypto';
import { DRIVER_APP } from './apps.ts';
import type { RegisteredApp } from './apps.ts';
import { CallLog } from './calls.ts';
import { Clock } from './clock.ts';
import { Company } from './company.ts';
import type { ClassTracking, CompanyChange, CompanyFacts, Plan } from './company.ts';
import { ServiceFault } from './faults.ts';
import { Grants } from './grants.ts';
import { PEOPLE, SigningKey } from './identity.ts';
import type { Person } from './identity.ts';
import { Injection } from './injection.ts';
import type { Journal } from './journal.ts';
import { seededRandom, secretText } from './random.ts';
import type { Random } from './random.ts';
import { defaultSwitches } from './switches.ts';
import type { Switches } from './switches.ts';
import { Throttle } from './throttle.ts';
import { Webhooks } from './webhooks.ts';

export interface CompanyWish {
  readonly name: string;
  readonly plan: Plan;
  readonly classTracking: ClassTracking;
  readonly longIds?: boolean;
  readonly realmId?: string;
  readonly admins?: readonly string[];
  readonly users?: readonly string[];
  /** `Parent:Child` names to begin with; a closing ` (inactive)` makes one inactive. */
  readonly classes?: readonly string[];
}

export interface WorldOptions {
  readonly speed: number;
  readonly limits: 'on' | 'off';
  readonly apps: readonly RegisteredApp[];
  readonly seed: number | string;
  readonly companies: readonly CompanyWish[];
}

/** Everything the sandbox knows: companies, people, apps, grants, switches, limits, and what it has seen. */
export class World {
  readonly options: WorldOptions;
  readonly journal: Journal;
  clock!: Clock;
  switches!: Switches;
  random!: Random;
  grants!: Grants;
  signingKey!: SigningKey;
  throttle!: Throttle;
  calls!: CallLog;
  injection!: Injection;
  webhooks!: Webhooks;
  readonly companies = new Map<string, Company>();
  readonly apps = new Map<string, RegisteredApp>();
  #cookieSecret = '';
  /** The app whose call is being worked on; null for a person at the sandbox's own pages. */
  #writer: string | null = null;

  constructor(options: WorldOptions, journal: Journal) {
    this.options = options;
    this.journal = journal;
    this.#build();
    if (journal.kept('company').size > 0) this.#restore();
    else this.#seed();
    this.#registerOptionApps();
  }

  /** Back to the first start: no journal, default companies and switches, no grants, no calls. Registered apps stay. */
  reset(companies: readonly CompanyWish[] = this.options.companies): void {
    const apps = [...this.apps.values()];
    this.webhooks.close();
    this.journal.clear();
    this.companies.clear();
    this.apps.clear();
    this.#build();
    this.#seed(companies);
    for (const app of apps) this.registerApp(app);
  }

  close(): void {
    this.webhooks.close();
    this.journal.put('clock', 'virtual', this.clock.now());
    this.journal.close();
  }

  registerApp(app: RegisteredApp): void {
    this.apps.set(app.clientId, app);
    this.journal.put('app', app.clientId, app);
  }

  /** The apps a person sees in the Apps menu. */
  listedApps(): RegisteredApp[] {
    return [...this.apps.values()].filter((app) => !app.hidden);
  }

  /** The app named, or the only sensible one: the first registered, or the sandbox's own driver. */
  appFor(clientId: string | undefined): RegisteredApp | undefined {
    if (clientId !== undefined) return this.apps.get(clientId);
    const [first] = this.listedApps();
    if (first) return first;
    this.registerApp(DRIVER_APP);
    return DRIVER_APP;
  }

  addCompany(wish: CompanyWish): Company {
    const now = this.clock.wall();
    const facts: CompanyFacts = {
      realmId: wish.realmId ?? this.#nextRealmId(), name: wish.name, plan: wish.plan, classTracking: wish.classTracking,
      longIds: wish.longIds ?? true, departmentTracking: false, admins: wish.admins ?? ['mara', 'jonas'], users: wish.users ?? [],
      preferencesSyncToken: 0, subscription: 'PAID', created: now, preferencesUpdated: now,
    };
    const company = this.#company(facts);
    company.save();
    for (const name of wish.classes ?? []) this.addClass(company, name);
    return company;
  }

  /**
   * Adds a class as a person of the company would: `Parent:Child`, with a closing ` (inactive)` to make it inactive.
   * @returns what stands in the way, if anything does.
   */
  addClass(company: Company, path: string): string | undefined {
    const names = path.replace(/ \(inactive\)$/, '').split(':');
    const above = names.slice(0, -1).join(':');
    const parent = above === '' ? undefined : [...company.classes.fullyNamed(above)][0];
    if (above !== '' && !parent) return `There is no class "${above}" above "${path}".`;
    const writing = { switches: this.switches, editor: 'Mara Keller', now: this.clock.wall() };
    const made = this.as(null, () => company.classes.create({
      name: names.at(-1) ?? path, active: !path.endsWith(' (inactive)'), claimsParent: false, sparse: false,
      ...(parent ? { parentId: parent.id } : {}),
    }, writing));
    return made instanceof ServiceFault ? `"${path}": ${made.errors[0]?.detail ?? 'refused'}` : undefined;
  }

  setSwitches(change: Partial<Switches>): void {
    this.switches = { ...this.switches, ...change };
    this.journal.put('switches', 'all', this.switches);
  }

  /** Runs a piece of work as the doing of an app (null: a person), so that webhooks know whose change it is. */
  as<T>(clientId: string | null, work: () => T): T {
    const before = this.#writer;
    this.#writer = clientId;
    try {
      return work();
    } finally {
      this.#writer = before;
    }
  }

  person(id: string): Person | undefined {
    return PEOPLE.find((person) => person.id === id);
  }

  companiesOf(person: Person): Company[] {
    return [...this.companies.values()].filter(({ facts }) =>
      facts.admins.includes(person.id) || facts.users.includes(person.id));
  }

  /** The sign-in cookie of a person: nobody can make one without the sandbox's secret. */
  cookieFor(person: Person): string {
    return `${person.id}.${this.#seal(person.id)}`;
  }

  readCookie(value: string | undefined): Person | undefined {
    const [id = '', seal = ''] = (value ?? '').split('.');
    const wanted = Buffer.from(this.#seal(id));
    const given = Buffer.from(seal);
    return wanted.length === given.length && timingSafeEqual(wanted, given) ? this.person(id) : undefined;
  }

  #seal(id: string): string {
    return createHmac('sha256', this.#cookieSecret).update(id).digest('base64url');
  }

  #build(): void {
    const { options, journal } = this;
    const virtual = journal.kept('clock').get('virtual');
    this.clock = new Clock(options.speed, typeof virtual === 'number' ? virtual : 0);
    this.switches = defaultSwitches(options.limits);
    this.random = seededRandom(options.seed);
    this.grants = new Grants(this.clock, journal, () => this.switches);
    this.signingKey ??= new SigningKey(journal);
    void this.signingKey.keep();
    this.throttle = new Throttle(this.clock, () => this.switches);
    this.calls = new CallLog();
    this.injection = new Injection(this.random);
    this.webhooks = new Webhooks({
      clock: this.clock, switches: () => this.switches, listeners: () => [...this.apps.values()],
      isConnected: (clientId, realmId) => this.grants.isConnected(clientId, realmId),
    });
    const secret = journal.kept('key').get('cookie');
    this.#cookieSecret ||= typeof secret === 'string' ? secret : secretText(40);
    journal.put('key', 'cookie', this.#cookieSecret);
  }

  #restore(): void {
    for (const facts of this.journal.kept('company').values()) this.#company(facts as CompanyFacts).restoreLists();
    for (const app of this.journal.kept('app').values()) this.apps.set((app as RegisteredApp).clientId, app as RegisteredApp);
    const kept = this.journal.kept('switches').get('all');
    if (kept) this.switches = { ...this.switches, ...(kept as Switches) };
  }

  #registerOptionApps(): void {
    for (const app of this.options.apps) this.registerApp(app);
  }

  #seed(companies: readonly CompanyWish[] = this.options.companies): void {
    for (const wish of companies) this.addCompany(wish);
  }

  #company(facts: CompanyFacts): Company {
    const changed: CompanyChange = (company, entity, record, kind, gone) => {
      this.webhooks.note({ realmId: company.realmId, entity, id: record.id, deletedId: gone?.id ?? null, kind, at: this.clock.wall(), writer: this.#writer });
    };
    const company = new Company(facts, this.clock, this.journal, changed);
    this.companies.set(facts.realmId, company);
    return company;
  }

  /** Sixteen digits, as real ones: above what a JavaScript number holds exactly. */
  #nextRealmId(): string {
    let number = 1;
    const idOf = (): string => `93414530${String(number).padStart(8, '0')}`;
    while (this.companies.has(idOf())) number += 1;
    return idOf();
  }
}
