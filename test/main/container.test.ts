import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { readConfig, SETTINGS } from '../../server/config.ts';
import { addressIn } from '../support/fleet.ts';
import { testMongo } from '../support/mongo.ts';
import { launch } from '../support/process.ts';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly user?: string;
  readonly privileged?: boolean;
  readonly stop_grace_period?: string;
  readonly deploy?: { readonly replicas: number };
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The Dockerfile's instructions, lines that go on joined. */
function instructions(): Instruction[] {
  const lines = readFileSync('Dockerfile', 'utf8').replace(/\\\n\s*/g, ' ').split('\n');
  return lines.filter((line) => /^[A-Z]+ /.test(line)).map((line) => ({ name: line.split(' ')[0] ?? '', rest: line.slice(line.indexOf(' ') + 1) }));
}

const compose = parse(readFileSync('compose.yaml', 'utf8')) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const PINNED = /^[\w./-]+:\d+\.\d+\.\d+[\w.-]*$/;

/** What somebody would put in beside compose.yaml. */
const GIVEN: Readonly<Record<string, string>> = {
  PUBLIC_URL: 'https://sync.example.com', SESSION_SECRETS: '0123456789abcdef0123456789abcdef', LINARC_API_URL: 'https://api.linarc.example',
  SEALING_KEYS: `k1:${Buffer.from('an example of a sealing key, 32b').toString('base64')}`, INTUIT_CLIENT_ID: 'id', INTUIT_CLIENT_SECRET: 'secret',
};

/** The app's environment as compose fills it in; throws for what must be given and is not. */
function environment(): Record<string, string> {
  const filled = (value: string) => value.replace(/\$\{(\w+)(:\?|:-)([^}]*)\}/g, (_all, name: string, kind: string, rest: string) => {
    const given = GIVEN[name];
    if (given === undefined && kind === ':?') throw new Error(`${name} must be given: ${rest}`);
    return given ?? rest;
  });
  return Object.fromEntries(Object.entries(compose.services['app']?.environment ?? {}).map(([name, value]) => [name, filled(value)]));
}

describe('The image', () => {
  const all = instructions();
  const stages = all.filter(({ name }) => name === 'FROM').map(({ rest }) => rest);
  const last = all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
  const inLast = (name: string) => last.filter((one) => one.name === name).map(({ rest }) => rest);

  it('is built in stages from pinned images, and runs as nobody special', () => {
    expect(stages).to.have.length(2);
    for (const stage of stages) expect(stage.split(' ')[0]).to.match(PINNED);
    expect(inLast('USER')).to.deep.equal(['node']);
    expect(inLast('RUN')).to.deep.equal([]);
  });

  it('asks for readiness, and starts without a shell in between', () => {
    expect(inLast('HEALTHCHECK').join()).to.include('/readyz').and.include('CMD ["node"');
    expect(inLast('CMD')).to.deep.equal(['["node", "dist/server/main.js"]']);
    expect(inLast('STOPSIGNAL')).to.deep.equal(['SIGTERM']);
  });

  it('copies what there is, and nothing that is kept out', () => {
    const copied = all.filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from')).flatMap(({ rest }) => rest.split(' ').slice(0, -1));
    expect(copied.filter((path) => !existsSync(path))).to.deep.equal([]);
    const ignored = readFileSync('.dockerignore', 'utf8').trim().split('\n');
    expect(ignored).to.include.members(['.git', 'node_modules', 'dist', 'data']);
    expect(copied.filter((path) => ignored.includes(path))).to.deep.equal([]);
  });
});

describe('compose.yaml', () => {
  const { app, mongo } = compose.services;

  it('runs several processes of the app on one replica set, each behind an init, without rights and without a disk of its own', () => {
    expect(app?.build).to.equal('.');
    expect(app?.deploy?.replicas).to.be.at.least(2);
    expect(app).to.deep.include({ init: true, read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(app?.depends_on).to.deep.equal({ mongo: { condition: 'service_healthy' } });
    expect(Number.parseInt(app?.stop_grace_period ?? '0', 10)).to.be.greaterThan(10);
    expect(mongo?.image).to.match(PINNED);
    const set = mongo?.command?.[(mongo.command.indexOf('--replSet') ?? -1) + 1];
    expect(app?.environment?.['MONGODB_URI']).to.include(`replicaSet=${set}`);
    expect(mongo?.healthcheck?.test.join(' ')).to.include(`_id: '${set}'`);
    expect(compose.volumes).to.have.property('mongo');
  });

  it('gives the app settings that it knows and that are enough for production', () => {
    const given = environment();
    expect(Object.keys(given).filter((name) => !(name in SETTINGS.shape))).to.deep.equal([]);
    expect(readConfig(given, () => false)).to.deep.include({ production: true, host: '0.0.0.0', database: { kind: 'mongodb', uri: given['MONGODB_URI'] } });
  });
});

describe('The app with the settings of compose.yaml', function () {
  this.timeout(120_000);

  it('starts, is ready, writes nothing to its disk, and stops when told to', async () => {
    execFileSync('node', ['server/prepare.mjs', 'build'], { stdio: 'pipe' });
    const mongo = await testMongo();
    const database = mongo.database();
    const folder = mkdtempSync(join(tmpdir(), 'container-'));
    const uri = new URL(mongo.uri);
    uri.pathname = `/${database}`;
    const program = launch('node', ['dist/server/main.js'], { ...environment(), MONGODB_URI: uri.href, PORT: '0', HOST: '127.0.0.1', DATA_DIR: join(folder, 'data') });
    try {
      const lines = await program.ready();
      expect(addressIn(lines, 'ready')).to.equal('https://sync.example.com');
      expect(program.stderr()).not.to.include('"level":"error"');
      program.signal('SIGTERM');
      expect(await program.ended).to.equal(0);
      expect(readdirSync(folder)).to.deep.equal([]);
    } finally {
      await program.kill();
      await mongo.drop(database);
      await mongo.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
