import { expect } from 'chai';
import type { Tenant } from '../../server/core/records.ts';
import { paths } from '../../server/web/paths.ts';
import { comeIn, importAll, records, startWeb, type Member, type WebProduct } from './support.ts';

/** Every path that names a record or a run, made from the table of paths, so that a new one cannot be forgotten. */
const OWNED = Object.entries(paths).filter(([, path]) => path.includes(':id'));
const BODIES: Readonly<Record<string, object>> = { mapping: { intent: 'unmap' }, runWish: { wish: 'cancel' } };

describe('Two companies', () => {
  let web: WebProduct;
  let member: Member;
  let other: Tenant;
  let theirs: { record: string; run: string };

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
    theirs = { record: (await records(web, other))[0]?.id ?? '', run: run?.id ?? '' };
    expect(theirs.record).to.match(/^[0-9a-f]{24}$/);
    expect(theirs.run).to.match(/^[0-9a-f]{24}$/);
  });
  after(() => web.close());

  for (const [name, path] of OWNED) {
    for (const method of ['get', 'post'] as const) {
      it(`${method.toUpperCase()} ${path} does not find what belongs to the other company`, async () => {
        const address = path.replace(':id', path.startsWith(paths.runs) ? theirs.run : theirs.record);
        const { status, text } = await member.agent[method](address).type('form').send(method === 'post' ? BODIES[name] ?? {} : undefined);
        expect(status).to.equal(404);
        expect(text).to.not.include('Ridgeline');
      });
    }
  }

  it('the other company’s record and run are as they were', async () => {
    expect((await web.world.costCodes.get(other, theirs.record))?.version).to.equal(1);
    expect((await web.world.runs.get(other, theirs.run))?.state).to.equal('queued');
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
