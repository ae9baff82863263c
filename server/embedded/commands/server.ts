import { Binary } from 'bson';
import { MAX_DOCUMENT_BYTES } from '../document.ts';
import { MongoFault } from '../faults.ts';
import { MAX_MESSAGE_BYTES } from '../wire.ts';
import type { Command } from './context.ts';
import { randomBytes } from 'node:crypto';

/** What the server calls itself: drivers choose their messages by it. */
const VERSION = '7.0.0';
const MAX_WIRE_VERSION = 21;

/** A standalone server: no setName, so drivers use neither retryable writes nor transactions. */
export const hello: Command = (context, command) => ({
  helloOk: true,
  ...('hello' in command ? { isWritablePrimary: true } : { ismaster: true, isWritablePrimary: true }),
  maxBsonObjectSize: MAX_DOCUMENT_BYTES, maxMessageSizeBytes: MAX_MESSAGE_BYTES, maxWriteBatchSize: 100_000,
  localTime: new Date(),
  logicalSessionTimeoutMinutes: 30, connectionId: context.connection, minWireVersion: 0, maxWireVersion: MAX_WIRE_VERSION,
  readOnly: false,
});

export const ping: Command = () => ({});

export const buildInfo: Command = () => ({
  version: VERSION, gitVersion: 'embedded', modules: [], allocator: 'system', javascriptEngine: 'none', sysInfo: 'embedded',
  versionArray: [7, 0, 0, 0], bits: 64, debug: false, maxBsonObjectSize: MAX_DOCUMENT_BYTES, storageEngines: ['lmdb'],
});

export const serverStatus: Command = (context) => {
  const { startedAt, connections, host } = context.statistics();
  const uptime = (Date.now() - startedAt.getTime()) / 1000;
  return {
    host, version: VERSION, process: 'embedded', pid: process.pid, uptime, uptimeMillis: Math.round(uptime * 1000),
    localTime: new Date(),
    connections: { current: connections, available: 1000, totalCreated: context.connection },
    metrics: { cursor: { open: { total: context.cursors.size } } }, storageEngine: { name: 'lmdb', persistent: true },
    mem: { resident: Math.round(process.memoryUsage.rss() / 1048576) },
  };
};

export const hostInfo: Command = (context) => ({
  system: { currentTime: new Date(), hostname: context.statistics().host, cpuAddrSize: 64 },
  os: { type: process.platform, name: process.platform }, extra: {},
});

export const connectionStatus: Command = () => ({
  authInfo: { authenticatedUsers: [], authenticatedUserRoles: [], authenticatedUserPrivileges: [] },
});

export const whatsmyuri: Command = () => ({ you: '127.0.0.1:0' });

export const getLog: Command = (_context, command) => (command['getLog'] === '*' ? { names: ['global', 'startupWarnings'] }
  : { totalLinesWritten: 0, log: [] });

export const getParameter: Command = (_context, command) => {
  if ('featureCompatibilityVersion' in command || command['getParameter'] === '*') {
    return { featureCompatibilityVersion: { version: '7.0' } };
  }
  throw new MongoFault('InvalidOptions', 'no option found to get');
};

export const getCmdLineOpts: Command = () => ({ argv: [], parsed: {} });

export const startSession: Command = () => ({ id: { id: new Binary(randomBytes(16), 4) }, timeoutMinutes: 30 });

export const nothing: Command = () => ({});
