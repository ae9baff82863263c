import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { startLinarcSandbox } from './linarc/server.ts';
import type { LinarcSandboxOptions } from './linarc/server.ts';
import { LibrarySourceError } from './linarc/sources.ts';
import { startQuickBooksSandbox } from './quickbooks/server.ts';
import type { QuickBooksSandboxOptions } from './quickbooks/server.ts';

export interface SandboxesOptions {
  /** Left out: the QuickBooks sandbox is not started. */
  readonly quickbooks?: Omit<QuickBooksSandboxOptions, 'log'>;
  /** Left out: the Linarc sandbox is not started. */
  readonly linarc?: Omit<LinarcSandboxOptions, 'now'>;
}

export interface Sandboxes {
  /** null when it was not asked for. */
  readonly quickbooksUrl: string | null;
  readonly linarcUrl: string | null;
  close(): Promise<void>;
}

/** Why a sandbox could not start, as it crosses from the thread. */
interface Failure {
  readonly which: 'quickbooks' | 'linarc';
  readonly name: string;
  readonly message: string;
  readonly code: string | null;
}
type Report = { readonly started: Omit<Sandboxes, 'close'> } | { readonly failure: Failure } | { readonly log: string };

/** A sandbox that did not start; `code` is the system's, such as EADDRINUSE. */
export class SandboxStartError extends Error {
  override name = 'SandboxStartError';
  readonly which: 'quickbooks' | 'linarc';
  readonly code: string | null;
  /** The reason is the library that was asked for. */
  readonly badLibrary: boolean;

  constructor({ which, name, message, code }: Failure) {
    super(message);
    this.which = which;
    this.code = code;
    this.badLibrary = name === LibrarySourceError.name;
  }
}

const MARK = 'linarc-class-sync sandboxes';

/** Starts the sandboxes in this thread. Throws SandboxStartError; nothing is left open then. */
export async function startSandboxes(options: SandboxesOptions, log: (line: string) => void): Promise<Sandboxes> {
  const open: { close(): Promise<void> }[] = [];
  const start = async <T extends { url: string; close(): Promise<void> }>(which: Failure['which'], starting: () =>
    Promise<T>): Promise<string> => {
    try {
      const sandbox = await starting();
      open.push(sandbox);
      return sandbox.url;
    } catch (error) {
      for (const each of open) await each.close();
      throw new SandboxStartError(failureOf(which, error));
    }
  };
  const { quickbooks, linarc } = options;
  const quickbooksUrl = quickbooks ? await start('quickbooks', () => startQuickBooksSandbox({ ...quickbooks, log })) : null;
  const linarcUrl = linarc ? await start('linarc', () => startLinarcSandbox(linarc)) : null;
  return {
    quickbooksUrl, linarcUrl,
    close: async () => {
      await Promise.all(open.map((each) => each.close()));
    },
  };
}

function failureOf(which: Failure['which'], error: unknown): Failure {
  if (!(error instanceof Error)) return { which, name: 'Error', message: String(error), code: null };
  return { which, name: error.name, message: error.message, code: 'code' in error ? String(error.code) : null };
}

/**
 * Starts the sandboxes in a thread of their own, so that the app's event loop is the app's alone. Works from TypeScript under tsx
 * and from the built files alike. Throws SandboxStartError.
 * @param log told of what goes wrong inside the sandboxes later on
 */
export function startSandboxesInThread(
  options: SandboxesOptions, log: (line: string) => void = () => undefined,
): Promise<Sandboxes> {
  const worker = openThread({ mark: MARK, options });
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });
  return new Promise((resolve, reject) => {
    worker.on('error', (error) => {
      log(`The sandboxes stopped: ${error.message}`);
      reject(error);
    });
    worker.on('message', (report: Report) => {
      if ('log' in report) log(report.log);
      else if ('failure' in report) reject(new SandboxStartError(report.failure));
      else resolve({ ...report.started, close: () => stop(worker, ended) });
    });
  });
}

/** A thread that runs this very file. From TypeScript it needs tsx first, which a thread does not take over from its parent. */
function openThread(data: { mark: string; options: SandboxesOptions }): Worker {
  if (extname(fileURLToPath(import.meta.url)) === '.js') return new Worker(new URL(import.meta.url), { workerData: data });
  const [tsx, self] = [import.meta.resolve('tsx/esm/api'), import.meta.url].map((url) => JSON.stringify(url));
  const code = `import(${tsx}).then(({ register }) => { register(); return import(${self}); });`;
  return new Worker(code, { eval: true, workerData: data, execArgv: [] });
}

async function stop(worker: Worker, ended: Promise<void>): Promise<void> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window: there is no origin
  worker.postMessage('close');
  await ended;
}

async function runThread(options: SandboxesOptions, post: (report: Report) => void): Promise<void> {
  try {
    const sandboxes = await startSandboxes(options, (line) => post({ log: line }));
    parentPort?.once('message', () => {
      void sandboxes.close().then(() => parentPort?.close());
    });
    post({ started: { quickbooksUrl: sandboxes.quickbooksUrl, linarcUrl: sandboxes.linarcUrl } });
  } catch (error) {
    if (!(error instanceof SandboxStartError)) throw error;
    const { which, message, code, badLibrary } = error;
    post({ failure: { which, name: badLibrary ? LibrarySourceError.name : 'Error', message, code } });
    parentPort?.close();
  }
}

/** This file is also what the thread runs. */
const given: unknown = workerData;
if (!isMainThread && typeof given === 'object' && given !== null && 'mark' in given && given.mark === MARK
  && 'options' in given) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window: there is no origin
  await runThread(given.options as SandboxesOptions, (report) => parentPort?.postMessage(report));
}
