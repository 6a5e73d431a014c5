import type pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { cancelRequest } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient, queryMessage } from './support/raw-client.js';
import { encrypt, encryptedClient, openRawSession } from './support/raw-session.js';
import type { RawSession } from './support/raw-session.js';

describeWithPostgres('a session through the gateway', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries, { DOWNSTREAM__SSLMODE: 'allow' });
  });
  afterAll(() => gateway.close());

  const token = (exp = inSeconds(100)): string => signToken({ sub: 'alice', exp }, gateway.privateKey);

  const plain = (): Promise<RawClient> => RawClient.connect(gateway.port);
  const overTls = (): Promise<RawClient> => encryptedClient(gateway);
  const openRaw = async (arrive = plain): Promise<RawSession> => openRawSession(gateway, await arrive());

  async function open(exp?: number): Promise<pg.Client> {
    const client = clientOf(gateway, token(exp));
    await client.connect();
    return client;
  }

  async function sleepers(): Promise<number> {
    const { rows } = await gateway.admin.query<{ count: number }>(
      "select count(*)::int from pg_stat_activity where usename = 'alice' and state = 'active'",
    );
    return rows[0]?.count ?? -1;
  }

  const untilSleeping = (count: number) =>
    vi.waitFor(async () => {
      expect(await sleepers()).toBe(count);
    }, 10_000);

  /** The first error; node-postgres tells of the closed connection as well. */
  function ending(client: pg.Client): Promise<Error> {
    const { promise, resolve } = Promise.withResolvers<Error>();
    client.on('error', resolve);
    return promise;
  }

  it.each([
    ['in plain', plain],
    ['over TLS', overTls],
  ])('answers a query that is followed by the end of what the client sends, %s (24)', async (_, arrive) => {
    const { client } = await openRaw(arrive);
    client.socket.end(queryMessage("select 'answered ' || pg_sleep(0.2)::text"));
    expect(await client.rest()).toContain('answered');
  });

  it('ends with 57P01 when the token expires, idle, in a transaction or in a query (26)', async () => {
    const exp = inSeconds(2);
    const [idle, inTransaction, inQuery] = await Promise.all([open(exp), open(exp), open(exp)]);
    const endings = [ending(idle), ending(inTransaction)];
    inQuery.on('error', () => undefined);
    await inTransaction.query('begin');
    const expected = {
      severity: 'FATAL',
      code: '57P01',
      message: expect.stringContaining('expired') as string,
    };
    await expect(inQuery.query('select pg_sleep(60)')).rejects.toMatchObject(expected);
    for (const error of await Promise.all(endings)) expect(error).toMatchObject(expected);
    await untilSleeping(0);
  });

  it.each([
    ['in plain', (client: RawClient) => Promise.resolve(client)],
    ['over TLS', (client: RawClient) => encrypt(gateway, client)],
  ])('whose client vanishes %s has its query cancelled (26)', async (_, goOn) => {
    const connection = await plain();
    const { client } = await openRawSession(gateway, await goOn(connection));
    client.socket.write(queryMessage('select pg_sleep(60)'));
    await untilSleeping(1);
    connection.socket.resetAndDestroy();
    await untilSleeping(0);
  });

  async function cancelInPlain(packet: Buffer): Promise<string> {
    const client = await RawClient.connect(gateway.port);
    client.socket.end(packet);
    return client.rest();
  }

  async function cancelOverTls(packet: Buffer): Promise<string> {
    const client = await overTls();
    client.socket.end(packet);
    return client.rest();
  }

  it.each([
    { how: 'in plain', cancel: cancelInPlain },
    { how: 'over TLS', cancel: cancelOverTls },
  ])('is cancelled by its own key $how, and no other one is (23)', async ({ cancel }) => {
    const [first, second] = await Promise.all([openRaw(), openRaw()]);
    for (const { client } of [first, second]) client.socket.write(queryMessage('select pg_sleep(60)'));
    await untilSleeping(2);
    const wrong = Buffer.from(first.secret.map((byte) => byte ^ 1));
    expect(await cancel(cancelRequest(first.processId, wrong))).toBe('');
    expect(await cancel(cancelRequest(first.processId, first.secret))).toBe('');
    const messages = await first.client.readUntil('Z');
    expect(messages.find(({ type }) => type === 'E')?.body.toString()).toContain('C57014');
    expect(await sleepers()).toBe(1);
    second.client.socket.resetAndDestroy();
    first.client.socket.destroy();
    await untilSleeping(0);
  });

  it('has the words of the server when an administrator ends it (21)', async () => {
    const client = await open();
    const ended = ending(client);
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    await gateway.admin.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    expect(await ended).toMatchObject({
      severity: 'FATAL',
      code: '57P01',
      message: 'terminating connection due to administrator command',
      routine: 'ProcessInterrupts',
    });
  });
});
