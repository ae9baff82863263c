import type { Company } from './company.ts';
import { faults, ServiceFault } from './faults.ts';
import { fold, ORDER_FIELDS } from './namelist.ts';
import type { ListEntity, ListRecord, NameList, OrderField } from './namelist.ts';
import { parseQuery } from './query.ts';
import type { Condition, Operator, Query } from './query.ts';
import type { Switches } from './switches.ts';

type Test = (record: ListRecord) => boolean;
interface Filter {
  readonly property: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** A page of rows may be asked to differ from what was requested (quickbooks.md §10.4): one row too many, or rows twice. */
export interface RowQuirks {
  readonly oneMore?: boolean;
  readonly doubled?: boolean;
}

/** Properties a filter may name, with the value compared. Times are ms. */
const PROPERTIES: Record<string, (record: ListRecord) => string | number | boolean> = {
  Id: (record) => record.seq,
  Name: (record) => record.name,
  FullyQualifiedName: (record) => record.fqn,
  Active: (record) => record.active,
  SubClass: (record) => record.parent !== null,
  SubDepartment: (record) => record.parent !== null,
  ParentRef: (record) => record.parent?.id ?? '',
  'MetaData.CreateTime': (record) => record.created,
  'MetaData.LastUpdatedTime': (record) => record.updated,
};

/** Runs a query text against a company. @returns the content of `QueryResponse`, or a fault. */
export function runQuery(
  company: Company, text: string, switches: Switches, quirks: RowQuirks = {},
): Record<string, unknown> | ServiceFault {
  const query = parseQuery(text);
  if (query instanceof ServiceFault) return query;
  const entity = ['Class', 'Department', 'CompanyInfo', 'Preferences'].find((name) => name === query.entity
    || (switches.queryEntityCase === 'any' && name.toLowerCase() === query.entity.toLowerCase()));
  if (entity === 'CompanyInfo') return single(entity, company.companyInfo(switches), query);
  if (entity === 'Preferences') return single(entity, company.preferences(), query);
  if (!entity) return faults.queryInvalid(`invalid context declaration: ${query.entity}`);
  return runOnList(company.list(entity as ListEntity), query, switches, quirks);
}

function single(entity: string, value: unknown, query: Query): Record<string, unknown> {
  if (query.counts) return { totalCount: 1 };
  return query.start > 1 ? {} : { [entity]: [value], startPosition: 1, maxResults: 1 };
}

function runOnList(list: NameList, query: Query, switches: Switches, quirks: RowQuirks): Record<string, unknown> | ServiceFault {
  const filters = readFilters(list.entity, query.where);
  if (filters instanceof ServiceFault) return filters;
  const order = readOrder(list.entity, query);
  if (order instanceof ServiceFault) return order;
  const activeOnly = !filters.some((filter) => filter.property === 'Active');
  const rows = selectRows(list, filters, order, activeOnly, switches);
  if (query.counts) return { totalCount: rows.length };
  const page = rows.slice(query.start - 1, query.start - 1 + query.max + (quirks.oneMore ? 1 : 0));
  if (quirks.doubled) page.push(...page.slice(0, 1 + Math.floor(page.length / 2)));
  const total = switches.totalCountOnLists === 'yes' ? { totalCount: rows.length } : {};
  if (page.length === 0) {
    return switches.emptyList === '{}' ? {} : { [list.entity]: [], startPosition: query.start, maxResults: 0 };
  }
  return { [list.entity]: page.map((record) => list.toJson(record)), startPosition: query.start, maxResults: page.length,
    ...total };
}

/** Rows that can be counted and cut without being copied first. */
interface Rows {
  readonly length: number;
  slice(from: number, to: number): ListRecord[];
}

function selectRows(
  list: NameList, filters: readonly Filter[], order: { field: OrderField; descending: boolean }, activeOnly: boolean,
  switches: Switches,
): Rows {
  const tests = filters.map((filter) => testOf(filter, switches));
  if (activeOnly) tests.unshift((record) => record.active);
  const matches: Test = (record) => tests.every((test) => test(record));
  const few = candidates(list, filters);
  if (few) return sortRows([...few].filter(matches), order);
  const onlyActive = activeOnly || filters.every((filter) => filter.property !== 'Active' || filter.values.every(isTrue));
  const narrowing = filters.filter((filter) => !(filter.property === 'Active' && coversActive(filter)));
  const range = rangeOf(list, filters, onlyActive);
  if (narrowing.length === 0) return wholeOrder(list, order, onlyActive);
  if (range) return sortRows(range.filter(matches), order);
  const entries = list.ordered(order.field, onlyActive).entries();
  const rows = entries.filter((entry) => matches(entry.record)).map((entry) => entry.record);
  return order.descending ? rows.reverse() : rows;
}

const isTrue = (value: string): boolean => value.toLowerCase() === 'true';

/** `Active IN (true,false)` and `Active = true` only choose the order to read from. */
function coversActive(filter: Filter): boolean {
  if (filter.operator !== '=' && filter.operator !== 'IN') return false;
  return filter.values.some(isTrue) && (filter.values.every(isTrue) || filter.values.some((value) => !isTrue(value)));
}

function wholeOrder(list: NameList, order: { field: OrderField; descending: boolean }, onlyActive: boolean): Rows {
  const entries = list.ordered(order.field, onlyActive).entries();
  const { length } = entries;
  if (!order.descending) return { length, slice: (from, to) => entries.slice(from, to).map((entry) => entry.record) };
  return {
    length,
    slice: (from, to) => entries.slice(Math.max(0, length - to), Math.max(0, length - from)).reverse().map((entry) =>
      entry.record),
  };
}

/** A small set that surely holds every match, found through an index. */
function candidates(list: NameList, filters: readonly Filter[]): Iterable<ListRecord> | undefined {
  for (const { property, operator, values } of filters) {
    if (operator !== '=' && operator !== 'IN') continue;
    const distinct = new Set(values);
    if (property === 'Id') return [...distinct].flatMap((id) => list.find(id) ?? []);
    if (property === 'Name') return new Set(values.flatMap((name) => [...list.named(name)]));
    if (property === 'FullyQualifiedName') return new Set(values.flatMap((name) => [...list.fullyNamed(name)]));
    if (property === 'ParentRef') return [...distinct].flatMap((id) => [...list.find(id)?.children ?? []]);
  }
  return undefined;
}

/** The part of an order between two bounds: changes since a time, names with a beginning. */
function rangeOf(list: NameList, filters: readonly Filter[], onlyActive: boolean): ListRecord[] | undefined {
  for (const { property, operator, values } of filters) {
    const [value = ''] = values;
    const field = property as OrderField;
    if (property.startsWith('MetaData.') && (operator === '>' || operator === '>=')) {
      const order = list.ordered(field, onlyActive);
      return order.entries().slice(order.firstFrom(Date.parse(value), operator === '>')).map((entry) => entry.record);
    }
    const beginning = operator === 'LIKE' ? /^[^%]+(?=%)/.exec(fold(value))?.[0] : undefined;
    if (beginning !== undefined && (property === 'Name' || property === 'FullyQualifiedName')) {
      const order = list.ordered(field, onlyActive);
      return order.entries().slice(order.firstFrom(beginning), order.firstFrom(`${beginning}\uffff`)).map((entry) =>
        entry.record);
    }
  }
  return undefined;
}

function sortRows(rows: ListRecord[], order: { field: OrderField; descending: boolean }): ListRecord[] {
  const key = PROPERTIES[order.field] ?? ((record: ListRecord) => record.seq);
  const keyed = rows.map((record) => ({ record, key: textKey(key(record)) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.record.seq - b.record.seq));
  if (order.descending) keyed.reverse();
  return keyed.map((each) => each.record);
}

function textKey(value: string | number | boolean): string | number {
  return typeof value === 'string' ? fold(value) : Number(value);
}

function readFilters(entity: ListEntity, where: readonly Condition[]): Filter[] | ServiceFault {
  const filters: Filter[] = [];
  for (const { property: written, operator, values } of where) {
    const property = propertyOf(entity, written);
    if (!property) return faults.queryInvalid(`Property ${written} not found for Entity ${entity}`);
    if (property === 'Id' && operator !== '=' && operator !== 'IN') {
      return faults.queryInvalid(`Operator ${operator} is not supported for Property Id`);
    }
    if (property.startsWith('MetaData.')) {
      const wrong = values.find((value) => Number.isNaN(Date.parse(value)));
      if (wrong !== undefined) return faults.queryInvalid(`Invalid date: ${wrong}`);
    }
    if (typeofProperty(property) === 'boolean') {
      const wrong = values.find((value) => !/^(true|false)$/i.test(value));
      if (wrong !== undefined || (operator !== '=' && operator !== 'IN')) {
        return faults.queryInvalid(`Property ${property} takes true or false`);
      }
    }
    filters.push({ property, operator, values });
  }
  return filters;
}

function readOrder(entity: ListEntity, { orderBy }: Query): { field: OrderField; descending: boolean } | ServiceFault {
  if (!orderBy) return { field: 'FullyQualifiedName', descending: false };
  const property = propertyOf(entity, orderBy.property);
  const field = ORDER_FIELDS.find((each) => each === property);
  if (!property) return faults.queryInvalid(`Property ${orderBy.property} not found for Entity ${entity}`);
  return field ? { field, descending: orderBy.descending } : faults.queryInvalid(`Property ${property} is not sortable`);
}

function propertyOf(entity: ListEntity, written: string): string | undefined {
  const wanted = written.toLowerCase();
  if ((wanted === 'subclass' || wanted === 'subdepartment') && wanted !== `sub${entity.toLowerCase()}`) return undefined;
  return Object.keys(PROPERTIES).find((name) => name.toLowerCase() === wanted);
}

function typeofProperty(property: string): 'text' | 'boolean' | 'time' {
  if (property.startsWith('MetaData.')) return 'time';
  return property === 'Active' || property.startsWith('Sub') ? 'boolean' : 'text';
}

function testOf({ property, operator, values }: Filter, switches: Switches): Test {
  const read = PROPERTIES[property] as (record: ListRecord) => string | number | boolean;
  const type = typeofProperty(property);
  if (property === 'Id') {
    const ids = new Set(values);
    return (record) => ids.has(record.id);
  }
  if (type === 'boolean') return (record) => values.some((value) => isTrue(value) === read(record));
  if (type === 'time') return compareTest((record) => read(record) as number, operator, values.map((value) => Date.parse(value)));
  const fit = switches.queryTextCase === 'blind' ? fold : (text: string) => text;
  if (operator === 'LIKE') {
    const matches = likeTest(fit(values[0] ?? ''));
    return (record) => matches(fit(String(read(record))));
  }
  return compareTest((record) => fit(String(read(record))), operator, values.map(fit));
}

function compareTest<V extends string | number>(read: (record: ListRecord) => V, operator: Operator, values: readonly V[]): Test {
  const [value] = values;
  if (value === undefined) return () => false;
  switch (operator) {
    case '<': return (record) => read(record) < value;
    case '>': return (record) => read(record) > value;
    case '<=': return (record) => read(record) <= value;
    case '>=': return (record) => read(record) >= value;
    default: return (record) => values.includes(read(record));
  }
}

/** `%` stands for any text, nothing else for anything. Walks each name once, so no pattern is slow. */
function likeTest(pattern: string): (text: string) => boolean {
  const parts = pattern.split('%');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return (text) => text === pattern;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const part of parts.slice(1, -1)) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= text.length - last.length;
  };
}
