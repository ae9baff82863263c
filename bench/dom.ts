import type { Page } from 'playwright-core';
import { openChromium } from '../test/support/chromium.ts';
import { connectedProduct, importEnded, type ConnectedProduct } from '../test/support/product.ts';

const CODES = 1_000;
const ROW = /<tr id="r-([0-9a-f]+)"[\s\S]*?<\/tr>\n/g;
const BLOCK = 50;
const ROUNDS = 7;
const PATIENCE = 5 * 60_000;

/** The same markup as browsers lay tables out by themselves. */
const PLAIN = `
.grid { display: table; width: 100%; } .grid thead { display: table-header-group; position: static; }
.grid tbody { display: table-row-group; content-visibility: visible; } .grid tr { display: table-row; }
.grid .c-check, .grid .c-status, .grid td, .grid th { display: table-cell; }`;

/**
 * The staging screen with `--n` rows on one page in Chromium, beside the same rows in a plain table: how long the browser takes for the
 * whole layout, for one row that changed, and for Select All.
 */
export async function run({ n = '10000' }: Readonly<Record<string, string>>): Promise<void> {
  const product = await connectedProduct({ codes: CODES, limits: false });
  const browser = await openChromium();
  try {
    await product.agent.post('/imports').type('form').send({ mode: 'all' }).expect(303);
    await importEnded(product, PATIENCE);
    const html = withRows((await product.agent.get('/cost-codes?size=1000').expect(200)).text, Number(n));
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(PATIENCE);
    const ours = await measured(page, product, html, '');
    const plain = await measured(page, product, html, PLAIN);
    const line = (name: string, { layout, swap, selectAll }: Figures) => process.stdout.write(
      `${name.padEnd(22)} layout ${ms(layout)}, one row changed ${ms(swap)}, Select All ${ms(selectAll)}\n`,
    );
    line('the staging screen', ours);
    line('a plain table', plain);
    const ratio = (which: keyof Figures) => `${(ours[which] / plain[which]).toFixed(2)} x`;
    process.stdout.write(`dom: ${Number(n).toLocaleString('en-US')} rows, layout ${ratio('layout')}, row swap ${ratio('swap')}, `
      + `select-all ${ratio('selectAll')} a plain table's\n`);
  } finally {
    await browser.close();
    await product.close();
  }
}

/** Milliseconds. */
interface Figures {
  readonly layout: number;
  readonly swap: number;
  readonly selectAll: number;
}

const ms = (time: number): string => `${time.toFixed(1).padStart(7)} ms`;

/** The page with as many rows, in blocks like those it has. */
function withRows(html: string, n: number): string {
  const rows = [...html.matchAll(ROW)];
  const many = Array.from({ length: n }, (_, at) => {
    const [row = '', id = ''] = rows[at % rows.length] ?? [];
    return row.replaceAll(id, at.toString(16).padStart(24, '0'));
  });
  const blocks = Array.from({ length: Math.ceil(n / BLOCK) }, (_, at) => (
    `<tbody role="rowgroup" id="block-${at}">\n${many.slice(at * BLOCK, (at + 1) * BLOCK).join('')}</tbody>\n`
  ));
  const [start, end] = [html.indexOf('<tbody'), html.lastIndexOf('</tbody>') + '</tbody>'.length];
  return `${html.slice(0, start)}${blocks.join('')}${html.slice(end)}`;
}

/** Medians of several rounds on one page with the app's own style and script, and `style` beside them. */
async function measured(page: Page, { url }: ConnectedProduct, html: string, style: string): Promise<Figures> {
  await page.route('**/*', async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/cost-codes') return route.fulfill({ body: html, contentType: 'text/html' });
    if (pathname !== '/app.css') return pathname.endsWith('.js') ? route.continue() : route.abort();
    const css = await (await route.fetch()).text();
    return route.fulfill({ body: css + style, contentType: 'text/css' });
  });
  await page.goto(`${url}/cost-codes`);
  await page.waitForFunction('document.querySelector("#selected-words") !== null');
  const figures = await page.evaluate<Figures>(`(() => {
    const time = (work) => {
      const started = performance.now();
      work();
      document.body.offsetHeight;
      return performance.now() - started;
    };
    const median = (work) => Array.from({ length: ${ROUNDS} }, (_, round) => time(() => work(round))).sort((a, b) => a - b)[${Math.floor(ROUNDS / 2)}];
    const first = () => document.querySelector('#rows > tbody > tr');
    const press = (id) => document.getElementById(id).click();
    return {
      layout: median((round) => { document.body.style.width = 1180 + round * 10 + 'px'; }),
      swap: median((round) => { const row = first(); row.outerHTML = row.outerHTML.replace(/(c-name"><span>)/, '$1' + 'A longer name '.repeat(round % 3)); }),
      selectAll: median((round) => press(round % 2 === 0 ? 'select-all' : 'clear')),
    };
  })()`);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  return figures;
}
