import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCommandLine } from '../../../server/sandbox/main.ts';
import { SandboxStartError, startSandboxesInThread } from '../../../server/sandbox/worker.ts';
import { APP, Bench, Json, read } from './support.ts';

describe('QuickBooks sandbox: kept state', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbo-sandbox-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Opens without the fresh company that a bench begins with. */
  async function reopen(stateFile: string, before: Bench): Promise<Bench> {
    const { realmId, token, refreshToken } = before;
    const { startQuickBooksSandbox } = await import('../../../server/sandbox/quickbooks/server.ts');
    const sandbox = await startQuickBooksSandbox({ limits: 'off', stateFile });
    return Object.assign(Object.create(Bench.prototype) as Bench, { sandbox, realmId, token, refreshToken });
  }

  it('outlives a restart: classes, grants, apps, keys, switches and answers by requestid', async () => {
    const stateFile = join(folder, 'books.jsonl');
    const first = await Bench.open({ stateFile });
    const parent = await first.make('Parent');
    await first.make('Child', parent.text('Id'));
    const answer = await first.postClass({ Name: 'Once' }, '?requestid=one');
    await first.postClass({ Id: parent.at('Id'), SyncToken: '0', Name: 'Renamed' });
    await first.switches({ duplicateText: 'null' });
    const keys = (await first.send('GET', '/op/v1/jwks')).text;
    await first.close();

    const second = await reopen(stateFile, first);
    try {
      expect(await second.names('select * from Class')).to.deep.equal(['Once', 'Renamed', 'Child']);
      expect((await second.postClass({ Name: 'Once' }, '?requestid=one')).text).to.equal(answer.text);
      expect((await second.send('GET', '/op/v1/jwks')).text).to.equal(keys);
      expect((await second.control('GET', '/sandbox/switches')).at('values.duplicateText')).to.equal('null');
      expect((await second.tokenCall({ grant_type: 'refresh_token', refresh_token: second.refreshToken })).status).to.equal(200);
      const next = BigInt((await second.make('New')).text('Id'));
      expect(next > BigInt(read(answer).text('Class.Id'))).to.equal(true);
      expect(APP.name).to.equal((await second.control('GET', '/sandbox/apps')).at('0.name'));
    } finally {
      await second.close();
    }
  });

  it('drops a line that a crash cut', async () => {
    const stateFile = join(folder, 'books.jsonl');
    const first = await Bench.open({ stateFile });
    await first.make('A');
    await first.close();
    appendFileSync(stateFile, '["Class/1","7","{"');
    const second = await reopen(stateFile, first);
    expect(await second.names('select * from Class')).to.deep.equal(['A']);
    await second.close();
  });

  it('is empty again after a reset, also at the next start', async () => {
    const stateFile = join(folder, 'books.jsonl');
    const first = await Bench.open({ stateFile });
    await first.make('A');
    await first.control('POST', '/sandbox/reset', {});
    expect((await first.api('GET', 'preferences')).status).to.equal(401);
    await first.close();
    const second = await reopen(stateFile, first);
    expect((await second.api('GET', 'preferences')).status).to.equal(401);
    expect((await second.control('GET', '/sandbox/companies')).value).to.have.length(3);
    await second.close();
  });

  it('loses no more than a moment to kill -9', async () => {
    const args = ['--import', 'tsx', 'server/sandbox/main.ts', '--port', '0', '--linarc-port', '0', '--limits', 'off', '--state',
      folder];
    const start = async (): Promise<{ url: string; kill: (signal: NodeJS.Signals) => Promise<void> }> => {
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
      });
      const url = await new Promise<string>((resolve, reject) => {
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          const ready = /^ready (\S+)$/m.exec(text)?.[1];
          if (ready) resolve(ready);
        });
        void ended.then(() => reject(new Error(`ended: ${text}`)));
      });
      return {
        url, kill: async (signal) => {
          child.kill(signal);
          await ended;
        },
      };
    };
    const ask = async (url: string, method: string, path: string, body?: unknown, token = ''): Promise<Json> => {
      const response = await fetch(`${url}${path}`, {
        method, headers: { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return new Json(await response.json());
    };
    const first = await start();
    const token = (await ask(first.url, 'POST', '/sandbox/companies/9341453000000001/grant', {})).text('access_token');
    const path = '/v3/company/9341453000000001';
    for (let at = 0; at < 20; at += 1) await ask(first.url, 'POST', `${path}/class`, { Name: `Kept ${at}` }, token);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await first.kill('SIGKILL');
    const second = await start();
    const count = await ask(second.url, 'GET',
      `${path}/query?query=${encodeURIComponent("select count(*) from Class where Name like 'Kept %'")}`, undefined, token);
    expect(count.at('QueryResponse.totalCount')).to.equal(20);
    await second.kill('SIGTERM');
  }).timeout(60_000);
});

describe('Sandboxes: starting them', () => {
  it('reads the command line', () => {
    const read2 = readCommandLine(['--port', '0', '--codes', '5', '--speed', '60', '--limits', 'off', '--state', '/x',
      '--app-url', 'http://localhost:3000']);
    if (Array.isArray(read2)) throw new Error(read2.join());
    expect(read2.options.quickbooks).to.deep.include(
      { port: 0, speed: 60, limits: 'off', stateFile: '/x/quickbooks-sandbox.jsonl' });
    expect(read2.options.quickbooks?.apps?.[0]?.launchUrl).to.equal('http://localhost:3000/launch');
    expect(read2.options.linarc).to.include({ port: 3002, codes: 5 });
  });

  it('names every fault in it at once', () => {
    const faults = readCommandLine(
      ['--port', 'x', '--speed', '0', '--limits', 'maybe', '--codes', '3', '--library', 'a.csv', '--what', 'extra', '--client-id',
      'c']);
    expect(faults).to.deep.equal([
      '--what is not known. --help lists the flags.', '"extra" is not a flag. Flags begin with --; --help lists them.',
      '--port must be a whole number from 0 to 65535.', '--speed must be a whole number from 1 to 100000.',
      '--limits must be on or off.',
      '--library and --codes exclude each other. Give one of them.', '--client-id and --client-secret need --app-url.',
    ]);
  });

  it('runs both in a thread, and says why it cannot', async () => {
    const running = await startSandboxesInThread({ quickbooks: { port: 0 }, linarc: { port: 0 } });
    try {
      expect((await fetch(`${running.quickbooksUrl}/sandbox/clock`)).status).to.equal(200);
      expect((await fetch(`${running.linarcUrl}/`)).status).to.be.below(500);
      const port = Number(new URL(running.quickbooksUrl ?? '').port);
      const refused = await startSandboxesInThread({ quickbooks: { port } }).then(() => undefined, (error: unknown) =>
        error as SandboxStartError);
      expect(refused).to.be.instanceOf(SandboxStartError);
      expect(refused).to.include({ which: 'quickbooks', code: 'EADDRINUSE' });
    } finally {
      await running.close();
    }
    const gone = await fetch(`${running.quickbooksUrl}/sandbox/clock`).then(() => false, () => true);
    expect(gone).to.equal(true);
  }).timeout(30_000);
});
