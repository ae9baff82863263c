import { LONGEST_VIEW_NAME, type SavedView } from '../../core/views.ts';
import { paths } from '../paths.ts';

/** All a person has saved, to be renamed or deleted. */
export interface SavedViewsPage {
  readonly views: readonly { readonly id: string; readonly name: string; readonly href: string }[];
  readonly longest: number;
  readonly action: string;
  readonly back: string;
}

export function savedViews(views: readonly SavedView[], back: string): SavedViewsPage {
  return {
    views: views.map(({ id, name, search }) => ({ id, name, href: `${paths.costCodes}${search}` })),
    longest: LONGEST_VIEW_NAME, action: paths.views, back,
  };
}
