import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Member, WebProduct } from './support.ts';

export type VisitOptions = Parameters<Browser['newContext']>[0];

export interface Visit {
  readonly browser: Browser;
  readonly web: WebProduct;
  /** Whose session the browser has. */
  readonly member: Member;
  /** Where errors of scripts and complaints of the browser are noted. */
  readonly complaints: string[];
  /** What the browser may complain of. */
  readonly expected?: RegExp;
}

/** Opens a page of the app in a browser of its own, signed in as the member. `path` may be a whole address. */
export async function visit(
  { browser, web, member, complaints, expected }: Visit, path: string, options: VisitOptions = {},
): Promise<{ page: Page; context: BrowserContext }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(15_000);
  await context.addCookies([...member.person.cookiesFor(web.url)].map(([name, value]) => ({ name, value, url: web.url })));
  const page = await context.newPage();
  page.on('console', (line) => {
    if (['error', 'warning'].includes(line.type()) && !expected?.test(line.text())) complaints.push(line.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(path.startsWith('/') ? `${web.url}${path}` : path);
  return { page, context };
}
