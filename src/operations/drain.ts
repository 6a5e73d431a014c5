import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface DrainOptions {
  /** How long requests under way may take to finish, in milliseconds; then their connections are cut. */
  readonly timeoutMs: number;
  /** How long a connection may stay silent before it is ended as idle, in milliseconds; 500 by default. */
  readonly quietMs?: number;
}

/** `cut`: some connection had to be ended with a request still under way. */
export type DrainResult = 'drained' | 'cut';

/**
 * Stops accepting connections and lets the open ones finish, without resetting a request that a client has already sent.
 *
 * `server.close()` alone ends keep-alive connections the moment they are between two requests, and a client that sends
 * its next request at that moment sees a reset. So the listening socket is closed on its own first; every further
 * response says `Connection: close`, after which the client itself expects the end; only connections that stayed
 * silent for a while are ended from here.
 *
 * @see RFC 9112 section 9.6
 */
export async function drain(
  server: Server,
  { timeoutMs, quietMs = 500 }: DrainOptions,
): Promise<DrainResult> {
  if (!server.listening) return 'drained';
  server.prependListener('request', announceClose);
  // One more turn of the loop: connections that the kernel has made already get accepted rather than reset.
  await nextTurn();
  await nextTurn();
  return new Promise((resolve) => {
    let result: DrainResult = 'drained';
    const sweep = setInterval(
      () => {
        // After the loop has polled: a request that has arrived makes its connection busy.
        setImmediate(() => {
          server.closeIdleConnections();
        });
      },
      Math.min(quietMs, timeoutMs / 2),
    );
    const deadline = setTimeout(() => {
      result = 'cut';
      server.closeAllConnections();
    }, timeoutMs);
    NetServer.prototype.close.call(server, () => {
      clearInterval(sweep);
      clearTimeout(deadline);
      resolve(result);
    });
  });
}

function announceClose(_: IncomingMessage, response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}
