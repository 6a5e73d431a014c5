import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startGateway } from '../../src/gateway/start-gateway.js';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { createLogger } from '../../src/operations/logging.js';
import { readGatewaySettings } from '../../src/settings/gateway-settings.js';
import { valuesOrThrow } from '../../src/settings/report.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { credentials, person } from '../issuer/support/people.js';
import type { ApiProcess } from '../support/api-process.js';
import { testApiForTest } from '../support/api-world.js';
import { writeCertificate } from '../gateway/support/gateway.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import type { PostgresServer } from '../support/postgres.js';
import { runExample } from './support/example.js';
import { startNamedIssuer } from './support/named-issuer.js';

describe('the examples', () => {
  let issuer: TestIssuer;
  let client: ClientWithSecret;

  beforeAll(async () => {
    issuer = await startNamedIssuer();
    const grants = ['client_credentials', 'password', 'refresh_token'] as const;
    client = await issuer.registry.add({ name: 'example', scopes: ['read_sayhello'], grants });
  });
  afterAll(() => issuer.close());

  const oktaEnvironment = () => ({
    OKTA_ISSUER: issuer.issuer,
    OKTA_CLIENT_ID: client.client_id,
    OKTA_CLIENT_SECRET: client.client_secret,
    OKTA_SCOPE: 'read_sayhello',
  });

  describe('fetch.mjs', () => {
    const startApi = () =>
      testApiForTest({
        ...oktaEnvironment(),
        OKTA_AUDIENCE: 'api://default',
        OPA_MODE: 'embedded',
        HOST: '127.0.0.1',
        PORT: '0',
        MANAGEMENT_PORT: '0',
      });

    it('calls the API three times with one token', async () => {
      const api = await startApi();
      const API_URL = `http://127.0.0.1:${api.port}/sayhello`;
      const { ended, output } = runExample('fetch.mjs', { ...oktaEnvironment(), API_URL });
      expect([await ended, output.stderr]).toEqual([0, '']);
      expect(output.stdout.match(/200 \{"message":"Hello there!!"\}/g)).toHaveLength(3);
      const tokens = api.decisions().map(({ jti }) => jti);
      expect([tokens.length, new Set(tokens).size, typeof tokens[0]]).toEqual([3, 1, 'string']);
    });

    it('names the error where there is no token', async () => {
      const environment = {
        ...oktaEnvironment(),
        OKTA_CLIENT_SECRET: 'another',
        API_URL: 'http://127.0.0.1:1/',
      };
      const { ended, output } = runExample('fetch.mjs', environment);
      expect([await ended, output.stderr]).toEqual([
        1,
        'invalid_client: no token: the server answered invalid_client\n',
      ]);
    });
  });

  describeWithPostgres('with the gateway', (binaries) => {
    const certificate = writeCertificate();
    let postgres: PostgresServer;
    let url: URL;

    beforeAll(async () => {
      postgres = await startPostgres(binaries);
      url = new URL(await postgres.newDatabase());
      await issuer.registries.users.add(person);
      const admin = new pg.Client(url.href);
      await admin.connect();
      for (const role of [client.client_id, person.login]) await admin.query(`create role "${role}" login`);
      await admin.end();
    });
    afterAll(async () => {
      await postgres.close();
      certificate.remove();
    });

    /** A gateway of this test's own, and how to reach it as that role. */
    async function gatewayFor(user: string): Promise<Record<string, string>> {
      const settings = readGatewaySettings({
        UPSTREAM__HOST: url.hostname,
        UPSTREAM__PORT: url.port,
        UPSTREAM__SSLMODE: 'disable',
        DOWNSTREAM__PORT: '0',
        ...certificate.settings,
        GATEWAY_ISSUER: issuer.issuer,
        GATEWAY_AUDIENCE: 'api://default',
        GATEWAY_MANAGEMENT_PORT: '0',
      });
      const destination = { write: () => undefined, flush: () => undefined };
      const running = await startGateway(
        valuesOrThrow(settings),
        createLogger({ level: 'silent', destination }),
      );
      onTestFinished(async () => {
        await running.gateway.run({ timeoutMs: 0 });
        await running.close();
      });
      const PGDATABASE = url.pathname.slice(1);
      return {
        ...oktaEnvironment(),
        PGHOST: 'localhost',
        PGPORT: String(running.port),
        PGUSER: user,
        PGDATABASE,
        PGSSLROOTCERT: certificate.caFile,
      };
    }

    const backendsIn = ({ output }: ApiProcess): Set<string> =>
      new Set(output.stdout.match(/(?<=backend )\d+/g) ?? []);

    it('pg-pool.mjs opens connections by its token', async () => {
      const running = runExample('pg-pool.mjs', await gatewayFor(client.client_id));
      expect([await running.ended, running.output.stderr]).toEqual([0, '']);
      expect(backendsIn(running).size).toBe(5);
    });

    it('pg-pool.mjs sends its token to nobody who does not prove who he is', async () => {
      const running = runExample('pg-pool.mjs', {
        ...(await gatewayFor(client.client_id)),
        PGSSLROOTCERT: '',
      });
      expect([await running.ended, running.output.stderr]).toEqual([
        1,
        expect.stringContaining('certificate') as string,
      ]);
    });

    it('long-running-job.mjs goes on over connections that rotate, and ends when it is told to', async () => {
      const changes = {
        OKTA_USERNAME: credentials.username,
        OKTA_PASSWORD: credentials.password,
        JOB_EVERY_MS: '20',
        CONNECTION_SECONDS: '1',
      };
      const running = runExample('long-running-job.mjs', { ...(await gatewayFor(person.login)), ...changes });
      await expect.poll(() => backendsIn(running).size, { timeout: 20_000 }).toBeGreaterThan(2);
      running.process.kill('SIGTERM');
      expect([await running.ended, running.output.stderr]).toEqual([0, '']);
      expect(running.output.stdout).toMatch(/^the token is fresh\nworked as roach@example\.test by backend/);
    });
  });
});
