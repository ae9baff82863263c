import type { RegisteredApp } from '../apps.ts';
import type { Company } from '../company.ts';
import { DATA_SCOPES, SCOPES } from '../grants.ts';
import type { Exchange, Reply } from '../http.ts';
import { fullName, PEOPLE } from '../identity.ts';
import type { Person } from '../identity.ts';
import type { World } from '../world.ts';
import { form, html, page, redirect } from './html.ts';

/** A well-formed request to authorise (quickbooks.md §1.3). */
interface Authorization {
  readonly app: RegisteredApp;
  readonly redirectUri: string;
  readonly state: string;
  readonly scopes: readonly string[];
  readonly nonce: string | null;
  /** The query it came with, so that a form can bring it back. */
  readonly query: string;
}

const SCOPE_WORDS: Readonly<Record<string, string>> = {
  'com.intuit.quickbooks.accounting': 'See and change the accounting data of the company, its classes included',
  'com.intuit.quickbooks.payment': 'Take payments for the company',
  openid: 'Know who you are',
  profile: 'See your name',
  email: 'See your e-mail address',
  phone: 'See your telephone number',
  address: 'See your address',
};

/** `GET` and `POST /connect/oauth2`: silent for sign-in alone, a consent page with a choice of company for data. */
export function answerAuthorize(world: World, exchange: Exchange, person: Person | undefined): Reply {
  const query = exchange.method === 'POST' ? form(exchange).get('query') ?? '' : exchange.url.search.slice(1);
  const asked = readAuthorization(world, query);
  if ('status' in asked) return asked;
  if (!person) return signInPage(world, `/connect/oauth2?${asked.query}`);
  const needsCompany = asked.scopes.some((scope) => DATA_SCOPES.includes(scope));
  if (!needsCompany) return approve(world, asked, person, null);
  if (exchange.method !== 'POST') return consentPage(world, asked, person, exchange.url.searchParams.get('find') ?? '');
  const fields = form(exchange);
  if (fields.get('decision') !== 'approve') return back(asked, { error: 'access_denied' });
  const company = world.companies.get(fields.get('company') ?? '');
  if (!company?.facts.admins.includes(person.id)) {
    return consentPage(world, asked, person, '',
      'Only an administrator of the company can connect it. Choose a company you administer.');
  }
  return approve(world, asked, person, company);
}

/** Everything wrong with the app or the address stays on this page; only a proven redirect address is ever redirected to. */
function readAuthorization(world: World, query: string): Authorization | Reply {
  const params = new URLSearchParams(query);
  params.delete('find');
  const app = world.apps.get(params.get('client_id') ?? '');
  const redirectUri = params.get('redirect_uri') ?? '';
  const state = params.get('state') ?? '';
  if (!app) return refusal(world, 'The client_id parameter names no registered app.');
  if (!app.redirectUris.includes(redirectUri)) {
    return refusal(world,
      'The redirect_uri parameter is invalid: it must be exactly one of the addresses registered for the app.');
  }
  if (state === '') return refusal(world, 'The state parameter is missing.');
  const scopes = (params.get('scope') ?? '').split(/\s+/).filter((scope) => scope !== '');
  const asked = { app, redirectUri, state, scopes, nonce: params.get('nonce'), query: params.toString() };
  if (params.get('response_type') !== 'code') return back(asked, { error: 'unsupported_response_type' });
  if (scopes.length === 0 || scopes.some((scope) => !(SCOPES as readonly string[]).includes(scope))) {
    return back(asked, { error: 'invalid_scope' });
  }
  return asked;
}

function refusal(world: World, sentence: string): Reply {
  return page(world, {
    title: 'This app cannot be connected', status: 400,
    body: html`<p class="wrong">${sentence}</p><p>The developer of the app has to correct its settings.</p>`,
  });
}

function approve(world: World, asked: Authorization, person: Person, company: Company | null): Reply {
  const code = world.grants.issueCode({
    clientId: asked.app.clientId, redirectUri: asked.redirectUri, scopes: asked.scopes, personId: person.id,
    realmId: company?.realmId ?? null,
    nonce: asked.nonce,
  });
  return back(asked, { code, ...(company ? { realmId: company.realmId } : {}) });
}

function back(asked: Authorization, answer: { code?: string; realmId?: string; error?: string }): Reply {
  const url = new URL(asked.redirectUri);
  const { code, realmId, error } = answer;
  if (code !== undefined) url.searchParams.set('code', code);
  if (error !== undefined) url.searchParams.set('error', error);
  url.searchParams.set('state', asked.state);
  if (realmId !== undefined) url.searchParams.set('realmId', realmId);
  return redirect(url.href, {}, 302);
}

function consentPage(world: World, asked: Authorization, person: Person, find: string, wrong?: string): Reply {
  const companies = world.companiesOf(person);
  const shown = companies.filter((company) => company.facts.name.toLowerCase().includes(find.trim().toLowerCase()));
  const chosen = shown.find((company) => company.facts.admins.includes(person.id));
  const { app, scopes } = asked;
  return page(world, {
    title: `Connect ${app.name}`, status: wrong === undefined ? 200 : 403, person,
    body: html`${wrong === undefined ? '' : html`<p class="wrong" role="alert">${wrong}</p>`}
<div class="card">
<p><strong>${app.name}</strong> asks to:</p>
<ul>${scopes.map((scope) => html`<li>${SCOPE_WORDS[scope] ?? scope}</li>`)}</ul>
<form class="field" method="get" action="/connect/oauth2">
${[...new URLSearchParams(asked.query)].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<label for="find">Find a company</label> <input id="find" name="find" type="search" value="${find}"> <button>Find</button>
</form>
<form method="post" action="/connect/oauth2">
<input type="hidden" name="query" value="${asked.query}">
<fieldset><legend>Which company?</legend>
${shown.map((company) => companyChoice(company, person, company === chosen))}
${shown.length === 0 ? html`<p class="quiet">No company matches.</p>` : ''}
</fieldset>
<div class="actions"><button class="main" name="decision" value="approve">Approve</button>
<button name="decision" value="cancel">Cancel</button></div>
</form>
</div>`,
  });
}

function companyChoice({ realmId, facts }: Company, person: Person, chosen: boolean): ReturnType<typeof html> {
  const admin = facts.admins.includes(person.id);
  const remark = admin ? facts.plan : `${facts.plan} · only an administrator can connect this company`;
  const flags = html`${chosen ? html` checked` : ''}${admin ? '' : html` disabled`}`;
  return html`<div class="choice"><input type="radio" id="c${realmId}" name="company" value="${realmId}"${flags}>
<label for="c${realmId}">${facts.name} <small>${remark}</small></label></div>`;
}

/** People to sign in as, the first already chosen. @param next where to go on to, an address of this sandbox. */
export function signInPage(world: World, next: string): Reply {
  return page(world, {
    title: 'Sign in',
    body: html`<div class="card"><form method="post" action="/app/signin">
<input type="hidden" name="continue" value="${next}">
<fieldset><legend>Who are you?</legend>
${PEOPLE.map((person, at) => html`<div class="choice"><input type="radio" id="p-${person.id}" name="person" value="${person.id}"${
  at === 0 ? html` checked` : ''}>
<label for="p-${person.id}">${fullName(person)} <small>${person.email} · ${roles(world, person)}</small></label></div>`)}
</fieldset>
<button class="main">Sign in</button>
</form></div>`,
  });
}

function roles(world: World, person: Person): string {
  const companies = world.companiesOf(person);
  const admin = companies.filter(({ facts }) => facts.admins.includes(person.id)).length;
  const role = admin > 0 ? `administrator of ${admin} ${admin === 1 ? 'company' : 'companies'}` : 'standard user';
  return person.emailVerified ? role : `${role}, e-mail not verified`;
}

/** An address of this sandbox and nothing else, so that signing in cannot be used to send people elsewhere. */
export function safeNext(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : '/';
}
