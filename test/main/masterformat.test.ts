import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { fold } from '../../server/core/names.ts';
import { BATCH } from '../../server/core/pace.ts';
import { connectedProduct, importEnded, runEnded, type ConnectedProduct } from '../support/product.ts';

const LIBRARY = '../shared/data/masterformat-2016.csv';
const CODES = 8_774;
const LONGEST = 100;
const MINUTES = 4;

interface SandboxClass {
  readonly Name: string;
  readonly Active: boolean;
  readonly SyncToken: string;
}

interface Calls {
  readonly last: number;
  readonly calls: readonly { readonly operation: string; readonly meter: 'Core' | 'CorePlus' | null }[];
}

/** The library's rows. Where the file is not there, as many made-up codes are used. */
function rowsOf(file: string): readonly { code: string; label: string }[] {
  return readFileSync(file, 'utf8').trim().split('\n').slice(1).map((line) => {
    const [, code = '', label = ''] = /^"((?:[^"]|"")*)","((?:[^"]|"")*)"/.exec(line) ?? [];
    return { code, label: label.replaceAll('""', '"') };
  });
}

describe(`A library of ${CODES} codes in an Advanced company`, function () {
  this.timeout(MINUTES * 60_000);
  const rows = existsSync(LIBRARY) ? rowsOf(LIBRARY) : null;
  let product: ConnectedProduct;
  let classes: readonly SandboxClass[];
  let classesBefore: number;

  const listed = () => product.quickbooks.get<SandboxClass[]>(`/sandbox/companies/${product.realmId}/classes`);
  const importAll = async () => {
    await product.agent.post('/imports').type('form').send({ mode: 'all' }).expect(303);
    return importEnded(product, MINUTES * 60_000);
  };
  const syncAll = () => product.agent.post('/runs').type('form').send({ scope: 'matching', filter: '' }).expect(303);

  before(async () => {
    product = await connectedProduct({ speed: 60, ...(rows ? { library: LIBRARY } : { codes: CODES }) });
    classesBefore = (await listed()).length;
  });
  after(() => product?.close());

  it('imports whole', async () => {
    const { state, counts } = await importAll();
    expect(state).to.equal('done');
    expect(counts).to.include({ read: CODES, added: CODES, problems: 0, unreadable: 0 });
  });

  it('syncs whole, in few more batches than it takes', async () => {
    await syncAll();
    const run = await runEnded(product, MINUTES * 60_000);
    expect(run).to.include({ state: 'finished', total: CODES });
    expect(run.counts).to.include({ failed: 0, needsAction: 0, released: 0 });
    expect(run.counts.created + run.counts.linked).to.equal(CODES);
    expect(await product.world.costCodes.counts(product.company)).to.deep.include({ total: CODES, excluded: 0 });
    // Some more at the ends of levels, and where this machine stood still for longer than the hastened windows allow for.
    expect(run.batchesSent).to.be.within(run.counts.created / BATCH, (run.counts.created / BATCH) * 1.1);
  });

  it('makes one class per code, beside those that were there', async () => {
    classes = await listed();
    const { counts } = await runEnded(product);
    expect(classes).to.have.length(classesBefore + counts.created);
    expect(new Set(classes.map(({ Name }) => fold(Name)))).to.have.property('size', classes.length);
  });

  if (rows) {
    it('names every class by code and name', () => {
      const names = new Set(classes.map(({ Name }) => Name));
      const missing = rows.map(({ code, label }) => `${code} ${label}`).filter((name) => name.length <= LONGEST && !names.has(name));
      expect(missing).to.deep.equal([]);
    });

    it('cuts the 13 names that are too long, and keeps their codes whole', () => {
      const long = rows.filter(({ code, label }) => `${code} ${label}`.length > LONGEST);
      expect(long).to.have.length(13);
      for (const { code, label } of long) {
        const named = classes.filter(({ Name }) => Name.startsWith(`${code} `) && `${code} ${label}`.startsWith(Name));
        expect(named.map(({ Name }) => Name.length <= LONGEST && Name.length > LONGEST - 20), code).to.deep.equal([true]);
      }
    });
  }

  it('changes nothing when it is imported and synced again', async () => {
    const { last } = await product.quickbooks.get<Calls>('/sandbox/calls');
    const { counts } = await importAll();
    expect(counts).to.include({ read: CODES, added: 0, changed: 0, unchanged: CODES, gone: 0 });
    await syncAll();
    await runEnded(product);
    const { calls } = await product.quickbooks.get<Calls>(`/sandbox/calls?since=${last}`);
    expect(calls.filter(({ operation, meter }) => meter === 'Core' || operation === 'batch')).to.deep.equal([]);
    expect(await listed()).to.deep.equal(classes);
  });
});
