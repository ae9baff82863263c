import { expect } from 'chai';
import { refreshClasses } from '../../server/sync/classes.ts';
import { effectOf, map, searchTree, suggest, treeBelow, unmap, type ClassBranch } from '../../server/sync/mapping.ts';
import { preview } from '../../server/sync/preview.ts';
import { held } from '../store/fixture.ts';
import { Desk, EVERYTHING, MARA } from './desk.ts';

const code = (costCode: string, costCodeName: string, more: Record<string, unknown> = {}) =>
  ({ costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active', ...more });

describe('Manual Mapping', () => {
  let desk: Desk;
  const open = async (codes: readonly Record<string, unknown>[], ...classes: string[]) => {
    desk = await Desk.open(codes);
    if (classes.length > 0) await desk.addClasses(...classes);
    await desk.import();
    await refreshClasses(desk.world, desk.company);
  };
  afterEach(() => desk.close());

  const link = async (of: string, path: string, taking?: 'share' | 'replace') => map(desk.world, desk.company, MARA, (await desk.record(of)).id, await desk.classId(path), taking);
  const effect = async (of: string, path: string, taking: 'alone' | 'share' = 'alone') =>
    (await effectOf(desk.world, desk.company, await desk.record(of), await desk.classId(path), taking))?.effect;
  const shown = (branches: readonly ClassBranch[]): unknown[] =>
    branches.map(({ class: { name }, found, count, below }) => [`${found ? '' : '('}${name}${found ? '' : ')'}`, count, ...(below.length > 0 ? [shown(below)] : [])]);

  describe('the tree', () => {
    it('shows what is found below what it stands under', async () => {
      await open([], 'Field', 'Field:Concrete', 'Field:Concrete:Walls', 'Office', 'Wall ties');
      const { branches, more } = await searchTree(desk.world, desk.company, 'wall', 0, '');
      expect(shown(branches)).to.deep.equal([['(Field)', 1, [['(Concrete)', 1, [['Walls', 0]]]]], ['Wall ties', 0]]);
      expect(more).to.equal(false);
    });

    it('opens branch by branch, and at one branch with the way to it', async () => {
      await open([], 'Field', 'Field:Concrete', 'Field:Concrete:Walls', 'Office');
      expect(shown((await treeBelow(desk.world, desk.company, null, 'there', 0, '')).branches)).to.deep.equal([['Field', 1], ['Office', 0]]);
      const concrete = await desk.classId('Field:Concrete');
      expect(shown((await treeBelow(desk.world, desk.company, concrete, 'there', 0, '')).branches)).to.deep.equal([['Walls', 0]]);
      expect(shown((await treeBelow(desk.world, desk.company, concrete, 'top', 0, '')).branches)).to.deep.equal([['(Field)', 1, [['(Concrete)', 1, [['Walls', 0]]]]]]);
    });

    it('shows fifty of many at a time, and each once', async () => {
      await open([], ...Array.from({ length: 120 }, (_, at) => `Class ${1000 + at}`));
      const names: string[] = [];
      for (let skip = 0, more = true; more; skip += 50) {
        const page = await treeBelow(desk.world, desk.company, null, 'there', skip, '');
        expect(page.branches.length).to.be.at.most(50);
        names.push(...page.branches.map((one) => one.class.name));
        ({ more } = page);
      }
      expect(names).to.deep.equal(Array.from({ length: 120 }, (_, at) => `Class ${1000 + at}`));
      expect((await searchTree(desk.world, desk.company, 'class', 100, '')).branches).to.have.length(20);
    });
  });

  it('suggests a class whose number is written another way, however many have a word of the name', async () => {
    await open([code('03 30 00', 'Cast-in-Place Concrete')], ...Array.from({ length: 60 }, (_, at) => `A concrete ${at}`), '033000 Poured', '03-30-00 Walls');
    const found = await suggest(desk.world, desk.company, await desk.record('03 30 00'));
    expect(found.map((one) => one.class.name)).to.include.members(['033000 Poured', '03-30-00 Walls']);
    expect(found[0]?.evidence).to.match(/^same number 03 30 00, name \d+ % alike$/);
  });

  describe('the effect, before it is done', () => {
    it('is Synced for a class that is as wanted', async () => {
      await open([code('01', 'Summary')], '01 Summary');
      expect(await effect('01', '01 Summary')).to.deep.include({ status: 'synced' });
      expect((await link('01', '01 Summary'))?.status).to.equal('synced');
    });

    it('is what the next sync then does: rename and move', async () => {
      await open([code('01', 'Summary')], 'Old', 'Old:General things');
      const before = await effect('01', 'Old:General things');
      expect(before).to.deep.include({ status: 'needs_sync' });
      expect(before?.change.changes).to.deep.equal(['move', 'rename']);
      expect((await link('01', 'Old:General things'))?.status).to.equal('needs_sync');
      await desk.push();
      expect(await desk.names()).to.deep.equal(['01 Summary', 'Old']);
    });

    it('is a move alone where the name is right but the place is not', async () => {
      await open([code('01', 'Summary')], 'Old', 'Old:01 Summary');
      expect((await effect('01', 'Old:01 Summary'))?.change.changes).to.deep.equal(['move']);
      expect((await link('01', 'Old:01 Summary'))?.status).to.equal('needs_sync');
    });

    it('stays Needs Action where the code itself is at fault, and no sync empties the class’s name', async () => {
      await open([code('01', '')], 'General');
      expect(await effect('01', 'General')).to.deep.include({ status: 'needs_action' });
      const linked = await link('01', 'General');
      expect(linked?.problem?.code).to.equal('name_missing');
      expect(await unmap(desk.world, desk.company, MARA, linked?.id ?? '')).to.deep.include({ status: 'needs_action' });
      expect(await desk.names()).to.deep.equal(['General']);
    });

    it('reads and writes nothing', async () => {
      await open([code('01', 'Summary')], 'General');
      const [before, calls] = [await desk.record('01'), (await desk.calls()).length];
      await effect('01', 'General');
      expect(await desk.record('01')).to.deep.equal(before);
      expect(await desk.calls()).to.have.length(calls);
    });
  });

  it('gives a class to one at most of those who take it at once, and leaves the others as they were', async () => {
    await open(['01', '02', '03', '04'].map((number) => code(number, 'Work')), 'Overhead');
    const numbers = ['01', '02', '03', '04'];
    const stand = async () => (await Promise.all(numbers.map((number) => desk.record(number)))).map(({ id, link: held, status, problem }) => ({ id, link: held, status, problem }));
    const before = await stand();
    const mapped = (await Promise.all(numbers.map((number) => link(number, 'Overhead').catch(() => null)))).filter((one) => one !== null);
    expect(mapped.length).to.be.below(2);
    const users = await desk.world.costCodes.linkedTo(desk.company, [await desk.classId('Overhead')]);
    expect([...users.values()].flat()).to.deep.equal(mapped.map(({ id }) => id));
    const isMapped = ({ id }: { id: string }) => mapped.some((one) => one.id === id);
    expect((await stand()).filter((one) => !isMapped(one))).to.deep.equal(before.filter((one) => !isMapped(one)));
  });

  it('keeps a class that a sync linked to another code in the same moment, and the other waits', async () => {
    await open([code('01', 'Summary'), code('02', 'Demolition')], '01 Summary');
    const { costCodes } = desk.world;
    const [first, classId] = [await desk.record('01'), await desk.classId('01 Summary')];
    let mapped: unknown = null;
    const world = {
      ...desk.world,
      costCodes: {
        ...costCodes,
        writeInRun: async (...asked: Parameters<typeof costCodes.writeInRun>) => {
          mapped ??= await link('02', '01 Summary');
          return costCodes.writeInRun(...asked);
        },
      },
    };
    const run = await desk.work((await desk.begin({ kind: 'ids', ids: [first.id] })).id, world);
    expect(mapped).to.not.equal(null);
    expect(await costCodes.linkedTo(desk.company, [classId])).to.deep.equal(new Map([[classId, [(await desk.record('02')).id]]]));
    expect(run.counts).to.deep.include({ linked: 0, needsAction: 1 });
    expect(await desk.record('01')).to.deep.include({ status: 'needs_action', link: null, run: null }).and.to.have.nested.property('problem.code', 'class_used');
    const told = (await desk.world.history.of(desk.company, first.id, { limit: 2 })).map(({ kind }) => kind);
    expect(told).to.deep.equal(['blocked', 'linked']);
  });

  describe('a class that another code has', () => {
    beforeEach(async () => {
      await open([code('01', 'Summary'), code('02', 'Demolition')], 'Overhead', 'Other');
      await link('01', 'Overhead');
      await desk.push({ kind: 'ids', ids: [(await desk.record('01')).id] });
      expect(await desk.names()).to.deep.equal(['01 Summary', 'Other']);
      await refreshClasses(desk.world, desk.company);
    });

    it('is shared on purpose: it keeps its name, both are Synced, and a later sync leaves it alone', async () => {
      expect(await effect('02', '01 Summary', 'share')).to.deep.include({ status: 'synced', kept: true });
      expect((await link('02', '01 Summary', 'share'))?.status).to.equal('synced');
      const calls = (await desk.calls()).filter(({ path }) => path.includes('batch')).length;
      expect(await desk.push().catch((error: Error) => error.message)).to.equal('nothing to push');
      expect((await desk.calls()).filter(({ path }) => path.includes('batch'))).to.have.length(calls);
      expect(await desk.names()).to.deep.equal(['01 Summary', 'Other']);
    });

    it('is taken over: the other is unlinked, says so in its history, and one sync gives it a class of its own', async () => {
      const [one, taken] = [await desk.record('01'), await desk.classId('01 Summary')];
      expect((await link('02', '01 Summary', 'replace'))?.status).to.equal('needs_sync');
      expect(await desk.record('01')).to.deep.include({ link: null, status: 'needs_sync' });
      const [latest] = await desk.world.history.of(desk.company, one.id, { limit: 1 });
      expect(latest).to.deep.include({ kind: 'unlinked', by: MARA });
      expect((await preview(desk.world, desk.company, EVERYTHING)).counts).to.deep.include({ create: 1, rename: 1, blocked: 0 });
      expect((await desk.push()).counts).to.deep.include({ created: 1, updated: 1, needsAction: 0 });
      expect(await desk.names()).to.deep.equal(['01 Summary', '02 Demolition', 'Other']);
      expect(await desk.classId('02 Demolition')).to.equal(taken);
    });

    it('is left alone when the one that would take it is in a run', async () => {
      const run = await desk.begin({ kind: 'ids', ids: [(await desk.record('02')).id] });
      await desk.world.runs.acquire(desk.company, run.id, 'test', 60_000);
      await desk.world.costCodes.claim(desk.company, run.id, held(1), { kind: 'ids', ids: [(await desk.record('02')).id] });
      expect(await link('02', '01 Summary', 'replace')).to.equal(null);
      expect((await desk.record('01')).link?.name).to.equal('01 Summary');
    });

    it('makes who wants that name wait for a person when it is not given up, but only until they say to look again', async () => {
      await link('02', '01 Summary', 'replace');
      await desk.fault({ operation: 'batch' }, { kind: 'item-fault', recorded: 'plan-limit', items: [0] });
      await desk.push();
      expect(await desk.statuses()).to.deep.equal({ '01': 'needs_action', '02': 'failed' });
      const one = await desk.record('01');
      expect(one.problem?.code).to.equal('class_used');
      expect(await unmap(desk.world, desk.company, MARA, one.id)).to.deep.include({ status: 'needs_sync', problem: null });
      await desk.push();
      expect(await desk.names()).to.deep.equal(['01 Summary', '02 Demolition', 'Other']);
    });

    it('keeps nobody waiting for that name in a run that does not give it up', async () => {
      await link('02', '01 Summary', 'replace');
      await desk.push({ kind: 'ids', ids: [(await desk.record('01')).id] });
      expect((await desk.record('01')).problem?.code).to.equal('class_used');
      expect(await desk.names()).to.deep.equal(['01 Summary', 'Other']);
    });
  });

  it('frees a code from its double when it gets a class, since that gives it the better right', async () => {
    await open([code('01', 'Summary'), code('01', 'Summary')], 'General');
    const [one, two] = await desk.records();
    expect([one?.problem?.code, two?.problem?.code]).to.deep.equal(['code_duplicate', 'code_duplicate']);
    expect((await map(desk.world, desk.company, MARA, one?.id ?? '', await desk.classId('General')))?.status).to.equal('needs_sync');
    expect((await desk.world.costCodes.get(desk.company, two?.id ?? ''))?.problem?.code).to.equal('code_duplicate');
  });
});
