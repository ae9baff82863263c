import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A mail server that takes what it is given, as far as a notice needs one; `refuse` answers every recipient with that line. */
export interface MailHost {
  readonly url: string;
  /** Each message as it came over the wire. */
  readonly taken: string[];
  readonly recipients: string[];
  refuse: string | null;
  close(): Promise<void>;
}

/** Speaks the few commands of RFC 5321 that a sender of plain text uses. */
export async function startMailHost(): Promise<MailHost> {
  const open = new Set<Socket>();
  const host: Omit<MailHost, 'url' | 'close'> = { taken: [], recipients: [], refuse: null };
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy());
    converse(socket, host);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return Object.assign(host, {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    }),
  });
}

function converse(socket: Socket, host: Omit<MailHost, 'url' | 'close'>): void {
  let rest = '';
  let message: string[] | null = null;
  const say = (line: string) => socket.write(`${line}\r\n`);
  const hear = (line: string) => {
    if (message !== null) {
      if (line !== '.') return void message.push(line);
      host.taken.push(message.join('\n'));
      message = null;
      return void say('250 taken');
    }
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'RCPT' && host.refuse !== null) return void say(host.refuse);
    if (verb === 'RCPT') host.recipients.push(line.replace(/^.*<(.*)>.*$/, '$1'));
    if (verb === 'DATA') message = [];
    say(verb === 'DATA' ? '354 go on' : verb === 'QUIT' ? '221 bye' : '250 ok');
    if (verb === 'QUIT') socket.end();
  };
  socket.on('data', (data) => {
    const lines = (rest + data.toString('utf8')).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(line);
  });
  say('220 test');
}
