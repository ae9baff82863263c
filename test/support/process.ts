import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { until } from './waiting.ts';

/** A program of ours in a process of its own. */
export interface Program {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The lines up to `ready …`. Throws with the program's output when it ends first. */
  ready(): Promise<readonly string[]>;
  /** Resolves when it has ended, to its exit code; a signal that ended it counts as 128. */
  readonly ended: Promise<number>;
  signal(name: NodeJS.Signals): void;
  /** Ends it and whatever it started, whatever they do. For `after`. */
  kill(): Promise<void>;
}

/** Starts a program with only these settings beside what finds programs and folders. */
export function launch(command: string, args: readonly string[], settings: Readonly<Record<string, string>>): Program {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, { env: { PATH, HOME, ...settings }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const output = { stdout: collected(child, 'stdout'), stderr: collected(child, 'stderr') };
  const ended = once(child, 'close').then(([code]: unknown[]) => (typeof code === 'number' ? code : 128));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  return {
    ...output,
    pid: child.pid ?? 0,
    ended,
    ready: () => until('the program to be ready', async () => {
      if (isOver) throw new Error(`It ended before it was ready.\n${output.stdout()}\n${output.stderr()}`);
      return /^ready \S+$/m.test(output.stdout()) && output.stdout().trim().split('\n');
    }, 60_000),
    signal: (name) => void child.kill(name),
    kill: async () => {
      if (!isOver && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  };
}

function collected(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
