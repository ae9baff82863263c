import { ROLES, type Company, type Invitation, type Member, type Role } from '../../core/company.ts';
import { ROLE_NAMES } from '../../core/team.ts';
import type { InvitationState } from '../../sync/team.ts';
import { paths, pathTo } from '../paths.ts';
import { moment, type Moment } from './format.ts';
import { signInButton, type IntuitArt, type IntuitButton } from './intuit.ts';
import type { Notice } from './notice.ts';

/** A link that opens a company to one person; shown once, when it was made. */
export interface Link {
  readonly href: string;
  /** Whom it was mailed to. */
  readonly mailedTo: string | null;
  readonly until: Moment;
}

export interface RoleChoice {
  readonly value: Role;
  readonly label: string;
  readonly may: string;
  readonly chosen: boolean;
}

export interface TeamPage {
  readonly notice: Notice | null;
  readonly company: string;
  readonly members: readonly {
    readonly name: string;
    readonly email: string;
    readonly initial: string;
    readonly isYou: boolean;
    readonly role: string;
    readonly roles: readonly RoleChoice[];
    readonly action: string;
    /** Why neither the role can be changed nor the person be removed. */
    readonly fixed: string | null;
  }[];
  /** Null for those who may not invite. */
  readonly invitations: readonly { readonly to: string; readonly role: string; readonly by: string; readonly until: Moment; readonly action: string }[] | null;
  readonly roles: readonly RoleChoice[];
  readonly made: Link | null;
  readonly mails: boolean;
  readonly denied: string | null;
}

/** What each role may do, in the words of the page. */
const MAY: Readonly<Record<Role, string>> = {
  admin: 'Connects QuickBooks and Linarc, sets the rules, decides who belongs to the team, and all an operator does.',
  operator: 'Imports, maps, excludes, syncs and retries.',
  viewer: 'Reads everything and changes nothing.',
};

function choices(chosen: Role): readonly RoleChoice[] {
  return ROLES.map((value) => ({ value, label: capital(ROLE_NAMES[value]), may: MAY[value], chosen: value === chosen }));
}

export function teamPage(
  { company, role, you }: { readonly company: Company; readonly role: Role; readonly you: string },
  { members, invitations, made, mails, notice }: {
    readonly members: readonly Member[]; readonly invitations: readonly Invitation[]; readonly made: Link | null; readonly mails: boolean; readonly notice: Notice | null;
  },
): TeamPage {
  const isAdmin = role === 'admin';
  const admins = members.filter((member) => member.role === 'admin').length;
  return {
    notice,
    company: company.name,
    members: members.map((member) => ({
      name: member.name || member.email,
      email: member.email,
      initial: [...(member.name || member.email)][0]?.toUpperCase() ?? '?',
      isYou: member.id === you,
      role: capital(ROLE_NAMES[member.role]),
      roles: isAdmin ? choices(member.role) : [],
      action: pathTo('member', member.id),
      fixed: isAdmin && member.role === 'admin' && admins === 1 ? 'The last administrator stays. Make somebody else administrator first.' : null,
    })),
    invitations: isAdmin ? invitations.map((invitation) => ({
      to: invitation.email ?? 'Whoever has the link',
      role: capital(ROLE_NAMES[invitation.role]),
      by: invitation.by.name,
      until: moment(invitation.expiresAt),
      action: pathTo('withdrawal', invitation.id),
    })) : null,
    roles: choices('operator'),
    made,
    mails,
    denied: isAdmin ? null : `Your role in ${company.name} is ${ROLE_NAMES[role]}: an administrator invites people and changes roles.`,
  };
}

export interface InvitationPage {
  readonly notice: Notice | null;
  readonly title: string;
  readonly sentence: string;
  readonly next: string;
  /** What the person can do about it: sign in, take it, or sign in as somebody else. */
  readonly step: 'sign_in' | 'take' | 'other_account' | 'home';
  readonly action: string;
  readonly signIn: IntuitButton;
}

const WORTHLESS: Readonly<Record<'none' | 'used' | 'over', string>> = {
  none: 'This invitation does not hold: it was withdrawn, or the link is not complete.',
  used: 'Somebody has used this invitation already. Each link is for one person.',
  over: 'This invitation is over: a link holds for seven days.',
};

/** What a link into a company says to whoever opened it. */
export function invitationPage(state: InvitationState, email: string | null, { notice, art }: { readonly notice: Notice | null; readonly art: IntuitArt }): InvitationPage {
  const common = { notice, action: paths.invitation, signIn: signInButton(art) };
  if (state.kind === 'holds') {
    const { company, invitation } = state;
    return {
      ...common,
      title: `Join ${company.name}`,
      sentence: `${invitation.by.name} invites you to ${company.name} as ${ROLE_NAMES[invitation.role]}. This role ${uncapital(MAY[invitation.role])}`,
      next: email === null
        ? invitation.email === null ? 'Sign in with Intuit to take it. You need no access to the company’s books.' : `Sign in with the Intuit account of ${invitation.email} to take it.`
        : `You are signed in as ${email}.`,
      step: email === null ? 'sign_in' : 'take',
    };
  }
  if (state.kind === 'other_email') {
    return {
      ...common,
      title: `Join ${state.company.name}`,
      sentence: `This invitation is for ${state.invitation.email}, and you are signed in as ${email}.`,
      next: 'Sign out, open the link again and sign in with the other Intuit account, or ask for an invitation to this one.',
      step: 'other_account',
    };
  }
  return { ...common, title: 'This invitation cannot be used', sentence: WORTHLESS[state.kind], next: 'Ask the administrator who sent it for a new one.', step: 'home' };
}

function uncapital(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
