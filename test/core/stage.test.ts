import { expect } from 'chai';
import { DEFAULT_SETTINGS } from '../../server/core/company.ts';
import { problem } from '../../server/core/problems.ts';
import { collisions, draftOf, statusOf } from '../../server/core/stage.ts';
import { divisionId, placeOf } from '../../server/core/tree.ts';
import type { StagedRecord } from '../../server/core/records.ts';
import { aClass, AT, entry, linkTo, record } from './sample.ts';

/** The record as it is once a draft for this source has been stored over it. */
function restaged(before: StagedRecord, source: Parameters<typeof entry>[0]): StagedRecord {
  const draft = draftOf(entry(source, before.linarcId), before, DEFAULT_SETTINGS, AT);
  return draft ? { ...before, ...draft } : before;
}

const synced = () => record({ status: 'synced', link: linkTo(aClass()) });

describe('staging a cost code', () => {
  it('makes a new code ready to be synced', () => {
    expect(record()).to.deep.include({ status: 'needs_sync', problem: null, wanted: { name: '03 30 00 Concrete', parent: null, active: true } });
  });

  it('leaves a code alone that did not change', () => {
    expect(draftOf(entry(), record(), DEFAULT_SETTINGS, AT)).to.equal(null);
  });

  it('returns a synced code to Needs Sync when its class would change', () => {
    expect(restaged(synced(), { name: 'Concrete, cast' }).status).to.equal('needs_sync');
  });

  it('keeps a synced code Synced when only other fields changed', () => {
    const after = restaged(synced(), { taskType: 'T&M' });
    expect(after.status).to.equal('synced');
    expect(after.source.taskType).to.equal('T&M');
  });

  it('keeps a synced code Synced when it becomes inactive and the company does not pass that on', () => {
    expect(restaged(synced(), { active: false }).status).to.equal('synced');
  });

  it('asks for a person when code or name are missing, and says which', () => {
    expect(record({}, { code: '' })).to.deep.include({ status: 'needs_action', problem: problem('code_missing', { field: 'Cost Code' }) });
    expect(record({}, { name: '' })).to.deep.include({ status: 'needs_action', problem: problem('name_missing', { field: 'Task Name', value: '03 30 00' }) });
  });

  it('stages what it cannot read, with the reason', () => {
    const draft = draftOf({ linarcId: 'x', raw: { costCode: 5 }, costCode: null, unreadable: 'costCode is not text' }, null, DEFAULT_SETTINGS, AT);
    expect(draft).to.deep.include({ status: 'needs_action', problem: problem('record_unreadable', { value: 'costCode is not text' }) });
  });

  it('leaves out by rule an inactive code that never was a class, and takes it in when it becomes active', () => {
    const inactive = record({}, { active: false });
    expect(inactive.excluded).to.deep.include({ byRule: true });
    expect(restaged(inactive, { active: true }).excluded).to.equal(null);
  });

  it('keeps what a person excluded excluded', () => {
    const excluded = record({ excluded: { by: 'Mara', byRule: false, reason: 'not ours', at: AT } });
    expect(restaged(excluded, { name: 'Other' }).excluded).to.deep.include({ by: 'Mara' });
  });

  it('leaves a record in a run with the run', () => {
    const running = record({ status: 'syncing', run: { id: 'r', fence: 1, attempts: 0, look: false, notBefore: null, was: 'needs_sync', consent: [] } });
    expect(restaged(running, { name: 'Other' })).to.deep.include({ status: 'syncing', wanted: { name: '03 30 00 Other', parent: null, active: true } });
  });

  it('hangs a code under its division when the company wants that', () => {
    const draft = draftOf(entry(), null, DEFAULT_SETTINGS, AT, placeOf(entry().costCode ?? { code: '', divisionCode: '' }, 'division', () => undefined));
    expect(draft?.wanted.parent).to.equal(divisionId('03'));
  });
});

describe('the status of a record', () => {
  const facts = (change: Partial<StagedRecord>) => ({ ...record({ link: linkTo(aClass()) }), ...change });

  it('is Synced when the linked class is as wanted', () => {
    expect(statusOf(facts({}), false)).to.equal('synced');
  });

  it('is Needs Sync when the class is to be reactivated, or inactivated where the company chose so', () => {
    expect(statusOf(facts({ link: { ...linkTo(aClass()), active: false } }), false)).to.equal('needs_sync');
    const inactive = facts({ wanted: { name: '03 30 00 Concrete', parent: null, active: false } });
    expect(statusOf(inactive, true)).to.equal('needs_sync');
    expect(statusOf(inactive, false)).to.equal('synced');
  });
});

describe('collisions', () => {
  const twin = (id: string, source: Parameters<typeof entry>[0] = {}, change: Partial<StagedRecord> = {}) => record({ linarcId: id, ...change }, source);

  it('make all codes of one number wait when none is synced', () => {
    const found = collisions([twin('a'), twin('b', { name: 'Other' })], false);
    expect(found.map(({ record: { linarcId }, status, problem: reason }) => [linarcId, status, reason?.code])).to.deep.equal([
      ['a', 'needs_action', 'code_duplicate'],
      ['b', 'needs_action', 'code_duplicate'],
    ]);
  });

  it('leave the one that is synced its right', () => {
    const found = collisions([twin('a', {}, { link: linkTo(aClass()), status: 'synced' }), twin('b')], false);
    expect(found.map(({ record: { linarcId } }) => linarcId)).to.deep.equal(['b']);
  });

  it('are also seen between class names that become one', () => {
    const found = collisions([twin('a', { code: '03', name: '30 Walls' }), twin('b', { code: '03 30', name: 'walls' })], false);
    expect(found.map(({ problem: reason }) => reason?.code)).to.deep.equal(['name_collision', 'name_collision']);
  });

  it('end when the rival is gone or excluded', () => {
    const waiting = twin('a', {}, { status: 'needs_action', problem: problem('code_duplicate') });
    expect(collisions([waiting, twin('b', {}, { goneAt: AT })], false)).to.deep.equal([{ record: waiting, status: 'needs_sync', problem: null }]);
  });
});
