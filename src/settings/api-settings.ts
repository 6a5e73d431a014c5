import { z } from 'zod';
import { commaSeparated, oneOf, port, secureUrl, text, trustedProxies, wholeNumber } from './schemas.js';
import { serviceSettings } from './service-settings.js';
import { readSettings, setting } from './setting.js';
import type { Environment, SettingMistake, SettingsOf, SettingsOutcome } from './setting.js';

const opaUrl = text.refine(
  (value) => /^(https?|unix):\/\/[^?#]+\/v1\/data\/[^?#]+$/.test(value),
  'expected http(s)://host:port/v1/data/path/of/decision or unix:///path/of.sock:/v1/data/path/of/decision',
);

const issuerUrl = secureUrl.refine(
  (value) => !value.endsWith('/') && !value.includes('?'),
  "expected no slash or query at the end: the value must equal the tokens' iss to the letter",
);

/** Every setting of the API, one row a variable. The README's table and app.env.example name the same ones. */
export const apiSettingsTable = {
  issuer: setting({
    name: 'OKTA_ISSUER',
    schema: issuerUrl,
    meaning: 'the authorization server whose tokens are accepted',
  }),
  clientId: setting({ name: 'OKTA_CLIENT_ID', schema: text, meaning: "this service's client at Okta" }),
  allowedClientIds: setting({
    name: 'OKTA_ALLOWED_CLIENT_IDS',
    schema: z.union([z.literal('').transform((): string[] => []), commaSeparated]),
    fallback: '',
    meaning: 'the cid values that may call, comma-separated; * lets any in',
  }),
  clientSecret: setting({
    name: 'OKTA_CLIENT_SECRET',
    schema: text,
    fallback: '',
    secret: true,
    meaning: 'the secret of that client, for remote validation',
  }),
  audience: setting({
    name: 'OKTA_AUDIENCE',
    schema: text,
    meaning: 'the aud that tokens must carry, such as api://default',
  }),
  validation: setting({
    name: 'OKTA_VALIDATION',
    schema: oneOf(['local', 'remote', 'both']),
    fallback: 'local',
    meaning: 'against the key set, by /introspect, or both',
  }),
  introspectionCacheSeconds: setting({
    name: 'OKTA_INTROSPECTION_CACHE_SECONDS',
    schema: wholeNumber(0, 3600),
    fallback: '0',
    meaning: 'seconds for which an active answer may be reused; 0 = never',
  }),
  introspectionOptionalClaims: setting({
    name: 'OKTA_INTROSPECTION_OPTIONAL_CLAIMS',
    schema: z
      .string()
      .transform((list) => list.split(',').filter((item) => item !== ''))
      .pipe(z.array(z.enum(['iss', 'aud', 'exp'], 'expected a comma-separated choice of iss, aud, exp'))),
    fallback: '',
    meaning: 'which of iss, aud and exp an introspection answer may lack',
  }),
  jwksUrl: setting({
    name: 'OKTA_JWKS_URL',
    schema: z.union([z.literal(''), secureUrl]),
    fallback: '',
    meaning: 'another place for the key set; {issuer}/v1/keys by default',
  }),
  oktaTimeoutMs: setting({
    name: 'OKTA_TIMEOUT_MS',
    schema: wholeNumber(1, 60_000),
    fallback: '2000',
    meaning: 'milliseconds for a whole call to Okta, connect to last byte',
  }),
  tokenCacheEntries: setting({
    name: 'TOKEN_CACHE_ENTRIES',
    schema: wholeNumber(1, 1_000_000),
    fallback: '10000',
    meaning: 'verified tokens that are remembered at most, about 2 KB each',
  }),
  opaUrl: setting({
    name: 'OPA_AUTHZ_URL',
    schema: opaUrl,
    fallback: 'http://localhost:8181/v1/data/demoapi/authz/allow',
    meaning: 'the decision to ask for; its path counts in embedded mode too',
  }),
  opaMode: setting({
    name: 'OPA_MODE',
    schema: oneOf(['sidecar', 'embedded']),
    fallback: 'sidecar',
    meaning: 'ask the OPA at that URL, or evaluate the bundle in this process',
  }),
  opaBundle: setting({
    name: 'OPA_BUNDLE',
    schema: text,
    fallback: 'policies/bundle.tar.gz',
    meaning: 'the bundle with WASM for embedded mode',
  }),
  opaTimeoutMs: setting({
    name: 'OPA_TIMEOUT_MS',
    schema: wholeNumber(1, 60_000),
    fallback: '500',
    meaning: 'milliseconds for a whole call to OPA',
  }),
  host: setting({ name: 'HOST', schema: text, fallback: '0.0.0.0', meaning: 'the address to listen on' }),
  port: setting({ name: 'PORT', schema: port, fallback: '8086', meaning: 'the port to listen on' }),
  managementHost: setting({
    name: 'MANAGEMENT_HOST',
    schema: text,
    fallback: '127.0.0.1',
    meaning: 'the address for health and metrics',
  }),
  managementPort: setting({
    name: 'MANAGEMENT_PORT',
    schema: port,
    fallback: '9086',
    meaning: 'the port for health and metrics',
  }),
  trustProxy: setting({
    name: 'TRUST_PROXY',
    schema: trustedProxies,
    fallback: 'off',
    meaning: 'addresses and networks whose X-Forwarded-* headers count, comma-separated',
  }),
  ...serviceSettings,
} as const;

export type ApiSettings = SettingsOf<typeof apiSettingsTable>;

/** The API's settings, or every mistake in them at once, including settings that only fail together. */
export function readApiSettings(environment: Environment): SettingsOutcome<ApiSettings> {
  return readSettings(apiSettingsTable, environment, mistakesTogether);
}

function mistakesTogether({ validation, clientSecret }: Partial<ApiSettings>): SettingMistake[] {
  if (validation === undefined || validation === 'local' || clientSecret !== '') return [];
  const { name } = apiSettingsTable.clientSecret;
  return [{ name, problem: `is required when OKTA_VALIDATION is ${validation}` }];
}
