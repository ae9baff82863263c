import { Agent, request } from 'node:http';
import { availableParallelism, cpus } from 'node:os';
import { startSandboxesInThread } from '../server/sandbox/worker.ts';

/**
 * How fast the QuickBooks sandbox is: class writes a second by batch with limits off, and how long a query, a CDC call and a
 * refused duplicate take while the company has 50,000 classes. The sandbox has a thread of its own, the client is this one, all
 * over real sockets.
 */

const CLASSES = 50_000;
const BATCH = 30;
const IN_FLIGHT = 8;
const SAMPLES = 300;
const WANTED_PER_SECOND = 5000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A client that costs as little as it can: keep-alive sockets and no more headers than needed. */
class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  readonly #url: string;
  token = '';

  constructor(url: string) {
    this.#url = url;
  }

  send(method: string, path: string, body?: unknown): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = {
      accept: 'application/json', authorization: `Bearer ${this.token}`,
      ...(payload ? { 'content-type': 'application/json' } : {}),
    };
    return new Promise((resolve, reject) => {
      const call = request(`${this.#url}${path}`, { method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      });
      call.on('error', reject);
      call.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Sends every piece of work, so many at a time. */
async function inParallel(count: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const at = next;
      next += 1;
      await work(at);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** A tree as cost codes make one: 500 divisions of 99 codes each. */
function batchItems(
  from: number, to: number, name: (at: number) => string, parent: (at: number) => string | undefined,
): unknown[] {
  return Array.from({ length: to - from }, (_, part) => {
    const above = parent(from + part);
    return { bId: String(part), operation: 'create',
      Class: { Name: name(from + part), ...(above ? { ParentRef: { value: above } } : {}) } };
  });
}

async function create(
  client: Client, base: string, count: number, name: (at: number) => string, parent: (at: number) => string | undefined,
): Promise<string[]> {
  const ids: string[] = [];
  await inParallel(Math.ceil(count / BATCH), async (at) => {
    const from = at * BATCH;
    const items = batchItems(from, Math.min(count, from + BATCH), name, parent);
    const answer = await client.send('POST', `${base}/batch?minorversion=75&requestid=${name(0).slice(0, 3)}-${at}`,
      { BatchItemRequest: items });
    const parts = (JSON.parse(answer.text) as { BatchItemResponse: { bId: string; Class?: { Id: string } }[] }).BatchItemResponse;
    for (const part of parts) {
      if (!part.Class) throw new Error(`A part was refused: ${answer.text.slice(0, 300)}`);
      ids[from + Number(part.bId)] = part.Class.Id;
    }
  });
  return ids;
}

/** Median and 99th percentile of a call's time in ms, one after the other. */
async function latency(call: (at: number) => Promise<Answer>, status: number): Promise<{ median: number; p99: number }> {
  const times: number[] = [];
  for (let at = 0; at < SAMPLES; at += 1) {
    const started = performance.now();
    const answer = await call(at);
    times.push(performance.now() - started);
    if (answer.status !== status) throw new Error(`Expected ${status}, got ${answer.status}: ${answer.text.slice(0, 300)}`);
  }
  times.sort((a, b) => a - b);
  return { median: times[Math.floor(SAMPLES / 2)] ?? 0, p99: times[Math.floor(SAMPLES * 0.99)] ?? 0 };
}

/** Prints the figures; the last line is the one that counts. Throws when an answer is not what it should be. */
export async function run(): Promise<void> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const sandboxes = await startSandboxesInThread({ quickbooks: { port: 0, limits: 'off' } });
  const client = new Client(sandboxes.quickbooksUrl ?? '');
  try {
    const company = async (name: string): Promise<string> => {
      const answer = await client.send('POST', '/sandbox/companies', { name, classTracking: true });
      const { realmId } = JSON.parse(answer.text) as { realmId: string };
      const grant = await client.send('POST', `/sandbox/companies/${realmId}/grant`, {});
      client.token = (JSON.parse(grant.text) as { access_token: string }).access_token;
      return `/v3/company/${realmId}`;
    };
    await create(client, await company('Warm-up'), 6000, (at) => `w${at}`, () => undefined);

    const base = await company('Large');
    const divisions = Math.ceil(CLASSES / 100);
    const started = performance.now();
    const above = await create(client, base, divisions, (at) => `div ${at}`, () => undefined);
    await create(client, base, CLASSES - divisions, (at) => `code ${at}`, (at) => above[at % divisions]);
    const perSecond = CLASSES / ((performance.now() - started) / 1000);
    print(`${cpus()[0]?.model ?? 'cpu'}, ${availableParallelism()} cores; ${CLASSES} classes in batches of ${BATCH}, `
      + `${IN_FLIGHT} in flight, `
      + 'each part kept under its requestid');

    const query = (text: string) => client.send('GET', `${base}/query?query=${encodeURIComponent(text)}`);
    const page = 'select * from Class orderby Id';
    await query(`${page} maxresults 1`);
    const soon = new Date(Date.now() + 1000).toISOString();
    const measured: [string, (at: number) => Promise<Answer>, number][] = [
      ['query by full name', (at) => query(`select * from Class where FullyQualifiedName = 'div ${at}'`), 200],
      ['query of the last 100 rows', () => query(`${page} startposition ${CLASSES - 99} maxresults 100`), 200],
      ['query of 1,000 rows in the middle', () => query(`${page} startposition 25001 maxresults 1000`), 200],
      ['count', () => query('select count(*) from Class'), 200],
      ['CDC, nothing changed', () => client.send('GET', `${base}/cdc?entities=Class&changedSince=${soon}`), 200],
      ['duplicate refused', (at) => client.send('POST', `${base}/class`, { Name: `DIV ${at}` }), 400],
      ['create, then query by order', async (at) => {
        await client.send('POST', `${base}/class`, { Name: `one ${at}` });
        return query(`${page} desc maxresults 1`);
      }, 200],
    ];
    for (const [what, call, status] of measured) {
      const { median, p99 } = await latency(call, status);
      print(`${what.padEnd(36)} median ${median.toFixed(2).padStart(7)} ms   p99 ${p99.toFixed(2).padStart(7)} ms`);
    }
    print(`class writes by batch: ${Math.round(perSecond).toLocaleString('en-US')}/s, `
      + `${(perSecond / WANTED_PER_SECOND).toFixed(1)} x the wanted `
      + `${WANTED_PER_SECOND.toLocaleString('en-US')}/s`);
  } finally {
    client.close();
    await sandboxes.close();
  }
}
