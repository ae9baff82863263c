import { createHash } from 'node:crypto';
import type { Invitation, Role } from './company.ts';
import { oneLine, type Mail } from './notices.ts';

/** How long an invitation holds. */
export const INVITATION_HOLDS = 7 * 86_400_000;
/** The most invitations a company may have open: enough for a team, too few to send mail to the world. */
export const MOST_INVITATIONS = 50;

/** By what an invitation is found. The secret has 256 random bits, so that a plain hash of it tells nothing. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** What people are called by their role. */
export const ROLE_NAMES: Readonly<Record<Role, string>> = { admin: 'administrator', operator: 'operator', viewer: 'viewer' };

/** The mail that brings an invitation. */
export function invitationMail({ id, by, role, expiresAt }: Invitation, about: { readonly company: string; readonly link: string }): Mail {
  const company = oneLine(about.company) || 'a company';
  const lines = [
    `${oneLine(by.name) || 'An administrator'} invites you to ${company} in Linarc Class Sync, as ${ROLE_NAMES[role]}.`,
    'Linarc Class Sync keeps the QuickBooks classes of a company in step with its Linarc cost codes.',
    `Open this link and sign in with Intuit:\n${about.link}`,
    `The link works once, until ${expiresAt.toISOString().slice(0, 10)}. If you did not expect it, leave it alone.`,
  ];
  return { id: `${id}.invitation`, subject: `${company}: you are invited to Linarc Class Sync`, text: `${lines.join('\n\n')}\n` };
}
