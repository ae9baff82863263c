import type { LibraryKey } from '../core/ports.ts';
import { ProblemError, problem } from '../core/problems.ts';
import type { ProblemCode, RawFault } from '../core/problems.ts';

export type LinarcSettings = {
  /** Where Linarc's API stands, such as https://api.example.com; from the configuration and never from a person or an answer. */
  readonly baseUrl: string;
  /** Milliseconds for a whole answer, from the first byte sent to the last one read. */
  readonly timeoutMs?: number;
  /** The most bytes an answer may have. */
  readonly maxBytes?: number;
};

const DEFAULT_TIMEOUT = 20_000;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const LONGEST_RETRY_AFTER = 3_600_000;
const USABLE_KEY = /^[\x21-\x7e]{1,500}$/;

/** Talks JSON with Linarc (server/linarc/openapi.json). One call, one request: trying again is the caller's decision. */
export class LinarcClient {
  readonly #base: string;
  readonly #timeoutMs: number;
  readonly #maxBytes: number;

  constructor({ baseUrl, timeoutMs = DEFAULT_TIMEOUT, maxBytes = DEFAULT_MAX_BYTES }: LinarcSettings) {
    this.#base = baseUrl.replace(/\/+$/, '');
    this.#timeoutMs = timeoutMs;
    this.#maxBytes = maxBytes;
  }

  /**
   * The JSON Linarc answers at `path` (parts, not yet encoded). Throws ProblemError for whatever Linarc or the network does,
   * and the signal's reason when the caller broke off.
   */
  async read(
    key: LibraryKey,
    path: readonly string[],
    query: Readonly<Record<string, string>> = {},
    signal?: AbortSignal,
  ): Promise<unknown> {
    signal?.throwIfAborted();
    const search = new URLSearchParams(query).toString();
    const { status, retryAfter, body } = await this.#fetched(`${this.#address(path)}${search ? `?${search}` : ''}`, key, { method: 'GET' }, signal);
    if (status !== 200) throw refusal(status, retryAfter, body, key.apiKey);
    return parsed(body);
  }

  /** Sends `content` as JSON to `path`; the JSON Linarc answers with 201. Throws as `read` does. */
  async create(key: LibraryKey, path: readonly string[], content: unknown): Promise<unknown> {
    const { status, retryAfter, body } = await this.#fetched(this.#address(path), key, { method: 'POST', body: JSON.stringify(content) });
    if (status !== 201) throw refusal(status, retryAfter, body, key.apiKey);
    return parsed(body);
  }

  /** Removes what is at `path`; what is not there any more counts as removed. Throws as `read` does. */
  async remove(key: LibraryKey, path: readonly string[]): Promise<void> {
    const { status, retryAfter, body } = await this.#fetched(this.#address(path), key, { method: 'DELETE' });
    if (status !== 204 && status !== 404) throw refusal(status, retryAfter, body, key.apiKey);
  }

  #address(path: readonly string[]): string {
    return `${this.#base}/${path.map(encodeURIComponent).join('/')}`;
  }

  async #fetched(
    url: string,
    { apiKey }: LibraryKey,
    request: { readonly method: 'GET' | 'POST' | 'DELETE'; readonly body?: string },
    signal?: AbortSignal,
  ): Promise<{ status: number; retryAfter: string | null; body: string }> {
    if (!USABLE_KEY.test(apiKey)) throw linarcProblem('linarc_key_refused', 'The key holds characters no API key has.');
    const stop = new AbortController();
    const breakOff = (): void => stop.abort();
    signal?.addEventListener('abort', breakOff, { once: true });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stop.abort();
    }, this.#timeoutMs);
    try {
      const type = request.body === undefined ? {} : { 'content-type': 'application/json' };
      const headers = { authorization: `Bearer ${apiKey}`, accept: 'application/json', ...type };
      const response = await fetch(url, { ...request, headers, redirect: 'error', signal: stop.signal });
      const body = await this.#bounded(response);
      return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      if (late) throw linarcProblem('linarc_slow', `No whole answer within ${this.#timeoutMs / 1000} s.`);
      signal?.throwIfAborted();
      throw linarcProblem('linarc_unreachable', networkCause(error));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', breakOff);
      stop.abort();
    }
  }

  async #bounded(response: Response): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > this.#maxBytes)
        throw linarcProblem('linarc_nonsense', `The answer is larger than ${this.#maxBytes} bytes.`, response.status);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}

/** A failure of Linarc, with what is known of its cause for those who look closer. `said` must hold nothing secret. */
export function linarcProblem(
  code: ProblemCode,
  said: string | null,
  status: number | null = null,
  retryAfter: number | null = null,
): ProblemError {
  const raw: RawFault = { status, code: null, message: said, detail: null, element: null, intuitTid: null };
  return new ProblemError(problem(code, { raw }), retryAfter);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw linarcProblem('linarc_nonsense', 'The answer is not JSON.', 200);
  }
}

function refusal(status: number, retryAfter: string | null, body: string, apiKey: string): ProblemError {
  return linarcProblem(problemOf(status), saidIn(body, apiKey), status, millisecondsOf(retryAfter));
}

function problemOf(status: number): ProblemCode {
  if (status === 401 || status === 403) return 'linarc_key_refused';
  if (status === 404) return 'linarc_not_found';
  if (status === 429) return 'linarc_throttled';
  return status >= 500 ? 'linarc_unreachable' : 'linarc_nonsense';
}

/** Linarc's own message, cut and without the key, should an answer repeat it. */
function saidIn(body: string, apiKey: string): string | null {
  const message = /"message"\s*:\s*("(?:[^"\\]|\\.){1,1000}")/.exec(body.slice(0, 10_000))?.[1];
  if (message === undefined) return null;
  try {
    return String(JSON.parse(message)).replaceAll(apiKey, '…').slice(0, 300);
  } catch {
    return null;
  }
}

/** Retry-After comes in seconds; the other form, a date, would need the clocks to agree and is left aside. */
function millisecondsOf(retryAfter: string | null): number | null {
  return retryAfter !== null && /^\d{1,9}$/.test(retryAfter) ? Math.min(Number(retryAfter) * 1000, LONGEST_RETRY_AFTER) : null;
}

/**
 * The system's short name of a network failure, such as ECONNREFUSED. Messages may hold addresses and headers, so none is
 * passed on.
 */
function networkCause(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : null;
}
