import { get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { comeIn, importAll, startWeb, type Member, type WebProduct } from './support.ts';

/** What a page weighs on the way to the browser; fetch and supertest hide it. */
describe('On the wire', function () {
  this.timeout(30_000);
  let web: WebProduct;
  let member: Member;

  before(async () => {
    web = await startWeb({ codes: 300 });
    member = await comeIn(web);
    await importAll(web, member);
  });
  after(() => web.close());

  async function sent(path: string, headers: Record<string, string> = {}): Promise<{ encoding: string; body: Buffer; answer: IncomingMessage }> {
    const cookie = [...member.person.cookiesFor(web.url)].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${web.url}${path}`, { headers: { cookie, ...headers } }, resolve).on('error', reject);
    });
    expect(answer.statusCode).to.equal(200);
    return { encoding: answer.headers['content-encoding'] ?? 'none', body: await buffer(answer), answer };
  }

  it('a page of 100 rows is a tenth of itself, and the same', async () => {
    const plain = await sent('/cost-codes');
    expect(plain.encoding).to.equal('none');
    const br = await sent('/cost-codes', { 'accept-encoding': 'gzip, deflate, br' });
    const gzip = await sent('/cost-codes', { 'accept-encoding': 'gzip' });
    expect([br.encoding, gzip.encoding]).to.deep.equal(['br', 'gzip']);
    expect(br.body.length).to.be.below(plain.body.length / 10);
    expect(gzip.body.length).to.be.below(plain.body.length / 10);
    expect(br.answer.headers['vary']).to.match(/Accept-Encoding/i);
    const rows = (html: Buffer) => html.toString().match(/<tr id="r-[\s\S]*<\/tr>/)?.[0];
    expect(rows(brotliDecompressSync(br.body))).to.equal(rows(plain.body)).and.equal(rows(gunzipSync(gzip.body)));
  });

  it('a page another site asks for in words of its own is not made small, so that its size tells nothing', async () => {
    const accept = { 'accept-encoding': 'br' };
    const cases: [site: string, path: string, encoding: string][] = [
      ['cross-site', '/cost-codes?q=guess', 'none'], ['same-site', '/cost-codes?q=guess', 'none'], ['cross-site', '/cost-codes', 'br'],
      ['same-origin', '/cost-codes?q=guess', 'br'], ['none', '/cost-codes?q=guess', 'br'],
    ];
    for (const [site, path, encoding] of cases) {
      expect([site, path, (await sent(path, { ...accept, 'sec-fetch-site': site })).encoding]).to.deep.equal([site, path, encoding]);
    }
  });

  for (const encoding of ['br', 'gzip']) {
    it(`all script of a page is at most 30 kB in ${encoding}`, async () => {
      const { body } = await sent('/cost-codes');
      const scripts = [...body.toString().matchAll(/<script[^>]+src="([^"]+)"/g)].map(([, address = '']) => address);
      expect(scripts).to.have.length.at.least(2);
      const sizes = await Promise.all(scripts.map(async (address) => {
        const script = await sent(address, { 'accept-encoding': encoding });
        expect(script.encoding).to.equal(encoding);
        return script.body.length;
      }));
      expect(sizes.reduce((sum, size) => sum + size)).to.be.below(30_000);
    });
  }
});
