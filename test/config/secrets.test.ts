import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readConfig } from '../../server/config.ts';
import type { Environment } from '../../server/config.ts';
import { secretsOf } from '../../server/secrets.ts';

describe('Secrets that were not given', () => {
  let dir: string;
  const secrets = (env: Environment = {}) => secretsOf(readConfig({ DATA_DIR: join(dir, 'data'), ...env }, () => true));

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'secrets-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('are made once, so that a second start opens what the first one sealed', () => {
    expect(secrets()).to.deep.equal(secrets());
    expect(Buffer.from(secrets().sealingKeys[0]?.key ?? '', 'base64')).to.have.length(32);
  });

  it('differ from machine to machine', () => {
    expect(secrets()).not.to.deep.equal(secrets({ DATA_DIR: join(dir, 'other') }));
  });

  it('are readable by their owner alone', () => {
    secrets();
    expect(statSync(join(dir, 'data/secrets.json')).mode & 0o777).to.equal(0o600);
    expect(statSync(join(dir, 'data')).mode & 0o777).to.equal(0o700);
  });

  it('do not replace those that were given', () => {
    const given = 'a0b1c2d3e4f5'.repeat(4);
    const { sessionSecrets, sealingKeys } = secrets({ SESSION_SECRETS: given });
    expect(sessionSecrets).to.deep.equal([given]);
    expect(sealingKeys).to.deep.equal(secrets().sealingKeys);
  });

  it('are not made anew over a file that was damaged, since that would lose what they sealed', () => {
    secrets();
    writeFileSync(join(dir, 'data/secrets.json'), '{"sessionSecrets":[]');
    expect(() => secrets()).to.throw(/secrets\.json.*Restore it/);
    expect(readFileSync(join(dir, 'data/secrets.json'), 'utf8')).to.equal('{"sessionSecrets":[]');
  });
});
