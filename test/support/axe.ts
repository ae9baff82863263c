import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface Inspection {
  /** A selector: what is looked at instead of the whole page, where it is there. */
  readonly within?: string;
  /** The names of the only rules to try; axe's own choice when left out. */
  readonly rules?: readonly string[];
  /** Rules to try beside axe's own choice. */
  readonly also?: readonly string[];
}

/** What axe finds wrong with the page as it stands, a line for each rule broken; none when it is accessible. */
export async function axeFaults(page: Page, { within, rules, also = [] }: Inspection = {}): Promise<string[]> {
  // The policy of our pages lets no script in that is not ours, so axe is run by the debugger.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(SOURCE);
  const where = within === undefined ? 'document' : `document.querySelector(${JSON.stringify(within)}) ?? document`;
  const enabled = Object.fromEntries(also.map((rule) => [rule, { enabled: true }]));
  const options = { resultTypes: ['violations'], rules: enabled, ...(rules && { runOnly: { type: 'rule', values: rules } }) };
  return page.evaluate<string[]>(`axe.run(${where}, ${JSON.stringify(options)}).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')))`);
}
