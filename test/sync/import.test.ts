import { expect } from 'chai';
import { DEFAULT_SETTINGS } from '../../server/core/company.ts';
import { ProblemError } from '../../server/core/problems.ts';
import { decide } from '../../server/sync/decide.ts';
import { exclude, include } from '../../server/sync/exclude.ts';
import { linkLibrary, tryLibrary } from '../../server/sync/link.ts';
import { map, suggest, unmap } from '../../server/sync/mapping.ts';
import { preview } from '../../server/sync/preview.ts';
import { retry } from '../../server/sync/retry.ts';
import { refreshClasses } from '../../server/sync/classes.ts';
import { startImport } from '../../server/sync/import.ts';
import { Desk, EVERYTHING, MARA } from './desk.ts';

const code = (costCode: string, costCodeName: string, more: Record<string, unknown> = {}) => ({ costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active', ...more });

async function problemOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem.code;
    throw error;
  }
  return 'none';
}

describe('importing from Linarc', () => {
  let desk: Desk;
  let ids: string[];

  beforeEach(async () => {
    desk = await Desk.open();
    ids = [];
    for (const one of [code('01', 'Summary'), code('02', 'Demolition')]) ids.push((await desk.addCode(one)).id);
  });

  afterEach(async () => desk.close());

  it('stages the whole library and says what it found', async () => {
    const done = await desk.import();
    expect(done).to.deep.include({ state: 'done', total: 2, mode: 'all' });
    expect(done.counts).to.deep.include({ read: 2, added: 2, changed: 0, unchanged: 0, problems: 0, gone: 0 });
    const record = await desk.record('01');
    expect(record.raw).to.deep.include({ id: ids[0], costCode: '01', costCodeName: 'Summary' });
  });

  it('changes nothing the second time, not even a version', async () => {
    await desk.import();
    const before = await desk.records();
    expect((await desk.import()).counts).to.deep.include({ added: 0, changed: 0, unchanged: 2 });
    expect(await desk.records()).to.deep.equal(before);
  });

  it('remembers in the history what changed from what to what', async () => {
    await desk.import();
    await desk.changeCode(ids[0] ?? '', { costCodeName: 'General' });
    await desk.import();
    const record = await desk.record('01');
    const [latest, first] = await desk.world.history.of(desk.company, record.id, { limit: 10 });
    expect(first?.kind).to.equal('imported');
    expect(latest?.changes).to.deep.equal([
      { field: 'Task Name', from: 'Summary', to: 'General' },
      { field: 'Class name', from: '01 Summary', to: '01 General' },
    ]);
  });

  it('brings only new codes, leaving staged ones as they are', async () => {
    await desk.import();
    await desk.changeCode(ids[0] ?? '', { costCodeName: 'General' });
    await desk.addCode(code('03', 'Concrete'));
    expect((await desk.import('new')).counts).to.deep.include({ added: 1, changed: 0 });
    expect((await desk.record('01')).source.name).to.equal('Summary');
  });

  it('brings selected codes, staged ones read again', async () => {
    await desk.import('selected', [ids[1] ?? '']);
    expect(await desk.statuses()).to.deep.equal({ '02': 'needs_sync' });
    await desk.changeCode(ids[1] ?? '', { costCodeName: 'Wrecking' });
    expect((await desk.import('selected', [ids[1] ?? ''])).counts).to.deep.include({ changed: 1 });
  });

  it('asks for a person over missing and doubled fields, and is content once they are mended', async () => {
    const nameless = await desk.addCode(code('05', ''));
    const twin = await desk.addCode(code('02', 'Second'));
    expect((await desk.import()).counts.problems).to.equal(3);
    const reasons = (await desk.records()).map(({ source, problem }) => `${source.code} ${problem?.code ?? '-'}`);
    expect(reasons).to.deep.equal(['01 -', '02 code_duplicate', '02 code_duplicate', '05 name_missing']);

    await desk.changeCode(nameless.id, { costCodeName: 'Metals' });
    await desk.changeCode(twin.id, { costCode: '06' });
    await desk.import();
    expect(await desk.statuses()).to.deep.equal({ '01': 'needs_sync', '02': 'needs_sync', '05': 'needs_sync', '06': 'needs_sync' });
  });

  it('marks what the library no longer holds, and takes it in again when it returns', async () => {
    await desk.import();
    await fetch(`${desk.linarcUrl}/sandbox/cost-codes/${ids[1]}`, { method: 'DELETE' });
    expect((await desk.import()).counts.gone).to.equal(1);
    expect((await desk.record('02')).problem?.code).to.equal('gone_from_linarc');
  });

  it('keeps what it read, and says why, when Linarc fails', async () => {
    await desk.import();
    await fetch(`${desk.linarcUrl}/sandbox/faults`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ match: {}, fault: { kind: 'html' }, times: 1 }) });
    const failed = await desk.import();
    expect(failed).to.deep.include({ state: 'failed' });
    expect(failed.problem?.code).to.equal('linarc_nonsense');
    expect(await desk.records()).to.have.lengthOf(2);
    expect((await desk.import()).state).to.equal('done');
  });

  it('runs one import at a time', async () => {
    const first = await startImport(desk.world, desk.company, MARA, { mode: 'all' });
    const second = await startImport(desk.world, desk.company, MARA, { mode: 'new' });
    expect([first.started, second.started]).to.deep.equal([true, false]);
    expect(second.state.id).to.equal(first.state.id);
  });

  it('needs a linked Linarc company, and a key that opens it', async () => {
    await desk.world.companies.unlinkLinarc(desk.company);
    expect(await problemOf(desk.import())).to.equal('not_linked');
    expect(await problemOf(tryLibrary(desk.world, { companyId: 'lin-hillside', apiKey: 'wrong' }))).to.equal('linarc_key_refused');
    expect(await problemOf(linkLibrary(desk.world, desk.company, { companyId: 'lin-ridgeline', apiKey: 'linarc-sandbox-key-hillside' }))).to.equal('linarc_key_refused');
  });

  it('previews what a push would do, and calls nobody', async () => {
    await desk.addClasses('01 Summary');
    await desk.addCode(code('09', ''));
    await desk.import();
    await refreshClasses(desk.world, desk.company);
    const calls = (await desk.calls()).length;
    const shown = await preview(desk.world, desk.company, EVERYTHING);
    expect(shown.counts).to.deep.include({ create: 1, link: 1 });
    expect(shown.skipped).to.deep.equal({ needs_action: 1 });
    expect(shown.rows.map(({ code: of, action }) => `${of} ${action}`)).to.deep.equal(['01 link', '02 create']);
    expect((await desk.calls()).length).to.equal(calls);
  });

  it('reads a record from Linarc again before it retries', async () => {
    await desk.import();
    await desk.fault({ operation: 'batch' }, { kind: 'item-fault', recorded: 'plan-limit' });
    await desk.push();
    const failed = await desk.record('01');
    expect(failed.status).to.equal('failed');
    await desk.changeCode(ids[0] ?? '', { costCodeName: 'General' });
    const retried = await retry(desk.world, desk.company, MARA, failed.id);
    await desk.work(retried?.run?.id ?? '');
    expect(await desk.statuses()).to.deep.include({ '01': 'synced' });
    expect(await desk.names()).to.deep.equal(['01 General']);
  });

  it('leaves excluded records out of a push, and takes them in again', async () => {
    await desk.import();
    const { id } = await desk.record('02');
    expect(await exclude(desk.world, desk.company, MARA, [id], 'not ours')).to.equal(1);
    expect((await desk.push()).total).to.equal(1);
    expect(await include(desk.world, desk.company, MARA, [id])).to.equal(1);
    await desk.push();
    expect(await desk.names()).to.deep.equal(['01 Summary', '02 Demolition']);
  });

  describe('mapping by hand', () => {
    beforeEach(async () => {
      await desk.addClasses('Demo work', '02 Wrecking', '01 Summary');
      await desk.import();
      await refreshClasses(desk.world, desk.company);
    });

    it('suggests classes with their evidence', async () => {
      const found = await suggest(desk.world, desk.company, await desk.record('02'));
      expect(found.map((one) => one.class.name)).to.include('02 Wrecking');
    });

    it('links, then renames on the next push', async () => {
      const record = await desk.record('02');
      expect((await map(desk.world, desk.company, MARA, record.id, await desk.classId('02 Wrecking')))?.status).to.equal('needs_sync');
      await desk.push({ kind: 'ids', ids: [record.id] });
      expect(await desk.names()).to.include('02 Demolition');
      expect(await desk.classes()).to.have.lengthOf(3);
    });

    it('is Synced at once when the class is as wanted', async () => {
      const record = await desk.record('01');
      expect((await map(desk.world, desk.company, MARA, record.id, await desk.classId('01 Summary')))?.status).to.equal('synced');
    });

    it('refuses a class that another code has, unless that is meant', async () => {
      const [one, two] = [await desk.record('01'), await desk.record('02')];
      const id = await desk.classId('01 Summary');
      await map(desk.world, desk.company, MARA, one.id, id);
      expect(await problemOf(map(desk.world, desk.company, MARA, two.id, id))).to.equal('class_used');
      expect((await map(desk.world, desk.company, MARA, two.id, id, 'share'))?.link?.id).to.equal(id);
    });

    it('unlinks and leaves the class alone', async () => {
      const { id } = await desk.record('01');
      await map(desk.world, desk.company, MARA, id, await desk.classId('01 Summary'));
      expect((await unmap(desk.world, desk.company, MARA, id))?.link).to.equal(null);
      expect(await desk.names()).to.include('01 Summary');
    });

    it('puts Linarc’s value back only when a person says so', async () => {
      await desk.push();
      const record = await desk.record('01');
      await desk.renameInQuickBooks('01 Summary', 'Somebody’s name');
      await desk.changeCode(record.linarcId, { costCodeName: 'General' });
      await desk.import();
      await refreshClasses(desk.world, desk.company);
      expect((await desk.record('01')).problem?.code).to.equal('changed_in_quickbooks');
      expect(await desk.names()).to.include('Somebody’s name');

      await decide(desk.world, desk.company, MARA, [record.id], 'linarc');
      await desk.push();
      expect(await desk.names()).to.include('01 General').and.not.include('Somebody’s name');
    });
  });

  it('keeps the settings it was given', async () => {
    await desk.set({ namePattern: '{name} ({code})' });
    await desk.import();
    await desk.push();
    expect(await desk.names()).to.deep.equal(['Demolition (02)', 'Summary (01)']);
    expect((await desk.world.companies.get(desk.company))?.settings).to.deep.equal({ ...DEFAULT_SETTINGS, namePattern: '{name} ({code})' });
  });
});
