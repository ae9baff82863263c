import { MongoFault } from '../faults.ts';

/** A namespace in its two parts. Throws InvalidNamespace (73). */
export function collectionOf(namespace: unknown): { db: string; name: string } {
  const dot = typeof namespace === 'string' ? namespace.indexOf('.') : -1;
  if (typeof namespace !== 'string' || dot < 1) {
    throw new MongoFault('InvalidNamespace', `Invalid namespace specified '${String(namespace)}'`);
  }
  return { db: namespace.slice(0, dot), name: namespace.slice(dot + 1) };
}
