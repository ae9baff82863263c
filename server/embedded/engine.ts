import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { hostname } from 'node:os';
import { Catalog } from './catalog.ts';
import type { CommandContext } from './commands/context.ts';
import { runCommand } from './commands/index.ts';
import { Cursors } from './cursors.ts';
import { faultReply, MongoFault } from './faults.ts';
import { lockFolder } from './lock.ts';
import { Storage } from './storage.ts';
import { startTtl } from './ttl.ts';
import { encodeReply, MessageReader, parseMessage, WireError } from './wire.ts';
import type { Request } from './wire.ts';

export interface EmbeddedMongoOptions {
  /** Folder of the data; made when it is not there. */
  dir: string;
  /** 0 takes any free port. */
  port?: number;
  host?: string;
  /** How often expired documents are removed, in ms. */
  ttlIntervalMs?: number;
  /** How long a cursor nobody reads stays open, in ms. */
  cursorTimeoutMs?: number;
}

export interface EmbeddedMongo {
  uri: string;
  port: number;
  /** The held folder, for whoever must release it should this thread die. */
  lock: { path: string; content: string };
  /** Finishes requests that run, then stops. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts the MongoDB stand-in for one machine (design.md §3). Rejects with code EADDRINUSE when the port is taken and with a
 * FolderError when the folder cannot be used or another server holds it.
 */
export async function startEmbeddedMongo(options: EmbeddedMongoOptions): Promise<EmbeddedMongo> {
  const { dir, port = 0, host = '127.0.0.1', ttlIntervalMs = 30_000, cursorTimeoutMs = 600_000 } = options;
  const lock = lockFolder(dir);
  const opened: { close(): Promise<void> | void }[] = [{ close: () => lock.release() }];
  const closeAll = async (): Promise<void> => {
    for (const part of opened.reverse()) await part.close();
  };
  try {
    const storage = new Storage(dir);
    opened.push(storage);
    const catalog = new Catalog(storage);
    const cursors = new Cursors(cursorTimeoutMs);
    opened.push(startTtl({ catalog, cursors, storage, intervalMs: ttlIntervalMs }));
    const listener = await Listener.open({ storage, catalog, cursors }, host, port);
    opened.push(listener);
    let closing: Promise<void> | undefined;
    return { uri: `mongodb://${host}:${listener.port}/`, port: listener.port, lock, close: () => closing ??= closeAll() };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

interface Parts {
  storage: Storage;
  catalog: Catalog;
  cursors: Cursors;
}

/** The socket side: connections, each answering its requests in order. */
class Listener {
  readonly #parts: Parts;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #running = new Set<Promise<void>>();
  readonly #startedAt = new Date();
  #connections = 0;
  port = 0;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static open(parts: Parts, host: string, port: number): Promise<Listener> {
    const listener = new Listener(parts);
    return new Promise((resolve, reject) => {
      listener.#server.once('error', reject);
      listener.#server.listen(port, host, () => {
        listener.#server.removeListener('error', reject);
        listener.port = (listener.#server.address() as AddressInfo).port;
        resolve(listener);
      });
    });
  }

  /** Takes no new connections, lets requests that run finish, then ends the connections. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.pause();
    await Promise.allSettled(this.#running);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const connection = ++this.#connections;
    this.#sockets.add(socket);
    const reader = new MessageReader();
    let queue = Promise.resolve();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#parts.cursors.connectionEnded(connection);
    });
    socket.on('data', (chunk) => {
      try {
        for (const message of reader.push(chunk)) queue = this.#track(
          queue.then(() => this.#answer(socket, connection, message))
        );
      } catch {
        socket.destroy();
      }
    });
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked: Promise<void> = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    return tracked;
  }

  async #answer(socket: Socket, connection: number, message: Buffer): Promise<void> {
    if (socket.destroyed) return;
    let request: Request;
    try {
      request = parseMessage(message);
    } catch (error) {
      this.#refuse(socket, message, error);
      return;
    }
    const reply = await this.#run(connection, request);
    if (!request.wantsReply || socket.destroyed) return;
    if (!socket.write(encodeReply(request.requestId, reply, request.legacy))) await drained(socket);
  }

  /** A broken frame ends the connection; a readable frame with broken contents gets an error. */
  #refuse(socket: Socket, message: Buffer, error: unknown): void {
    if (error instanceof WireError || !(error instanceof MongoFault)) socket.destroy();
    else socket.write(encodeReply(message.readInt32LE(4), faultReply(error), false));
  }

  async #run(connection: number, request: Request): Promise<Record<string, unknown> | Buffer> {
    const { storage, catalog, cursors } = this.#parts;
    const db = request.command['$db'];
    if (typeof db !== 'string') return faultReply(MongoFault.location(40571, 'OP_MSG requests require a $db argument'));
    const context: CommandContext = {
      catalog, cursors, db, connection,
      write: (work) => storage.write(work).catch((error: unknown) => {
        if (!(error instanceof MongoFault)) catalog.load();
        throw error;
      }),
      statistics: () => ({ startedAt: this.#startedAt, connections: this.#sockets.size, host: hostname(), port: this.port }),
    };
    try {
      return await runCommand(context, request.command);
    } catch (error) {
      return faultReply(error);
    }
  }
}

/** Waits until the client has read; one that reads nothing holds only its own connection. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.removeListener('drain', done);
      socket.removeListener('close', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
  });
}
