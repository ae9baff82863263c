import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { SETTINGS } from '../../server/config.ts';
import { paths } from '../../server/web/paths.ts';

interface AppCard {
  readonly name: string;
  readonly urls: Record<string, string | string[]>;
  readonly webhooks: readonly unknown[];
  readonly environment: Record<string, string>;
}

const card = JSON.parse(readFileSync('app.json', 'utf8')) as AppCard;
const readme = readFileSync('README.md', 'utf8');
const settings = Object.keys(SETTINGS.shape);

/** The names in the first column of README's table of settings. */
const documented = [...readme.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);

describe('app.json', () => {
  it('says of every setting why it is there, and of no other', () => {
    expect(Object.keys(card.environment)).to.have.members(settings);
    expect(Object.values(card.environment).filter((why) => why.length < 20)).to.deep.equal([]);
  });

  it('gives QuickBooks no address that the app does not have', () => {
    const routes: readonly string[] = Object.values(paths);
    expect(Object.values(card.urls).flat().filter((url) => !routes.includes(url))).to.deep.equal([]);
    expect(card.urls).to.deep.equal({
      launch: paths.launch, connectRequest: paths.connectRequest, reconnect: paths.connect, disconnect: paths.disconnect,
      redirect: [paths.signedIn, paths.connected],
    });
  });

  it('has QuickBooks call where the app listens', () => {
    expect(card.webhooks).to.deep.equal([{ path: paths.quickbooksHook, entity: 'Class', events: ['create', 'update', 'delete', 'merge'] }]);
  });

  it('has a name without Intuit’s marks (quickbooks.md §7.5)', () => {
    expect(card.name).not.to.match(/quick|tuit|qb/i);
  });
});

describe('README', () => {
  it('explains every setting, and no other', () => {
    expect(documented).to.have.members(settings);
  });
});
