import type { Company, Invitation, Member, Role, User } from '../core/company.ts';
import type { TeamChange } from '../core/ports.ts';
import type { Actor, FieldChange, Tenant } from '../core/records.ts';
import { COMPANY_RECORD } from '../core/settings.ts';
import { digestOf, INVITATION_HOLDS, invitationMail, MOST_INVITATIONS, ROLE_NAMES } from '../core/team.ts';
import { fact } from './import.ts';
import type { World } from './world.ts';

export interface Invited {
  readonly invitation: Invitation;
  /** To be shown once: it is not kept. */
  readonly link: string;
  readonly mail: 'sent' | 'failed' | 'none';
}

/**
 * Invites one person by a link, and mails it where there is an address and a way to send; null when too many invitations are open.
 * `linkOf` makes the link of its secret.
 */
export async function invite(
  world: World, company: Company, by: User, wish: { readonly role: Role; readonly email: string | null }, linkOf: (secret: string) => string,
): Promise<Invited | null> {
  const now = world.clock.now();
  if ((await world.invitations.open(company.id, new Date(now))).length >= MOST_INVITATIONS) return null;
  const secret = world.random.hex(32);
  const invitation = {
    id: world.random.hex(12), ...wish, by: { userId: by.id, name: by.name || by.email }, at: new Date(now), expiresAt: new Date(now + INVITATION_HOLDS),
  };
  await world.invitations.add(company.id, digestOf(secret), invitation);
  world.log.info({ company: company.id, id: invitation.id }, 'somebody was invited');
  const link = linkOf(secret);
  return { invitation, link, mail: await mailed(world, company, invitation, link) };
}

async function mailed(world: World, company: Company, invitation: Invitation, link: string): Promise<Invited['mail']> {
  const { post } = world.fresh;
  if (post === null || invitation.email === null) return 'none';
  try {
    await post.send({ ...invitationMail(invitation, { company: company.name, link }), to: [invitation.email] });
    return 'sent';
  } catch (error) {
    world.log.warn({ company: company.id, error: error instanceof Error ? error.name : 'unknown' }, 'an invitation could not be mailed');
    return 'failed';
  }
}

/** What a link is worth to somebody; `user` null: not signed in yet. */
export type InvitationState =
  | { readonly kind: 'holds' | 'other_email'; readonly invitation: Invitation; readonly company: Company }
  | { readonly kind: 'none' | 'used' | 'over' };

/** Looks at the invitation of this digest. Those of somebody who is no administrator any more are worth nothing. */
export async function lookAt(world: World, digest: string, user: User | null): Promise<InvitationState> {
  const found = await world.invitations.find(digest);
  if (found === null) return { kind: 'none' };
  const { company: id, usedBy, ...invitation } = found;
  if (usedBy !== null && usedBy !== user?.id) return { kind: 'used' };
  if (invitation.expiresAt.getTime() <= world.clock.now()) return { kind: 'over' };
  const [company, inviter] = await Promise.all([world.companies.get(id), world.users.get(invitation.by.userId)]);
  if (company === null || roleIn(inviter, id) !== 'admin') return { kind: 'none' };
  const fits = user === null || invitation.email === null || same(invitation.email, user.email);
  return { kind: fits ? 'holds' : 'other_email', invitation, company };
}

/** Takes the invitation for this person, who becomes a member: one person once. Anything but `holds` changed nothing. */
export async function accept(world: World, digest: string, user: User): Promise<InvitationState> {
  const state = await lookAt(world, digest, user);
  if (state.kind === 'holds') {
    const { company, invitation } = state;
    if (!(await world.invitations.use(company.id, invitation.id, user.id, new Date(world.clock.now())))) return { kind: 'used' };
    const joined = await world.users.join(user.id, company.id, invitation.role);
    const [from, to] = [roleIn(user, company.id), roleIn(joined, company.id)];
    const by: Actor = { kind: 'person', userId: user.id, name: user.name || user.email };
    if (from !== to && to !== null) await record(world, company.id, by, { from: from && standing(user, from), to: `${standing(user, to)}, invited by ${invitation.by.name}` });
    return state;
  }
  world.log.warn({ why: state.kind }, 'an invitation was refused');
  return state;
}

/** Changes a role, or takes a person out by null. The connection and what runs by itself belong to the company and go on. */
export async function changeMember(world: World, company: Tenant, by: Actor, member: Member, role: Role | null): Promise<TeamChange> {
  const done = role === null ? await world.team.remove(company, member.id) : await world.team.setRole(company, member.id, role);
  if (done === 'done' && role !== member.role) await record(world, company, by, { from: standing(member, member.role), to: role && standing(member, role) });
  return done;
}

/** Leaves a line among the company's decisions. */
async function record(world: World, company: Tenant, by: Actor, change: Pick<FieldChange, 'from' | 'to'>): Promise<void> {
  await world.history.add(company, [fact(world, COMPANY_RECORD, by, 'changed', [{ field: 'team', ...change }])]);
}

const standing = ({ name, email }: Pick<Member, 'name' | 'email'>, role: Role) => `${name || email}, ${ROLE_NAMES[role]}`;

export function roleIn(user: User | null, company: Tenant): Role | null {
  return user?.memberships.find((membership) => membership.company === company)?.role ?? null;
}

function same(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}
