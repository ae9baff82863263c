import type { Company, User } from '../../core/company.ts';
import { ROLE_NAMES } from '../../core/team.ts';
import { roleIn } from '../../sync/team.ts';
import { day, momentOrNull, type Moment } from './format.ts';
import { connectButton, reconnectButton, signInButton, type IntuitArt, type IntuitButton } from './intuit.ts';
import type { Notice } from './notice.ts';
import { endsSoon } from './shell.ts';

/** The pages on the way in: sign in, connect QuickBooks, link Linarc. */
export interface Landing {
  readonly notice: Notice | null;
  readonly sandbox: string | null;
  readonly signIn: IntuitButton;
  readonly connect: IntuitButton;
}

export function landing(notice: Notice | null, sandbox: string | null, art: IntuitArt): Landing {
  return { notice, sandbox, signIn: signInButton(art), connect: connectButton(art) };
}

export interface Step {
  readonly label: string;
  readonly current: boolean;
}

export interface ConnectPage {
  readonly notice: Notice | null;
  readonly steps: readonly Step[];
  readonly company: {
    readonly id: string;
    readonly name: string;
    readonly state: Company['connection'];
    readonly at: Moment | null;
    /** The day Intuit ends the connection, when that is near. */
    readonly ends: string | null;
    readonly mayDisconnect: boolean;
  } | null;
  /** Connects the first company, or this one again; null while it is connected or for those who may not. */
  readonly connect: IntuitButton | null;
  /** Why this person can neither connect the company again nor disconnect it. */
  readonly denied: string | null;
  readonly addHref: string | null;
  readonly others: readonly { readonly id: string; readonly name: string; readonly words: string; readonly mayDisconnect: boolean }[];
}

export interface LinarcPage {
  readonly notice: Notice | null;
  readonly steps: readonly Step[];
  readonly linked: { readonly name: string; readonly at: Moment | null } | null;
  readonly fields: { readonly companyId: string; readonly apiKey: string };
  readonly tested: { readonly name: string; readonly words: string } | null;
  readonly fault: string | null;
  readonly denied: string | null;
  readonly prefilled: boolean;
}

const STEPS = ['Sign in', 'Connect QuickBooks', 'Link Linarc', 'Import and sync'] as const;

export function steps(current: 1 | 2): readonly Step[] {
  return STEPS.map((label, i) => ({ label, current: i === current }));
}

const STATE_WORDS: Readonly<Record<Company['connection'], string>> = {
  connected: 'connected', needs_reconnect: 'needs to be reconnected', disconnected: 'not connected',
};

export function connectPage(
  { user, company, companies, now }: { readonly user: User | null; readonly company: Company | null; readonly companies: readonly Company[]; readonly now: number },
  art: IntuitArt, notice: Notice | null,
): ConnectPage {
  const role = company === null ? null : roleIn(user, company.id);
  const mayDisconnect = (one: Company) => roleIn(user, one.id) === 'admin' && one.connection !== 'disconnected';
  const ends = company?.connectionEndsAt && endsSoon(company, now) ? day(company.connectionEndsAt) : null;
  return {
    notice,
    steps: company === null ? steps(1) : [],
    company: company && { id: company.id, name: company.name, state: company.connection, at: momentOrNull(company.connectedAt), ends, mayDisconnect: mayDisconnect(company) },
    connect: connectOf(company, role === 'admin', ends !== null, art),
    denied: company === null || role === null || role === 'admin'
      ? null
      : `Your role in ${company.name} is ${ROLE_NAMES[role]}: an administrator connects it to QuickBooks and disconnects it.`,
    addHref: companies.length === 0 ? null : connectButton(art).href,
    others: companies.filter(({ id }) => id !== company?.id).map((one) => {
      const held = roleIn(user, one.id);
      return { id: one.id, name: one.name, words: [held && ROLE_NAMES[held], STATE_WORDS[one.connection]].filter(Boolean).join(', '), mayDisconnect: mayDisconnect(one) };
    }),
  };
}

function connectOf(company: Company | null, isAdmin: boolean, ends: boolean, art: IntuitArt): IntuitButton | null {
  if (company === null) return connectButton(art);
  if (!isAdmin) return null;
  if (company.connection === 'disconnected') return reconnectButton(art, 'Connect to QuickBooks');
  return company.connection === 'needs_reconnect' || ends ? reconnectButton(art, 'Reconnect to QuickBooks') : null;
}
