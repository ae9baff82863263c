import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { ClassMirror } from '../../server/core/ports.ts';
import type { QuickBooksClass, Tenant } from '../../server/core/records.ts';
import { AT, eachStore, type Open } from './fixture.ts';

let opened: Awaited<ReturnType<Open>>;
let classes: ClassMirror;
let next = 0;

const company = () => String((next += 1)).padStart(24, '0') as Tenant;
const idsOf = (found: readonly QuickBooksClass[]) => found.map((each) => each.id).sort();

/** The database's time, a moment after all that was saved so far. */
async function later(): Promise<Date> {
  await sleep(3);
  return classes.time();
}

function classOf(id: string, about: Partial<QuickBooksClass> = {}): QuickBooksClass {
  const name = about.name ?? `Class ${id}`;
  return { id, syncToken: '0', name, fullyQualifiedName: name, parentId: null, active: true, createdAt: AT, updatedAt: AT, ...about };
}

eachStore('The store of classes', (open) => {
  before(async () => {
    opened = await open();
    classes = opened.stores.classes;
  });
  after(() => opened.close());

  describe('The mirror of QuickBooks classes', () => {
    it('gives back what was saved', async () => {
      const of = company();
      const saved = [classOf('1'), classOf('9223372036854775807', { parentId: '1', createdAt: null, updatedAt: null })];
      await classes.save(of, saved);
      expect(await classes.byIds(of, ['1', '9223372036854775807', '3'])).to.have.deep.members(saved);
    });

    it('finds classes by any or all of some texts, by name, inactive ones by the name they had', async () => {
      const of = company();
      await classes.save(of, [
        classOf('1', { name: 'Cast Walls' }), classOf('2', { name: 'cast floors (b)' }), classOf('3', { name: 'Walls (deleted)', active: false }), classOf('4', { name: 'a.c' }), classOf('5', { name: 'abc' }),
      ]);
      const names = async (texts: string[], how: 'any' | 'all', limit = 9) => (await classes.holding(of, texts, how, limit)).map(({ id }) => id);
      expect(await names(['WALLS', '(b)'], 'any')).to.deep.equal(['2', '1', '3']);
      expect(await names(['cast', 'walls'], 'all')).to.deep.equal(['1']);
      expect(await names(['a.c'], 'any'), 'text, no pattern').to.deep.equal(['4']);
      expect(await names(['', ' '], 'any')).to.deep.equal([]);
      expect(await names(['cast'], 'any', 1)).to.deep.equal(['2']);
    });

    it('tells the classes right below one, and how many there are', async () => {
      const of = company();
      await classes.save(of, [classOf('1'), classOf('2', { parentId: '1', name: 'b' }), classOf('3', { parentId: '1', name: 'A' }), classOf('4', { parentId: '3' })]);
      expect((await classes.below(of, '1', 9, 0)).map(({ id }) => id)).to.deep.equal(['3', '2']);
      expect((await classes.below(of, null, 9, 0)).map(({ id }) => id)).to.deep.equal(['1']);
      expect((await classes.below(of, '1', 1, 1)).map(({ id }) => id)).to.deep.equal(['2']);
      expect([...await classes.countBelow(of, ['1', '2', '3'])].sort()).to.deep.equal([['1', 2], ['3', 1]]);
    });

    it('takes the newer state of a class, whichever comes last', async () => {
      const of = company();
      await classes.save(of, [classOf('1', { syncToken: '10', name: 'New' })]);
      await classes.save(of, [classOf('1', { syncToken: '9', name: 'Old' }), classOf('2')]);
      expect((await classes.byIds(of, ['1']))[0]?.name).to.equal('New');
      expect(await classes.count(of)).to.deep.equal({ active: 2, inactive: 0 });
    });

    it('takes a class made anew under an old id as it is now', async () => {
      const of = company();
      await classes.save(of, [classOf('1', { syncToken: '10', name: 'Before' })]);
      await classes.save(of, [classOf('1', { syncToken: '0', name: 'Anew', createdAt: new Date(AT.getTime() + 1) })]);
      expect((await classes.byIds(of, ['1']))[0]?.name).to.equal('Anew');
    });

    it('drops what a full read has not seen', async () => {
      const of = company();
      await classes.save(of, [classOf('1'), classOf('2', { syncToken: '4' }), classOf('3')]);
      const since = await later();
      await classes.save(of, [classOf('1'), classOf('2', { syncToken: '3' })]);
      expect(await classes.dropUnseen(of, since)).to.equal(1);
      expect(idsOf(await classes.byIds(of, ['1', '2', '3']))).to.deep.equal(['1', '2']);
    });

    it('keeps a class written while the full read went on, until the next read', async () => {
      const of = company();
      const since = await later();
      await classes.save(of, [classOf('1')]);
      await classes.save(of, [classOf('2')]);
      expect(await classes.dropUnseen(of, since)).to.equal(0);
      const next = await later();
      await classes.save(of, [classOf('1')]);
      expect(await classes.dropUnseen(of, next)).to.equal(1);
    });

    it('drops nothing that another full read has seen meanwhile', async () => {
      const of = company();
      const one = await later();
      await classes.save(of, [classOf('1'), classOf('2')]);
      const other = await later();
      await classes.save(of, [classOf('1'), classOf('2')]);
      expect(await classes.dropUnseen(of, one)).to.equal(0);
      expect(await classes.dropUnseen(of, other)).to.equal(0);
      expect(await classes.count(of)).to.deep.equal({ active: 2, inactive: 0 });
    });

    it('finds by folded name under a parent, inactive ones by their name without the suffix', async () => {
      const of = company();
      await classes.save(of, [
        classOf('1', { name: 'Site  Work' }), classOf('2', { name: 'site work', parentId: '1' }), classOf('3', { name: 'Site Work (deleted) 2', active: false }), classOf('4', { name: 'Other' }),
      ]);
      expect(idsOf(await classes.byNames(of, [{ parentId: null, foldedName: 'site work' }]))).to.deep.equal(['1', '3']);
      expect(idsOf(await classes.byNames(of, [{ parentId: '1', foldedName: 'site work' }, { parentId: null, foldedName: 'other' }]))).to.deep.equal(['2', '4']);
      expect(idsOf(await classes.withNames(of, ['site work']))).to.deep.equal(['1', '2', '3']);
    });

    it('searches in names, by name, up to a limit, with no pattern in it', async () => {
      const of = company();
      await classes.save(of, [classOf('1', { name: 'B 1.0 concrete' }), classOf('2', { name: 'a CONCRETE' }), classOf('3', { name: 'Steel 100' })]);
      expect((await classes.search(of, 'Concrete', 10)).map((found) => found.id)).to.deep.equal(['2', '1']);
      expect(await classes.search(of, '', 1)).to.have.length(1);
      expect(idsOf(await classes.search(of, '1.0', 10))).to.deep.equal(['1']);
    });

    it('forgets what QuickBooks no longer knows, and counts the rest', async () => {
      const of = company();
      await classes.save(of, [classOf('1'), classOf('2', { active: false }), classOf('3')]);
      await classes.drop(of, ['3', '4']);
      expect(await classes.count(of)).to.deep.equal({ active: 1, inactive: 1 });
    });

    it('never crosses companies', async () => {
      const [one, two] = [company(), company()];
      await classes.save(one, [classOf('1')]);
      await classes.save(two, [classOf('1', { name: 'Theirs' })]);
      await classes.drop(one, ['1']);
      await classes.dropUnseen(one, await later());
      expect(await classes.byIds(one, ['1'])).to.deep.equal([]);
      expect((await classes.byIds(two, ['1']))[0]?.name).to.equal('Theirs');
    });
  });
});
