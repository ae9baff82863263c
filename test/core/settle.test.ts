import { expect } from 'chai';
import { problem } from '../../server/core/problems.ts';
import { countsAsTry, nextTry, settleBlocked, settleConfirmed, settleFailed, type Occasion } from '../../server/core/settle.ts';
import type { Intent, StagedRecord } from '../../server/core/records.ts';
import { aClass, AT, linkTo, record } from './sample.ts';

const occasion: Occasion = { run: 'run-1', by: { kind: 'person', userId: 'u', name: 'Mara' }, at: AT, inactivate: false };
const intent: Intent = { requestid: 'q', bId: '1', operation: 'create', body: { Name: '03 30 00 Concrete' }, contentHash: 'h', sentAt: AT };
const inRun = (change: Partial<StagedRecord> = {}) =>
  record({ status: 'syncing', run: { id: 'run-1', fence: 1, attempts: 1, look: true, notBefore: null, was: 'needs_sync', consent: [] }, intent, ...change });
const created = { changes: ['create'] as const, before: null };
const linked = { changes: ['link'] as const, before: null };

describe('trying a record again', () => {
  const after = (ms: number) => new Date(AT.getTime() + ms);

  it('waits half as long as it was tried for, a second at least and half a minute at most', () => {
    const waits = [0, 1_000, 10_000, 60_000, 3_600_000].map((ms) => nextTry(intent, after(ms)).getTime() - after(ms).getTime());
    expect(waits).to.deep.equal([1_000, 1_000, 5_000, 30_000, 30_000]);
  });

  it('takes half an hour in which nobody answers for no fault of the record', () => {
    expect([0, 30 * 60_000, 30 * 60_000 + 1].map((ms) => countsAsTry(intent, after(ms)))).to.deep.equal([false, false, true]);
  });
});

describe('settling a record', () => {
  it('earns Synced with the id and SyncToken QuickBooks confirmed, and leaves the run', () => {
    const { change, outcome, fact } = settleConfirmed(inRun(), created, aClass({ id: '9', syncToken: '0' }), null, occasion);
    expect(outcome).to.equal('created');
    expect(change).to.deep.include({ status: 'synced', run: null, intent: null, syncedAt: AT, settledIn: { run: 'run-1', outcome: 'created' } });
    expect(change.link).to.deep.include({ id: '9', syncToken: '0', how: 'created' });
    expect(fact).to.deep.include({ kind: 'created', changes: [{ field: 'Class', from: null, to: '03 30 00 Concrete' }], run: 'run-1' });
  });

  it('knows the class its own lost request made, and one that was there before', () => {
    expect(settleConfirmed(inRun(), linked, aClass({ createdAt: AT }), null, occasion).outcome).to.equal('created');
    const older = aClass({ createdAt: new Date(AT.getTime() - 86_400_000) });
    expect(settleConfirmed(inRun(), linked, older, null, occasion)).to.deep.include({ outcome: 'linked' });
  });

  it('returns a record to Needs Sync when Linarc changed it during the run', () => {
    const moved = inRun({ wanted: { name: '03 30 00 Concrete, cast', parent: null, active: true } });
    expect(settleConfirmed(moved, created, aClass(), null, occasion).change.status).to.equal('needs_sync');
  });

  it('keeps the old name as an alias after a rename', () => {
    const before = aClass({ name: 'Beton' });
    const { change, fact } = settleConfirmed(inRun({ link: linkTo(before), intent: null }), { changes: ['rename'], before }, aClass({ syncToken: '1' }), null, occasion);
    expect(change.aliases).to.deep.equal(['Beton']);
    expect(fact.changes).to.deep.equal([{ field: 'Class', from: 'Beton', to: '03 30 00 Concrete' }]);
  });

  it('fails with the reason, and blocks what needs a person', () => {
    expect(settleFailed(inRun(), problem('business_rule'), null, occasion).change).to.deep.include({ status: 'failed', problem: problem('business_rule'), run: null });
    expect(settleBlocked(inRun(), problem('class_used'), occasion).change).to.deep.include({ status: 'needs_action' });
    expect(settleBlocked(inRun(), problem('parent_not_synced'), occasion).change).to.deep.include({ status: 'failed' });
  });
});
