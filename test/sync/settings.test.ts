import { expect } from 'chai';
import type { Settings } from '../../server/core/company.ts';
import type { Actor, FactKind } from '../../server/core/records.ts';
import { keepFresh } from '../../server/sync/fresh.ts';
import { companyHistory, saveSettings } from '../../server/sync/settings.ts';
import { Desk, MARA } from './desk.ts';

const code = (costCode: string, costCodeName: string, more: Record<string, unknown> = {}) => ({ costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active', ...more });
const JON: Actor = { kind: 'person', userId: 'u2', name: 'Jon Ruiz' };

describe('settings', () => {
  let desk: Desk;
  const company = async () => {
    const found = await desk.world.companies.get(desk.company);
    if (!found) throw new Error('no company');
    return found;
  };
  const save = (asked: Partial<Settings>, seen: number, by = MARA) => saveSettings(desk.world, desk.company, by, seen, asked);
  /** Saves and has what follows done, as the jobs would. */
  const apply = async (asked: Partial<Settings>) => {
    await save(asked, (await company()).settingsVersion);
    await keepFresh(desk.world, desk.company);
  };
  const wanted = async () => Object.fromEntries((await desk.records()).map((record) => [record.source.code, record.wanted.name]));
  const parents = async () => Object.fromEntries((await desk.records()).map((record) => [record.source.code, record.wanted.parent]));
  const kinds = async (of: string): Promise<FactKind[]> => (await desk.world.history.of(desk.company, (await desk.record(of)).id, { limit: 20 })).map(({ kind }) => kind);

  beforeEach(async () => {
    desk = await Desk.open([
      code('03 00 00', 'Concrete', { divisionCode: '03', divisionName: 'Concrete' }),
      code('03 30 00', 'Cast-in-place', { divisionCode: '03', divisionName: 'Concrete' }),
      code('03 30 53', 'Pads', { divisionCode: '03', divisionName: 'Concrete' }),
      code('09 20 00', 'Drywall', { divisionCode: '09', divisionName: 'Finishes' }),
      code('AD-100', 'Payroll office', { costTypeCategory: 'ADMIN' }),
    ]);
  });
  afterEach(async () => desk.close());

  describe('saved by a person', () => {
    it('are kept with who changed what from what to what', async () => {
      expect(await save({ autoCreate: true, leaveOut: ['ADMIN'] }, 0)).to.deep.equal({ kind: 'saved', restaged: true });
      const [line] = await companyHistory(desk.world, await company(), 10);
      expect(line).to.deep.include({ id: 'settings.1', by: MARA, kind: 'changed' });
      expect(line?.changes).to.deep.equal([
        { field: 'autoCreate', from: 'false', to: 'true' },
        { field: 'leaveOut', from: '[]', to: '["ADMIN"]' },
      ]);
    });

    it('are saved once when the form is sent twice', async () => {
      const answers = await Promise.all([save({ autoCreate: true }, 0), save({ autoCreate: true }, 0), save({ autoCreate: true }, 0)]);
      expect(answers.map(({ kind }) => kind).sort()).to.deep.equal(['saved', 'unchanged', 'unchanged']);
      expect(await companyHistory(desk.world, await company(), 10)).to.have.length(1);
    });

    it('are not stored over what another changed of the same meanwhile; both wishes come back', async () => {
      await save({ autoCreate: true, autoUpdate: false, autoPush: false, costCodes: true }, 0, JON);
      const answer = await save({ autoCreate: false, autoUpdate: true, autoPush: false, costCodes: true }, 0);
      if (answer.kind !== 'stale') throw new Error(answer.kind);
      expect(answer).to.deep.include({ version: 1 });
      expect(answer.settings).to.deep.include({ autoCreate: true, autoUpdate: true });
      expect(answer.others.map(({ by }) => by)).to.deep.equal([JON]);
      expect((await company()).settings).to.deep.include({ autoCreate: true, autoUpdate: false });
    });

    it('of different kinds by two people at once are both stored', async () => {
      await Promise.all([save({ autoCreate: true }, 0, JON), save({ namePattern: '{code} - {name}' }, 0)]);
      expect((await company()).settings).to.deep.include({ autoCreate: true, namePattern: '{code} - {name}' });
      const lines = await companyHistory(desk.world, await company(), 10);
      expect(lines.map(({ id }) => id)).to.deep.equal(['settings.2', 'settings.1']);
    });

    it('lose no line of history to a process that died before it wrote it', async () => {
      const change = { by: JON, at: new Date(), changes: [{ field: 'autoCreate', from: 'false', to: 'true' }] };
      await desk.world.companies.saveSettings(desk.company, 0, { ...(await company()).settings, autoCreate: true }, change);
      expect((await companyHistory(desk.world, await company(), 10)).map(({ id }) => id)).to.deep.equal(['settings.1']);
      await save({ autoUpdate: true }, 1);
      expect((await companyHistory(desk.world, await company(), 10)).map(({ id }) => id)).to.deep.equal(['settings.2', 'settings.1']);
    });
  });

  describe('applied to what is staged', () => {
    it('give unsynced codes their new names, and make synced ones ready again', async () => {
      await desk.import();
      await desk.push({ kind: 'ids', ids: [(await desk.record('09 20 00')).id] });
      await apply({ namePattern: '{code} - {name}' });
      expect(await wanted()).to.deep.include({ '03 00 00': '03 00 00 - Concrete', '09 20 00': '09 20 00 - Drywall' });
      expect((await desk.statuses())['09 20 00']).to.equal('needs_sync');
      expect(await kinds('09 20 00')).to.include('changed');
      expect(await desk.names(), 'nothing is sent by itself').to.deep.equal(['09 20 00 Drywall']);
      await desk.push();
      expect(await desk.names()).to.include('09 20 00 - Drywall').and.not.include('09 20 00 Drywall');
      expect((await desk.classes())).to.have.length(5);
    });

    it('leave everything as it is when they come back to what they were', async () => {
      await desk.import();
      await desk.push();
      await apply({ namePattern: '{code} - {name}' });
      await apply({ namePattern: '{code} {name}' });
      expect(new Set(Object.values(await desk.statuses()))).to.deep.equal(new Set(['synced']));
    });

    it('leave out a task type by rule, name the rule, and undo it when the rule goes', async () => {
      await desk.import();
      await apply({ leaveOut: ['ADMIN'] });
      const left = async () => (await desk.world.costCodes.page(desk.company, { excluded: true }, { by: 'code', direction: 'asc' }, 0, 10)).records;
      expect((await left()).map(({ source, excluded }) => [source.code, excluded?.byRule, excluded?.reason])).to.deep.equal([['AD-100', true, 'ADMIN tasks']]);
      await desk.push();
      expect(await desk.names()).to.have.length(4);
      await apply({ leaveOut: [] });
      expect(await left()).to.deep.equal([]);
      expect(await kinds('AD-100')).to.include.members(['excluded', 'included']);
      await desk.push();
      expect(await desk.names()).to.include('AD-100 Payroll office');
    });

    it('leave out new codes of such a type as they come', async () => {
      await desk.set({ leaveOut: ['ADMIN'] });
      await desk.import();
      expect(Object.keys(await desk.statuses())).not.to.include('AD-100');
    });

    it('take nobody’s exclusion back', async () => {
      await desk.import();
      const record = await desk.record('09 20 00');
      await desk.world.costCodes.change(desk.company, record.id, record.version, { excluded: { by: 'Mara Keller', byRule: false, reason: 'not ours', at: new Date() } });
      await apply({ leaveOut: ['FIELD'] });
      await apply({ leaveOut: [] });
      const [kept] = (await desk.world.costCodes.page(desk.company, { excluded: true }, { by: 'code', direction: 'asc' }, 0, 10)).records;
      expect(kept?.excluded).to.deep.include({ by: 'Mara Keller', reason: 'not ours' });
    });

    it('make classes of inactive codes ready to become inactive, or leave them', async () => {
      await desk.import();
      await desk.push();
      await desk.changeCode((await desk.record('09 20 00')).linarcId, { status: 'inactive' });
      await desk.import();
      expect((await desk.statuses())['09 20 00']).to.equal('synced');
      await apply({ inactivate: true });
      expect((await desk.statuses())['09 20 00']).to.equal('needs_sync');
      await apply({ inactivate: false });
      expect((await desk.statuses())['09 20 00']).to.equal('synced');
    });

    it('find names that meet, and free them again', async () => {
      await desk.addCode(code('01', '2 Site'));
      await desk.addCode(code('01 2', 'Site'));
      await desk.set({ namePattern: '{code} - {name}' });
      await desk.import();
      const both = async () => [(await desk.record('01')), (await desk.record('01 2'))].map(({ status, problem }) => problem?.code ?? status);
      expect(await both()).to.deep.equal(['needs_sync', 'needs_sync']);
      await apply({ namePattern: '{code} {name}' });
      expect(await both()).to.deep.equal(['name_collision', 'name_collision']);
      await apply({ namePattern: '{code} - {name}' });
      expect(await both()).to.deep.equal(['needs_sync', 'needs_sync']);
    });

    it('hang codes under their divisions, parents first, and take the divisions out again', async () => {
      await desk.import();
      await apply({ structure: 'division' });
      await desk.push();
      expect(await desk.names()).to.include.members(['03 Concrete', '03 Concrete:03 30 53 Pads', '09 Finishes:09 20 00 Drywall', 'AD-100 Payroll office']);
      await apply({ structure: 'flat' });
      expect(new Set(Object.values(await parents()))).to.deep.equal(new Set([null]));
      expect((await desk.records()).filter(({ kind }) => kind === 'division')).to.deep.equal([]);
      await desk.push();
      expect(await desk.names()).to.include.members(['03 30 53 Pads', '09 20 00 Drywall', '03 Concrete']);
    });

    it('build a tree from codes that exist, with divisions only where no code is their head', async () => {
      await desk.import();
      await apply({ structure: 'tree' });
      await desk.push();
      expect(await desk.names()).to.have.members([
        '03 00 00 Concrete', '03 00 00 Concrete:03 30 00 Cast-in-place', '03 00 00 Concrete:03 30 00 Cast-in-place:03 30 53 Pads',
        '09 Finishes', '09 Finishes:09 20 00 Drywall', 'AD-100 Payroll office',
      ]);
    });

    it('place codes that come later between those that are there', async () => {
      await desk.set({ structure: 'tree' });
      await desk.import();
      await keepFresh(desk.world, desk.company);
      await desk.addCode(code('09 00 00', 'Finishes', { divisionCode: '09', divisionName: 'Finishes' }));
      await desk.import();
      await keepFresh(desk.world, desk.company);
      const [head, child] = [await desk.record('09 00 00'), await desk.record('09 20 00')];
      expect(child.wanted.parent).to.equal(head.linarcId);
      expect((await desk.records()).filter(({ kind }) => kind === 'division')).to.deep.equal([]);
    });
  });
});
