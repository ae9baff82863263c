import { expect } from 'chai';
import type { LibraryKey } from '../../server/core/ports.ts';
import { ProblemError } from '../../server/core/problems.ts';
import { LinarcLibrary } from '../../server/linarc/library.ts';
import { Linarc } from '../sandbox/linarc/support.ts';

const HOOK = 'http://127.0.0.1:1/webhooks/linarc/c1';

describe('Linarc webhooks', () => {
  let linarc: Linarc;
  let library: LinarcLibrary;
  let key: LibraryKey;

  beforeEach(async () => {
    linarc = await Linarc.start();
    library = new LinarcLibrary({ baseUrl: linarc.sandbox.url, timeoutMs: 5_000 });
    key = { companyId: linarc.sandbox.company.id, apiKey: linarc.sandbox.apiKey };
  });
  afterEach(() => linarc.close());

  async function registered(): Promise<string[]> {
    const response = await fetch(`${linarc.sandbox.url}/v1/companies/${key.companyId}/webhooks`, { headers: { authorization: `Bearer ${key.apiKey}` } });
    return ((await response.json()) as { items: { id: string }[] }).items.map(({ id }) => id);
  }

  it('are registered with a secret told once', async () => {
    const made = await library.subscribe(key, HOOK, null);
    expect(made?.secret).to.match(/^[0-9a-f]{64}$/);
    expect(await registered()).to.deep.equal([made?.id]);
  });

  it('are left as they are while they are known', async () => {
    const made = await library.subscribe(key, HOOK, null);
    expect(await library.subscribe(key, HOOK, made?.id ?? null)).to.equal(null);
  });

  it('take the place of one at the same address whose secret nobody knows, so that they never pile up', async () => {
    for (let n = 0; n < 8; n += 1) await library.subscribe(key, HOOK, null);
    expect(await registered()).to.have.length(1);
  });

  it('lose a second one at the same address that two processes made at once', async () => {
    const [one, two] = await Promise.all([library.subscribe(key, HOOK, null), library.subscribe(key, HOOK, null)]);
    const kept = (await registered()).find((id) => id === two?.id) ?? one?.id ?? '';
    expect(await library.subscribe(key, HOOK, kept)).to.equal(null);
    expect(await registered()).to.deep.equal([kept]);
  });

  it('take the place of the known one when the address has changed', async () => {
    const made = await library.subscribe(key, HOOK, null);
    const moved = await library.subscribe(key, `${HOOK}2`, made?.id ?? null);
    expect(await registered()).to.deep.equal([moved?.id]);
  });

  it('are removed, also when they are not there any more', async () => {
    const made = await library.subscribe(key, HOOK, null);
    await library.unsubscribe(key, made?.id ?? '');
    await library.unsubscribe(key, made?.id ?? '');
    expect(await registered()).to.deep.equal([]);
  });

  it('need a key that is accepted', async () => {
    const failure = await library.subscribe({ ...key, apiKey: 'wrong' }, HOOK, null).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(ProblemError).with.nested.property('problem.code', 'linarc_key_refused');
  });
});
