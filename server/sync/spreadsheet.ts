import type { Company } from '../core/company.ts';
import { fold } from '../core/names.ts';
import { problem, type Problem } from '../core/problems.ts';
import type { CellDoubt, ReadSpreadsheet, SheetRow, SheetRows } from '../core/ports.ts';
import type { Actor, CostCode, StagedRecord, Tenant } from '../core/records.ts';
import { isFromSheet, sheetId } from '../core/stage.ts';
import { stageEntries, type Known } from './import.ts';
import type { World } from './world.ts';

/** A world that can read spreadsheets. */
export type SheetWorld = World & { readonly readSpreadsheet: ReadSpreadsheet };

export interface SheetFile {
  readonly fileName: string;
  readonly bytes: Uint8Array;
  /** A person says that whole numbers in the code column are the codes as meant; dates and broken numbers stay in doubt. */
  readonly takeNumbers?: boolean;
  /** Hears how many of the rows to be staged are staged. */
  readonly onProgress?: (staged: number, total: number) => void;
}

export const SHEET_OUTCOMES = ['added', 'changed', 'unchanged', 'needs_action', 'not_staged'] as const;
/** `needs_action`: staged, but a person must act before it can be synced. `not_staged`: nothing was stored of the row. */
export type SheetOutcome = (typeof SHEET_OUTCOMES)[number];

export interface SheetReportRow {
  /** As the spreadsheet program numbers it. */
  readonly number: number;
  readonly code: string;
  readonly name: string;
  readonly outcome: SheetOutcome;
  /** Why, for needs_action and not_staged. */
  readonly reason: Problem | null;
  /** The staged record's id; null when nothing is staged. */
  readonly record: string | null;
}

/** What became of each row of a file that holds anything; the counts are the sums of the rows. */
export interface SheetReport extends Pick<SheetRows, 'sheet' | 'generation' | 'headerRow'> {
  readonly fileName: string;
  readonly counts: Readonly<Record<SheetOutcome, number>>;
  readonly rows: readonly SheetReportRow[];
}

/** Rows staged together. */
const CHUNK = 500;

/**
 * Stages the cost codes of a spreadsheet (linarc.md §4.3, points 7, 8, 12, 15). A row whose code one staged record has updates
 * that record; one that no record has is staged as new; what cannot be told apart is reported, never guessed. Nothing is marked
 * gone: a file may be a part. Throws ProblemError with a `sheet_…` code when the file as a whole is of no use; nothing is
 * changed then.
 */
export async function importSpreadsheet(world: SheetWorld, company: Tenant, actor: Actor, file: SheetFile): Promise<SheetReport> {
  const found = await world.companies.get(company);
  if (!found) throw new Error('There is no such company.');
  const read = await world.readSpreadsheet(file.bytes, file.fileName);
  const rules = { takeNumbers: file.takeNumbers ?? false, divisions: found.settings.structure === 'division' };
  const decided = decide(read, await readStaged(world, company, read.rows), rules);
  const reports = await stage(world, found, decided, file, importedBy(actor, file.fileName));
  const numberOf = (outcome: SheetOutcome) => reports.filter((row) => row.outcome === outcome).length;
  const counts = Object.fromEntries(SHEET_OUTCOMES.map((outcome) => [outcome, numberOf(outcome)])) as SheetReport['counts'];
  world.log.info({ company, ...counts }, 'spreadsheet imported');
  const { sheet, generation, headerRow } = read;
  return { fileName: file.fileName, sheet, generation, headerRow, counts, rows: reports };
}

/** In the history a record's values then tell which file they are from. */
function importedBy(actor: Actor, fileName: string): Actor {
  return { kind: 'automatic', what: `Import of ${fileName.slice(-100)} by ${actor.kind === 'person' ? actor.name : actor.what}` };
}

// ---------------------------------------------------------------------------------------------------------------- what is staged

interface Standing extends Pick<StagedRecord, 'id' | 'linarcId' | 'codeKey' | 'source' | 'problem' | 'status'> {
  readonly excluded: boolean;
  /** Neither excluded nor gone. */
  readonly open: boolean;
}

/** Of all that is staged, what the rows of a file may mean. */
interface Staged {
  readonly byCode: ReadonlyMap<string, readonly Standing[]>;
  readonly byName: ReadonlyMap<string, readonly Standing[]>;
  /** How many staged codes are this number, once read as one: "100" and "0100" are both 100. */
  readonly byNumber: ReadonlyMap<number, number>;
}

async function readStaged(world: World, company: Tenant, rows: readonly SheetRow[]): Promise<Staged> {
  const codes = new Set(rows.map(codeKeyOf));
  const names = new Set(rows.map(nameKeyOf));
  const numbers = new Set(rows.flatMap((row) => row.doubts.map((doubt) => Number(doubt.shown))));
  const [byCode, byName, byNumber] = [new Map<string, Standing[]>(), new Map<string, Standing[]>(), new Map<number, number>()];
  const add = (to: Map<string, Standing[]>, key: string, one: Standing) => void to.set(key, [...(to.get(key) ?? []), one]);
  for (const excluded of [false, true]) {
    for await (const record of world.costCodes.stream(company, { kind: 'matching', filter: { excluded }, except: [] })) {
      if (record.kind !== 'cost_code') continue;
      const { id, linarcId, codeKey, source, problem, status } = record;
      const standing = { id, linarcId, codeKey, source, problem, status, excluded, open: !excluded && record.goneAt === null };
      const name = fold(source.name);
      if (codes.has(codeKey)) add(byCode, codeKey, standing);
      if (standing.open && name !== '' && names.has(name)) add(byName, name, standing);
      const number = codeKey === '' ? Number.NaN : Number(codeKey);
      if (numbers.has(number)) byNumber.set(number, (byNumber.get(number) ?? 0) + 1);
    }
  }
  return { byCode, byName, byNumber };
}

const codeKeyOf = (row: SheetRow): string => fold(row.costCode?.code ?? '');
const nameKeyOf = (row: SheetRow): string => fold(row.costCode?.name ?? '');

// ---------------------------------------------------------------------------------------------------------------- row by row

/** What is to become of a row: its entry is staged, or it says what stands already, or it is left out. */
type Decision =
  | { readonly kind: 'stage'; readonly row: SheetRow; readonly entry: Known }
  | { readonly kind: 'same'; readonly row: SheetRow; readonly standing: Standing }
  | { readonly kind: 'leave'; readonly row: SheetRow; readonly reason: Problem };

interface Rules {
  readonly takeNumbers: boolean;
  /** Whether divisions become classes, so that a division's code counts. */
  readonly divisions: boolean;
}

function decide(read: SheetRows, staged: Staged, rules: Rules): Decision[] {
  const numbersByCode = numbered(read.rows, codeKeyOf);
  const added = read.rows.filter((row) => codeKeyOf(row) !== '' && !staged.byCode.has(codeKeyOf(row)));
  const addedNames = numbered(added, nameKeyOf);

  return read.rows.map((row): Decision => {
    const reason = faultOf(row, read, staged, rules) ?? repeated(numbersByCode.get(codeKeyOf(row)) ?? []);
    const { costCode } = row;
    if (reason !== null || costCode === null) return { kind: 'leave', row, reason: reason ?? problem('sheet_row_unreadable') };
    const code = codeKeyOf(row);
    const standing = staged.byCode.get(code) ?? [];
    const open = standing.filter((one) => one.open);
    const [match, ...more] = open.length > 0 ? open : standing;
    const several = problem('sheet_code_ambiguous', { field: 'Cost Code', value: costCode.code });
    if (more.length > 0) return { kind: 'leave', row, reason: several };
    if (match) return update(row, costCode, match, read.fields);

    const name = fold(costCode.name);
    const former = (staged.byName.get(name) ?? []).filter((one) => !numbersByCode.has(one.codeKey));
    const renamed = former.length === 1 && addedNames.get(name)?.length === 1 ? former[0] : undefined;
    const entry = { linarcId: sheetId(costCode.code), raw: row.raw, costCode, unreadable: null };
    if (!renamed) return { kind: 'stage', row, entry };
    const doubt = problem('perhaps_renamed', { field: 'Cost Code', value: `${renamed.source.code} → ${costCode.code}` });
    return { kind: 'stage', row, entry: { ...entry, doubt } };
  });
}

/** The rows' numbers by code or name; rows without one have no part in it. */
function numbered(rows: readonly SheetRow[], keyOf: (row: SheetRow) => string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key === '') continue;
    const numbers = found.get(key);
    if (numbers) numbers.push(row.number);
    else found.set(key, [row.number]);
  }
  return found;
}

function faultOf(row: SheetRow, read: SheetRows, staged: Staged, rules: Rules): Problem | null {
  if (row.unreadable !== null) return problem('sheet_row_unreadable', { value: row.unreadable });
  const doubt = row.doubts.find((one) => counts(one, read, staged, rules));
  if (doubt) {
    const where = doubt.field === 'code' ? '' : ` under “${doubt.label}”`;
    return problem('sheet_code_changed', { field: doubt.label, value: `the ${doubt.kind} ${doubt.shown}${where}` });
  }
  return codeKeyOf(row) === '' ? problem('sheet_code_missing', { field: 'Cost Code' }) : null;
}

/** A doubt does not count where just that code is staged: then the file says what it said before. */
function counts(doubt: CellDoubt, read: SheetRows, staged: Staged, { takeNumbers, divisions }: Rules): boolean {
  if (doubt.field === 'divisionCode' && !divisions) return false;
  if (doubt.kind === 'number' && takeNumbers && /^\d+$/.test(doubt.shown)) return false;
  // A date in a workbook stands for many texts; in a CSV file, which has no sheet, it is one text.
  if (doubt.field !== 'code' || (doubt.kind === 'date' && read.sheet !== null)) return true;
  return staged.byCode.get(fold(doubt.shown))?.length !== 1 || (staged.byNumber.get(Number(doubt.shown)) ?? 1) > 1;
}

function repeated(numbers: readonly number[]): Problem | null {
  if (numbers.length < 2) return null;
  const shown = numbers.length > 5 ? `${numbers.slice(0, 5).join(', ')} and ${numbers.length - 5} more` : numbers.join(', ');
  return problem('sheet_code_repeated', { field: 'Cost Code', value: shown });
}

/** What the file has no column for stays as it is staged; and where nothing else differs, so does Linarc's own record of it. */
function update(row: SheetRow, told: CostCode, standing: Standing, fields: readonly (keyof CostCode)[]): Decision {
  const costCode: CostCode = { ...standing.source, ...Object.fromEntries(fields.map((field) => [field, told[field]])) };
  const same = (Object.keys(costCode) as (keyof CostCode)[]).every((field) => costCode[field] === standing.source[field]);
  if (same && !isFromSheet(standing.linarcId) && (standing.open || standing.excluded)) return { kind: 'same', row, standing };
  return { kind: 'stage', row, entry: { linarcId: standing.linarcId, raw: row.raw, costCode, unreadable: null } };
}

// ---------------------------------------------------------------------------------------------------------------- staging and report

type Result = Pick<SheetReportRow, 'outcome' | 'reason' | 'record'>;

async function stage(
  world: World,
  company: Company,
  decided: readonly Decision[],
  file: SheetFile,
  by: Actor,
): Promise<SheetReportRow[]> {
  const entries = decided.flatMap((decision) => (decision.kind === 'stage' ? [decision.entry] : []));
  const before = new Map<string, string>();
  for (let from = 0; from < entries.length; from += CHUNK) {
    const some = entries.slice(from, from + CHUNK);
    for (const record of await recordsOf(world, company.id, some)) before.set(record.linarcId, printOf(record));
    await stageEntries(world, company, some, { onlyNew: false, by });
    file.onProgress?.(from + some.length, entries.length);
  }
  // Only now is it known which rows clash with one another.
  const outcomes = new Map<string, Result>();
  for (let from = 0; from < entries.length; from += CHUNK) {
    for (const record of await recordsOf(world, company.id, entries.slice(from, from + CHUNK))) {
      const was = before.get(record.linarcId);
      const done = was === undefined ? 'added' : was === printOf(record) ? 'unchanged' : 'changed';
      outcomes.set(record.linarcId, standingAs({ ...record, excluded: record.excluded !== null }, done));
    }
  }
  return decided.map((decision) => ({ ...named(decision.row), ...outcomeOf(decision, outcomes) }));
}

function recordsOf(world: World, company: Tenant, entries: readonly Known[]): Promise<readonly StagedRecord[]> {
  return world.costCodes.byLinarcIds(company, entries.map((entry) => entry.linarcId));
}

/** What an import may change of a record. */
function printOf({ sourceHash, wantedKey, wanted, goneAt }: StagedRecord): string {
  return [sourceHash, wantedKey, wanted.name, wanted.active, goneAt?.getTime() ?? ''].join('\n');
}

function outcomeOf(decision: Decision, staged: ReadonlyMap<string, Result>): Result {
  if (decision.kind === 'leave') return { outcome: 'not_staged', reason: decision.reason, record: null };
  if (decision.kind === 'same') return standingAs(decision.standing, 'unchanged');
  // Linarc's own import may have given the record another id in these seconds; what it holds is staged all the same.
  return staged.get(decision.entry.linarcId) ?? { outcome: 'unchanged', reason: null, record: null };
}

type Shown = Pick<Standing, 'id' | 'status' | 'problem' | 'excluded'>;

function standingAs(record: Shown, done: 'added' | 'changed' | 'unchanged'): Result {
  const waits = record.status === 'needs_action' && record.problem !== null && !record.excluded;
  return { outcome: waits ? 'needs_action' : done, reason: waits ? record.problem : null, record: record.id };
}

/** What the row calls itself, cut to what a screen can show. */
function named({ number, code, name }: SheetRow): Pick<SheetReportRow, 'number' | 'code' | 'name'> {
  const shown = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
  return { number, code: shown(code), name: shown(name) };
}
