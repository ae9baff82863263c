// Every state of every page, as a model made by the real presenters.
import { problem, type ProblemCode } from '../../server/core/problems.ts';
import type { Renderer } from '../../server/web/render.ts';
import { confirmOther, confirmUnlink, connectPage, landing, linarcPage, type LinarcFacts } from '../../server/web/present/doors.ts';
import { excludePage } from '../../server/web/present/exclude.ts';
import { moment } from '../../server/web/present/format.ts';
import { glance, type GlanceFacts } from '../../server/web/present/glance.ts';
import { hindrancePage } from '../../server/web/present/hindrance.ts';
import { history } from '../../server/web/present/history.ts';
import { jsonScript } from '../../server/web/present/json.ts';
import { KEYS } from '../../server/web/present/keys.ts';
import { mapping, tree, type MappingFacts } from '../../server/web/present/mapping.ts';
import { notice, problemNotice } from '../../server/web/present/notice.ts';
import { notes, noticesPage } from '../../server/web/present/notices.ts';
import { picker, type PickerFacts } from '../../server/web/present/picker.ts';
import { preview } from '../../server/web/present/preview.ts';
import { savedViews } from '../../server/web/present/savedviews.ts';
import { runLine, runPage } from '../../server/web/present/runs.ts';
import { settingsPage, type SettingsFacts } from '../../server/web/present/settings.ts';
import { settingsFact } from '../../server/core/settings.ts';
import { effectOf, type NamingEffect } from '../../server/sync/naming.ts';
import { sheetReportPage, spreadsheetPage, type SheetFacts } from '../../server/web/present/spreadsheet.ts';
import { shell, type Shell, type Surroundings } from '../../server/web/present/shell.ts';
import { staging, type StagingFacts } from '../../server/web/present/staging.ts';
import { invitationPage, teamPage } from '../../server/web/present/team.ts';
import { readQuery } from '../../server/web/query.ts';
import type { Views } from '../../server/web/views.ts';
import { NO_SHEET_COUNTS, TEMPLATE_HEADINGS, type KeptRow, type RowResult, type SheetReport } from '../../server/core/sheets.ts';
import { DEFAULT_SETTINGS, NO_COUNTS, type Company, type Invitation, type Role } from '../../server/core/company.ts';
import { ALL_CALM, type Standings } from '../../server/core/notices.ts';
import type { Fact, QuickBooksClass, StagedRecord, Tenant } from '../../server/core/records.ts';
import { DUPLICATE, NOW, sampleCompany, sampleExchange, sampleRecord, sampleImport, sampleRecords, sampleRun, sampleUser } from './samples.ts';

interface Drawing<V extends keyof Views> {
  readonly view: V;
  readonly model: Views[V];
  readonly shell: Shell;
  /** A popover to open before the picture is taken. */
  readonly open?: string;
}
export type State = { [V in keyof Views]: Drawing<V> }[keyof Views];

export function drawn(renderer: Renderer, { view, model, shell }: State): string {
  return renderer.page(view, model as never, shell);
}

export const sampleShell = (path: string, title: string, over: Partial<Surroundings> = {}): Shell => shell(
  { user: sampleUser(), company: sampleCompany(), role: 'admin', companies: [sampleCompany()], run: null, notes: [], ...over },
  {
    title, path, here: path, version: '0.1.0', now: NOW, assets: { css: '/app.css', script: '/app.js', htmx: '/htmx-4.0.1.min.js' },
    sandbox: { quickbooksUrl: 'http://localhost:3001', linarcUrl: 'http://localhost:3002' },
  },
);

/** Intuit's drawings are not in the repository. */
const NO_ART = { signIn: null, connect: null };
const CAUSES = [
  { code: 'code_duplicate', status: 'needs_action', count: 80 }, { code: 'name_refused_duplicate', status: 'failed', count: 13 },
] as const satisfies readonly { code: ProblemCode; status: string; count: number }[];
const VIEWS = [{ id: 'a1'.repeat(12), name: 'Concrete to look at', search: '?q=concrete&status=needs_action' }, { id: 'a2'.repeat(12), name: 'Everything by name', search: '?sort=name' }];
const DIVISIONS = [
  ['01', 'General Requirements', 210, 0, 0, 0], ['02', 'Existing Conditions', 140, 12, 0, 0], ['03', 'Concrete', 260, 90, 12, 9], ['04', 'Masonry', 120, 40, 0, 0],
  ['05', 'Metals', 180, 20, 4, 2], ['06', 'Wood, Plastics and Composites', 0, 160, 0, 0], ['07', 'Thermal and Moisture', 40, 190, 8, 0], ['08', 'Openings', 310, 0, 0, 0],
  ['09', 'Finishes', 400, 33, 2, 2], ['10', 'Specialties', 22, 0, 0, 0], ['22', 'Plumbing', 180, 70, 20, 0], ['26', 'Electrical', 290, 10, 1, 0], ['31', 'Earthwork', 77, 50, 0, 0],
].map(([code, name, synced, needs_sync, needs_action, failed]) => ({
  code: String(code), name: String(name), byStatus: { synced: Number(synced), needs_sync: Number(needs_sync), needs_action: Number(needs_action), failed: Number(failed), syncing: 0 },
}));
const CHANGED = problem('changed_in_quickbooks', { field: 'Class', value: 'Field:03 30 00 Cast pour' });

const records = sampleRecords();
/** Two whose classes somebody changed in QuickBooks, and one whose change was kept. */
const drifted = records.slice(0, 3).map((record, n): StagedRecord => {
  const link = { id: String(n + 50), syncToken: '2', name: record.wanted.name, parentId: null, active: true, how: 'created' } as const;
  if (n === 2) return { ...record, status: 'synced', link: { ...link, name: '03 11 16 Forming' }, accepted: { name: '03 11 16 Forming', parentId: null, active: true, instead: record.wanted } };
  return { ...record, status: 'needs_action', problem: CHANGED, link };
});
const left: readonly StagedRecord[] = [
  { ...records[4] as StagedRecord, status: 'needs_sync', excluded: { by: 'Maria Lopez', byRule: false, reason: 'Never billed', at: new Date(NOW - 86_400_000) } },
  { ...records[5] as StagedRecord, excluded: { by: 'rule', byRule: true, reason: 'Inactive in Linarc and never synced', at: new Date(NOW - 86_400_000) } },
];
const byStatus = { needs_sync: 2561, needs_action: 80, syncing: 0, synced: 6120, failed: 13 };
export const sampleFacts = (over: Partial<StagingFacts> = {}): StagingFacts => ({
  company: sampleCompany(), role: 'admin', query: readQuery({}), counts: { total: 8774, byStatus, excluded: 11 },
  page: { records, total: 8774 }, syncing: 2574, taskTypes: ['ADMIN', 'FIELD', 'OFFICE', 'Recurring Cost', 'T&M'],
  causes: CAUSES, divisions: DIVISIONS, views: VIEWS, changed: new Map(), run: null, notice: null, now: NOW, ...over,
});
const counts = (n: number) => ({ total: n, byStatus: { needs_sync: n, needs_action: 0, syncing: 0, synced: 0, failed: 0 }, excluded: 0 });
const importing = sampleCompany({ import: sampleImport({ counts: { ...NO_COUNTS, read: 3200, added: 3200 } }), lastImportedAt: null });
const unlinked = sampleCompany({ linarc: null, import: null, lastImportedAt: null });
const fresh = sampleCompany({ import: null, lastImportedAt: null });
const lost = sampleCompany({ connection: 'needs_reconnect' });
const run = sampleRun();

const page = (facts: Partial<StagingFacts> = {}, around: Partial<Surroundings> = {}, open?: string): Drawing<'staging/page'> => ({
  view: 'staging/page', model: staging(sampleFacts(facts)), shell: sampleShell('/cost-codes', 'Cost Codes', around), ...(open && { open }),
});

const on = <V extends keyof Views>(view: V, model: Views[V], path: string, title: string, around: Partial<Surroundings> = {}): Drawing<V> => ({
  view, model, shell: sampleShell(path, title, around),
});
const nobody: Partial<Surroundings> = { user: null, company: null, role: null, companies: [] };
const arrived: Partial<Surroundings> = { company: null, role: null, companies: [] };
const linked: StagedRecord = sampleRecord('03 30 53', 'Miscellaneous Cast-in-Place Concrete', {
  status: 'failed', problem: DUPLICATE,
  link: { id: '42', syncToken: '3', name: '03 30 53 Misc Concrete', parentId: null, active: true, how: 'matched' },
});
const aClass = (id: string, path: string, active = true): QuickBooksClass => ({
  id, syncToken: '0', name: path.split(':').at(-1) ?? path, fullyQualifiedName: path, parentId: path.includes(':') ? '1' : null, active, createdAt: null, updatedAt: null,
});
const branch = (id: string, path: string, active = true) => ({ class: aClass(id, path, active), usedBy: [], found: true, count: 0, below: [] });
const renaming: MappingFacts['suggestions'][number]['effect'] = {
  status: 'needs_sync', kept: false,
  change: {
    action: 'rename', changes: ['rename'], target: null, problem: null, waits: false, reason: null,
    before: { name: '03 30 53 Misc Concrete', parentId: null, active: true }, after: { name: '03 30 53 Miscellaneous Cast-in-Place Concrete', parentId: null, active: true },
  },
};
const mapped: MappingFacts = {
  company: sampleCompany(), role: 'operator', record: linked, current: { class: aClass('42', 'Concrete, misc.'), usedBy: ['03 30 54'] }, notice: notice('good', 'Linked to the class.'),
  look: { q: 'conc', below: null, from: 0 }, classCount: { active: 312, inactive: 4 }, chosen: null, more: true,
  suggestions: [
    { class: aClass('42', '03 30 53 Misc Concrete'), evidence: 'same number 03 30 53, name 71 % alike', usedBy: [], effect: renaming },
    { class: aClass('43', 'Field:Concrete', false), evidence: 'name 92 % alike', usedBy: [], effect: renaming },
    { class: aClass('44', 'Field:03 31 00 Structural'), evidence: 'name 44 % alike', usedBy: ['03 31 00'], effect: renaming },
  ],
  branches: [
    { ...branch('1', 'Field'), found: false, count: 14, below: [{ ...branch('43', 'Field:Concrete', false), count: 3 }, { ...branch('44', 'Field:03 31 00 Structural Concrete'), usedBy: ['03 31 00'] }] },
    { ...branch('45', 'Concrete, poured'), count: 12 }, branch('46', 'Precast concrete'),
  ],
};
const chosenClass = { class: aClass('44', 'Field:03 31 00 Structural'), usedBy: ['03 31 00'] };
const unmapped: StagedRecord = { ...linked, link: null, status: 'needs_sync', problem: null };
const facts = [
  { id: '2', record: linked.id, at: new Date(NOW - 60_000), by: { kind: 'person', userId: 'u', name: 'Mara Keller' }, kind: 'failed', changes: [], run: run.id, exchange: sampleExchange, problem: DUPLICATE },
  { id: '1', record: linked.id, at: new Date(NOW - 90_000), by: { kind: 'automatic', what: 'Import by Mara Keller' }, kind: 'changed', changes: [{ field: 'Task Name', from: 'Misc Concrete', to: 'Miscellaneous Cast-in-Place Concrete' }], run: null, exchange: null, problem: null },
] as const;
const planned = {
  counts: { create: 812, link: 4, rename: 14, move: 1, reactivate: 3, inactivate: 2, none: 7, blocked: 1 }, skipped: { synced: 2, excluded: 1 },
  needed: { inactivate: 2, move: 1 }, renamed: 14, estimate: { calls: 29, took: 19_200 },
  rows: [
    { id: '1', code: '03 30 00', name: 'Cast-in-Place Concrete', action: 'create', changes: ['create'], from: null, to: null, before: null, after: { name: '03 30 00 Cast-in-Place Concrete', parentId: null, active: true }, reason: null, problem: null },
    { id: '2', code: '03 30 53', name: 'Miscellaneous', action: 'rename', changes: ['rename'], from: null, to: null, before: { name: '03 30 53 Misc', parentId: null, active: true }, after: { name: '03 30 53 Miscellaneous', parentId: null, active: true }, reason: null, problem: null },
    { id: '3', code: '03 31 00', name: 'Structural', action: 'blocked', changes: [], from: null, to: null, before: null, after: null, reason: null, problem: DUPLICATE },
    { id: '4', code: '03 35 00', name: 'Finishing', action: 'inactivate', changes: ['inactivate'], from: null, to: null, before: { name: '03 35 00 Finishing', parentId: null, active: true }, after: { name: '03 35 00 Finishing', parentId: null, active: false }, reason: null, problem: null },
    { id: '5', code: '03 37 13', name: 'Shotcrete', action: 'move', changes: ['move'], from: null, to: '03 Concrete', before: { name: '03 37 13 Shotcrete', parentId: null, active: true }, after: { name: '03 37 13 Shotcrete', parentId: '9', active: true }, reason: null, problem: null },
  ],
} as const;
const entries = records.slice(0, 6).map((record) => ({ linarcId: record.linarcId, raw: {}, costCode: record.source, unreadable: null }));
const pickerFacts = (over: Partial<PickerFacts> = {}): PickerFacts => ({
  library: 'Hillside', question: { search: 'con', taskType: 'FIELD' }, isFirst: false, page: { entries, total: 120, next: 'c2' }, staged: records.slice(0, 2),
  divisions: [{ code: '03', name: 'Concrete' }, { code: '04', name: 'Masonry' }], picks: new Set([entries[1]?.linarcId ?? '', entries[2]?.linarcId ?? '', 'ln-elsewhere']), notice: null, denied: null, ...over,
});
const keyRefused = sampleCompany({ linarc: { companyId: 'lc-1', name: 'Hillside Builders LLC', linkedAt: new Date(NOW - 86_400_000), refusedAt: new Date(NOW - 3_600_000) } });
const held = { name: 'Hillside Builders LLC', staged: 8774, mapped: 6120 };
const linarc = (over: Partial<LinarcFacts>): Drawing<'connect/linarc'> =>
  on('connect/linarc', linarcPage({ company: sampleCompany(), denied: null, prefill: null, ...over }), '/linarc', 'Linarc company', over.company ? { company: over.company } : {});
const ended = sampleRun({ state: 'finished', active: false, endedAt: new Date(NOW - 1000), total: 5467 });
const seenAtAGlance: GlanceFacts = {
  divisions: DIVISIONS, now: NOW, alone: true,
  runs: [41, 380, 12, 64, 9, 120, 33, 30].map((seconds, n) => sampleRun({
    id: String(n).repeat(24), state: 'finished', active: false, startedAt: new Date(NOW - (n + 1) * 3_600_000), endedAt: new Date(NOW - (n + 1) * 3_600_000 + seconds * 1000),
    total: seconds * 12, counts: { ...run.counts, created: seconds * 12 - (n === 1 ? 30 : 0), linked: 0, needsAction: 0, failed: n === 1 ? 30 : 0 },
  })),
};
const NO_TROUBLE = { failed: { records: [], total: 0 }, waiting: { records: [], total: 0 } };
const TROUBLE = { failed: { records: records.filter(({ status }) => status === 'failed'), total: 13 }, waiting: { records: records.filter(({ status }) => status === 'needs_action'), total: 2 } };
const halted = sampleRun({ state: 'halted', problem: { code: 'reconnect_needed', field: null, value: null, raw: null } });

const sheet = (over: Partial<SheetReport> = {}): SheetReport => ({
  id: '5'.repeat(24), fileName: 'Hillside cost codes 2026.xlsx', takeNumbers: false, by: 'Mara Keller', at: new Date(NOW - 240_000), endedAt: new Date(NOW - 236_000),
  state: 'done', problem: null, sheet: 'Codes', generation: 'middle', headerRow: 1, headers: [...TEMPLATE_HEADINGS], fields: ['code', 'name'], total: 284,
  counts: { added: 12, changed: 3, unchanged: 262, needs_action: 3, not_staged: 4 }, ...over,
});
const keptRow = (number: number, code: string, name: string, result: RowResult): KeptRow => ({
  row: { number, code, name, raw: {}, costCode: null, unreadable: null, doubts: /^\d+$/.test(code) ? [{ field: 'code', label: 'Cost Code', kind: 'number', shown: code }] : [] }, result,
});
const refused = (reason: RowResult['reason']): RowResult => ({ outcome: 'not_staged', reason, record: null });
const waiting = (reason: RowResult['reason'], record: string): RowResult => ({ outcome: 'needs_action', reason, record });
const sheetRows: readonly KeptRow[] = [
  keptRow(14, '2030-03-01', 'Concrete', refused(problem('sheet_code_changed', { field: 'Cost Code', value: 'the date 2030-03-01' }))),
  keptRow(15, '330', 'Cast-in-Place Concrete', refused(problem('sheet_code_changed', { field: 'Cost Code', value: 'the number 330' }))),
  keptRow(31, '', 'Site cleaning', refused(problem('sheet_code_missing', { field: 'Cost Code' }))),
  keptRow(40, '05 12 23', 'Structural Steel for Buildings', refused(problem('sheet_code_repeated', { field: 'Cost Code', value: '40, 41' }))),
  keptRow(52, '09 21 00', 'Drywall', waiting(problem('perhaps_renamed', { field: 'Cost Code', value: '09 20 00 → 09 21 00' }), 'a')),
  keptRow(53, '09 22 00', 'Plaster', waiting(problem('perhaps_renamed', { field: 'Cost Code', value: '09 23 00 → 09 22 00' }), 'b')),
  keptRow(60, '10 14 00', '', waiting(problem('name_missing', { field: 'Task Name', value: '10 14 00' }), 'c')),
];
const sheetFacts = (over: Partial<SheetFacts> = {}): SheetFacts => ({
  company: sampleCompany(), role: 'operator', report: sheet(), view: 'problems', after: 0, rows: sheetRows, undecided: new Set(['a']), notice: null, ...over,
});
const readingSheet = sheet({ state: 'running', endedAt: null, counts: NO_SHEET_COUNTS, total: 5200 });
const brokenSheet = sheet({ state: 'failed', problem: problem('interrupted'), counts: NO_SHEET_COUNTS });
const byFile = sampleCompany({ linarc: null, import: sampleImport({ mode: 'spreadsheet', id: sheet().id, state: 'done', counts: { ...NO_COUNTS, read: 284, added: 280, unreadable: 4 } }) });
const sheetPage = (over: Partial<Parameters<typeof spreadsheetPage>[0]> = {}) => spreadsheetPage({ company: sampleCompany(), role: 'operator', recent: [sheet(), brokenSheet, readingSheet], notice: null, takeNumbers: false, ...over });
const ridgeline = sampleCompany({ id: 'e'.repeat(24) as Tenant, name: 'Ridgeline Mechanical', connection: 'disconnected' });
const ending = sampleCompany({ connectionEndsAt: new Date(NOW + 20 * 86_400_000) });
const memberships = (role: Role) => [sampleCompany(), ridgeline].map(({ id }) => ({ company: id, role }));
const connection = (company: Company | null, role: Role, companies: readonly Company[]) =>
  connectPage({ user: sampleUser({ memberships: memberships(role) }), company, companies, now: NOW }, NO_ART, null);
const team = [
  { id: '1'.repeat(24), name: 'Mara Keller', email: 'mara@hillside.example', role: 'admin' },
  { id: '2'.repeat(24), name: 'Jonas Brandt', email: 'jonas@hillside.example', role: 'operator' },
  { id: '3'.repeat(24), name: 'Priya Nair', email: 'priya@hillside.example', role: 'viewer' },
] as const;
const invitation: Invitation = {
  id: '4'.repeat(24), role: 'operator', email: 'jonas@hillside.example', by: { userId: team[0].id, name: 'Mara Keller' }, at: new Date(NOW), expiresAt: new Date(NOW + 7 * 86_400_000),
};
const standings: Standings = {
  ...ALL_CALM,
  expiry: { ...ALL_CALM.expiry, bad: true, toldAt: new Date(NOW - 86_400_000) },
  runs: { ...ALL_CALM.runs, bad: true, toldAt: new Date(NOW - 3_600_000), told: 13 },
  action: { ...ALL_CALM.action, bad: true, toldAt: new Date(NOW - 7_200_000), told: 80 },
};
const open = (['runs', 'action'] as const).map((topic) => ({ topic, ...standings[topic] }));

const MARA = { kind: 'person', userId: 'u1', name: 'Mara Keller' } as const;
const decided: readonly Fact[] = [
  settingsFact(2, { by: MARA, at: new Date(NOW - 3_600_000), changes: [{ field: 'autoUpdate', from: 'false', to: 'true' }, { field: 'leaveOut', from: '[]', to: '["ADMIN"]' }] }),
  settingsFact(1, { by: MARA, at: new Date(NOW - 86_400_000), changes: [{ field: 'structure', from: '"flat"', to: '"division"' }] }),
];
const sampleEffect = effectOf(records, DEFAULT_SETTINGS);
const treeEffect = effectOf(records, { ...DEFAULT_SETTINGS, structure: 'tree' });
const newNames: NamingEffect = {
  ...effectOf(records, { ...DEFAULT_SETTINGS, namePattern: '{code} - {name}' }), moved: 3,
  renamed: { count: 1204, samples: [{ code: '03', name: 'Concrete', path: ['03 - Concrete'], from: '03 Concrete' }] },
};
const asked = { hidden: [['scope', 'matching'], ['filter', '']], back: '/cost-codes', role: 'admin' } as const;
const types = [{ type: 'ADMIN', count: 41 }, { type: 'FIELD', count: 8120 }, { type: 'T&M', count: 1 }];
const settings = (over: Partial<SettingsFacts>): Drawing<'settings/page'> => on('settings/page', settingsPage({
  company: sampleCompany(), shown: DEFAULT_SETTINGS, version: 2, effect: null, fault: null, types, capacity: null, history: [], applying: false, notice: null, ...over,
}), '/settings', 'Settings', over.company ? { company: over.company } : {});

export const STATES: Readonly<Record<string, State>> = {
  'staging': page(),
  'staging-card': page({}, {}, '.card'),
  'staging-menu': page({ notice: notice('good', 'Syncing 9 cost codes. 3 were left out: 2 Synced and 1 Needs Action.') }, {}, '#import-menu'),
  'staging-views': page({ query: readQuery({ sort: 'name' }) }, {}, '#views-menu'),
  'staging-drift': page({ query: readQuery({ problem: 'changed_in_quickbooks' }), page: { records: drifted, total: 3 }, causes: [{ code: 'changed_in_quickbooks', status: 'needs_action', count: 2 }], changed: new Map([['50', aClass('50', 'Field:03 30 00 Cast pour', false)]]) }, {}, '.card'),
  'staging-excluded': page({ query: readQuery({ status: 'excluded' }), page: { records: left, total: 2 } }),
  'staging-selected': page({ query: readQuery({ select: 'all', status: 'needs_sync', q: 'concrete' }) }),
  'staging-running': page({ run, counts: { total: 8774, byStatus: { ...byStatus, syncing: 3307, needs_sync: 4 }, excluded: 0 } }, { run }),
  'staging-importing': page({ company: importing, page: { records: [], total: 0 }, counts: counts(0), causes: [] }, { company: importing }),
  'staging-first': page({ company: fresh, page: { records: [], total: 0 }, counts: counts(0), causes: [] }, { company: fresh }),
  'staging-no-match': page({ query: readQuery({ q: 'zzz' }), page: { records: [], total: 0 }, causes: [] }),
  'staging-unlinked': page({ company: unlinked, page: { records: [], total: 0 }, counts: counts(0), causes: [] }, { company: unlinked }),
  'staging-lost': page({ company: lost }, { company: lost }),
  'staging-viewer': page({ role: 'viewer' }, { role: 'viewer' }),
  'landing': on('connect/landing', landing(null, 'http://localhost:3001', NO_ART), '/', 'Sign in', nobody),
  'landing-denied': on('connect/landing', landing(notice('bad', 'You chose not to allow it in QuickBooks.', { next: 'You can try again whenever you want.' }), null, NO_ART), '/', 'Sign in', nobody),
  'connect-first': on('connect/quickbooks', connection(null, 'admin', []), '/connect', 'QuickBooks connection', arrived),
  'connect-connected': on('connect/quickbooks', connection(sampleCompany(), 'admin', [sampleCompany(), ridgeline]), '/connect', 'QuickBooks connection', { companies: [sampleCompany(), ridgeline] }),
  'connect-lost': on('connect/quickbooks', connection(lost, 'admin', [lost]), '/connect', 'QuickBooks connection', { company: lost }),
  'connect-viewer': on('connect/quickbooks', connection(lost, 'viewer', [lost]), '/connect', 'QuickBooks connection', { company: lost, role: 'viewer' }),
  'connect-ending': on('connect/quickbooks', connection(ending, 'admin', [ending]), '/connect', 'QuickBooks connection', { company: ending }),
  'switcher': { ...on('runs/list', { runs: [] }, '/runs', 'Runs', { companies: [sampleCompany(), ridgeline], notes: notes(open, { path: '/runs', seen: {} }) }), open: '#companies' },
  'person': { ...on('runs/list', { runs: [] }, '/runs', 'Runs', { company: ending, companies: [ending] }), open: '#person' },
  'team': on('team/page', teamPage({ company: sampleCompany(), role: 'admin', you: team[0].id }, {
    members: team, invitations: [invitation], mails: true, notice: null,
    made: { href: `https://sync.example/invitation?key=${'a1'.repeat(32)}`, mailedTo: null, until: moment(invitation.expiresAt) },
  }), '/team', 'Team'),
  'team-viewer': on('team/page', teamPage({ company: sampleCompany(), role: 'viewer', you: team[2].id }, { members: team, invitations: [], made: null, mails: true, notice: null }), '/team', 'Team', { role: 'viewer' }),
  'invitation': on('team/invitation', invitationPage({ kind: 'holds', invitation, company: sampleCompany() }, null, { notice: null, art: NO_ART }), '/invitation', 'Invitation', nobody),
  'invitation-take': on('team/invitation', invitationPage({ kind: 'holds', invitation, company: sampleCompany() }, 'jonas@hillside.example', { notice: null, art: NO_ART }), '/invitation', 'Invitation', arrived),
  'invitation-other': on('team/invitation', invitationPage({ kind: 'other_email', invitation, company: sampleCompany() }, 'mara@hillside.example', { notice: null, art: NO_ART }), '/invitation', 'Invitation', arrived),
  'invitation-used': on('team/invitation', invitationPage({ kind: 'used' }, null, { notice: null, art: NO_ART }), '/invitation', 'Invitation', nobody),
  'notices': on('notices/page', noticesPage(standings, { company: 'Hillside Builders', role: 'admin', email: 'mara@hillside.example', wanted: true, hasPost: true, notice: null }), '/notices', 'Notices', { notes: notes(open, { path: '/runs', seen: {} }) }),
  'notices-no-mail': on('notices/page', noticesPage(ALL_CALM, { company: 'Hillside Builders', role: 'operator', email: 'jonas@hillside.example', wanted: true, hasPost: true, notice: null }), '/notices', 'Notices', { role: 'operator' }),
  'privacy': on('about/privacy', {}, '/privacy', 'Privacy', nobody),
  'terms': on('about/terms', {}, '/terms', 'Terms of use', nobody),
  'support': on('about/support', { email: 'help@sync.example' }, '/support', 'Support'),
  'linarc': linarc({ company: unlinked, prefill: { companyId: 'lin-hillside', apiKey: 'key' } }),
  'linarc-tested': linarc({ company: unlinked, sent: { companyId: 'lin-hillside', apiKey: 'key', tested: { name: 'Hillside Builders LLC', words: '281 cost codes' } } }),
  'linarc-fault': linarc({ company: unlinked, sent: { companyId: '', apiKey: 'key', fault: 'Both the company id and the API key are needed.' } }),
  'linarc-linked': linarc({}),
  'linarc-refused': linarc({ company: keyRefused, sent: { companyId: 'lc-1', apiKey: 'key' }, notice: problemNotice(problem('linarc_key_refused')) }),
  'linarc-other': linarc({ sent: { companyId: 'lc-2', apiKey: 'key', tested: { name: 'Ridgeline LLC', words: '12 cost codes' } } }),
  'linarc-confirm-other': linarc({ confirm: confirmOther(held, { name: 'Ridgeline LLC', companyId: 'lc-2', apiKey: 'key' }) }),
  'linarc-confirm-unlink': linarc({ confirm: confirmUnlink(held) }),
  'linarc-operator': linarc({ denied: 'Your role in Hillside Builders is operator: an administrator links the Linarc company.' }),
  'staging-refused': page({ company: keyRefused }, { company: keyRefused }),
  'history': on('record/history', history({ record: linked, facts, show: null, isFirstPage: true, hidden: [] }), '/cost-codes/x/history', 'Change History'),
  'history-empty': on('record/history', history({ record: linked, facts: [], show: 'gone', isFirstPage: false, hidden: [] }), '/cost-codes/x/history', 'Change History'),
  'json-new': on('record/json', jsonScript(sampleRecord('04 20 00', 'Unit Masonry'), null), '/cost-codes/x/json', 'Json Script'),
  'json': on('record/json', jsonScript(linked, sampleExchange), '/cost-codes/x/json', 'Json Script'),
  'mapping': on('record/mapping', mapping(mapped), '/cost-codes/x/mapping', 'Manual Mapping'),
  'mapping-viewer': on('record/mapping', mapping({ ...mapped, role: 'viewer', branches: [], more: false, notice: null }), '/cost-codes/x/mapping', 'Manual Mapping', { role: 'viewer' }),
  'mapping-new': on('record/mapping', mapping({ ...mapped, record: unmapped, current: null, notice: null, look: { q: '', below: null, from: 0 } }), '/cost-codes/x/mapping', 'Manual Mapping'),
  'mapping-chosen': on('record/mapping', mapping({ ...mapped, notice: null, chosen: { class: aClass('46', 'Precast concrete'), usedBy: [], effects: { alone: renaming } } }), '/cost-codes/x/mapping', 'Manual Mapping'),
  'mapping-shared': on('record/mapping', mapping({ ...mapped, record: unmapped, current: null, notice: null, chosen: { ...chosenClass, effects: { replace: renaming, share: { ...renaming, status: 'synced', kept: true } } } }), '/cost-codes/x/mapping', 'Manual Mapping'),
  'mapping-renamed': on('record/mapping', mapping({ ...mapped, record: { ...unmapped, status: 'needs_action', problem: problem('perhaps_renamed', { field: 'Cost Code', value: '03 30 50 → 03 30 53' }) }, current: null, notice: null }), '/cost-codes/x/mapping', 'Manual Mapping'),
  'mapping-unread': on('record/mapping', mapping({ ...mapped, company: sampleCompany({ classesReadAt: null }), record: unmapped, current: null, notice: null, suggestions: [], branches: [], more: false, look: { q: '', below: null, from: 0 }, classCount: { active: 0, inactive: 0 } }), '/cost-codes/x/mapping', 'Manual Mapping'),
  'mapping-branch': on('record/tree', tree(mapped), '/cost-codes/x/mapping', ''),
  'exclude': on('record/exclude', excludePage(12, { hidden: [['scope', 'ids'], ['id', linked.id]], including: false, back: '/cost-codes' }), '/cost-codes/exclude', 'Exclude'),
  'exclude-none': on('record/exclude', excludePage(0, { hidden: [], including: false, back: '/cost-codes' }), '/cost-codes/exclude', 'Exclude'),
  'preview': on('staging/preview', preview(planned, { hidden: [['scope', 'matching'], ['filter', '']], denied: null, stopped: false }), '/cost-codes/preview', 'Preview'),
  'preview-hindered': on('staging/preview', preview(planned, { hidden: [['scope', 'matching'], ['filter', '']], denied: null, stopped: false, room: 11 }), '/cost-codes/preview', 'Preview'),
  'preview-stopped': on('staging/preview', preview(planned, { hidden: [['scope', 'matching'], ['filter', '']], denied: null, stopped: true }), '/cost-codes/preview', 'Preview'),
  'glance': on('staging/glance', glance(seenAtAGlance), '/cost-codes/glance', 'At a glance'),
  'glance-empty': on('staging/glance', glance({ ...seenAtAGlance, divisions: [], runs: [] }), '/cost-codes/glance', 'At a glance'),
  'saved-views': on('staging/views', savedViews(VIEWS, '/cost-codes'), '/cost-codes/views', 'Saved views'),
  'saved-views-none': on('staging/views', savedViews([], '/cost-codes'), '/cost-codes/views', 'Saved views'),
  'keys': on('staging/keys', KEYS, '/cost-codes/keys', 'Keyboard'),
  'picker': on('staging/picker', picker(pickerFacts()), '/imports/selected', 'Import Selected'),
  'picker-viewer': on('staging/picker', picker(pickerFacts({ denied: 'Your role in Hillside Builders is viewer.' })), '/imports/selected', 'Import Selected', { role: 'viewer' }),
  'picker-none': on('staging/picker', picker(pickerFacts({ page: { entries: [], total: 0, next: null } })), '/imports/selected', 'Import Selected'),
  'picker-down': on('staging/picker', picker(pickerFacts({ question: {}, page: null, staged: [], picks: new Set(), notice: notice('bad', 'Linarc cannot be reached just now.') })), '/imports/selected', 'Import Selected'),
  'staging-from-file': page({ company: byFile }, { company: byFile }),
  'spreadsheet': on('spreadsheet/import', sheetPage(), '/imports/spreadsheets', 'Import a spreadsheet'),
  'spreadsheet-refused': on('spreadsheet/import', sheetPage({ recent: [], takeNumbers: true, notice: notice('bad', 'No columns for a code and a name were found: the file has Item, Price.', { next: 'Name the columns as in Linarc’s template: Cost Code, Cost Code Name, Cost Type Category.' }) }), '/imports/spreadsheets', 'Import a spreadsheet', { company: unlinked }),
  'spreadsheet-viewer': on('spreadsheet/import', sheetPage({ role: 'viewer' }), '/imports/spreadsheets', 'Import a spreadsheet', { role: 'viewer' }),
  'sheet-report': on('spreadsheet/report', sheetReportPage(sheetFacts()), '/imports/spreadsheets/x', 'Import'),
  'sheet-report-running': on('spreadsheet/report', sheetReportPage(sheetFacts({ report: readingSheet, rows: [], company: sampleCompany({ import: sampleImport({ id: sheet().id, mode: 'spreadsheet', counts: { ...NO_COUNTS, read: 1500 } }) }) })), '/imports/spreadsheets/x', 'Import'),
  'sheet-report-failed': on('spreadsheet/report', sheetReportPage(sheetFacts({ report: brokenSheet, view: 'all', rows: sheetRows.map(({ row }) => ({ row, result: null })) })), '/imports/spreadsheets/x', 'Import'),
  'sheet-report-viewer': on('spreadsheet/report', sheetReportPage(sheetFacts({ role: 'viewer' })), '/imports/spreadsheets/x', 'Import', { role: 'viewer' }),
  'runs': on('runs/list', { runs: [runLine(run, NOW), runLine(ended, NOW), runLine(halted, NOW)] }, '/runs', 'Runs'),
  'runs-none': on('runs/list', { runs: [] }, '/runs', 'Runs'),
  'run-going': on('runs/page', runPage(run, NOW, null, NO_TROUBLE), '/runs/x', 'Run', { run }),
  'run-ended': on('runs/page', runPage(ended, NOW, null, TROUBLE), '/runs/x', 'Run'),
  'run-halted': on('runs/page', runPage(halted, NOW, null, NO_TROUBLE), '/runs/x', 'Run', { run: halted, company: lost }),
  'settings': settings({ effect: sampleEffect }),
  'settings-tree': settings({ shown: { ...DEFAULT_SETTINGS, structure: 'tree' }, effect: treeEffect }),
  'settings-fault': settings({ shown: { ...DEFAULT_SETTINGS, namePattern: '{cod}' }, fault: '{cod} is not known; use {code} and {name}.' }),
  'settings-confirm': settings({ shown: { ...DEFAULT_SETTINGS, namePattern: '{code} - {name}' }, effect: newNames, confirming: true }),
  'settings-stale': settings({ shown: { ...DEFAULT_SETTINGS, autoCreate: true }, effect: sampleEffect, stale: { section: 'sync', others: decided.slice(0, 1) } }),
  'settings-plus': settings({ company: sampleCompany({ plan: 'QuickBooks Online Plus', locations: 4 }), effect: sampleEffect, applying: true, capacity: { limit: 40, classes: 25, locations: 4, room: 11 } }),
  'settings-beyond': settings({
    company: sampleCompany({ plan: 'QuickBooks Online Plus', locations: 4, classTracking: 'off', overLimit: { by: decided[0]?.by ?? { kind: 'automatic', what: '' }, at: new Date(NOW), plan: 'QuickBooks Online Plus' } }),
    effect: sampleEffect, capacity: { limit: 40, classes: 36, locations: 4, room: 0 }, history: decided, notice: notice('good', 'Saved.'),
  }),
  'hindrance-room': on('staging/hindrance', hindrancePage({ kind: 'no_room', capacity: { limit: 40, classes: 25, locations: 4, room: 11 }, needed: { classes: 236, divisions: ['1', '2'], inUse: ['3', '4', '5'], inUseClasses: 5 } }, asked), '/runs', 'Nothing was sent'),
  'hindrance-operator': on('staging/hindrance', hindrancePage({ kind: 'no_room', capacity: { limit: 40, classes: 40, locations: 0, room: 0 }, needed: { classes: 3, divisions: [], inUse: [], inUseClasses: 0 } }, { ...asked, role: 'operator' }), '/runs', 'Nothing was sent'),
  'hindrance-tracking': on('staging/hindrance', hindrancePage({ kind: 'tracking_off' }, asked), '/runs', 'Nothing was sent'),
  'hindrance-plan': on('staging/hindrance', hindrancePage({ kind: 'no_classes', plan: 'QuickBooks Online Essentials' }, asked), '/runs', 'Nothing was sent'),
  'settings-first': settings({ company: fresh, effect: effectOf([], DEFAULT_SETTINGS), types: [] }),
  'changed': on('staging/changed', { rows: staging(sampleFacts()).table?.blocks[0]?.slice(3, 5) ?? [] }, '/cost-codes', ''),
  'failure': on('failure/page', { status: 404, title: 'Not found', sentence: 'There is no such page in this company.', next: 'Go back to the cost codes and choose again.', requestId: 'r-1' }, '/nothing', 'Not found'),
};
