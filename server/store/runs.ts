import type { Connection, Model } from 'mongoose';
import { runs as schema } from '../../models/runs.ts';
import type { Random, Runs } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { NO_RUN_COUNTS, OPEN_WINDOWS, type Run, type RunState } from '../core/run.ts';
import { isDuplicateKey, type Filter } from './documents.ts';
import { tenantModel } from './models.ts';
import { ACROSS_COMPANIES } from './tenancy.ts';

interface RunDocument extends Omit<Run, 'id' | 'asked' | 'lease'> {
  readonly _id: string;
  readonly asked: readonly string[];
  readonly fence: number;
  readonly lease: { readonly owner: string; readonly until: Date } | null;
}

/** The highest fencing token a company's runs have had, kept with the company. */
export interface Fences {
  highest(company: Tenant): Promise<number>;
  raise(company: Tenant, fence: number): Promise<void>;
}

const NEW = {
  state: 'queued', active: true, taken: 0, startedAt: null, endedAt: null, total: 0, counts: NO_RUN_COUNTS,
  batchesSent: 0, callsSent: 0, waiting: null, problem: null, lease: null, windows: OPEN_WINDOWS,
} as const satisfies Partial<RunDocument>;

const TO_BE_WORKED_ON = ['queued', 'running', 'waiting', 'cancelling'] satisfies RunState[];
/** What a person asked for; a worker that has not noticed yet must not write over it. */
const WISHED = ['paused', 'cancelling'] satisfies RunState[];

const WISHES = {
  pause: { from: ['queued', 'running', 'waiting'], to: 'paused' },
  resume: { from: ['paused', 'halted'], to: 'queued' },
  cancel: { from: ['queued', 'running', 'waiting', 'paused', 'halted'], to: 'cancelling' },
} as const satisfies Record<string, { from: readonly RunState[]; to: RunState }>;

/** No live lease, by the database's clock: ours may be minutes off (engineering.md §3.2). */
const NOT_HELD: Filter = { $or: [{ lease: null }, { $expr: { $lte: ['$lease.until', '$$NOW'] } }] };

/** The pushes, in the collection `runs`. Each decision is one compare-and-set on one document. */
export function openRuns(connection: Connection, random: Random, fences: Fences): Runs {
  const runs: Model<RunDocument> = tenantModel<RunDocument>(connection, schema);

  const find = async (query: Filter) => {
    const document = await runs.findOne(query).lean<RunDocument>();
    return document && runOf(document);
  };
  const update = async (query: Filter, change: Filter | Filter[]) => {
    const options = { returnDocument: 'after', updatePipeline: Array.isArray(change) } as const;
    const document = await runs.findOneAndUpdate(query, change, options).lean<RunDocument>();
    return document && runOf(document);
  };
  const underLease = (company: Tenant, id: string, fence: number): Filter =>
    ({ company, _id: id, fence, active: true, lease: { $ne: null } });

  return {
    async start(company, by, wish, at) {
      try {
        const fence = await fences.highest(company);
        const asked = [JSON.stringify(wish)];
        const fresh: RunDocument = { ...NEW, _id: random.hex(12), company, by, asked, queuedAt: at, fence };
        await runs.create(fresh);
        return runOf(fresh);
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return null;
      }
    },

    get: (company, id) => find({ company, _id: id }),
    active: (company) => find({ company, active: true }),

    async recent(company, limit) {
      return (await runs.find({ company }).sort({ queuedAt: -1, _id: -1 }).limit(limit).lean<RunDocument[]>()).map(runOf);
    },

    async unheld(limit) {
      const query = { active: true, state: { $in: TO_BE_WORKED_ON }, ...NOT_HELD };
      const found = await runs
        .find(query, { company: 1 })
        .setOptions({ [ACROSS_COMPANIES]: true })
        .sort({ queuedAt: 1 })
        .limit(limit)
        .lean<Pick<RunDocument, '_id' | 'company'>[]>();
      return found.map(({ _id, company }) => ({ id: _id, company }));
    },

    async acquire(company, id, owner, ms) {
      const lease = { owner: { $literal: owner }, until: { $add: ['$$NOW', ms] } };
      const taken = [{ $set: { fence: { $add: ['$fence', 1] }, lease } }];
      const run = await update({ company, _id: id, active: true, ...NOT_HELD }, taken);
      if (run?.lease) await fences.raise(company, run.lease.fence);
      return run;
    },

    renew: (company, id, fence, ms, windows) =>
      update(underLease(company, id, fence), [
        { $set: { 'lease.until': { $add: ['$$NOW', ms] }, windows: { $literal: windows } } },
      ]),

    async write(company, id, fence, { state, ...facts }) {
      const literal = Object.fromEntries(Object.entries(facts).map(([field, value]) => [field, { $literal: value }]));
      const next = state === undefined ? {} : { state: { $cond: [{ $in: ['$state', WISHED] }, '$state', state] } };
      const change = [{ $set: { ...literal, ...next } }];
      const { matchedCount } = await runs.updateOne(underLease(company, id, fence), change, { updatePipeline: true });
      return matchedCount === 1;
    },

    async add(company, id, fence, { counts = {}, ...totals }) {
      const byOutcome = Object.entries(counts).map(([outcome, count]) => [`counts.${outcome}`, count]);
      const $inc = Object.fromEntries([...byOutcome, ...Object.entries(totals)]);
      const { matchedCount } = await runs.updateOne(underLease(company, id, fence), { $inc });
      return matchedCount === 1;
    },

    ask: (company, id, asked) => update({ company, _id: id, active: true }, { $push: { asked: JSON.stringify(asked) } }),

    async end(company, id, fence, { state, problem, at, asked }) {
      const ended = { state, problem, endedAt: at, active: false, lease: null, waiting: null };
      const query = { ...underLease(company, id, fence), asked: { $size: asked } };
      const { matchedCount } = await runs.updateOne(query, { $set: ended });
      return matchedCount === 1;
    },

    async handOver(company, id, fence) {
      await runs.updateOne({ company, _id: id, fence }, { $set: { lease: null } });
    },

    wish(company, id, wish) {
      const { from, to } = WISHES[wish];
      const query = { company, _id: id, active: true, state: { $in: [...from] } };
      return update(query, { $set: { state: to, waiting: null, problem: null } });
    },
  };
}

function runOf({ _id, fence, asked, lease, ...run }: RunDocument): Run {
  return { ...run, id: _id, asked: asked.map((text) => JSON.parse(text)), lease: lease && { ...lease, fence } };
}
