import type { Company, Settings } from '../core/company.ts';
import { className, fold, isCut, NAME_LIMIT } from '../core/names.ts';
import type { StagedRecord } from '../core/records.ts';
import { wantedKey } from '../core/stage.ts';
import { placeOf, type Lookup } from '../core/tree.ts';
import type { World } from './world.ts';

export type NamingRules = Pick<Settings, 'namePattern' | 'structure'>;

/** One code under the rules tried: its class with all above it, topmost first. */
export interface NamedCode {
  readonly code: string;
  readonly name: string;
  readonly path: readonly string[];
}

export interface Renamed extends NamedCode {
  /** What QuickBooks calls the class now. */
  readonly from: string;
}

/** A finding about some of the codes: how many, and a few of them. */
export interface Finding<T = NamedCode> {
  readonly count: number;
  readonly samples: readonly T[];
}

/** What rules for names and places would make of the codes that are staged and neither excluded nor gone. */
export interface NamingEffect {
  readonly total: number;
  /** Divisions that become classes of their own. */
  readonly divisions: number;
  /** How many levels of classes there would be. */
  readonly levels: number;
  readonly samples: readonly NamedCode[];
  /** Classes QuickBooks has that would get another name. */
  readonly renamed: Finding<Renamed>;
  /** Classes QuickBooks has that would stand elsewhere. */
  readonly moved: number;
  /** Names of which something is left out. */
  readonly cut: Finding;
  /** Codes that would share a class name. */
  readonly colliding: Finding;
  /** Codes that cannot have a class name by these rules or any. */
  readonly nameless: number;
}

const SAMPLES = 12;
const FEW = 3;
/** A name is cut before a character that does not fit, which may be so long, and before the blanks in front of it. */
const LONGEST_SIGN = 40;

type Outline = Pick<StagedRecord, 'linarcId' | 'source' | 'wanted' | 'link'>;

/** Tries rules on everything that is staged. Writes nothing. */
export async function tryNaming(world: World, company: Company, rules: NamingRules): Promise<NamingEffect> {
  const codes: Outline[] = [];
  for await (const { kind, goneAt, linarcId, source, wanted, link } of world.costCodes.stream(company.id, EVERYTHING)) {
    if (kind === 'cost_code' && goneAt === null) codes.push({ linarcId, source, wanted, link });
  }
  return effectOf(codes, rules);
}

const EVERYTHING = { kind: 'matching', filter: {}, except: [] } as const;

/** Pure: what the rules make of these codes, in the order of their codes. */
export function effectOf(codes: readonly Outline[], rules: NamingRules): NamingEffect {
  const lookup = lookupIn(codes);
  const named = codes.map((outline) => {
    const made = className(outline.source, rules.namePattern);
    const name = 'name' in made ? made.name : null;
    const place = placeOf(outline.source, rules.structure, lookup);
    return { outline, name, place, key: wantedKey({ name: name ?? '', parent: place.parent, active: outline.source.active }) };
  });
  const byId = new Map(named.map((one) => [one.outline.linarcId, one]));
  const divisions = new Map<string, StagedRecord['source']>();
  for (const { outline: { source }, place: { parent } } of named) {
    if (parent !== null && !byId.has(parent) && !divisions.has(parent)) divisions.set(parent, source);
  }
  const pathOf = (parent: string | null): string[] => {
    const above = parent === null ? undefined : byId.get(parent);
    if (above) return [...pathOf(above.place.parent), above.name ?? ''];
    const division = parent === null ? undefined : divisions.get(parent);
    return division ? [divisionName(division)] : [];
  };
  type Named = (typeof named)[number];
  const shown = ({ outline: { source }, name, place }: Named): NamedCode => (
    { code: source.code, name: source.name, path: [...pathOf(place.parent), name ?? ''] }
  );

  const users = new Map<string, number>();
  for (const { key } of named) users.set(key, (users.get(key) ?? 0) + 1);

  const good = named.filter(({ name }) => name !== null);
  const renamed = good.filter(({ outline: { link }, name }) => link !== null && link.active && link.name !== name);
  const colliding = good.filter(({ key }) => (users.get(key) ?? 0) > 1);
  const cutsShort = rules.namePattern.includes('{name:');
  const mayBeCut = (name: string | null) => cutsShort || (name ?? '').length > NAME_LIMIT - LONGEST_SIGN;
  const cut = good.filter(({ outline, name }) => mayBeCut(name) && isCut(outline.source, rules.namePattern));
  return {
    total: named.length,
    divisions: divisions.size,
    levels: named.reduce((most, { place }) => Math.max(most, place.level + 1), 0),
    samples: samplesOf(good).map(shown),
    renamed: { count: renamed.length, samples: renamed.slice(0, FEW).map((one) => ({ ...shown(one), from: one.outline.link?.name ?? '' })) },
    moved: named.filter(({ outline: { link, wanted }, place }) => link !== null && link.active && wanted.parent !== place.parent).length,
    cut: { count: cut.length, samples: cut.slice(0, FEW).map(shown) },
    colliding: { count: colliding.length, samples: colliding.slice(0, FEW).map(shown) },
    nameless: named.length - good.length,
  };
}

/** Neighbours, so that a tree shows as one; from where it is deepest. */
function samplesOf<T extends { readonly place: { readonly level: number } }>(named: readonly T[]): readonly T[] {
  const deepest = named.reduce((most, { place }) => Math.max(most, place.level), 0);
  const at = named.findIndex(({ place }) => place.level === deepest);
  const from = Math.max(0, Math.min(at - SAMPLES / 2, named.length - SAMPLES));
  return named.slice(from, from + SAMPLES);
}

function divisionName({ divisionCode, divisionName: name }: StagedRecord['source']): string {
  const made = className({ code: divisionCode, name }, '{code} {name}');
  return 'name' in made ? made.name : divisionCode;
}

function lookupIn(codes: readonly Outline[]): Lookup {
  const byCode = new Map<string, Outline | null>();
  for (const outline of codes) {
    const key = fold(outline.source.code);
    byCode.set(key, byCode.has(key) ? null : outline);
  }
  return (codeKey) => {
    const found = byCode.get(codeKey);
    return found ? { linarcId: found.linarcId, divisionCode: found.source.divisionCode } : undefined;
  };
}
