import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { DEFAULT_SETTINGS, NO_COUNTS, type ImportState } from '../../server/core/company.ts';
import type { Tenant } from '../../server/core/records.ts';
import { AT, eachStore, grantOf, keyOf, newCompany, NOBODY, type Open, type OpenedStores, openTestStores, type PortStores, RING } from './fixture.ts';

const LATER = new Date('2026-03-02T10:00:00.000Z');

let opened: Awaited<ReturnType<Open>>;
let stores: PortStores;
let next = 9_130_000_000;

const realm = () => String((next += 1));
const connect = async (realmId = realm()) => (await stores.companies.connect(newCompany(realmId))).id;

function importState(id: string, change: Partial<ImportState> = {}): ImportState {
  return { id, mode: 'all', ids: [], by: 'Maria', state: 'running', startedAt: AT, endedAt: null, total: null, counts: NO_COUNTS, problem: null, ...change };
}

eachStore('The store of companies and people', (open) => {
  before(async () => {
    opened = await open();
    ({ stores } = opened);
  });
  after(() => opened.close());

  describe('Companies', () => {
    it('creates the company of a realm with the default settings', async () => {
      const company = await stores.companies.connect(newCompany(realm(), 'Acme'));
      expect(company).to.deep.include({
        name: 'Company Acme', plan: 'Advanced', classTracking: 'per_line', connection: 'connected', connectedAt: AT, linarc: null, import: null,
        settings: DEFAULT_SETTINGS, fence: 0, lastImportedAt: null, classesReadAt: null,
      });
      expect(await stores.companies.get(company.id)).to.deep.equal(company);
    });

    it('connects the same realm again as the same company, keeping its settings and its Linarc link', async () => {
      const realmId = realm();
      const company = await connect(realmId);
      await stores.companies.saveSettings(company, 0, { ...DEFAULT_SETTINGS, autoPush: true }, { by: { kind: 'automatic', what: 'test' }, at: AT, changes: [] });
      await stores.companies.linkLinarc(company, { companyId: 'L1', apiKey: 'key', name: 'Linarc One', at: AT });
      const again = await stores.companies.connect(newCompany(realmId, 'second'));
      expect(again).to.deep.include({ id: company, settings: { ...DEFAULT_SETTINGS, autoPush: true } });
      expect(again.linarc?.name).to.equal('Linarc One');
      expect((await stores.companies.grant(company))?.grant).to.deep.equal(grantOf('second'));
    });

    it('makes one company when a realm is connected several times at once', async () => {
      const realmId = realm();
      const made = await Promise.all([1, 2, 3, 4].map(() => stores.companies.connect(newCompany(realmId))));
      expect(new Set(made.map((company) => company.id)).size).to.equal(1);
    });

    it('is found by its realm, and knows its realm', async () => {
      const realmId = realm();
      const company = await connect(realmId);
      expect((await stores.companies.byRealm(realmId))?.id).to.equal(company);
      expect(await stores.companies.realmId(company)).to.equal(realmId);
      expect(await stores.companies.byRealm('1')).to.equal(null);
    });

    it('names those of the asked companies that exist', async () => {
      const ids = await Promise.all([connect(), connect()]);
      const named = await stores.companies.named([...ids, NOBODY]);
      expect(named.map((company) => company.id).sort()).to.deep.equal([...ids].sort());
    });

    it('shows neither tokens nor realm nor API key', async () => {
      const realmId = realm();
      const company = await connect(realmId);
      await stores.companies.linkLinarc(company, { companyId: 'L1', apiKey: 'linarc-secret', name: 'Linarc One', at: AT });
      const shown = JSON.stringify([await stores.companies.get(company), await stores.companies.named([company])]);
      for (const secret of [realmId, 'access-', 'refresh-', 'linarc-secret', 'k1.']) expect(shown.replace(`Company ${realmId}`, '').replace(`Company ${realmId}`, '')).not.to.contain(secret);
    });

    it('opens the key of the linked library until it is unlinked', async () => {
      const company = await connect();
      await stores.companies.linkLinarc(company, { companyId: 'L1', apiKey: 'linarc-secret', name: 'Linarc One', at: AT });
      expect(await stores.companies.libraryKey(company)).to.deep.equal({ companyId: 'L1', apiKey: 'linarc-secret' });
      await stores.companies.unlinkLinarc(company);
      expect(await stores.companies.libraryKey(company)).to.equal(null);
    });

    it('stores facts and the time of the last read of classes', async () => {
      const company = await connect();
      await stores.companies.saveFacts(company, { name: 'New name', plan: null, classTracking: 'off', locations: 3 }, AT);
      await stores.companies.classesRead(company, LATER);
      expect(await stores.companies.get(company)).to.deep.include({ name: 'New name', plan: null, classTracking: 'off', classesReadAt: LATER });
    });
  });

  describe('The grant of a company', () => {
    it('is replaced over its version, and only once', async () => {
      const company = await connect();
      const saved = await Promise.all(['n1', 'n2', 'n3'].map((mark) => stores.companies.saveGrant(company, 0, grantOf(mark))));
      expect(saved.filter(Boolean)).to.have.length(1);
      const held = await stores.companies.grant(company);
      expect(held?.version).to.equal(1);
      expect(held?.grant).to.deep.equal(grantOf(['n1', 'n2', 'n3'][saved.indexOf(true)] ?? ''));
    });

    it('keeps the one before as the spare, or another that came too late, until somebody connects anew', async () => {
      const realmId = realm();
      const company = await connect(realmId);
      const spare = async () => (await stores.companies.grant(company))?.spare;
      expect(await spare()).to.equal(null);
      await stores.companies.saveGrant(company, 0, grantOf('next'));
      expect(await spare()).to.deep.equal(grantOf(realmId));
      await stores.companies.keepSpare(company, grantOf('late'));
      expect(await spare()).to.deep.equal(grantOf('late'));
      expect((await stores.companies.grant(company))?.grant).to.deep.equal(grantOf('next'));
      await connect(realmId);
      expect(await spare()).to.equal(null);
    });

    it('may be refreshed by one at a time', async () => {
      const company = await connect();
      const leased = await Promise.all(['a', 'b', 'c'].map((owner) => stores.companies.leaseRefresh(company, 0, owner, 60_000)));
      expect(leased.filter(Boolean)).to.have.length(1);
    });

    it('may be refreshed by another when the first has let go, or its time is over by the database’s clock', async () => {
      const company = await connect();
      expect(await stores.companies.leaseRefresh(company, 0, 'a', 60_000)).to.equal(true);
      await stores.companies.releaseRefresh(company, 'b');
      expect(await stores.companies.leaseRefresh(company, 0, 'b', 1)).to.equal(false);
      await stores.companies.releaseRefresh(company, 'a');
      expect(await stores.companies.leaseRefresh(company, 0, 'b', 1)).to.equal(true);
      await sleep(20);
      expect(await stores.companies.leaseRefresh(company, 0, 'c', 60_000)).to.equal(true);
    });

    it('cannot be refreshed over an old version', async () => {
      const company = await connect();
      await stores.companies.saveGrant(company, 0, grantOf('next'));
      expect(await stores.companies.leaseRefresh(company, 0, 'a', 1000)).to.equal(false);
      expect(await stores.companies.leaseRefresh(company, 1, 'a', 1000)).to.equal(true);
    });

    it('is deleted on disconnecting, and a refresh under way can no longer bring it back', async () => {
      const company = await connect();
      await stores.companies.leaseRefresh(company, 0, 'a', 60_000);
      expect(await stores.companies.setConnection(company, 'disconnected', LATER)).to.equal(true);
      expect(await stores.companies.grant(company)).to.equal(null);
      expect(await stores.companies.saveGrant(company, 0, grantOf('late'))).to.equal(false);
      await stores.companies.keepSpare(company, grantOf('late'));
      expect(await stores.companies.get(company)).to.deep.include({ connection: 'disconnected', connectionChangedAt: LATER });
    });

    it('that is newer than the one found dead keeps the connection', async () => {
      const company = await connect();
      await stores.companies.saveGrant(company, 0, grantOf('next'));
      expect(await stores.companies.setConnection(company, 'needs_reconnect', LATER, { version: 0 })).to.equal(false);
      expect((await stores.companies.get(company))?.connection).to.equal('connected');
      expect(await stores.companies.setConnection(company, 'needs_reconnect', LATER, { version: 1 })).to.equal(true);
    });

    it('of a connection made anew is not touched by what was said of the one before', async () => {
      const company = await connect();
      expect(await stores.companies.setConnection(company, 'needs_reconnect', LATER, { connectedAt: LATER })).to.equal(false);
      expect((await stores.companies.get(company))?.connection).to.equal('connected');
      expect(await stores.companies.setConnection(company, 'needs_reconnect', LATER, { connectedAt: AT })).to.equal(true);
    });

    it('needs no reconnecting once somebody disconnected', async () => {
      const company = await connect();
      await stores.companies.setConnection(company, 'disconnected', AT);
      expect(await stores.companies.setConnection(company, 'needs_reconnect', LATER)).to.equal(true);
      expect((await stores.companies.get(company))?.connection).to.equal('disconnected');
    });

    it('in a state said twice remembers since when', async () => {
      const company = await connect();
      await stores.companies.setConnection(company, 'needs_reconnect', AT);
      expect(await stores.companies.setConnection(company, 'needs_reconnect', LATER)).to.equal(true);
      expect((await stores.companies.get(company))?.connectionChangedAt).to.deep.equal(AT);
    });
  });

  describe('The import of a company', () => {
    it('is one at a time', async () => {
      const company = await connect();
      const started = await Promise.all(['i1', 'i2', 'i3'].map((id) => stores.companies.startImport(company, importState(id), 60_000)));
      expect(started.filter(Boolean)).to.have.length(1);
    });

    it('stores its progress and its end, and lets the next one start', async () => {
      const company = await connect();
      await stores.companies.startImport(company, importState('i1', { mode: 'selected', ids: ['$x', 'y'] }), 60_000);
      const done = importState('i1', { state: 'done', endedAt: LATER, total: 5, counts: { ...NO_COUNTS, read: 5, added: 5 } });
      expect(await stores.companies.saveImport(company, done)).to.equal(true);
      expect(await stores.companies.get(company)).to.deep.include({ import: done, lastImportedAt: LATER });
      expect(await stores.companies.startImport(company, importState('i2'), 60_000)).to.equal(true);
      expect((await stores.companies.get(company))?.lastImportedAt).to.deep.equal(LATER);
    });

    it('that gave no sign of life for too long gives way, and learns of it', async () => {
      const company = await connect();
      await stores.companies.startImport(company, importState('i1'), 60_000);
      await sleep(30);
      expect(await stores.companies.startImport(company, importState('i2'), 20)).to.equal(true);
      expect(await stores.companies.saveImport(company, importState('i1', { total: 9 }))).to.equal(false);
      expect((await stores.companies.get(company))?.import?.id).to.equal('i2');
    });

    it('that shows signs of life is left alone', async () => {
      const company = await connect();
      await stores.companies.startImport(company, importState('i1'), 60_000);
      expect(await stores.companies.startImport(company, importState('i2'), 60_000)).to.equal(false);
    });
  });

  describe('People', () => {
    const person = (sub: string, name = 'Maria') => ({ sub, email: `${sub}@example.com`, emailVerified: true, name });

    it('are found by their Intuit identity, with the name and e-mail they have now', async () => {
      const first = await stores.users.signIn(person('s1'));
      const second = await stores.users.signIn(person('s1', 'Maria Lopez'));
      expect(second).to.deep.equal({ ...first, name: 'Maria Lopez' });
      expect(await stores.users.get(first.id)).to.deep.equal(second);
      expect(await stores.users.get('nobody')).to.equal(null);
    });

    it('signing in twice at once are one', async () => {
      const users = await Promise.all([1, 2, 3, 4].map(() => stores.users.signIn(person('s2'))));
      expect(new Set(users.map((user) => user.id)).size).to.equal(1);
    });

    it('make one administrator when the first two members join at once', async () => {
      const company = await connect();
      const users = await Promise.all(['s3', 's4'].map((sub) => stores.users.signIn(person(sub))));
      const joined = await Promise.all(users.map((user) => stores.users.join(user.id, company, 'operator')));
      expect(joined.map((user) => user.memberships[0]?.role).sort()).to.deep.equal(['admin', 'operator']);
    });

    it('keep the higher role when they join again', async () => {
      const company = await connect();
      const admin = await stores.users.signIn(person('s5'));
      const other = await stores.users.signIn(person('s6'));
      await stores.users.join(admin.id, company, 'viewer');
      await stores.users.join(other.id, company, 'viewer');
      expect((await stores.users.join(other.id, company, 'operator')).memberships).to.deep.equal([{ company, role: 'operator' }]);
      expect((await stores.users.join(other.id, company, 'viewer')).memberships).to.deep.equal([{ company, role: 'operator' }]);
      expect((await stores.users.join(admin.id, company, 'viewer')).memberships).to.deep.equal([{ company, role: 'admin' }]);
    });

    it('are members of several companies', async () => {
      const companies = [await connect(), await connect()];
      const user = await stores.users.signIn(person('s7'));
      for (const company of companies) await stores.users.join(user.id, company, 'operator');
      expect((await stores.users.get(user.id))?.memberships.map((membership) => membership.company).sort()).to.deep.equal([...companies].sort());
    });
  });
});

describe('The secrets of companies at rest', () => {
  let mongo: OpenedStores;

  before(async () => {
    mongo = await openTestStores();
    ({ stores } = mongo);
  });
  after(() => mongo.close());

  it('are in no document as plain text', async () => {
    const realmId = realm();
    const company = (await stores.companies.connect({ ...newCompany(realmId, 'canary'), facts: { name: 'Acme', plan: null, classTracking: 'off', locations: null } })).id;
    await stores.companies.saveGrant(company, 0, grantOf('canary-2'));
    await stores.companies.linkLinarc(company, { companyId: 'L1', apiKey: 'linarc-canary', name: 'Linarc One', at: AT });
    const text = JSON.stringify(await stored(company));
    for (const secret of [realmId, 'access-canary', 'refresh-canary', 'linarc-canary']) expect(text).not.to.contain(secret);
    expect(text).to.contain('k1.');
  });

  it('moved to another company do not open', async () => {
    const [one, two] = [await connect(), await connect()];
    const { realm: theirs } = await stored(two);
    await mongo.stores.connection.collection<{ _id: string }>('companies').updateOne({ _id: one }, { $set: { realm: theirs } });
    expect(await stores.companies.realmId(one).catch((error: Error) => error.name)).to.equal('SealError');
  });

  it('still open after the key was changed, and are sealed with the new one when next read', async () => {
    const realmId = realm();
    const company = await connect(realmId);
    await stores.companies.linkLinarc(company, { companyId: 'L1', apiKey: 'linarc-secret', name: 'Linarc One', at: AT });
    const rotated = await mongo.another({ current: 'k2', keys: { ...RING.keys, k2: keyOf('2') } });
    expect((await rotated.companies.byRealm(realmId))?.id).to.equal(company);
    expect(await rotated.companies.realmId(company)).to.equal(realmId);
    expect((await rotated.companies.grant(company))?.grant).to.deep.equal(grantOf(realmId));
    expect((await rotated.companies.libraryKey(company))?.apiKey).to.equal('linarc-secret');
    expect(JSON.stringify(await stored(company))).not.to.contain('k1.');

    const afterwards = await mongo.another({ current: 'k2', keys: { k2: keyOf('2') } });
    expect((await afterwards.companies.byRealm(realmId))?.id).to.equal(company);
    expect(await afterwards.companies.realmId(company)).to.equal(realmId);
    expect((await afterwards.companies.connect(newCompany(realmId))).id).to.equal(company);
  });

  it('are gone once somebody disconnected', async () => {
    const company = await connect();
    await stores.companies.saveGrant(company, 0, grantOf('next'));
    await stores.companies.leaseRefresh(company, 1, 'a', 60_000);
    await stores.companies.setConnection(company, 'disconnected', LATER);
    expect(await stored(company)).to.deep.include({ grant: null, previousGrant: null, refreshLease: null });
  });

  async function stored(company: Tenant): Promise<Record<string, unknown>> {
    return (await mongo.stores.connection.collection<{ _id: string }>('companies').findOne({ _id: company })) ?? {};
  }
});
