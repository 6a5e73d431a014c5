import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { startApi } from '../api/start-api.js';
import type { RunningApi } from '../api/start-api.js';
import { startIssuer } from '../issuer/start-issuer.js';
import type { RunningIssuer } from '../issuer/start-issuer.js';
import type { ClientWithSecret } from '../issuer/clients/client-registry.js';
import { readApiSettings } from '../settings/api-settings.js';
import type { ApiSettings } from '../settings/api-settings.js';
import { readIssuerSettings } from '../settings/issuer-settings.js';
import { describeMistakes } from '../settings/setting.js';
import type { Environment, SettingsOutcome } from '../settings/setting.js';
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

/** @throws ListenError when a port is in use */
export async function startDemo(logger: Logger): Promise<Demo> {
  const ofIssuer = issuerEnvironment();
  const issuer = await startIssuer(settingsOf(readIssuerSettings, ofIssuer), logger);
  try {
    const client = await issuer.registry.add({ name: 'demo', scopes: ['read_sayhello'] });
    const ofApi = apiEnvironment(issuer.issuer, client);
    const settings = settingsOf(readApiSettings, ofApi);
    const api = await startApi(settings, logger);
    writeEnvironment({ ...ofApi, ...ofIssuer });
    return new Demo(issuer, client, settings, api, logger);
  } catch (error) {
    await issuer.close();
    throw error;
  }
}

function settingsOf<T>(read: (environment: Environment) => SettingsOutcome<T>, environment: Environment): T {
  const settings = read(environment);
  if (!settings.ok) throw new Error(describeMistakes(settings.mistakes));
  return settings.value;
}

function issuerEnvironment(): Record<string, string> {
  return {
    ISSUER_BASE_URL: 'http://127.0.0.1:8087',
    ISSUER_HOST: '127.0.0.1',
    ISSUER_PORT: '8087',
    ISSUER_MANAGEMENT_HOST: '127.0.0.1',
    ISSUER_MANAGEMENT_PORT: '9087',
    ISSUER_DATABASE_URL: 'pglite:memory',
    ISSUER_PEPPER: randomBytes(32).toString('base64'),
    ISSUER_MODE: 'development',
  };
}

function apiEnvironment(issuer: string, client: ClientWithSecret): Record<string, string> {
  return {
    OKTA_ISSUER: issuer,
    OKTA_CLIENT_ID: client.client_id,
    OKTA_CLIENT_SECRET: client.client_secret,
    OKTA_AUDIENCE: 'api://default',
    OPA_AUTHZ_URL: decision,
    OKTA_ALLOWED_CLIENT_IDS: client.client_id,
    OKTA_VALIDATION: 'local',
    OKTA_INTROSPECTION_CACHE_SECONDS: '0',
    OKTA_JWKS_URL: `${issuer}/v1/keys`,
    OKTA_TIMEOUT_MS: '2000',
    TOKEN_CACHE_ENTRIES: '10000',
    OPA_MODE: 'embedded',
    OPA_BUNDLE: bundle,
    OPA_TIMEOUT_MS: '500',
    HOST: '127.0.0.1',
    PORT: '8086',
    MANAGEMENT_HOST: '127.0.0.1',
    MANAGEMENT_PORT: '9086',
    LOG_LEVEL: 'info',
    TRUST_PROXY: 'off',
    SHUTDOWN_TIMEOUT_MS: '10000',
  };
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
