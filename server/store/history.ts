import type { Connection } from 'mongoose';
import { history as schema } from '../../models/history.ts';
import type { History } from '../core/ports.ts';
import type { Fact, Tenant } from '../core/records.ts';
import { CHUNK, chunks, exchangeOf, isDuplicateKey, keyOf, storedExchange, TYPED, type Filter, type StoredExchange } from './documents.ts';
import { gathered } from './gathering.ts';
import { tenantModel } from './models.ts';

interface FactDocument extends Omit<Fact, 'id' | 'exchange'> {
  readonly _id: string;
  readonly company: Tenant;
  readonly factId: string;
  readonly exchange: StoredExchange | null;
}

/** The facts about each record, in the collection `history`. */
export function openHistory(connection: Connection): History {
  const history = tenantModel<FactDocument>(connection, schema);
  const insert = gathered(async (documents: FactDocument[]) => {
    const operations = documents.map((document) => ({ insertOne: { document } }));
    await history.bulkWrite(operations, TYPED).catch((error: unknown) => {
      // Was there already, and stays.
      if (!isDuplicateKey(error)) throw error;
    });
  });

  return {
    async add(company, facts) {
      for (const part of chunks(facts, CHUNK)) await insert(company, part.map((fact) => documentOf(company, fact)));
    },

    async of(company, record, { limit, before, kinds = [] }) {
      const query: Filter = { company, record };
      // Facts of one moment stand in the order of their ids, so that a page's end parts none of them.
      if (before !== undefined) query['$or'] = [{ at: { $lt: before.at } }, { at: before.at, _id: { $lt: keyOf(company, before.id) } }];
      if (kinds.length > 0) query['kind'] = { $in: [...kinds] };
      return (await history.find(query).sort({ at: -1, _id: -1 }).limit(limit).lean<FactDocument[]>()).map(factOf);
    },

    async lastExchange(company, record) {
      const [newest] = await history.find({ company, record, exchange: { $ne: null } }, { exchange: 1 }).sort({ at: -1, _id: -1 }).limit(1).lean<FactDocument[]>();
      return newest?.exchange ? exchangeOf(newest.exchange) : null;
    },

    async *ofRun(company, run) {
      const all = history.find({ company, run }).sort({ at: 1, _id: 1 }).lean<FactDocument[]>();
      for await (const document of all.cursor()) yield factOf(document);
    },
  };
}

function documentOf(company: Tenant, { id, record, at, by, kind, changes, run, exchange, problem }: Fact): FactDocument {
  return { _id: keyOf(company, id), company, factId: id, record, at, by, kind, changes, run, exchange: exchange && storedExchange(exchange), problem };
}

function factOf({ _id: _key, company: _company, factId, exchange, ...fact }: FactDocument): Fact {
  return { ...fact, id: factId, exchange: exchange && exchangeOf(exchange) };
}
