import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import express from 'express';
import type { Express } from 'express';

import { apiRouter } from './api.ts';
import { CallLog } from './calls.ts';
import { fillCompany, openCompany } from './companies.ts';
import type { Company, CompanyOrder } from './companies.ts';
import { contractRouter } from './contract.ts';
import { controlRouter } from './control.ts';
import { editorRouter } from './editor.ts';
import { FaultBoard } from './faults.ts';
import { Journal } from './journal.ts';
import { ridgelineSample } from './sample.ts';
import { codesFrom, sourceName } from './sources.ts';
import type { LibrarySource } from './sources.ts';

export const HILLSIDE: CompanyOrder = { id: 'lin-hillside', name: 'Hillside Builders', apiKey: 'linarc-sandbox-key-hillside' };
export const RIDGELINE: CompanyOrder = {
  id: 'lin-ridgeline',
  name: 'Ridgeline Mechanical',
  apiKey: 'linarc-sandbox-key-ridgeline',
};

export type LinarcSandboxOptions = LibrarySource & {
  /** 0 takes any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Where edits and webhooks are kept over a restart; in memory only when left out. */
  readonly stateFile?: string | undefined;
  /** The key of the first company, when it should not be the well-known one. */
  readonly apiKey?: string | undefined;
  /** Milliseconds that every API call takes longer. */
  readonly latencyMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Milliseconds to wait before each repetition of a webhook that was not received. */
  readonly webhookPauses?: readonly number[];
};

export type LinarcSandbox = {
  readonly url: string;
  readonly port: number;
  /** The first company, whose key is `apiKey`. */
  readonly company: { readonly id: string; readonly name: string };
  readonly apiKey: string;
  close(): Promise<void>;
};

/**
 * Starts a Linarc that answers the API of server/linarc/openapi.json for two companies, with a page to edit their libraries and
 * control calls to drive it. A kept state goes on where it was, unless another `library` or number of `codes` is asked for.
 * Throws LibrarySourceError when the library cannot be made, and the listen error (EADDRINUSE and the like).
 */
export async function startLinarcSandbox(options: LinarcSandboxOptions = {}): Promise<LinarcSandbox> {
  const world = openWorld(options);
  const server = await listening(createServer(sandboxApp(world, options)), options.port ?? 0, options.host ?? '127.0.0.1');
  const { port } = server.address() as AddressInfo;
  const { id, name, apiKey } = world.companies[0];
  return {
    url: `http://${urlHost(options.host ?? '127.0.0.1')}:${port}`,
    port,
    company: { id, name },
    apiKey,
    close: () => stop(server, world.companies),
  };
}

type World = {
  readonly companies: readonly [Company, Company];
  readonly faults: FaultBoard;
  readonly calls: CallLog;
  readonly reset: (source: LibrarySource) => void;
  readonly onWebhooks: (company: Company) => void;
};

function openWorld(options: LinarcSandboxOptions): World {
  const now = options.now ?? Date.now;
  const journal = options.stateFile === undefined ? null : new Journal(options.stateFile);
  const webhookPauses = options.webhookPauses ?? [500, 3_000, 15_000];
  const open = (order: CompanyOrder): Company => openCompany(order, { now, webhookPauses, journal });
  const companies = [open({ ...HILLSIDE, apiKey: options.apiKey ?? HILLSIDE.apiKey }), open(RIDGELINE)] as const;
  const reset = (source: LibrarySource): void => {
    const codes = codesFrom(source);
    fillCompany(companies[0], codes);
    fillCompany(companies[1], ridgelineSample());
    keep(journal, companies, sourceName(source));
  };
  if (!resume(journal, companies, options)) reset(options);
  const onWebhooks = ({ id, webhooks }: Company): void => journal?.append({ company: id, webhooks: [...webhooks.webhooks] });
  return { companies, faults: new FaultBoard(), calls: new CallLog(now), reset, onWebhooks };
}

/** Goes on with the kept state; false when there is none or it was made from another source than the one asked for. */
function resume(journal: Journal | null, companies: readonly Company[], wanted: LibrarySource): boolean {
  const kept = journal?.read();
  if (!kept) return false;
  for (const { id, webhooks } of companies) webhooks.webhooks = kept.companies.get(id)?.webhooks ?? [];
  const sourceAsked = wanted.library !== undefined || wanted.codes !== undefined;
  if (sourceAsked && kept.source !== sourceName(wanted)) return false;
  for (const { id, library } of companies) library.replaceAll(kept.companies.get(id)?.codes ?? []);
  keep(journal, companies, kept.source);
  return true;
}

function keep(journal: Journal | null, companies: readonly Company[], source: string): void {
  const kept = companies.map(
    ({ id, library, webhooks }) => [id, { codes: library.matching({}), webhooks: webhooks.webhooks }] as const,
  );
  journal?.write({ source, companies: new Map(kept) });
}

function sandboxApp(world: World, { latencyMs = 0 }: LinarcSandboxOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use('/v1', apiRouter({ ...world, latencyMs }));
  app.use('/sandbox', controlRouter(world));
  app.use(contractRouter());
  app.use(editorRouter(world.companies));
  return app;
}

async function listening(server: Server, port: number, host: string): Promise<Server> {
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/** What to write into an address to reach a server that listens on `host`. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

async function stop(server: Server, companies: readonly Company[]): Promise<void> {
  for (const { webhooks } of companies) webhooks.close();
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
