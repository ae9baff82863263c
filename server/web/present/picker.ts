import { TASK_TYPES, type LibraryPage, type LibraryQuestion } from '../../core/ports.ts';
import type { StagedRecord } from '../../core/records.ts';
import { paths } from '../paths.ts';
import { count, counted } from './format.ts';
import type { Notice } from './notice.ts';
import { STATUS_LABELS, statusKey, type StatusKey } from './status.ts';

/** Import Selected: the Linarc library, searched and paged there, staged codes marked (linarc.md point 13). */
export interface Picker {
  readonly library: string;
  readonly search: string;
  readonly words: string;
  readonly filters: readonly { readonly name: string; readonly label: string; readonly options: readonly { readonly label: string; readonly value: string; readonly chosen: boolean }[] }[];
  readonly entries: readonly {
    readonly id: string;
    readonly code: string;
    readonly name: string;
    readonly about: string;
    readonly staged: { readonly key: StatusKey; readonly label: string } | null;
    readonly picked: boolean;
  }[];
  /** Picked ones that this page does not show. */
  readonly elsewhere: readonly string[];
  readonly pickedWords: string;
  readonly next: string | null;
  readonly isFirst: boolean;
  readonly notice: Notice | null;
  readonly denied: string | null;
  readonly action: string;
  readonly importAction: string;
  readonly back: string;
}

export interface PickerFacts {
  readonly library: string;
  readonly question: LibraryQuestion;
  readonly isFirst: boolean;
  readonly page: (LibraryPage & { readonly next: string | null }) | null;
  readonly staged: readonly StagedRecord[];
  /** Divisions known here: of staged codes. */
  readonly divisions: readonly { readonly code: string; readonly name: string }[];
  readonly picks: ReadonlySet<string>;
  readonly notice: Notice | null;
  readonly denied: string | null;
}

export function picker({ library, question, isFirst, page, staged, divisions, picks, notice, denied }: PickerFacts): Picker {
  const byId = new Map(staged.map((record) => [record.linarcId, statusKey(record)]));
  const entries = (page?.entries ?? []).flatMap(({ linarcId, costCode }) => {
    if (linarcId === null) return [];
    const key = byId.get(linarcId);
    return [{
      id: linarcId,
      code: costCode?.code || '—',
      name: costCode?.name || '—',
      about: costCode === null ? 'cannot be read' : [costCode.taskType, costCode.active ? 'Active' : 'Inactive', costCode.divisionName].filter((part) => part !== '').join(' · '),
      staged: key === undefined ? null : { key, label: STATUS_LABELS[key] },
      picked: picks.has(linarcId),
    }];
  });
  const shown = new Set(entries.map(({ id }) => id));
  const elsewhere = [...picks].filter((id) => !shown.has(id));
  const isNarrowed = Object.keys(question).length > 0;
  return {
    library, entries, elsewhere, isFirst, notice, denied,
    search: question.search ?? '',
    words: page === null ? '' : `${counted(page.total, 'cost code')} ${isNarrowed ? 'found' : 'in the library'}`,
    filters: [
      filter('type', 'Task Type', 'Every type', TASK_TYPES.map((type) => [type, type]), question.taskType),
      filter('division', 'Division', 'Every division', divisionsOf(divisions, page), question.divisionCode),
      filter('active', 'Task Code Status', 'Active or not', [['Active', 'yes'], ['Inactive', 'no']], question.active === undefined ? undefined : question.active ? 'yes' : 'no'),
    ],
    pickedWords: `${count(picks.size)} picked${elsewhere.length === 0 ? '' : ` (${count(elsewhere.length)} not on this page)`}`,
    next: page?.next ?? null,
    action: paths.picker,
    importAction: paths.imports,
    back: paths.costCodes,
  };
}

function filter(name: string, label: string, none: string, given: readonly (readonly [string, string])[], chosen = ''): Picker['filters'][number] {
  const known = chosen === '' || given.some(([, value]) => value === chosen) ? given : [...given, [chosen, chosen] as const];
  return { name, label, options: [[none, ''] as const, ...known].map(([text, value]) => ({ label: text, value, chosen: value === chosen })) };
}

/** The divisions of what is staged and of what the page shows. */
function divisionsOf(divisions: PickerFacts['divisions'], page: PickerFacts['page']): readonly (readonly [string, string])[] {
  const named = new Map(divisions.map(({ code, name }) => [code, name]));
  for (const { costCode } of page?.entries ?? []) {
    if (costCode && costCode.divisionCode !== '' && !named.get(costCode.divisionCode)) named.set(costCode.divisionCode, costCode.divisionName);
  }
  return [...named].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })).map(([code, name]) => [`${code} ${name}`.trim(), code] as const);
}
