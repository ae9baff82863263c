import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../../server/config.ts';
import type { ImportState, Settings } from '../../server/core/company.ts';
import type { Actor, Tenant } from '../../server/core/records.ts';
import type { Run } from '../../server/core/run.ts';
import type { Selection } from '../../server/core/selection.ts';
import { createLog } from '../../server/log.ts';
import { PEOPLE } from '../../server/sandbox/quickbooks/identity.ts';
import { secretsOf } from '../../server/secrets.ts';
import { openServices, SANDBOX_CLIENT } from '../../server/services.ts';
import { startImport } from '../../server/sync/import.ts';
import { linkLibrary } from '../../server/sync/link.ts';
import { saveSettings } from '../../server/sync/settings.ts';
import { startPush } from '../../server/sync/push.ts';
import type { World } from '../../server/sync/world.ts';
import { Person, type Page } from './person.ts';
import { launch, type Program } from './process.ts';
import { driven, type Driven } from './product.ts';
import { until } from './waiting.ts';

export const EVERYTHING: Selection = { kind: 'matching', filter: {}, except: [] };
const MARA: Actor = { kind: 'person', userId: 'fleet', name: 'Mara Keller' };
const PATIENCE = 60 * 60_000;

export interface FleetWish {
  /** How many times faster the QuickBooks sandbox's clock runs. */
  readonly speed?: number;
  readonly limits?: boolean;
  /** That many made-up codes in the Linarc library, which every company is linked to. */
  readonly codes?: number;
  /** A CSV file of code, label and level in their place. */
  readonly library?: string;
  /** Further settings for every app process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One process of the app. */
export interface App extends Program {
  readonly url: string;
}

/** A connected company, linked to the fleet's library. */
export interface FleetCompany {
  readonly id: Tenant;
  readonly realmId: string;
}

export interface FleetCall {
  readonly realmId: string | null;
  readonly operation: string;
  readonly status: number;
  readonly query: string | null;
}

/**
 * The product as it runs for real: any number of app processes on one database and one pair of sandboxes, each a process of its own.
 * What people would click is asked for in this process, which takes no work itself.
 */
export class Fleet {
  readonly quickbooks: Driven;
  readonly linarc: Driven;
  readonly world: World;
  readonly apps: App[] = [];
  readonly mongoUri: string;
  private mongo: Program;
  private readonly sandbox: Program;
  private readonly folder: string;
  private readonly settings: Readonly<Record<string, string>>;
  private readonly closing: (() => Promise<void>)[];

  private constructor(parts: Pick<Fleet, 'quickbooks' | 'linarc' | 'world' | 'mongoUri'> & Parts) {
    this.mongo = parts.mongo;
    this.sandbox = parts.sandbox;
    this.folder = parts.folder;
    this.quickbooks = parts.quickbooks;
    this.linarc = parts.linarc;
    this.world = parts.world;
    this.mongoUri = parts.mongoUri;
    this.settings = parts.settings;
    this.closing = parts.closing;
  }

  /** Starts sandboxes and database; app processes are started one by one. The code must have been built. */
  static async open(wish: FleetWish = {}): Promise<Fleet> {
    const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
    const closing: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
    try {
      const mongo = database(folder, '0');
      closing.push(() => mongo.kill());
      const source = wish.library ? ['--library', wish.library] : ['--codes', String(wish.codes ?? 100)];
      const sandbox = launch('node', ['dist/server/sandbox/main.js', '--port', '0', '--linarc-port', '0', '--speed', String(wish.speed ?? 1),
        '--limits', wish.limits === false ? 'off' : 'on', ...source], {});
      closing.push(() => sandbox.kill());
      const mongoUri = addressIn(await mongo.ready(), 'ready');
      const lines = await sandbox.ready();
      const [quickbooksUrl, linarcUrl] = [addressIn(lines, 'QuickBooks sandbox'), addressIn(lines, 'Linarc sandbox')];
      const settings = {
        NODE_ENV: 'test', PORT: '0', DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'silent', MONGODB_URI: mongoUri,
        SESSION_SECRETS: randomBytes(32).toString('hex'), SEALING_KEYS: `k1:${randomBytes(32).toString('base64')}`,
        QUICKBOOKS_SANDBOX_URL: quickbooksUrl, LINARC_SANDBOX_URL: linarcUrl,
        SANDBOX_SPEED: String(wish.speed ?? 1), SANDBOX_LIMITS: wish.limits === false ? 'off' : 'on', ...wish.env,
      };
      const config = readConfig(settings, existsSync);
      const places = { mongoUri, quickbooksSandboxUrl: quickbooksUrl, linarcUrl };
      const services = await openServices(config, { places, url: 'http://localhost' }, secretsOf(config), createLog('silent'));
      closing.push(() => services.close());
      return new Fleet({ quickbooks: driven(quickbooksUrl), linarc: driven(linarcUrl), world: services.world, mongoUri, settings, closing, mongo, sandbox, folder });
    } catch (error) {
      await closeAll(closing);
      throw error;
    }
  }

  /** The processes beside the app's. */
  get pids(): { readonly database: number; readonly sandbox: number } {
    return { database: this.mongo.pid, sandbox: this.sandbox.pid };
  }

  /** Starts one more app process and waits until it is ready. */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<App> {
    const program = launch('node', ['dist/server/main.js'], { ...this.settings, ...settings });
    this.closing.push(() => program.kill());
    const app = { ...program, url: addressIn(await program.ready(), 'ready') };
    this.apps.push(app);
    return app;
  }

  /** Ends a process as the system would, without a word to it. */
  async kill(app: App): Promise<void> {
    this.apps.splice(this.apps.indexOf(app), 1);
    await app.kill();
  }

  /** Stops the database, and starts it again on its data after so many milliseconds. */
  async interruptDatabase(ms: number): Promise<void> {
    this.mongo.signal('SIGTERM');
    await this.mongo.ended;
    await pause(ms);
    const mongo = database(this.folder, new URL(this.mongoUri).port);
    this.closing.push(() => mongo.kill());
    await mongo.ready();
    this.mongo = mongo;
  }

  /** The process that holds the company's run; null while none does. */
  async holder({ id }: FleetCompany): Promise<App | null> {
    const run = await this.world.runs.active(id);
    return this.apps.find(({ pid }) => run?.lease?.owner.includes(`-${pid}-`)) ?? null;
  }

  /** Adds a company to QuickBooks alone. */
  async realm(name: string): Promise<string> {
    return (await this.quickbooks.post<{ realmId: string }>('/sandbox/companies', { name, classTracking: 'transaction' })).realmId;
  }

  /** Adds a company to QuickBooks, connects it and links it to the library. At least one app process must have been started. */
  async company(name: string): Promise<FleetCompany> {
    const { world, quickbooks, linarc } = this;
    const realmId = await this.realm(name);
    const tokens = await quickbooks.post<TokenAnswer>(`/sandbox/companies/${realmId}/grant`, { clientId: SANDBOX_CLIENT.clientId });
    const { companies: [library] } = await linarc.get<{ companies: { id: string; apiKey: string }[] }>('/sandbox/companies');
    const facts = { name, plan: 'QuickBooks Online Advanced', classTracking: 'per_transaction', locations: null } as const;
    const { id } = await world.companies.connect({ realmId, facts, grant: grantFrom(tokens), at: new Date() });
    await linkLibrary(world, id, { companyId: library?.id ?? '', apiKey: library?.apiKey ?? '' });
    return { id, realmId };
  }

  /** Changes some of the company's settings. */
  async set(company: FleetCompany, change: Partial<Settings>): Promise<void> {
    const { settingsVersion = 0 } = (await this.world.companies.get(company.id)) ?? {};
    await saveSettings(this.world, company.id, MARA, settingsVersion, change);
  }

  /** Imports the whole library, or its records of these Linarc ids. */
  async import(company: FleetCompany, ids: readonly string[] = []): Promise<ImportState> {
    await startImport(this.world, company.id, MARA, ids.length > 0 ? { mode: 'selected', ids } : { mode: 'all' });
    return until('the import to end', async () => {
      const state = (await this.world.companies.get(company.id))?.import;
      return state && state.state !== 'running' ? state : null;
    }, PATIENCE);
  }

  /** Asks for everything that can be synced to be synced. */
  async sync(company: FleetCompany): Promise<void> {
    await startPush(this.world, company.id, MARA, EVERYTHING);
  }

  /** Waits until the company has no run under way, and returns the last one. */
  runEnded(company: FleetCompany, ms = PATIENCE): Promise<Run> {
    return until('the run to end', async () => {
      const [last] = await this.world.runs.recent(company.id, 1);
      return last && !last.active ? last : null;
    }, ms);
  }

  /** Every class the company has in QuickBooks. */
  classes({ realmId }: Pick<FleetCompany, 'realmId'>): Promise<readonly { readonly Id: string; readonly Name: string; readonly Active: boolean }[]> {
    return this.quickbooks.get(`/sandbox/companies/${realmId}/classes`);
  }

  /** The calls QuickBooks saw about the company. */
  async calls({ realmId }: FleetCompany): Promise<readonly FleetCall[]> {
    const { calls } = await this.quickbooks.get<{ calls: FleetCall[] }>('/sandbox/calls?since=0');
    return calls.filter((call) => call.realmId === realmId);
  }

  /** Signs a member of the company in by the process that was started last, as from QuickBooks' Apps menu. Ends on its staging screen. */
  async visit({ id }: FleetCompany, person = new Person()): Promise<Page> {
    const { world, quickbooks } = this;
    const [mara] = PEOPLE;
    if (!mara) throw new Error('The sandbox knows nobody.');
    const user = await world.users.signIn({ sub: mara.sub, email: mara.email, emailVerified: true, name: `${mara.givenName} ${mara.familyName}` });
    await world.users.join(user.id, id, 'admin');
    await world.team.opened(user.id, id);
    // The sandbox would name the company its own page is open at, which is another.
    await quickbooks.patch('/sandbox/switches', { realmIdOnLaunch: 'no' });
    const page = await person.press(await person.press(await person.get(quickbooks.url), 'Sign in'), 'Launch');
    // A process behind a gate knows QuickBooks by another address, where nobody has signed in yet.
    return page.words.includes('Who are you?') ? person.press(page, 'Sign in') : page;
  }

  async metrics({ url }: App): Promise<string> {
    return (await fetch(`${url}/metrics`)).text();
  }

  async close(): Promise<void> {
    await closeAll(this.closing);
  }
}

interface Parts {
  readonly settings: Readonly<Record<string, string>>;
  readonly closing: (() => Promise<void>)[];
  readonly mongo: Program;
  readonly sandbox: Program;
  readonly folder: string;
}

function database(folder: string, port: string): Program {
  return launch('node', ['dist/server/embedded/main.js', '--port', port, '--data', join(folder, 'mongo')], {});
}

interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly x_refresh_token_expires_in: number;
}

function grantFrom(tokens: TokenAnswer) {
  const now = Date.now();
  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    accessExpiresAt: new Date(now + tokens.expires_in * 1_000),
    refreshExpiresAt: new Date(now + tokens.x_refresh_token_expires_in * 1_000),
    refreshHardExpiresAt: null,
  };
}

/** The address at the end of the line that begins with this name. */
export function addressIn(lines: readonly string[], name: string): string {
  return lines.find((line) => line.startsWith(name))?.split(/\s+/).at(-1) ?? '';
}

async function closeAll(closing: (() => Promise<void>)[]): Promise<void> {
  for (let next = closing.pop(); next; next = closing.pop()) await next();
}
