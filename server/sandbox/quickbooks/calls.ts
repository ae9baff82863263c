/** One call the sandbox has seen. Never holds a token, a code or a body. */
export interface SeenCall {
  readonly n: number;
  /** Wall time, ISO in UTC. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly operation: string;
  readonly realmId: string | null;
  readonly clientId: string | null;
  /** Parts of a batch. */
  readonly items: number | null;
  readonly requestid: string | null;
  /** The status sent, or 0 when the answer was withheld. */
  readonly status: number;
  readonly meter: 'Core' | 'CorePlus' | null;
  /** The query's text, for queries. */
  readonly query: string | null;
  /** Which injected fault or limit met it. */
  readonly met: string | null;
  /** Real ms from receipt to answer. */
  readonly ms: number;
}

const KEPT = 50_000;

/** The audit log of quickbooks.md §10.5; keeps the newest 50,000 calls. */
export class CallLog {
  #calls: SeenCall[] = [];
  #last = 0;

  add(call: Omit<SeenCall, 'n'>): void {
    this.#last += 1;
    this.#calls.push({ n: this.#last, ...call });
    if (this.#calls.length > 2 * KEPT) this.#calls = this.#calls.slice(-KEPT);
  }

  /** Calls after number n, oldest first. */
  since(n: number): readonly SeenCall[] {
    const first = this.#calls[0]?.n ?? 1;
    return this.#calls.slice(Math.max(0, n + 1 - first));
  }

  get last(): number {
    return this.#last;
  }
}
