import { Schema } from 'mongoose';
import { actor, COLLECTION, fieldChange, lease, part, problem } from './parts.ts';

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

/**
 * One QuickBooks company. Tokens, realm, API key and the webhook's secret are sealed; `realmHash` finds it by its realm. `rounds`: what is
 * done for it by itself, when it last began and how far it came. `team`: the newest change to who belongs to it.
 */
export const companies = new Schema(
  {
    _id: String,
    name: String,
    plan: String,
    classTracking: String,
    locations: { type: Number, default: null },
    factsAt: { type: Date, default: null },
    overLimit: part({ by: actor, at: Date, plan: String }),
    realm: { type: String, required: true },
    realmHash: { type: String, required: true },
    connection: String,
    connectedAt: Date,
    connectionChangedAt: Date,
    grant,
    previousGrant: grant,
    grantVersion: { type: Number, default: 0 },
    refreshLease: lease,
    linarc: part({ companyId: String, name: String, linkedAt: Date, refusedAt: Date, apiKey: String }),
    formerLinarc: part({ companyId: String, name: String }),
    settings: {
      costCodes: Boolean,
      autoCreate: Boolean,
      autoUpdate: Boolean,
      autoPush: Boolean,
      namePattern: String,
      structure: String,
      inactivate: Boolean,
      leaveOut: { type: [String], default: undefined },
    },
    settingsVersion: { type: Number, default: 0 },
    settingsChange: part({ by: actor, at: Date, changes: [fieldChange] }),
    import: importState,
    lastImportedAt: { type: Date, default: null },
    classesReadAt: { type: Date, default: null },
    fence: { type: Number, default: 0 },
    hook: part({ linarcCompanyId: String, webhookId: String, url: String, secret: String }),
    rounds: {
      lookBegunAt: { type: Date, default: null },
      sweepBegunAt: { type: Date, default: null },
      noticeBegunAt: { type: Date, default: null },
      applyBegunAt: { type: Date, default: null },
      toApply: { type: Date, default: null },
      lookedAt: { type: Date, default: null },
      lookedFullyAt: { type: Date, default: null },
      sweptAt: { type: Date, default: null },
      trouble: part({ problem, since: Date }),
    },
    team: part({ number: Number, user: String, role: String }),
  },
  { ...COLLECTION, collection: 'companies' },
);

companies.index({ realmHash: 1 }, { unique: true });
// The company that has waited longest for a round comes first.
companies.index({ 'rounds.lookBegunAt': 1 });
companies.index({ 'rounds.sweepBegunAt': 1 });
companies.index({ 'rounds.noticeBegunAt': 1 });
companies.index({ 'rounds.toApply': 1 });
