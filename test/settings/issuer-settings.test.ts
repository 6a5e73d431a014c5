import { describe, expect, it } from 'vitest';
import { readIssuerSettings } from '../../src/settings/issuer-settings.js';

const pepper = 'p'.repeat(32);

describe('the issuer’s settings', () => {
  it('need nothing but a pepper in production', () => {
    const read = readIssuerSettings({ ISSUER_PEPPER: pepper });
    expect(read).toMatchObject({
      ok: true,
      value: {
        baseUrl: 'http://127.0.0.1:8087',
        host: '127.0.0.1',
        port: 8087,
        managementPort: 9087,
        databaseUrl: 'pglite:./.issuer',
        mode: 'production',
        peppers: [pepper],
      },
    });
  });

  it('need nothing at all in development', () => {
    expect(readIssuerSettings({ ISSUER_MODE: 'development' }).ok).toBe(true);
  });

  it('take several peppers, newest first', () => {
    const read = readIssuerSettings({ ISSUER_PEPPER: `${'n'.repeat(32)}, ${pepper}` });
    expect(read.ok && read.value.peppers).toEqual(['n'.repeat(32), pepper]);
  });

  it.each([
    [{ ISSUER_MODE: 'development', ISSUER_BASE_URL: 'http://login.example.test' }, []],
    [{ ISSUER_BASE_URL: 'http://login.example.test' }, ['ISSUER_PEPPER', 'ISSUER_BASE_URL']],
    [{ ISSUER_PEPPER: pepper, ISSUER_BASE_URL: 'http://localhost:1/' }, ['ISSUER_BASE_URL']],
    [{ ISSUER_PEPPER: pepper, ISSUER_BASE_URL: 'ftp://localhost' }, ['ISSUER_BASE_URL']],
    [{ ISSUER_PEPPER: `${pepper},short` }, ['ISSUER_PEPPER']],
    [{ ISSUER_PEPPER: pepper, ISSUER_DATABASE_URL: 'sqlite:x' }, ['ISSUER_DATABASE_URL']],
    [{ ISSUER_PEPPER: pepper, ISSUER_PORT: 'x', ISSUER_MODE: 'debug' }, ['ISSUER_PORT', 'ISSUER_MODE']],
  ])('of %j have mistakes in %j', (environment, names) => {
    const read = readIssuerSettings(environment);
    expect(read.ok ? [] : read.mistakes.map(({ name }) => name)).toEqual(names);
  });

  it('show no pepper in a message', () => {
    const read = readIssuerSettings({ ISSUER_PEPPER: 'too short to be good' });
    expect(JSON.stringify(read)).toContain('expected at least 32 characters');
    expect(JSON.stringify(read)).not.toContain('too short to be good');
  });
});
