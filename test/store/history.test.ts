import { expect } from 'chai';
import type { History } from '../../server/core/ports.ts';
import { problem } from '../../server/core/problems.ts';
import type { Fact, Tenant } from '../../server/core/records.ts';
import { AT, eachStore, type Open } from './fixture.ts';

let opened: Awaited<ReturnType<Open>>;
let history: History;
let next = 0;

const company = () => String((next += 1)).padStart(24, '0') as Tenant;

function fact(id: string, minute: number, change: Partial<Fact> = {}): Fact {
  const at = new Date(AT.getTime() + minute * 60_000);
  return { id, record: 'r1', at, by: { kind: 'person', userId: 'u', name: 'Maria' }, kind: 'changed', changes: [], run: null, exchange: null, problem: null, ...change };
}

eachStore('The store of history', (open) => {
  before(async () => {
    opened = await open();
    history = opened.stores.history;
  });
  after(() => opened.close());

  describe('History', () => {
    it('gives back a fact as it was', async () => {
      const of = company();
      const full = fact('f1', 0, {
        by: { kind: 'automatic', what: 'auto import' },
        changes: [{ field: 'Class', from: null, to: '01 Sitework' }],
        run: 'run1',
        exchange: { at: AT, operation: 'update', requestid: 'q', request: { bId: '1', Class: { Name: 'x' } }, response: [{ 'odd.key$': null }], status: 200, intuitTid: 't', took: 5 },
        problem: problem('class_used', { value: 'x', raw: { status: 400, code: '6240', message: 'm', detail: 'd', element: null, intuitTid: 't' } }),
      });
      await history.add(of, [full]);
      expect(await history.of(of, 'r1', { limit: 10 })).to.deep.equal([full]);
    });

    it('finds the newest exchange with QuickBooks, whatever was told since', async () => {
      const of = company();
      const exchange = (requestid: string) => ({ at: AT, operation: 'create', requestid, request: null, response: null, status: 200, intuitTid: 't', took: 5 }) as const;
      await history.add(of, [fact('a', 1, { exchange: exchange('q1') }), fact('b', 2, { exchange: exchange('q2') }), fact('c', 3), fact('d', 4, { record: 'r2', exchange: exchange('q3') })]);
      expect(await history.lastExchange(of, 'r1')).to.deep.equal(exchange('q2'));
      expect(await history.lastExchange(of, 'r3')).to.equal(null);
      expect(await history.lastExchange(company(), 'r1')).to.equal(null);
    });

    it('tells what one run did, oldest first', async () => {
      const of = company();
      await history.add(of, [fact('b', 2, { run: 'run1', record: 'r2' }), fact('a', 1, { run: 'run1' }), fact('c', 3, { run: 'run2' }), fact('d', 0)]);
      const ids: string[] = [];
      for await (const { id } of history.ofRun(of, 'run1')) ids.push(id);
      expect(ids).to.deep.equal(['a', 'b']);
    });

    it('keeps one of a fact told twice, as first told, and adds the others', async () => {
      const of = company();
      await history.add(of, [fact('f1', 0)]);
      await history.add(of, [fact('f1', 5, { kind: 'failed' }), fact('f2', 1)]);
      const told = await history.of(of, 'r1', { limit: 10 });
      expect(told.map(({ id, kind }) => [id, kind])).to.deep.equal([['f2', 'changed'], ['f1', 'changed']]);
    });

    it('keeps one of a fact told several times at once', async () => {
      const of = company();
      const facts = Array.from({ length: 50 }, (_, n) => fact(`f${n}`, n));
      await Promise.all([1, 2, 3].map(() => history.add(of, facts)));
      expect(await history.of(of, 'r1', { limit: 100 })).to.have.length(50);
    });

    it('reads newest first, page by page, of one kind if asked', async () => {
      const of = company();
      await history.add(of, [fact('f1', 1), fact('f2', 2, { kind: 'created' }), fact('f3', 3), fact('g1', 4, { record: 'r2' })]);
      const first = await history.of(of, 'r1', { limit: 2 });
      expect(first.map(({ id }) => id)).to.deep.equal(['f3', 'f2']);
      const before = first[1] ?? { at: AT, id: '' };
      expect((await history.of(of, 'r1', { limit: 2, before })).map(({ id }) => id)).to.deep.equal(['f1']);
      expect((await history.of(of, 'r1', { limit: 9, kinds: ['created', 'failed'] })).map(({ id }) => id)).to.deep.equal(['f2']);
    });

    it('parts no facts of one moment at the end of a page', async () => {
      const of = company();
      await history.add(of, ['a', 'c', 'b', 'd', 'e'].map((id) => fact(id, 1)));
      const found: string[] = [];
      for (let before: Fact | undefined; ;) {
        const page: readonly Fact[] = await history.of(of, 'r1', { limit: 2, ...(before && { before }) });
        if (page.length === 0) break;
        found.push(...page.map(({ id }) => id));
        before = page.at(-1);
      }
      expect(found).to.deep.equal(['e', 'd', 'c', 'b', 'a']);
    });

    it('of two companies with the same facts stays apart', async () => {
      const [one, two] = [company(), company()];
      await history.add(one, [fact('f1', 0)]);
      await history.add(two, [fact('f1', 0, { kind: 'failed' })]);
      expect((await history.of(one, 'r1', { limit: 5 })).map(({ kind }) => kind)).to.deep.equal(['changed']);
      expect((await history.of(two, 'r1', { limit: 5 })).map(({ kind }) => kind)).to.deep.equal(['failed']);
    });
  });
});
