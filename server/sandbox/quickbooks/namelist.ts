import { faults, ServiceFault } from './faults.ts';
import { Ordered } from './ordered.ts';
import type { Entry } from './ordered.ts';
import type { Switches } from './switches.ts';
import { secondsTime } from './clock.ts';

/** Class and Department (called Location in QuickBooks) are the same kind of list: names in a tree of at most five levels. */
export type ListEntity = 'Class' | 'Department';

/** Fields a query may sort by, with the key that sorts. Text compares without case. */
const ORDER_KEYS = {
  Id: (record: ListRecord) => record.seq,
  Name: (record: ListRecord) => fold(record.name),
  FullyQualifiedName: (record: ListRecord) => fold(record.fqn),
  'MetaData.CreateTime': (record: ListRecord) => record.created,
  'MetaData.LastUpdatedTime': (record: ListRecord) => record.updated,
  /** Children right under their parent: a plain order of full names would put "A B" between "A" and "A:C". Not for queries. */
  Tree: (record: ListRecord) => fold(record.fqn).replaceAll(':', '\u0000'),
} as const;
export type OrderField = keyof typeof ORDER_KEYS;
export const ORDER_FIELDS = Object.keys(ORDER_KEYS) as OrderField[];

const MAX_NAME = 100;
const MAX_DEPTH = 5;
/** What an inactivated name ends with, in every known spelling (quickbooks.md §2.2). */
const SUFFIX = / \(deleted\)( \d+)?$/i;

export interface ListRecord {
  /** The number behind the id; ids grow with it. */
  readonly seq: number;
  readonly id: string;
  name: string;
  parent: ListRecord | null;
  readonly children: Set<ListRecord>;
  active: boolean;
  syncToken: number;
  /** Wall time in ms, whole seconds. */
  created: number;
  updated: number;
  /** Who wrote last: the user whom fault 5010 names. */
  editor: string;
  fqn: string;
  depth: number;
  /** Its place in each order that has been asked for. */
  readonly places: Map<string, Entry<ListRecord>>;
}

/** What a client wrote, read by `readListInput`; `undefined` = left out. */
export interface ListInput {
  readonly id?: string;
  readonly syncToken?: string;
  readonly name?: string;
  readonly parentId?: string | null;
  readonly active?: boolean;
  readonly claimsParent: boolean;
  readonly sparse: boolean;
}

/** What a write is judged by. */
export interface Writing {
  readonly switches: Switches;
  readonly editor: string;
  /** Wall time in ms. */
  readonly now: number;
  /** Ids made by earlier parts of the same batch: parts see nothing of each other (quickbooks.md §3.3). */
  readonly unseen?: ReadonlySet<string>;
  /** Asked before a record becomes active, at creation or again: the plan's say. */
  readonly mayAdd?: () => ServiceFault | undefined;
}

export type ChangeKind = 'Create' | 'Update' | 'Inactivate' | 'Merge';
type KeptRecord = [name: string, parent: number, active: 0 | 1, syncToken: number, created: number, updated: number,
  editor: string];
interface Wanted { name: string; parent: ListRecord | null; active: boolean }

/** Names compare case-folded and in one Unicode form (quickbooks.md §2.3). */
export function fold(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/** The name without the ending that inactivation adds. */
export function bareName(name: string): string {
  return name.replace(SUFFIX, '');
}

/**
 * One company's classes or departments, with Intuit's rules (quickbooks.md §2). Every look-up goes through an index, so that a
 * list of 50,000 answers as a list of 50 does.
 */
export class NameList {
  readonly entity: ListEntity;
  readonly #idPrefix: string;
  readonly #changed: (record: ListRecord, kind: ChangeKind, gone?: ListRecord) => void;
  readonly #keep: (seq: number, value: KeptRecord | null) => void;
  /** Records that were merged into others, for CDC; forgotten with the process. */
  readonly #merged: ListRecord[] = [];
  readonly #byId = new Map<string, ListRecord>();
  /** By parent and folded bare name. */
  readonly #siblings = new Map<string, ListRecord[]>();
  readonly #byName = new Map<string, Set<ListRecord>>();
  readonly #byFqn = new Map<string, Set<ListRecord>>();
  readonly #orders = new Map<string, { field: OrderField; activeOnly: boolean; order: Ordered<ListRecord> }>();
  #nextSeq: number;
  #activeCount = 0;

  /**
   * @param firstSeq the number of the first record. @param idPrefix put before numbers of seven digits to make ids of 19; '' for
   * short ids.
   * @param changed told of each write by a client or a person, not of cascades. @param keep stores a record for the next start; null
   * forgets it.
   */
  constructor(
    entity: ListEntity, firstSeq: number, idPrefix: string,
    changed: (record: ListRecord, kind: ChangeKind, gone?: ListRecord) => void, keep: (seq: number, value: KeptRecord | null) => void,
  ) {
    this.entity = entity;
    this.#nextSeq = firstSeq;
    this.#idPrefix = idPrefix;
    this.#changed = changed;
    this.#keep = keep;
  }

  get count(): number {
    return this.#byId.size;
  }

  get activeCount(): number {
    return this.#activeCount;
  }

  find(id: string): ListRecord | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<ListRecord> {
    return this.#byId.values();
  }

  /** Records of this name, whatever their case, inactive ones included. */
  named(name: string): Iterable<ListRecord> {
    return this.#byName.get(fold(name)) ?? [];
  }

  /** Records of this full name, whatever their case, inactive ones included. */
  fullyNamed(fqn: string): Iterable<ListRecord> {
    return this.#byFqn.get(fold(fqn)) ?? [];
  }

  /** The list in order, ascending; kept up to date from the first request on. */
  ordered(field: OrderField, activeOnly: boolean): Ordered<ListRecord> {
    const key = `${field}${activeOnly ? '' : '+'}`;
    const known = this.#orders.get(key);
    if (known) return known.order;
    const order = new Ordered<ListRecord>();
    this.#orders.set(key, { field, activeOnly, order });
    for (const record of this.#byId.values()) {
      if (record.active || !activeOnly) record.places.set(key, order.add(ORDER_KEYS[field](record), record.seq, record));
    }
    return order;
  }

  /** Adds a record. */
  create(input: ListInput, writing: Writing): ListRecord | ServiceFault {
    const wanted = this.#wanted(undefined, input, writing);
    if (wanted instanceof ServiceFault) return wanted;
    const refusal = this.#refusal(undefined, wanted, writing) ?? (wanted.active ? writing.mayAdd?.() : undefined);
    if (refusal) return refusal;
    const now = wholeSecond(writing.now);
    const seq = this.#nextSeq;
    const record: ListRecord = {
      seq, id: this.#idOf(seq), name: this.#storedName(undefined, wanted, writing.switches), parent: wanted.parent,
      children: new Set(),
      active: wanted.active, syncToken: 0, created: now, updated: now, editor: writing.editor, fqn: '', depth: 1,
      places: new Map(),
    };
    this.#nextSeq += 1;
    this.#byId.set(record.id, record);
    wanted.parent?.children.add(record);
    this.#enter(record);
    this.#save(record);
    this.#changed(record, 'Create');
    return record;
  }

  /**
   * Replaces a record's writable fields (quickbooks.md §2.2). A write that changes nothing changes nothing, the SyncToken
   * included.
   */
  update(input: ListInput, writing: Writing): ListRecord | ServiceFault {
    const record = input.id === undefined || writing.unseen?.has(input.id) ? undefined : this.#byId.get(input.id);
    if (!record) return faults.notFound();
    if (input.syncToken === undefined) return faults.required('SyncToken');
    if (input.syncToken !== String(record.syncToken)) return faults.stale(record.editor);
    if (input.sparse && writing.switches.sparseUpdate === 'refuse') {
      return faults.unsupportedOperation(`Sparse update of ${this.entity}`);
    }
    const wanted = this.#wanted(record, input, writing);
    if (wanted instanceof ServiceFault) return wanted;
    const name = this.#storedName(record, wanted, writing.switches);
    if (name === record.name && wanted.parent === record.parent && wanted.active === record.active) return record;
    const refusal = this.#refusal(record, wanted, writing) ?? (wanted.active && !record.active ? writing.mayAdd?.() : undefined);
    if (refusal) return refusal;
    const kind = record.active && !wanted.active ? 'Inactivate' : 'Update';
    if (kind === 'Inactivate' && writing.switches.inactivateParent === 'inactivates-children') {
      this.#inactivateBelow(record, writing);
    }
    this.#apply(record, { ...wanted, name }, writing);
    this.#changed(record, kind);
    return record;
  }

  /**
   * Makes two records one, as a person does who gives a record the name of another: `record` is gone afterwards, and what was booked on it
   * counts for `into`.
   */
  merge(record: ListRecord, into: ListRecord, { now }: Pick<Writing, 'now'>): ServiceFault | undefined {
    if (record === into || record.parent !== into.parent || !into.active || record.children.size > 0) {
      return faults.businessRule('Only two of the same level can be merged, the first without any below it.');
    }
    this.#leave(record);
    record.parent?.children.delete(record);
    this.#byId.delete(record.id);
    this.#keep(record.seq, null);
    record.updated = wholeSecond(now);
    this.#merged.push(record);
    this.#changed(into, 'Merge', record);
    return undefined;
  }

  /** Those merged into others since a time. */
  mergedSince(ms: number): readonly ListRecord[] {
    return this.#merged.filter(({ updated }) => updated >= ms);
  }

  /** As the API shows it (A2.1). */
  toJson(record: ListRecord): Record<string, unknown> {
    return {
      FullyQualifiedName: record.fqn,
      domain: 'QBO',
      Name: record.name,
      SyncToken: String(record.syncToken),
      [`Sub${this.entity}`]: record.parent !== null,
      ...(record.parent ? { ParentRef: { value: record.parent.id } } : {}),
      sparse: false,
      Active: record.active,
      Id: record.id,
      MetaData: { CreateTime: secondsTime(record.created), LastUpdatedTime: secondsTime(record.updated) },
    };
  }

  /** Takes back what `keep` stored. */
  restore(kept: Iterable<[seq: number, value: KeptRecord]>): void {
    const parents = new Map<ListRecord, number>();
    const bySeq = new Map<number, ListRecord>();
    for (const [seq, [name, parent, active, syncToken, created, updated, editor]] of kept) {
      const record: ListRecord = {
        seq, id: this.#idOf(seq), name, parent: null, children: new Set(), active: active === 1, syncToken, created, updated,
        editor,
        fqn: '', depth: 1, places: new Map(),
      };
      bySeq.set(seq, record);
      this.#byId.set(record.id, record);
      if (parent > 0) parents.set(record, parent);
      this.#nextSeq = Math.max(this.#nextSeq, seq + 1);
    }
    for (const [record, parentSeq] of parents) {
      record.parent = bySeq.get(parentSeq) ?? null;
      record.parent?.children.add(record);
    }
    const waiting = [...bySeq.values()].filter((record) => record.parent === null);
    for (let record = waiting.pop(); record; record = waiting.pop()) {
      this.#enter(record);
      for (const child of record.children) waiting.push(child);
    }
  }

  #idOf(seq: number): string {
    return this.#idPrefix === '' ? String(seq) : this.#idPrefix + String(seq).padStart(7, '0');
  }

  /** The fields as they should become; a full update puts what was left out back to its default. */
  #wanted(record: ListRecord | undefined, input: ListInput, { switches, unseen }: Writing): Wanted | ServiceFault {
    const keepsRest = input.sparse && record !== undefined;
    const given = input.name ?? (keepsRest ? record.name : undefined);
    const name = given !== undefined && switches.outerBlanks === 'trim' ? given.trim() : given;
    if (name === undefined || name === '') return faults.required('Name');
    if (input.claimsParent && input.parentId === undefined && switches.subClassWithoutParent === '6150') {
      return faults.parentRequired();
    }
    const active = input.active ?? (keepsRest ? record.active : true);
    if (input.parentId === null) return { name, parent: null, active };
    if (input.parentId === undefined) {
      const keepsParent = record !== undefined && (keepsRest || switches.updateWithoutParentRef === 'keep');
      return { name, parent: keepsParent ? record.parent : null, active };
    }
    const parent = unseen?.has(input.parentId) ? undefined : this.#byId.get(input.parentId);
    return parent ? { name, parent, active } : faults.noReference(this.entity, input.parentId);
  }

  /** The first rule the wanted fields break. */
  #refusal(record: ListRecord | undefined, wanted: Wanted, { switches }: Writing): ServiceFault | undefined {
    const plain = wanted.active ? wanted.name : bareName(wanted.name);
    if (plain.length > MAX_NAME) return faults.length(plain.length);
    if (/[:\t\n\r]/.test(plain) || (switches.doubleQuote === '2040' && plain.includes('"'))) return faults.characters(plain);
    if (wanted.parent && !wanted.parent.active && (wanted.parent !== record?.parent || (wanted.active && !record.active))) {
      return switches.inactiveParent === '610' ? faults.notFound() : faults.inactiveReference();
    }
    if (record && wanted.parent && isWithin(wanted.parent, record)) return faults.parentIsChild();
    const depth = (wanted.parent?.depth ?? 0) + (record ? height(record) : 1);
    if (depth > MAX_DEPTH) return faults.tooDeep();
    if (wanted.active && this.#isTaken(record, wanted, switches)) {
      return faults.duplicateName(switches.duplicateText, this.entity);
    }
    if (record?.active && !wanted.active && switches.inactivateParent === '800' && hasActiveChild(record)) {
      return faults.hasDependencies();
    }
    return undefined;
  }

  #isTaken(record: ListRecord | undefined, wanted: Wanted, switches: Switches): boolean {
    const clashes = (other: ListRecord): boolean => {
      if (other === record) return false;
      if (switches.uniqueness === 'exact' && bareNameOf(other) !== wanted.name && other.name !== wanted.name) return false;
      return other.active || switches.inactiveNameReuse === '6240' || fold(other.name) === fold(wanted.name);
    };
    if (switches.uniqueness === 'whole-list' && [...this.named(wanted.name)].some(clashes)) return true;
    const names = new Set([fold(wanted.name), fold(bareName(wanted.name))]);
    return [...names].some((name) => this.#siblings.get(siblingKey(wanted.parent, name))?.some(
      (other) => clashes(other) && (fold(other.name) === fold(wanted.name) || name === fold(wanted.name)),
    ));
  }

  /** Inactive records end with the suffix; one that has it keeps it, and a second of the same name is numbered. */
  #storedName(record: ListRecord | undefined, wanted: Wanted, switches: Switches): string {
    if (wanted.active) return wanted.name;
    if (record && !record.active && fold(bareName(wanted.name)) === fold(bareName(record.name))) return record.name;
    const suffix = switches.inactiveSuffix === '(Deleted)' ? ' (Deleted)' : ' (deleted)';
    const base = bareName(wanted.name) + suffix;
    const twins = (this.#siblings.get(siblingKey(wanted.parent, fold(bareName(wanted.name)))) ?? []).filter((other) =>
      other !== record);
    const taken = new Set(twins.map((other) => fold(other.name)));
    let number = switches.inactiveSuffix === 'numbered' ? 1 : 0;
    while (taken.has(fold(number === 0 ? base : `${base} ${number}`))) number += 1;
    return number === 0 ? base : `${base} ${number}`;
  }

  #inactivateBelow(record: ListRecord, writing: Writing): void {
    for (const child of record.children) {
      this.#inactivateBelow(child, writing);
      if (!child.active) continue;
      const wanted = { name: child.name, parent: child.parent, active: false };
      this.#apply(child, { ...wanted, name: this.#storedName(child, wanted, writing.switches) }, writing);
    }
  }

  #apply(record: ListRecord, wanted: Wanted, writing: Writing): void {
    const now = wholeSecond(writing.now);
    const moves = wanted.name !== record.name || wanted.parent !== record.parent;
    const below = moves ? descendants(record) : [];
    for (const each of [record, ...below]) this.#leave(each);
    record.parent?.children.delete(record);
    wanted.parent?.children.add(record);
    Object.assign(record, wanted, { syncToken: record.syncToken + 1, updated: now, editor: writing.editor });
    this.#enter(record);
    this.#save(record);
    for (const each of below) {
      each.updated = now;
      if (writing.switches.childSyncTokenOnParentRename === 'bumped') each.syncToken += 1;
      this.#enter(each);
      this.#save(each);
    }
  }

  /** Puts a record into every index, its full name worked out from its parent, which is in already. */
  #enter(record: ListRecord): void {
    record.fqn = record.parent ? `${record.parent.fqn}:${record.name}` : record.name;
    record.depth = (record.parent?.depth ?? 0) + 1;
    const key = siblingKey(record.parent, fold(bareNameOf(record)));
    const twins = this.#siblings.get(key);
    if (twins) twins.push(record);
    else this.#siblings.set(key, [record]);
    addTo(this.#byName, fold(record.name), record);
    addTo(this.#byFqn, fold(record.fqn), record);
    if (record.active) this.#activeCount += 1;
    for (const [orderKey, { field, activeOnly, order }] of this.#orders) {
      if (record.active || !activeOnly) record.places.set(orderKey, order.add(ORDER_KEYS[field](record), record.seq, record));
    }
  }

  #leave(record: ListRecord): void {
    const key = siblingKey(record.parent, fold(bareNameOf(record)));
    const twins = (this.#siblings.get(key) ?? []).filter((other) => other !== record);
    if (twins.length > 0) this.#siblings.set(key, twins);
    else this.#siblings.delete(key);
    takeFrom(this.#byName, fold(record.name), record);
    takeFrom(this.#byFqn, fold(record.fqn), record);
    if (record.active) this.#activeCount -= 1;
    for (const [orderKey, place] of record.places) this.#orders.get(orderKey)?.order.remove(place);
    record.places.clear();
  }

  #save(record: ListRecord): void {
    this.#keep(record.seq, [
      record.name, record.parent?.seq ?? 0, record.active ? 1 : 0, record.syncToken, record.created, record.updated,
        record.editor,
    ]);
  }
}

const KNOWN_PROPERTIES = {
  Class: ['Name', 'SubClass', 'ParentRef', 'FullyQualifiedName', 'Active', 'Id', 'SyncToken', 'MetaData', 'CustomField',
    'AttachableRef',
    'domain', 'status', 'sparse', 'ClassEx'],
  Department: ['Name', 'SubDepartment', 'ParentRef', 'FullyQualifiedName', 'Active', 'Id', 'SyncToken', 'MetaData', 'CustomField',
    'AttachableRef', 'domain', 'status', 'sparse', 'Address'],
} as const;

/**
 * Reads a client's object. Property names are exact; numbers and booleans may come as text, as Intuit's own reader takes them.
 */
export function readListInput(entity: ListEntity, body: Record<string, unknown>): ListInput | ServiceFault {
  const known: readonly string[] = KNOWN_PROPERTIES[entity];
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined) return faults.unknownProperty(unknown, entity, known);
  const id = readScalar(body['Id']);
  const syncToken = readScalar(body['SyncToken']);
  const name = readScalar(body['Name']);
  const parentId = readParent(body['ParentRef']);
  const active = readBoolean('Active', body['Active']);
  const claimsParent = readBoolean(`Sub${entity}`, body[`Sub${entity}`]);
  const sparse = readBoolean('sparse', body['sparse']);
  for (const each of [id, syncToken, name, parentId, active, claimsParent, sparse]) if (each instanceof ServiceFault) return each;
  if (typeof id === 'string' && !/^\d{1,19}$/.test(id)) return faults.invalidId(id);
  return {
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof syncToken === 'string' ? { syncToken } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof parentId === 'string' || parentId === null ? { parentId } : {}),
    ...(typeof active === 'boolean' ? { active } : {}),
    claimsParent: claimsParent === true,
    sparse: sparse === true,
  };
}

function readScalar(value: unknown): string | undefined | ServiceFault {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object') {
    return faults.unreadable('Can not deserialize instance of java.lang.String out of START_OBJECT token');
  }
  return String(value);
}

function readBoolean(name: string, value: unknown): boolean | undefined | ServiceFault {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  const text = String(value).toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : faults.invalidBoolean(name, String(value));
}

function readParent(value: unknown): string | null | undefined | ServiceFault {
  if (value === undefined) return undefined;
  if (value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value)) {
    return faults.unreadable('Can not construct instance of com.intuit.schema.finance.v3.ReferenceType');
  }
  const unknown = Object.keys(value).find((name) => !['value', 'name', 'type'].includes(name));
  if (unknown !== undefined) return faults.unknownProperty(unknown, 'ReferenceType', ['value', 'name', 'type']);
  const id = readScalar((value as Record<string, unknown>)['value']);
  return id ?? null;
}

function bareNameOf(record: ListRecord): string {
  return record.active ? record.name : bareName(record.name);
}

function siblingKey(parent: ListRecord | null, foldedName: string): string {
  return `${parent?.seq ?? 0}:${foldedName}`;
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function isWithin(record: ListRecord | null, top: ListRecord): boolean {
  for (let at = record; at; at = at.parent) if (at === top) return true;
  return false;
}

function height(record: ListRecord): number {
  let below = 0;
  for (const child of record.children) below = Math.max(below, height(child));
  return below + 1;
}

function hasActiveChild(record: ListRecord): boolean {
  for (const child of record.children) if (child.active) return true;
  return false;
}

/** All below, parents before children. */
function descendants(record: ListRecord): ListRecord[] {
  const found = [...record.children];
  for (let at = 0; at < found.length; at += 1) {
    for (const child of (found[at] as ListRecord).children) found.push(child);
  }
  return found;
}

function addTo(index: Map<string, Set<ListRecord>>, key: string, record: ListRecord): void {
  const known = index.get(key);
  if (known) known.add(record);
  else index.set(key, new Set([record]));
}

function takeFrom(index: Map<string, Set<ListRecord>>, key: string, record: ListRecord): void {
  const known = index.get(key);
  known?.delete(record);
  if (known?.size === 0) index.delete(key);
}
