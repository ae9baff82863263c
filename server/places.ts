import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { CARD } from './card.ts';
import { StartError } from './config.ts';
import type { Config } from './config.ts';
import { portProblem } from './door.ts';
import { startEmbeddedMongo, startEmbeddedMongoInThread } from './embedded/server.ts';
import { SandboxStartError, startSandboxes, startSandboxesInThread } from './sandbox/worker.ts';
import type { Sandboxes, SandboxesOptions } from './sandbox/worker.ts';
import { SANDBOX_CLIENT, SANDBOX_VERIFIER, type Places } from './services.ts';
import { paths } from './web/paths.ts';

interface Closable {
  close(): Promise<void>;
}

/** What was opened so far; closed in the opposite order, also when the next step fails. */
export class Opened {
  readonly #open: Closable[] = [];

  async add<T extends Closable>(opening: T | Promise<T>): Promise<T> {
    const opened = await opening;
    this.#open.push(opened);
    return opened;
  }

  async close(): Promise<void> {
    for (let next = this.#open.pop(); next; next = this.#open.pop()) await next.close();
  }
}

export interface How {
  /** False runs database and sandboxes in this very thread, as tests do. */
  readonly threads?: boolean;
  /** Instead of the database that the address names. */
  readonly databaseName?: string;
}

/** Starts the database and the sandboxes that do not run elsewhere. Throws StartError. */
export async function openPlaces(config: Config, log: Logger, how: How, opened: Opened): Promise<Places> {
  const { quickbooks, linarc } = config;
  const mongoUri = await openDatabase(config, how, opened);
  const sandboxes = await opened.add(openSandboxes(config, log, how));
  return {
    mongoUri,
    ...(how.databaseName === undefined ? {} : { databaseName: how.databaseName }),
    quickbooksSandboxUrl: quickbooks.kind === 'sandbox' ? quickbooks.url ?? sandboxes.quickbooksUrl : null,
    linarcUrl: linarc.kind === 'api' ? linarc.url : linarc.url ?? sandboxes.linarcUrl ?? '',
  };
}

async function openDatabase({ database }: Config, { threads = true }: How, opened: Opened): Promise<string> {
  if (database.kind === 'mongodb') return database.uri;
  const options = { dir: resolve(database.dir), port: 0 };
  const opening = threads ? startEmbeddedMongoInThread(options) : startEmbeddedMongo(options);
  const mongo = await opened.add(opening).catch((error: unknown) => {
    throw folderProblem(error) ?? error;
  });
  return mongo.uri;
}

/** What the embedded database says of a folder that it cannot have; null when the fault is another. */
function folderProblem(error: unknown): StartError | null {
  const isFolder = error instanceof Error && 'code' in error && String(error.code).startsWith('DATA_FOLDER_');
  return isFolder ? new StartError('DATA_DIR', error.message) : null;
}

/** The sandboxes that the settings neither replace by the real thing nor name elsewhere. */
async function openSandboxes(config: Config, log: Logger, { threads = true }: How): Promise<Sandboxes> {
  const { quickbooks, linarc, sandbox, dataDir } = config;
  const kept = (name: string): string => resolve(dataDir, `${name}-sandbox.jsonl`);
  const options: SandboxesOptions = {
    ...(quickbooks.kind === 'sandbox' && quickbooks.url === null && {
      quickbooks: { port: quickbooks.port, speed: sandbox.speed, limits: sandbox.limits ? 'on' : 'off', stateFile: kept('quickbooks') },
    }),
    ...(linarc.kind === 'sandbox' && linarc.url === null && {
      linarc: { port: linarc.port, library: sandbox.library ?? undefined, codes: sandbox.codes ?? undefined, stateFile: kept('linarc') },
    }),
  };
  if (!options.quickbooks && !options.linarc) return { quickbooksUrl: null, linarcUrl: null, close: async () => {} };
  const complain = (line: string): void => log.error({ error: line }, 'a sandbox failed');
  try {
    return await (threads ? startSandboxesInThread(options, complain) : startSandboxes(options, complain));
  } catch (error) {
    if (!(error instanceof SandboxStartError)) throw error;
    throw sandboxProblem(error, options);
  }
}

function sandboxProblem(error: SandboxStartError, { quickbooks, linarc }: SandboxesOptions): StartError {
  if (error.badLibrary) return new StartError('SANDBOX_LIBRARY', error.message);
  const isQuickBooks = error.which === 'quickbooks';
  const port = (isQuickBooks ? quickbooks?.port : linarc?.port) ?? 0;
  const name = isQuickBooks ? 'PORT + 1, for the QuickBooks sandbox' : 'PORT + 2, for the Linarc sandbox';
  return portProblem(error.code, name, port) ?? new StartError(isQuickBooks ? 'QuickBooks sandbox' : 'Linarc sandbox', error.message);
}

const appAtIntuit = z.array(z.object({ clientId: z.string(), redirectUris: z.array(z.string()) }));
/** As many redirect addresses as the sandbox takes for one app. */
const MOST_REDIRECTS = 25;

/** Tells the sandbox which addresses the app has, as its developer would tell Intuit; those of other processes of the app stay. */
export async function register(sandboxUrl: string, url: string): Promise<void> {
  const known = appAtIntuit.parse(await askSandbox('QUICKBOOKS_SANDBOX_URL', `${sandboxUrl}/sandbox/apps`));
  const others = known.find(({ clientId }) => clientId === SANDBOX_CLIENT.clientId)?.redirectUris ?? [];
  const own = [`${url}${paths.signedIn}`, `${url}${paths.connected}`];
  await askSandbox('QUICKBOOKS_SANDBOX_URL', `${sandboxUrl}/sandbox/apps`, {
    ...SANDBOX_CLIENT,
    name: CARD.name,
    tagline: CARD.tagline,
    redirectUris: [...own, ...others.filter((uri) => !own.includes(uri))].slice(0, MOST_REDIRECTS),
    launchUrl: `${url}${paths.launch}`,
    connectUrl: `${url}${paths.connectRequest}`,
    disconnectUrl: `${url}${paths.disconnect}`,
    webhookUrl: `${url}${paths.quickbooksHook}`,
    webhookVerifier: SANDBOX_VERIFIER,
  });
}

const sandboxCompanies = z.object({ companies: z.array(z.object({ id: z.string(), apiKey: z.string() })).min(1) });

/** The Linarc company whose key fills the form already, so that a newcomer only clicks; null with Linarc itself. */
export async function linarcToOffer({ linarc }: Config, { linarcUrl }: Places): Promise<{ companyId: string; apiKey: string } | null> {
  if (linarc.kind === 'api') return null;
  const { companies: [first] } = sandboxCompanies.parse(await askSandbox('LINARC_SANDBOX_URL', `${linarcUrl}/sandbox/companies`));
  return first ? { companyId: first.id, apiKey: first.apiKey } : null;
}

/** A sandbox of its own process may be starting at this very moment. */
const SANDBOX_PATIENCE = 15_000;
const PAUSE = 250;

async function askSandbox(variable: string, url: string, body?: unknown): Promise<unknown> {
  const request = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  for (let waited = 0; ; waited += PAUSE) {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(5_000) }).catch(() => null);
    if (response?.ok) return response.json();
    if (response) throw new StartError(variable, `what answers at ${new URL(url).origin} is no sandbox of this app (status ${response.status}).`);
    if (waited >= SANDBOX_PATIENCE) throw new StartError(variable, `nothing answers at ${new URL(url).origin}. Start the sandbox, or correct the address.`);
    await pause(PAUSE);
  }
}

