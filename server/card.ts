import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from './web/root.ts';

const read = (name: string): unknown => JSON.parse(readFileSync(join(projectRoot(), name), 'utf8'));

const path = z.string().startsWith('/');
const words = z.string().min(1);
const descriptor = z.strictObject({
  name: words,
  tagline: words,
  icons: z.strictObject({ mark: path }),
  /** Until when security.txt may be relied upon. */
  securityContactUntil: z.iso.datetime(),
  urls: z.strictObject({
    host: path, launch: path, connectRequest: path, reconnect: path, disconnect: path, redirect: z.array(path).min(1), privacy: path, terms: path, support: path,
  }),
  scopes: z.strictObject({ signIn: z.array(words), connect: z.array(words) }),
  webhooks: z.array(z.strictObject({ path, entity: words, events: z.array(words) })),
  environment: z.record(z.string(), words),
});

/** What the add-on is, from app.json, and which version this is, from package.json. */
export const CARD = {
  ...descriptor.parse(read('app.json')),
  ...z.object({ version: z.string() }).parse(read('package.json')),
} as const;

/** What to enter at developer.intuit.com for an app that is reached at `publicUrl`, in lines for the terminal. */
export function portalEntries(publicUrl: string | null): readonly string[] {
  const { urls, scopes, webhooks, environment } = CARD;
  const base = publicUrl ?? 'https://YOUR-DOMAIN';
  const at = (where: string): string => `${base}${where === '/' ? '' : where}`;
  const rows = (pairs: readonly (readonly [string, string])[]): string[] => pairs.map(([label, text]) => `  ${label.padEnd(24)}${text}`);
  const isReal = publicUrl?.startsWith('https://') === true;
  return [
    ...(isReal ? [] : ['Set PUBLIC_URL to the https address of the app: Intuit takes no other for production.', '']),
    'App details',
    ...rows([['Name', CARD.name], ['Tagline', CARD.tagline], ['Icon', at(CARD.icons.mark)], ['Single sign-on', 'on: Sign in with Intuit']]),
    'App URLs',
    ...rows([
      ['Host domain', base.replace(/^https?:\/\//, '')], ['Launch URL', at(urls.launch)], ['Connect request URL', at(urls.connectRequest)],
      ['Reconnect URL', at(urls.reconnect)], ['Disconnect URL', at(urls.disconnect)], ['Terms (EULA) URL', at(urls.terms)],
      ['Privacy policy URL', at(urls.privacy)], ['Support URL', at(urls.support)],
    ]),
    'Redirect URIs',
    ...urls.redirect.map((where) => `  ${at(where)}`),
    'Scopes',
    ...rows([['to sign in', scopes.signIn.join(' ')], ['to connect', scopes.connect.join(' ')]]),
    'Webhooks',
    ...webhooks.flatMap(({ path: where, entity, events }) => rows([['Endpoint URL', at(where)], [entity, events.join(', ')]])),
    'Environment of the app',
    ...rows(Object.entries(environment).map(([name, why]) => [name, why])),
  ];
}
