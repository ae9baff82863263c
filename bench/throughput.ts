import { readFileSync } from 'node:fs';
import limited from 'p-limit';
import { IN_FLIGHT } from '../server/core/pace.ts';
import { Fleet } from '../test/support/fleet.ts';
import { nodeQuickBooks } from './peers/client.ts';

/** Milliseconds of one tick in which the kernel counts a process's CPU time. */
const TICK = 10;

const SIZES = [1_000, 10_000, 50_000];
const WANTED_PER_SECOND = 2_000;
const WANTED_GROWTH = 64;
/** How many classes the peer makes: its speed does not depend on it. */
const PEER_CLASSES = 3_000;

/**
 * How many classes a second go through the whole app where QuickBooks sets no limits, and whether its memory grows with their number:
 * one app process, the embedded database and the sandbox beside it, each a process of its own on this machine. Machines differ more than
 * twofold, so beside it stands a peer on the same sandbox: one request per class by node-quickbooks, as many at once, which keeps nothing.
 */
export async function run({ n = '10000' }: Readonly<Record<string, string>> = {}): Promise<void> {
  const sizes = SIZES.filter((size) => size <= Number(n));
  const measured = [];
  for (const codes of sizes) measured.push(await measure(codes));
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last) throw new Error('-n must be at least 1,000.');
  const peer = await measurePeer();
  const [most, usually] = [last.memory.most - first.memory.most, last.memory.usually - first.memory.usually].map(Math.round);
  process.stdout.write(`throughput: ${Math.round(last.perSecond).toLocaleString('en-US')} classes/s, `
    + `${(last.perSecond / WANTED_PER_SECOND).toFixed(2)} x the wanted ${WANTED_PER_SECOND.toLocaleString('en-US')} and `
    + `${(last.perSecond / peer).toFixed(2)} x the ${Math.round(peer).toLocaleString('en-US')} of one request per class; `
    + `memory at most +${most} MiB of the allowed ${WANTED_GROWTH}, usually +${usually}\n`);
}

async function measurePeer(): Promise<number> {
  const fleet = await Fleet.open({ limits: false });
  try {
    await fleet.start();
    const books = nodeQuickBooks(fleet.quickbooks, await fleet.realm('Peer'), 1);
    const limit = limited(IN_FLIGHT);
    const began = performance.now();
    await Promise.all(Array.from({ length: PEER_CLASSES }, (_, n) => limit(() => books.create(`Class ${n}`, null))));
    return (PEER_CLASSES / (performance.now() - began)) * 1_000;
  } finally {
    await fleet.close();
  }
}

async function measure(codes: number): Promise<{ perSecond: number; memory: Memory }> {
  const fleet = await Fleet.open({ limits: false, codes });
  try {
    const app = await fleet.start();
    const company = await fleet.company('Throughput');
    const { startedAt, endedAt } = await fleet.import(company);
    const importing = seconds(startedAt, endedAt);
    await fleet.sync(company);
    const held = watchMemory(app.pid);
    const computed = watchWork({ app: app.pid, ...fleet.pids });
    const sync = await fleet.runEnded(company);
    const work = computed();
    const syncing = seconds(sync.startedAt, sync.endedAt);
    const memory = held();
    process.stdout.write(`${String(codes).padStart(6)} codes: import ${Math.round(codes / importing)}/s, sync ${Math.round(sync.total / syncing)}/s in ${syncing.toFixed(1)} s, `
      + `${sync.batchesSent} batches, ${sync.counts.created} created, ${sync.counts.failed} failed, ${Math.round(memory.usually)} to ${Math.round(memory.most)} MiB, `
      + `CPU ms per code: ${work.map(({ name, ms }) => `${name} ${(ms / sync.total).toFixed(3)}`).join(', ')}\n`);
    return { perSecond: sync.total / syncing, memory };
  } finally {
    await fleet.close();
  }
}

/** What a process held in MiB: half of the time no more than `usually`. */
interface Memory {
  readonly usually: number;
  readonly most: number;
}

/** What a process holds from now on. */
function watchMemory(pid: number): () => Memory {
  const seen: number[] = [];
  const look = () => {
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    seen.push(Number(rss ?? 0) / 1_024);
  };
  const timer = setInterval(look, 250);
  return () => {
    clearInterval(timer);
    look();
    const sorted = seen.toSorted((x, y) => x - y);
    return { usually: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted.at(-1) ?? 0 };
  };
}

/** The CPU time each process takes from now on, in milliseconds. */
function watchWork(pids: Readonly<Record<string, number>>): () => { name: string; ms: number }[] {
  const before = Object.entries(pids).map(([name, pid]) => ({ name, pid, ms: cpuTime(pid) }));
  return () => before.map(({ name, pid, ms }) => ({ name, ms: cpuTime(pid) - ms }));
}

/** What a process has computed, for itself and in the kernel, in milliseconds. */
function cpuTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The program's name may hold anything, blanks and brackets too; `utime` and `stime` are the 12th and 13th behind it.
  const behind = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(behind[11]) + Number(behind[12])) * TICK;
}

function seconds(from: Date | null, to: Date | null): number {
  return ((to?.getTime() ?? 0) - (from?.getTime() ?? 0)) / 1_000;
}
