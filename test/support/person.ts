import { formsOf, linkOf, wordsOf, type Form } from './forms.ts';

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly html: string;
  /** Its text, tags taken off. */
  readonly words: string;
  readonly headers: Headers;
}

const MOST_REDIRECTS = 20;

/**
 * A person with a browser, without a browser: keeps cookies, follows redirects from server to server, presses buttons of forms with
 * all that is filled in, and sends what a browser sends to prove where a request comes from. Cookies are kept per host name and not
 * per port, as browsers do.
 */
export class Person {
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly #visited: string[] = [];

  get(url: string, headers: Record<string, string> = {}): Promise<Page> {
    return this.#visit(url, { method: 'GET', headers });
  }

  /** Posts a form from a page of the same origin. */
  post(url: string, fields: Iterable<readonly [string, string]> = [], headers: Record<string, string> = {}): Promise<Page> {
    const body = new URLSearchParams([...fields].map(([name, value]): [string, string] => [name, value]));
    return this.#visit(url, { method: 'POST', body, headers: { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin', ...headers } });
  }

  /** Presses the button or follows the link with these words; `changes` are typed into the form first. */
  press(page: Page, words: string, changes: Readonly<Record<string, string>> = {}): Promise<Page> {
    const forms = formsOf(page.html, page.url);
    for (const form of forms) {
      const button = form.buttons.find(({ label }) => label === words);
      if (button) return this.#submit(form, button.name === null ? [] : [[button.name, button.value]], changes);
    }
    const link = linkOf(page.html, words, page.url);
    if (link) return this.get(link);
    const there = forms.flatMap((form) => form.buttons.map(({ label }) => label));
    throw new Error(`${page.url} (${page.status}) has no “${words}”. Buttons: ${there.join(', ') || 'none'}. It says: ${page.words.slice(0, 400)}`);
  }

  /** Every address asked for so far, redirects on the way included. */
  get visited(): readonly string[] {
    return this.#visited;
  }

  cookiesFor(url: string): ReadonlyMap<string, string> {
    return this.#cookies.get(new URL(url).hostname) ?? new Map();
  }

  #submit(form: Form, button: readonly [string, string][], changes: Readonly<Record<string, string>>): Promise<Page> {
    const kept = form.fields.filter(([name]) => !(name in changes));
    const fields = [...kept, ...Object.entries(changes), ...button];
    if (form.method === 'POST') return this.post(form.action, fields);
    const url = new URL(form.action);
    for (const [name, value] of fields) url.searchParams.append(name, value);
    return this.get(url.href);
  }

  async #visit(url: string, request: RequestInit & { headers: Record<string, string> }): Promise<Page> {
    let at = url;
    let ask: RequestInit & { headers: Record<string, string> } = request;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
      this.#visited.push(at);
      const response = await fetch(at, { ...ask, redirect: 'manual', headers: { ...ask.headers, ...this.#cookieHeader(at) } });
      this.#keep(at, response);
      const location = response.headers.get('location');
      if (!location || response.status < 300 || response.status > 399) return pageOf(at, response);
      await response.arrayBuffer();
      at = new URL(location, at).href;
      if (![307, 308].includes(response.status)) ask = { method: 'GET', headers: withoutOrigin(ask.headers) };
    }
    throw new Error(`${url} led through more than ${MOST_REDIRECTS} redirects, last to ${at}`);
  }

  #cookieHeader(url: string): { cookie?: string } {
    const cookies = [...this.cookiesFor(url)].map(([name, value]) => `${name}=${value}`);
    return cookies.length > 0 ? { cookie: cookies.join('; ') } : {};
  }

  #keep(url: string, response: Response): void {
    const { hostname } = new URL(url);
    const jar = this.#cookies.get(hostname) ?? new Map<string, string>();
    this.#cookies.set(hostname, jar);
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (attributes.some(isOver)) jar.delete(name);
      else jar.set(name, value);
    }
  }
}

function withoutOrigin(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !['origin', 'sec-fetch-site', 'content-type'].includes(name)));
}

function isOver(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=');
  if (name.toLowerCase() === 'max-age') return Number(value) <= 0;
  return name.toLowerCase() === 'expires' && Date.parse(value) < Date.now();
}

async function pageOf(url: string, response: Response): Promise<Page> {
  const html = await response.text();
  return { url, status: response.status, html, words: wordsOf(html), headers: response.headers };
}
