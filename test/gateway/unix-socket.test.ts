import { generateKeyPairSync } from 'node:crypto';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { endNow, runProgram } from '../support/api-process.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import { inSeconds, signToken, writeCertificate } from './support/gateway.js';

describeWithPostgres("the server's Unix socket", (binaries) => {
  it('is where the gateway logs in when UPSTREAM__HOST is its folder, without TLS', async () => {
    const postgres = await startPostgres(binaries);
    onTestFinished(() => postgres.close());
    const url = new URL(await postgres.newDatabase());
    const certificate = writeCertificate();
    onTestFinished(() => {
      certificate.remove();
    });
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const gateway = runProgram('dist/gateway/main.js', {
      PUBLIC_KEYS__1: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      UPSTREAM__HOST: postgres.socketFolder,
      UPSTREAM__PORT: url.port,
      DOWNSTREAM__PORT: '0',
      GATEWAY_MANAGEMENT_PORT: '0',
      ...certificate.settings,
    });
    onTestFinished(() => endNow(gateway));
    const { port, upstreamTls } = await gateway.line(({ msg }) => msg === 'the SQL gateway is listening');
    expect(upstreamTls).toBe('disable');
    const admin = new pg.Client(url.href);
    await admin.connect();
    await admin.query('create role alice login');
    await admin.end();
    const client = new pg.Client({
      host: 'localhost',
      port: Number(port),
      user: 'alice',
      database: url.pathname.slice(1),
      password: signToken({ sub: 'alice', exp: inSeconds(100) }, privateKey),
      ssl: { ca: certificate.ca },
    });
    await client.connect();
    const { rows } = await client.query('select current_user, inet_server_addr() as address');
    expect(rows).toEqual([{ current_user: 'alice', address: null }]);
    await client.end();
  });
});
