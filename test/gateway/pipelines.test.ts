import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { typedMessage } from '../../src/gateway/wire/message-writer.js';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient, queryMessage } from './support/raw-client.js';
import type { RawMessage } from './support/raw-client.js';
import { openRawSession } from './support/raw-session.js';

const typesOf = (messages: readonly RawMessage[]): string => messages.map(({ type }) => type).join('');

/** Parse, Bind, Execute of the unnamed statement. */
function extended(statement: string): Buffer {
  return Buffer.concat([
    typedMessage('P', Buffer.from(`\0${statement}\0\0\0`)),
    typedMessage('B', Buffer.alloc(8)),
    typedMessage('E', Buffer.alloc(5)),
  ]);
}

const sync = typedMessage('S');
const copyDone = typedMessage('c');
const copyData = (text: string): Buffer => typedMessage('d', Buffer.from(text));

describeWithPostgres('a session whose client does not wait for answers', (binaries) => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startTestGateway(binaries, { DOWNSTREAM__SSLMODE: 'allow' });
    await gateway.admin.query('create table numbers (number int); grant all on numbers to alice');
  });
  afterEach(() => gateway.close());

  async function open(): Promise<RawClient> {
    const { client } = await openRawSession(gateway, await RawClient.connect(gateway.port));
    // As drivers do it.
    client.socket.on('end', () => client.socket.end());
    return client;
  }

  const untilActive = (count: number) =>
    vi.waitFor(async () => {
      const { rows } = await gateway.admin.query<{ count: number }>(
        "select count(*)::int from pg_stat_activity where usename = 'alice' and query like '%pg_sleep%' and state = 'active'",
      );
      expect(rows[0]?.count).toBe(count);
    }, 10_000);

  const pipelines: readonly [string, (statement: string) => Buffer][] = [
    ['simple', (statement) => Buffer.concat([queryMessage('select 1'), queryMessage(statement)])],
    ['extended', (statement) => Buffer.concat([extended('select 1'), sync, extended(statement), sync])],
  ];

  it.each(pipelines)('has the last answer too when the gateway stops (%s, 27)', async (_, pipeline) => {
    const client = await open();
    client.socket.write(pipeline('select pg_sleep(0.5)'));
    await client.readUntil('Z');
    await untilActive(1);
    const drained = gateway.gateway.run({ timeoutMs: 60_000 });
    expect(typesOf(await client.readUntil('Z'))).toMatch(/DCZ$/);
    expect((await client.readUntil('E'))[0]?.body.toString()).toContain('C57P01');
    expect(await drained).toBe('drained');
  });

  it.each(pipelines)('has its last query cancelled when it vanishes (%s, 26)', async (_, pipeline) => {
    const client = await open();
    client.socket.write(pipeline('select pg_sleep(60)'));
    await client.readUntil('Z');
    await untilActive(1);
    client.socket.resetAndDestroy();
    await untilActive(0);
  });

  it.each<[string, Buffer, Buffer]>([
    ['simple', queryMessage('copy numbers from stdin'), copyDone],
    ['extended', Buffer.concat([extended('copy numbers from stdin'), sync]), Buffer.concat([copyDone, sync])],
  ])('is idle behind a COPY, and behind data that came too late (%s)', async (_, copy, end) => {
    const client = await open();
    client.socket.write(copy);
    await client.readUntil('G');
    client.socket.write(Buffer.concat([copyData('1\n'), end]));
    await client.readUntil('Z');
    client.socket.write(copy);
    await client.readUntil('G');
    client.socket.write(copyData('none\n'));
    await client.readUntil('E');
    client.socket.write(Buffer.concat([copyData('2\n'), end]));
    await client.readUntil('Z');
    const [session] = gateway.gateway.sessions;
    await vi.waitFor(() => {
      expect(session?.isIdle).toBe(true);
    });
    const drained = gateway.gateway.run({ timeoutMs: 60_000 });
    expect((await client.readUntil('E'))[0]?.body.toString()).toContain('C57P01');
    expect(await drained).toBe('drained');
  });
});
