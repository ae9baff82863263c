/** The door of this folder: the server in this thread, or in one of its own. */
export { startEmbeddedMongo } from './engine.ts';
export type { EmbeddedMongo, EmbeddedMongoOptions } from './engine.ts';
export { startEmbeddedMongoInThread } from './worker.ts';
