import type { Connection } from 'mongoose';
import { invitations as schema } from '../../models/invitations.ts';
import type { Invitation } from '../core/company.ts';
import type { Invitations } from '../core/ports.ts';
import type { Tenant } from '../core/records.ts';
import { tenantModel } from './models.ts';
import { ACROSS_COMPANIES } from './tenancy.ts';

interface InvitationDocument extends Omit<Invitation, 'id'> {
  readonly _id: string;
  readonly company: Tenant;
  readonly digest: string;
  readonly usedBy: string | null;
  readonly usedAt: Date | null;
}

/** The links into companies, in the collection `invitations`. */
export function openInvitations(connection: Connection): Invitations {
  const invitations = tenantModel<InvitationDocument>(connection, schema);

  return {
    async add(company, digest, { id, ...invitation }) {
      await invitations.create({ ...invitation, _id: id, company, digest, usedBy: null, usedAt: null });
    },

    async open(company, now) {
      const found = await invitations.find({ company, usedBy: null, expiresAt: { $gt: now } }).sort({ at: -1, _id: 1 }).lean<InvitationDocument[]>();
      return found.map(invitationOf);
    },

    async find(digest) {
      // The digest of 32 random bytes names one invitation of one company as surely as a company's id would.
      const found = await invitations.findOne({ digest }).setOptions({ [ACROSS_COMPANIES]: true }).lean<InvitationDocument>();
      return found && { ...invitationOf(found), company: found.company, usedBy: found.usedBy };
    },

    async use(company, id, user, at) {
      const taken = await invitations.updateOne({ company, _id: id, usedBy: null }, { $set: { usedBy: user, usedAt: at } });
      return taken.matchedCount === 1 || (await invitations.countDocuments({ company, _id: id, usedBy: user })) === 1;
    },

    async withdraw(company, id) {
      return (await invitations.deleteOne({ company, _id: id, usedBy: null })).deletedCount === 1;
    },
  };
}

function invitationOf({ _id, role, email, by, at, expiresAt }: InvitationDocument): Invitation {
  return { id: _id, role, email, by, at, expiresAt };
}
