import type { Company } from './companies.ts';
import { html } from './html.ts';
import type { Markup } from './html.ts';
import { CATEGORIES } from './records.ts';
import type { CostCode } from './records.ts';

/** What the list is narrowed to. It lives in the address, so that Back and a saved link show the same. */
export type ListFilter = {
  readonly company: string;
  readonly q: string;
  readonly status: string;
  readonly category: string;
  readonly page: number;
};

export type Notice = { readonly text: string; readonly bad?: boolean };

export type FormValues = Readonly<Record<string, string>>;

const ROWS_PER_PAGE = 50;

/** The address of a list. */
export function listAddress(filter: Partial<ListFilter>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== '' && !(name === 'page' && value === 1)) query.set(name, String(value));
  }
  return `/?${query.toString()}`;
}

const codeAddress = (company: Company, record: CostCode, step = ''): string =>
  `/cost-codes/${encodeURIComponent(record.id)}${step}?company=${encodeURIComponent(company.id)}`;

/** The address of a code's page from which Save and Cancel lead back to this list. */
const editAddress = (company: Company, record: CostCode, filter: ListFilter): string =>
  `${codeAddress(company, record)}&back=${encodeURIComponent(listAddress(filter))}`;

const backField = (back: string): Markup => html`<input type="hidden" name="back" value="${back}">`;

type Frame = {
  readonly companies: readonly Company[];
  readonly company: Company | null;
  readonly title: string;
  readonly notice?: Notice | null;
};

function page({ companies, company, title, notice }: Frame, body: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Linarc sandbox</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="bar">
<strong>Cost code library</strong> <span class="badge">Linarc sandbox</span>
<nav aria-label="Companies">
${companies.map((each) => companyLink(each, each === company))}
</nav>
</header>
<main id="content">
${notice ? html`<p class="notice${notice.bad ? ' bad' : ''}" role="${notice.bad ? 'alert' : 'status'}">${notice.text}</p>` : null}
${body}
</main>
</body>
</html>`.text;
}

const companyLink = (company: Company, chosen: boolean): Markup => html`
<a href="${listAddress({ company: company.id })}"${chosen ? html` aria-current="true"` : null}>${company.name}</a>`;

const options = (choices: Choices, chosen: string): Markup[] =>
  choices.map(([value, label]) => html`<option value="${value}"${value === chosen ? html` selected` : null}>${label}</option>`);

const STATUSES = [
  ['active', 'Active'],
  ['inactive', 'Inactive'],
] as const;
const CATEGORY_CHOICES = CATEGORIES.map((category) => [category, category] as const);

type Choices = readonly (readonly [value: string, label: string])[];

const anyOf = (choices: Choices): Choices => [['', 'All'], ...choices];
const oneOf = (...values: readonly string[]): Choices => [['', 'Not set'], ...values.map((value) => [value, value] as const)];

export type ListParts = {
  readonly companies: readonly Company[];
  readonly company: Company;
  readonly filter: ListFilter;
  readonly notice: Notice | null;
};

/** The library of a company: search, filter, page through it, and what can be done with each code. */
export function listPage({ companies, company, filter, notice }: ListParts): string {
  const matching = company.library.matching({
    search: filter.q || undefined,
    status: STATUSES.map(([value]) => value).find((value) => value === filter.status),
    category: CATEGORIES.find((value) => value === filter.category),
  });
  const pages = Math.max(1, Math.ceil(matching.length / ROWS_PER_PAGE));
  const number = Math.min(filter.page, pages);
  const rows = matching.slice((number - 1) * ROWS_PER_PAGE, number * ROWS_PER_PAGE);
  const shown = { ...filter, page: number };
  return page(
    { companies, company, title: company.name, notice },
    html`
<h1>${company.name}</h1>
<p class="quiet">A stand-in for the company’s library in Linarc. What you change here is read at the next import or retry; nothing
reaches Linarc itself.<br>API key: <code>${company.apiKey}</code></p>
<div class="tools">
<form class="filters" method="get" action="/" role="search">
<input type="hidden" name="company" value="${company.id}">
<label>Code or name <input type="search" name="q" value="${filter.q}" maxlength="200"></label>
<label>Status <select name="status">${options(anyOf(STATUSES), filter.status)}</select></label>
<label>Category <select name="category">${options(anyOf(CATEGORY_CHOICES), filter.category)}</select></label>
<button>Search</button>
</form>
<a class="button primary" href="/cost-codes/new?company=${encodeURIComponent(company.id)}">Add cost code</a>
</div>
${rows.length > 0 ? table(company, rows, shown) : nothingFound(company, filter)}
${pager(shown, pages, matching.length)}`,
  );
}

function nothingFound(company: Company, filter: ListFilter): Markup {
  if (company.library.size === 0) return html`<p class="panel">The library is empty. Add a cost code to begin.</p>`;
  const all = html`<a href="${listAddress({ company: filter.company })}">Show all ${count(company.library.size)}</a>`;
  return html`<p class="panel">No cost code matches. ${all}</p>`;
}

const COLUMNS = ['Cost Code', 'Cost Code Name', 'Division', 'Cost Type Category', 'Status', 'Actions'] as const;

function table(company: Company, rows: readonly CostCode[], filter: ListFilter): Markup {
  return html`<table role="table">
<caption class="skip">Cost codes</caption>
<thead role="rowgroup"><tr role="row">
${COLUMNS.map((column) => html`<th role="columnheader" scope="col">${column}</th>`)}
</tr></thead>
<tbody role="rowgroup">${rows.map((record) => row(company, record, filter))}
</tbody></table>`;
}

function row(company: Company, record: CostCode, filter: ListFilter): Markup {
  const name = record.costCode || record.costCodeName || 'this entry';
  const open = record.locked ? 'View' : 'Edit';
  return html`
<tr role="row" id="${record.id}">
<td role="cell" class="code">${textOr(record.costCode, 'no code')}</td>
<td role="cell">${textOr(record.costCodeName, 'no name')}</td>
<td role="cell" data-label="Division">${[record.divisionCode, record.divisionName].filter(Boolean).join(' ')}</td>
<td role="cell" class="keep" data-label="Category">${record.costTypeCategory}</td>
<td role="cell" class="keep" data-label="Status">${statusOf(record)}</td>
<td role="cell" class="keep">
<a class="button plain" href="${editAddress(company, record, filter)}" aria-label="${open} ${name}">${open}</a>
${record.locked ? null : statusForm(company, record, filter, name)}
</td>
</tr>`;
}

function statusForm(company: Company, record: CostCode, filter: ListFilter, name: string): Markup {
  const [action, status] = record.status === 'active' ? ['Deactivate', 'inactive'] : ['Reactivate', 'active'];
  return html`
<form method="post" action="${codeAddress(company, record, '/status')}">
<input type="hidden" name="status" value="${status}">${backField(listAddress(filter))}
<button class="plain" aria-label="${action} ${name}">${action}</button></form>`;
}

const textOr = (text: string, otherwise: string): Markup =>
  text.trim() ? html`${text}` : html`<span class="missing">${otherwise}</span>`;
const statusOf = ({ status, locked }: CostCode): Markup[] => [
  status === 'active' ? html`Active` : html`<span class="inactive">Inactive</span>`,
  locked ? html` <span class="flag">· locked</span>` : html``,
];
const count = (number: number): string => number.toLocaleString('en-US');

function pager(filter: ListFilter, pages: number, total: number): Markup {
  const to = (number: number, label: string): Markup | null =>
    number < 1 || number > pages ? null : html`<a class="button" href="${listAddress({ ...filter, page: number })}">${label}</a>`;
  return html`<nav class="pager" aria-label="Pages">
<span>${count(total)} ${total === 1 ? 'cost code' : 'cost codes'} · page ${count(filter.page)} of ${count(pages)}</span>
<span>${to(filter.page - 1, 'Previous')} ${to(filter.page + 1, 'Next')}</span>
</nav>`;
}

export type FormParts = {
  readonly companies: readonly Company[];
  readonly company: Company;
  /** Null for a code that is not made yet. */
  readonly record: CostCode | null;
  readonly values: FormValues;
  /** Field → what is wrong with it. */
  readonly faults: Readonly<Record<string, string>>;
  readonly notice: Notice | null;
  /** The address of the list the person came from. */
  readonly back: string;
};

const LOCKED = html`<p class="quiet">A project uses this code: it can be neither edited, deactivated nor deleted.</p>`;

/** The page of one cost code, or of a new one. */
export function formPage(parts: FormParts): string {
  const { companies, company, record, back } = parts;
  const locked = record?.locked ?? false;
  const action = record ? codeAddress(company, record) : `/cost-codes?company=${encodeURIComponent(company.id)}`;
  const title = record ? `${locked ? 'View' : 'Edit'} ${record.costCode || 'cost code'}` : 'Add cost code';
  return page(
    { companies, company, title, notice: parts.notice },
    html`
<p><a href="${back}">${company.name}</a></p>
<h1>${title}</h1>
${locked ? LOCKED : null}
<form class="panel" method="post" action="${action}">
${backField(back)}
<fieldset${locked ? html` disabled` : null}>
<div class="fields">${fields(parts)}</div>
<div class="actions"><button class="primary">${record ? 'Save' : 'Add'}</button>
<a class="button" href="${back}">Cancel</a></div>
</fieldset>
</form>
${record ? furtherActions(company, record, back) : null}`,
  );
}

function fields(parts: FormParts): Markup[] {
  return [
    textField(parts, 'costCode', 'Cost Code'),
    textField(parts, 'costCodeName', 'Cost Code Name', 'wide'),
    textField(parts, 'divisionCode', 'Division Code'),
    textField(parts, 'divisionName', 'Division Name'),
    choiceField(parts, 'costTypeCategory', 'Cost Type Category', CATEGORY_CHOICES),
    choiceField(parts, 'costType', 'Cost Type', oneOf('Fixed', 'Variable')),
    choiceField(parts, 'costAttribution', 'Cost Attribution', oneOf('Direct', 'Indirect')),
    textField(parts, 'quantity', 'Quantity'),
    textField(parts, 'effort', 'Effort (manhours)'),
    textField(parts, 'unit', 'Unit'),
    choiceField(parts, 'status', 'Status', STATUSES),
    textField(parts, 'color', 'Color, as #rrggbb'),
  ];
}

function textField({ values, faults }: FormParts, name: string, label: string, look = ''): Markup {
  const fault = faults[name];
  const pointer = fault ? html` aria-invalid="true" aria-describedby="${name}-fault"` : null;
  return html`
<div class="${look}"><label for="${name}">${label}</label>
<input id="${name}" name="${name}" value="${values[name] ?? ''}"${pointer}>
${fault ? html`<span class="error" id="${name}-fault">${fault}</span>` : null}</div>`;
}

function choiceField({ values, faults }: FormParts, name: string, label: string, choices: Choices): Markup {
  const fault = faults[name];
  return html`
<div><label for="${name}">${label}</label>
<select id="${name}" name="${name}"${fault ? html` aria-invalid="true"` : null}>${options(choices, values[name] ?? '')}</select>
${fault ? html`<span class="error">${fault}</span>` : null}</div>`;
}

function furtherActions(company: Company, record: CostCode, back: string): Markup {
  const lock = record.locked ? 'Unlock' : 'Lock';
  return html`<section class="panel">
<dl><dt>Id</dt><dd><code>${record.id}</code></dd>
<dt>Created</dt><dd>${moment(record.createdAt)}</dd>
<dt>Updated</dt><dd>${moment(record.updatedAt)}</dd></dl>
<h2>In use</h2>
<p class="quiet">Linarc locks a code once a project uses it. Here you say so by hand.</p>
<form method="post" action="${codeAddress(company, record, '/lock')}">
${backField(back)}<input type="hidden" name="locked" value="${record.locked ? 'no' : 'yes'}"><button>${lock}</button></form>
${record.locked ? null : deletion(company, record, back)}
</section>`;
}

function deletion(company: Company, record: CostCode, back: string): Markup {
  return html`
<h2>Delete</h2>
<details><summary>Delete this cost code</summary>
<p>The code disappears from the library for good. To keep its history, deactivate it instead.</p>
<form method="post" action="${codeAddress(company, record, '/delete')}">
${backField(back)}<button class="danger">Delete ${record.costCode || 'it'}</button></form>
</details>`;
}

const moment = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;

/** A page that says what went wrong and where to go on. */
export function messagePage(companies: readonly Company[], title: string, text: string): string {
  return page({ companies, company: null, title }, html`<h1>${title}</h1><p>${text}</p><p><a href="/">To the library</a></p>`);
}
