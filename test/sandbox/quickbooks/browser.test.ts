import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { axeFaults } from '../../support/axe.ts';
import { openChromium } from '../../support/chromium.ts';
import { ACCOUNTING, APP, Bench } from './support.ts';

describe('QuickBooks sandbox: pages in a browser', () => {
  let bench: Bench;
  let browser: Browser;
  let consent: string;
  before(async () => {
    bench = await Bench.open();
    browser = await openChromium();
    consent = `/connect/oauth2?${new URLSearchParams({
      client_id: APP.clientId, response_type: 'code', scope: `${ACCOUNTING} openid email`, state: 's',
      redirect_uri: 'http://localhost:9/callback',
    }).toString()}`;
  });
  after(async () => {
    await browser.close();
    await bench.close();
  });

  for (const [scheme, width] of [['light', 1200], ['dark', 320]] as const) {
    it(`have no fault that axe finds and fit the width, ${scheme} at ${width} px`, async () => {
      const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 }, bypassCSP: true });
      const page = await context.newPage();
      await page.goto(`${bench.url}/`);
      expect(await axeFaults(page)).to.deep.equal([]);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Apps' }).waitFor();
      for (const path of ['/app/apps', '/app/class?inactive=yes', '/app/settings', consent]) {
        await page.goto(bench.url + path);
        expect(await axeFaults(page), path).to.deep.equal([]);
        expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), path).to.be.at.most(0);
      }
      await context.close();
    });
  }

  it('let a newcomer only click from sign-in to the app\'s callback, under the real CSP', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    let landed = '';
    await page.route('http://localhost:9/**', (route) => {
      landed = route.request().url();
      return route.fulfill({ body: 'the app' });
    });
    await page.goto(bench.url + consent);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.waitForURL('http://localhost:9/**');
    expect(new URL(landed).searchParams.get('realmId')).to.equal('9341453000000001');
    await context.close();
  });
}).timeout(60_000);
