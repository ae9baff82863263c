import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Settings } from '../../server/core/company.ts';
import type { Actor, StagedRecord } from '../../server/core/records.ts';
import { saveSettings } from '../../server/sync/settings.ts';
import { connectedProduct, type ConnectedProduct } from '../support/product.ts';
import { until } from '../support/waiting.ts';

describe('the whole product, left alone', function () {
  this.timeout(60_000);
  let product: ConnectedProduct;
  let dataDir: string;
  const logged: string[] = [];

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'fresh-'));
    product = await connectedProduct({ codes: 3, limits: false, env: { DATA_DIR: dataDir }, log: { write: (line: string) => void logged.push(line) } });
  });
  after(async () => {
    await product.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const MARA: Actor = { kind: 'person', userId: 'u1', name: 'Mara Keller' };
  const set = async (settings: Partial<Settings>) => {
    const { settingsVersion = 0 } = (await product.world.companies.get(product.company)) ?? {};
    return saveSettings(product.world, product.company, MARA, settingsVersion, settings);
  };
  const add = (costCode: string) =>
    product.linarc.post<{ id: string }>('/sandbox/cost-codes', { costCode, costCodeName: 'Added', costTypeCategory: 'FIELD', status: 'active' });
  /** That many webhooks of Linarc’s came, and the last was followed. */
  const heard = async (times: number) => {
    await until('the webhook', async () => logged.filter((line) => line.includes('/webhooks/linarc/')).length >= times);
    await until('the change to be followed', async () => !(await product.world.fresh.changes.waiting(10)).includes(product.company));
  };
  const staged = async (code: string): Promise<StagedRecord | undefined> => {
    const { records } = await product.world.costCodes.page(product.company, { search: code }, { by: 'code', direction: 'asc' }, 0, 10);
    return records.find(({ source }) => source.code === code);
  };
  const reaching = (code: string, status: StagedRecord['status']) => until(`${code} to be ${status}`, async () => {
    const record = await staged(code);
    return record?.status === status ? record : null;
  });
  const classes = () => product.quickbooks.get<{ Id: string; Name: string; SyncToken: string }[]>(`/sandbox/companies/${product.realmId}/classes`);

  it('moves nothing while Auto-Create and Auto-Update are off, though Linarc tells of it', async () => {
    const { id } = await add('Z-100');
    await heard(1);
    await product.linarc.patch(`/sandbox/cost-codes/${id}`, { costCodeName: 'Renamed' });
    await heard(2);
    expect(await staged('Z-100')).to.equal(undefined);
    expect((await classes()).filter(({ Name }) => Name.startsWith('Z-'))).to.deep.equal([]);
  });

  it('finds by schedule what it was not told of, and with Auto-Create alone stages it and sends nothing', async () => {
    await set({ autoCreate: true });
    const record = await reaching('Z-100', 'needs_sync');
    expect(record.source.name).to.equal('Renamed');
    expect((await classes()).filter(({ Name }) => Name.startsWith('Z-'))).to.deep.equal([]);
  });

  it('with Auto-Create alone leaves edits of staged codes alone', async () => {
    const record = await staged('Z-100');
    await product.linarc.patch(`/sandbox/cost-codes/${record?.linarcId}`, { costCodeName: 'Edited' });
    await add('Z-200');
    await reaching('Z-200', 'needs_sync');
    expect((await staged('Z-100'))?.source.name).to.equal('Renamed');
  });

  it('brings a code from Linarc to QuickBooks by itself, and its new name after it', async () => {
    await set({ autoCreate: true, autoUpdate: true, autoPush: true });
    const { id } = await add('Z-900');
    await reaching('Z-900', 'synced');
    await product.linarc.patch(`/sandbox/cost-codes/${id}`, { costCodeName: 'Renamed' });
    await until('the new name', async () => (await classes()).some(({ Name }) => Name === 'Z-900 Renamed'));
  });

  it('shows a class renamed in QuickBooks as changed there', async () => {
    // The only app the sandbox knows is ours, so the other app's writes are ours too.
    await product.quickbooks.patch('/sandbox/switches', { webhookOwnChanges: 'yes' });
    const found = (await classes()).find(({ Name }) => Name === 'Z-900 Renamed');
    const { access_token: token } = await product.quickbooks.post<{ access_token: string }>(`/sandbox/companies/${product.realmId}/grant`);
    const answer = await fetch(`${product.quickbooks.url}/v3/company/${product.realmId}/class?minorversion=75`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ Id: found?.Id, SyncToken: found?.SyncToken, Name: 'Somebody’s', Active: true }),
    });
    expect(answer.status).to.equal(200);
    const record = await reaching('Z-900', 'needs_action');
    expect(record.problem).to.deep.include({ code: 'changed_in_quickbooks', value: 'Somebody’s' });
  });

  it('tells the administrator once, in a file where there is no mail server', async () => {
    const outbox = join(dataDir, 'outbox');
    await product.world.companies.setConnection(product.company, 'needs_reconnect', new Date());
    await product.world.dispatch.fresh(product.company);
    const files = () => (existsSync(outbox) ? readdirSync(outbox).filter((name) => /\.connection\.bad.*\.eml$/.test(name)) : []);
    await until('the notice', async () => files().length > 0);
    const text = readFileSync(join(outbox, files()[0] ?? ''), 'utf8');
    expect(text).to.contain('To: ').and.not.to.contain(product.realmId);
    await product.world.dispatch.fresh(product.company);
    await until('another look', async () => (await product.world.fresh.notices.pending(10)).length === 0);
    expect(files()).to.have.length(1);
  });
});
