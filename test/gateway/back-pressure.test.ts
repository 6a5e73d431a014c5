import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { typedMessage } from '../../src/gateway/wire/message-writer.js';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient, queryMessage } from './support/raw-client.js';
import { openRawSession } from './support/raw-session.js';

const mebibyte = 2 ** 20;
const rows = 200_000;
/** 200 MB of COPY data, far more than all buffers on the way hold. */
const copyOut = `copy (select repeat('x', 999) from generate_series(1, ${rows})) to stdout`;
/** A message of one row: type, length, 999 letters and the end of the line. */
const copyOutBytes = rows * (5 + 1000);

describeWithPostgres('a session with much to pass on (25)', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries, { DOWNSTREAM__SSLMODE: 'allow' });
    await gateway.admin.query(`
      create table parcels (text text);
      grant all on parcels to alice;
      create function wait() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock_shared(1); return new; end';
      create trigger wait before insert on parcels for each row execute function wait()`);
  });
  afterAll(() => gateway.close());

  async function open(): Promise<RawClient> {
    const { client } = await openRawSession(gateway, await RawClient.connect(gateway.port));
    return client;
  }

  /** What the backend of the session waits for, by the server's own account. */
  async function waitEvent(): Promise<string | undefined> {
    const { rows: found } = await gateway.admin.query<{ wait_event: string }>(
      "select wait_event from pg_stat_activity where usename = 'alice'",
    );
    return found[0]?.wait_event;
  }

  /** Bytes that V8 keeps outside its heap, where sockets read into: of gateway and client, which share this process. */
  const bufferedMiB = (): number => process.memoryUsage().arrayBuffers / mebibyte;

  it('makes the server wait for a client that does not read, and loses nothing of it', async () => {
    const before = bufferedMiB();
    const { socket } = await open();
    socket.pause();
    socket.write(queryMessage(copyOut));
    await vi.waitFor(
      async () => {
        expect(await waitEvent()).toBe('ClientWrite');
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(bufferedMiB() - before).toBeLessThan(16);
    let bytes = 0;
    let tail = Buffer.alloc(0);
    socket.resume().on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      tail = Buffer.concat([tail, chunk]).subarray(-6);
    });
    const readyForQuery = Buffer.from('Z\0\0\0\x05I', 'latin1');
    await vi.waitFor(() => {
      expect(tail).toEqual(readyForQuery);
    }, 20_000);
    // CopyOutResponse, CopyDone, CommandComplete and ReadyForQuery stand around the rows.
    expect(bytes).toBeGreaterThan(copyOutBytes);
    expect(bytes).toBeLessThan(copyOutBytes + 100);
    socket.destroy();
  });

  /** Writes until nobody takes more for a while. */
  async function writeUntilStalled(socket: Socket, chunk: Buffer, most: number): Promise<number> {
    let written = 0;
    while (written < most) {
      written += chunk.length;
      if (socket.write(chunk)) continue;
      const stalled = new Promise((resolve) => setTimeout(resolve, 500, 'stalled'));
      if ((await Promise.race([once(socket, 'drain'), stalled])) === 'stalled') return written;
    }
    return written;
  }

  it('makes a client wait for a server that does not read, and loses nothing of it', async () => {
    const before = bufferedMiB();
    const client = await open();
    client.socket.write(queryMessage('copy parcels from stdin'));
    await client.readUntil('G');
    // The first row waits for it.
    await gateway.admin.query('select pg_advisory_lock(1)');
    const line = typedMessage('d', Buffer.from(`${'x'.repeat(999)}\n`));
    const chunk = Buffer.concat(Array.from({ length: 1_000 }, () => line));
    const most = 100 * mebibyte;
    const written = await writeUntilStalled(client.socket, chunk, most);
    expect(written).toBeLessThan(most);
    await gateway.admin.query('select pg_advisory_unlock(1)');
    client.socket.write(typedMessage('c'));
    await client.readUntil('Z');
    const { rows: found } = await gateway.admin.query<{ count: number }>('select count(*)::int from parcels');
    expect(found[0]?.count).toBe((written / chunk.length) * 1_000);
    expect(bufferedMiB() - before).toBeLessThan(32);
    client.socket.destroy();
  });
});
