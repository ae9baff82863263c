import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';

/** The top of the repository (design.md §4): what is not here has no place yet. */
const TOP = [
  '.ci', '.dockerignore', '.gitignore', '.npmrc', 'Dockerfile', 'README.md', 'SECURITY.md', 'app.json', 'bench', 'compose.yaml', 'models', 'package-lock.json', 'package.json', 'public', 'server', 'test',
  'tsconfig.json', 'views',
];
const SERVER = [
  'app.ts', 'card.ts', 'config.ts', 'core', 'door.ts', 'embedded', 'jobs', 'linarc', 'log.ts', 'main.ts', 'metrics.ts', 'notices', 'places.ts', 'prepare.mjs', 'qbo', 'sandbox', 'secrets.ts',
  'services.ts', 'start.ts', 'store', 'sync', 'web',
];

const committed = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).trim().split('\n');
const isText = (path: string) => !/\.(png|ico|woff2|jpg|xlsx)$/.test(path);

const under = (folder: string) => [...new Set(committed.filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length).split('/')[0]))];

function linesWith(pattern: RegExp): string[] {
  return committed.filter(isText).flatMap((path) => readFileSync(path, 'utf8').split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])));
}

describe('What is committed', () => {
  it('stands where the design puts it', () => {
    expect(under('')).to.have.members(TOP);
    expect(under('server/')).to.have.members(SERVER);
  });

  it('holds nothing that is installed, built or written at run time', () => {
    expect(committed.filter((path) => /^(node_modules|dist|data|\.ci\/out)\//.test(path) || /\.log$|(^|\/)\.env/.test(path))).to.deep.equal([]);
  });

  it('names no package registry, so that it installs from whichever the machine uses', () => {
    expect(linesWith(/"resolved":\s*"http|^\s*registry\s*=|registry\.npmjs|artifac[t]ory/)).to.deep.equal([]);
  });

  it('names no folder of a developer’s machine', () => {
    expect(linesWith(/(?<![\w.])\/(?:home\/\w|Users\/\w|wor[k]\/\w|root\/)/)).to.deep.equal([]);
  });

  it('pins every package to one version', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>;
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    expect(loose).to.deep.equal([]);
  });

  it('starts every program through the preparation step, since npm runs no pre-scripts where install scripts are off', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    for (const name of ['start', 'sandbox', 'mongo', 'bench', 'descriptor']) expect(scripts[name]).to.match(/^node server\/prepare\.mjs run dist\//);
    expect(scripts['test']).to.match(/^node server\/prepare\.mjs test && /);
  });
});
