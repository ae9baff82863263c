import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from './web/root.ts';

const read = (name: string): unknown => JSON.parse(readFileSync(join(projectRoot(), name), 'utf8'));

/** What the add-on is called, from app.json, and which version this is, from package.json. */
export const CARD = {
  ...z.object({ name: z.string(), tagline: z.string() }).parse(read('app.json')),
  ...z.object({ version: z.string() }).parse(read('package.json')),
} as const;
