import { setTimeout as pause } from 'node:timers/promises';
import QuickBooksModule from 'node-quickbooks';
import { SANDBOX_CLIENT } from '../../server/services.ts';
import type { Driven } from '../../test/support/product.ts';
import type { PeerBooks } from './strategies.ts';

/** What is used of node-quickbooks; its own types describe a named export that it does not have. */
type Back = (error: unknown, data: unknown) => void;
interface NodeQuickBooks {
  token: string;
  createClass(value: object, back: Back): void;
  findClasses(criteria: unknown, back: Back): void;
}
const QuickBooks = QuickBooksModule as unknown as (new (...settings: unknown[]) => NodeQuickBooks) & { V3_ENDPOINT_BASE_URL: string };

/** A token is good for an hour; another is taken well before (quickbooks.md §1.5). */
const TOKEN_LIFE = 45 * 60_000;
const AFTER_THROTTLING = 60_000;

/** One company's classes through node-quickbooks, against the sandbox whose clock runs `speed` times faster. */
export function nodeQuickBooks(sandbox: Driven, realmId: string, speed: number): PeerBooks {
  QuickBooks.V3_ENDPOINT_BASE_URL = `${sandbox.url}/v3/company/`;
  const now = () => performance.now() * speed;
  const sleep = (ms: number) => pause(ms / speed);
  let client: { books: NodeQuickBooks; until: number } | null = null;
  const opened = async (): Promise<NodeQuickBooks> => {
    if (client === null || client.until < now()) {
      const { clientId, clientSecret } = SANDBOX_CLIENT;
      const { access_token: token } = await sandbox.post<{ access_token: string }>(`/sandbox/companies/${realmId}/grant`, { clientId });
      client = { books: new QuickBooks(clientId, clientSecret, token, false, realmId, true, false, null, '2.0', null), until: now() + TOKEN_LIFE };
    }
    return client.books;
  };
  const call = async <T>(work: (books: NodeQuickBooks, back: Back) => void): Promise<T> => {
    for (;;) {
      const books = await opened();
      const answer = await new Promise<{ error: unknown; data: unknown }>((resolve) => work(books, (error, data) => resolve({ error, data })));
      if (!answer.error) return answer.data as T;
      if (statusOf(answer.error) !== 429) throw new Error(`node-quickbooks: ${JSON.stringify(answer.error).slice(0, 300)}`);
      await sleep(AFTER_THROTTLING);
    }
  };
  return {
    speed, now, sleep,
    async find(name) {
      const { QueryResponse: found } = await call<{ QueryResponse: { Class?: { Id: string }[] } }>((books, back) => books.findClasses([{ field: 'Name', value: name }], back));
      return found.Class?.[0]?.Id ?? null;
    },
    async create(name, parentId) {
      const value = { Name: name, ...(parentId === null ? {} : { SubClass: true, ParentRef: { value: parentId } }) };
      return (await call<{ Id: string }>((books, back) => books.createClass(value, back))).Id;
    },
  };
}

function statusOf(error: unknown): number | null {
  const { status, response } = error as { status?: number; response?: { status?: number } };
  return response?.status ?? status ?? null;
}
