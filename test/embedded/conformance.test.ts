import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import mongoose from 'mongoose';
import { startEmbeddedMongo } from '../../server/embedded/server.ts';
import type { EmbeddedMongo } from '../../server/embedded/server.ts';
import { aggregations } from './cases/aggregations.ts';
import { canonical, fault, outcome } from './cases/case.ts';
import type { Case } from './cases/case.ts';
import { indexes } from './cases/indexes.ts';
import { queries } from './cases/queries.ts';
import { updates } from './cases/updates.ts';

/**
 * The gateway in front of DocumentDB reports most faults as BadValue: there a fault is compared as a fault, whatever its code.
 */
const GATEWAY_FAULT = fault(2);

/**
 * The same operations on the embedded server and, when MONGODB_URI is set, on that server. The expected outcome is MongoDB's
 * documented one; where the other server is known to deviate the case says so and only the embedded server is held to it.
 */
describe('embedded MongoDB: conformance', () => {
  const other = process.env['MONGODB_URI'];
  const database = `conf_${randomBytes(4).toString('hex')}`;
  let dir: string;
  let server: EmbeddedMongo;
  const clients: { name: string; client: mongoose.mongo.MongoClient }[] = [];
  let collections = 0;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'embedded-conformance-'));
    server = await startEmbeddedMongo({ dir });
    clients.push({ name: 'embedded', client: await new mongoose.mongo.MongoClient(server.uri).connect() });
    if (other) clients.push({ name: 'MONGODB_URI', client: await new mongoose.mongo.MongoClient(other).connect() });
  });

  after(async () => {
    for (const { client } of clients) {
      await client.db(database).dropDatabase();
      await client.close();
    }
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const compare = async (one: Case): Promise<void> => {
    const collectionName = `c${++collections}`;
    for (const { name, client } of clients) {
      if (name !== 'embedded' && one.otherServer !== undefined) continue;
      const db = client.db(database);
      const collection = db.collection<Record<string, unknown>>(collectionName);
      if (one.docs) await collection.insertMany(one.docs.map((document) => ({ ...document })) as never);
      const result = await outcome(() => one.run(collection, db));
      const wanted = isFault(one.expect) ? one.expect : canonical(one.expect);
      const collapsed = name !== 'embedded' && isFault(wanted) && canonical(result) === canonical(GATEWAY_FAULT);
      if (!collapsed) expect(result, name).to.deep.equal(wanted);
    }
  };

  for (const [title, cases] of Object.entries({ queries, updates, aggregations, indexes })) {
    describe(title, () => {
      for (const one of cases) it(one.name, () => compare(one));
    });
  }
});

function isFault(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'failed' in value;
}
