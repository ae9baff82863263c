import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { WebConfig } from './config.ts';
import { ForeignRequest, ScreenError } from './errors.ts';

/**
 * Every directive is set here, none is helmet's default, and nothing is unsafe (engineering.md §4.1). Forms post to ourselves only, so
 * the ways to Intuit are plain links.
 */
const CONTENT_SECURITY_POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'connect-src': ["'self'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
};

export function securityHeaders({ production }: Pick<WebConfig, 'production'>): RequestHandler {
  return helmet({
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY },
    strictTransportSecurity: production ? { maxAge: 63_072_000, includeSubDomains: true } : false,
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
  });
}

/** Pages hold a company's data, so no cache keeps them (quickbooks.md S1). */
export const noStore: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-cache, no-store');
  next();
};

const METHODS = ['GET', 'HEAD', 'POST'];

/** Unused methods are off (quickbooks.md S4). */
export const usedMethodsOnly: RequestHandler = (req, res, next) => {
  if (METHODS.includes(req.method)) return next();
  res.set('Allow', METHODS.join(', '));
  return next(new ScreenError(405, 'Not allowed', 'Addresses of this app take only GET and POST.', 'Go back to the cost codes.'));
};

/**
 * Lets a write through only when the browser says it comes from our own pages: by Sec-Fetch-Site, else by Origin, and by neither not at
 * all (engineering.md §4.2). Outside production the address the request itself was sent to counts as ours too.
 */
export function sameOriginOnly({ publicUrl, production }: Pick<WebConfig, 'publicUrl' | 'production'>): RequestHandler {
  const own = new URL(publicUrl).origin;
  return (req, res, next) => {
    res.vary('Sec-Fetch-Site').vary('Origin');
    if (req.method === 'GET' || req.method === 'HEAD') return next();
    const site = req.get('Sec-Fetch-Site');
    if (site !== undefined) return next(site === 'same-origin' ? undefined : new ForeignRequest());
    const origin = req.get('Origin');
    const isOwn = origin === own || (!production && origin === `${req.protocol}://${req.get('Host')}`);
    return next(isOwn ? undefined : new ForeignRequest());
  };
}
