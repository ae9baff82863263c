import type { Connection } from 'mongoose';
import { ROLES, type Member, type Role } from '../core/company.ts';
import type { Team, TeamChange } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import type { Filter } from './documents.ts';
import { userModel } from './models.ts';
import type { UserDocument } from './users.ts';

/** The newest change to a company's team. Its number makes sure that a slow process never puts an older one over it. */
export interface Decision {
  readonly number: number;
  readonly user: string;
  /** Null: the person is out. */
  readonly role: Role | null;
}

/** Where a company's decisions are made: one after the other, by compare-and-set on its one document. */
export interface Decisions {
  latest(company: Tenant): Promise<Decision | null>;
  /** Stores the decision that follows number `after`; false when somebody else's does. */
  decide(company: Tenant, after: number, decision: Decision): Promise<boolean>;
}

/** Makes a person a member of a company, the first one its administrator. */
export type Join = (company: Tenant, user: string, role: Role) => Promise<void>;

/**
 * Memberships lie with the people, decisions with the company. Each decision is taken over the members as all earlier decisions made them:
 * whoever decides carries out the latest one first, and a decision that is carried out late changes nothing.
 */
export function openTeam(connection: Connection, decisions: Decisions): Team & { join: Join } {
  const users = userModel<UserDocument>(connection);
  const among = (company: Tenant): Filter => ({ [`memberships.${company}`]: { $exists: true } });

  async function members(company: Tenant): Promise<readonly Member[]> {
    const found = await users.find(among(company)).sort({ name: 1, _id: 1 }).lean<UserDocument[]>();
    return found.flatMap(({ _id, name, email, memberships }) => {
      const role = memberships[company];
      return role === undefined ? [] : [{ id: _id, name, email, role }];
    });
  }

  async function carryOut(company: Tenant, { number, user, role }: Decision): Promise<void> {
    const [membership, decided] = [`memberships.${company}`, `decided.${company}`];
    const isNewer = { $or: [{ [decided]: { $exists: false } }, { [decided]: { $lt: number } }] };
    const change = role === null ? { $unset: { [membership]: '' }, $set: { [decided]: number } } : { $set: { [membership]: role, [decided]: number } };
    await users.updateOne({ _id: user, ...isNewer }, change);
  }

  /** Decides by the members as they are; `wanted` may be asked again when somebody else decided meanwhile. */
  async function change<Refusal>(company: Tenant, user: string, wanted: (now: readonly Member[]) => { role: Role | null } | Refusal): Promise<Refusal | null> {
    for (;;) {
      const last = await decisions.latest(company);
      if (last !== null) await carryOut(company, last);
      const want = wanted(await members(company));
      if (typeof want !== 'object' || want === null || !('role' in want)) return want;
      const after = last?.number ?? 0;
      const decision = { number: after + 1, user, role: want.role };
      if (!(await decisions.decide(company, after, decision))) continue;
      await carryOut(company, decision);
      return null;
    }
  }

  const replace = async (company: Tenant, user: string, role: Role | null): Promise<TeamChange> => {
    const refusal = await change(company, user, (now) => {
      const member = now.find(({ id }) => id === user);
      if (member === undefined) return 'no_member' as const;
      if (member.role === role) return 'done' as const;
      const isLast = member.role === 'admin' && !now.some(({ id, role: other }) => id !== user && other === 'admin');
      return isLast ? 'last_admin' as const : { role };
    });
    return refusal ?? 'done';
  };

  return {
    members,
    setRole: replace,
    remove: (company, user) => replace(company, user, null),

    async join(company, user, asked) {
      await change(company, user, (now) => {
        const role = now.length === 0 ? 'admin' : asked;
        const held = now.find(({ id }) => id === user)?.role;
        const isHigher = held === undefined || ROLES.indexOf(role) < ROLES.indexOf(held);
        return isHigher ? { role } : 'joined';
      });
    },

    async lastOpened(user) {
      return ((await users.findById(user, { lastOpened: 1 }).lean<UserDocument>())?.lastOpened ?? null) as Tenant | null;
    },

    async opened(user, company) {
      await users.updateOne({ _id: user }, { $set: { lastOpened: company } });
    },

    async wantsMail(company, user) {
      return (await users.countDocuments({ _id: user, unmailed: company })) === 0;
    },

    async setMail(company, user, wanted) {
      await users.updateOne({ _id: user }, wanted ? { $pull: { unmailed: company } } : { $addToSet: { unmailed: company } });
    },
  };
}
