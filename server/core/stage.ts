import { grouped } from './grouping.ts';
import { className, contentHash, fold, sortKey } from './names.ts';
import { isOfTheCode } from './plan.ts';
import { problem, type Problem } from './problems.ts';
import type { ClassShape, CostCode, Exclusion, RecordStatus, StagedRecord, WantedClass } from './records.ts';
import type { Settings } from './company.ts';
import type { LibraryEntry, StagedDraft } from './ports.ts';
import { divisionId, TOP, type Place } from './tree.ts';

const NOTHING: CostCode = { code: '', name: '', taskType: '', active: true, divisionCode: '', divisionName: '' };

/** The linarcId of a cost code that only a spreadsheet has told of, as files carry no ids. Linarc's own ids never begin so. */
export function sheetId(code: string): string {
  return `sheet:${fold(code)}`;
}

/** Whether a record is known from a spreadsheet alone, so that Linarc cannot be asked for it. */
export function isFromSheet(linarcId: string): boolean {
  return linarcId.startsWith('sheet:');
}

/** What of the settings decides how a code is staged. */
export type StagingRules = Pick<Settings, 'namePattern' | 'inactivate' | 'leaveOut'>;

interface Worked {
  readonly wanted: WantedClass;
  readonly problem: Problem | null;
}

/** Works out the class a cost code should be, and what stands against it. */
function workOut(kind: StagedRecord['kind'], source: CostCode, { parent }: Place, namePattern: string, unreadable: string | null): Worked {
  const named = className(source, kind === 'division' ? '{code} {name}' : namePattern);
  const wanted = { name: 'name' in named ? named.name : '', parent, active: source.active };
  if (unreadable !== null) return { wanted, problem: problem('record_unreadable', { value: unreadable }) };
  return { wanted, problem: 'problem' in named ? named.problem : null };
}

/** Two records of one key would have to be one class. Records without a name have no key. */
export function wantedKey(wanted: WantedClass): string {
  return wanted.name === '' ? '' : `${wanted.parent ?? ''}\u0001${fold(wanted.name)}`;
}

/** What QuickBooks was last told, or shown to hold, about the linked class, against what it should be. */
export function differs(wanted: WantedClass, link: ClassShape, parentId: string | null | undefined, inactivate: boolean): boolean {
  // A class that is and stays inactive is left alone, whatever its name.
  if (!wanted.active && !link.active) return false;
  if (wanted.name !== link.name) return true;
  if (parentId !== undefined && parentId !== link.parentId) return true;
  if (wanted.active && !link.active) return true;
  return !wanted.active && link.active && inactivate;
}

/**
 * The status facts amount to: a problem needs a person; a linked class as wanted, or left as it is on purpose, is synced; the rest is
 * ready. A parent that is not known here counts as unchanged.
 */
export function statusOf(facts: Facts, inactivate: boolean, parentId?: string | null): RecordStatus {
  if (facts.problem !== null) return 'needs_action';
  if (facts.link === null) return 'needs_sync';
  if (isAccepted(facts)) return 'synced';
  return differs(facts.wanted, facts.link, parentId, inactivate) ? 'needs_sync' : 'synced';
}

type Facts = Pick<StagedRecord, 'wanted' | 'link' | 'problem'> & Partial<Pick<StagedRecord, 'accepted'>>;

/** Whether a person decided to leave this very difference: neither Linarc nor QuickBooks has moved since. */
export function isAccepted({ accepted, link, wanted }: Pick<Facts, 'accepted' | 'link' | 'wanted'>): boolean {
  if (!accepted || link === null) return false;
  const { instead } = accepted;
  const asThen = accepted.name === link.name && accepted.parentId === link.parentId && accepted.active === link.active;
  return asThen && instead.name === wanted.name && instead.parent === wanted.parent && instead.active === wanted.active;
}

/** The draft for one library entry over the record staged before, if any; null when nothing about it changed. */
export function draftOf(
  entry: LibraryEntry & { readonly linarcId: string },
  before: StagedRecord | null,
  rules: StagingRules,
  at: Date,
  place: Place = TOP,
): StagedDraft | null {
  const { linarcId, raw, costCode, unreadable, doubt = null } = entry;
  return draft({ kind: 'cost_code', linarcId, raw, source: costCode ?? NOTHING, unreadable, doubt, place }, before, rules, at);
}

/** The draft for a division that cost codes hang under; `active` while any of them is. */
export function draftOfDivision(
  division: { code: string; name: string; active: boolean },
  before: StagedRecord | null,
  rules: StagingRules,
  at: Date,
): StagedDraft | null {
  const source: CostCode = { ...NOTHING, code: division.code, name: division.name, taskType: 'Division', active: division.active };
  const linarcId = divisionId(division.code);
  return draft({ kind: 'division', linarcId, raw: { ...division }, source, unreadable: null, doubt: null, place: TOP }, before, rules, at);
}

interface Given {
  readonly kind: StagedRecord['kind'];
  readonly linarcId: string;
  readonly raw: Readonly<Record<string, unknown>>;
  readonly source: CostCode;
  readonly unreadable: string | null;
  readonly doubt: Problem | null;
  readonly place: Place;
}

function draft(given: Given, before: StagedRecord | null, rules: StagingRules, at: Date): StagedDraft | null {
  const { kind, linarcId, raw, source, place } = given;
  const { wanted, problem: ofTheCode } = workOut(kind, source, place, rules.namePattern, given.unreadable);
  const found = ofTheCode ?? given.doubt;
  const sourceHash = contentHash(raw);
  const isSame = ({ name, parent, active }: WantedClass) => name === wanted.name && parent === wanted.parent && active === wanted.active;
  const sameWish = before !== null && isSame(before.wanted);
  const samePlace = before !== null && before.level === place.level;
  if (before !== null && sameWish && samePlace && before.sourceHash === sourceHash && before.goneAt === null) return null;

  const kept = before !== null && sameWish && found === null && before.goneAt === null;
  const open = { wanted, link: before?.link ?? null, accepted: before?.accepted ?? null, problem: found };
  return {
    kind,
    linarcId,
    raw,
    source,
    sourceHash,
    wanted,
    wantedKey: wantedKey(wanted),
    level: place.level,
    codeKey: kind === 'division' ? '' : fold(source.code),
    sortKey: sortKey(source.code, linarcId),
    ...standing(before, kept, open, rules.inactivate, parentChanged(before, wanted)),
    goneAt: null,
    excluded: exclusion(given, before, rules.leaveOut, at),
    over: before?.version ?? null,
    importedAt: at,
  };
}

/** Problems an entry had when it was read, which its record alone does not tell. */
const OF_THE_READING: readonly Problem['code'][] = ['record_unreadable', 'perhaps_renamed'];

/**
 * A staged record worked out again under other rules; null when they change nothing about it. `parentId` is the id of its parent's class,
 * null at the top and '' while there is none. A record in a run is not left out before the run has let go of it.
 */
export function restaged(record: StagedRecord, rules: StagingRules, at: Date, place: Place, parentId: string | null): StagedDraft | null {
  const { kind, linarcId, raw, source, problem: had } = record;
  const reading = had !== null && OF_THE_READING.includes(had.code) ? had : null;
  const unreadable = reading?.code === 'record_unreadable' ? (reading.value ?? '') : null;
  const given = { kind, linarcId, raw, source, unreadable, doubt: unreadable === null ? reading : null, place };
  const again = draft(given, record, rules, at) ?? draftAsItStands(record);
  const excluded = excludedAgain(record, exclusion(given, record, rules.leaveOut, at));
  const open = { wanted: again.wanted, link: record.link, accepted: record.accepted, problem: again.problem };
  const settled = record.run === null && again.problem === null && record.link !== null && again.status !== 'failed';
  const next: StagedDraft = {
    ...again,
    excluded,
    importedAt: record.importedAt,
    ...(settled ? { status: statusOf(open, rules.inactivate, parentId) } : {}),
    ...(record.goneAt === null ? {} : { goneAt: record.goneAt, status: record.status, problem: record.problem }),
  };
  return contentHash(decided(next)) === contentHash(decided(record)) ? null : next;
}

/** What other rules have to say is left alone: one by which the record gave way, and that of its import once a person took it in again. */
function excludedAgain({ run, excluded }: StagedRecord, byRules: Exclusion | null): Exclusion | null {
  if (run !== null || excluded?.reason === TAKEN_OVER) return excluded;
  return excluded === null && byRules?.reason === NEVER_ACTIVE ? null : byRules;
}

/** A division as the cost codes now need it: staged, taken in again, or left out where the list has no such level. Null: as it stands. */
export function restagedDivision(
  division: { code: string; name: string; active: boolean; needed: boolean },
  record: StagedRecord | null,
  rules: StagingRules,
  at: Date,
): StagedDraft | null {
  const { needed, ...about } = division;
  if (record === null) return needed ? draftOfDivision(about, null, rules, at) : null;
  if (record.run !== null) return null;
  const again = needed ? draftOfDivision(about, record, rules, at) : null;
  const unneeded = record.excluded ?? { by: 'rule', byRule: true, reason: NO_DIVISIONS, at };
  const next = { ...(again ?? draftAsItStands(record)), excluded: needed ? neededAgain(record.excluded) : unneeded };
  return contentHash(decided(next)) === contentHash(decided(record)) && again === null ? null : next;
}

const neededAgain = (excluded: Exclusion | null): Exclusion | null => (excluded?.reason === NO_DIVISIONS ? null : excluded);

type Decided = Pick<StagedDraft, 'wanted' | 'level' | 'status' | 'problem' | 'excluded'>;

function decided({ wanted, level, status, problem: found, excluded }: Decided): unknown {
  return { wanted, level, status, found, left: excluded?.reason ?? null };
}

function draftAsItStands(record: StagedRecord): StagedDraft {
  const { kind, linarcId, raw, source, sourceHash, wanted, level, codeKey, status, goneAt, excluded, importedAt } = record;
  const keys = { codeKey, wantedKey: record.wantedKey, sortKey: record.sortKey };
  return { kind, linarcId, raw, source, sourceHash, wanted, level, ...keys, status, problem: record.problem, goneAt, excluded, importedAt, over: record.version };
}

/**
 * A change that QuickBooks would not see leaves the record as it stands (linarc.md point 9). A record in a run stays with the run,
 * which sees the new version when it settles it.
 */
function standing(
  before: StagedRecord | null,
  kept: boolean,
  open: Facts,
  inactivate: boolean,
  parentId: string | undefined,
): Pick<StagedRecord, 'status' | 'problem'> {
  if (before !== null && kept) return { status: before.status, problem: before.problem };
  // Why it failed before stays with it, in case the run lets go of it unsettled.
  const former = before?.problem && !isOfTheCode(before.problem) ? before.problem : null;
  if (before !== null && before.run !== null) return { status: before.status, problem: open.problem ?? former };
  return { status: statusOf(open, inactivate, parentId), problem: open.problem };
}

/** Why a rule leaves a record out. A rule for a task type is named by `leftOut`. */
const NEVER_ACTIVE = 'Inactive in Linarc and never synced';
export const TAKEN_OVER = 'Linarc itself has this code';
export const NO_DIVISIONS = 'The list has no divisions';
const leftOut = (taskType: string): string => `${taskType} tasks`;

/**
 * A code of a task type the company leaves out, and one inactive before it ever became a class or was sent to become one, are left out by
 * rule, until the rule goes or Linarc activates the code (linarc.md point 6). What a person excluded stays so.
 */
function exclusion(given: Given, before: StagedRecord | null, leaveOut: readonly string[], at: Date): Exclusion | null {
  const standing = before?.excluded ?? null;
  if (standing !== null && !standing.byRule) return standing;
  const isTied = before !== null && (before.link !== null || before.intent !== null || before.run !== null);
  const { taskType, active } = given.source;
  const isLeftOut = given.kind === 'cost_code' && leaveOut.some((type) => fold(type) === fold(taskType));
  const reason = isLeftOut ? leftOut(taskType) : active || given.unreadable !== null || isTied ? null : NEVER_ACTIVE;
  if (reason === null) return null;
  return standing?.reason === reason ? standing : { by: 'rule', byRule: true, reason, at };
}

/** A parent id no class has, so that a moved record counts as different before its new parent's id is known. */
function parentChanged(before: StagedRecord | null, wanted: WantedClass): string | undefined {
  return before !== null && before.wanted.parent !== wanted.parent ? '' : undefined;
}

/**
 * What becomes of a record that only a spreadsheet told of, now that Linarc itself tells of its code: it takes Linarc's id; or gives way,
 * where that id is staged already; or waits for the next import, being in a run.
 */
export interface Takeover {
  readonly record: StagedRecord;
  readonly linarcId: string;
  readonly step: 'take' | 'give_way' | 'wait';
}

/**
 * Which spreadsheet records are meant by these entries of Linarc's own. The code decides, when it stands in exactly one of the entries;
 * so no code is staged twice and a class already linked stays so. `standing` holds what is staged under the entries' ids and under the
 * sheetId of their codes. Two staged records of which the spreadsheet's is linked are left to a person.
 */
export function takeovers(entries: readonly (LibraryEntry & { readonly linarcId: string })[], standing: ReadonlyMap<string, StagedRecord>): Takeover[] {
  return [...groups(entries, ({ costCode }) => fold(costCode?.code ?? ''))].flatMap(([code, [entry, ...more]]): Takeover[] => {
    const record = standing.get(sheetId(code));
    if (!entry || more.length > 0 || !record) return [];
    const { linarcId } = entry;
    if (!standing.has(linarcId)) return [{ record, linarcId, step: record.run === null ? 'take' : 'wait' }];
    return record.link === null && record.excluded === null && record.run === null ? [{ record, linarcId, step: 'give_way' }] : [];
  });
}

export interface Collision {
  readonly record: StagedRecord;
  readonly status: RecordStatus;
  readonly problem: Problem | null;
}

/**
 * Finds which of these records would be one class or share a cost code, and which no longer do. Among records of one key the one
 * already linked keeps its right; when none is linked all of them wait for a person (linarc.md point 15).
 * Records in a run, excluded or gone are no part of it.
 */
export function collisions(records: readonly StagedRecord[], inactivate: boolean): readonly Collision[] {
  const open = records.filter((record) => record.excluded === null && record.goneAt === null);
  const byCode = groups(open, (record) => record.codeKey);
  const byName = groups(open, (record) => record.wantedKey);
  const changes: Collision[] = [];
  for (const record of open) {
    if (record.run !== null) continue;
    const clash = clashOf(record, byCode, byName);
    const had = record.problem !== null && isCollision(record.problem);
    if (clash !== null && (record.problem === null || (had && record.problem.code !== clash.code) || (!had && record.status === 'failed'))) {
      changes.push({ record, status: 'needs_action', problem: clash });
    } else if (clash === null && had) {
      changes.push({ record, status: statusOf({ ...record, problem: null }, inactivate), problem: null });
    }
  }
  return changes;
}

/** Whether this problem is one that another record's code or name raises. */
export function isCollision(found: Problem): boolean {
  return found.code === 'code_duplicate' || found.code === 'name_collision';
}

function clashOf(
  record: StagedRecord,
  byCode: ReadonlyMap<string, readonly StagedRecord[]>,
  byName: ReadonlyMap<string, readonly StagedRecord[]>,
): Problem | null {
  const code = byCode.get(record.codeKey);
  if (code && loses(record, code)) return problem('code_duplicate', { field: 'Cost Code', value: record.source.code });
  const name = byName.get(record.wantedKey);
  if (name && loses(record, name)) return problem('name_collision', { field: 'Class name', value: record.wanted.name });
  return null;
}

function loses(record: StagedRecord, rivals: readonly StagedRecord[]): boolean {
  if (rivals.length < 2) return false;
  return record.link === null || rivals.filter((rival) => rival.link !== null).length > 1;
}

/** Those that have the key at all, by it. */
function groups<T>(records: readonly T[], keyOf: (record: T) => string): Map<string, T[]> {
  const found = grouped(records, keyOf);
  found.delete('');
  return found;
}
