import type { Connection, Model } from 'mongoose';
import { companies as schema } from '../../models/companies.ts';
import type { LinarcHook, Round, Rounds, RoundTimes, Upkeep } from '../core/fresh.ts';
import type { Tenant } from '../core/records.ts';
import { REALM } from './companies.ts';
import { CHUNK, chunks, type Filter } from './documents.ts';
import { tenantModel } from './models.ts';
import type { Seals } from './sealing.ts';
import { ACROSS_COMPANIES } from './tenancy.ts';

/** The part of a company's document that keeps it fresh; the webhook's secret is sealed. */
interface RoundsDocument {
  readonly _id: Tenant;
  readonly realm: string;
  readonly realmHash: string;
  readonly hook: LinarcHook | null;
  readonly rounds: Partial<Upkeep>;
}

const SECRET = 'Linarc webhook secret';

/** Whose round it may be at all. */
const WANTED: Readonly<Record<Round, Filter>> = {
  look: {
    linarc: { $ne: null },
    'settings.costCodes': true,
    $or: [{ 'settings.autoCreate': true }, { 'settings.autoUpdate': true }],
  },
  sweep: { connection: 'connected', classesReadAt: { $ne: null } },
  notice: { connection: { $ne: 'disconnected' } },
  apply: { 'rounds.toApply': { $gt: new Date(0) } },
};

const BEGUN: Readonly<Record<Round, string>> = {
  look: 'rounds.lookBegunAt', sweep: 'rounds.sweepBegunAt', notice: 'rounds.noticeBegunAt', apply: 'rounds.applyBegunAt',
};
/** The notice round has no end to remember; after the one that applies settings nothing is to be applied. */
const DONE: Readonly<Record<Round, string | null>> = { look: 'rounds.lookedAt', sweep: 'rounds.sweptAt', notice: null, apply: null };

/** What is done for each company by itself, in the collection `companies`. */
export function openRounds(connection: Connection, seals: Seals): Rounds {
  const name = String(schema.get('collection'));
  const companies: Model<RoundsDocument> = connection.models[name] ?? tenantModel<RoundsDocument>(connection, schema);
  const read = (company: string) =>
    companies.findOne({ _id: company } as Filter, { hook: 1, rounds: 1 }).lean<Pick<RoundsDocument, '_id' | 'hook' | 'rounds'>>();

  return {
    async due(round, before, limit) {
      const found = await companies
        .find(dueFor(round, before), { _id: 1 })
        .setOptions({ [ACROSS_COMPANIES]: true })
        .sort({ [BEGUN[round]]: 1, _id: 1 })
        .limit(limit)
        .lean<Pick<RoundsDocument, '_id'>[]>();
      return found.map(({ _id }) => _id);
    },

    async begin(company, round, before, at) {
      const due: Filter = { _id: company, ...dueFor(round, before) };
      const { matchedCount } = await companies.updateOne(due, { $set: { [BEGUN[round]]: at } });
      return matchedCount === 1;
    },

    async upkeep(company) {
      const document = await read(company);
      if (!document) return null;
      const { lookedAt = null, lookedFullyAt = null, sweptAt = null, trouble = null, toApply = null } = document.rounds ?? {};
      return { lookedAt, lookedFullyAt, sweptAt, trouble, toApply };
    },

    async save(company, change) {
      const fields = Object.fromEntries(Object.entries(change).map(([field, value]) => [`rounds.${field}`, value]));
      await companies.updateOne({ _id: company }, { $set: fields });
    },

    async askToApply(company, at) {
      await companies.updateOne({ _id: company }, { $set: { 'rounds.toApply': at, 'rounds.applyBegunAt': null } });
    },

    async applied(company, asked) {
      await companies.updateOne({ _id: company, 'rounds.toApply': asked } as Filter, { $set: { 'rounds.toApply': null } });
    },

    async hook(company) {
      const document = await read(company);
      if (!document?.hook) return null;
      const { _id: found, hook } = document;
      return { ...hook, secret: seals.open(found, SECRET, hook.secret), company: found };
    },

    async saveHook(company, hook) {
      const sealed = hook && { ...hook, secret: seals.seal(company, SECRET, hook.secret) };
      await companies.updateOne({ _id: company }, { $set: { hook: sealed } });
    },

    async ofRealms(realmIds) {
      const asked = new Map<string, string>();
      for (const realmId of realmIds) for (const digest of seals.digests(REALM, realmId)) asked.set(digest, realmId);
      const found = new Map<string, Tenant>();
      for (const part of chunks([...asked.keys()], CHUNK)) {
        const documents = await companies
          .find({ realmHash: { $in: part } }, { realmHash: 1 })
          .lean<Pick<RoundsDocument, '_id' | 'realmHash'>[]>();
        for (const { _id, realmHash } of documents) found.set(asked.get(realmHash) ?? '', _id);
      }
      return found;
    },
  };
}

function dueFor(round: Round, { begunBefore, doneBefore }: RoundTimes): Filter {
  const done = DONE[round];
  const rested = done === null ? {} : { [done]: { $not: { $gt: doneBefore } } };
  return { ...WANTED[round], [BEGUN[round]]: { $not: { $gt: begunBefore } }, ...rested };
}
