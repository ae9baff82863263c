import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/** What the driver keeps to itself of a connection. */
interface DriverConnection {
  readonly socket: Socket;
  readonly closed: boolean;
  cleanup(error: Error): void;
}

/**
 * Ends commands that were written to a connection just as it closed. The driver (mongodb 7.8) waits for such a socket to drain, which it
 * never does: the command had no end, and where it was the monitor's, the process never found the database again after a restart of it.
 */
export function endCommandsOfClosedConnections(): void {
  // The driver mongoose brings along, which need not be the one others have.
  const require = createRequire(createRequire(import.meta.url).resolve('mongoose'));
  const { Connection } = require('mongodb/lib/cmap/connection.js') as { Connection: { prototype: DriverConnection & { [MENDED]?: true } } };
  const { prototype } = Connection;
  if (prototype[MENDED]) return;
  const { cleanup } = prototype;
  prototype[MENDED] = true;
  prototype.cleanup = function tell(this: DriverConnection, error: Error): void {
    const wasOpen = !this.closed;
    cleanup.call(this, error);
    if (wasOpen && this.socket.listenerCount('drain') > 0) this.socket.emit('error', error);
  };
}

const MENDED = Symbol('commands of closed connections end');
