/** Loads the TypeScript sources in a new thread, which does not inherit its starter's loader. Compiled code needs no such step. */
import { workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
await import(workerData.module);
