import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { releaseFolder } from './lock.ts';
import { startEmbeddedMongo } from './engine.ts';
import type { EmbeddedMongo, EmbeddedMongoOptions } from './engine.ts';

/** What the thread tells its starter. */
type Message =
  | { kind: 'ready'; uri: string; port: number; lock: { path: string; content: string } }
  | { kind: 'failed'; message: string; code: string | undefined }
  | { kind: 'closed' };

interface ThreadData {
  role: string;
  options: EmbeddedMongoOptions;
  /** This module, for thread.mjs to load. */
  module: string;
}

/** Marks this module's own worker, as any thread may import it. */
const ROLE = 'embedded-mongo';

/**
 * The same server in a thread of its own, so that a busy database does not block the caller's event loop.
 * Rejects as startEmbeddedMongo does.
 */
export function startEmbeddedMongoInThread(options: EmbeddedMongoOptions): Promise<EmbeddedMongo> {
  const worker = startWorker(options);
  return new Promise((resolve, reject) => {
    let lock: { path: string; content: string } | undefined;
    worker.once('error', reject);
    worker.once('exit', (code) => {
      // A thread that died without closing leaves its folder's lock to this living process.
      if (lock) releaseFolder(lock.path, lock.content);
      reject(new Error(`the database thread ended with code ${code} before it was ready`));
    });
    worker.on('message', (message: Message) => {
      if (message.kind === 'failed') reject(Object.assign(new Error(message.message), { code: message.code }));
      if (message.kind !== 'ready') return;
      ({ lock } = message);
      resolve({ uri: message.uri, port: message.port, lock, close: closer(worker) });
    });
  });
}

/** Compiled code starts as it is; TypeScript sources start through thread.mjs. */
function startWorker(options: EmbeddedMongoOptions): Worker {
  const self = import.meta.url;
  const data: ThreadData = { role: ROLE, options, module: self };
  return new Worker(self.endsWith('.ts') ? new URL('./thread.mjs', self) : new URL(self), { workerData: data });
}

function closer(worker: Worker): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
      worker.on('message', (message: Message) => {
        if (message.kind === 'closed') resolve();
      });
    });
    worker.postMessage('close', []);
    await closed;
    await worker.terminate();
  };
  return () => closing ??= close();
}

async function runInThread(options: EmbeddedMongoOptions): Promise<void> {
  const tell = (message: Message): void => parentPort?.postMessage(message, []);
  try {
    const server = await startEmbeddedMongo(options);
    parentPort?.once('message', () => {
      server.close().finally(() => tell({ kind: 'closed' })).catch(() => undefined);
    });
    tell({ kind: 'ready', uri: server.uri, port: server.port, lock: { path: server.lock.path, content: server.lock.content } });
  } catch (error) {
    tell({
      kind: 'failed', message: error instanceof Error ? error.message : String(error), code: (
        error as NodeJS.ErrnoException
      ).code,
    });
  }
}

const data = workerData as Partial<ThreadData> | null;
if (!isMainThread && data?.role === ROLE && data.options) void runInThread(data.options);
