import { expect } from 'chai';
import { BooksError } from '../../server/core/ports.ts';
import { answering, faultBody, json, open, wireClass, type Answering, type Wire } from './wire.ts';

const SINCE = new Date('2026-11-22T09:00:00.000Z');
const answer = (rows: readonly unknown[]) => ({ CDCResponse: [{ QueryResponse: [{ Class: rows, startPosition: 1, maxResults: rows.length }] }], time: 'now' });
const gone = (id: string) => ({ status: 'Deleted', domain: 'QBO', Id: id, MetaData: { LastUpdatedTime: '2026-11-22T10:00:00-07:00' } });

describe('qbo: what changed', () => {
  const wires: Wire[] = [];

  afterEach(async () => {
    await Promise.all(wires.splice(0).map((wire) => wire.close()));
  });

  async function changes(how: Answering) {
    const wire = await answering(how);
    wires.push(wire);
    const { books, kinds } = open(wire.url);
    return { wire, kinds, told: await books.changedSince(SINCE).catch((error: unknown) => error) };
  }

  it('is asked for in one paced call, of classes alone (quickbooks.md §3.4)', async () => {
    const { wire, kinds } = await changes((response) => json(response, 200, answer([])));
    expect(kinds).to.deep.equal(['read']);
    expect(wire.sent.map(({ method, url }) => [method, url.pathname.split('/').at(-1)])).to.deep.equal([['GET', 'cdc']]);
    const { searchParams } = wire.sent[0]?.url ?? new URL('http://none');
    expect([searchParams.get('entities'), searchParams.get('changedSince')]).to.deep.equal(['Class', '2026-11-22T09:00:00.000Z']);
  });

  it('tells classes as they are, and ids that are deleted', async () => {
    const { told } = await changes((response) => json(response, 200, answer([wireClass('5', 'Overhead'), gone('6'), wireClass('7', 'Old (deleted)', { Active: false })])));
    expect(told).to.deep.include({ deleted: ['6'], complete: true });
    expect(told).to.have.property('classes').that.has.length(2);
    expect(told).to.have.nested.property('classes[1].active', false);
  });

  it('is nothing when QuickBooks answers an empty object', async () => {
    const { told } = await changes((response) => json(response, 200, { CDCResponse: [{ QueryResponse: [{}] }], time: 'now' }));
    expect(told).to.deep.equal({ classes: [], deleted: [], complete: true });
  });

  it('may be more than told when as many came as an answer can hold', async () => {
    const rows = Array.from({ length: 1_000 }, (_, index) => wireClass(String(index + 1), `Class ${index + 1}`));
    const { told } = await changes((response) => json(response, 200, answer(rows)));
    expect(told).to.have.property('complete', false);
  });

  for (const [what, body] of Object.entries({ 'no answer about changes': {}, 'text for a list': { CDCResponse: 'x' }, 'a class without an id': answer([{ Name: 'x' }]) })) {
    it(`is unknown after ${what}`, async () => {
      const { told } = await changes((response) => json(response, 200, body));
      expect(told).to.be.instanceOf(BooksError).with.nested.property('refusal.kind', 'unknown');
    });
  }

  it('is refused with QuickBooks’ own fault', async () => {
    const { told } = await changes((response) => json(response, 400, faultBody('4000')));
    expect(told).to.be.instanceOf(BooksError).with.nested.property('refusal.fault.code', '4000');
  });
});
