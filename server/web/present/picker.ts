import type { LibraryPage } from '../../core/ports.ts';
import type { StagedRecord } from '../../core/records.ts';
import { paths } from '../paths.ts';
import { counted } from './format.ts';
import type { Notice } from './notice.ts';
import { STATUS_LABELS, statusKey, type StatusKey } from './status.ts';

/** Import Selected: the Linarc library, searched and paged there, staged codes marked (linarc.md point 13). */
export interface Picker {
  readonly library: string;
  readonly search: string;
  readonly words: string;
  readonly entries: readonly {
    readonly id: string;
    readonly code: string;
    readonly name: string;
    readonly about: string;
    readonly staged: { readonly key: StatusKey; readonly label: string } | null;
  }[];
  readonly next: string | null;
  readonly notice: Notice | null;
  readonly denied: string | null;
  readonly action: string;
  readonly back: string;
}

export interface PickerFacts {
  readonly library: string;
  readonly search: string;
  readonly page: (LibraryPage & { readonly next: string | null }) | null;
  readonly staged: readonly StagedRecord[];
  readonly notice: Notice | null;
  readonly denied: string | null;
}

export function picker({ library, search, page, staged, notice, denied }: PickerFacts): Picker {
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
    }];
  });
  const next = page?.next ?? null;
  return {
    library, search, entries, notice, denied,
    words: page === null ? '' : `${counted(page.total, 'cost code')}${search === '' ? ' in the library' : ` with “${search}”`}`,
    next: next === null ? null : `${paths.picker}?${new URLSearchParams({ ...(search !== '' && { q: search }), cursor: next }).toString()}`,
    action: paths.picker,
    back: paths.costCodes,
  };
}
