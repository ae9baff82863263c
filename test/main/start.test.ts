import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Person } from '../support/person.ts';
import { launch, type Program } from '../support/process.ts';
import { until } from '../support/waiting.ts';

const MAIN = 'dist/server/main.js';

describe('npm start', function () {
  this.timeout(90_000);
  let folder: string;
  const programs: Program[] = [];

  const started = (command: string, args: readonly string[], settings: Readonly<Record<string, string>> = {}): Program => {
    const program = launch(command, args, { PORT: '0', DATA_DIR: join(folder, 'data'), ...settings });
    programs.push(program);
    return program;
  };
  const node = (settings: Readonly<Record<string, string>> = {}, ...args: string[]) => started('node', [MAIN, ...args], settings);
  const addressOf = (lines: readonly string[], name: string) => lines.find((line) => line.startsWith(name))?.split(/\s+/).at(-1) ?? '';

  before(() => execFileSync('node', ['server/prepare.mjs', 'build'], { stdio: 'pipe' }));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'start-'));
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) await program.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('names every address, then says that it is ready, and stops on SIGTERM within ten seconds', async () => {
    const program = started('npm', ['start']);
    const lines = await program.ready();
    const url = addressOf(lines, 'ready');
    expect(lines.map((line) => line.replace(/\d{4,5}\/?$/, 'N'))).to.include.members([
      'Linarc Class Sync   http://localhost:N', 'QuickBooks sandbox  http://localhost:N', 'Linarc sandbox      http://localhost:N',
      'Embedded MongoDB    mongodb://127.0.0.1:N',
    ]);
    expect(lines.at(-1)).to.equal(`ready ${url}`);
    expect((await fetch(`${url}/readyz`)).status).to.equal(200);
    expect((await fetch(addressOf(lines, 'QuickBooks sandbox'))).status).to.equal(200);
    expect((await fetch(addressOf(lines, 'Linarc sandbox'))).status).to.equal(200);

    const asked = Date.now();
    program.signal('SIGTERM');
    await program.ended;
    expect(Date.now() - asked).to.be.below(10_000);
    await until('the port to be given back', () => fetch(`${url}/livez`).then(() => false, () => true));
  });

  it('finds at the second start what the first one stored', async () => {
    const first = node();
    const lines = await first.ready();
    const person = new Person();
    const apps = await person.press(await person.get(addressOf(lines, 'QuickBooks sandbox')), 'Sign in');
    const consent = await person.press(await person.press(apps, 'Launch'), 'Connect to QuickBooks');
    const screen = await person.press(await person.press(consent, 'Approve'), 'Link Linarc company');
    await person.press(screen, 'Import All Items from Linarc');
    await until('the import to end', async () => (await person.get(screen.url)).words.includes('All 268'));
    first.signal('SIGTERM');
    expect(await first.ended).to.equal(0);

    const again = await node().ready();
    const back = await person.press(await person.get(addressOf(again, 'QuickBooks sandbox')), 'Launch');
    expect(new URL(back.url).pathname).to.equal('/cost-codes');
    expect(back.words).to.include('All 268');
  });

  it('stops in the middle of a sync, and the next start finishes it without making a class twice', async () => {
    const settings = { SANDBOX_CODES: '1500', SANDBOX_SPEED: '60' };
    const first = node(settings);
    const lines = await first.ready();
    const quickbooks = addressOf(lines, 'QuickBooks sandbox');
    const person = new Person();
    const apps = await person.press(await person.get(quickbooks), 'Sign in');
    const consent = await person.press(await person.press(apps, 'Launch'), 'Connect to QuickBooks');
    const screen = await person.press(await person.press(consent, 'Approve'), 'Link Linarc company');
    await person.press(screen, 'Import All Items from Linarc');
    await until('the import to end', async () => (await person.get(screen.url)).words.includes('All 1,500'));
    await person.post(`${addressOf(lines, 'ready')}/runs`, [['scope', 'matching'], ['filter', '']]);
    await until('the sync to be under way', async () => (await classesOf(quickbooks)).length > 100);
    first.signal('SIGTERM');
    expect(await first.ended).to.equal(0);

    const again = await node(settings).ready();
    const sandbox = addressOf(again, 'QuickBooks sandbox');
    const back = await person.press(await person.get(sandbox), 'Launch');
    await until('the sync to end', async () => (await person.get(back.url)).words.includes('Synced 1,500'), 60_000);
    const names = await classesOf(sandbox);
    expect(new Set(names).size).to.equal(names.length);
  });

  it('names every faulty setting at once, without its value', async () => {
    const program = node({ PORT: 'hunter2', SANDBOX_SPEED: 'hunter2', SESSION_SECRETS: 'hunter2', MONGODB_URI: 'hunter2' });
    expect(await program.ended).to.equal(1);
    for (const name of ['PORT', 'SANDBOX_SPEED', 'SESSION_SECRETS', 'MONGODB_URI']) expect(program.stderr()).to.match(new RegExp(`^  ${name} must `, 'm'));
    expect(program.stdout() + program.stderr()).not.to.include('hunter2').and.not.include('    at ');
  });

  it('refuses the embedded database and the sandboxes in production', async () => {
    const program = node({ NODE_ENV: 'production' });
    expect(await program.ended).to.equal(1);
    expect(program.stderr()).to.include('MONGODB_URI is missing: NODE_ENV=production refuses the embedded database')
      .and.include('INTUIT_CLIENT_ID is missing: NODE_ENV=production refuses the QuickBooks sandbox')
      .and.include('LINARC_API_URL is missing: NODE_ENV=production refuses the Linarc sandbox');
  });

  it('sums the settings up without starting when asked to', async () => {
    const program = node({ PORT: '4000' }, '--check-config');
    expect(await program.ended).to.equal(0);
    expect(program.stdout()).to.include('sandbox started here, on port 4001').and.include('sandbox started here, on port 4002').and.not.include('ready');
  });

  it('says which port is taken, and by which setting to choose another', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    try {
      await until('the port', async () => taken.listening);
      const { port } = taken.address() as AddressInfo;
      const program = node({ PORT: String(port) });
      expect(await program.ended).to.equal(1);
      expect(program.stderr()).to.equal(`PORT: port ${port} is in use by another program. Stop that, or set PORT to another number.\n`);
    } finally {
      taken.close();
    }
  });

  it('does not touch the data of another process that runs in the same folder', async () => {
    await node().ready();
    const second = node();
    expect(await second.ended).to.equal(1);
    expect(second.stderr()).to.match(/^DATA_DIR: The data folder .* is in use by process \d+\. /);
  });

  it('says that the database does not answer, without its password', async () => {
    const program = node({ MONGODB_URI: 'mongodb://sync:hunter2@127.0.0.1:1/sync' });
    expect(await program.ended).to.equal(1);
    expect(program.stderr()).to.match(/^MONGODB_URI: the database cannot be used .*ECONNREFUSED/).and.not.include('hunter2');
  });

  it('ends at once on a second signal, even while a request is under way', async () => {
    const program = node();
    const url = new URL(addressOf(await program.ready(), 'ready'));
    const slow = connect(Number(url.port), '127.0.0.1');
    slow.on('error', () => undefined);
    slow.write('POST /webhooks/quickbooks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n');
    const [answer] = await once(slow, 'data') as [Buffer];
    expect(answer.toString()).to.equal('HTTP/1.1 100 Continue\r\n\r\n');
    const asked = Date.now();
    // Two signals of one kind may reach a process as one.
    program.signal('SIGTERM');
    program.signal('SIGINT');
    expect(await program.ended).to.equal(1);
    expect(Date.now() - asked).to.be.below(1_500);
    slow.destroy();
  });
});

async function classesOf(quickbooks: string): Promise<string[]> {
  const companies = await (await fetch(`${quickbooks}/sandbox/companies`)).json() as { realmId: string }[];
  const classes = await (await fetch(`${quickbooks}/sandbox/companies/${companies[0]?.realmId}/classes`)).json() as { Name: string }[];
  return classes.map(({ Name }) => Name.toLowerCase());
}
