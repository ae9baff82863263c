import { AsyncLocalStorage } from 'node:async_hooks';
import { destination, pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

/**
 * What may stand in a line of the log beside its message. Anything else is left out, so that nothing secret or of the customers'
 * gets in by being handed over (engineering.md §4.11). A test holds this list against the calls there are.
 */
export const LOGGED: ReadonlySet<string> = new Set([
  'company', 'id', 'run', 'import', 'record', 'fence', 'owner', 'job', 'state', 'why', 'kind', 'problem', 'code', 'error', 'intuitTid',
  'read', 'added', 'changed', 'unchanged', 'problems', 'gone', 'unreadable', 'count', 'took', 'signal', 'whole', 'found',
  'deleted', 'retired', 'topic', 'turn', 'tries', 'sender', 'url', 'status', 'method', 'path', 'reqId', 'responseTime', 'batch', 'what', 'outcome', 'faults',
]);

/** These hold objects, which their serialisers cut down to what may be shown. */
const SERIALISED: ReadonlySet<string> = new Set(['err', 'req', 'res']);

const LONGEST = 300;

/** What looks like a secret or a person, wherever it turns up in a text. */
const PRIVATE: readonly (readonly [RegExp, string])[] = [
  [/\b(mongodb(?:\+srv)?:\/\/)[^@\s/]+@/g, '$1…@'],
  [/\b(Bearer|Basic)\s+\S+/gi, '$1 …'],
  [/\beyJ[\w-]{8,}[\w.-]*/g, '…'],
  [/\bAB11[\w-]{8,}/g, '…'],
  [/((?:\b(?:code|state|nonce)|token|secret|key|password|realmId)["']?\s*[=:]\s*["']?)[^\s&"',;]+/gi, '$1…'],
  [/[^\s@"'<>]+@[^\s@"'<>]+\.\w+/g, '…@…'],
];

function shown(value: unknown): unknown {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  return typeof value === 'string' ? withoutPrivate(value).slice(0, LONGEST) : undefined;
}

/** A text with whatever looks like a secret or an e-mail address taken out. */
export function withoutPrivate(text: string): string {
  return PRIVATE.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
}

function onlyLogged(about: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(about).flatMap(([name, value]) => {
    if (SERIALISED.has(name)) return [[name, value]];
    return LOGGED.has(name) ? [[name, shown(value)]] : [];
  });
  return Object.fromEntries(kept);
}

/** An error's kind, message and place. Its other fields may hold the request that failed, tokens included. */
function errorShown(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: shown(String(error)) };
  const stack = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at ')).slice(0, 12);
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : undefined;
  return { type: error.name, message: shown(error.message), code, stack };
}

/** A request without its query, headers and body: the way back from Intuit carries a code in its query. */
function requestShown(request: { id?: unknown; method?: unknown; url?: unknown }): unknown {
  const { id, method, url } = request;
  return { id, method, path: typeof url === 'string' ? url.split('?')[0] : undefined };
}

const responseShown = (response: { statusCode?: unknown }): unknown => ({ statusCode: response.statusCode });

/** For what the process is at work: a request, or a task on a company's run or import. Every line of the log it writes says so. */
export interface Occasion {
  readonly reqId?: string;
  readonly company?: string;
  readonly run?: string;
  readonly import?: string;
}

const occasions = new AsyncLocalStorage<Occasion>();

/** Does the work, and everything it sets going, on this occasion. */
export function on<T>(occasion: Occasion, work: () => T): T {
  return occasions.run(occasion, work);
}

/** The log: JSON lines on standard error, or wherever `to` leads. */
export function createLog(level: string, to: DestinationStream = destination({ dest: 2, sync: true })): Logger {
  return pino({
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => ({ ...occasions.getStore() }),
    formatters: { level: (label) => ({ level: label }), log: onlyLogged },
    serializers: { err: errorShown, req: requestShown, res: responseShown },
  }, to);
}
