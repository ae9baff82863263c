/** Most rows one page of a query may hold (quickbooks.md §3.1). */
export const PAGE = 1_000;

/** Without it QuickBooks answers active classes only (quickbooks.md §3.1). */
const INACTIVE_TOO = 'Active in (true,false)';

/** What QuickBooks adds to the name of an inactive class; in which case, nobody has recorded for classes (quickbooks.md §2.2). */
const INACTIVE_SUFFIXES = [' (deleted)', ' (Deleted)'] as const;

/** A text as a literal of QuickBooks' query language: quotes and backslashes escaped (quickbooks.md §3.1). */
export function literal(text: string): string {
  // Half a surrogate pair has no UTF-8 form, so no class can hold it.
  const sendable = text.replace(/\p{Cs}/gu, '\ufffd');
  return `'${sendable.replace(/[\\']/g, '\\$&')}'`;
}

/** A condition that holds for classes whose `property` is one of these values. */
export function oneOf(property: 'Id' | 'Name', values: readonly string[]): string {
  return `${property} in (${values.map(literal).join(',')})`;
}

/** One page of classes, inactive ones too, from row `start` (the first row is 1). */
export function classesQuery(condition: string | null, start: number): string {
  const where = condition === null ? INACTIVE_TOO : `${condition} and ${INACTIVE_TOO}`;
  return `select * from Class where ${where} ORDERBY Id STARTPOSITION ${start} MAXRESULTS ${PAGE}`;
}

/** How many classes there are, inactive ones too. */
export const ACTIVE_LOCATIONS_QUERY = 'select count(*) from Department where Active = true';
export const CLASS_COUNT_QUERY = `select count(*) from Class where ${INACTIVE_TOO}`;

/** The names to ask for so that a class is found whether active or not. */
export function withInactiveForms(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => [name, ...INACTIVE_SUFFIXES.map((suffix) => name + suffix)]);
}

/** The values without repetitions, in groups of at most `size`. */
export function groupsOf(values: Iterable<string>, size: number): readonly (readonly string[])[] {
  const distinct = [...new Set(values)];
  const starts = Array.from({ length: Math.ceil(distinct.length / size) }, (_, group) => group * size);
  return starts.map((start) => distinct.slice(start, start + size));
}
