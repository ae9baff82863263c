import { expect } from 'chai';
import type { Mail } from '../../server/core/notices.ts';
import { openNotices, tellPeople } from '../../server/sync/notices.ts';
import type { World } from '../../server/sync/world.ts';
import { Desk } from './desk.ts';

const DAY = 86_400_000;
const code = (costCode: string, costCodeName: string) => ({ costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active' });
const person = (sub: string) => ({ sub, email: `${sub}@example.com`, emailVerified: true, name: sub });

describe('telling people', () => {
  let desk: Desk;
  let sent: (Mail & { readonly to: readonly string[] })[];
  let fails: number;
  let world: World;
  let later: number;

  beforeEach(async () => {
    desk = await Desk.open([code('01', 'Summary'), code('02', '')]);
    sent = [];
    fails = 0;
    later = 0;
    const post = {
      async send(mail: Mail & { readonly to: readonly string[] }) {
        if (fails > 0) throw new Error(`no mail today ${(fails -= 1)}`);
        sent.push(mail);
      },
    };
    world = { ...desk.world, clock: { ...desk.world.clock, now: () => Date.now() + later }, fresh: { ...desk.world.fresh, post, reachedAt: 'https://sync.example.com' } };
    const [ann, bo] = [await world.users.signIn(person('ann')), await world.users.signIn(person('bo'))];
    await world.users.join(ann.id, desk.company, 'admin');
    await world.users.join(bo.id, desk.company, 'operator');
  });

  afterEach(async () => desk.close());

  async function tell(): Promise<void> {
    const company = await world.companies.get(desk.company);
    if (company) await tellPeople(world, company);
  }

  const subjects = () => sent.map(({ subject }) => subject);

  it('says once that the connection died and once that it is back, to administrators alone', async () => {
    await tell();
    await world.companies.setConnection(desk.company, 'needs_reconnect', new Date());
    await tell();
    await tell();
    await desk.reconnect();
    await tell();
    expect(subjects()).to.deep.equal(['Testers: The connection to QuickBooks is lost', 'Testers: The connection to QuickBooks works again']);
    expect(sent.map(({ to }) => to)).to.deep.equal([['ann@example.com'], ['ann@example.com']]);
  });

  it('says a month ahead, and once, on which day Intuit ends the connection', async () => {
    const end = new Date(Date.now() + 40 * DAY);
    await desk.reconnect(end);
    for (const days of [0, 9, 11, 20]) {
      later = days * DAY;
      await tell();
    }
    const day = end.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
    expect(subjects()).to.deep.equal([`Testers: The connection to QuickBooks ends on ${day}`]);
  });

  it('sends one message though ten processes see the same', async () => {
    await world.companies.setConnection(desk.company, 'needs_reconnect', new Date());
    await Promise.all(Array.from({ length: 10 }, () => tell()));
    expect(sent).to.have.length(1);
  });

  it('names nothing secret, and no realm', async () => {
    await desk.import();
    await world.companies.setConnection(desk.company, 'needs_reconnect', new Date());
    await tell();
    const held = await world.companies.grant(desk.company);
    const text = JSON.stringify(sent);
    expect(sent).not.to.have.length(0);
    for (const secret of [desk.realmId, held?.grant.accessToken, held?.grant.refreshToken]) expect(text).not.to.contain(secret);
  });

  it('says that codes wait, why, and once that none does', async () => {
    await desk.import();
    await tell();
    expect(subjects()).to.deep.equal(['Testers: 1 cost code waits for action']);
    expect(sent[0]?.text).to.contain('- No name: 1 cost code');
    const record = await desk.record('02');
    await desk.changeCode(record.linarcId, { costCodeName: 'Demolition' });
    await desk.import();
    await tell();
    expect(subjects().at(-1)).to.equal('Testers: No cost code waits for you any more');
  });

  it('says that a run ended with failures, not of every run, and once that none fails any more', async () => {
    await desk.changeCode((await desk.import(), await desk.record('02')).linarcId, { costCodeName: 'Demolition' });
    await desk.import();
    await desk.fault({ operation: 'batch' }, { kind: 'item-fault', recorded: 'plan-limit' }, 1);
    await desk.push();
    await tell();
    await tell();
    const failed = subjects();
    await desk.push();
    await tell();
    expect(failed).to.deep.equal(['Testers: 2 cost codes failed in the last sync']);
    expect(subjects().slice(1)).to.deep.equal(['Testers: No code fails any more']);
  });

  it('tries again what the mail server did not take, and not at once', async () => {
    fails = 1;
    await world.companies.setConnection(desk.company, 'needs_reconnect', new Date());
    await tell();
    await tell();
    expect(sent).to.deep.equal([]);
    expect(await world.fresh.notices.pending(10)).to.deep.equal([]);
    await world.fresh.notices.putOffMail(desk.company, 0);
    expect(await world.fresh.notices.pending(10)).to.deep.equal([desk.company]);
    await tell();
    expect(sent).to.have.length(1);
  });

  it('keeps what is wrong for the banner also where no mail is sent', async () => {
    world = { ...world, fresh: { ...world.fresh, post: null } };
    await world.companies.setConnection(desk.company, 'needs_reconnect', new Date());
    await tell();
    const [open] = await openNotices(world, desk.company);
    expect(open).to.deep.include({ topic: 'connection', bad: true });
    expect(open?.problem?.code).to.equal('reconnect_needed');
    expect(await world.fresh.notices.pending(10)).to.deep.equal([]);
  });
});
