import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { connectUpstream } from '../../../src/gateway/upstream/upstream-connection.js';
import { sslRequest } from '../../../src/gateway/wire/frontend-writers.js';
import { makeAuthority } from './support/certificates.js';
import { failure } from './support/failure.js';
import { connectTo, echo, long, serverThat, tlsOf, tlsServer } from './support/scripted-connection.js';

const authority = makeAuthority();
const localhost = authority.certify('DNS:localhost');
authority.close();

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

it('where TLS is not set, it is not asked for (22)', async () => {
  const server = await serverThat((socket) => socket.pipe(socket));
  expect(await echo(await connectTo(server.port), 'startup')).toBe('startup');
  expect(server.received().toString()).toBe('startup');
});

describe('where TLS is set (22)', () => {
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
  ])('$note ends the connection, and nothing but SSLRequest was sent in plain (2)', async (row) => {
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
