import type { ImportMode, Settings } from '../../server/core/company.ts';
import { DEFAULT_SETTINGS } from '../../server/core/company.ts';
import type { Dispatch } from '../../server/core/ports.ts';
import { CONSENTS, type Actor, type RecordStatus, type StagedRecord, type Tenant } from '../../server/core/records.ts';
import type { Asked, Run } from '../../server/core/run.ts';
import type { Selection } from '../../server/core/selection.ts';
import { LinarcLibrary } from '../../server/linarc/library.ts';
import { readSpreadsheet } from '../../server/linarc/spreadsheet/read.ts';
import { writeSpreadsheet } from '../../server/linarc/spreadsheet/write.ts';
import { quickBooks } from '../../server/qbo/books.ts';
import { intuitIdentity } from '../../server/qbo/identity.ts';
import { startLinarcSandbox } from '../../server/sandbox/linarc/server.ts';
import { startQuickBooksSandbox } from '../../server/sandbox/quickbooks/server.ts';
import { runImport, startImport } from '../../server/sync/import.ts';
import { linkLibrary } from '../../server/sync/link.ts';
import { runPush, startPush } from '../../server/sync/push.ts';
import type { SheetWorld } from '../../server/sync/spreadsheet.ts';
import type { World } from '../../server/sync/world.ts';
import { grantOf, openTestStores } from '../store/fixture.ts';
import { clock, random } from '../support/chance.ts';
import { Person } from '../support/person.ts';

export const EVERYTHING: Selection = { kind: 'matching', filter: {}, except: [] };
/** All of it, with a yes to what takes one. */
const EVERYTHING_CONSENTED: Asked = { ...EVERYTHING, consent: CONSENTS };
export const MARA: Actor = { kind: 'person', userId: 'u1', name: 'Mara Keller' };

/** A class as the sandbox's control call lists it. */
export interface Listed {
  readonly Id: string;
  readonly SyncToken: string;
  readonly Name: string;
  readonly Active: boolean;
  readonly FullyQualifiedName: string;
  readonly ParentRef?: { readonly value: string };
}

/** One call the sandbox saw. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly requestid: string | null;
  readonly items: number | null;
}

/**
 * The use cases at work: real stores, both sandboxes on real sockets, a connected company with a linked library. Imports and pushes are
 * run by the test itself, in this process.
 */
export class Desk {
  readonly world: SheetWorld;
  readonly company: Tenant;
  readonly realmId: string;
  readonly quickbooksUrl: string;
  readonly linarcUrl: string;
  private readonly closing: (() => Promise<void>)[];

  private constructor(parts: Pick<Desk, 'world' | 'company' | 'realmId' | 'quickbooksUrl' | 'linarcUrl'> & { closing: (() => Promise<void>)[] }) {
    this.world = parts.world;
    this.company = parts.company;
    this.realmId = parts.realmId;
    this.quickbooksUrl = parts.quickbooksUrl;
    this.linarcUrl = parts.linarcUrl;
    this.closing = parts.closing;
  }

  static async open(codes: readonly Record<string, unknown>[] = [], limits: 'on' | 'off' = 'off', speed = 1): Promise<Desk> {
    const { stores, close } = await openTestStores();
    const quickbooks = await startQuickBooksSandbox({ limits, speed });
    const linarc = await startLinarcSandbox({ codes: 0 });
    const { url } = quickbooks;
    const endpoints = {
      authorize: `${url}/connect/oauth2`, token: `${url}/oauth2/v1/tokens/bearer`, revoke: `${url}/v2/oauth2/tokens/revoke`,
      userinfo: `${url}/v1/openid_connect/userinfo`, jwks: `${url}/op/v1/jwks`, issuer: 'https://oauth.platform.intuit.com/op/v1',
    };
    const asked: Dispatch = { push: async () => {}, import: async () => {}, fresh: async () => {} };
    await control(url, 'POST', '/sandbox/apps', APP);
    const world: SheetWorld = {
      clock, random, dispatch: asked, owner: `test-${random.hex(3)}`, pace: { speed, limits: limits === 'on' },
      log: { info: () => {}, warn: () => {}, error: (about, message) => process.stderr.write(`${message} ${JSON.stringify(about)}\n`) },
      readSpreadsheet, writeSpreadsheet, library: new LinarcLibrary({ baseUrl: linarc.url }),
      identity: intuitIdentity({ clientId: APP.clientId, clientSecret: APP.clientSecret, environment: 'sandbox', endpoints, fetchTimeoutMs: 5_000, clock }),
      openBooks: quickBooks({ apiBase: url, callTimeoutMs: 2_000, clock }),
      ...stores,
      fresh: { changes: stores.changes, rounds: stores.rounds, notices: stores.notices, post: null, reachedAt: null },
    };
    const { realmId } = await control<{ realmId: string }>(url, 'POST', '/sandbox/companies', { name: 'Testers', offeringSku: 'QuickBooks Online Advanced', classTracking: 'transaction' });
    const tokens = await control<Tokens>(url, 'POST', `/sandbox/companies/${realmId}/grant`, { clientId: APP.clientId });
    const company = await stores.companies.connect({ realmId, at: new Date(), grant: grantFrom(tokens), facts: FACTS });
    await linkLibrary(world, company.id, { companyId: linarc.company.id, apiKey: linarc.apiKey });
    const closing = [close, () => quickbooks.close(), () => linarc.close()];
    const desk = new Desk({ world, company: company.id, realmId, quickbooksUrl: url, linarcUrl: linarc.url, closing });
    for (const code of codes) await desk.addCode(code);
    return desk;
  }

  async close(): Promise<void> {
    for (const close of this.closing) await close();
  }

  addCode(code: Record<string, unknown>): Promise<{ id: string }> {
    return control(this.linarcUrl, 'POST', '/sandbox/cost-codes', code);
  }

  changeCode(id: string, change: Record<string, unknown>): Promise<unknown> {
    return control(this.linarcUrl, 'PATCH', `/sandbox/cost-codes/${id}`, change);
  }

  async removeCode(id: string): Promise<void> {
    await fetch(`${this.linarcUrl}/sandbox/cost-codes/${id}`, { method: 'DELETE' });
  }

  /** Has Linarc fail as ordered; null lets it work again. */
  async linarcFault(order: Record<string, unknown> | null): Promise<void> {
    const body = order === null ? {} : { body: JSON.stringify(order), headers: { 'content-type': 'application/json' } };
    const response = await fetch(`${this.linarcUrl}/sandbox/faults`, { method: order === null ? 'DELETE' : 'POST', ...body });
    if (!response.ok) throw new Error(await response.text());
  }

  /** Stores the defaults with these changes; staged records stay as they are. */
  async set(change: Partial<Settings>): Promise<void> {
    const { settingsVersion } = (await this.world.companies.get(this.company)) ?? { settingsVersion: 0 };
    await this.world.companies.saveSettings(this.company, settingsVersion, { ...DEFAULT_SETTINGS, ...change }, { by: MARA, at: new Date(), changes: [] });
  }

  async import(mode: ImportMode = 'all', ids: readonly string[] = []) {
    const { state } = await startImport(this.world, this.company, MARA, { mode, ids });
    await runImport(this.world, this.company, state.id);
    const done = (await this.world.companies.get(this.company))?.import;
    if (!done) throw new Error('no import');
    return done;
  }

  /** Has the selection synced, to the end of its run. */
  async push(asked: Asked = EVERYTHING_CONSENTED): Promise<Run> {
    return this.work((await this.begin(asked)).id);
  }

  /** Asks for the selection to be synced; nobody works on it yet. */
  async begin(asked: Asked = EVERYTHING_CONSENTED): Promise<Run> {
    const { run } = await startPush(this.world, this.company, MARA, asked);
    if (!run) throw new Error('nothing to push');
    return run;
  }

  /** Connects again with a new grant, as the person would. */
  async reconnect(refreshHardExpiresAt: Date | null = null): Promise<void> {
    const tokens = await control<Tokens>(this.quickbooksUrl, 'POST', `/sandbox/companies/${this.realmId}/grant`, { clientId: APP.clientId });
    await this.world.companies.connect({ realmId: this.realmId, at: new Date(), grant: { ...grantFrom(tokens), refreshHardExpiresAt }, facts: FACTS });
  }

  async work(run: string, world: World = this.world): Promise<Run> {
    await runPush(world, this.company, run, new AbortController().signal);
    const done = await world.runs.get(this.company, run);
    if (!done) throw new Error('no run');
    return done;
  }

  async records(): Promise<readonly StagedRecord[]> {
    return (await this.world.costCodes.page(this.company, {}, { by: 'code', direction: 'asc' }, 0, 1_000)).records;
  }

  async record(code: string): Promise<StagedRecord> {
    const found = (await this.records()).find((record) => record.source.code === code);
    if (!found) throw new Error(`no record ${code}`);
    return found;
  }

  /** Code to status, as the screen would show it. */
  async statuses(): Promise<Record<string, RecordStatus>> {
    return Object.fromEntries((await this.records()).map((record) => [record.source.code, record.status]));
  }

  async classes(): Promise<Listed[]> {
    return control(this.quickbooksUrl, 'GET', `/sandbox/companies/${this.realmId}/classes`);
  }

  /** The id of the class with this path. */
  async classId(path: string): Promise<string> {
    const found = (await this.classes()).find(({ FullyQualifiedName }) => FullyQualifiedName === path);
    if (!found) throw new Error(`no class ${path}`);
    return found.Id;
  }

  async names(): Promise<string[]> {
    return (await this.classes()).map((found) => found.FullyQualifiedName).sort();
  }

  fault(match: Record<string, unknown>, fault: Record<string, unknown>, times = 1): Promise<unknown> {
    return control(this.quickbooksUrl, 'POST', '/sandbox/faults', { match, fault, times });
  }

  switches(change: Record<string, unknown>): Promise<unknown> {
    return control(this.quickbooksUrl, 'PATCH', '/sandbox/switches', change);
  }

  async calls(): Promise<Seen[]> {
    return (await control<{ calls: Seen[] }>(this.quickbooksUrl, 'GET', '/sandbox/calls')).calls;
  }

  /** Renames a class by another app's full update. */
  async renameInQuickBooks(from: string, to: string): Promise<void> {
    const found = (await this.classes()).find(({ Name }) => Name === from);
    await this.writeInQuickBooks({ Id: found?.Id, SyncToken: found?.SyncToken, Name: to, Active: true });
  }

  /** Writes a class as another app does. */
  async writeInQuickBooks(body: Record<string, unknown>): Promise<void> {
    const tokens = await control<Tokens>(this.quickbooksUrl, 'POST', `/sandbox/companies/${this.realmId}/grant`, { clientId: APP.clientId });
    const response = await fetch(`${this.quickbooksUrl}/v3/company/${this.realmId}/class?minorversion=75`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.access_token}`, accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
  }

  /** Merges a class into another, as a person does in QuickBooks' own list. */
  async mergeInQuickBooks(from: string, into: string): Promise<void> {
    const found = (await this.classes()).find(({ FullyQualifiedName }) => FullyQualifiedName === from);
    const mara = new Person();
    await mara.press(await mara.get(this.quickbooksUrl), 'Sign in');
    const fields: [string, string][] = [['company', this.realmId], ['id', found?.Id ?? ''], ['into', into]];
    const page = await mara.post(`${this.quickbooksUrl}/app/class/merge`, fields);
    if (!page.url.includes('done=merge')) throw new Error(page.words);
  }

  /** Adds classes as a person in QuickBooks would. */
  addClasses(...paths: string[]): Promise<unknown> {
    return control(this.quickbooksUrl, 'POST', `/sandbox/companies/${this.realmId}/classes`, { names: paths });
  }
}

const APP = {
  clientId: 'test-app', clientSecret: 'test-secret', name: 'Test', tagline: 'Test', redirectUris: ['http://localhost:1/callback'],
  launchUrl: 'http://localhost:1/launch', connectUrl: 'http://localhost:1/connect', disconnectUrl: 'http://localhost:1/disconnect',
};

const FACTS = { name: 'Testers', plan: 'QuickBooks Online Advanced', classTracking: 'per_transaction', locations: null } as const;

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

function grantFrom({ access_token: accessToken, refresh_token: refreshToken }: Tokens) {
  const hour = 3_600_000;
  return { ...grantOf('x'), accessToken, refreshToken, accessExpiresAt: new Date(Date.now() + hour), refreshExpiresAt: new Date(Date.now() + 100 * 24 * hour) };
}

async function control<T>(base: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${base}${path}`, { method, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json() as Promise<T>;
}
