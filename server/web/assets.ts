import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import type { Assets } from './present/shell.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8',
};
const DIGEST = 10;

/** The addresses of style and scripts, each with a digest of its content, so that browsers keep them until they change. */
export function assetsOf(folder: string): Assets {
  const htmx = readdirSync(folder).find((name) => /^htmx-[\d.]+\.min\.js$/.test(name));
  if (htmx === undefined) throw new Error(`${folder} holds no htmx.`);
  const stamped = (name: string) => `/${name}?${digestOf(readFileSync(join(folder, name)))}`;
  return { css: stamped('app.css'), script: stamped('app.js'), htmx: stamped(htmx) };
}

function digestOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, DIGEST);
}

interface PublicFile {
  readonly type: string;
  readonly content: Buffer;
  readonly small: Buffer;
  readonly digest: string;
}

/** Serves the public folder from memory: few files, compressed once. An address with its digest is kept for a year, others are asked for anew. */
export function publicFiles(folder: string): RequestHandler {
  const files = new Map<string, PublicFile>(readdirSync(folder).flatMap((name) => {
    const type = TYPES[extname(name)];
    const content = readFileSync(join(folder, name));
    return type === undefined ? [] : [[`/${name}`, { type, content, small: brotliCompressSync(content), digest: digestOf(content) }]];
  }));
  return (req, res, next) => {
    const file = req.method === 'GET' || req.method === 'HEAD' ? files.get(req.path) : undefined;
    if (file === undefined) return next();
    const isStamped = req.originalUrl.endsWith(`?${file.digest}`);
    res.vary('Accept-Encoding').set({ 'Content-Type': file.type, 'Cache-Control': isStamped ? 'public, max-age=31536000, immutable' : 'no-cache' });
    const isSmall = req.acceptsEncodings('br') === 'br';
    if (isSmall) res.set('Content-Encoding', 'br');
    return res.end(req.method === 'HEAD' ? undefined : isSmall ? file.small : file.content);
  };
}
