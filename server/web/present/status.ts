import type { RecordStatus, StagedRecord } from '../../core/records.ts';

export type StatusKey = RecordStatus | 'excluded';

/** The words of the article (design.md §2); colour and icon have the key's name. */
export const STATUS_LABELS: Readonly<Record<StatusKey, string>> = {
  needs_sync: 'Needs Sync',
  needs_action: 'Needs Action',
  syncing: 'Syncing',
  synced: 'Synced',
  failed: 'Failed',
  excluded: 'Excluded',
};

/** The order in which the screen shows statuses: what is done first in the bar, what waits on a person last. */
export const BAR_ORDER: readonly RecordStatus[] = ['synced', 'syncing', 'needs_sync', 'needs_action', 'failed'];

export function statusKey(record: Pick<StagedRecord, 'status' | 'excluded'>): StatusKey {
  return record.excluded === null ? record.status : 'excluded';
}

/** Whether Sync to QBO takes this record (linarc.md point 16). */
export function canSync(record: Pick<StagedRecord, 'status' | 'excluded' | 'goneAt' | 'run'>): boolean {
  return record.excluded === null && record.run === null && (record.status === 'needs_sync' || record.status === 'failed');
}
