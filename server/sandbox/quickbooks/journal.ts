import { mkdirSync, openSync, closeSync, writeSync, readFileSync, renameSync, existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What is kept of one kind, by key. */
export type Kept = ReadonlyMap<string, unknown>;

/** Keeps the last value of each (kind, key). Without a file it forgets. */
export interface Journal {
  /** Notes a value; `null` removes it. The note reaches the file within FLUSH_MS. */
  put(kind: string, key: string, value: unknown): void;
  /** What the file held at the start, by kind. */
  kept(kind: string): Kept;
  /** Forgets all. */
  clear(): void;
  close(): void;
}

export const forgetful: Journal = {
  put: () => undefined,
  kept: () => new Map(),
  clear: () => undefined,
  close: () => undefined,
};

/** The longest a note waits: what a kill -9 may lose. */
const FLUSH_MS = 50;
/** How soon a failed write, such as on a full disk, is tried again. */
const RETRY_MS = 2000;

/**
 * A journal in a file of JSON lines `[kind, key, value]`, the last line of a key counting. Compacted at the start; a line cut by
 * a crash is dropped.
 * @param complain told when a note cannot be written; it is kept and tried again.
 * @throws the file system's error when the file cannot be read or written.
 */
export function openJournal(path: string, complain: (line: string) => void): Journal {
  mkdirSync(dirname(path), { recursive: true });
  const state = readLines(path);
  compact(path, state);
  let file = openSync(path, 'a', 0o600);
  let waiting: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    timer = undefined;
    if (waiting.length === 0) return;
    const text = waiting.join('');
    try {
      writeSync(file, text);
      waiting = [];
    } catch (error) {
      waiting = [text];
      timer = setTimeout(flush, RETRY_MS);
      complain(`QuickBooks sandbox: ${path} cannot be written (${String(error)}). Trying again.`);
    }
  };

  return {
    put(kind, key, value) {
      waiting.push(`${JSON.stringify([kind, key, value])}\n`);
      timer ??= setTimeout(flush, FLUSH_MS);
    },
    kept: (kind) => state.get(kind) ?? new Map(),
    clear() {
      waiting = [];
      state.clear();
      closeSync(file);
      file = openSync(path, 'w', 0o600);
    },
    close() {
      clearTimeout(timer);
      flush();
      clearTimeout(timer);
      closeSync(file);
    },
  };
}

function readLines(path: string): Map<string, Map<string, unknown>> {
  const state = new Map<string, Map<string, unknown>>();
  if (!existsSync(path)) return state;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const note = readLine(line);
    if (!note) continue;
    const [kind, key, value] = note;
    let kept = state.get(kind);
    if (!kept) state.set(kind, (kept = new Map()));
    if (value === null) kept.delete(key);
    else kept.set(key, value);
  }
  return state;
}

function readLine(line: string): [string, string, unknown] | undefined {
  if (line === '') return undefined;
  try {
    const note: unknown = JSON.parse(line);
    if (Array.isArray(note) && typeof note[0] === 'string' && typeof note[1] === 'string') {
      return [note[0], note[1], note[2] as unknown];
    }
  } catch {
    // The process died in the middle of this line; all before it is whole.
  }
  return undefined;
}

/** Beside the old file first, then in its place: a crash in between leaves one whole file. */
function compact(path: string, state: Map<string, Map<string, unknown>>): void {
  const fresh = `${path}.new`;
  const lines: string[] = [];
  for (const [kind, kept] of state) for (const [key, value] of kept) lines.push(`${JSON.stringify([kind, key, value])}\n`);
  writeFileSync(fresh, lines.join(''), { mode: 0o600 });
  renameSync(fresh, path);
}
