import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { z } from 'zod';

import { costCodeFields } from './records.ts';
import type { CostCode } from './records.ts';
import { webhookRecord } from './webhooks.ts';
import type { Webhook } from './webhooks.ts';

const record = costCodeFields.extend({ id: z.string(), createdAt: z.string(), updatedAt: z.string() });
const line = z.union([
  z.strictObject({ source: z.string() }),
  z.strictObject({ company: z.string(), put: record }),
  z.strictObject({ company: z.string(), remove: z.string() }),
  z.strictObject({ company: z.string(), webhooks: z.array(webhookRecord) }),
]);

export type JournalLine = z.infer<typeof line>;

export type KeptCompany = { readonly codes: readonly CostCode[]; readonly webhooks: readonly Webhook[] };
export type KeptState = { readonly source: string; readonly companies: ReadonlyMap<string, KeptCompany> };

/**
 * The sandbox's state in a file: one JSON line per fact, the newest last, so that an edit costs one short write and a process
 * that is killed loses at most the line it was writing.
 */
export class Journal {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What the file holds; null when there is none. Throws when it holds something else than a sandbox's state. */
  read(): KeptState | null {
    if (!existsSync(this.#path)) return null;
    const companies = new Map<string, { codes: Map<string, CostCode>; webhooks: Webhook[] }>();
    let source = '';
    for (const fact of this.#facts()) {
      if ('source' in fact) {
        source = fact.source;
        continue;
      }
      const company = companies.get(fact.company) ?? { codes: new Map<string, CostCode>(), webhooks: [] };
      companies.set(fact.company, company);
      if ('put' in fact) company.codes.set(fact.put.id, fact.put);
      else if ('remove' in fact) company.codes.delete(fact.remove);
      else company.webhooks = fact.webhooks;
    }
    const kept = [...companies].map(([id, { codes, webhooks }]) => [id, { codes: [...codes.values()], webhooks }] as const);
    return { source, companies: new Map(kept) };
  }

  /** Replaces the file by this state, in one step. */
  write(state: KeptState): void {
    const lines: string[] = [JSON.stringify({ source: state.source })];
    for (const [company, { codes, webhooks }] of state.companies) {
      for (const code of codes) lines.push(JSON.stringify({ company, put: code }));
      lines.push(JSON.stringify({ company, webhooks }));
    }
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(`${this.#path}.new`, `${lines.join('\n')}\n`, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  append(fact: JournalLine): void {
    appendFileSync(this.#path, `${JSON.stringify(fact)}\n`);
  }

  *#facts(): Generator<JournalLine> {
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    const last = lines.pop() ?? '';
    for (const text of last === '' ? lines : [...lines, last]) {
      const read = line.safeParse(parsed(text));
      if (read.success) yield read.data;
      else if (text !== last)
        throw new Error(`The Linarc sandbox cannot read its state file ${this.#path}. Remove the file to start afresh.`);
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
