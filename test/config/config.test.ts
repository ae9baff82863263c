import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { ConfigError, readConfig, summary } from '../../server/config.ts';
import type { Config, Environment } from '../../server/config.ts';

const read = (env: Environment = {}): Config => readConfig(env, existsSync);

function faultsOf(env: Environment): Record<string, string> {
  try {
    read(env);
  } catch (error) {
    if (error instanceof ConfigError) return Object.fromEntries(error.faults.map(({ variable, say }) => [variable, say]));
    throw error;
  }
  return {};
}

const sealingKey = () => randomBytes(32).toString('base64');

const production = (): Environment => ({
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://sync.example.com/',
  MONGODB_URI: 'mongodb://user:pass@db1,db2/sync?replicaSet=rs0',
  INTUIT_CLIENT_ID: 'ABclient',
  INTUIT_CLIENT_SECRET: 'client-secret-value',
  LINARC_API_URL: 'https://api.linarc.example.com',
  SESSION_SECRETS: `${randomBytes(32).toString('hex')}, ${randomBytes(32).toString('hex')}`,
  SEALING_KEYS: `k2:${sealingKey()},k1:${sealingKey()}`,
});

describe('Settings without any given', () => {
  it('run on both sandboxes beside the port, and on the embedded database', () => {
    const config = read();
    expect(config.quickbooks).to.deep.equal({ kind: 'sandbox', url: null, port: 3001 });
    expect(config.linarc).to.deep.equal({ kind: 'sandbox', url: null, port: 3002 });
    expect(config.database).to.deep.equal({ kind: 'embedded', dir: './data/mongo' });
    expect(config).to.include({ production: false, port: 3000, host: '127.0.0.1', publicUrl: null, dataDir: './data' });
  });

  it('ask for secrets to be made', () => {
    expect(read().secrets).to.deep.equal({ sessionSecrets: null, sealingKeys: null });
  });

  it('read an empty variable as one not given', () => {
    expect(read({ PORT: '', MONGODB_URI: '  ', SANDBOX_LIBRARY: '' })).to.deep.equal(read());
  });
});

describe('Settings of a sandbox', () => {
  it('put the sandboxes beside the chosen port', () => {
    const config = read({ PORT: '4100', DATA_DIR: '/var/lib/sync' });
    expect(config.quickbooks).to.include({ port: 4101 });
    expect(config.linarc).to.include({ port: 4102 });
    expect(config.database).to.deep.equal({ kind: 'embedded', dir: '/var/lib/sync/mongo' });
  });

  it('take free ports for the sandboxes when the app takes one', () => {
    const config = read({ PORT: '0' });
    expect([config.port, config.quickbooks, config.linarc]).to.deep.equal([
      0, { kind: 'sandbox', url: null, port: 0 }, { kind: 'sandbox', url: null, port: 0 },
    ]);
  });

  it('name sandboxes that already run', () => {
    const config = read({ QUICKBOOKS_SANDBOX_URL: 'http://127.0.0.1:3001/', LINARC_SANDBOX_URL: 'http://127.0.0.1:3002' });
    expect(config.quickbooks).to.include({ url: 'http://127.0.0.1:3001' });
    expect(config.linarc).to.include({ url: 'http://127.0.0.1:3002' });
  });

  it('set speed, limits and size', () => {
    const config = read({ SANDBOX_SPEED: '60', SANDBOX_LIMITS: 'off', SANDBOX_CODES: '5000' });
    expect(config.sandbox).to.deep.equal({ speed: 60, limits: false, library: null, codes: 5000 });
  });

  it('keep Linarc on its sandbox beside a real Intuit company', () => {
    const config = read({ INTUIT_CLIENT_ID: 'id', INTUIT_CLIENT_SECRET: 'secret' });
    expect(config.quickbooks).to.deep.equal({ kind: 'intuit', environment: 'sandbox', clientId: 'id', clientSecret: 'secret' });
    expect(config.linarc.kind).to.equal('sandbox');
  });
});

describe('Settings for notices and webhooks', () => {
  const intuit = { INTUIT_CLIENT_ID: 'id', INTUIT_CLIENT_SECRET: 'secret' };

  it('put mail into files while QuickBooks is a sandbox, and send none without a server otherwise', () => {
    expect(read({ DATA_DIR: '/d' }).mail).to.deep.equal({ kind: 'file', dir: '/d/outbox', from: 'Linarc Class Sync <notices@localhost>' });
    expect(read(intuit).mail).to.equal(null);
  });

  it('name a mail server and whom mail comes from', () => {
    const config = read({ ...intuit, SMTP_URL: 'smtps://user:pass@mail.example.com', MAIL_FROM: 'Sync <sync@example.com>' });
    expect(config.mail).to.deep.equal({ kind: 'smtp', url: 'smtps://user:pass@mail.example.com', from: 'Sync <sync@example.com>' });
  });

  it('take several webhook verifiers, so that one can be changed', () => {
    expect(read({ ...intuit, INTUIT_WEBHOOK_VERIFIER: '12345678-aaaa, 12345678-bbbb' }).webhookVerifiers).to.deep.equal(['12345678-aaaa', '12345678-bbbb']);
    expect(read(intuit).webhookVerifiers).to.deep.equal([]);
  });
});

describe('Settings of production', () => {
  it('are complete with eight variables', () => {
    const config = read(production());
    expect(config).to.include({ production: true, publicUrl: 'https://sync.example.com', trustProxyHops: 1, logLevel: 'info', host: '0.0.0.0' });
    expect(config.quickbooks).to.include({ kind: 'intuit', environment: 'production' });
    expect(config.linarc).to.deep.equal({ kind: 'api', url: 'https://api.linarc.example.com' });
    expect(config.secrets.sessionSecrets).to.have.length(2);
    expect(config.secrets.sealingKeys?.map(({ id, key }) => [id, Buffer.from(key, 'base64').length])).to.deep.equal([['k2', 32], ['k1', 32]]);
  });

  it('name everything that is missing', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).to.have.all.keys(
      'MONGODB_URI', 'INTUIT_CLIENT_ID', 'LINARC_API_URL', 'PUBLIC_URL', 'SESSION_SECRETS', 'SEALING_KEYS',
    );
  });

  it('refuse the sandboxes', () => {
    const faults = faultsOf({ ...production(), QUICKBOOKS_SANDBOX_URL: 'http://127.0.0.1:1', LINARC_SANDBOX_URL: 'http://127.0.0.1:2' });
    expect(faults).to.have.all.keys('QUICKBOOKS_SANDBOX_URL', 'LINARC_SANDBOX_URL');
  });

  it('refuse addresses without TLS', () => {
    const faults = faultsOf({ ...production(), PUBLIC_URL: 'http://sync.example.com', LINARC_API_URL: 'http://linarc.example.com' });
    expect(faults).to.have.all.keys('PUBLIC_URL', 'LINARC_API_URL');
  });

  it('refuse to serve https without a trusted proxy, since no secure cookie would be set', () => {
    expect(faultsOf({ ...production(), TRUST_PROXY_HOPS: '0' })).to.have.all.keys('TRUST_PROXY_HOPS');
  });

  for (const placeholder of ['changeme', 'changeme'.repeat(8), `${'0'.repeat(64)}`, 'short,also short']) {
    it(`refuse the session secret “${placeholder.slice(0, 16)}”`, () => {
      expect(faultsOf({ ...production(), SESSION_SECRETS: placeholder })).to.have.all.keys('SESSION_SECRETS');
    });
  }

  const weakKeys = {
    'no name': sealingKey(),
    'too short a key': `k1:${randomBytes(16).toString('base64')}`,
    'a key of zeros': `k1:${Buffer.alloc(32).toString('base64')}`,
    'one name twice': `k1:${sealingKey()},k1:${sealingKey()}`,
  };
  for (const [what, keys] of Object.entries(weakKeys)) {
    it(`refuse sealing keys with ${what}`, () => {
      expect(faultsOf({ ...production(), SEALING_KEYS: keys })).to.have.all.keys('SEALING_KEYS');
    });
  }
});

describe('Faulty settings', () => {
  const faulty = {
    NODE_ENV: 'prod', PORT: '80a', HOST: 'a b', PUBLIC_URL: 'sync.example.com', TRUST_PROXY_HOPS: '-1', LOG_LEVEL: 'loud',
    DATA_DIR: 'x'.repeat(1001), MONGODB_URI: 'postgres://db', SESSION_SECRETS: 'a', SEALING_KEYS: 'b', INTUIT_CLIENT_SECRET: 'alone',
    INTUIT_ENVIRONMENT: 'staging', LINARC_API_URL: 'ftp://x', QUICKBOOKS_SANDBOX_URL: 'localhost:1', LINARC_SANDBOX_URL: '?',
    INTUIT_WEBHOOK_VERIFIER: 'x', SMTP_URL: 'mail.example.com', MAIL_FROM: 'nobody',
    SANDBOX_SPEED: '0', SANDBOX_LIMITS: 'no', SANDBOX_LIBRARY: '/no/such/file.csv', SANDBOX_CODES: '1.5',
  };

  it('are all reported at once, by name', () => {
    const named = Object.keys(faultsOf(faulty));
    expect(named).to.include.members(Object.keys(faulty).filter((name) => name !== 'INTUIT_CLIENT_SECRET'));
    expect(named).to.include('INTUIT_CLIENT_ID');
  });

  it('are reported without their values', () => {
    const message = (() => {
      try {
        read({ ...faulty, MONGODB_URI: 'http://user:hunter2@db', SESSION_SECRETS: 'hunter2', SEALING_KEYS: 'k1:hunter2', PUBLIC_URL: 'https://u:hunter2@x' });
      } catch (error) {
        return String(error);
      }
      return '';
    })();
    expect(message).to.include('MONGODB_URI').and.include('PUBLIC_URL').and.not.include('hunter2');
  });

  it('name the half of the Intuit credentials that is missing', () => {
    expect(faultsOf({ INTUIT_CLIENT_ID: 'id' })).to.have.all.keys('INTUIT_CLIENT_SECRET');
    expect(faultsOf({ INTUIT_CLIENT_SECRET: 'secret' })).to.have.all.keys('INTUIT_CLIENT_ID');
  });

  it('do not send mail from nobody, nor take webhooks of no app', () => {
    expect(faultsOf({ SMTP_URL: 'smtps://user:pass@mail.example.com' })).to.have.all.keys('MAIL_FROM');
    expect(faultsOf({ INTUIT_WEBHOOK_VERIFIER: '12345678-aaaa' })).to.have.all.keys('INTUIT_WEBHOOK_VERIFIER');
  });

  it('do not let the app outrun Intuit’s limits', () => {
    const intuit = { INTUIT_CLIENT_ID: 'id', INTUIT_CLIENT_SECRET: 'secret' };
    expect(faultsOf({ ...intuit, SANDBOX_SPEED: '60', SANDBOX_LIMITS: 'off' })).to.have.all.keys('SANDBOX_SPEED', 'SANDBOX_LIMITS');
  });

  const pairs: [string, string, Environment][] = [
    ['LINARC_SANDBOX_URL', 'LINARC_API_URL', { LINARC_API_URL: 'http://a', LINARC_SANDBOX_URL: 'http://b' }],
    ['SANDBOX_CODES', 'SANDBOX_LIBRARY', { SANDBOX_LIBRARY: 'package.json', SANDBOX_CODES: '5' }],
  ];
  for (const [one, other, env] of pairs) {
    it(`do not leave open which of ${one} and ${other} counts`, () => {
      expect(faultsOf(env)[one]).to.include(other);
    });
  }
});

describe('The settings once read', () => {
  it('cannot be changed', () => {
    const config = read(production());
    expect(Object.isFrozen(config) && Object.isFrozen(config.quickbooks) && Object.isFrozen(config.secrets.sealingKeys?.[0])).to.equal(true);
  });

  it('are summed up without anything secret', () => {
    const env = production();
    const lines = summary(read(env)).join('\n');
    expect(lines).to.include('production').and.include('https://sync.example.com');
    for (const secret of ['pass@', env['INTUIT_CLIENT_ID'], env['INTUIT_CLIENT_SECRET'], env['SESSION_SECRETS']?.slice(0, 20), env['SEALING_KEYS']?.slice(3, 20)]) {
      expect(lines).not.to.include(secret ?? 'missing');
    }
  });
});
