import { expect } from 'chai';
import request from 'supertest';
import { ROLES, type Role } from '../../server/core/company.ts';
import { paths } from '../../server/web/paths.ts';
import { agentOf, comeIn, personAtIntuit, setRole, startWeb, type Member, type WebProduct } from './support.ts';

interface Layer {
  readonly route?: { readonly path: string | string[]; readonly methods: Record<string, boolean>; readonly stack: readonly { readonly handle: { readonly name: string } }[] };
  readonly handle: { readonly stack?: readonly Layer[] };
}

interface Route {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly guards: readonly string[];
}

/** For everybody, signed in or not; each looks after itself. */
const OPEN: ReadonlySet<string> = new Set([
  'get /livez', 'get /readyz', 'get /startupz', 'get /metrics', 'get /', 'get /launch', 'get /auth/intuit/callback', 'get /connect/request', 'get /connect/start', 'get /connect/callback',
  'get /disconnect', 'get /privacy', 'get /terms', 'get /support', 'get /.well-known/security.txt', 'get /invitation', 'post /invitation', 'post /sign-out',
  // Programs, by signature.
  'post /webhooks/quickbooks', 'post /webhooks/linarc/:company',
]);
/** Writes that are no work of a role: what the person sees, and disconnecting, which asks for the role in the company that is named. */
const PERSONAL: ReadonlySet<string> = new Set([
  'post /company', 'post /disconnect', 'post /notices/seen', 'post /cost-codes/live', 'post /cost-codes/preview', 'post /cost-codes/views', 'post /imports/selected',
]);

const GUARDS = ['signedInOnly', 'membersOnly', 'operatorsOnly', 'adminsOnly'] as const;
type Guard = (typeof GUARDS)[number];
const MAY: Readonly<Record<Guard, readonly Role[]>> = { signedInOnly: ROLES, membersOnly: ROLES, operatorsOnly: ['admin', 'operator'], adminsOnly: ['admin'] };

/** Every route the app really has, read from its router. */
function routesOf(layers: readonly Layer[]): Route[] {
  return layers.flatMap(({ route, handle }) => {
    if (!route) return routesOf(handle.stack ?? []);
    const guards = route.stack.map((step) => step.handle.name).filter((name) => (GUARDS as readonly string[]).includes(name));
    return [route.path].flat().flatMap((path) => Object.keys(route.methods).map((method) => ({ method: method as Route['method'], path, guards })));
  });
}

/** A path that passes several layers is held by the guards of all of them. */
function together(routes: readonly Route[]): Route[] {
  const byName = new Map<string, Route>();
  for (const route of routes) {
    const known = byName.get(nameOf(route));
    byName.set(nameOf(route), known ? { ...known, guards: [...known.guards, ...route.guards] } : route);
  }
  return [...byName.values()];
}

const nameOf = ({ method, path }: Route) => `${method} ${path}`;
const strictest = ({ guards }: Route): Guard => GUARDS.findLast((guard) => guards.includes(guard)) ?? 'signedInOnly';

describe('Every route and every role', () => {
  let web: WebProduct;
  let member: Member;
  let routes: Route[];
  let guarded: Route[];

  before(async () => {
    web = await startWeb({ codes: 3 });
    member = await comeIn(web);
    routes = together(routesOf((web.app as unknown as { router: { stack: Layer[] } }).router.stack));
    guarded = routes.filter((route) => !OPEN.has(nameOf(route)));
  });
  after(() => web.close());

  const ask = (agent: Member['agent'], { method, path }: Route) => {
    const asked = agent[method](path.replace(/:\w+/g, 'f'.repeat(24))).redirects(0);
    return method === 'post' ? asked.type('form').send('') : asked;
  };
  const refusals = async (agent: Member['agent'], of: readonly Route[]) => {
    const passed: string[] = [];
    for (const route of of) {
      const { status } = await ask(agent, route);
      if (status !== 403) passed.push(`${nameOf(route)} answered ${status}`);
    }
    return passed;
  };

  it('the list is the router’s own, and whole', () => {
    const missing = Object.values(paths).filter((path) => !routes.some((route) => route.path === path));
    expect(missing).to.deep.equal([]);
    expect(routes.length).to.be.greaterThan(45);
  });

  it('each has a rule: a guard, or a place among those that are open to everybody', () => {
    expect(guarded.filter(({ guards }) => guards.length === 0).map(nameOf)).to.deep.equal([]);
    expect([...OPEN].filter((name) => !routes.some((route) => nameOf(route) === name)), 'open, but not there').to.deep.equal([]);
  });

  it('each write is for operators or administrators, or changes only what the person sees', () => {
    const free = guarded.filter((route) => route.method === 'post' && MAY[strictest(route)].includes('viewer'));
    expect(free.map(nameOf).filter((name) => !PERSONAL.has(name))).to.deep.equal([]);
  });

  it('nobody gets past the door without signing in', async () => {
    const nobody = request.agent(web.url).set('Origin', web.url) as unknown as Member['agent'];
    for (const route of guarded) {
      const { status, headers } = await ask(nobody, route);
      expect([nameOf(route), status, headers['location']]).to.deep.equal([nameOf(route), 303, '/']);
    }
  });

  for (const role of ['viewer', 'operator'] as const) {
    it(`${role}s are refused what is not theirs with 403 and told why`, async () => {
      await setRole(web, member.company, role);
      const forbidden = guarded.filter((route) => !MAY[strictest(route)].includes(role));
      expect(forbidden).to.not.deep.equal([]);
      expect(await refusals(member.agent, forbidden)).to.deep.equal([]);
      const { text } = await ask(member.agent, { method: 'post', path: '/settings', guards: [] });
      expect(text).to.include(`Your role in Hillside Builders is ${role}`).and.to.include('Ask an administrator of this company.');
    });

    it(`${role}s reach all that is theirs`, async () => {
      await setRole(web, member.company, role);
      const theirs = guarded.filter((route) => MAY[strictest(route)].includes(role) && nameOf(route) !== 'post /company');
      for (const route of theirs.filter((one) => nameOf(one) !== 'post /disconnect')) {
        const { status, headers } = await ask(member.agent, route);
        expect([200, 303, 400, 404, 422], nameOf(route)).to.include(status);
        expect(headers['location'], nameOf(route)).to.not.equal('/');
      }
      await web.idle();
    });

    it(`${role}s disconnect nothing, in the app or by the address for connecting again`, async () => {
      await setRole(web, member.company, role);
      await member.agent.post('/disconnect').type('form').send('').expect(403);
      await member.agent.post('/disconnect').type('form').send({ company: member.company }).expect(403);
      await member.agent.get('/connect/start').expect(303).expect('Location', '/connect');
      expect((await web.world.companies.get(member.company))?.connection).to.equal('connected');
    });
  }

  it('a member of another company reaches nothing of this one, whatever their role there', async () => {
    await setRole(web, member.company, 'admin');
    const jonas = await personAtIntuit(web, 'jonas');
    const other = await web.world.companies.connect({
      realmId: '98', facts: { name: 'Ridgeline', plan: null, classTracking: 'per_line', locations: null }, at: new Date(),
      grant: (await web.world.companies.grant(member.company))?.grant ?? (() => { throw new Error('no grant'); })(),
    });
    await jonas.get(`${web.url}/launch`);
    const user = await web.connection.collection('users').findOne<{ id: string }>({ name: /^Jonas/ }, { projection: { id: '$_id' } });
    await web.world.users.join(user?.id ?? '', other.id, 'admin');
    await jonas.get(`${web.url}/launch`);
    const agent = agentOf(web, jonas);
    await agent.post('/company').type('form').send({ company: member.company }).expect(404);
    await agent.post('/disconnect').type('form').send({ company: member.company }).expect(404);
    const [mara] = await web.world.team.members(member.company);
    await agent.post(`/team/${mara?.id}`).type('form').send({ intent: 'remove' }).expect(404);
    for (const { path } of guarded.filter(({ method, path: at }) => method === 'get' && !at.includes(':'))) {
      const { text } = await agent.get(path).redirects(0);
      expect(text, path).to.not.include('Mara Keller').and.not.include('Hillside Builders');
    }
    expect((await web.world.companies.get(member.company))?.connection).to.equal('connected');
  });

  it('no page shows a role a button that its route refuses, unless it is disabled', async () => {
    for (const role of ['viewer', 'operator'] as const) {
      await setRole(web, member.company, role);
      const refused = guarded.filter((route) => route.method === 'post' && !MAY[strictest(route)].includes(role)).map(({ path }) => path);
      for (const path of ['/cost-codes', '/connect', '/linarc', '/team', '/notices', '/runs', '/imports/selected']) {
        const { text } = await member.agent.get(path).expect(200);
        const live = [...text.matchAll(/<form\b[^>]*method="post"[^>]*action="([^"?]+)[^"]*"[^>]*>([\s\S]*?)<\/form>/g)]
          .filter(([, , inside = '']) => /<button(?![^>]*\bdisabled\b)(?![^>]*\bformaction=)[^>]*>/.test(inside))
          .map(([, action = '']) => action.replace(/[0-9a-f]{24}/, ':id'));
        expect(live.filter((action) => refused.includes(action)), `${path} for a ${role}`).to.deep.equal([]);
        if (role === 'viewer') expect(text, path).to.not.match(/<a[^>]*href="\/connect\/start"/);
      }
    }
  });
});
