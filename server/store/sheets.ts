import type { Connection } from 'mongoose';
import { sheetparts, sheets as schema } from '../../models/sheets.ts';
import type { SheetRow } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import type { KeptRow, RowResult, SheetOutcome, SheetReport, SheetReports } from '../core/sheets.ts';
import type { Filter } from './documents.ts';
import { tenantModel } from './models.ts';

interface SheetDocument extends Omit<SheetReport, 'id'> {
  readonly _id: string;
  readonly company: Tenant;
}

interface PartDocument {
  readonly _id: string;
  readonly company: Tenant;
  readonly sheet: string;
  readonly part: number;
  readonly last: number;
  readonly outcomes: readonly SheetOutcome[];
  readonly rows: string;
  readonly results: string | null;
}

/** Rows kept in one document, and characters of them: a document may have 16 MB. */
const MOST_ROWS = 100;
const MOST_TEXT = 1_000_000;
const PARTS_AT_ONCE = 50;
const IN_ORDER = { part: 1 } as const;
const NEWEST = { at: -1, _id: -1 } as const;

/** Imports of spreadsheets in the collection `sheets`, their rows in `sheetparts`. */
export function openSheets(connection: Connection): SheetReports {
  const sheets = tenantModel<SheetDocument>(connection, schema);
  const parts = tenantModel<PartDocument>(connection, sheetparts);

  return {
    async begin(company, { id, ...report }, rows) {
      const documents = partsOf(rows).map(({ texts, last }, part) => ({
        _id: `${id}:${part}`, company, sheet: id, part, last, outcomes: [], rows: `[${texts.join(',')}]`, results: null,
      }));
      for (let from = 0; from < documents.length; from += PARTS_AT_ONCE) await parts.insertMany(documents.slice(from, from + PARTS_AT_ONCE));
      // Last, so that a report that is found has its rows.
      await sheets.create({ _id: id, company, ...report });
    },

    async get(company, id) {
      const document = await sheets.findOne({ company, _id: id }).lean<SheetDocument>();
      return document && reportOf(document);
    },

    async recent(company, limit) {
      return (await sheets.find({ company }).sort(NEWEST).limit(limit).lean<SheetDocument[]>()).map(reportOf);
    },

    async rows(company, id, { outcomes, after, limit }) {
      const query: Filter = { company, sheet: id, last: { $gt: after } };
      if (outcomes.length > 0) query['outcomes'] = { $in: [...outcomes] };
      const found: KeptRow[] = [];
      for await (const part of parts.find(query).sort(IN_ORDER).lean<PartDocument[]>().cursor({ batchSize: 4 })) {
        const fitting = keptIn(part).filter(({ row, result }) => row.number > after && (outcomes.length === 0 || (result !== null && outcomes.includes(result.outcome))));
        found.push(...fitting);
        if (found.length >= limit) break;
      }
      return found.slice(0, limit);
    },

    async end(company, id, end, results) {
      let from = 0;
      for await (const part of parts.find({ company, sheet: id }).sort(IN_ORDER).lean<PartDocument[]>().cursor({ batchSize: 4 })) {
        const own = results.slice(from, from + keptIn(part).length);
        from += own.length;
        const outcomes = [...new Set(own.map(({ outcome }) => outcome))];
        if (own.length > 0) await parts.updateOne({ company, _id: part._id }, { $set: { outcomes, results: JSON.stringify(own) } });
      }
      await sheets.updateOne({ company, _id: id }, { $set: end });
    },
  };
}

function partsOf(rows: readonly SheetRow[]): { texts: string[]; last: number }[] {
  const made: { texts: string[]; last: number; size: number }[] = [];
  for (const row of rows) {
    const text = JSON.stringify(row);
    const open = made.at(-1);
    if (open && open.texts.length < MOST_ROWS && open.size + text.length < MOST_TEXT) {
      open.texts.push(text);
      open.last = row.number;
      open.size += text.length;
    } else {
      made.push({ texts: [text], last: row.number, size: text.length });
    }
  }
  return made;
}

function keptIn(part: PartDocument): KeptRow[] {
  const rows = JSON.parse(part.rows) as SheetRow[];
  const results = part.results === null ? [] : (JSON.parse(part.results) as RowResult[]);
  return rows.map((row, at) => ({ row, result: results[at] ?? null }));
}

function reportOf({ _id, company: _company, ...report }: SheetDocument): SheetReport {
  return { ...report, id: _id };
}
