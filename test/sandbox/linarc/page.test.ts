import { expect } from 'chai';

import type { CostCode } from '../../../server/sandbox/linarc/records.ts';
import { Linarc, OTHER } from './support.ts';

describe('Linarc sandbox: the library page', () => {
  let linarc: Linarc;

  before(async () => {
    linarc = await Linarc.start();
  });
  beforeEach(() => linarc.reset());
  after(() => linarc.close());

  const page = async (path = '/'): Promise<string> => String((await linarc.call('GET', path)).body);

  type Sent = { status: number; location: string | null; text: string };

  /** Sends a form as a browser without script does. */
  async function send(
    path: string,
    fields: Record<string, string> | URLSearchParams,
    headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' },
  ): Promise<Sent> {
    const body = new URLSearchParams(fields);
    const answer = await fetch(`${linarc.sandbox.url}${path}`, { method: 'POST', body, headers, redirect: 'manual' });
    return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() };
  }

  const unescaped = (text: string): string =>
    text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&');

  /** The fields of the form that posts to `action`, with what the page filled in. */
  function fieldsOf(text: string, action: string): URLSearchParams {
    const form =
      text
        .split('<form')
        .find((part) => unescaped(part).includes(`action="${action}"`))
        ?.split('</form>')[0] ?? '';
    const fields = new URLSearchParams();
    for (const [, name = '', value = ''] of form.matchAll(/<input[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"/g))
      fields.set(name, unescaped(value));
    for (const [, name = '', choices = ''] of form.matchAll(/<select[^>]*? name="([^"]+)"[^>]*>(.*?)<\/select>/gs)) {
      fields.set(name, unescaped(/value="([^"]*)" selected/.exec(choices)?.[1] ?? ''));
    }
    return fields;
  }

  const pathOf = ({ id }: CostCode, step = ''): string => `/cost-codes/${id}${step}?company=lin-hillside`;
  const codesOn = (text: string): string[] => [...text.matchAll(/class="code">([^<]*)</g)].map((match) => match[1] ?? '');

  it('shows the first fifty codes, marked as the sandbox', async () => {
    const text = await page();
    expect(codesOn(text)).to.have.length(50);
    expect(text).to.include('Linarc sandbox').and.include('281 cost codes · page 1 of 6');
  });

  it('leads through the pages to the last code', async () => {
    const codes: string[] = [];
    let next: string | undefined = '/';
    while (next !== undefined) {
      const text: string = await page(next);
      codes.push(...codesOn(text));
      next = unescaped(/href="([^"]+)">Next</.exec(text)?.[1] ?? '') || undefined;
    }
    expect(codes).to.have.length(281);
  });

  it('keeps to the last page when the library has become shorter', async () => {
    expect(await page('/?page=99')).to.include('page 6 of 6');
  });

  it('searches, filters and keeps both in the address of the next page', async () => {
    const text = await page('/?q=extra&category=T%26M&status=active');
    expect(codesOn(text)).to.have.length(9);
    expect(await page('/?q=e&category=FIELD')).to.match(/href="\/\?[^"]*q=e&amp;category=FIELD&amp;page=2"/);
  });

  it('says so when nothing matches, and leads back to all', async () => {
    expect(await page('/?q=nothing+like+it'))
      .to.include('No cost code matches')
      .and.include('Show all 281');
  });

  it('offers to begin when the library is empty', async () => {
    await linarc.reset({ codes: 0 });
    expect(await page()).to.include('The library is empty');
  });

  it('shows the other company', async () => {
    expect(codesOn(await page(`/?company=${OTHER.id}`))).to.have.length(12);
  });

  it('corrects a code by its filled-in form and returns to the list it came from', async () => {
    const record = await linarc.byCode('12 36 00');
    const list = await page('/?q=12+36');
    const edit = unescaped(new RegExp(`href="([^"]*${record.id}[^"]*)"`).exec(list)?.[1] ?? '');
    const fields = fieldsOf(await page(edit), pathOf(record));
    fields.set('costCodeName', 'Stone countertops');
    const { status, location } = await send(pathOf(record), fields);
    expect(status).to.equal(303);
    expect(await page(location ?? ''))
      .to.include('12 36 00 was saved')
      .and.include('value="12 36"');
    const after = await linarc.byCode('12 36 00');
    expect(after).to.deep.equal({ ...record, costCodeName: 'Stone countertops', updatedAt: after.updatedAt });
  });

  it('changes nothing when a form is saved as it was', async () => {
    const record = await linarc.byCode('03 30 00.25');
    await send(pathOf(record), fieldsOf(await page(pathOf(record)), pathOf(record)));
    expect(await linarc.byCode('03 30 00.25')).to.deep.equal(record);
  });

  it('adds a code', async () => {
    const action = '/cost-codes?company=lin-hillside';
    const fields = fieldsOf(await page('/cost-codes/new?company=lin-hillside'), action);
    fields.set('costCode', '34 41 13');
    fields.set('costCodeName', 'Traffic signals');
    fields.set('quantity', '12.5');
    await send(action, fields);
    expect(await linarc.byCode('34 41 13')).to.include({
      costCodeName: 'Traffic signals',
      quantity: 12.5,
      costTypeCategory: 'FIELD',
      color: null,
    });
  });

  it('shows a refused form again, with what was typed and what is wrong', async () => {
    const record = await linarc.byCode('AD-100');
    const fields = fieldsOf(await page(pathOf(record)), pathOf(record));
    fields.set('costCodeName', 'Typed "here"');
    fields.set('quantity', 'many');
    const { status, text } = await send(pathOf(record), fields);
    expect(status).to.equal(422);
    expect(text)
      .to.include('value="Typed &quot;here&quot;"')
      .and.include('value="many"')
      .and.include('Enter a number, or leave it empty.');
    expect(await linarc.byCode('AD-100')).to.deep.equal(record);
  });

  it('deactivates and reactivates from the list', async () => {
    const record = await linarc.byCode('AD-100');
    const back = await send(pathOf(record, '/status'), fieldsOf(await page(), pathOf(record, '/status')));
    expect((await linarc.byCode('AD-100')).status).to.equal('inactive');
    await send(pathOf(record, '/status'), fieldsOf(await page(back.location ?? ''), pathOf(record, '/status')));
    expect((await linarc.byCode('AD-100')).status).to.equal('active');
  });

  it('deletes', async () => {
    const record = await linarc.byCode('AD-100');
    await send(pathOf(record, '/delete'), {});
    expect((await linarc.list({ ids: record.id })).items).to.deep.equal([]);
  });

  it('keeps a locked code as it is until it is unlocked', async () => {
    const record = await linarc.byCode('03 30 00');
    const fields = fieldsOf(await page(pathOf(record)), pathOf(record));
    fields.set('costCodeName', 'Changed');
    const refused = [
      await send(pathOf(record), fields),
      await send(pathOf(record, '/delete'), {}),
      await send(pathOf(record, '/status'), { status: 'inactive' }),
    ];
    expect(refused.map(({ status }) => status)).to.deep.equal([409, 409, 409]);
    expect(await linarc.byCode('03 30 00')).to.deep.equal(record);
    await send(pathOf(record, '/lock'), { locked: 'no' });
    expect((await send(pathOf(record), fields)).status).to.equal(303);
  });

  it('writes what people typed as text, never as markup', async () => {
    const record = await linarc.add({ costCode: '<b>1</b>', costCodeName: '"><script>alert(1)</script>', divisionName: "'&<i>" });
    for (const text of [await page('/?q=script'), await page(pathOf(record))]) {
      expect(text)
        .to.include('&lt;script&gt;')
        .and.not.match(/<script|<b>1|<i>/);
    }
  });

  it('allows neither script nor anything from elsewhere', async () => {
    const { headers, body } = await linarc.call('GET', '/');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).to.include("default-src 'none'").and.not.include('unsafe');
    expect(String(body)).to.not.match(/<script|<style|\sstyle=|\son[a-z]+=/);
  });

  for (const [what, headers] of Object.entries<Record<string, string>>({
    'another site’s page': { 'sec-fetch-site': 'cross-site' },
    'another port of this machine': { origin: 'http://127.0.0.1:1' },
    'no page at all': {},
  })) {
    it(`takes no form from ${what}`, async () => {
      const record = await linarc.byCode('AD-100');
      expect((await send(pathOf(record, '/delete'), {}, headers)).status).to.equal(403);
      expect(await linarc.byCode('AD-100')).to.deep.equal(record);
    });
  }

  it('takes a form from an older browser that names only the origin', async () => {
    const record = await linarc.byCode('AD-100');
    expect((await send(pathOf(record, '/delete'), {}, { origin: linarc.sandbox.url })).status).to.equal(303);
  });

  it('never leads to another site after a form', async () => {
    const record = await linarc.byCode('AD-100');
    const { location } = await send(pathOf(record, '/status'), { status: 'inactive', back: '//example.com/?' });
    expect(location).to.match(/^\/\?company=lin-hillside/);
  });

  for (const path of [
    '/nothing',
    '/cost-codes/cc_none?company=lin-hillside',
    '/cost-codes/new',
    '/cost-codes/new?company=lin-nobody',
  ]) {
    it(`shows a page that leads back at ${path}`, async () => {
      const { status, body } = await linarc.call('GET', path);
      expect(status).to.equal(404);
      expect(String(body)).to.include('To the library');
    });
  }
});
