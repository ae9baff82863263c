import type { Tenant } from '../core/records.ts';
import { CHUNK } from './documents.ts';

interface Asked<Operation, Answer> {
  readonly operations: readonly Operation[];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A bulk write many ask for at once, as the batches of a run do: what is asked for a company while a command for it is under way leaves
 * together once that has come back, as one command of about CHUNK operations. All who asked hear that command's answer or error, so
 * `send` must answer what holds for each of them. Companies do not wait for each other.
 */
export function gathered<Operation, Answer>(
  send: (operations: Operation[]) => Promise<Answer>,
): (company: Tenant, operations: readonly Operation[]) => Promise<Answer> {
  /** Has those companies that a command is under way for. */
  const waiting = new Map<Tenant, Asked<Operation, Answer>[]>();

  async function sendOff(company: Tenant, queue: Asked<Operation, Answer>[]): Promise<void> {
    while (queue.length > 0) {
      const together = queue.splice(0, fitting(queue));
      await send(together.flatMap(({ operations }) => operations)).then(
        (answer) => together.forEach(({ resolve }) => resolve(answer)),
        (error: unknown) => together.forEach(({ reject }) => reject(error)),
      );
    }
    waiting.delete(company);
  }

  return (company, operations) => new Promise((resolve, reject) => {
    const asked = { operations, resolve, reject };
    const queue = waiting.get(company);
    if (queue) {
      queue.push(asked);
      return;
    }
    const own = [asked];
    waiting.set(company, own);
    void sendOff(company, own);
  });
}

/** How many of the first fit into one command; always one. */
function fitting(queue: readonly { readonly operations: readonly unknown[] }[]): number {
  let count = 0;
  for (let size = 0; count < queue.length; count += 1) {
    size += queue[count]?.operations.length ?? 0;
    if (count > 0 && size > CHUNK) break;
  }
  return count;
}
