import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { StagedRecord } from '../../server/core/records.ts';
import { workbook } from '../linarc/workbook.ts';
import { axeFaults } from '../support/axe.ts';
import { visits } from '../support/visits.ts';
import { until } from '../support/waiting.ts';
import { comeIn, control, importAll, records, startWeb, type Member, type WebProduct } from '../web/support.ts';

const SHOTS = process.env['SHOTS'];

describe('The sheets of a record, the picker and the spreadsheet in a browser', function () {
  this.timeout(60_000);
  let web: WebProduct;
  let member: Member;
  let all: readonly StagedRecord[] = [];

  const opened = visits({ of: () => ({ web, member }), path: '/cost-codes' });

  before(async () => {
    web = await startWeb({ codes: 130 });
    member = await comeIn(web);
    await importAll(web, member);
    all = (await records(web, member.company)).filter(({ status }) => status === 'needs_sync');
    await member.agent.post('/runs').type('form').send({ scope: 'ids', id: all[0]?.id }).expect(303);
    await web.idle();
    const realm = await web.world.companies.realmId(member.company);
    const names = ['Field', 'Field:Concrete', 'Field:Concrete:Walls', 'Office', ...Array.from({ length: 70 }, (_, n) => `Zone ${100 + n}`)];
    await control(web.quickbooksUrl, 'POST', `/sandbox/companies/${realm}/classes`, { names });
    await member.agent.post(`/cost-codes/${all[1]?.id}/mapping`).type('form').send({ intent: 'refresh' }).expect(303);
    await member.agent.get('/cost-codes').expect(200);
  });
  after(() => web?.close());

  const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
  const sheet = (page: Page) => page.getByRole('dialog');
  const rowOf = (page: Page, n: number) => page.locator(`#r-${all[n]?.id}`);
  const linkOf = async (n: number) => (await web.world.costCodes.get(member.company, all[n]?.id ?? ''))?.link ?? null;
  const focused = (page: Page) => page.evaluate('document.activeElement.textContent.trim() || document.activeElement.id') as Promise<string>;
  /** No axe violation, wide and narrow, light and dark, and nothing that sticks out. */
  const sound = async (page: Page, name: string) => {
    for (const [width, height, colorScheme] of [[1280, 860, 'light'], [1280, 860, 'dark'], [320, 720, 'light']] as const) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      expect(await axeFaults(page, { within: 'dialog[open]' }), `${name} ${width} ${colorScheme}`).to.deep.equal([]);
      expect(await page.evaluate('document.documentElement.scrollWidth'), `${name} sticks out`).to.be.at.most(width);
      if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}-${width}-${colorScheme}.png` });
    }
    await page.setViewportSize({ width: 1280, height: 860 });
  };

  describe('Manual Mapping', () => {
    it('goes by keyboard alone: search, choose, read the effect, link, and back to the row', async () => {
      const page = await opened();
      await rowOf(page, 2).getByRole('button', { name: 'Manual Mapping' }).focus();
      await page.keyboard.press('Enter');
      await sheet(page).getByRole('searchbox').focus();
      await page.keyboard.type('wal');
      await sheet(page).getByText('Classes with “wal” in their name').waitFor();
      expect(await page.evaluate('document.activeElement.id'), 'half-typed text and focus stay').to.equal('class-q');
      await sheet(page).getByRole('link', { name: 'Choose Walls' }).focus();
      await page.keyboard.press('Enter');
      await sheet(page).getByText('Then Needs Sync: with the next sync QuickBooks’ class “Walls” moves from “Field › Concrete” to the top and becomes').waitFor();
      expect(await linkOf(2)).to.equal(null);
      expect(await focused(page), 'the effect has the focus').to.include('Then Needs Sync');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      expect(await focused(page)).to.equal('Link to this class');
      await page.keyboard.press('Enter');
      await sheet(page).getByText('Linked to the class.').waitFor();
      expect((await linkOf(2))?.name).to.equal('Walls');
      await page.keyboard.press('Escape');
      await until('the focus', () => rowOf(page, 2).getByRole('button', { name: 'Manual Mapping' }).evaluate((element) => element.matches(':focus')));
    });

    it('opens the tree branch by branch, and asks for each once', async () => {
      const page = await opened();
      const asked: string[] = [];
      page.on('request', (request) => {
        if (request.url().includes('/classes?')) asked.push(request.url());
      });
      await rowOf(page, 3).getByRole('button', { name: 'Manual Mapping' }).click();
      await sheet(page).getByText('1 class below Field').click();
      await sheet(page).getByText('1 class below Concrete').waitFor();
      await sheet(page).getByText('1 class below Field').click();
      await sheet(page).getByText('1 class below Field').click();
      await sheet(page).getByText('1 class below Concrete').click();
      await sheet(page).getByRole('link', { name: 'Choose Concrete' }).waitFor();
      expect(asked).to.have.length(2);
      await sheet(page).getByRole('link', { name: 'More classes' }).click();
      await sheet(page).getByRole('link', { name: 'Choose Zone 169' }).waitFor();
      expect(await sheet(page).getByRole('link', { name: 'More classes' }).count()).to.equal(0);
      await sound(page, 'mapping');
    });

    it('works without script', async () => {
      const page = await opened(`/cost-codes/${all[4]?.id}/mapping`, { javaScriptEnabled: false });
      await page.getByText('1 class below Field').click();
      await page.getByRole('link', { name: 'Show them' }).first().click();
      await page.getByRole('link', { name: 'Choose Concrete' }).click();
      await button(page, 'Link to this class').click();
      await page.getByText('Linked to the class.').waitFor();
      expect((await linkOf(4))?.name).to.equal('Concrete');
      await button(page, 'Unlink').click();
      await page.getByText('Unlinked. The class stays in QuickBooks as it is.').waitFor();
    });
  });

  describe('Change History and Json Script', () => {
    it('filters and exports in the sheet, and unfolds a request', async () => {
      const page = await opened();
      await rowOf(page, 0).getByRole('button', { name: 'Change History' }).click();
      await sheet(page).getByText('Class created in QuickBooks').last().waitFor();
      await sheet(page).getByLabel('Show').selectOption({ label: 'Changes in Linarc, all' });
      await until('the filter', async () => (await sheet(page).locator('.timeline strong').allTextContents()).join() === 'Imported from Linarc');
      await sheet(page).getByLabel('Show').selectOption('');
      await sheet(page).locator('.timeline').getByText('Class created in QuickBooks').waitFor();
      await sheet(page).getByText('intuit_tid').first().click();
      await sheet(page).getByRole('region', { name: 'Request' }).waitFor();
      await sound(page, 'history');
      const download = page.waitForEvent('download');
      await sheet(page).getByRole('link', { name: 'Export as CSV' }).click();
      expect((await download).suggestedFilename()).to.match(/^Change History of .*\.csv$/);
    });

    it('copies what is shown, word for word', async () => {
      const page = await opened('/cost-codes', { permissions: ['clipboard-read', 'clipboard-write'] });
      await rowOf(page, 0).getByRole('button', { name: 'Json Script' }).click();
      await button(page, 'Copy Linarc record').click();
      await until('the word', async () => (await page.locator('#say').textContent()) === 'Copied');
      expect(JSON.parse(await page.evaluate('navigator.clipboard.readText()') as string)).to.deep.equal(all[0]?.raw);
      await sound(page, 'json');
    });

    it('can be read without script', async () => {
      const page = await opened(`/cost-codes/${all[0]?.id}/history?kind=sync`, { javaScriptEnabled: false });
      await page.getByLabel('Show').selectOption({ label: 'Imported from Linarc' });
      await button(page, 'Show').click();
      expect(await page.locator('.timeline strong').allTextContents()).to.deep.equal(['Imported from Linarc']);
    });
  });

  describe('Import Selected', () => {
    const words = (page: Page) => page.locator('#picked-words').textContent();

    it('picks ranges by Shift, by mouse and by keyboard, and keeps them over pages and searches', async () => {
      const page = await opened();
      await button(page, 'Import').click();
      await button(page, 'Import Selected Items from Linarc').click();
      const boxes = sheet(page).locator('#picker-list input');
      await boxes.nth(2).click();
      await boxes.nth(5).click({ modifiers: ['Shift'] });
      expect(await words(page)).to.equal('4 picked');
      await boxes.nth(10).focus();
      await page.keyboard.press('Space');
      await page.keyboard.press('Shift+ArrowDown');
      await page.keyboard.press('Shift+ArrowDown');
      expect(await words(page)).to.equal('7 picked');
      await button(page, 'Next page').click();
      await sheet(page).getByText('7 picked (7 not on this page)').waitFor();
      await sheet(page).getByLabel('All shown').check();
      expect(await words(page)).to.equal('57 picked (7 not on this page)');
      await sheet(page).getByRole('searchbox').fill('zzz');
      await sheet(page).getByText('No cost code in Linarc matches.').waitFor();
      await sheet(page).getByRole('searchbox').fill('');
      await sheet(page).getByText('57 picked (50 not on this page)').waitFor();
      expect(await boxes.nth(3).isChecked()).to.equal(true);
      await sound(page, 'picker');
      await button(page, 'Import the picked ones').click();
      await page.getByText(/Last import: 0 new · 0 changed · 57 unchanged/).waitFor();
      expect(await sheet(page).count(), 'the sheet is closed').to.equal(0);
    });

    it('works without script', async () => {
      const page = await opened('/imports/selected', { javaScriptEnabled: false });
      await page.locator('#picker-list input').nth(1).check();
      await button(page, 'Next page').click();
      await page.locator('#picker-list input').nth(0).check();
      await button(page, 'Import the picked ones').click();
      await web.idle();
      await page.goto(`${web.url}/cost-codes`);
      await page.getByText(/Last import: 0 new · 0 changed · 2 unchanged/).waitFor();
    });
  });

  it('as a page of its own, opened by its address, a sheet is a plain page that works', async () => {
    const page = await opened('/imports/selected');
    await page.getByLabel('Task Type').selectOption('OFFICE');
    await button(page, 'Search').click();
    await page.getByText(/\d+ cost codes found/).waitFor();
    await page.locator('#picker-list input').nth(1).check();
    expect(await page.locator('#picked-words').textContent()).to.equal('1 picked');
    await button(page, 'Import the picked ones').click();
    await page.waitForURL(`${web.url}/cost-codes`);
    expect(await page.locator('h1').allTextContents()).to.deep.equal(['Cost Codes']);
    await page.goto(`${web.url}/cost-codes/${all[5]?.id}/mapping`);
    await page.getByRole('searchbox').fill('office');
    await page.keyboard.press('Enter');
    await page.getByText('Classes with “office” in their name').waitFor();
    expect(await page.getByRole('dialog').count()).to.equal(0);
  });

  describe('A spreadsheet', () => {
    const file = { name: 'more.xlsx', mimeType: 'application/octet-stream', buffer: workbook({ Codes: [['Cost Code', 'Task Name'], ['X 1', 'Extra one'], [{ date: 36615 }, 'Date'], [null, 'Nameless code']] }) };

    it('is imported from the menu and reported row by row', async () => {
      const page = await opened();
      await button(page, 'Import').click();
      await page.getByRole('link', { name: 'Import a spreadsheet' }).click();
      await sound(page, 'spreadsheet');
      await page.getByLabel('Excel workbook (.xlsx) or CSV file').setInputFiles(file);
      await button(page, 'Import the file').click();
      await page.getByText('Excel may have changed this code: the file holds the date 2000-03-30.').waitFor();
      await sound(page, 'report');
      const download = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Rows with problems (.xlsx)' }).click();
      expect((await download).suggestedFilename()).to.equal('more, problems.xlsx');
      await page.getByRole('link', { name: /^New 1/ }).click();
      await page.getByRole('link', { name: 'X 1' }).click();
      await page.getByRole('cell', { name: 'Extra one', exact: true }).waitFor();
    });

    it('works without script', async () => {
      const page = await opened('/imports/spreadsheets', { javaScriptEnabled: false });
      await page.getByLabel('Excel workbook (.xlsx) or CSV file').setInputFiles({ name: 'x.csv', mimeType: 'text/csv', buffer: Buffer.from('Code,Name\nX 2,Extra two') });
      await button(page, 'Import the file').click();
      await web.idle();
      await page.reload();
      await page.getByRole('link', { name: 'X 2' }).waitFor();
    });
  });
});
