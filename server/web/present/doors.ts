import type { Company, Role } from '../../core/company.ts';
import { momentOrNull, type Moment } from './format.ts';
import type { Notice } from './notice.ts';

/** The pages on the way in: sign in, connect QuickBooks, link Linarc. */
export interface Landing {
  readonly notice: Notice | null;
  readonly sandbox: string | null;
}

export interface Step {
  readonly label: string;
  readonly current: boolean;
}

export interface ConnectPage {
  readonly notice: Notice | null;
  readonly steps: readonly Step[];
  readonly company: { readonly name: string; readonly state: Company['connection']; readonly at: Moment | null } | null;
  readonly connectLabel: string;
  readonly mayDisconnect: boolean;
  readonly others: readonly { readonly id: string; readonly name: string; readonly words: string }[];
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

export function connectPage(company: Company | null, role: Role | null, companies: readonly Company[], notice: Notice | null): ConnectPage {
  const connected = company?.connection === 'connected';
  return {
    notice,
    steps: connected ? [] : steps(1),
    company: company === null ? null : { name: company.name, state: company.connection, at: momentOrNull(company.connectedAt) },
    connectLabel: connected ? 'Connect another company' : company?.connection === 'needs_reconnect' ? 'Reconnect to QuickBooks' : 'Connect to QuickBooks',
    mayDisconnect: role === 'admin' && company !== null && company.connection !== 'disconnected',
    others: companies.filter(({ id }) => id !== company?.id).map(({ id, name, connection }) => ({ id, name, words: STATE_WORDS[connection] })),
  };
}
