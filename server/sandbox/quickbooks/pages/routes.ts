import type { Company } from '../company.ts';
import type { Exchange, Reply } from '../http.ts';
import type { Person } from '../identity.ts';
import type { World } from '../world.ts';
import { changeClass, classesPage } from './classes.ts';
import { answerAuthorize, safeNext, signInPage } from './consent.ts';
import { appsPage, disconnect, saveSettings, settingsPage } from './host.ts';
import { form, html, isForeign, page, redirect, STYLE, STYLE_PATH } from './html.ts';

/** Cookies of localhost are shared by all its ports: this name is the sandbox's alone. */
const COOKIE = 'qbo_sandbox';
const TWELVE_HOURS = 43_200;

/** Answers everything a person opens in a browser. */
export function answerPage(world: World, exchange: Exchange): Reply {
  const { method, path } = exchange;
  if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') {
    return { status: 405, headers: { Allow: 'GET, HEAD, POST' }, body: '' };
  }
  if (path === STYLE_PATH) {
    return { status: 200, headers: { 'Content-Type': 'text/css; charset=utf-8', 'Cache-Control': 'max-age=60' }, body: STYLE };
  }
  if (method === 'POST' && isForeign(exchange)) return forbidden(world);
  const person = world.readCookie(readCookie(exchange));
  if (path === '/connect/oauth2') return answerAuthorize(world, exchange, person);
  if (path === '/app/signin') return signIn(world, exchange);
  if (path === '/app/signout' && method === 'POST') {
    return redirect('/app/signin', { 'Set-Cookie': `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax` });
  }
  if (path === '/login' || path === '/app/login' || path === '/app/switchCompany') return deepLink(world, exchange);
  if (!isCompanyPage(path)) return notFound(world, person);
  if (!person) return method === 'POST' ? redirect('/app/signin') : signInPage(world, path + exchange.url.search);
  return companyPage(world, exchange, person);
}

const COMPANY_PAGES = new Set(['/', '/app', '/app/homepage', '/app/apps', '/app/class', '/app/settings']);
const COMPANY_FORMS = /^\/app\/(disconnect|settings|class\/(add|rename|move|merge|inactivate|reactivate))$/;

function isCompanyPage(path: string): boolean {
  return COMPANY_PAGES.has(path) || COMPANY_FORMS.test(path);
}

function companyPage(world: World, exchange: Exchange, person: Person): Reply {
  const { method, path } = exchange;
  const companies = world.companiesOf(person);
  const asked = (method === 'POST' ? form(exchange) : exchange.url.searchParams).get('company');
  const company = asked === null ? companies[0] : companies.find((each) => each.realmId === asked);
  if (!company) return notFound(world, person, 'You have no such company.');
  if (method === 'POST') {
    return COMPANY_FORMS.test(path) ? companyForm(world, exchange, person, company) : notFound(world, person);
  }
  if (path === '/app/class') return classesPage(world, exchange, person, company);
  if (path === '/app/settings') return settingsPage(world, person, company);
  if (!COMPANY_PAGES.has(path)) return redirect(`/app/apps?company=${company.realmId}`);
  return appsPage(world, person, company);
}

function companyForm(world: World, exchange: Exchange, person: Person, company: Company): Reply {
  const { path } = exchange;
  if (path === '/app/disconnect') return disconnect(world, exchange, company);
  if (path === '/app/settings') return saveSettings(world, exchange, person, company);
  return changeClass(world, exchange, person, company, path.slice('/app/class/'.length));
}

function signIn(world: World, exchange: Exchange): Reply {
  if (exchange.method !== 'POST') return signInPage(world, safeNext(exchange.url.searchParams.get('continue')));
  const fields = form(exchange);
  const person = world.person(fields.get('person') ?? '');
  const next = safeNext(fields.get('continue'));
  if (!person) return signInPage(world, next);
  const cookie = `${COOKIE}=${world.cookieFor(person)}; Path=/; Max-Age=${TWELVE_HOURS}; HttpOnly; SameSite=Lax`;
  return redirect(next, { 'Set-Cookie': cookie });
}

/** `?deeplinkcompanyid=…&pagereq=…` keeps page and company through sign-in (quickbooks.md §8). */
function deepLink(world: World, { url }: Exchange): Reply {
  const realmId = url.searchParams.get('deeplinkcompanyid') ?? url.searchParams.get('companyId') ?? '';
  const wanted = url.searchParams.get('pagereq') ?? 'apps';
  const honoured = ['apps', 'settings', ...(world.switches.pagereqClass === 'honoured' ? ['class'] : [])].includes(wanted);
  return redirect(`/app/${honoured ? wanted : 'apps'}?company=${encodeURIComponent(realmId)}`, {}, 302);
}

function readCookie({ request }: Exchange): string | undefined {
  const cookies = (request.headers.cookie ?? '').split(';').map((each) => each.trim());
  return cookies.find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

function notFound(world: World, person: Person | undefined, sentence = 'There is no such page here.'): Reply {
  return page(world, { title: 'Not found', status: 404, person, body: html`<p>${sentence} <a href="/">Go to the apps</a></p>` });
}

function forbidden(world: World): Reply {
  return page(world, { title: 'Refused', status: 403,
    body: html`<p>This form was sent from another site. Open the page here and send it again.</p>` });
}
