import { nearEnd, type Company, type User } from '../../core/company.ts';
import { day } from '../../core/notices.ts';
import { ROLE_NAMES } from '../../core/team.ts';
import type { Held } from '../../sync/link.ts';
import { roleIn } from '../../sync/team.ts';
import { counted, moment, momentOrNull, type Moment } from './format.ts';
import { connectButton, reconnectButton, signInButton, type IntuitArt, type IntuitButton } from './intuit.ts';
import type { Notice } from './notice.ts';

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

/** The forms of the Linarc page: the first link, a new key for the company linked, another company. */
export type LinarcForm = 'link' | 'replace' | 'other';

export interface LinarcPage {
  readonly notice: Notice | null;
  readonly steps: readonly Step[];
  readonly linked: { readonly name: string; readonly id: string; readonly at: Moment; readonly refusedAt: Moment | null } | null;
  /** Why no key can be entered or the company unlinked by this person. */
  readonly denied: string | null;
  readonly forms: Readonly<Record<LinarcForm, LinarcFields>>;
  readonly confirm: LinarcConfirm | null;
  readonly prefilled: boolean;
}

export interface LinarcFields {
  readonly companyId: string;
  readonly apiKey: string;
  readonly fault: string | null;
  readonly tested: { readonly name: string; readonly words: string } | null;
  /** It was sent just now, so it is shown open. */
  readonly sent: boolean;
}

/** Consequences to be read before something is given up. */
export interface LinarcConfirm {
  readonly title: string;
  readonly consequences: readonly string[];
  readonly button: string;
  readonly intent: 'link' | 'unlink';
  readonly hidden: readonly (readonly [name: string, value: string])[];
}

export interface LinarcFacts {
  readonly company: Company;
  readonly denied: string | null;
  readonly prefill: { readonly companyId: string; readonly apiKey: string } | null;
  readonly notice?: Notice | null;
  readonly confirm?: LinarcConfirm | null;
  /** What was sent just now and what came of it. */
  readonly sent?: { readonly companyId: string; readonly apiKey: string; readonly fault?: string; readonly tested?: LinarcFields['tested'] };
}

export function linarcPage({ company: { linarc }, denied, prefill, notice = null, confirm = null, sent }: LinarcFacts): LinarcPage {
  const sentForm = linarc === null ? 'link' : sent?.companyId === linarc.companyId ? 'replace' : 'other';
  const fields = (form: LinarcForm, companyId: string, apiKey: string): LinarcFields => (sent !== undefined && sentForm === form
    ? { companyId: sent.companyId, apiKey: sent.apiKey, fault: sent.fault ?? null, tested: sent.tested ?? null, sent: true }
    : { companyId, apiKey, fault: null, tested: null, sent: false });
  return {
    notice,
    steps: linarc === null ? steps(2) : [],
    linked: linarc && { name: linarc.name, id: linarc.companyId, at: moment(linarc.linkedAt), refusedAt: linarc.refusedAt && moment(linarc.refusedAt) },
    denied,
    forms: {
      link: fields('link', prefill?.companyId ?? '', prefill?.apiKey ?? ''),
      replace: fields('replace', linarc?.companyId ?? '', ''),
      other: fields('other', '', ''),
    },
    confirm,
    prefilled: prefill !== null && sent === undefined,
  };
}

/** Unlinking keeps everything here; only nothing new comes. */
export function confirmUnlink({ name, staged, mapped }: Held): LinarcConfirm {
  return {
    title: `Unlink ${name}`,
    consequences: [
      `${counted(staged, 'staged code')}, ${counted(mapped, 'mapping')} and all history stay here.`,
      'Nothing changes in QuickBooks. What is staged can still be synced.',
      'Nothing is read from Linarc any more, and the API key is deleted.',
      'Linking the same company again goes on from here.',
    ],
    button: 'Unlink Linarc company', intent: 'unlink', hidden: [['sure', 'unlink']],
  };
}

/** Another company than before: its codes would be taken for others if they stayed. */
export function confirmOther({ name, staged, mapped }: Held, other: { name: string; companyId: string; apiKey: string }): LinarcConfirm {
  return {
    title: `Link ${other.name} instead of ${name}`,
    consequences: [
      `${counted(staged, 'staged code')} of ${name} ${staged === 1 ? 'leaves' : 'leave'} the list and ${staged === 1 ? 'stays' : 'stay'} under Excluded with ${staged === 1 ? 'its' : 'their'} history.`,
      `${counted(mapped, 'mapping')} ${mapped === 1 ? 'is' : 'are'} given up. The classes stay in QuickBooks exactly as they are.`,
      `A code of ${other.name} whose class name QuickBooks has already is linked to that class, not made again.`,
      'This cannot be taken back.',
    ],
    button: `Link ${other.name}`, intent: 'link',
    hidden: [['companyId', other.companyId], ['apiKey', other.apiKey], ['sure', other.companyId]],
  };
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
  const ends = company && nearEnd(company, now);
  return {
    notice,
    steps: company === null ? steps(1) : [],
    company: company && { id: company.id, name: company.name, state: company.connection, at: momentOrNull(company.connectedAt), ends: ends && day(ends), mayDisconnect: mayDisconnect(company) },
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
