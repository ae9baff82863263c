import { createHash, randomBytes, randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { createWebCryptoAdapter, MongoStore } from 'connect-mongo';
import type { CryptoAdapter } from 'connect-mongo';
import type { Logger } from 'pino';
import type { AppServices } from './app.ts';
import type { Config, QuickBooksWorld, Secrets } from './config.ts';
import type { Post } from './core/fresh.ts';
import type { Clock, Dispatch, Random } from './core/ports.ts';
import { createDispatch, tasksOf, type Tasks } from './jobs/agenda.ts';
import { LinarcLibrary } from './linarc/library.ts';
import { readSpreadsheet } from './linarc/spreadsheet/read.ts';
import { writeSpreadsheet } from './linarc/spreadsheet/write.ts';
import { fileOutbox } from './notices/outbox.ts';
import { smtpPost } from './notices/smtp.ts';
import { on } from './log.ts';
import { createMetrics } from './metrics.ts';
import { quickBooks } from './qbo/books.ts';
import type { SeenCall } from './qbo/call.ts';
import { INTUIT_ENDPOINTS, type IntuitEndpoints } from './qbo/endpoints.ts';
import { intuitIdentity } from './qbo/identity.ts';
import { openStores, type Stores } from './store/stores.ts';
import type { ScreenWorld } from './web/web.ts';

/** Where the three worlds outside are, once everything that had to be started has been. */
export interface Places {
  readonly mongoUri: string;
  /** Instead of the database the address names. */
  readonly databaseName?: string;
  /** The QuickBooks sandbox; null with Intuit itself. */
  readonly quickbooksSandboxUrl: string | null;
  readonly linarcUrl: string;
}

/** Who the app is to the QuickBooks sandbox. Nothing is protected by it. */
export const SANDBOX_CLIENT = { clientId: 'linarc-class-sync', clientSecret: 'linarc-class-sync-sandbox-secret' } as const;

/** By what the QuickBooks sandbox signs its webhooks to the app. Nothing is protected by it. */
export const SANDBOX_VERIFIER = 'linarc-class-sync-sandbox-verifier';

const DATABASE = 'linarc-class-sync';
const API_BASE = {
  production: 'https://quickbooks.api.intuit.com',
  sandbox: 'https://sandbox-quickbooks.api.intuit.com',
} as const;
/** How long work under way may take to come to a point where another process can go on. */
const HAND_OVER = 7_500;
/** QuickBooks gives up after 120 s itself (quickbooks.md §5.1). */
const API_TIMEOUT = 125_000;
const OAUTH_TIMEOUT = 30_000;

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  }),
};

const UNIT = 2 ** 47;
const random: Random = { hex: (bytes) => randomBytes(bytes).toString('hex'), unit: () => randomInt(UNIT) / UNIT };

/** All that the app works with, and the work behind it. */
export interface Services extends AppServices {
  readonly stores: Stores;
  /** Begins to take work. */
  work(): Promise<void>;
  /** Counts as not ready from now on, takes no more work, and hands over or finishes what is under way. */
  rest(): Promise<void>;
  /** Ends the connection to the database. */
  close(): Promise<void>;
}

/**
 * The composition root: everything is made here, once, and handed down. `url` is where the app is reached. Throws when the database does not answer or the sealing keys
 * are faulty.
 */
export async function openServices(config: Config, { places, url }: { places: Places; url: string }, secrets: Secrets, log: Logger): Promise<Services> {
  const stores = await openStores({ uri: places.mongoUri, ...databaseOf(places), keys: ringOf(secrets), clock, random });
  try {
    const jobs = await createDispatch(databaseIn(stores));
    const metrics = createMetrics(() => jobs.age());
    const seen = (call: SeenCall): void => {
      metrics.saw(call);
      log.info({ ...call, faults: call.faults.join(' ') }, 'QuickBooks was called');
    };
    const world = metrics.over(worldOf(config, { places, url }, stores, jobs.dispatch, log, seen));
    let isStopping = false;
    return {
      world,
      stores,
      metrics,
      ping: async (ms) => !isStopping && stores.ping(ms),
      sessionStore: sessionStore(stores, secrets),
      work: () => jobs.work(onOccasion(tasksOf(world)), log),
      rest: async () => {
        isStopping = true;
        await jobs.stop(HAND_OVER);
      },
      close: () => stores.close(),
    };
  } catch (error) {
    await stores.close();
    throw error;
  }
}

/** The same tasks, each line of their log saying for which company and run. */
function onOccasion(tasks: Tasks): Tasks {
  return {
    ...tasks,
    push: (company, run, signal) => on({ company, run }, () => tasks.push(company, run, signal)),
    import: (company, id, signal) => on({ company, import: id }, () => tasks.import(company, id, signal)),
    fresh: (company) => on({ company }, () => tasks.fresh(company)),
  };
}

function databaseIn({ connection }: Stores): NonNullable<Stores['connection']['db']> {
  if (!connection.db) throw new Error('The connection to the database is not open.');
  return connection.db;
}

/** A real Linarc could not call a machine that has no public address. */
function reachedAt({ publicUrl, linarc }: Config, url: string): string | null {
  return publicUrl === null && linarc.kind === 'api' ? null : url;
}

function postOf({ mail }: Config): Post | null {
  if (mail === null) return null;
  return mail.kind === 'smtp' ? smtpPost(mail) : fileOutbox({ ...mail, dir: resolve(mail.dir) });
}

function worldOf(config: Config, { places, url }: { places: Places; url: string }, stores: Stores, dispatch: Dispatch, log: Logger, seen: (call: SeenCall) => void): ScreenWorld {
  const { quickbooks, sandbox } = config;
  const { quickbooksSandboxUrl, linarcUrl } = places;
  const { companies, users, team, invitations, costCodes, classes, runs, intents, history, sheets, views, changes, rounds, notices } = stores;
  return {
    clock, random, log, companies, users, team, invitations, costCodes, classes, runs, intents, history, sheets, views, readSpreadsheet, writeSpreadsheet,
    library: new LinarcLibrary({ baseUrl: linarcUrl }),
    identity: intuitIdentity({ ...clientOf(quickbooks), ...endpointsAt(quickbooksSandboxUrl), fetchTimeoutMs: OAUTH_TIMEOUT, clock, seen }),
    openBooks: quickBooks({ apiBase: quickbooksSandboxUrl ?? apiBaseOf(quickbooks), callTimeoutMs: API_TIMEOUT, clock, seen }),
    dispatch,
    fresh: { changes, rounds, notices, post: postOf(config), reachedAt: reachedAt(config, url) },
    pace: quickbooks.kind === 'intuit' ? { speed: 1, limits: true } : { speed: sandbox.speed, limits: sandbox.limits },
    owner: `${hostname()}-${process.pid}-${random.hex(4)}`,
  };
}

/** Seconds between two notes in the database that a session is alive (engineering.md §2.8). */
const TOUCH_AFTER = 300;

/** Sessions in MongoDB: sealed, and filed under a digest, so that who reads the database finds no session id to use. */
function sessionStore({ client, connection }: Stores, { sessionSecrets }: Secrets): MongoStore {
  type Client = NonNullable<Parameters<typeof MongoStore.create>[0]['client']>;
  return MongoStore.create({
    // mongoose's driver is a minor version behind the one connect-mongo is typed with; the calls are the same (engineering.md §2.8).
    client: client as unknown as Client,
    dbName: connection.name,
    touchAfter: TOUCH_AFTER,
    cryptoAdapter: sessionSeals(sessionSecrets),
    transformId: (sid) => createHash('sha256').update(sid).digest('base64url'),
  });
}

/** Seals with the first secret and opens with any, so that a change of secrets signs nobody out. */
function sessionSeals(secrets: readonly string[]): CryptoAdapter {
  const adapters = secrets.map((secret) => createWebCryptoAdapter({ secret }));
  return {
    encrypt: async (text) => {
      const [first] = adapters;
      if (!first) throw new Error('There is no session secret.');
      return first.encrypt(text);
    },
    decrypt: (sealed) => Promise.any(adapters.map((adapter) => adapter.decrypt(sealed))),
  };
}

function databaseOf({ mongoUri, databaseName }: Places): { databaseName?: string } {
  if (databaseName) return { databaseName };
  const named = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.test(mongoUri);
  return named ? {} : { databaseName: DATABASE };
}

function ringOf({ sealingKeys }: Secrets): { current: string; keys: Record<string, string> } {
  return { current: sealingKeys[0]?.id ?? '', keys: Object.fromEntries(sealingKeys.map(({ id, key }) => [id, key])) };
}

function clientOf(quickbooks: QuickBooksWorld): { clientId: string; clientSecret: string; environment: 'sandbox' | 'production' } {
  if (quickbooks.kind === 'sandbox') return { ...SANDBOX_CLIENT, environment: 'sandbox' };
  const { clientId, clientSecret, environment } = quickbooks;
  return { clientId, clientSecret, environment };
}

function apiBaseOf(quickbooks: QuickBooksWorld): string {
  return API_BASE[quickbooks.kind === 'intuit' ? quickbooks.environment : 'sandbox'];
}

/** The sandbox has Intuit's paths under one address, and names Intuit's own issuer (quickbooks.md §10.1). */
function endpointsAt(sandboxUrl: string | null): { endpoints?: IntuitEndpoints; nonceRequired?: boolean } {
  if (sandboxUrl === null) return {};
  const endpoints = {
    authorize: `${sandboxUrl}/connect/oauth2`,
    token: `${sandboxUrl}/oauth2/v1/tokens/bearer`,
    revoke: `${sandboxUrl}/v2/oauth2/tokens/revoke`,
    userinfo: `${sandboxUrl}/v1/openid_connect/userinfo`,
    jwks: `${sandboxUrl}/op/v1/jwks`,
    issuer: INTUIT_ENDPOINTS.sandbox.issuer,
  };
  return { endpoints, nonceRequired: true };
}
