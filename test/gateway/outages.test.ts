import type pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';

describeWithPostgres('when the server is killed', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries);
    // It ends with the server, and says so.
    gateway.admin.on('error', () => undefined);
  });
  afterAll(() => gateway.close());

  async function open(): Promise<pg.Client> {
    const client = clientOf(gateway, signToken({ sub: 'alice', exp: inSeconds(100) }, gateway.privateKey));
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async function ready(): Promise<number> {
    return (await fetch(`http://127.0.0.1:${gateway.managementPort}/health/ready`)).status;
  }

  const untilReadyIs = (status: number) =>
    vi.waitFor(async () => {
      expect(await ready()).toBe(status);
    }, 10_000);

  it('sessions end, logins are told so, and when it is back everything works without a restart', async () => {
    const [idle, busy] = await Promise.all([open(), open()]);
    const idleEnded = new Promise((resolve) => idle.once('end', resolve));
    const query = busy.query('select pg_sleep(60)');
    const [failure] = await Promise.all([
      query.then(
        () => 'answered',
        () => 'failed',
      ),
      gateway.postgres.kill(),
      idleEnded,
    ]);
    expect(failure).toBe('failed');
    await vi.waitFor(() => {
      expect(gateway.gateway.sessions.size).toBe(0);
    });
    await expect(open()).rejects.toMatchObject({ severity: 'FATAL', code: '08006' });
    await untilReadyIs(503);
    await gateway.postgres.restart();
    const again = await open();
    expect((await again.query('select current_user')).rows).toEqual([{ current_user: 'alice' }]);
    await again.end();
    await untilReadyIs(200);
  });
});
