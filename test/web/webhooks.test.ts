import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import type { Tenant } from '../../server/core/records.ts';
import { keepFresh } from '../../server/sync/fresh.ts';
import { hookPath, subscribe, unsubscribe } from '../../server/sync/told.ts';
import type { World } from '../../server/sync/world.ts';
import { paths } from '../../server/web/paths.ts';
import { webhookRoutes } from '../../server/web/webhooks.ts';
import { Desk } from '../sync/desk.ts';
import { until } from '../support/waiting.ts';

const VERIFIER = 'verifier-of-the-tests';
const code = (costCode: string, costCodeName: string) => ({ costCode, costCodeName, costTypeCategory: 'FIELD', status: 'active' });
const sign = (body: string, key: string, form: 'base64' | 'hex' = 'base64') => createHmac('sha256', key).update(body).digest(form);

const control = (base: string, method: string, path: string, body: unknown) =>
  fetch(`${base}${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('the addresses QuickBooks and Linarc call', () => {
  let desk: Desk;
  let world: World;
  let server: Server;
  let url: string;
  let warnings: string[];
  let notes: string[];
  let sent: Tenant[];
  const work = new Set<Promise<void>>();

  beforeEach(async () => {
    desk = await Desk.open([code('01', 'Summary'), code('02', 'Demolition')]);
    warnings = [];
    notes = [];
    sent = [];
    const app = express();
    server = createServer(app);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const fresh = async (company: Tenant) => {
      sent.push(company);
      const done = keepFresh(world, company).finally(() => work.delete(done));
      work.add(done);
    };
    world = {
      ...desk.world,
      dispatch: { ...desk.world.dispatch, fresh },
      fresh: { ...desk.world.fresh, reachedAt: url },
      log: { ...desk.world.log, info: (about, message) => void notes.push(`${message} ${JSON.stringify(about)}`), warn: (about, message) => void warnings.push(`${message} ${JSON.stringify(about)}`) },
    };
    app.use(webhookRoutes(world, { verifiers: [VERIFIER] }));
    await control(desk.quickbooksUrl, 'POST', '/sandbox/apps', {
      clientId: 'test-app', clientSecret: 'test-secret', name: 'Test', tagline: 'Test', redirectUris: ['http://localhost:1/callback'],
      launchUrl: 'http://localhost:1/launch', connectUrl: 'http://localhost:1/connect', disconnectUrl: 'http://localhost:1/disconnect',
      webhookUrl: `${url}${paths.quickbooksHook}`, webhookVerifier: VERIFIER,
    });
  });

  afterEach(async () => {
    while (work.size > 0) await Promise.all(work);
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    await desk.close();
  });

  const waitingDeliveries = async () => ((await (await fetch(`${desk.quickbooksUrl}/sandbox/webhooks`)).json()) as { waiting: number }).waiting;
  const problemOf = async (of: string) => (await desk.record(of)).problem?.code;
  const post = (path: string, body: string, headers: Record<string, string> = {}) => fetch(`${url}${path}`, { method: 'POST', body, headers });
  const event = (change: Record<string, unknown> = {}) => ({
    specversion: '1.0', id: randomUUID(), source: 'intuit.x', type: 'qbo.class.updated.v1', time: '2026-11-23T09:00:00.000000000Z',
    intuitentityid: '1', intuitaccountid: desk.realmId, data: {}, ...change,
  });
  const quickbooks = (body: string, signature = sign(body, VERIFIER), type = 'application/json') => post(paths.quickbooksHook, body, { 'intuit-signature': signature, 'content-type': type });

  describe('from QuickBooks', () => {
    for (const format of ['cloudevents', 'classic']) {
      it(`brings a rename to the screen within seconds, as ${format}`, async () => {
        await desk.switches({ webhookFormat: format, webhookOwnChanges: 'yes' });
        await desk.import();
        await desk.push();
        await desk.renameInQuickBooks('01 Summary', 'Overhead');
        await until('the drift', async () => (await problemOf('01')) === 'changed_in_quickbooks');
      });
    }

    for (const format of ['cloudevents', 'classic']) {
      it(`brings a merge to the screen with both values, as ${format}`, async () => {
        await desk.switches({ webhookFormat: format });
        await desk.import();
        await desk.push();
        await desk.addClasses('Overhead');
        await desk.mergeInQuickBooks('01 Summary', 'Overhead');
        await until('the merge', async () => (await problemOf('01')) === 'changed_in_quickbooks');
        expect((await desk.record('01')).problem?.value).to.equal('Overhead');
      });
    }

    it('does no harm doubled and in disorder, and is refused when forged', async () => {
      await desk.switches({ webhookOwnChanges: 'yes' });
      await control(desk.quickbooksUrl, 'PATCH', '/sandbox/webhooks', { duplicates: 5, reorder: true });
      await desk.import();
      await desk.push();
      await desk.renameInQuickBooks('01 Summary', 'One');
      await desk.renameInQuickBooks('One', '01 Summary');
      await desk.renameInQuickBooks('01 Summary', 'Two');
      await until('the last state', async () => (await desk.record('01')).problem?.value === 'Two');
      await until('quiet', async () => (await waitingDeliveries()) === 0 && work.size === 0);
      const facts = await world.history.of(desk.company, (await desk.record('01')).id, { limit: 50 });
      expect(facts.filter(({ problem }) => problem?.value === 'Two')).to.have.length(1);

      await control(desk.quickbooksUrl, 'PATCH', '/sandbox/webhooks', { forged: true });
      await desk.renameInQuickBooks('02 Demolition', 'Forged');
      await until('the refusal', async () => warnings.some((line) => line.includes('signature')));
      expect((await desk.record('02')).status).to.equal('synced');
    });

    it('answers a wrong signature 401 and nothing else, logging no part of it', async () => {
      const response = await quickbooks(JSON.stringify([event()]), 'SECRETSIGNATURE');
      expect([response.status, await response.text()]).to.deep.equal([401, '']);
      expect((await quickbooks('[]', '')).status).to.equal(401);
      expect(warnings.join()).to.contain('not right').and.not.to.match(/SECRETSIGNATURE/).and.not.to.contain(desk.realmId);
      expect(await world.fresh.changes.waiting(10)).to.deep.equal([]);
    });

    it('takes any content type, as the signature is over the bytes', async () => {
      const body = JSON.stringify([event()]);
      expect((await quickbooks(body, sign(body, VERIFIER), 'application/cloudevents+json')).status).to.equal(200);
      expect(sent).to.deep.equal([desk.company]);
    });

    it('passes over companies that are not known', async () => {
      const response = await quickbooks(JSON.stringify([event({ intuitaccountid: '123' })]));
      expect(response.status).to.equal(200);
      expect(sent).to.deep.equal([]);
      expect(notes.filter((line) => line.includes('not known here'))).to.have.length(1);
      expect(notes.join()).to.not.include('123');
    });

    it('acknowledges nonsense that was signed, lest what comes after is held back', async () => {
      expect((await quickbooks('not json')).status).to.equal(200);
      expect((await quickbooks('{"a":1}')).status).to.equal(200);
      expect(warnings.filter((line) => line.includes('not understood'))).to.have.length(2);
    });

    it('refuses more than a delivery can be', async () => {
      expect((await quickbooks('x'.repeat(1_100_000))).status).to.equal(413);
    });

    it('counts one event told 100 times once', async () => {
      const body = JSON.stringify([event()]);
      const answers = await Promise.all(Array.from({ length: 100 }, () => quickbooks(body)));
      expect(answers.every(({ status }) => status === 200)).to.equal(true);
      expect(sent).to.deep.equal([desk.company]);
    });

    it('answers before any of the work is done, so that QuickBooks never waits for QuickBooks', async () => {
      let begun = 0;
      let answered = (): void => {};
      const gate = new Promise<void>((resolve) => { answered = resolve; });
      const dispatch = { ...world.dispatch, fresh: async () => { begun += 1; await gate; } };
      Object.assign(world, { dispatch });
      const { calls } = (await (await fetch(`${desk.quickbooksUrl}/sandbox/calls`)).json()) as { calls: readonly unknown[] };
      expect((await quickbooks(JSON.stringify([event()]))).status).to.equal(200);
      await until('the work to be handed over', async () => begun === 1);
      expect(((await (await fetch(`${desk.quickbooksUrl}/sandbox/calls`)).json()) as { calls: readonly unknown[] }).calls).to.have.length(calls.length);
      answered();
    });

    it('is answered by nobody but the ones addressed', async () => {
      expect((await post('/webhooks/other', '{}')).status).to.equal(404);
    });
  });

  describe('from Linarc', () => {
    beforeEach(async () => {
      await desk.set({ autoCreate: true, autoUpdate: true });
      await subscribe(world, desk.company);
    });

    it('brings a new and a changed code to staging within seconds', async () => {
      const { id } = await desk.addCode(code('03', 'Concrete'));
      await until('the new code', async () => (await desk.records()).some(({ source }) => source.code === '03'));
      await desk.changeCode(id, { costCodeName: 'Cast concrete' });
      await until('the change', async () => (await desk.record('03')).source.name === 'Cast concrete');
      await desk.removeCode(id);
      await until('its end', async () => (await problemOf('03')) === 'gone_from_linarc');
    });

    it('is registered once however often it is asked for', async () => {
      const before = await world.fresh.rounds.hook(desk.company);
      await subscribe(world, desk.company);
      expect(await world.fresh.rounds.hook(desk.company)).to.deep.equal(before);
    });

    it('is registered anew when Linarc has forgotten it', async () => {
      const before = await world.fresh.rounds.hook(desk.company);
      const key = await world.companies.libraryKey(desk.company);
      if (key && before) await world.library.unsubscribe(key, before.webhookId);
      await subscribe(world, desk.company);
      expect((await world.fresh.rounds.hook(desk.company))?.webhookId).not.to.equal(before?.webhookId);
    });

    it('answers a wrong signature, another company and an unknown one alike', async () => {
      const hook = await world.fresh.rounds.hook(desk.company);
      const body = JSON.stringify({ id: 'dl_1', companyId: hook?.linarcCompanyId, events: [{ id: 'ev_1', type: 'costcode.created', costCodeId: 'c' }] });
      const signed = { 'linarc-signature': sign(body, hook?.secret ?? '', 'hex') };
      const tries = [
        post(hookPath(desk.company), body, { 'linarc-signature': sign(body, 'other', 'hex') }),
        post(hookPath(desk.company), `${body} `, signed),
        post(hookPath('f'.repeat(24) as Tenant), body, signed),
        post('/webhooks/linarc/%24ne', body, { 'linarc-signature': sign(body, '', 'hex') }),
      ];
      for (const answer of await Promise.all(tries)) expect([answer.status, await answer.text()]).to.deep.equal([401, '']);
      expect((await post(hookPath(desk.company), body, signed)).status).to.equal(200);
    });

    it('is taken for nonsense when it speaks of another Linarc company', async () => {
      const hook = await world.fresh.rounds.hook(desk.company);
      const body = JSON.stringify({ id: 'dl_1', companyId: 'lin-other', events: [{ id: 'ev_1', type: 'costcode.created', costCodeId: 'c' }] });
      expect((await post(hookPath(desk.company), body, { 'linarc-signature': sign(body, hook?.secret ?? '', 'hex') })).status).to.equal(200);
      expect(sent).to.deep.equal([]);
    });

    it('ends when the company is unlinked', async () => {
      await unsubscribe(world, desk.company);
      expect(await world.fresh.rounds.hook(desk.company)).to.equal(null);
      await desk.addCode(code('03', 'Concrete'));
      expect(await world.fresh.changes.waiting(10)).to.deep.equal([]);
    });
  });
});
