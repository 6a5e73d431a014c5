import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket, createSecureContext } from 'node:tls';
import type { SecureContext, SecureVersion } from 'node:tls';
import type { Certified } from './certificates.js';

/** A real TCP server on loopback whose answers are the test's. */
export interface ScriptedServer {
  readonly port: number;
  /** Everything that came unencrypted, of all connections. */
  readonly received: () => Buffer;
  /** Settles when no connection is open any more. */
  readonly idle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** @param serve is given each connection; its errors are nobody's */
export async function startScriptedServer(serve: (socket: Socket) => unknown): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    serve(recorded(socket, chunks));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(chunks),
    idle: async () => {
      for (const socket of sockets) await once(socket, 'close');
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Notes what is read from the socket; `read` and `data` of it work as ever. */
function recorded(socket: Socket, chunks: Buffer[]): Socket {
  const push = socket.push.bind(socket);
  socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (Buffer.isBuffer(chunk)) chunks.push(Buffer.from(chunk));
    return push(chunk, encoding);
  };
  return socket;
}

/** The latest version that the server speaks; it speaks every earlier one. */
export function serverContext(
  { key, cert }: Certified,
  maxVersion: SecureVersion = 'TLSv1.3',
): SecureContext {
  // OpenSSL's own level of security rules out what some tests want refused by the client.
  const ciphers = 'DEFAULT:@SECLEVEL=0';
  return createSecureContext({ key, cert, minVersion: 'TLSv1', maxVersion, ciphers });
}

/** Answers SSLRequest with `S` and goes on in TLS. Errors of the handshake are the client's to tell. */
export async function acceptTls(socket: Socket, secureContext: SecureContext): Promise<TLSSocket> {
  await once(socket, 'readable');
  socket.read();
  socket.write('S');
  const secured = new TLSSocket(socket, { isServer: true, secureContext });
  secured.on('error', () => socket.destroy());
  return secured;
}
