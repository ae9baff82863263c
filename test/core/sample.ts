import { DEFAULT_SETTINGS } from '../../server/core/company.ts';
import { draftOf } from '../../server/core/stage.ts';
import type { CostCode, QuickBooksClass, StagedRecord } from '../../server/core/records.ts';
import type { LibraryEntry } from '../../server/core/ports.ts';

export const AT = new Date('2026-11-23T09:00:00Z');

/** A library entry as Linarc would send it. */
export function entry(source: Partial<CostCode> = {}, linarcId = 'lin-1'): LibraryEntry & { linarcId: string } {
  const costCode = { code: '03 30 00', name: 'Concrete', taskType: 'FIELD', active: true, divisionCode: '03', divisionName: 'Concrete', ...source };
  return { linarcId, raw: { id: linarcId, ...costCode }, costCode, unreadable: null };
}

/** A staged record, as a first import leaves it; `change` on top. */
export function record(change: Partial<StagedRecord> = {}, source: Partial<CostCode> = {}): StagedRecord {
  const linarcId = change.linarcId ?? 'lin-1';
  const draft = draftOf(entry(source, linarcId), null, DEFAULT_SETTINGS, AT);
  if (!draft) throw new Error('a first import always stages');
  const { over: _, ...staged } = draft;
  return {
    ...staged, id: `rec-${linarcId}`, link: null, aliases: [], syncedAt: null, overwrite: null, accepted: null, run: null, intent: null, settledIn: null,
    lastExchange: null, version: 1, ...change,
  };
}

/** A QuickBooks class. */
export function aClass(change: Partial<QuickBooksClass> = {}): QuickBooksClass {
  const name = change.name ?? '03 30 00 Concrete';
  return { id: '5', syncToken: '0', name, fullyQualifiedName: name, parentId: null, active: true, createdAt: AT, updatedAt: AT, ...change };
}

/** The link a record has to a class as it stands. */
export function linkTo(of: QuickBooksClass): NonNullable<StagedRecord['link']> {
  return { id: of.id, syncToken: of.syncToken, name: of.name, parentId: of.parentId, active: of.active, how: 'created' };
}
