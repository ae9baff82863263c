import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a handler answers; sent, or spoilt by an injected fault, in one place. */
export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: string;
}

/** One request, read in full. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly url: URL;
  readonly path: string;
  readonly body: string;
  /** The address the client used, for links and fault texts. */
  readonly origin: string;
  readonly tid: string;
  /** performance.now() at receipt. */
  readonly started: number;
}

/** The largest body taken. The largest batch worth sending is far below. */
const MAX_BODY = 2 * 1024 * 1024;
export class TooLarge extends Error {}

/** Reads the whole body. @throws TooLarge, or the socket's error. */
export async function readBody(request: IncomingMessage): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw new TooLarge('The body is too large.');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new TooLarge('The body is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A JSON object, or undefined for anything else. */
export function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The media type without parameters, in lower case. */
export function contentType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'Content-Type': 'application/json;charset=utf-8', ...headers }, body: JSON.stringify(body) };
}

export function send(response: ServerResponse, reply: Reply, head: boolean): void {
  const bytes = Buffer.byteLength(reply.body);
  response.writeHead(reply.status, { ...reply.headers, 'Content-Length': String(bytes) });
  response.end(head ? undefined : reply.body);
}

export function wait(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
