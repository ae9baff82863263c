import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';

/**
 * Makes answers small on the wire: a page of rows shrinks to a tenth. Left as it is what another site's link asks for with words of its
 * own in the address: they would stand on the page beside the company's, and the size of the answer would tell whether they are alike.
 */
export function compressed(): RequestHandler {
  return compression({ filter: (req: Request, res: Response) => !isForeignWish(req) && compression.filter(req, res) });
}

function isForeignWish(req: Request): boolean {
  const site = req.get('Sec-Fetch-Site');
  return (site === 'cross-site' || site === 'same-site') && req.originalUrl.includes('?');
}
