import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import express from 'express';
import type { Router } from 'express';

const CONTRACT = join('server', 'linarc', 'openapi.json');

/** Serves the description of the API that both sides follow. */
export function contractRouter(): Router {
  const router = express.Router();
  router.get('/openapi.json', (_req, res) => {
    res.type('json').send(readFileSync(contractPath(dirname(fileURLToPath(import.meta.url)))));
  });
  return router;
}

/** The contract is data, so the compiler does not copy it: it stands in the source tree above this folder or above its build. */
function contractPath(folder: string): string {
  const path = join(folder, CONTRACT);
  if (existsSync(path) || dirname(folder) === folder) return path;
  return contractPath(dirname(folder));
}
