import { createPrivateKey, createPublicKey, generateKeyPair, sign } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Journal } from './journal.ts';

/** Someone who can sign in to the sandbox. */
export interface Person {
  readonly id: string;
  /** The stable subject that apps key on (quickbooks.md §1.7). */
  readonly sub: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly email: string;
  readonly emailVerified: boolean;
}

export const PEOPLE: readonly Person[] = [
  {
    id: 'mara', sub: '5b7c1f0a-3d52-4d0e-9a41-0c6e2f8d1a01', givenName: 'Mara', familyName: 'Keller',
    email: 'mara.keller@hillside.example', emailVerified: true,
  },
  {
    id: 'jonas', sub: '5b7c1f0a-3d52-4d0e-9a41-0c6e2f8d1a02', givenName: 'Jonas', familyName: 'Brandt',
    email: 'jonas.brandt@hillside.example', emailVerified: true,
  },
  {
    id: 'priya', sub: '5b7c1f0a-3d52-4d0e-9a41-0c6e2f8d1a03', givenName: 'Priya', familyName: 'Nair',
    email: 'priya.nair@hillside.example', emailVerified: true,
  },
  {
    id: 'tom', sub: '5b7c1f0a-3d52-4d0e-9a41-0c6e2f8d1a04', givenName: 'Tom', familyName: 'Okafor',
    email: 'tom.okafor@cedarstone.example', emailVerified: false,
  },
];

export function fullName(person: Person): string {
  return `${person.givenName} ${person.familyName}`;
}

/** Intuit's literal issuer, which clients compare with (quickbooks.md §1.1). */
export const ISSUER = 'https://oauth.platform.intuit.com/op/v1';
const ID_TOKEN_SECONDS = 3600;

/** The RSA key behind id_tokens: made at the first use, kept in the journal. */
export class SigningKey {
  readonly #journal: Journal;
  #key: Promise<KeyObject> | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The JWKS document. */
  async jwks(): Promise<{ keys: JsonWebKey[] }> {
    const key = await this.#privateKey();
    const { n, e } = createPublicKey(key).export({ format: 'jwk' });
    return { keys: [{ kty: 'RSA', e: e ?? '', use: 'sig', kid: keyId(n), alg: 'RS256', n: n ?? '' }] };
  }

  /**
   * An RS256 id_token with Intuit's claims (quickbooks.md §1.7). Its times are real: clients check them against their own clock.
   * @param nowMs wall time
   */
  async idToken(person: Person, clientId: string, realmId: string | null, nonce: string | null, nowMs: number): Promise<string> {
    const key = await this.#privateKey();
    const now = Math.floor(nowMs / 1000);
    const { n } = createPublicKey(key).export({ format: 'jwk' });
    const header = { kid: keyId(n), typ: 'JWT', alg: 'RS256' };
    const claims = {
      sub: person.sub, aud: [clientId], ...(realmId ? { realmid: realmId } : {}), auth_time: now, iss: ISSUER,
      exp: now + ID_TOKEN_SECONDS,
      iat: now, ...(nonce ? { nonce } : {}),
    };
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
  }

  /** Writes the key to the journal again, after it was cleared. */
  async keep(): Promise<void> {
    if (this.#key) this.#note(await this.#key);
  }

  #note(key: KeyObject): void {
    this.#journal.put('key', 'signing', key.export({ type: 'pkcs8', format: 'pem' }));
  }

  #privateKey(): Promise<KeyObject> {
    this.#key ??= this.#load();
    return this.#key;
  }

  async #load(): Promise<KeyObject> {
    const kept = this.#journal.kept('key').get('signing');
    if (typeof kept === 'string') return createPrivateKey(kept);
    const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
    this.#note(privateKey);
    return privateKey;
  }
}

function keyId(modulus: string | undefined): string {
  return `r4p5SbL2qaFehFzhj8gI${(modulus ?? '').slice(0, 8)}`;
}
