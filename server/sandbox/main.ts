import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { RegisteredApp } from './quickbooks/server.ts';
import { SandboxStartError, startSandboxes } from './worker.ts';
import type { SandboxesOptions } from './worker.ts';

/** `npm run sandbox -- …`: the two sandboxes alone (design.md §8). */

const FLAGS = {
  port: { type: 'string', default: '3001' },
  'linarc-port': { type: 'string', default: '3002' },
  library: { type: 'string' },
  codes: { type: 'string' },
  speed: { type: 'string', default: '1' },
  limits: { type: 'string', default: 'on' },
  state: { type: 'string' },
  'app-url': { type: 'string' },
  'client-id': { type: 'string' },
  'client-secret': { type: 'string' },
  seed: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const HELP = `Runs the QuickBooks sandbox and the Linarc sandbox.

  --port N            port of the QuickBooks sandbox (3001)
  --linarc-port N     port of the Linarc sandbox (3002)
  --library FILE.csv  cost codes for Linarc: columns code, label, level
  --codes N           make N cost codes instead
  --speed N           run the QuickBooks sandbox's clock N times faster: limits and token lifetimes (1)
  --limits off        measure limits without refusing calls
  --state DIR         keep what happens in this folder
  --app-url URL       list the app that runs at this address in the Apps menu
  --client-id ID      its OAuth client id (linarc-class-sync)
  --client-secret S   its OAuth client secret
  --seed TEXT         repeat the same random faults and latencies
`;

interface Settings {
  readonly options: SandboxesOptions;
  readonly help: boolean;
}

/** Reads the command line. @returns what to start, or every fault in it, one sentence each. */
export function readCommandLine(args: readonly string[]): Settings | string[] {
  const known = new Set(Object.keys(FLAGS));
  const { values, tokens } = parseArgs({ args: [...args], options: FLAGS, strict: false, tokens: true });
  const faults: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') faults.push(`"${token.value}" is not a flag. Flags begin with --; --help lists them.`);
    if (token.kind === 'option' && !known.has(token.name)) faults.push(`--${token.name} is not known. --help lists the flags.`);
    if (token.kind === 'option' && known.has(token.name) && token.name !== 'help' && token.value === undefined) {
      faults.push(`--${token.name} needs a value.`);
    }
  }
  const text = (name: keyof typeof FLAGS): string | undefined => {
    const value: unknown = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const number = (name: keyof typeof FLAGS, min: number, max: number): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (/^\d+$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value);
    faults.push(`--${name} must be a whole number from ${min} to ${max}.`);
    return undefined;
  };
  const port = number('port', 0, 65_535);
  const linarcPort = number('linarc-port', 0, 65_535);
  const codes = number('codes', 0, 200_000);
  const speed = number('speed', 1, 100_000);
  const limits = text('limits');
  const state = text('state');
  const library = text('library');
  if (limits !== 'on' && limits !== 'off') faults.push('--limits must be on or off.');
  if (library !== undefined && codes !== undefined) faults.push('--library and --codes exclude each other. Give one of them.');
  const apps = readApps(text('app-url'), text('client-id'), text('client-secret'), faults);
  if (faults.length > 0) return faults;
  return {
    help: values.help === true,
    options: {
      quickbooks: {
        port: port ?? 3001, speed: speed ?? 1, limits: limits === 'off' ? 'off' : 'on', apps, seed: text('seed') ?? 1,
        ...(state === undefined ? {} : { stateFile: resolve(state, 'quickbooks-sandbox.jsonl') }),
      },
      linarc: { port: linarcPort ?? 3002, library, codes,
        stateFile: state === undefined ? undefined : resolve(state, 'linarc-sandbox.jsonl') },
    },
  };
}

/** The add-on, when its address is given; an app that is started later registers itself. */
function readApps(
  appUrl: string | undefined, clientId: string | undefined, clientSecret: string | undefined, faults: string[],
): RegisteredApp[] {
  if (appUrl === undefined) {
    if (clientId !== undefined || clientSecret !== undefined) faults.push('--client-id and --client-secret need --app-url.');
    return [];
  }
  const url = URL.parse(appUrl);
  if (!url || !/^https?:$/.test(url.protocol)) {
    faults.push('--app-url must be an http or https address.');
    return [];
  }
  const at = (path: string): string => new URL(path, url).href;
  const { name, tagline, urls } = readAppCard();
  return [{
    clientId: clientId ?? 'linarc-class-sync', clientSecret: clientSecret ?? 'linarc-class-sync-sandbox-secret', name, tagline,
    redirectUris: urls.redirect.map(at), launchUrl: at(urls.launch), connectUrl: at(urls.connectRequest),
    disconnectUrl: at(urls.disconnect),
  }];
}

interface AppCard {
  readonly name: string;
  readonly tagline: string;
  readonly urls: {
    readonly launch: string;
    readonly connectRequest: string;
    readonly disconnect: string;
    readonly redirect: readonly string[];
  };
}

/** app.json says what the add-on is to QuickBooks; it lies at the root, above the sources and above the built files. */
function readAppCard(): AppCard {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'app.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return JSON.parse(readFileSync(join(folder, 'app.json'), 'utf8')) as AppCard;
}

async function main(): Promise<void> {
  const settings = readCommandLine(process.argv.slice(2));
  if (Array.isArray(settings)) {
    process.stderr.write(`The command line needs correcting:\n${settings.map((fault) => `  ${fault}\n`).join('')}`);
    process.exitCode = 2;
    return;
  }
  if (settings.help) {
    process.stdout.write(HELP);
    return;
  }
  const sandboxes = await startSandboxes(settings.options, (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(
    `QuickBooks sandbox ${sandboxes.quickbooksUrl}\nLinarc sandbox ${sandboxes.linarcUrl}\nready ${sandboxes.quickbooksUrl}\n`);
  const stop = (): void => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    void sandboxes.close();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

/** What a person can do about a sandbox that did not start. */
function explain(error: SandboxStartError): string {
  const flag = error.which === 'quickbooks' ? '--port' : '--linarc-port';
  if (error.code === 'EADDRINUSE') return `${flag}: the port is in use by another program. Stop that, or give another port.`;
  if (error.code === 'EACCES') return `${flag}: the port needs rights this process has not. Give a port above 1023.`;
  return error.badLibrary ? `--library: ${error.message}` : error.message;
}

/** Imported by a test, this file only lends its command line reader. */
if (process.argv[1] !== undefined && /sandbox[/\\]main\.(js|ts)$/.test(process.argv[1])) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SandboxStartError)) throw error;
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
}
