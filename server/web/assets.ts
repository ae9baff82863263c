import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import express, { type RequestHandler } from 'express';
import type { Assets } from './present/shell.ts';

const DAY = 86_400_000;

/** The addresses of style and scripts, each with a digest of its content, so that browsers may keep them until they change. */
export function assetsOf(folder: string): Assets {
  const htmx = readdirSync(folder).find((name) => /^htmx-[\d.]+\.min\.js$/.test(name));
  if (htmx === undefined) throw new Error(`${folder} holds no htmx.`);
  const stamped = (name: string) => {
    const digest = createHash('sha256').update(readFileSync(join(folder, name))).digest('hex').slice(0, 10);
    return `/${name}?${digest}`;
  };
  return { css: stamped('app.css'), script: stamped('app.js'), htmx: `/${htmx}` };
}

/** Serves the public folder. Only the scripts and the style that are named with a version or digest are kept for long. */
export function publicFiles(folder: string, production: boolean): RequestHandler {
  return express.static(folder, { index: false, redirect: false, dotfiles: 'ignore', maxAge: production ? 30 * DAY : 0, fallthrough: true });
}
