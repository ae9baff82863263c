import type { Clock } from './clock.ts';
import { secondsTime } from './clock.ts';
import { faults, ServiceFault } from './faults.ts';
import type { Journal } from './journal.ts';
import { NameList } from './namelist.ts';
import type { ChangeKind, ListEntity, ListRecord, Writing } from './namelist.ts';
import { RequestIds } from './requestids.ts';
import type { Switches } from './switches.ts';

export const PLANS = ['QuickBooks Online Simple Start', 'QuickBooks Online Essentials', 'QuickBooks Online Plus',
  'QuickBooks Online Advanced'] as const;
export type Plan = (typeof PLANS)[number];
/** Off, one class a transaction, or one a row (quickbooks.md §2.5). */
export type ClassTracking = 'off' | 'transaction' | 'row';

export interface CompanyFacts {
  readonly realmId: string;
  readonly name: string;
  readonly plan: Plan;
  readonly classTracking: ClassTracking;
  /** Ids of 19 digits, as the docs sample shows, or short ones. */
  readonly longIds: boolean;
  readonly departmentTracking: boolean;
  /** People who may authorise apps, and people who may only use the company. */
  readonly admins: readonly string[];
  readonly users: readonly string[];
  readonly preferencesSyncToken: number;
  readonly subscription: 'PAID' | 'TRIAL' | 'EXPIRED';
  /** Wall time in ms. */
  readonly created: number;
  readonly preferencesUpdated: number;
}

const LONG_ID_PREFIX = '500000000000';
/** The docs sample's own id ends so (A2.1). */
const FIRST_LONG_ID = 7280;
/** Active classes and locations together on Plus (quickbooks.md §2.5). */
const PLUS_LIMIT = 40;

/** A plan by its full or short name, in any case; undefined when there is none such. */
export function readPlan(text: string): Plan | undefined {
  const wanted = text.trim().toLowerCase().replace(/^quickbooks online /, '');
  return PLANS.find((plan) => plan.toLowerCase() === `quickbooks online ${wanted}`);
}

export type CompanyChange = (company: Company, entity: ListEntity, record: ListRecord, kind: ChangeKind, gone?: ListRecord) => void;

/** One QuickBooks company: its plan and preferences, its lists and the answers it has given by requestid. */
export class Company {
  facts: CompanyFacts;
  readonly classes: NameList;
  readonly departments: NameList;
  readonly requestIds: RequestIds;
  readonly #journal: Journal;

  constructor(facts: CompanyFacts, clock: Clock, journal: Journal, changed: CompanyChange) {
    this.facts = facts;
    this.#journal = journal;
    const list = (entity: ListEntity): NameList => new NameList(
      entity, facts.longIds ? FIRST_LONG_ID : 1, facts.longIds ? LONG_ID_PREFIX : '',
      (record, kind, gone) => changed(this, entity, record, kind, gone),
      (seq, value) => journal.put(`${entity}/${facts.realmId}`, String(seq), value),
    );
    this.classes = list('Class');
    this.departments = list('Department');
    this.requestIds = new RequestIds(clock, (id, answer) => journal.put(`requestid/${facts.realmId}`, id, answer));
  }

  get realmId(): string {
    return this.facts.realmId;
  }

  list(entity: ListEntity): NameList {
    return entity === 'Class' ? this.classes : this.departments;
  }

  /** Changes facts and keeps them. */
  amend(change: Partial<CompanyFacts>): void {
    this.facts = { ...this.facts, ...change };
    this.save();
  }

  save(): void {
    this.#journal.put('company', this.realmId, this.facts);
  }

  restoreLists(): void {
    for (const entity of ['Class', 'Department'] as const) {
      const kept = this.#journal.kept(`${entity}/${this.realmId}`) as ReadonlyMap<string, never>;
      this.list(entity).restore([...kept].map(([seq, value]) => [Number(seq), value]));
    }
    this.requestIds.restore(this.#journal.kept(`requestid/${this.realmId}`) as ReadonlyMap<string, never>);
  }

  get hasClasses(): boolean {
    return this.facts.plan === 'QuickBooks Online Plus' || this.facts.plan === 'QuickBooks Online Advanced';
  }

  /** Whether the plan and class tracking let one more class or department be active (quickbooks.md §2.5). */
  mayAdd(entity: ListEntity, switches: Switches): ServiceFault | undefined {
    const notInPlan = (): ServiceFault => faults.notInPlan(Number(switches.outsidePlanStatus));
    if (!this.hasClasses) return notInPlan();
    if (entity === 'Class' && this.facts.classTracking === 'off' && switches.trackingOff !== 'allow') {
      return switches.trackingOff === '5020' ? notInPlan()
        : faults.businessRule('Class tracking is turned off for this company.');
    }
    const full = this.classes.activeCount + this.departments.activeCount >= PLUS_LIMIT;
    if (this.facts.plan === 'QuickBooks Online Plus' && full && switches.planLimit40 !== 'off') {
      return switches.planLimit40 === '5020' ? notInPlan()
        : faults.businessRule(`You've reached the limit of ${PLUS_LIMIT} classes and locations for your plan.`);
    }
    return undefined;
  }

  /** What a write to a list of this company is judged by. */
  writing(entity: ListEntity, switches: Switches, editor: string, now: number, unseen?: ReadonlySet<string>): Writing {
    return { switches, editor, now, mayAdd: () => this.mayAdd(entity, switches), ...(unseen ? { unseen } : {}) };
  }

  /** The CompanyInfo object (A3.2). */
  companyInfo(switches: Switches): Record<string, unknown> {
    const { name, plan, subscription, created, preferencesUpdated } = this.facts;
    const sku = switches.offeringSku === 'full' ? plan : plan.replace('QuickBooks Online ', '');
    return {
      CompanyName: name,
      LegalName: name,
      CompanyAddr: { Id: '1', Line1: '2500 Garcia Avenue', City: 'Mountain View', Country: 'USA', CountrySubDivisionCode: 'CA',
        PostalCode: '94043' },
      CustomerCommunicationEmailAddr: { Address: 'books@company.example' },
      CompanyStartDate: secondsTime(created).slice(0, 10),
      FiscalYearStartMonth: 'January',
      Country: 'US',
      Email: { Address: 'books@company.example' },
      WebAddr: {},
      SupportedLanguages: 'en',
      NameValue: [
        { Name: 'NeoEnabled', Value: 'true' },
        { Name: 'IndustryType', Value: 'Construction' },
        { Name: 'IndustryCode', Value: '236' },
        { Name: 'SubscriptionStatus', Value: subscription },
        { Name: 'OfferingSku', Value: sku },
        { Name: 'PayrollFeature', Value: 'false' },
        { Name: 'AccountantFeature', Value: 'false' },
        { Name: 'IsQbdtMigrated', Value: 'false' },
        { Name: 'QBOIndustryType', Value: 'Construction' },
        { Name: 'ItemCategoriesFeature', Value: 'true' },
      ],
      domain: 'QBO',
      sparse: false,
      Id: '1',
      SyncToken: '4',
      MetaData: { CreateTime: secondsTime(created), LastUpdatedTime: secondsTime(preferencesUpdated) },
    };
  }

  /** The Preferences object (A3.2). */
  preferences(): Record<string, unknown> {
    const { classTracking, departmentTracking, preferencesSyncToken, created, preferencesUpdated } = this.facts;
    return {
      AccountingInfoPrefs: {
        UseAccountNumbers: true,
        TrackDepartments: departmentTracking,
        ClassTrackingPerTxn: classTracking === 'transaction',
        ClassTrackingPerTxnLine: classTracking === 'row',
        FirstMonthOfFiscalYear: 'January',
        TaxYearMonth: 'January',
        TaxForm: 'Schedule C',
        CustomerTerminology: 'Customers',
      },
      ProductAndServicesPrefs: { ForSales: true, ForPurchase: true, QuantityWithPriceAndRate: true, QuantityOnHand: false },
      SalesFormsPrefs: { CustomTxnNumbers: false, AllowDeposit: true, AllowDiscount: true, AllowShipping: false },
      VendorAndPurchasesPrefs: { TrackingByCustomer: true, BillableExpenseTracking: true },
      TimeTrackingPrefs: { UseServices: true, BillCustomers: true, ShowBillRateToAll: false, WorkWeekStartDate: 'Monday',
        MarkTimeEntriesBillable: true },
      TaxPrefs: { UsingSalesTax: false },
      CurrencyPrefs: { MultiCurrencyEnabled: false, HomeCurrency: { value: 'USD' } },
      ReportPrefs: { ReportBasis: 'Accrual', CalcAgingReportFromTxnDate: false },
      OtherPrefs: { NameValue: [{ Name: 'SalesFormsPrefs.DefaultCustomerMessage', Value: 'Thank you for your business.' }] },
      domain: 'QBO',
      sparse: false,
      Id: '1',
      SyncToken: String(preferencesSyncToken),
      MetaData: { CreateTime: secondsTime(created), LastUpdatedTime: secondsTime(preferencesUpdated) },
    };
  }

  /**
   * Writes the class-tracking flags of a Preferences update (quickbooks.md §2.5); other preferences are taken and kept as they
   * are.
   * @param now wall time in ms
   */
  updatePreferences(body: Record<string, unknown>, switches: Switches, now: number): ServiceFault | undefined {
    const known = [...Object.keys(this.preferences()), 'EmailMessagesPrefs', 'status'];
    const unknown = Object.keys(body).find((name) => !known.includes(name));
    if (unknown !== undefined) return faults.unknownProperty(unknown, 'Preferences', known);
    if (body['SyncToken'] === undefined) return faults.required('SyncToken');
    if (String(body['SyncToken']) !== String(this.facts.preferencesSyncToken)) return faults.stale('another user');
    const wanted = readFlags(body['AccountingInfoPrefs']);
    if (wanted instanceof ServiceFault) return wanted;
    const present = this.facts.classTracking;
    const perRow = wanted.ClassTrackingPerTxnLine ?? present === 'row';
    const perTransaction = wanted.ClassTrackingPerTxn ?? present === 'transaction';
    const classTracking = perRow ? 'row' : perTransaction ? 'transaction' : 'off';
    if (classTracking !== 'off' && !this.hasClasses) return faults.notInPlan(Number(switches.outsidePlanStatus));
    const departmentTracking = wanted.TrackDepartments ?? this.facts.departmentTracking;
    if (classTracking === present && departmentTracking === this.facts.departmentTracking) return undefined;
    this.amend({
      classTracking, departmentTracking, preferencesSyncToken: this.facts.preferencesSyncToken + 1, preferencesUpdated: now,
    });
    return undefined;
  }
}

const FLAGS = ['ClassTrackingPerTxn', 'ClassTrackingPerTxnLine', 'TrackDepartments'] as const;

function readFlags(value: unknown): Partial<Record<(typeof FLAGS)[number], boolean>> | ServiceFault {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return faults.unreadable('Can not deserialize AccountingInfoPrefs');
  const flags: Partial<Record<(typeof FLAGS)[number], boolean>> = {};
  for (const name of FLAGS) {
    const given = (value as Record<string, unknown>)[name];
    if (given === undefined || given === null) continue;
    if (given !== true && given !== false && given !== 'true' && given !== 'false') {
      return faults.invalidBoolean(name, String(given));
    }
    flags[name] = String(given) === 'true';
  }
  return flags;
}
