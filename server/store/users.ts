import type { Connection } from 'mongoose';
import type { Role, User } from '../core/company.ts';
import type { Random, Users } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { isDuplicateKey } from './documents.ts';
import { userModel } from './models.ts';
import type { Join } from './team.ts';

export interface UserDocument {
  readonly _id: string;
  readonly sub: string;
  readonly email: string;
  readonly name: string;
  readonly memberships: Readonly<Record<string, Role>>;
  readonly lastOpened?: string;
}

/** The people who signed in with Intuit, in the collection `users`. */
export function openUsers(connection: Connection, random: Random, join: Join): Users {
  const users = userModel<UserDocument>(connection);
  const get = async (id: string) => {
    const document = await users.findById(id).lean<UserDocument>();
    return document && userOf(document);
  };

  return {
    get,

    async signIn({ sub, email, name }) {
      const update = { $set: { email, name }, $setOnInsert: { _id: random.hex(12), memberships: {}, decided: {}, unmailed: [] } };
      const store = () => users.findOneAndUpdate({ sub }, update, { upsert: true, returnDocument: 'after' }).lean<UserDocument>();
      const document = await store().catch((error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
        // Signed in twice at once: the other one created the user.
        return store();
      });
      return userOf(document);
    },

    async join(id, company, asked) {
      await join(company, id, asked);
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
