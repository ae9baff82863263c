import { readFileSync } from 'node:fs';
import { expect } from 'chai';

interface Floor {
  readonly package: string;
  readonly lowest?: string;
  readonly never?: readonly string[];
  readonly why: string;
}

const floors = JSON.parse(readFileSync('.ci/security-floor.json', 'utf8')) as readonly Floor[];
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { version?: string }> };
const versionsOf = (name: string) => Object.entries(packages).filter(([path]) => path.endsWith(`node_modules/${name}`)).map(([, { version = '' }]) => version);

/** Whether `version` comes before `lowest`. */
function isBelow(version: string, lowest: string): boolean {
  const [a, b] = [version, lowest].map((text) => text.split('.').map(Number));
  const at = [0, 1, 2].find((i) => a?.[i] !== b?.[i]);
  return at !== undefined && (a?.[at] ?? 0) < (b?.[at] ?? 0);
}

describe('Packages', () => {
  it('§7.3 S2 are not older than the lowest safe version, and none that was poisoned', () => {
    for (const { package: name, lowest, never = [], why } of floors) {
      const versions = versionsOf(name);
      expect(versions, `${name} is not installed: take it off the list`).to.not.deep.equal([]);
      expect(versions.filter((version) => never.includes(version) || (lowest !== undefined && isBelow(version, lowest))), `${name}: ${why}`).to.deep.equal([]);
    }
    expect([isBelow('9.9.1', '9.9.2'), isBelow('9.10.0', '9.9.2'), isBelow('10.0.0', '9.9.2')]).to.deep.equal([true, false, false]);
  });
});
