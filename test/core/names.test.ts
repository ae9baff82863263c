import { expect } from 'chai';
import fc from 'fast-check';
import { bareClassName, className, cleanName, contentHash, fold, isCut, NAME_LIMIT, patternFault, sortKey } from '../../server/core/names.ts';

const named = (code: string, name: string, pattern = '{code} {name}') => className({ code, name }, pattern);
const nameOf = (code: string, name: string, pattern?: string) => {
  const result = named(code, name, pattern);
  return 'name' in result ? result.name : result.problem.code;
};

describe('class names', () => {
  it('puts code and name together and keeps leading zeros', () => {
    expect(nameOf('03 30 00', 'Cast-in-Place Concrete')).to.equal('03 30 00 Cast-in-Place Concrete');
    expect(nameOf('007', 'Site')).to.equal('007 Site');
  });

  it('replaces what QuickBooks refuses and collapses blanks', () => {
    expect(nameOf(' 09:20 ', 'Drywall\t5/8"\n  Type X ')).to.equal('09-20 Drywall 5/8 Type X');
    expect(nameOf('01', 'A\u00a0B\u200bC')).to.equal('01 A BC');
  });

  it('cuts at the end of the name and keeps the code whole', () => {
    const name = nameOf('03 30 00', 'x'.repeat(200));
    expect(name).to.have.lengthOf(NAME_LIMIT);
    expect(name.startsWith('03 30 00 x')).to.equal(true);
  });

  it('cuts inside the pattern, so text after the name stays', () => {
    const name = nameOf('03', 'y'.repeat(200), '{name} ({code})');
    expect(name).to.have.lengthOf(NAME_LIMIT);
    expect(name.endsWith(' (03)')).to.equal(true);
  });

  it('shows so much of the name as the pattern wants', () => {
    expect(nameOf('03', 'Cast-in-Place Concrete', '{code} {name:4}')).to.equal('03 Cast');
    expect(nameOf('03', 'Cast', '{code} {name:60}')).to.equal('03 Cast');
    expect(isCut({ code: '03', name: 'Cast-in-Place' }, '{code} {name:4}')).to.equal(true);
    expect(isCut({ code: '03', name: 'Cast' }, '{code} {name:4}')).to.equal(false);
    expect(isCut({ code: '03', name: 'x'.repeat(98) }, '{code} {name}')).to.equal(true);
  });

  it('takes braces in a code or a name for what they are', () => {
    expect(nameOf('{name}', '{code}')).to.equal('{name} {code}');
  });

  it('never cuts through a character made of several', () => {
    expect(nameOf('03', `${'a'.repeat(95)}👷‍♀️👷‍♀️`)).to.equal(`03 ${'a'.repeat(95)}`);
  });

  it('says what is missing or cannot be kept whole', () => {
    expect(nameOf('', 'Concrete')).to.equal('code_missing');
    expect(nameOf('03', ' \t ')).to.equal('name_missing');
    expect(nameOf('9'.repeat(101), 'Concrete')).to.equal('code_too_long');
  });

  it('always gives a name QuickBooks accepts, with the whole code in it, or a reason', () => {
    const pattern = fc.constantFrom('{code} {name}', '{name} - {code}', '[{code}] {name} x', '{code}');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 130 }), fc.string({ unit: 'grapheme', maxLength: 130 }), pattern, (code, name, shape) => {
        const result = named(code, name, shape);
        if ('problem' in result) return ['code_missing', 'name_missing', 'code_too_long'].includes(result.problem.code);
        expect(result.name.length).to.be.within(1, NAME_LIMIT);
        expect(result.name).to.not.match(/[:"\t\n\r]/);
        expect(result.name).to.equal(result.name.trim());
        expect(result.name).to.include(cleanName(code));
        expect(result.name).to.not.match(/\p{Cs}/u);
        return true;
      }),
    );
  });

  it('cleans and folds to the same in one step or two', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(cleanName(cleanName(text))).to.equal(cleanName(text));
        expect(fold(fold(text))).to.equal(fold(text));
      }),
    );
  });

  it('tells a pattern that cannot work', () => {
    expect(patternFault('{code} - {name}')).to.equal(null);
    expect(patternFault('{name}')).to.match(/needs \{code\}/);
    expect(patternFault('{code} {division}')).to.match(/\{division\} is not known/);
    expect(patternFault('{code} {name:60}')).to.equal(null);
    expect(patternFault('{code} {name:0}')).to.match(/1 to 100/);
    expect(patternFault('{code:4} {name}')).to.match(/never cut/);
    expect(patternFault('{code} {name')).to.match(/brace/);
  });

  it('takes the suffix off inactive classes only', () => {
    expect(bareClassName({ name: '03 Concrete (deleted)', active: false })).to.equal('03 Concrete');
    expect(bareClassName({ name: '03 Concrete (Deleted) 2', active: false })).to.equal('03 Concrete');
    expect(bareClassName({ name: '03 Concrete (deleted)', active: true })).to.equal('03 Concrete (deleted)');
  });
});

describe('the order of codes', () => {
  const inOrder = (...codes: string[]) => codes.toSorted((a, b) => (sortKey(a, '1') < sortKey(b, '1') ? -1 : 1));

  it('is natural', () => {
    expect(inOrder('1.10', '1.2', '1.1')).to.deep.equal(['1.1', '1.2', '1.10']);
    expect(inOrder('10 00 00', '03 30 53.13', '03 30 53', '03 30 00')).to.deep.equal(['03 30 00', '03 30 53', '03 30 53.13', '10 00 00']);
    expect(inOrder('B2', 'a10', 'A9')).to.deep.equal(['A9', 'a10', 'B2']);
  });

  it('is total: different records never share a key', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
        expect(sortKey(a, '1')).to.not.equal(sortKey(b, '2'));
      }),
    );
  });

  it('agrees with numbers of any length', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (a, b) => {
        expect(sortKey(`X${a}`, '') < sortKey(`X${b}`, '')).to.equal(a < b);
      }),
    );
  });
});

describe('content hashes', () => {
  it('are the same whatever the order of keys, and differ with the content', () => {
    expect(contentHash({ a: 1, b: [1, 2] })).to.equal(contentHash({ b: [1, 2], a: 1 }));
    expect(contentHash({ a: 1, b: [1, 2] })).to.not.equal(contentHash({ a: 1, b: [2, 1] }));
    expect(contentHash({ a: undefined })).to.equal(contentHash({}));
  });
});
