// Draws every state of every page with the real presenters and views, and photographs it: npx tsx test/web/gallery.ts OUT [name…]
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { createRenderer } from '../../server/web/render.ts';
import { STATES, drawn } from './states.ts';

const [out = 'gallery', ...wanted] = process.argv.slice(2);
const renderer = createRenderer('views');
mkdirSync(out, { recursive: true });

const types: Readonly<Record<string, string>> = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
const server = createServer((req, res) => {
  const path = (req.url ?? '/').split('?')[0] ?? '/';
  const state = STATES[decodeURIComponent(path.slice(1))];
  if (state) return void res.setHeader('Content-Type', 'text/html').end(drawn(renderer, state));
  try {
    res.setHeader('Content-Type', types[path.split('.').at(-1) ?? ''] ?? 'text/plain').end(readFileSync(join('public', path)));
  } catch {
    res.writeHead(404).end();
  }
});
await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const address = server.address();
const port = typeof address === 'object' && address ? address.port : 0;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const names = Object.keys(STATES).filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
for (const [width, height, scheme] of [[1280, 860, 'light'], [1280, 860, 'dark'], [320, 720, 'light']] as const) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
  for (const name of names) {
    await page.goto(`http://127.0.0.1:${port}/${encodeURIComponent(name)}`);
    if (STATES[name]?.open) await page.locator(STATES[name].open).first().evaluate((element) => (element as unknown as { showPopover(): void }).showPopover());
    await page.screenshot({ path: join(out, `${name}-${width}-${scheme}.png`) });
  }
  await page.close();
}
await browser.close();
server.close();
