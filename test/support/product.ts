import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DestinationStream } from 'pino';
import request from 'supertest';
import { readConfig } from '../../server/config.ts';
import type { Environment } from '../../server/config.ts';
import type { ImportState } from '../../server/core/company.ts';
import type { Tenant } from '../../server/core/records.ts';
import type { Run } from '../../server/core/run.ts';
import { createLog } from '../../server/log.ts';
import { start } from '../../server/start.ts';
import type { World } from '../../server/sync/world.ts';
import { paths } from '../../server/web/paths.ts';
import { Person, type Page } from './person.ts';
import { until } from './waiting.ts';

export interface ProductWish {
  /** How many times faster the QuickBooks sandbox's clock runs. */
  readonly speed?: number;
  readonly limits?: boolean;
  /** A CSV file of code, label and level for the Linarc sandbox. */
  readonly library?: string;
  /** That many made-up codes for the Linarc sandbox. */
  readonly codes?: number;
  /** Further settings. */
  readonly env?: Environment;
  /** Where the log goes; nowhere when left out. */
  readonly log?: DestinationStream;
}

/** A server that is driven by JSON calls, such as the sandboxes' control calls. Throws on any answer that is not 2xx. */
export interface Driven {
  readonly url: string;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
  delete(path: string): Promise<void>;
}

/** The whole product in this process, on free ports: database, both sandboxes, app and worker. */
export interface Product {
  readonly url: string;
  readonly quickbooks: Driven;
  readonly linarc: Driven;
  /** The stores and ports behind the screens, to look at what is stored. */
  readonly world: World;
  close(): Promise<void>;
}

/** A product whose company is signed in, connected and linked, and the person who did it. */
export interface ConnectedProduct extends Product {
  readonly person: Person;
  /** A supertest agent with the person's session; its requests say that they come from the app's own pages. */
  readonly agent: ReturnType<typeof request.agent>;
  readonly company: Tenant;
  readonly realmId: string;
  /** Where the way in ended: the staging screen. */
  readonly screen: Page;
}

/** Starts the product. The database is the embedded one, or one of its own on the server of MONGODB_URI. */
export async function startProduct(wish: ProductWish = {}): Promise<Product> {
  const dataDir = mkdtempSync(join(tmpdir(), 'class-sync-'));
  const mongoUri = process.env['MONGODB_URI'];
  const config = readConfig({
    NODE_ENV: 'test',
    PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: wish.log ? 'trace' : 'silent',
    MONGODB_URI: mongoUri,
    SANDBOX_SPEED: String(wish.speed ?? 1),
    SANDBOX_LIMITS: wish.limits === false ? 'off' : 'on',
    SANDBOX_LIBRARY: wish.library,
    SANDBOX_CODES: wish.codes?.toString(),
    ...wish.env,
  }, existsSync);
  const databaseName = `test-${randomBytes(6).toString('hex')}`;
  const running = await start(config, createLog(config.logLevel, wish.log), { threads: false, databaseName });
  const { services, places, url } = running;
  return {
    url,
    quickbooks: driven(places.quickbooksSandboxUrl ?? ''),
    linarc: driven(places.linarcUrl),
    world: services.world,
    close: async () => {
      if (mongoUri) await services.stores.connection.dropDatabase();
      await running.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A server of ours, driven by JSON calls. */
export function driven(url: string): Driven {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method, ...(body === undefined ? {} : { headers, body: JSON.stringify(body) }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url}${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return text === '' ? null : JSON.parse(text);
  };
  return {
    url,
    get: async <T>(path: string) => await call('GET', path) as T,
    post: async <T>(path: string, body: unknown = {}) => await call('POST', path, body) as T,
    patch: async <T>(path: string, body: unknown) => await call('PATCH', path, body) as T,
    delete: async (path) => void await call('DELETE', path),
  };
}

/** The way in as a newcomer goes it: nothing is typed, only buttons and links are pressed. Ends on the staging screen. */
export async function wayIn(product: Product, person: Person): Promise<Page> {
  const signIn = await person.get(product.quickbooks.url);
  const apps = await person.press(signIn, 'Sign in');
  const connect = await person.press(apps, 'Launch');
  const consent = await person.press(connect, 'Connect to QuickBooks');
  const link = await person.press(consent, 'Approve');
  return person.press(link, 'Link Linarc company');
}

/** Starts the product and takes its first company in: signed in as an administrator, connected to QuickBooks, linked to Linarc. */
export async function connectedProduct(wish: ProductWish = {}): Promise<ConnectedProduct> {
  const product = await startProduct(wish);
  try {
    const person = new Person();
    const screen = await wayIn(product, person);
    if (new URL(screen.url).pathname !== paths.costCodes) throw new Error(`The way in ended at ${screen.url}: ${screen.words.slice(0, 400)}`);
    const [first] = await product.quickbooks.get<{ realmId: string }[]>('/sandbox/companies');
    const realmId = first?.realmId ?? '';
    const company = await product.world.companies.byRealm(realmId);
    if (!company) throw new Error('The way in connected another company than the first.');
    return { ...product, person, agent: agentOf(product, person), company: company.id, realmId, screen };
  } catch (error) {
    await product.close();
    throw error;
  }
}

function agentOf({ url }: Product, person: Person): ConnectedProduct['agent'] {
  const cookies = [...person.cookiesFor(url)].map(([name, value]) => `${name}=${value}`).join('; ');
  return request.agent(url).set('Cookie', cookies).set('Origin', url);
}

/** Waits until the company's import has ended, and returns how. */
export function importEnded({ world, company }: ConnectedProduct, ms?: number): Promise<ImportState> {
  return until('the import to end', async () => {
    const state = (await world.companies.get(company))?.import;
    return state && state.state !== 'running' ? state : null;
  }, ms);
}

/** Waits until the company has no run under way, and returns the last one. */
export function runEnded({ world, company }: ConnectedProduct, ms?: number): Promise<Run> {
  return until('the run to end', async () => {
    const [last] = await world.runs.recent(company, 1);
    return last && !last.active ? last : null;
  }, ms);
}
