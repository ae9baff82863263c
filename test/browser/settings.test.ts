import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { axeFaults } from '../support/axe.ts';
import { visits } from '../support/visits.ts';
import { until } from '../support/waiting.ts';
import { comeIn, control, importAll, records, startWeb, type Member, type WebProduct } from '../web/support.ts';

describe('Settings in a browser', function () {
  this.timeout(60_000);
  let web: WebProduct;
  let member: Member;

  // A stale or incomplete form is answered with its own status, which Chromium notes as an error of the page.
  const opened = visits({ of: () => ({ web, member }), path: '/settings', expected: /status of 4(09|22)/ });

  beforeEach(async () => {
    // Not after each: a test whose pages complained would leave it open.
    await web?.close();
    web = await startWeb();
    member = await comeIn(web);
    await importAll(web, member);
  });
  after(() => web?.close());

  const settings = async () => (await web.world.companies.get(member.company))?.settings;
  const group = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
  const saved = (page: Page) => page.getByText('Saved.', { exact: false }).first().waitFor();
  const pattern = (page: Page) => page.getByRole('combobox', { name: 'Naming pattern' });

  it('shows the names while they are typed, on the company’s own codes, and saves nothing by it', async () => {
    const page = await opened();
    await pattern(page).fill('[{code}] {name}');
    await page.getByText('[01 10 00] Summary of work and phasing', { exact: true }).waitFor();
    await pattern(page).fill('{cod}');
    await page.getByText('{cod} is not known; use {code} and {name}.').waitFor();
    await pattern(page).fill('{code} {name}');
    await page.getByRole('radio', { name: 'Full tree' }).check();
    await page.getByText(/^Where a class is chosen: .+:.+/).waitFor();
    expect(await settings()).to.deep.include({ namePattern: '{code} {name}', structure: 'flat' });
  });

  it('are changed by keyboard alone', async () => {
    const page = await opened();
    await page.getByRole('checkbox', { name: 'Sync cost codes' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await saved(page);
    expect(await settings()).to.deep.include({ autoCreate: true, autoUpdate: false, autoPush: true });
  });

  it('work without script: preview, save, the yes that renames take, and what is left out', async () => {
    await member.agent.post('/runs').type('form').send({ scope: 'ids', id: (await records(web, member.company)).filter(({ status }) => status === 'needs_sync').slice(0, 1).map(({ id }) => id) });
    await web.idle();
    const page = await opened('/settings', { javaScriptEnabled: false });
    await pattern(page).fill('{code} - {name}');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByText('1 class will be renamed in QuickBooks with the next sync.').waitFor();
    await page.getByText('01 10 00 - Summary of work and phasing', { exact: true }).waitFor();
    expect(await pattern(page).inputValue()).to.equal('{code} - {name}');
    await page.getByRole('button', { name: 'Save names' }).click();
    await page.getByText('1 class in QuickBooks gets another name', { exact: false }).waitFor();
    expect((await settings())?.namePattern).to.equal('{code} {name}');
    await page.getByRole('button', { name: 'Save and change these classes' }).click();
    await saved(page);
    expect((await settings())?.namePattern).to.equal('{code} - {name}');
    await page.getByRole('checkbox', { name: /^ADMIN/ }).check();
    await group(page, 'What is left out').getByRole('button', { name: 'Save' }).click();
    await saved(page);
    expect((await settings())?.leaveOut).to.deep.equal(['ADMIN']);
  });

  it('keep what both of two administrators changed, and tell the later one', async () => {
    const [first, second] = [await opened(), await opened()];
    await first.getByRole('checkbox', { name: 'Auto-Create' }).check();
    await second.getByRole('checkbox', { name: 'Auto-Update' }).check();
    await group(first, 'Cost Codes').getByRole('button', { name: 'Save' }).click();
    await saved(first);
    await group(second, 'Cost Codes').getByRole('button', { name: 'Save' }).click();
    await second.getByText('Not saved: somebody else changed this while you were here.').waitFor();
    await second.getByText('changed Auto-Create from Off to On.', { exact: false }).waitFor();
    expect(await second.getByRole('checkbox', { name: 'Auto-Create' }).isChecked()).to.equal(true);
    expect(await second.getByRole('checkbox', { name: 'Auto-Update' }).isChecked()).to.equal(true);
    await group(second, 'Cost Codes').getByRole('button', { name: 'Save' }).click();
    await saved(second);
    expect(await settings()).to.deep.include({ autoCreate: true, autoUpdate: true });
  });

  it('are saved once by a double click', async () => {
    const page = await opened();
    await page.getByRole('checkbox', { name: 'Auto-Update' }).check();
    await group(page, 'Cost Codes').getByRole('button', { name: 'Save' }).dblclick();
    await page.waitForLoadState('networkidle');
    expect((await web.world.companies.get(member.company))?.settingsVersion).to.equal(1);
    expect(await settings()).to.deep.include({ autoUpdate: true });
  });

  it('take the tab away with cost-code sync, and bring it back', async () => {
    const page = await opened();
    await page.getByRole('checkbox', { name: 'Sync cost codes' }).uncheck();
    await group(page, 'Cost Codes').getByRole('button', { name: 'Save' }).click();
    await page.getByText('their tab is gone', { exact: false }).waitFor();
    expect(await page.getByRole('navigation', { name: 'Main' }).getByRole('link').allInnerTexts()).not.to.include('Cost Codes');
    await page.goto(`${web.url}/cost-codes`);
    expect(new URL(page.url()).pathname).to.equal('/runs');
    await page.goto(`${web.url}/settings`);
    await page.getByRole('checkbox', { name: 'Sync cost codes' }).check();
    await group(page, 'Cost Codes').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Cost Codes' }).waitFor();
  });

  it('tell before a sync that the plan has too little room, and lead on', async () => {
    const { name = '' } = (await web.world.companies.get(member.company)) ?? {};
    const companies = await control<{ realmId: string; name: string }[]>(web.quickbooksUrl, 'GET', '/sandbox/companies');
    const { realmId = '' } = companies.find((one) => one.name === name) ?? {};
    await control(web.quickbooksUrl, 'PATCH', `/sandbox/companies/${realmId}`, { offeringSku: 'QuickBooks Online Plus' });
    const page = await opened();
    await page.getByRole('button', { name: 'Check again' }).click();
    await page.getByText(/of 40 used by/).waitFor();
    await page.goto(`${web.url}/cost-codes`);
    await page.getByRole('button', { name: 'Select All' }).click();
    await page.getByRole('button', { name: 'Sync to QBO' }).click();
    await page.getByRole('heading', { name: /^Room for \d+, you selected \d+$/ }).waitFor();
    expect(new URL(page.url()).pathname).to.equal('/cost-codes');
    const [, button = ''] = /(Sync \d+ codes in use)/.exec(await page.locator('main').innerText()) ?? [];
    await page.getByRole('button', { name: button }).click();
    await page.getByText(/^Syncing \d+ cost codes? to QuickBooks\./).waitFor();
    await until('the codes in use', async () => (await web.world.costCodes.tally(member.company, { kind: 'matching', filter: { status: 'synced' }, except: [] })).synced > 0);
    await web.idle();
  });

  it('link another Linarc company only after its consequences were read', async () => {
    const page = await opened('/linarc');
    await page.getByText('Link another Linarc company').click();
    const form = page.getByRole('group').filter({ hasText: 'Link another Linarc company' });
    await form.getByLabel('Linarc company id').fill('lin-ridgeline');
    await form.getByLabel('API key').fill('linarc-sandbox-key-ridgeline');
    await form.getByRole('button', { name: 'Test the key' }).click();
    await page.getByText('The key opens', { exact: false }).waitFor();
    await form.getByRole('button', { name: 'Link this company' }).click();
    await page.getByRole('heading', { name: /instead of/ }).waitFor();
    await page.getByRole('link', { name: 'Keep it as it is' }).click();
    await page.getByRole('heading', { name: 'Linarc company', exact: true }).waitFor();
    expect((await web.world.companies.get(member.company))?.linarc?.companyId).to.equal('lin-hillside');
  });

  for (const scheme of ['light', 'dark'] as const) {
    for (const width of [1280, 320]) {
      it(`have no axe violation and do not run over, ${scheme}, ${width} px`, async () => {
        const page = await opened('/settings', { viewport: { width, height: 900 }, colorScheme: scheme });
        for (const path of ['/settings', '/linarc']) {
          await page.goto(`${web.url}${path}`);
          expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${path} runs over`).to.equal(true);
          expect(await axeFaults(page), path).to.deep.equal([]);
        }
      });
    }
  }
});
