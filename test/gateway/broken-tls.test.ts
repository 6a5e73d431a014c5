import { once } from 'node:events';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { passwordMessage, sslRequest, startupMessage } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient, queryMessage } from './support/raw-client.js';

/** A record of application data that nobody has the keys for. */
const forgedRecord = Buffer.concat([Buffer.from([0x17, 3, 3, 0, 40]), Buffer.alloc(40, 1)]);

/** RFC 5246 section 6.2.1: what a record is of stands in its first byte, and is not encrypted. */
const alert = 21;

describeWithPostgres('behind the TLS handshake', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    // Only what is tested ends a connection within the time of a test.
    gateway = await startTestGateway(binaries, { GATEWAY_LOGIN_TIMEOUT_MS: '300000' });
  });
  afterAll(() => gateway.close());

  interface Encrypted {
    readonly client: RawClient;
    /** Beneath the encryption. */
    readonly wire: Socket;
  }

  async function encrypted(options: ConnectionOptions): Promise<Encrypted> {
    const { socket: wire } = await RawClient.connect(gateway.port);
    wire.write(sslRequest());
    await once(wire, 'data');
    const [inner, outer] = duplexPair();
    wire.pipe(outer).pipe(wire);
    const secured = connectTls({ socket: inner, ca: gateway.ca, servername: 'localhost', ...options });
    await once(secured, 'secureConnect');
    return { client: new RawClient(secured), wire };
  }

  async function askForPassword({ client }: Encrypted): Promise<void> {
    client.socket.write(
      startupMessage([
        ['user', 'alice'],
        ['database', gateway.database],
      ]),
    );
    await client.readUntil('R');
  }

  async function logIn(connection: Encrypted): Promise<void> {
    await askForPassword(connection);
    const { client } = connection;
    client.socket.write(
      passwordMessage(signToken({ sub: 'alice', exp: inSeconds(100) }, gateway.privateKey)),
    );
    await client.readUntil('Z');
  }

  /** When the gateway has ended the connection, or reset it. */
  const over = ({ wire }: Encrypted): Promise<void> =>
    new Promise((resolve) => {
      wire.once('end', resolve).once('close', resolve);
    });

  async function activeBackends(): Promise<number> {
    const { rows } = await gateway.admin.query<{ count: number }>(
      "select count(*)::int from pg_stat_activity where usename = 'alice' and state = 'active'",
    );
    return rows[0]?.count ?? -1;
  }

  const versions = [{ maxVersion: 'TLSv1.2' }, { maxVersion: 'TLSv1.3' }] as const;

  it.each(versions)('a forged record ends a login ($maxVersion)', async (options) => {
    const connection = await encrypted(options);
    await askForPassword(connection);
    connection.wire.write(forgedRecord);
    await over(connection);
    connection.wire.destroy();
  });

  it.each(versions)('a forged record ends a session, and its query ($maxVersion)', async (options) => {
    const connection = await encrypted(options);
    await logIn(connection);
    connection.client.socket.write(queryMessage('select pg_sleep(60)'));
    await vi.waitFor(async () => {
      expect(await activeBackends()).toBe(1);
    }, 10_000);
    connection.wire.write(forgedRecord);
    await over(connection);
    connection.wire.destroy();
    await vi.waitFor(async () => {
      expect(await activeBackends()).toBe(0);
      expect(gateway.gateway.sessions.size).toBe(0);
    }, 10_000);
  });

  it('a handshake that fails is told in the log, with the reason', async () => {
    const { socket: wire } = await RawClient.connect(gateway.port);
    wire.write(sslRequest());
    await once(wire, 'data');
    const options = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const;
    const secured = connectTls({ socket: wire, rejectUnauthorized: false, ...options });
    await once(secured, 'error');
    await vi.waitFor(() => {
      expect(gateway.log.join('')).toMatch(
        /"outcome":"malformed","reason":"TLS with the client failed: no shared cipher".*"msg":"login"/,
      );
    });
  });

  it('TLS 1.2 has no second handshake, which would cost the gateway more than the client', async () => {
    const { client, wire } = await encrypted({ maxVersion: 'TLSv1.2' });
    const answer = once(wire, 'data') as Promise<[Buffer]>;
    (client.socket as TLSSocket).renegotiate({}, () => undefined);
    const [[contentType]] = await answer;
    expect(contentType).toBe(alert);
    wire.destroy();
  });

  it.each(versions)(
    'nobody comes back with an earlier session, as at PostgreSQL ($maxVersion)',
    async (options) => {
      const first = await encrypted(options);
      await logIn(first);
      const session = (first.client.socket as TLSSocket).getSession();
      const second = await encrypted({ ...options, ...(session && { session }) });
      expect((second.client.socket as TLSSocket).isSessionReused()).toBe(false);
      for (const { wire } of [first, second]) wire.destroy();
    },
  );
});
