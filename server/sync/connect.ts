import { timingSafeEqual } from 'node:crypto';
import type { Company, User } from '../core/company.ts';
import { BooksError, GrantError, type CompanyFacts, type Grant, type Person } from '../core/ports.ts';
import type { Actor, Tenant } from '../core/records.ts';
import { COMPANY_RECORD } from '../core/settings.ts';
import { fact } from './import.ts';
import { accessTokens } from './tokens.ts';
import { resumeHalted } from './waiting.ts';
import type { World } from './world.ts';

/** A way to Intuit that a browser was sent on; kept in its session and used once. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly purpose: 'sign_in' | 'connect';
  /** The company it is for: to connect again, or to launch into; `unknown`: one that is not connected here; null: any. */
  readonly company: Tenant | 'unknown' | null;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

export interface Return {
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly pending: PendingSignIn | null;
  readonly redirectUri: string;
}

const SIGN_IN_PROBLEMS = {
  state_mismatch: ['This sign-in was not started here, or was used before.', 'Start again from QuickBooks or with the button below.'],
  denied: ['You chose not to allow it in QuickBooks.', 'Nothing was changed. You can try again whenever you want.'],
  invalid_scope: ['Intuit does not allow this app to read the class list.', 'This is a fault of ours; please tell support.'],
  email_unverified: ['Intuit has not verified your e-mail address yet.', 'Verify it in your Intuit account, then sign in again.'],
  code_refused: ['Intuit did not accept the sign-in.', 'It may have taken too long. Start again.'],
  intuit_unreachable: ['Intuit cannot be reached just now.', 'Nothing was changed. Try again in a minute.'],
  realm_missing: ['QuickBooks did not say which company to connect.', 'Start again and choose a company.'],
  wrong_realm: [
    'QuickBooks does not open this company to you.', 'Nothing was changed. Check that you are an administrator there and its subscription is active, then start again.',
  ],
  other_company: [
    'You chose another company in QuickBooks than the one to connect again.', 'Nothing was changed. Choose the same company, or use Add a company for the other one.',
  ],
} as const;

export type SignInProblem = keyof typeof SIGN_IN_PROBLEMS;

/** Why a way to Intuit and back did not end well, with a sentence and a next step for the person. */
export class SignInError extends Error {
  readonly code: SignInProblem;
  readonly next: string;

  constructor(code: SignInProblem) {
    const [sentence, next] = SIGN_IN_PROBLEMS[code];
    super(sentence);
    this.name = 'SignInError';
    this.code = code;
    this.next = next;
  }

  get sentence(): string {
    return this.message;
  }
}

/** How long somebody may stay at Intuit before the way back closes. */
const PENDING = 30 * 60_000;

/** Begins a way to Intuit: the address to send the browser to, and what its session must keep. */
export function begin(
  world: World, purpose: PendingSignIn['purpose'], redirectUri: string, company: PendingSignIn['company'] = null,
): { url: string; pending: PendingSignIn } {
  const pending = { state: world.random.hex(24), nonce: world.random.hex(24), purpose, company, startedAt: world.clock.now() };
  return { url: world.identity.authorizeUrl({ purpose, redirectUri, state: pending.state, nonce: pending.nonce }), pending };
}

/** Ends a sign-in. The person is who Intuit says by `sub`, whatever their e-mail is now. Throws SignInError. */
export function finishSignIn(world: World, back: Return): Promise<User> {
  return telling(world, async () => world.users.signIn((await exchange(world, back, 'sign_in')).person));
}

/**
 * Ends a connect: signs the person in, stores the grant for the company named beside the code, and makes the person a member: of a new
 * company its administrator, else an operator, as only an administrator in QuickBooks can come this way. Members stay what they are. A
 * run that waited for the connection goes on. Throws SignInError.
 */
export function finishConnect(world: World, back: Return): Promise<{ user: User; company: Company }> {
  return telling(world, async () => {
    const { person, grant } = await exchange(world, back, 'connect');
    const { realmId } = back.query;
    if (!realmId || !/^\d{1,20}$/.test(realmId)) throw new SignInError('realm_missing');
    const facts = await factsOf(world, realmId, grant);
    const known = await world.companies.byRealm(realmId);
    // A company that is known takes its new grant, since the former may have ended with it.
    if (back.pending?.company && known === null) {
      await giveBack(world, grant);
      throw new SignInError('other_company');
    }
    const { id } = await world.users.signIn(person);
    const company = await world.companies.connect({ realmId, grant, facts, at: new Date(world.clock.now()) });
    await resumeHalted(world, company.id);
    return { user: await memberOf(world, id, company.id), company };
  });
}

async function memberOf(world: World, userId: string, company: Tenant): Promise<User> {
  const user = await world.users.get(userId);
  return user?.memberships.some((membership) => membership.company === company) ? user : world.users.join(userId, company, 'operator');
}

/** Leaves a line in the log of what was refused; which code, person and company it was about stays out of it. */
async function telling<T>(world: World, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SignInError) world.log.warn({ why: error.code }, 'a way back from Intuit was refused');
    throw error;
  }
}

/** Ends a grant that nobody wants, so that it does not stay in QuickBooks as a connection. */
async function giveBack(world: World, grant: Grant): Promise<void> {
  await world.identity.revoke(grant.refreshToken).catch((error: unknown) => {
    if (!(error instanceof GrantError)) throw error;
  });
}

async function exchange(world: World, { query, pending, redirectUri }: Return, purpose: PendingSignIn['purpose']): Promise<{ grant: Grant; person: Person }> {
  const known = pending !== null && pending.purpose === purpose && same(pending.state, query.state) && world.clock.now() - pending.startedAt < PENDING;
  if (!known) throw new SignInError('state_mismatch');
  if (query.error === 'access_denied') throw new SignInError('denied');
  if (query.error === 'invalid_scope') throw new SignInError('invalid_scope');
  if (query.error || !query.code) throw new SignInError('code_refused');
  const answer = await world.identity.exchange({ code: query.code, redirectUri, nonce: pending.nonce }).catch((error: unknown) => {
    if (!(error instanceof GrantError)) throw error;
    world.log.warn({ kind: error.kind, intuitTid: error.intuitTid }, 'Intuit did not accept a sign-in');
    throw new SignInError(error.kind === 'unreachable' ? 'intuit_unreachable' : 'code_refused');
  });
  if (!answer.person.emailVerified) throw new SignInError('email_unverified');
  return answer;
}

function same(expected: string, given: string | undefined): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given ?? '')];
  return a.length === b.length && timingSafeEqual(a, b);
}

async function factsOf(world: World, realmId: string, grant: Grant): Promise<CompanyFacts> {
  const fresh = { current: async () => grant.accessToken, renewed: async () => Promise.reject(new GrantError('invalid_grant', 'A new token was refused.')) };
  try {
    return await world.openBooks(realmId, fresh, async () => {}).facts();
  } catch (error) {
    if (!(error instanceof BooksError) && !(error instanceof GrantError)) throw error;
    // A GrantError says that QuickBooks did not take the token, fresh as it is: it is not for this company.
    const isRefused = error instanceof GrantError || (error.refusal.kind === 'refused' && error.refusal.fault.status !== 429);
    throw new SignInError(isRefused ? 'wrong_realm' : 'intuit_unreachable');
  }
}

/** Leaves a line among the company's decisions of who connected or disconnected it. */
export async function recordConnection(world: World, company: Tenant, by: Actor, connected: boolean): Promise<void> {
  const [from, to] = connected ? ['Not connected', 'Connected'] : ['Connected', 'Not connected'];
  await world.history.add(company, [fact(world, COMPANY_RECORD, by, 'changed', [{ field: 'quickbooks', from, to }])]);
}

/**
 * Ends the connection: tells Intuit, then deletes the tokens. Staged codes, links and history stay. `untold`: Intuit could not be told, so
 * that the app stands in QuickBooks' list until somebody ends it there; it has no key any more all the same.
 */
export async function disconnect(world: World, company: Tenant, by: Actor): Promise<'revoked' | 'untold'> {
  const held = await world.companies.grant(company);
  const told = held === null || (await revoked(world, company, held.grant));
  await world.companies.setConnection(company, 'disconnected', new Date(world.clock.now()));
  if (held !== null) await recordConnection(world, company, by, false);
  return told ? 'revoked' : 'untold';
}

async function revoked(world: World, company: Tenant, grant: Grant): Promise<boolean> {
  try {
    await world.identity.revoke(grant.refreshToken);
    return true;
  } catch (error) {
    if (!(error instanceof GrantError)) throw error;
    world.log.warn({ company, intuitTid: error.intuitTid }, 'the grant could not be revoked at Intuit');
    return false;
  }
}

/** QuickBooks says it disconnected the company. Anybody could say so, so a refresh has to fail before it is believed (quickbooks.md §7.1). */
export async function disconnectedInQuickBooks(world: World, company: Tenant): Promise<'disconnected' | 'still_connected' | 'unknown'> {
  const tokens = accessTokens(world, company);
  const found = await world.companies.get(company);
  try {
    await tokens.renewed(await tokens.current());
    return 'still_connected';
  } catch (error) {
    if (!(error instanceof GrantError)) throw error;
    if (error.kind !== 'invalid_grant') return 'unknown';
    const over = found ? { connectedAt: found.connectedAt } : {};
    const isOver = await world.companies.setConnection(company, 'disconnected', new Date(world.clock.now()), over);
    if (!isOver) return 'still_connected';
    await recordConnection(world, company, { kind: 'automatic', what: 'Disconnected in QuickBooks' }, false);
    return 'disconnected';
  }
}
