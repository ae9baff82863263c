import type { Clock } from './clock.ts';
import type { Switches } from './switches.ts';

/** The first answer to a requestid: the JSON text of the answer (or of a batch part) and its status. */
export interface FirstAnswer {
  readonly status: number;
  readonly text: string;
}
interface KeptAnswer extends FirstAnswer {
  readonly at: number;
}

/** The longest requestid, and the longest requestid + bId of a batch part (quickbooks.md §2.4). */
export const MAX_REQUEST_ID = 50;

/** One company's answers by requestid. */
export class RequestIds {
  readonly #clock: Clock;
  readonly #answers = new Map<string, KeptAnswer>();
  readonly #keep: (id: string, answer: KeptAnswer | null) => void;

  constructor(clock: Clock, keep: (id: string, answer: KeptAnswer | null) => void) {
    this.#clock = clock;
    this.#keep = keep;
  }

  /** The first answer to this id, while it is kept. */
  find(id: string, switches: Switches): FirstAnswer | undefined {
    this.#forgetOld(switches.requestidRetentionSeconds);
    return this.#answers.get(id);
  }

  note(id: string, answer: FirstAnswer, switches: Switches): void {
    if (answer.status !== 200 && switches.requestidReplaysFaults === 'no') return;
    if (switches.requestid === 'ignored') return;
    const kept = { ...answer, at: this.#clock.now() };
    this.#answers.set(id, kept);
    this.#keep(id, kept);
  }

  restore(kept: Iterable<[string, KeptAnswer]>): void {
    for (const [id, answer] of kept) this.#answers.set(id, answer);
  }

  /** Answers are kept in the order they were given, so only the old end is looked at. */
  #forgetOld(retentionSeconds: number): void {
    const oldest = this.#clock.now() - retentionSeconds * 1000;
    for (const [id, answer] of this.#answers) {
      if (answer.at >= oldest) return;
      this.#answers.delete(id);
      this.#keep(id, null);
    }
  }
}
