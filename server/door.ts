import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StartError } from './config.ts';

/** What to say of a port that could not be had; null when the fault is another. */
export function portProblem(code: unknown, name: string, port: number): StartError | null {
  if (code === 'EADDRINUSE') return new StartError(name, `port ${port} is in use by another program. Stop that, or set PORT to another number.`);
  if (code === 'EACCES') return new StartError(name, `port ${port} needs rights this process has not. Set PORT to a number above 1023.`);
  return null;
}

export interface Door {
  readonly port: number;
  /** Lets requests in; until then they are told to come back. */
  open(app: RequestListener): void;
  /** Takes no new requests, and waits a while for those under way. */
  close(): Promise<void>;
}

/** How long requests under way may take once the door is closing. */
const LAST_REQUESTS = 1_500;

/** Takes the port before anything else is started. Throws StartError. */
export async function openDoor({ port, host }: { readonly port: number; readonly host: string }): Promise<Door> {
  let answer: RequestListener = (_request, response) => {
    response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '2' }).end('The app is starting.\n');
  };
  const server = createServer((request, response) => answer(request, response));
  await listen(server, port, host);
  return {
    port: (server.address() as AddressInfo).port,
    open: (app) => {
      answer = app;
    },
    close: () => closeServer(server),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const wrongHost = new StartError('HOST', `cannot listen on ${host}. Set it to an address of this machine, or leave it out.`);
      fail(portProblem(error.code, 'PORT', port) ?? wrongHost);
    });
    server.listen(port, host, () => done());
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((done) => {
    const cut = setTimeout(() => server.closeAllConnections(), LAST_REQUESTS);
    server.close(() => {
      clearTimeout(cut);
      done();
    });
    server.closeIdleConnections();
  });
}
