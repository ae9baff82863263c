import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { CARD, portalEntries } from '../../server/card.ts';
import { SETTINGS } from '../../server/config.ts';
import { INTUIT_ENDPOINTS } from '../../server/qbo/endpoints.ts';
import { intuitIdentity } from '../../server/qbo/identity.ts';
import { paths } from '../../server/web/paths.ts';

const readme = readFileSync('README.md', 'utf8');
const settings = Object.keys(SETTINGS.shape);

/** The names in the first column of README's table of settings. */
const documented = [...readme.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);

/** Paths that somebody outside is told of: QuickBooks' store, Intuit's sign-in, QuickBooks' webhooks. */
const OUTWARD: readonly (keyof typeof paths)[] = [
  'home', 'launch', 'connectRequest', 'connectStart', 'disconnect', 'signedIn', 'connected', 'privacy', 'terms', 'support', 'quickbooksHook',
];

describe('app.json', () => {
  it('says of every setting why it is there, and of no other', () => {
    expect(Object.keys(CARD.environment)).to.have.members(settings);
    expect(Object.values(CARD.environment).filter((why) => why.length < 20)).to.deep.equal([]);
  });

  it('gives QuickBooks the addresses of the app, each and no other', () => {
    expect(CARD.urls).to.deep.equal({
      host: paths.home, launch: paths.launch, connectRequest: paths.connectRequest, reconnect: paths.connectStart, disconnect: paths.disconnect,
      redirect: [paths.signedIn, paths.connected], privacy: paths.privacy, terms: paths.terms, support: paths.support,
    });
    const told = [...Object.values(CARD.urls).flat(), ...CARD.webhooks.map(({ path }) => path)];
    expect(told).to.have.members(OUTWARD.map((name) => paths[name]));
  });

  it('has an icon that is there', () => {
    expect(readFileSync(`public${CARD.icons.mark}`, 'utf8')).to.match(/^<svg/);
  });

  it('asks for the scopes that the app asks for, each for its purpose', () => {
    const identity = intuitIdentity({
      clientId: 'c', clientSecret: 's', environment: 'sandbox', endpoints: INTUIT_ENDPOINTS.sandbox, fetchTimeoutMs: 1, clock: { now: () => 0, sleep: async () => {} },
    });
    const scopesOf = (purpose: 'sign_in' | 'connect') =>
      new URL(identity.authorizeUrl({ purpose, redirectUri: 'https://a.example', state: 's', nonce: 'n' })).searchParams.get('scope')?.split(' ');
    expect(scopesOf('sign_in')).to.have.members([...CARD.scopes.signIn]);
    expect(scopesOf('connect')).to.have.members([...CARD.scopes.connect]);
  });

  it('has QuickBooks call where the app listens', () => {
    expect(CARD.webhooks).to.deep.equal([{ path: paths.quickbooksHook, entity: 'Class', events: ['create', 'update', 'delete', 'merge'] }]);
  });

  it('has a name without Intuit’s marks (quickbooks.md §7.5)', () => {
    expect(CARD.name).not.to.match(/quick|tuit|qb/i);
    expect(CARD.name + CARD.tagline).not.to.match(/[<>\\"]/);
    expect(CARD.tagline.length).to.be.at.most(80);
  });
});

describe('npm run descriptor', () => {
  it('prints what to enter at Intuit, every address with PUBLIC_URL before it', () => {
    const lines = portalEntries('https://sync.example.com');
    expect(lines).to.include('  Launch URL              https://sync.example.com/launch').and.include('  https://sync.example.com/connect/callback');
    const text = lines.join('\n');
    for (const path of [...Object.values(CARD.urls).flat(), ...CARD.webhooks.map((hook) => hook.path)].filter((where) => where !== '/')) {
      expect(text).to.include(`https://sync.example.com${path}\n`);
    }
    for (const name of settings) expect(text).to.match(new RegExp(`^ {2}${name} `, 'm'));
    expect(text).to.include('Host domain             sync.example.com\n').and.not.include('Set PUBLIC_URL');
  });

  it('says what is missing when no public address is set', () => {
    expect(portalEntries(null)[0]).to.match(/^Set PUBLIC_URL/);
    expect(portalEntries('http://localhost:3000')[0]).to.match(/^Set PUBLIC_URL/);
  });
});

describe('README', () => {
  it('explains every setting, and no other', () => {
    expect(documented).to.have.members(settings);
  });
});
