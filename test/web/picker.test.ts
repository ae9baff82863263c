import { expect } from 'chai';
import { wordsOf } from '../support/forms.ts';
import { comeIn, records, startWeb, type Member, type WebProduct } from './support.ts';

const PICKER = '/imports/selected';

describe('Import Selected', () => {
  let web: WebProduct;
  let member: Member;

  before(async () => {
    web = await startWeb();
    member = await comeIn(web);
  });
  after(() => web.close());

  const asked = async (fields: object) => (await member.agent.post(PICKER).type('form').send(fields).expect(200)).text;
  const shown = (html: string) => [...html.matchAll(/name="id" value="([^"]+)" id="[^"]+"( checked)?/g)].map(([, id = '', checked]) => ({ id, checked: checked !== undefined }));
  const kept = (html: string) => [...html.matchAll(/name="kept" value="([^"]+)"/g)].map(([, id]) => id);
  const cursor = (html: string) => /name="cursor" value="([^"]+)"[^>]*>Next/.exec(html)?.[1] ?? '';

  it('takes what was picked from page to page and through a search, and back', async () => {
    const first = (await member.agent.get(PICKER).expect(200)).text;
    const picked = shown(first).slice(3, 5).map(({ id }) => id);
    const second = await asked({ id: picked, cursor: cursor(first) });
    expect(kept(second)).to.deep.equal(picked);
    expect(wordsOf(second)).to.include('2 picked (2 not on this page)');
    const more = shown(second)[0]?.id ?? '';
    const again = await asked({ id: more, kept: picked, cursor: '' });
    expect(shown(again).filter(({ checked }) => checked).map(({ id }) => id)).to.deep.equal(picked);
    expect(kept(again)).to.deep.equal([more]);
    expect(kept(await asked({ id: [], kept: [more], q: 'no such code' })), 'unticked ones are let go').to.deep.equal([more]);
  });

  it('pages through the whole library', async () => {
    const ids = new Set<string>();
    let html = (await member.agent.get(PICKER).expect(200)).text;
    for (let page = 0; page < 20; page += 1) {
      for (const { id } of shown(html)) ids.add(id);
      if (cursor(html) === '') break;
      html = await asked({ cursor: cursor(html) });
    }
    expect(ids.size).to.equal(281);
  });

  it('filters by kind of work, division and status, in Linarc', async () => {
    const words = async (fields: object) => wordsOf((await asked(fields)).split('id="picker-list"')[1]?.split('</ul>')[0] ?? '');
    expect(await words({ type: 'OFFICE' })).to.include('OFFICE · ').and.to.not.match(/FIELD ·|ADMIN ·/);
    expect(await words({ active: 'no' })).to.include('Inactive').and.to.not.match(/· Active/);
    const concrete = await asked({ division: '03' });
    expect(wordsOf(concrete)).to.match(/\d+ cost codes found/);
    expect(concrete).to.match(/<option value="03" selected>03 \w+/);
    expect(wordsOf(await asked({ type: 'NONSENSE' }))).to.include('Linarc');
  });

  it('imports what was picked on every page and nothing else, and ends with a result', async () => {
    const first = (await member.agent.get(PICKER).expect(200)).text;
    const second = await asked({ cursor: cursor(first) });
    const [one, two] = [shown(first)[0]?.id ?? '', shown(second)[1]?.id ?? ''];
    await member.agent.post('/imports').type('form').send({ mode: 'selected', id: two, kept: one, q: 'ignored' }).expect(303);
    await web.idle();
    expect((await records(web, member.company)).map(({ linarcId }) => linarcId).sort()).to.deep.equal([one, two].sort());
    expect(wordsOf((await member.agent.get('/cost-codes')).text)).to.match(/Last import: 2 new · 0 changed · 0 unchanged · \d with problems/);
  });

  it('marks what is staged, which can be picked again and is read anew', async () => {
    const html = (await member.agent.get(PICKER).expect(200)).text;
    expect(wordsOf(html)).to.match(/Staged, Needs (Sync|Action)/);
    const staged = shown(html)[0]?.id ?? '';
    await member.agent.post('/imports').type('form').send({ mode: 'selected', id: staged }).expect(303);
    await web.idle();
    expect(wordsOf((await member.agent.get('/cost-codes')).text)).to.include('Last import: 0 new · 0 changed · 1 unchanged');
  });
});
