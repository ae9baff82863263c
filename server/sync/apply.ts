import type { Company } from '../core/company.ts';
import { cleanName, fold } from '../core/names.ts';
import type { StagedDraft } from '../core/ports.ts';
import type { Actor, Fact, StagedRecord, Tenant } from '../core/records.ts';
import { restaged, restagedDivision } from '../core/stage.ts';
import { divisionId, LEVELS, placeOf } from '../core/tree.ts';
import { fact, fieldChanges, recheckCollisions } from './import.ts';
import { lookupFor } from './placing.ts';
import type { World } from './world.ts';

/** Records worked out together. */
const CHUNK = 500;

/**
 * Works out every staged record again after the settings changed, or a tree got new codes. Nothing is sent to QuickBooks: what now differs
 * from its class is ready to be synced. What a run has in hand, and all of it while an import is under way, is left to the next round.
 */
export async function applySettings(world: World, id: Tenant): Promise<void> {
  // In this order: settings saved after the first reading ask anew.
  const asked = (await world.fresh.rounds.upkeep(id))?.toApply ?? null;
  const company = await world.companies.get(id);
  if (asked === null || company === null || isImporting(world, company)) return;
  const pass = { changed: 0, left: 0 };
  // What a rule leaves out has nothing below it any more, which the next pass sees.
  for (let n = 0; n < LEVELS; n += 1) {
    const { changed, left } = await passOverAll(world, company);
    pass.changed += changed;
    pass.left = left;
    if (company.settings.structure !== 'tree' || changed === 0) break;
  }
  if (pass.left === 0) await world.fresh.rounds.applied(company.id, asked);
  world.log.info({ company: company.id, ...pass }, 'settings applied to the staged codes');
}

/** An import that died leaves no word; nothing waits for it longer than one takes. */
const LONGEST_IMPORT = 30 * 60_000;

function isImporting({ clock }: World, { import: last }: Company): boolean {
  return last?.state === 'running' && clock.now() - last.startedAt.getTime() < LONGEST_IMPORT;
}

interface Pass {
  changed: number;
  /** Could not be written now. */
  left: number;
}

interface Division {
  readonly code: string;
  readonly name: string;
  readonly active: boolean;
  readonly needed: boolean;
}

async function passOverAll(world: World, company: Company): Promise<Pass> {
  const pass: Pass = { changed: 0, left: 0 };
  const divisions = new Map<string, Division>();
  const standing = new Map<string, StagedRecord>();
  for (const excluded of [false, true]) {
    const chunk: StagedRecord[] = [];
    for await (const record of world.costCodes.stream(company.id, { kind: 'matching', filter: { excluded }, except: [] })) {
      if (record.kind === 'division') standing.set(record.linarcId, record);
      else chunk.push(record);
      if (chunk.length === CHUNK) await passOver(world, company, chunk.splice(0), divisions, pass);
    }
    await passOver(world, company, chunk, divisions, pass);
  }
  await passOverDivisions(world, company, divisions, standing, pass);
  return pass;
}

async function passOver(world: World, company: Company, chunk: readonly StagedRecord[], divisions: Map<string, Division>, pass: Pass): Promise<void> {
  const { settings } = company;
  const lookup = await lookupFor(world, company, chunk.map(({ linarcId, source }) => ({ linarcId, costCode: source })));
  const places = new Map(chunk.map((record) => [record.id, placeOf(record.source, settings.structure, lookup)]));
  const parents = await world.costCodes.byLinarcIds(company.id, [...new Set([...places.values()].flatMap(({ parent }) => parent ?? []))]);
  const classes = new Map(parents.map(({ linarcId, link }) => [linarcId, link?.id ?? '']));
  const at = new Date(world.clock.now());
  const drafts = chunk.flatMap((record) => {
    const place = places.get(record.id) ?? { parent: null, level: 0 };
    const draft = restaged(record, settings, at, place, place.parent === null ? null : classes.get(place.parent) ?? '');
    const isOpen = (draft ?? record).excluded === null && record.goneAt === null;
    if (isOpen) noteDivision(divisions, record, place.parent);
    if (record.run !== null && settings.leaveOut.some((type) => fold(type) === fold(record.source.taskType))) pass.left += 1;
    return draft ?? [];
  });
  await store(world, company, drafts, chunk, pass);
}

function noteDivision(divisions: Map<string, Division>, { source }: StagedRecord, parent: string | null): void {
  if (cleanName(source.divisionCode) === '') return;
  const id = divisionId(source.divisionCode);
  const known = divisions.get(id);
  divisions.set(id, {
    code: known?.code ?? source.divisionCode,
    name: known?.name || source.divisionName,
    active: source.active || (known?.active ?? false),
    needed: parent === id || (known?.needed ?? false),
  });
}

async function passOverDivisions(
  world: World,
  company: Company,
  divisions: ReadonlyMap<string, Division>,
  standing: ReadonlyMap<string, StagedRecord>,
  pass: Pass,
): Promise<void> {
  const at = new Date(world.clock.now());
  const all = new Map([...[...standing].map(([id, { source }]): [string, Division] => [id, { ...source, needed: false }]), ...divisions]);
  const drafts = [...all].flatMap(([id, { code, name, active, needed }]) => {
    const record = standing.get(id) ?? null;
    return restagedDivision({ code, name: name || (record?.source.name ?? ''), active, needed }, record, company.settings, at) ?? [];
  });
  await store(world, company, drafts, [...standing.values()], pass);
}

async function store(world: World, company: Company, drafts: readonly StagedDraft[], before: readonly StagedRecord[], pass: Pass): Promise<void> {
  if (drafts.length === 0) return;
  const refused = new Set((await world.costCodes.stage(company.id, drafts)).map(({ linarcId }) => linarcId));
  const stored = drafts.filter(({ linarcId }) => !refused.has(linarcId));
  pass.changed += stored.length;
  pass.left += refused.size;
  const former = new Map(before.map((record) => [record.linarcId, record]));
  const changed = stored.flatMap((draft) => {
    const record = former.get(draft.linarcId);
    return record ? [{ record, draft }] : [];
  });
  const by = byWhom(company);
  await world.history.add(company.id, changed.flatMap(({ record, draft }) => factsOf(world, by, record, draft)));
  await recheckCollisions(world, company, [...stored, ...changed.map(({ record }) => record)]);
}

function byWhom({ settingsChange }: Company): Actor {
  const who = settingsChange?.by;
  return { kind: 'automatic', what: who?.kind === 'person' ? `Settings saved by ${who.name}` : 'Settings' };
}

function factsOf(world: World, by: Actor, record: StagedRecord, draft: StagedDraft): Fact[] {
  const changes = fieldChanges(record, draft);
  const facts = changes.length > 0 ? [fact(world, record.id, by, 'changed', changes)] : [];
  if (draft.excluded !== null && draft.excluded.reason !== record.excluded?.reason) {
    return [...facts, fact(world, record.id, by, 'excluded', [{ field: 'Reason', from: null, to: draft.excluded.reason }])];
  }
  return draft.excluded === null && record.excluded !== null ? [...facts, fact(world, record.id, by, 'included', [])] : facts;
}
