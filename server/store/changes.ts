import type { Connection } from 'mongoose';
import { changes as schema } from '../../models/changes.ts';
import type { Changes, Teller, ToldChange } from '../core/fresh.ts';
import type { Random } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { CHUNK, chunks, isDuplicateKey, type Filter } from './documents.ts';
import { tenantModel } from './models.ts';
import { ACROSS_COMPANIES } from './tenancy.ts';

interface ChangeDocument extends Omit<ToldChange, 'id'> {
  readonly _id: string;
  readonly company: Tenant;
  readonly eventId: string;
  readonly toldAt: Date;
  readonly open: boolean;
  readonly due: Date;
  readonly tries: number;
  readonly stamp: string | null;
  readonly settledAt: Date | null;
}

type Keyed = Pick<ChangeDocument, '_id'>;

const OLDEST = { toldAt: 1, _id: 1 } as const;
/** Due whatever the clocks say. */
const AT_ONCE = new Date(0);
const FRESH = { open: true, due: AT_ONCE, tries: 0, stamp: null, settledAt: null } as const satisfies Partial<ChangeDocument>;
/**
 * By the database's clock: ours may be minutes off (engineering.md §3.2). Within $or, as not every server takes $$NOW beside an
 * index.
 */
const DUE: Filter = { open: true, $or: [{ due: AT_ONCE }, { $expr: { $lte: ['$due', '$$NOW'] } }] };

/** What was told and by whom, in the collection `changes`. */
export function openChanges(connection: Connection, random: Random): Changes {
  const changes = tenantModel<ChangeDocument>(connection, schema);
  const dueIn = (ms: number) => [{ $set: { due: { $add: ['$$NOW', ms] } } }];

  return {
    async tell(company, told, at) {
      let added = 0;
      for (const part of chunks(told, CHUNK)) {
        const operations = part.map(({ id, teller, subject, kind, into }) => ({
          updateOne: {
            filter: { _id: keyOf(company, teller, id), company },
            update: { $setOnInsert: { ...FRESH, teller, eventId: id, subject, kind, toldAt: at, ...(into === undefined ? {} : { into }) } },
            upsert: true,
          },
        }));
        added += await changes.bulkWrite(operations, { ordered: false }).then(
          ({ upsertedCount }) => upsertedCount,
          (error: unknown) => {
            // Told twice at the same moment: the other one keeps it.
            if (!isDuplicateKey(error)) throw error;
            return (error as { result?: { upsertedCount?: number } }).result?.upsertedCount ?? 0;
          },
        );
      }
      return added;
    },

    async take(company, teller, limit, ms) {
      const stamp = random.hex(8);
      const open = await changes.find({ company, teller, ...DUE }, { _id: 1 }).sort(OLDEST).limit(limit).lean<Keyed[]>();
      if (open.length === 0) return [];
      const mine: Filter = { company, _id: { $in: open.map(({ _id }) => _id) } };
      const held = [{ $set: { due: { $add: ['$$NOW', ms] }, stamp: { $literal: stamp }, tries: { $add: ['$tries', 1] } } }];
      await changes.updateMany({ ...mine, ...DUE }, held, { updatePipeline: true });
      const taken = await changes.find({ ...mine, stamp }).sort(OLDEST).lean<ChangeDocument[]>();
      return taken.map(({ eventId, teller, subject, kind, into, tries }) => (
        { id: eventId, teller, subject, kind, tries: tries - 1, ...(into === undefined ? {} : { into }) }
      ));
    },

    async settle(company, teller, ids, at) {
      for (const part of chunks(ids, CHUNK)) {
        const these: Filter = { company, _id: { $in: keysOf(company, teller, part) } };
        await changes.updateMany(these, { $set: { open: false, settledAt: at } });
      }
    },

    async putOff(company, teller, ids, ms) {
      for (const part of chunks(ids, CHUNK)) {
        const these: Filter = { company, _id: { $in: keysOf(company, teller, part) }, open: true };
        await changes.updateMany(these, dueIn(ms), { updatePipeline: true });
      }
    },

    async waiting(limit) {
      const found = await changes
        .find(DUE, { company: 1 })
        .setOptions({ [ACROSS_COMPANIES]: true })
        .sort({ toldAt: 1 })
        .limit(10 * limit)
        .lean<Pick<ChangeDocument, '_id' | 'company'>[]>();
      return [...new Set(found.map(({ company }) => company))].slice(0, limit);
    },
  };
}

function keyOf(company: Tenant, teller: Teller, id: string): string {
  return `${company}:${teller}:${id}`;
}

function keysOf(company: Tenant, teller: Teller, ids: readonly string[]): string[] {
  return ids.map((id) => keyOf(company, teller, id));
}
