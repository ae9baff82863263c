import { expect } from 'chai';
import fc from 'fast-check';
import { fold } from '../../server/core/names.ts';
import type { CostCodes, StagedDraft, UnderLease } from '../../server/core/ports.ts';
import { problem } from '../../server/core/problems.ts';
import { RECORD_STATUSES, type StagedRecord, type Tenant } from '../../server/core/records.ts';
import type { RecordFilter, RecordOrder, SortColumn } from '../../server/core/selection.ts';
import { SORT_COLUMNS } from '../../server/core/selection.ts';
import { AT, collect, draftOf, eachStore, held, type Open } from './fixture.ts';

let opened: Awaited<ReturnType<Open>>;
let costCodes: CostCodes;
let next = 0;

/** A company of its own for each test, so that one database serves them all. */
function company(): Tenant {
  next += 1;
  return String(next).padStart(24, '0') as Tenant;
}

async function staged(of: Tenant, drafts: readonly StagedDraft[]): Promise<Map<string, StagedRecord>> {
  expect(await costCodes.stage(of, drafts)).to.deep.equal([]);
  const records = await costCodes.byLinarcIds(of, drafts.map((draft) => draft.linarcId));
  return new Map(records.map((record) => [record.linarcId, record]));
}

const codesOf = (records: readonly StagedRecord[]) => records.map((record) => record.source.code);
const BY_CODE: RecordOrder = { by: 'code', direction: 'asc' };
const everything = { kind: 'matching', filter: {}, except: [] } as const;

eachStore('The store of cost codes', (open) => {
  before(async () => {
    opened = await open();
    ({ costCodes } = opened.stores);
  });
  after(() => opened.close());

  describe('Staging cost codes', () => {
    it('stores a new record with all the draft says and nothing else decided', async () => {
      const of = company();
      const draft = draftOf('a', { code: '01-100', name: 'Sitework' });
      const record = (await staged(of, [draft])).get('a');
      const { over: _over, ...fields } = draft;
      expect(record).to.deep.include({ ...fields, link: null, aliases: [], syncedAt: null, run: null, intent: null, lastExchange: null, version: 1 });
    });

    it('keeps the raw record as Linarc sent it, whatever its keys', async () => {
      const of = company();
      const raw = { 'a.b': 1, $where: 'x', '': null, deep: [{ 'Cost Code ($)': 1.5 }], text: 'Ünïcode \u0000 \ud800' };
      const record = (await staged(of, [draftOf('a', {}, { raw })])).get('a');
      expect(record?.raw).to.deep.equal(raw);
    });

    it('updates over the version the draft was worked out from', async () => {
      const of = company();
      await staged(of, [draftOf('a')]);
      const after = (await staged(of, [draftOf('a', { name: 'Renamed' }, { over: 1 })])).get('a');
      expect(after).to.deep.include({ version: 2, status: 'needs_sync' });
      expect(after?.source.name).to.equal('Renamed');
    });

    it('leaves out and returns drafts whose record moved, and stores the rest', async () => {
      const of = company();
      await staged(of, ['a', 'b', 'c'].map((id) => draftOf(id)));
      const late = draftOf('b', { name: 'Late' }, { over: 0 });
      const missed = await costCodes.stage(of, [draftOf('a', { name: 'New' }, { over: 1 }), late, draftOf('c', { name: 'New' }, { over: 1 })]);
      expect(missed).to.deep.equal([late]);
      const names = (await costCodes.byLinarcIds(of, ['a', 'b', 'c'])).map((record) => record.source.name);
      expect(names).to.deep.equal(['New', 'Work b', 'New']);
    });

    it('never overwrites a record that somebody else added meanwhile', async () => {
      const of = company();
      await staged(of, [draftOf('a', { name: 'First' })]);
      const second = draftOf('a', { name: 'Second' });
      expect(await costCodes.stage(of, [second, draftOf('b')])).to.deep.equal([second]);
      expect((await costCodes.byLinarcIds(of, ['a']))[0]).to.deep.include({ version: 1 });
    });

    it('lets exactly one of two imports at once add each record', async () => {
      const of = company();
      const drafts = Array.from({ length: 300 }, (_, n) => draftOf(`n${n}`));
      const missed = await Promise.all([costCodes.stage(of, drafts), costCodes.stage(of, drafts)]);
      expect(missed[0].length + missed[1].length).to.equal(300);
      expect((await costCodes.counts(of)).total).to.equal(300);
    });

    it('keeps what an import does not decide', async () => {
      const of = company();
      const record = (await staged(of, [draftOf('a')])).get('a');
      const link = { id: '5', syncToken: '0', name: 'a', parentId: null, active: true, how: 'created' } as const;
      await costCodes.change(of, record?.id ?? '', 1, { link, aliases: ['old'], syncedAt: AT });
      const after = (await staged(of, [draftOf('a', {}, { over: 2 })])).get('a');
      expect(after).to.deep.include({ link, aliases: ['old'], syncedAt: AT, version: 3 });
    });

    it('stages 8,774 codes, stages them again, and finds the pages in the middle and at the end', async function () {
      this.timeout(120_000);
      const of = company();
      const drafts = Array.from({ length: 8774 }, (_, n) => draftOf(`id-${n}`, { code: `${n % 50} ${n}`, name: `Code number ${n}` }));
      await costCodes.stage(of, drafts);
      const again = drafts.map((draft) => ({ ...draft, over: 1 }));
      expect(await costCodes.stage(of, again)).to.deep.equal([]);
      expect((await costCodes.counts(of)).total).to.equal(8774);
      const ids = (await collect(costCodes.stream(of, everything))).map(({ id }) => id);
      for (const direction of ['asc', 'desc'] as const) {
        for (const offset of [999, 1000, 4386, 4400, 8700, 8773, 8774, 9000]) {
          const { records, total } = await costCodes.page(of, {}, { by: 'code', direction }, offset, 100);
          expect(total).to.equal(8774);
          expect(records.map(({ id }) => id)).to.deep.equal(ids.slice(offset, offset + 100));
        }
        ids.reverse();
      }
    });
  });

  describe('Counting for what is seen at a glance', () => {
    const change = async (of: Tenant, linarcId: string, fields: Parameters<CostCodes['change']>[3]) => {
      const [record] = await costCodes.byLinarcIds(of, [linarcId]);
      await costCodes.change(of, record?.id ?? '', record?.version ?? 0, fields);
    };

    it('tells why records failed or wait, the commonest first, without what is excluded or done', async () => {
      const of = company();
      await staged(of, ['a', 'b', 'c', 'd', 'e'].map((id) => draftOf(id)));
      for (const id of ['a', 'b', 'e']) await change(of, id, { status: 'needs_action', problem: problem('name_missing') });
      await change(of, 'c', { status: 'failed', problem: problem('gave_up') });
      await change(of, 'd', { status: 'synced', problem: problem('gave_up') });
      await change(of, 'e', { excluded: { by: 'Maria', byRule: false, reason: '', at: AT } });
      expect(await costCodes.causes(of)).to.deep.equal([
        { status: 'needs_action', code: 'name_missing', count: 2 }, { status: 'failed', code: 'gave_up', count: 1 },
      ]);
      expect(await costCodes.causes(company())).to.deep.equal([]);
    });

    it('tells how each division stands, in natural order of their codes', async () => {
      const of = company();
      const inDivision = (id: string, divisionCode: string, divisionName = `Division ${divisionCode}`) => draftOf(id, { divisionCode, divisionName });
      await staged(of, [inDivision('a', '10'), inDivision('b', '9'), inDivision('c', '9'), inDivision('d', '', '')]);
      await change(of, 'c', { status: 'synced' });
      const none = { needs_sync: 0, needs_action: 0, syncing: 0, synced: 0, failed: 0 };
      expect(await costCodes.divisions(of)).to.deep.equal([
        { code: '9', name: 'Division 9', byStatus: { ...none, needs_sync: 1, synced: 1 } }, { code: '10', name: 'Division 10', byStatus: { ...none, needs_sync: 1 } },
      ]);
    });

    it('finds by division, by run and by whether a class is linked, and streams in any order', async () => {
      const of = company();
      await staged(of, [draftOf('a', { divisionCode: '1', name: 'Zebra' }), draftOf('b', { divisionCode: '2', name: 'Ant' }), draftOf('c', { divisionCode: '2', name: 'Mole' })]);
      await change(of, 'b', { settledIn: { run: 'run1', outcome: 'failed' }, link: { id: '5', syncToken: '0', name: 'b', parentId: null, active: true, how: 'created' } });
      const ids = async (filter: RecordFilter) => {
        const found: string[] = [];
        for await (const { linarcId } of costCodes.stream(of, { kind: 'matching', filter, except: [] }, { by: 'name', direction: 'asc' })) found.push(linarcId);
        return found;
      };
      expect(await ids({})).to.deep.equal(['b', 'c', 'a']);
      expect(await ids({ division: '2' })).to.deep.equal(['b', 'c']);
      expect(await ids({ run: 'run1' })).to.deep.equal(['b']);
      expect(await ids({ linked: true })).to.deep.equal(['b']);
      expect(await ids({ linked: false })).to.deep.equal(['c', 'a']);
    });

    it('puts records into a run with what was said yes to, and their parents with nothing', async () => {
      const of = company();
      const records = await staged(of, [draftOf('p'), draftOf('k', { parent: 'p' })]);
      await costCodes.claim(of, 'run1', held(1), { kind: 'ids', ids: [records.get('k')?.id ?? ''], consent: ['move'] });
      const now = await costCodes.byLinarcIds(of, ['p', 'k']);
      expect(Object.fromEntries(now.map(({ linarcId, run }) => [linarcId, run?.consent]))).to.deep.equal({ p: [], k: ['move'] });
    });
  });

  describe('Reading staged cost codes', () => {
    const names: readonly [string, string][] = [['1.10', 'Zeta'], ['1.2', 'beta'], ['03', 'Alpha'], ['1.1', 'Gamma'], ['2', 'Éclair']];
    let of: Tenant;

    before(async () => {
      of = company();
      await staged(of, names.map(([code, name], n) => draftOf(`x${n}`, { code, name, taskType: n % 2 ? 'Labor' : 'Material', active: n !== 3 }, { status: n === 0 ? 'failed' : 'needs_sync' })));
    });

    it('pages in the natural order of the codes', async () => {
      const { records, total } = await costCodes.page(of, {}, BY_CODE, 0, 10);
      expect(codesOf(records)).to.deep.equal(['1.1', '1.2', '1.10', '2', '03']);
      expect(total).to.equal(5);
    });

    it('gives the first and the last page of a list', async () => {
      expect(codesOf((await costCodes.page(of, {}, BY_CODE, 0, 2)).records)).to.deep.equal(['1.1', '1.2']);
      expect(codesOf((await costCodes.page(of, {}, BY_CODE, 4, 2)).records)).to.deep.equal(['03']);
      expect((await costCodes.page(of, {}, BY_CODE, 5, 2)).records).to.deep.equal([]);
    });

    it('sorts by name without regard to case', async () => {
      const { records } = await costCodes.page(of, {}, { by: 'name', direction: 'desc' }, 0, 10);
      expect(records.map((record) => record.source.name)).to.deep.equal(['Éclair', 'Zeta', 'Gamma', 'beta', 'Alpha']);
    });

    for (const by of SORT_COLUMNS) {
      it(`shows every record once over all pages sorted by ${by}, and backwards the other way round`, async () => {
        const seen = await paged(by, 'asc');
        expect([...seen].sort()).to.deep.equal(['03', '1.1', '1.10', '1.2', '2']);
        expect(await paged(by, 'desc')).to.deep.equal([...seen].reverse());
      });
    }

    async function paged(by: SortColumn, direction: 'asc' | 'desc'): Promise<string[]> {
      const pages = await Promise.all([0, 2, 4].map((offset) => costCodes.page(of, {}, { by, direction }, offset, 2)));
      return pages.flatMap((page) => codesOf(page.records));
    }

    const filters: readonly [string, RecordFilter, string[]][] = [
      ['status', { status: 'failed' }, ['1.10']],
      ['task type', { taskType: 'Labor' }, ['1.1', '1.2']],
      ['active', { active: false }, ['1.1']],
      ['a search in the name, in any case', { search: 'BETA' }, ['1.2']],
      ['a search in the code, with its dot taken as a dot', { search: '1.1' }, ['1.1', '1.10']],
      ['a search that is no pattern', { search: '.*' }, []],
      ['a search over accents', { search: 'éCLAIR' }, ['2']],
      ['several at once', { status: 'needs_sync', taskType: 'Labor', search: 'a' }, ['1.1', '1.2']],
    ];
    for (const [what, filter, codes] of filters) {
      it(`filters by ${what}`, async () => {
        const { records, total } = await costCodes.page(of, filter, BY_CODE, 0, 10);
        expect(codesOf(records)).to.deep.equal(codes);
        expect(total).to.equal(codes.length);
      });
    }

    it('finds, orders and counts as one would who goes through all records', async function () {
      this.timeout(60_000);
      const of = company();
      const pick = <T>(values: readonly T[], n: number): T => values[n % values.length] as T;
      const types = ['Labor', 'Material', ''];
      await staged(of, Array.from({ length: 80 }, (_, n) => draftOf(`p${n}`, {
        code: `${n % 7}.${n % 11}`, name: `${pick(['Pour', 'pour', 'Wing', 'Été (a)'], n)} ${n % 13}`, taskType: pick(types, n), active: n % 5 !== 0,
      }, {
        status: pick(RECORD_STATUSES, n * 3 + 1), excluded: n % 9 === 0 ? { by: 'Maria', byRule: false, reason: 'r', at: AT } : null,
      })));
      const all = await costCodes.byLinarcIds(of, Array.from({ length: 80 }, (_, n) => `p${n}`));
      for (const [n, { id }] of all.entries()) if (n % 4 === 0) await costCodes.change(of, id, 1, { syncedAt: new Date(AT.getTime() + (n % 3) * 1000) });
      const records = await costCodes.byLinarcIds(of, all.map(({ linarcId }) => linarcId));

      const passes = (record: StagedRecord, { search = '', status, excluded = false, taskType, active }: RecordFilter) => (record.excluded !== null) === excluded
        && (status === undefined || record.status === status) && (taskType === undefined || record.source.taskType === taskType)
        && (active === undefined || record.source.active === active)
        && [record.source.code, record.source.name].some((text) => fold(text).includes(fold(search)));
      const keyOf: Record<SortColumn, (record: StagedRecord) => string> = {
        code: () => '', name: ({ source }) => fold(source.name), taskType: ({ source }) => source.taskType, active: ({ source }) => (source.active ? '1' : '0'),
        status: ({ status }) => status, synced: ({ syncedAt }) => syncedAt?.toISOString() ?? '',
      };
      const inOrder = (by: SortColumn) => (a: StagedRecord, b: StagedRecord) => [keyOf[by], (r: StagedRecord) => r.sortKey, (r: StagedRecord) => r.id]
        .map((key) => Buffer.compare(Buffer.from(key(a)), Buffer.from(key(b)))).find((order) => order !== 0) ?? 0;

      const filters: fc.Arbitrary<RecordFilter> = fc.record({
        search: fc.constantFrom('p', 'POUR', '1', '3.', 'été', '(', 'zz', ' 1'), status: fc.constantFrom(...RECORD_STATUSES), excluded: fc.boolean(),
        taskType: fc.constantFrom('Labor', 'Material'), active: fc.boolean(),
      }, { requiredKeys: [] });
      await fc.assert(fc.asyncProperty(filters, fc.constantFrom(...SORT_COLUMNS), fc.boolean(), fc.nat(60), fc.integer({ min: 1, max: 30 }), async (filter, by, up, offset, limit) => {
        const found = records.filter((record) => passes(record, filter)).sort(inOrder(by));
        if (!up) found.reverse();
        const page = await costCodes.page(of, filter, { by, direction: up ? 'asc' : 'desc' }, offset, limit);
        expect(page.total).to.equal(found.length);
        expect(page.records.map(({ id }) => id)).to.deep.equal(found.slice(offset, offset + limit).map(({ id }) => id));
        const tally = await costCodes.tally(of, { kind: 'matching', filter, except: found.slice(0, 2).map(({ id }) => id) });
        expect(Object.values(tally).reduce((sum, n) => sum + n)).to.equal(Math.max(0, found.length - 2));
      }), { numRuns: 60 });
    });

    it('tells the versions of the records that are there', async () => {
      const of = company();
      const [a, b] = [...(await staged(of, [draftOf('a'), draftOf('b')])).values()];
      await costCodes.change(of, b?.id ?? '', 1, { overwrite: '3' });
      expect([...await costCodes.versions(of, [a?.id ?? '', b?.id ?? '', 'f'.repeat(24)])]).to.have.deep.members([[a?.id, 1], [b?.id, 2]]);
    });

    it('names the task types in use', async () => {
      expect(await costCodes.taskTypes(of)).to.deep.equal(['Labor', 'Material']);
    });

    it('streams a selection in order, without its exceptions', async () => {
      const all = await collect(costCodes.stream(of, everything));
      expect(codesOf(all)).to.deep.equal(['1.1', '1.2', '1.10', '2', '03']);
      const except = all.slice(1, 3).map((record) => record.id);
      expect(codesOf(await collect(costCodes.stream(of, { ...everything, except })))).to.deep.equal(['1.1', '2', '03']);
      expect(codesOf(await collect(costCodes.stream(of, { kind: 'ids', ids: except })))).to.deep.equal(['1.2', '1.10']);
    });

    it('leaves excluded records out of lists and counts them apart', async () => {
      const of = company();
      const records = await staged(of, ['a', 'b', 'c'].map((id) => draftOf(id)));
      const excluded = { by: 'Maria', byRule: false, reason: 'Overhead', at: AT };
      await costCodes.change(of, records.get('b')?.id ?? '', 1, { excluded });
      expect(codesOf((await costCodes.page(of, {}, BY_CODE, 0, 10)).records)).to.deep.equal(['a', 'c']);
      expect((await costCodes.page(of, { excluded: true }, BY_CODE, 0, 10)).records[0]).to.deep.include({ excluded });
      expect(await costCodes.counts(of)).to.deep.equal({ total: 2, excluded: 1, byStatus: { needs_sync: 2, needs_action: 0, syncing: 0, synced: 0, failed: 0 } });
      expect(await costCodes.tally(of, { kind: 'ids', ids: [...records.values()].map((record) => record.id) })).to.deep.include({ needs_sync: 2, excluded: 1 });
    });

    it('counts as many as the list shows, for every status', async () => {
      const { byStatus, total } = await costCodes.counts(of);
      expect(total).to.equal(5);
      expect(byStatus).to.deep.equal({ needs_sync: 4, needs_action: 0, syncing: 0, synced: 0, failed: 1 });
    });

    it('finds what shares a code or a wanted name, but nothing gone or excluded', async () => {
      const of = company();
      const records = await staged(of, [
        draftOf('a', { code: 'X', name: 'one' }), draftOf('b', { code: 'x', name: 'two' }), draftOf('c', { code: 'Y', name: 'three' }),
        draftOf('d', { code: 'X', name: 'four' }, { goneAt: AT }),
      ]);
      const found = await costCodes.byKeys(of, { codeKeys: ['x'], wantedKeys: [records.get('c')?.wantedKey ?? ''] });
      expect(found.map((record) => record.linarcId).sort()).to.deep.equal(['a', 'b', 'c']);
    });

    it('streams the ids of cost codes, not of divisions', async () => {
      const of = company();
      await staged(of, [draftOf('a'), draftOf('division:01', { kind: 'division' })]);
      expect(await collect(costCodes.linarcIds(of))).to.deep.equal(['a']);
    });

    it('tells which records are linked to a class', async () => {
      const of = company();
      const records = await staged(of, ['a', 'b', 'c'].map((id) => draftOf(id)));
      const idOf = (id: string) => records.get(id)?.id ?? '';
      for (const id of ['a', 'b']) {
        await costCodes.change(of, idOf(id), 1, { link: { id: '77', syncToken: '0', name: id, parentId: null, active: true, how: 'manual' } });
      }
      const linked = await costCodes.linkedTo(of, ['77', '78']);
      expect([...linked.keys()]).to.deep.equal(['77']);
      expect([...(linked.get('77') ?? [])].sort()).to.deep.equal([idOf('a'), idOf('b')].sort());
    });
  });

  describe('Changing one staged record', () => {
    it('loses to whoever changed it first', async () => {
      const of = company();
      const id = (await staged(of, [draftOf('a')])).get('a')?.id ?? '';
      const results = await Promise.all(['x', 'y', 'z'].map((overwrite) => costCodes.change(of, id, 1, { overwrite })));
      expect(results.filter((result) => result !== null)).to.have.length(1);
      expect((await costCodes.get(of, id))?.version).to.equal(2);
    });

    it('is refused while the record is in a run', async () => {
      const of = company();
      const id = (await staged(of, [draftOf('a')])).get('a')?.id ?? '';
      await costCodes.claim(of, 'run1', held(1), everything);
      expect(await costCodes.change(of, id, 2, { overwrite: '3' })).to.equal(null);
    });

    it('keeps the exchange as it was', async () => {
      const of = company();
      const id = (await staged(of, [draftOf('a')])).get('a')?.id ?? '';
      const lastExchange = { at: AT, operation: 'create', requestid: 'r', request: { 'a.$b': [1] }, response: null, status: 200, intuitTid: 't', took: 12 } as const;
      expect((await costCodes.change(of, id, 1, { lastExchange }))?.lastExchange).to.deep.equal(lastExchange);
    });
  });

  describe('A run over staged records', () => {
    it('claims what is ready or failed, and remembers what it was', async () => {
      const of = company();
      const records = await staged(of, [draftOf('a'), draftOf('b', {}, { status: 'failed' }), draftOf('c', {}, { status: 'needs_action' }), draftOf('d', {}, { status: 'synced' }),
        draftOf('e', {}, { excluded: { by: 'rule', byRule: true, reason: 'r', at: AT } })]);
      expect(await costCodes.claim(of, 'run1', held(3), { kind: 'ids', ids: [...records.values()].map((record) => record.id) })).to.equal(2);
      const [a, b, c] = await costCodes.byLinarcIds(of, ['a', 'b', 'c']);
      expect(a).to.deep.include({ status: 'syncing', version: 2, run: { id: 'run1', fence: 3, attempts: 0, look: false, notBefore: null, was: 'needs_sync', consent: [] } });
      expect(b?.run?.was).to.equal('failed');
      expect(c).to.deep.include({ status: 'needs_action', run: null, version: 1 });
    });

    it('claims nothing through a filter that shows only what cannot be pushed', async () => {
      const of = company();
      await staged(of, [draftOf('a', {}, { status: 'needs_action' }), draftOf('b', {}, { excluded: { by: 'x', byRule: false, reason: '', at: AT } })]);
      expect(await costCodes.claim(of, 'run1', held(1), { ...everything, filter: { status: 'needs_action' } })).to.equal(0);
      expect(await costCodes.claim(of, 'run1', held(1), { ...everything, filter: { excluded: true } })).to.equal(0);
    });

    it('gives each record to one of several runs that claim at once', async () => {
      const of = company();
      await staged(of, Array.from({ length: 200 }, (_, n) => draftOf(`n${n}`)));
      const claimed = await Promise.all(['r1', 'r2', 'r3'].map((run) => costCodes.claim(of, run, held(1), everything)));
      expect(claimed.reduce((sum, count) => sum + count)).to.equal(200);
    });

    it('claims nothing for a worker whose lease is over by the database’s clock', async () => {
      const of = company();
      const parent = draftOf('p', { kind: 'division' });
      await staged(of, [parent, draftOf('a', { parent: 'p' })]);
      const over = held(1, -1);
      expect(await costCodes.claim(of, 'run1', over, everything)).to.equal(0);
      expect(await costCodes.openInRun(of, 'run1')).to.equal(0);
    });

    it('takes a step again when the lease ran out meanwhile, under the lease as it is then', async () => {
      const of = company();
      await staged(of, Array.from({ length: 1_200 }, (_, n) => draftOf(`n${n}`)));
      const prolonged: UnderLease = async (step) => (await held(1, -1)(step)) + (await held(2)(step));
      expect(await costCodes.claim(of, 'run1', prolonged, everything)).to.equal(1_200);
      expect(await costCodes.nextInRun(of, 'run1', 2, { level: 0, now: AT, after: null, limit: 2_000 })).to.have.length(1_200);
    });

    it('draws in the parents its records need, once, at their levels', async () => {
      const of = company();
      const records = await staged(of, [
        draftOf('division:01', { kind: 'division' }), draftOf('division:02', { kind: 'division' }), draftOf('a', { parent: 'division:01' }), draftOf('b', { parent: 'division:01' }),
        draftOf('a.1', { parent: 'a' }, { level: 2 }),
      ]);
      const asked = { kind: 'ids', ids: ['a.1', 'b'].map((id) => records.get(id)?.id ?? '') } as const;
      expect(await costCodes.claim(of, 'run1', held(1), asked)).to.equal(4);
      expect(await costCodes.claim(of, 'run1', held(1), asked)).to.equal(0);
      expect(await costCodes.openInRun(of, 'run1')).to.equal(4);
      const at = async (level: number) => codesOf(await costCodes.nextInRun(of, 'run1', 1, { level, now: AT, after: null, limit: 9 }));
      expect([await at(0), await at(1), await at(2)]).to.deep.equal([['division:01'], ['a', 'b'], ['a.1']]);
    });

    it('takes what somebody said yes to for those that were asked for, and for no parent that was not', async () => {
      const of = company();
      const records = await staged(of, [draftOf('p'), draftOf('q'), draftOf('r'), ...['p', 'q', 'r'].map((parent) => draftOf(`${parent}.1`, { parent }))]);
      const idOf = (id: string) => records.get(id)?.id ?? '';
      await costCodes.claim(of, 'run1', held(1), { kind: 'ids', ids: ['p.1', 'p', 'q.1'].map(idOf), consent: ['move'] });
      await costCodes.claim(of, 'run1', held(1), { kind: 'matching', filter: { search: 'r' }, except: [idOf('r')], consent: ['inactivate'] });
      const consents = (await costCodes.byLinarcIds(of, [...records.keys()])).map(({ linarcId, run }) => `${linarcId} ${run?.consent}`);
      expect(consents.sort()).to.deep.equal(['p move', 'p.1 move', 'q ', 'q.1 move', 'r ', 'r.1 inactivate']);
    });

    it('claims more than one command carries, and all their parents', async () => {
      const of = company();
      const parents = Array.from({ length: 30 }, (_, n) => draftOf(`z${n}`));
      await staged(of, [...parents, ...Array.from({ length: 2_100 }, (_, n) => draftOf(`n${n}`, { parent: `z${n % 30}` }))]);
      expect(await costCodes.claim(of, 'run1', held(1), everything)).to.equal(2_130);
      expect((await costCodes.counts(of)).byStatus).to.include({ syncing: 2_130, needs_sync: 0 });
    });

    it('has an intent an earlier run left over looked up first', async () => {
      const of = company();
      const intent = { requestid: 'q', bId: '1', operation: 'create', body: { Name: 'a' }, contentHash: 'h', sentAt: AT } as const;
      const a = (await staged(of, [draftOf('a'), draftOf('b')])).get('a');
      await costCodes.change(of, a?.id ?? '', 1, { intent });
      await costCodes.claim(of, 'run1', held(1), everything);
      expect((await costCodes.byLinarcIds(of, ['a', 'b'])).map(({ run }) => run?.look)).to.deep.equal([true, false]);
    });

    it('knows the lowest level that is open under a token', async () => {
      const of = company();
      await staged(of, [draftOf('a'), draftOf('a.1', { parent: 'a' })]);
      expect(await costCodes.openLevel(of, 'run1', 1)).to.equal(null);
      await costCodes.claim(of, 'run1', held(1), everything);
      expect(await costCodes.openLevel(of, 'run1', 1)).to.equal(0);
      const [a] = await costCodes.byLinarcIds(of, ['a']);
      await costCodes.writeInRun(of, 'run1', 1, [{ id: a?.id ?? '', version: null, change: { status: 'synced', run: null } }]);
      expect(await costCodes.openLevel(of, 'run1', 1)).to.equal(1);
      expect(await costCodes.openLevel(of, 'run1', 2)).to.equal(null);
    });

    it('hands out open records in order, page after page, and not before they are due', async () => {
      const of = company();
      await staged(of, ['10', '9', '2', '1'].map((id) => draftOf(id)));
      await costCodes.claim(of, 'run1', held(1), everything);
      expect(await costCodes.nextDue(of, 'run1')).to.equal(null);
      const now = new Date('2026-03-01T12:00:00Z');
      const due = new Date('2026-03-01T12:01:00Z');
      const first = await costCodes.nextInRun(of, 'run1', 1, { level: 0, now, after: null, limit: 2 });
      expect(codesOf(first)).to.deep.equal(['1', '2']);
      const last = first[1];
      const rest = await costCodes.nextInRun(of, 'run1', 1, { level: 0, now, after: last?.id ?? null, limit: 5 });
      expect(codesOf(rest)).to.deep.equal(['9', '10']);

      const waiting = rest[0];
      if (!waiting?.run) throw new Error('9 is in the run');
      await costCodes.writeInRun(of, 'run1', 1, [{ id: waiting.id, version: waiting.version, change: { run: { ...waiting.run, notBefore: due } } }]);
      expect(codesOf(await costCodes.nextInRun(of, 'run1', 1, { level: 0, now, after: null, limit: 9 }))).to.deep.equal(['1', '2', '10']);
      expect(await costCodes.nextDue(of, 'run1')).to.deep.equal(due);
      expect(codesOf(await costCodes.nextInRun(of, 'run1', 1, { level: 0, now: due, after: null, limit: 9 }))).to.deep.equal(['1', '2', '9', '10']);
    });

    it('keeps the old holder out once the records have a higher token', async () => {
      const of = company();
      await staged(of, ['a', 'b'].map((id) => draftOf(id)));
      await costCodes.claim(of, 'run1', held(1), everything);
      await costCodes.refence(of, 'run1', 2);
      const records = await costCodes.nextInRun(of, 'run1', 2, { level: 0, now: AT, after: null, limit: 9 });
      const ids = records.map((record) => record.id);
      const done = records.map((record) => ({ id: record.id, version: null, change: { status: 'synced', run: null } as const }));
      expect(await costCodes.writeInRun(of, 'run1', 1, done)).to.deep.equal({ missed: ids });
      expect(await costCodes.writeInRun(of, 'run1', 2, done)).to.deep.equal({ missed: [] });
    });

    it('says which writes missed because the record had moved, and stores the others', async () => {
      const of = company();
      await staged(of, ['a', 'b', 'c'].map((id) => draftOf(id)));
      await costCodes.claim(of, 'run1', held(1), everything);
      const [a, b, c] = await costCodes.nextInRun(of, 'run1', 1, { level: 0, now: AT, after: null, limit: 9 });
      if (!a || !b || !c) throw new Error('all three are in the run');
      await costCodes.stage(of, [draftOf('b', { name: 'Changed in Linarc' }, { over: b.version, status: 'syncing' })]);
      const settle = (record: StagedRecord) => ({
        id: record.id, version: record.version, change: { status: 'synced', run: null, settledIn: { run: 'run1', outcome: 'created' } } as const,
      });
      expect(await costCodes.writeInRun(of, 'run1', 1, [a, b, c].map(settle))).to.deep.equal({ missed: [b.id] });
      expect(await costCodes.settledIn(of, 'run1')).to.deep.equal({ created: 2, updated: 0, linked: 0, unchanged: 0, failed: 0, needsAction: 0, held: 0 });
    });

    it('notes what was sent on the records that are still under the token it was sent with', async () => {
      const of = company();
      await staged(of, ['a', 'b', 'c'].map((id) => draftOf(id)));
      await costCodes.claim(of, 'run1', held(1), everything);
      const [a, b, c] = await costCodes.nextInRun(of, 'run1', 1, { level: 0, now: AT, after: null, limit: 3 });
      if (!a || !b || !c) throw new Error('all three are in the run');
      await costCodes.writeInRun(of, 'run1', 1, [{ id: b.id, version: b.version, change: { status: 'synced', run: null } }]);
      const intent = { requestid: 'q', bId: '1', operation: 'create', body: { Name: 'a', ParentRef: { value: '4' } }, contentHash: 'h', sentAt: AT } as const;
      const batch = { requestid: 'q', run: 'run1', fence: 1, items: [a, b].map(({ id }) => ({ record: id, intent })) };
      await costCodes.adopt(of, 'run1', 2, batch);
      await costCodes.adopt(of, 'run1', 2, batch);
      const [sent, settled, unsent] = await Promise.all([a, b, c].map(({ id }) => costCodes.get(of, id)));
      expect(sent).to.deep.include({ intent, version: a.version + 1 });
      expect(sent?.run).to.deep.include({ fence: 2, look: true, attempts: 1, notBefore: null });
      expect(settled).to.deep.include({ intent: null, run: null });
      expect(unsent).to.deep.equal(c);
    });

    it('lets go of its records as they were', async () => {
      const of = company();
      const records = await staged(of, [draftOf('a'), draftOf('b', {}, { status: 'failed' })]);
      await costCodes.claim(of, 'run1', held(4), everything);
      expect(await costCodes.release(of, 'run1', 3)).to.equal(0);
      expect(await costCodes.release(of, 'run1', 4)).to.equal(2);
      const after = await costCodes.byIds(of, [...records.values()].map((record) => record.id));
      expect(after.map(({ status, run, version }) => ({ status, run, version }))).to.deep.equal([
        { status: 'needs_sync', run: null, version: 3 }, { status: 'failed', run: null, version: 3 },
      ]);
    });
  });

  describe('Two companies with the same cost codes', () => {
    it('never see nor change each other’s', async () => {
      const [one, two] = [company(), company()];
      const mine = (await staged(one, [draftOf('a')])).get('a');
      const theirs = (await staged(two, [draftOf('a')])).get('a');
      const id = theirs?.id ?? '';
      expect(await costCodes.get(one, id)).to.equal(null);
      expect(await costCodes.byIds(one, [id])).to.deep.equal([]);
      expect([...await costCodes.versions(one, [id])]).to.deep.equal([]);
      expect(await costCodes.change(one, id, 1, { overwrite: '1' })).to.equal(null);
      expect(await costCodes.claim(one, 'run1', held(1), { kind: 'ids', ids: [id] })).to.equal(0);
      await costCodes.claim(two, 'run1', held(1), everything);
      expect(await costCodes.writeInRun(one, 'run1', 1, [{ id, version: null, change: { run: null } }])).to.deep.equal({ missed: [id] });
      expect(await costCodes.release(one, 'run1', 1)).to.equal(0);
      expect(await collect(costCodes.stream(one, { kind: 'ids', ids: [id, mine?.id ?? ''] }))).to.have.length(1);
      expect(await costCodes.get(two, id)).to.deep.include({ status: 'syncing', version: 2 });
    });
  });
});
