import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSocketServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { AccessTokens, BatchItem, Clock } from '../../server/core/ports.ts';
import { quickBooks, type BooksSettings } from '../../server/qbo/books.ts';

/** A request a hand-made server was sent. */
export interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Wire {
  readonly url: string;
  readonly sent: Sent[];
  close(): Promise<void>;
}

export type Answering = (response: ServerResponse, sent: Sent, nth: number) => void;

/** A real HTTP server that answers each request as told; `nth` counts from 0. */
export async function answering(answer: Answering): Promise<Wire> {
  const sent: Sent[] = [];
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', headers } = request;
    const one = { method, url: new URL(request.url ?? '/', 'http://here'), headers, body: await wholeBody(request) };
    sent.push(one);
    answer(response, one, sent.length - 1);
  };
  const server = createServer((request, response) => void receive(request, response));
  return { ...(await listening(server, () => server.closeAllConnections())), sent };
}

/** A real server of raw sockets: `talk` is called once a request's bytes have begun to arrive. */
export async function socketAnswering(talk: (socket: Socket) => void): Promise<Wire> {
  const open = new Set<Socket>();
  const server = createSocketServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy()).once('data', () => talk(socket));
  });
  const close = () => {
    for (const socket of open) socket.destroy();
  };
  return { ...(await listening(server, close)), sent: [] };
}

/** An address where nobody listens. */
export async function deadAddress(): Promise<string> {
  const server = await socketAnswering(() => {});
  await server.close();
  return server.url;
}

async function listening(server: Server, cut: () => void): Promise<{ url: string; close(): Promise<void> }> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = () => new Promise<void>((resolve) => {
    server.close(() => resolve());
    cut();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function wholeBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

export function plain(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers).end(body);
}

export const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => pause(ms, undefined, signal && { signal }).catch(() => undefined),
};

export const REALM = '9341453000000000001';
/** Long and unlike anything else, so that a leak is seen. */
export const CANARY = 'eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0..canary-0123456789-access';
export const RENEWED = 'eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0..canary-9876543210-renewed';

/** Tokens of a company whose grant is fine: one renewal gives another token. */
export function tokens(): AccessTokens {
  let token = CANARY;
  return {
    current: async () => token,
    renewed: async (refused) => {
      if (refused === token) token = RENEWED;
      return token;
    },
  };
}

export interface Opened {
  readonly kinds: string[];
  readonly books: ReturnType<ReturnType<typeof quickBooks>>;
}

/** Books of REALM at this address; `kinds` lists what beforeCall heard. */
export function open(url: string, settings: Partial<BooksSettings> = {}, given: AccessTokens = tokens()): Opened {
  const kinds: string[] = [];
  const books = quickBooks({ apiBase: url, callTimeoutMs: 5_000, clock, ...settings })(REALM, given, async (kind) => {
    kinds.push(kind);
  });
  return { kinds, books };
}

export function create(bId: string, name: string): BatchItem {
  return { bId, operation: 'create', body: { Name: name } };
}

export function wireClass(id: string, name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    FullyQualifiedName: name, domain: 'QBO', Name: name, SyncToken: '0', SubClass: false, sparse: false, Active: true, Id: id,
    MetaData: { CreateTime: '2026-07-22T13:57:27-07:00', LastUpdatedTime: '2026-07-22T13:57:27-07:00' },
    ...more,
  };
}

export function faultBody(code: string, message = 'Message', detail = 'Detail'): Record<string, unknown> {
  const error = { Message: message, Detail: detail, code, element: '' };
  return { Fault: { Error: [error], type: 'ValidationFault' }, time: '2026-07-22T13:57:27' };
}

/** What the gateway answers a call with an expired token (annex A6.1), the token in it. */
export function expired(token: string): Record<string, unknown> {
  const error = {
    message: 'message=AuthenticationFailed; errorCode=003200; statusCode=401',
    detail: `Token expired: ${token}`,
    code: '3200',
    element: null,
  };
  const fault = { error: [error], type: 'AUTHENTICATION' };
  return { warnings: null, fault, report: null, batchItemResponse: [], time: 1_601_391_072_830 };
}

export function tokenIn(sent: Sent): string {
  return String(sent.headers.authorization).replace('Bearer ', '');
}
