import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { startGateway } from '../../../src/gateway/start-gateway.js';
import { readGatewaySettings } from '../../../src/settings/gateway-settings.js';
import { valuesOrThrow } from '../../../src/settings/report.js';
import { startOpaServer } from '../../support/opa.js';
import { startPostgres } from '../../support/postgres.js';
import { selfSigned } from './runtimes.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** A way to one database. */
export interface Way {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** One PostgreSQL server, and a gateway in front of it whose policy lets a superuser in, as suites of drivers need one. */
export interface SqlWorld {
  readonly direct: Way;
  readonly gateway: Way;
  /** Where the server's own connection string leads, for what has to be prepared. */
  readonly adminUrl: string;
  close(): Promise<void>;
}

const user = 'suite';
const policy = 'package suite\nimport rego.v1\nallow := true\n';

export async function startSqlWorld(binaries: string, opa: string): Promise<SqlWorld> {
  const { path: folder, remove } = temporaryFolder();
  const files = selfSigned(folder);
  if (files === undefined) throw new Error('no certificate could be made: apt-get install openssl');
  const tls = { key: readFileSync(files.key, 'utf8'), cert: readFileSync(files.cert, 'utf8') };
  const postgres = await startPostgres(binaries, { tls });
  const adminUrl = await postgres.newDatabase();
  writeFileSync(join(folder, 'suite.rego'), policy);
  const sidecar = await startOpaServer(opa, join(folder, 'suite.rego'));
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { hostname, port, pathname } = new URL(adminUrl);
  const settings = readGatewaySettings({
    PUBLIC_KEYS__1: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    UPSTREAM__HOST: hostname,
    UPSTREAM__PORT: port,
    DOWNSTREAM__PORT: '0',
    DOWNSTREAM__CERTFILE: files.cert,
    DOWNSTREAM__KEYFILE: files.key,
    // Some of the tests take TLS off to look at the bytes.
    DOWNSTREAM__SSLMODE: 'allow',
    GATEWAY_OPA_URL: `${sidecar.origin}/v1/data/suite/allow`,
    GATEWAY_MANAGEMENT_PORT: '0',
  });
  const gateway = await startGateway(valuesOrThrow(settings), pino({ level: 'silent' }));
  const token = tokenFor(user, (input) => sign(null, input, privateKey));
  const way = { host: '127.0.0.1', user, database: pathname.slice(1) };
  return {
    direct: { ...way, port: Number(port), password: 'none' },
    gateway: { ...way, port: gateway.port, password: token },
    adminUrl,
    close: async () => {
      await gateway.gateway.run({ timeoutMs: 0 });
      await gateway.close();
      await sidecar.close();
      await postgres.close();
      remove();
    },
  };
}

/** By the server's own superuser, past the gateway. */
export async function runSql(adminUrl: string, statements: string): Promise<void> {
  const admin = new pg.Client(adminUrl);
  await admin.connect();
  await admin.query(statements);
  await admin.end();
}

function tokenFor(sub: string, signed: (input: Buffer) => Buffer): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 7200;
  const input = `${encode({ typ: 'JWT', alg: 'EdDSA' })}.${encode({ sub, exp })}`;
  return `${input}.${signed(Buffer.from(input)).toString('base64url')}`;
}
