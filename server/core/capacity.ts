import type { Company } from './company.ts';

/** The most active classes and locations together that QuickBooks Online Plus allows (quickbooks.md §2.5). */
const PLUS = 40;

/**
 * How many active classes and locations a QuickBooks plan allows; null where no limit is known. The names vary, so they are matched
 * loosely (quickbooks.md §3.2).
 */
export function classLimit(plan: string | null): number | null {
  const name = plan ?? '';
  if (/\bplus\b/i.test(name)) return PLUS;
  return /simple\s*start|essentials|easy\s*start|self.employed|\bsolo\b/i.test(name) ? 0 : null;
}

/** What a company's plan leaves for new classes. */
export interface Capacity {
  readonly limit: number;
  readonly classes: number;
  readonly locations: number;
  /** Never below 0. */
  readonly room: number;
}

/** Null where the plan has no limit that is known. */
export function capacityOf({ plan, locations }: Pick<Company, 'plan' | 'locations'>, activeClasses: number): Capacity | null {
  const limit = classLimit(plan);
  if (limit === null) return null;
  const taken = locations ?? 0;
  return { limit, classes: activeClasses, locations: taken, room: Math.max(0, limit - activeClasses - taken) };
}

/** Whether an administrator decided to go beyond the limit of the very plan the company has. */
export function mayGoBeyond({ plan, overLimit }: Pick<Company, 'plan' | 'overLimit'>): boolean {
  return overLimit !== null && overLimit.plan === plan;
}
