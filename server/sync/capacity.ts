import { capacityOf, classLimit, mayGoBeyond, type Capacity } from '../core/capacity.ts';
import type { Company } from '../core/company.ts';
import { plan } from '../core/plan.ts';
import type { Actor, StagedRecord, Tenant } from '../core/records.ts';
import type { Asked } from '../core/run.ts';
import { COMPANY_RECORD } from '../core/settings.ts';
import { booksOf, isMirrorStale, isOutside, refreshClasses } from './classes.ts';
import { fact } from './import.ts';
import { surroundingsOf } from './surroundings.ts';
import type { World } from './world.ts';

/** Plan and class tracking are read again before a push when they are older: they change rarely, and each reading is metered. */
const FACTS_AGE = 3_600_000;
const CHUNK = 300;

/** Why a push is not begun, with what a person can do about it. */
export type Hindrance =
  | { readonly kind: 'tracking_off' }
  | { readonly kind: 'no_classes'; readonly plan: string | null }
  | { readonly kind: 'no_room'; readonly capacity: Capacity; readonly needed: Needed };

/** The new classes a push would make. */
export interface Needed {
  readonly classes: number;
  /** Ids of the division records among them. */
  readonly divisions: readonly string[];
  /** Ids of those codes that projects in Linarc use, with what has to stand above them counted in `inUseClasses`. */
  readonly inUse: readonly string[];
  readonly inUseClasses: number;
}

/** What the company's plan leaves, by the mirror of its classes; null where no limit is known. */
export async function companyCapacity(world: World, company: Company): Promise<Capacity | null> {
  return classLimit(company.plan) === null ? null : capacityOf(company, (await world.classes.count(company.id)).active);
}

/** How many classes may still be made active; Infinity where nothing limits them. */
export async function roomOf(world: World, id: Tenant): Promise<number> {
  const company = await world.companies.get(id);
  const capacity = company && !mayGoBeyond(company) ? await companyCapacity(world, company) : null;
  return capacity?.room ?? Infinity;
}

/** Reads plan, class tracking and locations from QuickBooks again. Throws BooksError, GrantError. */
export async function refreshFacts(world: World, company: Tenant): Promise<void> {
  const facts = await (await booksOf(world, company)).facts();
  await world.companies.saveFacts(company, facts, new Date(world.clock.now()));
}

/** Reads again all that decides about room: the plan and the classes. Throws BooksError, GrantError. */
export async function checkAgain(world: World, company: Tenant): Promise<void> {
  await refreshFacts(world, company);
  await refreshClasses(world, company);
}

/** Keeps, with the person's name, that classes beyond the plan's limit are made all the same; or takes that back. */
export async function goBeyond(world: World, company: Company, actor: Actor, wanted: boolean): Promise<void> {
  if (wanted === mayGoBeyond(company)) return;
  const at = new Date(world.clock.now());
  await world.companies.saveOverLimit(company.id, wanted ? { by: actor, at, plan: company.plan } : null);
  const words = (on: boolean) => (on ? 'true' : 'false');
  const change = { field: 'overLimit', from: words(!wanted), to: words(wanted) };
  await world.history.add(company.id, [fact(world, COMPANY_RECORD, actor, 'changed', [change])]);
}

/**
 * What stands in the way of this push as a whole: class tracking is off, the plan has no classes, or fewer than the push would make.
 * Where something limits the company this is read again first, since somebody may have mended it or used up the room.
 */
export async function hindranceOf(world: World, id: Tenant, asked: Asked): Promise<Hindrance | null> {
  const known = await world.companies.get(id);
  if (!known) return null;
  const isOld = known.factsAt === null || world.clock.now() - known.factsAt.getTime() > FACTS_AGE;
  const isLimited = classLimit(known.plan) !== null;
  if (!isOld && !isLimited && known.classTracking !== 'off') return null;
  return judge(world, (await factsAgain(world, known, isLimited && isMirrorStale(world, known))) ?? known, asked);
}

/** Null when QuickBooks cannot be read just now: then what is known counts. */
async function factsAgain(world: World, { id, connection }: Company, classesToo: boolean): Promise<Company | null> {
  if (connection !== 'connected') return null;
  try {
    await (classesToo ? checkAgain(world, id) : refreshFacts(world, id));
    return await world.companies.get(id);
  } catch (error) {
    if (!isOutside(error)) throw error;
    world.log.warn({ company: id, error: error.name }, 'plan and class tracking could not be read before a push');
    return null;
  }
}

async function judge(world: World, company: Company, asked: Asked): Promise<Hindrance | null> {
  // A plan without classes has no tracking to turn on either.
  if (classLimit(company.plan) === 0) return { kind: 'no_classes', plan: company.plan };
  if (company.classTracking === 'off') return { kind: 'tracking_off' };
  const capacity = await companyCapacity(world, company);
  if (capacity === null) return null;
  if (mayGoBeyond(company)) return null;
  const needed = await neededBy(world, company, asked);
  return needed.classes > capacity.room ? { kind: 'no_room', capacity, needed } : null;
}

/** How many classes this push would make or reactivate, the parents it draws in counted too. */
async function neededBy(world: World, company: Company, asked: Asked): Promise<Needed> {
  const made = new Map<string, StagedRecord>();
  const add = async (chunk: readonly StagedRecord[]) => {
    const around = await surroundingsOf(world, company.id, chunk, true);
    for (const record of chunk) if (takesRoom(plan(record, around(record), company.settings))) made.set(record.linarcId, record);
  };
  const chunk: StagedRecord[] = [];
  for await (const record of world.costCodes.stream(company.id, asked)) {
    if (isPushable(record)) chunk.push(record);
    if (chunk.length === CHUNK) await add(chunk.splice(0));
  }
  await add(chunk);
  const above = await parentsOf(world, company, [...made.values()], add, made);
  const all = [...made.values()];
  const inUse = all.filter(({ kind, raw }) => kind === 'cost_code' && raw['locked'] === true);
  return {
    classes: all.length,
    divisions: all.filter(({ kind }) => kind === 'division').map(({ id }) => id),
    inUse: inUse.map(({ id }) => id),
    inUseClasses: new Set(inUse.flatMap(({ linarcId }) => [linarcId, ...above(linarcId)])).size,
  };
}

function isPushable({ status, excluded, run }: StagedRecord): boolean {
  return run === null && excluded === null && (status === 'needs_sync' || status === 'failed');
}

export function takesRoom({ changes }: { readonly changes: readonly string[] }): boolean {
  return changes.includes('create') || changes.includes('reactivate');
}

/** Draws in the parents a run would draw in. Returns who of them stands above a record. */
async function parentsOf(
  world: World,
  company: Company,
  records: readonly StagedRecord[],
  add: (chunk: readonly StagedRecord[]) => Promise<void>,
  made: ReadonlyMap<string, StagedRecord>,
): Promise<(linarcId: string) => string[]> {
  let open = records;
  while (open.length > 0) {
    const wanted = [...new Set(open.flatMap(({ wanted: { parent } }) => (parent === null || made.has(parent) ? [] : [parent])))];
    const before = made.size;
    const parents = (await world.costCodes.byLinarcIds(company.id, wanted)).filter(isPushable);
    await add(parents);
    open = made.size > before ? parents : [];
  }
  const above = (linarcId: string): string[] => {
    const parent = made.get(linarcId)?.wanted.parent ?? null;
    return parent !== null && made.has(parent) ? [parent, ...above(parent)] : [];
  };
  return above;
}
