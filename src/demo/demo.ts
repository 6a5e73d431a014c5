import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Logger } from 'pino';
import { startApi } from '../api/start-api.js';
import type { RunningApi } from '../api/start-api.js';
import { startGateway } from '../gateway/start-gateway.js';
import type { RunningGateway } from '../gateway/start-gateway.js';
import type { ClientWithSecret } from '../issuer/clients/client-registry.js';
import { startIssuer } from '../issuer/start-issuer.js';
import type { RunningIssuer } from '../issuer/start-issuer.js';
import { startParts } from '../operations/start-parts.js';
import type { Opened } from '../operations/start-parts.js';
import { readApiSettings } from '../settings/api-settings.js';
import type { ApiSettings } from '../settings/api-settings.js';
import { readGatewaySettings } from '../settings/gateway-settings.js';
import { readIssuerSettings } from '../settings/issuer-settings.js';
import { valuesOrThrow } from '../settings/report.js';
import type { Environment } from '../settings/setting.js';
import { makeCertificate } from './certificate.js';
import { startDatabase } from './database.js';
import {
  apiEnvironment,
  gatewayEnvironment,
  issuerEnvironment,
  portsOf,
  sqlEnvironment,
  writeCertificate,
  writeEnvironment,
} from './demo-environment.js';
import type { Ports } from './demo-environment.js';

interface DemoParts {
  readonly client: ClientWithSecret;
  readonly issuer: RunningIssuer;
  readonly gateway: RunningGateway;
  /** PEM of the authority that the gateway's certificate is of. */
  readonly ca: string;
  /** Signs tokens that need no issuer. */
  readonly signingKey: KeyObject;
  readonly apiSettings: ApiSettings;
  close(): Promise<void>;
}

/** Issuer, API, SQL gateway and policy engine in this one process, with settings that other programs can use too. */
export class Demo {
  readonly #parts: DemoParts;
  readonly #logger: Logger;
  #api: RunningApi;
  #validation: ApiSettings['validation'];

  constructor(parts: DemoParts, api: RunningApi, logger: Logger) {
    this.#parts = parts;
    this.#api = api;
    this.#logger = logger;
    this.#validation = parts.apiSettings.validation;
  }

  get client(): ClientWithSecret {
    return this.#parts.client;
  }

  get issuer(): string {
    return this.#parts.issuer.issuer;
  }

  get api(): string {
    return `http://127.0.0.1:${this.#api.port}`;
  }

  get management(): string {
    return `http://127.0.0.1:${this.#api.managementPort}`;
  }

  /** Where the database is, for whoever trusts `ca`. */
  get sql(): { readonly port: number; readonly database: string; readonly ca: string } {
    const { gateway, ca } = this.#parts;
    return { port: gateway.port, database: 'demo', ca };
  }

  get validation(): ApiSettings['validation'] {
    return this.#validation;
  }

  /** A token as programs make them that have an Ed25519 key of their own. */
  signToken({ sub, expiresInSeconds }: { sub: string; expiresInSeconds: number }): Promise<string> {
    return new SignJWT()
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' })
      .setSubject(sub)
      .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInSeconds)
      .sign(this.#parts.signingKey);
  }

  /** Restarts the API with the other validation, as a developer would by changing one line of app.env. */
  async validateBy(validation: ApiSettings['validation']): Promise<void> {
    await this.#api.close();
    this.#validation = validation;
    this.#api = await startApi({ ...this.#parts.apiSettings, validation }, this.#logger);
  }

  async close(): Promise<void> {
    await this.#api.close();
    await this.#parts.close();
  }
}

/** Whoever uses the running demo may try more than the walk does: the password grant, refresh and ID tokens. */
const demoClient = {
  name: 'demo',
  scopes: ['read_sayhello'],
  grants: ['client_credentials', 'password', 'refresh_token'],
} as const;

/** By login and id, policies/demoapi/databases/data.json opens the database to this person. */
const demoUser = {
  id: '00uRoachOfTheDemo001',
  login: 'roach',
  name: 'Roach',
  email: 'roach@example.test',
} as const;

/**
 * @param environment only the ports are taken from it: everything else is the demo's own
 * @throws SetupError when a port is in use, or PostgreSQL does not run here
 */
export async function startDemo(environment: Environment, logger: Logger): Promise<Demo> {
  const ports = portsOf(environment);
  const parts = await startParts((opened) => start(ports, logger, opened));
  try {
    return new Demo(parts, await startApi(parts.apiSettings, logger), logger);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/** Everything but the API, which is restarted on the way. */
async function start(ports: Ports, logger: Logger, opened: Opened): Promise<Omit<DemoParts, 'close'>> {
  const password = randomBytes(18).toString('base64url');
  const ofIssuer = issuerEnvironment(ports);
  const issuer = await startIssuer(valuesOrThrow(readIssuerSettings(ofIssuer)), logger);
  opened.push(() => issuer.close());
  const client = await issuer.registry.add(demoClient);
  await issuer.registries.users.add({ ...demoUser, password });
  const database = await startDatabase();
  opened.push(() => database.close());
  const made = await makeCertificate();
  writeCertificate(made);
  const { publicKey, privateKey: signingKey } = generateKeyPairSync('ed25519');
  const ofApi = apiEnvironment(issuer.issuer, client, ports);
  const ofGateway = gatewayEnvironment(
    {
      issuers: [issuer.issuer, new URL(issuer.issuer).origin],
      client,
      database,
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    },
    ports,
  );
  const gateway = await startGateway(valuesOrThrow(readGatewaySettings(ofGateway)), logger);
  opened.push(() => gateway.close());
  writeEnvironment({
    ...ofApi,
    ...ofIssuer,
    ...ofGateway,
    ...sqlEnvironment(ports),
    DEMO_USERNAME: demoUser.login,
    DEMO_PASSWORD: password,
  });
  const apiSettings = valuesOrThrow(readApiSettings(ofApi));
  return { client, issuer, gateway, ca: made.ca, signingKey, apiSettings };
}
