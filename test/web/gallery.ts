// Draws every state of every page with the real presenters and views, and photographs it: npx tsx test/web/gallery.ts OUT [name…]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openChromium } from '../support/chromium.ts';
import { openShowroom } from './showroom.ts';
import { STATES } from './states.ts';

const [out = 'gallery', ...wanted] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

const showroom = await openShowroom();
const browser = await openChromium();
const names = Object.keys(STATES).filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
for (const [width, height, scheme] of [[1280, 860, 'light'], [1280, 860, 'dark'], [320, 720, 'light']] as const) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
  for (const name of names) {
    await showroom.show(page, name);
    await page.screenshot({ path: join(out, `${name}-${width}-${scheme}.png`) });
  }
  await page.close();
}
await browser.close();
showroom.close();
