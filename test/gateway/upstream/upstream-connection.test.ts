import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import { TLSSocket } from 'node:tls';
import type { SecureVersion } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { connectUpstream } from '../../../src/gateway/upstream/upstream-connection.js';
import { UpstreamTls } from '../../../src/gateway/upstream/upstream-tls.js';
import type { UpstreamTlsOptions } from '../../../src/gateway/upstream/upstream-tls.js';
import { sslRequest } from '../../../src/gateway/wire/frontend-writers.js';
import { frozenClock } from '../../support/tokens.js';
import { makeAuthority } from './support/certificates.js';
import type { Certified } from './support/certificates.js';
import { acceptTls, serverContext, startScriptedServer } from './support/scripted-server.js';
import type { ScriptedServer } from './support/scripted-server.js';

const authority = makeAuthority();
const otherAuthority = makeAuthority();
const localhost = authority.certify('DNS:localhost');
afterAll(() => {
  authority.close();
  otherAuthority.close();
});

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const clock = frozenClock();
const long = (): AbortSignal => AbortSignal.timeout(10_000);
const tlsOf = (options: UpstreamTlsOptions, host = 'localhost'): UpstreamTls =>
  new UpstreamTls(host, options, clock.now);
function failure(kind: string, sqlState: string, text = ''): unknown {
  const message: unknown = expect.stringContaining(text);
  return expect.objectContaining({ name: 'UpstreamError', kind, sqlState, message });
}

async function serverThat(serve: (socket: Socket) => unknown): Promise<ScriptedServer> {
  const server = await startScriptedServer(serve);
  cleanUps.push(server.close);
  return server;
}

async function connectTo(port: number, tls?: UpstreamTls, signal = long()): Promise<Socket | TLSSocket> {
  const socket = await connectUpstream({ host: '127.0.0.1', port, tls }, signal);
  cleanUps.push(() => socket.destroy());
  return socket;
}

/** Sends back what it gets. */
function tlsServer(certified: Certified, version?: SecureVersion): Promise<ScriptedServer> {
  // One for all connections: sessions are resumed by the context that gave them.
  const secureContext = serverContext(certified, version);
  return serverThat(async (socket) => {
    const secured = await acceptTls(socket, secureContext);
    secured.on('data', (chunk: Buffer) => secured.write(chunk));
  });
}

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

describe('a connection to the upstream', () => {
  it('stays open for writing after the other side has ended (24)', async () => {
    const server = await serverThat((socket) => {
      socket.end('bye');
      socket.resume();
    });
    const socket = await connectTo(server.port);
    socket.resume();
    await once(socket, 'end');
    expect(socket.writable).toBe(true);
    expect(await new Promise((resolve) => socket.write('still here', resolve))).toBeFalsy();
  });

  // A name may stand for several addresses, which fail each for itself.
  it.each(['127.0.0.1', 'localhost'])('is 08006 at once where nobody listens at %s', async (host) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const connecting = connectUpstream({ host, port, tls: undefined }, long());
    await expect(connecting).rejects.toEqual(failure('unreachable', '08006', 'ECONNREFUSED'));
  });

  it('is 08006 where the name is not to be found', async () => {
    const nowhere = { host: 'nowhere.invalid', port: 5432, tls: undefined };
    await expect(connectUpstream(nowhere, long())).rejects.toEqual(failure('unreachable', '08006'));
  });

  it('is given up, and closed, at the deadline with a server that says nothing', async () => {
    const server = await serverThat((socket) => socket.resume());
    const connecting = connectTo(server.port, tlsOf({ sslMode: 'require' }), AbortSignal.timeout(100));
    await expect(connecting).rejects.toEqual(failure('timeout', '08006'));
    await server.idle();
  });

  it('is given up at the deadline with a server that is silent in the handshake', async () => {
    const server = await serverThat((socket) => socket.write('S') && socket.resume());
    const connecting = connectTo(server.port, tlsOf({ sslMode: 'require' }), AbortSignal.timeout(100));
    await expect(connecting).rejects.toEqual(failure('timeout', '08006'));
    await server.idle();
  });

  it('is closed when it is no longer wanted', async () => {
    const controller = new AbortController();
    const server = await serverThat((socket) => {
      socket.resume();
      controller.abort();
    });
    const connecting = connectTo(server.port, tlsOf({ sslMode: 'require' }), controller.signal);
    await expect(connecting).rejects.toEqual(failure('aborted', '08006'));
    await server.idle();
  });

  it('is not begun when it is no longer wanted', async () => {
    const server = await serverThat((socket) => socket.resume());
    await expect(connectTo(server.port, undefined, AbortSignal.abort())).rejects.toEqual(
      failure('aborted', '08006'),
    );
  });

  it('may be reset by the other side while nobody looks, and the process lives', async () => {
    const server = await serverThat((socket) => socket.on('data', () => socket.resetAndDestroy()));
    const socket = await connectTo(server.port);
    socket.write('x');
    await new Promise((resolve) => socket.resume().on('close', resolve));
  });
});

describe('22: where TLS is set', () => {
  const required = tlsOf({ sslMode: 'require' });

  it.each([
    { note: 'N', answer: 'N', expected: failure('untrusted', '08001', 'no TLS') },
    { note: 'N and more', answer: 'NR\0\0', expected: failure('untrusted', '08001', 'no TLS') },
    {
      note: 'S and AuthenticationOk behind it',
      answer: 'SR\0\0\0\x08\0\0\0\0',
      expected: failure('protocol', '08P01', 'unencrypted data'),
    },
    {
      note: 'an ErrorResponse',
      answer: 'E\0\0\0\x05\0',
      expected: failure('protocol', '08P01', 'neither S'),
    },
    { note: 'AuthenticationOk', answer: 'R\0\0\0\x08\0\0\0\0', expected: failure('protocol', '08P01') },
    { note: 'S and no TLS', answer: 'S', more: 'HTTP/1.1 400\r\n', expected: failure('untrusted', '08001') },
  ])('$note ends the connection, and nothing but SSLRequest was sent in plain', async (row) => {
    const server = await serverThat((socket) => {
      socket.write(row.answer);
      socket.on('data', () => {
        if (server.received().length > 8) socket.write(row.more ?? '');
      });
    });
    await expect(connectTo(server.port, required)).rejects.toEqual(row.expected);
    await server.idle();
    expect(server.received().subarray(0, 8)).toEqual(sslRequest());
    // A ClientHello at most.
    expect([undefined, 0x16]).toContain(server.received()[8]);
  });

  it.each(['', 'S'])('a connection closed behind "%s" is 08006', async (answer) => {
    const server = await serverThat((socket) => {
      if (answer === '') socket.end();
      else socket.write(answer, () => socket.end());
      socket.resume();
    });
    await expect(connectTo(server.port, required)).rejects.toEqual(failure('unreachable', '08006'));
  });

  it('a connection reset in the handshake is 08006', async () => {
    const server = await serverThat((socket) => {
      socket.write('S');
      socket.on('data', () => {
        if (server.received().length > 8) socket.resetAndDestroy();
      });
    });
    await expect(connectTo(server.port, required)).rejects.toEqual(failure('unreachable', '08006'));
  });

  it('what is sent arrives, and is not to be read on the way', async () => {
    const server = await tlsServer(localhost);
    const socket = await connectTo(server.port, tlsOf({ sslMode: 'verify-full', ca: authority.ca }));
    expect(socket).toBeInstanceOf(TLSSocket);
    expect(await echo(socket, 'secret')).toBe('secret');
    expect(server.received().includes('secret')).toBe(false);
  });

  it('a version before 1.2 is refused', async () => {
    const server = await tlsServer(localhost, 'TLSv1.1');
    await expect(connectTo(server.port, required)).rejects.toEqual(failure('untrusted', '08001'));
  });
});

describe('22: the certificate of the upstream', () => {
  const { ca } = authority;
  const otherCa = otherAuthority.ca;
  const wrongHost = authority.certify('DNS:elsewhere.example');
  const expired = authority.certify('DNS:localhost', 'expired');
  const address = authority.certify('IP:127.0.0.1');

  it.each<{ note: string; certified: Certified; options: UpstreamTlsOptions; host?: string }>([
    { note: 'anything with require', certified: expired, options: { sslMode: 'require' } },
    { note: 'the CA with require', certified: localhost, options: { sslMode: 'require', ca } },
    { note: 'the CA with verify-ca', certified: wrongHost, options: { sslMode: 'verify-ca', ca } },
    { note: 'CA and name with verify-full', certified: localhost, options: { sslMode: 'verify-full', ca } },
    {
      note: 'CA and address with verify-full',
      certified: address,
      options: { sslMode: 'verify-full', ca },
      host: '127.0.0.1',
    },
    {
      note: 'one of several CAs',
      certified: localhost,
      options: { sslMode: 'verify-full', ca: otherCa + ca },
    },
  ])('is believed for $note', async ({ certified, options, host }) => {
    const server = await tlsServer(certified);
    const socket = await connectTo(server.port, tlsOf(options, host));
    expect(await echo(socket, 'x')).toBe('x');
  });

  it.each<{ note: string; certified: Certified; options: UpstreamTlsOptions; host?: string }>([
    { note: 'another CA, require', certified: localhost, options: { sslMode: 'require', ca: otherCa } },
    { note: 'another CA, verify-ca', certified: localhost, options: { sslMode: 'verify-ca', ca: otherCa } },
    {
      note: 'another CA, verify-full',
      certified: localhost,
      options: { sslMode: 'verify-full', ca: otherCa },
    },
    { note: 'no CA of ours, verify-full', certified: localhost, options: { sslMode: 'verify-full' } },
    { note: 'another host, verify-full', certified: wrongHost, options: { sslMode: 'verify-full', ca } },
    {
      note: 'a name for an address, verify-full',
      certified: localhost,
      options: { sslMode: 'verify-full', ca },
      host: '127.0.0.1',
    },
    { note: 'expired, verify-ca', certified: expired, options: { sslMode: 'verify-ca', ca } },
    { note: 'expired, verify-full', certified: expired, options: { sslMode: 'verify-full', ca } },
  ])('is refused: $note', async ({ certified, options, host }) => {
    const server = await tlsServer(certified);
    const refused = failure('untrusted', '08001', 'TLS with the upstream failed');
    await expect(connectTo(server.port, tlsOf(options, host))).rejects.toEqual(refused);
    await server.idle();
  });

  it.each([
    { host: 'localhost', expected: 'localhost' },
    { host: '127.0.0.1', expected: false },
  ])('is asked for by name only: $host', async ({ host, expected }) => {
    const names: unknown[] = [];
    const secureContext = serverContext(localhost);
    const server = await serverThat(async (socket) => {
      const secured = await acceptTls(socket, secureContext);
      secured.on('data', (chunk: Buffer) => {
        names.push(secured.servername);
        secured.write(chunk);
      });
    });
    await echo(await connectTo(server.port, tlsOf({ sslMode: 'require' }, host)), 'x');
    expect(names).toEqual([expected]);
  });

  it('has to be verified by a CA that is one', () => {
    expect(() => tlsOf({ sslMode: 'verify-full', ca: 'no certificate' })).toThrow('PEM');
  });
});

describe('22: a TLS session', () => {
  const options = { sslMode: 'verify-full', ca: authority.ca } as const;

  async function isResumed(port: number, tls: UpstreamTls): Promise<boolean> {
    const socket = await connectTo(port, tls);
    // By the time of the echo the session has come too.
    await echo(socket, 'x');
    return socket instanceof TLSSocket && socket.isSessionReused();
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is resumed in %s', async (version) => {
    const { port } = await tlsServer(localhost, version);
    const tls = tlsOf(options);
    expect([await isResumed(port, tls), await isResumed(port, tls)]).toEqual([false, true]);
  });

  it('is not resumed by other rules, nor after an hour', async () => {
    const { port } = await tlsServer(localhost);
    const time = frozenClock();
    const tls = new UpstreamTls('localhost', options, time.now);
    expect(await isResumed(port, tls)).toBe(false);
    expect(await isResumed(port, tlsOf(options))).toBe(false);
    time.advance(60 * 60 * 1000);
    expect(await isResumed(port, tls)).toBe(false);
  });
});
