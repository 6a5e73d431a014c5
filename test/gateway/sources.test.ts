import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { cancelRequest } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { startPassage } from './support/passage.js';
import type { Passage } from './support/passage.js';
import { RawClient } from './support/raw-client.js';
import { openRawSession } from './support/raw-session.js';

const maxLogins = 5;

describeWithPostgres('connections of one source that are not logged in', (binaries) => {
  let gateway: TestGateway;
  let passage: Passage;
  beforeAll(async () => {
    passage = await startPassage();
    // By this clock logins are far apart, and no connection to the server is made ahead of one.
    let now = Date.now();
    gateway = await startTestGateway(
      binaries,
      {
        DOWNSTREAM__IP: '::',
        DOWNSTREAM__SSLMODE: 'allow',
        GATEWAY_MAX_LOGINS: String(maxLogins),
        GATEWAY_LOGIN_TIMEOUT_MS: '300000',
        GATEWAY_MAX_SESSION: 'none',
      },
      () => (now += 10_000),
      passage,
    );
  });
  afterAll(async () => {
    await gateway.close();
    await passage.close();
  });

  const plain = (): Promise<RawClient> => RawClient.connect(gateway.port);

  async function firstError(client: RawClient): Promise<string> {
    return (await client.readUntil('E'))[0]?.body.toString() ?? 'nothing';
  }

  async function logIn(): Promise<{ client: RawClient; cancel: Buffer }> {
    const { client, processId, secret } = await openRawSession(gateway, await plain());
    return { client, cancel: cancelRequest(processId, secret) };
  }

  it('have their address in the log as IPv4 has it, whichever socket they came by', async () => {
    const { client } = await logIn();
    client.socket.destroy();
    const line = gateway.log.findLast((text) => text.includes('"msg":"login"')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({ outcome: 'accepted', address: '127.0.0.1' });
  });

  it('are counted with cancel requests that are on their way to the server', async () => {
    const { client, cancel } = await logIn();
    const waiting: Socket[] = [];
    for (let sent = 1; sent <= maxLogins; sent++) {
      passage.nextMeets((socket) => waiting.push(socket.resume()));
      (await plain()).socket.write(cancel);
      await vi.waitFor(() => {
        expect(waiting).toHaveLength(sent);
      });
    }
    const before = await tooMany();
    expect(await firstError(await plain())).toContain('C53300');
    expect(await tooMany()).toBe(before + 1);
    for (const socket of waiting) socket.destroy();
    client.socket.destroy();
    await vi.waitFor(async () => {
      const next = await logIn();
      next.client.socket.destroy();
    });
  });

  async function tooMany(): Promise<number> {
    const page = await (await fetch(`http://127.0.0.1:${gateway.managementPort}/metrics`)).text();
    return Number(
      /^nest_okta_opa_gateway_login_seconds_count\{outcome="too_many"\} (\d+)/m.exec(page)?.[1] ?? 0,
    );
  }

  it('are counted together when they come from one network of IPv6 (RFC 6177)', async () => {
    let last = 0;
    // Nobody has that many addresses here: the sockets are real, and say that they come from others.
    const stage = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      Object.defineProperty(socket, 'remoteAddress', { value: `2001:db8::${(++last).toString(16)}` });
      gateway.gateway.server.emit('connection', socket);
    });
    await once(stage.listen(0, '127.0.0.1'), 'listening');
    const { port } = stage.address() as AddressInfo;
    const sockets: Socket[] = [];
    for (let count = 0; count < maxLogins; count++) {
      sockets.push(connect(port, '127.0.0.1'));
      await once(stage, 'connection');
    }
    expect(await firstError(await RawClient.connect(port))).toContain('C53300');
    for (const socket of sockets) socket.destroy();
    stage.close();
  });
});
