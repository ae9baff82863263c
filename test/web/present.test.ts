import { expect } from 'chai';
import { DEFAULT_SETTINGS, NO_COUNTS, type Settings } from '../../server/core/company.ts';
import { problem, PROBLEMS } from '../../server/core/problems.ts';
import { NO_RUN_COUNTS } from '../../server/core/run.ts';
import { card } from '../../server/web/present/card.ts';
import { counted, initials, lasting, listed, moment } from '../../server/web/present/format.ts';
import { pretty } from '../../server/web/present/json.ts';
import { mapping } from '../../server/web/present/mapping.ts';
import { preview, skippedWords } from '../../server/web/present/preview.ts';
import { importResult, runProgress, runSummary } from '../../server/web/present/progress.ts';
import { row } from '../../server/web/present/row.ts';
import { namesEffect, roomWords } from '../../server/web/present/settings.ts';
import { effectOf } from '../../server/sync/naming.ts';
import { homeOf, shell } from '../../server/web/present/shell.ts';
import { live, staging } from '../../server/web/present/staging.ts';
import { readQuery } from '../../server/web/query.ts';
import { DUPLICATE, NOW, sampleCompany, sampleImport, sampleRecord, sampleRun, sampleUser } from './samples.ts';
import { sampleFacts, sampleShell } from './states.ts';

describe('Words and numbers', () => {
  it('separates thousands and counts one and many', () => {
    expect(counted(1, 'cost code')).to.equal('1 cost code');
    expect(counted(8774, 'cost code')).to.equal('8,774 cost codes');
  });

  it('tells a length of time in the units that matter', () => {
    expect([41_000, 200_000, 900_000, 7_500_000].map(lasting)).to.deep.equal(['41 s', '3 min 20 s', '15 min', '2 h 5 min']);
  });

  it('joins with "and" before the last', () => {
    expect(listed(['2 Synced', '1 Excluded', '3 gone'])).to.equal('2 Synced, 1 Excluded and 3 gone');
    expect(listed(['one'])).to.equal('one');
  });

  it('holds a moment for the machine and in UTC for reading', () => {
    expect(moment(new Date(Date.UTC(2026, 2, 4, 9, 5)))).to.deep.equal({ iso: '2026-03-04T09:05:00.000Z', utc: '4 Mar 2026, 09:05 UTC' });
  });

  it('makes a badge of any name', () => {
    expect(['Mara Keller', 'mara@hillside.example', '', 'Åsa'].map(initials)).to.deep.equal(['MK', 'ME', '?', 'Å']);
  });
});

describe('A row', () => {
  const plain = { serial: 12, selected: false, readOnly: false };

  it('shows Not Synced as no time at all, and Failed as a way to retry', () => {
    const failed = row(sampleRecord('03 30 53', 'Misc', { status: 'failed', problem: DUPLICATE }), plain);
    expect(failed).to.deep.include({ serial: '12', synced: null, status: { key: 'failed', label: 'Failed' } });
    expect(failed.retryHref).to.match(/^\/cost-codes\/\w+\/retry$/);
    expect(failed.card?.sentence).to.include('already used');
  });

  it('offers no retry and no reason for a record that is well', () => {
    const synced = row(sampleRecord('03 30 00', 'Concrete', { status: 'synced', syncedAt: new Date(NOW), problem: DUPLICATE }), plain);
    expect(synced).to.include({ retryHref: null, card: null, syncs: false });
  });

  it('says who took it out, when and why', () => {
    const excluded = { by: 'Mara', byRule: false, reason: 'office only', at: new Date(NOW) };
    const out = row(sampleRecord('01', 'Admin', { excluded }), plain);
    expect(out.remark).to.deep.equal({ text: 'Excluded by Mara', at: { iso: '2026-03-04T09:30:00.000Z', utc: '4 Mar 2026, 09:30 UTC' }, reason: 'office only' });
    expect(out.status.label).to.equal('Excluded');
    expect(out.syncs).to.equal(false);
  });

  it('names the three actions as the article does', () => {
    expect(row(sampleRecord('01', 'A'), plain).actions.map(({ label }) => label)).to.deep.equal(['Change History', 'Manual Mapping', 'Json Script']);
  });

  it('keeps its place when code and name are missing', () => {
    expect(row(sampleRecord('', ''), plain)).to.include({ code: '—', name: '—' });
  });
});

describe('The reason card', () => {
  it('has a sentence, a next step and a title for every problem there is', () => {
    for (const code of Object.keys(PROBLEMS) as (keyof typeof PROBLEMS)[]) {
      const made = card(problem(code, { value: 'X' }), 'a'.repeat(24));
      expect(made.sentence, code).to.match(/[.X]$/);
      expect(made.sentence, code).to.not.include('{value}');
      expect(made.next, code).to.not.equal('');
    }
  });

  it('keeps what QuickBooks said and the trace id, and leaves out what it did not say', () => {
    expect(card(DUPLICATE, 'a'.repeat(24)).raw.map(({ label }) => label)).to.deep.equal(['HTTP status', 'Code', 'Message', 'Detail', 'Element', 'intuit_tid']);
    expect(card(problem('refused'), 'a'.repeat(24)).raw).to.deep.equal([]);
  });

  it('opens Manual Mapping where a mapping helps', () => {
    expect(card(problem('class_gone'), 'a'.repeat(24)).remedies).to.deep.include({ how: 'sheet', label: 'Open Manual Mapping', href: `/cost-codes/${'a'.repeat(24)}/mapping` });
  });
});

describe('The staging screen', () => {
  it('draws the bar to its full width, each status once', () => {
    const { bar } = staging(sampleFacts()).rail;
    expect(bar.reduce((sum, part) => sum + part.width, 0)).to.be.closeTo(1000, 0.1);
    expect(bar.map(({ key }) => key)).to.deep.equal(['synced', 'needs_sync', 'needs_action', 'failed']);
  });

  it('counts on every filter and keeps the search while a filter is chosen', () => {
    const { chips: { chips } } = staging(sampleFacts({ query: readQuery({ q: 'con', status: 'failed' }) }));
    expect(chips.map(({ label, count }) => `${label} ${count}`)).to.deep.equal([
      'All 8,774', 'Needs Sync 2,561', 'Needs Action 80', 'Failed 13', 'Synced 6,120', 'Excluded 11',
    ]);
    expect(chips.find(({ current }) => current)?.label).to.equal('Failed');
    expect(chips[1]?.href).to.equal('/cost-codes?q=con&status=needs_sync');
  });

  it('offers what was changed in QuickBooks as a filter of its own, with both ways out for all of it', () => {
    const made = staging(sampleFacts({ query: readQuery({ problem: 'changed_in_quickbooks' }), causes: [{ code: 'changed_in_quickbooks', status: 'needs_action', count: 4 }] }));
    expect(made.chips.chips.find(({ current }) => current)).to.deep.include({ label: 'Changed in QuickBooks', count: '4', href: '/cost-codes?problem=changed_in_quickbooks' });
    const both = ['Put Linarc’s value back', 'Keep QuickBooks’ value'];
    expect(made.selection.decisions.map(({ label }) => label)).to.deep.equal(both);
    expect(made.waiting.shown[0]?.decisions.map(({ label }) => label)).to.deep.equal(both);
    expect(made.waiting.shown[0]?.retriable).to.equal(false);
  });

  it('knows which saved view is open', () => {
    const views = [{ id: 'a'.repeat(24), name: 'By name', search: '?sort=name' }];
    expect(staging(sampleFacts({ views, query: readQuery({ sort: 'name', from: '100' }) })).views.current).to.equal('By name');
    expect(staging(sampleFacts({ views, query: readQuery({ sort: 'name', dir: 'desc' }) })).views).to.include({ current: null, search: '?sort=name&dir=desc' });
  });

  it('says of which division and by which search the list is narrowed', () => {
    const { narrowed } = staging(sampleFacts({ query: readQuery({ division: '03', q: 'slab' }), divisions: [{ code: '03', name: 'Concrete' }] }));
    expect(narrowed).to.deep.equal({ words: '8,774 cost codes with “slab” in code or name, of division 03 Concrete', clearHref: '/cost-codes' });
  });

  it('turns the order round at the second click on a column', () => {
    const heads = staging(sampleFacts({ query: readQuery({ sort: 'name' }) })).table?.heads;
    expect(heads?.find(({ key }) => key === 'name')).to.include({ sorted: 'ascending', href: '/cost-codes?sort=name&dir=desc' });
    expect(heads?.find(({ key }) => key === 'code')?.sorted).to.equal(null);
  });

  it('numbers rows through all pages and links to the neighbours', () => {
    const { table } = staging(sampleFacts({ query: readQuery({ from: '8700' }) }));
    expect(table?.blocks[0]?.[0]?.serial).to.equal('8701');
    expect(table?.pager).to.include({ previous: '/cost-codes?from=8600', next: null, last: null });
  });

  it('tells how many are selected and how many of them can sync', () => {
    expect(staging(sampleFacts({ query: readQuery({ select: 'all' }) })).selection.words).to.equal('8,774 selected of 8,774 · 2,574 can sync');
  });

  it('names the next step when there is nothing: link, import, or widen the filter', () => {
    const none = { page: { records: [], total: 0 } };
    const zero = { total: 0, byStatus: { needs_sync: 0, needs_action: 0, syncing: 0, synced: 0, failed: 0 }, excluded: 0 };
    const unlinked = sampleCompany({ linarc: null, import: null });
    expect(staging(sampleFacts({ ...none, counts: zero, company: unlinked })).empty?.link?.href).to.equal('/linarc');
    expect(staging(sampleFacts({ ...none, counts: zero, company: sampleCompany({ import: null }) })).empty?.offerImport).to.equal(true);
    expect(staging(sampleFacts(none)).empty?.title).to.equal('No cost code matches');
  });

  it('denies a viewer with the reason', () => {
    expect(staging(sampleFacts({ role: 'viewer' })).denied).to.include('Your role in Hillside Builders is viewer');
    expect(staging(sampleFacts({ role: 'operator' })).denied).to.equal(null);
  });

  it('asks for updates each second while something runs, and seldom while it rests', () => {
    const facts = (run: Parameters<typeof live>[0]['run']) => live({ ...sampleFacts(), run }).every;
    expect(facts(null)).to.equal('10s');
    expect(facts(sampleRun())).to.equal('1s');
    expect(facts(sampleRun({ state: 'paused' }))).to.equal('5s');
    expect(live({ ...sampleFacts(), company: sampleCompany({ import: sampleImport() }) }).every).to.equal('1s');
  });
});

describe('Runs and imports', () => {
  it('tells done of total, rate and time left', () => {
    const progress = runProgress(sampleRun(), NOW);
    expect(progress).to.include({ words: '5,467 of 8,774', percent: 62, pace: '1,093 a minute · about 3 min 10 s left' });
    expect(progress.wishes.map(({ wish }) => wish)).to.deep.equal(['pause', 'cancel']);
  });

  it('offers to resume what is paused or stopped, and nothing for what has ended', () => {
    expect(runProgress(sampleRun({ state: 'halted' }), NOW).wishes.map(({ wish }) => wish)).to.deep.equal(['resume', 'cancel']);
    expect(runProgress(sampleRun({ state: 'paused' }), NOW).wishes.map(({ wish }) => wish)).to.deep.equal(['resume', 'cancel']);
    expect(runProgress(sampleRun({ state: 'finished', active: false }), NOW).wishes).to.deep.equal([]);
  });

  it('says what it waits for and until when', () => {
    const waiting = { problem: problem('quickbooks_throttled'), until: new Date(NOW + 60_000) };
    expect(runProgress(sampleRun({ state: 'waiting', waiting }), NOW).waiting).to.deep.include({ sentence: 'QuickBooks allows no more calls for the moment.' });
  });

  it('sums up a run in one line', () => {
    expect(runSummary(sampleRun())).to.equal('5,210 created, 240 linked, 13 failed and 4 need action of 8,774 cost codes');
    expect(runSummary(sampleRun({ counts: NO_RUN_COUNTS, total: 0 }))).to.equal('Nothing to do of 0 cost codes');
  });

  it('ends an import with new, changed, unchanged and with problems', () => {
    const done = sampleImport({ state: 'done', counts: { ...NO_COUNTS, read: 250, added: 12, changed: 3, unchanged: 230, problems: 5, gone: 1 } });
    expect(importResult(done)).to.equal('12 new · 3 changed · 230 unchanged · 5 with problems · 1 gone from Linarc');
  });
});

describe('A preview', () => {
  const counts = { create: 2, link: 0, rename: 0, move: 0, reactivate: 0, inactivate: 0, none: 3, blocked: 0 };

  const facts = { counts, needed: { inactivate: 0, move: 0 }, renamed: 0, rows: [], skipped: { synced: 2, needs_action: 1 }, estimate: { calls: 2, took: 6_400 } };
  const given = { hidden: [], denied: null, stopped: false };

  it('shows only what would happen, and what is left out', () => {
    const made = preview(facts, given);
    expect(made.numbers.map(({ label, count }) => `${label} ${count}`)).to.deep.equal(['Create 2', 'No change 3']);
    expect(made.skipped).to.equal('3 are left out: 2 Synced and 1 Needs Action.');
    expect(made.groups.map(({ label, more }) => `${label}: ${more}`)).to.deep.equal(['Create: and 2 more', 'No change: and 3 more']);
  });

  it('tells how long it takes and how many calls, unless nothing is written', () => {
    expect(preview(facts, given).estimate).to.equal('about 6 s, 2 calls to QuickBooks');
    expect(preview({ ...facts, counts: { ...counts, create: 0 } }, given).estimate).to.equal(null);
    expect([preview(facts, given), preview(facts, { ...given, tracking: false })].map(({ hindered }) => hindered)).to.deep.equal([null, 'Class tracking is off in QuickBooks: nothing is sent before it is turned on.']);
  });

  it('asks for a yes to what it takes one for, with the number, and puts it first', () => {
    const made = preview({ ...facts, counts: { ...counts, move: 3, inactivate: 1 }, needed: { inactivate: 1, move: 3 } }, given);
    expect(made.consents.map(({ label }) => label)).to.deep.equal(['Make 1 class inactive', 'Move 3 classes under another parent']);
    expect(made.groups.map(({ action }) => action)).to.deep.equal(['inactivate', 'move', 'create', 'none']);
    expect(preview(facts, given).consents).to.deep.equal([]);
  });

  it('says nothing of what is not left out', () => {
    expect(skippedWords({ synced: 0 })).to.equal(null);
    expect(skippedWords({ syncing: 1 })).to.equal('1 is left out: 1 Syncing.');
  });
});

describe('Json as people read it', () => {
  it('takes out everything secret and leaves SyncToken', () => {
    const text = pretty({ SyncToken: '3', access_token: 'canary', nested: { Authorization: 'canary', apiKey: 'canary', realmId: 'canary', refreshToken: 'canary' } });
    expect(text).to.include('"SyncToken": "3"').and.to.not.include('canary');
  });
});

describe('Manual Mapping', () => {
  it('shows what somebody changed in QuickBooks', () => {
    const record = sampleRecord('01', 'A', { link: { id: '7', syncToken: '1', name: '01 A', parentId: null, active: true, how: 'created' } });
    const current = { id: '7', syncToken: '2', name: 'Renamed', fullyQualifiedName: 'Renamed', parentId: null, active: true, createdAt: null, updatedAt: null };
    const facts = { company: sampleCompany(), role: 'admin' as const, record, suggestions: [], notice: null, look: { q: '', below: null, from: 0 }, branches: [], more: false, chosen: null, classCount: { active: 1, inactive: 0 } };
    expect(mapping({ ...facts, current: { class: current, usedBy: [] } }).link?.drift).to.equal('Renamed');
    expect(mapping({ ...facts, current: { class: { ...current, name: '01 A', fullyQualifiedName: '01 A' }, usedBy: [] } }).link?.drift).to.equal(null);
  });
});

describe('Settings', () => {
  const tried = (records: Parameters<typeof effectOf>[0], rules: Partial<Settings>) => {
    const shown = { ...DEFAULT_SETTINGS, ...rules };
    return namesEffect(effectOf(records, shown), null, shown.structure !== 'flat');
  };
  const sentences = ({ findings }: ReturnType<typeof tried>) => findings.map(({ sentence, samples }) => [sentence, ...samples].join(' '));

  it('tries the pattern on real codes, and says what cannot be named', () => {
    const effect = tried([sampleRecord('01', 'A'), sampleRecord('', 'B')], { namePattern: '{code} – {name}' });
    expect(effect.lines.map(({ name }) => name)).to.deep.equal(['01 – A']);
    expect(effect.facts).to.deep.equal(['1 class']);
    expect(sentences(effect)).to.deep.equal(['1 code has no name or code in Linarc and cannot become a class.']);
  });

  it('says before saving what is renamed, moved, cut and what would meet', () => {
    const link = { id: '5', syncToken: '0', name: '01 A', parentId: null, active: true, how: 'created' as const };
    const synced = sampleRecord('01', 'A', { link });
    expect(sentences(tried([synced], { namePattern: '{code} - {name}' }))).to.deep.equal(['1 class will be renamed in QuickBooks with the next sync. 01 A → 01 - A']);
    expect(sentences(tried([synced], { structure: 'division' }))).to.deep.equal(['1 class will move under another parent, each with a yes of its own.']);
    expect(sentences(tried([sampleRecord('01', 'x'.repeat(98))], {}))[0]).to.match(/^1 name is cut; the code stays whole\. 01 x+$/);
    expect(sentences(tried([sampleRecord('01', '2 B'), sampleRecord('01 2', 'B')], {}))).to.deep.equal(['2 codes would share a class name and wait as Needs Action. 01 2 B 01 2 B']);
    expect(sentences(tried([sampleRecord('02', 'B')], { structure: 'division' }))).to.deep.equal(['No class that QuickBooks has would change.']);
  });

  it('draws a tree as QuickBooks will list it, divisions before their codes', () => {
    const { lines, facts, example } = tried([sampleRecord('03 30 00', 'Cast'), sampleRecord('03 30 53', 'Pads'), sampleRecord('09 00 00', 'Finishes')], { structure: 'tree' });
    expect(lines.map(({ level, name }) => `${level} ${name}`)).to.deep.equal(['0 03 Division', '1 03 30 00 Cast', '2 03 30 53 Pads', '0 09 00 00 Finishes']);
    expect(example).to.equal('03 Division:03 30 00 Cast:03 30 53 Pads');
    expect(facts).to.deep.equal(['4 classes', '1 division among them', '3 levels']);
  });

  it('tells the room a plan leaves', () => {
    expect(roomWords({ limit: 40, classes: 25, locations: 4, room: 11 })).to.equal('29 of 40 used by 25 active classes and 4 locations: room for 11 more.');
    expect(roomWords({ limit: 40, classes: 40, locations: 0, room: 0 })).to.equal('40 of 40 used by 40 active classes: room for none.');
    expect(roomWords({ limit: 0, classes: 0, locations: 0, room: 0 })).to.equal('This plan has no classes.');
  });
});

describe('The header', () => {
  it('has the Cost Codes tab only when the company syncs cost codes, and Settings only for admins', () => {
    const off = sampleCompany({ settings: { ...sampleCompany().settings, costCodes: false } });
    expect(sampleShell('/runs', '').tabs.map(({ label }) => label)).to.deep.equal(['Cost Codes', 'Runs', 'Team', 'Settings']);
    expect(sampleShell('/runs', '', { company: off, role: 'operator' }).tabs.map(({ label }) => label)).to.deep.equal(['Runs', 'Team']);
  });

  it('names the gravest obstacle of the company, once', () => {
    const about = (over: Parameters<typeof sampleCompany>[0]) => sampleShell('/runs', '', { company: sampleCompany(over) }).banner;
    expect(about({})).to.equal(null);
    expect(about({ connection: 'needs_reconnect', linarc: null })?.link?.label).to.equal('Reconnect to QuickBooks');
    expect(about({ linarc: null })?.link?.href).to.equal('/linarc');
    expect(about({ classTracking: 'off' })?.sentence).to.include('Track classes');
    const inDays = (days: number) => about({ connectionEndsAt: new Date(NOW + days * 86_400_000) });
    expect(inDays(31)).to.equal(null);
    expect(inDays(29)?.sentence).to.include('ends this connection on 2 April 2026');
    expect(inDays(29)?.link?.href).to.equal('/connect/start');
  });

  it('offers the remedy to administrators alone, and tells the others who can', () => {
    const lost = sampleCompany({ connection: 'needs_reconnect' });
    const { banner } = sampleShell('/runs', '', { company: lost, role: 'operator' });
    expect([banner?.link, banner?.sentence.includes('An administrator of this company can mend it.')]).to.deep.equal([null, true]);
  });

  it('offers the person’s other companies', () => {
    const other = { ...sampleCompany(), id: 'e'.repeat(24) as never, name: 'Ridgeline' };
    const made = shell(
      { user: sampleUser(), company: sampleCompany(), role: 'admin', companies: [sampleCompany(), other], run: null, notes: [] },
      { title: '', path: '/runs', here: '/runs', version: '', now: NOW, assets: { css: '', script: '', htmx: '' }, sandbox: null },
    );
    expect(made.companies.map(({ name, words, current }) => [name, words, current])).to.deep.equal([
      ['Hillside Builders', 'administrator, connected', true], ['Ridgeline', 'connected', false],
    ]);
  });

  it('leads to the next missing step', () => {
    expect(homeOf(sampleCompany())).to.equal('/cost-codes');
    expect(homeOf(sampleCompany({ linarc: null }))).to.equal('/linarc');
    expect(homeOf(sampleCompany({ linarc: null, import: sampleImport({ mode: 'spreadsheet' }) }))).to.equal('/cost-codes');
    expect(homeOf(sampleCompany({ connection: 'disconnected', linarc: null }))).to.equal('/connect');
  });
});
