import type { RegisteredApp } from '../apps.ts';
import { PLANS, readPlan } from '../company.ts';
import type { ClassTracking, Company } from '../company.ts';
import type { Exchange, Reply } from '../http.ts';
import type { Person } from '../identity.ts';
import { SWITCHES } from '../switches.ts';
import type { SwitchSpec } from '../switches.ts';
import type { World } from '../world.ts';
import { form, html, page, redirect } from './html.ts';
import type { Html } from './html.ts';

/** `/app/apps`: the company's Apps menu, from which an add-on is launched, connected and disconnected (quickbooks.md §7.1). */
export function appsPage(world: World, person: Person, company: Company): Reply {
  const apps = world.listedApps();
  return page(world, {
    title: 'Apps', person, company, companies: world.companiesOf(person), at: 'apps',
    body: apps.length === 0
      ? html`<p class="notice">No app is registered. An app registers itself by POST /sandbox/apps.</p>`
      : html`${apps.map((app) => appCard(world, app, company))}`,
  });
}

function appCard(world: World, app: RegisteredApp, company: Company): Html {
  const connected = world.grants.isConnected(app.clientId, company.realmId);
  return html`<section class="card" aria-label="${app.name}">
<h2>${app.name}</h2>
<p>${app.tagline}</p>
<p class="quiet">${connected ? `Connected to ${company.facts.name}` : `Not connected to ${company.facts.name}`}</p>
<div class="actions"><a class="button${connected ? ' main' : ''}" href="${launchAddress(world, app, company)}">Launch</a>
${connected ? disconnectForm(app, company) : connectLink(world, app, company)}</div>
</section>`;
}

function launchAddress(world: World, app: RegisteredApp, company: Company): string {
  return world.switches.realmIdOnLaunch === 'yes' ? withRealm(app.launchUrl, company) : app.launchUrl;
}

function disconnectForm(app: RegisteredApp, company: Company): Html {
  return html`<form method="post" action="/app/disconnect"><input type="hidden" name="company" value="${company.realmId}">
<input type="hidden" name="app" value="${app.clientId}"><button>Disconnect</button></form>`;
}

function connectLink(world: World, app: RegisteredApp, company: Company): Html {
  const address = world.switches.realmIdOnConnectRequest === 'yes' ? withRealm(app.connectUrl, company) : app.connectUrl;
  return html`<a class="button main" href="${address}">Get app now</a>`;
}

function withRealm(address: string, company: Company): string {
  const url = new URL(address);
  url.searchParams.set('realmId', company.realmId);
  return url.href;
}

/** Revokes first, then opens the app's Disconnect address (quickbooks.md §7.1). */
export function disconnect(world: World, exchange: Exchange, company: Company): Reply {
  const app = world.apps.get(form(exchange).get('app') ?? '');
  if (!app) return redirect(`/app/apps?company=${company.realmId}`);
  world.grants.revokeConnection(app.clientId, company.realmId);
  return redirect(withRealm(app.disconnectUrl, company));
}

const TRACKING: readonly [ClassTracking, string][] =
  [['off', 'Off'], ['transaction', 'One to entire transaction'], ['row', 'One to each row']];

/** `/app/settings`: plan, class tracking, and the table of switches. */
export function settingsPage(world: World, person: Person, company: Company, notice?: string): Reply {
  const { facts } = company;
  return page(world, {
    title: 'Settings', person, company, companies: world.companiesOf(person), at: 'settings',
    body: html`${notice ? html`<p class="notice" role="status">${notice}</p>` : ''}
<div class="card"><h2>${facts.name}</h2><p class="quiet">Realm ${facts.realmId}</p>
<form method="post" action="/app/settings"><input type="hidden" name="company" value="${company.realmId}">
<div class="field"><label for="plan">Plan</label> <select id="plan" name="plan">${PLANS.map((plan) =>
  html`<option${plan === facts.plan ? html` selected` : ''}>${plan}</option>`)}</select></div>
<div class="field"><label for="tracking">Track classes</label>
<select id="tracking" name="tracking">${TRACKING.map(([value, label]) =>
  html`<option value="${value}"${value === facts.classTracking ? html` selected` : ''}>${label}</option>`)}</select></div>
<button class="main">Save</button></form>
<p class="quiet">Classes come with Plus and Advanced. ${company.classes.activeCount} active classes and ${
  company.departments.activeCount} active locations; Plus has room for 40 together.</p></div>
<h2>Behaviours of this sandbox</h2>
<p class="quiet">Set by PATCH /sandbox/switches. What nobody has recorded of QuickBooks can be set either way.</p>
<div class="scroll" role="region" aria-label="Switches" tabindex="0"><table>
<thead><tr>${['Switch', 'Now', 'Can be', 'What it decides'].map((label) => html`<th scope="col">${label}</th>`)}</tr></thead>
<tbody>${Object.entries<SwitchSpec>(SWITCHES).map(([name, spec]) => html`<tr><th scope="row">${name}</th><td>${
  world.switches[name as keyof typeof SWITCHES]}</td><td>${'values' in spec ? spec.values.join(', ')
    : `${spec.min} to ${spec.max}`}</td><td>${
  spec.about}. <small>${spec.reason}</small></td></tr>`)}</tbody></table></div>`,
  });
}

export function saveSettings(world: World, exchange: Exchange, person: Person, company: Company): Reply {
  const fields = form(exchange);
  const plan = readPlan(fields.get('plan') ?? '') ?? company.facts.plan;
  const wanted = TRACKING.find(([value]) => value === fields.get('tracking'))?.[0] ?? company.facts.classTracking;
  const allowed = plan === 'QuickBooks Online Plus' || plan === 'QuickBooks Online Advanced';
  company.amend({
    plan, classTracking: allowed ? wanted : 'off', preferencesSyncToken: company.facts.preferencesSyncToken + 1,
    preferencesUpdated: world.clock.wall(),
  });
  const notice = allowed || wanted === 'off' ? 'Saved.' : 'Saved. Class tracking is off: this plan has no classes.';
  return settingsPage(world, person, company, notice);
}
