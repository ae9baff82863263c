import { Fleet, type FleetCompany } from '../test/support/fleet.ts';
import { agreementOf } from '../test/support/havoc.ts';
import { until } from '../test/support/waiting.ts';

/** Milliseconds of QuickBooks' clock (quickbooks.md §5.2). */
const LATENCY = { callLatencyMs: 400, batchLatencyMs: 6_000 };
const SMALL = 30;
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
    + `${SMALL} codes beside ${large} took ${fair.toFixed(2)} x their time alone, wanted at most ${WANTED}\n`);
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
    const small = await Promise.all(['Alone', 'Beside'].map(async (name) => {
      const company = await fleet.company(name);
      await fleet.import(company, few);
      return company;
    }));
    const [first, second] = small;
    if (!first || !second) throw new Error('There must be two small companies.');
    const alone = await synced(fleet, [first], speed);
    await fleet.sync(large);
    await until('the large one to be under way', async () => (await fleet.classes(large)).length > 10 * SMALL, 10 * 60_000);
    const beside = await synced(fleet, [second], speed);
    const isUnderWay = (await fleet.world.runs.active(large.id)) !== null;
    process.stdout.write(`${SMALL} codes: alone ${alone.toFixed(1)} s of QuickBooks' clock, beside ${size} ${beside.toFixed(1)} s${isUnderWay ? '' : ' (which had ended)'}\n`);
    return beside / alone;
  } finally {
    await fleet.close();
  }
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
