import { readApp } from './apps.ts';
import { readPlan } from './company.ts';
import type { ClassTracking, Company, Plan } from './company.ts';
import { ACCOUNTING, SCOPES } from './grants.ts';
import { isObject, json } from './http.ts';
import type { Exchange, Reply } from './http.ts';
import { PEOPLE } from './identity.ts';
import { readInjection } from './injection.ts';
import { tokenBody } from './oauth.ts';
import { readSwitchChange, SWITCHES } from './switches.ts';
import { LIMIT_NAMES } from './throttle.ts';
import type { LimitName } from './throttle.ts';
import type { CompanyWish, World } from './world.ts';

/** A control call that cannot be done: what is wrong, one sentence each. */
class Wrong extends Error {
  readonly status: number;
  readonly faults: readonly string[];

  constructor(status: number, faults: readonly string[]) {
    super(faults.join(' '));
    this.status = status;
    this.faults = faults;
  }
}

type Body = Record<string, unknown>;
type Handler = (world: World, body: Body, exchange: Exchange, part: string) => unknown;

/** Every control call (design.md §8). `:` stands for one part of the path. */
const CONTROL: Readonly<Record<string, Handler>> = {
  'POST /sandbox/reset': reset,
  'GET /sandbox/companies': (world) => [...world.companies.values()].map(companyJson),
  'POST /sandbox/companies': addCompany,
  'PATCH /sandbox/companies/:': amendCompany,
  'POST /sandbox/companies/:/grant': grant,
  'GET /sandbox/companies/:/classes': (world, _body, _exchange, realmId) => listJson(companyOf(world, realmId)),
  'POST /sandbox/companies/:/classes': addClasses,
  'GET /sandbox/people': () => PEOPLE,
  'GET /sandbox/apps': (world) => world.listedApps().map(({ clientSecret: _secret, webhookVerifier: _verifier, ...app }) => app),
  'POST /sandbox/apps': registerApp,
  'GET /sandbox/switches': (world) => ({ values: world.switches, table: SWITCHES }),
  'PATCH /sandbox/switches': changeSwitches,
  'GET /sandbox/faults': (world) => world.injection.list(),
  'POST /sandbox/faults': addFault,
  'DELETE /sandbox/faults': (world) => {
    world.injection.clear();
    return world.injection.list();
  },
  'GET /sandbox/limits': (world) => world.throttle.report(),
  'PATCH /sandbox/limits': changeLimits,
  'GET /sandbox/calls': (world, _body, { url }) => {
    const since = Number(url.searchParams.get('since') ?? 0);
    if (!Number.isInteger(since) || since < 0) throw new Wrong(400, ['"since" must be a whole number from 0.']);
    return { last: world.calls.last, calls: world.calls.since(since) };
  },
  'GET /sandbox/clock': clockJson,
  'POST /sandbox/clock': advanceClock,
  'GET /sandbox/webhooks': (world) => world.webhooks.report(),
  'PATCH /sandbox/webhooks': changeWebhooks,
  'POST /sandbox/webhooks/:/replay': (world, _body, _exchange, id) => {
    if (!world.webhooks.replay(id)) throw new Wrong(404, [`There is no delivery "${id}".`]);
    return { replayed: id };
  },
};

/** Answers a control call; JSON in and out, from this machine only. */
export async function answerControl(world: World, exchange: Exchange): Promise<Reply> {
  try {
    refuseStrangers(exchange);
    const { handler, part } = findHandler(exchange);
    const status = exchange.method === 'POST' && /companies$|faults$|apps$/.test(exchange.path) ? 201 : 200;
    return json(status, await handler(world, readControlBody(exchange), exchange, part), { 'Cache-Control': 'no-store' });
  } catch (error) {
    if (error instanceof Wrong) return json(error.status, { errors: error.faults });
    throw error;
  }
}

/** Control calls change the books, so neither another machine nor a web page in a browser on this one may send them. */
function refuseStrangers({ request }: Exchange): void {
  const from = request.socket.remoteAddress ?? '';
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const local = /^(::1|::ffff:127\.|127\.)/.test(from) && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);
  const fromPage = request.headers.origin !== undefined || (request.headers['sec-fetch-site'] ?? 'none') !== 'none';
  if (!local || fromPage) throw new Wrong(403, ['Control calls are answered to programs on this machine only.']);
}

function findHandler({ method, path }: Exchange): { handler: Handler; part: string } {
  const paths = new Set<string>();
  for (const [key, handler] of Object.entries(CONTROL)) {
    const [verb = '', pattern = ''] = key.split(' ');
    const match = new RegExp(`^${pattern.replace(':', '([^/]+)')}$`).exec(path);
    if (!match) continue;
    if (verb === method) return { handler, part: match[1] ?? '' };
    paths.add(verb);
  }
  if (paths.size > 0) throw new Wrong(405, [`${path} takes ${[...paths].join(', ')}, not ${method}.`]);
  throw new Wrong(404, [`There is no control call ${path}. There are: ${Object.keys(CONTROL).join('; ')}.`]);
}

function readControlBody({ body }: Exchange): Body {
  if (body.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Wrong(400, ['The body is not JSON.']);
  }
  if (!isObject(value)) throw new Wrong(400, ['The body must be a JSON object.']);
  return value;
}

function companyOf(world: World, realmId: string): Company {
  const company = world.companies.get(realmId);
  if (!company) throw new Wrong(404, [`There is no company "${realmId}". GET /sandbox/companies lists them.`]);
  return company;
}

export function companyJson({ facts, classes, departments }: Company): Body {
  return {
    realmId: facts.realmId, name: facts.name, offeringSku: facts.plan, classTracking: facts.classTracking !== 'off',
    tracking: facts.classTracking,
    subscription: facts.subscription, admins: facts.admins, users: facts.users, classes: classes.count,
    activeClasses: classes.activeCount,
    activeDepartments: departments.activeCount,
  };
}

/** Every class in the order of its id, inactive ones too. */
function listJson(company: Company): unknown[] {
  return company.classes.ordered('Id', false).entries().map((entry) => company.classes.toJson(entry.record));
}

function readTracking(value: unknown, faults: string[]): ClassTracking {
  if (value === undefined || value === false || value === 'off') return 'off';
  if (value === true || value === 'row') return 'row';
  if (value === 'transaction') return 'transaction';
  faults.push('"classTracking" must be true, false, "row", "transaction" or "off".');
  return 'off';
}

function readNamedPlan(value: unknown, faults: string[]): Plan {
  const plan = value === undefined ? 'QuickBooks Online Advanced' as const : readPlan(String(value));
  if (!plan) faults.push('"offeringSku" must be QuickBooks Online Simple Start, Essentials, Plus or Advanced.');
  return plan ?? 'QuickBooks Online Advanced';
}

function refuseUnknown(body: Body, known: readonly string[], faults: string[]): void {
  for (const name of Object.keys(body)) {
    if (!known.includes(name)) faults.push(`"${name}" is not known here; there are ${known.join(', ')}.`);
  }
}

function readNames(value: unknown, name: string, faults: string[]): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value as string[];
  faults.push(`"${name}" must be a list of texts.`);
  return undefined;
}

function readCompany(body: Body): CompanyWish {
  const faults: string[] = [];
  refuseUnknown(body, ['name', 'offeringSku', 'classTracking', 'realmId', 'longIds', 'admins', 'users', 'classes'], faults);
  const { name, realmId, longIds } = body;
  if (typeof name !== 'string' || name.trim() === '' || name.length > 100) {
    faults.push('"name" must be a text of 1 to 100 characters.');
  }
  if (realmId !== undefined && !(typeof realmId === 'string' && /^\d{1,19}$/.test(realmId))) {
    faults.push('"realmId" must be 1 to 19 digits.');
  }
  if (longIds !== undefined && typeof longIds !== 'boolean') faults.push('"longIds" must be true or false.');
  const plan = readNamedPlan(body['offeringSku'], faults);
  const classTracking = readTracking(body['classTracking'], faults);
  const [admins, users, classes] = ['admins', 'users', 'classes'].map((key) => readNames(body[key], key, faults));
  for (const id of [...admins ?? [], ...users ?? []]) {
    if (!PEOPLE.some((person) => person.id === id)) faults.push(`There is no person "${id}". GET /sandbox/people lists them.`);
  }
  if (faults.length > 0) throw new Wrong(400, faults);
  return {
    name: String(name), plan, classTracking,
    ...(typeof realmId === 'string' ? { realmId } : {}), ...(typeof longIds === 'boolean' ? { longIds } : {}),
    ...(admins ? { admins } : {}), ...(users ? { users } : {}), ...(classes ? { classes } : {}),
  };
}

function reset(world: World, body: Body): unknown {
  const faults: string[] = [];
  refuseUnknown(body, ['companies'], faults);
  const { companies } = body;
  if (companies !== undefined && !(Array.isArray(companies) && companies.every(isObject))) {
    faults.push('"companies" must be a list of objects.');
  }
  if (faults.length > 0) throw new Wrong(400, faults);
  const wishes = companies === undefined ? undefined : (companies as Body[]).map(readCompany);
  world.reset(wishes);
  return { companies: [...world.companies.values()].map(companyJson) };
}

function addCompany(world: World, body: Body): unknown {
  const wish = readCompany(body);
  if (wish.realmId !== undefined && world.companies.has(wish.realmId)) {
    throw new Wrong(409, [`There is a company ${wish.realmId} already.`]);
  }
  return companyJson(world.addCompany(wish));
}

function amendCompany(world: World, body: Body, _exchange: Exchange, realmId: string): unknown {
  const company = companyOf(world, realmId);
  const faults: string[] = [];
  refuseUnknown(body, ['name', 'offeringSku', 'classTracking', 'subscription'], faults);
  const { name, subscription } = body;
  if (name !== undefined && (typeof name !== 'string' || name.trim() === '')) faults.push('"name" must be a text.');
  if (subscription !== undefined && !['PAID', 'TRIAL', 'EXPIRED'].includes(String(subscription))) {
    faults.push('"subscription" must be PAID, TRIAL or EXPIRED.');
  }
  const plan = body['offeringSku'] === undefined ? company.facts.plan : readNamedPlan(body['offeringSku'], faults);
  const classTracking = body['classTracking'] === undefined ? company.facts.classTracking
    : readTracking(body['classTracking'], faults);
  if (faults.length > 0) throw new Wrong(400, faults);
  company.amend({
    plan, classTracking, preferencesSyncToken: company.facts.preferencesSyncToken + 1, preferencesUpdated: world.clock.wall(),
    ...(typeof name === 'string' ? { name } : {}),
    ...(subscription === undefined ? {} : { subscription: subscription as 'PAID' | 'TRIAL' | 'EXPIRED' }),
  });
  return companyJson(company);
}

async function grant(world: World, body: Body, exchange: Exchange, realmId: string): Promise<unknown> {
  const company = companyOf(world, realmId);
  const faults: string[] = [];
  refuseUnknown(body, ['clientId', 'personId', 'scope'], faults);
  const { clientId, personId = company.facts.admins[0] ?? 'mara', scope = `${ACCOUNTING} openid profile email` } = body;
  const scopes = String(scope).split(' ').filter((each) => each !== '');
  const unknown = scopes.filter((each) => !(SCOPES as readonly string[]).includes(each));
  if (unknown.length > 0) faults.push(`There is no scope ${unknown.join(', ')}.`);
  const person = world.person(String(personId));
  if (!person) faults.push(`There is no person "${String(personId)}". GET /sandbox/people lists them.`);
  const app = world.appFor(clientId === undefined ? undefined : String(clientId));
  if (!app) faults.push(`There is no app "${String(clientId)}". POST /sandbox/apps registers one.`);
  if (faults.length > 0 || !app || !person) throw new Wrong(400, faults);
  const given = world.grants.grantDirectly(app.clientId, person.id, company.realmId, scopes);
  const hardExpiry = exchange.request.headers['x-include-refresh-token-hard-expires-in'] === 'true';
  return tokenBody(world, given.grant, given.pair, hardExpiry, { nonce: null });
}

/** Adds classes as a person would: `{"names": ["Parent:Child", "Old (inactive)"]}`, parents first. */
function addClasses(world: World, body: Body, _exchange: Exchange, realmId: string): unknown {
  const company = companyOf(world, realmId);
  const faults: string[] = [];
  refuseUnknown(body, ['names'], faults);
  const names = readNames(body['names'], 'names', faults);
  if (!names || faults.length > 0) throw new Wrong(400, faults.length > 0 ? faults : ['"names" must be a list of texts.']);
  const refused = names.flatMap((name) => world.addClass(company, name) ?? []);
  if (refused.length > 0) throw new Wrong(422, refused);
  return listJson(company);
}

function registerApp(world: World, body: Body): unknown {
  const app = readApp(body);
  if (Array.isArray(app)) throw new Wrong(400, app);
  world.registerApp(app);
  return { clientId: app.clientId, name: app.name };
}

function changeSwitches(world: World, body: Body): unknown {
  const { values, faults } = readSwitchChange(body);
  if (faults.length > 0) throw new Wrong(400, faults);
  world.setSwitches(values);
  return { values: world.switches };
}

function addFault(world: World, body: Body): unknown {
  const read = readInjection(body);
  if (Array.isArray(read)) throw new Wrong(400, read);
  return { id: world.injection.add(read.match, read.fault, read.times) };
}

function changeLimits(world: World, body: Body): unknown {
  const faults: string[] = [];
  refuseUnknown(body, LIMIT_NAMES, faults);
  for (const [name, value] of Object.entries(body)) {
    if (!(typeof value === 'number' && Number.isInteger(value) && value >= 0)) {
      faults.push(`"${name}" must be a whole number from 0.`);
    }
  }
  if (faults.length > 0) throw new Wrong(400, faults);
  world.throttle.setLimits(body as Partial<Record<LimitName, number>>);
  return world.throttle.report();
}

function clockJson(world: World): unknown {
  return { virtual: new Date(world.clock.now()).toISOString(), real: new Date(world.clock.wall()).toISOString(),
    speed: world.clock.speed };
}

function advanceClock(world: World, body: Body): unknown {
  const faults: string[] = [];
  refuseUnknown(body, ['advanceSeconds'], faults);
  const seconds = body['advanceSeconds'];
  if (!(typeof seconds === 'number' && seconds >= 0 && seconds <= 1e9)) {
    faults.push('"advanceSeconds" must be a number from 0 to 1000000000.');
  }
  if (faults.length > 0) throw new Wrong(400, faults);
  world.clock.advance(Number(seconds) * 1000);
  return clockJson(world);
}

function changeWebhooks(world: World, body: Body): unknown {
  const faults: string[] = [];
  refuseUnknown(body, ['duplicates', 'reorder', 'forged', 'paused'], faults);
  const { duplicates, ...flags } = body;
  if (duplicates !== undefined && !(Number.isInteger(duplicates) && Number(duplicates) >= 0 && Number(duplicates) <= 1000)) {
    faults.push('"duplicates" must be a whole number from 0 to 1000.');
  }
  for (const [name, value] of Object.entries(flags)) {
    if (typeof value !== 'boolean') faults.push(`"${name}" must be true or false.`);
  }
  if (faults.length > 0) throw new Wrong(400, faults);
  world.webhooks.setMode(body);
  return { mode: world.webhooks.mode };
}
