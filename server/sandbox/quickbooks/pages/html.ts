import type { RegisteredApp } from '../apps.ts';
import type { Company } from '../company.ts';
import { contentType } from '../http.ts';
import type { Exchange, Reply } from '../http.ts';
import { fullName } from '../identity.ts';
import type { Person } from '../identity.ts';
import type { World } from '../world.ts';

/** Markup that is safe to send. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Piece = Html | string | number | null | undefined | false | readonly Piece[];

/** Builds markup; everything put in is escaped unless it is markup already. */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return new Html(parts.map((part, at) => part + (at < pieces.length ? show(pieces[at]) : '')).join(''));
}

function show(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return '';
  if (piece instanceof Html) return piece.text;
  if (typeof piece === 'object') return piece.map(show).join('');
  const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return String(piece).replace(/[&<>"']/g, (sign) => escapes[sign] ?? sign);
}

export interface PageParts {
  readonly title: string;
  readonly body: Html;
  readonly status?: number;
  readonly person?: Person | undefined;
  readonly company?: Company | undefined;
  readonly companies?: readonly Company[];
  /** Which entry of the left menu is open. */
  readonly at?: string;
}

const MENU = [['apps', 'Apps'], ['class', 'Classes'], ['settings', 'Settings']] as const;
export const STYLE_PATH = '/app/style.css';

/** A whole page of the sandbox, marked as one. */
export function page(world: World, parts: PageParts): Reply {
  const { title, body, status = 200, person, company, companies = [], at } = parts;
  const markup = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · QuickBooks sandbox</title>
<link rel="stylesheet" href="${STYLE_PATH}">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<aside class="mark" aria-label="About this page">QuickBooks sandbox – not QuickBooks</aside>
${person ? header(person, company, companies, at) : ''}
<div class="frame">
${company ? menu(company, at) : ''}
<main id="main" tabindex="-1">
<h1>${title}</h1>
${body}
</main>
</div>
</body>
</html>
`;
  return { status, headers: pageHeaders(world, 'text/html; charset=utf-8'), body: markup.text };
}

function header(person: Person, company: Company | undefined, companies: readonly Company[], at: string | undefined): Html {
  return html`<header>
${company ? html`<form class="switcher" method="get" action="/app/${at ?? 'apps'}">
<label for="company">Company</label>
<select id="company" name="company">${companies.map((each) => html`<option value="${each.realmId}"${
  each === company ? html` selected` : ''}>${each.facts.name}</option>`)}</select>
<button>Switch</button>
</form>` : html`<span></span>`}
<form class="who" method="post" action="/app/signout"><span>${fullName(person)}</span> <button>Sign out</button></form>
</header>`;
}

function menu(company: Company, at: string | undefined): Html {
  return html`<nav aria-label="Company"><ul>${MENU.map(([key, label]) => {
    const current = key === at ? html` aria-current="page"` : '';
    return html`<li><a href="/app/${key}?company=${company.realmId}"${current}>${label}</a></li>`;
  })}</ul></nav>`;
}

/** Forms may lead on to the registered apps: a browser applies form-action to the redirects after a form, too. */
function pageHeaders(world: World, type: string): Record<string, string> {
  const origins = new Set([...world.apps.values()].flatMap(appOrigins));
  return {
    'Content-Type': type,
    'Content-Security-Policy': `default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; `
      + `form-action ${["'self'", ...origins].join(' ')}`,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
  };
}

function appOrigins(app: RegisteredApp): string[] {
  return [...app.redirectUris, app.launchUrl, app.connectUrl, app.disconnectUrl].flatMap((text) => URL.parse(text)?.origin ?? []);
}

export function redirect(location: string, headers: Record<string, string> = {}, status = 303): Reply {
  return { status, headers: { Location: location, 'Cache-Control': 'no-store', 'Referrer-Policy': 'same-origin', ...headers },
    body: '' };
}

export function form(exchange: Exchange): URLSearchParams {
  return contentType(exchange.request) === 'application/x-www-form-urlencoded' ? new URLSearchParams(exchange.body)
    : new URLSearchParams();
}

/**
 * Whether a form was sent by a page of another site. Browsers say where a form comes from in one of two headers; a program that
 * says neither is no browser that could be misled.
 */
export function isForeign({ request, origin }: Exchange): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return request.headers.origin !== undefined && request.headers.origin !== origin;
}

export const STYLE = `:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f5f3, #1b1c1f); --sheet: light-dark(#ffffff, #25262a); --ink: light-dark(#23242a, #e9e8e6);
  --quiet: light-dark(#5c5e68, #b0b1b8); --line: light-dark(#d9d7d2, #3d3f46); --press: light-dark(#4a4a9c, #b3b4f5);
  --on-press: light-dark(#ffffff, #1b1c1f); --mark: light-dark(#fff0c2, #57460f); --bad: light-dark(#a3262a, #ff9d9a);
  font: 15px/1.45 system-ui, sans-serif; background: var(--ground); color: var(--ink);
}
* { box-sizing: border-box; }
body { margin: 0; }
.mark { margin: 0; padding: 4px 16px; background: var(--mark); text-align: center; font-weight: 600; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; background: var(--sheet); padding: 4px 8px; }
header { display: flex; flex-wrap: wrap; gap: 8px 24px; justify-content: space-between; padding: 8px 16px;
  background: var(--sheet);
  border-bottom: 1px solid var(--line); }
header form { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.frame { display: flex; flex-wrap: wrap; align-items: flex-start; max-width: 1100px; margin: 0 auto; }
nav { flex: 0 1 160px; padding: 16px 8px; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px; }
nav li { flex: 1 1 100%; }
nav a { display: block; padding: 6px 10px; border-radius: 4px; color: inherit; text-decoration: none; }
nav a[aria-current] { background: var(--sheet); font-weight: 600; border: 1px solid var(--line); }
main { flex: 1 1 300px; min-width: 0; padding: 16px; outline: none; }
h1 { margin: 8px 0 16px; font-size: 22px; } h2 { font-size: 17px; margin: 0 0 4px; }
.card { background: var(--sheet); border: 1px solid var(--line); border-radius: 6px; padding: 16px; margin: 0 0 16px;
  max-width: 640px; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-top: 12px; }
.quiet, small { color: var(--quiet); }
.notice, .wrong { padding: 8px 12px; border: 1px solid var(--line); border-left: 4px solid var(--press);
  background: var(--sheet); }
.wrong { border-left-color: var(--bad); }
a { color: var(--press); }
button, .button { font: inherit; min-height: 32px; padding: 4px 12px; border: 1px solid var(--press); border-radius: 4px;
  background: transparent;
  color: var(--press); cursor: pointer; text-decoration: none; display: inline-flex; align-items: center; }
button.main, .button.main { background: var(--press); color: var(--on-press); }
input, select { font: inherit; min-height: 32px; padding: 4px 8px; border: 1px solid var(--quiet); border-radius: 4px;
  background: var(--sheet);
  color: inherit; max-width: 100%; }
input[type=radio], input[type=checkbox] { min-height: 0; width: 18px; height: 18px; margin: 0; flex: none; }
:focus-visible { outline: 2px solid var(--press); outline-offset: 2px; }
fieldset { border: 0; padding: 0; margin: 0 0 12px; } legend { font-weight: 600; padding: 0; margin-bottom: 8px; }
.choice { display: flex; gap: 10px; align-items: center; padding: 8px 0; border-top: 1px solid var(--line); }
.field { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 8px 0; }
.tree { list-style: none; padding: 0; margin: 16px 0; background: var(--sheet); border: 1px solid var(--line);
  border-radius: 6px; }
.tree > li { border-top: 1px solid var(--line); padding: 4px 12px; }
.tree > li:first-child { border-top: 0; }
.tree summary { cursor: pointer; padding: 4px 0; overflow-wrap: anywhere; }
.tree > .d2 { padding-left: 36px; } .tree > .d3 { padding-left: 60px; } .tree > .d4 { padding-left: 84px; }
.tree > .d5 { padding-left: 108px; }
.off { color: var(--quiet); text-decoration: line-through; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; background: var(--sheet); } th, td { text-align: left; padding: 6px 10px;
  border: 1px solid var(--line);
  vertical-align: top; }
@media (max-width: 640px) { nav { flex: 1 1 100%; padding: 8px 16px 0; } nav li { flex: 0 1 auto; } }
`;
