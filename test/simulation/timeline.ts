import type { Chance } from './chance.ts';

interface Happening {
  readonly at: number;
  /** Drawn by the seed: the order of what happens at the same moment. */
  readonly tie: number;
  readonly act: () => void;
}

/** Virtual time. What is planned happens one by one, each after everything that follows from the one before has been done. */
export class Timeline {
  /** Milliseconds since 1970. */
  now = Date.UTC(2026, 2, 1, 10);
  steps = 0;
  private readonly chance: Chance;
  private readonly heap: Happening[] = [];

  constructor(chance: Chance) {
    this.chance = chance;
  }

  /** Plans something `ms` from now. */
  in(ms: number, act: () => void): void {
    this.push({ at: this.now + Math.max(0, ms), tie: this.chance.unit(), act });
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.in(ms, resolve));
  }

  /** Lets time pass until `done` is settled; throws what it throws, or when nothing more would ever happen. */
  async until<T>(done: Promise<T>): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    done.then(end, end);
    for (;;) {
      await settled();
      if (over) return done;
      const next = this.pop();
      if (!next) throw new Error('Nothing happens any more, but something is waited for.');
      this.steps += 1;
      this.now = Math.max(this.now, next.at);
      next.act();
    }
  }

  private push(happening: Happening): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!isBefore(heap[at], heap[up])) break;
      swap(heap, at, up);
      at = up;
    }
  }

  private pop(): Happening | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const down = isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!isBefore(heap[down], heap[at])) return first;
      swap(heap, at, down);
      at = down;
    }
  }
}

function isBefore(one: Happening | undefined, other: Happening | undefined): boolean {
  if (one === undefined || other === undefined) return one !== undefined;
  return one.at < other.at || (one.at === other.at && one.tie < other.tie);
}

function swap(heap: Happening[], a: number, b: number): void {
  const [one, other] = [heap[a], heap[b]];
  if (one === undefined || other === undefined) return;
  heap[a] = other;
  heap[b] = one;
}

/** Resolves when every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
