import { expect } from 'chai';
import type { ToldChange } from '../../server/core/fresh.ts';
import type { Settings } from '../../server/core/company.ts';
import type { FactKind, StagedRecord } from '../../server/core/records.ts';
import { OPEN_WINDOWS } from '../../server/core/run.ts';
import { freshen, keepFresh } from '../../server/sync/fresh.ts';
import { refreshClasses } from '../../server/sync/classes.ts';
import { lookAtLinarc } from '../../server/sync/auto.ts';
import { decide } from '../../server/sync/decide.ts';
import { runPush } from '../../server/sync/push.ts';
import type { World } from '../../server/sync/world.ts';
import { Desk, MARA } from './desk.ts';

const code = (costCode: string, costCodeName: string, more: Record<string, unknown> = {}) => ({ costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active', ...more });
const AUTO: Partial<Settings> = { autoCreate: true, autoUpdate: true };

/** The use cases that keep fresh, over real stores and both sandboxes. What would be told by webhook is told by the test. */
class FreshDesk {
  readonly desk: Desk;
  readonly world: World;
  private events = 0;
  private later = 0;

  private constructor(desk: Desk) {
    this.desk = desk;
    this.world = { ...desk.world, clock: { ...desk.world.clock, now: () => Date.now() + this.later } };
  }

  static async open(codes: readonly Record<string, unknown>[] = []): Promise<FreshDesk> {
    return new FreshDesk(await Desk.open(codes));
  }

  /** Lets time pass for the app; the sandboxes' clocks stay. */
  pass(ms: number): void {
    this.later += ms;
  }

  async told(teller: ToldChange['teller'], ...subjects: string[]): Promise<void> {
    const changes = subjects.map((subject): ToldChange => ({ id: `e${(this.events += 1)}`, teller, subject, kind: 'updated' }));
    await this.world.fresh.changes.tell(this.desk.company, changes, new Date(Date.now() - 1_000));
    await this.keep();
  }

  async keep(): Promise<void> {
    await keepFresh(this.world, this.desk.company);
  }

  /** Looks at Linarc as the schedule would, and follows what was found. */
  async look(): Promise<void> {
    const company = await this.world.companies.get(this.desk.company);
    if (!company) throw new Error('no company');
    await lookAtLinarc(this.world, company);
    await this.world.fresh.rounds.begin(company.id, 'look', { begunBefore: new Date(8e15), doneBefore: new Date(8e15) }, new Date());
    await this.keep();
  }

  async work(): Promise<string[]> {
    const run = await this.world.runs.active(this.desk.company);
    if (run) await runPush(this.world, this.desk.company, run.id, new AbortController().signal);
    return this.desk.names();
  }

  async codes(): Promise<string[]> {
    return (await this.desk.records()).map((record) => record.source.code);
  }

  async history(record: StagedRecord): Promise<FactKind[]> {
    return (await this.world.history.of(this.desk.company, record.id, { limit: 20 })).map(({ kind }) => kind);
  }

  /** Writes a class as another app would. */
  async write(id: string, change: Record<string, unknown>): Promise<void> {
    const found = (await this.desk.classes()).find(({ Id }) => Id === id);
    await this.desk.writeInQuickBooks({ Id: id, SyncToken: found?.SyncToken, Name: found?.Name, Active: true, ...change });
  }
}

describe('changes in Linarc', () => {
  let fresh: FreshDesk;
  let desk: Desk;

  beforeEach(async () => {
    fresh = await FreshDesk.open([code('01', 'Summary')]);
    ({ desk } = fresh);
  });

  afterEach(async () => desk.close());

  it('move nothing while both Auto-Create and Auto-Update are off', async () => {
    await desk.import();
    const { id } = await desk.addCode(code('02', 'Demolition'));
    const [first] = await desk.records();
    await desk.changeCode(first?.linarcId ?? '', { costCodeName: 'General' });
    await fresh.told('linarc', id, first?.linarcId ?? '');
    await fresh.look();
    expect(await desk.records()).to.deep.equal([first]);
  });

  it('stage new codes alone with Auto-Create', async () => {
    await desk.import();
    await desk.set({ autoCreate: true });
    const { id } = await desk.addCode(code('02', 'Demolition'));
    const [first] = await desk.records();
    await desk.changeCode(first?.linarcId ?? '', { costCodeName: 'General' });
    await fresh.told('linarc', id, first?.linarcId ?? '');
    expect(await fresh.codes()).to.deep.equal(['01', '02']);
    expect((await desk.record('01')).source.name).to.equal('Summary');
  });

  it('stage changed codes alone with Auto-Update', async () => {
    await desk.import();
    await desk.set({ autoUpdate: true });
    const { id } = await desk.addCode(code('02', 'Demolition'));
    const [first] = await desk.records();
    await desk.changeCode(first?.linarcId ?? '', { costCodeName: 'General' });
    await fresh.told('linarc', id, first?.linarcId ?? '');
    expect(await fresh.codes()).to.deep.equal(['01']);
    expect((await desk.record('01')).source.name).to.equal('General');
  });

  it('count once however often and in whatever order they are told', async () => {
    await desk.set(AUTO);
    const { id } = await desk.addCode(code('02', 'Demolition'));
    const change: ToldChange = { id: 'same', teller: 'linarc', subject: id, kind: 'created' };
    for (let n = 0; n < 100; n += 1) await fresh.world.fresh.changes.tell(desk.company, [change], new Date(0));
    await Promise.all([fresh.keep(), fresh.keep(), fresh.keep()]);
    await fresh.world.fresh.changes.tell(desk.company, [change], new Date(0));
    await fresh.keep();
    expect((await fresh.history(await desk.record('02'))).filter((kind) => kind === 'imported')).to.have.length(1);
  });

  it('mark a deleted code as gone', async () => {
    await desk.import();
    await desk.set({ autoUpdate: true });
    const record = await desk.record('01');
    await desk.removeCode(record.linarcId);
    await fresh.told('linarc', record.linarcId);
    expect((await desk.record('01')).problem?.code).to.equal('gone_from_linarc');
  });

  it('are found by the look when nobody told of them', async () => {
    await desk.set(AUTO);
    await fresh.look();
    expect(await fresh.codes()).to.deep.equal(['01']);
    await desk.addCode(code('02', 'Demolition'));
    await fresh.look();
    expect(await fresh.codes()).to.deep.equal(['01', '02']);
  });

  it('are found by the daily look when they are deletions', async () => {
    await desk.set(AUTO);
    await fresh.look();
    await desk.removeCode((await desk.record('01')).linarcId);
    await fresh.look();
    expect((await desk.record('01')).goneAt).to.equal(null);
    fresh.pass(25 * 3_600_000);
    await fresh.look();
    expect((await desk.record('01')).problem?.code).to.equal('gone_from_linarc');
  });

  it('do not carry a new naming rule into codes that did not change', async () => {
    await desk.set(AUTO);
    await fresh.look();
    await desk.set({ ...AUTO, namePattern: '{name} ({code})' });
    fresh.pass(25 * 3_600_000);
    await fresh.look();
    expect((await desk.record('01')).wanted.name).to.equal('01 Summary');
  });

  it('come up again when Linarc could not be read, and the trouble is remembered until it is over', async () => {
    await desk.set(AUTO);
    const { id } = await desk.addCode(code('02', 'Demolition'));
    await desk.linarcFault({ match: { path: '/v1/companies' }, fault: { kind: 'status', status: 503 } });
    await fresh.told('linarc', id);
    expect((await fresh.world.fresh.rounds.upkeep(desk.company))?.trouble?.problem.code).to.equal('linarc_unreachable');
    await desk.linarcFault(null);
    await fresh.told('linarc', id);
    expect(await fresh.codes()).to.include('02');
    expect((await fresh.world.fresh.rounds.upkeep(desk.company))?.trouble).to.equal(null);
  });

  it('are looked for by settings saved in the very moment the look began', async () => {
    const { rounds } = fresh.world.fresh;
    const begin: typeof rounds.begin = async (company, round, ...times) => {
      if (round === 'look') await desk.set(AUTO);
      return rounds.begin(company, round, ...times);
    };
    await keepFresh({ ...fresh.world, fresh: { ...fresh.world.fresh, rounds: { ...rounds, begin } } }, desk.company);
    expect(await fresh.codes()).to.deep.equal(['01']);
  });

  it('are looked for in every company that wants it, by one process for each round', async () => {
    await desk.set(AUTO);
    const sent: string[] = [];
    const world = { ...fresh.world, dispatch: { ...fresh.world.dispatch, fresh: async (company: string) => void sent.push(company) } };
    await freshen(world);
    expect(sent).to.deep.equal([desk.company]);
    await Promise.all([fresh.keep(), fresh.keep()]);
    expect(await fresh.codes()).to.deep.equal(['01']);
    sent.length = 0;
    await freshen(world);
    expect(sent).to.deep.equal([]);
  });

  describe('pushed by themselves', () => {
    beforeEach(async () => desk.set({ ...AUTO, autoPush: true }));

    it('are creates and renames, by an automatic run', async () => {
      const { id } = await desk.addCode(code('02', 'Demolition'));
      await fresh.told('linarc', id);
      expect((await fresh.world.runs.active(desk.company))?.by).to.deep.equal({ kind: 'automatic', what: 'Automatic sync' });
      expect(await fresh.work()).to.include('02 Demolition');
      await desk.changeCode(id, { costCodeName: 'Wrecking' });
      await fresh.told('linarc', id);
      expect(await fresh.work()).to.include('02 Wrecking').and.not.include('02 Demolition');
    });

    it('are not what people staged and have not pushed yet', async () => {
      await desk.set({});
      await desk.import();
      await desk.set({ ...AUTO, autoPush: true });
      const { id } = await desk.addCode(code('02', 'Demolition'));
      await fresh.told('linarc', id);
      expect(await fresh.work()).to.deep.equal(['02 Demolition']);
    });

    it('never are links to classes somebody else made, which wait for a person', async () => {
      await desk.addClasses('02 Demolition');
      const { id } = await desk.addCode(code('02', 'Demolition'));
      await fresh.told('linarc', id);
      await fresh.work();
      const record = await desk.record('02');
      expect(record).to.deep.include({ status: 'needs_action', link: null });
      expect(record.problem).to.deep.include({ code: 'class_exists', value: '02 Demolition' });
    });

    it('never draw in a class above that a person has to decide about, however far above', async () => {
      await desk.set({ ...AUTO, autoPush: true, structure: 'tree' });
      await desk.addClasses('05 00 00 Metals');
      const added = [code('05 00 00', 'Metals'), code('05 10 00', 'Framing'), code('05 10 20', 'Joists')];
      const ids: string[] = [];
      for (const one of added) ids.push((await desk.addCode({ ...one, divisionCode: '05', divisionName: 'Metals' })).id);
      await fresh.told('linarc', ...ids);
      expect((await fresh.work()).filter((name) => name.startsWith('05'))).to.deep.equal(['05 00 00 Metals']);
      expect(await desk.statuses()).to.deep.include({ '05 00 00': 'needs_action', '05 10 00': 'needs_sync', '05 10 20': 'needs_sync' });
    });

    it('are a whole branch, parents first', async () => {
      await desk.set({ ...AUTO, autoPush: true, structure: 'tree' });
      const ids: string[] = [];
      for (const one of [code('05 00 00', 'Metals'), code('05 10 00', 'Framing'), code('05 10 20', 'Joists')]) {
        ids.push((await desk.addCode({ ...one, divisionCode: '05', divisionName: 'Metals' })).id);
      }
      await fresh.told('linarc', ...ids);
      expect(await fresh.work()).to.include('05 00 00 Metals:05 10 00 Framing:05 10 20 Joists');
    });

    it('never are inactivations, reactivations or moves, which stay ready', async () => {
      await desk.set({ ...AUTO, autoPush: true, inactivate: true });
      const { id } = await desk.addCode(code('02', 'Demolition'));
      await fresh.told('linarc', id);
      await fresh.work();
      await desk.changeCode(id, { status: 'inactive' });
      await fresh.told('linarc', id);
      expect(await fresh.world.runs.active(desk.company)).to.equal(null);
      expect((await desk.record('02')).status).to.equal('needs_sync');

      await desk.push();
      await desk.changeCode(id, { status: 'active' });
      await fresh.told('linarc', id);
      expect(await fresh.world.runs.active(desk.company)).to.equal(null);
      await desk.push();

      await desk.set({ ...AUTO, autoPush: true, structure: 'division' });
      await desk.changeCode(id, { divisionCode: '02', divisionName: 'Existing conditions' });
      await fresh.told('linarc', id);
      await fresh.work();
      expect(await desk.names()).to.deep.equal(['01 Summary', '02 Demolition']);
    });

    it('go under their division, which is made first', async () => {
      await desk.set({ ...AUTO, autoPush: true, structure: 'division' });
      const { id } = await desk.addCode(code('02', 'Demolition', { divisionCode: 'D', divisionName: 'Site' }));
      await fresh.told('linarc', id);
      expect(await fresh.work()).to.include('D Site:02 Demolition');
    });

    it('wait while a division of that name is somebody else’s class', async () => {
      await desk.set({ ...AUTO, autoPush: true, structure: 'division' });
      await desk.addClasses('D Site');
      const { id } = await desk.addCode(code('02', 'Demolition', { divisionCode: 'D', divisionName: 'Site' }));
      await fresh.told('linarc', id);
      expect(await fresh.work()).to.deep.equal(['01 Summary', 'D Site']);
      expect(await desk.statuses()).to.deep.equal({ '01': 'synced', D: 'needs_action', '02': 'needs_sync' });
    });

    it('wait for a run that is under way', async () => {
      await desk.import();
      await desk.begin({ kind: 'ids', ids: [(await desk.record('01')).id] });
      const { id } = await desk.addCode(code('02', 'Demolition'));
      await fresh.told('linarc', id);
      expect(await fresh.work()).to.deep.equal(['01 Summary']);
      expect((await desk.record('02')).status).to.equal('needs_sync');
      await fresh.world.fresh.changes.putOff(desk.company, 'linarc', ['e1'], 0);
      await fresh.keep();
      expect(await fresh.work()).to.include('02 Demolition');
    });
  });
});

describe('changes in QuickBooks', () => {
  let fresh: FreshDesk;
  let desk: Desk;
  let summary: string;

  beforeEach(async () => {
    fresh = await FreshDesk.open([code('01', 'Summary'), code('02', 'Demolition')]);
    ({ desk } = fresh);
    await desk.import();
    await desk.push();
    await refreshClasses(fresh.world, desk.company);
    summary = await desk.classId('01 Summary');
  });

  afterEach(async () => desk.close());

  it('that are our own mark nothing', async () => {
    const before = await desk.records();
    await fresh.told('quickbooks', summary, await desk.classId('02 Demolition'));
    await refreshClasses(fresh.world, desk.company);
    expect(await desk.records()).to.deep.equal(before);
  });

  it('show as Changed in QuickBooks with both values, when a class was renamed', async () => {
    await fresh.write(summary, { Name: 'Overhead' });
    await fresh.told('quickbooks', summary);
    const record = await desk.record('01');
    expect(record).to.deep.include({ status: 'needs_action' });
    expect(record.problem).to.deep.include({ code: 'changed_in_quickbooks', value: 'Overhead' });
    const [latest] = await fresh.world.history.of(desk.company, record.id, { limit: 1 });
    expect(latest).to.deep.include({ kind: 'drifted', changes: [{ field: 'Class', from: '01 Summary', to: 'Overhead' }] });
    expect((await desk.record('02')).status).to.equal('synced');
  });

  it('show when a class was moved, but not for the children of a parent that was renamed', async () => {
    await desk.addClasses('Trades');
    const trades = await desk.classId('Trades');
    await fresh.write(summary, { ParentRef: { value: trades } });
    await fresh.told('quickbooks', summary);
    const record = await desk.record('01');
    expect(record.problem).to.deep.include({ code: 'changed_in_quickbooks', value: 'Trades:01 Summary' });
    await decide(fresh.world, desk.company, MARA, [record.id], 'quickbooks');
    await fresh.write(trades, { Name: 'Crafts' });
    await fresh.told('quickbooks', trades, summary);
    expect((await desk.record('01')).status).to.equal('synced');
  });

  it('show when a class was made inactive, and clear by themselves when it is active again', async () => {
    await fresh.write(summary, { Active: false });
    await fresh.told('quickbooks', summary);
    expect((await desk.record('01')).problem?.code).to.equal('changed_in_quickbooks');
    await fresh.write(summary, { Name: '01 Summary', Active: true });
    await fresh.told('quickbooks', summary);
    expect(await desk.record('01')).to.deep.include({ status: 'synced', problem: null });
  });

  describe('that merged a class into another', () => {
    const merged = async (from: string, into: string) => {
      const [gone, survivor] = [await desk.classId(from), await desk.classId(into)];
      await desk.mergeInQuickBooks(from, into);
      const event = { id: `m${gone}`, teller: 'quickbooks', kind: 'merged' } as const;
      await fresh.world.fresh.changes.tell(desk.company, [{ ...event, subject: survivor }, { ...event, id: `m${gone}.1`, subject: gone, into: survivor }], new Date(Date.now() - 1_000));
      await fresh.keep();
      return survivor;
    };

    it('show as Changed in QuickBooks with both values, and can be kept', async () => {
      await desk.addClasses('Overhead');
      const survivor = await merged('01 Summary', 'Overhead');
      const record = await desk.record('01');
      expect(record.problem).to.deep.include({ code: 'changed_in_quickbooks', value: 'Overhead' });
      expect(record.link?.id).to.equal(survivor);
      const [latest] = await fresh.world.history.of(desk.company, record.id, { limit: 1 });
      expect(latest?.changes).to.deep.equal([{ field: 'Class', from: '01 Summary', to: 'Overhead' }]);
      await decide(fresh.world, desk.company, MARA, [record.id], 'quickbooks');
      await desk.push().catch(() => null);
      expect([await desk.names(), (await desk.record('01')).status]).to.deep.equal([['02 Demolition', 'Overhead'], 'synced']);
    });

    it('are put back as Linarc’s name on the class that is left', async () => {
      await desk.addClasses('Overhead');
      await merged('01 Summary', 'Overhead');
      await decide(fresh.world, desk.company, MARA, [(await desk.record('01')).id], 'linarc');
      await desk.push();
      expect([await desk.names(), (await desk.record('01')).status]).to.deep.equal([['01 Summary', '02 Demolition'], 'synced']);
    });

    it('wait for a person to map them, when the class that is left belongs to another code', async () => {
      await merged('01 Summary', '02 Demolition');
      expect((await desk.record('01')).problem?.code).to.equal('class_gone');
      expect((await desk.record('02')).status).to.equal('synced');
    });
  });

  it('are put back only when a person says so', async () => {
    await fresh.write(summary, { Name: 'Overhead' });
    await fresh.told('quickbooks', summary);
    await decide(fresh.world, desk.company, MARA, [(await desk.record('01')).id], 'linarc');
    await fresh.told('quickbooks', summary);
    await desk.push();
    expect(await desk.names()).to.deep.equal(['01 Summary', '02 Demolition']);
  });

  it('stay when a person accepts them, until Linarc changes the code again', async () => {
    await fresh.write(summary, { Name: 'Overhead' });
    await fresh.told('quickbooks', summary);
    await decide(fresh.world, desk.company, MARA, [(await desk.record('01')).id], 'quickbooks');
    expect(await desk.record('01')).to.deep.include({ status: 'synced', problem: null, aliases: ['01 Summary'] });
    await refreshClasses(fresh.world, desk.company);
    await desk.import();
    expect((await desk.record('01')).status).to.equal('synced');

    await desk.changeCode((await desk.record('01')).linarcId, { costCodeName: 'General' });
    await desk.import();
    expect((await desk.record('01')).status).to.equal('needs_sync');
    await desk.push();
    expect(await desk.names()).to.include('01 General');
  });

  it('cannot be accepted where there is no class any more', async () => {
    const record = await desk.record('01');
    await fresh.world.classes.drop(desk.company, [summary]);
    expect(await decide(fresh.world, desk.company, MARA, [record.id], 'quickbooks')).to.equal(0);
    expect(await desk.record('01')).to.deep.equal(record);
  });

  it('that happened while nobody was told are swept up with one call', async () => {
    await fresh.write(summary, { Name: 'Overhead' });
    fresh.pass(25 * 3_600_000);
    const calls = (await desk.calls()).length;
    await fresh.keep();
    expect((await desk.record('01')).problem?.code).to.equal('changed_in_quickbooks');
    const seen = (await desk.calls()).slice(calls).filter(({ path }) => path.startsWith('/v3/'));
    expect(seen.map(({ path }) => path.split('/').at(4)), 'one for the classes, two for plan and class tracking').to.deep.equal(['cdc', 'companyinfo', 'preferences']);
  });

  it('are told apart from a deletion where QuickBooks calls an inactive class deleted (quickbooks.md §10.2)', async () => {
    await desk.switches({ cdcInactive: 'deleted' });
    await fresh.write(summary, { Active: false });
    fresh.pass(25 * 3_600_000);
    await fresh.keep();
    expect((await desk.record('01')).problem?.code).to.equal('changed_in_quickbooks');
  });

  it('are read as a whole when the last sweep is longer ago than QuickBooks can tell', async () => {
    await fresh.write(summary, { Name: 'Overhead' });
    fresh.pass(30 * 24 * 3_600_000);
    await fresh.keep();
    expect((await desk.record('01')).problem?.code).to.equal('changed_in_quickbooks');
    expect((await desk.calls()).some(({ path }) => path.includes('/cdc'))).to.equal(false);
  });

  it('wait while a run is at work, which reads for itself', async () => {
    await desk.changeCode((await desk.record('02')).linarcId, { costCodeName: 'Wrecking' });
    await desk.import();
    await desk.begin();
    await fresh.write(summary, { Name: 'Overhead' });
    await fresh.told('quickbooks', summary);
    expect((await desk.record('01')).status).to.equal('synced');
    await fresh.work();
    await fresh.keep();
    expect((await desk.record('01')).problem?.code).to.equal('changed_in_quickbooks');
  });

  it('wait for the time QuickBooks asked to be left alone, though the run it asked has ended', async () => {
    await desk.changeCode((await desk.record('02')).linarcId, { costCodeName: 'Wrecking' });
    await desk.import();
    const { id } = await desk.begin();
    const run = await desk.world.runs.acquire(desk.company, id, 'gone', 60_000);
    const fence = run?.lease?.fence ?? 0;
    await desk.world.runs.renew(desk.company, id, fence, 60_000, { ...OPEN_WINDOWS, closedUntil: Date.now() + 60_000 });
    await desk.world.runs.end(desk.company, id, fence, { state: 'cancelled', problem: null, at: new Date(), asked: 1 });
    const before = (await desk.calls()).length;
    await fresh.write(summary, { Name: 'Overhead' });
    await fresh.told('quickbooks', summary);
    expect((await desk.record('01')).status).to.equal('synced');
    expect((await desk.calls()).slice(before).filter(({ path }) => path.includes('/query'))).to.deep.equal([]);
  });

  it('come up again when QuickBooks could not be read', async () => {
    await fresh.write(summary, { Name: 'Overhead' });
    await desk.fault({ path: '/query' }, { kind: 'status', status: 503 }, 1);
    await fresh.told('quickbooks', summary);
    expect((await desk.record('01')).status).to.equal('synced');
    await fresh.world.fresh.changes.putOff(desk.company, 'quickbooks', ['e1'], 0);
    await fresh.keep();
    expect((await desk.record('01')).problem?.code).to.equal('changed_in_quickbooks');
  });
});
