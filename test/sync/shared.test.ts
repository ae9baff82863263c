import { expect } from 'chai';
import { shared } from '../../server/sync/shared.ts';

/** Work that is done when it is told so. */
function handWork() {
  const begun: { done: (answer: string) => void; fail: (error: Error) => void }[] = [];
  const work = () => new Promise<string>((done, fail) => begun.push({ done, fail }));
  const began = async (times: number) => {
    while (begun.length < times) await Promise.resolve();
  };
  return { begun, work, began };
}

describe('work that is shared', () => {
  it('is done once for all who ask while it is under way, and not before it is done', async () => {
    const { begun, work, began } = handWork();
    const ask = shared(work);
    const first = ask();
    await began(1);
    const others = Promise.all([ask(), ask()]);
    begun[0]?.done('first');
    expect(await first).to.equal('first');
    await began(2);
    begun[1]?.done('second');
    expect(await others).to.deep.equal(['second', 'second']);
    expect(begun).to.have.length(2);
  });

  it('fails for those who shared it, and is done again for who asks next', async () => {
    const { begun, work, began } = handWork();
    const ask = shared(work);
    const failed = ask().catch((error: Error) => error.message);
    await began(1);
    const next = ask();
    begun[0]?.fail(new Error('away'));
    expect(await failed).to.equal('away');
    await began(2);
    begun[1]?.done('back');
    expect(await next).to.equal('back');
  });
});
