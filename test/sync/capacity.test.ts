import { expect } from 'chai';
import { classLimit } from '../../server/core/capacity.ts';
import { checkAgain, goBeyond, hindranceOf } from '../../server/sync/capacity.ts';
import { keepFresh } from '../../server/sync/fresh.ts';
import { startPush } from '../../server/sync/push.ts';
import { sweepQuickBooks } from '../../server/sync/sweep.ts';
import { Desk, EVERYTHING, MARA } from './desk.ts';

const code = (costCode: string, more: Record<string, unknown> = {}) => ({ costCode, costCodeName: 'Work', costTypeCategory: 'FIELD', status: 'active', ...more });

describe('the room of a QuickBooks plan', () => {
  let desk: Desk;
  const company = async () => {
    const found = await desk.world.companies.get(desk.company);
    if (!found) throw new Error('no company');
    return found;
  };
  const patch = async (change: Record<string, unknown>) => {
    const response = await fetch(`${desk.quickbooksUrl}/sandbox/companies/${desk.realmId}`, {
      method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify(change),
    });
    if (!response.ok) throw new Error(await response.text());
  };
  /** Makes it a company of the Plus plan with room for so many more. */
  const roomFor = async (room: number) => {
    await patch({ offeringSku: 'QuickBooks Online Plus' });
    await desk.addClasses(...Array.from({ length: 40 - room }, (_, i) => `Class ${i}`));
    await checkAgain(desk.world, desk.company);
  };
  const ours = async () => (await desk.names()).filter((name) => !name.startsWith('Class '));

  beforeEach(async () => {
    desk = await Desk.open([
      code('03 30 00', { divisionCode: '03', divisionName: 'Concrete', locked: true }), code('03 31 00', { divisionCode: '03', divisionName: 'Concrete' }),
      code('09 20 00', { divisionCode: '09', divisionName: 'Finishes' }),
    ]);
  });
  afterEach(async () => desk.close());

  it('is known by the plan’s name, however it is written', () => {
    expect(['QuickBooks Online Plus', 'Plus', 'QBO PLUS'].map(classLimit)).to.deep.equal([40, 40, 40]);
    expect(['QuickBooks Online Essentials', 'Simple Start', 'QuickBooks Online Simple Start'].map(classLimit)).to.deep.equal([0, 0, 0]);
    expect(['QuickBooks Online Advanced', 'Intuit Enterprise Suite', 'Surplus', null].map(classLimit)).to.deep.equal([null, null, null, null]);
  });

  it('counts the divisions that have to be made above the codes, and tells what would fit', async () => {
    await desk.set({ structure: 'division' });
    await desk.import();
    await roomFor(3);
    const ids = (await desk.records()).filter(({ kind }) => kind === 'cost_code').map(({ id }) => id);
    const found = await hindranceOf(desk.world, desk.company, { kind: 'ids', ids });
    if (found?.kind !== 'no_room') throw new Error(String(found?.kind));
    expect(found.capacity).to.deep.equal({ limit: 40, classes: 37, locations: 0, room: 3 });
    expect(found.needed).to.include({ classes: 5, inUseClasses: 2 });
    expect(found.needed.divisions).to.have.length(2);
    expect(found.needed.inUse).to.deep.equal([(await desk.record('03 30 00')).id]);
  });

  it('is kept to by the run itself when somebody used it up after the push was begun', async () => {
    await desk.import();
    await roomFor(3);
    const run = await desk.begin();
    await desk.addClasses('Class x', 'Class y');
    await checkAgain(desk.world, desk.company);
    const { counts } = await desk.work(run.id);
    expect(counts).to.include({ created: 1, failed: 2 });
    expect(await ours()).to.have.length(1);
    const failed = (await desk.records()).filter(({ status }) => status === 'failed');
    expect(failed.map(({ problem }) => problem?.code)).to.deep.equal(['plan_full', 'plan_full']);
  });

  it('stops no rename, no link and nothing that makes no class', async () => {
    await desk.import();
    await desk.push();
    await roomFor(0);
    await desk.changeCode((await desk.record('09 20 00')).linarcId, { costCodeName: 'Other' });
    await desk.import();
    await desk.push();
    expect(await ours()).to.include('09 20 00 Other');
  });

  it('is not exceeded by an automatic sync either', async () => {
    await roomFor(0);
    await desk.set({ autoCreate: true, autoUpdate: true, autoPush: true });
    await keepFresh(desk.world, desk.company);
    expect((await desk.statuses())['09 20 00']).to.equal('needs_sync');
    expect(await desk.world.runs.active(desk.company)).to.equal(null);
    expect(await ours()).to.deep.equal([]);
  });

  it('is exceeded by consent, which is kept with who and when, and ends with the plan it was given for', async () => {
    await desk.import();
    await roomFor(1);
    expect((await startPush(desk.world, desk.company, MARA, EVERYTHING)).hindrance?.kind).to.equal('no_room');
    await goBeyond(desk.world, await company(), MARA, true);
    expect((await company()).overLimit).to.deep.include({ by: MARA, plan: 'QuickBooks Online Plus' });
    await desk.push();
    expect(await ours()).to.have.length(3);
    await patch({ offeringSku: 'QuickBooks Online Essentials', classTracking: 'off' });
    await checkAgain(desk.world, desk.company);
    expect((await hindranceOf(desk.world, desk.company, EVERYTHING))?.kind).to.equal('no_classes');
  });

  it('and class tracking are read again with the daily sweep', async () => {
    await patch({ classTracking: 'off' });
    await sweepQuickBooks(desk.world, await company());
    expect((await company()).classTracking).to.equal('off');
  });

  it('counts what is known when QuickBooks cannot be read just now', async () => {
    await desk.import();
    await desk.world.companies.saveFacts(desk.company, { name: 'Testers', plan: 'Advanced', classTracking: 'per_line', locations: null }, new Date(0));
    await desk.fault({ path: '/companyinfo' }, { kind: 'status', status: 503 }, 100);
    expect(await hindranceOf(desk.world, desk.company, EVERYTHING)).to.equal(null);
  });
});
