import { expect } from 'chai';
import { isOutage, outcomeOf, verdictOf } from '../../server/core/outcome.ts';
import type { ItemAnswer, Refusal } from '../../server/core/ports.ts';
import { PROBLEMS, describe as wordsFor, problem, type ProblemCode, type RawFault } from '../../server/core/problems.ts';
import { aClass } from './sample.ts';

const fault = (code: string | null, status: number | null = 400): RawFault => ({ status, code, message: 'm', detail: 'd', element: null, intuitTid: 't' });
const refused = (code: string | null, status?: number | null) => ({ kind: 'refused', fault: fault(code, status), response: null }) satisfies ItemAnswer;
const whole = (code: string | null, status: number | null, retryAfter: number | null = null): Refusal => ({ kind: 'refused', fault: fault(code, status), retryAfter });
const lost: Refusal = { kind: 'unknown', why: 'time-out', status: null, intuitTid: null };

describe('what an answer means for a record', () => {
  it('is applied only with a class in hand', () => {
    expect(outcomeOf({ kind: 'done', class: aClass(), response: {} }, 'x').kind).to.equal('applied');
  });

  const rows: [string, string, ProblemCode][] = [
    ['6240', 'look', 'name_refused_duplicate'], ['5010', 'look', 'keeps_changing'], ['610', 'look', 'parent_refused'], ['2500', 'look', 'parent_refused'],
    ['600', 'look', 'gave_up'], ['10000', 'look', 'gave_up'],
    ['2040', 'rejected', 'name_refused_characters'], ['2050', 'rejected', 'name_refused_length'], ['6180', 'rejected', 'too_deep'],
    ['5020', 'rejected', 'not_in_plan'], ['6000', 'rejected', 'business_rule'], ['2010', 'rejected', 'our_fault'], ['7777', 'rejected', 'refused'],
    ['3001', 'again', 'quickbooks_throttled'], ['150', 'again', 'quickbooks_busy'], ['3200', 'again', 'reconnect_needed'], ['6190', 'again', 'subscription_lapsed'],
  ];
  for (const [code, kind, reason] of rows) {
    it(`${code} is ${kind}: ${reason}, with QuickBooks’ own words kept`, () => {
      const outcome = outcomeOf(refused(code), '03 Concrete');
      expect(outcome.kind).to.equal(kind);
      if (outcome.kind === 'applied') throw new Error('not applied');
      expect(outcome.problem).to.deep.equal(problem(reason, { field: 'Class', value: '03 Concrete', raw: fault(code) }));
    });
  }

  it('an item that was not answered, or an answer nobody understood, has to be looked up under the same requestid', () => {
    for (const answer of [undefined, lost]) expect(outcomeOf(answer, 'x')).to.deep.include({ kind: 'look', sameRequest: true });
  });

  it('a refusal that is not about the record does not use up its tries', () => {
    expect(outcomeOf(refused('3001'), 'x')).to.deep.include({ counts: false });
    expect(outcomeOf(refused('1010'), 'x')).to.deep.include({ counts: true });
  });
});

describe('what an answer means for the run', () => {
  it('throttling waits a minute, or as long as QuickBooks says', () => {
    expect(verdictOf(whole('3001', 429), 0)).to.deep.include({ kind: 'wait', ms: 60_000 });
    expect(verdictOf(whole(null, 429, 7_000), 0)).to.deep.include({ kind: 'wait', ms: 7_000 });
    expect(verdictOf(whole('3001', 403), 0).kind).to.equal('wait');
  });

  it('a throttled part of a batch makes the whole run wait', () => {
    const answer = { kind: 'answered', items: new Map([['1', refused('3001')]]), status: 200, intuitTid: null, took: 1 } as const;
    expect(verdictOf(answer, 0).kind).to.equal('wait');
  });

  it('a dead connection or a lapsed subscription halts', () => {
    for (const [code, status] of [['3200', 401], ['3100', 403], [null, 401], ['6190', 400]] as const) {
      expect(verdictOf(whole(code, status), 0).kind, String(code)).to.equal('halt');
    }
  });

  it('no clear answer backs off, longer each time, to one probe in 30 seconds', () => {
    const waits = [0, 1, 2, 10].map((failures) => verdictOf(lost, failures)).map((verdict) => (verdict.kind === 'wait' ? verdict.ms : null));
    expect(waits).to.deep.equal([1_000, 2_000, 4_000, 30_000]);
  });

  it('no answer and 5xx are about QuickBooks as a whole, a refusal and an answer are not', () => {
    const [down, stale] = [{ ...whole(null, 503), took: 1 }, { ...whole('5010', 400), took: 1 }];
    const answered = { kind: 'answered', items: new Map(), status: 200, intuitTid: null, took: 1 } as const;
    expect([{ ...lost, took: 1 }, down, stale, answered].map(isOutage)).to.deep.equal([true, true, false, false]);
  });

  it('a fault of one record lets the run go on', () => {
    expect(verdictOf(whole('6240', 400), 0).kind).to.equal('go_on');
  });
});

describe('the words for problems', () => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    it(`${code}: a sentence and a next step, no placeholder left, no exclamation`, () => {
      const { sentence, next, title } = wordsFor(problem(code, { value: 'V' }));
      for (const text of [sentence, next]) expect(text).to.match(/^[A-Z].*[.]$/);
      expect(`${title}${sentence}${next}`).to.not.match(/[{}!]/);
    });
  }
});
