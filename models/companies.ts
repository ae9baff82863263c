import { Schema } from 'mongoose';
import { COLLECTION, lease, part, problem } from './parts.ts';

const grant = part({
  accessToken: String,
  refreshToken: String,
  accessExpiresAt: Date,
  refreshExpiresAt: Date,
  refreshHardExpiresAt: Date,
});

const importState = part({
  id: String,
  mode: String,
  ids: [String],
  by: String,
  state: String,
  startedAt: Date,
  endedAt: Date,
  total: Number,
  counts: { read: Number, added: Number, changed: Number, unchanged: Number, problems: Number, gone: Number, unreadable: Number },
  problem,
  aliveAt: Date,
});

/** One QuickBooks company. Tokens, realm and API key are sealed; `realmHash` finds it by its realm. */
export const companies = new Schema(
  {
    _id: String,
    name: String,
    plan: String,
    classTracking: String,
    realm: { type: String, required: true },
    realmHash: { type: String, required: true },
    connection: String,
    connectedAt: Date,
    connectionChangedAt: Date,
    grant,
    previousGrant: grant,
    grantVersion: { type: Number, default: 0 },
    refreshLease: lease,
    linarc: part({ companyId: String, name: String, linkedAt: Date, apiKey: String }),
    settings: {
      costCodes: Boolean,
      autoCreate: Boolean,
      autoUpdate: Boolean,
      autoPush: Boolean,
      namePattern: String,
      structure: String,
      inactivate: Boolean,
    },
    import: importState,
    lastImportedAt: { type: Date, default: null },
    classesReadAt: { type: Date, default: null },
    fence: { type: Number, default: 0 },
    founder: { type: String, default: null },
  },
  { ...COLLECTION, collection: 'companies' },
);

companies.index({ realmHash: 1 }, { unique: true });
