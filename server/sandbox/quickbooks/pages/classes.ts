import type { Company } from '../company.ts';
import { ServiceFault } from '../faults.ts';
import type { Exchange, Reply } from '../http.ts';
import { fullName } from '../identity.ts';
import type { Person } from '../identity.ts';
import { bareName, fold } from '../namelist.ts';
import type { ListRecord } from '../namelist.ts';
import type { World } from '../world.ts';
import { form, html, page, redirect } from './html.ts';
import type { Html } from './html.ts';

const ROWS = 100;
const DONE: Readonly<Record<string, string>> = {
  add: 'The class was added.', rename: 'The class was renamed.', move: 'The class was moved.',
  inactivate: 'The class was made inactive.',
  reactivate: 'The class is active again.',
};

interface View {
  readonly find: string;
  readonly inactive: boolean;
  readonly first: number;
  readonly id: string | null;
}

/** `/app/class`: the company's classes as a tree. */
export function classesPage(world: World, exchange: Exchange, person: Person, company: Company, wrong?: string): Reply {
  const params = exchange.method === 'POST' ? form(exchange) : exchange.url.searchParams;
  const view: View = {
    find: params.get('find') ?? '', inactive: params.get('inactive') === 'yes',
    first: Math.max(0, Number.parseInt(params.get('first') ?? '0', 10) || 0),
    id: world.switches.classIdLink === 'honoured' ? params.get('id') : null,
  };
  const { rows, total } = findRows(company, view);
  const done = DONE[params.get('done') ?? ''];
  return page(world, {
    title: 'Classes', status: wrong === undefined ? 200 : 422, person, company, companies: world.companiesOf(person), at: 'class',
    body: html`${wrong === undefined ? '' : html`<p class="wrong" role="alert">${wrong}</p>`}
${done && wrong === undefined ? html`<p class="notice" role="status">${done}</p>` : ''}
${company.facts.classTracking === 'off' ? html`<p class="notice">Class tracking is off: classes do not show in forms.</p>` : ''}
<form class="field" method="get" action="/app/class">
<input type="hidden" name="company" value="${company.realmId}">
<label for="find">Find</label> <input id="find" name="find" type="search" value="${view.find}">
<label><input type="checkbox" name="inactive" value="yes"${view.inactive ? html` checked` : ''}> Include inactive</label>
<button>Find</button>
</form>
<details class="card"><summary>New class</summary>${addForm(company, view)}</details>
<p class="quiet">${extent(view, rows.length, total)}</p>
<ul class="tree">${rows.map((record) => row(company, record, view))}</ul>
${pager(company, view, total)}`,
  });
}

function extent(view: View, shown: number, total: number): string {
  const say = (count: number): string => count.toLocaleString('en-US');
  const all = `${say(total)} ${total === 1 ? 'class' : 'classes'}`;
  return total > ROWS ? `${all}, ${say(view.first + 1)} to ${say(view.first + shown)} shown` : all;
}

function findRows(company: Company, view: View): { rows: ListRecord[]; total: number } {
  const { classes } = company;
  const linked = view.id === null ? undefined : classes.find(view.id);
  if (linked) return { rows: [linked], total: 1 };
  const entries = classes.ordered('Tree', !view.inactive).entries();
  const wanted = fold(view.find.trim());
  const found = wanted === '' ? entries : entries.filter((entry) => fold(entry.record.fqn).includes(wanted));
  return { rows: found.slice(view.first, view.first + ROWS).map((entry) => entry.record), total: found.length };
}

/** What brings a form back to the page it was sent from. */
function place(company: Company, view: View): Html {
  const fields = { company: company.realmId, find: view.find, first: view.first, ...(view.inactive ? { inactive: 'yes' } : {}) };
  return html`${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;
}

function addForm(company: Company, view: View): Html {
  return html`<form method="post" action="/app/class/add">${place(company, view)}
<div class="field"><label for="new-name">Name</label> <input id="new-name" name="name" required></div>
<div class="field"><label for="new-parent">Sub-class of</label>
<input id="new-parent" name="parent" placeholder="full name, empty for none"></div>
<button>Add class</button></form>`;
}

function row(company: Company, record: ListRecord, view: View): Html {
  const { id, name, depth, active, parent } = record;
  const hidden = html`${place(company, view)}<input type="hidden" name="id" value="${id}">`;
  const shown = view.find.trim() === '' && view.id === null ? name : record.fqn;
  return html`<li class="d${depth}"><details${view.id === id ? html` open` : ''}><summary>${
    active ? shown : html`<span class="off">${shown}</span> <small>inactive</small>`}</summary>
<p class="quiet">Id ${id} · SyncToken ${record.syncToken} · ${record.fqn}</p>
${active ? html`<form class="field" method="post" action="/app/class/rename">${hidden}
<label for="n${id}">Name</label> <input id="n${id}" name="name" value="${name}" required> <button>Rename</button></form>
<form class="field" method="post" action="/app/class/move">${hidden}
<label for="m${id}">Sub-class of</label>
<input id="m${id}" name="parent" value="${parent?.fqn ?? ''}" placeholder="full name, empty for none">
<button>Move</button></form>
<form class="field" method="post" action="/app/class/merge">${hidden}
<label for="g${id}">Merge into</label> <input id="g${id}" name="into" placeholder="full name" required> <button>Merge</button></form>
<form class="field" method="post" action="/app/class/inactivate">${hidden}<button>Make inactive</button></form>`
    : html`<form class="field" method="post" action="/app/class/reactivate">${hidden}<button>Make active</button></form>`}
</details></li>`;
}

function pager(company: Company, view: View, total: number): Html | string {
  if (total <= ROWS) return '';
  const link = (first: number, label: string): Html => {
    const params = new URLSearchParams(
      { company: company.realmId, first: String(first), ...(view.find ? { find: view.find } : {}),
      ...(view.inactive ? { inactive: 'yes' } : {}) });
    return html`<a class="button" href="/app/class?${params.toString()}">${label}</a>`;
  };
  return html`<p class="actions">${view.first > 0 ? link(Math.max(0, view.first - ROWS), 'Previous') : ''}
${view.first + ROWS < total ? link(view.first + ROWS, 'Next') : ''}</p>`;
}

/** `POST /app/class/{add, rename, move, merge, inactivate, reactivate}`: what a person does in QuickBooks' own list. */
export function changeClass(world: World, exchange: Exchange, person: Person, company: Company, verb: string): Reply {
  const fields = form(exchange);
  const wrong = verb === 'add' ? add(world, person, company, fields) : amend(world, person, company, fields, verb);
  if (wrong !== undefined) return classesPage(world, exchange, person, company, wrong);
  const kept = new URLSearchParams({ company: company.realmId, done: verb });
  for (const name of ['find', 'first', 'inactive']) if (fields.get(name)) kept.set(name, fields.get(name) ?? '');
  return redirect(`/app/class?${kept.toString()}`);
}

/** The class a person named as parent; null for none; a sentence when there is no such class. */
function readParent(company: Company, text: string): { id: string } | null | string {
  if (text.trim() === '') return null;
  const named = [...company.classes.fullyNamed(text.trim())].find((record) => record.active);
  return named ?? `There is no active class "${text.trim()}". Write the full name, such as "Residential:Kitchens".`;
}

function add(world: World, person: Person, company: Company, fields: URLSearchParams): string | undefined {
  const parent = readParent(company, fields.get('parent') ?? '');
  if (typeof parent === 'string') return parent;
  const writing = company.writing('Class', world.switches, fullName(person), world.clock.wall());
  return sentence(world.as(null, () => company.classes.create({
    name: fields.get('name') ?? '', claimsParent: false, sparse: false, ...(parent ? { parentId: parent.id } : {}),
  }, writing)));
}

function amend(world: World, person: Person, company: Company, fields: URLSearchParams, verb: string): string | undefined {
  const record = company.classes.find(fields.get('id') ?? '');
  if (!record) return 'This class is not there any more. Look for it again.';
  if (verb === 'merge') return merge(world, company, record, fields);
  const parent = verb === 'move' ? readParent(company, fields.get('parent') ?? '') : record.parent;
  if (typeof parent === 'string') return parent;
  const names: Record<string, string> = { rename: fields.get('name') ?? '', reactivate: bareName(record.name) };
  const writing = company.writing('Class', world.switches, fullName(person), world.clock.wall());
  return sentence(world.as(null, () => company.classes.update({
    id: record.id, syncToken: String(record.syncToken), name: names[verb] ?? record.name, parentId: parent?.id ?? null,
    active: verb === 'inactivate' ? false : verb === 'reactivate' ? true : record.active, claimsParent: false, sparse: false,
  }, writing)));
}

function merge(world: World, company: Company, record: ListRecord, fields: URLSearchParams): string | undefined {
  const into = readParent(company, fields.get('into') ?? '');
  if (typeof into === 'string') return into;
  const target = into === null ? undefined : company.classes.find(into.id);
  return target ? sentence(world.as(null, () => company.classes.merge(record, target, { now: world.clock.wall() }))) : 'Name the class to merge into.';
}

function sentence(outcome: ListRecord | ServiceFault | undefined): string | undefined {
  return outcome instanceof ServiceFault ? `${outcome.errors[0]?.message ?? 'Refused'}: ${outcome.errors[0]?.detail ?? ''}`
    : undefined;
}
