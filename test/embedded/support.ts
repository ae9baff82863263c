import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { startEmbeddedMongo } from '../../server/embedded/server.ts';
import type { EmbeddedMongo, EmbeddedMongoOptions } from '../../server/embedded/server.ts';

export interface Running {
  dir: string;
  server: EmbeddedMongo;
  client: mongoose.mongo.MongoClient;
  db: mongoose.mongo.Db;
  stop(): Promise<void>;
}

/** A folder of its own under the system's temporary one. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'embedded-'));
}

/** An embedded server on a free port with a client; `stop` takes both and the folder away. */
export async function running(options: Omit<EmbeddedMongoOptions, 'dir'> = {}): Promise<Running> {
  const dir = temporaryFolder();
  const server = await startEmbeddedMongo({ ...options, dir });
  const client = await new mongoose.mongo.MongoClient(server.uri).connect();
  const stop = async (): Promise<void> => {
    await client.close();
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { dir, server, client, db: client.db('test'), stop };
}

/** What explain says a find touched and how. */
export interface Explained {
  nReturned: number;
  totalKeysExamined: number;
  totalDocsExamined: number;
  stages: string[];
}

export async function explained(query: { explain(verbosity: string): Promise<unknown> }): Promise<Explained> {
  const answer = await query.explain('executionStats') as {
    executionStats: Omit<Explained, 'stages'>;
    queryPlanner: { winningPlan: Record<string, unknown> };
  };
  const stages: string[] = [];
  const visit = (stage: Record<string, unknown>): void => {
    stages.push(String(stage['stage']));
    const inputs = [stage['inputStage'], ...(stage['inputStages'] as unknown[] | undefined ?? [])];
    for (const input of inputs) if (input) visit(input as Record<string, unknown>);
  };
  visit(answer.queryPlanner.winningPlan);
  const { nReturned, totalKeysExamined, totalDocsExamined } = answer.executionStats;
  return { nReturned, totalKeysExamined, totalDocsExamined, stages };
}
