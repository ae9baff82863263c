import type { Random } from '../../server/core/ports.ts';

/** Chance that depends on nothing but its seed, so that a run can be seen again (mulberry32). */
export class Chance implements Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    for (let n = 0; n < 4; n += 1) this.unit();
  }

  unit(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  hex(bytes: number): string {
    let text = '';
    while (text.length < bytes * 2) text += Math.floor(this.unit() * 2 ** 32).toString(16).padStart(8, '0');
    return text.slice(0, bytes * 2);
  }

  /** An integer of `from` … `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  /** True in this share of all cases. */
  hits(share: number): boolean {
    return share > 0 && this.unit() < share;
  }

  /** One of these; throws when there is none. */
  pick<T>(among: readonly T[]): T {
    const found = among[this.int(0, among.length - 1)];
    if (found === undefined) throw new RangeError('There is nothing to pick.');
    return found;
  }

  /** A chance of its own, so that what one part draws does not move what another draws. */
  fork(): Chance {
    return new Chance(Math.floor(this.unit() * 2 ** 32));
  }
}
