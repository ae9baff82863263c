import { createHmac, randomUUID } from 'node:crypto';
import { SANDBOX_VERIFIER } from '../server/services.ts';
import { paths } from '../server/web/paths.ts';
import { connectedProduct } from '../test/support/product.ts';

const DELIVERIES = 1_000;
/** What QuickBooks may be kept waiting at the most, in milliseconds (quickbooks.md §4). */
const GOAL = 50;

/** Sends signed webhooks one after the other, of a company that is known and one that is not in turn, while the work behind them goes on. */
export async function run({ n = String(DELIVERIES) }: Readonly<Record<string, string>> = {}): Promise<void> {
  const product = await connectedProduct({ codes: 50 });
  try {
    const times: number[] = [];
    for (let at = 0; at < Number(n); at += 1) times.push(await answerTime(product.url, at % 2 ? product.realmId : '123', String(at)));
    times.sort((a, b) => a - b);
    const [half, most] = [0.5, 0.99].map((part) => times[Math.floor(part * (times.length - 1))] ?? 0);
    process.stdout.write(`webhooks: ${times.length} answered, half within ${half?.toFixed(1)} ms, 99 in 100 within ${most?.toFixed(1)} ms\n`);
    process.stdout.write(`webhooks: p99 ${((most ?? 0) / GOAL).toFixed(2)} x the goal of ${GOAL} ms\n`);
  } finally {
    await product.close();
  }
}

async function answerTime(url: string, realmId: string, classId: string): Promise<number> {
  const body = JSON.stringify([{
    specversion: '1.0', id: randomUUID(), source: 'intuit.bench', type: 'qbo.class.updated.v1', time: new Date().toISOString(),
    intuitentityid: classId, intuitaccountid: realmId, data: {},
  }]);
  const signature = createHmac('sha256', SANDBOX_VERIFIER).update(body).digest('base64');
  const began = performance.now();
  const { status } = await fetch(`${url}${paths.quickbooksHook}`, { method: 'POST', body, headers: { 'intuit-signature': signature } });
  const took = performance.now() - began;
  if (status !== 200) throw new Error(`A webhook was answered ${status}.`);
  return took;
}
