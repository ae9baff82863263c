import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { isSigned, linarcChanges, quickBooksChanges } from '../../server/core/webhooks.ts';

const BODY = Buffer.from('{"eventNotifications":[]}');
const signed = (body: Uint8Array, secret: string, form: 'base64' | 'hex' = 'base64') => createHmac('sha256', secret).update(body).digest(form);

/** One CloudEvent as QuickBooks sends it (annex A4). */
function cloudEvent(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    specversion: '1.0', id: '88cd52aa-33b6-4351-9aa4-47572edbd068', source: 'intuit.abc=', type: 'qbo.class.updated.v1',
    time: '2025-10-07T19:59:07.034359333Z', intuitentityid: '1234', intuitaccountid: '9341453', data: {}, ...change,
  };
}

/** One classic notification with these entities. */
function classic(...entities: Record<string, unknown>[]): Record<string, unknown> {
  const one = { name: 'Class', id: '1', operation: 'Update', lastUpdated: '2015-10-05T14:42:19-0700' };
  return { eventNotifications: [{ realmId: '77', dataChangeEvent: { entities: entities.map((entity) => ({ ...one, ...entity })) } }] };
}

describe('the signature of a webhook', () => {
  it('holds for the very bytes under the right secret, in either form', () => {
    expect(isSigned(BODY, signed(BODY, 'verifier'), ['verifier'], 'base64')).to.equal(true);
    expect(isSigned(BODY, signed(BODY, 'verifier', 'hex'), ['verifier'], 'hex')).to.equal(true);
  });

  it('holds under any of several secrets, so that they can be exchanged', () => {
    expect(isSigned(BODY, signed(BODY, 'old'), ['new', 'old'], 'base64')).to.equal(true);
  });

  it('never holds in 10,000 mutations of signature, body and secret (quickbooks.md §4)', () => {
    const real = signed(BODY, 'verifier');
    let accepted = 0;
    for (let n = 0; n < 10_000; n += 1) {
      const at = n % real.length;
      const other = String.fromCharCode(33 + ((real.charCodeAt(at) - 33 + 1 + (n % 92)) % 94));
      const mutated = [
        () => isSigned(BODY, real.slice(0, at) + other + real.slice(at + 1), ['verifier'], 'base64'),
        () => isSigned(BODY, real.slice(0, at), ['verifier'], 'base64'),
        () => isSigned(BODY, `${real}${other}`, ['verifier'], 'base64'),
        () => isSigned(Buffer.from(`${BODY.toString()} ${n}`), real, ['verifier'], 'base64'),
        () => isSigned(BODY, real, [`verifier${n}`], 'base64'),
      ][n % 5];
      if (mutated?.()) accepted += 1;
    }
    expect(accepted).to.equal(0);
  });

  it('does not hold when it is missing, or when there is no secret', () => {
    expect(isSigned(BODY, undefined, ['verifier'], 'base64')).to.equal(false);
    expect(isSigned(BODY, '', [''], 'base64')).to.equal(false);
    expect(isSigned(BODY, signed(BODY, ''), [''], 'base64')).to.equal(false);
    expect(isSigned(BODY, signed(BODY, 'verifier'), [], 'base64')).to.equal(false);
  });
});

describe('what QuickBooks tells', () => {
  it('is read from CloudEvents', () => {
    expect(quickBooksChanges([cloudEvent()])).to.deep.equal([
      { realmId: '9341453', change: { id: '88cd52aa-33b6-4351-9aa4-47572edbd068', teller: 'quickbooks', subject: '1234', kind: 'updated' } },
    ]);
  });

  for (const kind of ['created', 'updated', 'deleted', 'merged'] as const) {
    it(`knows a class that was ${kind}, in both payloads`, () => {
      const operation = { created: 'Create', updated: 'Update', deleted: 'Delete', merged: 'Merge' }[kind];
      expect(quickBooksChanges([cloudEvent({ type: `qbo.class.${kind}.v1` })])?.map(({ change }) => change.kind)).to.deep.equal([kind]);
      expect(quickBooksChanges(classic({ operation }))?.map(({ change }) => change.kind)).to.deep.equal([kind]);
    });
  }

  it('is read from the classic payload, the same event giving the same id', () => {
    const [one] = quickBooksChanges(classic({ id: '5' })) ?? [];
    const [again] = quickBooksChanges(classic({ id: '5' })) ?? [];
    const [later] = quickBooksChanges(classic({ id: '5', lastUpdated: '2015-10-05T14:42:20-0700' })) ?? [];
    expect(one).to.deep.include({ realmId: '77' });
    expect(one?.change.subject).to.equal('5');
    expect(again?.change.id).to.equal(one?.change.id);
    expect(later?.change.id).not.to.equal(one?.change.id);
  });

  it('names both classes of a merge', () => {
    expect(quickBooksChanges(classic({ operation: 'Merge', id: '5', deletedId: '6' }))?.map(({ change: { subject, into } }) => [subject, into]))
      .to.deep.equal([['5', undefined], ['6', '5']]);
    expect(quickBooksChanges([cloudEvent({ type: 'qbo.class.merged.v1', intuitentityid: '5', data: { deletedId: '6' } })])?.map(({ change: { subject, into } }) => [subject, into]))
      .to.deep.equal([['5', undefined], ['6', '5']]);
  });

  it('leaves out what is about something else, or has no sense', () => {
    expect(quickBooksChanges([
      cloudEvent({ type: 'qbo.customer.updated.v1' }), cloudEvent({ intuitentityid: '../1' }), cloudEvent({ intuitaccountid: { $ne: 1 } }), null, 7,
    ])).to.deep.equal([]);
    expect(quickBooksChanges(classic({ name: 'Customer' }, { operation: 'Void' }, { id: '' }))).to.deep.equal([]);
  });

  it('is nothing when the body is neither payload', () => {
    for (const body of [null, 'text', 5, {}, { eventNotifications: 'x' }]) expect(quickBooksChanges(body)).to.equal(null);
  });

  it('keeps an odd event id as a digest, so that nothing of it can do harm', () => {
    const [told] = quickBooksChanges([cloudEvent({ id: `${'x'.repeat(5_000)}$` })]) ?? [];
    expect(told?.change.id).to.match(/^[0-9a-f]{32}$/);
  });
});

describe('what Linarc tells', () => {
  it('is read from a delivery', () => {
    const body = { id: 'dl_1', companyId: 'lin-1', events: [{ id: 'ev_1', type: 'costcode.deleted', costCodeId: 'c1', occurredAt: '2026-01-01T00:00:00.000Z' }] };
    expect(linarcChanges(body)).to.deep.equal({ companyId: 'lin-1', changes: [{ id: 'ev_1', teller: 'linarc', subject: 'c1', kind: 'deleted' }] });
  });

  it('leaves out events without sense, and is null for another body', () => {
    expect(linarcChanges({ companyId: 'lin-1', events: [{ id: 'ev_1', type: 'project.created', costCodeId: 'c1' }, { type: 'costcode.created' }] })?.changes).to.deep.equal([]);
    expect(linarcChanges({ companyId: 'lin-1' })).to.equal(null);
    expect(linarcChanges([])).to.equal(null);
  });
});
