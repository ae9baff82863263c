import { expect } from 'chai';
import { ALL_CALM, judge, mailOf, type Message, type Seen, type Standings } from '../../server/core/notices.ts';
import { problem } from '../../server/core/problems.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-11-23T09:00:00Z');
const CALM: Seen = { connection: 'connected', nearEnd: null, run: null, failed: 0, waiting: 0, reasons: [], trouble: null, busy: false };

/** Shows one state after another, an hour apart, and returns what people were told. */
function story(...steps: Partial<Seen>[]): string[] {
  let standings: Standings = ALL_CALM;
  return steps.flatMap((step, hour) => {
    const judged = judge(standings, { ...CALM, ...step }, new Date(START + hour * HOUR));
    standings = judged.standings;
    return judged.messages.map(({ topic, turn }) => `${hour} ${topic} ${turn}`);
  });
}

const run = (id: string, failed: number) => ({ id, state: 'finished' as const, failed, problem: null });

describe('what people are told', () => {
  it('is nothing while all is well', () => {
    expect(story({}, {}, { run: run('1', 0) })).to.deep.equal([]);
  });

  it('is one message when the connection dies, and one when it is back', () => {
    const dead = { connection: 'needs_reconnect' } as const;
    expect(story(dead, dead, dead, {}, {}, dead)).to.deep.equal(['0 connection bad', '3 connection recovered', '5 connection bad']);
  });

  it('is nothing when somebody disconnected on purpose', () => {
    expect(story({ connection: 'disconnected' }, {})).to.deep.equal([]);
  });

  it('is one message when the connection is about to end, with the day, and one when it was renewed in time', () => {
    const near = { nearEnd: new Date('2026-12-20T09:00:00Z') };
    expect(story({}, near, near, {}, {}, near)).to.deep.equal(['1 expiry bad', '3 expiry recovered', '5 expiry bad']);
    const [message] = judge(ALL_CALM, { ...CALM, ...near }, new Date(START)).messages;
    expect(message?.subject).to.equal('The connection to QuickBooks ends on 20 December 2026');
    expect(message?.lines.join(' ')).to.contain('Reconnect to QuickBooks before that day');
  });

  it('is that the connection is lost, and nothing of its end any more, once it is', () => {
    const near = { nearEnd: new Date('2026-12-20T09:00:00Z') };
    expect(story(near, { connection: 'needs_reconnect' }, {})).to.deep.equal(['0 expiry bad', '1 connection bad', '2 connection recovered']);
  });

  it('is one message when runs begin to fail, not one for each, and one when none fails any more', () => {
    expect(story({ run: run('1', 3), failed: 3 }, { run: run('2', 5), failed: 8 }, { run: run('3', 0), failed: 8 }, { run: run('4', 0) }))
      .to.deep.equal(['0 runs bad', '3 runs recovered']);
  });

  it('is nothing of a run that is not at its end', () => {
    expect(story({ run: { ...run('1', 3), state: 'running' }, failed: 3, busy: true })).to.deep.equal([]);
  });

  it('names the reason when a run stopped where a person must act', () => {
    const halted = { run: { id: '1', state: 'halted' as const, failed: 0, problem: problem('subscription_lapsed') } };
    const { messages } = judge(ALL_CALM, { ...CALM, ...halted }, new Date(START));
    expect(messages.map(({ lines }) => lines[0])).to.deep.equal(['The QuickBooks subscription of this company has ended or has a billing problem.']);
  });

  it('leaves a lost connection to its own message', () => {
    const halted = { run: { id: '1', state: 'halted' as const, failed: 0, problem: problem('reconnect_needed') }, connection: 'needs_reconnect' as const };
    expect(story(halted)).to.deep.equal(['0 connection bad']);
  });

  it('is one message when codes wait for a person, once a day at most and only when there are more', () => {
    const days = (day: number, waiting: number) => [...Array.from({ length: 24 * day - 1 }, () => ({ waiting })), { waiting: waiting + 1 }];
    expect(story({ waiting: 2 }, { waiting: 5 }, ...days(1, 5))).to.deep.equal(['0 action bad', '24 action bad']);
    expect(story({ waiting: 2 }, ...Array.from({ length: 50 }, () => ({ waiting: 2 })))).to.deep.equal(['0 action bad']);
  });

  it('is one message when none waits any more', () => {
    expect(story({ waiting: 2 }, { waiting: 1 }, {}, {})).to.deep.equal(['0 action bad', '2 action recovered']);
  });

  it('keeps the daily limit over a recovery', () => {
    expect(story({ waiting: 2 }, {}, { waiting: 2 }, ...Array.from({ length: 22 }, () => ({ waiting: 2 })))).to.deep.equal(['0 action bad', '1 action recovered', '24 action bad']);
  });

  it('says at once that Linarc refuses the key, but is patient while Linarc is only away', () => {
    const refused = { trouble: { problem: problem('linarc_key_refused'), since: new Date(START) } };
    const away = { trouble: { problem: problem('linarc_unreachable'), since: new Date(START) } };
    expect(story(refused, refused, {})).to.deep.equal(['0 linarc bad', '2 linarc recovered']);
    expect(story(away, away, away, away)).to.deep.equal(['2 linarc bad']);
    expect(story(away, {}, {})).to.deep.equal([]);
  });
});

describe('a mail', () => {
  const message: Message = { topic: 'connection', turn: 'bad', subject: 'The connection to QuickBooks is lost', lines: ['One.', 'Two.'] };

  it('says whose company it is about, what happened and where to go', () => {
    const mail = mailOf(message, { id: 'c1.4', company: 'Hillside', address: 'https://sync.example.com' });
    expect(mail).to.deep.include({ id: 'c1.4.connection.bad', subject: 'Hillside: The connection to QuickBooks is lost' });
    expect(mail.text).to.contain('One.\n\nTwo.\n\nOpen Linarc Class Sync: https://sync.example.com');
  });

  it('cannot be given headers by a company’s name', () => {
    const { subject } = mailOf(message, { id: 'c1.4', company: 'Evil\r\nBcc: all@example.com', address: null });
    expect(subject).to.equal('Evil Bcc: all@example.com: The connection to QuickBooks is lost');
  });

  it('repeats nothing QuickBooks said, which may quote what was sent', () => {
    const raw = { status: 401, code: '3200', message: 'token=SECRET', detail: null, element: null, intuitTid: null };
    const { messages, standings } = judge(ALL_CALM, { ...CALM, run: { id: '1', state: 'halted', failed: 0, problem: problem('subscription_lapsed', { raw }) } }, new Date(START));
    expect(JSON.stringify([messages, standings])).not.to.contain('SECRET');
  });
});
