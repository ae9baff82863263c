import { expect } from 'chai';
import type { Tenant } from '../../server/core/records.ts';
import { SealError, sealsOf } from '../../server/store/sealing.ts';
import { keyOf, RING } from './fixture.ts';

const ONE = '1'.repeat(24) as Tenant;
const TWO = '2'.repeat(24) as Tenant;
const seals = sealsOf(RING);

describe('Sealing', () => {
  it('opens what it sealed', () => {
    for (const text of ['', 'secret', 'Ünïcode ✓', 'x'.repeat(5000)]) expect(seals.open(ONE, 'token', seals.seal(ONE, 'token', text))).to.equal(text);
  });

  it('never seals the same text the same way', () => {
    const sealed = Array.from({ length: 100 }, () => seals.seal(ONE, 'token', 'secret'));
    expect(new Set(sealed).size).to.equal(100);
    expect(sealed.join()).not.to.contain('secret');
  });

  it('opens nothing sealed for another tenant or another field', () => {
    const sealed = seals.seal(ONE, 'access token', 'secret');
    expect(() => seals.open(TWO, 'access token', sealed)).to.throw(SealError);
    expect(() => seals.open(ONE, 'refresh token', sealed)).to.throw(SealError);
  });

  it('refuses a value in which any one bit was flipped', () => {
    const sealed = seals.seal(ONE, 'token', 'secret');
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => seals.open(ONE, 'token', `k1.${flipped.toString('base64url')}`), `bit ${bit}`).to.throw(SealError);
    }
  });

  it('refuses what is cut short, empty or of an unknown key, and says so without the content', () => {
    const sealed = seals.seal(ONE, 'token', 'secret');
    for (const broken of ['', 'k1.', 'k1.AAAA', sealed.slice(0, 20), `k9${sealed.slice(2)}`, 'secret']) {
      expect(() => seals.open(ONE, 'token', broken), broken).to.throw(SealError).that.satisfies((error: Error) => !error.message.includes('secret'));
    }
  });

  it('opens with a retired key what it sealed once, and knows it is outdated', () => {
    const old = seals.seal(ONE, 'token', 'secret');
    const rotated = sealsOf({ current: 'k2', keys: { ...RING.keys, k2: keyOf('2') } });
    expect(rotated.open(ONE, 'token', old)).to.equal('secret');
    expect(rotated.isOutdated(old)).to.equal(true);
    const fresh = rotated.seal(ONE, 'token', 'secret');
    expect(rotated.isOutdated(fresh)).to.equal(false);
    expect(() => seals.open(ONE, 'token', fresh)).to.throw(SealError);
  });

  it('binds a value to the key it names', () => {
    const both = { k1: keyOf('1'), k2: keyOf('1') };
    const sealed = sealsOf({ current: 'k1', keys: both }).seal(ONE, 'token', 'secret');
    expect(() => sealsOf({ current: 'k2', keys: both }).open(ONE, 'token', `k2${sealed.slice(2)}`)).to.throw(SealError);
  });

  it('gives the same digest for the same text, another for another purpose or key, the current key’s first', () => {
    const rotated = sealsOf({ current: 'k2', keys: { ...RING.keys, k2: keyOf('2') } });
    const [old] = seals.digests('realm', '123');
    expect(seals.digests('realm', '123')[0]).to.equal(old);
    expect(seals.digests('realm', '124')[0]).not.to.equal(old);
    expect(seals.digests('other', '123')[0]).not.to.equal(old);
    expect(rotated.digests('realm', '123')).to.have.length(2).and.to.include(old);
    expect(rotated.digests('realm', '123')[0]).not.to.equal(old);
  });

  it('refuses a faulty ring by naming the key, not its value', () => {
    expect(() => sealsOf({ current: 'k2', keys: RING.keys })).to.throw('"k2"');
    expect(() => sealsOf({ current: 'k1', keys: { k1: 'c2hvcnQ=' } })).to.throw('"k1"').that.satisfies((error: Error) => !error.message.includes('c2hvcnQ'));
  });
});
