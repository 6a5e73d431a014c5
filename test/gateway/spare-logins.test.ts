import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';

/** Passes bytes on to a server, and connects there when the first come. */
async function startPassage() {
  const waiting = new Set<Socket>();
  let isFickle = false;
  let arrived = Promise.withResolvers<undefined>();
  let port = 0;
  const server = createServer((socket) => {
    waiting.add(socket);
    arrived.resolve(undefined);
    arrived = Promise.withResolvers();
    socket.on('error', () => undefined).on('close', () => waiting.delete(socket));
    socket.once('data', (first: Buffer) => {
      waiting.delete(socket);
      if (isFickle) {
        isFickle = false;
        socket.destroy();
        return;
      }
      const beyond = connect(port, '127.0.0.1').on('error', () => socket.destroy());
      beyond.write(first);
      socket.pipe(beyond).pipe(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (target: number) => void (port = target),
    /** Settles when a connection is open on which nothing was sent. */
    untilOneWaits: async () => {
      while (waiting.size === 0) await arrived.promise;
    },
    /** The next connection that is used is cut off. */
    cutTheNext: () => void (isFickle = true),
    close: () => server.close(),
  };
}

describeWithPostgres('logins one after another', (binaries) => {
  let passage: Awaited<ReturnType<typeof startPassage>>;
  let gateway: TestGateway;
  beforeAll(async () => {
    passage = await startPassage();
    gateway = await startTestGateway(binaries, { UPSTREAM__PORT: String(passage.port) });
    passage.leadTo(gateway.admin.port);
  });
  afterAll(async () => {
    await gateway.close();
    passage.close();
  });

  async function currentUser(): Promise<unknown> {
    const client = clientOf(gateway, signToken({ sub: 'alice', exp: inSeconds(100) }, gateway.privateKey));
    await client.connect();
    const { rows } = await client.query<{ current_user: string }>('select current_user');
    await client.end();
    return rows[0]?.current_user;
  }

  it('have a connection waiting for them, and one of their own when it was lost unseen', async () => {
    expect([await currentUser(), await currentUser()]).toEqual(['alice', 'alice']);
    await passage.untilOneWaits();
    passage.cutTheNext();
    expect(await currentUser()).toBe('alice');
    expect(gateway.log.join('')).not.toContain('upstream_unavailable');
  });
});
