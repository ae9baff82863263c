import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerApi, faultReply, htmlError, readApiCall, recordedFault, recordedReply, throttled } from './api.ts';
import type { ApiCall } from './api.ts';
import type { RegisteredApp } from './apps.ts';
import { answerControl } from './control.ts';
import { readBody, send, TooLarge, wait } from './http.ts';
import type { Exchange, Reply } from './http.ts';
import type { InjectedFault } from './injection.ts';
import { forgetful, openJournal } from './journal.ts';
import { answerOAuth, bearer, invalidGrant, OAUTH_OPERATIONS, readOAuthCall } from './oauth.ts';
import { answerPage } from './pages/routes.ts';
import { DEFAULT_COMPANIES } from './seeds.ts';
import { World } from './world.ts';
import type { CompanyWish } from './world.ts';

export type { RegisteredApp } from './apps.ts';
export type { CompanyWish } from './world.ts';

export interface QuickBooksSandboxOptions {
  /** 0 takes any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Keeps companies, classes, grants, keys and apps in this file; without it they end with the process. */
  readonly stateFile?: string;
  /** Virtual seconds per real second, for limits and token lifetimes; 1 to 100,000. */
  readonly speed?: number;
  readonly limits?: 'on' | 'off';
  readonly apps?: readonly RegisteredApp[];
  readonly seed?: number | string;
  readonly companies?: readonly CompanyWish[];
  /** Told of what went wrong inside the sandbox itself. */
  readonly log?: (line: string) => void;
}

export interface QuickBooksSandbox {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
  /** The state behind the control calls, for a program in the same process. */
  readonly control: World;
}

/**
 * Starts a QuickBooks that answers as Intuit does (quickbooks.md §10), with its pages and control calls on the same port.
 * @throws when the port is taken or the state file cannot be used.
 */
export async function startQuickBooksSandbox(options: QuickBooksSandboxOptions = {}): Promise<QuickBooksSandbox> {
  const { host = '127.0.0.1', speed = 1 } = options;
  if (!(speed >= 1 && speed <= 100_000)) throw new RangeError(`speed must be 1 to 100000, not ${speed}`);
  const log = options.log ?? (() => undefined);
  const journal = options.stateFile === undefined ? forgetful : openJournal(options.stateFile, log);
  const world = new World({
    speed, limits: options.limits ?? 'on', apps: options.apps ?? [], seed: options.seed ?? 1,
    companies: options.companies ?? DEFAULT_COMPANIES,
  }, journal);
  const server = createServer((request, response) => void receive(world, request, response, log));
  server.keepAliveTimeout = 65_000;
  try {
    await listen(server, options.port ?? 0, host);
  } catch (error) {
    world.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host === '127.0.0.1' ? 'localhost' : host}:${port}`, port, control: world,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      world.close();
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function receive(
  world: World, request: IncomingMessage, response: ServerResponse, log: (line: string) => void,
): Promise<void> {
  try {
    const exchange = await readExchange(world, request, response);
    if (exchange.path.startsWith('/v3/company/')) await answerMachine(world, exchange, apiCall(world, exchange));
    else if (OAUTH_OPERATIONS[exchange.path.replace(/\/$/, '')]) await answerMachine(world, exchange, oauthCall(world, exchange));
    else if (exchange.path.startsWith('/sandbox/')) send(response, await answerControl(world, exchange), false);
    else send(response, answerPage(world, exchange), request.method === 'HEAD');
  } catch (error) {
    answerBroken(response, error, log);
  }
}

/** Last resort: whatever went wrong, the client gets an answer of the gateway's kind and never a stack trace. */
function answerBroken(response: ServerResponse, error: unknown, log: (line: string) => void): void {
  if (response.destroyed) return;
  const tooLarge = error instanceof TooLarge;
  if (!tooLarge) log(`QuickBooks sandbox: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const reply = htmlError(tooLarge ? 413 : 500);
  send(response, { ...reply, headers: { ...reply.headers, Connection: 'close' } }, false);
}

async function readExchange(world: World, request: IncomingMessage, response: ServerResponse): Promise<Exchange> {
  const started = performance.now();
  const host = request.headers.host ?? 'localhost';
  const origin = `http://${host}`;
  const url = URL.parse(request.url ?? '/', origin) ?? new URL('http://localhost/');
  const body = request.method === 'GET' || request.method === 'HEAD' ? '' : await readBody(request);
  return { request, response, method: request.method ?? 'GET', url, path: url.pathname, body, origin, tid: traceId(world),
    started };
}

function hex(world: World, digits: number): string {
  let text = '';
  while (text.length < digits) text += Math.floor(world.random() * 0x1_0000_0000).toString(16).padStart(8, '0');
  return text.slice(0, digits);
}

/** `1-5f73308b-7fb81c98…` (A6.2). */
function traceId(world: World): string {
  return `1-${Math.floor(world.clock.wall() / 1000).toString(16)}-${hex(world, 24)}`;
}

/** A call of an Intuit path: what it is, and how it is answered once injected faults let it through. */
interface MachineCall {
  readonly operation: string;
  readonly api: ApiCall | undefined;
  answer(fault: InjectedFault | undefined): Promise<Outcome>;
}
interface Outcome {
  readonly reply: Reply;
  readonly meter: 'Core' | 'CorePlus' | null;
  readonly clientId: string | null;
  readonly refused: string | null;
}

function apiCall(world: World, exchange: Exchange): MachineCall {
  const api = readApiCall(exchange);
  return { operation: api.operation, api, answer: (fault) => answerApi(world, exchange, api, fault) };
}

function oauthCall(world: World, exchange: Exchange): MachineCall {
  const call = readOAuthCall(exchange);
  return {
    operation: call.operation, api: undefined,
    answer: async () => ({ reply: await answerOAuth(world, exchange, call), meter: null, clientId: null, refused: null }),
  };
}

/** The one way of every Intuit call: faults before, the work, faults after, the answer, the audit log. */
async function answerMachine(world: World, exchange: Exchange, call: MachineCall): Promise<void> {
  const realmId = call.api?.realmId ?? null;
  const fault = world.injection.strike({ method: exchange.method, path: exchange.path, operation: call.operation, realmId });
  if (fault?.kind === 'revoke-grant') revokeCaller(world, exchange);
  if (fault?.kind === 'delay' && fault.when !== 'after') await wait(fault.ms ?? 1000);
  const early = fault ? replyBefore(world, exchange, call, fault) : undefined;
  const outcome = early ?? await call.answer(fault);
  const spoilt = fault && !early ? replyAfter(world, exchange, call, fault) : undefined;
  const status = await deliver(exchange, withCommonHeaders(world, exchange, spoilt ?? outcome.reply), fault);
  world.calls.add({
    time: new Date(world.clock.wall()).toISOString(), method: exchange.method, path: exchange.path, operation: call.operation,
    realmId,
    clientId: outcome.clientId, items: call.api?.items?.length ?? null, requestid: call.api?.requestid ?? null, status,
    meter: outcome.meter,
    query: call.api?.query ?? null, met: fault?.kind ?? (outcome.refused === null ? null : `limit:${outcome.refused}`),
    ms: Math.round((performance.now() - exchange.started) * 10) / 10,
  });
}

function revokeCaller(world: World, exchange: Exchange): void {
  const token = bearer(exchange) ?? readOAuthCall(exchange).form.get('refresh_token') ?? '';
  for (const { clientId } of world.apps.values()) world.grants.revokeToken(token, clientId);
}

/** A fault that takes the place of the work. */
function replyBefore(world: World, exchange: Exchange, call: MachineCall, fault: InjectedFault): Outcome | undefined {
  const instead = (reply: Reply): Outcome => ({ reply, meter: null, clientId: null, refused: null });
  if (fault.kind === 'drop-before') return instead({ status: 0, headers: {}, body: '' });
  if (fault.when === 'after') return undefined;
  if (fault.kind === 'fault-in-200') {
    return instead(faultReply(world, exchange, recordedFault(world, fault.recorded ?? 'lapsed'), 200));
  }
  if (fault.kind === 'status' || fault.kind === 'html-error') return instead(injectedReply(world, exchange, call, fault));
  return undefined;
}

/** A fault that takes the place of the answer: the work is done and committed. */
function replyAfter(world: World, exchange: Exchange, call: MachineCall, fault: InjectedFault): Reply | undefined {
  if (fault.when !== 'after') return undefined;
  if (fault.kind === 'fault-in-200') return faultReply(world, exchange, recordedFault(world, fault.recorded ?? 'lapsed'), 200);
  return fault.kind === 'status' || fault.kind === 'html-error' ? injectedReply(world, exchange, call, fault) : undefined;
}

function injectedReply(world: World, exchange: Exchange, call: MachineCall, fault: InjectedFault): Reply {
  if (fault.kind === 'html-error') return htmlError(fault.status ?? 502);
  const seconds = fault.retryAfterSeconds;
  const retryAfter: Record<string, string> = seconds === undefined ? {} : { 'Retry-After': String(seconds) };
  if (fault.body !== undefined) {
    const text = typeof fault.body === 'string';
    return {
      status: fault.status ?? 400, headers: { 'Content-Type': fault.contentType ?? (text ? 'text/plain' : 'application/json'),
        ...retryAfter },
      body: text ? String(fault.body) : JSON.stringify(fault.body),
    };
  }
  const reply = call.api ? standardReply(world, exchange, fault) : standardOAuthReply(world, fault);
  return { ...reply, status: fault.status ?? reply.status, headers: { ...reply.headers, ...retryAfter } };
}

/** The body that goes with a status, or the recorded one asked for. */
function standardReply(world: World, exchange: Exchange, fault: InjectedFault): Reply {
  if (fault.recorded) return recordedReply(world, exchange, fault.recorded, fault.retryAfterSeconds);
  switch (fault.status) {
    case 401: return recordedReply(world, exchange, 'token-expired');
    case 403: return recordedReply(world, exchange, 'forbidden');
    case 429: return throttled(world, exchange, fault.retryAfterSeconds);
    default: return recordedReply(world, exchange, 'system');
  }
}

function standardOAuthReply(world: World, fault: InjectedFault): Reply {
  if (fault.recorded === 'invalid_grant' || fault.status === 400) return invalidGrant(world);
  if ((fault.status ?? 500) >= 500) return htmlError(fault.status ?? 500);
  return { status: fault.status ?? 400, headers: { 'Content-Type': 'application/json;charset=utf-8' },
    body: '{"error":"invalid_request"}' };
}

/** Headers every answer of the API carries (A6.2). */
function withCommonHeaders(world: World, exchange: Exchange, reply: Reply): Reply {
  return {
    ...reply,
    headers: {
      Server: 'nginx',
      'Strict-Transport-Security': 'max-age=15552000',
      intuit_tid: exchange.tid,
      'X-Spanid': `${hex(world, 8)}-${hex(world, 4)}-${hex(world, 4)}-${hex(world, 4)}-${hex(world, 12)}`,
      'X-Amzn-Trace-Id': `Root=${exchange.tid}`,
      ...(exchange.path.startsWith('/v3/')
        ? { Expires: '0', 'Cache-Control': 'max-age=0, no-cache, no-store, must-revalidate, private' } : {}),
      ...reply.headers,
    },
  };
}

/** Sends, or withholds, cuts or drips. @returns the status that was sent; 0 when none was. */
async function deliver(exchange: Exchange, reply: Reply, fault: InjectedFault | undefined): Promise<number> {
  const { response } = exchange;
  if (fault?.kind === 'drop-before' || fault?.kind === 'drop-after') {
    response.destroy();
    return 0;
  }
  if (fault?.kind === 'delay' && fault.when === 'after') await wait(fault.ms ?? 1000);
  const bytes = Buffer.from(reply.body);
  if (fault?.kind === 'truncate') {
    response.writeHead(reply.status, { ...reply.headers, 'Content-Length': String(bytes.length) });
    response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.destroy());
    return reply.status;
  }
  if (fault?.kind === 'slow-drip') await drip(response, reply, bytes, fault.ms ?? 5000);
  else send(response, reply, false);
  return reply.status;
}

const DRIPS = 20;

async function drip(response: ServerResponse, reply: Reply, bytes: Buffer, ms: number): Promise<void> {
  response.writeHead(reply.status, { ...reply.headers, 'Content-Length': String(bytes.length) });
  const size = Math.max(1, Math.ceil(bytes.length / DRIPS));
  for (let at = 0; at < bytes.length && !response.destroyed; at += size) {
    response.write(bytes.subarray(at, at + size));
    await wait(ms / DRIPS);
  }
  response.end();
}
