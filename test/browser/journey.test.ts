import { mkdirSync } from 'node:fs';
import { expect } from 'chai';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { openChromium } from '../support/chromium.ts';
import { startProduct, type Product } from '../support/product.ts';
import { until } from '../support/waiting.ts';

const SHOTS = '.ci/out/screenshots';
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

interface SandboxClass {
  readonly Name: string;
  readonly FullyQualifiedName: string;
  readonly Active: boolean;
}

/** One newcomer, from an empty machine to a synced company. The steps build on each other, as the person's do. */
describe('A newcomer in a browser', function () {
  this.timeout(60_000);
  let product: Product;
  let browser: Browser;
  let person: BrowserContext;
  let page: Page;
  let realmId: string;
  /** The code that makeOneFail chose. */
  let failing: string;
  const troubles: string[] = [];

  before(async () => {
    mkdirSync(SHOTS, { recursive: true });
    product = await startProduct({ speed: 60 });
    [{ realmId }] = await product.quickbooks.get<[{ realmId: string }]>('/sandbox/companies');
    browser = await openChromium();
    person = await browser.newContext({ viewport: DESK, locale: 'en-US', timezoneId: 'America/Denver', colorScheme: 'light' });
    person.setDefaultTimeout(15_000);
    page = await person.newPage();
    page.on('pageerror', (error) => troubles.push(`script: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && message.text().includes('Content Security Policy')) troubles.push(message.text());
    });
  });
  // The steps build on each other: after a failed one no other is tried.
  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    await page.screenshot({ path: `${SHOTS}/failed.png` });
    throw new Error(`It failed at ${page.url()}, which says: ${(await page.locator('body').innerText()).slice(0, 1500)}`);
  });
  after(async () => {
    await browser?.close();
    await product?.close();
  });

  const classes = () => product.quickbooks.get<SandboxClass[]>(`/sandbox/companies/${realmId}/classes`);
  const row = (code: string): Locator => page.locator('#rows > tbody > tr').filter({ has: page.locator('.c-code', { hasText: new RegExp(`^${code}$`) }) });
  const nameOf = async (code: string): Promise<string> => `${code} ${await row(code).locator('.c-name span').innerText()}`;
  const serial = (n: number): Locator => page.locator('#rows > tbody > tr').nth(n - 1).locator('.serial');
  const selected = (): Promise<string> => page.locator('#selected-words').innerText();
  const sheet = (): Locator => page.getByRole('dialog');

  /** The page as it is now, light and dark. */
  async function shot(name: string): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${SHOTS}/${name}-${colorScheme}.png` });
    }
    await page.emulateMedia({ colorScheme: 'light' });
  }

  async function find(code: string): Promise<void> {
    await page.getByRole('searchbox', { name: 'Search by code or name' }).fill(code);
    await page.waitForURL(/[?&]q=/);
    await row(code).waitFor();
  }

  async function findAll(): Promise<void> {
    await page.goto(`${product.url}/cost-codes`);
  }

  it('launches the add-on from the Apps menu of QuickBooks', async () => {
    await page.goto(product.quickbooks.url);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Linarc Class Sync' }).waitFor();
    await shot('1-quickbooks-apps');
    await page.getByRole('link', { name: 'Launch' }).click();
    await page.getByRole('link', { name: 'Connect to QuickBooks' }).waitFor();
    expect(new URL(page.url()).origin).to.equal(product.url);
    await shot('2-connect');
  });

  it('connects the company and links Linarc, and types nothing on the way', async () => {
    await page.getByRole('link', { name: 'Connect to QuickBooks' }).click();
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await shot('3-consent');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('button', { name: 'Link Linarc company' }).waitFor();
    await shot('4-link-linarc');
    await page.getByRole('button', { name: 'Link Linarc company' }).click();
    await page.getByRole('heading', { name: 'Nothing staged yet' }).waitFor();
    expect(new URL(page.url()).pathname).to.equal('/cost-codes');
    await shot('5-first-use');
  });

  it('imports the whole library by the menu', async () => {
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByRole('button', { name: 'Import All Items from Linarc' }).first().click();
    await serial(100).waitFor();
    await page.getByRole('link', { name: 'Needs Sync', exact: false }).first().waitFor();
    const headings = await page.getByRole('columnheader').allInnerTexts();
    expect(headings.map((text) => text.trim()).filter(Boolean)).to.include.members(['Cost Code', 'Task Name', 'Task Type', 'Task Code Status', 'Status', 'Synced', 'Actions']);
    await shot('6-staged');
  });

  it('selects by serial number with Shift and Ctrl, and all by Select All', async () => {
    await serial(1).click();
    expect(await selected()).to.match(/^1 selected of /);
    await serial(5).click({ modifiers: ['Shift'] });
    expect(await selected()).to.match(/^5 selected of /);
    await serial(8).click({ modifiers: ['Control'] });
    expect(await selected()).to.match(/^6 selected of /);
    await page.getByRole('button', { name: 'Select All' }).click();
    expect(await selected()).to.match(/^268 selected of 268/);
    await page.getByRole('link', { name: 'Clear' }).click();
    await until('the selection to be empty', async () => (await selected()).startsWith('None selected'));
  });

  it('syncs the selected codes, and they become Synced', async () => {
    const [first = '', second = ''] = await page.locator('#rows > tbody > tr[data-syncs] .c-code').allInnerTexts();
    const wanted = await Promise.all([first, second].map(nameOf));
    await row(first).locator('.serial').click();
    await row(second).locator('.serial').click({ modifiers: ['Control'] });
    await page.getByRole('button', { name: 'Sync to QBO' }).click();
    for (const code of [first, second]) await row(code).getByText('Synced', { exact: true }).waitFor();
    expect((await classes()).map(({ Name }) => Name).filter((name) => wanted.includes(name))).to.have.length(2);
  });

  it('sees a sync live, and finds it going on after the page was closed', async () => {
    await makeOneFail();
    await product.quickbooks.post('/sandbox/faults', { match: { operation: 'batch' }, fault: { kind: 'delay', ms: 2_500 } });
    await page.getByRole('button', { name: 'Select All' }).click();
    await page.getByRole('button', { name: 'Sync to QBO' }).click();
    const running = () => page.getByRole('region', { name: 'Running sync' });
    await running().getByText(/^Syncing/).waitFor();
    await shot('7-syncing');
    await page.close();
    page = await person.newPage();
    await findAll();
    await running().waitFor();
    await product.quickbooks.delete('/sandbox/faults');
    await until('the run to end', async () => {
      const company = await product.world.companies.byRealm(realmId);
      return company && await product.world.runs.active(company.id) === null;
    }, 30_000);
    await running().waitFor({ state: 'detached' });
    await page.locator('#chips').getByText(/Synced 2\d\d/).waitFor();
    expect(await page.locator('#rows .status.syncing').count()).to.equal(0);
    if (process.env['README_SCREENSHOT']) await shotForReadme();
  });

  /** The picture in the README, taken anew when asked to. */
  async function shotForReadme(): Promise<void> {
    await page.setViewportSize({ width: 1280, height: 760 });
    await findAll();
    await serial(3).click();
    await serial(6).click({ modifiers: ['Shift'] });
    await page.mouse.move(0, 0);
    await page.screenshot({ path: 'public/screenshot-light.png' });
    await page.setViewportSize(DESK);
    await findAll();
  }

  /** The name that one code’s class should get is taken by a sub-class, in a QuickBooks that does not allow it twice. */
  async function makeOneFail(): Promise<void> {
    await product.quickbooks.patch('/sandbox/switches', { uniqueness: 'whole-list' });
    failing = await page.locator('#rows > tbody > tr[data-syncs] .c-code').nth(3).innerText();
    await product.quickbooks.post(`/sandbox/companies/${realmId}/classes`, { names: [`Residential:${await nameOf(failing)}`] });
  }

  it('reads why a code failed, corrects it in Linarc, clicks Failed, and it is Synced', async () => {
    await page.getByRole('link', { name: /^Failed/ }).first().click();
    await page.waitForURL(/status=failed/);
    const code = failing;
    await row(code).getByRole('button', { name: 'Failed' }).hover();
    await page.locator('.card:popover-open').getByText('QuickBooks says the name').waitFor();
    await shot('8-failed');

    const linarc = await person.newPage();
    await linarc.goto(product.linarc.url);
    await linarc.getByLabel('Code or name').fill(code);
    await linarc.getByRole('button', { name: 'Search' }).click();
    await linarc.getByRole('link', { name: `Edit ${code}` }).click();
    await linarc.getByLabel('Cost Code Name').fill('Corrected by hand');
    await linarc.screenshot({ path: `${SHOTS}/9-linarc-light.png` });
    await linarc.getByRole('button', { name: 'Save' }).click();
    await linarc.getByRole('status').waitFor();
    await linarc.close();

    await page.getByRole('button', { name: 'Failed' }).first().click();
    await until('the class to be made', async () => (await classes()).some(({ Name }) => Name === `${code} Corrected by hand`));
    await findAll();
    await find(code);
    await row(code).getByText('Synced', { exact: true }).waitFor();
    expect(await row(code).locator('.c-name span').innerText()).to.equal('Corrected by hand');
  });

  it('opens Change History, Json Script and Manual Mapping of a row', async () => {
    const code = await page.locator('#rows > tbody .c-code').first().innerText();
    for (const [action, says] of [['Change History', 'Corrected by hand'], ['Json Script', 'costCodeName'], ['Manual Mapping', 'Linked class']] as const) {
      await row(code).getByRole('button', { name: action }).click();
      await sheet().getByRole('heading', { name: action }).waitFor();
      await sheet().getByText(says).first().waitFor();
      await shot(`10-${action.toLowerCase().replace(' ', '-')}`);
      await page.keyboard.press('Escape');
      await sheet().waitFor({ state: 'hidden' });
    }
  });

  it('links a code to a class of one’s own choice', async () => {
    const code = await page.locator('#rows > tbody .c-code').first().innerText();
    await row(code).getByRole('button', { name: 'Manual Mapping' }).click();
    await sheet().getByRole('button', { name: 'Unlink' }).click();
    await sheet().getByText('none yet').waitFor();
    await sheet().getByRole('searchbox').fill('Overhead');
    await sheet().getByRole('link', { name: 'Choose Overhead' }).click();
    await sheet().getByRole('button', { name: 'Link to this class' }).click();
    await sheet().getByText('Linked to the class.').waitFor();
    await page.keyboard.press('Escape');
    await findAll();
    await find(code);
    await row(code).getByText('Needs Sync', { exact: true }).waitFor();
  });

  it('lands on the screen when coming back later', async () => {
    await page.goto(product.quickbooks.url);
    await page.getByRole('link', { name: 'Launch' }).click();
    await page.getByRole('heading', { name: 'Cost Codes' }).waitFor();
    expect(new URL(page.url()).pathname).to.equal('/cost-codes');
    await shot('11-back-again');
    await page.setViewportSize(PHONE);
    await shot('12-narrow');
    await page.setViewportSize(DESK);
  });

  it('met no script error and nothing the content security policy had to stop', () => {
    expect(troubles).to.deep.equal([]);
  });
});
