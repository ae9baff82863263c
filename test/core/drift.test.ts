import { expect } from 'chai';
import { driftOf, type Held } from '../../server/core/drift.ts';
import { problem } from '../../server/core/problems.ts';
import type { Intent, QuickBooksClass, StagedRecord } from '../../server/core/records.ts';
import { draftOf, isAccepted, statusOf } from '../../server/core/stage.ts';
import { DEFAULT_SETTINGS } from '../../server/core/company.ts';
import { aClass, AT, entry, linkTo, record } from './sample.ts';

const confirmed = aClass({ syncToken: '1' });
const synced = (change: Partial<StagedRecord> = {}) => record({ status: 'synced', link: linkTo(confirmed), ...change });
const now = (change: Partial<QuickBooksClass>) => ({ ...confirmed, syncToken: '2', ...change });
const held = (current: QuickBooksClass | undefined, more: Partial<Held> = {}): Held => ({ current, parentId: null, formerParent: null, ...more });
const judge = (of: StagedRecord, current: QuickBooksClass | undefined, inactivate = false) => driftOf(of, held(current), inactivate);

describe('a class somebody changed in QuickBooks', () => {
  it('has its record wait for a person, with both values', () => {
    const drift = judge(synced(), now({ name: 'Other', fullyQualifiedName: 'Other' }));
    expect(drift?.change).to.deep.equal({ status: 'needs_action', problem: problem('changed_in_quickbooks', { field: 'Class', value: 'Other' }) });
    expect(drift?.kind).to.equal('drifted');
    expect(drift?.changes).to.deep.equal([{ field: 'Class', from: '03 30 00 Concrete', to: 'Other' }]);
  });

  it('is noticed when it was moved, by the paths of its parents', () => {
    const moved = now({ parentId: '8', fullyQualifiedName: 'Trades:03 30 00 Concrete' });
    expect(judge(synced(), moved)?.changes).to.deep.equal([{ field: 'Parent class', from: null, to: 'Trades' }]);
  });

  it('is noticed when it was made inactive', () => {
    const drift = judge(synced(), now({ active: false, name: '03 30 00 Concrete (deleted)', fullyQualifiedName: '03 30 00 Concrete (deleted)' }));
    expect(drift?.change.problem).to.deep.include({ code: 'changed_in_quickbooks', value: '03 30 00 Concrete (deleted)' });
    expect(drift?.changes).to.deep.equal([{ field: 'Class status', from: 'Active', to: 'Inactive' }]);
  });

  it('is noticed when it is gone', () => {
    expect(judge(synced(), undefined)?.change).to.deep.include({ status: 'needs_action', problem: problem('class_gone', { field: 'Class', value: '03 30 00 Concrete' }) });
  });

  it('is said once, and again only when it changes once more', () => {
    const flagged = { ...synced(), ...judge(synced(), now({ name: 'Other', fullyQualifiedName: 'Other' }))?.change };
    expect(judge(flagged, now({ name: 'Other', fullyQualifiedName: 'Other' }))).to.equal(null);
    expect(judge(flagged, now({ name: 'Third', fullyQualifiedName: 'Third', syncToken: '3' }))?.change.problem?.value).to.equal('Third');
  });
});

describe('no drift', () => {
  it('is a class as it was last confirmed', () => {
    expect(judge(synced(), confirmed)).to.equal(null);
  });

  it('is a path that changed because a parent was renamed, whether or not the SyncToken moved (quickbooks.md §2.2)', () => {
    expect(judge(synced(), { ...confirmed, fullyQualifiedName: 'New parent:03 30 00 Concrete' })).to.equal(null);
    expect(judge(synced(), now({ fullyQualifiedName: 'New parent:03 30 00 Concrete' }))).to.equal(null);
  });

  it('is an answer older than what a write of ours has confirmed', () => {
    expect(judge(synced(), aClass({ syncToken: '0', name: 'Before' }))).to.equal(null);
  });

  it('is our own write whose answer was lost', () => {
    const intent: Intent = {
      requestid: 'r', bId: '1', operation: 'update', contentHash: 'h', sentAt: AT, body: { Id: confirmed.id, SyncToken: '1', Name: 'Renamed', Active: true },
    };
    expect(judge(synced({ status: 'needs_sync', intent }), now({ name: 'Renamed', fullyQualifiedName: 'Renamed' }))).to.equal(null);
  });

  it('is a state a person decided to overwrite, until the class changes again', () => {
    const decided = synced({ status: 'needs_sync', overwrite: '2' });
    expect(judge(decided, now({ name: 'Other' }))).to.equal(null);
    expect(judge(decided, now({ name: 'Third', syncToken: '3' }))?.change.status).to.equal('needs_action');
  });

  it('is looked for in a record a run has in hand, one gone from Linarc, or one that waits for something else', () => {
    const run = { id: 'r', fence: 1, attempts: 0, look: false, notBefore: null, was: 'synced', consent: [] } as const;
    const other = now({ name: 'Other' });
    expect(judge(synced({ run, status: 'syncing' }), other)).to.equal(null);
    expect(judge(synced({ goneAt: AT, status: 'needs_action', problem: problem('gone_from_linarc') }), other)).to.equal(null);
    expect(judge(synced({ status: 'needs_action', problem: problem('name_missing') }), other)).to.equal(null);
  });
});

describe('a drift that is over', () => {
  const flagged = synced({ status: 'needs_action', problem: problem('changed_in_quickbooks', { field: 'Class', value: 'Other' }) });

  it('clears by itself when the class is again as it was', () => {
    expect(judge(flagged, now({ syncToken: '4' }))).to.deep.include({ kind: 'confirmed', change: { status: 'synced', problem: null } });
  });

  it('clears when a class that was gone is back', () => {
    const gone = synced({ status: 'needs_action', problem: problem('class_gone') });
    expect(judge(gone, confirmed)?.change).to.deep.equal({ status: 'synced', problem: null });
  });

  it('leaves the record ready when Linarc had moved meanwhile', () => {
    const renamed = { ...flagged, wanted: { ...flagged.wanted, name: '03 30 00 Cast concrete' } };
    expect(judge(renamed, confirmed)?.change.status).to.equal('needs_sync');
  });

  it('takes over what somebody brought to Linarc’s own value, keeping the old name as an alias', () => {
    const waiting = synced({ status: 'needs_sync', wanted: { name: 'Cast', parent: null, active: true } });
    const drift = judge(waiting, now({ name: 'Cast', fullyQualifiedName: 'Cast' }));
    expect(drift?.change).to.deep.include({ status: 'synced', problem: null, aliases: ['03 30 00 Concrete'] });
    expect(drift?.change.link).to.deep.include({ name: 'Cast', syncToken: '2', how: 'created' });
  });
});

describe('a difference left on purpose', () => {
  const current = now({ name: 'Kept' });
  const base = synced();
  const kept: StagedRecord = {
    ...base,
    link: { ...linkTo(current), name: 'Kept' },
    accepted: { name: 'Kept', parentId: null, active: true, instead: base.wanted },
  };

  it('counts as synced, and is no drift', () => {
    expect(statusOf(kept, false)).to.equal('synced');
    expect(judge(kept, current)).to.equal(null);
  });

  it('holds no longer when Linarc changes the code', () => {
    const draft = draftOf(entry({ name: 'Cast concrete' }), kept, DEFAULT_SETTINGS, AT);
    expect(draft?.status).to.equal('needs_sync');
  });

  it('holds when Linarc changes what QuickBooks never sees', () => {
    expect(draftOf(entry({ taskType: 'ADMIN' }), kept, DEFAULT_SETTINGS, AT)?.status).to.equal('synced');
  });

  it('holds no longer when the class changes again', () => {
    expect(judge(kept, now({ name: 'Third', fullyQualifiedName: 'Third', syncToken: '5' }))?.change.status).to.equal('needs_action');
  });

  it('does not hold for another link', () => {
    expect(isAccepted({ ...kept, link: linkTo(confirmed) })).to.equal(false);
  });
});
