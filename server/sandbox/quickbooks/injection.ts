import type { Random } from './random.ts';

/** When a fault strikes: before the work is done, or after it is committed (quickbooks.md §10.4). */
export type Moment = 'before' | 'after';

/** Named bodies for `status` and for parts of a batch, as recorded. */
export const RECORDED = [
  'throttled', 'token-expired', 'forbidden', 'no-access', 'wrong-cluster', 'locked', 'maintenance', 'lapsed', 'wrong-host',
  'system', 'not-found',
  'stale', 'duplicate-name', 'parent-missing', 'parent-inactive', 'plan-limit', 'invalid_grant',
] as const;
export type Recorded = (typeof RECORDED)[number];

export const KINDS = [
  'status', 'drop-before', 'drop-after', 'truncate', 'delay', 'slow-drip', 'html-error', 'fault-in-200', 'item-throttle',
  'item-fault',
  'items-reordered', 'items-missing', 'items-doubled', 'items-foreign', 'revoke-grant', 'extra-row', 'doubled-rows', 'user-edit',
] as const;
export type Kind = (typeof KINDS)[number];

export interface FaultMatch {
  readonly method?: string;
  /** Part of the path. */
  readonly path?: string;
  /** `class.create`, `batch`, `token.refresh` …, or the part before the dot for all of them. */
  readonly operation?: string;
  readonly realmId?: string;
  /** Strike from the nth matching call on, counted from 1. */
  readonly nth?: number;
  /** Strike this share of the matching calls, 0 to 1, by the sandbox's seed. */
  readonly rate?: number;
}

export interface InjectedFault {
  readonly kind: Kind;
  /** For `status` and `html-error`. */
  readonly status?: number;
  readonly when?: Moment;
  /** A body of its own: text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly recorded?: Recorded;
  readonly retryAfterSeconds?: number;
  /** For `delay` and `slow-drip`: real ms. */
  readonly ms?: number;
  /** For parts of a batch: which, counted from 0; all when left out. */
  readonly items?: readonly number[];
}

interface Rule {
  readonly id: number;
  readonly match: FaultMatch;
  readonly fault: InjectedFault;
  readonly times: number;
  seen: number;
  struck: number;
}

export interface CallFacts {
  readonly method: string;
  readonly path: string;
  readonly operation: string;
  readonly realmId: string | null;
}

/** Faults that matching calls meet, in the order they were given. */
export class Injection {
  readonly #random: Random;
  #rules: Rule[] = [];
  #nextId = 1;

  constructor(random: Random) {
    this.#random = random;
  }

  add(match: FaultMatch, fault: InjectedFault, times: number): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#rules.push({ id, match, fault, times, seen: 0, struck: 0 });
    return id;
  }

  clear(): void {
    this.#rules = [];
  }

  list(): readonly Readonly<Rule>[] {
    return this.#rules;
  }

  /** The fault this call meets, if any; each rule counts every call it matches. */
  strike(call: CallFacts): InjectedFault | undefined {
    let struck: InjectedFault | undefined;
    for (const rule of this.#rules) {
      if (!matches(rule.match, call)) continue;
      rule.seen += 1;
      if (struck || rule.seen < (rule.match.nth ?? 1) || rule.struck >= rule.times) continue;
      if (rule.match.rate !== undefined && this.#random() >= rule.match.rate) continue;
      rule.struck += 1;
      struck = rule.fault;
    }
    return struck;
  }
}

function matches(match: FaultMatch, call: CallFacts): boolean {
  return (match.method === undefined || match.method.toUpperCase() === call.method)
    && (match.path === undefined || call.path.includes(match.path))
    && (match.operation === undefined || call.operation === match.operation || call.operation.startsWith(`${match.operation}.`))
    && (match.realmId === undefined || match.realmId === call.realmId);
}

const isAmount = (value: unknown, min: number, max: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;

/** What each field must be, in a sentence and as a test. */
const MATCH_FIELDS: Record<keyof FaultMatch, [string, (value: unknown) => boolean]> = {
  method: ['an HTTP method', (value) => typeof value === 'string' && /^[a-z]{3,7}$/i.test(value)],
  path: ['a part of a path', (value) => typeof value === 'string' && value !== ''],
  operation: ['an operation such as "batch" or "class.create"', (value) => typeof value === 'string' && value !== ''],
  realmId: ['a realm id', (value) => typeof value === 'string' && /^\d+$/.test(value)],
  nth: ['a whole number from 1', (value) => isAmount(value, 1, 1e9)],
  rate: ['a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1],
};
const FAULT_FIELDS: Record<keyof InjectedFault, [string, (value: unknown) => boolean]> = {
  kind: [`one of ${KINDS.join(', ')}`, (value) => KINDS.includes(value as Kind)],
  status: ['an HTTP status from 200 to 599', (value) => isAmount(value, 200, 599)],
  when: ['"before" or "after"', (value) => value === 'before' || value === 'after'],
  body: ['any JSON', () => true],
  contentType: ['a content type', (value) => typeof value === 'string' && /^[\w.+/-]+(; ?charset=[\w-]+)?$/i.test(value)],
  recorded: [`one of ${RECORDED.join(', ')}`, (value) => RECORDED.includes(value as Recorded)],
  retryAfterSeconds: ['a whole number from 0', (value) => isAmount(value, 0, 86_400)],
  ms: ['real milliseconds from 0 to 600000', (value) => isAmount(value, 0, 600_000)],
  items: ['a list of positions from 0', (value) => Array.isArray(value) && value.every((each) => isAmount(each, 0, 999))],
};

/** Reads the body of `POST /sandbox/faults`. @returns one sentence per fault in it when it is not one. */
export function readInjection(
  body: Record<string, unknown>,
): { match: FaultMatch; fault: InjectedFault; times: number } | string[] {
  const { match = {}, fault, times = 1, ...rest } = body;
  const wrong = Object.keys(rest).map((name) => `"${name}" is not known here; there are match, fault and times.`);
  if (!isAmount(times, 1, 1e9)) wrong.push('"times" must be a whole number from 1.');
  wrong.push(...wrongFields('match', match, MATCH_FIELDS), ...wrongFields('fault', fault, FAULT_FIELDS));
  if (isObject(fault) && fault['kind'] === undefined) wrong.push(`"fault.kind" must be ${FAULT_FIELDS.kind[0]}.`);
  if (isObject(fault) && fault['kind'] === 'status' && fault['status'] === undefined && fault['recorded'] === undefined) {
    wrong.push('A fault of kind "status" needs "status" or "recorded".');
  }
  return wrong.length > 0 ? wrong : { match: match as FaultMatch, fault: fault as InjectedFault, times: times as number };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrongFields(where: string, value: unknown, fields: Record<string, [string, (value: unknown) => boolean]>): string[] {
  if (!isObject(value)) return [`"${where}" must be an object.`];
  return Object.entries(value).flatMap(([name, given]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) return [`"${where}.${name}" is not known; there are ${Object.keys(fields).join(', ')}.`];
    return field[1](given) ? [] : [`"${where}.${name}" must be ${field[0]}.`];
  });
}
