import { createHash, randomBytes } from 'node:crypto';

/** A number in [0, 1) on each call; the same seed gives the same numbers, so a run with random faults can be repeated. */
export type Random = () => number;

/** mulberry32 over a hash of the seed. */
export function seededRandom(seed: number | string): Random {
  let state = createHash('sha256').update(String(seed)).digest().readUInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** So many letters and digits that cannot be guessed. */
export function secretText(length: number): string {
  let text = '';
  for (const byte of randomBytes(length)) text += ALPHABET[byte % ALPHABET.length];
  return text;
}

/** Like Intuit's access tokens: a compact JWE with `dir` encryption, about 1,000 characters (quickbooks.md §1.4, A1.4). */
export function accessTokenText(): string {
  const part = (bytes: number): string => randomBytes(bytes).toString('base64url');
  return `eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0..${part(16)}.${part(680)}.${part(16)}`;
}

/** `AB11` and 46 more characters (quickbooks.md §1.4). */
export function refreshTokenText(): string {
  return `AB11${secretText(46)}`;
}
