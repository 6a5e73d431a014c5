import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readGatewaySettings } from '../../src/settings/gateway-settings.js';

const pem = (key: ReturnType<typeof generateKeyPairSync>['publicKey']): string =>
  key.export({ type: 'spki', format: 'pem' }).toString();

const byKey = {
  PUBLIC_KEYS__1: pem(generateKeyPairSync('ed25519').publicKey),
  UPSTREAM__HOST: 'db',
  DOWNSTREAM__CERTFILE: 'cert.pem',
  DOWNSTREAM__KEYFILE: 'key.pem',
};
const byIssuer = {
  ...byKey,
  PUBLIC_KEYS__1: '',
  GATEWAY_ISSUER: 'https://idp.test/oauth2/default',
  GATEWAY_AUDIENCE: 'api://default',
};

/** Name and problem of every mistake. */
function mistakesOf(environment: Record<string, string>): string[] {
  const settings = readGatewaySettings(environment);
  return settings.ok ? [] : settings.mistakes.map(({ name, problem }) => `${name} ${problem}`);
}

describe('the settings of the gateway', () => {
  it("need no more than the older proxy's names", () => {
    expect(mistakesOf(byKey)).toEqual([]);
  });

  it('take several keys, issuers and audiences', () => {
    const settings = readGatewaySettings({
      ...byKey,
      PUBLIC_KEYS__2: pem(generateKeyPairSync('ed25519').publicKey).replaceAll('\n', '\\n'),
      GATEWAY_ISSUER: 'https://idp.test, https://idp.test/oauth2/default',
      GATEWAY_AUDIENCE: 'api://default,0oa1',
    });
    expect(settings).toMatchObject({
      ok: true,
      value: {
        issuers: ['https://idp.test', 'https://idp.test/oauth2/default'],
        audiences: ['api://default', '0oa1'],
      },
    });
    expect(settings.ok && settings.value.renewable.publicKeys.read()).toMatchObject({
      ok: true,
      value: {
        PUBLIC_KEYS__1: { asymmetricKeyType: 'ed25519' },
        PUBLIC_KEYS__2: { asymmetricKeyType: 'ed25519' },
      },
    });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'nobody whose tokens are passwords',
      { ...byKey, PUBLIC_KEYS__1: '' },
      /^GATEWAY_ISSUER or PUBLIC_KEYS__1/,
    ],
    [
      'a certificate to verify where there is none',
      { ...byKey, UPSTREAM__HOST: '/var/run/postgresql', UPSTREAM__SSLMODE: 'verify-full' },
      /^UPSTREAM__SSLMODE has no effect on a Unix socket/,
    ],
    ['an issuer without audience', { ...byIssuer, GATEWAY_AUDIENCE: '' }, /^GATEWAY_AUDIENCE is required/],
    [
      'one key set for several issuers',
      {
        ...byIssuer,
        GATEWAY_ISSUER: 'https://a.test,https://b.test',
        GATEWAY_JWKS_URL: 'https://mirror.test/keys',
      },
      /^GATEWAY_JWKS_URL is the place of one key set/,
    ],
    [
      'an issuer in plain http',
      { ...byIssuer, GATEWAY_ISSUER: 'http://idp.test' },
      /^GATEWAY_ISSUER expected https/,
    ],
    [
      'oauthbearer without an issuer',
      { ...byKey, GATEWAY_AUTHENTICATION: 'oauthbearer' },
      /^GATEWAY_ISSUER is required with oauthbearer/,
    ],
    ['no certificate', { ...byKey, DOWNSTREAM__CERTFILE: '' }, /^DOWNSTREAM__CERTFILE is required unless/],
    ['no key', { ...byKey, DOWNSTREAM__KEYFILE: '' }, /^DOWNSTREAM__KEYFILE is required unless/],
    [
      'an authority to be checked that nobody names',
      { ...byKey, UPSTREAM__SSLMODE: 'verify-ca' },
      /^UPSTREAM__CAFILE is required/,
    ],
    [
      'an embedded policy without its path',
      { ...byKey, GATEWAY_OPA_MODE: 'embedded' },
      /^GATEWAY_OPA_URL is required/,
    ],
    [
      'a claim for the user beside a policy that decides',
      {
        ...byKey,
        GATEWAY_USER_CLAIM: 'email',
        GATEWAY_OPA_URL: 'http://localhost:8181/v1/data/app/sql/decision',
      },
      /^GATEWAY_USER_CLAIM has no effect/,
    ],
    [
      'a key that is not Ed25519',
      { ...byKey, PUBLIC_KEYS__1: pem(generateKeyPairSync('x25519').publicKey) },
      /^PUBLIC_KEYS__1 expected an Ed25519/,
    ],
  ])('refuse %s, and say what is to be done', (_, environment, mistake) => {
    expect(mistakesOf(environment)).toEqual([expect.stringMatching(mistake)]);
  });

  it.each([
    'GATEWAY_OPA_ULR',
    'GATEWAY_ISSUER_FILES',
    'GATEWAY_PORT',
    'UPSTREAM_SSLMODE',
    'UPSTREAM__SSL_MODE_FILE',
    'DOWNSTREAM__CERT',
    'PUBLIC_KEYS_2',
    'PUBLIC_KEYS__one',
    'PUBLIC_KEYS__12345',
  ])('refuse %s, which looks like one of them and would do nothing', (name) => {
    expect(mistakesOf({ ...byKey, [name]: 'x' })).toEqual([`${name} is no setting: look at its spelling`]);
  });

  it('leave alone what is of somebody else', () => {
    const ofKubernetes = {
      GATEWAY_SERVICE_HOST: '10.0.0.1',
      GATEWAY_SERVICE_PORT_SQL: '6432',
      GATEWAY_PORT: 'tcp://10.0.0.1:6432',
      GATEWAY_PORT_6432_TCP_ADDR: '10.0.0.1',
    };
    expect(mistakesOf({ ...byKey, ...ofKubernetes, GATEWAY_UNUSED: '', PATH: '/bin' })).toEqual([]);
  });

  it.each([
    [
      'GATEWAY_MAX_SESSION',
      'for ever',
      'expected token, none or a whole number of seconds from 1 to 31536000',
    ],
    ['GATEWAY_MAX_SESSION', '-1', 'expected token, none or a whole number of seconds from 1 to 31536000'],
    ['GATEWAY_ISSUER', 'https://idp.test,', 'expected URLs, comma-separated, without empty items'],
  ])('say of %s=%s what was expected', (name, value, expected) => {
    expect(mistakesOf({ ...byIssuer, [name]: value })).toEqual([`${name} ${expected}, not "${value}"`]);
  });

  it('name every mistake at once', () => {
    expect(mistakesOf({ GATEWAY_OPA_MODE: 'embedded', UPSTREAM__PORT: 'x' })).toHaveLength(6);
  });
});
