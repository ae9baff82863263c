import { expect } from 'chai';
import fc from 'fast-check';
import { fold } from '../../server/core/names.ts';
import { ancestorsOf, divisionId, LEVELS, placeOf, type Lookup } from '../../server/core/tree.ts';

/** A library of these codes, each of the division of its first segment. */
function library(...codes: string[]): Lookup {
  const known = new Map(codes.map((code) => [fold(code), { linarcId: `id ${code}`, divisionCode: divisionOf(code) }]));
  return (key) => known.get(key);
}
const divisionOf = (code: string) => code.split(/[ .-]/)[0] ?? '';
const placed = (code: string, lookup: Lookup, divisionCode = divisionOf(code)) => placeOf({ code, divisionCode }, 'tree', lookup);

describe('where a class stands', () => {
  it('is the top in a flat list, and below the division in one by division', () => {
    const code = { code: '03 30 00', divisionCode: '03' };
    expect(placeOf(code, 'flat', library('03 00 00'))).to.deep.equal({ parent: null, level: 0 });
    expect(placeOf(code, 'division', library('03 00 00'))).to.deep.equal({ parent: divisionId('03'), level: 1 });
    expect(placeOf({ ...code, divisionCode: ' ' }, 'division', library())).to.deep.equal({ parent: null, level: 0 });
  });

  it('is below the nearest code that its segments begin with', () => {
    const lookup = library('03 00 00', '03 30 00', '03 30 53');
    expect(placed('03 30 53', lookup)).to.deep.equal({ parent: 'id 03 30 00', level: 2 });
    expect(placed('03 30 00', lookup)).to.deep.equal({ parent: 'id 03 00 00', level: 1 });
    expect(placed('03 00 00', lookup)).to.deep.equal({ parent: null, level: 0 });
    expect(placed('03 30 53.25', lookup)).to.deep.equal({ parent: 'id 03 30 53', level: 3 });
  });

  it('is below the division where the library has no code for it', () => {
    expect(placed('03 30 53', library('03 30 00'))).to.deep.equal({ parent: 'id 03 30 00', level: 2 });
    expect(placed('03 30 00', library('03 30 00'))).to.deep.equal({ parent: divisionId('03'), level: 1 });
    expect(placed('AD-100', library('AD-100'), 'Office')).to.deep.equal({ parent: divisionId('Office'), level: 1 });
    expect(placed('AD-100', library('AD-100'), '')).to.deep.equal({ parent: null, level: 0 });
  });

  it('is never guessed from digits: only whole segments of the same division count', () => {
    expect(placed('0330', library('03'), '').parent).to.equal(null);
    expect(placed('03 31 00', library('03 30 00'), '').parent).to.equal(null);
    expect(placeOf({ code: '03 30 00', divisionCode: 'B' }, 'tree', library('03 00 00')).parent).to.equal(divisionId('B'));
  });

  it('ends at the fifth level, where deeper codes stand beside each other', () => {
    const lookup = library('1', '1.1', '1.1.1', '1.1.1.1', '1.1.1.1.1', '1.1.1.1.1.1');
    expect(placed('1.1.1.1.1', lookup)).to.deep.equal({ parent: 'id 1.1.1.1', level: 4 });
    expect(placed('1.1.1.1.1.1', lookup)).to.deep.equal({ parent: 'id 1.1.1.1', level: 4 });
  });

  it('always makes a tree: nobody above oneself, a parent one level up, five levels at most', () => {
    const segment = fc.constantFrom('0', '00', '1', '01', '10');
    const code = fc.array(segment, { minLength: 1, maxLength: 7 }).map((parts) => parts.join(' '));
    fc.assert(fc.property(fc.uniqueArray(code, { minLength: 1, maxLength: 40, selector: fold }), fc.boolean(), (codes, divided) => {
      const known = new Map(codes.map((one) => [fold(one), { linarcId: `id ${one}`, divisionCode: divided ? divisionOf(one) : '' }]));
      const places = new Map(codes.map((one) => [`id ${one}`, placeOf({ code: one, divisionCode: divided ? divisionOf(one) : '' }, 'tree', (key) => known.get(key))]));
      for (const [id, { parent, level }] of places) {
        expect(level).to.be.within(0, LEVELS - 1);
        expect(parent).not.to.equal(id);
        const above = parent === null ? null : places.get(parent) ?? { level: 0 };
        expect(level).to.equal(above === null ? 0 : above.level + 1);
      }
    }));
  });

  it('spells codes above as their library does', () => {
    expect(ancestorsOf('03 30 53')).to.deep.equal([['03 30', '03 30 00'], ['03', '03 00', '03 00 00']]);
    expect(ancestorsOf('03 00 00')).to.deep.equal([]);
    expect(ancestorsOf('')).to.deep.equal([]);
  });
});
