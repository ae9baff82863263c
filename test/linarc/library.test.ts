import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect } from 'chai';

import type { LibraryEntry, LibraryKey, LibraryPage, LibraryQuestion } from '../../server/core/ports.ts';
import { ProblemError } from '../../server/core/problems.ts';
import { LinarcLibrary } from '../../server/linarc/library.ts';
import type { CostCode } from '../../server/sandbox/linarc/records.ts';
import { Linarc, OTHER } from '../sandbox/linarc/support.ts';

async function problemOf(act: Promise<unknown>): Promise<ProblemError> {
  const outcome = await act.then(
    () => 'no failure at all',
    (error: unknown) => error,
  );
  if (outcome instanceof ProblemError) return outcome;
  throw new Error(`expected a ProblemError, got ${String(outcome)}`);
}

async function collected(pages: AsyncIterable<LibraryPage>): Promise<LibraryEntry[]> {
  const entries: LibraryEntry[] = [];
  for await (const page of pages) entries.push(...page.entries);
  return entries;
}

describe('Linarc library', () => {
  let linarc: Linarc;
  let library: LinarcLibrary;
  let key: LibraryKey;

  before(async () => {
    linarc = await Linarc.start();
    library = new LinarcLibrary({ baseUrl: linarc.sandbox.url, timeoutMs: 5_000 });
    key = { companyId: linarc.sandbox.company.id, apiKey: linarc.sandbox.apiKey };
  });
  beforeEach(() => linarc.reset());
  after(() => linarc.close());

  const all = (): Promise<LibraryEntry[]> => collected(library.pages(key));

  describe('reads', () => {
    it('the company of a key, whatever company it was asked with', async () => {
      expect(await library.company({ companyId: '', apiKey: OTHER.apiKey })).to.deep.equal({
        id: OTHER.id,
        name: OTHER.name,
        costCodeCount: 12,
      });
    });

    it('every code of the sample, as sent and as understood', async () => {
      const [entries, sent] = [await all(), await linarc.walk({ limit: '500' })];
      expect(entries.map(({ raw }) => raw)).to.deep.equal(sent);
      expect(entries.filter(({ unreadable }) => unreadable !== null)).to.deep.equal([]);
      expect(entries.find(({ costCode }) => costCode?.code === 'AD-195')?.costCode).to.deep.equal({
        code: 'AD-195',
        name: 'Fax line and switchboard',
        taskType: 'ADMIN',
        active: false,
        divisionCode: 'AD',
        divisionName: 'Administration',
      });
    });

    it('a long library page by page, with the total on each', async () => {
      await linarc.reset({ codes: 1_234 });
      const pages: LibraryPage[] = [];
      for await (const page of library.pages(key)) pages.push(page);
      expect(pages.map(({ entries, total }) => [entries.length, total])).to.deep.equal([
        [500, 1234],
        [500, 1234],
        [234, 1234],
      ]);
    });

    it('only as far as it is asked to', async () => {
      await linarc.reset({ codes: 2_000 });
      for await (const page of library.pages(key)) {
        expect(page.entries).to.have.length(500);
        break;
      }
      const { body } = await linarc.call('GET', '/sandbox/calls');
      expect((body as { calls: unknown[] }).calls).to.have.length(1);
    });

    it('an empty library', async () => {
      await linarc.reset({ codes: 0 });
      expect(await all()).to.deep.equal([]);
    });

    it('what changed since a moment', async () => {
      const { id } = await linarc.byCode('09 20 00');
      const changed = await linarc.edit(id, { costCodeName: 'Drywall and finish' });
      const entries = await collected(library.pages(key, { updatedSince: new Date(changed.updatedAt) }));
      expect(entries.map(({ raw }) => raw)).to.deep.equal([changed]);
    });

    it('over 100 named codes at once and leaves unknown and impossible ids out', async () => {
      await linarc.reset({ codes: 600 });
      const wanted = (await linarc.walk({ limit: '500' })).slice(0, 250).map(({ id }) => id);
      const entries = await library.entries(key, [...wanted, wanted[0] ?? '', 'cc_unknown', 'a,b', '../x']);
      expect(entries.map(({ linarcId }) => linarcId))
        .to.have.members(wanted)
        .and.have.length(250);
    });

    it('nothing, without a call, when no code is named', async () => {
      expect(await library.entries(key, [])).to.deep.equal([]);
      expect((await linarc.call('GET', '/sandbox/calls')).body).to.have.deep.property('calls', []);
    });

    it('the picker’s questions by kind of work, division and status', async () => {
      const all = (await linarc.list({ limit: '500' })).items;
      const asked = async (question: LibraryQuestion) => {
        const { entries, total } = await library.find(key, { ...question, cursor: null, limit: 500 });
        expect(entries).to.have.length(total);
        return entries.map(({ linarcId }) => linarcId);
      };
      const idsOf = (wanted: (code: (typeof all)[number]) => boolean) => {
        const ids = all.filter(wanted).map(({ id }) => id);
        expect(ids.length).to.be.within(1, all.length - 1);
        return ids;
      };
      expect(await asked({ taskType: 'T&M' })).to.deep.equal(idsOf(({ costTypeCategory }) => costTypeCategory === 'T&M'));
      expect(await asked({ divisionCode: '03' })).to.deep.equal(idsOf(({ divisionCode }) => divisionCode === '03'));
      expect(await asked({ active: false })).to.deep.equal(idsOf(({ status }) => status === 'inactive'));
      expect(await asked({ active: true, search: 'concrete', divisionCode: '03' })).to.deep.equal(
        idsOf(({ status, divisionCode, costCodeName }) => status === 'active' && divisionCode === '03' && /concrete/i.test(costCodeName)),
      );
    });

    it('the picker’s pages of a search', async () => {
      const first = await library.find(key, { search: 'concrete', cursor: null, limit: 3 });
      const second = await library.find(key, { search: 'concrete', cursor: first.next, limit: 3 });
      expect([first.entries.length, first.total]).to.deep.equal([3, (await linarc.list({ search: 'concrete' })).total]);
      expect(second.entries.map(({ linarcId }) => linarcId)).to.not.include.members(
        first.entries.map(({ linarcId }) => linarcId),
      );
    });

    it('records of the older labels', async () => {
      const before = await all();
      await linarc.fault({ kind: 'old-labels' });
      expect((await all()).map(({ costCode }) => costCode)).to.deep.equal(before.map(({ costCode }) => costCode));
    });

    it('past records it cannot read, and says what is wrong with each', async () => {
      await linarc.reset({ codes: 9 });
      await linarc.fault({ kind: 'odd-records' });
      const entries = await all();
      expect(entries.map(({ unreadable }) => unreadable)).to.deep.equal([
        null,
        null,
        'it has no usable id',
        null,
        null,
        'the field “costCodeName” is not text',
        null,
        null,
        'the field “status” is neither active nor inactive',
      ]);
      expect(entries[5]?.raw).to.include({ costCodeName: 42 });
    });

    it('records that come twice once', async () => {
      await linarc.reset({ codes: 1_200 });
      await linarc.fault({ kind: 'repeat-records' });
      const ids = (await all()).map(({ linarcId }) => linarcId);
      expect(ids).to.have.length(1_200);
      expect(new Set(ids).size).to.equal(1_200);
    });

    it('a record again that was edited during the walk, as it is now', async () => {
      await linarc.reset({ codes: 501 });
      const [first] = (await linarc.list({ limit: '1' })).items;
      const names: string[] = [];
      for await (const { entries } of library.pages(key, { updatedSince: new Date(0) })) {
        if (names.length === 0) await linarc.edit(first?.id ?? '', { costCodeName: 'Edited meanwhile' });
        names.push(...entries.filter(({ linarcId }) => linarcId === first?.id).map(({ costCode }) => costCode?.name ?? ''));
      }
      expect(names).to.deep.equal([first?.costCodeName, 'Edited meanwhile']);
    });

    it('on when codes are deleted and added between pages', async () => {
      await linarc.reset({ codes: 1_100 });
      const before = await linarc.walk({ limit: '500' });
      const ids: (string | null)[] = [];
      let added: CostCode | undefined;
      for await (const { entries } of library.pages(key)) {
        ids.push(...entries.map(({ linarcId }) => linarcId));
        if (added) continue;
        await linarc.remove(before[700]?.id ?? '');
        added = await linarc.add({ costCode: 'late' });
      }
      expect(ids).to.deep.equal([...before.map(({ id }) => id).filter((_id, index) => index !== 700), added?.id]);
    });
  });

  describe('says what went wrong when', () => {
    const cases: readonly (readonly [string, Record<string, unknown>, string])[] = [
      ['Linarc closes the connection', { kind: 'drop' }, 'linarc_unreachable'],
      ['the answer is cut', { kind: 'truncate' }, 'linarc_unreachable'],
      ['Linarc fails inside', { kind: 'status', status: 500 }, 'linarc_unreachable'],
      ['Linarc is under repair', { kind: 'status', status: 503 }, 'linarc_unreachable'],
      ['Linarc answers a page for people', { kind: 'html' }, 'linarc_nonsense'],
      ['Linarc answers nonsense', { kind: 'nonsense' }, 'linarc_nonsense'],
      ['Linarc refuses the question', { kind: 'status', status: 422 }, 'linarc_nonsense'],
      ['Linarc asks to wait', { kind: 'status', status: 429, retryAfter: 30 }, 'linarc_throttled'],
      ['the path is gone', { kind: 'status', status: 404 }, 'linarc_not_found'],
    ];
    for (const [what, fault, code] of cases) {
      it(`${what}: ${code}`, async () => {
        await linarc.fault(fault);
        const found = [
          await problemOf(all()),
          await problemOf(library.company(key)),
          await problemOf(library.find(key, { search: '', cursor: null, limit: 10 })),
        ];
        expect(found.map(({ problem }) => problem.code)).to.deep.equal([code, code, code]);
      });
    }

    it('Linarc is slow: linarc_slow', async () => {
      await linarc.fault({ kind: 'delay', ms: 5_000 });
      const impatient = new LinarcLibrary({ baseUrl: linarc.sandbox.url, timeoutMs: 150 });
      const { problem } = await problemOf(impatient.company(key));
      expect([problem.code, problem.raw?.message]).to.deep.equal(['linarc_slow', 'No whole answer within 0.15 s.']);
    });

    it('Linarc is down', async () => {
      const gone = await Linarc.start({ codes: 1 });
      await gone.close();
      const error = await problemOf(new LinarcLibrary({ baseUrl: gone.sandbox.url }).company(key));
      expect([error.problem.code, error.problem.raw?.message]).to.deep.equal(['linarc_unreachable', 'ECONNREFUSED']);
    });

    it('Linarc says how long to wait, in milliseconds', async () => {
      await linarc.fault({ kind: 'status', status: 429, retryAfter: 30 });
      expect((await problemOf(all())).retryAfter).to.equal(30_000);
    });

    it('the key is not known', async () => {
      expect((await problemOf(library.company({ ...key, apiKey: 'wrong' }))).problem).to.deep.include({
        code: 'linarc_key_refused',
      });
    });

    it('the key belongs to another company', async () => {
      expect((await problemOf(collected(library.pages({ ...key, apiKey: OTHER.apiKey })))).problem.code).to.equal(
        'linarc_key_refused',
      );
    });

    it('a page in the middle fails, after handing on the pages before it', async () => {
      await linarc.reset({ codes: 1_200 });
      let read = 0;
      const error = await problemOf(
        (async () => {
          for await (const page of library.pages(key)) {
            read += page.entries.length;
            if (read === 1_000) await linarc.fault({ kind: 'status', status: 500 });
          }
        })(),
      );
      expect([read, error.problem.code]).to.deep.equal([1_000, 'linarc_unreachable']);
    });

    it('the list goes in circles', async () => {
      await linarc.reset({ codes: 1_800 });
      await linarc.fault({ kind: 'loop-cursor' });
      const error = await problemOf(all());
      expect([error.problem.code, error.problem.raw?.message]).to.deep.equal([
        'linarc_nonsense',
        'The list goes in circles after 1000 of 1800 cost codes.',
      ]);
    });
  });

  describe('keeps the key to itself', () => {
    const secret = 'canary-7f3a-key';

    it('in every failure', async () => {
      for (const fault of [{ kind: 'drop' }, { kind: 'html' }, { kind: 'status', status: 500 }, { kind: 'truncate' }, null]) {
        await linarc.call('DELETE', '/sandbox/faults');
        if (fault) await linarc.fault(fault);
        const error = await problemOf(library.company({ ...key, apiKey: secret }));
        expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).to.not.include(secret);
      }
    });

    for (const apiKey of ['two\nlines canary', 'ключ-canary', '', 'with blank canary']) {
      it(`also when the key is unusable: ${JSON.stringify(apiKey)}`, async () => {
        const error = await problemOf(library.company({ ...key, apiKey }));
        expect(error.problem.code).to.equal('linarc_key_refused');
        expect(`${error.stack} ${JSON.stringify(error)}`).to.not.include('canary');
      });
    }
  });

  it('asks nothing when a company id is no id', async () => {
    const error = await problemOf(collected(library.pages({ ...key, companyId: '..' })));
    expect(error.problem.code).to.equal('linarc_not_found');
    expect((await linarc.call('GET', '/sandbox/calls')).body).to.have.deep.property('calls', []);
  });

  it('stops with the caller’s reason when the caller breaks off', async () => {
    await linarc.fault({ kind: 'delay', ms: 300 });
    const stop = new AbortController();
    const reason = new Error('the person closed the page');
    setTimeout(() => stop.abort(reason), 30);
    const outcome = await collected(library.pages(key, { signal: stop.signal })).then(
      () => 'read',
      (error: unknown) => error,
    );
    expect(outcome).to.equal(reason);
  });
});

describe('Linarc library, before a server that means no good', () => {
  let server: Server;
  let library: LinarcLibrary;
  let answer: (req: IncomingMessage, res: ServerResponse) => void;
  const key = { companyId: 'lin-hillside', apiKey: 'canary-key' };

  before(async () => {
    server = createServer((req, res) => answer(req, res)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    library = new LinarcLibrary({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      timeoutMs: 500,
      maxBytes: 50_000,
    });
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const json =
    (body: unknown, status = 200) =>
    (_req: IncomingMessage, res: ServerResponse): void => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  const record = (id: number) => ({ id: `cc_${id}`, costCode: String(id), costCodeName: 'x', status: 'active' });
  const failure = async (): Promise<[string, string | null | undefined]> => {
    const { problem } = await problemOf(collected(library.pages(key)));
    return [problem.code, problem.raw?.message];
  };

  it('follows no redirect, so that the key goes nowhere else', async () => {
    const paths: string[] = [];
    answer = (req, res) => {
      paths.push(req.url ?? '');
      res.writeHead(302, { location: '/elsewhere' }).end();
    };
    expect((await failure())[0]).to.equal('linarc_unreachable');
    expect(paths.filter((path) => path === '/elsewhere')).to.deep.equal([]);
  });

  it('stops reading an answer without end', async () => {
    answer = (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      const pour = setInterval(() => res.write('['.repeat(20_000)), 1);
      res.on('close', () => clearInterval(pour));
    };
    expect(await failure()).to.deep.equal(['linarc_nonsense', 'The answer is larger than 50000 bytes.']);
  });

  it('gives up on an answer that drips', async () => {
    answer = (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => res.write(' '), 20);
      res.on('close', () => clearInterval(drip));
    };
    expect((await failure())[0]).to.equal('linarc_slow');
  });

  it('refuses a list that ends before its total', async () => {
    answer = json({ items: [record(1), record(2)], nextCursor: null, total: 3 });
    expect(await failure()).to.deep.equal(['linarc_nonsense', 'The list ended after 2 of 3 cost codes.']);
  });

  it('refuses a list that repeats the same records under ever new cursors', async () => {
    let calls = 0;
    answer = (req, res) => {
      calls += 1;
      json({ items: [record(1)], nextCursor: `c${calls}`, total: 9 })(req, res);
    };
    expect((await failure())[0]).to.equal('linarc_nonsense');
    expect(calls).to.be.lessThan(10);
  });

  it('refuses empty pages without end', async () => {
    let calls = 0;
    answer = (req, res) => {
      calls += 1;
      json({ items: [], nextCursor: `c${calls}`, total: 9 })(req, res);
    };
    expect((await failure())[0]).to.equal('linarc_nonsense');
  });

  for (const [what, body] of Object.entries({
    'no items': { nextCursor: null, total: 0 },
    'no cursor': { items: [], total: 0 },
    'a negative total': { items: [], nextCursor: null, total: -1 },
    'far more records than were asked for': {
      items: Array.from({ length: 1_001 }, (_, id) => ({ id })),
      nextCursor: null,
      total: 1_001,
    },
    nothing: null,
  })) {
    it(`refuses a page with ${what}`, async () => {
      answer = json(body);
      expect((await failure())[0]).to.equal('linarc_nonsense');
    });
  }

  it('leaves out codes nobody asked for', async () => {
    answer = json({ items: [record(1), record(2)], nextCursor: null, total: 2 });
    expect((await library.entries(key, ['cc_2'])).map(({ linarcId }) => linarcId)).to.deep.equal(['cc_2']);
  });

  it('passes on what Linarc said, cut and without the key', async () => {
    answer = json({ error: { code: 'x', message: `canary-key is not good ${'!'.repeat(500)}` } }, 400);
    const [, message] = await failure();
    expect(message)
      .to.match(/^… is not good !+$/)
      .and.have.length(300);
  });

  it('understands a refusal that is no JSON', async () => {
    answer = (_req, res) => void res.writeHead(401).end('<h1>No</h1>');
    expect(await failure()).to.deep.equal(['linarc_key_refused', null]);
  });
});
