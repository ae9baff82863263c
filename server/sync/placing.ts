import type { Company } from '../core/company.ts';
import { fold } from '../core/names.ts';
import type { CostCode } from '../core/records.ts';
import { ancestorsOf, type Lookup } from '../core/tree.ts';
import type { World } from './world.ts';

/** A code that is to be placed among others. */
interface Placed {
  readonly linarcId: string;
  readonly costCode: CostCode | null;
}

type Found = NonNullable<ReturnType<Lookup>>;

/**
 * What may stand above these codes: staged ones that are neither excluded nor gone, and those of them that are about to be. A code that
 * stands for several records is above nobody. Reads nothing unless the company wants a tree.
 */
export async function lookupFor(world: World, company: Pick<Company, 'id' | 'settings'>, codes: readonly Placed[]): Promise<Lookup> {
  const { structure, leaveOut } = company.settings;
  if (structure !== 'tree') return () => undefined;
  const codeKeys = [...new Set(codes.flatMap(({ costCode }) => ancestorsOf(costCode?.code ?? '').flat()))];
  const staged = await world.costCodes.byKeys(company.id, { codeKeys, wantedKeys: [] });
  const coming = codes.filter(({ costCode }) => costCode?.active === true && !leaveOut.some((type) => fold(type) === fold(costCode.taskType)));
  const all = [
    ...staged.filter(({ kind }) => kind === 'cost_code').map(({ linarcId, source }) => ({ linarcId, source })),
    ...coming.flatMap(({ linarcId, costCode }) => (costCode ? [{ linarcId, source: costCode }] : [])),
  ];
  const byCode = new Map<string, Found | null>();
  for (const { linarcId, source: { code, divisionCode } } of all) {
    const key = fold(code);
    const known = byCode.get(key);
    byCode.set(key, known === undefined || known?.linarcId === linarcId ? { linarcId, divisionCode } : null);
  }
  return (codeKey) => byCode.get(codeKey) ?? undefined;
}
