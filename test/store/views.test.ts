import { expect } from 'chai';
import { MOST_VIEWS, type SavedViews } from '../../server/core/views.ts';
import type { Tenant } from '../../server/core/records.ts';
import { openTestStores } from './fixture.ts';

const [ONE, OTHER] = ['1'.repeat(24), '2'.repeat(24)] as [Tenant, Tenant];

describe('The store of saved views', () => {
  let views: SavedViews;
  let close: () => Promise<void>;

  beforeEach(async () => {
    const opened = await openTestStores();
    views = opened.stores.views;
    ({ close } = opened);
  });
  afterEach(() => close());

  const names = async (company: Tenant, user: string) => (await views.of(company, user)).map(({ name }) => name);

  it('keeps each person’s views of each company apart, in the order of their names', async () => {
    await views.save(ONE, 'mara', { name: 'b', search: '?q=b' });
    await views.save(ONE, 'mara', { name: 'A', search: '' });
    await views.save(ONE, 'jonas', { name: 'c', search: '' });
    await views.save(OTHER, 'mara', { name: 'd', search: '' });
    expect(await names(ONE, 'mara')).to.deep.equal(['A', 'b']);
    expect(await names(OTHER, 'mara')).to.deep.equal(['d']);
  });

  it('writes over a view of the same name, whatever its case', async () => {
    await views.save(ONE, 'mara', { name: 'Open', search: '?q=1' });
    await views.save(ONE, 'mara', { name: 'OPEN', search: '?q=2' });
    expect((await views.of(ONE, 'mara')).map(({ name, search }) => [name, search])).to.deep.equal([['OPEN', '?q=2']]);
  });

  it('keeps one of two that are saved under one name at once', async () => {
    await Promise.all([1, 2, 3, 4].map((n) => views.save(ONE, 'mara', { name: 'Same', search: `?q=${n}` })));
    expect(await names(ONE, 'mara')).to.deep.equal(['Same']);
  });

  it('gives no view the name of another, and touches nobody else’s', async () => {
    await views.save(ONE, 'mara', { name: 'A', search: '' });
    await views.save(ONE, 'mara', { name: 'B', search: '' });
    const [a] = await views.of(ONE, 'mara');
    expect(await views.rename(ONE, 'mara', a?.id ?? '', 'b')).to.equal('taken');
    expect(await views.rename(ONE, 'mara', a?.id ?? '', 'C')).to.equal(null);
    expect(await views.rename(OTHER, 'mara', a?.id ?? '', 'D')).to.equal(null);
    await views.remove(ONE, 'jonas', a?.id ?? '');
    expect(await names(ONE, 'mara')).to.deep.equal(['B', 'C']);
  });

  it('keeps no more than it has room for', async () => {
    for (let n = 0; n < MOST_VIEWS; n += 1) expect(await views.save(ONE, 'mara', { name: `View ${n}`, search: '' })).to.equal(null);
    expect(await views.save(ONE, 'mara', { name: 'One more', search: '' })).to.equal('full');
  });
});
