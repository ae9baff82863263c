import { Mongoose, type Connection } from 'mongoose';
import type { Changes, NoticeBook, Rounds } from '../core/fresh.ts';
import type { SavedViews } from '../core/views.ts';
import type { ClassMirror, Clock, Companies, CostCodes, History, Intents, Invitations, Random, Runs, Team, Users } from '../core/ports.ts';
import type { SheetReports } from '../core/sheets.ts';
import { openChanges } from './changes.ts';
import { openClassMirror } from './classes.ts';
import { openCompanies } from './companies.ts';
import { openCostCodes } from './costcodes.ts';
import { endCommandsOfClosedConnections } from './driver.ts';
import { openHistory } from './history.ts';
import { openIntents } from './intents.ts';
import { ensureIndexes } from './models.ts';
import { openInvitations } from './invitations.ts';
import { openNotices } from './notices.ts';
import { openRounds } from './rounds.ts';
import { openRuns } from './runs.ts';
import { sealsOf, type KeyRing } from './sealing.ts';
import { openSheets } from './sheets.ts';
import { openTeam } from './team.ts';
import { openUsers } from './users.ts';
import { openViews } from './views.ts';

export interface StoresConfig {
  /** A mongodb:// address. */
  readonly uri: string;
  /** Instead of the one the address names. */
  readonly databaseName?: string;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly random: Random;
  /** How long, in milliseconds, a command waits for a database that is away before it fails; 5 seconds when not given. */
  readonly patience?: number;
}

export interface Stores {
  readonly companies: Companies;
  readonly users: Users;
  readonly team: Team;
  readonly invitations: Invitations;
  readonly costCodes: CostCodes;
  readonly classes: ClassMirror;
  readonly runs: Runs;
  readonly intents: Intents;
  readonly history: History;
  readonly sheets: SheetReports;
  readonly views: SavedViews;
  readonly changes: Changes;
  readonly rounds: Rounds;
  readonly notices: NoticeBook;
  /** The driver's own client, for sessions and jobs that keep their collections themselves. */
  readonly client: ReturnType<Connection['getClient']>;
  readonly connection: Connection;
  /** Whether the database answers within so many milliseconds. */
  ping(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Connects to MongoDB, creates the indexes, and opens every store. Each call has a connection of its own. Throws when the database does
 * not answer or the key ring is faulty.
 */
export async function openStores(config: StoresConfig): Promise<Stores> {
  const seals = sealsOf(config.keys);
  endCommandsOfClosedConnections();
  const connection = new Mongoose().createConnection(config.uri, {
    ...(config.databaseName === undefined ? {} : { dbName: config.databaseName }),
    serverSelectionTimeoutMS: config.patience ?? 5_000,
    writeConcern: { w: 'majority' },
    ignoreUndefined: true,
    autoIndex: false,
    autoCreate: false,
    bufferCommands: false,
  });
  try {
    await connection.asPromise();
    const { fences, decisions, ...companies } = openCompanies(connection, seals, config.random);
    const { join, ...team } = openTeam(connection, decisions);
    const stores = {
      companies,
      users: openUsers(connection, config.random, join),
      team,
      invitations: openInvitations(connection),
      costCodes: openCostCodes(connection, config.random),
      classes: openClassMirror(connection),
      runs: openRuns(connection, config.random, fences),
      intents: openIntents(connection),
      history: openHistory(connection),
      sheets: openSheets(connection),
      views: openViews(connection, config.random),
      changes: openChanges(connection, config.random),
      rounds: openRounds(connection, seals),
      notices: openNotices(connection),
    };
    await ensureIndexes(connection);
    return { ...stores, client: connection.getClient(), connection, ping: (ms) => ping(connection, config.clock, ms), close: () => connection.close() };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function ping(connection: Connection, clock: Clock, ms: number): Promise<boolean> {
  const answered = new AbortController();
  const answer = Promise.resolve(connection.db?.admin().ping()).then((reply) => reply !== undefined, () => false);
  const late = clock.sleep(ms, answered.signal).then(() => false);
  return Promise.race([answer, late]).finally(() => answered.abort());
}
