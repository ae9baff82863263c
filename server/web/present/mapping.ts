import type { Company, Role } from '../../core/company.ts';
import { isDrifted, isOfTheCode, type PlannedChange } from '../../core/plan.ts';
import { describe } from '../../core/problems.ts';
import type { QuickBooksClass, RecordStatus, StagedRecord } from '../../core/records.ts';
import { pathTo } from '../paths.ts';
import { counted, listed, momentOrNull, type Moment } from './format.ts';
import type { Notice } from './notice.ts';
import { STATUS_LABELS } from './status.ts';
import { deniedTo } from './staging.ts';

/** A class that may be chosen. */
export interface ClassChoice {
  readonly id: string;
  readonly name: string;
  /** The classes above it, from the top, as QuickBooks shows them. */
  readonly path: string | null;
  readonly active: boolean;
  readonly usedBy: readonly string[];
  readonly linked: boolean;
  /** Shows what linking it would lead to; null when there is nothing to choose. */
  readonly chooseHref: string | null;
}

/** A class in the tree. */
export interface TreeNode extends ClassChoice {
  /** One of those looked for; others only lead to them. */
  readonly found: boolean;
  readonly below: readonly TreeNode[];
  /** Classes below it that are fetched when it is opened. */
  readonly closed: { readonly words: string; readonly href: string; readonly pageHref: string } | null;
}

/** Some of the class tree; the same view answers when a branch is opened. */
export interface Tree {
  readonly nodes: readonly TreeNode[];
  readonly more: { readonly href: string; readonly pageHref: string } | null;
}

/** One way to take the chosen class, with its effect. */
export interface Way {
  readonly how: 'alone' | 'share' | 'replace';
  readonly label: string;
  readonly effect: string;
  readonly warnings: readonly string[];
}

export interface Mapping {
  readonly code: string;
  readonly name: string;
  /** Where the code stands in Linarc's library, from the top. */
  readonly path: readonly string[];
  readonly wanted: string;
  readonly notice: Notice | null;
  readonly link: {
    readonly name: string; readonly id: string; readonly how: string; readonly drift: string | null; readonly sharedWith: readonly string[]; readonly unlinking: string;
  } | null;
  /** What stands in the way is QuickBooks’, and may be over: the next sync can look again. */
  readonly mayLookAgain: boolean;
  readonly pair: { readonly action: string; readonly former: string; readonly code: string } | null;
  readonly chosen: { readonly choice: ClassChoice; readonly ways: readonly Way[]; readonly backHref: string } | null;
  readonly suggestions: readonly (ClassChoice & { readonly evidence: string; readonly effect: string })[];
  readonly search: string;
  readonly tree: Tree;
  readonly treeWords: string;
  readonly readAt: Moment | null;
  readonly denied: string | null;
  readonly action: string;
  /** Where the choice between Linarc's value and QuickBooks' goes. */
  readonly decisionAction: string;
}

interface Candidate {
  readonly class: QuickBooksClass;
  readonly usedBy: readonly string[];
}

interface Branch extends Candidate {
  readonly found: boolean;
  readonly count: number;
  readonly below: readonly Branch[];
}

interface Effect {
  readonly status: RecordStatus;
  readonly change: PlannedChange;
  readonly kept: boolean;
}

/** What is looked at in the tree: the matches of a search, or what stands below a class (null: at the top). */
export interface Look {
  readonly q: string;
  readonly below: string | null;
  readonly from: number;
}

export interface TreeFacts {
  readonly record: StagedRecord;
  readonly look: Look;
  readonly branches: readonly Branch[];
  readonly more: boolean;
}

export interface MappingFacts extends TreeFacts {
  readonly company: Company;
  readonly role: Role;
  /** The class it is linked to as the mirror has it, and the other codes that use it. */
  readonly current: Candidate | null;
  readonly suggestions: readonly (Candidate & { readonly evidence: string; readonly effect: Effect })[];
  readonly chosen: (Candidate & { readonly effects: Readonly<Partial<Record<Way['how'], Effect>>> }) | null;
  readonly classCount: { readonly active: number; readonly inactive: number };
  readonly notice: Notice | null;
}

export const CLASSES_SHOWN = 50;

const HOW = { created: 'created by this app', matched: 'matched by name', manual: 'mapped by hand' } as const;

export function mapping(facts: MappingFacts): Mapping {
  const { company, record, look, classCount, chosen } = facts;
  const own = pathTo('mapping', record.id);
  const [former = '', code = ''] = (record.problem?.value ?? '').split(' → ');
  return {
    code: record.source.code || '—',
    name: record.source.name || '—',
    path: [divisionOf(record), record.source.code].filter((part): part is string => part !== null && part !== ''),
    wanted: record.wanted.name || '—',
    notice: facts.notice,
    link: record.link === null ? null : {
      id: record.link.id, name: record.link.name, how: HOW[record.link.how],
      drift: facts.current !== null && isDrifted(record, facts.current.class) ? driftOf(facts.current.class) : null,
      sharedWith: facts.current?.usedBy ?? [],
      unlinking: `Then Needs Sync: the next sync links a class named “${record.wanted.name}” or creates it. “${record.link.name}” stays in QuickBooks as it is.`,
    },
    mayLookAgain: record.link === null && record.goneAt === null && record.status === 'needs_action' && record.problem !== null && !isOfTheCode(record.problem),
    pair: record.problem?.code === 'perhaps_renamed' ? { action: pathTo('renamed', record.id), former, code } : null,
    chosen: chosen === null ? null : {
      choice: choiceOf(chosen, record, look),
      ways: (['alone', 'replace', 'share'] as const).flatMap((how) => {
        const effect = chosen.effects[how];
        return effect ? [wayOf(how, effect, chosen, record)] : [];
      }),
      backHref: addressOf(own, look),
    },
    suggestions: facts.suggestions.map((made) => ({
      ...choiceOf(made, record, look), evidence: made.evidence.replace(/^\w/, (first) => first.toUpperCase()), effect: made.usedBy.length > 0 || made.class.id === record.link?.id ? '' : effectWords(made.effect, made.class),
    })),
    search: look.q,
    tree: tree(facts),
    treeWords: look.q !== '' && facts.branches.length === 0 ? `No class has “${look.q}” in its name.`
      : look.q !== '' ? `Classes with “${look.q}” in their name`
        : classCount.active + classCount.inactive === 0 ? 'No class was read from QuickBooks yet.'
          : `All classes: ${counted(classCount.active, 'active one')}, ${counted(classCount.inactive, 'inactive one')}`,
    readAt: momentOrNull(company.classesReadAt),
    denied: deniedTo(facts.role, company),
    action: own,
    decisionAction: pathTo('decision', record.id),
  };
}

/** The classes of one look, as a tree. */
export function tree({ record, look, branches, more }: TreeFacts): Tree {
  const next = { ...look, from: look.from + CLASSES_SHOWN };
  return {
    nodes: branches.map((branch) => nodeOf(branch, record, look)),
    more: more ? { href: addressOf(pathTo('classTree', record.id), next), pageHref: addressOf(pathTo('mapping', record.id), next) } : null,
  };
}

function nodeOf(branch: Branch, record: StagedRecord, look: Look): TreeNode {
  const inside = { q: '', below: branch.class.id, from: 0 };
  return {
    ...choiceOf(branch, record, look),
    path: null,
    found: branch.found,
    below: branch.below.map((under) => nodeOf(under, record, look)),
    closed: branch.count === 0 || branch.below.length > 0 ? null : {
      words: counted(branch.count, 'class', 'classes'),
      href: addressOf(pathTo('classTree', record.id), inside),
      pageHref: addressOf(pathTo('mapping', record.id), inside),
    },
  };
}

function choiceOf({ class: of, usedBy }: Candidate, record: StagedRecord, look: Look): ClassChoice {
  const linked = of.id === record.link?.id;
  return {
    id: of.id, name: of.name, path: of.parentId === null ? null : pathAbove(of), active: of.active, usedBy, linked,
    chooseHref: linked ? null : addressOf(pathTo('mapping', record.id), look, of.id),
  };
}

function addressOf(base: string, { q, below, from }: Look, choose = ''): string {
  const fields = Object.entries({ q, in: below ?? '', from: from === 0 ? '' : String(from), choose }).filter(([, value]) => value !== '');
  return fields.length === 0 ? base : `${base}?${new URLSearchParams(fields).toString()}`;
}

function wayOf(how: Way['how'], effect: Effect, chosen: Candidate, record: StagedRecord): Way {
  const others = listed(chosen.usedBy);
  const labels = {
    alone: !chosen.class.active && record.wanted.active ? 'Reactivate and link' : 'Link to this class',
    share: `Share it with ${others}`,
    replace: `Replace: unlink ${others}`,
  };
  return { how, label: labels[how], effect: effectWords(effect, chosen.class), warnings: warningsOf(how, effect, chosen, record) };
}

/** What the record and the class become, before it is done: "Then Needs Sync: …" (linarc.md point 4). */
export function effectWords({ status, change, kept }: Effect, target: QuickBooksClass): string {
  if (change.action === 'blocked' && change.problem !== null) return `${status === 'needs_action' ? 'Stays' : 'Then'} Needs Action. ${describe(change.problem).sentence}`;
  if (kept) return `Then Synced: the class keeps the name “${target.name}”, and each of these codes uses it.`;
  if (status === 'synced' || change.action === 'none') return `Then ${STATUS_LABELS.synced}: QuickBooks has this class as it should be.`;
  const { before, after, changes } = change;
  const parts = [
    ...(changes.includes('reactivate') ? ['is made active again'] : []),
    ...(changes.includes('inactivate') ? ['is made inactive'] : []),
    ...(changes.includes('move') ? [`moves from ${target.parentId === null ? 'the top' : `“${pathAbove(target)}”`} to ${after?.parentId ? 'its division' : 'the top'}`] : []),
    ...(changes.includes('rename') ? [`becomes “${after?.name ?? ''}”`] : []),
  ];
  return `Then ${STATUS_LABELS.needs_sync}: with the next sync QuickBooks’ class “${before?.name ?? target.name}” ${listed(parts)}.`;
}

function warningsOf(how: Way['how'], { change, kept }: Effect, { usedBy }: Candidate, { link }: StagedRecord): string[] {
  return [
    ...(link === null ? [] : [`What was posted on “${link.name}” so far stays there: reports by class show this code under both.`]),
    ...(!kept && change.changes.includes('rename') ? ['Reports of the past show the new name too.'] : []),
    ...(how === 'replace' ? [`Sync this code first: then a sync of ${listed(usedBy)} makes ${usedBy.length === 1 ? 'a class of its own' : 'classes of their own'}.`] : []),
    ...(how === 'share' ? ['Reports by class cannot tell these codes apart.'] : []),
  ];
}

function divisionOf({ source }: StagedRecord): string | null {
  return [source.divisionCode, source.divisionName].filter((part) => part !== '').join(' ') || null;
}

function pathAbove({ fullyQualifiedName }: QuickBooksClass): string {
  return fullyQualifiedName.split(':').slice(0, -1).join(' › ');
}

function driftOf(current: QuickBooksClass): string {
  return `${current.fullyQualifiedName}${current.active ? '' : ', inactive'}`;
}
