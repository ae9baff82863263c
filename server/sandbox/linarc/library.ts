import { BLANK_FIELDS, costCodeId } from './records.ts';
import type { CostCode, CostCodeFields } from './records.ts';

/** What a reader asks of the library. `search` looks into code and name without regard to case; `ids` names at most a few. */
export type Question = {
  readonly updatedSince?: string | undefined;
  readonly search?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly status?: CostCode['status'] | undefined;
  readonly category?: CostCode['costTypeCategory'] | undefined;
  readonly division?: string | undefined;
};

/** The place of a record in the order a reader walks in: by id, or by last change and then id. */
export type Place = { readonly updatedAt?: string | undefined; readonly id: string };

export type Page = { readonly items: readonly CostCode[]; readonly next: Place | null; readonly total: number };

export type LibraryChange = { readonly kind: 'created' | 'updated' | 'deleted'; readonly record: CostCode };

const compareText = (a: string, b: string): number => Number(a > b) - Number(a < b);

/** Linarc's library is walked by id, so that an edit moves nothing; a reader of changes walks by the time of the change. */
const byId = (a: Place, b: Place): number => compareText(a.id, b.id);
const byChange = (a: Place, b: Place): number => compareText(a.updatedAt ?? '', b.updatedAt ?? '') || byId(a, b);

/** The index of the first record that does not come before `place`; records are in `order`. */
function firstNotBefore(records: readonly CostCode[], place: Place, order: typeof byId): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order(records[middle] as CostCode, place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const MOST_KEPT_VIEWS = 16;

/**
 * The cost codes of one company, held in two sorted lists, so that a page costs a binary search however large the library is.
 * A filtered view is worked out once and kept until the library changes.
 */
export class CostCodeLibrary {
  readonly #companyId: string;
  readonly #now: () => number;
  readonly #onChange: (change: LibraryChange) => void;
  readonly #records = new Map<string, CostCode>();
  readonly #views = new Map<string, CostCode[]>();
  #inIdOrder: CostCode[] = [];
  #inChangeOrder: CostCode[] = [];
  #lastChange = 0;

  constructor(companyId: string, now: () => number, onChange: (change: LibraryChange) => void) {
    this.#companyId = companyId;
    this.#now = now;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#records.size;
  }

  get(id: string): CostCode | undefined {
    return this.#records.get(id);
  }

  /** Puts a whole library in the place of this one. Announces nothing: it is a new world, not an edit. */
  replaceAll(records: Iterable<CostCode>): void {
    this.#records.clear();
    for (const record of records) this.#records.set(record.id, record);
    this.#inIdOrder = [...this.#records.values()].sort(byId);
    this.#inChangeOrder = [...this.#inIdOrder].sort(byChange);
    this.#lastChange = Date.parse(this.#inChangeOrder.at(-1)?.updatedAt ?? '') || 0;
    this.#views.clear();
  }

  add(fields: Partial<CostCodeFields>): CostCode {
    const moment = this.#tick();
    const at = new Date(moment).toISOString();
    const id = costCodeId(this.#companyId, moment);
    const record: CostCode = { id, ...BLANK_FIELDS, ...fields, createdAt: at, updatedAt: at };
    this.#put(record);
    this.#onChange({ kind: 'created', record });
    return record;
  }

  /** Changes the named fields; undefined when there is no such code. An edit that changes nothing leaves the record as it is. */
  change(id: string, fields: Partial<CostCodeFields>): CostCode | undefined {
    const before = this.#records.get(id);
    if (!before) return undefined;
    const keys = Object.keys(fields) as (keyof CostCodeFields)[];
    if (keys.every((key) => fields[key] === before[key])) return before;
    const record: CostCode = { ...before, ...fields, updatedAt: new Date(this.#tick()).toISOString() };
    this.#drop(before);
    this.#put(record);
    this.#onChange({ kind: 'updated', record });
    return record;
  }

  remove(id: string): CostCode | undefined {
    const record = this.#records.get(id);
    if (!record) return undefined;
    this.#drop(record);
    this.#onChange({ kind: 'deleted', record });
    return record;
  }

  /**
   * One page of the answer to a question, from the place after `after`. A place is a key and not a count, so records that are
   * added, edited or deleted between two pages neither hide nor double others. With `updatedSince` a record that is edited
   * during the walk comes again at its end.
   */
  page(question: Question, limit: number, after: Place | null): Page {
    const order = question.updatedSince ? byChange : byId;
    const view = this.matching(question);
    const start = after ? this.#indexAfter(view, after, order) : 0;
    const items = view.slice(start, start + limit);
    const last = items.at(-1);
    const more = start + items.length < view.length;
    const next = more && last ? (question.updatedSince ? { id: last.id, updatedAt: last.updatedAt } : { id: last.id }) : null;
    return { items, next, total: view.length };
  }

  /** Everything that answers a question, in walking order. */
  matching(question: Question): readonly CostCode[] {
    if (question.ids) return this.#named(question);
    const view = this.#view(question);
    if (!question.updatedSince) return view;
    return view.slice(firstNotBefore(view, { id: '', updatedAt: question.updatedSince }, byChange));
  }

  #indexAfter(view: readonly CostCode[], after: Place, order: typeof byId): number {
    const index = firstNotBefore(view, after, order);
    const found = view[index];
    return found && order(found, after) === 0 ? index + 1 : index;
  }

  #named(question: Question): CostCode[] {
    const named = [...new Set(question.ids)].map((id) => this.#records.get(id)).filter((record) => record !== undefined);
    const since = question.updatedSince ?? '';
    return named
      .filter((record) => record.updatedAt >= since && fits(record, question))
      .sort(question.updatedSince ? byChange : byId);
  }

  #view(question: Question): CostCode[] {
    const all = question.updatedSince ? this.#inChangeOrder : this.#inIdOrder;
    if (!question.search && !question.status && !question.category && !question.division) return all;
    const { search, status, category, division } = question;
    const key = JSON.stringify([Boolean(question.updatedSince), search?.toLowerCase(), status, category, division]);
    const kept = this.#views.get(key);
    if (kept) return kept;
    const view = all.filter((record) => fits(record, question));
    if (this.#views.size >= MOST_KEPT_VIEWS) this.#views.clear();
    this.#views.set(key, view);
    return view;
  }

  #put(record: CostCode): void {
    this.#records.set(record.id, record);
    insert(this.#inIdOrder, record, byId);
    insert(this.#inChangeOrder, record, byChange);
    this.#views.clear();
  }

  #drop(record: CostCode): void {
    this.#records.delete(record.id);
    this.#inIdOrder.splice(firstNotBefore(this.#inIdOrder, record, byId), 1);
    this.#inChangeOrder.splice(firstNotBefore(this.#inChangeOrder, record, byChange), 1);
    this.#views.clear();
  }

  /** The moment of a change, never the same twice: a reader that stopped at one change must not miss its neighbour. */
  #tick(): number {
    this.#lastChange = Math.max(this.#now(), this.#lastChange + 1);
    return this.#lastChange;
  }
}

function insert(records: CostCode[], record: CostCode, order: typeof byId): void {
  records.splice(firstNotBefore(records, record, order), 0, record);
}

function fits(record: CostCode, { search, status, category, division }: Question): boolean {
  if (status && record.status !== status) return false;
  if (category && record.costTypeCategory !== category) return false;
  if (division && record.divisionCode !== division) return false;
  if (!search) return true;
  const wanted = search.toLowerCase();
  return record.costCode.toLowerCase().includes(wanted) || record.costCodeName.toLowerCase().includes(wanted);
}
