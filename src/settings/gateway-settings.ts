import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { accept } from '../base/outcome.js';
import { commaSeparated, oneOf, port, secureUrl, text, wholeNumber } from './schemas.js';
import { serviceSettings } from './service-settings.js';
import { readSettings, setting } from './setting.js';
import type { Environment, Setting, SettingMistake, SettingsOf, SettingsOutcome } from './setting.js';
import { unknownNames } from './unknown-names.js';

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
    meaning: 'name or address of the PostgreSQL server',
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

export type GatewaySettings = SettingsOf<typeof gatewaySettingsTable> & {
  /** Keys that sign tokens for the gateway alone, in the order of their names. */
  readonly publicKeys: readonly KeyObject[];
  /** Files that hold some of them. */
  readonly publicKeyFiles: readonly string[];
  /** The keys as the environment and these files have them now. */
  readonly readPublicKeys: () => SettingsOutcome<readonly KeyObject[]>;
};

const publicKeyName = /^(PUBLIC_KEYS__\d{1,4})(?:_FILE)?$/;
const namesOfSettings: ReadonlySet<string> = new Set(
  Object.values(gatewaySettingsTable).map(({ name }) => name),
);

/** The gateway's settings, or every mistake in them at once, including settings that only fail together. */
export function readGatewaySettings(environment: Environment): SettingsOutcome<GatewaySettings> {
  const keyTable = publicKeyRows(environment);
  const readPublicKeys = (): SettingsOutcome<readonly KeyObject[]> => {
    const keys = readSettings(keyTable, environment);
    return keys.ok ? accept(Object.values(keys.value)) : keys;
  };
  const keys = readPublicKeys();
  const together = (values: Partial<SettingsOf<typeof gatewaySettingsTable>>) =>
    mistakesTogether(values, Object.keys(keyTable).length > 0);
  const others = readSettings(gatewaySettingsTable, environment, together);
  const isKnown = (name: string) => namesOfSettings.has(name) || publicKeyName.test(name);
  const unknown = unknownNames(environment, isKnown, /^(?:GATEWAY_|UPSTREAM_|DOWNSTREAM_|PUBLIC_KEYS_)/);
  if (keys.ok && others.ok && unknown.length === 0) {
    const files = Object.keys(keyTable).map((name) => environment[`${name}_FILE`] ?? '');
    const publicKeyFiles = files.filter((file) => file !== '');
    return accept({ ...others.value, publicKeys: keys.value, publicKeyFiles, readPublicKeys });
  }
  const mistakes = [keys, others].flatMap((read) => (read.ok ? [] : read.mistakes));
  return { ok: false, mistakes: [...mistakes, ...unknown] };
}

function publicKeyRows(environment: Environment): Record<string, Setting<KeyObject>> {
  const names = Object.keys(environment).flatMap((name) =>
    environment[name] ? (publicKeyName.exec(name)?.[1] ?? []) : [],
  );
  const meaning = 'an Ed25519 key that signs tokens for the gateway';
  // A private key may have got into its place.
  const row = (name: string) => setting({ name, schema: ed25519PublicKey, meaning, secret: true });
  return Object.fromEntries([...new Set(names)].sort().map((name) => [name, row(name)]));
}

type Values = Partial<SettingsOf<typeof gatewaySettingsTable>>;

interface Rule {
  /** Absent values have a mistake of their own; nothing is said of them here. */
  readonly isBroken: (values: Values, hasKeys: boolean) => boolean;
  readonly name: string;
  readonly problem: string;
}

const rulesTogether: readonly Rule[] = [
  {
    isBroken: ({ issuers }, hasKeys) => issuers?.length === 0 && !hasKeys,
    name: 'GATEWAY_ISSUER',
    problem: 'or PUBLIC_KEYS__1 is required: whose tokens are passwords',
  },
  {
    isBroken: ({ issuers = [], audiences }) => issuers.length > 0 && audiences?.length === 0,
    name: 'GATEWAY_AUDIENCE',
    problem: 'is required with GATEWAY_ISSUER',
  },
  {
    isBroken: ({ issuers = [], jwksUrl = '' }) => issuers.length > 1 && jwksUrl !== '',
    name: 'GATEWAY_JWKS_URL',
    problem: 'is the place of one key set, and GATEWAY_ISSUER names several issuers',
  },
  {
    isBroken: ({ issuers, authentication }, hasKeys) =>
      issuers?.length === 0 && hasKeys && authentication === 'oauthbearer',
    name: 'GATEWAY_ISSUER',
    problem: 'is required with oauthbearer: it is where clients are sent for a token',
  },
  {
    isBroken: ({ downstreamSslMode, certFile }) => downstreamSslMode !== 'disable' && certFile === '',
    name: 'DOWNSTREAM__CERTFILE',
    problem: 'is required unless DOWNSTREAM__SSLMODE is disable',
  },
  {
    isBroken: ({ downstreamSslMode, keyFile }) => downstreamSslMode !== 'disable' && keyFile === '',
    name: 'DOWNSTREAM__KEYFILE',
    problem: 'is required unless DOWNSTREAM__SSLMODE is disable',
  },
  {
    isBroken: ({ upstreamSslMode, upstreamCaFile }) =>
      upstreamSslMode === 'verify-ca' && upstreamCaFile === '',
    name: 'UPSTREAM__CAFILE',
    problem: 'is required with UPSTREAM__SSLMODE verify-ca',
  },
  {
    isBroken: ({ opaMode, opaUrl }) => opaMode === 'embedded' && opaUrl === '',
    name: 'GATEWAY_OPA_URL',
    problem: 'is required with embedded: its path names the decision',
  },
  {
    isBroken: ({ userClaim, opaUrl }) => userClaim !== 'sub' && opaUrl !== '',
    name: 'GATEWAY_USER_CLAIM',
    problem:
      'has no effect with GATEWAY_OPA_URL: the policy decides, and finds the claims in input.principal',
  },
];

function mistakesTogether(values: Values, hasKeys: boolean): SettingMistake[] {
  return rulesTogether
    .filter(({ isBroken }) => isBroken(values, hasKeys))
    .map(({ name, problem }) => ({ name, problem }));
}
