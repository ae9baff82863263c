import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { row } from '../server/web/present/row.ts';
import { Fleet, type FleetCompany } from '../test/support/fleet.ts';
import { Person } from '../test/support/person.ts';
import { launch } from '../test/support/process.ts';
import { Load } from './peers/load.ts';

const ROUNDS = 3;
const SAMPLES = 9;
const ALLOWED = 150;
const ROW = /(<tr id="r-[\s\S]*?<\/tr>\n)/;
const BY_CODE = { by: 'code', direction: 'asc' } as const;

/**
 * The staging screen with `--n` records staged: the time of its first and last page in every order and by every filter, each request alone;
 * and its rate beside a bare Express + EJS server of the very same HTML, in turns of `--seconds`.
 */
export async function run({ n = '50000', seconds = '4' }: Readonly<Record<string, string>>): Promise<void> {
  const fleet = await Fleet.open({ limits: false, codes: Number(n) });
  const folder = mkdtempSync(join(tmpdir(), 'bare-'));
  try {
    const app = await fleet.start();
    const company = await fleet.company('Page');
    await fleet.import(company);
    const person = new Person();
    await fleet.visit(company, person);
    await person.post(`${app.url}/company`, [['company', company.id]]);
    const page = await person.get(`${app.url}/cost-codes`);
    if (!page.url.endsWith('/cost-codes')) throw new Error(`The way in ended at ${page.url}: ${page.words.slice(0, 300)}`);
    const cookie = [...person.cookiesFor(app.url)].map(([name, value]) => `${name}=${value}`).join('; ');
    const address = `${app.url}/cost-codes`;

    const load = new Load({ cookie });
    const slowest = await times(load, address, Number(n));
    const bare = await bareServer(folder, await pageOf(fleet, company, (await person.get(address)).html));
    try {
      await same(address, bare.url, cookie);
      const [ours, theirs] = await rates(load, [address, bare.url], Number(seconds));
      const small = new Load({ cookie, 'accept-encoding': 'br' });
      const compressed = await small.rate(address, Number(seconds));
      print(`100 rows, 20 connections: ${ours.toFixed(0)} a second, in brotli ${compressed.toFixed(0)}; bare Express + EJS ${theirs.toFixed(0)}`);
      print(`page: ${(ours / theirs).toFixed(2)} x the rate of a bare page of the same HTML; the slowest of all orders and filters at `
        + `${Number(n).toLocaleString('en-US')} records ${slowest.toFixed(0)} ms, ${(slowest / ALLOWED).toFixed(2)} x the allowed ${ALLOWED} ms`);
      small.close();
    } finally {
      await bare.kill();
      load.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await fleet.close();
  }
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** What people ask the list for: every order both ways, every filter, searches that find much, little and nothing. */
const ASKED = [
  ...['code', 'name', 'taskType', 'active', 'status', 'synced'].flatMap((by) => [`sort=${by}`, `sort=${by}&dir=desc`]),
  'status=needs_sync', 'status=failed', 'status=excluded', 'type=OFFICE', 'active=yes', 'division=03', 'linked=no',
  'q=e', 'q=con', 'q=03+1', 'q=zzzz', 'q=con&sort=name', 'q=con&status=needs_sync&type=OFFICE&sort=name&dir=desc',
];

/** Prints the median times of first and last page; returns the greatest. */
async function times(load: Load, address: string, n: number): Promise<number> {
  const first = await load.median(`${address}?q=zz`, 1);
  print(`the first search since the start, which reads every record once ${first.toFixed(0).padStart(5)} ms`);
  let slowest = 0;
  for (const asked of ASKED) {
    const [start, end] = [await load.median(`${address}?${asked}`, SAMPLES), await load.median(`${address}?${asked}&from=${n - 100}`, SAMPLES)];
    slowest = Math.max(slowest, start, end);
    print(`${asked.padEnd(64)} ${start.toFixed(0).padStart(5)} ms, last page ${end.toFixed(0).padStart(5)} ms`);
  }
  return slowest;
}

interface Bare {
  readonly template: string;
  readonly model: { readonly rows: readonly unknown[]; readonly between: readonly string[] };
}

/** The page's own HTML as one template that loops over its rows, written as any EJS page is, and the rows. */
async function pageOf(fleet: Fleet, company: FleetCompany, html: string): Promise<Bare> {
  const between = html.split(ROW).filter((_part, n) => n % 2 === 0);
  const { records } = await fleet.world.costCodes.page(company.id, {}, BY_CODE, 0, 100);
  const rows = records.map((record, n) => row(record, { serial: n + 1, selected: false, readOnly: false }));
  const ofRow = readFileSync('views/staging/row.ejs', 'utf8').replaceAll('locals.', 'row.');
  return {
    template: `<% rows.forEach((row, n) => { -%>\n<%- between[n] -%>${ofRow}<% }) -%>\n<%- between.at(-1) -%>`,
    model: { rows, between },
  };
}

async function bareServer(folder: string, { template, model }: Bare): Promise<{ url: string; kill(): Promise<void> }> {
  writeFileSync(join(folder, 'page.ejs'), template);
  writeFileSync(join(folder, 'page.json'), JSON.stringify(model));
  const program = launch('node', ['dist/bench/peers/bare.js', folder], {});
  const url = (await program.ready()).at(-1)?.split(' ').at(-1) ?? '';
  return { url, kill: program.kill };
}

/** The two pages must not differ, or the comparison says nothing. */
async function same(ours: string, theirs: string, cookie: string): Promise<void> {
  const [one, other] = await Promise.all([ours, theirs].map(async (url) => (await fetch(url, { headers: { cookie } })).text()));
  if (one !== other) throw new Error(`The bare page is another one: ${one?.length} and ${other?.length} characters.`);
}

/** The rates of several addresses, in turns, so that what else the machine does meets all alike. */
async function rates<const T extends readonly string[]>(load: Load, urls: T, seconds: number): Promise<{ [K in keyof T]: number }> {
  const sums = urls.map(() => 0);
  for (const url of urls) await load.rate(url, 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [n, url] of urls.entries()) sums[n] = (sums[n] ?? 0) + await load.rate(url, seconds) / ROUNDS;
  }
  return sums as { [K in keyof T]: number };
}
