import { nearEnd, type Company, type Role, type User } from '../../core/company.ts';
import { day } from '../../core/notices.ts';
import { ROLE_NAMES } from '../../core/team.ts';
import { roleIn } from '../../sync/team.ts';
import type { Run } from '../../core/run.ts';
import { paths } from '../paths.ts';
import { initials, moment, type Moment } from './format.ts';
import type { Note } from './notices.ts';
import { runProgress, runTitle } from './progress.ts';

export interface Assets {
  readonly css: string;
  readonly script: string;
  readonly htmx: string;
}

export interface Connection {
  readonly label: 'QuickBooks' | 'Linarc';
  readonly state: 'good' | 'warn' | 'off';
  readonly words: string;
  readonly href: string;
}

export interface Banner {
  readonly sentence: string;
  readonly since: Moment | null;
  readonly link: { readonly label: string; readonly href: string } | null;
}

/** What surrounds every page: whose company, what is connected, what runs, who is signed in. */
export interface Shell {
  readonly title: string;
  readonly version: string;
  readonly assets: Assets;
  readonly person: { readonly name: string; readonly email: string; readonly initials: string; readonly role: string | null } | null;
  readonly company: { readonly name: string } | null;
  /** Every company of the person, for changing between them; this one is `current`. */
  readonly companies: readonly { readonly id: string; readonly name: string; readonly words: string; readonly state: Connection['state']; readonly current: boolean }[];
  readonly tabs: readonly { readonly label: string; readonly href: string; readonly current: boolean }[];
  readonly connections: readonly Connection[];
  readonly activity: Activity;
  readonly banner: Banner | null;
  readonly notes: readonly Note[];
  /** The address of this page, to come back to. */
  readonly here: string;
  readonly sandbox: { readonly quickbooksUrl: string; readonly linarcUrl: string } | null;
}

/** The running sync in the header; a view of its own, so that live updates can replace it. */
export interface Activity {
  readonly running: { readonly words: string; readonly href: string } | null;
  readonly swap: boolean;
}

export interface Surroundings {
  readonly user: User | null;
  readonly company: Company | null;
  readonly role: Role | null;
  readonly companies: readonly Company[];
  readonly run: Run | null;
  readonly notes: readonly Note[];
}

export function shell(around: Surroundings, given: {
  title: string; path: string; here: string; version: string; assets: Assets; sandbox: Shell['sandbox']; now: number;
}): Shell {
  const { user, company, role, companies, run } = around;
  return {
    title: given.title,
    version: given.version,
    assets: given.assets,
    person: user === null ? null : { name: user.name, email: user.email, initials: initials(user.name || user.email), role: role && ROLE_NAMES[role] },
    company: company === null ? null : { name: company.name },
    companies: companies.map((one) => choiceOf(one, user, company)),
    tabs: company === null ? [] : tabs(company, role, given.path),
    connections: company === null ? [] : connections(company),
    activity: activity(run, given.now),
    banner: company === null || given.path === paths.linarc || given.path === paths.connect ? null : banner(company, role, given.now),
    notes: around.notes,
    here: given.here,
    sandbox: given.sandbox,
  };
}

export function activity(run: Run | null, now: number, swap = false): Activity {
  if (run === null) return { running: null, swap };
  const { percent, href, state } = runProgress(run, now);
  return { running: { words: state === 'running' ? `Syncing ${percent} %` : `${runTitle(state)}, ${percent} %`, href }, swap };
}

/** The Cost Codes tab is there only when the company's configuration enables it (linarc.md §3.1). */
function tabs(company: Company, role: Role | null, path: string): Shell['tabs'] {
  const all = [
    ...(company.settings.costCodes ? [{ label: 'Cost Codes', href: paths.costCodes }] : []),
    { label: 'Runs', href: paths.runs },
    { label: 'Team', href: paths.team },
    ...(role === 'admin' ? [{ label: 'Settings', href: paths.settings }] : []),
  ];
  return all.map((tab) => ({ ...tab, current: path === tab.href || path.startsWith(`${tab.href}/`) }));
}

const QUICKBOOKS = {
  connected: { state: 'good', words: 'connected' },
  needs_reconnect: { state: 'warn', words: 'needs to be reconnected' },
  disconnected: { state: 'off', words: 'not connected' },
} as const;

function choiceOf({ id, name, connection }: Company, user: User | null, current: Company | null): Shell['companies'][number] {
  const role = roleIn(user, id);
  const { state, words } = QUICKBOOKS[connection];
  return { id, name, state, words: `${role === null ? '' : `${ROLE_NAMES[role]}, `}${words}`, current: id === current?.id };
}

function connections(company: Company): readonly Connection[] {
  return [
    { label: 'QuickBooks', ...QUICKBOOKS[company.connection], href: paths.connect },
    company.linarc === null
      ? { label: 'Linarc', state: 'off', words: 'not linked', href: paths.linarc }
      : company.linarc.refusedAt !== null
        ? { label: 'Linarc', state: 'warn', words: 'refuses the API key', href: paths.linarc }
        : { label: 'Linarc', state: 'good', words: `linked to ${company.linarc.name}`, href: paths.linarc },
  ];
}

/** The one thing that stands in the way of the whole company, the gravest first. Who may not mend it is told who can. */
function banner(company: Company, role: Role | null, now: number): Banner | null {
  const since = moment(company.connectionChangedAt);
  const forAdmins = (label: string, href: string) => (role === 'admin' ? { label, href } : null);
  const ask = role === 'admin' ? '' : ' An administrator of this company can mend it.';
  if (company.connection === 'needs_reconnect') {
    return {
      sentence: `QuickBooks no longer accepts the connection of this company. Waiting codes stay where they are.${ask}`,
      since, link: forAdmins('Reconnect to QuickBooks', paths.connectStart),
    };
  }
  if (company.connection === 'disconnected') {
    return {
      sentence: `This company is disconnected from QuickBooks. Its cost codes and mappings are kept.${ask}`,
      since, link: forAdmins('Connect to QuickBooks', paths.connectStart),
    };
  }
  if (lacksSource(company)) {
    return { sentence: `No Linarc company is linked yet; until then cost codes come from spreadsheets alone.${ask}`, since: null, link: forAdmins('Link the Linarc company', paths.linarc) };
  }
  const ends = nearEnd(company, now);
  if (ends !== null) {
    return {
      sentence: `Intuit ends this connection on ${day(ends)}, as it does with every one after some years. Reconnecting before that keeps it without a gap.${ask}`,
      since: null, link: forAdmins('Reconnect to QuickBooks', paths.connectStart),
    };
  }
  if (company.linarc?.refusedAt) {
    return {
      sentence: `Linarc no longer accepts the API key, so nothing can be read from it. Staged codes, mappings and classes are as they were.${ask}`,
      since: moment(company.linarc.refusedAt), link: forAdmins('Replace the API key', paths.linarc),
    };
  }
  if (company.classTracking === 'off') {
    return {
      sentence: 'Class tracking is turned off in QuickBooks. Turn it on there: Account and settings, Advanced, Categories, Track classes.',
      since: null, link: null,
    };
  }
  return null;
}

/** A company without an API key of Linarc may bring its codes as spreadsheets. */
function lacksSource(company: Company): boolean {
  return company.linarc === null && company.import?.mode !== 'spreadsheet';
}

export function homeOf(company: Company): string {
  if (company.connection === 'disconnected') return paths.connect;
  if (lacksSource(company)) return paths.linarc;
  return company.settings.costCodes ? paths.costCodes : paths.runs;
}

