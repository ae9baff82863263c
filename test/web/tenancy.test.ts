import { expect } from 'chai';
import type { Tenant } from '../../server/core/records.ts';
import { invite } from '../../server/sync/team.ts';
import { paths } from '../../server/web/paths.ts';
import { comeIn, importAll, records, startWeb, type Member, type WebProduct } from './support.ts';

/** Every path that names a record or a run, made from the table of paths, so that a new one cannot be forgotten. */
const OWNED = Object.entries(paths).filter(([, path]) => path.includes(':id'));
const BODIES: Readonly<Record<string, object>> = { mapping: { intent: 'unmap' }, runWish: { wish: 'cancel' }, member: { intent: 'remove' } };

describe('Two companies', () => {
  let web: WebProduct;
  let member: Member;
  let other: Tenant;
  let theirs: { record: string; run: string; member: string; invitation: string };
  const ofTheirs = (path: string) => {
    const [, kind] = path.split('/');
    return kind === 'runs' ? theirs.run : kind === 'team' ? theirs.member : kind === 'invitations' ? theirs.invitation : theirs.record;
  };

  before(async () => {
    web = await startWeb({ codes: 12 });
    member = await comeIn(web);
    await importAll(web, member);
    const grant = (await web.world.companies.grant(member.company))?.grant;
    if (grant === undefined) throw new Error('no grant');
    const second = await web.world.companies.connect({ realmId: '99', facts: { name: 'Ridgeline', plan: null, classTracking: 'per_line', locations: null }, grant, at: new Date() });
    other = second.id;
    const [record] = await records(web, member.company);
    if (record === undefined) throw new Error('nothing was staged');
    const { kind, linarcId, raw, source, sourceHash, wanted, wantedKey, level, codeKey, sortKey, status, problem, goneAt, excluded, importedAt } = record;
    const draft = { kind, linarcId, raw, source, sourceHash, wanted, wantedKey, level, codeKey, sortKey, status, problem, goneAt, excluded, importedAt, over: null };
    await web.world.costCodes.stage(other, [draft]);
    const run = await web.world.runs.start(other, { kind: 'automatic', what: 'test' }, { kind: 'ids', ids: [] }, new Date());
    const boss = await web.world.users.signIn({ sub: 'boss', email: 'boss@ridgeline.example', emailVerified: true, name: 'Boss of theirs' });
    await web.world.users.join(boss.id, other, 'admin');
    const invited = await invite(web.world, second, boss, { role: 'admin', email: null }, (secret) => secret);
    theirs = { record: (await records(web, other))[0]?.id ?? '', run: run?.id ?? '', member: boss.id, invitation: invited?.invitation.id ?? '' };
    for (const id of Object.values(theirs)) expect(id).to.match(/^[0-9a-f]{24}$/);
  });
  after(() => web.close());

  for (const [name, path] of OWNED) {
    for (const method of ['get', 'post'] as const) {
      it(`${method.toUpperCase()} ${path} does not find what belongs to the other company`, async () => {
        const address = path.replace(':id', ofTheirs(path));
        const { status, text } = await member.agent[method](address).type('form').send(method === 'post' ? BODIES[name] ?? {} : undefined);
        expect(status).to.equal(404);
        expect(text).to.not.include('Ridgeline').and.not.include('theirs');
      });
    }
  }

  it('the other company’s record and run are as they were', async () => {
    expect((await web.world.costCodes.get(other, theirs.record))?.version).to.equal(1);
    expect((await web.world.runs.get(other, theirs.run))?.state).to.equal('queued');
    expect((await web.world.team.members(other)).map(({ id, role }) => [id, role])).to.deep.equal([[theirs.member, 'admin']]);
    expect(await web.world.invitations.open(other, new Date())).to.have.length(1);
  });

  it('the team page shows the people and invitations of one’s own company alone', async () => {
    const { text } = await member.agent.get(paths.team).expect(200);
    expect(text).to.not.include('boss@ridgeline.example').and.not.include(theirs.invitation);
  });

  it('ids of the other company in a form select nothing', async () => {
    await member.agent.post(paths.runs).type('form').send({ scope: 'ids', id: theirs.record }).expect(303);
    await member.agent.post(paths.exclusions).type('form').send({ scope: 'ids', id: theirs.record, reason: 'x' }).expect(303);
    const { text } = await member.agent.post(paths.live).type('form').send({ seen: `${theirs.record}.9` }).expect(200);
    expect(text).to.not.include(theirs.record);
    expect((await web.world.costCodes.get(other, theirs.record))?.excluded).to.equal(null);
    expect((await member.agent.post(paths.preview).type('form').send({ scope: 'ids', id: theirs.record })).text).to.include('None of the selected');
  });

  it('a company is not opened by naming it', async () => {
    await member.agent.post(paths.company).type('form').send({ company: other }).expect(404);
    await member.agent.get(`${paths.costCodes}?company=${other}`).expect(200).expect(({ text }) => expect(text).to.not.include('Ridgeline'));
  });

  it('QuickBooks’ word about a company the person is no member of changes nothing', async () => {
    await member.agent.get(`${paths.disconnect}?realmId=99`).expect(302);
    expect((await web.world.companies.get(other))?.connection).to.equal('connected');
  });
});
