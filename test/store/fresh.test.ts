import { expect } from 'chai';
import { DEFAULT_SETTINGS } from '../../server/core/company.ts';
import type { RoundTimes, ToldChange } from '../../server/core/fresh.ts';
import { ALL_CALM, type Standings } from '../../server/core/notices.ts';
import type { Tenant } from '../../server/core/records.ts';
import type { Stores } from '../../server/store/stores.ts';
import { AT, eachStore, newCompany, NOBODY, openTestStores, type Open, type OpenedStores, type PortStores } from './fixture.ts';

let opened: OpenedStores;
let stores: Stores;
let next = 9_330_000_000;

const connect = async (realmId = String((next += 1))) => (await stores.companies.connect(newCompany(realmId))).id;
const change = (id: string, subject = id): ToldChange => ({ id, teller: 'linarc', subject, kind: 'updated' });
const since = (at: Date): RoundTimes => ({ begunBefore: at, doneBefore: at });
const NOON = new Date('2026-11-23T12:00:00Z');
const ONE = new Date('2026-11-23T13:00:00Z');

const NO_CHANGE = { by: { kind: 'automatic', what: 'test' }, at: AT, changes: [] } as const;

eachStore('The store of what was told', (open) => {
  let told: Awaited<ReturnType<Open>>;
  let kept: PortStores;

  before(async () => {
    told = await open();
    kept = told.stores;
  });
  after(() => told.close());

  const joined = async () => (await kept.companies.connect(newCompany(String((next += 1))))).id;

  it('keeps what was told once, whoever tells it at the same moment', async () => {
    const company = await joined();
    const added = await Promise.all(Array.from({ length: 5 }, () => kept.changes.tell(company, [change('a'), change('b')], AT)));
    expect(added.reduce((sum, n) => sum + n, 0)).to.equal(2);
  });

  it('takes events for the same only within one company and one teller', async () => {
    const [one, two] = [await joined(), await joined()];
    expect(await kept.changes.tell(one, [change('a'), { ...change('a'), teller: 'quickbooks' }], AT)).to.equal(2);
    expect(await kept.changes.tell(two, [change('a')], AT)).to.equal(1);
    expect(await kept.changes.take(NOBODY, 'linarc', 10, 1_000)).to.deep.equal([]);
  });

  it('hands changes to one process at a time, and again when it does not settle them', async () => {
    const company = await joined();
    await kept.changes.tell(company, [change('a'), change('b'), change('c')], AT);
    const taken = await Promise.all([1, 2, 3].map(() => kept.changes.take(company, 'linarc', 10, 60_000)));
    expect(taken.flat().map(({ id }) => id).sort()).to.deep.equal(['a', 'b', 'c']);
    await kept.changes.putOff(company, 'linarc', ['b'], 0);
    expect(await kept.changes.take(company, 'linarc', 10, 60_000)).to.deep.equal([{ ...change('b'), tries: 1 }]);
  });

  it('settles changes for good, even when they are told again', async () => {
    const company = await joined();
    await kept.changes.tell(company, [change('a')], AT);
    await kept.changes.take(company, 'linarc', 10, 0);
    await kept.changes.settle(company, 'linarc', ['a'], AT);
    await kept.changes.putOff(company, 'linarc', ['a'], 0);
    expect(await kept.changes.tell(company, [change('a')], AT)).to.equal(0);
    expect(await kept.changes.take(company, 'linarc', 10, 0)).to.deep.equal([]);
  });

  it('names the companies with due ones', async () => {
    const company = await joined();
    expect(await kept.changes.waiting(100)).not.to.include(company);
    await kept.changes.tell(company, [change('a')], AT);
    expect(await kept.changes.waiting(100)).to.include(company);
  });
});

describe('The stores that keep fresh', () => {
  before(async () => {
    opened = await openTestStores();
    ({ stores } = opened);
  });
  after(() => opened.close());

  describe('Rounds', () => {
    async function linked(): Promise<Tenant> {
      const company = await connect();
      await stores.companies.linkLinarc(company, { companyId: 'L1', apiKey: 'key', name: 'One', at: AT });
      await stores.companies.saveSettings(company, 0, { ...DEFAULT_SETTINGS, autoUpdate: true }, NO_CHANGE);
      return company;
    }

    it('look where a linked company wants changes staged, and nowhere else', async () => {
      const [wants, unlinked, off] = [await linked(), await connect(), await linked()];
      await stores.companies.saveSettings(off, 1, DEFAULT_SETTINGS, NO_CHANGE);
      expect(await stores.rounds.due('look', since(NOON), 1_000)).to.include(wants).and.not.include(unlinked).and.not.include(off);
    });

    it('sweep connected companies whose classes were read before', async () => {
      const [read, unread, dead] = [await connect(), await connect(), await connect()];
      for (const company of [read, dead]) await stores.companies.classesRead(company, AT);
      await stores.companies.setConnection(dead, 'needs_reconnect', AT);
      expect(await stores.rounds.due('sweep', since(NOON), 1_000)).to.include(read).and.not.include(unread).and.not.include(dead);
    });

    it('are begun by one of many processes, and not again before they are due', async () => {
      const company = await linked();
      const begun = await Promise.all(Array.from({ length: 6 }, () => stores.rounds.begin(company, 'look', since(NOON), ONE)));
      expect(begun.filter(Boolean)).to.have.length(1);
      expect(await stores.rounds.begin(company, 'look', since(NOON), ONE)).to.equal(false);
      expect(await stores.rounds.begin(company, 'look', since(ONE), ONE)).to.equal(true);
    });

    it('wait until the last one done is long enough ago', async () => {
      const company = await linked();
      await stores.rounds.save(company, { lookedAt: NOON });
      expect(await stores.rounds.due('look', { begunBefore: ONE, doneBefore: AT }, 1_000)).not.to.include(company);
      expect(await stores.rounds.due('look', since(ONE), 1_000)).to.include(company);
    });

    it('apply settings where staged codes do not follow them yet, until they do', async () => {
      const [company, other] = [await connect(), await connect()];
      const change = { ...NO_CHANGE, at: NOON, changes: [{ field: 'namePattern', from: '"a"', to: '"b"' }] };
      await stores.companies.saveSettings(company, 0, DEFAULT_SETTINGS, change);
      await stores.companies.saveSettings(other, 0, DEFAULT_SETTINGS, { ...change, changes: [{ field: 'autoPush', from: 'false', to: 'true' }] });
      expect(await stores.rounds.due('apply', since(ONE), 1_000)).to.include(company).and.not.include(other);
      await stores.rounds.askToApply(company, ONE);
      await stores.rounds.applied(company, NOON);
      expect(await stores.rounds.due('apply', since(ONE), 1_000)).to.include(company);
      await stores.rounds.applied(company, ONE);
      expect(await stores.rounds.due('apply', since(ONE), 1_000)).not.to.include(company);
    });

    it('remember how far they came, each by itself', async () => {
      const company = await linked();
      await stores.rounds.save(company, { lookedAt: NOON, lookedFullyAt: AT });
      await stores.rounds.save(company, { sweptAt: ONE });
      expect(await stores.rounds.upkeep(company)).to.deep.equal({ lookedAt: NOON, lookedFullyAt: AT, sweptAt: ONE, trouble: null, toApply: null });
      expect(await stores.rounds.upkeep(NOBODY)).to.equal(null);
    });

    it('keep the webhook’s secret sealed', async () => {
      const company = await linked();
      const hook = { linarcCompanyId: 'L1', webhookId: 'wh_1', url: 'https://x/hook', secret: 'CANARY-SECRET' };
      await stores.rounds.saveHook(company, hook);
      expect(await stores.rounds.hook(company)).to.deep.equal({ ...hook, company });
      const raw = await stores.connection.collection('companies').findOne({ _id: company as unknown as never });
      expect(JSON.stringify(raw)).not.to.contain('CANARY-SECRET');
      await stores.rounds.saveHook(company, null);
      expect(await stores.rounds.hook(company)).to.equal(null);
    });

    it('know the companies of realms', async () => {
      const [one, two] = [await connect('9339000001'), await connect('9339000002')];
      expect([...(await stores.rounds.ofRealms(['9339000001', '9339000002', '1']))].sort()).to.deep.equal([['9339000001', one], ['9339000002', two]]);
    });
  });

  describe('Notices', () => {
    const mail = (id: string) => ({ id, subject: 'S', text: 'T' });
    const bad: Standings = { ...ALL_CALM, runs: { bad: true, toldAt: NOON, told: 3, run: 'r1', problem: null } };

    it('store what was told over the version it was judged on, by one of many', async () => {
      const company = await connect();
      const written = await Promise.all([1, 2, 3, 4].map((n) => stores.notices.write(company, 0, bad, [mail(`m${n}`)])));
      expect(written.filter(Boolean)).to.have.length(1);
      expect(await stores.notices.standings(company)).to.deep.equal({ version: 1, standings: bad });
      expect(await stores.notices.write(company, 1, ALL_CALM, [])).to.equal(true);
      expect((await stores.notices.standings(company)).standings).to.deep.equal(ALL_CALM);
    });

    it('take a topic that an earlier version did not know for calm', async () => {
      const company = await connect();
      await stores.notices.write(company, 0, bad, []);
      await stores.connection.collection('notices').updateOne({ _id: company as unknown as never }, { $unset: { expiry: 1 } });
      expect((await stores.notices.standings(company)).standings).to.deep.equal(bad);
    });

    it('give their mail to one process, and keep it until it is dropped', async () => {
      const company = await connect();
      await stores.notices.write(company, 0, bad, [mail('m1')]);
      expect(await stores.notices.pending(1_000)).to.include(company);
      const taken = await Promise.all([1, 2, 3].map(() => stores.notices.takeMail(company, 60_000)));
      expect(taken.filter((one) => one !== null)).to.deep.equal([{ mails: [mail('m1')], tries: 0 }]);
      await stores.notices.putOffMail(company, 0);
      expect((await stores.notices.takeMail(company, 60_000))?.tries).to.equal(1);
      await stores.notices.dropMail(company, ['m1']);
      await stores.notices.putOffMail(company, 0);
      expect(await stores.notices.takeMail(company, 60_000)).to.equal(null);
    });

    it('go to administrators alone', async () => {
      const company = await connect();
      for (const sub of ['ann', 'bo']) {
        const user = await stores.users.signIn({ sub: `${company}${sub}`, email: `${sub}@example.com`, emailVerified: true, name: sub });
        await stores.users.join(user.id, company, 'operator');
      }
      expect(await stores.notices.recipients(company)).to.deep.equal(['ann@example.com']);
      expect(await stores.notices.recipients(NOBODY)).to.deep.equal([]);
    });
  });
});
