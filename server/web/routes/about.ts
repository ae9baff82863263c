import { Router } from 'express';
import { paths } from '../paths.ts';
import type { Web } from '../web.ts';

/** Pages for everybody, signed in or not: QuickBooks' store links to them. */
export function aboutRoutes({ config, render }: Web): Router {
  const router = Router();

  router.get(paths.privacy, (req, res) => render(req, res, 'about/privacy', {}, { title: 'Privacy' }));
  router.get(paths.terms, (req, res) => render(req, res, 'about/terms', {}, { title: 'Terms of use' }));
  router.get(paths.support, (req, res) => render(req, res, 'about/support', { email: config.supportEmail }, { title: 'Support' }));

  /** Whom to tell of a weakness (RFC 9116). */
  router.get(paths.securityText, (_req, res) => {
    const { publicUrl, supportEmail, securityContactUntil } = config;
    const contact = supportEmail === null ? `${publicUrl}${paths.support}` : `mailto:${supportEmail}`;
    res.type('text').send([`Contact: ${contact}`, `Expires: ${securityContactUntil}`, 'Preferred-Languages: en', `Canonical: ${publicUrl}${paths.securityText}`, ''].join('\n'));
  });

  return router;
}
