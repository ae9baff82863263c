import type { Model } from 'mongoose';
import type { Hold, UnderLease } from '../core/ports.ts';
import type { Consent, RecordStatus, Tenant } from '../core/records.ts';
import { PUSHABLE, type Asked } from '../core/run.ts';
import { CHUNK, chunks, type CostCodeDocument, type Filter } from './documents.ts';
import { parts, selected } from './selecting.ts';

const LOOKED_AT = { status: 1, 'wanted.parent': 1, 'intent.requestid': 1 } as const;

interface Found {
  readonly _id: string;
  readonly status: RecordStatus;
  readonly wanted: { readonly parent: string | null };
  readonly intent?: object | null;
}

/** Those that go into a run in the same way. `sent`: an intent is left over from an earlier run, which may have been carried out. */
interface Kind {
  readonly status: RecordStatus;
  readonly sent: boolean;
}

const KINDS: readonly Kind[] = PUSHABLE.flatMap((status) => [{ status, sent: false }, { status, sent: true }]);

/** Draws what somebody asked for into a run, some at a time, so that many do not keep the database from everybody else. */
export class Claim {
  private readonly records: Model<CostCodeDocument>;
  private readonly company: Tenant;
  private readonly run: string;
  private readonly under: UnderLease;
  private readonly asked: Asked;
  private readonly askedIds: ReadonlySet<string>;
  /** Parents that have had their turn: their linarcIds, and the ids of those found. */
  private readonly parents = new Set<string>();
  private readonly drawn = new Set<string>();

  constructor(records: Model<CostCodeDocument>, company: Tenant, run: string, under: UnderLease, asked: Asked) {
    this.records = records;
    this.company = company;
    this.run = run;
    this.under = under;
    this.asked = asked;
    this.askedIds = new Set(asked.kind === 'ids' ? asked.ids : []);
  }

  /** Returns how many records went into the run, the parents of those asked for included. */
  async all(): Promise<number> {
    let claimed = 0;
    for (const part of parts(this.asked)) {
      for await (const found of this.find(selected(this.company, part))) claimed += await this.take(found, this.asked.consent ?? []);
    }
    return claimed;
  }

  /** Parents go first: wherever a claim ends, no record is in the run without those above it that can be. */
  private async take(found: readonly Found[], consent: readonly Consent[]): Promise<number> {
    const parents = [...new Set(found.flatMap(({ wanted: { parent } }) => parent ?? []))].filter((parent) => !this.parents.has(parent));
    for (const parent of parents) this.parents.add(parent);
    let claimed = 0;
    for (const part of chunks(parents, CHUNK)) {
      for await (const above of this.find({ company: this.company, linarcId: { $in: part } })) {
        const asked = await this.askedAmong(above.map(({ _id }) => _id));
        claimed += await this.take(above.filter(({ _id }) => asked.has(_id)), consent);
        // Nobody said yes to anything about a parent that was not asked for.
        claimed += await this.take(above.filter(({ _id }) => !asked.has(_id)), []);
        for (const { _id } of above) this.drawn.add(_id);
      }
    }
    return claimed + (await this.claim(found.filter(({ _id }) => !this.drawn.has(_id)), consent));
  }

  /** Which of these records were asked for themselves. */
  private async askedAmong(ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (this.asked.kind === 'ids') return this.askedIds;
    const matching = { ...selected(this.company, { ...this.asked, except: [] }), _id: { $in: ids } };
    const found = await this.records.find(matching, { _id: 1 }).lean<Pick<Found, '_id'>[]>();
    const except = new Set(this.asked.except);
    return new Set(found.flatMap(({ _id }) => (except.has(_id) ? [] : [_id])));
  }

  /** What a query finds of records that can be pushed, a chunk at a time. */
  private async *find(query: Filter): AsyncIterable<Found[]> {
    const pushable = narrowedToPushable(query);
    if (pushable === null) return;
    let some: Found[] = [];
    for await (const found of this.records.find(pushable, LOOKED_AT).batchSize(CHUNK).lean<Found[]>().cursor()) {
      if (some.push(found) < CHUNK) continue;
      yield some;
      some = [];
    }
    if (some.length > 0) yield some;
  }

  private async claim(found: readonly Found[], consent: readonly Consent[]): Promise<number> {
    if (found.length === 0) return 0;
    const ids = found.map(({ _id }) => _id);
    const kinds = KINDS.filter((kind) => found.some((one) => isOf(kind, one)));
    const claimed = await this.under((lease) => this.write(ids, kinds, consent, lease));
    // What changed since it was found is of another kind now.
    return claimed === ids.length ? claimed : claimed + (await this.under((lease) => this.write(ids, KINDS, consent, lease)));
  }

  private async write(ids: readonly string[], kinds: readonly Kind[], consent: readonly Consent[], { fence, until }: Hold): Promise<number> {
    let claimed = 0;
    for (const { status, sent } of kinds) {
      const run = { id: this.run, fence, attempts: 0, look: sent, notBefore: null, was: status, consent };
      const { modifiedCount } = await this.records.updateMany({
        company: this.company,
        _id: { $in: ids },
        hidden: false,
        run: null,
        status,
        intent: sent ? { $ne: null } : null,
        // Within $or, as not every server takes $$NOW beside an index; a version is never below 1.
        $or: [{ version: 0 }, { $expr: { $lt: ['$$NOW', { $literal: until }] } }],
      }, { $set: { run, status: 'syncing' }, $inc: { version: 1 } });
      claimed += modifiedCount;
    }
    return claimed;
  }
}

function isOf({ status, sent }: Kind, found: Found): boolean {
  return found.status === status && (found.intent !== null && found.intent !== undefined) === sent;
}

/**
 * Only what is not excluded and is ready, or failed before, goes into a run; and into one run at a time.
 * Null when the query rules that out.
 */
function narrowedToPushable(query: Filter): Filter | null {
  const { hidden = false, status = { $in: PUSHABLE } } = query;
  const isRuledOut = hidden !== false || (typeof status === 'string' && !PUSHABLE.some((one) => one === status));
  return isRuledOut ? null : { ...query, hidden, status, run: null };
}
