import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { fileOutbox } from '../../server/notices/outbox.ts';
import { PostError, smtpPost } from '../../server/notices/smtp.ts';
import { startMailHost, type MailHost } from './mailhost.ts';

const FROM = 'Linarc Class Sync <notices@example.com>';
const MAIL = { id: 'c1.4.connection.bad', to: ['ann@example.com', 'bo@example.com'], subject: 'Straße & Söhne: lost', text: 'It is lost.\n\nReconnect — now.\n' };

describe('a mail server', () => {
  let host: MailHost;

  beforeEach(async () => {
    host = await startMailHost();
  });
  afterEach(() => host.close());

  it('gets one message of plain text for all administrators', async () => {
    await smtpPost({ url: host.url, from: FROM }).send(MAIL);
    expect(host.recipients).to.deep.equal(MAIL.to);
    expect(host.taken).to.have.length(1);
    const [message = ''] = host.taken;
    expect(message).to.contain('From: Linarc Class Sync <notices@example.com>').and.to.contain('Auto-Submitted: auto-generated');
    expect(message).to.contain('Content-Type: text/plain; charset=utf-8').and.not.to.match(/text\/html/);
  });

  it('knows a message that comes twice by its id', async () => {
    const post = smtpPost({ url: host.url, from: FROM });
    await post.send(MAIL);
    await post.send(MAIL);
    const ids = host.taken.map((message) => /^Message-ID: (.*)$/im.exec(message)?.[1]);
    expect(ids).to.deep.equal(['<c1.4.connection.bad@linarc-class-sync>', '<c1.4.connection.bad@linarc-class-sync>']);
  });

  it('that refuses is told of without addresses or passwords', async () => {
    host.refuse = '550 no such user ann@example.com';
    const failure = await smtpPost({ url: host.url.replace('//', '//someone:SECRET@'), from: FROM, patience: 2_000 }).send(MAIL).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(PostError);
    expect(String(failure)).not.to.match(/SECRET|ann@|someone/);
  });

  it('that is away is told of by the system’s short name', async () => {
    await host.close();
    const failure = await smtpPost({ url: host.url, from: FROM, patience: 2_000 }).send(MAIL).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(PostError).with.property('message').that.matches(/E[A-Z]+/);
    host = await startMailHost();
  });
});

describe('the outbox', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'outbox-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('holds each message as a file that a mail program opens, once however often it comes', async () => {
    const post = fileOutbox({ dir: join(dir, 'outbox'), from: FROM });
    await post.send(MAIL);
    await post.send(MAIL);
    expect(await readdir(join(dir, 'outbox'))).to.deep.equal(['c1.4.connection.bad.eml']);
    const message = await readFile(join(dir, 'outbox', 'c1.4.connection.bad.eml'), 'utf8');
    expect(message).to.contain('To: ann@example.com, bo@example.com');
    expect(message).to.match(/^Subject: =\?UTF-8\?/m);
  });

  it('cannot be led out of its folder by an id', async () => {
    await fileOutbox({ dir, from: FROM }).send({ ...MAIL, id: '../../etc/x' });
    expect(await readdir(dir)).to.deep.equal(['.._.._etc_x.eml']);
  });
});
