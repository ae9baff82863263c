import type { BsonDocument } from '../model.ts';
import { MongoFault } from '../faults.ts';
import type { Command, CommandContext } from './context.ts';
import * as reads from './reads.ts';
import * as schema from './schema.ts';
import * as server from './server.ts';
import * as writes from './writes.ts';

const COMMANDS: Record<string, Command> = {
  hello: server.hello, isMaster: server.hello, ismaster: server.hello, ping: server.ping, buildInfo: server.buildInfo,
  buildinfo: server.buildInfo,
  serverStatus: server.serverStatus, hostInfo: server.hostInfo, connectionStatus: server.connectionStatus,
  whatsmyuri: server.whatsmyuri,
  getLog: server.getLog, getParameter: server.getParameter, getCmdLineOpts: server.getCmdLineOpts,
  startSession: server.startSession,
  endSessions: server.nothing, refreshSessions: server.nothing, killSessions: server.nothing, killAllSessions: server.nothing,
  find: reads.find, getMore: reads.getMore, killCursors: reads.killCursors, count: reads.count, distinct: reads.distinct,
  aggregate: reads.aggregateCommand, explain: reads.explain,
  insert: writes.insert, update: writes.update, delete: writes.remove, findAndModify: writes.findAndModify,
  findandmodify: writes.findAndModify,
  createIndexes: schema.createIndexes, listIndexes: schema.listIndexes, dropIndexes: schema.dropIndexes,
  deleteIndexes: schema.dropIndexes,
  create: schema.create, drop: schema.drop, dropDatabase: schema.dropDatabase, renameCollection: schema.renameCollection,
  listCollections: schema.listCollections, listDatabases: schema.listDatabases, collStats: schema.collStats,
  collstats: schema.collStats,
  dbStats: schema.dbStats, dbstats: schema.dbStats,
};

/** Runs a command. Out: its reply with `ok: 1`. Throws CommandNotFound (59) and what the command throws. */
export async function runCommand(context: CommandContext, command: BsonDocument): Promise<BsonDocument | Buffer> {
  const name = Object.keys(command)[0] ?? '';
  const run = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!run) throw new MongoFault('CommandNotFound', `no such command: '${name}'`);
  if (command['startTransaction'] === true || command['txnNumber'] !== undefined || command['autocommit'] !== undefined) {
    throw new MongoFault('IllegalOperation', 'Transaction numbers are only allowed on a replica set member or mongos');
  }
  const reply = await run(context, command);
  return Buffer.isBuffer(reply) ? reply : { ...reply, ok: 1 };
}
