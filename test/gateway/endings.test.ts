import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type pg from 'pg';
import { afterEach, expect, it, vi } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient } from './support/raw-client.js';
import { openRawSession } from './support/raw-session.js';
import { makeAuthority } from './upstream/support/certificates.js';

const day = 86_400;
/** The longest that Node's timers wait: 2^31 - 1 milliseconds. */
const longestTimerMs = 2 ** 31 - 1;

describeWithPostgres('a session in the course of time', (binaries) => {
  const gateways: TestGateway[] = [];
  afterEach(async () => {
    vi.useRealTimers();
    for (const gateway of gateways.splice(0)) await gateway.close();
  });

  async function startGateway(...options: [environment?: Record<string, string>, clock?: () => number]) {
    const gateway = await startTestGateway(binaries, ...options);
    gateways.push(gateway);
    return gateway;
  }

  async function open(gateway: TestGateway, exp = inSeconds(100), config: pg.ClientConfig = {}) {
    const token = signToken({ sub: 'alice', exp }, gateway.privateKey);
    const client = clientOf(gateway, token, config);
    const ended = new Promise<Error>((resolve) => client.once('error', resolve));
    client.on('error', () => undefined);
    await client.connect();
    return { client, ended };
  }

  const one = async (client: pg.Client): Promise<unknown> => (await client.query('select 1 as one')).rows;

  const shutDown = { severity: 'FATAL', code: '57P01' };

  async function activeBackends({ admin }: TestGateway): Promise<number> {
    const { rows } = await admin.query<{ count: number }>(
      "select count(*)::int from pg_stat_activity where usename = 'alice' and state = 'active'",
    );
    return rows[0]?.count ?? -1;
  }

  const untilActive = (gateway: TestGateway, count: number) =>
    vi.waitFor(async () => {
      expect(await activeBackends(gateway)).toBe(count);
    }, 10_000);

  it('outlives the longest timer, and ends with its token all the same (26)', async () => {
    const exp = inSeconds(60 * day);
    let ahead = 0;
    const gateway = await startGateway({}, () => Date.now() + ahead);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { client, ended } = await open(gateway, exp);
    for (let passed = 0; passed < 2; passed++) {
      ahead += longestTimerMs;
      vi.advanceTimersByTime(longestTimerMs);
      expect(await one(client)).toEqual([{ one: 1 }]);
    }
    ahead += longestTimerMs;
    vi.advanceTimersByTime(longestTimerMs);
    expect(await ended).toMatchObject({ ...shutDown, message: expect.stringContaining('expired') as string });
  });

  it('ends at once when the gateway stops and it is idle, and nobody comes in any more (27)', async () => {
    const gateway = await startGateway();
    const { ended } = await open(gateway);
    const drained = gateway.gateway.run({ timeoutMs: 60_000 });
    expect(await ended).toMatchObject(shutDown);
    expect(await drained).toBe('drained');
    const late = connect(gateway.port, '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('has its answer first when the gateway stops in the middle of a query (27)', async () => {
    const gateway = await startGateway();
    const { client, ended } = await open(gateway);
    const answer = client.query("select 'answered' as text from pg_sleep(0.5)");
    await untilActive(gateway, 1);
    const drained = gateway.gateway.run({ timeoutMs: 60_000 });
    expect((await answer).rows).toEqual([{ text: 'answered' }]);
    expect(await ended).toMatchObject(shutDown);
    expect(await drained).toBe('drained');
  });

  it('is cut off when its query takes longer than the grace, and the server is told to cancel it (27)', async () => {
    const gateway = await startGateway();
    const { client } = await open(gateway);
    const answer = client.query('select pg_sleep(60)');
    const failed = expect(answer).rejects.toMatchObject({ severity: 'FATAL', code: '57P01' });
    await untilActive(gateway, 1);
    expect(await gateway.gateway.run({ timeoutMs: 100 })).toBe('cut');
    await failed;
    await untilActive(gateway, 0);
  });

  it('ends though the client never does, when the server has ended it', async () => {
    const gateway = await startGateway({ DOWNSTREAM__SSLMODE: 'allow' });
    const { client } = await openRawSession(gateway, await RawClient.connect(gateway.port));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await gateway.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'alice'",
    );
    expect(await client.rest()).toContain('57P01');
    // It has read everything, and keeps its own side of the connection open.
    expect(gateway.gateway.sessions.size).toBe(1);
    await vi.waitFor(() => {
      vi.advanceTimersByTime(5_000);
      expect(gateway.gateway.sessions.size).toBe(0);
    });
  });

  it('goes on when the certificate is renewed, which the next client sees (27)', async () => {
    const authority = makeAuthority();
    const renewed = authority.certify('DNS:localhost');
    authority.close();
    const gateway = await startGateway();
    const { client } = await open(gateway);
    const { DOWNSTREAM__CERTFILE, DOWNSTREAM__KEYFILE } = gateway.certificateFiles;
    writeFileSync(DOWNSTREAM__CERTFILE, renewed.cert);
    writeFileSync(DOWNSTREAM__KEYFILE, renewed.key);
    const next = await vi.waitFor(() => open(gateway, inSeconds(100), { ssl: { ca: authority.ca } }), {
      timeout: 20_000,
      interval: 200,
    });
    expect(await one(next.client)).toEqual([{ one: 1 }]);
    expect(await one(client)).toEqual([{ one: 1 }]);
    await Promise.all([client.end(), next.client.end()]);
  });

  it('ends soon after its token when the clock jumps, or the machine has slept (26)', async () => {
    let ahead = 0;
    const gateway = await startGateway({}, () => Date.now() + ahead);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { ended } = await open(gateway, inSeconds(day));
    ahead = 2 * day * 1000;
    vi.advanceTimersByTime(60_000);
    expect(await ended).toMatchObject({ ...shutDown, message: expect.stringContaining('expired') as string });
  });

  it.each([
    ['no key', () => 'no key'],
    [
      'a key of another kind',
      () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ],
  ])(
    'goes on, and others begin, when the new key is %s: the old pair stays in force (27)',
    async (_, content) => {
      const gateway = await startGateway();
      const { client } = await open(gateway);
      writeFileSync(gateway.certificateFiles.DOWNSTREAM__KEYFILE, content());
      await vi.waitFor(() => {
        expect(gateway.log.join('')).toContain('the certificate for clients was not renewed');
      }, 10_000);
      const next = await open(gateway);
      expect(await one(next.client)).toEqual([{ one: 1 }]);
      expect(await one(client)).toEqual([{ one: 1 }]);
      await Promise.all([client.end(), next.client.end()]);
    },
  );
});
