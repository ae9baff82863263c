import { Fleet, type FleetCompany } from '../test/support/fleet.ts';
import { agreementOf } from '../test/support/havoc.ts';
import { until } from '../test/support/waiting.ts';

/** Milliseconds of QuickBooks' clock (quickbooks.md §5.2). */
const LATENCY = { callLatencyMs: 400, batchLatencyMs: 6_000 };
const SMALL = 30;
/** How many small companies are measured, one after the other: a single one tells more of the moment than of fairness. */
const SMALLS = 5;
const WANTED = 1.2;

/**
 * Many companies on several real processes: whether all end right, how much longer than one alone they take, and whether a small
 * company beside a large one waits for it. `--companies`, `--codes`, `--apps`, `--large`, `--speed`; the full round of the README is
 * `--companies 20 --codes 1000 --large 50000`.
 */
export async function run(options: Readonly<Record<string, string>>): Promise<void> {
  const { companies = '8', codes = '300', apps = '4', large = '3000', speed = '5' } = options;
  const ratio = await manyCompanies(Number(companies), Number(codes), Number(apps), Number(speed));
  const fair = await besideALargeOne(Number(large), Number(apps), Number(speed));
  process.stdout.write(`many: ${companies} companies took ${ratio.toFixed(2)} x one alone; `
    + `the middle one of ${SMALLS} with ${SMALL} codes beside ${large} took ${fair.toFixed(2)} x its time alone, wanted at most ${WANTED}\n`);
}

async function manyCompanies(count: number, codes: number, apps: number, speed: number): Promise<number> {
  const fleet = await Fleet.open({ codes, speed });
  try {
    await fleet.quickbooks.patch('/sandbox/switches', LATENCY);
    for (let n = 0; n < apps; n += 1) await fleet.start();
    const [first, ...rest] = await imported(fleet, count);
    if (!first) throw new Error('There must be a company.');
    const alone = await synced(fleet, [first], speed);
    const many = await synced(fleet, rest, speed);
    const found = await agreementOf(fleet, [first, ...rest]);
    const { throttled } = await fleet.quickbooks.get<{ throttled: number }>('/sandbox/limits');
    process.stdout.write(`${rest.length} companies of ${codes} codes on ${apps} processes: ${many.toFixed(0)} s of QuickBooks' clock, one alone ${alone.toFixed(0)} s; `
      + `${throttled} throttled, ${found.duplicates} duplicates, ${found.losses} losses, ${found.stuck} stuck, ${found.misshown} shown wrongly\n`);
    return many / alone;
  } finally {
    await fleet.close();
  }
}

async function besideALargeOne(size: number, apps: number, speed: number): Promise<number> {
  const fleet = await Fleet.open({ codes: size, speed });
  try {
    await fleet.quickbooks.patch('/sandbox/switches', LATENCY);
    for (let n = 0; n < apps; n += 1) await fleet.start();
    const large = await fleet.company('Large');
    await fleet.import(large);
    const { records } = await fleet.world.costCodes.page(large.id, {}, { by: 'code', direction: 'asc' }, 0, SMALL);
    const few = records.map(({ linarcId }) => linarcId);
    const each = async (name: string) => {
      const times: number[] = [];
      for (let n = 1; n <= SMALLS; n += 1) {
        const company = await fleet.company(`${name} ${n}`);
        await fleet.import(company, few);
        times.push(await synced(fleet, [company], speed));
      }
      return times.toSorted((a, b) => a - b);
    };
    const alone = await each('Alone');
    await fleet.sync(large);
    await until('the large one to be under way', async () => (await fleet.classes(large)).length > 10 * SMALL, 10 * 60_000);
    const beside = await each('Beside');
    const isUnderWay = (await fleet.world.runs.active(large.id)) !== null;
    const shown = (times: readonly number[]) => times.map((time) => time.toFixed(1)).join(', ');
    process.stdout.write(`${SMALL} codes: alone ${shown(alone)} s of QuickBooks' clock, beside ${size} ${shown(beside)} s${isUnderWay ? '' : ' (which had ended)'}\n`);
    return middle(beside) / middle(alone);
  } finally {
    await fleet.close();
  }
}

function middle(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function imported(fleet: Fleet, count: number): Promise<FleetCompany[]> {
  const companies: FleetCompany[] = [];
  for (let n = 1; n <= count; n += 1) companies.push(await fleet.company(`Company ${n}`));
  for (const company of companies) await fleet.import(company);
  return companies;
}

/** Syncs all of them at once. Returns the seconds of QuickBooks' clock from being asked to the last one's end. */
async function synced(fleet: Fleet, companies: readonly FleetCompany[], speed: number): Promise<number> {
  const began = Date.now();
  await Promise.all(companies.map((company) => fleet.sync(company)));
  const runs = await Promise.all(companies.map((company) => fleet.runEnded(company)));
  const failed = runs.reduce((sum, { counts }) => sum + counts.failed + counts.needsAction, 0);
  if (failed > 0) throw new Error(`${failed} codes failed.`);
  return ((Math.max(...runs.map(({ endedAt }) => endedAt?.getTime() ?? 0)) - began) * speed) / 1_000;
}
