import { expect } from 'chai';
import type { Invitation, Role } from '../../server/core/company.ts';
import type { Tenant } from '../../server/core/records.ts';
import type { Stores } from '../../server/store/stores.ts';
import { openTeam } from '../../server/store/team.ts';
import { AT, newCompany, openTestStores, type OpenedStores } from './fixture.ts';

describe('The stores: teams', () => {
  let opened: OpenedStores;
  let stores: Stores;
  let company: Tenant;
  let serial = 0;

  before(async () => {
    opened = await openTestStores();
    ({ stores } = opened);
  });
  after(() => opened.close());
  beforeEach(async () => {
    serial += 1;
    company = (await stores.companies.connect(newCompany(`77${serial}`))).id;
  });

  async function joined(name: string, role: Role, of = stores): Promise<string> {
    const { id } = await of.users.signIn({ sub: `${name}-${serial}`, email: `${name}@example.com`, emailVerified: true, name });
    await of.users.join(id, company, role);
    return id;
  }
  const roles = async () => Object.fromEntries((await stores.team.members(company)).map(({ name, role }) => [name, role]));

  describe('roles', () => {
    it('change, and the person stays what they are elsewhere', async () => {
      await joined('ann', 'operator');
      const bo = await joined('bo', 'operator');
      expect(await stores.team.setRole(company, bo, 'viewer')).to.equal('done');
      expect(await roles()).to.deep.equal({ ann: 'admin', bo: 'viewer' });
      expect(await stores.team.setRole(company, 'f'.repeat(24), 'viewer')).to.equal('no_member');
    });

    it('leave one administrator: the last is neither removed nor made less', async () => {
      const ann = await joined('ann', 'admin');
      const bo = await joined('bo', 'operator');
      expect(await stores.team.setRole(company, ann, 'viewer')).to.equal('last_admin');
      expect(await stores.team.remove(company, ann)).to.equal('last_admin');
      await stores.team.setRole(company, bo, 'admin');
      expect(await stores.team.remove(company, ann)).to.equal('done');
      expect(await roles()).to.deep.equal({ bo: 'admin' });
      expect(await stores.team.remove(company, ann)).to.equal('no_member');
    });

    it('leave one administrator though all of them, in several processes, take the others out at once', async () => {
      const others = [stores, await opened.another(), await opened.another()];
      for (let round = 0; round < 5; round += 1) {
        company = (await stores.companies.connect(newCompany(`99${round}`))).id;
        const admins: string[] = [];
        for (const name of ['ann', 'bo', 'cy', 'di']) admins.push(await joined(name, 'admin'));
        const done = await Promise.all(admins.map((id, i) => {
          const { team } = others[i % others.length] ?? stores;
          return i % 2 ? team.remove(company, id) : team.setRole(company, id, 'operator');
        }));
        expect(Object.values(await roles()).filter((role) => role === 'admin'), `round ${round}: ${done.join()}`).to.have.length(1);
      }
    });

    it('are made good by the next decision, when a process was killed between deciding and carrying out', async () => {
      await joined('ann', 'admin');
      const bo = await joined('bo', 'admin');
      const companies = stores.connection.collection<{ _id: string }>('companies');
      await companies.updateOne({ _id: company }, { $set: { team: { number: 90, user: bo, role: 'viewer' } } });
      expect(await roles()).to.deep.equal({ ann: 'admin', bo: 'admin' });
      await joined('cy', 'operator');
      expect(await roles()).to.deep.equal({ ann: 'admin', bo: 'viewer', cy: 'operator' });
    });

    it('are not put back by a process that carries out late what was decided long ago', async () => {
      await joined('ann', 'admin');
      const bo = await joined('bo', 'operator');
      const late = openTeam(stores.connection, { latest: async () => ({ number: 2, user: bo, role: 'operator' }), decide: async () => true });
      await stores.team.setRole(company, bo, 'admin');
      await late.remove(company, 'nobody');
      expect(await roles()).to.deep.equal({ ann: 'admin', bo: 'admin' });
    });

    it('are not given back by connecting again: a founder who was made less stays so', async () => {
      const ann = await joined('ann', 'operator');
      const bo = await joined('bo', 'operator');
      await stores.team.setRole(company, bo, 'admin');
      await stores.team.setRole(company, ann, 'viewer');
      await stores.users.join(ann, company, 'viewer');
      expect(await roles()).to.deep.equal({ ann: 'viewer', bo: 'admin' });
    });
  });

  it('remember where a person worked, and who wants no mail', async () => {
    const ann = await joined('ann', 'admin');
    expect(await stores.team.lastOpened(ann)).to.equal(null);
    await stores.team.opened(ann, company);
    expect(await stores.team.lastOpened(ann)).to.equal(company);
    expect(await stores.notices.recipients(company)).to.deep.equal(['ann@example.com']);
    await stores.team.setMail(company, ann, false);
    expect([await stores.team.wantsMail(company, ann), await stores.notices.recipients(company)]).to.deep.equal([false, []]);
    await stores.team.setMail(company, ann, true);
    expect(await stores.notices.recipients(company)).to.deep.equal(['ann@example.com']);
  });

  describe('invitations', () => {
    const invitation = (over: Partial<Invitation> = {}): Invitation => ({
      id: `${serial}`.padStart(24, '0'), role: 'operator', email: null, by: { userId: 'u', name: 'Ann' }, at: AT, expiresAt: new Date(AT.getTime() + 1000), ...over,
    });

    it('are found by their digest and listed while they are open', async () => {
      await stores.invitations.add(company, `d${serial}`, invitation());
      expect(await stores.invitations.open(company, AT)).to.deep.equal([invitation()]);
      expect(await stores.invitations.find(`d${serial}`)).to.deep.equal({ ...invitation(), company, usedBy: null });
      expect(await stores.invitations.find('other')).to.equal(null);
      expect(await stores.invitations.open(company, new Date(AT.getTime() + 1000))).to.deep.equal([]);
    });

    it('are taken by one person, though many try at once', async () => {
      const { id } = invitation();
      await stores.invitations.add(company, `d${serial}`, invitation());
      const tries = await Promise.all(['u1', 'u2', 'u3', 'u4'].map((user) => stores.invitations.use(company, id, user, AT)));
      expect(tries.filter(Boolean)).to.have.length(1);
      const winner = `u${tries.indexOf(true) + 1}`;
      expect(await stores.invitations.use(company, id, winner, AT)).to.equal(true);
      expect((await stores.invitations.find(`d${serial}`))?.usedBy).to.equal(winner);
      expect(await stores.invitations.withdraw(company, id)).to.equal(false);
    });

    it('end when they are withdrawn, by their own company alone', async () => {
      const other = (await stores.companies.connect(newCompany(`88${serial}`))).id;
      const { id } = invitation();
      await stores.invitations.add(company, `d${serial}`, invitation());
      expect(await stores.invitations.withdraw(other, id)).to.equal(false);
      expect(await stores.invitations.withdraw(company, id)).to.equal(true);
      expect(await stores.invitations.use(company, id, 'u1', AT)).to.equal(false);
    });
  });
});
