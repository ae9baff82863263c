import type { Connection } from 'mongoose';
import { views as schema } from '../../models/views.ts';
import { fold } from '../core/names.ts';
import type { Random } from '../core/ports.ts';
import { MOST_VIEWS, type SavedViews } from '../core/views.ts';
import { isDuplicateKey } from './documents.ts';
import { tenantModel } from './models.ts';

interface ViewDocument {
  readonly _id: string;
  readonly company: string;
  readonly user: string;
  readonly name: string;
  readonly nameKey: string;
  readonly search: string;
}

/** What people saved of the staging screen, in the collection `views`. */
export function openViews(connection: Connection, random: Random): SavedViews {
  const views = tenantModel<ViewDocument>(connection, schema);

  return {
    async of(company, user) {
      const found = await views.find({ company, user }).sort({ nameKey: 1 }).limit(MOST_VIEWS).lean<ViewDocument[]>();
      return found.map(({ _id: id, name, search }) => ({ id, name, search }));
    },

    async save(company, user, { name, search }) {
      const own = { company, user, nameKey: fold(name) };
      const { matchedCount } = await views.updateOne(own, { $set: { name, search } });
      if (matchedCount === 1) return null;
      if ((await views.countDocuments({ company, user })) >= MOST_VIEWS) return 'full';
      const store = () => views.updateOne(own, { $set: { name, search }, $setOnInsert: { _id: random.hex(12) } }, { upsert: true });
      // Saved twice at once: the other one made it.
      await store().catch((error: unknown) => (isDuplicateKey(error) ? store() : Promise.reject(error)));
      return null;
    },

    async rename(company, user, id, name) {
      try {
        await views.updateOne({ company, user, _id: id }, { $set: { name, nameKey: fold(name) } });
        return null;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return 'taken';
      }
    },

    async remove(company, user, id) {
      await views.deleteOne({ company, user, _id: id });
    },
  };
}
