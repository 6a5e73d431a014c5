import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient } from './support/raw-client.js';
import { encryptedClient, openRawSession } from './support/raw-session.js';

/** A socket as libuv has it: Node tells nobody what was set on one. */
interface Handle {
  getsockname(name: { port?: number }): number;
  getpeername(name: { port?: number }): number;
  setNoDelay(isOn: boolean): unknown;
  setKeepAlive(isOn: boolean, delaySeconds: number): unknown;
}

async function prototypeOfHandles(): Promise<Handle> {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const { _handle: handle } = socket as unknown as { _handle: Handle };
  await once(socket.resume(), 'close');
  server.close();
  return Object.getPrototypeOf(handle) as Handle;
}

/** The port of a socket that is still open, at this end or at the other. */
function portOf(handle: Handle, end: 'getsockname' | 'getpeername'): number | undefined {
  const name: { port?: number } = {};
  handle[end](name);
  return name.port;
}

describeWithPostgres('the two connections of a session', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries, { DOWNSTREAM__SSLMODE: 'allow' });
  });
  afterAll(() => gateway.close());

  /** Of the gateway's connection to the server, at the gateway. */
  async function portAtServer(processId: number): Promise<number | undefined> {
    const { rows } = await gateway.admin.query<{ client_port: number }>(
      'select client_port from pg_stat_activity where pid = $1',
      [processId],
    );
    return rows[0]?.client_port;
  }

  it.each<[string, () => Promise<RawClient>]>([
    ['in plain', () => RawClient.connect(gateway.port)],
    ['in TLS', () => encryptedClient(gateway)],
  ])('send without delay and keep themselves alive, with a client %s (28)', async (_, arrive) => {
    const prototype = await prototypeOfHandles();
    const delays = vi.spyOn(prototype, 'setNoDelay');
    const keepAlives = vi.spyOn(prototype, 'setKeepAlive');
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    const { client, processId } = await openRawSession(gateway, await arrive());
    /** What was set on the one socket that has this port at that end. */
    const setOn = (end: 'getsockname' | 'getpeername', port: number | undefined): unknown => {
      const [noDelay, keepAlive] = [delays, keepAlives].map(({ mock }) =>
        mock.calls.filter((__, index) => portOf(mock.contexts[index] as Handle, end) === port),
      );
      return { noDelay, keepAlive };
    };
    const both = { noDelay: [[true]], keepAlive: [expect.objectContaining([true, 60])] };
    expect(setOn('getpeername', client.socket.localPort)).toEqual(both);
    expect(setOn('getsockname', await portAtServer(processId))).toEqual(both);
    client.socket.destroy();
  });
});
