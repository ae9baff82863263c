import { startQuickBooksSandbox } from '../../../server/sandbox/quickbooks/server.ts';
import type { QuickBooksSandbox, QuickBooksSandboxOptions, RegisteredApp } from '../../../server/sandbox/quickbooks/server.ts';

export const APP: RegisteredApp = {
  clientId: 'ABtest', clientSecret: 'secret-of-the-test', name: 'Cost code courier', tagline: 'Carries cost codes',
  redirectUris: ['http://localhost:9/callback', 'http://localhost:9/signed-in'], launchUrl: 'http://localhost:9/launch',
  connectUrl: 'http://localhost:9/connect', disconnectUrl: 'http://localhost:9/disconnect',
};

export const ACCOUNTING = 'com.intuit.quickbooks.accounting';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Any JSON, for reading: missing parts are undefined. */
export class Json {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  /** The value at a path such as `Fault.Error.0.code`. */
  at(path: string): unknown {
    let value = this.value;
    for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
    return value;
  }

  list(path: string): Json[] {
    return ((this.at(path) ?? []) as unknown[]).map((each) => new Json(each));
  }

  text(path: string): string {
    return String(this.at(path));
  }
}

export function read(answer: Answer): Json {
  return new Json(JSON.parse(answer.text));
}

/** A running sandbox with one company and a token for it, spoken to over real sockets as a client would. */
export class Bench {
  readonly sandbox: QuickBooksSandbox;
  realmId = '';
  token = '';
  refreshToken = '';

  private constructor(sandbox: QuickBooksSandbox) {
    this.sandbox = sandbox;
  }

  static async open(options: QuickBooksSandboxOptions = {}): Promise<Bench> {
    const bench = new Bench(await startQuickBooksSandbox({ limits: 'off', apps: [APP], ...options }));
    await bench.freshCompany();
    return bench;
  }

  get url(): string {
    return this.sandbox.url;
  }

  close(): Promise<void> {
    return this.sandbox.close();
  }

  /** Default switches, no faults, and a new company with nothing in it, connected. */
  async freshCompany(facts: Record<string, unknown> = {}): Promise<void> {
    await this.control('POST', '/sandbox/reset', {});
    const made = await this.control('POST', '/sandbox/companies', { name: 'Test company', classTracking: true, ...facts });
    this.realmId = made.text('realmId');
    await this.connect();
  }

  async connect(body: Record<string, unknown> = {}): Promise<void> {
    const pair = await this.control('POST', `/sandbox/companies/${this.realmId}/grant`, { clientId: APP.clientId, ...body });
    this.token = pair.text('access_token');
    this.refreshToken = pair.text('refresh_token');
  }

  /** A control call that must succeed. */
  async control(method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.send(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return read(answer);
  }

  async switches(change: Record<string, unknown>): Promise<void> {
    await this.control('PATCH', '/sandbox/switches', change);
  }

  /** Any request; a body that is not text goes as JSON. */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(`${this.url}${path}`, {
      method, redirect: 'manual', headers: { accept: 'application/json', ...type, ...headers }, ...payload,
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** An API call of the company, with its token. */
  api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send(method, `/v3/company/${this.realmId}/${path}`, body, { authorization: `Bearer ${this.token}`, ...headers });
  }

  postClass(body: unknown, query = ''): Promise<Answer> {
    return this.api('POST', `class${query}`, body);
  }

  /** Creates a class that must be accepted. */
  async make(name: string, parentId?: string): Promise<Json> {
    const answer = await this.postClass({ Name: name, ...(parentId ? { ParentRef: { value: parentId } } : {}) });
    if (answer.status !== 200) throw new Error(`${name}: ${answer.text}`);
    return new Json(read(answer).at('Class'));
  }

  query(text: string): Promise<Answer> {
    return this.api('GET', `query?query=${encodeURIComponent(text)}`);
  }

  /** Names a query answers, in its order. */
  async names(text: string): Promise<string[]> {
    const answer = await this.query(text);
    if (answer.status !== 200) throw new Error(answer.text);
    return read(answer).list('QueryResponse.Class').map((each) => each.text('Name'));
  }

  async classOf(id: string): Promise<Json> {
    return new Json(read(await this.api('GET', `class/${id}`)).at('Class'));
  }

  batch(items: unknown[], query = ''): Promise<Answer> {
    return this.api('POST', `batch${query}`, { BatchItemRequest: items });
  }

  fault(body: Record<string, unknown>): Promise<Json> {
    return this.control('POST', '/sandbox/faults', body);
  }

  tokenCall(form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    const basic = Buffer.from(`${APP.clientId}:${APP.clientSecret}`).toString('base64');
    return this.send('POST', '/oauth2/v1/tokens/bearer', new URLSearchParams(form).toString(), {
      'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${basic}`, ...headers,
    });
  }
}

/** The first error of a service fault as `code element`, or of a gateway one as its code. */
export function faultOf(answer: Answer): string {
  const json = read(answer);
  return String(json.at('Fault.Error.0.code') ?? json.at('fault.error.0.code'));
}

/** A browser as far as the pages need one: keeps cookies, sends forms as pages of the sandbox do. */
export class Visitor {
  readonly #bench: Bench;
  #cookie = '';

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async get(path: string): Promise<Answer> {
    return this.#keep(await this.#bench.send('GET', path, undefined, { accept: 'text/html', cookie: this.#cookie }));
  }

  async post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#keep(await this.#bench.send('POST', path, new URLSearchParams(form).toString(), {
      accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded', cookie: this.#cookie, origin: this.#bench.url,
      ...headers,
    }));
  }

  async signIn(person = 'mara'): Promise<void> {
    await this.post('/app/signin', { person, continue: '/' });
  }

  #keep(answer: Answer): Answer {
    const cookie = answer.headers.get('set-cookie');
    if (cookie) this.#cookie = cookie.split(';')[0] ?? '';
    return answer;
  }
}

export async function waitFor<T>(what: () => T | undefined | Promise<T | undefined>, ms = 5000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await what();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error('It did not come about in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
