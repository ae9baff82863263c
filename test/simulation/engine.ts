import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as ports from '../../server/core/ports.ts';
import * as problems from '../../server/core/problems.ts';
import * as connecting from '../../server/sync/connect.ts';
import * as deciding from '../../server/sync/decide.ts';
import * as importing from '../../server/sync/import.ts';
import * as linking from '../../server/sync/link.ts';
import * as mapping from '../../server/sync/mapping.ts';
import * as pushing from '../../server/sync/push.ts';
import * as reading from '../../server/sync/classes.ts';
import * as sweeping from '../../server/sync/sweep.ts';
import * as telling from '../../server/sync/told.ts';
import * as tokens from '../../server/sync/tokens.ts';

/** The engine under simulation: the use cases, and the errors they know. */
export interface Engine {
  readonly ports: typeof ports;
  readonly problems: typeof problems;
  readonly connecting: typeof connecting;
  readonly deciding: typeof deciding;
  readonly importing: typeof importing;
  readonly linking: typeof linking;
  readonly mapping: typeof mapping;
  readonly pushing: typeof pushing;
  readonly reading: typeof reading;
  readonly sweeping: typeof sweeping;
  readonly telling: typeof telling;
  readonly tokens: typeof tokens;
}

export const ENGINE: Engine = { ports, problems, connecting, deciding, importing, linking, mapping, pushing, reading, sweeping, telling, tokens };

const FILES: Readonly<Record<keyof Engine, string>> = {
  ports: 'core/ports.ts', problems: 'core/problems.ts', connecting: 'sync/connect.ts', deciding: 'sync/decide.ts',
  importing: 'sync/import.ts', linking: 'sync/link.ts', mapping: 'sync/mapping.ts', pushing: 'sync/push.ts',
  reading: 'sync/classes.ts', sweeping: 'sync/sweep.ts', telling: 'sync/told.ts', tokens: 'sync/tokens.ts',
};

/** A change to one source file of the engine: `from` must stand there exactly once. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const SERVER = join(import.meta.dirname, '../../server');

/** Loads a copy of the engine with these edits made. The copy lies beside nothing of ours and is deleted once it is loaded. */
export async function editedEngine(edits: readonly Edit[]): Promise<Engine> {
  const copy = await mkdtemp(join(tmpdir(), 'simulation-'));
  try {
    await writeFile(join(copy, 'package.json'), '{"type":"module"}');
    for (const folder of ['core', 'sync']) {
      for (const name of await readdir(join(SERVER, folder))) {
        const file = join(folder, name);
        if (name.endsWith('.ts')) await writeCopy(join(copy, file), edited(await readFile(join(SERVER, file), 'utf8'), file, edits));
      }
    }
    const unknown = edits.find(({ file }) => !file.startsWith('core/') && !file.startsWith('sync/'));
    if (unknown) throw new Error(`${unknown.file} is no part of the engine.`);
    const loaded = await Promise.all(Object.entries(FILES).map(async ([name, file]) => [name, await import(pathToFileURL(join(copy, file)).href)] as const));
    return Object.fromEntries(loaded) as unknown as Engine;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function writeCopy(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

function edited(text: string, file: string, edits: readonly Edit[]): string {
  return edits.filter((edit) => edit.file === file).reduce((source, { from, to }) => {
    if (source.split(from).length !== 2) throw new Error(`“${from}” stands ${source.split(from).length - 1} times in ${file}.`);
    return source.replace(from, () => to);
  }, text);
}
