import { expect } from 'chai';
import fc from 'fast-check';
import { classesQuery, groupsOf, literal, oneOf } from '../../server/qbo/query.ts';

/** Reads a literal as QuickBooks does: a backslash takes the next character as it is, a bare quote ends the text. */
function readLiteral(text: string): { value: string; rest: string } {
  let value = '';
  for (let at = 1; at < text.length; at += 1) {
    if (text[at] === "'") return { value, rest: text.slice(at + 1) };
    if (text[at] === '\\') at += 1;
    value += text[at] ?? '';
  }
  throw new Error('the literal has no end');
}

describe('qbo: query text', () => {
  it('escapes quotes and backslashes', () => {
    expect(literal(String.raw`Amy's \ "Class"`)).to.equal(String.raw`'Amy\'s \\ "Class"'`);
  });

  it('writes any text so that it reads back whole and ends where it should', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(readLiteral(`${literal(text)} and Active = true`)).to.deep.equal({ value: text, rest: ' and Active = true' });
    }));
  });

  it('keeps quotes, backslashes and blanks in any mixture inside the literal', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom("'", '\\', ' ', ',', ')', 'a') }), (text) => {
      expect(readLiteral(literal(text))).to.deep.equal({ value: text, rest: '' });
    }));
  });

  it('makes every text sendable, half surrogates too', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(() => encodeURIComponent(literal(`${text}\ud800`))).not.to.throw();
    }));
  });

  it('asks for inactive classes too, by id, from the row it is told', () => {
    expect(classesQuery(oneOf('Id', ['1', '2']), 1_001)).to.equal(
      "select * from Class where Id in ('1','2') and Active in (true,false) ORDERBY Id STARTPOSITION 1001 MAXRESULTS 1000",
    );
  });

  it('groups values without losing or repeating any', () => {
    fc.assert(fc.property(fc.array(fc.string()), fc.integer({ min: 1, max: 7 }), (values, size) => {
      const groups = groupsOf(values, size);
      expect(groups.flat()).to.deep.equal([...new Set(values)]);
      expect(groups.every((group) => group.length >= 1 && group.length <= size)).to.equal(true);
    }));
  });
});
