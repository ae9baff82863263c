import { randomUUID } from 'node:crypto';
import { accessSync, constants, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A folder that cannot be used, with what to do about it. */
export class FolderError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'FolderError';
    this.code = code;
  }
}

/** A held folder. The content names the holder, so that only the holder removes it. */
export interface FolderLock {
  path: string;
  content: string;
  release(): void;
}

/**
 * Takes a data folder for this server alone; a lock left by a process that no longer runs is taken over.
 * Throws FolderError: DATA_FOLDER_UNUSABLE when it cannot be made or written, DATA_FOLDER_IN_USE when another server holds it.
 */
export function lockFolder(dir: string): FolderLock {
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new FolderError('DATA_FOLDER_UNUSABLE', `The data folder ${dir} cannot be used (${reason(error)}). `
      + 'Name a folder this user may write to.');
  }
  const path = join(dir, 'server.lock');
  const content = JSON.stringify({ pid: process.pid, started: startOf(process.pid), token: randomUUID() });
  for (let attempt = 0; attempt < 3; attempt++) {
    if (create(path, content)) return { path, content, release: () => releaseFolder(path, content) };
    const holder = readHolder(path);
    if (holder && runs(holder)) {
      throw new FolderError('DATA_FOLDER_IN_USE', `The data folder ${dir} is in use by process ${holder.pid}. `
        + 'Stop that server, or name another folder.');
    }
    rmSync(path, { force: true });
  }
  throw new FolderError('DATA_FOLDER_IN_USE', `The data folder ${dir} is being taken by another server. Try again.`);
}

/** Removes a lock if it is still the one with this content. */
export function releaseFolder(path: string, content: string): void {
  try {
    if (readFileSync(path, 'utf8') === content) rmSync(path, { force: true });
  } catch {
    // The lock is gone already: nothing is left to release.
  }
}

/** A link appears with its content or not at all, so no other process reads a half-written lock. */
function create(path: string, content: string): boolean {
  const own = `${path}.${randomUUID()}`;
  try {
    writeFileSync(own, content);
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new FolderError(
      'DATA_FOLDER_UNUSABLE', `The data folder cannot be locked (${reason(error)}). Name a folder this user may write to.`
    );
  } finally {
    rmSync(own, { force: true });
  }
}

interface Holder {
  pid: number;
  started: string;
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function runs({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startOf(pid) === started;
}

/** When a process began, in the kernel's ticks: tells a process from a later one with the same number. Empty where not known. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
