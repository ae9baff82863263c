import { expect } from 'chai';
import fc from 'fast-check';
import { fold } from '../../server/core/names.ts';
import { plan, writeOf, type PlannedChange, type Surroundings } from '../../server/core/plan.ts';
import { problem } from '../../server/core/problems.ts';
import type { QuickBooksClass, StagedRecord } from '../../server/core/records.ts';
import { aClass, AT, linkTo, record } from './sample.ts';

const around = (change: Partial<Surroundings> = {}): Surroundings => ({
  linked: undefined, sameName: [], usedElsewhere: new Set(), leaving: new Set(), parent: { kind: 'top' }, ...change,
});
const planned = (of: StagedRecord, about: Partial<Surroundings> = {}, inactivate = false): PlannedChange => plan(of, around(about), { inactivate });

describe('the plan for a code without a class', () => {
  it('creates', () => {
    const change = planned(record());
    expect(change).to.deep.include({ action: 'create', after: { name: '03 30 00 Concrete', parentId: null, active: true } });
    expect(writeOf(change)).to.deep.include({ operation: 'create', body: { Name: '03 30 00 Concrete' } });
  });

  it('creates under its parent', () => {
    expect(writeOf(planned(record(), { parent: { kind: 'class', id: '77' } }))?.body).to.deep.equal({ Name: '03 30 00 Concrete', ParentRef: { value: '77' } });
  });

  it('links a class of that name instead of making a second, and writes nothing when it is as wanted', () => {
    const change = planned(record(), { sameName: [aClass()] });
    expect(change).to.deep.include({ action: 'link', changes: ['link'] });
    expect(writeOf(change)).to.equal(null);
  });

  it('links and reactivates an inactive class of that name', () => {
    const inactive = aClass({ name: '03 30 00 Concrete (deleted)', active: false, syncToken: '3' });
    const change = planned(record(), { sameName: [inactive] });
    expect(change.changes).to.deep.equal(['reactivate', 'link']);
    expect(writeOf(change)?.body).to.deep.equal({ Id: '5', SyncToken: '3', Name: '03 30 00 Concrete', Active: true });
  });

  it('prefers the active one of two', () => {
    const inactive = aClass({ id: '4', name: '03 30 00 Concrete (deleted)', active: false });
    expect(planned(record(), { sameName: [inactive, aClass()] }).target?.id).to.equal('5');
  });

  it('is blocked when the class belongs to another code', () => {
    expect(planned(record(), { sameName: [aClass()], usedElsewhere: new Set(['5']) }).problem?.code).to.equal('class_used');
  });

  it('waits for the name where another code is about to give it up', () => {
    expect(planned(record(), { sameName: [aClass()], usedElsewhere: new Set(['5']), leaving: new Set(['5']) })).to.deep.include({ action: 'create', waits: true });
    expect(planned(record())).to.deep.include({ action: 'create', waits: false });
  });

  it('is blocked while its parent is not there', () => {
    expect(planned(record(), { parent: { kind: 'missing', name: '03 Concrete' } }).problem).to.deep.include({ code: 'parent_not_synced', value: '03 Concrete' });
  });

  it('does nothing for an inactive code', () => {
    expect(planned(record({}, { active: false }))).to.deep.include({ action: 'none', reason: 'inactive_never_synced' });
  });

  it('is blocked by what Linarc lacks, not by what QuickBooks once said', () => {
    expect(planned(record({}, { name: '' })).problem?.code).to.equal('name_missing');
    expect(planned(record({ status: 'failed', problem: problem('business_rule') })).action).to.equal('create');
  });
});

describe('the plan for a code with a class', () => {
  const linked = (change: Partial<StagedRecord> = {}, of = aClass()) => record({ link: linkTo(of), ...change });

  it('does nothing when all is as wanted', () => {
    expect(planned(linked(), { linked: aClass() })).to.deep.include({ action: 'none', reason: 'as_wanted' });
  });

  it('renames by a full update', () => {
    const old = aClass({ name: '03 30 00 Beton', syncToken: '2', parentId: '9' });
    const change = planned(linked({}, old), { linked: old, parent: { kind: 'class', id: '9' } });
    expect(change.changes).to.deep.equal(['rename']);
    expect(writeOf(change)?.body).to.deep.equal({ Id: '5', SyncToken: '2', Name: '03 30 00 Concrete', ParentRef: { value: '9' }, Active: true });
  });

  it('makes inactive only where the company chose so', () => {
    const inactive = linked({ wanted: { name: '03 30 00 Concrete', parent: null, active: false } });
    expect(planned(inactive, { linked: aClass() }, true).changes).to.deep.equal(['inactivate']);
    expect(planned(inactive, { linked: aClass() }, false)).to.deep.include({ action: 'none', reason: 'inactivation_not_chosen' });
  });

  it('never overwrites what somebody changed in QuickBooks, unless a person said so for that very change', () => {
    const changed = aClass({ name: 'Betonage', syncToken: '1' });
    const mine = linked();
    expect(planned(mine, { linked: changed }).problem?.code).to.equal('changed_in_quickbooks');
    expect(planned({ ...mine, overwrite: '1' }, { linked: changed }).action).to.equal('rename');
    expect(planned({ ...mine, overwrite: '0' }, { linked: changed }).action).to.equal('blocked');
  });

  it('takes a change in QuickBooks to just what is wanted for done', () => {
    const old = aClass({ name: 'Beton' });
    expect(planned(linked({}, old), { linked: aClass({ syncToken: '1' }) }).action).to.equal('none');
  });

  it('is blocked when the class is gone, or the new name is taken', () => {
    expect(planned(linked()).problem?.code).to.equal('class_gone');
    const old = aClass({ name: 'Beton' });
    expect(planned(linked({}, old), { linked: old, sameName: [aClass({ id: '6' })] }).problem?.code).to.equal('class_used');
  });

  it('waits with a new name that another code is about to give up, if no third has it', () => {
    const old = aClass({ name: 'Beton' });
    const taken = [aClass({ id: '6' }), aClass({ id: '7' })];
    expect(planned(linked({}, old), { linked: old, sameName: taken, leaving: new Set(['6', '7']) })).to.deep.include({ action: 'rename', waits: true });
    expect(planned(linked({}, old), { linked: old, sameName: taken, leaving: new Set(['6']) }).problem?.code).to.equal('class_used');
    expect(planned(linked({}, old), { linked: old })).to.deep.include({ action: 'rename', waits: false });
  });

  it('takes an inactive class of the new name for no hindrance, until QuickBooks refused the name', () => {
    const old = aClass({ name: 'Beton' });
    const around = { linked: old, sameName: [aClass({ id: '6', active: false })] };
    expect(planned(linked({}, old), around).action).to.equal('rename');
    expect(planned({ ...linked({}, old), problem: problem('name_refused_duplicate') }, around).problem?.code).to.equal('class_used');
  });
});

describe('any plan', () => {
  const classes = fc.array(
    fc.record({ id: fc.constantFrom('1', '2', '3'), name: fc.constantFrom('03 30 00 Concrete', '03 30 00 CONCRETE', 'Other'), active: fc.boolean(), syncToken: fc.constantFrom('0', '1') }),
    { maxLength: 3 },
  );
  const situation = fc.record({ classes, used: fc.subarray(['1', '2', '3']), link: fc.option(fc.constantFrom('1', '2', '3')), active: fc.boolean(), inactivate: fc.boolean() });

  it('never makes a second class of a name, never takes one that is used, and after it was carried out plans nothing more', () => {
    fc.assert(
      fc.property(situation, (s) => {
        const there = [...new Map(s.classes.map((c) => [c.id, aClass({ ...c, name: c.active ? c.name : `${c.name} (deleted)` })])).values()];
        const sameName = there.filter((c) => fold(c.name.replace(' (deleted)', '')) === fold('03 30 00 Concrete'));
        const mine = there.find((c) => c.id === s.link);
        const of = record({ link: mine ? { ...linkTo(mine), name: mine.name.replace(' (deleted)', '') } : null, wanted: { name: '03 30 00 Concrete', parent: null, active: s.active } });
        const usedElsewhere = new Set(s.used.filter((id) => id !== mine?.id));
        const change = planned(of, { linked: mine, sameName, usedElsewhere }, s.inactivate);

        if (change.action === 'create') expect(sameName).to.have.lengthOf(0);
        if (change.target && !mine) expect(usedElsewhere.has(change.target.id)).to.equal(false);
        if (change.action === 'none' || change.action === 'blocked') return;
        const result = carriedOut(change);
        const again = planned({ ...of, link: linkTo(result) }, { linked: result, sameName: [result], usedElsewhere }, s.inactivate);
        expect(again.action).to.equal('none');
      }),
    );
  });

  function carriedOut({ target, after }: PlannedChange): QuickBooksClass {
    return aClass({ ...target, id: target?.id ?? '99', name: after?.name ?? '', active: after?.active ?? true, parentId: after?.parentId ?? null, createdAt: AT });
  }
});
