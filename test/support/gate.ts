import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Where to strike: before the n-th write reaches the server, or once the server has done it and before its answer is passed on. */
export interface Strike {
  readonly n: number;
  readonly when: 'before' | 'after';
  readonly hit: () => void;
}

const SKIPPED = /^(jobs|sessions)$/;
const WRITES = /^(insert|update|delete|findAndModify)$/;

/**
 * Stands between one process and a server of its own kind, passes everything on and counts the writes, so that a process can be ended at
 * an exact point of its work without knowing of it.
 */
export class Gate {
  readonly port: number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private count = 0;
  private strike: Strike | null = null;

  private constructor(server: Server) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async open(target: string): Promise<Gate> {
    const { hostname, port, protocol } = new URL(target);
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const gate = new Gate(server);
    const writesIn = protocol === 'mongodb:' ? mongoWrites : httpWrites;
    server.on('connection', (client) => gate.join(client, connect(Number(port), hostname), writesIn()));
    return gate;
  }

  /** Counts from 1 again, and strikes once where told. */
  arm(strike: Strike | null): void {
    this.count = 0;
    this.strike = strike;
  }

  /** How many writes passed since it was armed. */
  get passed(): number {
    return this.count;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((done) => this.server.close(done));
  }

  private join(client: Socket, server: Socket, writesIn: (chunk: Buffer) => number): void {
    let awaited: (() => void) | null = null;
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', () => {}).on('close', () => {
        this.sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      for (let left = writesIn(chunk); left > 0; left -= 1) {
        this.count += 1;
        const { strike } = this;
        if (strike?.n !== this.count) continue;
        this.strike = null;
        if (strike.when === 'before') return strike.hit();
        awaited = strike.hit;
      }
      server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      if (awaited) return awaited();
      client.write(chunk);
    });
  }
}

/** Counts the writes to our collections in a stream of MongoDB's wire protocol. */
function mongoWrites(): (chunk: Buffer) => number {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    let writes = 0;
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      if (isWrite(rest.subarray(0, length))) writes += 1;
      rest = rest.subarray(length);
    }
    return writes;
  };
}

/** The first element of a command is its name, with the collection as value. */
function isWrite(message: Buffer): boolean {
  const OP_MSG = 2013;
  const [body, text] = [25, 2];
  if (message.length < body + 10 || message.readInt32LE(12) !== OP_MSG || message[body] !== text) return false;
  const end = message.indexOf(0, body + 1);
  const name = message.toString('latin1', body + 1, end);
  const collection = message.toString('latin1', end + 5, end + 4 + message.readInt32LE(end + 1));
  return WRITES.test(name) && !SKIPPED.test(collection);
}

function httpWrites(): (chunk: Buffer) => number {
  return (chunk) => (/^POST \/v3\/company\/\d+\/batch/.test(chunk.toString('latin1', 0, 200)) ? 1 : 0);
}
