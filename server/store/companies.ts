import type { Connection, Model } from 'mongoose';
import { companies as schema } from '../../models/companies.ts';
import { DEFAULT_SETTINGS, type Company, type ImportState } from '../core/company.ts';
import type { Companies, CompanyFacts, Grant, NewCompany, Random } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { concernsStaged } from '../core/settings.ts';
import { isDuplicateKey, type Filter } from './documents.ts';
import { tenantModel } from './models.ts';
import type { Fences } from './runs.ts';
import type { Seals } from './sealing.ts';
import type { Decision, Decisions } from './team.ts';

/** As stored, the tokens of a grant, the realm and the API key are sealed texts. */
interface CompanyDocument extends Omit<Company, 'id' | 'linarc' | 'import' | 'connectionEndsAt'> {
  readonly _id: Tenant;
  readonly realm: string;
  readonly realmHash: string;
  readonly grant: Grant | null;
  readonly previousGrant: Grant | null;
  readonly grantVersion: number;
  readonly refreshLease: { readonly owner: string; readonly until: Date } | null;
  readonly linarc: (NonNullable<Company['linarc']> & { readonly apiKey: string }) | null;
  readonly import: (ImportState & { readonly aliveAt: Date }) | null;
  readonly team: Decision | null;
}

const NEW = {
  previousGrant: null, grantVersion: 0, refreshLease: null, linarc: null, formerLinarc: null, settings: DEFAULT_SETTINGS, settingsVersion: 0, settingsChange: null,
  overLimit: null, import: null, lastImportedAt: null, classesReadAt: null, fence: 0, team: null,
} as const satisfies Partial<CompanyDocument>;

/** The purpose under which realms are sealed and found. */
export const REALM = 'realm id';
const ACCESS = 'access token';
const REFRESH = 'refresh token';
const API_KEY = 'Linarc API key';

/** The connected companies, in the collection `companies`; beside the port, what the other stores ask about a company. */
export function openCompanies(connection: Connection, seals: Seals, random: Random): Companies & { fences: Fences; decisions: Decisions } {
  const companies: Model<CompanyDocument> = tenantModel<CompanyDocument>(connection, schema);

  const read = (company: Tenant) => companies.findOne({ _id: company }).lean<CompanyDocument>();
  const must = async (company: Tenant) => {
    const document = await read(company);
    if (!document) throw new Error('There is no such company.');
    return document;
  };
  const set = async (company: Tenant, fields: Filter) => {
    await companies.updateOne({ _id: company }, { $set: fields });
  };
  const ofRealm = (realmId: string) => companies.findOne({ realmHash: { $in: [...seals.digests(REALM, realmId)] } }).lean<CompanyDocument>();

  const sealGrant = (company: Tenant, grant: Grant): Grant => ({
    ...grant,
    accessToken: seals.seal(company, ACCESS, grant.accessToken),
    refreshToken: seals.seal(company, REFRESH, grant.refreshToken),
  });

  /** Opens what is stored at `path`, and seals it again when it was sealed with a key that is being retired. */
  async function open(company: Tenant, path: string, field: string, sealed: string): Promise<string> {
    const text = seals.open(company, field, sealed);
    if (seals.isOutdated(sealed)) {
      const fresh = path === 'realm' ? { realmHash: seals.digests(REALM, text)[0] } : {};
      await companies.updateOne({ _id: company, [path]: sealed }, { $set: { [path]: seals.seal(company, field, text), ...fresh } });
    }
    return text;
  }

  async function openGrant(company: Tenant, path: string, sealed: Grant): Promise<Grant> {
    const accessToken = await open(company, `${path}.accessToken`, ACCESS, sealed.accessToken);
    const refreshToken = await open(company, `${path}.refreshToken`, REFRESH, sealed.refreshToken);
    return { ...sealed, accessToken, refreshToken };
  }

  async function create(given: NewCompany): Promise<CompanyDocument | null> {
    const company = random.hex(12) as Tenant;
    const fresh: CompanyDocument = {
      ...NEW,
      ...connectedBy(given),
      _id: company,
      realm: seals.seal(company, REALM, given.realmId),
      realmHash: seals.digests(REALM, given.realmId)[0],
      grant: sealGrant(company, given.grant),
    };
    try {
      await companies.create(fresh);
      return fresh;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return null;
    }
  }

  async function connectAgain(company: Tenant, given: NewCompany): Promise<CompanyDocument> {
    const fields = { ...connectedBy(given), grant: sealGrant(company, given.grant), previousGrant: null, refreshLease: null };
    await companies.updateOne({ _id: company }, { $set: fields, $inc: { grantVersion: 1 } });
    return must(company);
  }

  return {
    async get(company) {
      const document = await read(company);
      return document && companyOf(document);
    },

    async named(ids) {
      return (await companies.find({ _id: { $in: [...ids] } }).sort({ name: 1, _id: 1 }).lean<CompanyDocument[]>()).map(companyOf);
    },

    async byRealm(realmId) {
      const document = await ofRealm(realmId);
      return document && companyOf(document);
    },

    async connect(given) {
      const known = await ofRealm(given.realmId);
      const created = known ? null : await create(given);
      if (created) return companyOf(created);
      // Somebody else may have connected it between the look and the insert.
      const company = known ?? (await ofRealm(given.realmId));
      if (!company) throw new Error('The company could neither be found nor created.');
      const { _id } = company;
      return companyOf(await connectAgain(_id, given));
    },

    async realmId(company) {
      return open(company, 'realm', REALM, (await must(company)).realm);
    },

    async grant(company) {
      const document = await read(company);
      if (!document?.grant) return null;
      const grant = await openGrant(company, 'grant', document.grant);
      const spare = document.previousGrant && (await openGrant(company, 'previousGrant', document.previousGrant));
      return { grant, version: document.grantVersion, spare };
    },

    async leaseRefresh(company, version, owner, ms) {
      const free = { $or: [{ refreshLease: null }, { $expr: { $lte: ['$refreshLease.until', '$$NOW'] } }] };
      const lease = [{ $set: { refreshLease: { owner: { $literal: owner }, until: { $add: ['$$NOW', ms] } } } }];
      const query = { _id: company, grantVersion: version, grant: { $ne: null }, ...free };
      return (await companies.updateOne(query, lease, { updatePipeline: true })).matchedCount === 1;
    },

    async saveGrant(company, version, grant) {
      const next = [{
        $set: {
          previousGrant: '$grant',
          grant: { $literal: sealGrant(company, grant) },
          grantVersion: { $add: ['$grantVersion', 1] },
          refreshLease: null,
        },
      }];
      const query = { _id: company, grantVersion: version, grant: { $ne: null } };
      return (await companies.updateOne(query, next, { updatePipeline: true })).matchedCount === 1;
    },

    async keepSpare(company, grant) {
      await companies.updateOne({ _id: company, grant: { $ne: null } }, { $set: { previousGrant: sealGrant(company, grant) } });
    },

    async releaseRefresh(company, owner) {
      await companies.updateOne({ _id: company, 'refreshLease.owner': owner }, { $set: { refreshLease: null } });
    },

    async setConnection(company, state, at, { version, connectedAt } = {}) {
      const standing = (connection: Filter): Filter => ({
        _id: company, connection, ...(version === undefined ? {} : { grantVersion: version }), ...(connectedAt === undefined ? {} : { connectedAt }),
      });
      const forgotten = state === 'disconnected' ? { grant: null, previousGrant: null, refreshLease: null } : {};
      const change = { $set: { connection: state, connectionChangedAt: at, ...forgotten }, $inc: { grantVersion: state === 'disconnected' ? 1 : 0 } };
      const settled = [state, 'disconnected'];
      if ((await companies.updateOne(standing({ $nin: settled }), change)).matchedCount === 1) return true;
      return (await companies.countDocuments(standing({ $in: settled }))) === 1;
    },

    saveFacts: (company, facts, at) => set(company, factsIn(facts, at)),

    saveOverLimit: (company, overLimit) => set(company, { overLimit }),

    linkLinarc: (company, { companyId, apiKey, name, at }) =>
      set(company, { formerLinarc: null, linarc: { companyId, name, linkedAt: at, refusedAt: null, apiKey: seals.seal(company, API_KEY, apiKey) } }),

    async unlinkLinarc(company) {
      const linarc = (await read(company))?.linarc;
      if (linarc) await set(company, { linarc: null, formerLinarc: { companyId: linarc.companyId, name: linarc.name } });
    },

    async libraryKey(company) {
      const linarc = (await read(company))?.linarc;
      return linarc ? { companyId: linarc.companyId, apiKey: await open(company, 'linarc.apiKey', API_KEY, linarc.apiKey) } : null;
    },

    async linarcRefused(company, since) {
      const query = { _id: company, linarc: { $ne: null }, 'linarc.refusedAt': since === null ? { $ne: null } : null };
      await companies.updateOne(query, { $set: { 'linarc.refusedAt': since } });
    },

    async saveSettings(company, over, settings, change) {
      const toApply = concernsStaged(change.changes) ? { 'rounds.toApply': change.at, 'rounds.applyBegunAt': null } : {};
      const next = { settings, settingsVersion: over + 1, settingsChange: change, ...toApply };
      return (await companies.updateOne({ _id: company, settingsVersion: over }, { $set: next })).matchedCount === 1;
    },

    async startImport(company, started, staleMs) {
      const silent = { $expr: { $lte: ['$import.aliveAt', { $subtract: ['$$NOW', staleMs] }] } };
      const query: Filter = { _id: company, $or: [{ import: null }, { 'import.state': { $ne: 'running' } }, silent] };
      return (await companies.updateOne(query, importIs(started), { updatePipeline: true })).matchedCount === 1;
    },

    async saveImport(company, state) {
      const done = state.state === 'done' ? { lastImportedAt: state.endedAt } : {};
      const query = { _id: company, 'import.id': state.id };
      return (await companies.updateOne(query, importIs(state, done), { updatePipeline: true })).matchedCount === 1;
    },

    classesRead: (company, at) => set(company, { classesReadAt: at }),

    fences: {
      async highest(company) {
        return (await read(company))?.fence ?? 0;
      },
      async raise(company, fence) {
        await companies.updateOne({ _id: company }, { $max: { fence } });
      },
    },

    decisions: {
      async latest(company) {
        return (await read(company))?.team ?? null;
      },
      async decide(company, after, decision) {
        const isNext = after === 0 ? { team: null } : { 'team.number': after };
        return (await companies.updateOne({ _id: company, ...isNext }, { $set: { team: decision } })).matchedCount === 1;
      },
    },
  };
}

type Facts = Pick<Company, 'name' | 'plan' | 'classTracking' | 'locations' | 'factsAt'>;

function connectedBy({ facts, at }: NewCompany): Facts & Pick<Company, 'connection' | 'connectedAt' | 'connectionChangedAt'> {
  return { ...factsIn(facts, at), connection: 'connected', connectedAt: at, connectionChangedAt: at };
}

function factsIn({ name, plan, classTracking, locations }: CompanyFacts, at: Date): Facts {
  return { name, plan, classTracking, locations, factsAt: at };
}

/** Stores an import's state with the time of this sign of life, by the database's clock. */
function importIs(state: ImportState, also: Filter = {}): Filter[] {
  const fields = Object.fromEntries(Object.entries(state).map(([field, value]) => [field, { $literal: value }]));
  return [{ $set: { import: { ...fields, aliveAt: '$$NOW' }, ...also } }];
}

function companyOf(document: CompanyDocument): Company {
  const { _id, linarc, import: lastImport } = document;
  return {
    id: _id,
    name: document.name,
    plan: document.plan,
    classTracking: document.classTracking,
    locations: document.locations ?? null,
    factsAt: document.factsAt ?? null,
    overLimit: document.overLimit ?? null,
    connection: document.connection,
    connectedAt: document.connectedAt,
    connectionChangedAt: document.connectionChangedAt,
    connectionEndsAt: document.grant?.refreshHardExpiresAt ?? null,
    linarc: linarc && { companyId: linarc.companyId, name: linarc.name, linkedAt: linarc.linkedAt, refusedAt: linarc.refusedAt ?? null },
    formerLinarc: document.formerLinarc ?? null,
    // Companies stored before a setting came have its default.
    settings: { ...DEFAULT_SETTINGS, ...document.settings },
    settingsVersion: document.settingsVersion ?? 0,
    settingsChange: document.settingsChange ?? null,
    import: lastImport && importOf(lastImport),
    lastImportedAt: document.lastImportedAt,
    classesReadAt: document.classesReadAt,
    fence: document.fence,
  };
}

function importOf({ aliveAt: _aliveAt, ...state }: NonNullable<CompanyDocument['import']>): ImportState {
  return state;
}
