import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundlesOf } from '../../scripts/lib/policies.mjs';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { startTestGateway, writeCertificate } from '../gateway/support/gateway.js';
import type { TestGateway } from '../gateway/support/gateway.js';
import { startTestIssuer } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { endNow, runProgram } from '../support/api-process.js';
import type { ApiProcess } from '../support/api-process.js';
import { describeWith } from '../support/needs.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import type { PostgresServer } from '../support/postgres.js';
import { freePort } from './support/free-port.js';
import { pythonWithDrivers } from './support/runtimes.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const need = {
  found: pythonWithDrivers(),
  requiredBy: 'REQUIRE_CLIENTS',
  absence: 'no drivers for Python: apt-get install python3-venv',
} as const;

/** What the program printed, a line each. */
async function printed(python: string, program: string, env: Record<string, string>): Promise<string[]> {
  const file = join(import.meta.dirname, 'python', program);
  const { stdout } = await promisify(execFile)(python, [file], { env });
  return stdout.trimEnd().split('\n');
}

describeWithPostgres('a program with an ID token', (binaries) => {
  describeWith('by psycopg 3', need, (python) => {
    // The shipped policy opens the user to this person.
    const person = { id: '00uRoachOfTheDemo001', login: 'roach', password: 'correct horse battery' };
    const folder = temporaryFolder();
    let issuer: TestIssuer;
    let client: ClientWithSecret;

    beforeAll(async () => {
      const port = String(await freePort());
      issuer = await startTestIssuer({ ISSUER_PORT: port, ISSUER_BASE_URL: `http://127.0.0.1:${port}` });
      client = await issuer.registry.add({
        name: 'app',
        scopes: ['read_sayhello'],
        grants: ['password', 'refresh_token'],
      });
      await issuer.registries.users.add(person);
    });
    afterAll(async () => {
      await issuer.close();
      folder.remove();
    });

    const gatewayFor = async (server: string): Promise<TestGateway> => {
      const gateway = await startTestGateway(binaries, {
        GATEWAY_ISSUER: issuer.origin + server,
        GATEWAY_AUDIENCE: client.client_id,
        GATEWAY_OPA_URL: 'http://localhost:8181/v1/data/demoapi/sql/decision',
        GATEWAY_OPA_MODE: 'embedded',
        OPA_BUNDLE: bundlesOf().wasm,
      });
      for (const statement of ['create database demo', 'create role reader login'])
        await gateway.admin.query(statement);
      return gateway;
    };

    it.each([
      ['the org server', { server: '', tokens: '/oauth2/v1/token' }],
      ['a custom server', { server: '/oauth2/default', tokens: '/oauth2/default/v1/token' }],
    ])('from %s opens the database, as does a refreshed one, and a bogus one does not', async (_, paths) => {
      const gateway = await gatewayFor(paths.server);
      const ca = join(folder.path, 'ca.crt');
      writeFileSync(ca, gateway.ca);
      try {
        const lines = await printed(python, 'id_token_login.py', {
          TOKEN_URL: issuer.origin + paths.tokens,
          CLIENT_ID: client.client_id,
          CLIENT_SECRET: client.client_secret,
          LOGIN: person.login,
          LOGIN_PASSWORD: person.password,
          DATABASE_PORT: String(gateway.port),
          DATABASE_NAME: 'demo',
          DATABASE_USER: 'roach',
          DATABASE_CA: ca,
        });
        expect(lines.slice(0, 2)).toEqual(['id_token: reader', 'refreshed: reader True']);
        const refusal = lines.slice(2).join('\n');
        expect(refusal).toMatch(/^bogus: connection failed: /);
        expect(refusal).toMatch(/ERROR: {1,2}JWT authentication: invalid token/);
      } finally {
        await gateway.close();
      }
    });
  });
});

describeWithPostgres('a program with an Ed25519 key', (binaries) => {
  describeWith('by psycopg2', need, (python) => {
    const folder = temporaryFolder();
    const certificate = writeCertificate();
    const key = join(folder.path, 'ed25519.pem');
    const upstreamPassword = 'known to the gateway alone';
    let postgres: PostgresServer;
    let database: URL;
    let gateway: ApiProcess;
    let port: string;

    beforeAll(async () => {
      const { publicKey, privateKey } = generateKeyPairSync('ed25519');
      writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const { DOWNSTREAM__CERTFILE, DOWNSTREAM__KEYFILE } = certificate.settings;
      const tls = {
        cert: readFileSync(DOWNSTREAM__CERTFILE, 'utf8'),
        key: readFileSync(DOWNSTREAM__KEYFILE, 'utf8'),
      };
      const hba = ['hostssl all alice 127.0.0.1/32 scram-sha-256', 'hostnossl all alice 127.0.0.1/32 reject'];
      postgres = await startPostgres(binaries, { tls, hba });
      database = new URL(await postgres.newDatabase());
      const admin = new pg.Client(database.href);
      await admin.connect();
      await admin.query(`create role alice login password '${upstreamPassword}'`);
      await admin.end();
      port = String(await freePort());
      // The older proxy's names and nothing else.
      gateway = runProgram('dist/gateway/main.js', {
        PUBLIC_KEYS__1: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        UPSTREAM__HOST: database.hostname,
        UPSTREAM__PORT: database.port,
        UPSTREAM__PASSWORD: upstreamPassword,
        DOWNSTREAM__IP: '127.0.0.1',
        DOWNSTREAM__PORT: port,
        ...certificate.settings,
      });
      await gateway.line(({ msg }) => msg === 'the SQL gateway is listening');
    });
    afterAll(async () => {
      await endNow(gateway);
      await postgres.close();
      certificate.remove();
      folder.remove();
    });

    it('comes in by its own token, through a gateway that knows only the names of the older proxy', async () => {
      const lines = await printed(python, 'ed25519_login.py', {
        PRIVATE_KEY: key,
        DATABASE_PORT: port,
        DATABASE_NAME: database.pathname.slice(1),
        DATABASE_USER: 'alice',
      });
      const [good, ...others] = lines.filter((line) => line !== '');
      expect(good).toBe('good: alice');
      const refused = /: connection to server .*FATAL: {2}password authentication failed for user "alice"$/;
      expect(others.map((line) => line.replace(refused, ''))).toEqual([
        'expired',
        'of a foreign key',
        'of somebody else',
      ]);
    });
  });
});
