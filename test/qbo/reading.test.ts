import { expect } from 'chai';
import { BooksError, GrantError, type AccessTokens } from '../../server/core/ports.ts';
import type { QuickBooksClass } from '../../server/core/records.ts';
import { quickBooks } from '../../server/qbo/books.ts';
import {
  CANARY, REALM, RENEWED, answering, clock, deadAddress, expired, faultBody, json, open, plain, tokenIn, tokens, wireClass,
  type Answering, type Sent, type Wire,
} from './wire.ts';

const queryOf = (sent: Sent) => sent.url.searchParams.get('query') ?? sent.body;
const list = (rows: readonly unknown[]) =>
  ({ QueryResponse: { Class: rows, startPosition: 1, maxResults: rows.length }, time: 'now' });

interface Oddities {
  readonly extra?: number;
  readonly pageLimit?: number;
  readonly counts?: readonly number[];
}

/** Answers counts and pages as QuickBooks does, from these rows; pages may be longer or shorter, counts told otherwise. */
function holding(rows: readonly unknown[], odd: Oddities = {}): Answering {
  let counted = 0;
  return (response, sent) => {
    const query = queryOf(sent);
    if (query.includes('count(*)')) {
      const total = odd.counts?.[counted] ?? rows.length;
      counted += 1;
      json(response, 200, { QueryResponse: { totalCount: total } });
      return;
    }
    const start = Number(/STARTPOSITION (\d+)/.exec(query)?.[1]);
    const most = Math.min(Number(/MAXRESULTS (\d+)/.exec(query)?.[1]), odd.pageLimit ?? 1_000) + (odd.extra ?? 0);
    json(response, 200, list(rows.slice(start - 1, start - 1 + most)));
  };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => wireClass(String(index + 1), `Class ${index + 1}`));

async function all(pages: AsyncIterable<readonly QuickBooksClass[]>): Promise<QuickBooksClass[]> {
  const read: QuickBooksClass[] = [];
  for await (const page of pages) read.push(...page);
  return read;
}

const failing = async (work: Promise<unknown>): Promise<unknown> => work.then(() => null, (error: unknown) => error);

describe('qbo: reading', () => {
  const wires: Wire[] = [];

  afterEach(async () => {
    await Promise.all(wires.splice(0).map((wire) => wire.close()));
  });

  async function serving(answer: Answering): Promise<Wire> {
    const wire = await answering(answer);
    wires.push(wire);
    return wire;
  }

  describe('the whole class list', () => {
    it('comes page by page, ordered by id, inactive ones too, and is counted before and after', async () => {
      const wire = await serving(holding(many(2_300)));
      const { books, kinds } = open(wire.url);
      const read = await all(books.classes());
      expect(read.map((one) => one.id)).to.deep.equal(many(2_300).map((one) => one['Id']));
      const page = (start: number) =>
        `select * from Class where Active in (true,false) ORDERBY Id STARTPOSITION ${start} MAXRESULTS 1000`;
      const count = 'select count(*) from Class where Active in (true,false)';
      expect(wire.sent.map(queryOf)).to.deep.equal([count, page(1), page(1_001), page(2_001), count]);
      expect(kinds).to.deep.equal(['read', 'read', 'read', 'read', 'read']);
    });

    it('goes on by the rows that came when pages are longer than asked for', async () => {
      const wire = await serving(holding(many(2_300), { extra: 1 }));
      expect(await all(open(wire.url).books.classes())).to.have.lengthOf(2_300);
    });

    it('goes on when pages are shorter than asked for', async () => {
      const wire = await serving(holding(many(12), { pageLimit: 5 }));
      expect(await all(open(wire.url).books.classes())).to.have.lengthOf(12);
    });

    it('drops repeated rows', async () => {
      const rows = many(6);
      const wire = await serving(holding([...rows.slice(0, 4), ...rows.slice(2)], { pageLimit: 4, counts: [6, 6] }));
      expect((await all(open(wire.url).books.classes())).map((one) => one.id)).to.deep.equal(['1', '2', '3', '4', '5', '6']);
    });

    it('is empty for a company without classes', async () => {
      const wire = await serving((response) => json(response, 200, { QueryResponse: {} }));
      expect(await all(open(wire.url).books.classes())).to.deep.equal([]);
    });

    it('is empty too when nothing found is an empty list', async () => {
      const wire = await serving((response, sent) =>
        json(response, 200, { QueryResponse: queryOf(sent).includes('count') ? { totalCount: 0 } : [] }));
      expect(await all(open(wire.url).books.classes())).to.deep.equal([]);
    });

    it('keeps the suffix of inactive classes', async () => {
      const wire = await serving(holding([wireClass('1', 'Design (deleted)', { Active: false })]));
      expect((await all(open(wire.url).books.classes()))[0]).to.include({ name: 'Design (deleted)', active: false });
    });

    for (const [what, odd] of [
      ['shorter than the counts', { counts: [7, 7] }],
      ['longer than the counts', { counts: [4, 4] }],
      ['counted differently after', { counts: [5, 6] }],
      ['counted differently before', { counts: [6, 5] }],
    ] as const) {
      it(`is not taken for complete when it is ${what}`, async () => {
        const wire = await serving(holding(many(5), odd));
        const error = await failing(all(open(wire.url).books.classes()));
        expect(error).to.be.instanceOf(BooksError);
        expect((error as BooksError).refusal.kind).to.equal('unknown');
      });
    }

    it('ends when a server keeps sending the same page', async () => {
      const wire = await serving((response, sent) => json(
        response, 200, queryOf(sent).includes('count') ? { QueryResponse: { totalCount: 50 } } : list(many(3)),
      ));
      expect(await failing(all(open(wire.url).books.classes()))).to.be.instanceOf(BooksError);
      expect(wire.sent).to.have.lengthOf(4);
    });

    it('is not read past a row that is no class', async () => {
      const wire = await serving(holding([...many(2), { Name: 'no id' }]));
      expect(await failing(all(open(wire.url).books.classes()))).to.be.instanceOf(BooksError);
    });

    it('stops when the caller gives up', async () => {
      const wire = await serving(() => {});
      const giveUp = new AbortController();
      const reading = failing(all(open(wire.url).books.classes({ signal: giveUp.signal })));
      setTimeout(() => giveUp.abort(new Error('enough')), 50);
      expect(((await reading) as Error).message).to.equal('enough');
    });

    it('is not begun when the caller has given up already', async () => {
      const wire = await serving(holding([]));
      const signal = AbortSignal.abort(new Error('before'));
      expect(await failing(all(open(wire.url).books.classes({ signal })))).to.include({ message: 'before' });
      expect(wire.sent).to.have.lengthOf(0);
    });
  });

  describe('some classes', () => {
    it('by id are asked for in groups, each once, and only what can be an id', async () => {
      const wire = await serving((response) => json(response, 200, list([])));
      const ids = Array.from({ length: 150 }, (_, index) => String(index + 1));
      await open(wire.url).books.byIds([...ids, '7', 'x7', "1') or ("]);
      const asked = wire.sent.map((sent) => [...queryOf(sent).matchAll(/'([^']*)'/g)].map((match) => match[1]));
      expect(asked.map((group) => group.length)).to.deep.equal([100, 50]);
      expect(asked.flat()).to.deep.equal(ids);
    });

    it('by no id cost no call', async () => {
      const wire = await serving((response) => json(response, 200, list([])));
      expect(await open(wire.url).books.byIds([])).to.deep.equal([]);
      expect(wire.sent).to.have.lengthOf(0);
    });

    it('by name are asked for with quotes and backslashes escaped, and as inactive ones too', async () => {
      const wire = await serving((response) => json(response, 200, list([wireClass('4', "Amy's (deleted)", { Active: false })])));
      const found = await open(wire.url).books.byNames(["Amy's", 'a\\b & c']);
      expect(wire.sent.map(queryOf)).to.deep.equal([
        'select * from Class where Name in '
        + String.raw`('Amy\'s','Amy\'s (deleted)','Amy\'s (Deleted)','a\\b & c','a\\b & c (deleted)','a\\b & c (Deleted)')`
        + ' and Active in (true,false) ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000',
      ]);
      expect(found.map((one) => [one.id, one.name, one.active])).to.deep.equal([['4', "Amy's (deleted)", false]]);
    });

    it('by many long names travel in the body instead of a long address', async () => {
      const wire = await serving((response) => json(response, 200, list([])));
      await open(wire.url).books.byNames(Array.from({ length: 30 }, (_, index) => `${index} ${'ü'.repeat(60)}`));
      expect(wire.sent).to.have.lengthOf(1);
      expect(wire.sent[0]).to.include({ method: 'POST' });
      expect(wire.sent[0]?.headers['content-type']).to.equal('application/text');
      expect(wire.sent[0]?.body).to.match(/^select \* from Class where Name in \('0 ü+'/);
    });

    it('never use an address of more than about 4,000 characters', async () => {
      const wire = await serving((response) => json(response, 200, list([])));
      const names = (length: number) => Array.from({ length: 30 }, (_, at) => `${at}`.padEnd(length, "'"));
      for (const length of [1, 5, 10, 20, 40, 100]) await open(wire.url).books.byNames(names(length));
      expect(wire.sent.map((sent) => sent.url.href.length).every((length) => length < 4_500)).to.equal(true);
    });

    it('are found over several pages', async () => {
      const wire = await serving(holding(many(1_500)));
      expect(await open(wire.url).books.byNames(['General'])).to.have.lengthOf(1_500);
    });
  });

  describe('the company', () => {
    const plus = [{ Name: 'OfferingSku', Value: 'QuickBooks Online Plus' }];
    const facts = (accounting: unknown, nameValue: unknown = plus): Answering => (response, sent) => {
      if (sent.url.pathname.endsWith('/query')) return json(response, 200, { QueryResponse: { totalCount: 7 } });
      const info = sent.url.pathname.endsWith(`/companyinfo/${REALM}`);
      return json(response, 200, info
        ? { CompanyInfo: { CompanyName: 'Sample Builders', NameValue: nameValue } }
        : { Preferences: { AccountingInfoPrefs: accounting } });
    };

    it('tells its name, plan and class tracking', async () => {
      const wire = await serving(facts({ ClassTrackingPerTxn: false, ClassTrackingPerTxnLine: true }));
      const expected = { name: 'Sample Builders', plan: 'QuickBooks Online Plus', classTracking: 'per_line', locations: 7 };
      expect(await open(wire.url).books.facts()).to.deep.equal(expected);
      expect(wire.sent.map(({ url }) => url.searchParams.get('query')).filter((query) => query !== null)).to.deep.equal(['select count(*) from Department where Active = true']);
    });

    it('is not asked for its locations where its plan has no limit', async () => {
      const wire = await serving(facts({}, [{ Name: 'OfferingSku', Value: 'Advanced' }]));
      expect(await open(wire.url).books.facts()).to.include({ plan: 'Advanced', locations: null });
      expect(wire.sent.filter(({ url }) => url.pathname.endsWith('/query'))).to.deep.equal([]);
    });

    it('may track per transaction', async () => {
      const wire = await serving(facts({ ClassTrackingPerTxn: true, ClassTrackingPerTxnLine: false }));
      expect((await open(wire.url).books.facts()).classTracking).to.equal('per_transaction');
    });

    it('may not track, and may not tell its plan', async () => {
      const wire = await serving(facts({}, []));
      expect(await open(wire.url).books.facts()).to.include({ plan: null, classTracking: 'off' });
    });

    it('that answers something else is an unknown end, not an empty company', async () => {
      const wire = await serving((response) => json(response, 200, { hello: 'world' }));
      expect(await failing(open(wire.url).books.facts())).to.be.instanceOf(BooksError);
    });
  });

  describe('what goes wrong', () => {
    const refusalOf = async (url: string) => {
      const error = await failing(open(url).books.byIds(['1']));
      if (!(error instanceof BooksError)) throw new Error('no BooksError');
      return error.refusal;
    };

    it('is a BooksError with QuickBooks’ fault', async () => {
      const wire = await serving((response) => json(response, 400, faultBody('4000', 'Error parsing query')));
      expect(await refusalOf(wire.url)).to.deep.include({ kind: 'refused', retryAfter: null });
    });

    it('is a refusal when nobody listens', async () => {
      const refusal = await refusalOf(await deadAddress());
      expect(refusal.kind === 'refused' && refusal.fault).to.include({ status: null, code: null, message: 'connect' });
    });

    it('is an unknown end when HTML comes', async () => {
      const wire = await serving((response) =>
        plain(response, 200, '<!doctype html><title>Sign in</title>', { 'content-type': 'text/html' }));
      expect(await refusalOf(wire.url)).to.include({ kind: 'unknown', why: 'the answer cannot be read' });
    });

    it('is cured by one renewed token when that is all', async () => {
      const wire = await serving((response, sent) => {
        if (tokenIn(sent) === RENEWED) json(response, 200, list([wireClass('1', 'A')]));
        else json(response, 401, expired(tokenIn(sent)));
      });
      expect(await open(wire.url).books.byIds(['1'])).to.have.lengthOf(1);
    });

    it('holds no token, in the error or in anything it carries', async () => {
      const wire = await serving((response, sent) => json(response, 401, expired(tokenIn(sent))));
      const error = await failing(open(wire.url).books.byIds(['1']));
      expect(JSON.stringify([error, String(error), (error as Error).stack, (error as Error).cause])).not.to.match(/canary/);
    });

    it('with the grant itself is left to the caller', async () => {
      const wire = await serving(holding([]));
      const dead: AccessTokens = { ...tokens(), current: () => Promise.reject(new GrantError('invalid_grant', 'dead')) };
      expect(await failing(open(wire.url, {}, dead).books.byIds(['1']))).to.be.instanceOf(GrantError);
    });

    it('in the pacing stops the call before it is sent', async () => {
      const wire = await serving(holding([]));
      const lost = () => Promise.reject(new Error('lease lost'));
      const books = quickBooks({ apiBase: wire.url, callTimeoutMs: 1_000, clock })(REALM, tokens(), lost);
      expect(await failing(books.byIds(['1']))).to.include({ message: 'lease lost' });
      expect(wire.sent).to.have.lengthOf(0);
    });
  });

  it('sends the token that is good when its turn has come, not the one from before', async () => {
    for (const [waited, sent] of [[59_000, CANARY], [60_000, RENEWED]] as const) {
      const wire = await serving(holding(many(1)));
      const given = tokens();
      let now = 0;
      const books = quickBooks({ apiBase: wire.url, callTimeoutMs: 1_000, clock: { ...clock, now: () => now } })(REALM, given, async () => {
        now += waited;
        await given.renewed(CANARY);
      });
      await books.byIds(['1']);
      expect(wire.sent.map(tokenIn)).to.deep.equal([sent]);
    }
  });

  it('sends the token only in its header', async () => {
    const wire = await serving(holding(many(1)));
    await all(open(wire.url).books.classes());
    expect(wire.sent.every((sent) => tokenIn(sent) === CANARY && !sent.url.href.includes('canary'))).to.equal(true);
  });
});
