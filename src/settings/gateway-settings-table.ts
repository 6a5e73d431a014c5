import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { commaSeparated, oneOf, port, secureUrl, text, wholeNumber } from './schemas.js';
import { serviceSettings } from './service-settings.js';
import { setting } from './setting.js';
import type { Environment, Setting } from './setting.js';

const expectedKey =
  'expected an Ed25519 public key in PEM (-----BEGIN PUBLIC KEY-----); \\n may stand for line breaks';

const ed25519PublicKey = z.string().transform((value, context): KeyObject => {
  const key = readPublicKey(value.replaceAll('\\n', '\n'));
  if (key?.asymmetricKeyType === 'ed25519') return key;
  context.addIssue({ code: 'custom', message: expectedKey });
  return z.NEVER;
});

/** Undefined for what is none: a private key would be read as its public half, and must not be in this place. */
function readPublicKey(pem: string): KeyObject | undefined {
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) return undefined;
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

const maxSession = z.union(
  [oneOf(['token', 'none']), wholeNumber(1, 31_536_000)],
  'expected token, none or a whole number of seconds from 1 to 31536000',
);

const subjectIn = z
  .string()
  .regex(
    /^(none|application_name|[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)$/,
    'expected none, application_name or the name of a custom setting such as gateway.subject',
  );

/** Every setting of the SQL gateway but PUBLIC_KEYS__1, PUBLIC_KEYS__2 and so on, one row a variable. */
export const gatewaySettingsTable = {
  upstreamHost: setting({
    name: 'UPSTREAM__HOST',
    schema: text,
    meaning: 'name or address of the PostgreSQL server, or the folder of its Unix socket',
  }),
  upstreamPort: setting({
    name: 'UPSTREAM__PORT',
    schema: port,
    fallback: '5432',
    meaning: 'port of the PostgreSQL server',
  }),
  upstreamPassword: setting({
    name: 'UPSTREAM__PASSWORD',
    schema: text,
    fallback: '',
    secret: true,
    meaning: 'the password that the database roles have for the gateway; empty where it needs none',
  }),
  upstreamSslMode: setting({
    name: 'UPSTREAM__SSLMODE',
    schema: oneOf(['disable', 'require', 'verify-ca', 'verify-full']),
    fallback: 'require',
    meaning: 'TLS to the PostgreSQL server, as in libpq: disable, require, verify-ca, verify-full',
  }),
  upstreamCaFile: setting({
    name: 'UPSTREAM__CAFILE',
    schema: text,
    fallback: '',
    meaning: 'PEM file with the authorities of which the server may have its certificate',
  }),
  upstreamMinimumAuth: setting({
    name: 'UPSTREAM__MINIMUM_AUTH',
    schema: oneOf(['none', 'password', 'md5', 'scram-sha-256']),
    fallback: 'none',
    meaning:
      'the weakest method by which the gateway logs in to the server: none, password, md5, scram-sha-256',
  }),
  host: setting({
    name: 'DOWNSTREAM__IP',
    schema: text,
    fallback: '127.0.0.1',
    meaning: 'the address to listen on',
  }),
  port: setting({
    name: 'DOWNSTREAM__PORT',
    schema: port,
    fallback: '6432',
    meaning: 'the port to listen on',
  }),
  certFile: setting({
    name: 'DOWNSTREAM__CERTFILE',
    schema: text,
    fallback: '',
    meaning: 'PEM file with the certificate for clients, and what leads to its authority',
  }),
  keyFile: setting({
    name: 'DOWNSTREAM__KEYFILE',
    schema: text,
    fallback: '',
    meaning: 'PEM file with the private key of that certificate',
  }),
  downstreamSslMode: setting({
    name: 'DOWNSTREAM__SSLMODE',
    schema: oneOf(['disable', 'allow', 'require']),
    fallback: 'require',
    meaning: 'TLS with clients: require, allow (a token may come in plain), or disable',
  }),
  issuers: setting({
    name: 'GATEWAY_ISSUER',
    schema: z.union(
      [z.literal('').transform((): string[] => []), commaSeparated.pipe(z.array(secureUrl))],
      'expected URLs, comma-separated, without empty items',
    ),
    fallback: '',
    meaning:
      'issuers whose tokens are passwords, by their key sets, comma-separated; https unless the host is loopback',
  }),
  audiences: setting({
    name: 'GATEWAY_AUDIENCE',
    schema: z.union([z.literal('').transform((): string[] => []), commaSeparated]),
    fallback: '',
    meaning:
      "aud of its tokens, comma-separated: an API's for access tokens, the id of a client for its ID tokens",
  }),
  jwksUrl: setting({
    name: 'GATEWAY_JWKS_URL',
    schema: z.union([z.literal(''), secureUrl]),
    fallback: '',
    meaning:
      'another place for the key set of the one issuer; empty: {issuer}/v1/keys, of an org {issuer}/oauth2/v1/keys',
  }),
  opaUrl: setting({
    name: 'GATEWAY_OPA_URL',
    schema: text,
    fallback: '',
    meaning: 'decision at connect, as OPA_AUTHZ_URL; empty: a claim must be the database user',
  }),
  userClaim: setting({
    name: 'GATEWAY_USER_CLAIM',
    schema: text,
    fallback: 'sub',
    meaning: 'without GATEWAY_OPA_URL: the claim that must be the database user, a text or a list of texts',
  }),
  opaMode: setting({
    name: 'GATEWAY_OPA_MODE',
    schema: oneOf(['sidecar', 'embedded']),
    fallback: 'sidecar',
    meaning: 'sidecar asks OPA over HTTP, embedded decides with the bundle in this process',
  }),
  opaBundle: setting({
    name: 'OPA_BUNDLE',
    schema: text,
    fallback: 'policies/bundle.tar.gz',
    meaning: 'policy bundle with WASM, for embedded',
  }),
  opaTimeoutMs: setting({
    name: 'OPA_TIMEOUT_MS',
    schema: wholeNumber(1, 60_000),
    fallback: '500',
    meaning: 'milliseconds for a decision of the sidecar',
  }),
  maxSession: setting({
    name: 'GATEWAY_MAX_SESSION',
    schema: maxSession,
    fallback: 'token',
    meaning: 'how long a session lasts: token (until its exp), seconds, or none',
  }),
  authentication: setting({
    name: 'GATEWAY_AUTHENTICATION',
    schema: oneOf(['password', 'oauthbearer']),
    fallback: 'password',
    meaning: 'how clients send the token: password, or oauthbearer (libpq 18) for all of them',
  }),
  subjectIn: setting({
    name: 'GATEWAY_SUBJECT_IN',
    schema: subjectIn,
    fallback: 'none',
    meaning: 'where the server sees the subject of the token: none, application_name or a setting, for audit',
  }),
  loginTimeoutMs: setting({
    name: 'GATEWAY_LOGIN_TIMEOUT_MS',
    schema: wholeNumber(100, 300_000),
    fallback: '10000',
    meaning: 'milliseconds from the accepted connection to the session: TLS, token, decision, upstream',
  }),
  maxLogins: setting({
    name: 'GATEWAY_MAX_LOGINS',
    schema: wholeNumber(1, 100_000),
    fallback: '200',
    meaning: 'connections of one address that are not logged in yet, at most',
  }),
  managementHost: setting({
    name: 'GATEWAY_MANAGEMENT_HOST',
    schema: text,
    fallback: '127.0.0.1',
    meaning: "the address for the gateway's health and metrics",
  }),
  managementPort: setting({
    name: 'GATEWAY_MANAGEMENT_PORT',
    schema: port,
    fallback: '9432',
    meaning: "the port for the gateway's health and metrics",
  }),
  ...serviceSettings,
} as const;

export const publicKeyName = /^(PUBLIC_KEYS__\d{1,4})(?:_FILE)?$/;

/** A row for each PUBLIC_KEYS__i that is set, or whose file is named, in the order of their names. */
export function publicKeyRows(environment: Environment): Record<string, Setting<KeyObject>> {
  const names = Object.keys(environment).flatMap((name) =>
    environment[name] ? (publicKeyName.exec(name)?.[1] ?? []) : [],
  );
  const meaning = 'an Ed25519 key that signs tokens for the gateway';
  // A private key may have got into its place.
  const row = (name: string) => setting({ name, schema: ed25519PublicKey, meaning, secret: true });
  return Object.fromEntries([...new Set(names)].sort().map((name) => [name, row(name)]));
}
