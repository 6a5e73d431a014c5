import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { sslRequest, startupMessage } from '../../src/gateway/wire/frontend-writers.js';
import { endNow, runProgram } from '../support/api-process.js';
import type { ApiProcess } from '../support/api-process.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import type { PostgresServer } from '../support/postgres.js';
import { inSeconds, signToken, writeCertificate } from './support/gateway.js';
import { RawClient } from './support/raw-client.js';
import { encrypt } from './support/raw-session.js';

describeWithPostgres('the process of the gateway, told to stop by SIGTERM', (binaries) => {
  const certificate = writeCertificate();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  let postgres: PostgresServer;
  let url: URL;
  let admin: pg.Client;
  let gateway: ApiProcess;
  let port: number;

  beforeAll(async () => {
    postgres = await startPostgres(binaries, { tls: certificate.pair });
    url = new URL(await postgres.newDatabase());
    admin = new pg.Client(url.href);
    await admin.connect();
    await admin.query('create role alice login');
  });
  afterEach(() => endNow(gateway));
  afterAll(async () => {
    await admin.end();
    await postgres.close();
    certificate.remove();
  });

  async function start(environment: Record<string, string>): Promise<void> {
    gateway = runProgram('dist/gateway/main.js', {
      PUBLIC_KEYS__1: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      UPSTREAM__HOST: url.hostname,
      UPSTREAM__PORT: url.port,
      UPSTREAM__SSLMODE: 'require',
      DOWNSTREAM__PORT: '0',
      GATEWAY_MANAGEMENT_PORT: '0',
      ...certificate.settings,
      ...environment,
    });
    port = Number((await gateway.line(({ msg }) => msg === 'the SQL gateway is listening')).port);
  }

  /** A session, and how it ends. */
  async function open(): Promise<{ client: pg.Client; ended: Promise<Error> }> {
    const client = new pg.Client({
      host: 'localhost',
      port,
      user: 'alice',
      database: url.pathname.slice(1),
      password: signToken({ sub: 'alice', exp: inSeconds(100) }, privateKey),
      ssl: { ca: certificate.ca },
    });
    const ended = new Promise<Error>((resolve) => client.once('error', resolve));
    client.on('error', () => undefined);
    await client.connect();
    return { client, ended };
  }

  /** A query that is at work until somebody takes the lock away. */
  async function begin(
    client: pg.Client,
  ): Promise<{ answer: Promise<pg.QueryResult>; unlock: () => unknown }> {
    await admin.query('select pg_advisory_lock(1)');
    const answer = client.query("select 'answered' as text from pg_advisory_xact_lock_shared(1)");
    answer.catch(() => undefined);
    await vi.waitFor(async () => {
      const { rows } = await admin.query("select 1 from pg_stat_activity where wait_event = 'advisory'");
      expect(rows).toHaveLength(1);
    }, 10_000);
    return { answer, unlock: () => admin.query('select pg_advisory_unlock(1)') };
  }

  const shutDown = { severity: 'FATAL', code: '57P01' };

  it('tells idle sessions at once, lets nobody in, and ends when the busy ones have their answer (27)', async () => {
    await start({ SHUTDOWN_TIMEOUT_MS: '60000' });
    const [idle, busy] = await Promise.all([open(), open()]);
    const { answer, unlock } = await begin(busy.client);
    const arriving = await RawClient.connect(port);
    arriving.socket.write(sslRequest());
    await once(arriving.socket, 'data');
    const asked = await encrypt(certificate, await RawClient.connect(port));
    asked.socket.write(startupMessage([['user', 'alice']]));
    await asked.readUntil('R');
    gateway.process.kill('SIGTERM');
    expect(await idle.ended).toMatchObject(shutDown);
    await once(arriving.socket.resume(), 'end');
    const [refusal] = await asked.readUntil('E');
    expect(refusal?.body.toString()).toBe('SFATAL\0VFATAL\0C57P03\0Mthe gateway is stopping\0\0');
    await gateway.line(({ msg, outcome }) => msg === 'login' && outcome === 'shutdown');
    const [refused] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    expect(refused.code).toBe('ECONNREFUSED');
    await unlock();
    expect((await answer).rows).toEqual([{ text: 'answered' }]);
    expect(await busy.ended).toMatchObject(shutDown);
    expect(await gateway.ended).toBe(0);
  });

  it('cuts off who is still busy when the grace is over, and the server is told to cancel it (27)', async () => {
    await start({ SHUTDOWN_TIMEOUT_MS: '100' });
    const { client, ended } = await open();
    const { answer, unlock } = await begin(client);
    gateway.process.kill('SIGTERM');
    await expect(answer).rejects.toMatchObject(shutDown);
    await ended;
    await gateway.ended;
    try {
      await vi.waitFor(async () => {
        const { rows } = await admin.query("select 1 from pg_stat_activity where usename = 'alice'");
        expect(rows).toEqual([]);
      }, 10_000);
    } finally {
      await unlock();
    }
  });
});
