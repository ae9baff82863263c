import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import type { LinarcSandboxOptions } from '../../../server/sandbox/linarc/server.ts';
import { Linarc, bearer } from './support.ts';

describe('Linarc sandbox: kept state', () => {
  let folder: string;
  let stateFile: string;
  let open: Linarc[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'linarc-state-'));
    stateFile = join(folder, 'deep', 'linarc.jsonl');
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map((linarc) => linarc.close()));
    rmSync(folder, { recursive: true });
  });

  async function start(options: LinarcSandboxOptions = {}): Promise<Linarc> {
    const linarc = await Linarc.start({ stateFile, ...options });
    open.push(linarc);
    return linarc;
  }

  /** Edits, adds and deletes, then starts a second sandbox on the same file while the first one never closed it. */
  async function edited(options: LinarcSandboxOptions): Promise<{ before: unknown; linarc: Linarc }> {
    const first = await start(options);
    const [a, b] = (await first.list()).items;
    await first.edit(a?.id ?? '', { costCodeName: 'Edited' });
    await first.remove(b?.id ?? '');
    await first.add({ costCode: 'NEW' });
    return { before: await first.walk({ limit: '500' }), linarc: first };
  }

  it('survives a process that was killed', async () => {
    const { before } = await edited({ codes: 10 });
    expect(await (await start({ codes: 10 })).walk({ limit: '500' })).to.deep.equal(before);
  });

  it('goes on when no library is named', async () => {
    const { before } = await edited({ codes: 10 });
    expect(await (await start()).walk({ limit: '500' })).to.deep.equal(before);
  });

  it('gives way to another library that is asked for', async () => {
    await edited({ codes: 10 });
    expect((await (await start({ codes: 11 })).list()).items.map(({ costCode }) => costCode))
      .to.have.length(11)
      .and.not.include('NEW');
  });

  it('forgets the line a killed process was writing, and no other', async () => {
    const { before } = await edited({ codes: 10 });
    appendFileSync(stateFile, '{"company":"lin-hillside","remo');
    const second = await start();
    const added = await second.add({ costCode: 'AFTER' });
    expect(await (await start()).walk({ limit: '500' })).to.deep.equal([...(before as unknown[]), added]);
  });

  it('keeps webhooks', async () => {
    const first = await start({ codes: 1 });
    await first.call('POST', '/v1/companies/lin-hillside/webhooks', { url: 'http://127.0.0.1:9/' }, bearer(first.sandbox.apiKey));
    const { body } = await (await start()).get('/v1/companies/lin-hillside/webhooks');
    expect(body).to.have.nested.property('items[0].url', 'http://127.0.0.1:9/');
  });

  it('is readable by its owner alone, since it holds webhook secrets', async () => {
    await start({ codes: 1 });
    expect(statSync(stateFile).mode & 0o077).to.equal(0);
  });

  it('is not overwritten when it is something else', async () => {
    stateFile = join(folder, 'letters.txt');
    writeFileSync(stateFile, 'Dear Mara,\nall is well.\n');
    const failure = await start().then(() => 'started', String);
    expect(failure).to.include('cannot read its state file').and.include('letters.txt');
  });

  it('follows a reset', async () => {
    const { linarc } = await edited({ codes: 10 });
    await linarc.reset({ codes: 4 });
    expect((await (await start()).list()).total).to.equal(4);
  });
});
