import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Grant, NewCompany, Random, StagedDraft, UnderLease } from '../../server/core/ports.ts';
import type { CostCode, StagedRecord, Tenant } from '../../server/core/records.ts';
import { fold, sortKey } from '../../server/core/names.ts';
import { wantedKey } from '../../server/core/stage.ts';
import type { KeyRing } from '../../server/store/sealing.ts';
import { openStores, type Stores } from '../../server/store/stores.ts';
import { MemoryDatabase, memoryStores, type MemoryStores } from '../simulation/stores.ts';
import { testMongo } from '../support/mongo.ts';

export const keyOf = (fill: string) => Buffer.alloc(32, fill).toString('base64');
export const RING: KeyRing = { current: 'k1', keys: { k1: keyOf('1') } };

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined),
};
const random: Random = {
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  unit: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};

export interface OpenedStores {
  readonly stores: Stores;
  /** More stores on the same database, as another process would have. */
  another(keys?: KeyRing): Promise<Stores>;
  close(): Promise<void>;
}

/** Stores on a database of their own. */
export async function openTestStores(): Promise<OpenedStores> {
  const mongo = await testMongo();
  const databaseName = mongo.database();
  const opened: Stores[] = [];
  const open = async (keys = RING) => {
    const stores = await openStores({ uri: mongo.uri, databaseName, keys, clock, random });
    opened.push(stores);
    return stores;
  };
  return {
    stores: await open(),
    another: open,
    async close() {
      await Promise.all(opened.map((stores) => stores.close()));
      await mongo.drop(databaseName);
      await mongo.close();
    },
  };
}

/** The stores of the simulation, in memory. */
async function openMemoryStores(): Promise<{ stores: PortStores; close(): Promise<void> }> {
  return { stores: memoryStores(new MemoryDatabase(clock.now, random)), close: async () => {} };
}

/** The stores that are there twice. */
export type PortStores = Pick<Stores, keyof MemoryStores>;
export type Open = () => Promise<{ stores: PortStores; close(): Promise<void> }>;

/** The same tests for the stores on MongoDB and for those in memory, by which the sync engine is simulated. */
export function eachStore(title: string, tests: (open: Open) => void): void {
  describe(`${title}, on MongoDB`, () => tests(openTestStores));
  describe(`${title}, in memory`, () => tests(openMemoryStores));
}

export const AT = new Date('2026-03-01T10:00:00.000Z');
export const NOBODY = 'f'.repeat(24) as Tenant;

export function grantOf(mark: string): Grant {
  return {
    accessToken: `access-${mark}`,
    refreshToken: `refresh-${mark}`,
    accessExpiresAt: new Date('2026-03-01T11:00:00.000Z'),
    refreshExpiresAt: new Date('2026-06-09T10:00:00.000Z'),
    refreshHardExpiresAt: null,
  };
}

export function newCompany(realmId: string, mark = realmId): NewCompany {
  return { realmId, facts: { name: `Company ${mark}`, plan: 'Advanced', classTracking: 'per_line', locations: null }, grant: grantOf(mark), at: AT };
}

/** The draft of a cost code named like its code, ready to sync. */
export function draftOf(linarcId: string, about: Partial<CostCode> & { parent?: string | null; kind?: StagedRecord['kind'] } = {}, change: Partial<StagedDraft> = {}): StagedDraft {
  const { parent = null, kind = 'cost_code', ...given } = about;
  const source: CostCode = { code: linarcId, name: `Work ${linarcId}`, taskType: 'Labor', active: true, divisionCode: '', divisionName: '', ...given };
  const wanted = { name: `${source.code} ${source.name}`, parent, active: source.active };
  return {
    kind,
    linarcId,
    raw: { id: linarcId, 'Cost Code': source.code },
    source,
    sourceHash: `hash-${linarcId}`,
    wanted,
    wantedKey: wantedKey(wanted),
    level: parent === null ? 0 : 1,
    codeKey: fold(source.code),
    sortKey: sortKey(source.code, linarcId),
    status: 'needs_sync',
    problem: null,
    goneAt: null,
    excluded: null,
    over: null,
    importedAt: AT,
    ...change,
  };
}

/** Under a lease with this fencing token, over in a minute or in so many milliseconds. */
export function held(fence: number, ms = 60_000): UnderLease {
  return (step) => step({ fence, until: new Date(Date.now() + ms) });
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}
