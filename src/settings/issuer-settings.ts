import { z } from 'zod';
import { isLoopback } from '../base/secure-url.js';
import { oneOf, plainUrl, port, text, trustedProxies } from './schemas.js';
import { serviceSettings } from './service-settings.js';
import { readSettings, setting } from './setting.js';
import type { Environment, SettingMistake, SettingsOf, SettingsOutcome } from './setting.js';

/** Shorter ones could be guessed by whoever reads the database. */
const minPepperLength = 32;

const peppers = z
  .string()
  .transform((list) => (list === '' ? [] : list.split(',').map((pepper) => pepper.trim())))
  .refine(
    (list) => list.every((pepper) => pepper.length >= minPepperLength),
    `expected at least ${minPepperLength} characters, such as the output of: openssl rand -base64 32`,
  );

const baseUrl = plainUrl.refine(
  (value) => !value.endsWith('/') && !value.includes('?'),
  'expected no slash or query at the end: clients compare it to the letter',
);

/** Every setting of the issuer, one row a variable. */
export const issuerSettingsTable = {
  baseUrl: setting({
    name: 'ISSUER_BASE_URL',
    schema: baseUrl,
    fallback: 'http://127.0.0.1:8087',
    meaning: 'what clients call it: iss of its tokens is {base}/oauth2/default',
  }),
  host: setting({
    name: 'ISSUER_HOST',
    schema: text,
    fallback: '127.0.0.1',
    meaning: 'the address to listen on',
  }),
  port: setting({
    name: 'ISSUER_PORT',
    schema: port,
    fallback: '8087',
    meaning: 'the port to listen on',
  }),
  managementHost: setting({
    name: 'ISSUER_MANAGEMENT_HOST',
    schema: text,
    fallback: '127.0.0.1',
    meaning: "the address for the issuer's health and metrics",
  }),
  managementPort: setting({
    name: 'ISSUER_MANAGEMENT_PORT',
    schema: port,
    fallback: '9087',
    meaning: "the port for the issuer's health and metrics",
  }),
  databaseUrl: setting({
    name: 'ISSUER_DATABASE_URL',
    schema: text.regex(
      /^(pglite:.+|postgres(ql)?:\/\/.+)$/,
      'expected pglite:memory, pglite:./folder or postgres://user@host/database',
    ),
    fallback: 'pglite:./.issuer',
    secret: true,
    meaning: 'where clients, users, keys and tokens are: pglite:memory, pglite:./folder or postgres://…',
  }),
  peppers: setting({
    name: 'ISSUER_PEPPER',
    schema: peppers,
    fallback: '',
    secret: true,
    meaning: 'protects stored secrets and keys; several, newest first, comma-separated, to change it',
  }),
  mode: setting({
    name: 'ISSUER_MODE',
    schema: oneOf(['production', 'development']),
    fallback: 'production',
    meaning: 'development allows http off loopback, the secret in the query string, and no ISSUER_PEPPER',
  }),
  trustProxy: setting({
    name: 'ISSUER_TRUST_PROXY',
    schema: trustedProxies,
    fallback: 'off',
    meaning: 'addresses and networks whose X-Forwarded-* headers count, comma-separated',
  }),
  compat: setting({
    name: 'ISSUER_COMPAT',
    schema: oneOf(['on', 'off']),
    fallback: 'off',
    meaning: 'on serves the calls of two older services too: /oauth/token, /client, /auth, /verify, /logout',
  }),
  ...serviceSettings,
} as const;

export type IssuerSettings = SettingsOf<typeof issuerSettingsTable>;

/** The issuer's settings, or every mistake in them at once, including settings that only fail together. */
export function readIssuerSettings(environment: Environment): SettingsOutcome<IssuerSettings> {
  return readSettings(issuerSettingsTable, environment, mistakesTogether);
}

function mistakesTogether({
  mode,
  peppers,
  baseUrl,
  databaseUrl,
}: Partial<IssuerSettings>): SettingMistake[] {
  const { peppers: pepper, baseUrl: url } = issuerSettingsTable;
  const mistakes: SettingMistake[] = [];
  if (mode === 'development' && peppers?.length === 0 && databaseUrl?.startsWith('postgres') === true)
    mistakes.push({ name: pepper.name, problem: `is required with PostgreSQL: ${pepper.meaning}` });
  if (mode !== 'production') return mistakes;
  if (peppers?.length === 0)
    mistakes.push({ name: pepper.name, problem: `is required in production: ${pepper.meaning}` });
  if (baseUrl?.startsWith('http:') === true && !isLoopback(new URL(baseUrl).hostname))
    mistakes.push({ name: url.name, problem: 'expected https (plain http is for loopback hosts only)' });
  return mistakes;
}
