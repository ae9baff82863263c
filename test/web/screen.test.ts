import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { count } from '../../server/web/present/format.ts';
import { axeFaults } from '../support/axe.ts';
import { visits } from '../support/visits.ts';
import { until } from '../support/waiting.ts';
import { comeIn, importAll, records, startWeb, type Member, type WebProduct } from './support.ts';

describe('The staging screen in a browser', function () {
  this.timeout(60_000);
  let web: WebProduct;
  let member: Member;

  const opened = visits({ of: () => ({ web, member }), path: '/cost-codes' });

  before(async () => {
    web = await startWeb({ codes: 1500, limits: true });
    member = await comeIn(web);
    await importAll(web, member);
  });
  after(() => web?.close());

  const row = (page: Page, n: number) => page.getByRole('button', { name: new RegExp(`^Row ${n},`) });
  const selected = (page: Page) => page.locator('#selected-words').textContent();
  const ready = async () => (await web.world.costCodes.tally(member.company, { kind: 'matching', filter: {}, except: [] })).needs_sync;
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

  describe('selection', () => {
    it('by serial numbers: plain takes one alone, Shift a range, Ctrl one more, a second click none', async () => {
      const page = await opened();
      await row(page, 3).click();
      expect(await selected(page)).to.equal('1 selected of 1,500 · 1 can sync');
      await row(page, 6).click({ modifiers: ['Shift'] });
      expect(await selected(page)).to.equal('4 selected of 1,500 · 4 can sync');
      await row(page, 9).click({ modifiers: ['Control'] });
      expect(await selected(page)).to.equal('5 selected of 1,500 · 5 can sync');
      expect(await row(page, 9).getAttribute('aria-pressed')).to.equal('true');
      await row(page, 2).click();
      await row(page, 2).click();
      expect(await selected(page)).to.equal('None selected of 1,500');
    });

    it('by keyboard: Space, Shift and arrows, Ctrl+A once for the page and twice for all, Escape', async () => {
      const page = await opened();
      await row(page, 2).focus();
      await page.keyboard.press('Space');
      await page.keyboard.press('Shift+ArrowDown');
      await page.keyboard.press('Shift+ArrowDown');
      expect(await selected(page)).to.match(/^3 selected/);
      await page.keyboard.press('Control+a');
      expect(await selected(page)).to.match(/^100 selected/);
      await page.keyboard.press('Control+a');
      expect(await selected(page)).to.equal(`1,500 selected of 1,500 (1,400 not on this page) · ${count(await ready())} can sync`);
      await page.keyboard.press('Escape');
      expect(await selected(page)).to.match(/^None/);
    });

    it('outlasts another page and the way back, and ends when Select All’s filter changes', async () => {
      const page = await opened();
      await page.getByRole('checkbox', { name: /^Select 01/ }).nth(3).check();
      await page.getByRole('link', { name: 'Next' }).click();
      await page.waitForURL(/from=100/);
      await until('the other page', async () => (await selected(page))?.includes('(1 not on this page)'));
      await page.goBack();
      await until('the first page', async () => (await selected(page)) === '1 selected of 1,500 · 1 can sync');
      await button(page, 'Select All').click();
      await page.getByRole('link', { name: /^Needs Sync/ }).last().click();
      await page.waitForURL(/status=needs_sync/);
      await until('the other filter', async () => (await selected(page))?.startsWith('None'));
    });

    it('of all but one is sent as filter and exception', async () => {
      const page = await opened();
      await button(page, 'Select All').click();
      await page.getByRole('checkbox', { name: /^Select 01/ }).nth(1).uncheck();
      expect(await selected(page)).to.match(/^1,499 selected/);
      const asked = page.waitForRequest((request) => request.url().endsWith('/preview'));
      await button(page, 'Preview').click();
      const fields = new URLSearchParams((await asked).postData() ?? '');
      expect(fields.get('scope')).to.equal('matching');
      await page.getByText('Create', { exact: true }).first().waitFor();
      expect(await page.locator('#sheet .numbers').textContent()).to.match(new RegExp(`Create\\s*${count((await ready()) - 1)}\\s`));
    });
  });

  describe('sheets and cards', () => {
    it('open beside the table and give the focus back', async () => {
      const page = await opened();
      const history = page.getByRole('button', { name: 'Change History' }).nth(4);
      await history.click();
      await page.getByRole('dialog').getByText('Imported from Linarc').last().waitFor();
      await page.keyboard.press('Escape');
      await until('the focus', () => history.evaluate((element) => element.matches(':focus')));
    });

    it('search without losing what is half typed', async () => {
      const page = await opened();
      await page.getByRole('searchbox', { name: 'Search by code or name' }).pressSequentially('basement', { delay: 40 });
      await page.waitForURL(/q=basement$/);
      expect(await page.locator('#q').inputValue()).to.equal('basement');
      expect(await page.evaluate('document.activeElement.id')).to.equal('q');
    });
  });

  for (const width of [1280, 800, 390]) {
    it(`does not move as it comes in, ${width} wide`, async () => {
      const page = await opened('about:blank', { viewport: { width, height: 860 } });
      await page.addInitScript(`
        window.moved = [];
        new PerformanceObserver((list) => moved.push(...list.getEntries().map(({ value }) => value))).observe({ type: 'layout-shift', buffered: true });
      `);
      await page.goto(`${web.url}/cost-codes`);
      await page.locator('.glance-part').first().waitFor();
      await page.evaluate('new Promise((painted) => requestAnimationFrame(() => setTimeout(painted, 100)))');
      const moved = await page.evaluate<number[]>('moved');
      expect(moved.reduce((sum, value) => sum + value, 0)).to.be.below(0.01);
    });
  }

  describe('a page of 1,000 rows', () => {
    let page: Page;

    before(async () => {
      page = await opened('/cost-codes?size=1000');
    });

    it('lays out only what is in view, and keeps the room for the rest', async () => {
      const drawn = await page.locator('#rows > tbody > tr').evaluateAll((rows) => rows.map((row) => row.checkVisibility({ contentVisibilityAuto: true })));
      expect(drawn).to.have.length(1000);
      expect([drawn[0], drawn[900]]).to.deep.equal([true, false]);
      const before = await page.evaluate('document.documentElement.scrollHeight');
      await page.evaluate('document.querySelector("#block-19").scrollIntoView({ block: "end" })');
      await until('the last row to be drawn', () => page.locator('#rows > tbody > tr').last().evaluate((last) => last.checkVisibility({ contentVisibilityAuto: true })));
      expect(await page.evaluate('document.documentElement.scrollHeight')).to.equal(before);
    });

    it('asks nothing of the browser that grows with the square of its rows: no field or button names a form elsewhere', async () => {
      expect(await page.locator('#rows [form]').count()).to.equal(0);
    });

    it('opens a row’s sheets by click, by Enter and by the space bar', async () => {
      const history = page.getByRole('button', { name: 'Change History' }).first();
      const sheet = page.getByRole('dialog').getByRole('heading', { name: 'Change History' });
      for (const open of [() => history.click(), () => history.press('Enter'), () => history.press(' ')]) {
        await open();
        await sheet.waitFor();
        await page.keyboard.press('Escape');
        await sheet.waitFor({ state: 'hidden' });
      }
    });

    it('selects over its blocks: a range by Shift, all of it by Ctrl+A', async () => {
      await row(page, 49).click();
      await row(page, 52).click({ modifiers: ['Shift'] });
      expect(await selected(page)).to.match(/^4 selected of 1,500/);
      await page.keyboard.press('Shift+ArrowDown');
      expect(await selected(page)).to.match(/^5 selected of 1,500/);
      await page.keyboard.press('Control+a');
      expect(await selected(page)).to.match(/^1,000 selected of 1,500/);
      expect(await page.locator('#rows > tbody > tr.selected').count()).to.equal(1000);
    });
  });

  describe('while a run goes on', () => {
    let page: Page;

    before(async () => {
      page = await opened();
      await button(page, 'Select All').click();
      await button(page, 'Sync to QBO').click();
      await page.locator('#live progress').waitFor();
    });

    it('rows change in place; ticks, half-typed words, focus and scroll stay', async () => {
      await row(page, 4).click();
      await page.evaluate('window.scrollTo(0, 600)');
      await page.evaluate('document.querySelector("#q").focus({ preventScroll: true })');
      await until('a synced row', async () => (await page.locator('#rows .status.synced').count()) > 10);
      expect(await page.locator('#rows > tbody > tr').count()).to.equal(100);
      expect(await page.locator('[name=seen]').count(), 'rows outside the table').to.equal(100);
      expect(await row(page, 4).getAttribute('aria-pressed')).to.equal('true');
      expect(await page.evaluate('[document.activeElement.id, scrollY]')).to.deep.equal(['q', 600]);
    });

    it('asks at most twice a second', async () => {
      let asked = 0;
      page.on('request', (request) => {
        if (request.url().includes('/live')) asked += 1;
      });
      await page.waitForTimeout(3000);
      expect(asked).to.be.within(1, 6);
    });

    it('pauses, resumes, and is the same after a reload and in the run’s own page', async () => {
      await button(page, 'Pause').click();
      await until('the pause', async () => (await page.locator('#live strong').textContent()) === 'Paused');
      await page.reload();
      expect(await page.locator('#live strong').textContent()).to.equal('Paused');
      await button(page, 'Resume').click();
      await until('going on', async () => (await page.locator('#live strong').first().textContent()) !== 'Paused', 10_000);
      expect(new URL(page.url()).pathname).to.equal('/cost-codes');
    });

    it('stops by Cancel with a result, keeps what was done, and asks no more', async () => {
      await button(page, 'Cancel').click();
      await page.getByText(/Sync cancelled: .* not sent of/).waitFor({ timeout: 15_000 });
      const after: string[] = [];
      page.on('request', (request) => after.push(request.url()));
      await page.waitForTimeout(2500);
      expect(after).to.deep.equal([]);
      const statuses = new Set((await records(web, member.company, 1500)).map(({ status }) => status));
      expect([...statuses]).to.include.members(['needs_sync', 'synced']).and.to.not.include('syncing');
    });
  });

  it('does the whole job without script', async () => {
    const page = await opened('/cost-codes?status=needs_sync', { javaScriptEnabled: false });
    await page.getByLabel('Search by code or name').fill('wing');
    await button(page, 'Search').click();
    await page.getByRole('checkbox', { name: /^Select / }).nth(1).check();
    await button(page, 'Sync to QBO').click();
    await page.getByText('Syncing 1 cost code to QuickBooks.').waitFor();
    await page.getByRole('button', { name: 'Json Script' }).first().click();
    await page.getByRole('heading', { name: 'Linarc record' }).waitFor();
    await page.goBack();
    await button(page, 'Select All').click();
    expect(await selected(page)).to.match(/^\d+ selected of/);
    await web.idle();
  });

  for (const scheme of ['light', 'dark'] as const) {
    it(`has no axe violation, ${scheme}, with a sheet open and at 320 px too`, async () => {
      const page = await opened('/cost-codes', { colorScheme: scheme });
      expect(await axeFaults(page)).to.deep.equal([]);
      await page.getByRole('button', { name: 'Manual Mapping' }).first().click();
      await page.getByRole('dialog').waitFor();
      expect(await axeFaults(page)).to.deep.equal([]);
      await page.keyboard.press('Escape');
      await page.setViewportSize({ width: 320, height: 640 });
      expect(await axeFaults(page)).to.deep.equal([]);
      expect(await page.evaluate('document.documentElement.scrollWidth'), 'nothing sticks out').to.equal(320);
    });
  }
});
