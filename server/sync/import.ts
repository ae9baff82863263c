import { NO_COUNTS, type Company, type ImportCounts, type ImportMode, type ImportState } from '../core/company.ts';
import { fold } from '../core/names.ts';
import { ProblemError, problem } from '../core/problems.ts';
import type { LibraryEntry, LibraryKey, LibraryPage, StagedDraft } from '../core/ports.ts';
import type { Actor, Fact, FieldChange, StagedRecord, Tenant } from '../core/records.ts';
import { collisions, draftOf, draftOfDivision, isFromSheet, sheetId, takeovers, TAKEN_OVER } from '../core/stage.ts';
import { divisionId, placeOf } from '../core/tree.ts';
import { lookupFor } from './placing.ts';
import { noteKey } from './refused.ts';
import type { World } from './world.ts';

/** A running import that gave no sign of life for so long has died; another may start. */
export const STALE = 60_000;
/** Records looked at together where all of them are gone through. */
const CHUNK = 500;

export interface ImportWish {
  readonly mode: ImportMode;
  /** Linarc ids, for `selected`. */
  readonly ids?: readonly string[];
}

/** Starts an import in the background. `started` is false when one is running already. Throws ProblemError not_linked. */
export async function startImport(world: World, company: Tenant, actor: Actor, wish: ImportWish): Promise<{ started: boolean; state: ImportState }> {
  if (!(await world.companies.libraryKey(company))) throw new ProblemError(problem('not_linked'));
  const state: ImportState = {
    id: world.random.hex(12),
    mode: wish.mode,
    ids: wish.ids ?? [],
    by: actor.kind === 'person' ? actor.name : actor.what,
    state: 'running',
    startedAt: new Date(world.clock.now()),
    endedAt: null,
    total: null,
    counts: NO_COUNTS,
    problem: null,
  };
  const started = await world.companies.startImport(company, state, STALE);
  if (started) await world.dispatch.import(company, state.id);
  const current = (await world.companies.get(company))?.import;
  return { started, state: current ?? state };
}

/** Does the import `importId` if it is still the company's current one. What was staged before a failure stays; trying again is safe. */
export async function runImport(world: World, company: Tenant, importId: string): Promise<void> {
  const found = await world.companies.get(company);
  const key = await world.companies.libraryKey(company);
  if (!found?.import || found.import.id !== importId || found.import.state !== 'running' || !key) return;
  const run = new Import(world, found, found.import, key);
  try {
    await run.read();
  } catch (error) {
    if (!(error instanceof ProblemError)) world.log.error({ company, import: importId, error: String(error) }, 'import failed');
    await run.end(error instanceof ProblemError ? error : new ProblemError(problem('interrupted')));
  }
}

/** An entry that can be told from others. */
export type Known = LibraryEntry & { readonly linarcId: string };

class Import {
  private readonly world: World;
  private readonly company: Company;
  private readonly key: LibraryKey;
  private state: ImportState;
  private readonly seen = new Set<string>();

  constructor(world: World, company: Company, state: ImportState, key: LibraryKey) {
    this.world = world;
    this.company = company;
    this.state = state;
    this.key = key;
  }

  async read(): Promise<void> {
    for await (const page of this.pages()) {
      await this.stage(page);
      if (!(await this.save({ total: page.total }))) return;
    }
    if (this.state.mode === 'all') await this.markGone();
    // Codes that came later may belong between others.
    if (this.company.settings.structure === 'tree') await this.world.fresh.rounds.askToApply(this.company.id, new Date(this.world.clock.now()));
    if (this.state.mode !== 'selected' && this.state.counts.read === 0) throw new ProblemError(problem('linarc_empty'));
    await this.end(null);
  }

  async end(failure: ProblemError | null): Promise<void> {
    await this.save({ state: failure ? 'failed' : 'done', endedAt: new Date(this.world.clock.now()), problem: failure?.problem ?? null });
    await noteKey(this.world, this.company.id, failure?.problem ?? null);
    const { counts } = this.state;
    this.world.log.info({ company: this.company.id, import: this.state.id, ...counts, problem: failure?.problem.code ?? null }, 'import ended');
  }

  private async *pages(): AsyncIterable<LibraryPage> {
    if (this.state.mode !== 'selected') return yield* this.world.library.pages(this.key);
    const entries = await this.world.library.entries(this.key, this.state.ids);
    yield { entries, total: entries.length };
  }

  private async stage(page: LibraryPage): Promise<void> {
    const known = page.entries.filter((entry): entry is Known => entry.linarcId !== null && !this.seen.has(entry.linarcId));
    for (const { linarcId } of known) this.seen.add(linarcId);
    const staged = await stageEntries(this.world, this.company, known, { onlyNew: this.state.mode === 'new', by: this.actor });
    this.count({ ...staged, read: page.entries.length, unreadable: page.entries.filter((entry) => entry.linarcId === null).length });
  }

  private get actor(): Actor {
    return { kind: 'automatic', what: `Import by ${this.state.by}` };
  }

  /** What the complete library no longer holds is marked, never removed (linarc.md point 7). A listing that fell short proves nothing. */
  private async markGone(): Promise<void> {
    if (this.seen.size < (this.state.total ?? Infinity) - this.state.counts.unreadable) return;
    const gone: string[] = [];
    for await (const linarcId of this.world.costCodes.linarcIds(this.company.id)) {
      if (!this.seen.has(linarcId)) gone.push(linarcId);
      if (gone.length === CHUNK) await this.mark(gone.splice(0));
    }
    await this.mark(gone);
  }

  private async mark(linarcIds: readonly string[]): Promise<void> {
    for (const record of await this.world.costCodes.byLinarcIds(this.company.id, linarcIds)) {
      // What Linarc never told of itself cannot be gone from it.
      if (record.goneAt !== null || isFromSheet(record.linarcId)) continue;
      if (await setGone(this.world, this.company, record, this.actor)) this.count({ gone: 1 });
    }
  }

  private count(more: Partial<ImportCounts>): void {
    const sum = Object.entries(this.state.counts).map(([name, n]) => [name, n + (more[name as keyof ImportCounts] ?? 0)]);
    this.state = { ...this.state, counts: Object.fromEntries(sum) as unknown as ImportCounts };
  }

  private save(change: Partial<ImportState>): Promise<boolean> {
    this.state = { ...this.state, ...change };
    return this.world.companies.saveImport(this.company.id, this.state);
  }
}

/** Marks a record that Linarc no longer has, and frees those it collided with; null when a run has it, or it changed meanwhile. */
export async function setGone(world: World, company: Pick<Company, 'id' | 'settings'>, record: StagedRecord, by: Actor): Promise<StagedRecord | null> {
  const change = { goneAt: new Date(world.clock.now()), status: 'needs_action', problem: problem('gone_from_linarc', { value: record.source.code }) } as const;
  const changed = record.run === null ? await world.costCodes.change(company.id, record.id, record.version, change) : null;
  if (!changed) return null;
  await world.history.add(company.id, [fact(world, record.id, by, 'gone', [])]);
  await recheckCollisions(world, company, [record]);
  return changed;
}

export interface StagedCounts {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly problems: number;
}

/**
 * Stages library entries over what is there: new ones are added, changed ones become ready again, the rest is left alone. With
 * `onlyNew`, entries staged before are not touched. Also stages the divisions they hang under, and finds collisions.
 */
export async function stageEntries(
  world: World,
  company: Company,
  entries: readonly Known[],
  how: { onlyNew: boolean; by: Actor },
): Promise<StagedCounts> {
  const counts = { added: 0, changed: 0, unchanged: 0, problems: 0 };
  const waiting = await takeOver(world, company.id, entries, how.by);
  const { structure } = company.settings;
  const lookup = await lookupFor(world, company, entries);
  const placed = ({ costCode }: Known) => placeOf(costCode ?? NOWHERE, structure, lookup);
  const parents = new Set(entries.map((entry) => placed(entry).parent));
  const divisions = divisionsOf(entries).filter(({ code }) => parents.has(divisionId(code)));
  let open: readonly Known[] = entries.filter(({ linarcId }) => !waiting.has(linarcId));
  counts.unchanged += waiting.size;
  let touched: Keyed[] = [];
  while (open.length > 0) {
    const before = byLinarcId(await world.costCodes.byLinarcIds(company.id, [...open.map((entry) => entry.linarcId), ...divisions.map(({ code }) => divisionId(code))]));
    const at = new Date(world.clock.now());
    const drafts = open.flatMap((entry) => {
      const standing = before.get(entry.linarcId) ?? null;
      if (how.onlyNew && standing !== null) return [];
      return draftOf(entry, standing, company.settings, at, placed(entry)) ?? [];
    });
    const over = divisions.flatMap((division) => draftOfDivision(joined(division, before), before.get(divisionId(division.code)) ?? null, company.settings, at) ?? []);
    const refused = new Set((await world.costCodes.stage(company.id, [...over, ...drafts])).map((draft) => draft.linarcId));
    const stored = drafts.filter((draft) => !refused.has(draft.linarcId));
    await remember(world, company.id, stored, before, how.by);
    counts.added += stored.filter((draft) => draft.over === null).length;
    counts.changed += stored.filter((draft) => draft.over !== null).length;
    touched = [...touched, ...stored, ...over, ...stored.flatMap((draft) => before.get(draft.linarcId) ?? [])];
    const next = open.filter((entry) => refused.has(entry.linarcId));
    counts.unchanged += open.length - next.length - stored.length;
    open = next;
  }
  await recheckCollisions(world, company, touched);
  const now = await world.costCodes.byLinarcIds(company.id, entries.map((entry) => entry.linarcId));
  counts.problems = now.filter((record) => record.status === 'needs_action' && record.excluded === null).length;
  return counts;
}

/**
 * Gives records that only a spreadsheet told of to the entries of Linarc's own that are meant by them. Returns the ids of entries that
 * must wait, lest their code be staged twice.
 */
async function takeOver(world: World, company: Tenant, entries: readonly Known[], by: Actor): Promise<ReadonlySet<string>> {
  const own = entries.filter(({ linarcId }) => !isFromSheet(linarcId));
  const ids = own.flatMap(({ linarcId, costCode }) => (costCode ? [linarcId, sheetId(costCode.code)] : [linarcId]));
  const at = new Date(world.clock.now());
  const waiting = new Set<string>();
  for (const { record, linarcId, step } of takeovers(own, byLinarcId(await world.costCodes.byLinarcIds(company, ids)))) {
    const change = step === 'take' ? { linarcId } : { excluded: { by: 'rule', byRule: true, reason: TAKEN_OVER, at } };
    const changed = step === 'wait' ? null : await world.costCodes.change(company, record.id, record.version, change);
    if (!changed) waiting.add(linarcId);
    else await world.history.add(company, [fact(world, record.id, by, step === 'take' ? 'changed' : 'excluded', [{ field: 'Source', from: 'Spreadsheet', to: 'Linarc' }])]);
  }
  return waiting;
}

function byLinarcId(records: readonly StagedRecord[]): Map<string, StagedRecord> {
  return new Map(records.map((record) => [record.linarcId, record]));
}

const NOWHERE = { code: '', divisionCode: '' } as const;

interface Division {
  readonly code: string;
  readonly name: string;
  readonly active: boolean;
}

/** The divisions these entries name; one is active when any of its codes is. */
function divisionsOf(entries: readonly Known[]): Division[] {
  const found = new Map<string, Division>();
  for (const { costCode } of entries) {
    if (!costCode || fold(costCode.divisionCode) === '') continue;
    const key = divisionId(costCode.divisionCode);
    const known = found.get(key);
    found.set(key, { code: costCode.divisionCode, name: known?.name || costCode.divisionName, active: costCode.active || (known?.active ?? false) });
  }
  return [...found.values()];
}

/** A division once active stays so while only some of its codes are looked at. */
function joined(division: Division, before: ReadonlyMap<string, StagedRecord>): Division {
  const standing = before.get(divisionId(division.code));
  return standing ? { ...division, name: division.name || standing.source.name, active: division.active || standing.source.active } : division;
}

async function remember(world: World, company: Tenant, drafts: readonly StagedDraft[], before: ReadonlyMap<string, StagedRecord>, by: Actor): Promise<void> {
  const stored = byLinarcId(await world.costCodes.byLinarcIds(company, drafts.map((draft) => draft.linarcId)));
  const facts = drafts.flatMap((draft) => {
    const record = stored.get(draft.linarcId);
    if (!record) return [];
    const former = before.get(draft.linarcId) ?? null;
    const kind = former === null ? 'imported' : former.goneAt === null ? 'changed' : 'returned';
    return [fact(world, record.id, by, kind, former === null ? [] : fieldChanges(former, draft))];
  });
  await world.history.add(company, facts);
}

const LABELS = { code: 'Cost Code', name: 'Task Name', taskType: 'Task Type', divisionCode: 'Division Code', divisionName: 'Division Name' } as const;

/** What changed about a record, in the screen's words. */
export function fieldChanges(before: StagedRecord, after: Pick<StagedDraft, 'source' | 'wanted' | 'raw'>): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [field, label] of Object.entries(LABELS) as [keyof typeof LABELS, string][]) {
    if (before.source[field] !== after.source[field]) changes.push({ field: label, from: before.source[field], to: after.source[field] });
  }
  if (before.source.active !== after.source.active) changes.push({ field: 'Task Code Status', from: activity(before.source.active), to: activity(after.source.active) });
  if (before.wanted.name !== after.wanted.name) changes.push({ field: 'Class name', from: before.wanted.name, to: after.wanted.name });
  const [from, to] = [before.wanted.parent, after.wanted.parent];
  if (from !== to) changes.push({ field: 'Parent class', from: shownParent(from), to: shownParent(to) });
  return changes.length > 0 ? changes : rawChanges(before.raw, after.raw);
}

/** A division by its code; another code's id says nothing to people. */
const shownParent = (parent: string | null) => (parent === null ? null : parent.startsWith('division:') ? `Division ${parent.slice('division:'.length)}` : 'A cost code above it');

const activity = (active: boolean) => (active ? 'Active' : 'Inactive');

/** Other fields of the Linarc record, which QuickBooks never sees. */
function rawChanges(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): FieldChange[] {
  const show = (value: unknown) => (value === undefined || value === null ? null : typeof value === 'string' ? value : JSON.stringify(value));
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((field) => field !== 'updatedAt');
  return fields.filter((field) => show(before[field]) !== show(after[field])).map((field) => ({ field, from: show(before[field]), to: show(after[field]) }));
}

/** A line of history about something done here, with an id of its own. */
export function fact(world: World, record: string, by: Actor, kind: Fact['kind'], changes: readonly FieldChange[]): Fact {
  const at = new Date(world.clock.now());
  return { id: world.random.hex(12), record, at, by, kind, changes, run: null, exchange: null, problem: null };
}

type Keyed = Pick<StagedRecord, 'codeKey' | 'wantedKey'>;

/**
 * Finds which records share a code or a class name with one of these, as they were or as they are, and says so on them; those that no
 * longer do are ready again.
 */
export async function recheckCollisions(world: World, company: Pick<Company, 'id' | 'settings'>, touched: readonly Keyed[]): Promise<void> {
  const concerned = await world.costCodes.byKeys(company.id, keysOf(touched));
  // Whether one of these still collides depends on all that share any of its keys; those that share a known one have been found.
  const rivals = sharesNoOther(concerned, touched) ? concerned : await world.costCodes.byKeys(company.id, keysOf(concerned));
  const ids = new Set(concerned.map((record) => record.id));
  for (const { record, status, problem: found } of collisions(rivals, company.settings.inactivate)) {
    if (ids.has(record.id)) await world.costCodes.change(company.id, record.id, record.version, { status, problem: found });
  }
}

function sharesNoOther(concerned: readonly Keyed[], touched: readonly Keyed[]): boolean {
  const [known, keys] = [keysOf(touched), keysOf(concerned)];
  const [codeKeys, wantedKeys] = [new Set(known.codeKeys), new Set(known.wantedKeys)];
  return keys.codeKeys.every((key) => codeKeys.has(key)) && keys.wantedKeys.every((key) => wantedKeys.has(key));
}

function keysOf(records: readonly Keyed[]): { codeKeys: string[]; wantedKeys: string[] } {
  const distinct = (keys: string[]) => [...new Set(keys)].filter((key) => key !== '');
  return { codeKeys: distinct(records.map((record) => record.codeKey)), wantedKeys: distinct(records.map((record) => record.wantedKey)) };
}
