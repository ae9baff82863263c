import { setTimeout as pause } from 'node:timers/promises';
import type { StagedRecord } from '../../server/core/records.ts';
import { Gate, type Strike } from './gate.ts';
import type { App, Fleet, FleetCompany } from './fleet.ts';
import { until } from './waiting.ts';

/** What became of a company's codes: all but their number is 0 where each has exactly one class and everybody knows it. */
export interface Agreement {
  readonly codes: number;
  /** Classes of a name that another class has too, or that no code is linked to. */
  readonly duplicates: number;
  /** Codes whose class is not in QuickBooks. */
  readonly losses: number;
  /** Codes that are not settled as synced. */
  readonly stuck: number;
  /** By how many codes the screen shows another number of them, or of the synced ones. */
  readonly misshown: number;
}

const PAGE = 500;

/** Compares what store and screen say of the codes with what QuickBooks holds. One at a time: it opens the screen as the one person there is. */
export async function agreement(fleet: Fleet, company: FleetCompany): Promise<Agreement> {
  const records = await recordsOf(fleet, company);
  const classes = (await fleet.classes(company)).filter(({ Active }) => Active);
  const linked = new Set(records.map(({ link }) => link?.id));
  const names = new Set(classes.map(({ Name }) => Name.toLowerCase()));
  const there = new Set(classes.map(({ Id }) => Id));
  return {
    codes: records.length,
    duplicates: classes.length - names.size + classes.filter(({ Id }) => !linked.has(Id)).length,
    losses: records.filter(({ link }) => link === null || !there.has(link.id)).length,
    stuck: records.filter(({ status, run }) => status !== 'synced' || run !== null).length,
    misshown: await misshown(fleet, company, records.length),
  };
}

async function misshown(fleet: Fleet, company: FleetCompany, codes: number): Promise<number> {
  const { words } = await fleet.visit(company);
  const shown = (title: string) => Number(new RegExp(`\\b${title} ([\\d,]+)`).exec(words)?.[1]?.replaceAll(',', '') ?? 0);
  return Math.max(...['All', 'Synced'].map((title) => Math.abs(codes - shown(title))));
}

/** The agreement of several companies, summed up. */
export async function agreementOf(fleet: Fleet, companies: readonly FleetCompany[]): Promise<Agreement> {
  const all: Agreement[] = [];
  for (const company of companies) all.push(await agreement(fleet, company));
  return together(all);
}

async function recordsOf({ world }: Fleet, { id }: FleetCompany): Promise<StagedRecord[]> {
  const records: StagedRecord[] = [];
  for (;;) {
    const page = await world.costCodes.page(id, {}, { by: 'code', direction: 'asc' }, records.length, PAGE);
    records.push(...page.records);
    if (page.records.length < PAGE) return records;
  }
}

/** Sums agreements up. */
export function together(all: readonly Agreement[]): Agreement {
  const sum = (of: keyof Agreement) => all.reduce((total, one) => total + one[of], 0);
  return { codes: sum('codes'), duplicates: sum('duplicates'), losses: sum('losses'), stuck: sum('stuck'), misshown: sum('misshown') };
}

/** Which of a process's writes it is ended at. */
export interface CrashPoint {
  readonly at: 'database' | 'QuickBooks';
  readonly n: number;
  readonly when: Strike['when'];
}

/** A process behind gates to the database and to QuickBooks, ended and replaced at will. */
export class Victim {
  private readonly fleet: Fleet;
  private readonly gates: Record<CrashPoint['at'], Gate>;
  private app: App | null = null;

  private constructor(fleet: Fleet, gates: Victim['gates']) {
    this.fleet = fleet;
    this.gates = gates;
  }

  static async start(fleet: Fleet): Promise<Victim> {
    const victim = new Victim(fleet, { database: await Gate.open(fleet.mongoUri), QuickBooks: await Gate.open(fleet.quickbooks.url) });
    await victim.restart();
    return victim;
  }

  /** How many writes a sync of this company takes, by where they go. Nothing is ended. */
  async rehearse(company: FleetCompany): Promise<Record<CrashPoint['at'], number>> {
    for (const gate of Object.values(this.gates)) gate.arm(null);
    await this.fleet.sync(company);
    await this.fleet.runEnded(company, 60_000);
    return { database: this.gates.database.passed, QuickBooks: this.gates.QuickBooks.passed };
  }

  /** Has the company synced, ends the process at this point, and lets another finish. False: the sync was over before. */
  async crash(company: FleetCompany, { at, n, when }: CrashPoint): Promise<boolean> {
    const { app, fleet } = this;
    let wasHit = false;
    this.gates[at].arm({ n, when, hit: () => {
      wasHit = true;
      void app?.kill();
    } });
    await fleet.sync(company);
    await until('the crash or the end of the run', async () => wasHit || !(await fleet.world.runs.active(company.id)), 60_000);
    // No two syncs write equally often: what this one did not reach must not end a process later.
    this.gates[at].arm(null);
    if (wasHit) {
      await app?.ended;
      // As if its lease had run out by itself, which would only take longer.
      const run = await fleet.world.runs.active(company.id);
      if (run?.lease) await fleet.world.runs.handOver(company.id, run.id, run.lease.fence);
      await this.restart();
    }
    await fleet.runEnded(company, 60_000);
    return wasHit;
  }

  async close(): Promise<void> {
    await this.app?.kill();
    for (const gate of Object.values(this.gates)) await gate.close();
  }

  private async restart(): Promise<void> {
    const { gates, fleet } = this;
    for (const gate of Object.values(gates)) gate.arm(null);
    const { port } = new URL(fleet.mongoUri);
    this.app = await fleet.start({
      MONGODB_URI: fleet.mongoUri.replace(`:${port}`, `:${gates.database.port}`),
      QUICKBOOKS_SANDBOX_URL: `http://127.0.0.1:${gates.QuickBooks.port}`,
    });
  }
}

export interface RoundWish {
  /** How many companies are at work at once. */
  readonly companies: number;
  readonly apps: number;
  /** How many processes are killed at random moments. */
  readonly kills: number;
  readonly random: () => number;
  /** Milliseconds between kills, on average. */
  readonly pause: number;
}

export interface Round {
  readonly kills: number;
  readonly agreement: Agreement;
}

/**
 * Syncs company after company while processes are killed at random moments and replaced, until so many were killed; then lets all come
 * to an end and compares.
 */
export async function randomKills(fleet: Fleet, wish: RoundWish): Promise<Round> {
  const { random } = wish;
  while (fleet.apps.length < wish.apps) await fleet.start();
  const companies: FleetCompany[] = [];
  const begin = async () => {
    const company = await fleet.company(`Killed ${companies.length + 1}`);
    companies.push(company);
    await fleet.set(company, { structure: 'division' });
    await fleet.import(company);
    await fleet.sync(company);
  };
  const atWork = async () => {
    const runs = await Promise.all(companies.map(({ id }) => fleet.world.runs.active(id)));
    return runs.filter((run) => run !== null).length;
  };
  for (let n = 0; n < wish.companies; n += 1) await begin();

  let kills = 0;
  let feeding: Promise<void> = Promise.resolve();
  while (kills < wish.kills) {
    await pause(wish.pause * (0.5 + random()));
    const app = fleet.apps[Math.floor(random() * fleet.apps.length)];
    if (!app) throw new Error('No process is left.');
    await fleet.kill(app);
    kills += 1;
    const starting = fleet.start();
    if ((await atWork()) < wish.companies) feeding = feeding.then(begin);
    await starting;
  }
  await feeding;
  for (const company of companies) await fleet.runEnded(company, 5 * 60_000);
  return { kills, agreement: await agreementOf(fleet, companies) };
}
