import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Clock } from '../../../src/base/clock.js';
import { startGateway } from '../../../src/gateway/start-gateway.js';
import type { RunningGateway } from '../../../src/gateway/start-gateway.js';
import { createLogger } from '../../../src/operations/logging.js';
import { readGatewaySettings } from '../../../src/settings/gateway-settings.js';
import { valuesOrThrow } from '../../../src/settings/report.js';
import type { Passage } from './passage.js';
import { startPostgres } from '../../support/postgres.js';
import type { PostgresServer } from '../../support/postgres.js';
import { makeAuthority } from '../upstream/support/certificates.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** A gateway in front of a real PostgreSQL server, which has the role `alice` and trusts everybody. */
export interface TestGateway extends RunningGateway {
  readonly postgres: PostgresServer;
  /** Past the gateway, as the server's superuser. */
  readonly admin: pg.Client;
  readonly database: string;
  /** PEM of the authority that clients are to trust. */
  readonly ca: string;
  /** It is the authority of the server's certificate too, and this is the file that the gateway has of it. */
  readonly caFile: string;
  readonly certificateFiles: { readonly DOWNSTREAM__CERTFILE: string; readonly DOWNSTREAM__KEYFILE: string };
  /** Signs what the gateway trusts. */
  readonly privateKey: KeyObject;
  /** Every log line so far. */
  readonly log: readonly string[];
}

/**
 * PostgreSQL, certificate, key and gateway.
 *
 * @param environment adds to its settings; the server has TLS where these ask for it
 * @param passage leads from the gateway to the server
 */
export async function startTestGateway(
  binaries: string,
  environment: Record<string, string> = {},
  clock?: Clock,
  passage?: Passage,
): Promise<TestGateway> {
  const certificate = writeCertificate();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { UPSTREAM__SSLMODE: sslMode = 'disable' } = environment;
  const postgres = await startPostgres(binaries, sslMode === 'disable' ? {} : { tls: certificate.pair });
  const url = new URL(await postgres.newDatabase());
  passage?.leadTo(Number(url.port));
  const admin = await connectAdmin(url.href);
  const log: string[] = [];
  const running = await start(
    {
      PUBLIC_KEYS__1: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      UPSTREAM__HOST: url.hostname,
      UPSTREAM__PORT: String(passage?.port ?? url.port),
      ...(sslMode === 'disable' ? {} : { UPSTREAM__HOST: 'localhost', UPSTREAM__CAFILE: certificate.caFile }),
      ...certificate.settings,
      ...environment,
    },
    log,
    clock,
  );
  const close = async (): Promise<void> => {
    await running.gateway.run({ timeoutMs: 0 });
    await running.close();
    await admin.end();
    await postgres.close();
    certificate.remove();
  };
  const { ca, caFile, settings: certificateFiles } = certificate;
  const database = url.pathname.slice(1);
  return { ...running, postgres, admin, database, ca, caFile, certificateFiles, privateKey, log, close };
}

async function connectAdmin(url: string): Promise<pg.Client> {
  const admin = new pg.Client(url);
  await admin.connect();
  await admin.query('create role alice login');
  return admin;
}

async function start(
  environment: Record<string, string>,
  log: string[],
  clock?: Clock,
): Promise<RunningGateway> {
  const settings = readGatewaySettings({
    UPSTREAM__SSLMODE: 'disable',
    DOWNSTREAM__PORT: '0',
    GATEWAY_MANAGEMENT_PORT: '0',
    ...environment,
  });
  const destination = { write: (line: string) => void log.push(line), flush: () => undefined };
  return startGateway(valuesOrThrow(settings), createLogger({ level: 'trace', destination }), clock);
}

/** A certificate for localhost in files of its own, as settings, until `remove`. */
export function writeCertificate() {
  const authority = makeAuthority();
  const { key, cert } = authority.certify('DNS:localhost');
  const folder = temporaryFolder();
  const settings = {
    DOWNSTREAM__CERTFILE: join(folder.path, 'server.crt'),
    DOWNSTREAM__KEYFILE: join(folder.path, 'server.key'),
  };
  const caFile = join(folder.path, 'ca.crt');
  writeFileSync(caFile, authority.ca);
  writeFileSync(settings.DOWNSTREAM__CERTFILE, cert);
  writeFileSync(settings.DOWNSTREAM__KEYFILE, key, { mode: 0o600 });
  const remove = (): void => {
    folder.remove();
    authority.close();
  };
  return { ca: authority.ca, caFile, pair: { key, cert }, settings, remove };
}

/** A token of these claims, as Python's `cryptography` programs make them. */
export function signToken(claims: object, privateKey: KeyObject, header: object = {}): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode({ typ: 'JWT', alg: 'EdDSA', crv: 'Ed25519', ...header })}.${encode(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

/** Seconds since 1970, `seconds` from now. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

/** A client of the gateway that has not connected yet, over TLS unless `config` says otherwise. */
export function clientOf(gateway: TestGateway, password: string, config: pg.ClientConfig = {}): pg.Client {
  const { port, database, ca } = gateway;
  return new pg.Client({
    host: 'localhost',
    port,
    database,
    user: 'alice',
    password,
    ssl: { ca },
    ...config,
  });
}
