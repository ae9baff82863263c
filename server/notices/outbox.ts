import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import type { Post } from '../core/fresh.ts';
import { messageOf, type Sender } from './message.ts';

/**
 * Puts notices as .eml files into a folder, where any mail program opens them: for a machine without a mail server. A notice that
 * comes twice is one file. Throws what the file system does.
 */
export function fileOutbox({ dir, ...sender }: Sender & { readonly dir: string }): Post {
  const writer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
  return {
    async send(mail) {
      const { message } = await writer.sendMail(messageOf(mail, sender));
      await mkdir(dir, { recursive: true });
      const path = join(dir, `${mail.id.replace(/[^\w.-]/g, '_')}.eml`);
      // Whoever looks into the folder finds whole messages only.
      await writeFile(`${path}.part`, message as Buffer, { mode: 0o600 });
      await rename(`${path}.part`, path);
    },
  };
}
