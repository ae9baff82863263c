import { expect } from 'chai';
import type { Socket } from 'node:net';
import { openTestStores, type OpenedStores } from './fixture.ts';

interface Topology {
  readonly s: { readonly servers: ReadonlyMap<string, { readonly pool: { readonly connections: Iterable<{ readonly socket: Socket }> }; readonly monitor: { readonly connection: { readonly socket: Socket } } }> };
}

describe('The way to the database', () => {
  let opened: OpenedStores;
  before(async () => {
    opened = await openTestStores();
  });
  after(() => opened.close());

  const server = () => {
    const { topology } = opened.stores.client as unknown as { topology: Topology };
    const [first] = topology.s.servers.values();
    if (!first) throw new Error('there is no server');
    return first;
  };

  it('ends a command that was written to a connection as it closed, and finds the database again', async () => {
    const { client } = opened.stores;
    const ping = () => client.db('admin').command({ ping: 1 });
    await ping();
    for (const { socket } of server().pool.connections) socket.destroy();
    // Its monitor is asked to look at once, and writes to a socket that is closing, too.
    server().monitor.connection.socket.destroy();
    expect(await ping().then(() => 'answered', (error: unknown) => (error instanceof Error ? error.name : ''))).to.equal('MongoNetworkError');
    expect(await ping()).to.include({ ok: 1 });
  });
});
