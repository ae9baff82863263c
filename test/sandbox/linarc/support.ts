import type { CostCode, CostCodeFields } from '../../../server/sandbox/linarc/records.ts';
import { RIDGELINE, startLinarcSandbox } from '../../../server/sandbox/linarc/server.ts';
import type { LinarcSandbox, LinarcSandboxOptions } from '../../../server/sandbox/linarc/server.ts';

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };
export type List = { readonly items: CostCode[]; readonly nextCursor: string | null; readonly total: number };

/** A running sandbox and the calls tests make of it, over its socket. */
export class Linarc {
  readonly sandbox: LinarcSandbox;

  constructor(sandbox: LinarcSandbox) {
    this.sandbox = sandbox;
  }

  static async start(options: LinarcSandboxOptions = {}): Promise<Linarc> {
    return new Linarc(await startLinarcSandbox(options));
  }

  close(): Promise<void> {
    return this.sandbox.close();
  }

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const json =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } };
    const answer = await fetch(`${this.sandbox.url}${path}`, { method, headers, redirect: 'manual', ...json });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') ?? false;
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
  }

  get(path: string, key: string = this.sandbox.apiKey): Promise<Answer> {
    return this.call('GET', path, undefined, { authorization: `Bearer ${key}` });
  }

  /** One page of the first company's cost codes. */
  async list(query: Record<string, string> = {}): Promise<List> {
    const { status, body } = await this.get(
      `/v1/companies/${this.sandbox.company.id}/cost-codes?${new URLSearchParams(query).toString()}`,
    );
    if (status !== 200) throw new Error(`listing answered ${status}: ${JSON.stringify(body)}`);
    return body as List;
  }

  /** All pages; `between` runs after each of them. */
  async walk(query: Record<string, string> = {}, between?: (page: List, number: number) => Promise<void>): Promise<CostCode[]> {
    const items: CostCode[] = [];
    let cursor: string | null = null;
    let number = 0;
    do {
      const page: List = await this.list(cursor === null ? query : { ...query, cursor });
      items.push(...page.items);
      number += 1;
      await between?.(page, number);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return items;
  }

  async byCode(costCode: string): Promise<CostCode> {
    const record = (await this.list({ search: costCode, limit: '500' })).items.find((each) => each.costCode === costCode);
    if (!record) throw new Error(`the sandbox has no code ${costCode}`);
    return record;
  }

  async add(fields: Partial<CostCodeFields>): Promise<CostCode> {
    return (await this.call('POST', '/sandbox/cost-codes', fields)).body as CostCode;
  }

  async edit(id: string, fields: Partial<CostCodeFields>): Promise<CostCode> {
    return (await this.call('PATCH', `/sandbox/cost-codes/${id}`, fields)).body as CostCode;
  }

  remove(id: string): Promise<Answer> {
    return this.call('DELETE', `/sandbox/cost-codes/${id}`);
  }

  reset(source: { codes: number } | { library: string } | Record<string, never> = {}): Promise<Answer> {
    return this.call('POST', '/sandbox/reset', source);
  }

  fault(
    fault: Record<string, unknown>,
    more: { times?: number; match?: { path?: string; method?: string } } = {},
  ): Promise<Answer> {
    return this.call('POST', '/sandbox/faults', { fault, ...more });
  }
}

export const OTHER = RIDGELINE;
export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
