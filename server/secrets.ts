import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { StartError } from './config.ts';
import type { Config, Secrets } from './config.ts';

const keptSecrets = z.object({
  sessionSecrets: z.array(z.string().min(32)).min(1),
  sealingKeys: z.array(z.object({ id: z.string().min(1), key: z.base64().length(44) })).min(1),
});

/**
 * The secrets of the settings; those not given are made once and kept in the data folder, so that a second start, and a second
 * process beside the first, can read what the first one sealed. The file is its owner's alone.
 * Throws StartError when the data folder cannot be written or the file in it cannot be read.
 */
export function secretsOf({ secrets, dataDir }: Config): Secrets {
  const { sessionSecrets, sealingKeys } = secrets;
  if (sessionSecrets && sealingKeys) return { sessionSecrets, sealingKeys };
  const kept = parsed(dataDir, textIn(dataDir));
  return { sessionSecrets: sessionSecrets ?? kept.sessionSecrets, sealingKeys: sealingKeys ?? kept.sealingKeys };
}

const fileIn = (dataDir: string): string => join(dataDir, 'secrets.json');

function textIn(dataDir: string): string {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return read(fileIn(dataDir)) ?? make(fileIn(dataDir));
  } catch (error) {
    throw new StartError('DATA_DIR', `secrets cannot be kept in ${dataDir} (${String(codeOf(error))}). Name a folder this user may write to.`);
  }
}

function parsed(dataDir: string, text: string): Secrets {
  try {
    return keptSecrets.parse(JSON.parse(text));
  } catch {
    const path = fileIn(dataDir);
    throw new StartError('DATA_DIR', `${path} does not hold the secrets it was made with. Restore it, or remove the folder ${dataDir} to start anew.`);
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Written whole under another name first: of two processes that start at once, one wins and both read the same. */
function make(path: string): string {
  const fresh = {
    sessionSecrets: [randomBytes(32).toString('hex')],
    sealingKeys: [{ id: 'made', key: randomBytes(32).toString('base64') }],
  };
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, JSON.stringify(fresh), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return readFileSync(path, 'utf8');
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
