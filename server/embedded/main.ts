import { parseArgs } from 'node:util';
import { startEmbeddedMongo } from './engine.ts';
import type { EmbeddedMongo } from './engine.ts';

/** `npm run mongo -- --port 27017 --data DIR` (design.md §8): the embedded MongoDB alone. */
interface Settings {
  port: number;
  dir: string;
  host: string;
}

/** In: the arguments after the script's name. Out: the settings, or what is wrong with them, all at once. */
function readSettings(argv: string[]): Settings | { faults: string[] } {
  let values: { port?: string | undefined; data?: string | undefined; host?: string | undefined };
  try {
    ({ values } = parseArgs({
      args: argv, options: {
        port: { type: 'string' }, data: { type: 'string' }, host: { type: 'string' },
      }, allowPositionals: false,
    }));
  } catch (error) {
    return { faults: [error instanceof Error ? error.message : String(error)] };
  }
  const { port = '27017', data = './data/mongo', host = '127.0.0.1' } = values;
  const faults: string[] = [];
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) faults.push(`--port must be a number from 0 to 65535; it is "${port}".`);
  if (data.trim() === '') faults.push('--data must name a folder; it is empty.');
  if (host.trim() === '') faults.push('--host must name an address to listen on; it is empty.');
  return faults.length > 0 ? { faults } : { port: Number(port), dir: data, host };
}

function explainStart(error: unknown, { port, host }: Settings): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE') return `--port ${port} is in use on ${host}. Stop what runs there, or name another port.`;
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return `${host}:${port} cannot be listened on (${code}). Name another --port or --host.`;
  }
  return error instanceof Error ? error.message : String(error);
}

function stopOnSignals(server: EmbeddedMongo): void {
  const stop = (): void => {
    server.close().then(() => process.exit(0), (error: unknown) => {
      process.stderr.write(`The embedded MongoDB did not stop cleanly: ${String(error)}\n`);
      process.exit(1);
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  if ('faults' in settings) {
    process.stderr.write(`${settings.faults.join('\n')}\nUsage: npm run mongo -- --port 27017 --data DIR [--host 127.0.0.1]\n`);
    process.exitCode = 1;
    return;
  }
  try {
    const server = await startEmbeddedMongo(settings);
    stopOnSignals(server);
    process.stdout.write(`ready ${server.uri}\n`);
  } catch (error) {
    process.stderr.write(`The embedded MongoDB cannot start: ${explainStart(error, settings)}\n`);
    process.exitCode = 1;
  }
}

await main();
