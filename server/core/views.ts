import type { Tenant } from './records.ts';

/** A filter, order and page size of the staging screen that a person keeps under a name. */
export interface SavedView {
  readonly id: string;
  readonly name: string;
  /** What stands behind the screen's path: "?status=failed&sort=name", or nothing for the plain list. */
  readonly search: string;
}

/** How many views one person may keep for one company. */
export const MOST_VIEWS = 30;
export const LONGEST_VIEW_NAME = 60;

/** Why a view was not kept. */
export type ViewRefusal = 'full' | 'taken';

/** The views of the people, each person's for each company their own. */
export interface SavedViews {
  /** In the order of their names. */
  of(company: Tenant, user: string): Promise<readonly SavedView[]>;
  /** Keeps a view; one of that name, whatever its case, is written over. */
  save(company: Tenant, user: string, view: Pick<SavedView, 'name' | 'search'>): Promise<ViewRefusal | null>;
  /** Gives a view another name, unless another has that name. */
  rename(company: Tenant, user: string, id: string, name: string): Promise<ViewRefusal | null>;
  remove(company: Tenant, user: string, id: string): Promise<void>;
}
