import type { Connection } from 'mongoose';
import { intents as schema } from '../../models/intents.ts';
import type { Intents } from '../core/ports.ts';
import type { Intent, IntendedBatch, Tenant } from '../core/records.ts';
import { keyOf, TYPED } from './documents.ts';
import { gathered } from './gathering.ts';
import { tenantModel } from './models.ts';

interface IntentsDocument extends Omit<IntendedBatch, 'items'> {
  readonly _id: string;
  readonly company: Tenant;
  readonly items: string;
}

/** The batches under way, in the collection `intents`: one document for a batch, as it is written on the way to every request. */
export function openIntents(connection: Connection): Intents {
  const intents = tenantModel<IntentsDocument>(connection, schema);
  const write = gathered((operations: Parameters<typeof intents.bulkWrite>[0]) => intents.bulkWrite(operations, TYPED));

  return {
    async store(company, { requestid, run, fence, items }) {
      const fields = { run, requestid, fence, items: JSON.stringify(items) };
      await write(company, [{ updateOne: { filter: { _id: keyOf(company, requestid), company }, update: { $set: fields }, upsert: true } }]);
    },

    async of(company, run) {
      const found = await intents.find({ company, run }).sort({ fence: 1 }).lean<IntentsDocument[]>();
      return found.map(({ requestid, fence, items }) => ({ requestid, run, fence, items: itemsIn(items) }));
    },

    async drop(company, { requestid, fence }) {
      await write(company, [{ deleteOne: { filter: { _id: keyOf(company, requestid), company, fence } } }]);
    },
  };
}

function itemsIn(text: string): IntendedBatch['items'] {
  const items = JSON.parse(text) as { record: string; intent: Omit<Intent, 'sentAt'> & { sentAt: string } }[];
  return items.map(({ record, intent }) => ({ record, intent: { ...intent, sentAt: new Date(intent.sentAt) } }));
}
