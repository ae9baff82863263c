import { expect } from 'chai';
import type { Intents } from '../../server/core/ports.ts';
import type { IntendedBatch, Tenant } from '../../server/core/records.ts';
import { AT, eachStore, NOBODY, type Open } from './fixture.ts';

const intent = { bId: '1', operation: 'update', body: { Id: '7', SyncToken: '0', Name: 'a.$b' }, contentHash: 'h', sentAt: AT } as const;
const batchOf = (requestid: string, fence: number, record = 'r'): IntendedBatch => ({ requestid, run: 'run1', fence, items: [{ record, intent: { ...intent, requestid } }] });

let opened: Awaited<ReturnType<Open>>;
let intents: Intents;
let next = 0;

eachStore('The store of batches under way', (open) => {
  before(async () => {
    opened = await open();
    intents = opened.stores.intents;
  });
  after(() => opened.close());

  function company(): Tenant {
    next += 1;
    return next.toString(16).padStart(24, '0') as Tenant;
  }

  it('keeps each until it is dropped, the older tokens first', async () => {
    const of = company();
    for (const batch of [batchOf('q2', 2), batchOf('q1', 1), { ...batchOf('q3', 3), run: 'run2' }]) await intents.store(of, batch);
    expect(await intents.of(of, 'run1')).to.deep.equal([batchOf('q1', 1), batchOf('q2', 2)]);
    await intents.drop(of, batchOf('q1', 1));
    expect(await intents.of(of, 'run1')).to.deep.equal([batchOf('q2', 2)]);
  });

  it('puts what is sent again in the place of what was sent before, and keeps it when its former sender is done', async () => {
    const of = company();
    await intents.store(of, batchOf('q', 1));
    await intents.store(of, batchOf('q', 2, 'another'));
    await intents.drop(of, batchOf('q', 1));
    expect(await intents.of(of, 'run1')).to.deep.equal([batchOf('q', 2, 'another')]);
  });

  it('never shows nor drops another company’s', async () => {
    const of = company();
    await intents.store(of, batchOf('q', 1));
    expect(await intents.of(NOBODY, 'run1')).to.deep.equal([]);
    await intents.drop(NOBODY, batchOf('q', 1));
    expect(await intents.of(of, 'run1')).to.have.length(1);
  });
});
