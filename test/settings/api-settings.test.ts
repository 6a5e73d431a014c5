import { describe, expect, it } from 'vitest';
import { apiSettingsTable, readApiSettings } from '../../src/settings/api-settings.js';
import type { ApiSettings } from '../../src/settings/api-settings.js';
import { valuesOrThrow } from '../../src/settings/report.js';
import type { Environment } from '../../src/settings/setting.js';

/** The least that starts an API. */
const enough: Environment = {
  OKTA_ISSUER: 'https://dev-1.okta.test/oauth2/default',
  OKTA_CLIENT_ID: '0oa1',
  OKTA_AUDIENCE: 'api://default',
};

function settings(changes: Environment = {}): ApiSettings {
  return valuesOrThrow(readApiSettings({ ...enough, ...changes }));
}

/** The names of the settings that are mistaken, in order. */
function mistaken(changes: Environment): string[] {
  const read = readApiSettings({ ...enough, ...changes });
  return read.ok ? [] : read.mistakes.map(({ name }) => name);
}

describe('the settings of the API', () => {
  it('have the defaults that the contract names', () => {
    expect(settings()).toMatchObject({
      allowedClientIds: [],
      validation: 'local',
      introspectionCacheSeconds: 0,
      introspectionOptionalClaims: [],
      jwksUrl: '',
      oktaTimeoutMs: 2000,
      opaUrl: 'http://localhost:8181/v1/data/demoapi/authz/allow',
      opaMode: 'sidecar',
      opaBundle: 'policies/bundle.tar.gz',
      opaTimeoutMs: 500,
      host: '0.0.0.0',
      port: 8086,
      managementHost: '127.0.0.1',
      managementPort: 9086,
      logLevel: 'info',
      trustProxy: [],
    });
  });

  it('are read from the text of variables into values', () => {
    const changes = {
      OKTA_ALLOWED_CLIENT_IDS: '0oa1, 0oa2',
      OKTA_VALIDATION: 'both',
      OKTA_CLIENT_SECRET: 's',
      OKTA_INTROSPECTION_CACHE_SECONDS: '60',
      OKTA_INTROSPECTION_OPTIONAL_CLAIMS: 'aud,iss',
      OKTA_TIMEOUT_MS: '750',
      OPA_AUTHZ_URL: 'unix:///run/opa.sock:/v1/data/demoapi/authz/allow',
      PORT: '0',
      TRUST_PROXY: '10.0.0.0/8,127.0.0.1',
    };
    expect(settings(changes)).toMatchObject({
      allowedClientIds: ['0oa1', '0oa2'],
      validation: 'both',
      clientSecret: 's',
      introspectionCacheSeconds: 60,
      introspectionOptionalClaims: ['aud', 'iss'],
      oktaTimeoutMs: 750,
      opaUrl: 'unix:///run/opa.sock:/v1/data/demoapi/authz/allow',
      port: 0,
      trustProxy: ['10.0.0.0/8', '127.0.0.1'],
    });
  });

  it('are every one named in the table once, with a meaning', () => {
    const rows = Object.values(apiSettingsTable);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    expect(rows.filter(({ meaning }) => meaning === '')).toEqual([]);
  });

  it('that are missing are all named at once', () => {
    const read = readApiSettings({});
    const names = read.ok ? [] : read.mistakes.map(({ name }) => name);
    expect(names).toEqual(['OKTA_ISSUER', 'OKTA_CLIENT_ID', 'OKTA_AUDIENCE']);
  });

  it('that are wrong are all named at once, among them those that only fail together', () => {
    const changes = {
      OKTA_ISSUER: 'not a url',
      OKTA_AUDIENCE: undefined,
      OKTA_VALIDATION: 'remote',
      OKTA_TIMEOUT_MS: 'soon',
      OPA_AUTHZ_URL: 'http://localhost:8181/v1/policies',
      PORT: '65536',
      LOG_LEVEL: 'loud',
    };
    expect(new Set(mistaken(changes))).toEqual(
      new Set([...Object.keys(changes).filter((name) => name !== 'OKTA_VALIDATION'), 'OKTA_CLIENT_SECRET']),
    );
  });

  it.each<{ name: string; values: readonly string[] }>([
    {
      name: 'OKTA_ISSUER',
      values: [
        ...['dev-1.okta.test', '/oauth2/default', 'ftp://okta.test', 'javascript:alert(1)', 'https://'],
        ...['https://okta.test/oauth2/default/', 'https://okta.test/oauth2/default?x=1'],
        ...['https://okta.test/oauth2/default#x', 'https://okta.test/oauth2/default#'],
        ...[
          'https://u:p@okta.test/oauth2/default',
          'https://okta.test/oauth2/default ',
          'https://okta.test/a b',
        ],
      ],
    },
    { name: 'OKTA_JWKS_URL', values: ['keys', 'file:///etc/passwd', 'http://okta.test/keys'] },
    { name: 'OKTA_ALLOWED_CLIENT_IDS', values: [',', 'a,', 'a,,b', ' '] },
    { name: 'OKTA_VALIDATION', values: ['Local', 'none', 'off', 'local,remote'] },
    {
      name: 'OKTA_INTROSPECTION_CACHE_SECONDS',
      values: ['-1', '1.5', '1e3', '0x10', 'NaN', '3601', ' 1', '+1'],
    },
    { name: 'OKTA_INTROSPECTION_OPTIONAL_CLAIMS', values: ['sub', 'iss,cid', 'ISS', 'iss, aud'] },
    { name: 'OKTA_TIMEOUT_MS', values: ['0', '60001', 'infinity', '99999999999999999999'] },
    { name: 'TOKEN_CACHE_ENTRIES', values: ['0', '1000001'] },
    {
      name: 'OPA_AUTHZ_URL',
      values: ['localhost:8181', 'http://x/v1/data/', 'http://x/v1/data/a?pretty', 'unix:///s.sock'],
    },
    { name: 'OPA_MODE', values: ['wasm', 'Sidecar'] },
    { name: 'OPA_TIMEOUT_MS', values: ['0', '-5'] },
    { name: 'PORT', values: ['-1', '65536', 'http', '80a'] },
    { name: 'MANAGEMENT_PORT', values: ['65536'] },
    { name: 'LOG_LEVEL', values: ['INFO', 'verbose'] },
    { name: 'TRUST_PROXY', values: ['a,,b'] },
  ])('$name refuses $values', ({ name, values }) => {
    expect(values.map((value) => mistaken({ [name]: value }))).toEqual(values.map(() => [name]));
  });
});

describe('https', () => {
  it.each([
    'http://localhost:8087/oauth2/default',
    'http://127.0.0.1:8087/oauth2/default',
    'http://127.1.2.3/oauth2/default',
    'http://[::1]:8087/oauth2/default',
  ])('may be plain http on loopback: %s', (issuer) => {
    expect(settings({ OKTA_ISSUER: issuer, OKTA_JWKS_URL: `${issuer}/v1/keys` }).issuer).toBe(issuer);
  });

  it.each([
    'http://okta.test/oauth2/default',
    'http://localhost.okta.test/oauth2/default',
    'http://127.0.0.1.okta.test/oauth2/default',
    'http://10.0.0.1/oauth2/default',
    'http://0.0.0.0/oauth2/default',
    'http://[::ffff:10.0.0.1]/oauth2/default',
    'http://[::]/oauth2/default',
  ])('is required elsewhere: %s', (issuer) => {
    expect(mistaken({ OKTA_ISSUER: issuer, OKTA_JWKS_URL: issuer })).toEqual([
      'OKTA_ISSUER',
      'OKTA_JWKS_URL',
    ]);
  });
});

describe('remote validation', () => {
  it.each(['remote', 'both'])('(%s) requires the secret', (mode) => {
    expect(mistaken({ OKTA_VALIDATION: mode })).toEqual(['OKTA_CLIENT_SECRET']);
    expect(mistaken({ OKTA_VALIDATION: mode, OKTA_CLIENT_SECRET: '' })).toEqual(['OKTA_CLIENT_SECRET']);
    expect(mistaken({ OKTA_VALIDATION: mode, OKTA_CLIENT_SECRET: 's' })).toEqual([]);
  });

  it('names the secret once when its file is missing', () => {
    const changes = { OKTA_VALIDATION: 'remote', OKTA_CLIENT_SECRET_FILE: '/nowhere/secret' };
    expect(mistaken(changes)).toEqual(['OKTA_CLIENT_SECRET']);
  });

  it('does not keep local validation from starting without a secret', () => {
    expect(mistaken({ OKTA_VALIDATION: 'local' })).toEqual([]);
  });
});
