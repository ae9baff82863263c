import type { Connection } from 'mongoose';
import { classes as schema } from '../../models/classes.ts';
import { grouped } from '../core/grouping.ts';
import { bareClassName, fold } from '../core/names.ts';
import type { ClassMirror } from '../core/ports.ts';
import type { QuickBooksClass, Tenant } from '../core/records.ts';
import { CHUNK, chunks, isDuplicateKey, keyOf, literally, TYPED, type Filter } from './documents.ts';
import { gathered } from './gathering.ts';
import { tenantModel } from './models.ts';

interface ClassDocument extends Omit<QuickBooksClass, 'id'> {
  readonly _id: string;
  readonly company: Tenant;
  readonly classId: string;
  readonly order: number;
  readonly foldedName: string;
  readonly seenAt: Date;
}

const SEEN_NOW = { seenAt: true } as const;
const BY_NAME = { foldedName: 1, classId: 1 } as const;

/** What we last saw of each company's classes, in the collection `classes`. */
export function openClassMirror(connection: Connection): ClassMirror {
  const classes = tenantModel<ClassDocument>(connection, schema);
  const write = gathered((operations: Parameters<typeof classes.bulkWrite>[0]) => classes.bulkWrite(operations, TYPED));

  async function findIn(query: Filter, field: string, values: readonly string[]): Promise<QuickBooksClass[]> {
    const found: QuickBooksClass[] = [];
    for (const part of chunks([...new Set(values)], CHUNK)) {
      const documents = await classes.find({ ...query, [field]: { $in: part } }).batchSize(CHUNK).lean<ClassDocument[]>();
      found.push(...documents.map(classOf));
    }
    return found;
  }

  return {
    async time() {
      const { localTime } = (await connection.db?.command({ hello: 1 })) ?? {};
      if (!(localTime instanceof Date)) throw new Error('The database does not tell its time.');
      return localTime;
    },

    async save(company, given) {
      for (const part of chunks(given, CHUNK)) {
        const operations = part.map((seen) => ({
          updateOne: {
            filter: notNewerThan(company, seen), update: { $set: fieldsOf(company, seen), $currentDate: SEEN_NOW }, upsert: true,
          },
        }));
        await write(company, operations).catch(async (error: unknown) => {
          if (!isDuplicateKey(error)) throw error;
          // An upsert that finds only a newer state of the class fails by its key. That state stays, but the class was seen.
          await classes.updateMany({ company, _id: { $in: part.map((seen) => keyOf(company, seen.id)) } }, { $currentDate: SEEN_NOW });
        });
      }
    },

    async dropUnseen(company, since) {
      return (await classes.deleteMany({ company, seenAt: { $not: { $gte: since } } })).deletedCount;
    },

    async drop(company, ids) {
      for (const part of chunks(ids, CHUNK)) await classes.deleteMany({ company, _id: { $in: part.map((id) => keyOf(company, id)) } });
    },

    byIds: (company, ids) => findIn({ company }, '_id', ids.map((id) => keyOf(company, id))),

    async byNames(company, asked) {
      const found: QuickBooksClass[] = [];
      for (const [parentId, names] of grouped(asked, (one) => one.parentId)) {
        found.push(...(await findIn({ company, parentId }, 'foldedName', names.map(({ foldedName }) => foldedName))));
      }
      return found;
    },

    withNames: (company, foldedNames) => findIn({ company }, 'foldedName', foldedNames),

    async search(company, text, limit, skip = 0) {
      const query = { company, foldedName: { $regex: literally(fold(text)) } };
      return (await classes.find(query).sort(BY_NAME).skip(skip).limit(limit).lean<ClassDocument[]>()).map(classOf);
    },

    async holding(company, texts, how, limit) {
      const patterns = texts.map((text) => literally(fold(text))).filter((pattern) => pattern !== '');
      if (patterns.length === 0) return [];
      const foldedName = (pattern: string) => ({ foldedName: { $regex: pattern } });
      const query: Filter = { company, ...(how === 'any' ? foldedName(patterns.join('|')) : { $and: patterns.map(foldedName) }) };
      return (await classes.find(query).sort(BY_NAME).limit(limit).lean<ClassDocument[]>()).map(classOf);
    },

    async below(company, parentId, limit, skip) {
      return (await classes.find({ company, parentId }).sort(BY_NAME).skip(skip).limit(limit).lean<ClassDocument[]>()).map(classOf);
    },

    async countBelow(company, ids) {
      const groups = await classes.aggregate<{ _id: string; count: number }>([
        { $match: { company, parentId: { $in: [...ids] } } },
        { $group: { _id: '$parentId', count: { $sum: 1 } } },
      ]);
      return new Map(groups.map(({ _id, count }) => [_id, count]));
    },

    async count(company) {
      const [all, inactive] = await Promise.all([classes.countDocuments({ company }), classes.countDocuments({ company, active: false })]);
      return { active: all - inactive, inactive };
    },
  };
}

/** SyncTokens only rise, so an answer long on its way cannot undo a newer one; a class made anew under the same id may. */
function notNewerThan(company: Tenant, seen: QuickBooksClass): Filter {
  const $or = [{ order: { $lte: orderOf(seen) } }, { createdAt: { $ne: seen.createdAt } }];
  return { _id: keyOf(company, seen.id), company, $or };
}

function orderOf(seen: QuickBooksClass): number {
  const order = Number(seen.syncToken);
  return Number.isFinite(order) ? order : 0;
}

function fieldsOf(company: Tenant, seen: QuickBooksClass): Filter {
  const { id, syncToken, name, fullyQualifiedName, parentId, active, createdAt, updatedAt } = seen;
  const foldedName = fold(bareClassName(seen));
  return { company, classId: id, syncToken, order: orderOf(seen), name, fullyQualifiedName, foldedName, parentId, active, createdAt, updatedAt };
}

function classOf(document: ClassDocument): QuickBooksClass {
  const { classId, syncToken, name, fullyQualifiedName, parentId, active, createdAt, updatedAt } = document;
  return { id: classId, syncToken, name, fullyQualifiedName, parentId, active, createdAt, updatedAt };
}
