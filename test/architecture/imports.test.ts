import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect } from 'chai';

/** What each part may import of our own code (design.md §4): itself, and these. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'server/core': [],
  'server/sync': ['server/core'],
  'server/web': ['server/sync', 'server/core'],
  'server/jobs': ['server/sync', 'server/core'],
  'server/linarc': ['server/core'],
  'server/qbo': ['server/core'],
  'server/store': ['server/core', 'models'],
  'server/notices': ['server/core'],
  'server/sandbox': [],
  'server/embedded': [],
  models: [],
  bench: ['server', 'test/support'],
};

/** And of packages; a part not named here may import any. */
const PACKAGES: Record<string, RegExp> = {
  'server/core': /^node:crypto$/,
  'server/sync': /^node:(crypto|timers\/promises)$/,
  models: /^mongoose$/,
};

const sources = ['server', 'models', 'bench']
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)))
  .filter((path) => path.endsWith('.ts'));

const partOf = (path: string) => Object.keys(MAY_IMPORT).find((part) => path.startsWith(`${part}/`));

function importsOf(path: string): string[] {
  const code = readFileSync(path, 'utf8');
  return [...code.matchAll(/^\s*(?:import|export)\b[^'";]*?from\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]|new URL\(\s*['"](\.[^'"]+\.[jt]s)['"]/gm)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function forbidden(path: string): string[] {
  const part = partOf(path);
  if (!part) return [];
  return importsOf(path).filter((specifier) => {
    if (!specifier.startsWith('.')) return PACKAGES[part] !== undefined && !PACKAGES[part].test(specifier);
    const target = normalize(join(dirname(path), specifier));
    return ![part, ...(MAY_IMPORT[part] ?? [])].some((allowed) => target.startsWith(`${allowed}/`));
  });
}

describe('Imports', () => {
  for (const part of Object.keys(MAY_IMPORT)) {
    it(`of ${part} point inward only`, () => {
      const wrong = sources.filter((path) => path.startsWith(`${part}/`)).flatMap((path) => forbidden(path).map((what) => `${path} imports ${what}`));
      expect(wrong).to.deep.equal([]);
    });
  }

  it('resolve to files that exist, so that the rule above saw all of them', () => {
    const missing = sources.flatMap((path) => importsOf(path)
      .filter((specifier) => specifier.startsWith('.') && !existsSync(join(dirname(path), specifier)))
      .map((specifier) => `${path} imports ${specifier}`));
    expect(missing).to.deep.equal([]);
  });

  it('do not reach from the folders of server/ up to its root, where everything is put together', () => {
    const root = /^server\/[\w-]+\.ts$/;
    const wrong = sources.filter((path) => path.startsWith('server/') && !root.test(path)).flatMap((path) => importsOf(path)
      .filter((specifier) => specifier.startsWith('.') && root.test(normalize(join(dirname(path), specifier))))
      .map((specifier) => `${path} imports ${specifier}`));
    expect(wrong).to.deep.equal([]);
  });
});

describe('Purity', () => {
  /** What core and sync are given instead: clock, random and settings (engineering.md §1.7, habit 16). */
  const impure = /process\.env|new Date\(\)|Date\.now\(|Math\.random\(|\b(?:setTimeout|setInterval|fetch)\(|\brandom(?:Bytes|UUID|Int)\b|performance\.now\(/g;

  for (const part of ['server/core', 'server/sync']) {
    it(`${part} takes clock, random and settings from outside`, () => {
      const found = sources.filter((path) => path.startsWith(`${part}/`)).flatMap((path) => {
        const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
        return [...code.matchAll(impure)].map((match) => `${path}: ${match[0]}`);
      });
      expect(found).to.deep.equal([]);
    });
  }

  it('leaves the environment to server/main.ts', () => {
    const readers = sources.filter((path) => path.startsWith('server/') && /process\.env\b/.test(readFileSync(path, 'utf8')));
    expect(readers.filter((path) => path !== 'server/main.ts')).to.deep.equal([]);
  });

  it('is checked over real files', () => {
    expect(sources).to.include('server/core/plan.ts').and.include('server/sync/world.ts');
  });
});
