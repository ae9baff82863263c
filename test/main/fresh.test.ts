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

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'fresh-'));
    product = await connectedProduct({ codes: 3, limits: false, env: { DATA_DIR: dataDir } });
    await set({ autoCreate: true, autoUpdate: true, autoPush: true });
  });
  after(async () => {
    await product.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const MARA: Actor = { kind: 'person', userId: 'u1', name: 'Mara Keller' };
  const set = (settings: Partial<Settings>) => saveSettings(product.world, product.company, MARA, 0, settings);
  const staged = async (code: string): Promise<StagedRecord | undefined> => {
    const { records } = await product.world.costCodes.page(product.company, { search: code }, { by: 'code', direction: 'asc' }, 0, 10);
    return records.find(({ source }) => source.code === code);
  };
  const reaching = (code: string, status: StagedRecord['status']) => until(`${code} to be ${status}`, async () => {
    const record = await staged(code);
    return record?.status === status ? record : null;
  });
  const classes = () => product.quickbooks.get<{ Id: string; Name: string; SyncToken: string }[]>(`/sandbox/companies/${product.realmId}/classes`);

  it('brings a code from Linarc to QuickBooks by itself, and its new name after it', async () => {
    const { id } = await product.linarc.post<{ id: string }>('/sandbox/cost-codes', { costCode: 'Z-900', costCodeName: 'Added', costTypeCategory: 'FIELD', status: 'active' });
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
    const files = () => (existsSync(outbox) ? readdirSync(outbox).filter((name) => name.includes('.connection.bad')) : []);
    await until('the notice', async () => files().length > 0);
    const text = readFileSync(join(outbox, files()[0] ?? ''), 'utf8');
    expect(text).to.contain('To: ').and.not.to.contain(product.realmId);
    await product.world.dispatch.fresh(product.company);
    await until('another look', async () => (await product.world.fresh.notices.pending(10)).length === 0);
    expect(files()).to.have.length(1);
  });
});
