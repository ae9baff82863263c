import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLog, LOGGED } from '../../server/log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  write(createLog('trace', { write: (line: string) => lines.push(line) }));
  return lines.join('');
}

describe('A line of the log', () => {
  it('is JSON with time, level and message', () => {
    const line = JSON.parse(logged((log) => log.warn({ run: 'r1', took: 12 }, 'run ended'))) as Record<string, unknown>;
    expect(line).to.include({ level: 'warn', run: 'r1', took: 12, msg: 'run ended' });
    expect(line['time']).to.match(/^\d{4}-\d\d-\d\dT/);
  });

  it('leaves out whatever is not known to be harmless', () => {
    const text = logged((log) => log.info({ run: 'r1', body: 'planted', token: 'planted', company: { realm: 'planted' } }, 'said'));
    expect(text).to.include('r1').and.not.include('planted');
  });

  const telling: [string, string][] = [
    ['a bearer token', 'HTTP 401 for Bearer planted-token'],
    ['an access token', 'refused eyJlbmMiOiJBMTI4Q0JDplanted.abc.def'],
    ['a refresh token', 'refused AB11planted0123456789'],
    ['the password of the database', 'cannot reach mongodb://sync:planted@db1/sync'],
    ['an authorisation code', 'GET /connect/callback?code=planted&state=planted&realmId=planted failed'],
    ['a field of JSON', '{"client_secret":"planted","apiKey": "planted"}'],
    ['an e-mail address', 'mara.planted@example.com was not found'],
  ];
  for (const [what, text] of telling) {
    it(`takes ${what} out of a text`, () => {
      expect(logged((log) => log.error({ error: text }, 'failed'))).not.to.include('planted');
      expect(logged((log) => log.error({ err: new Error(text) }, 'failed'))).not.to.include('planted');
    });
  }

  it('shows of an error its kind, message, code and place, and not the request it carries', () => {
    const error = Object.assign(new TypeError('no answer'), { code: 'ECONNRESET', config: { headers: { Authorization: 'planted' } } });
    const text = logged((log) => log.error({ err: error }, 'failed'));
    expect(text).to.include('TypeError').and.include('no answer').and.include('ECONNRESET').and.include('log.test').and.not.include('planted');
  });

  it('shows of a request its method and path, and not its query or headers', () => {
    const req = { id: 7, method: 'GET', url: '/connect/callback?code=planted', headers: { cookie: 'planted' } };
    const text = logged((log) => log.info({ req, res: { statusCode: 302, headers: 'planted' } }, 'answered'));
    expect(text).to.include('/connect/callback').and.include('302').and.not.include('planted');
  });
});

describe('What the app logs', () => {
  it('is in the list of what may be logged, so that no line loses what it means to say', () => {
    const sources = readdirSync('server', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts') && !/^(sandbox|embedded)/.test(path));
    const names = sources.flatMap((path) => {
      const code = readFileSync(join('server', path), 'utf8');
      return [...code.matchAll(/\blog\.(?:info|warn|error|fatal|debug)\(\s*\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
        inside.split(',').map((part) => part.trim().split(':')[0]?.trim() ?? '').filter((name) => /^\w+$/.test(name)));
    });
    expect(names).to.include('run');
    expect([...new Set(names)].filter((name) => !LOGGED.has(name) && !['err', 'req', 'res'].includes(name))).to.deep.equal([]);
  });
});
