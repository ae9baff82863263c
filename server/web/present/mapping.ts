import type { Company, Role } from '../../core/company.ts';
import type { QuickBooksClass, StagedRecord } from '../../core/records.ts';
import { isDrifted } from '../../core/plan.ts';
import { pathTo } from '../paths.ts';
import { momentOrNull, type Moment } from './format.ts';
import type { Notice } from './notice.ts';
import { deniedTo } from './staging.ts';

export interface ClassChoice {
  readonly id: string;
  readonly name: string;
  /** The classes above it, from the top, as QuickBooks shows them. */
  readonly path: string | null;
  readonly active: boolean;
  readonly evidence: string | null;
  readonly usedBy: readonly string[];
  readonly linked: boolean;
}

export interface Mapping {
  readonly id: string;
  readonly code: string;
  readonly name: string;
  readonly division: string | null;
  readonly wanted: string;
  readonly notice: Notice | null;
  readonly link: { readonly name: string; readonly id: string; readonly how: string; readonly drift: string | null } | null;
  readonly suggestions: readonly ClassChoice[];
  readonly search: string;
  /** Null before anything was searched for. */
  readonly found: readonly ClassChoice[] | null;
  readonly readAt: Moment | null;
  readonly denied: string | null;
  readonly action: string;
  readonly overwriteAction: string;
}

export interface MappingFacts {
  readonly company: Company;
  readonly role: Role;
  readonly record: StagedRecord;
  /** The class it is linked to as the mirror has it. */
  readonly current: QuickBooksClass | null;
  readonly suggestions: readonly { readonly class: QuickBooksClass; readonly evidence: string; readonly usedBy: readonly string[] }[];
  readonly search: string;
  readonly found: readonly { readonly class: QuickBooksClass; readonly usedBy: readonly string[] }[] | null;
  readonly notice: Notice | null;
}

const HOW = { created: 'created by this app', matched: 'matched by name', manual: 'mapped by hand' } as const;

export function mapping(facts: MappingFacts): Mapping {
  const { company, record } = facts;
  const choice = (of: QuickBooksClass, usedBy: readonly string[], evidence: string | null): ClassChoice => ({
    id: of.id, name: of.name, path: of.parentId === null ? null : of.fullyQualifiedName.split(':').slice(0, -1).join(' › '), active: of.active,
    evidence, usedBy: usedBy.filter((code) => code !== record.source.code), linked: of.id === record.link?.id,
  });
  return {
    id: record.id,
    code: record.source.code || '—',
    name: record.source.name || '—',
    division: divisionOf(record),
    wanted: record.wanted.name,
    notice: facts.notice,
    link: record.link === null ? null : {
      id: record.link.id, name: record.link.name, how: HOW[record.link.how],
      drift: facts.current !== null && isDrifted(record, facts.current) ? driftOf(facts.current) : null,
    },
    suggestions: facts.suggestions.map((made) => choice(made.class, made.usedBy, made.evidence)),
    search: facts.search,
    found: facts.found === null ? null : facts.found.map((made) => choice(made.class, made.usedBy, null)),
    readAt: momentOrNull(company.classesReadAt),
    denied: deniedTo(facts.role, company),
    action: pathTo('mapping', record.id),
    overwriteAction: pathTo('overwrite', record.id),
  };
}

function divisionOf({ source }: StagedRecord): string | null {
  return [source.divisionCode, source.divisionName].filter((part) => part !== '').join(' ') || null;
}

function driftOf(current: QuickBooksClass): string {
  return `${current.fullyQualifiedName}${current.active ? '' : ', inactive'}`;
}
