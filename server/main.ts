// The process: settings in, addresses out, and an orderly stop. The only place that reads the environment.
import { accessSync, constants } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { portalEntries } from './card.ts';
import { ConfigError, readConfig, StartError, summary } from './config.ts';
import type { Config } from './config.ts';
import { createLog } from './log.ts';
import { start } from './start.ts';
import type { Running } from './start.ts';

/**
 * By how many percent of what is in use the heap may grow before all garbage is collected. Left to itself V8 lets it grow fourfold: a sync
 * keeps nothing of the codes it is done with, but of many it held some 150 MiB more than of few. Collecting more often takes a twentieth of
 * an import's time, and none of a sync's that could be measured.
 */
const HEAP_GROWTH = 30;

/** An orderly stop that takes longer is cut short (design.md §8 promises ten seconds). */
const STOP_WITHIN = 9_500;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

function isFile(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function settings(): Config | null {
  try {
    return readConfig(process.env, isFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(error.message);
    return null;
  }
}

async function run(config: Config): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);
  const log = createLog(config.logLevel);
  const fall = (error: unknown): void => {
    log.fatal({ err: error }, 'the process cannot go on');
    process.exit(1);
  };
  process.on('unhandledRejection', fall);
  process.on('uncaughtException', fall);

  let running: Running | null = null;
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.error({ signal }, 'the orderly stop took too long');
      process.exit(1);
    }, STOP_WITHIN).unref();
    await running?.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

  try {
    running = await start(config, log);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    complain(error.message);
    process.exit(1);
  }
  for (const [name, address] of running.addresses) say(`${name.padEnd(20)}${address}`);
  say(`ready ${running.url}`);
}

const config = settings();
if (!config) process.exitCode = 1;
else if (process.argv.includes('--check-config')) summary(config).forEach(say);
else if (process.argv.includes('--descriptor')) portalEntries(config.publicUrl).forEach(say);
else await run(config);
