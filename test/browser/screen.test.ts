import { expect } from 'chai';
import type { Locator, Page } from 'playwright-core';
import { saveSettings } from '../../server/sync/settings.ts';
import { visits } from '../support/visits.ts';
import { until } from '../support/waiting.ts';
import { comeIn, control, importAll, startWeb, type Member, type WebProduct } from '../web/support.ts';

const REFUSED = { kind: 'status', status: 400, body: { Fault: { Error: [{ Message: 'Invalid', Detail: 'A name cannot contain this', code: '2040', element: 'Name' }], type: 'ValidationFault' } } };

/** What the bookkeeper does all day, in a browser; each test with codes of its own. */
describe('The bookkeeper’s day in a browser', function () {
  this.timeout(60_000);
  let web: WebProduct;
  let member: Member;
  let page: Page;
  const linarcIds = new Map<string, string>();
  const opened = visits({ of: () => ({ web, member }), path: '/cost-codes', options: { locale: 'en-US', timezoneId: 'America/Denver' } });

  before(async () => {
    web = await startWeb({ codes: 0 });
    member = await comeIn(web);
    const divisions = [['01', 'General'], ['02', 'Site'], ['03', 'Concrete']] as const;
    for (let n = 0; n < 60; n += 1) {
      const [divisionCode, divisionName] = divisions[n % 3] ?? ['', ''];
      await add(`${divisionCode} ${String(n).padStart(2, '0')}`, `Work ${n}`, { divisionCode, divisionName });
    }
    await importAll(web, member);
  });
  beforeEach(async () => {
    page = await opened();
  });
  after(() => web?.close());

  async function add(costCode: string, costCodeName: string, more: object = {}): Promise<void> {
    const { id } = await control<{ id: string }>(web.linarcUrl, 'POST', '/sandbox/cost-codes', { costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active', ...more });
    linarcIds.set(costCode, id);
  }
  const change = (costCode: string, more: object) => control(web.linarcUrl, 'PATCH', `/sandbox/cost-codes/${linarcIds.get(costCode)}`, more);
  const go = (path: string) => page.goto(`${web.url}${path}`);
  const row = (code: string, on = page): Locator => on.locator('#rows > tbody > tr').filter({ has: on.locator('.c-code', { hasText: new RegExp(`^${code}$`) }) });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const sheet = () => page.getByRole('dialog');
  const selected = () => page.locator('#selected-words').innerText();
  const classOf = async (name: string) => {
    const realm = await web.world.companies.realmId(member.company);
    const all = await control<{ Name: string; Active: boolean }[]>(web.quickbooksUrl, 'GET', `/sandbox/companies/${realm}/classes`);
    return all.find(({ Name }) => Name === name);
  };
  const sync = async (code: string) => {
    await row(code).locator('.serial').click();
    await button('Sync to QBO').click();
    await row(code).getByText('Synced', { exact: true }).waitFor();
  };
  const active = () => page.evaluate('document.activeElement.closest("tr")?.querySelector(".c-code")?.textContent ?? document.activeElement.id') as Promise<string>;

  it('is led through the yes that making a class inactive takes, and keeps its selection until then', async () => {
    await sync('01 00');
    const company = await web.world.companies.get(member.company);
    await saveSettings(web.world, member.company, { kind: 'person', userId: 'u', name: 'Mara' }, company?.settingsVersion ?? 0, { inactivate: true });
    await change('01 00', { status: 'inactive' });
    await importAll(web, member);
    await go('/cost-codes');
    await row('01 00').locator('.serial').click();
    await button('Sync to QBO').click();
    await sheet().getByText('Nothing was sent yet').waitFor();
    expect(new URL(page.url()).pathname).to.equal('/cost-codes');
    expect(await selected()).to.match(/^1 selected/);

    await sheet().getByRole('button', { name: 'Sync these to QuickBooks' }).click();
    await page.getByText('Sync finished: 1 left out, no yes given of 1 cost code.').waitFor();
    expect((await classOf('01 00 Work 0'))?.Active).to.equal(true);

    await row('01 00').locator('.serial').click();
    await button('Sync to QBO').click();
    await sheet().getByRole('checkbox', { name: /Make 1 class inactive/ }).check();
    await sheet().getByRole('button', { name: 'Sync these to QuickBooks' }).click();
    await page.getByText('Sync finished: 1 updated of 1 cost code.').waitFor();
    expect((await classOf('01 00 Work 0 (deleted)'))?.Active).to.equal(false);
  });

  it('retries all codes of one cause, read from Linarc again, without leaving the list', async () => {
    await control(web.quickbooksUrl, 'POST', '/sandbox/faults', { match: { operation: 'batch' }, fault: REFUSED, times: 1 });
    await row('02 01').locator('.serial').click();
    await row('02 04').locator('.serial').click({ modifiers: ['Control'] });
    await button('Sync to QBO').click();
    await button('Retry all: Character refused').waitFor();
    await control(web.quickbooksUrl, 'DELETE', '/sandbox/faults');
    await change('02 04', { costCodeName: 'Mended' });
    await button('Retry all: Character refused').click();
    for (const code of ['02 01', '02 04']) await row(code).getByText('Synced', { exact: true }).waitFor();
    expect(await row('02 04').locator('.c-name span').innerText()).to.equal('Mended');
    expect(await classOf('02 04 Mended')).to.not.equal(undefined);
  });

  it('shows a reason on hover, on focus and by tap, until Escape', async () => {
    await control(web.quickbooksUrl, 'POST', '/sandbox/faults', { match: { operation: 'batch' }, fault: REFUSED, times: 1 });
    await row('03 02').locator('.serial').click();
    await button('Sync to QBO').click();
    await page.getByText('Sync finished: 1 failed of 1 cost code.').waitFor();
    const failed = row('03 02').getByRole('button', { name: 'Failed' });
    const card = page.locator('.card:popover-open');
    await failed.hover();
    await card.getByText('QuickBooks does not accept a character').waitFor();
    await card.hover();
    await page.keyboard.press('Escape');
    await card.waitFor({ state: 'detached' });
    await page.mouse.move(0, 0);
    await failed.focus();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Tab');
    await card.waitFor();
    expect(await card.getByText('A name cannot contain this').count(), 'QuickBooks’ own words are folded away').to.equal(1);
    await page.keyboard.press('Escape');
    await row('03 02').getByRole('button', { name: /^Reason for/ }).click();
    await card.waitFor();
  });

  it('decides about what was changed in QuickBooks from the filter of its own', async () => {
    await sync('01 03');
    await renameInQuickBooks('01 03 Work 3', '01 03 Renamed there');
    await row('01 03').getByRole('button', { name: 'Manual Mapping' }).click();
    await sheet().getByRole('button', { name: 'Refresh from QuickBooks' }).click();
    await sheet().getByText(/^Read \d+ active classes/).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: /^Changed in QuickBooks 1/ }).click();
    await page.waitForURL(/problem=changed_in_quickbooks/);
    await row('01 03').getByText('QuickBooks has “01 03 Renamed there”').waitFor();
    await row('01 03').locator('.serial').click();
    await page.locator('#selection').getByRole('button', { name: 'Keep QuickBooks’ value' }).click();
    await page.getByText('QuickBooks’ value is kept for 1 cost code.').waitFor();
    await go('/cost-codes?q=01+03');
    await row('01 03').getByText('Synced', { exact: true }).waitFor();
    await row('01 03').getByText('QuickBooks keeps “01 03 Renamed there”').waitFor();
  });

  async function renameInQuickBooks(from: string, to: string): Promise<void> {
    const realm = await web.world.companies.realmId(member.company);
    const all = await control<{ Id: string; SyncToken: string; Name: string }[]>(web.quickbooksUrl, 'GET', `/sandbox/companies/${realm}/classes`);
    const made = all.find(({ Name }) => Name === from);
    const { access_token: token } = await control<{ access_token: string }>(web.quickbooksUrl, 'POST', `/sandbox/companies/${realm}/grant`, { clientId: 'web-tests' });
    const answer = await fetch(`${web.quickbooksUrl}/v3/company/${realm}/class?minorversion=75`, {
      method: 'POST', headers: { authorization: `Bearer ${token}`, accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ Id: made?.Id, SyncToken: made?.SyncToken, Name: to, Active: true }),
    });
    expect(answer.status).to.equal(200);
  }

  it('sees at a glance how the divisions stand, filters by one, and keeps the drawing while it filters', async () => {
    const drawing = page.getByRole('list', { name: /^By division/ });
    await drawing.waitFor();
    expect(await drawing.getByRole('link').count()).to.equal(3);
    await page.evaluate('document.querySelector("#glance .columns").dataset.same = "yes"');
    await drawing.getByRole('link', { name: /^02 Site: / }).click();
    await page.waitForURL(/division=02/);
    await page.getByText('20 cost codes of division 02 Site').waitFor();
    expect(await page.locator('#rows > tbody > tr').count()).to.equal(20);
    expect(await page.locator('[data-same=yes]').count()).to.equal(1);
    await page.locator('#filters [name=division]').selectOption('');
    await page.waitForURL((url) => !url.search.includes('division'));
  });

  it('draws the last runs anew when a run has ended', async () => {
    await page.locator('#glance .glance-part').first().waitFor();
    const before = await page.locator('#glance .fill-run').count();
    await sync('03 05');
    await until('another run in the drawing', async () => (await page.locator('#glance .fill-run').count()) > before);
  });

  it('saves what it sees under a name, opens it elsewhere, renames and deletes it', async () => {
    await go('/cost-codes?status=needs_sync&sort=name');
    await button('Saved views: Views').click();
    await page.getByLabel('Save what you see as').fill('Open ones');
    await page.keyboard.press('Enter');
    await page.getByText('Saved as “Open ones”.').waitFor();
    const other = await opened();
    await other.getByRole('button', { name: /^Saved views/ }).click();
    await other.getByRole('link', { name: 'Open ones' }).click();
    await other.waitForURL(/status=needs_sync&sort=name/);
    await other.getByRole('button', { name: 'Saved views: Open ones' }).click();
    await other.getByRole('button', { name: 'Rename or delete' }).click();
    const dialog = other.getByRole('dialog');
    await dialog.getByLabel('Name of the view Open ones').fill('Still open');
    await dialog.getByRole('button', { name: 'Rename Open ones' }).click();
    await other.getByText('Renamed to “Still open”.').waitFor();
    await other.getByRole('button', { name: 'Saved views: Still open' }).click();
    await other.getByRole('button', { name: 'Rename or delete' }).click();
    await dialog.getByRole('button', { name: 'Delete Still open' }).click();
    await other.getByText('The view is deleted.').waitFor();
  });

  describe('by the keyboard alone', () => {
    beforeEach(async () => {
      await page.locator('#glance .glance-part').first().waitFor();
      await page.locator('#rows > tbody > tr:first-child .serial').first().focus();
    });

    it('moves by arrows, pages, Home and End', async () => {
      const codes = await page.locator('#rows tbody .c-code').allTextContents();
      for (const [key, at] of [['ArrowDown', 1], ['PageDown', 11], ['PageUp', 1], ['ArrowUp', 0], ['End', codes.length - 1], ['Home', 0]] as const) {
        await page.keyboard.press(key);
        expect(await active(), key).to.equal(codes[at]);
      }
    });

    it('selects by Space and Shift, the page and then all by Ctrl+A, nothing by Escape, and says the count', async () => {
      await page.keyboard.press('Space');
      await page.keyboard.press('Shift+ArrowDown');
      await page.keyboard.press('Shift+ArrowDown');
      expect(await selected()).to.match(/^3 selected of /);
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Shift+Space');
      expect(await selected()).to.match(/^5 selected of /);
      await page.keyboard.press('Control+a');
      const [, total] = /of (\d+)/.exec(await selected()) ?? [];
      expect(await selected()).to.match(new RegExp(`^${total} selected of`));
      expect(await page.locator('#scope').inputValue()).to.equal('ids');
      await page.keyboard.press('Control+a');
      expect(await page.locator('#scope').inputValue()).to.equal('matching');
      expect(await page.locator('#say').innerText()).to.match(/selected of/);
      await page.keyboard.press('Escape');
      expect(await selected()).to.match(/^None selected/);
    });

    it('opens the sheets of a row, the preview and the list of keys, and comes back to the row', async () => {
      for (const [key, title] of [['Enter', 'Change History'], ['m', 'Manual Mapping'], ['?', 'Keyboard']] as const) {
        await page.keyboard.press(key);
        await sheet().getByRole('heading', { name: title, exact: true }).waitFor();
        await page.keyboard.press('Escape');
        await sheet().waitFor({ state: 'hidden' });
        await page.locator('#rows > tbody > tr:first-child .serial').first().focus();
      }
      await page.keyboard.press('Space');
      await page.keyboard.press('p');
      await sheet().getByRole('heading', { name: 'Preview' }).waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.press('/');
      expect(await active()).to.equal('q');
      await page.keyboard.type('Work 7');
      await page.waitForURL(/q=Work\+7/);
      expect(await active(), 'the focus stays while it is searched').to.equal('q');
      expect(await page.getByRole('searchbox').first().inputValue()).to.equal('Work 7');
    });
  });

  describe('while a sync goes on', () => {
    /** Makes the next batch last, so that a run can be watched. */
    const slowly = (ms: number) => control(web.quickbooksUrl, 'POST', '/sandbox/faults', { match: { operation: 'batch' }, fault: { kind: 'delay', ms }, times: 1 });
    afterEach(() => control(web.quickbooksUrl, 'DELETE', '/sandbox/faults'));

    it('is seen in a second browser, which may pause, resume and cancel it', async () => {
      const other = await opened();
      await slowly(4_000);
      await row('01 06').locator('.serial').click();
      await button('Sync to QBO').click();
      await page.getByRole('region', { name: 'Running sync' }).waitFor();
      await other.evaluate('window.dispatchEvent(new Event("focus"))');
      const strip = other.getByRole('region', { name: 'Running sync' });
      await strip.getByText('by Mara Keller').waitFor();
      await strip.getByRole('button', { name: 'Pause' }).click();
      await strip.getByText('Paused').waitFor();
      await page.getByRole('region', { name: 'Running sync' }).getByText('Paused').waitFor();
      await strip.getByRole('button', { name: 'Resume' }).click();
      await row('01 06', other).getByText('Synced', { exact: true }).waitFor();
      await row('01 06').getByText('Synced', { exact: true }).waitFor();
    });

    it('leaves nothing in the header when a filter is clicked just as it ends', async () => {
      await slowly(3_000);
      await row('02 07').locator('.serial').click();
      await button('Sync to QBO').click();
      const header = page.locator('#activity');
      await header.getByText(/Syncing/).waitFor();
      // The page hears nothing of the end but by the filter.
      await page.route('**/cost-codes/live*', () => {});
      await web.idle();
      await page.locator('#chips').getByRole('link', { name: /^Synced/ }).click();
      await page.waitForURL(/status=synced/);
      await row('02 07').waitFor();
      expect(await header.innerText()).to.equal('');
    });

    it('is told of no more than four times a second', async () => {
      const asked: number[] = [];
      page.on('request', (request) => {
        if (request.url().includes('/cost-codes/live')) asked.push(Date.now());
      });
      await slowly(3_000);
      await row('03 08').locator('.serial').click();
      await button('Sync to QBO').click();
      await row('03 08').getByText('Synced', { exact: true }).waitFor();
      for (const [n, at] of asked.entries()) expect((asked[n + 4] ?? Infinity) - at).to.be.greaterThan(999);
      expect(asked.length).to.be.greaterThan(1);
    });
  });
});
