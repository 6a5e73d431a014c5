import { connect } from 'node:net';
import { TLSSocket, createSecureContext } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { UpstreamTls } from '../../../src/gateway/upstream/upstream-tls.js';
import type { UpstreamTlsOptions } from '../../../src/gateway/upstream/upstream-tls.js';
import { frozenClock } from '../../support/tokens.js';
import { makeAuthority } from './support/certificates.js';
import type { Certified } from './support/certificates.js';
import { failure } from './support/failure.js';
import { connectTo, echo, serverThat, tlsOf, tlsServer } from './support/scripted-connection.js';
import { acceptTls, serverContext } from './support/scripted-server.js';

const authority = makeAuthority();
const { ca } = authority;
const localhost = authority.certify('DNS:localhost');
const wrongHost = authority.certify('DNS:elsewhere.example');
const expired = authority.certify('DNS:localhost', 'expired');
const address = authority.certify('IP:127.0.0.1');
authority.close();
const otherAuthority = makeAuthority();
const otherCa = otherAuthority.ca;
otherAuthority.close();

describe('the certificate of the upstream (22)', () => {
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

describe('a TLS session (22)', () => {
  const options = { sslMode: 'verify-full', ca } as const;

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

/** How often a client has said hello: records whose whole content is a ClientHello (RFC 8446 sections 5.1 and 4.1.2). */
function hellos(received: Buffer): number {
  let count = 0;
  for (let at = received.indexOf(0x16); at !== -1; at = received.indexOf(0x16, at + 1)) {
    const record = received.subarray(at);
    if (record.length < 9 || record[1] !== 3 || record[5] !== 1) continue;
    if (record.readUIntBE(6, 3) + 4 === record.readUInt16BE(3)) count++;
  }
  return count;
}

describe('the key exchange with the upstream', () => {
  /** A server that takes one group, which may change. */
  async function serverTaking(first: string) {
    let context = createSecureContext({ ...localhost, ecdhCurve: first });
    const server = await serverThat(async (socket) => {
      const secured = await acceptTls(socket, context);
      secured.on('data', (chunk: Buffer) => secured.write(chunk));
    });
    const take = (next: string): void => {
      context = createSecureContext({ ...localhost, ecdhCurve: next });
    };
    // What comes encrypted is seen on the way only.
    const relay = await serverThat((socket) => {
      const beyond = connect(server.port, '127.0.0.1').on('error', () => socket.destroy());
      socket.pipe(beyond).pipe(socket);
    });
    return { ...relay, take };
  }

  it('guesses the group of the server from the second connection on', async () => {
    const server = await serverTaking('prime256v1');
    const tls = tlsOf({ sslMode: 'verify-full', ca });
    const counts: number[] = [];
    for (let connection = 0; connection < 3; connection++) {
      expect(await echo(await connectTo(server.port, tls), 'x')).toBe('x');
      counts.push(hellos(server.received()));
    }
    // The first is asked again, the others are not.
    expect(counts).toEqual([2, 3, 4]);
  });

  it('finds another group when the server has changed its mind', async () => {
    const server = await serverTaking('secp384r1');
    const tls = tlsOf({ sslMode: 'verify-full', ca });
    for (const group of ['secp384r1', 'X25519', 'prime256v1', 'X25519MLKEM768']) {
      server.take(group);
      expect(await echo(await connectTo(server.port, tls), 'x')).toBe('x');
    }
  });
});
