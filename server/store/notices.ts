import type { Connection } from 'mongoose';
import { notices as schema } from '../../models/notices.ts';
import type { User } from '../core/company.ts';
import type { NoticeBook } from '../core/fresh.ts';
import { ALL_CALM, TOPICS, type Mail, type Standings } from '../core/notices.ts';
import type { Tenant } from '../core/records.ts';
import { isDuplicateKey, type Filter } from './documents.ts';
import { tenantModel, userModel } from './models.ts';
import { ACROSS_COMPANIES } from './tenancy.ts';

/** A topic that an earlier version did not know is missing. */
interface NoticeDocument extends Partial<Standings> {
  readonly _id: Tenant;
  readonly company: Tenant;
  readonly version: number;
  readonly mails: readonly Mail[];
  readonly hasMail: boolean;
  readonly mailDue: Date;
  readonly mailTries: number;
}

/** Due whatever the clocks say. */
const AT_ONCE = new Date(0);
/** Within $or, as not every server takes $$NOW beside an index. */
const DUE: Filter = { hasMail: true, $or: [{ mailDue: AT_ONCE }, { $expr: { $lte: ['$mailDue', '$$NOW'] } }] };

/** What each company's people were last told and what is still to be sent, in the collection `notices`. */
export function openNotices(connection: Connection): NoticeBook {
  const notices = tenantModel<NoticeDocument>(connection, schema);
  const users = userModel<Pick<User, 'email'>>(connection);
  const ofCompany = (company: Tenant): Filter => ({ company, _id: company });

  return {
    async standings(company) {
      const document = await notices.findOne(ofCompany(company)).lean<NoticeDocument>();
      const standings = Object.fromEntries(TOPICS.map((topic) => [topic, document?.[topic] ?? ALL_CALM[topic]])) as unknown as Standings;
      return { version: document?.version ?? 0, standings };
    },

    async write(company, version, standings, mails) {
      const next = { ...standings, version: version + 1 };
      try {
        if (version === 0) {
          const post = { mails, hasMail: mails.length > 0, mailDue: AT_ONCE, mailTries: 0 };
          await notices.create({ ...ofCompany(company), ...next, ...post });
          return true;
        }
        const posted = mails.length > 0 ? { $push: { mails: { $each: [...mails] } } } : {};
        const due = mails.length > 0 ? { hasMail: true, mailDue: AT_ONCE, mailTries: 0 } : {};
        const change = { $set: { ...next, ...due }, ...posted };
        const { matchedCount } = await notices.updateOne({ ...ofCompany(company), version }, change);
        return matchedCount === 1;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return false;
      }
    },

    async takeMail(company, ms) {
      const held = [{ $set: { mailDue: { $add: ['$$NOW', ms] }, mailTries: { $add: ['$mailTries', 1] } } }];
      const document = await notices
        .findOneAndUpdate({ ...ofCompany(company), ...DUE }, held, { returnDocument: 'before', updatePipeline: true })
        .lean<NoticeDocument>();
      return document && { mails: document.mails, tries: document.mailTries };
    },

    async dropMail(company, ids) {
      await notices.updateOne(ofCompany(company), { $pull: { mails: { id: { $in: [...ids] } } } });
      await notices.updateOne({ ...ofCompany(company), mails: { $size: 0 } }, { $set: { hasMail: false, mailTries: 0 } });
    },

    async putOffMail(company, ms) {
      const later = [{ $set: { mailDue: { $add: ['$$NOW', ms] } } }];
      await notices.updateOne({ ...ofCompany(company), hasMail: true }, later, { updatePipeline: true });
    },

    async pending(limit) {
      const found = await notices
        .find(DUE, { company: 1 })
        .setOptions({ [ACROSS_COMPANIES]: true })
        .sort({ mailDue: 1 })
        .limit(limit)
        .lean<Pick<NoticeDocument, 'company'>[]>();
      return found.map(({ company }) => company);
    },

    async recipients(company) {
      const wanting = { [`memberships.${company}`]: 'admin', unmailed: { $ne: company } };
      const admins = await users.find(wanting, { email: 1 }).sort({ _id: 1 }).lean<Pick<User, 'email'>[]>();
      return [...new Set(admins.map(({ email }) => email).filter((email) => email !== ''))];
    },
  };
}
