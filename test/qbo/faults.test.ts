import { expect } from 'chai';
import fc from 'fast-check';
import { waitAsked } from '../../server/qbo/call.ts';
import { readEnd, type Reply } from '../../server/qbo/faults.ts';
import { expired, faultBody } from './wire.ts';

const XML_429 = '<IntuitResponse time="2026-01-01" xmlns="http://schema.intuit.com/finance/v3">'
  + '<Fault type="SERVICE"><Error code="3001">'
  + '<Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message>'
  + '<Detail>The request limit was reached.  Try again later</Detail></Error></Fault></IntuitResponse>';

function ending(status: number, body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return readEnd({ status, text, intuitTid: 'tid-1', retryAfter: null });
}

function faultOfRefusal(status: number, body: unknown) {
  const end = ending(status, body);
  if (end.kind !== 'refused') throw new Error(`${status} was read as ${end.kind}`);
  return end.fault;
}

describe('qbo: reading faults', () => {
  it('reads the service dialect word for word', () => {
    const body = faultBody('6240', 'Duplicate Name Exists Error', 'The name supplied already exists. : null');
    expect(faultOfRefusal(400, body)).to.deep.equal({
      status: 400, code: '6240', message: 'Duplicate Name Exists Error', detail: 'The name supplied already exists. : null',
      element: null, intuitTid: 'tid-1',
    });
  });

  it('reads the gateway dialect and drops the detail that repeats the token', () => {
    const fault = faultOfRefusal(401, expired('AB01.short-piece'));
    expect(fault).to.include({ code: '3200', detail: null });
    expect(fault.message).to.equal('message=AuthenticationFailed; errorCode=003200; statusCode=401');
  });

  it('takes what looks like a piece of a token out of the message of a 401', () => {
    const body = { fault: { error: [{ message: 'expired: eyJhbGciOiJkaXIifQ0123.x', code: '3200' }] } };
    expect(faultOfRefusal(401, body).message).to.equal('expired: [removed]');
  });

  it('reads XML', () => {
    expect(faultOfRefusal(429, XML_429)).to.include({ code: '3001', detail: 'The request limit was reached.  Try again later' });
  });

  it('knows a throttled call in a 403', () => {
    expect(faultOfRefusal(403, XML_429.replace('statusCode=429', 'statusCode=403')).code).to.equal('3001');
  });

  it('unescapes XML once', () => {
    const xml = '<Fault><Error code="2040" element="Name"><Message>a &amp;lt; b</Message></Error></Fault>';
    expect(faultOfRefusal(400, xml)).to.include({ message: 'a &lt; b', element: 'Name', detail: null });
  });

  it('finds the code in the message when the code is missing', () => {
    const body = { fault: { error: [{ message: 'message=SubscriptionLapsed; errorCode=007001; statusCode=400' }] } };
    expect(faultOfRefusal(400, body).code).to.equal('007001');
  });

  it('reads codes without the gateway’s leading zeros', () => {
    expect(faultOfRefusal(403, { fault: { error: [{ code: '003100' }] } }).code).to.equal('3100');
  });

  it('takes a number for a code', () => {
    expect(faultOfRefusal(400, { Fault: { Error: [{ code: 5010 }] } }).code).to.equal('5010');
  });

  it('knows a refusal whose certainty is in its code though the status is 500', () => {
    const body = { fault: { error: [{ message: 'errorCode=003100; statusCode=500', code: '3100' }] } };
    expect(faultOfRefusal(500, body).code).to.equal('3100');
  });

  for (const [what, status, body] of [
    ['a system failure', 500, faultBody('10000')],
    ['an HTML error', 502, '<html><body>Bad Gateway</body></html>'],
    ['an empty 503', 503, ''],
    ['HTML in a success', 200, '<html></html>'],
    ['cut JSON in a success', 200, '{"QueryResponse":{"Cla'],
    ['an empty success', 200, ''],
    ['a bare list in a success', 200, '[]'],
    ['a 400 nobody can read', 400, '<html>Bad Request</html>'],
    ['a system failure in a success', 200, faultBody('10000')],
    ['a fault without code in a success', 200, { Fault: {} }],
    ['a fault beside batch parts', 200, { ...faultBody('6190'), BatchItemResponse: [] }],
    ['a redirect', 302, ''],
    ['a request time-out', 408, ''],
  ] as const) {
    it(`takes ${what} for an unknown end`, () => {
      expect(ending(status, body)).to.include({ kind: 'unknown', status, intuitTid: 'tid-1' });
    });
  }

  it('takes a coded fault in a success for a refusal', () => {
    expect(faultOfRefusal(200, faultBody('6190')).code).to.equal('6190');
  });

  it('takes a fault in XML in a success for a refusal', () => {
    expect(faultOfRefusal(200, XML_429).code).to.equal('3001');
  });

  for (const status of [401, 403, 404, 413, 429]) {
    it(`takes an unreadable ${status} for a refusal without code`, () => {
      expect(faultOfRefusal(status, 'nonsense')).to.include({ status, code: null, message: null });
    });
  }

  it('reads anything without throwing, and never calls a failed status answered', () => {
    const bytes = fc.uint8Array({ maxLength: 400 }).map((given) => new TextDecoder().decode(given));
    const pieces = fc.constantFrom('<Fault>', '<Error ', 'code="', '"', '>', '</Fault>', '{', 'fault', '&amp;');
    const texts = fc.oneof(bytes, fc.json(), fc.string({ unit: pieces }));
    fc.assert(fc.property(texts, fc.integer({ min: 100, max: 599 }), (text, status) => {
      const end = readEnd({ status, text, intuitTid: null, retryAfter: null } satisfies Reply);
      expect(['answered', 'refused', 'unknown']).to.include(end.kind);
      if (status < 200 || status > 299) expect(end.kind).not.to.equal('answered');
    }));
  });

  it('never lets the detail of a 401 through, whatever its shape', () => {
    const secret = 'AB01canary0123456789';
    const dialects = fc.record({
      outer: fc.constantFrom('Fault', 'fault'), inner: fc.constantFrom('Error', 'error'),
      detail: fc.constantFrom('Detail', 'detail'),
      message: fc.constantFrom('Message', 'message'), code: fc.constantFrom('3200', '130', '', null, 6240), list: fc.boolean(),
      before: fc.constantFrom('', 'Token expired: ', '"'), xml: fc.boolean(),
    });
    fc.assert(fc.property(dialects, (d) => {
      const error = { [d.message]: `${d.before}${secret}`, [d.detail]: `${d.before}${secret}`, code: d.code, element: secret };
      const inXml = `<Message>${secret}</Message><Detail>${secret}</Detail>`;
      const xml = `<Fault><Error code="${d.code}" element="${secret}">${inXml}</Error></Fault>`;
      const end = ending(401, d.xml ? xml : { [d.outer]: { [d.inner]: d.list ? [error] : error } });
      expect(end.kind).to.equal('refused');
      expect(JSON.stringify(end)).not.to.include(secret);
    }));
  });
});

describe('qbo: Retry-After', () => {
  const now = Date.parse('2026-11-23T09:00:00Z');

  it('reads seconds', () => expect(waitAsked('90', now)).to.equal(90_000));
  it('reads a date', () => expect(waitAsked('Mon, 23 Nov 2026 09:01:00 GMT', now)).to.equal(60_000));
  it('takes a date that has passed for no wait', () => expect(waitAsked('Mon, 23 Nov 2026 08:00:00 GMT', now)).to.equal(0));
  it('takes nonsense for nothing said', () => expect(waitAsked('soon', now)).to.equal(null));
  it('waits a day at most', () => expect(waitAsked('99999999999', now)).to.equal(86_400_000));
});
