import { expect } from 'chai';
import fc from 'fast-check';
import { Clock } from '../../../server/sandbox/quickbooks/clock.ts';
import { defaultSwitches } from '../../../server/sandbox/quickbooks/switches.ts';
import { Throttle, WINDOWS } from '../../../server/sandbox/quickbooks/throttle.ts';
import type { WindowName } from '../../../server/sandbox/quickbooks/throttle.ts';
import { ACCOUNTING, APP, Bench, read } from './support.ts';
import type { Answer } from './support.ts';

describe('QuickBooks sandbox: limits', () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open({ limits: 'on' });
  });
  after(() => bench.close());
  beforeEach(() => bench.freshCompany());

  const later = (seconds: number) => bench.control('POST', '/sandbox/clock', { advanceSeconds: seconds });
  const preferences = () => bench.api('GET', 'preferences');
  async function times(count: number, call: () => Promise<Answer>, secondsBetween = 0): Promise<number[]> {
    const statuses: number[] = [];
    for (let at = 0; at < count; at += 1) {
      statuses.push((await call()).status);
      if (secondsBetween > 0) await later(secondsBetween);
    }
    return statuses;
  }
  const refusedBy = async (): Promise<string[]> => (await bench.control('GET', '/sandbox/limits')).list('windows')
    .filter((window) => Number(window.at('refused')) > 0).map((window) => window.text('name'));

  it('refuses the eleventh call of a second, and takes the next a second later', async () => {
    expect(await times(11, preferences)).to.deep.equal([...Array<number>(10).fill(200), 429]);
    expect(await refusedBy()).to.deep.equal(['burst']);
    await later(1);
    expect((await preferences()).status).to.equal(200);
  });

  it('refuses the 41st batch of a minute', async () => {
    const batch = () => bench.batch([{ bId: '1', Query: 'select count(*) from Class' }]);
    expect(await times(41, batch, 0.2)).to.deep.equal([...Array<number>(40).fill(200), 429]);
    expect(await refusedBy()).to.deep.equal(['batch']);
  });

  it('refuses the 501st call of a minute, for every app of the company', async () => {
    await bench.control('PATCH', '/sandbox/limits', { burst: 1000 });
    expect((await times(500, preferences)).every((status) => status === 200)).to.equal(true);
    await bench.control('POST', '/sandbox/apps', { ...APP, clientId: 'second', clientSecret: 'second-secret' });
    await bench.connect({ clientId: 'second' });
    expect((await preferences()).status).to.equal(429);
    expect(await refusedBy()).to.deep.equal(['rest']);
  });

  it('keeps companies apart', async () => {
    await times(10, preferences);
    const other = await bench.control('POST', '/sandbox/companies', { name: 'Other' });
    bench.realmId = other.text('realmId');
    await bench.connect();
    expect((await preferences()).status).to.equal(200);
  });

  it('refuses the eleventh call at once', async () => {
    await bench.switches({ callLatencyMs: 200, burst: '10-concurrent' });
    const answers = await Promise.all(Array.from({ length: 11 }, preferences));
    expect(answers.filter((answer) => answer.status === 429)).to.have.length(1);
    expect((await preferences()).status).to.equal(200);
  });

  it('counts a batch as one call, or as its parts when so switched', async () => {
    await bench.control('PATCH', '/sandbox/limits', { rest: 5 });
    const batch = () => bench.batch([1, 2, 3].map((bId) => ({ bId: String(bId), Query: 'select count(*) from Class' })));
    expect(await times(5, batch)).to.deep.equal([200, 200, 200, 200, 200]);
    await bench.freshCompany();
    await bench.control('PATCH', '/sandbox/limits', { rest: 5 });
    await bench.switches({ batchItemsCount: '30' });
    expect(await times(2, batch)).to.deep.equal([200, 429]);
  });

  it('refuses metered reads over the month\'s cap, and still takes writes', async () => {
    await bench.control('PATCH', '/sandbox/limits', { monthly: 2 });
    expect(await times(3, preferences)).to.deep.equal([200, 200, 429]);
    expect((await bench.postClass({ Name: 'A' })).status).to.equal(200);
  });

  it('answers as recorded: XML to a client that asked for JSON, without Retry-After', async () => {
    await times(10, preferences);
    const answer = await preferences();
    expect(answer.headers.get('content-type')).to.equal('application/xml');
    expect(answer.headers.get('retry-after')).to.equal(null);
    expect(answer.text.replace(/time="[^"]*"/, 'time="…"')).to.equal(
      '<IntuitResponse time="…" xmlns="http://schema.intuit.com/finance/v3"><Fault type="SERVICE"><Error code="3001">'
      + '<Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message><Detail>'
      + 'The request limit was reached.  Try again later'
      + '</Detail></Error></Fault></IntuitResponse>',
    );
  });

  it('answers in the other ways the switches name', async () => {
    await bench.switches({ throttleBody: 'Fault', retryAfter: 'yes' });
    await times(10, preferences);
    const upper = await preferences();
    expect([read(upper).at('Fault.Error.0.code'), upper.headers.get('retry-after')]).to.deep.equal(['3001', '60']);
    await bench.switches({ throttleBody: 'fault', throttleStatus: '403', retryAfter: 'no' });
    const lower = await preferences();
    expect([lower.status, read(lower).at('fault.error.0.code')]).to.deep.equal([403, '3001']);
  });

  it('measures without refusing when limits are off', async () => {
    await bench.switches({ limits: 'off' });
    expect((await times(30, preferences)).every((status) => status === 200)).to.equal(true);
    const report = await bench.control('GET', '/sandbox/limits');
    expect(report.list('windows').find((window) => window.at('name') === 'burst')?.at('fullest')).to.be.at.least(11);
    expect(report.at('throttled')).to.equal(0);
  });

  it('counts metered reads and free writes in the audit log', async () => {
    const from = (await bench.control('GET', '/sandbox/calls')).at('last');
    await preferences();
    await bench.postClass({ Name: 'A' }, '?requestid=r1');
    const calls = (await bench.control('GET', `/sandbox/calls?since=${String(from)}`)).list('calls');
    expect(calls.map((call) => [call.at('operation'), call.at('meter'), call.at('requestid'), call.at('status')])).to.deep.equal([
      ['preferences.read', 'CorePlus', null, 200], ['class.create', 'Core', 'r1', 200],
    ]);
    expect(JSON.stringify(calls)).not.to.include(bench.token);
  });

  it('gives a token without the accounting scope nothing to count', async () => {
    await bench.connect({ scope: 'openid email' });
    expect((await preferences()).status).to.equal(403);
    await bench.connect({ scope: ACCOUNTING });
    expect((await preferences()).status).to.equal(200);
  });

  it('runs its windows at the sandbox\'s speed', async () => {
    const fast = await Bench.open({ limits: 'on', speed: 100 });
    try {
      const statuses = await Promise.all(
        Array.from({ length: 10 }, () => fast.api('GET', 'preferences').then((answer) => answer.status)));
      expect(statuses.filter((status) => status === 200)).to.have.length(10);
      await new Promise((resolve) => setTimeout(resolve, 15));
      expect((await fast.api('GET', 'preferences')).status).to.equal(200);
    } finally {
      await fast.close();
    }
  });

  it('never lets a window overflow, whatever the calls', () => {
    const spans: [WindowName, number, number][] = (['rest', 'burst', 'batch', 'all'] as const)
      .map((name) => [name, WINDOWS[name].limit, WINDOWS[name].seconds * 1000]);
    fc.assert(fc.property(fc.array(fc.record({ gap: fc.nat(300), batch: fc.boolean() }), { maxLength: 900 }), (calls) => {
      const clock = new Clock(1);
      const throttle = new Throttle(clock, () => defaultSwitches('on'));
      const accepted: { at: number; batch: boolean }[] = [];
      for (const { gap, batch } of calls) {
        clock.advance(gap);
        const weight = { realmId: '1', clientId: 'a', isBatch: batch, items: 30, metered: false };
        const at = clock.now();
        if (throttle.enter(weight)) continue;
        throttle.leave(weight, 0);
        accepted.push({ at, batch });
      }
      for (const [name, limit, span] of spans) {
        const counted = name === 'batch' ? accepted.filter((call) => call.batch) : accepted;
        let first = 0;
        counted.forEach((call, at) => {
          while ((counted[first]?.at ?? 0) <= call.at - span - 5) first += 1;
          expect(at - first + 1, name).to.be.at.most(limit
            + counted.filter((each) => Math.abs(each.at - (call.at - span)) < 6).length);
        });
      }
    }), { numRuns: 20 });
  });
});
