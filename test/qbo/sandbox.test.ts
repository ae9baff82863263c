import { expect } from 'chai';
import { BooksError, type BatchAnswer, type BatchItem, type Books, type Identity } from '../../server/core/ports.ts';
import type { ClassWrite, QuickBooksClass } from '../../server/core/records.ts';
import { quickBooks } from '../../server/qbo/books.ts';
import { intuitIdentity } from '../../server/qbo/identity.ts';
import { startQuickBooksSandbox, type QuickBooksSandbox } from '../../server/sandbox/quickbooks/server.ts';
import { clock, create } from './wire.ts';

const REDIRECT = 'http://localhost:3000/qbo/callback';
const APP = {
  clientId: 'app-1', clientSecret: 'app-secret-0123456789', name: 'Linarc Class Sync', tagline: 'Cost codes',
  redirectUris: [REDIRECT],
  launchUrl: 'http://localhost:3000/launch', connectUrl: 'http://localhost:3000/connect',
  disconnectUrl: 'http://localhost:3000/disconnect',
};

async function all(pages: AsyncIterable<readonly QuickBooksClass[]>): Promise<QuickBooksClass[]> {
  const read: QuickBooksClass[] = [];
  for await (const page of pages) read.push(...page);
  return read;
}

describe('qbo: with the QuickBooks sandbox', () => {
  let sandbox: QuickBooksSandbox;
  let identity: Identity;
  let realm = '';
  let accessToken = '';
  let refreshToken = '';
  let renewals = 0;
  let books: Books;
  let batches = 0;

  before(async () => {
    sandbox = await startQuickBooksSandbox({ limits: 'off', apps: [APP] });
    const { url } = sandbox;
    const endpoints = {
      authorize: `${url}/connect/oauth2`, token: `${url}/oauth2/v1/tokens/bearer`, revoke: `${url}/v2/oauth2/tokens/revoke`,
      userinfo: `${url}/v1/openid_connect/userinfo`, jwks: `${url}/op/v1/jwks`, issuer: 'https://oauth.platform.intuit.com/op/v1',
    };
    const { clientId, clientSecret } = APP;
    const strict = { endpoints, nonceRequired: true, fetchTimeoutMs: 5_000, clock };
    identity = intuitIdentity({ clientId, clientSecret, environment: 'sandbox', ...strict });
  });

  after(() => sandbox.close());

  beforeEach(async () => {
    await control('POST', 'reset', {});
    const wanted = { name: 'Test Builders', offeringSku: 'QuickBooks Online Advanced', classTracking: true };
    const company = await control('POST', 'companies', wanted);
    realm = String(company['realmId']);
    await takeGrant();
    renewals = 0;
    books = openBooks(10_000);
  });

  function openBooks(callTimeoutMs: number): Books {
    return quickBooks({ apiBase: sandbox.url, callTimeoutMs, clock })(realm, {
      current: async () => accessToken,
      renewed: async () => {
        renewals += 1;
        const grant = await identity.refresh(refreshToken);
        ({ accessToken, refreshToken } = grant);
        return accessToken;
      },
    }, async () => {});
  }

  async function control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(`${sandbox.url}/sandbox/${path}`, init);
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async function takeGrant(): Promise<void> {
    const given = await control('POST', `companies/${realm}/grant`, { clientId: APP.clientId });
    accessToken = String(given['access_token']);
    refreshToken = String(given['refresh_token']);
  }

  const fault = (operation: string, given: Record<string, unknown>, times = 1) =>
    control('POST', 'faults', { match: { operation }, fault: given, times });

  function send(...items: BatchItem[]): Promise<BatchAnswer> {
    batches += 1;
    return books.batch(`request-${batches}`, items);
  }

  /** The items' answers as words: the class id, or the fault's code. */
  function told(answer: BatchAnswer): Record<string, string> {
    if (answer.kind !== 'answered') throw new Error(JSON.stringify(answer));
    const words = [...answer.items].map(([bId, item]) => [bId, item.kind === 'done' ? 'done' : String(item.fault.code)]);
    return Object.fromEntries(words);
  }

  const update = (body: ClassWrite): BatchItem => ({ bId: 'r1', operation: 'update', body });

  async function make(name: string): Promise<QuickBooksClass> {
    const answer = await send(create('r1', name));
    const item = answer.kind === 'answered' ? answer.items.get('r1') : undefined;
    if (item?.kind !== 'done') throw new Error(JSON.stringify(item ?? answer));
    return item.class;
  }

  describe('identity', () => {
    const code = (nonce: string | null) => sandbox.control.grants.issueCode({
      clientId: APP.clientId, redirectUri: REDIRECT, personId: 'mara', realmId: realm, nonce,
      scopes: ['com.intuit.quickbooks.accounting', 'openid', 'profile', 'email'],
    });

    it('exchanges a code for a grant and a person, nonce and all', async () => {
      const { grant, person } = await identity.exchange({ code: code('nonce-1'), redirectUri: REDIRECT, nonce: 'nonce-1' });
      expect(person).to.include({ name: 'Mara Keller', email: 'mara.keller@hillside.example', emailVerified: true });
      expect(grant.refreshHardExpiresAt?.getTime()).to.be.greaterThan(grant.refreshExpiresAt.getTime());
      expect(grant.refreshExpiresAt.getTime()).to.be.greaterThan(grant.accessExpiresAt.getTime());
    });

    for (const nonce of ['nonce-2', null]) {
      it(`refuses ${nonce === null ? 'no' : 'another sign-in’s'} nonce`, async () => {
        const given = { code: code(nonce), redirectUri: REDIRECT, nonce: 'nonce-1' };
        const error = await identity.exchange(given).catch((caught: unknown) => caught);
        expect(error).to.include({ name: 'GrantError', kind: 'refused' });
      });
    }

    it('exchanges a code once only', async () => {
      const once = { code: code('nonce-1'), redirectUri: REDIRECT, nonce: 'nonce-1' };
      await identity.exchange(once);
      expect(await identity.exchange(once).catch((caught: unknown) => caught)).to.include({ kind: 'invalid_grant' });
    });

    for (const text of ['bare', 'incorrect', 'token-invalid']) {
      it(`knows a dead refresh token by its ${text} text`, async () => {
        await control('PATCH', 'switches', { invalidGrantText: text });
        expect(await identity.refresh('AB11-dead').catch((caught: unknown) => caught)).to.include({ kind: 'invalid_grant' });
      });
    }

    it('refreshes, and has a trace id when that fails', async () => {
      const grant = await identity.refresh(refreshToken);
      expect(grant.accessToken).not.to.equal(accessToken);
      await fault('token.refresh', { kind: 'status', status: 503 });
      const error = await identity.refresh(grant.refreshToken).catch((caught: unknown) => caught);
      expect(error).to.include({ kind: 'unreachable' }).and.have.property('intuitTid').that.matches(/^1-/);
    });

    it('revokes a grant, and is content when it is dead already', async () => {
      await identity.revoke(refreshToken);
      await identity.revoke(refreshToken);
      expect(await identity.refresh(refreshToken).catch((caught: unknown) => caught)).to.include({ kind: 'invalid_grant' });
    });
  });

  describe('books', () => {
    it('tell the company', async () => {
      const expected = { name: 'Test Builders', plan: 'QuickBooks Online Advanced', classTracking: 'per_line', locations: null };
      expect(await books.facts()).to.deep.equal(expected);
    });

    it('take classes, parents first, then changes, then inactivation', async () => {
      const parent = await make('03 Concrete');
      const child = { bId: 'r1', operation: 'create', body: { Name: '03 30 Cast', ParentRef: { value: parent.id } } } as const;
      const made = await send(child);
      const item = made.kind === 'answered' ? made.items.get('r1') : undefined;
      const expected = { parentId: parent.id, fullyQualifiedName: '03 Concrete:03 30 Cast', active: true };
      expect(item?.kind === 'done' && item.class).to.include(expected);

      const { id } = parent;
      const name = '03 Concrete works';
      expect(told(await send(update({ Id: id, SyncToken: '0', Name: name, Active: true })))).to.deep.equal({ r1: 'done' });
      expect(told(await send(update({ Id: id, SyncToken: '1', Name: name, Active: false })))).to.deep.equal({ r1: 'done' });
      const [now] = await books.byIds([id]);
      expect(now).to.include({ id, syncToken: '2', name: '03 Concrete works (deleted)', active: false });
    });

    it('tell each refusal by its code', async () => {
      const first = await make('A');
      const answer = await send(
        create('r1', 'a'), create('r2', 'x'.repeat(101)), create('r3', 'a:b'),
        { bId: 'r4', operation: 'update', body: { Id: first.id, SyncToken: '7', Name: 'B' } },
        { bId: 'r5', operation: 'create', body: { Name: 'C', ParentRef: { value: '999999' } } }, create('r6', 'D'),
      );
      expect(told(answer)).to.deep.equal({ r1: '6240', r2: '2050', r3: '2040', r4: '5010', r5: '2500', r6: 'done' });
    });

    it('answer a batch sent again under its requestid with the same classes', async () => {
      const items = [create('r1', 'A'), create('r2', 'B')];
      const first = await books.batch('same-request', items);
      const again = await books.batch('same-request', items);
      const itemsOf = (answer: BatchAnswer) => (answer.kind === 'answered' ? [...answer.items] : []);
      expect(itemsOf(again)).to.deep.equal(itemsOf(first)).and.to.have.lengthOf(2);
      expect(await all(books.classes())).to.have.lengthOf(2);
    });

    it('are read whole, over several pages, with the inactive ones', async () => {
      const names = Array.from({ length: 2_100 }, (_, index) => `Class ${index}`);
      await control('POST', `companies/${realm}/classes`, { names: [...names, 'Old (inactive)'] });
      const read = await all(books.classes());
      expect(new Set(read.map((one) => one.id)).size).to.equal(2_101);
      expect(read.filter((one) => !one.active)).to.have.lengthOf(1);
    });

    for (const kind of ['extra-row', 'doubled-rows']) {
      it(`are read whole in spite of ${kind}`, async () => {
        await control('POST', `companies/${realm}/classes`,
          { names: Array.from({ length: 1_500 }, (_, index) => `Class ${index}`) });
        await fault('query', { kind }, 10);
        const read = await all(books.classes());
        expect(new Set(read.map((one) => one.id)).size).to.equal(read.length).and.to.equal(1_500);
      });
    }

    for (const emptyList of ['{}', '[]']) {
      it(`of a new company are empty, said as ${emptyList}`, async () => {
        await control('PATCH', 'switches', { emptyList });
        expect(await all(books.classes())).to.deep.equal([]);
        expect(await books.byNames(['nobody'])).to.deep.equal([]);
      });
    }

    it('find names with quotes, backslashes and signs', async () => {
      const names = ["Amy's", String.raw`a\b`, 'R&D 100%', '50% off, #1 (x)', 'Béton – “neu”'];
      for (const name of names) await make(name);
      expect((await books.byNames(names)).map((one) => one.name)).to.have.members(names);
    });

    it('find thirty long names with one call', async () => {
      const names = Array.from({ length: 30 }, (_, index) => `${index} ${"Côté d'Azur ".repeat(7)}`.slice(0, 100).trim());
      await send(...names.map((name, index) => create(`r${index}`, name)));
      const { last } = await control('GET', 'calls');
      expect((await books.byNames(names)).map((one) => one.name)).to.have.members(names);
      expect((await control('GET', `calls?since=${Number(last)}`))['calls']).to.have.lengthOf(1);
    });

    for (const inactiveSuffix of ['(deleted)', '(Deleted)']) {
      it(`find an inactive class by its former name, marked ${inactiveSuffix}`, async () => {
        await control('PATCH', 'switches', { inactiveSuffix, queryTextCase: 'exact', queryEntityCase: 'exact' });
        const { id } = await make('Design');
        await send(update({ Id: id, SyncToken: '0', Name: 'Design', Active: false }));
        const found = await books.byNames(['Design']);
        expect(found.map((one) => [one.id, one.name])).to.deep.equal([[id, `Design ${inactiveSuffix}`]]);
      });
    }
  });

  describe('tokens', () => {
    it('that expired are renewed once and the call goes through', async () => {
      await control('POST', 'clock', { advanceSeconds: 3_700 });
      expect(told(await send(create('r1', 'A')))).to.deep.equal({ r1: 'done' });
      expect(renewals).to.equal(1);
    });

    for (const revokedToken of ['3200', '3100']) {
      it(`of a revoked grant make a refusal (${revokedToken})`, async () => {
        await control('PATCH', 'switches', { revokedToken });
        await identity.revoke(refreshToken);
        const answer = await send(create('r1', 'A'));
        expect(answer.kind === 'refused' && answer.fault.code).to.equal(revokedToken);
        expect(JSON.stringify(answer)).not.to.include(accessToken.slice(-40));
      });
    }
  });

  describe('what goes wrong', () => {
    const ends: [string, Record<string, unknown>, Record<string, unknown>][] = [
      ['is lost before it arrives', { kind: 'drop-before' }, { kind: 'unknown' }],
      ['is answered in vain', { kind: 'drop-after' }, { kind: 'unknown' }],
      ['is answered with half the JSON', { kind: 'truncate' }, { kind: 'unknown' }],
      ['is answered in HTML', { kind: 'html-error', status: 502 }, { kind: 'unknown', status: 502 }],
      ['fails inside QuickBooks', { kind: 'status', status: 500 }, { kind: 'unknown', status: 500 }],
      ['is throttled after the work', { kind: 'status', status: 429, when: 'after' }, { kind: 'refused' }],
      ['gets a fault in a success', { kind: 'fault-in-200' }, { kind: 'refused' }],
      ['is forbidden', { kind: 'status', status: 403 }, { kind: 'refused' }],
    ];
    for (const [what, given, expected] of ends) {
      it(`when a batch ${what}, its end is ${String(expected['kind'])}`, async () => {
        await fault('batch', given);
        expect(await send(create('r1', 'A'), create('r2', 'B'))).to.include(expected);
      });
    }

    const slow = { late: { kind: 'delay', ms: 900, when: 'after' }, 'drop by drop': { kind: 'slow-drip', ms: 900 } };
    for (const [what, given] of Object.entries(slow)) {
      it(`when a batch is answered too ${what}, its end is unknown`, async () => {
        await fault('batch', given);
        books = openBooks(300);
        expect(await send(create('r1', 'A'))).to.include({ kind: 'unknown', why: 'no whole answer in time' });
      });
    }

    const recordings = ['throttled', 'no-access', 'locked', 'maintenance', 'lapsed', 'wrong-host', 'plan-limit', 'forbidden'];
    for (const recorded of recordings) {
      it(`a recorded answer “${recorded}” is a refusal with a code`, async () => {
        await fault('batch', { kind: 'status', recorded });
        const answer = await send(create('r1', 'A'));
        expect(answer.kind === 'refused' && answer.fault.code).to.match(/^\d+$/);
      });
    }

    for (const throttleBody of ['xml', 'Fault', 'fault']) {
      for (const throttleStatus of ['429', '403']) {
        it(`throttling is known as ${throttleBody} with ${throttleStatus}, and its wait`, async () => {
          await control('PATCH', 'switches', { throttleBody, throttleStatus, retryAfter: 'yes' });
          await fault('batch', { kind: 'status', recorded: 'throttled', retryAfterSeconds: 7 });
          const answer = await send(create('r1', 'A'));
          expect(answer).to.include({ kind: 'refused', retryAfter: 7_000 });
          expect(answer.kind === 'refused' && answer.fault).to.include({ code: '3001', status: Number(throttleStatus) });
        });
      }
    }

    const three = () => send(create('r1', 'A'), create('r2', 'B'), create('r3', 'C'));
    const shapes: [string, Record<string, unknown>, Record<string, string>][] = [
      ['in another order', { kind: 'items-reordered' }, { r1: 'done', r2: 'done', r3: 'done' }],
      ['missing', { kind: 'items-missing', items: [1] }, { r1: 'done', r3: 'done' }],
      ['doubled alike', { kind: 'items-doubled' }, { r1: 'done', r2: 'done', r3: 'done' }],
      ['under a foreign bId', { kind: 'items-foreign', items: [0] }, { r2: 'done', r3: 'done' }],
      ['throttled', { kind: 'item-throttle', items: [2] }, { r1: 'done', r2: 'done', r3: '3001' }],
    ];
    for (const [what, given, expected] of shapes) {
      it(`parts ${what} are read for what they are`, async () => {
        await fault('batch', given);
        expect(told(await three())).to.deep.equal(expected);
      });
    }

    it('a query that fails is a BooksError', async () => {
      await fault('query', { kind: 'status', status: 500 });
      expect(await books.byNames(['A']).catch((caught: unknown) => caught)).to.be.instanceOf(BooksError);
    });
  });
});
