/**
 * One place of a record in one order. The key never changes: a record whose key changes leaves this entry and takes a new one.
 */
export interface Entry<R> {
  readonly key: string | number;
  readonly seq: number;
  readonly record: R;
  gone: boolean;
}

/** So many waiting changes are put in one by one; more are merged in one pass. */
const FEW = 24;

/**
 * Records in the order of a key, then of their number. Writes only note the change, reads put the notes in order first, so a
 * thousand writes in a row cost one merge and a page of a long list costs its own length, not the list's.
 */
export class Ordered<R> {
  #sorted: Entry<R>[] = [];
  #added: Entry<R>[] = [];
  #gone: Entry<R>[] = [];

  add(key: string | number, seq: number, record: R): Entry<R> {
    const entry = { key, seq, record, gone: false };
    this.#added.push(entry);
    return entry;
  }

  remove(entry: Entry<R>): void {
    entry.gone = true;
    this.#gone.push(entry);
  }

  /** Every entry in order; valid until the next change. */
  entries(): readonly Entry<R>[] {
    if (this.#added.length + this.#gone.length > 0) this.#settle();
    return this.#sorted;
  }

  /** Place of the first entry whose key is >= the given one (> when `after`). */
  firstFrom(key: string | number, after = false): number {
    const entries = this.entries();
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = (entries[middle] as Entry<R>).key;
      if (at < key || (after && at === key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #settle(): void {
    const added = this.#added.filter((entry) => !entry.gone);
    const gone = this.#gone;
    this.#added = [];
    this.#gone = [];
    if (added.length + gone.length <= FEW) {
      for (const entry of gone) this.#takeOut(entry);
      for (const entry of added) this.#sorted.splice(this.#placeOf(entry), 0, entry);
    } else {
      this.#sorted = merge(this.#sorted.filter((entry) => !entry.gone), added.sort(compare));
    }
  }

  #takeOut(entry: Entry<R>): void {
    const place = this.#placeOf(entry);
    if (this.#sorted[place] === entry) this.#sorted.splice(place, 1);
  }

  #placeOf(entry: Entry<R>): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#sorted[middle] as Entry<R>, entry) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare<R>(a: Entry<R>, b: Entry<R>): number {
  if (a.key < b.key) return -1;
  if (a.key > b.key) return 1;
  return a.seq - b.seq;
}

function merge<R>(left: Entry<R>[], right: Entry<R>[]): Entry<R>[] {
  if (left.length === 0) return right;
  const lastLeft = left.at(-1);
  const firstRight = right[0];
  if (lastLeft && firstRight && compare(lastLeft, firstRight) < 0) return left.concat(right);
  const merged: Entry<R>[] = [];
  let at = 0;
  for (const entry of right) {
    while (at < left.length && compare(left[at] as Entry<R>, entry) < 0) merged.push(left[at++] as Entry<R>);
    merged.push(entry);
  }
  while (at < left.length) merged.push(left[at++] as Entry<R>);
  return merged;
}
