import { NO_COUNTS, type Company, type ImportState } from '../core/company.ts';
import { fold } from '../core/names.ts';
import { problem, type Problem } from '../core/problems.ts';
import type { CellDoubt, ReadSpreadsheet, SheetRow, SheetRows } from '../core/ports.ts';
import type { Actor, CostCode, StagedRecord, Tenant } from '../core/records.ts';
import { NO_SHEET_COUNTS, SHEET_OUTCOMES, type RowResult, type SheetCounts, type SheetOutcome, type SheetReport, type SheetReports, type WriteSpreadsheet } from '../core/sheets.ts';
import { isFromSheet, sheetId } from '../core/stage.ts';
import { runImport, STALE, stageEntries, type Known } from './import.ts';
import type { World } from './world.ts';

/** A world that can read and make spreadsheets and keeps what became of them. */
export type SheetWorld = World & { readonly readSpreadsheet: ReadSpreadsheet; readonly writeSpreadsheet: WriteSpreadsheet; readonly sheets: SheetReports };

export interface SheetFile {
  readonly fileName: string;
  readonly bytes: Uint8Array;
  /** A person says that whole numbers in the code column are the codes as meant; dates and broken numbers stay in doubt. */
  readonly takeNumbers?: boolean;
}

/** Rows staged together. */
const CHUNK = 500;

/**
 * Reads a spreadsheet, keeps its rows and starts their import in the background; null when the company has an import running
 * already. Throws ProblemError with a `sheet_…` code when the file as a whole is of no use; nothing is kept or changed then.
 */
export async function startSheetImport(world: SheetWorld, company: Tenant, actor: Actor, file: SheetFile): Promise<SheetReport | null> {
  const read = await world.readSpreadsheet(file.bytes, file.fileName);
  return begin(world, company, actor, { ...read, fileName: file.fileName.slice(-200), takeNumbers: file.takeNumbers ?? false });
}

/** Imports the rows kept of a file once more, whole numbers in the code column now taken as the codes; null as for startSheetImport. */
export async function importAgain(world: SheetWorld, company: Tenant, actor: Actor, report: SheetReport): Promise<SheetReport | null> {
  const kept = await world.sheets.rows(company, report.id, { outcomes: [], after: 0, limit: report.total });
  return begin(world, company, actor, { ...report, rows: kept.map(({ row }) => row), takeNumbers: true });
}

type Read = SheetRows & Pick<SheetReport, 'fileName' | 'takeNumbers'>;

async function begin(world: SheetWorld, company: Tenant, actor: Actor, { rows, ...read }: Read): Promise<SheetReport | null> {
  const by = actor.kind === 'person' ? actor.name : actor.what;
  const at = new Date(world.clock.now());
  const report: SheetReport = {
    ...read, by, at, id: world.random.hex(12), endedAt: null, state: 'running', problem: null, total: rows.length, counts: NO_SHEET_COUNTS,
  };
  const state: ImportState = {
    id: report.id, mode: 'spreadsheet', ids: [], by, state: 'running', startedAt: at, endedAt: null, total: rows.length, counts: NO_COUNTS, problem: null,
  };
  if (!(await world.companies.startImport(company, state, STALE))) return null;
  await world.sheets.begin(company, report, rows);
  await world.dispatch.import(company, report.id);
  return report;
}

/**
 * Does import `importId`, of a spreadsheet or of Linarc's own library, if it is still the company's current one. Trying again is safe; rows
 * staged before the last try broke off count as unchanged then.
 */
export async function runAnyImport(world: SheetWorld, company: Tenant, importId: string): Promise<void> {
  const found = await world.companies.get(company);
  if (found?.import?.mode !== 'spreadsheet') return runImport(world, company, importId);
  if (found.import.id !== importId || found.import.state !== 'running') return;
  const report = await world.sheets.get(company, importId);
  try {
    await stageSheet(world, found, found.import, report);
  } catch (error) {
    world.log.error({ company, import: importId, error: String(error) }, 'spreadsheet import failed');
    const failed = { state: 'failed', problem: problem('interrupted'), endedAt: new Date(world.clock.now()) } as const;
    if (report) await world.sheets.end(company, importId, { ...failed, counts: NO_SHEET_COUNTS }, []);
    await world.companies.saveImport(company, { ...found.import, ...failed });
  }
}

/**
 * Stages the cost codes of a spreadsheet (linarc.md §4.3, points 7, 8, 12, 15). A row whose code one staged record has updates
 * that record; one that no record has is staged as new; what cannot be told apart is reported, never guessed. Nothing is marked
 * gone: a file may be a part.
 */
async function stageSheet(world: SheetWorld, company: Company, started: ImportState, report: SheetReport | null): Promise<void> {
  if (!report) throw new Error('The rows of the file are not there.');
  const kept = await world.sheets.rows(company.id, report.id, { outcomes: [], after: 0, limit: report.total });
  const read: FileRows = { ...report, rows: kept.map(({ row }) => row) };
  const rules = { takeNumbers: report.takeNumbers, divisions: company.settings.structure === 'division' };
  const decided = decide(read, await readStaged(world, company.id, read.rows), rules);
  const results = await stage(world, company, decided, importedBy(report), async (left) => {
    const counts = { ...NO_COUNTS, read: report.total - left };
    if (!(await world.companies.saveImport(company.id, { ...started, counts }))) throw new Error('Another import has taken its place.');
  });

  const numberOf = (outcome: SheetOutcome) => results.filter((result) => result.outcome === outcome).length;
  const counts = Object.fromEntries(SHEET_OUTCOMES.map((outcome) => [outcome, numberOf(outcome)])) as SheetCounts;
  const { added, changed, unchanged, needs_action: problems, not_staged: unreadable } = counts;
  const done = { state: 'done', problem: null, endedAt: new Date(world.clock.now()) } as const;
  await world.sheets.end(company.id, report.id, { ...done, counts }, results);
  await world.companies.saveImport(company.id, { ...started, ...done, counts: { read: report.total, added, changed, unchanged, problems, gone: 0, unreadable } });
  world.log.info({ company: company.id, import: report.id, ...counts }, 'spreadsheet imported');
}

/** In the history a record's values then tell which file they are from. */
function importedBy({ fileName, by }: SheetReport): Actor {
  return { kind: 'automatic', what: `Import of ${fileName.slice(-100)} by ${by}` };
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

/** What deciding needs of a file. */
type FileRows = Pick<SheetRows, 'sheet' | 'fields' | 'rows'>;

interface Rules {
  readonly takeNumbers: boolean;
  /** Whether divisions become classes, so that a division's code counts. */
  readonly divisions: boolean;
}

function decide(read: FileRows, staged: Staged, rules: Rules): Decision[] {
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

function faultOf(row: SheetRow, read: FileRows, staged: Staged, rules: Rules): Problem | null {
  if (row.unreadable !== null) return problem('sheet_row_unreadable', { value: row.unreadable });
  const doubt = row.doubts.find((one) => counts(one, read, staged, rules));
  if (doubt) {
    const where = doubt.field === 'code' ? '' : ` under “${doubt.label}”`;
    return problem('sheet_code_changed', { field: doubt.label, value: `the ${doubt.kind} ${doubt.shown}${where}` });
  }
  return codeKeyOf(row) === '' ? problem('sheet_code_missing', { field: 'Cost Code' }) : null;
}

/** A doubt does not count where just that code is staged: then the file says what it said before. */
function counts(doubt: CellDoubt, read: FileRows, staged: Staged, { takeNumbers, divisions }: Rules): boolean {
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

/** `onStep` hears how many of the rows are still to be staged. */
async function stage(
  world: World,
  company: Company,
  decided: readonly Decision[],
  by: Actor,
  onStep: (left: number) => Promise<void>,
): Promise<RowResult[]> {
  const entries = decided.flatMap((decision) => (decision.kind === 'stage' ? [decision.entry] : []));
  const before = new Map<string, string>();
  for (let from = 0; from < entries.length; from += CHUNK) {
    const some = entries.slice(from, from + CHUNK);
    for (const record of await recordsOf(world, company.id, some)) before.set(record.linarcId, printOf(record));
    await stageEntries(world, company, some, { onlyNew: false, by });
    await onStep(entries.length - from - some.length);
  }
  // Only now is it known which rows clash with one another.
  const outcomes = new Map<string, RowResult>();
  for (let from = 0; from < entries.length; from += CHUNK) {
    for (const record of await recordsOf(world, company.id, entries.slice(from, from + CHUNK))) {
      const was = before.get(record.linarcId);
      const done = was === undefined ? 'added' : was === printOf(record) ? 'unchanged' : 'changed';
      outcomes.set(record.linarcId, standingAs({ ...record, excluded: record.excluded !== null }, done));
    }
  }
  return decided.map((decision) => outcomeOf(decision, outcomes));
}

function recordsOf(world: World, company: Tenant, entries: readonly Known[]): Promise<readonly StagedRecord[]> {
  return world.costCodes.byLinarcIds(company, entries.map((entry) => entry.linarcId));
}

/** What an import may change of a record. */
function printOf({ sourceHash, wantedKey, wanted, goneAt }: StagedRecord): string {
  return [sourceHash, wantedKey, wanted.name, wanted.active, goneAt?.getTime() ?? ''].join('\n');
}

function outcomeOf(decision: Decision, staged: ReadonlyMap<string, RowResult>): RowResult {
  if (decision.kind === 'leave') return { outcome: 'not_staged', reason: decision.reason, record: null };
  if (decision.kind === 'same') return standingAs(decision.standing, 'unchanged');
  // Linarc's own import may have given the record another id in these seconds; what it holds is staged all the same.
  return staged.get(decision.entry.linarcId) ?? { outcome: 'unchanged', reason: null, record: null };
}

type Shown = Pick<Standing, 'id' | 'status' | 'problem' | 'excluded'>;

function standingAs(record: Shown, done: 'added' | 'changed' | 'unchanged'): RowResult {
  const waits = record.status === 'needs_action' && record.problem !== null && !record.excluded;
  return { outcome: waits ? 'needs_action' : done, reason: waits ? record.problem : null, record: record.id };
}
