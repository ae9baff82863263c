import type { Request } from 'express';

export type Call = {
  readonly n: number;
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** The company of the key; null when no key opened one. */
  readonly companyId: string | null;
  /** Null when the caller got no whole answer. */
  readonly status: number | null;
  /** Milliseconds from arrival to the end of the answer. */
  readonly took: number;
};

const MOST_KEPT = 10_000;

/** The API calls seen, the newest 10,000 of them. Keys are not kept. */
export class CallLog {
  readonly #now: () => number;
  #calls: Call[] = [];
  #count = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes up a call; the function it gives back notes how the call ended. */
  begin(req: Request): (status: number | null, companyId: string | null) => void {
    const began = this.#now();
    const { method, query } = req;
    const path = `${req.baseUrl}${req.path}`;
    return (status, companyId) => {
      this.#count += 1;
      this.#calls.push({
        n: this.#count,
        at: new Date(began).toISOString(),
        method,
        path,
        query,
        companyId,
        status,
        took: this.#now() - began,
      });
      if (this.#calls.length > 2 * MOST_KEPT) this.#calls = this.#calls.slice(-MOST_KEPT);
    };
  }

  /** The calls after number `since`, oldest first. */
  since(since: number): { calls: readonly Call[]; last: number } {
    return { calls: this.#calls.filter(({ n }) => n > since).slice(-MOST_KEPT), last: this.#count };
  }

  clear(): void {
    this.#calls = [];
  }
}
