/** The work, one time after the other, for all who ask: who asks while it is under way shares the next time with those who ask meanwhile. */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | null = null;
  return () => {
    next ??= last.then(() => {
      next = null;
      return work();
    });
    last = next.catch(() => {});
    return next;
  };
}
