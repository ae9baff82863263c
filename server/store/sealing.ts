import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { Tenant } from '../core/records.ts';

/** Keys by id, each 32 bytes in base64. New values are sealed with `current`; the others still open what they sealed. */
export interface KeyRing {
  readonly current: string;
  readonly keys: Readonly<Record<string, string>>;
}

/** A sealed value that is not what was sealed for this tenant and field, or whose key is not in the ring. Tells no content. */
export class SealError extends Error {
  constructor(field: string, why: string) {
    super(`The stored ${field} cannot be opened: ${why}.`);
    this.name = 'SealError';
  }
}

export interface Seals {
  /** Encrypts text for this tenant and field alone. */
  seal(tenant: Tenant, field: string, text: string): string;
  /** Throws SealError when it was sealed for another tenant or field, was altered, or its key is missing. */
  open(tenant: Tenant, field: string, sealed: string): string;
  /** Whether it was sealed with a key that is no longer the current one. */
  isOutdated(sealed: string): boolean;
  /** Keyed digests to find text by, one for each key of the ring, the current key's first. */
  digests(purpose: string, text: string): readonly [string, ...string[]];
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Sealing by AES-256-GCM with this ring (engineering.md §4.4). Throws when a key is not 32 bytes or the current one missing. */
export function sealsOf(ring: KeyRing): Seals {
  const keys = new Map(Object.entries(ring.keys).map(([id, text]) => [id, keyOf(id, text)]));
  const current = keys.get(ring.current);
  if (!current) throw new Error(`The key ring names "${ring.current}" as current, but holds no such key.`);
  const newestFirst = [current, ...[...keys].filter(([id]) => id !== ring.current).map(([, key]) => key)];

  return {
    seal(tenant, field, text) {
      // Not the random of the use cases: that one may be seeded in a test, and a repeated IV would give the key away.
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current, iv).setAAD(boundTo(tenant, field, ring.current));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return `${ring.current}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(tenant, field, sealed) {
      const id = keyIdOf(sealed);
      const key = keys.get(id);
      if (!key) throw new SealError(field, `the key ring holds no key "${id}"`);
      const bytes = Buffer.from(sealed.slice(id.length + 1), 'base64url');
      if (bytes.length < IV_BYTES + TAG_BYTES) throw new SealError(field, 'it is cut short');
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES))
          .setAAD(boundTo(tenant, field, id))
          .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
        return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        throw new SealError(field, 'it was altered, or sealed for something else');
      }
    },
    isOutdated: (sealed) => keyIdOf(sealed) !== ring.current,
    digests(purpose, text) {
      const digest = (key: Buffer) => createHmac('sha256', derived(key, purpose)).update(text).digest('base64url');
      return [digest(current), ...newestFirst.slice(1).map(digest)];
    },
  };
}

function keyOf(id: string, text: string): Buffer {
  const key = Buffer.from(text, 'base64');
  if (key.length !== 32) throw new Error(`The key "${id}" of the key ring is not 32 bytes in base64.`);
  if (id === '' || id.includes('.')) throw new Error('The ids of the key ring must not be empty nor hold a dot.');
  return key;
}

function keyIdOf(sealed: string): string {
  return sealed.slice(0, Math.max(0, sealed.indexOf('.')));
}

/** What a sealed value is bound to: it opens for nothing else. JSON, so that no part can run into the next. */
function boundTo(tenant: Tenant, field: string, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([tenant, field, keyId]));
}

/** A key of its own for each purpose, so that a digest tells nothing about a sealed value. */
function derived(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `linarc-class-sync ${purpose}`, 32));
}
