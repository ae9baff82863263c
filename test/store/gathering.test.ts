import { expect } from 'chai';
import type { Tenant } from '../../server/core/records.ts';
import { CHUNK } from '../../server/store/documents.ts';
import { gathered } from '../../server/store/gathering.ts';

const [ONE, OTHER] = ['c1' as Tenant, 'c2' as Tenant];

/** A command that comes back when it is told so. */
function commands() {
  const sent: { operations: string[]; answer: (answer: string) => void; fail: (error: Error) => void }[] = [];
  const write = gathered((operations: string[]) => new Promise<string>((answer, fail) => sent.push({ operations, answer, fail })));
  const left = async (count: number) => {
    while (sent.length < count) await Promise.resolve();
  };
  return { sent, write, left };
}

describe('writes that are gathered', () => {
  it('leave at once when none is under way, and together when one is', async () => {
    const { sent, write, left } = commands();
    const first = write(ONE, ['a']);
    const others = Promise.all([write(ONE, ['b', 'c']), write(ONE, ['d'])]);
    expect(sent.map(({ operations }) => operations)).to.deep.equal([['a']]);
    sent[0]?.answer('done');
    expect(await first).to.equal('done');
    await left(2);
    expect(sent[1]?.operations).to.deep.equal(['b', 'c', 'd']);
    sent[1]?.answer('both done');
    expect(await others).to.deep.equal(['both done', 'both done']);
  });

  it('do not wait for another company, nor leave with its own', () => {
    const { sent, write } = commands();
    void write(ONE, ['a']);
    void write(OTHER, ['b']);
    expect(sent.map(({ operations }) => operations)).to.deep.equal([['a'], ['b']]);
  });

  it('leave in several commands when they are too many for one, none of them parted', async () => {
    const { sent, write, left } = commands();
    const most = Array.from({ length: CHUNK }, () => 'x');
    const all = [write(ONE, ['a']), write(ONE, most), write(ONE, ['b', 'c'])];
    for (let at = 0; at < all.length; at += 1) {
      await left(at + 1);
      sent[at]?.answer('done');
    }
    await Promise.all(all);
    expect(sent.map(({ operations }) => operations.length)).to.deep.equal([1, CHUNK, 2]);
  });

  it('fail for all that left together, and for no others', async () => {
    const { sent, write, left } = commands();
    const first = write(ONE, ['a']).catch((error: Error) => error.message);
    const second = write(ONE, ['b']);
    sent[0]?.fail(new Error('away'));
    expect(await first).to.equal('away');
    await left(2);
    sent[1]?.answer('done');
    expect(await second).to.equal('done');
  });
});
