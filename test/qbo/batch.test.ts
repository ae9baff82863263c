import { expect } from 'chai';
import { GrantError, type AccessTokens, type BatchAnswer } from '../../server/core/ports.ts';
import {
  CANARY, REALM, RENEWED, answering, create, deadAddress, expired, faultBody, json, open, plain, socketAnswering, tokenIn,
  tokens, wireClass,
  type Answering, type Wire,
} from './wire.ts';

const TWO = [create('r1', '01-100 Concrete'), create('r2', '02-200 Steel')];

describe('qbo: batch', () => {
  const wires: Wire[] = [];

  afterEach(async () => {
    await Promise.all(wires.splice(0).map((wire) => wire.close()));
  });

  async function serving(answer: Answering): Promise<Wire> {
    const wire = await answering(answer);
    wires.push(wire);
    return wire;
  }

  async function answerTo(answer: Answering): Promise<BatchAnswer> {
    return open((await serving(answer)).url).books.batch('req-1', TWO);
  }

  const parts = (...given: unknown[]): Answering => (response) =>
    json(response, 200, { BatchItemResponse: given }, { intuit_tid: 'tid-7' });
  const done = (bId: string, id: string, name: string, more = {}) => ({ Class: wireClass(id, name, more), bId });

  async function itemsOf(...given: unknown[]) {
    const answer = await answerTo(parts(...given));
    if (answer.kind !== 'answered') throw new Error(`the batch ended ${answer.kind}`);
    return answer.items;
  }

  describe('what is sent', () => {
    it('names the company, the minor version and the requestid, and carries the classes as written', async () => {
      const wire = await serving(parts());
      const update = { bId: 'r2', operation: 'update', body: { Id: '9', SyncToken: '3', Name: 'B', Active: false } } as const;
      await open(wire.url).books.batch('req-1', [create('r1', 'A'), update]);
      const [sent] = wire.sent;
      expect(sent?.method).to.equal('POST');
      expect(sent?.url.pathname).to.equal(`/v3/company/${REALM}/batch`);
      expect(Object.fromEntries(sent?.url.searchParams ?? [])).to.deep.equal({ minorversion: '75', requestid: 'req-1' });
      expect(sent?.headers).to.include({ accept: 'application/json', 'content-type': 'application/json' });
      expect(sent?.headers.authorization).to.equal(`Bearer ${CANARY}`);
      expect(JSON.parse(sent?.body ?? '')).to.deep.equal({
        BatchItemRequest: [
          { bId: 'r1', operation: 'create', Class: { Name: 'A' } },
          { bId: 'r2', operation: 'update', Class: { Id: '9', SyncToken: '3', Name: 'B', Active: false } },
        ],
      });
    });

    it('keeps a path in front of the API', async () => {
      const wire = await serving(parts());
      await open(`${wire.url}/api/`).books.batch('req-1', TWO);
      expect(wire.sent[0]?.url.pathname).to.equal(`/api/v3/company/${REALM}/batch`);
    });

    for (const [what, requestid, items] of [
      ['31 items', 'req', Array.from({ length: 31 }, (_, index) => create(`r${index}`, `N${index}`))],
      ['no items', 'req', []],
      ['one bId twice', 'req', [create('r1', 'A'), create('r1', 'B')]],
      ['a requestid of 37 characters', 'x'.repeat(37), TWO],
      ['a bId of 11 characters', 'req', [create('12345678901', 'A')]],
    ] as const) {
      it(`is not sent with ${what}`, async () => {
        const wire = await serving(parts());
        const error = await open(wire.url).books.batch(requestid, items).catch((caught: unknown) => caught);
        expect(error).to.be.instanceOf(RangeError);
        expect(wire.sent).to.have.lengthOf(0);
      });
    }
  });

  describe('parts', () => {
    it('are read by bId, in any order', async () => {
      const items = await itemsOf(done('r2', '12', '02-200 Steel'), done('r1', '11', '01-100 Concrete'));
      const ids = [...items].map(([bId, item]) => [bId, item.kind === 'done' ? item.class.id : null]);
      expect(ids).to.have.deep.members([['r1', '11'], ['r2', '12']]);
    });

    it('become classes with ids as strings and times', async () => {
      const items = await itemsOf(done('r1', '5000000000000007280', '01-100 Concrete',
        { ParentRef: { value: '77' }, SyncToken: '4' }));
      const item = items.get('r1');
      expect(item?.kind === 'done' && item.class).to.deep.equal({
        id: '5000000000000007280', syncToken: '4', name: '01-100 Concrete', fullyQualifiedName: '01-100 Concrete',
        parentId: '77', active: true,
        createdAt: new Date('2026-07-22T20:57:27Z'), updatedAt: new Date('2026-07-22T20:57:27Z'),
      });
    });

    it('are faults with their code and the trace id of the call', async () => {
      const items = await itemsOf({ ...faultBody('6240', 'Duplicate Name Exists Error'), bId: 'r1' },
        done('r2', '12', '02-200 Steel'));
      const item = items.get('r1');
      const expected = { code: '6240', message: 'Duplicate Name Exists Error', intuitTid: 'tid-7' };
      expect(item?.kind === 'refused' && item.fault).to.include(expected);
    });

    it('keep what QuickBooks answered for them', async () => {
      const part = done('r1', '11', '01-100 Concrete');
      expect((await itemsOf(part)).get('r1')?.response).to.deep.equal(part);
    });

    it('nobody asked for are ignored', async () => {
      const items = await itemsOf(done('r1', '11', '01-100 Concrete'), done('r9', '19', '09 Foreign'),
        done('r1 ', '20', '01-100 Concrete'), 7, null);
      expect([...items.keys()]).to.deep.equal(['r1']);
    });

    it('that are missing leave their item without an answer', async () => {
      expect([...(await itemsOf(done('r2', '12', '02-200 Steel'))).keys()]).to.deep.equal(['r2']);
    });

    it('that come twice alike count once', async () => {
      const part = done('r1', '11', '01-100 Concrete');
      expect((await itemsOf(part, part)).get('r1')?.kind).to.equal('done');
    });

    it('that come twice and differ leave their item without an answer', async () => {
      const items = await itemsOf(
        done('r1', '11', '01-100 Concrete'), done('r1', '12', '01-100 Concrete'), done('r1', '11', '01-100 Concrete'),
        done('r2', '13', '02-200 Steel'),
      );
      expect([...items.keys()]).to.deep.equal(['r2']);
    });

    it('that are neither class nor fault leave their item without an answer', async () => {
      expect((await itemsOf({ bId: 'r1' }, { bId: 'r2', QueryResponse: {} })).size).to.equal(0);
    });

    it('that are class and fault at once leave their item without an answer', async () => {
      expect((await itemsOf({ ...done('r1', '11', '01-100 Concrete'), ...faultBody('2040') })).size).to.equal(0);
    });

    it('without an id leave their item without an answer', async () => {
      expect((await itemsOf(done('r1', '', '01-100 Concrete'), done('r2', 'twelve', '02-200 Steel'))).size).to.equal(0);
    });

    it('with another class’s name leave their item without an answer', async () => {
      expect((await itemsOf(done('r1', '11', '02-200 Steel'), done('r2', '12', '01-100 Concrete'))).size).to.equal(0);
    });

    it('with the name as QuickBooks writes it are answers: blanks, case, the suffix of an inactive class', async () => {
      const items = await itemsOf(done('r1', '11', ' 01-100 CONCRETE '),
        done('r2', '12', '02-200 Steel (deleted)', { Active: false }));
      expect([...items.keys()]).to.have.members(['r1', 'r2']);
    });

    it('about another id than the update’s leave their item without an answer', async () => {
      const wire = await serving(parts(done('r1', '10', 'B')));
      const update = { bId: 'r1', operation: 'update', body: { Id: '9', SyncToken: '0', Name: 'B' } } as const;
      const answer = await open(wire.url).books.batch('req-1', [update]);
      expect(answer.kind === 'answered' && answer.items.size).to.equal(0);
    });
  });

  describe('a whole call', () => {
    it('answered in full tells status, trace id and time taken', async () => {
      const answer = await answerTo(parts());
      expect(answer).to.include({ kind: 'answered', status: 200, intuitTid: 'tid-7' });
      expect(answer.took).to.be.within(0, 5_000);
    });

    it('reads the trace id under its other spelling', async () => {
      const answer = await answerTo((response) => json(response, 200, { BatchItemResponse: [] }, { 'Intuit-Tid': 'tid-8' }));
      expect(answer.kind === 'answered' && answer.intuitTid).to.equal('tid-8');
    });

    it('throttled in XML is refused, with the wait that was asked for', async () => {
      const error = '<Error code="3001"><Message>message=ThrottleExceeded</Message></Error>';
      const xml = `<IntuitResponse><Fault type="SERVICE">${error}</Fault></IntuitResponse>`;
      const answer = await answerTo((response) =>
        plain(response, 429, xml, { 'content-type': 'application/xml', 'retry-after': '30' }));
      expect(answer).to.include({ kind: 'refused', retryAfter: 30_000 });
      expect(answer.kind === 'refused' && answer.fault).to.include({ status: 429, code: '3001' });
    });

    it('throttled in a 403 is refused as throttled', async () => {
      const answer = await answerTo((response) =>
        json(response, 403, { fault: { error: [{ message: 'errorCode=003001; statusCode=403', code: '3001' }] } }));
      expect(answer.kind === 'refused' && answer.fault).to.include({ status: 403, code: '3001' });
    });

    it('with a fault in a 200 is refused', async () => {
      const answer = await answerTo((response) => json(response, 200, faultBody('6190', 'Invalid Company Status')));
      expect(answer.kind === 'refused' && answer.fault).to.include({ status: 200, code: '6190' });
    });

    it('without BatchItemResponse has an unknown end', async () => {
      expect(await answerTo((response) => json(response, 200, { time: 'now' }))).to.include({ kind: 'unknown', status: 200 });
    });

    it('answered with HTML and 502 has an unknown end', async () => {
      const answer = await answerTo((response) =>
        plain(response, 502, '<html><h1>Bad Gateway</h1></html>', { intuit_tid: 'tid-502' }));
      expect(answer).to.include({ kind: 'unknown', status: 502, intuitTid: 'tid-502' });
    });

    it('cut in the middle of its JSON has an unknown end', async () => {
      const answer = await answerTo((response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{"BatchItemResponse":[{"Cla', () => response.destroy());
      });
      expect(answer).to.include({ kind: 'unknown', why: 'the connection was cut' });
    });

    it('with whole HTTP but half its JSON has an unknown end', async () => {
      const answer = await answerTo((response) => plain(response, 200, '{"BatchItemResponse":[{"Cla'));
      expect(answer).to.include({ kind: 'unknown', status: 200 });
    });

    it('whose connection is cut after it was sent has an unknown end', async () => {
      const wire = await socketAnswering((socket) => socket.resetAndDestroy());
      wires.push(wire);
      const answer = await open(wire.url).books.batch('req-1', TWO);
      expect(answer).to.include({ kind: 'unknown', why: 'the connection was cut', status: null });
    });

    it('answered with something that is not HTTP has an unknown end', async () => {
      const wire = await socketAnswering((socket) => socket.end('220 mail.example.com ESMTP\r\n'));
      wires.push(wire);
      expect(await open(wire.url).books.batch('req-1', TWO)).to.include({ kind: 'unknown', status: null });
    });

    it('that nobody listens for is refused: it was never sent', async () => {
      const answer = await open(await deadAddress()).books.batch('req-1', TWO);
      const expected = { status: null, code: null, message: 'connect', detail: 'ECONNREFUSED' };
      expect(answer.kind === 'refused' && answer.fault).to.include(expected);
    });

    it('redirected has an unknown end, and the token goes nowhere else', async () => {
      const elsewhere = await serving(parts());
      const answer = await answerTo((response) => plain(response, 307, '', { location: `${elsewhere.url}/stolen` }));
      expect(answer).to.include({ kind: 'unknown' });
      expect(elsewhere.sent).to.have.lengthOf(0);
    });

    it('too long has an unknown end', async () => {
      const wire = await serving((response) => plain(response, 200, `{"BatchItemResponse":[],"x":"${'x'.repeat(5_000)}"}`));
      const answer = await open(wire.url, { maxAnswerBytes: 4_000 }).books.batch('req-1', TWO);
      expect(answer).to.include({ kind: 'unknown', why: 'the answer is too long' });
    });

    it('without an answer ends unknown after the time-out', async () => {
      const wire = await serving(() => {});
      const answer = await open(wire.url, { callTimeoutMs: 120 }).books.batch('req-1', TWO);
      expect(answer).to.include({ kind: 'unknown', why: 'no whole answer in time' });
      expect(answer.took).to.be.within(100, 3_000);
    });

    it('that drips ends unknown after the time-out, however often something comes', async () => {
      const wire = await serving((response) => {
        response.writeHead(200);
        const drip = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(drip));
      });
      const answer = await open(wire.url, { callTimeoutMs: 200 }).books.batch('req-1', TWO);
      expect(answer).to.include({ kind: 'unknown', why: 'no whole answer in time' });
    });
  });

  describe('the token', () => {
    it('is renewed once after a 401, and the same call repeated with the same requestid', async () => {
      const wire = await serving((response, sent) => {
        if (tokenIn(sent) === CANARY) json(response, 401, expired(CANARY));
        else json(response, 200, { BatchItemResponse: [done('r1', '11', '01-100 Concrete')] });
      });
      const { books, kinds } = open(wire.url);
      const answer = await books.batch('req-1', TWO);
      expect(answer.kind).to.equal('answered');
      expect(wire.sent.map(tokenIn)).to.deep.equal([CANARY, RENEWED]);
      expect(wire.sent.map((sent) => sent.url.searchParams.get('requestid'))).to.deep.equal(['req-1', 'req-1']);
      expect(wire.sent[0]?.body).to.equal(wire.sent[1]?.body);
      expect(kinds).to.deep.equal(['batch', 'batch']);
    });

    it('refused twice is a refusal, and is in nothing that comes back', async () => {
      const wire = await serving((response, sent) =>
        json(response, 401, expired(tokenIn(sent)), { 'www-authenticate': `Bearer ${tokenIn(sent)}` }));
      const answer = await open(wire.url).books.batch('req-1', TWO);
      expect(wire.sent).to.have.lengthOf(2);
      expect(answer.kind === 'refused' && answer.fault).to.include({ status: 401, code: '3200', detail: null });
      expect(JSON.stringify(answer)).not.to.match(/canary/);
    });

    it('is not renewed for a person who lost the rights', async () => {
      const wire = await serving((response) => json(response, 401, faultBody('120', 'Authorization Failure')));
      const answer = await open(wire.url).books.batch('req-1', TWO);
      expect(wire.sent).to.have.lengthOf(1);
      expect(answer.kind === 'refused' && answer.fault.code).to.equal('120');
    });

    it('repeated in a part, a header or a fault does not come back', async () => {
      const rights = { ...faultBody('3200', `Token ${CANARY}`, `half a token: ${CANARY.slice(0, 60)}`), bId: 'r1' };
      const answer = await answerTo((response) => json(
        response, 200, { BatchItemResponse: [rights, { ...faultBody('2040', CANARY, CANARY), bId: 'r2' }] },
        { intuit_tid: CANARY },
      ));
      if (answer.kind !== 'answered') throw new Error(answer.kind);
      const told = JSON.stringify([answer, ...answer.items.values()]);
      expect(answer.items.size).to.equal(2);
      expect(told).not.to.match(/canary|eyJlbm/);
    });

    for (const [kind, code] of [['invalid_grant', '3200'], ['refused', '3200'], ['unreachable', null]] as const) {
      it(`that cannot be had (${kind}) makes a refusal of its own`, async () => {
        const wire = await serving(parts());
        const failing: AccessTokens = { ...tokens(), current: () => Promise.reject(new GrantError(kind, 'no token', 'tid-9')) };
        const answer = await open(wire.url, {}, failing).books.batch('req-1', TWO);
        expect(answer.kind === 'refused' && answer.fault).to.deep.equal({
          status: null, code, message: `grant ${kind}`, detail: null, element: null, intuitTid: 'tid-9',
        });
        expect(wire.sent).to.have.lengthOf(0);
      });
    }

    it('that cannot be renewed after a 401 makes a refusal of its own', async () => {
      const wire = await serving((response) => json(response, 401, expired(CANARY)));
      const failing: AccessTokens = { ...tokens(), renewed: () => Promise.reject(new GrantError('invalid_grant', 'dead')) };
      const answer = await open(wire.url, {}, failing).books.batch('req-1', TWO);
      expect(answer.kind === 'refused' && answer.fault).to.include({ code: '3200', message: 'grant invalid_grant' });
    });
  });
});
