import type { Connection } from 'mongoose';
import { ROLES, type Role, type User } from '../core/company.ts';
import type { Random, Users } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { isDuplicateKey } from './documents.ts';
import { userModel } from './models.ts';

interface UserDocument {
  readonly _id: string;
  readonly sub: string;
  readonly email: string;
  readonly name: string;
  readonly memberships: Readonly<Record<string, Role>>;
}

/** Decides, once and for all, whether this user is the first member of the company. */
export type Found = (company: Tenant, user: string) => Promise<boolean>;

/** The people who signed in with Intuit, in the collection `users`. */
export function openUsers(connection: Connection, random: Random, isFounder: Found): Users {
  const users = userModel<UserDocument>(connection);
  const get = async (id: string) => {
    const document = await users.findById(id).lean<UserDocument>();
    return document && userOf(document);
  };

  return {
    get,

    async signIn({ sub, email, name }) {
      const update = { $set: { email, name }, $setOnInsert: { _id: random.hex(12), memberships: {} } };
      const store = () => users.findOneAndUpdate({ sub }, update, { upsert: true, returnDocument: 'after' }).lean<UserDocument>();
      const document = await store().catch((error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
        // Signed in twice at once: the other one created the user.
        return store();
      });
      return userOf(document);
    },

    async join(id, company, asked) {
      const role = (await isFounder(company, id)) ? 'admin' : asked;
      const membership = `memberships.${company}`;
      // A role is raised by joining again, never lowered.
      const lower = [null, ...ROLES.slice(ROLES.indexOf(role) + 1)];
      await users.updateOne({ _id: id, [membership]: { $in: lower } }, { $set: { [membership]: role } });
      const user = await get(id);
      if (!user) throw new Error('A user who does not exist cannot join a company.');
      return user;
    },
  };
}

function userOf({ _id, sub, email, name, memberships }: UserDocument): User {
  const entries = Object.entries(memberships) as [Tenant, Role][];
  return { id: _id, sub, email, name, memberships: entries.map(([company, role]) => ({ company, role })) };
}
