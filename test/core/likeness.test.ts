import { expect } from 'chai';
import fc from 'fast-check';
import { likeness, suggestions } from '../../server/core/likeness.ts';
import { aClass, record } from './sample.ts';

describe('suggestions for a class', () => {
  it('put a name used before first, then the same number, then an alike name, three at most', () => {
    const found = suggestions({ ...record(), aliases: ['Beton'] }, [
      aClass({ id: '2', name: '03 30 00 Poured walls' }), aClass({ id: '3', name: 'Beton' }),
      aClass({ id: '4', name: 'Concrete' }), aClass({ id: '5', name: 'Payroll' }),
    ]);
    expect(found.map((one) => one.class.id)).to.deep.equal(['3', '4', '2']);
    expect(found[0]?.evidence).to.equal('used for this code before');
    expect(found[2]?.evidence).to.match(/^same number 03 30 00, name \d+ % alike$/);
  });

  it('likeness is 1 for the same, symmetric, and never beyond 0 and 1', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.string({ maxLength: 30 }), (a, b) => {
        expect(likeness(a, a)).to.equal(1);
        expect(likeness(a, b)).to.equal(likeness(b, a));
        expect(likeness(a, b)).to.be.within(0, 1);
      }),
    );
  });
});
