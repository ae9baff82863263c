import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { ProblemError } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import type { SheetRows } from '../../core/ports.ts';
import { tooLarge } from './refusals.ts';
import { readTable } from './table.ts';

type Answer = { readonly read: SheetRows } | { readonly refused: Problem } | { readonly failed: string };

interface Task {
  readonly role: string;
  readonly bytes: Uint8Array;
}

/** Marks this module's own thread, as any thread may import it. */
const ROLE = 'spreadsheet';
/** Room for the largest file we take; one that asks for more is no cost-code list. */
const HEAP = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64 };

/**
 * Reads the file in a thread of its own, so that a large one does not stop the process's other work, and one made to harm ends
 * with the thread. `ms` = the longest it may take. Throws ProblemError.
 */
export function readInThread(bytes: Uint8Array, ms: number): Promise<SheetRows> {
  const worker = openThread({ role: ROLE, bytes });
  return new Promise<SheetRows>((resolve, reject) => {
    const overdue = setTimeout(() => reject(tooLarge('reading it takes too long')), ms);
    worker.once('error', (error) => {
      const outOfMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      reject(outOfMemory ? tooLarge('reading it needs too much memory') : error);
    });
    worker.once('exit', () => {
      clearTimeout(overdue);
      reject(new Error('The thread that reads spreadsheets ended without an answer.'));
    });
    worker.once('message', (answer: Answer) => {
      if ('read' in answer) resolve(answer.read);
      else reject('refused' in answer ? new ProblemError(answer.refused) : new Error(answer.failed));
    });
  }).finally(() => worker.terminate());
}

/** A thread that runs this very file. From TypeScript it needs tsx first, which a thread does not take over from its parent. */
function openThread(task: Task): Worker {
  const options = { workerData: task, resourceLimits: HEAP, env: {}, execArgv: [] };
  if (extname(fileURLToPath(import.meta.url)) === '.js') return new Worker(new URL(import.meta.url), options);
  const [tsx, self] = [import.meta.resolve('tsx/esm/api'), import.meta.url].map((url) => JSON.stringify(url));
  const code = `import(${tsx}).then(({ register }) => { register(); return import(${self}); });`;
  return new Worker(code, { ...options, eval: true });
}

async function answerOf(bytes: Uint8Array): Promise<Answer> {
  try {
    return { read: await readTable(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) };
  } catch (error) {
    return error instanceof ProblemError ? { refused: error.problem } : { failed: String(error) };
  }
}

const task = workerData as Task | null;
if (!isMainThread && task?.role === ROLE) {
  const answer = await answerOf(task.bytes);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window: there is no origin
  parentPort?.postMessage(answer);
}
