import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import type { Art, IntuitArt } from './present/intuit.ts';
import type { Assets } from './present/shell.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8',
};
/** Only of Intuit's art: other pictures there are for reading about the app. */
const PICTURES: Readonly<Record<string, string>> = { '.png': 'image/png' };
const DIGEST = 10;

/** The addresses of style and scripts, each with a digest of its content, so that browsers keep them until they change. */
export function assetsOf(folder: string): Assets {
  const htmx = readdirSync(folder).find((name) => /^htmx-[\d.]+\.min\.js$/.test(name));
  if (htmx === undefined) throw new Error(`${folder} holds no htmx.`);
  const stamped = (name: string) => `/${name}?${digestOf(readFileSync(join(folder, name)))}`;
  return { css: stamped('app.css'), script: stamped('app.js'), htmx: stamped(htmx) };
}

/** Where Intuit's button art may be put, below the public folder. */
const INTUIT = 'intuit';

/** The addresses of Intuit's button art, as far as it has been put there (public/intuit/README.md). */
export function intuitArtOf(folder: string): IntuitArt {
  const addressOf = (name: string): string | null => {
    const file = ['.svg', '.png'].map((type) => `${INTUIT}/${name}${type}`).find((path) => existsSync(join(folder, path)));
    return file === undefined ? null : `/${file}?${digestOf(readFileSync(join(folder, file)))}`;
  };
  const artOf = (name: string): Art | null => {
    const src = addressOf(name);
    return src === null ? null : { src, hover: addressOf(`${name}-hover`) };
  };
  return { signIn: artOf('sign-in-with-intuit'), connect: artOf('connect-to-quickbooks') };
}

function digestOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, DIGEST);
}

interface PublicFile {
  readonly type: string;
  readonly content: Buffer;
  readonly small: Readonly<Record<'br' | 'gzip', Buffer>>;
  readonly digest: string;
}

/** Serves the public folder from memory: few files, compressed once. An address with its digest is kept for a year, others are asked for anew. */
export function publicFiles(folder: string): RequestHandler {
  const names = ['', INTUIT].flatMap((part) => (existsSync(join(folder, part)) ? readdirSync(join(folder, part)).map((name) => join(part, name)) : []));
  const files = new Map<string, PublicFile>(names.flatMap((name) => {
    const type = TYPES[extname(name)] ?? (name.startsWith(`${INTUIT}/`) ? PICTURES[extname(name)] : undefined);
    if (type === undefined) return [];
    const content = readFileSync(join(folder, name));
    const small = { br: brotliCompressSync(content), gzip: gzipSync(content, { level: 9 }) };
    return [[`/${name}`, { type, content, small, digest: digestOf(content) }]];
  }));
  return (req, res, next) => {
    const file = req.method === 'GET' || req.method === 'HEAD' ? files.get(req.path) : undefined;
    if (file === undefined) return next();
    const isStamped = req.originalUrl.endsWith(`?${file.digest}`);
    res.vary('Accept-Encoding').set({ 'Content-Type': file.type, 'Cache-Control': isStamped ? 'public, max-age=31536000, immutable' : 'no-cache' });
    // Browsers ask for br over https and on this machine only, and for gzip everywhere.
    const encoding = (['br', 'gzip'] as const).find((name) => req.acceptsEncodings(name) === name);
    if (encoding) res.set('Content-Encoding', encoding);
    return res.end(req.method === 'HEAD' ? undefined : encoding ? file.small[encoding] : file.content);
  };
}
