import { createTransport } from 'nodemailer';
import type { Post } from '../core/fresh.ts';
import { messageOf, type Sender } from './message.ts';

export interface SmtpSettings extends Sender {
  /** smtp:// or smtps://, with user and password where the server wants them. */
  readonly url: string;
  /** For each step of a conversation, in milliseconds; 20 seconds when left out. */
  readonly patience?: number;
}

const PATIENCE = 20_000;

/** A mail server said no, or could not be reached. Tells nothing of addresses, passwords or what was written. */
export class PostError extends Error {
  constructor(code: string) {
    super(`The mail was not taken: ${code}`);
    this.name = 'PostError';
  }
}

/** Sends notices through a mail server. Throws PostError. */
export function smtpPost({ url, patience = PATIENCE, ...sender }: SmtpSettings): Post {
  const server = createTransport({
    url,
    connectionTimeout: patience,
    greetingTimeout: patience,
    socketTimeout: patience,
    // What a notice says comes from our own texts: no files, no addresses to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail) {
      try {
        await server.sendMail(messageOf(mail, sender));
      } catch (error) {
        throw new PostError(codeOf(error));
      }
    },
  };
}

/** nodemailer's or the system's short name, such as EAUTH or ECONNREFUSED; its messages may quote addresses. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^[A-Z_]{2,40}$/.test(code) ? code : 'unknown';
}
