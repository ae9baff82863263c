import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Member, WebProduct } from '../web/support.ts';
import { openChromium } from './chromium.ts';

type VisitOptions = Parameters<Browser['newContext']>[0];

interface Visits {
  /** The app that is visited by now, and whose session the browser has. */
  readonly of: () => { readonly web: WebProduct; readonly member: Member };
  /** What is opened where nothing else is said. */
  readonly path: string;
  readonly options?: VisitOptions;
  /** What the browser may complain of. */
  readonly expected?: RegExp;
}

/**
 * Gives a suite a browser. Returns what opens a page of the app, each as in a browser of its own, signed in as the member; `path` may be
 * a whole address. What a test opens is closed after it, what a suite opens before its tests stays until the end. A test fails whose
 * pages had errors of scripts or made the browser complain.
 */
export function visits({ of, path: start, options: usual, expected }: Visits): (path?: string, options?: VisitOptions) => Promise<Page> {
  let browser: Browser;
  let opened: BrowserContext[] = [];
  const complaints: string[] = [];

  before(async () => {
    browser = await openChromium();
  });
  beforeEach(() => {
    opened = [];
    complaints.length = 0;
  });
  afterEach(async () => {
    await Promise.all(opened.map((context) => context.close()));
    expect(complaints, 'the browser complained').to.deep.equal([]);
  });
  after(async () => browser?.close());

  return async (path = start, options = {}) => {
    const { web, member } = of();
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...usual, ...options });
    opened.push(context);
    context.setDefaultTimeout(15_000);
    await context.addCookies([...member.person.cookiesFor(web.url)].map(([name, value]) => ({ name, value, url: web.url })));
    const page = await context.newPage();
    page.on('console', (line) => {
      if (['error', 'warning'].includes(line.type()) && !expected?.test(line.text())) complaints.push(line.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(path.startsWith('/') ? `${web.url}${path}` : path);
    return page;
  };
}
