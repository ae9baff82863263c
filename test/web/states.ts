// Every state of every page, as a model made by the real presenters.
import type { ProblemCode } from '../../server/core/problems.ts';
import type { Renderer } from '../../server/web/render.ts';
import { notice } from '../../server/web/present/notice.ts';
import { shell, type Shell, type Surroundings } from '../../server/web/present/shell.ts';
import { staging, type StagingFacts } from '../../server/web/present/staging.ts';
import { readQuery } from '../../server/web/query.ts';
import type { Views } from '../../server/web/views.ts';
import { NO_COUNTS } from '../../server/core/company.ts';
import { NOW, sampleCompany, sampleImport, sampleRecords, sampleRun, sampleUser } from './samples.ts';

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
  { user: sampleUser(), company: sampleCompany(), role: 'admin', companies: [sampleCompany()], run: null, ...over },
  {
    title, path, now: NOW, assets: { css: '/app.css', script: '/app.js', htmx: '/htmx-4.0.1.min.js' },
    sandbox: { quickbooksUrl: 'http://localhost:3001', linarcUrl: 'http://localhost:3002' },
  },
);

const records = sampleRecords();
const byStatus = { needs_sync: 2561, needs_action: 80, syncing: 0, synced: 6120, failed: 13 };
export const sampleFacts = (over: Partial<StagingFacts> = {}): StagingFacts => ({
  company: sampleCompany(), role: 'admin', query: readQuery({}), counts: { total: 8774, byStatus, excluded: 11 },
  page: { records, total: 8774 }, syncing: 2574, taskTypes: ['ADMIN', 'FIELD', 'OFFICE', 'Recurring Cost', 'T&M'],
  causes: [{ code: 'name_refused_duplicate' satisfies ProblemCode, status: 'failed', count: 13 }], run: null, notice: null, now: NOW, ...over,
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

export const STATES: Readonly<Record<string, State>> = {
  'staging': page(),
  'staging-card': page({}, {}, '.card'),
  'staging-menu': page({ notice: notice('good', 'Syncing 9 cost codes. 3 were left out: 2 Synced and 1 Needs Action.') }, {}, '#import-menu'),
  'staging-selected': page({ query: readQuery({ select: 'all', status: 'needs_sync', q: 'concrete' }) }),
  'staging-running': page({ run, counts: { total: 8774, byStatus: { ...byStatus, syncing: 3307, needs_sync: 4 }, excluded: 0 } }, { run }),
  'staging-importing': page({ company: importing, page: { records: [], total: 0 }, counts: counts(0), causes: [] }, { company: importing }),
  'staging-first': page({ company: fresh, page: { records: [], total: 0 }, counts: counts(0), causes: [] }, { company: fresh }),
  'staging-no-match': page({ query: readQuery({ q: 'zzz' }), page: { records: [], total: 0 }, causes: [] }),
  'staging-unlinked': page({ company: unlinked, page: { records: [], total: 0 }, counts: counts(0), causes: [] }, { company: unlinked }),
  'staging-lost': page({ company: lost }, { company: lost }),
  'staging-viewer': page({ role: 'viewer' }, { role: 'viewer' }),
};
