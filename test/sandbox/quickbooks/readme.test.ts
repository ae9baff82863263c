import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { switchesAsMarkdown } from '../../../server/sandbox/quickbooks/switches.ts';

describe('the README', () => {
  it('lists every switch of the QuickBooks sandbox with its default and reason', () => {
    expect(readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')).to.include(switchesAsMarkdown().trim());
  });
});
