import type { SendMailOptions } from 'nodemailer';
import type { Mail } from '../core/notices.ts';

export interface Sender {
  /** An address, or a name with an address in angle brackets. */
  readonly from: string;
}

/**
 * A notice as a message of plain text; its id is made of the notice's own, so that a mailbox shows one that came twice as one.
 */
export function messageOf(mail: Mail & { readonly to: readonly string[] }, { from }: Sender): SendMailOptions {
  return {
    from,
    to: [...mail.to],
    subject: mail.subject,
    text: mail.text,
    messageId: `<${mail.id}@linarc-class-sync>`,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  };
}
