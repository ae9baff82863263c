import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ToldChange } from './fresh.ts';
import { contentHash } from './names.ts';

/**
 * Whether `given` is the HMAC-SHA256 of these very bytes under one of the secrets, compared in constant time (quickbooks.md §4;
 * server/linarc/openapi.json). Nothing is read of the body before this holds.
 */
export function isSigned(
  raw: Uint8Array,
  given: string | undefined,
  secrets: readonly string[],
  form: 'base64' | 'hex',
): boolean {
  const claimed = Buffer.from(given ?? '', 'utf8');
  let found = false;
  for (const secret of secrets) {
    const real = Buffer.from(createHmac('sha256', secret).update(raw).digest(form), 'utf8');
    const same = claimed.length === real.length && timingSafeEqual(claimed, real);
    found = (secret !== '' && same) || found;
  }
  return found;
}

/** A change told of a company that is not known by our id yet. */
export interface RealmChange {
  readonly realmId: string;
  readonly change: ToldChange;
}

const KINDS = ['created', 'updated', 'deleted', 'merged'] as const;
const CLASSIC: Readonly<Record<string, ToldChange['kind']>> = {
  create: 'created', update: 'updated', delete: 'deleted', merge: 'merged',
};
/** More than this from one delivery is no delivery of QuickBooks'. */
const MOST_EVENTS = 5_000;
const ID = /^\d{1,19}$/;

/**
 * The changes of classes a QuickBooks webhook tells, whichever of the two payloads it uses (annex A4); what is about something
 * else or has no sense is left out. A merge is a change of both classes. Null when the body is neither payload.
 */
export function quickBooksChanges(body: unknown): readonly RealmChange[] | null {
  if (Array.isArray(body)) return body.slice(0, MOST_EVENTS).flatMap(cloudEvent);
  if (!isObject(body) || !Array.isArray(body['eventNotifications'])) return null;
  return body['eventNotifications'].flatMap(notification).slice(0, MOST_EVENTS);
}

function cloudEvent(event: unknown): RealmChange[] {
  if (!isObject(event)) return [];
  const [, kind] = /^qbo\.class\.(created|updated|deleted|merged)\.v\d+$/i.exec(textOf(event['type'])) ?? [];
  const told = KINDS.find((one) => one === kind?.toLowerCase());
  if (!told) return [];
  const data = isObject(event['data']) ? event['data'] : {};
  const others = told === 'merged' ? [data['deletedId'], data['deletedid'], event['intuitdeletedid']].map(textOf) : [];
  const subjects = [textOf(event['intuitentityid']), ...others];
  return changes(textOf(event['intuitaccountid']), subjects, told, usableId(textOf(event['id']), event));
}

function notification(given: unknown): RealmChange[] {
  if (!isObject(given) || !isObject(given['dataChangeEvent'])) return [];
  const { entities } = given['dataChangeEvent'];
  if (!Array.isArray(entities)) return [];
  return entities.filter(isObject).flatMap((entity) => {
    const kind = CLASSIC[textOf(entity['operation']).toLowerCase()];
    if (textOf(entity['name']).toLowerCase() !== 'class' || kind === undefined) return [];
    const realmId = textOf(given['realmId']);
    return changes(realmId, [textOf(entity['id']), textOf(entity['deletedId'])], kind, contentHash({ ...entity, realmId }));
  });
}

/** The older payload gives events no id, so the digest of the content is theirs: two of the same content are the same event. */
function changes(realmId: string, subjects: readonly string[], kind: ToldChange['kind'], id: string): RealmChange[] {
  if (!ID.test(realmId)) return [];
  return subjects
    .filter((subject) => ID.test(subject))
    .map((subject, nth, [survivor = '']) => ({
      realmId, change: { id: nth === 0 ? id : `${id}.${nth}`, teller: 'quickbooks', subject, kind, ...(nth === 0 ? {} : { into: survivor }) },
    }));
}

/** What a delivery of Linarc's tells, and of which Linarc company. Null when it is none (server/linarc/openapi.json). */
export function linarcChanges(body: unknown): { readonly companyId: string; readonly changes: readonly ToldChange[] } | null {
  if (!isObject(body) || !Array.isArray(body['events'])) return null;
  const told = body['events'].slice(0, MOST_EVENTS).filter(isObject).flatMap((event): ToldChange[] => {
    const [, name] = /^costcode\.(created|updated|deleted)$/.exec(textOf(event['type'])) ?? [];
    const kind = KINDS.find((one) => one === name);
    const [id, subject] = [textOf(event['id']), textOf(event['costCodeId'])];
    if (!kind || id === '' || subject === '' || subject.length > 100) return [];
    return [{ id: usableId(id, event), teller: 'linarc', subject, kind }];
  });
  return { companyId: textOf(body['companyId']), changes: told };
}

/** Ids are kept as they are while they are of a sensible form, so that an event can be traced; else the event's digest is its id. */
function usableId(id: string, event: unknown): string {
  return /^[\w.:-]{1,100}$/.test(id) ? id : contentHash(event);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : '';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
