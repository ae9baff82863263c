import { expect } from 'chai';
import { wish } from './people.ts';
import { until } from '../support/waiting.ts';
import { refreshClasses } from '../../server/sync/classes.ts';
import { map } from '../../server/sync/mapping.ts';
import { consentsNeeded, preview } from '../../server/sync/preview.ts';
import { Desk, EVERYTHING, MARA } from './desk.ts';

const code = (costCode: string, costCodeName: string, more: Record<string, unknown> = {}) => ({ costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active', ...more });

describe('pushing to QuickBooks', () => {
  let desk: Desk;

  afterEach(async () => desk.close());

  const open = async (...codes: Record<string, unknown>[]) => {
    desk = await Desk.open(codes);
  };

  it('creates a class for each code, and earns Synced with its id and SyncToken', async () => {
    await open(code('01', 'Summary'), code('03 30 00', 'Cast: "in" place'));
    await desk.import();
    const run = await desk.push();
    expect(await desk.names()).to.deep.equal(['01 Summary', '03 30 00 Cast- in place']);
    expect(run).to.deep.include({ state: 'finished', total: 2 });
    expect(run.counts).to.deep.include({ created: 2, failed: 0 });
    const [listed] = await desk.classes();
    expect((await desk.record('01')).link).to.deep.include({ id: listed?.Id, syncToken: '0', name: '01 Summary', how: 'created' });
    expect(await desk.statuses()).to.deep.equal({ '01': 'synced', '03 30 00': 'synced' });
  });

  it('sends batches of 30 with a requestid of their own', async () => {
    await open(...Array.from({ length: 65 }, (_, n) => code(String(n + 100), `Code ${n}`)));
    await desk.import();
    await desk.push();
    const batches = (await desk.calls()).filter(({ path }) => path.includes('/batch'));
    expect(batches.map(({ items }) => items).toSorted()).to.deep.equal([30, 30, 5]);
    expect(new Set(batches.map(({ requestid }) => requestid)).size).to.equal(3);
    expect(await desk.classes()).to.have.lengthOf(65);
  });

  it('plans a code anew that changed in Linarc while it waited for its batch to fill', async () => {
    await open();
    const { id } = await desk.addCode(code('01', 'Summary'));
    await desk.import();
    const { costCodes } = desk.world;
    let looks = 0;
    const world = {
      ...desk.world,
      costCodes: {
        ...costCodes,
        versions: async (...asked: Parameters<typeof costCodes.versions>) => {
          if ((looks += 1) === 1) {
            await desk.changeCode(id, { costCodeName: 'Changed' });
            await desk.import();
          }
          return costCodes.versions(...asked);
        },
      },
    };
    const run = await desk.work((await desk.begin()).id, world);
    expect(run.counts).to.deep.include({ created: 1, updated: 0 });
    expect((await desk.classes()).map(({ Name, SyncToken }) => [Name, SyncToken])).to.deep.equal([['01 Changed', '0']]);
    expect(await desk.statuses()).to.deep.equal({ '01': 'synced' });
  });

  describe('codes that take over each other’s names', () => {
    const renumber = async (numbers: Readonly<Record<string, string>>) => {
      const changed = await Promise.all(Object.entries(numbers).map(async ([from, to]) => ({ id: (await desk.record(from)).linarcId, to })));
      for (const { id, to } of changed) await desk.changeCode(id, { costCode: to });
      await desk.import();
    };
    const named = async () => Object.fromEntries((await desk.records()).map(({ source, link }) => [source.code, link?.id]));

    it('are all renamed in one sync, each once its name is free, whatever their order', async () => {
      await open(...['01', '02', '03', '04'].map((number) => code(number, 'Work')));
      await desk.import();
      await desk.push();
      const [before, sent] = [await named(), (await desk.calls()).length];
      await renumber({ '01': '02', '02': '03', '03': '04', '04': '05' });
      const run = await desk.push();
      expect(run.counts).to.deep.include({ updated: 4, needsAction: 0, failed: 0 });
      expect(await named()).to.deep.equal({ '02': before['01'], '03': before['02'], '04': before['03'], '05': before['04'] });
      expect(await desk.names()).to.deep.equal(['02 Work', '03 Work', '04 Work', '05 Work']);
      const batches = (await desk.calls()).slice(sent).filter(({ path }) => path.includes('/batch'));
      expect(batches.map(({ items }) => items)).to.deep.equal([1, 1, 1, 1]);
    });

    it('wait for a person where they do so in a circle, and the sync comes to its end', async () => {
      await open(...['01', '02', '03'].map((number) => code(number, 'Work')));
      await desk.import();
      await desk.push();
      await renumber({ '01': '02', '02': '01', '03': '04' });
      const run = await desk.push();
      expect(run).to.deep.include({ state: 'finished' });
      expect(run.counts).to.deep.include({ updated: 1, needsAction: 2 });
      const record = await desk.record('01');
      expect(record.problem).to.deep.include({ code: 'class_used', value: '01 Work' });
      expect(await desk.names()).to.deep.equal(['01 Work', '02 Work', '04 Work']);
    });
  });

  it('writes nothing the second time', async () => {
    await open(code('01', 'Summary'));
    await desk.import();
    await desk.push();
    const before = (await desk.calls()).length;
    await desk.import();
    expect((await desk.world.costCodes.tally(desk.company, EVERYTHING)).synced).to.equal(1);
    expect((await desk.calls()).length).to.equal(before);
  });

  it('links a class of that name, reactivates an inactive one, and makes no second', async () => {
    await open(code('01', 'Summary'), code('02', 'Existing'));
    await desk.addClasses('01 summary', '02 Existing (inactive)');
    await desk.import();
    const run = await desk.push();
    expect(run.counts).to.deep.include({ linked: 2, created: 0 });
    expect(await desk.names()).to.deep.equal(['01 Summary', '02 Existing']);
    expect((await desk.classes()).every(({ Active }) => Active)).to.equal(true);
  });

  it('renames the same class when the code is renamed in Linarc', async () => {
    await open();
    const { id } = await desk.addCode(code('03', 'Concrete'));
    await desk.import();
    await desk.push();
    const [before] = await desk.classes();
    await desk.changeCode(id, { costCodeName: 'Cast concrete' });
    await desk.import();
    expect(await desk.statuses()).to.deep.equal({ '03': 'needs_sync' });
    expect((await desk.push()).counts).to.deep.include({ updated: 1 });
    expect((await desk.classes()).map(({ Id, Name }) => ({ Id, Name }))).to.deep.equal([{ Id: before?.Id, Name: '03 Cast concrete' }]);
  });

  it('gives a new code the name another gives up in the same run', async () => {
    await open();
    const { id } = await desk.addCode(code('01', 'Summary'));
    await desk.import();
    await desk.push();
    const former = await desk.classId('01 Summary');
    await desk.changeCode(id, { costCode: '02' });
    await desk.addCode(code('01', 'Summary'));
    await desk.import();
    expect((await desk.push()).counts).to.deep.include({ created: 1, updated: 1, needsAction: 0 });
    expect(await desk.names()).to.deep.equal(['01 Summary', '02 Summary']);
    expect(await desk.classId('02 Summary')).to.equal(former);
  });

  it('makes a class inactive only where the company chose so, and active again with its code', async () => {
    await open();
    const { id } = await desk.addCode(code('03', 'Concrete'));
    await desk.import();
    await desk.push();
    await desk.changeCode(id, { status: 'inactive' });
    await desk.import();
    expect(await desk.statuses()).to.deep.equal({ '03': 'synced' });

    await desk.set({ inactivate: true });
    await desk.changeCode(id, { costCodeName: 'Concrete off' });
    await desk.import();
    await desk.push();
    expect((await desk.classes()).map(({ Name, Active }) => ({ Name, Active }))).to.deep.equal([{ Name: '03 Concrete off (deleted)', Active: false }]);
    await desk.changeCode(id, { status: 'active' });
    await desk.import();
    await desk.push();
    expect((await desk.classes()).map(({ Name, Active }) => ({ Name, Active }))).to.deep.equal([{ Name: '03 Concrete off', Active: true }]);
  });

  it('puts divisions as parents first, when the company wants them', async () => {
    await open(code('03 30 00', 'Cast', { divisionCode: '03', divisionName: 'Concrete' }), code('03 40 00', 'Precast', { divisionCode: '03', divisionName: 'Concrete' }));
    await desk.set({ structure: 'division' });
    await desk.import();
    const run = await desk.push();
    expect(run.counts).to.deep.include({ created: 3, failed: 0 });
    expect(await desk.names()).to.deep.equal(['03 Concrete', '03 Concrete:03 30 00 Cast', '03 Concrete:03 40 00 Precast']);
  });

  describe('without a yes of its own', () => {
    it('makes no class inactive, and says that it left it out', async () => {
      await open();
      const off = await desk.addCode(code('03', 'Concrete'));
      const renamed = await desk.addCode(code('04', 'Masonry'));
      await desk.import();
      await desk.push();
      await desk.set({ inactivate: true });
      await desk.changeCode(off.id, { status: 'inactive' });
      await desk.changeCode(renamed.id, { costCodeName: 'Stone' });
      await desk.import();

      expect(await consentsNeeded(desk.world, desk.company, EVERYTHING)).to.deep.equal({ inactivate: 1, move: 0 });
      const run = await desk.push(EVERYTHING);
      expect(run.counts).to.deep.include({ updated: 1, held: 1, failed: 0 });
      expect((await desk.classes()).map(({ Name, Active }) => [Name, Active])).to.deep.equal([['03 Concrete', true], ['04 Stone', true]]);
      expect(await desk.statuses()).to.deep.equal({ '03': 'needs_sync', '04': 'synced' });
      const [last] = await desk.world.history.of(desk.company, (await desk.record('03')).id, { limit: 1 });
      expect(last?.kind).to.equal('held');

      await desk.push({ ...EVERYTHING, consent: ['inactivate'] });
      expect((await desk.classes()).map(({ Name, Active }) => [Name, Active])).to.deep.include(['03 Concrete (deleted)', false]);
    });

    it('moves no class under another parent; a yes to one thing is none to another', async () => {
      const division = { divisionCode: '03', divisionName: 'Concrete' };
      await open(code('03 30', 'Cast', division));
      await desk.import();
      await desk.push();
      await desk.set({ structure: 'division' });
      await desk.changeCode((await desk.record('03 30')).linarcId, { costCodeName: 'Cast in place' });
      await desk.import();

      expect(await consentsNeeded(desk.world, desk.company, EVERYTHING)).to.deep.equal({ inactivate: 0, move: 1 });
      const shown = await preview(desk.world, desk.company, EVERYTHING);
      expect(shown).to.deep.include({ needed: { inactivate: 0, move: 1 }, renamed: 1 });
      expect((await desk.push({ ...EVERYTHING, consent: ['inactivate'] })).counts).to.deep.include({ created: 1, held: 1 });
      expect(await desk.names()).to.deep.equal(['03 30 Cast', '03 Concrete']);
      await desk.push({ ...EVERYTHING, consent: ['move'] });
      expect(await desk.names()).to.deep.equal(['03 Concrete', '03 Concrete:03 30 Cast in place']);
    });

    it('does what somebody decided for this very class, without asking again', async () => {
      await open(code('01', 'Summary'));
      await desk.addClasses('Old', 'Old:01 Sum');
      await desk.import();
      await refreshClasses(desk.world, desk.company);
      await map(desk.world, desk.company, MARA, (await desk.record('01')).id, await desk.classId('Old:01 Sum'));
      expect((await desk.push(EVERYTHING)).counts).to.deep.include({ updated: 1, held: 0 });
      expect(await desk.names()).to.deep.equal(['01 Summary', 'Old']);
    });
  });

  describe('retrying many at once', () => {
    const AGAIN = { kind: 'matching', filter: { status: 'failed' }, except: [], reread: true } as const;

    it('reads each from Linarc again first, and syncs what it finds there', async () => {
      await open(code('01', 'Summary'), code('02', 'Other'), code('03', 'Third'));
      await desk.import();
      await desk.fault({ operation: 'batch' }, { kind: 'item-fault', recorded: 'plan-limit', items: [0, 1, 2] });
      await desk.push();
      expect(Object.values(await desk.statuses())).to.deep.equal(['failed', 'failed', 'failed']);
      await desk.changeCode((await desk.record('01')).linarcId, { costCodeName: 'General' });
      await desk.changeCode((await desk.record('02')).linarcId, { costCodeName: '' });

      const run = await desk.push(AGAIN);
      expect(await desk.names()).to.deep.equal(['01 General', '03 Third']);
      expect(await desk.statuses()).to.deep.equal({ '01': 'synced', '02': 'needs_action', '03': 'synced' });
      expect(run.counts).to.deep.include({ created: 2, failed: 0 });
    });

    it('takes in what waited for a person, once it is mended in Linarc', async () => {
      await open(code('01', ''), code('02', ''));
      await desk.import();
      await desk.changeCode((await desk.record('01')).linarcId, { costCodeName: 'General' });
      await desk.push({ ...EVERYTHING, reread: true });
      expect(await desk.statuses()).to.deep.equal({ '01': 'synced', '02': 'needs_action' });
    });

    it('reads the classes again too, however fresh they are', async () => {
      await open(code('01', 'Summary'));
      await desk.import();
      await desk.fault({ operation: 'batch' }, { kind: 'item-fault', recorded: 'plan-limit', items: [0] });
      await desk.push();
      await desk.addClasses('01 Summary');
      expect((await desk.push(AGAIN)).counts).to.deep.include({ linked: 1, created: 0 });
    });

    it('leaves all as it is when Linarc cannot be read, and says so on the run', async () => {
      await open(code('01', 'Summary'));
      await desk.import();
      await desk.fault({ operation: 'batch' }, { kind: 'item-fault', recorded: 'plan-limit', items: [0] });
      await desk.push();
      await desk.linarcFault({ fault: { kind: 'status', status: 503 }, times: 50 });
      const run = await desk.push(AGAIN);
      expect(run).to.deep.include({ state: 'finished', total: 0 });
      expect(run.problem?.code).to.match(/^linarc_/);
      expect(await desk.statuses()).to.deep.equal({ '01': 'failed' });
    });
  });

  describe('when QuickBooks refuses', () => {
    const failing = async (fault: Record<string, unknown>, times = 1) => {
      await open(code('01', 'Summary'), code('02', 'Other'));
      await desk.import();
      await desk.fault({ operation: 'batch' }, fault, times);
      return desk.push();
    };

    it('keeps the reason with the record, QuickBooks’ own words and the trace id, and lets the others through', async () => {
      const run = await failing({ kind: 'item-fault', recorded: 'plan-limit', items: [0] });
      expect(run.counts).to.deep.include({ created: 1, failed: 1 });
      const failed = await desk.record('01');
      expect(failed.status).to.equal('failed');
      expect(failed.problem?.raw?.code).to.be.oneOf(['6000', '5020']);
      expect(failed.problem?.raw?.message).to.be.a('string');
      const last = await desk.world.history.lastExchange(desk.company, failed.id);
      expect(last?.intuitTid).to.be.a('string');
      expect(failed.lastExchange).to.equal(null);
    });

    it('sends a record again after a stale SyncToken, with a new requestid', async () => {
      const run = await failing({ kind: 'item-fault', recorded: 'stale', items: [0] });
      expect(run.counts).to.deep.include({ created: 2, failed: 0 });
      const ids = (await desk.calls()).filter(({ path }) => path.includes('/batch')).map(({ requestid }) => requestid);
      expect(new Set(ids).size).to.equal(2);
    });

    it('gives up with the reason after several tries', async () => {
      const run = await failing({ kind: 'item-fault', recorded: 'duplicate-name', items: [0] }, 20);
      expect(run.counts.failed).to.be.greaterThan(0);
      expect((await desk.record('01')).problem?.code).to.equal('name_refused_duplicate');
    });
  });

  describe('when nobody can tell whether QuickBooks did it', () => {
    for (const kind of ['drop-after', 'drop-before', 'truncate', 'html-error', 'items-missing', 'items-foreign', 'items-doubled', 'items-reordered']) {
      it(`looks before it sends again, and makes no class twice (${kind})`, async () => {
        await open(code('01', 'Summary'), code('02', 'Other'), code('03', 'Third'));
        await desk.import();
        await desk.fault({ operation: 'batch' }, { kind, ...(kind === 'html-error' ? { status: 502 } : {}) });
        const run = await desk.push();
        expect(await desk.names()).to.deep.equal(['01 Summary', '02 Other', '03 Third']);
        expect(run.counts).to.deep.include({ created: 3, failed: 0, linked: 0 });
        expect(Object.values(await desk.statuses())).to.deep.equal(['synced', 'synced', 'synced']);
      });
    }
  });

  it('halts when the connection is dead, and goes on after it was mended', async () => {
    await open(code('01', 'Summary'));
    await desk.import();
    await desk.fault({ operation: 'class' }, { kind: 'delay', ms: 1 });
    await desk.fault({ operation: 'query' }, { kind: 'revoke-grant' });
    const run = await desk.push();
    expect(run).to.deep.include({ state: 'halted', active: true });
    expect(run.problem?.code).to.equal('reconnect_needed');
    expect((await desk.world.companies.get(desk.company))?.connection).to.equal('needs_reconnect');
    expect(await desk.statuses()).to.deep.equal({ '01': 'syncing' });

    await desk.reconnect();
    const resumed = await wish(desk, run.id, 'resume');
    expect((await desk.work(resumed.id)).state).to.equal('finished');
    expect(await desk.statuses()).to.deep.equal({ '01': 'synced' });
  });

  it('hands back what is open when it is cancelled', async () => {
    await open(code('01', 'Summary'));
    await desk.import();
    const run = await desk.begin();
    await wish(desk, run.id, 'cancel');
    const ended = await desk.work(run.id);
    expect(ended).to.deep.include({ state: 'cancelled', active: false });
    expect(await desk.statuses()).to.deep.equal({ '01': 'needs_sync' });
    expect(await desk.classes()).to.deep.equal([]);
  });

  it('looks first at what a cancelled run left unknown', async () => {
    await open(code('01', 'Summary'));
    await desk.import();
    await desk.fault({ operation: 'batch' }, { kind: 'drop-after' });
    const run = await desk.begin();
    const working = desk.work(run.id);
    await until('the batch to be sent', async () => (await desk.calls()).some(({ path }) => path.includes('/batch')));
    await wish(desk, run.id, 'cancel');
    expect((await working).state).to.equal('cancelled');
    expect(await desk.statuses()).to.deep.equal({ '01': 'needs_sync' });

    expect((await desk.push()).counts).to.deep.include({ created: 1 });
    expect(await desk.names()).to.deep.equal(['01 Summary']);
    expect((await desk.calls()).filter(({ path }) => path.includes('/batch'))).to.have.lengthOf(1);
  });

  it('takes further selections into the run that is under way', async () => {
    await open(code('01', 'Summary'), code('02', 'Other'));
    await desk.import();
    const ids = (await desk.records()).map(({ id }) => id);
    const run = await desk.begin({ kind: 'ids', ids: ids.slice(0, 1) });
    const joined = await desk.begin({ kind: 'ids', ids: ids.slice(1) });
    expect(joined.id).to.equal(run.id);
    expect((await desk.work(run.id)).counts).to.deep.include({ created: 2 });
  });

  it('does nothing in a second process while a first holds the run', async () => {
    await open(code('01', 'Summary'));
    await desk.import();
    const run = await desk.begin();
    await desk.world.runs.acquire(desk.company, run.id, 'somebody else', 60_000);
    await desk.work(run.id);
    expect(await desk.classes()).to.deep.equal([]);
  });
});
