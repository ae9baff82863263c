import { expect } from 'chai';
import fc from 'fast-check';
import { RECORD_STATUSES } from '../../server/core/records.ts';
import { SORT_COLUMNS } from '../../server/core/selection.ts';
import { EMPTY_QUERY, filterOnly, PAGE_SIZES, readQuery, readSearch, searchOf, withFilter, type StagingQuery } from '../../server/web/query.ts';

const word = fc.stringMatching(/^[A-Za-z0-9&%=+ äöü.-]{1,30}$/).map((text) => text.trim()).filter((text) => text !== '');
const aQuery: fc.Arbitrary<StagingQuery> = fc.record({
  filter: fc.record({
    search: word, status: fc.constantFrom(...RECORD_STATUSES), taskType: word, active: fc.boolean(), problem: fc.constantFrom('code_duplicate', 'gave_up'),
    division: word, run: fc.constant('d'.repeat(24)),
  }, { requiredKeys: [] }),
  order: fc.record({ by: fc.constantFrom(...SORT_COLUMNS), direction: fc.constantFrom('asc' as const, 'desc' as const) }),
  offset: fc.nat(100_000),
  size: fc.constantFrom(...PAGE_SIZES),
  selectAll: fc.boolean(),
});

describe('The address of the staging screen', () => {
  it('says everything it was made from, so that a link can be shared', () => {
    fc.assert(fc.property(aQuery, (query) => void expect(readSearch(searchOf(query))).to.deep.equal(query)));
  });

  it('is plain for the plain list', () => {
    expect(searchOf(EMPTY_QUERY)).to.equal('');
    expect(readQuery({})).to.deep.equal(EMPTY_QUERY);
  });

  it('falls back to the plain list for what cannot be read, whatever it is', () => {
    const faulty = { q: ['a', 'b'], status: 'gone', sort: '$where', dir: 'up', from: '-5', size: '9999999', problem: '__proto__', select: '1', active: 'maybe' };
    expect(readQuery(faulty)).to.deep.equal(EMPTY_QUERY);
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.anything()), (query) => void readQuery(query)));
  });

  it('shows excluded records under a status of their own', () => {
    expect(readQuery({ status: 'excluded' }).filter).to.deep.equal({ excluded: true });
    expect(searchOf(readQuery({ status: 'excluded' }))).to.equal('?status=excluded');
  });

  it('goes back to the first page when the filter changes', () => {
    const changed = withFilter({ ...EMPTY_QUERY, offset: 300, selectAll: true }, { status: 'failed' });
    expect(changed).to.include({ offset: 0, selectAll: false });
  });

  it('means every page by the filter alone', () => {
    expect(filterOnly({ ...EMPTY_QUERY, offset: 300, filter: { status: 'failed' } })).to.deep.include({ offset: 0, filter: { status: 'failed' } });
  });
});
