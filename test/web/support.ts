import { createServer, type Server } from 'node:http';
import { MongoStore } from 'connect-mongo';
import type { Express } from 'express';
import pino from 'pino';
import request from 'supertest';
import { createApp } from '../../server/app.ts';
import type { Role } from '../../server/core/company.ts';
import type { StagedRecord, Tenant } from '../../server/core/records.ts';
import { createMetrics } from '../../server/metrics.ts';
import { LinarcLibrary } from '../../server/linarc/library.ts';
import { readSpreadsheet } from '../../server/linarc/spreadsheet/read.ts';
import { writeSpreadsheet } from '../../server/linarc/spreadsheet/write.ts';
import { quickBooks } from '../../server/qbo/books.ts';
import { intuitIdentity } from '../../server/qbo/identity.ts';
import { startLinarcSandbox } from '../../server/sandbox/linarc/server.ts';
import { startQuickBooksSandbox } from '../../server/sandbox/quickbooks/server.ts';
import { keepFresh } from '../../server/sync/fresh.ts';
import { runPush } from '../../server/sync/push.ts';
import { runAnyImport } from '../../server/sync/spreadsheet.ts';
import type { Stores } from '../../server/store/stores.ts';
import type { WebConfig } from '../../server/web/config.ts';
import type { ScreenWorld } from '../../server/web/web.ts';
import { paths } from '../../server/web/paths.ts';
import { openTestStores } from '../store/fixture.ts';
import { clock, random } from '../support/chance.ts';
import { Person, type Page } from '../support/person.ts';

const CLIENT = { clientId: 'web-tests', clientSecret: 'web-tests-secret-of-the-sandbox' };

export interface WebProduct {
  readonly url: string;
  readonly app: Express;
  readonly world: ScreenWorld;
  readonly config: WebConfig;
  readonly quickbooksUrl: string;
  readonly linarcUrl: string;
  readonly connection: Stores['connection'];
  /** Lines of the log, as they were written. */
  readonly logged: string[];
  /** Resolves when nothing that was dispatched is still being worked on. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface WebWish {
  /** Made-up codes for the Linarc sandbox; its sample library when left out. */
  readonly codes?: number;
  readonly production?: boolean;
  /** Keeps to QuickBooks' limits, so that a run lasts long enough to be watched. */
  readonly limits?: boolean;
  /** Lets time pass: added to the clock, in milliseconds. */
  readonly later?: { ms: number };
}

/** The web app over real stores and both sandboxes, on sockets; imports and pushes are worked on in this process. */
export async function startWeb({ codes, production = false, limits = false, later = { ms: 0 } }: WebWish = {}): Promise<WebProduct> {
  const opened = await openTestStores();
  const quickbooks = await startQuickBooksSandbox({ limits: limits ? 'on' : 'off' });
  const linarc = await startLinarcSandbox(codes === undefined ? {} : { codes });
  const logged: string[] = [];
  const work = new Set<Promise<void>>();
  const stop = new AbortController();
  const working = (job: Promise<void>) => {
    const done = job.finally(() => work.delete(done));
    work.add(done);
  };
  const { url } = quickbooks;
  const world: ScreenWorld = {
    ...opened.stores, readSpreadsheet, writeSpreadsheet,
    clock: { ...clock, now: () => clock.now() + later.ms },
    random,
    log: { info: () => {}, warn: (about, message) => void logged.push(`${message} ${JSON.stringify(about)}`), error: (about, message) => void logged.push(`${message} ${JSON.stringify(about)}`) },
    library: new LinarcLibrary({ baseUrl: linarc.url }),
    identity: intuitIdentity({
      ...CLIENT, environment: 'sandbox', fetchTimeoutMs: 5_000, clock, nonceRequired: true,
      endpoints: {
        authorize: `${url}/connect/oauth2`, token: `${url}/oauth2/v1/tokens/bearer`, revoke: `${url}/v2/oauth2/tokens/revoke`,
        userinfo: `${url}/v1/openid_connect/userinfo`, jwks: `${url}/op/v1/jwks`, issuer: 'https://oauth.platform.intuit.com/op/v1',
      },
    }),
    openBooks: quickBooks({ apiBase: url, callTimeoutMs: 5_000, clock }),
    dispatch: {
      push: async (company, run) => working(runPush(world, company, run, stop.signal)),
      import: async (company, id) => working(runAnyImport(world, company, id)),
      fresh: async (company) => working(keepFresh(world, company)),
    },
    fresh: { changes: opened.stores.changes, rounds: opened.stores.rounds, notices: opened.stores.notices, post: null, reachedAt: null },
    pace: { speed: 1, limits },
    owner: 'web-tests',
  };

  const server = createServer();
  const port = await listening(server);
  const config: WebConfig = {
    publicUrl: `http://localhost:${port}`, production, trustProxyHops: production ? 1 : 0,
    webhookVerifiers: ['the-verifier-of-the-web-tests'],
    sessionSecrets: ['the-session-secret-of-the-web-tests'], linarcUrl: linarc.url, version: 'test', supportEmail: 'help@sync.example', securityContactUntil: '2030-01-01T00:00:00Z',
    sandbox: production ? null : { quickbooksUrl: url, linarc: { companyId: linarc.company.id, apiKey: linarc.apiKey, url: linarc.url } },
    metricsToken: null,
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
  };
  await control(url, 'POST', '/sandbox/apps', {
    ...CLIENT, name: 'Linarc Class Sync', tagline: 'Cost codes as classes', redirectUris: [`${config.publicUrl}${paths.signedIn}`, `${config.publicUrl}${paths.connected}`],
    launchUrl: `${config.publicUrl}${paths.launch}`, connectUrl: `${config.publicUrl}${paths.connectRequest}`, disconnectUrl: `${config.publicUrl}${paths.disconnect}`,
  });
  // connect-mongo brings a driver of its own version beside mongoose's (engineering.md §2.8); they are alike but for their types.
  const client = opened.stores.client as unknown as NonNullable<Parameters<typeof MongoStore.create>[0]['client']>;
  const sessionStore = MongoStore.create({ client, dbName: opened.stores.connection.name, collectionName: 'sessions', autoRemove: 'disabled' });
  const app = createApp({ world, ping: opened.stores.ping, metrics: createMetrics(async () => 0), sessionStore }, config);
  server.on('request', app);

  return {
    url: config.publicUrl, app, world, config, quickbooksUrl: url, linarcUrl: linarc.url, connection: opened.stores.connection, logged,
    idle: async () => {
      while (work.size > 0) await Promise.allSettled(work);
    },
    close: async () => {
      stop.abort();
      await Promise.allSettled(work);
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await Promise.all([quickbooks.close(), linarc.close()]);
      await opened.close();
    },
  };
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, 'localhost', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** A control call of a sandbox (design.md §8). */
export async function control<T>(base: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${base}${path}`, {
    method, headers: { 'content-type': 'application/json' }, ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  const text = await response.text();
  return (text === '' ? null : JSON.parse(text)) as T;
}

/** A person who came in by clicking only: signed in with Intuit, connected, linked. Ends on the staging screen. */
export interface Member {
  readonly person: Person;
  readonly screen: Page;
  readonly company: Tenant;
  readonly agent: ReturnType<typeof request.agent>;
}

export async function comeIn(web: WebProduct, person = new Person()): Promise<Member> {
  let page = await person.get(`${web.url}/connect/request`);
  for (let step = 0; step < 6 && !page.url.startsWith(web.url); step += 1) {
    page = await person.press(page, page.words.includes('Approve') ? 'Approve' : 'Sign in');
  }
  if (page.url.endsWith(paths.linarc)) page = await person.press(page, 'Link Linarc company');
  const agent = agentOf(web, person);
  return { person, screen: page, company: await companyOf(web, page), agent };
}

/** One of the sandbox's people, signed in at Intuit and nowhere else: `jonas` administers Hillside too, `priya` none, `tom`'s e-mail is not verified. */
export async function personAtIntuit(web: WebProduct, id: 'mara' | 'jonas' | 'priya' | 'tom'): Promise<Person> {
  const person = new Person();
  await person.press(await person.get(web.quickbooksUrl), 'Sign in', { person: id });
  return person;
}

/** A supertest agent with the person's cookies, whose writes say that they come from the app's own pages. */
export function agentOf(web: WebProduct, person: Person): ReturnType<typeof request.agent> {
  const cookie = [...person.cookiesFor(web.url)].map(([name, value]) => `${name}=${value}`).join('; ');
  return request.agent(web.url).set('Cookie', cookie).set('Origin', web.url);
}

async function companyOf(web: WebProduct, page: Page): Promise<Tenant> {
  const name = / · (.+) · Linarc Class Sync<\/title>/.exec(page.html)?.[1];
  const companies = await control<{ realmId: string; name: string }[]>(web.quickbooksUrl, 'GET', '/sandbox/companies');
  const realm = companies.find((company) => company.name === name)?.realmId ?? '';
  const company = await web.world.companies.byRealm(realm);
  if (company === null) throw new Error(`No company is named ${name}; the page says: ${page.words.slice(0, 300)}`);
  return company.id;
}

/** Imports the whole library and waits for its end. */
export async function importAll(web: WebProduct, { agent }: Pick<Member, 'agent'>): Promise<void> {
  await agent.post(paths.imports).type('form').send({ mode: 'all' }).expect(303);
  await web.idle();
}

export async function records(web: WebProduct, company: Tenant, limit = 500): Promise<readonly StagedRecord[]> {
  return (await web.world.costCodes.page(company, {}, { by: 'code', direction: 'asc' }, 0, limit)).records;
}

/** Gives every member of the company another role, as its administrator would. */
export async function setRole(web: WebProduct, company: Tenant, role: Role): Promise<void> {
  const users = web.connection.collection<{ _id: string }>('users');
  await users.updateMany({ [`memberships.${company}`]: { $exists: true } }, { $set: { [`memberships.${company}`]: role } });
}
