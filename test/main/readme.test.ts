import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';

const readme = readFileSync('README.md', 'utf8');
const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];

describe('README', () => {
  it('shows how to drive the product in ten lines that run as they stand', async function () {
    this.timeout(60_000);
    const statements = example.split('\n').filter((line) => line.trim() && !line.startsWith('import '));
    expect(statements).to.have.length(10);
    const file = resolve('.ci/out/readme-example.mts');
    mkdirSync('.ci/out', { recursive: true });
    writeFileSync(file, example.replaceAll("'./test/", "'../../test/"));
    await import(pathToFileURL(file).href);
  });

  it('links to files that are there', () => {
    const files = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1] ?? '');
    expect(files).not.to.deep.equal([]);
    for (const file of files) expect(() => readFileSync(file), file).not.to.throw();
  });
});
