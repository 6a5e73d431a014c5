import { once } from 'node:events';
import type { Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AuthenticationMethod } from '../../../src/gateway/upstream/authentication.js';
import { cancelUpstream } from '../../../src/gateway/upstream/cancel.js';
import { ScramKeyCache } from '../../../src/gateway/upstream/scram-keys.js';
import { connectUpstream } from '../../../src/gateway/upstream/upstream-connection.js';
import type { UpstreamOptions } from '../../../src/gateway/upstream/upstream-connection.js';
import { logIn } from '../../../src/gateway/upstream/upstream-login.js';
import type { UpstreamSession } from '../../../src/gateway/upstream/upstream-login.js';
import { UpstreamTls } from '../../../src/gateway/upstream/upstream-tls.js';
import { systemClock } from '../../../src/base/clock.js';
import { typedMessage } from '../../../src/gateway/wire/message-writer.js';
import { describeWithPostgres, startPostgres } from '../../support/postgres.js';
import type { PostgresServer } from '../../support/postgres.js';
import { makeAuthority } from './support/certificates.js';
import { failure } from './support/failure.js';

const authority = makeAuthority();
const tls = authority.certify('DNS:localhost');
authority.close();
const verifyFull = new UpstreamTls('localhost', { sslMode: 'verify-full', ca: authority.ca }, systemClock);
const hba = [
  'host all by_md5 127.0.0.1/32 md5',
  'host all by_scram 127.0.0.1/32 scram-sha-256',
  'host all by_password 127.0.0.1/32 password',
  'host all by_nothing 127.0.0.1/32 reject',
  'host all by_ident 127.0.0.1/32 ident',
  'local all socket_by_scram scram-sha-256',
  'local all socket_by_password password',
];

/** Those of RFC 4013 section 3 among them, and some that it has no answer for. */
const passwords = [
  'pencil',
  'with blank, comma = and \u00a0',
  'I\u00adX',
  'user\u00aa',
  '\u2168',
  '\u06271',
  '\u2168\u06271',
  'a\u0007b',
  '\u2168\u0007',
  '\u2168\u{1f600}',
  'a\u200bb',
  '\u00ad',
  'e\u0301',
  '\u01c6\ufb01\u2460\u3000\u0130',
];

interface Attempt {
  readonly role?: string;
  readonly password?: string | undefined;
  readonly upstreamTls?: UpstreamTls | undefined;
  readonly bySocket?: boolean;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly minimum?: AuthenticationMethod;
}

/** Sends a query and reads to the ReadyForQuery behind its result, or to its error. */
async function query(socket: Socket, sql: string): Promise<string> {
  socket.write(typedMessage('Q', Buffer.from(`${sql}\0`)));
  let answer = '';
  while (!answer.includes('Z\0\0\0\x05')) {
    socket.resume();
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    answer += chunk.toString('latin1');
  }
  return answer;
}

describeWithPostgres('a PostgreSQL server as the upstream', (binaries) => {
  let server: PostgresServer;
  let url: URL;
  const scramKeys = new ScramKeyCache(100, systemClock);
  const sockets: Socket[] = [];

  const upstream = ({ upstreamTls, bySocket = false }: Attempt): UpstreamOptions => ({
    host: bySocket ? server.socketFolder : '127.0.0.1',
    port: Number(url.port),
    tls: upstreamTls,
  });

  async function attempt(options: Attempt): Promise<UpstreamSession & { socket: Socket }> {
    const { role = 'by_scram', password = 'pencil', parameters = {}, minimum = 'none' } = options;
    const signal = AbortSignal.timeout(10_000);
    const socket = await connectUpstream(upstream(options), signal);
    sockets.push(socket);
    const startup = new Map(Object.entries({ user: role, database: url.pathname.slice(1), ...parameters }));
    const login = { socket, parameters: startup, password, scramKeys, signal };
    return { ...(await logIn({ ...login, minimumAuthentication: minimum })), socket };
  }

  beforeAll(async () => {
    server = await startPostgres(binaries, { hba, tls });
    url = new URL(await server.newDatabase());
    await asSuperuser("set password_encryption = 'md5'; create role by_md5 login password 'pencil'");
    await asSuperuser(
      "create role by_scram login password 'pencil'; create role by_password login password 'pencil'",
    );
    await asSuperuser(
      "create role socket_by_scram login password 'pencil'; create role socket_by_password login password 'pencil'",
    );
    await asSuperuser('create role by_trust login; create role by_nothing login; create role by_ident login');
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
  afterAll(async () => {
    await server.close();
  });

  async function asSuperuser(statement: string): Promise<void> {
    const client = new pg.Client(url.href);
    await client.connect();
    await client.query(statement);
    await client.end();
  }

  describe('is logged in to (20)', () => {
    it.each<Attempt & { note: string }>([
      { note: 'by trust', role: 'by_trust' },
      { note: 'by trust without a password', role: 'by_trust', password: '' },
      { note: 'by md5', role: 'by_md5' },
      { note: 'by SCRAM', role: 'by_scram' },
      { note: 'by SCRAM where that is the minimum', role: 'by_scram', minimum: 'scram-sha-256' },
      { note: 'by trust under TLS', role: 'by_trust', upstreamTls: verifyFull },
      { note: 'by cleartext under TLS', role: 'by_password', upstreamTls: verifyFull },
      { note: 'by md5 under TLS', role: 'by_md5', upstreamTls: verifyFull },
      { note: 'by SCRAM under TLS, channel binding on offer', role: 'by_scram', upstreamTls: verifyFull },
      { note: 'by SCRAM on its Unix socket', role: 'socket_by_scram', bySocket: true },
    ])('$note', async ({ note: _, ...options }) => {
      const { socket, greeting, rest } = await attempt(options);
      expect(greeting.toString('latin1', 0, 1)).toBe('S');
      expect(greeting.subarray(-6)).toEqual(Buffer.from('5a0000000549', 'hex'));
      expect(rest).toHaveLength(0);
      expect(await query(socket, 'select current_user')).toContain(options.role);
    });

    it('with every parameter of the startup (10)', async () => {
      const parameters = { application_name: 'a b', options: '-c search_path=x', DateStyle: 'German' };
      const { socket, greeting } = await attempt({ parameters });
      expect(greeting.toString()).toContain('application_name\0a b\0');
      const shown = await query(
        socket,
        "select current_setting('search_path') || current_setting('datestyle')",
      );
      expect(shown).toContain('xGerman, DMY');
    });

    it('by SCRAM with keys that were derived before', async () => {
      await attempt({});
      const { hits } = scramKeys;
      await attempt({});
      expect(scramKeys.hits).toBe(hits + 1);
    });

    it.each(passwords.map((password) => ({ password })))('with password %j', async ({ password }) => {
      await asSuperuser(`alter role by_scram password ${pg.escapeLiteral(password)}`);
      const { socket } = await attempt({ password });
      expect(await query(socket, 'select 1')).toContain('SELECT 1');
      await asSuperuser("alter role by_scram password 'pencil'");
    });
  });

  describe('is not logged in to (20)', () => {
    it.each<Attempt & { note: string; expected: unknown }>([
      {
        note: 'with a wrong password, SCRAM',
        password: 'x',
        expected: failure('refused', '08006', '28P01'),
      },
      {
        note: 'with a wrong password, md5',
        role: 'by_md5',
        password: 'x',
        expected: failure('refused', '08006', '28P01'),
      },
      { note: 'as an unknown role', role: 'nobody', expected: failure('relayed', '28000') },
      { note: 'as a rejected role', role: 'by_nothing', expected: failure('refused', '08006', '28000') },
      { note: 'by ident', role: 'by_ident', expected: failure('refused', '08006', '28000') },
      {
        note: 'without a password where it asks for one',
        password: '',
        expected: failure('refused', '08006', 'has none'),
      },
      {
        note: 'by cleartext without TLS',
        role: 'by_password',
        expected: failure('untrusted', '08001', 'no TLS'),
      },
      {
        note: 'by cleartext on its Unix socket',
        role: 'socket_by_password',
        bySocket: true,
        expected: failure('untrusted', '08001', 'no TLS'),
      },
      {
        note: 'by cleartext where md5 is the minimum',
        role: 'by_password',
        minimum: 'md5',
        upstreamTls: verifyFull,
        expected: failure('untrusted', '08001', 'md5 is the least'),
      },
      {
        note: 'by md5 where SCRAM is the minimum',
        role: 'by_md5',
        minimum: 'scram-sha-256',
        expected: failure('untrusted', '08001', 'scram-sha-256 is the least'),
      },
      {
        note: 'by trust where a password is the minimum',
        role: 'by_trust',
        minimum: 'password',
        expected: failure('untrusted', '08001', 'password is the least'),
      },
    ])('$note', async ({ note: _, expected, ...options }) => {
      await expect(attempt(options)).rejects.toEqual(expected);
    });
  });

  it.each([
    { note: 'a database that does not exist', parameters: { database: 'nowhere' }, sqlState: '3D000' },
    { note: 'a value that can not be', parameters: { DateStyle: 'x' }, sqlState: '22023' },
  ])('$note is told in the words of the server (21)', async ({ parameters, sqlState }) => {
    const error: unknown = await attempt({ parameters }).catch((thrown: unknown) => thrown);
    expect(error).toEqual(failure('relayed', sqlState));
    const { response } = error as { response: Buffer };
    expect(response.readInt32BE(1)).toBe(response.length - 1);
    expect(response.toString()).toMatch(new RegExp(`^E.*SFATAL\\0.*C${sqlState}\\0M.*\\0\\0$`, 's'));
  });

  it.each<{ note: string; way: Attempt }>([
    { note: 'plain', way: {} },
    { note: 'TLS', way: { upstreamTls: verifyFull } },
    { note: 'a Unix socket', way: { role: 'socket_by_scram', bySocket: true } },
  ])('what a session does is cancelled over $note (23)', async ({ way }) => {
    const { socket, backendKey } = await attempt(way);
    const { backendKey: other } = await attempt(way);
    // A notice is sent at once, other results only with the end of the query.
    const answer = query(socket, "do $$ begin raise notice 'begun'; perform pg_sleep(20); end $$");
    await once(socket, 'data');
    if (backendKey === undefined || other === undefined) throw new Error('no BackendKeyData');
    const signal = AbortSignal.timeout(10_000);
    await cancelUpstream(upstream(way), { ...backendKey, secret: other.secret }, signal);
    await cancelUpstream(upstream(way), backendKey, signal);
    expect(await answer).toContain('C57014');
  });
});
