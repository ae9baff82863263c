import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createRenderer } from '../../server/web/render.ts';
import { STATES, drawn } from './states.ts';

const TYPES: Readonly<Record<string, string>> = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };

export interface Showroom {
  /** Opens one state in a page, with what the page fetches by itself and with its popover open, if it has one. */
  show(page: Page, name: string): Promise<void>;
  close(): void;
}

/** Serves every state of every page, drawn by the real presenters and views, with the real style sheet and script. */
export async function openShowroom(): Promise<Showroom> {
  const renderer = createRenderer('views');
  const glance = STATES['glance'];
  const server = createServer((req, res) => {
    const path = (req.url ?? '/').split('?')[0] ?? '/';
    const state = STATES[decodeURIComponent(path.slice(1))];
    if (state) return void res.setHeader('Content-Type', 'text/html').end(drawn(renderer, state));
    if (path === '/cost-codes/glance' && glance) return void res.setHeader('Content-Type', 'text/html').end(renderer.part(glance.view, { ...glance.model, alone: false } as never));
    if (req.method === 'POST' || path.endsWith('/live')) return void res.writeHead(204).end();
    try {
      res.setHeader('Content-Type', TYPES[path.split('.').at(-1) ?? ''] ?? 'text/plain').end(readFileSync(join('public', path)));
    } catch {
      res.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    async show(page, name) {
      await page.goto(`http://127.0.0.1:${port}/${encodeURIComponent(name)}`);
      if (await page.locator('#glance').count() > 0) await page.locator('#glance .glance-part').first().waitFor();
      const popover = STATES[name]?.open;
      if (popover) await page.locator(popover).first().evaluate((element) => (element as unknown as { showPopover(): void }).showPopover());
    },
    close: () => server.close(),
  };
}
