// Believable records, companies and runs for tests of presenters and views, and for the gallery of screenshots.
import { DEFAULT_SETTINGS, NO_COUNTS, type Company, type ImportState, type User } from '../../server/core/company.ts';
import { sortKey } from '../../server/core/names.ts';
import { problem } from '../../server/core/problems.ts';
import type { Exchange, RecordStatus, StagedRecord, Tenant } from '../../server/core/records.ts';
import { NO_RUN_COUNTS, OPEN_WINDOWS, type Run } from '../../server/core/run.ts';

export const NOW = Date.UTC(2026, 2, 4, 9, 30);
const ago = (ms: number) => new Date(NOW - ms);
const MINUTE = 60_000;

export const sampleCompany = (over: Partial<Company> = {}): Company => ({
  id: 'aaaaaaaaaaaaaaaaaaaaaaaa' as Tenant,
  name: 'Hillside Builders',
  plan: 'Advanced',
  classTracking: 'per_line',
  connection: 'connected',
  connectedAt: ago(86_400_000),
  connectionChangedAt: ago(86_400_000),
  connectionEndsAt: null,
  linarc: { companyId: 'lc-1', name: 'Hillside Builders LLC', linkedAt: ago(86_000_000), refusedAt: null },
  settings: DEFAULT_SETTINGS,
  formerLinarc: null,
  settingsVersion: 0,
  settingsChange: null,
  locations: null,
  factsAt: ago(86_400_000),
  overLimit: null,
  import: sampleImport({ state: 'done', endedAt: ago(4 * MINUTE), counts: { ...NO_COUNTS, read: 8774, added: 12, changed: 3, unchanged: 8759, problems: 80 } }),
  lastImportedAt: ago(4 * MINUTE),
  classesReadAt: ago(9 * MINUTE),
  fence: 3,
  ...over,
});

export const sampleImport = (over: Partial<ImportState> = {}): ImportState => ({
  id: 'b'.repeat(24), mode: 'all', ids: [], by: 'Mara Keller', state: 'running', startedAt: ago(10_000), endedAt: null, total: 8774,
  counts: NO_COUNTS, problem: null, ...over,
});

export const sampleUser = (over: Partial<User> = {}): User => ({
  id: 'c'.repeat(24), sub: 'sub-1', email: 'mara@hillside.example', name: 'Mara Keller',
  memberships: [{ company: 'aaaaaaaaaaaaaaaaaaaaaaaa' as Tenant, role: 'admin' }], ...over,
});

export const sampleRun = (over: Partial<Run> = {}): Run => ({
  id: 'd'.repeat(24), company: 'aaaaaaaaaaaaaaaaaaaaaaaa' as Tenant, state: 'running', active: true,
  by: { kind: 'person', userId: 'c'.repeat(24), name: 'Mara Keller' }, asked: [{ kind: 'matching', filter: {}, except: [] }], taken: 1,
  queuedAt: ago(5 * MINUTE), startedAt: ago(5 * MINUTE), endedAt: null, total: 8774,
  counts: { ...NO_RUN_COUNTS, created: 5210, linked: 240, failed: 13, needsAction: 4 },
  batchesSent: 183, callsSent: 190, waiting: null, problem: null, lease: null, windows: OPEN_WINDOWS, ...over,
});

let serial = 0;

/** A staged record; `id` follows from the code, so equal calls give equal records. */
export function sampleRecord(code: string, name: string, over: Partial<StagedRecord> = {}): StagedRecord {
  serial += 1;
  const linarcId = `ln-${serial}`;
  return {
    id: [...code].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) % 0xffffffff, 7).toString(16).padStart(24, '0'),
    kind: 'cost_code', linarcId,
    raw: { id: linarcId, costCode: code, taskName: name, taskType: 'FIELD', status: 'Active' },
    source: { code, name, taskType: 'FIELD', active: true, divisionCode: code.slice(0, 2), divisionName: 'Division' },
    sourceHash: 'h', wanted: { name: `${code} ${name}`, parent: null, active: true }, wantedKey: code, level: 0, codeKey: code, sortKey: sortKey(code, linarcId),
    status: 'needs_sync', problem: null, link: null, aliases: [], syncedAt: null, excluded: null, goneAt: null, overwrite: null, accepted: null,
    run: null, intent: null, settledIn: null, lastExchange: null, importedAt: ago(4 * MINUTE), version: 1, ...over,
  };
}

const CODES: readonly (readonly [string, string, RecordStatus, string?])[] = [
  ['03 00 00', 'Concrete', 'synced'],
  ['03 11 00', 'Concrete Forming', 'synced'],
  ['03 11 16', 'Architectural Cast-in-Place Concrete Forming', 'needs_sync'],
  ['03 15 13', 'Waterstops', 'syncing'],
  ['03 20 00', 'Concrete Reinforcing', 'syncing'],
  ['03 30 00', 'Cast-in-Place Concrete', 'synced'],
  ['03 30 53', 'Miscellaneous Cast-in-Place Concrete', 'failed'],
  ['03 31 13', 'Heavyweight Structural Concrete for Elevated Slabs, Post-Tensioned Decks and Other Very Long Names', 'failed'],
  ['03 35 13', 'High-Tolerance Concrete Floor Finishing', 'needs_action'],
  ['03 37 13', 'Shotcrete', 'needs_sync'],
  ['04 20 00', 'Unit Masonry', 'synced'],
  ['05 12 23', 'Structural Steel for Buildings', 'needs_sync'],
  ['09 20 00', 'Drywall', 'synced'],
  ['T&M-01', 'Time and material, general', 'needs_sync', 'T&M'],
  ['ADM 10', 'Project administration', 'needs_sync', 'ADMIN'],
  ['OFF 02', 'Estimating', 'needs_sync', 'OFFICE'],
  ['REC 1', 'Site trailer rent', 'needs_action', 'Recurring Cost'],
];

export const DUPLICATE = problem('name_refused_duplicate', {
  field: 'Name', value: '03 30 53 Miscellaneous Cast-in-Place Concrete',
  raw: { status: 400, code: '6240', message: 'Duplicate Name Exists Error', detail: 'The name supplied already exists. : Id=42', element: 'Name', intuitTid: '1-5f0c-3e8d1a' },
});

export const sampleExchange: Exchange = {
  at: ago(MINUTE), operation: 'create', requestid: 'r-77', status: 400, intuitTid: '1-5f0c-3e8d1a', took: 214,
  request: { Name: '03 30 53 Miscellaneous Cast-in-Place Concrete' },
  response: { Fault: { Error: [{ Message: 'Duplicate Name Exists Error', code: '6240' }], type: 'ValidationFault' } },
};

export function sampleRecords(): readonly StagedRecord[] {
  return CODES.map(([code, name, status, taskType = 'FIELD'], i) => {
    const plain = sampleRecord(code, name);
    return {
      ...plain,
      status,
      source: { ...plain.source, taskType, active: i % 9 !== 8 },
      syncedAt: status === 'synced' || i === 6 ? ago((i + 2) * 7 * MINUTE) : null,
      problem: status === 'failed' ? DUPLICATE : status === 'needs_action' ? problem('code_duplicate', { field: 'Cost Code', value: code }) : null,
    };
  });
}
