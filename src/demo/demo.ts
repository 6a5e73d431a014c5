import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { startApi } from '../api/start-api.js';
import type { RunningApi } from '../api/start-api.js';
import { SetupError } from '../base/setup-error.js';
import { startIssuer } from '../issuer/start-issuer.js';
import type { RunningIssuer } from '../issuer/start-issuer.js';
import type { ClientWithSecret } from '../issuer/clients/client-registry.js';
import { apiSettingsTable, readApiSettings } from '../settings/api-settings.js';
import type { ApiSettings } from '../settings/api-settings.js';
import { issuerSettingsTable, readIssuerSettings } from '../settings/issuer-settings.js';
import { describeMistakes } from '../settings/setting.js';
import type { Environment, SettingsOutcome, SettingsTable } from '../settings/setting.js';
import { demoFolder } from './demo-folder.js';

/** The bundle that the project ships, wherever the demo was started from. */
const bundle = fileURLToPath(new URL('../../policies/bundle.tar.gz', import.meta.url));

/** The decision with a reason and the missing scope; `demoapi/authz/allow` is the bare boolean. */
const decision = 'http://localhost:8181/v1/data/demoapi/authz/decision';

/** Issuer, API and policy engine in this one process, with settings that other programs can use too. */
export class Demo {
  readonly client: ClientWithSecret;
  readonly #issuer: RunningIssuer;
  readonly #logger: Logger;
  #api: RunningApi;
  #settings: ApiSettings;

  constructor(
    issuer: RunningIssuer,
    client: ClientWithSecret,
    settings: ApiSettings,
    api: RunningApi,
    logger: Logger,
  ) {
    this.client = client;
    this.#issuer = issuer;
    this.#settings = settings;
    this.#api = api;
    this.#logger = logger;
  }

  get issuer(): string {
    return this.#issuer.issuer;
  }

  get api(): string {
    return `http://127.0.0.1:${this.#api.port}`;
  }

  get management(): string {
    return `http://127.0.0.1:${this.#api.managementPort}`;
  }

  get validation(): ApiSettings['validation'] {
    return this.#settings.validation;
  }

  /** Restarts the API with the other validation, as a developer would by changing one line of app.env. */
  async validateBy(validation: ApiSettings['validation']): Promise<void> {
    await this.#api.close();
    this.#settings = { ...this.#settings, validation };
    this.#api = await startApi(this.#settings, this.#logger);
  }

  async close(): Promise<void> {
    await this.#api.close();
    await this.#issuer.close();
  }
}

/** Whoever uses the running demo may try more than the walk does: the password grant, refresh and ID tokens. */
const demoClient = {
  name: 'demo',
  scopes: ['read_sayhello'],
  grants: ['client_credentials', 'password', 'refresh_token'],
} as const;

/** The ports of the demo, each under the name of its setting. */
const defaultPorts = {
  PORT: '8086',
  MANAGEMENT_PORT: '9086',
  ISSUER_PORT: '8087',
  ISSUER_MANAGEMENT_PORT: '9087',
} as const;

type Ports = Readonly<Record<keyof typeof defaultPorts, string>>;

/**
 * @param environment only the ports are taken from it: everything else is the demo's own
 * @throws SetupError when a port is in use
 */
export async function startDemo(environment: Environment, logger: Logger): Promise<Demo> {
  const ports = portsOf(environment);
  const ofIssuer = issuerEnvironment(ports);
  const issuer = await startIssuer(settingsOf(readIssuerSettings, ofIssuer), logger);
  try {
    const client = await issuer.registry.add(demoClient);
    const user = { login: 'roach', password: randomBytes(18).toString('base64url') };
    await issuer.registries.users.add({ ...user, name: 'Roach', email: 'roach@example.test' });
    const ofApi = apiEnvironment(issuer.issuer, client, ports);
    const settings = settingsOf(readApiSettings, ofApi);
    const api = await startApi(settings, logger);
    writeEnvironment({ ...ofApi, ...ofIssuer, DEMO_USERNAME: user.login, DEMO_PASSWORD: user.password });
    return new Demo(issuer, client, settings, api, logger);
  } catch (error) {
    await issuer.close();
    throw error;
  }
}

function settingsOf<T>(read: (environment: Environment) => SettingsOutcome<T>, environment: Environment): T {
  const settings = read(environment);
  if (!settings.ok) throw new SetupError(describeMistakes(settings.mistakes));
  return settings.value;
}

function portsOf(environment: Environment): Ports {
  const ports = Object.entries(defaultPorts).map(([name, port]) => [name, environment[name] ?? port]);
  return Object.fromEntries(ports) as Ports;
}

function issuerEnvironment({ ISSUER_PORT, ISSUER_MANAGEMENT_PORT }: Ports): Record<string, string> {
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

function apiEnvironment(
  issuer: string,
  client: ClientWithSecret,
  { PORT, MANAGEMENT_PORT }: Ports,
): Record<string, string> {
  return {
    ...defaultsOf(apiSettingsTable),
    OKTA_ISSUER: issuer,
    OKTA_CLIENT_ID: client.client_id,
    OKTA_CLIENT_SECRET: client.client_secret,
    OKTA_AUDIENCE: 'api://default',
    OKTA_ALLOWED_CLIENT_IDS: client.client_id,
    OKTA_JWKS_URL: `${issuer}/v1/keys`,
    OPA_AUTHZ_URL: decision,
    OPA_MODE: 'embedded',
    OPA_BUNDLE: bundle,
    HOST: '127.0.0.1',
    PORT,
    MANAGEMENT_PORT,
  };
}

/** Every setting is written down, so that a reader of the file sees what there is to change. */
function defaultsOf(table: SettingsTable): Record<string, string> {
  return Object.fromEntries(Object.values(table).map(({ name, fallback = '' }) => [name, fallback]));
}

/** Secrets are made anew at each start; only this user may read them. */
function writeEnvironment(environment: Record<string, string>): void {
  const file = `${demoFolder}/app.env`;
  mkdirSync(demoFolder, { recursive: true, mode: 0o700 });
  rmSync(file, { force: true });
  const lines = Object.entries(environment).map(([name, value]) => `${name}='${value}'\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  chmodSync(file, 0o600);
}
