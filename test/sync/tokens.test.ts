import { expect } from 'chai';
import { GrantError, type Grant } from '../../server/core/ports.ts';
import { disconnectedInQuickBooks } from '../../server/sync/connect.ts';
import { accessTokens } from '../../server/sync/tokens.ts';
import type { World } from '../../server/sync/world.ts';
import { Desk } from './desk.ts';

describe('The tokens of a connection', () => {
  let desk: Desk;

  beforeEach(async () => {
    desk = await Desk.open();
    await desk.switches({ refreshRotation: 'always' });
  });
  afterEach(() => desk.close());

  const tokens = (world: World = desk.world) => accessTokens(world, desk.company);
  const connection = async () => (await desk.world.companies.get(desk.company))?.connection;
  const refreshes = async () => (await desk.calls()).filter(({ path }) => path.includes('/tokens/bearer'));

  async function held(): Promise<{ grant: Grant; version: number }> {
    const found = await desk.world.companies.grant(desk.company);
    if (!found) throw new Error('no grant');
    return found;
  }

  /** The world, its companies store doing some things otherwise. */
  function twisted(methods: Partial<World['companies']>): World {
    return { ...desk.world, companies: { ...desk.world.companies, ...methods } };
  }

  it('are renewed by one of many that need one at once, and the others take what it stored', async () => {
    const { grant } = await held();
    const renewed = await Promise.all(Array.from({ length: 8 }, () => tokens().renewed(grant.accessToken)));
    expect(new Set(renewed)).to.deep.equal(new Set([(await held()).grant.accessToken]));
    expect(await refreshes()).to.have.length(1);
  });

  it('are stored before anybody uses them, even when the database is away for a moment', async () => {
    const { grant, version } = await held();
    let tries = 0;
    const world = twisted({
      saveGrant: async (...saved) => {
        tries += 1;
        if (tries < 3) throw new Error('not reached');
        return desk.world.companies.saveGrant(...saved);
      },
    });
    const renewed = await tokens(world).renewed(grant.accessToken);
    expect(await held()).to.deep.include({ version: version + 1 }).and.to.have.nested.property('grant.accessToken', renewed);
    expect(await refreshes()).to.have.length(1);
  });

  it('come from the spare grant where Intuit calls the stored one dead', async () => {
    const { grant, version } = await held();
    await desk.world.companies.saveGrant(desk.company, version, { ...grant, refreshToken: 'AB11-dead' });
    const renewed = await tokens().renewed(grant.accessToken);
    expect((await held()).grant.accessToken).to.equal(renewed);
    expect(await connection()).to.equal('connected');
  });

  it('are kept as the spare when another process stored its own first', async () => {
    const { grant, version } = await held();
    const other = { ...grant, accessToken: 'other', refreshToken: 'AB11-other' };
    const world = twisted({
      saveGrant: async (company, over, next) => {
        await desk.world.companies.saveGrant(company, version, other);
        return desk.world.companies.saveGrant(company, over, next);
      },
    });
    expect(await tokens(world).renewed(grant.accessToken)).to.equal('other');
    expect(await tokens().renewed('other')).to.be.a('string');
    expect(await connection()).to.equal('connected');
  });

  it('are lost when neither grant is good, and the connection says so', async () => {
    const { grant, version } = await held();
    await desk.world.companies.saveGrant(desk.company, version, { ...grant, refreshToken: 'AB11-dead' });
    await desk.world.companies.keepSpare(desk.company, { ...grant, refreshToken: 'AB11-dead-too' });
    const refused = await tokens().renewed(grant.accessToken).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(GrantError).and.include({ kind: 'invalid_grant' });
    expect(await connection()).to.equal('needs_reconnect');
  });

  it('are not lost when somebody connects anew while Intuit refuses the old grant', async () => {
    const { grant, version } = await held();
    await desk.world.companies.saveGrant(desk.company, version, { ...grant, refreshToken: 'AB11-dead' });
    await desk.world.companies.keepSpare(desk.company, { ...grant, refreshToken: 'AB11-dead-too' });
    const world = twisted({
      setConnection: async (...said) => {
        await desk.reconnect();
        return desk.world.companies.setConnection(...said);
      },
    });
    expect(await tokens(world).renewed(grant.accessToken)).to.equal((await held()).grant.accessToken);
    expect(await disconnectedInQuickBooks(desk.world, desk.company)).to.equal('still_connected');
    expect(await connection()).to.equal('connected');
  });

  it('let a run go on by itself that halted while somebody connected anew', async () => {
    await desk.addCode({ costCode: '01', costCodeName: 'Summary', costTypeCategory: 'FIELD', status: 'active' });
    await desk.import();
    await desk.fault({ operation: 'query' }, { kind: 'revoke-grant' });
    const asked: string[] = [];
    const world: World = {
      ...desk.world,
      dispatch: { ...desk.world.dispatch, push: async (_company, run) => void asked.push(run) },
      runs: {
        ...desk.world.runs,
        handOver: async (...given) => {
          await desk.reconnect();
          return desk.world.runs.handOver(...given);
        },
      },
    };
    const run = await desk.begin();
    expect((await desk.work(run.id, world)).state).to.equal('queued');
    expect(asked).to.deep.equal([run.id]);
    expect(await connection()).to.equal('connected');
    expect((await desk.work(run.id)).state).to.equal('finished');
  });
});
