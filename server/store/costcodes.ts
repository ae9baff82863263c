import type { Connection, Model } from 'mongoose';
import { costcodes as schema } from '../../models/costcodes.ts';
import { sortKey } from '../core/names.ts';
import type { CostCodes, GuardedChange, Random, StagedDraft } from '../core/ports.ts';
import { problem, type ProblemCode } from '../core/problems.ts';
import type { RecordStatus, StagedRecord, Tenant } from '../core/records.ts';
import { NO_RUN_COUNTS, type RunOutcome } from '../core/run.ts';
import type { RecordOrder } from '../core/selection.ts';
import { Claim } from './claiming.ts';
import {
  CHUNK, chunks, fieldsOfChange, fieldsOfDraft, isDuplicateKey, recordOf, TYPED, UNTOUCHED, type CostCodeDocument, type Filter,
} from './documents.ts';
import { gathered } from './gathering.ts';
import { tenantModel } from './models.ts';
import { matching, parts, reversed, selected, sortOf } from './selecting.ts';

type Records = Model<CostCodeDocument>;
type Operation = Parameters<Records['bulkWrite']>[0][number];
/** Says whether all took effect, of these operations and of those that left with them. */
type WriteAll = (company: Tenant, operations: readonly Operation[]) => Promise<boolean>;

/** Narrows nothing, but lets the indexes that begin with company and `hidden` answer. */
const EITHER = { $in: [false, true] } as const;
const IN_ORDER = { sortKey: 1, _id: 1 } as const;
/** From here on a page is looked for from the nearer end of the list, as a database walks over all that is skipped. */
const DEEP = 1_000;

/** The staged records, in the collection `costcodes`. */
export function openCostCodes(connection: Connection, random: Random): CostCodes {
  const records: Records = tenantModel<CostCodeDocument>(connection, schema);
  const writeAll = gathered((operations: Operation[]) => writeTogether(records, operations));

  return {
    async get(company, id) {
      const document = await records.findOne({ company, _id: id }).lean<CostCodeDocument>();
      return document && recordOf(document);
    },
    byIds: (company, ids) => findIn(records, { company }, '_id', ids),
    async versions(company, ids) {
      const found = new Map<string, number>();
      for (const part of chunks([...new Set(ids)], CHUNK)) {
        const documents = await records.find({ company, _id: { $in: part } }, { version: 1 }).lean<Pick<CostCodeDocument, '_id' | 'version'>[]>();
        for (const { _id, version } of documents) found.set(_id, version);
      }
      return found;
    },
    byLinarcIds: (company, linarcIds) => findIn(records, { company }, 'linarcId', linarcIds),

    async page(company, filter, order, offset, limit) {
      const query = matching(company, filter);
      const list = async (inOrder: RecordOrder, skip: number, size: number) => (
        await records.find(query).sort(sortOf(inOrder)).skip(skip).limit(size).lean<CostCodeDocument[]>()
      ).map(recordOf);
      if (offset < DEEP) {
        const [found, total] = await Promise.all([list(order, offset, limit), records.countDocuments(query)]);
        return { records: found, total };
      }
      const total = await records.countDocuments(query);
      const size = Math.min(limit, total - offset);
      if (size <= 0) return { records: [], total };
      const behind = total - offset - size;
      return { records: behind < offset ? (await list(reversed(order), behind, size)).reverse() : await list(order, offset, size), total };
    },

    async counts(company) {
      const { excluded, ...byStatus } = await tally(records, [{ company, hidden: EITHER }]);
      return { total: Object.values(byStatus).reduce((sum, count) => sum + count, 0), byStatus, excluded };
    },

    async causes(company) {
      const groups = await records.aggregate<{ _id: { status: RecordStatus; code: ProblemCode }; count: number }>([
        { $match: { company, hidden: false, 'problem.code': { $gt: '' } } },
        { $group: { _id: { status: '$status', code: '$problem.code' }, count: { $sum: 1 } } },
      ]);
      return groups.flatMap(({ _id: { status, code }, count }) => (status === 'failed' || status === 'needs_action' ? [{ status, code, count }] : [])).sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
    },

    async divisions(company) {
      const groups = await records.aggregate<{ _id: { code: string; status: RecordStatus; name: string }; count: number }>([
        { $match: { company, hidden: false, 'source.divisionCode': { $gt: '' } } },
        { $group: { _id: { code: '$source.divisionCode', status: '$status', name: '$source.divisionName' }, count: { $sum: 1 } } },
      ]);
      const found = new Map<string, { code: string; name: string; byStatus: Record<RecordStatus, number> }>();
      for (const { _id: { code, status, name }, count } of groups) {
        const one = found.get(code) ?? { code, name, byStatus: { needs_sync: 0, needs_action: 0, syncing: 0, synced: 0, failed: 0 } };
        if (name > one.name) one.name = name;
        one.byStatus[status] += count;
        found.set(code, one);
      }
      return [...found.values()].sort((a, b) => (sortKey(a.code, '') < sortKey(b.code, '') ? -1 : 1));
    },

    async taskTypes(company) {
      const types: unknown[] = await records.distinct('source.taskType', { company, hidden: EITHER });
      return types.filter((type): type is string => typeof type === 'string' && type !== '').sort();
    },

    async *stream(company, selection, order) {
      const all = records.find(selected(company, selection)).sort(order === undefined ? IN_ORDER : sortOf(order)).lean<CostCodeDocument[]>();
      for await (const document of all.cursor()) yield recordOf(document);
    },

    async stage(company, drafts) {
      const missed: StagedDraft[] = [];
      for (const part of chunks(drafts, CHUNK)) missed.push(...(await stageSome(records, writeAll, random, company, part)));
      return missed;
    },

    async byKeys(company, { codeKeys, wantedKeys }) {
      const present: Filter = { company, hidden: false, goneAt: null };
      const found = await Promise.all([
        findIn(records, present, 'codeKey', codeKeys),
        findIn(records, present, 'wantedKey', wantedKeys),
      ]);
      return [...new Map(found.flat().map((record) => [record.id, record])).values()];
    },

    async *linarcIds(company) {
      const all = records.find({ company, kind: 'cost_code' }, { linarcId: 1 }).lean<Pick<CostCodeDocument, 'linarcId'>[]>();
      for await (const { linarcId } of all.cursor()) yield linarcId;
    },

    async change(company, id, version, change) {
      const document = await records
        .findOneAndUpdate({ company, _id: id, version, run: null }, written(fieldsOfChange(change)), { returnDocument: 'after' })
        .lean<CostCodeDocument>();
      return document && recordOf(document);
    },

    async retire(company, prefix, excluded) {
      const own: Filter = { company, kind: 'cost_code', run: null, linarcId: { $not: /:/ } };
      const all = await records.find(own, { linarcId: 1 }).lean<Pick<CostCodeDocument, '_id' | 'linarcId'>[]>();
      for (const part of chunks(all, CHUNK)) {
        await records.bulkWrite(part.map(({ _id, linarcId }) => ({
          updateOne: {
            filter: { company, _id, linarcId, run: null },
            update: written({ ...fieldsOfChange({ ...RETIRED, excluded, goneAt: excluded.at, linarcId: `${prefix}${linarcId}` }) }),
          },
        })), { ordered: false });
      }
      return all.length;
    },

    async linkedTo(company, classIds) {
      const linked = new Map<string, string[]>();
      for (const part of chunks([...new Set(classIds)], CHUNK)) {
        const query = { company, 'link.id': { $in: part } };
        const documents = await records.find(query, { 'link.id': 1 }).sort({ _id: 1 }).lean<LinkOnly[]>();
        for (const { _id, link } of documents) linked.set(link.id, [...(linked.get(link.id) ?? []), _id]);
      }
      return linked;
    },

    claim: (company, run, under, asked) => new Claim(records, company, run, under, asked).all(),

    async adopt(company, run, fence, { fence: former, items }) {
      const operations = items.map(({ record, intent }) => ({
        updateOne: {
          filter: { company, _id: record, 'run.id': run, 'run.fence': former },
          update: { $set: { ...fieldsOfChange({ intent }), 'run.look': true, 'run.notBefore': null, 'run.fence': fence }, $inc: { version: 1, 'run.attempts': 1 } },
        },
      }));
      await records.bulkWrite(operations, TYPED);
    },

    async refence(company, run, fence) {
      await records.updateMany({ company, 'run.id': run, 'run.fence': { $lt: fence } }, written({ 'run.fence': fence }));
    },

    tally: (company, selection) => tally(records, parts(selection).map((part) => selected(company, part))),

    async openLevel(company, run, fence) {
      const first = await records.findOne({ company, 'run.id': run, 'run.fence': fence }, { level: 1 }).sort({ level: 1 }).lean<Pick<CostCodeDocument, 'level'>>();
      return first?.level ?? null;
    },

    async nextInRun(company, run, fence, { level, now, after, limit }) {
      const query: Filter = { company, 'run.id': run, 'run.fence': fence, level, 'run.notBefore': { $not: { $gt: now } } };
      const last = after !== null && (await records.findOne({ company, _id: after }, { sortKey: 1 }).lean<CostCodeDocument>());
      // The first alone lets an index begin there.
      if (last) Object.assign(query, { sortKey: { $gte: last.sortKey }, $or: [{ sortKey: { $gt: last.sortKey } }, { _id: { $gt: after } }] });
      return (await records.find(query).sort(IN_ORDER).limit(limit).batchSize(limit).lean<CostCodeDocument[]>()).map(recordOf);
    },

    openInRun: (company, run) => records.countDocuments({ company, 'run.id': run }),

    async nextDue(company, run) {
      const [first] = await records.aggregate<{ due: Date | null }>([{ $match: { company, 'run.id': run } }, { $group: { _id: null, due: { $min: '$run.notBefore' } } }]);
      return first?.due ?? null;
    },

    async writeInRun(company, run, fence, changes) {
      const missed: string[] = [];
      for (const part of chunks(changes, CHUNK)) {
        missed.push(...(await writeSome(records, writeAll, random, company, { run, fence }, part)));
      }
      return { missed };
    },

    async settledIn(company, run) {
      const groups = await records.aggregate<{ _id: RunOutcome; count: number }>([
        { $match: { company, 'settledIn.run': run } },
        { $group: { _id: '$settledIn.outcome', count: { $sum: 1 } } },
      ]);
      const { released: _released, ...none } = NO_RUN_COUNTS;
      return { ...none, ...Object.fromEntries(groups.map(({ _id: outcome, count }) => [outcome, count])) };
    },

    async release(company, run, fence) {
      const back = [{ $set: { status: '$run.was', run: null, version: { $add: ['$version', 1] } } }];
      const held = { company, 'run.id': run, 'run.fence': fence };
      const { modifiedCount } = await records.updateMany(held, back, { updatePipeline: true });
      return modifiedCount;
    },
  };
}

/** What is left of a record whose Linarc company is linked no more. */
const RETIRED = { status: 'needs_action', problem: problem('gone_from_linarc'), link: null, accepted: null, overwrite: null, intent: null, syncedAt: null } as const;

interface LinkOnly {
  readonly _id: string;
  readonly link: { readonly id: string };
}

type Tally = Record<RecordStatus | 'excluded', number>;

/** How many records these queries find, by status; one index holds all that is asked for. */
async function tally(records: Records, queries: readonly Filter[]): Promise<Tally> {
  const counts: Tally = { needs_sync: 0, needs_action: 0, syncing: 0, synced: 0, failed: 0, excluded: 0 };
  for (const query of queries) {
    const groups = await records.aggregate<{ _id: { hidden: boolean; status: RecordStatus }; count: number }>([
      { $match: query },
      { $group: { _id: { hidden: '$hidden', status: '$status' }, count: { $sum: 1 } } },
    ]);
    for (const { _id, count } of groups) counts[_id.hidden ? 'excluded' : _id.status] += count;
  }
  return counts;
}

/** An update that sets these fields and counts itself. */
function written(fields: Filter): Filter {
  return { $set: fields, $inc: { version: 1 } };
}

async function findIn(records: Records, query: Filter, field: string, values: readonly string[]): Promise<StagedRecord[]> {
  const found: StagedRecord[] = [];
  for (const part of chunks([...new Set(values)], CHUNK)) {
    const documents = await records.find({ ...query, [field]: { $in: part } }).sort(IN_ORDER).batchSize(CHUNK).lean<CostCodeDocument[]>();
    found.push(...documents.map(recordOf));
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------------------- bulk writes

/**
 * New records are inserted unless one of the same linarcId is there; the others are updated over their version.
 * Returns those left out.
 */
async function stageSome(
  records: Records,
  writeAll: WriteAll,
  random: Random,
  company: Tenant,
  drafts: readonly StagedDraft[],
): Promise<StagedDraft[]> {
  const stamp = random.hex(8);
  const operations = drafts.map((draft) => {
    const fields = { ...fieldsOfDraft(draft), stamp };
    const { linarcId, over } = draft;
    if (over !== null) return { updateOne: { filter: { company, linarcId, version: over }, update: written(fields) } };
    const added = { _id: random.hex(12), ...UNTOUCHED, ...fields, version: 1 };
    return { updateOne: { filter: { company, linarcId }, update: { $setOnInsert: added }, upsert: true } };
  });
  if (await writeAll(company, operations)) return [];
  const stamped = await stampedWith(records, { company, linarcId: { $in: drafts.map((draft) => draft.linarcId) }, stamp });
  return drafts.filter((draft) => !stamped.has(draft.linarcId));
}

async function writeSome(
  records: Records,
  writeAll: WriteAll,
  random: Random,
  company: Tenant,
  held: { run: string; fence: number },
  changes: readonly GuardedChange[],
): Promise<string[]> {
  const stamp = random.hex(8);
  const operations = changes.map(({ id, version, change }) => ({
    updateOne: {
      filter: { company, _id: id, 'run.id': held.run, 'run.fence': held.fence, ...(version === null ? {} : { version }) },
      update: written({ ...fieldsOfChange(change), stamp }),
    },
  }));
  if (await writeAll(company, operations)) return [];
  const ids = changes.map((change) => change.id);
  const stamped = await stampedWith(records, { company, _id: { $in: ids }, stamp });
  return ids.filter((id) => !stamped.has(id));
}

/** Sends the operations unordered; a lost race for a new key is no error. Returns whether all took effect. */
async function writeTogether(records: Records, operations: Operation[]): Promise<boolean> {
  try {
    const result = await records.bulkWrite(operations, TYPED);
    return result.upsertedCount + result.modifiedCount === operations.length;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return false;
  }
}

/** The ids and linarcIds that carry this stamp. A bulk write tells how many of its operations took effect, but not which. */
async function stampedWith(records: Records, query: Filter): Promise<Set<string>> {
  const documents = await records.find(query).select({ linarcId: 1 }).lean<Pick<CostCodeDocument, '_id' | 'linarcId'>[]>();
  return new Set(documents.flatMap(({ _id, linarcId }) => [_id, linarcId]));
}
