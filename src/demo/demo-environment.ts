import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ClientWithSecret } from '../issuer/clients/client-registry.js';
import { apiSettingsTable } from '../settings/api-settings.js';
import { gatewaySettingsTable } from '../settings/gateway-settings-table.js';
import { issuerSettingsTable } from '../settings/issuer-settings.js';
import type { Environment, SettingsTable } from '../settings/setting.js';
import type { Certificate } from './certificate.js';
import type { Database } from './database.js';
import { demoFolder } from './demo-folder.js';

/** The bundle that the project ships, wherever the demo was started from. */
const bundle = fileURLToPath(new URL('../../policies/bundle.tar.gz', import.meta.url));

/** The decisions with a reason; `…/allow` is the bare boolean. */
const decisions = 'http://localhost:8181/v1/data/demoapi';

/** The ports of the demo, each under the name of its setting. */
const defaultPorts = {
  PORT: '8086',
  MANAGEMENT_PORT: '9086',
  ISSUER_PORT: '8087',
  ISSUER_MANAGEMENT_PORT: '9087',
  DOWNSTREAM__PORT: '6432',
  GATEWAY_MANAGEMENT_PORT: '9432',
} as const;

export type Ports = Readonly<Record<keyof typeof defaultPorts, string>>;

type Variables = Readonly<Record<string, string>>;

const certificateFiles = {
  ca: `${demoFolder}/ca.crt`,
  certificate: `${demoFolder}/server.crt`,
  key: `${demoFolder}/server.key`,
} as const;

export function portsOf(environment: Environment): Ports {
  const ports = Object.entries(defaultPorts).map(([name, port]) => [name, environment[name] ?? port]);
  return Object.fromEntries(ports) as Ports;
}

export function issuerEnvironment({ ISSUER_PORT, ISSUER_MANAGEMENT_PORT }: Ports): Variables {
  return {
    ...defaultsOf(issuerSettingsTable),
    ISSUER_BASE_URL: `http://127.0.0.1:${ISSUER_PORT}`,
    ISSUER_PORT,
    ISSUER_MANAGEMENT_PORT,
    ISSUER_DATABASE_URL: 'pglite:memory',
    ISSUER_PEPPER: randomBytes(32).toString('base64'),
    ISSUER_MODE: 'development',
  };
}

export function apiEnvironment(
  issuer: string,
  client: ClientWithSecret,
  { PORT, MANAGEMENT_PORT }: Ports,
): Variables {
  return {
    ...defaultsOf(apiSettingsTable),
    OKTA_ISSUER: issuer,
    OKTA_CLIENT_ID: client.client_id,
    OKTA_CLIENT_SECRET: client.client_secret,
    OKTA_AUDIENCE: audience,
    OKTA_ALLOWED_CLIENT_IDS: client.client_id,
    OKTA_JWKS_URL: `${issuer}/v1/keys`,
    OPA_AUTHZ_URL: `${decisions}/authz/decision`,
    OPA_MODE: 'embedded',
    OPA_BUNDLE: bundle,
    HOST: '127.0.0.1',
    PORT,
    MANAGEMENT_PORT,
  };
}

/** The `aud` of access tokens of the issuer's server `default`. */
const audience = 'api://default';

interface GatewayParts {
  /** The issuer's server `default`, and the issuer itself, whose tokens are of the org server. */
  readonly issuers: readonly string[];
  readonly client: ClientWithSecret;
  readonly database: Database;
  /** PEM of the Ed25519 key that signs tokens without an issuer. */
  readonly publicKey: string;
}

export function gatewayEnvironment(
  { issuers, client, database, publicKey }: GatewayParts,
  { DOWNSTREAM__PORT, GATEWAY_MANAGEMENT_PORT }: Ports,
): Variables {
  return {
    ...defaultsOf(gatewaySettingsTable),
    PUBLIC_KEYS__1: publicKey.trim().replaceAll('\n', '\\n'),
    UPSTREAM__HOST: '127.0.0.1',
    UPSTREAM__PORT: String(database.port),
    UPSTREAM__PASSWORD: database.password,
    UPSTREAM__SSLMODE: 'disable',
    DOWNSTREAM__PORT,
    DOWNSTREAM__CERTFILE: certificateFiles.certificate,
    DOWNSTREAM__KEYFILE: certificateFiles.key,
    GATEWAY_ISSUER: issuers.join(','),
    // Access tokens are for the API, ID tokens for the client.
    GATEWAY_AUDIENCE: [audience, client.client_id].join(','),
    GATEWAY_OPA_URL: `${decisions}/sql/decision`,
    GATEWAY_OPA_MODE: 'embedded',
    OPA_BUNDLE: bundle,
    GATEWAY_SUBJECT_IN: 'application_name',
    GATEWAY_MANAGEMENT_PORT,
  };
}

/** Every setting is written down, so that a reader of the file sees what there is to change. */
function defaultsOf(table: SettingsTable): Variables {
  return Object.fromEntries(Object.values(table).map(({ name, fallback = '' }) => [name, fallback]));
}

/** What programs need to come in by SQL: where to, and whom to trust. */
export function sqlEnvironment({ DOWNSTREAM__PORT }: Ports): Variables {
  return {
    DEMO_SQL_URL: `postgresql://reader@localhost:${DOWNSTREAM__PORT}/demo`,
    DEMO_CA_FILE: certificateFiles.ca,
  };
}

/** Secrets are made anew at each start; only this user may read them. */
export function writeEnvironment(environment: Variables): void {
  const lines = Object.entries(environment).map(([name, value]) => `${name}='${value}'\n`);
  writePrivately(`${demoFolder}/app.env`, lines.join(''));
}

export function writeCertificate(made: Certificate): void {
  for (const part of ['ca', 'certificate', 'key'] as const)
    writePrivately(certificateFiles[part], made[part]);
}

function writePrivately(file: string, text: string): void {
  mkdirSync(demoFolder, { recursive: true, mode: 0o700 });
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode: 0o600 });
  chmodSync(file, 0o600);
}
