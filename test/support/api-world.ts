import { onTestFinished } from 'vitest';
import { startApi } from '../../src/api/start-api.js';
import type { RunningApi } from '../../src/api/start-api.js';
import { createLogger } from '../../src/operations/logging.js';
import { readApiSettings } from '../../src/settings/api-settings.js';
import { valuesOrThrow } from '../../src/settings/report.js';
import { startOpaStandIn } from './api-opa-stand-in.js';
import type { OpaStandIn } from './api-opa-stand-in.js';
import { startOktaStandIn, testClientSecret } from './okta-stand-in.js';
import type { OktaStandIn } from './okta-stand-in.js';
import { introspectionOf } from './token-table.js';
import { keySetOf, machineClaims, makeKey, mint, testAudience, testClientId } from './tokens.js';
import type { Claims, TestKey } from './tokens.js';

export type ApiEnvironment = Readonly<Record<string, string>>;

/** What surrounds an API: Okta and OPA as stand-ins on real sockets, and a key whose tokens are good. */
export interface ApiWorld {
  readonly okta: OktaStandIn;
  readonly opa: OpaStandIn;
  readonly key: TestKey;
  /** Settings of an API in this world: local validation and a sidecar that is asked for `demoapi/authz/decision`. */
  environment(changes?: ApiEnvironment): ApiEnvironment;
  /** A good token, which introspection knows too. Every one is another, so that no cache knows it. */
  token(changes?: Claims): Promise<string>;
  close(): Promise<void>;
}

let tokens = 0;

export async function startApiWorld(): Promise<ApiWorld> {
  const key = makeKey('api-world');
  const [okta, opa] = await Promise.all([startOktaStandIn({ keySet: keySetOf(key) }), startOpaStandIn()]);
  return {
    okta,
    opa,
    key,
    environment: (changes = {}) => ({ ...environmentOf(okta, opa), ...changes }),
    token: async (changes = {}) => {
      const claims = machineClaims({ iss: okta.issuer, jti: `AT.${tokens++}`, ...changes });
      const token = await mint(key, claims);
      okta.introspects(token, introspectionOf(claims));
      return token;
    },
    close: async () => {
      await Promise.all([okta.close(), opa.close()]);
    },
  };
}

function environmentOf(okta: OktaStandIn, opa: OpaStandIn): ApiEnvironment {
  return {
    OKTA_ISSUER: okta.issuer,
    OKTA_CLIENT_ID: testClientId,
    OKTA_CLIENT_SECRET: testClientSecret,
    OKTA_AUDIENCE: testAudience,
    OPA_AUTHZ_URL: opa.urlOf('demoapi/authz/decision'),
    // Deadlines are not what these tests are about: a busy machine must not meet them by accident.
    OKTA_TIMEOUT_MS: '10000',
    OPA_TIMEOUT_MS: '10000',
    HOST: '127.0.0.1',
    PORT: '0',
    MANAGEMENT_PORT: '0',
  };
}

/** The API in this process, with what it has logged so far. */
export interface TestApi extends RunningApi {
  /** One object a line. */
  log(): readonly Record<string, unknown>[];
  /** The decision records among them. */
  decisions(): readonly Record<string, unknown>[];
}

/** Starts the API as main.ts does, but for the process around it. */
export async function startTestApi(environment: ApiEnvironment): Promise<TestApi> {
  const settings = valuesOrThrow(readApiSettings(environment));
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line), flush: () => Promise.resolve() };
  const logger = createLogger({ level: settings.logLevel, destination });
  const api = await startApi(settings, logger);
  const log = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...api, log, decisions: () => log().filter(({ msg }) => msg === 'decision') };
}

/** {@link startTestApi}, closed when the test ends. */
export async function testApiForTest(environment: ApiEnvironment): Promise<TestApi> {
  const api = await startTestApi(environment);
  onTestFinished(() => api.close());
  return api;
}
