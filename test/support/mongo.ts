import { randomBytes } from 'node:crypto';
import mongoose from 'mongoose';

export interface TestMongo {
  readonly uri: string;
  /** A name no other suite uses; nothing is created yet. */
  database(): string;
  drop(name: string): Promise<void>;
  close(): Promise<void>;
}

/** The MongoDB the tests run on: the one `MONGODB_URI` names. */
export async function testMongo(): Promise<TestMongo> {
  const uri = process.env['MONGODB_URI'];
  if (!uri) throw new Error('MONGODB_URI is not set.');
  return {
    uri,
    database: () => `store_${randomBytes(6).toString('hex')}`,
    async drop(name) {
      const connection = await mongoose.createConnection(uri, { dbName: name }).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
    close: async () => {},
  };
}
