import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { SecureVersion, TLSSocket } from 'node:tls';
import { afterEach } from 'vitest';
import { connectUpstream } from '../../../../src/gateway/upstream/upstream-connection.js';
import { UpstreamTls } from '../../../../src/gateway/upstream/upstream-tls.js';
import type { UpstreamTlsOptions } from '../../../../src/gateway/upstream/upstream-tls.js';
import { frozenClock } from '../../../support/tokens.js';
import type { Certified } from './certificates.js';
import { acceptTls, serverContext, startScriptedServer } from './scripted-server.js';
import type { ScriptedServer } from './scripted-server.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Longer than any test. */
export const long = (): AbortSignal => AbortSignal.timeout(10_000);

export function tlsOf(options: UpstreamTlsOptions, host = 'localhost'): UpstreamTls {
  return new UpstreamTls(host, options, frozenClock().now);
}

/** A scripted server that is closed after the test. */
export async function serverThat(serve: (socket: Socket) => unknown): Promise<ScriptedServer> {
  const server = await startScriptedServer(serve);
  cleanUps.push(server.close);
  return server;
}

/** A server that sends back what it gets, over TLS. */
export function tlsServer(certified: Certified, version?: SecureVersion): Promise<ScriptedServer> {
  // One for all connections: sessions are resumed by the context that gave them.
  const secureContext = serverContext(certified, version);
  return serverThat(async (socket) => {
    const secured = await acceptTls(socket, secureContext);
    secured.on('data', (chunk: Buffer) => secured.write(chunk));
  });
}

/** A connection to it, which is destroyed after the test. */
export async function connectTo(
  port: number,
  tls?: UpstreamTls,
  signal = long(),
): Promise<Socket | TLSSocket> {
  const socket = await connectUpstream({ host: '127.0.0.1', port, tls }, signal);
  cleanUps.push(() => socket.destroy());
  return socket;
}

export async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}
