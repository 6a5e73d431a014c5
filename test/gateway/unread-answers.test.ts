import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { Session } from '../../src/gateway/session.js';
import { authenticationOk } from '../../src/gateway/wire/backend-messages.js';
import { typedMessage } from '../../src/gateway/wire/message-writer.js';

const open: Socket[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const socket of open.splice(0)) socket.destroy();
});

/** Both ends of a connection, neither of which ends because the other does. */
async function connection(): Promise<readonly [near: Socket, far: Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  const [near] = (await once(server, 'connection')) as [Socket];
  server.close();
  for (const socket of [near, far]) open.push(socket.on('error', () => undefined));
  return [near, far];
}

const row = typedMessage('D', Buffer.alloc(4_000));

/** The server goes on until a little is left that the client's side of the network does not take. */
async function answerUntilUnread(session: Session, server: Socket, client: Socket): Promise<void> {
  let sent = 0;
  while (client.writableLength === 0) {
    server.write(row);
    sent += row.length;
    while (session.bytesFromServer < sent) await nextTurn();
    await nextTurn();
  }
}

it('a session ends with its token, although the server is done and its client does not read the rest', async () => {
  const [client, farClient] = await connection();
  const [server, farServer] = await connection();
  const session = new Session({
    client,
    server,
    opening: authenticationOk(),
    ahead: Buffer.alloc(0),
    cancelBackend: () => undefined,
  });
  farClient.pause().end();
  await answerUntilUnread(session, farServer, client);
  farServer.resume().end();
  await once(server, 'close');
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  session.end('expired');
  await vi.runAllTimersAsync();
  expect(await session.ended).toBe('expired');
});
