import { readFileSync } from 'node:fs';
import { Fleet } from '../test/support/fleet.ts';

/** Milliseconds of one tick in which the kernel counts a process's CPU time. */
const TICK = 10;

const SIZES = [1_000, 10_000, 50_000];
const WANTED_PER_SECOND = 2_000;
const WANTED_GROWTH = 64;

/**
 * How many classes a second go through the whole app where QuickBooks sets no limits, and whether its memory grows with their number:
 * one app process, the embedded database and the sandbox beside it, each a process of its own on this machine. What each of them computes
 * for a code says more than the time it took, which depends on what else runs.
 */
export async function run({ n = '10000' }: Readonly<Record<string, string>> = {}): Promise<void> {
  const sizes = SIZES.filter((size) => size <= Number(n));
  const measured = [];
  for (const codes of sizes) measured.push(await measure(codes));
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last) throw new Error('-n must be at least 1,000.');
  const growth = last.rss - first.rss;
  process.stdout.write(`throughput: ${Math.round(last.perSecond).toLocaleString('en-US')} classes/s, `
    + `${(last.perSecond / WANTED_PER_SECOND).toFixed(2)} x the wanted ${WANTED_PER_SECOND.toLocaleString('en-US')}; `
    + `memory +${Math.round(growth)} MiB of the allowed ${WANTED_GROWTH}\n`);
}

async function measure(codes: number): Promise<{ perSecond: number; rss: number }> {
  const fleet = await Fleet.open({ limits: false, codes });
  try {
    const app = await fleet.start();
    const company = await fleet.company('Throughput');
    const { startedAt, endedAt } = await fleet.import(company);
    const importing = seconds(startedAt, endedAt);
    await fleet.sync(company);
    const peak = watchMemory(app.pid);
    const computed = watchWork({ app: app.pid, ...fleet.pids });
    const sync = await fleet.runEnded(company);
    const work = computed();
    const syncing = seconds(sync.startedAt, sync.endedAt);
    const rss = peak();
    process.stdout.write(`${String(codes).padStart(6)} codes: import ${Math.round(codes / importing)}/s, sync ${Math.round(sync.total / syncing)}/s in ${syncing.toFixed(1)} s, `
      + `${sync.batchesSent} batches, ${sync.counts.created} created, ${sync.counts.failed} failed, ${Math.round(rss)} MiB, `
      + `CPU ms per code: ${work.map(({ name, ms }) => `${name} ${(ms / sync.total).toFixed(3)}`).join(', ')}\n`);
    return { perSecond: sync.total / syncing, rss };
  } finally {
    await fleet.close();
  }
}

/** The most memory a process held from now on, in MiB. */
function watchMemory(pid: number): () => number {
  let most = 0;
  const look = () => {
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    most = Math.max(most, Number(rss ?? 0) / 1_024);
  };
  const timer = setInterval(look, 250);
  return () => {
    clearInterval(timer);
    look();
    return most;
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
